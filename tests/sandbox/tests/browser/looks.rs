//! What it looks like: every language, light and dark, on a desk and on a phone. With
//! `HANDOFF_PICTURES` the pictures are kept, to be looked at.

use gptbots_stand_in::{CallKind, Fault, Outage};
use sandbox::Options;

use crate::console::Console;
use crate::languages::choose;
use crate::phone::nothing_spills;
use crate::stage::{Stage, picture, play};
use crate::story::greeted;
use crate::wait::until;

const LANGUAGES: [&str; 4] = ["en", "zh-Hant", "zh-Hans", "ja"];
/// Width and height, and whether it is a phone.
const SIZES: [(&str, u32, u32, bool); 2] =
    [("desktop", 1280, 860, false), ("phone", 390, 844, true)];

#[tokio::test(flavor = "multi_thread")]
async fn in_every_language_and_size_all_is_in_its_place() {
    play("looks", Options::rough(27), &[], story).await;
}

async fn story(stage: Stage) {
    let (ann, id) = at_work(&stage).await;
    let window = &ann.window;
    for language in LANGUAGES {
        window.size(1280, 860, false).await;
        choose(window, language).await;
        for (form, width, height, phone) in SIZES {
            window.size(width, height, phone).await;
            for scheme in ["light", "dark"] {
                window.colours(scheme).await;
                let name = |what: &str| format!("look-{what}-{language}-{form}-{scheme}");
                if phone {
                    window.click(r#"[data-test="back"]"#).await;
                }
                nothing_spills(window).await;
                picture(&name("queue"), window).await;
                ann.show(&id).await;
                ann.until("it is shown", |view| view.is("It is on its way.", "failed"))
                    .await;
                nothing_spills(window).await;
                picture(&name("conversation"), window).await;
            }
            if !phone {
                supervisors(&ann, &format!("look-supervisors-{language}")).await;
            }
        }
    }
}

/// The figures and the search for a person.
async fn supervisors(ann: &Console, name: &str) {
    let window = &ann.window;
    window.click(r#"[data-test="supervise"]"#).await;
    let tile = r#"[data-test="tile-handoffs"] dd"#;
    until(
        "the figures are there",
        async || window.text(tile).await,
        |handoffs| handoffs == "3",
    )
    .await;
    picture(&format!("{name}-figures"), window).await;
    window.click(r#"[data-test="supervise-people"]"#).await;
    window.click(r#"[data-test="people-find"]"#).await;
    until(
        "the person is found",
        async || window.text(r#"[data-test="people-result"]"#).await,
        |found| found.contains("Mei Lin"),
    )
    .await;
    picture(&format!("{name}-people"), window).await;
    window.click(r#"[data-test="supervise-close"]"#).await;
}

/// A conversation with all there can be in it, and two in the queue.
async fn at_work(stage: &Stage) -> (Console, String) {
    let mut users = Vec::new();
    for (key, name) in [("mei", "Mei Lin"), ("bo", "Bo Berg"), ("cara", "Cara Cruz")] {
        let user = stage.user(key).await;
        user.introduce(name).await;
        user.say("Where is my order 4711?").await;
        user.ask_for_human().await;
        user.until("a person is there", greeted).await;
        users.push(user);
    }
    let ann = stage.agent("Ann").await;
    let id = ann.open("Mei Lin").await;
    ann.claim().await;
    ann.answer("Hello, this is Ann.").await;
    users[0].say("It should have come yesterday.").await;
    ann.note("has asked twice before").await;
    ann.until("all is there", |view| {
        view.is("Hello, this is Ann.", "delivered")
            && view.entry("has asked twice before").is_some()
            && view
                .texts("user")
                .contains(&"It should have come yesterday.")
    })
    .await;
    let refusal = Fault::Code {
        status: 400,
        code: 40_000,
        retry_after: None,
    };
    let outage = Outage::new(refusal).only(CallKind::Reply);
    stage.gptbots().set_outage(Some(outage));
    ann.answer("It is on its way.").await;
    ann.until("it fails", |view| view.is("It is on its way.", "failed"))
        .await;
    // Whoever was asked whether to be told of messages has answered.
    ann.window.click(r#"[data-test="notify-no"]"#).await;
    (ann, id)
}
