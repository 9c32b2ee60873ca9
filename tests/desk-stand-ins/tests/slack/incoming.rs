//! What agents do, and what must not be believed.

use std::time::Duration;

use desk_stand_ins::{Act, DeskStandIn as _, Failure, Forgery, MARKUP_AS_PLAIN};
use handoff::desk::{DeskError, DeskFile, What};

use crate::bridge::{Bridge, entry};
use crate::opened;

#[tokio::test]
async fn agents_acts_are_the_right_events() {
    let bridge = Bridge::start().await;
    let conversation = opened(&bridge).await;
    let reference = conversation.desk_ref.clone().unwrap();
    let act = async |act: Act| {
        let statuses = bridge.slack.act(&reference, act).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        bridge.take(&reference)
    };

    let claimed = act(Act::Claim).await;
    assert!(matches!(claimed.as_slice(), [What::Assigned(agent)] if agent.name == "ken"));

    let said = act(Act::Say("1 < 2 & *so* on".into())).await;
    let [What::Message(line)] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!(line.text, "1 < 2 & *so* on");
    assert!(line.incomplete);
    let line = bridge.desk().complete(line.clone()).await.unwrap();
    assert_eq!(line.agent.name, "Ken");

    let said = act(Act::SayWithMarkup).await;
    let [What::Message(line)] = said.as_slice() else {
        panic!("{said:?}");
    };
    let line = bridge.desk().complete(line.clone()).await.unwrap();
    assert_eq!(line.text, MARKUP_AS_PLAIN);
    assert!(!line.incomplete);

    assert_eq!(
        act(Act::Note("who knows?".into())).await,
        [What::PrivateNote]
    );
    assert_eq!(act(Act::Noise("psst".into())).await, []);
    let closed = act(Act::Close).await;
    assert!(
        matches!(closed.as_slice(), [What::Closed { agent: Some(agent) }] if agent.id == "U0KEN0001")
    );
    assert!(act(Act::Reopen).await.is_empty());
    // Other threads and channels are other references, or none; nothing of them is a line here.
    let elsewhere = bridge.everything();
    let lines = elsewhere
        .iter()
        .filter(|event| matches!(event.what, What::Message(_)));
    let strangers = lines.filter(|event| event.reference != reference);
    assert!(
        strangers.clone().count() == 1,
        "the thread that nobody knows"
    );
}

#[tokio::test]
async fn our_own_posts_come_back_and_are_nobodys_lines() {
    let bridge = Bridge::start().await;
    let conversation = opened(&bridge).await;
    bridge.post(&conversation, &entry("hi")).await.unwrap();
    let posts = bridge.slack.conversations().await[0].lines.len() + 1;
    bridge.wait_for(posts).await;
    for event in bridge.everything() {
        assert!(matches!(event.what, What::Ignored(_)), "{event:?}");
    }
}

#[tokio::test]
async fn the_same_event_again_has_the_same_id() {
    let bridge = Bridge::start().await;
    let reference = opened(&bridge).await.desk_ref.unwrap();
    for act in [Act::Say("hi".into()), Act::Claim, Act::Close] {
        bridge.slack.act(&reference, act).await;
        assert_eq!(bridge.slack.repeat_last().await, 200);
        let events: Vec<_> = bridge.everything();
        let events: Vec<_> = events
            .iter()
            .filter(|event| event.reference == reference && !event.id.is_empty())
            .collect();
        let [.., first, second] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!(first, second);
    }
}

#[tokio::test]
async fn an_event_that_is_not_taken_is_sent_again() {
    let bridge = Bridge::start().await;
    let reference = opened(&bridge).await.desk_ref.unwrap();
    bridge.refuse_next();
    let statuses = bridge.slack.act(&reference, Act::Say("hi".into())).await;
    assert_eq!(statuses, [200]);
    assert_eq!(bridge.take(&reference).len(), 1);
}

#[tokio::test]
async fn forgeries_are_refused_before_anything_is_read() {
    let bridge = Bridge::start().await;
    let reference = opened(&bridge).await.desk_ref.unwrap();
    for forgery in [
        Forgery::Unsigned,
        Forgery::WrongSecret,
        Forgery::ChangedBody,
        Forgery::Old,
        Forgery::Future,
        Forgery::WrongPathToken,
    ] {
        let status = bridge.slack.forge(&reference, "trust me", forgery).await;
        assert_eq!(status, 401, "{forgery:?}");
    }
    assert!(bridge.take(&reference).is_empty());
    assert!(bridge.slack.verify_address().await);
}

#[tokio::test]
async fn an_agents_file_is_read_with_the_token_from_slack_alone() {
    let bridge = Bridge::start().await;
    let reference = opened(&bridge).await.desk_ref.unwrap();
    let bytes = b"hello".to_vec();
    let act = Act::SendFile("Plan A.txt".into(), bytes.clone());
    bridge.slack.act(&reference, act).await;
    let taken = bridge.take(&reference);
    let [What::Message(line)] = taken.as_slice() else {
        panic!("{taken:?}");
    };
    let [file] = line.files.as_slice() else {
        panic!("{line:?}");
    };
    assert_eq!(
        (file.name.as_str(), file.bytes, file.public),
        ("Plan A.txt", Some(5), false)
    );
    let desk = bridge.desk();
    assert_eq!(desk.fetch(file, 5).await.unwrap(), bytes);
    let rejected = |file: DeskFile, limit| {
        let desk = desk.clone();
        async move { matches!(desk.fetch(&file, limit).await, Err(DeskError::Rejected(_))) }
    };
    assert!(rejected(file.clone(), 4).await);
    // Though it lies about its size.
    let mut lying = file.clone();
    lying.bytes = None;
    assert!(rejected(lying, 4).await);
    let mut elsewhere = file.clone();
    elsewhere.url = format!("{}/desks", bridge.url());
    assert!(rejected(elsewhere, 100).await);
    bridge.slack.fail(Some(Failure::Unauthorized));
    let refused = desk.fetch(file, 5).await;
    assert!(matches!(refused, Err(DeskError::NotConfigured(_))));
}

#[tokio::test]
async fn a_name_that_cannot_be_had_holds_nothing_up() {
    for failure in [
        Failure::RateLimited(Duration::from_secs(9)),
        Failure::ServerError,
        Failure::Hang,
        Failure::RefusedInBody,
        Failure::Unauthorized,
    ] {
        let bridge = Bridge::start().await;
        let reference = opened(&bridge).await.desk_ref.unwrap();
        bridge.slack.act(&reference, Act::SayWithMarkup).await;
        let taken = bridge.take(&reference);
        let [What::Message(line)] = taken.as_slice() else {
            panic!("{taken:?}");
        };
        bridge.slack.fail(Some(failure));
        let line = bridge.desk().complete(line.clone()).await.unwrap();
        assert_eq!(line.agent.name, "Agent");
        assert_eq!(line.text, MARKUP_AS_PLAIN.replace("Ann Agent", "someone"));
    }
}

#[tokio::test]
async fn names_are_asked_for_once() {
    let bridge = Bridge::start().await;
    let reference = opened(&bridge).await.desk_ref.unwrap();
    let desk = bridge.desk();
    for _ in 0..3 {
        bridge.slack.act(&reference, Act::SayWithMarkup).await;
        for what in bridge.take(&reference) {
            if let What::Message(line) = what {
                desk.complete(line).await.unwrap();
            }
        }
    }
    assert_eq!(bridge.slack.calls()["name"], 2);
}

#[tokio::test]
async fn the_page_plays_the_agent_and_lets_no_foreign_page_in() {
    let bridge = Bridge::start().await;
    let reference = opened(&bridge).await.desk_ref.unwrap();
    let page = bridge.slack.page_url();
    let http = reqwest::Client::new();
    for (path, has) in [
        ("", "/page/app.js"),
        ("page/app.js", "textContent"),
        ("page/style.css", "body"),
    ] {
        let answer = http.get(format!("{page}{path}")).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"));
        let text = answer.text().await.unwrap();
        assert!(text.contains(has) && !text.contains("innerHTML") && !text.contains("<script>"));
    }
    let threads = http
        .get(format!("{page}page/api/threads"))
        .send()
        .await
        .unwrap();
    let threads: serde_json::Value = threads.json().await.unwrap();
    assert_eq!(threads["threads"][0]["buttons"][0], "Claim");

    let acts = format!("{page}page/api/acts");
    let wish = serde_json::json!({"reference": reference, "act": "say", "text": "hello"});
    let said = http.post(&acts).json(&wish).send().await.unwrap();
    let said: serde_json::Value = said.json().await.unwrap();
    assert_eq!(said["statuses"][0], 200);
    let taken = bridge.take(&reference);
    assert!(matches!(taken.as_slice(), [What::Message(line)] if line.text == "hello"));
    let note = serde_json::json!({"reference": reference, "act": "say", "text": "//hush"});
    http.post(&acts).json(&note).send().await.unwrap();
    assert_eq!(bridge.take(&reference), [What::PrivateNote]);

    let foreign = http.post(&acts).json(&wish).header("host", "evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let form = http.post(&acts).body(wish.to_string());
    assert_eq!(form.send().await.unwrap().status(), 415);
    assert!(bridge.take(&reference).is_empty());
}
