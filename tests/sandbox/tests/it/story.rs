//! Conversations between users of the stand-in and agents, while bells are lost, doubled, late and
//! disordered.

use std::time::Duration;

use gptbots_stand_in::{StandIn, Status, UserProfile};
use sandbox::{Options, Sandbox};
use serde_json::json;

use crate::http::{Http, PATIENCE, until};

async fn bridge(options: Options) -> (Sandbox, Http, StandIn) {
    let sandbox = Sandbox::start(options).await.unwrap();
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    let gptbots = sandbox.gptbots.clone().unwrap();
    (sandbox, http, gptbots)
}

/// What the stand-in was told for a conversation, without the greeting.
pub(crate) fn told(gptbots: &StandIn, id: &str) -> Vec<String> {
    let greeting = handoff::settings::Settings::default().greeting;
    let received = gptbots.received();
    let replies = received
        .iter()
        .filter(|received| received.conversation_id.as_str() == id);
    replies
        .filter_map(|received| received.body.clone())
        .filter(|body| !greeting.wordings().contains(&body.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_an_agent_talk_and_the_user_leaves() {
    let (sandbox, http, gptbots) = bridge(Options::rough(2)).await;
    let user = gptbots
        .new_user("sandbox-bot", UserProfile::default())
        .await
        .unwrap();
    gptbots.say(&user, "where is my parcel?").await;
    let id = gptbots.ask_for_human(&user).await.unwrap().to_string();
    let view = gptbots
        .wait_for(&user, |view| view.status == Status::Connected, PATIENCE)
        .await
        .unwrap();
    assert!(
        view.lines
            .iter()
            .any(|line| line.text.starts_with("Thanks for waiting"))
    );

    let (_, shown) = http.get(&id, "").await;
    let history = shown["history"].as_array().unwrap();
    assert!(
        history
            .iter()
            .any(|turn| turn["text"] == "where is my parcel?"),
        "{history:?}"
    );

    let lines = ["你好 😀", "<b>bold</b>", "ok", "ok"];
    for (n, line) in lines.iter().enumerate() {
        gptbots.say(&user, line).await;
        until("the agent has it", async || {
            http.delivered(&id, "user").await.len() == n + 1
        })
        .await;
        let client_id = format!("line {n}");
        for _ in 0..2 {
            let body = json!({"text": line, "client_id": client_id});
            assert_eq!(http.post(&id, "/messages", &body).await.0, 200);
        }
        until("the user has it", async || {
            told(&gptbots, &id).len() == n + 1
        })
        .await;
    }
    assert_eq!(http.delivered(&id, "user").await, lines);
    assert_eq!(told(&gptbots, &id), lines);

    gptbots.leave(&user).await;
    until("the console shows the end", async || {
        http.get(&id, "").await.1["conversation"]["closed_by"] == "user"
    })
    .await;
    let (status, answer) = http.say(&id, "are you there?").await;
    assert_eq!(status, 409, "{answer}");
    assert_eq!(told(&gptbots, &id), lines);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_closes_and_a_late_line_is_kept_and_the_second_handoff_works() {
    let (sandbox, http, gptbots) = bridge(Options::rough(3)).await;
    let user = gptbots
        .new_user("sandbox-bot", UserProfile::default())
        .await
        .unwrap();
    let id = gptbots.ask_for_human(&user).await.unwrap().to_string();
    assert_eq!(http.say(&id, "bye").await.0, 200);
    assert_eq!(http.post(&id, "/close", &json!({})).await.0, 200);
    gptbots
        .wait_for(
            &user,
            |view| matches!(view.status, Status::Ended { .. }),
            PATIENCE,
        )
        .await
        .unwrap();
    assert_eq!(told(&gptbots, &id), ["bye"], "before the end, not after it");

    // A line that crossed the close on its way.
    let sent_at = gptbots.sent().last().unwrap().timestamp + 1;
    http.chat(&id, sent_at, "one more thing").await;
    until("the late line is shown as late", async || {
        let entries = http.entries(&id).await;
        entries
            .iter()
            .any(|entry| entry["text"] == "one more thing" && entry["late"] == true)
    })
    .await;
    until("GPTBots is told once more", async || {
        let closes = gptbots.calls();
        closes
            .iter()
            .filter(|call| format!("{:?}", call.kind) == "Close")
            .count()
            >= 2
    })
    .await;

    let second = gptbots.ask_for_human(&user).await.unwrap().to_string();
    assert_ne!(second, id);
    gptbots
        .wait_for(&user, |view| view.status == Status::Connected, PATIENCE)
        .await
        .unwrap();
    assert_eq!(http.list("open").await.len(), 1);
    assert_eq!(http.list("closed").await.len(), 1);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_conversations_at_once_lose_nothing_double_nothing_and_keep_their_order() {
    const CONVERSATIONS: usize = 12;
    const LINES: usize = 12;
    let (sandbox, http, gptbots) = bridge(Options::rough(4)).await;
    let talks = (0..CONVERSATIONS).map(|n| {
        let (http, gptbots) = (http.clone(), gptbots.clone());
        tokio::spawn(async move {
            let profile = UserProfile::default();
            let user = gptbots.new_user("sandbox-bot", profile).await.unwrap();
            let id = gptbots.ask_for_human(&user).await.unwrap().to_string();
            for line in 0..LINES {
                gptbots.say(&user, &format!("user {n} {line}")).await;
                assert_eq!(http.say(&id, &format!("agent {n} {line}")).await.0, 200);
            }
            (n, id)
        })
    });
    let talks: Vec<_> = talks.collect();
    let mut ids = Vec::new();
    for talk in talks {
        ids.push(talk.await.unwrap());
    }
    for (n, id) in &ids {
        let from = |who: &str| {
            (0..LINES)
                .map(|line| format!("{who} {n} {line}"))
                .collect::<Vec<_>>()
        };
        until("the agent has all", async || {
            http.delivered(id, "user").await.len() >= LINES
        })
        .await;
        until("the user has all", async || {
            told(&gptbots, id).len() >= LINES
        })
        .await;
        assert_eq!(http.delivered(id, "user").await, from("user"));
        assert_eq!(once(&http, id, told(&gptbots, id)).await, from("agent"));
    }
    let stats = sandbox.stream_stats();
    assert!(stats.lost > 0, "the test is about lost bells: {stats:?}");
    // And nothing comes afterwards.
    tokio::time::sleep(Duration::from_millis(700)).await;
    for (_, id) in &ids {
        let told = once(&http, id, told(&gptbots, id)).await;
        assert_eq!(told.len(), LINES, "{told:?}");
    }
    assert!(
        gptbots.received().len() >= CONVERSATIONS * (LINES + 1),
        "with a greeting each"
    );
    sandbox.shutdown().await;
}

/// What the user was told, without the copies that the guarantee names: on a busy machine an attempt
/// can outlast our patience, and then it is made again. What was tried once must have come once.
async fn once(http: &Http, id: &str, mut told: Vec<String>) -> Vec<String> {
    for entry in http.entries(id).await {
        if entry["author"] == "agent" && entry["attempts"] == 1 {
            let came = told.iter().filter(|text| entry["text"] == **text).count();
            assert_eq!(came, 1, "{entry}");
        }
    }
    told.dedup();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_overtakes_its_establish_and_a_close_that_does_are_kept() {
    let (sandbox, http, _) = bridge(Options::rough(5)).await;
    http.chat("early", 200, "am I early?").await;
    http.establish("early", 100).await;
    until("shown behind the opening", async || {
        http.delivered("early", "user").await.len() == 1
    })
    .await;
    let entries = http.entries("early").await;
    assert!(entries.iter().any(|entry| entry["kind"] == "opening"));

    http.close("left", 200).await;
    http.establish("left", 100).await;
    let (status, shown) = http.get("left", "").await;
    assert_eq!(status, 200);
    assert_eq!(shown["conversation"]["status"], "closed");
    assert_eq!(shown["conversation"]["closed_by"], "user");
    assert_eq!(shown["history"][0]["text"], "question of left");
    sandbox.shutdown().await;
}
