//! The sandbox's start page: both sides in one window.

use std::env;

use sandbox::Options;
use serde_json::json;

use crate::console::Console;
use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::user::User;
use crate::window::Window;

/// Names the file for a picture of it, such as the README's; what is relative is so to this package.
const PICTURE: &str = "HANDOFF_SCREENSHOT";

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_has_both_sides() {
    play("start-page", Options::rough(5), &[], story).await;
}

async fn story(stage: Stage) {
    let other = stage.user("jonas").await;
    other.introduce("Jonas Weber").await;

    let window = Window::open(&stage.driver, "about:blank").await;
    window.size(1280, 800, false).await;
    let url = stage.sandbox.start_url();
    let agent = json!({"url": url, "name": "sandbox-agent", "value": "Alex"});
    window.devtools("Network.setCookie", agent).await;
    window.goto(&url).await;
    let user = User::at(window.frame("iframe[title=\"The bot's user\"]")).await;
    let console = Console::at(window.frame("iframe[title=\"The agents' console\"]")).await;

    user.introduce("Mei Lin").await;
    user.say("Where is my order 4711?").await;
    user.until("the bot answers", |view| view.says("bot", "Orders leave"))
        .await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    console.open("Mei Lin").await;
    console.claim().await;
    console
        .until("it is taken over", |view| {
            view.list.iter().any(|one| one.state == "Connected · Alex")
        })
        .await;
    other.ask_for_human().await;

    let talk = [
        (true, "It should have been here on Monday."),
        (
            false,
            "Hi Mei, I'm looking it up … It left Hamburg this morning, you will have it tomorrow.",
        ),
        (true, "太好了，謝謝你！🙏"),
        (false, "不客氣！Anything else I can do?"),
    ];
    for (from_user, text) in talk {
        if from_user {
            user.say(text).await;
            console
                .until("the line is there", |view| view.entry(text).is_some())
                .await;
        } else {
            console.answer(text).await;
            user.until("the answer is there", |view| view.says("human", text))
                .await;
            console
                .until("it is delivered", |view| view.is(text, "delivered"))
                .await;
        }
    }
    console
        .until("both are in the list", |view| view.list.len() == 2)
        .await;
    if let Some(path) = env::var_os(PICTURE) {
        let picture = window.picture().await.unwrap();
        std::fs::write(path, picture).unwrap();
    }
}
