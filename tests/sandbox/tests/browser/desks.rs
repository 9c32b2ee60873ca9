//! Each help desk's stand-in on the start page, beside the user: what one writes the other reads.

use sandbox::Options;

use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::user::User;
use crate::wait::until;
use crate::window::Window;

/// A stand-in's page.
struct Page {
    kind: &'static str,
    /// What chooses the conversation, where the page waits to be told.
    choose: Option<&'static str>,
    write: &'static str,
    send: &'static str,
    close: &'static str,
}

const TEXT: &str = r#"[data-test="text"]"#;
const SEND: &str = r#"[data-test="send"]"#;
const CLOSE: &str = r#"[data-test="close"]"#;

const SLACK: Page = Page {
    kind: "slack",
    choose: None,
    write: TEXT,
    send: SEND,
    close: CLOSE,
};
const CHATWOOT: Page = Page {
    kind: "chatwoot",
    write: r#"[data-test="message"]"#,
    ..SLACK
};
const ZENDESK: Page = Page {
    kind: "zendesk",
    send: r#"[data-test="say"]"#,
    close: r#"[data-test="solve"]"#,
    ..SLACK
};
const INTERCOM: Page = Page {
    kind: "intercom",
    choose: Some(r#"[data-test="list"] button"#),
    ..SLACK
};
const OWN: Page = Page {
    kind: "webhooks",
    ..SLACK
};

#[tokio::test(flavor = "multi_thread")]
async fn slack() {
    both_sides(&SLACK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chatwoot() {
    both_sides(&CHATWOOT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zendesk() {
    both_sides(&ZENDESK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn intercom() {
    both_sides(&INTERCOM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_system() {
    both_sides(&OWN).await;
}

async fn both_sides(page: &'static Page) {
    let options = Options {
        desk: page.kind.to_owned(),
        ..Options::rough(9)
    };
    let story = |stage| story(stage, page);
    play(page.kind, options, &[], story).await;
}

async fn story(stage: Stage, page: &Page) {
    let window = Window::open(&stage.driver, "about:blank").await;
    window.size(1280, 900, false).await;
    window.goto(&stage.sandbox.start_url()).await;
    let user = User::at(window.frame("iframe[title=\"The bot's user\"]")).await;
    let desk = window.frame("iframe[title=\"The desk\"]");

    user.introduce("Mei Lin").await;
    user.say("Where is my order 4711?").await;
    user.until("the bot answers", |view| view.says("bot", "Orders leave"))
        .await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    if let Some(choose) = page.choose {
        let there = format!("return document.querySelector('{choose}') !== null");
        let look = async || desk.run::<bool>(&there).await;
        until("the desk lists it", look, |there| *there).await;
        desk.click(choose).await;
    }
    shows(&desk, "Where is my order 4711?").await;

    let lines = ["Is <b>anybody</b> there?", "太好了 🙏 & 1 < 2"];
    for (n, line) in lines.iter().enumerate() {
        user.say(line).await;
        shows(&desk, line).await;
        let answer = format!("Answer {n}: 不客氣！");
        desk.write(page.write, &answer).await;
        desk.click(page.send).await;
        user.until("the answer is there", |view| view.says("human", &answer))
            .await;
    }
    desk.click(page.close).await;
    user.until("it has ended", |view| {
        view.status == "ended" && view.hint.contains("was closed")
    })
    .await;
    let told = user.look().await;
    // The first is the greeting.
    assert_eq!(told.texts("human").len(), 1 + lines.len(), "{told:?}");
}

/// Waits until the desk's page shows a line with this text.
async fn shows(desk: &Window, text: &str) {
    let what = format!("the desk shows {text:?}");
    let script = "return document.getElementById('lines').textContent";
    let look = async || desk.run::<String>(script).await;
    until(&what, look, |shown| shown.contains(text)).await;
}
