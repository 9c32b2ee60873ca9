//! GPTBots is out of order for a while, and then refuses for good.

use gptbots_stand_in::{CallKind, Fault, Outage};
use sandbox::Options;

use crate::stage::{Stage, play};
use crate::story::greeted;

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
}
