//! GPTBots is out of order for a while, and then refuses for good.

use gptbots_stand_in::{CallKind, Fault, Outage};
use sandbox::Options;

use crate::console::Console;
use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::user::User;
use crate::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_visible_and_nothing_is_lost_by_it() {
    play("outage", Options::rough(3), &[], story).await;
}

async fn story(stage: Stage) {
    let user = stage.user("mei").await;
    let console = stage.console().await;
    user.introduce("Mei Lin").await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    console.open("Mei Lin").await;
    console.claim().await;

    // For now.
    let down = Fault::Status {
        status: 503,
        retry_after: None,
    };
    stage.gptbots().set_outage(Some(Outage::new(down)));
    let lines = ["one", "two", "three"];
    for line in lines {
        console.answer(line).await;
    }
    let seen = console
        .until("the first is tried again", |view| {
            view.is("one", "retrying")
        })
        .await;
    let state = seen.entry("one").and_then(|line| line.state.clone());
    let state = state.unwrap_or_default();
    assert!(
        state.contains("retrying (attempt") && state.contains("503"),
        "{state}"
    );
    // The others wait for it.
    console
        .until("it was tried more than once", |view| {
            let state = view.entry("one").and_then(|line| line.state.as_deref());
            !state.unwrap_or_default().contains("(attempt 1)") && view.is("one", "retrying")
        })
        .await;
    assert_eq!(user.look().await.texts("human").len(), 1);
    stage.gptbots().set_outage(None);
    console
        .until("all is delivered", |view| {
            lines.iter().all(|line| view.is(line, "delivered"))
        })
        .await;
    let seen = user
        .until("all is there", |view| view.says("human", "three"))
        .await;
    assert_eq!(seen.texts("human")[1..], lines);

    // For good.
    let refusal = Fault::Code {
        status: 400,
        code: 40_000,
        retry_after: None,
    };
    stage
        .gptbots()
        .set_outage(Some(Outage::new(refusal).only(CallKind::Reply)));
    console.answer("four").await;
    let seen = console
        .until("it is refused", |view| view.is("four", "failed"))
        .await;
    let failed = seen.entry("four").unwrap();
    let reason = failed.state.as_deref().unwrap_or_default();
    assert!(
        reason.starts_with("Not delivered: ") && reason.contains("40000"),
        "{reason}"
    );
    assert!(failed.replay);
    stage.gptbots().set_outage(None);
    // The lane goes on without it.
    console.answer("five").await;
    user.until("the next one is there", |view| view.says("human", "five"))
        .await;
    console.window.click(r#"[data-test="replay"]"#).await;
    let seen = user
        .until("it is there after all", |view| view.says("human", "four"))
        .await;
    assert_eq!(seen.texts("human")[4..], ["five", "four"]);
    let seen = console
        .until("it is delivered", |view| view.is("four", "delivered"))
        .await;
    assert!(seen.entries.iter().all(|line| !line.replay), "{seen:?}");
    several_at_once(&stage, &user, &console).await;
}

/// Several are refused: all of a conversation, and all there are, can be sent again by one press.
async fn several_at_once(stage: &Stage, user: &User, console: &Console) {
    let refusing = |on: bool| {
        let refusal = Fault::Code {
            status: 400,
            code: 40_000,
            retry_after: None,
        };
        let outage = Outage::new(refusal).only(CallKind::Reply);
        stage.gptbots().set_outage(on.then_some(outage));
    };
    let refused = async |lines: [&str; 2]| {
        refusing(true);
        for line in lines {
            console.answer(line).await;
        }
        console
            .until("both are refused", |view| {
                lines.iter().all(|line| view.is(line, "failed"))
            })
            .await;
        refusing(false);
    };
    let arrived = async |lines: [&str; 2]| {
        let seen = user
            .until("both are there", |view| view.says("human", lines[1]))
            .await;
        let texts = seen.texts("human");
        assert_eq!(texts[texts.len() - 2..], lines, "in order and once");
    };
    refused(["six", "seven"]).await;
    console.window.click(r#"[data-test="replay-all"]"#).await;
    arrived(["six", "seven"]).await;
    let hidden = "return document.querySelector('[data-test=\"replay-all\"]').hidden";
    until(
        "nothing is left to be sent again",
        async || console.window.run::<bool>(hidden).await,
        |hidden| *hidden,
    )
    .await;

    refused(["eight", "nine"]).await;
    console.window.click(r#"[data-test="tab-failed"]"#).await;
    let listed = "return [...document.querySelectorAll('[data-test=\"failed\"]')].map((item) =>\
        `${item.querySelector('.who').textContent}: ${item.querySelector('.lines-failed').textContent}`)";
    let shown = async || console.window.run::<Vec<String>>(listed).await;
    until("they are listed", shown, |list| {
        *list == ["Mei Lin: 2 lines"]
    })
    .await;
    console.window.click(r#"[data-test="replay-since"]"#).await;
    let result = "return document.querySelector('[data-test=\"failed-result\"]').textContent";
    until(
        "it says what it did",
        async || console.window.run::<String>(result).await,
        |said| said == "2 lines are being sent again.",
    )
    .await;
    arrived(["eight", "nine"]).await;
    until("nothing is listed any more", shown, Vec::is_empty).await;
}
