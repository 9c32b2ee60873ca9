//! For everybody: axe-core finds nothing, and nothing needs small letters. (Nor a mouse: `keyboard`.)
//!
//! axe-core (npm) is looked for where `AXE_CORE` says, else in `target/ci-axe`, where `.ci/run` puts
//! it. Without it that test says so and is skipped, except where `CI` is `true`.

use std::env;
use std::path::{Path, PathBuf};

use sandbox::Options;
use serde::Deserialize;

use crate::console::Console;
use crate::stage::{Stage, picture, play, say};
use crate::story::greeted;
use crate::user::User;
use crate::window::{ESCAPE, Window};

/// A rule that is broken, as axe-core tells it.
#[derive(Deserialize)]
struct Broken {
    id: String,
    impact: Option<String>,
    /// Where: CSS selectors and what was found there.
    at: Vec<String>,
}

/// WCAG 2.2 AA and what axe-core's authors think good practice.
const LOOK: &str = r"
    return axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
        violations.map(({ id, impact, nodes }) => ({
            id, impact, at: nodes.map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`),
        })));
";

pub(crate) fn axe() -> Option<String> {
    let place = env::var_os("AXE_CORE").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../target/ci-axe/node_modules/axe-core/axe.min.js")
        },
        PathBuf::from,
    );
    let script = std::fs::read_to_string(&place).ok();
    if script.is_none() {
        assert!(
            env::var("CI").as_deref() != Ok("true"),
            "axe-core has to be here, but is not at {}",
            place.display()
        );
        say("axe-core test skipped: AXE_CORE names no file");
    }
    script
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_core_finds_nothing() {
    let Some(axe) = axe() else { return };
    play("axe", Options::rough(21), &[], |stage: Stage| async move {
        let (console, _user) = at_work(&stage).await;
        let window = &console.window;
        window.run::<()>(&format!("{axe}; window.axe = axe;")).await;
        let scenes: [(&str, &[&str]); 6] = [
            ("conversation", &[]),
            ("note", &[r#"[data-test="note"]"#]),
            ("filters", &[r#"[data-test="filters-toggle"]"#]),
            ("closing", &[r#"[data-test="close"]"#]),
            ("failed", &[r#"[data-test="tab-failed"]"#]),
            ("queue", &[r#"[data-test="tab-queue"]"#]),
        ];
        let dialogs = ["canned", "keys", "preferences"];
        for scheme in ["light", "dark"] {
            window.colours(scheme).await;
            for (name, clicks) in scenes {
                for click in clicks {
                    window.click(click).await;
                }
                nothing_found(window, &format!("{name}, {scheme}")).await;
            }
            for dialog in dialogs {
                window
                    .click(&format!(r#"[data-test="{dialog}-open"]"#))
                    .await;
                if dialog == "canned" {
                    window.click(r#"[data-test="canned-add"]"#).await;
                }
                nothing_found(window, &format!("{dialog}, {scheme}")).await;
                if dialog == "canned" {
                    window.click(r#"[data-test="canned-row"] button"#).await;
                }
                window
                    .click(&format!(r#"[data-test="{dialog}-close"]"#))
                    .await;
            }
            window.click(r#"[data-test="assign"]"#).await;
            nothing_found(window, &format!("assign, {scheme}")).await;
            window.type_keys(ESCAPE).await;
            // As it was.
            window.click("#close-cancel").await;
            window.click(r#"[data-test="filters-toggle"]"#).await;
            window.click(r#"[data-test="note"]"#).await;
            window.click(r#"[data-test="tab-open"]"#).await;
        }
        window.size(375, 740, true).await;
        nothing_found(window, "phone, conversation").await;
        window.click(r#"[data-test="back"]"#).await;
        nothing_found(window, "phone, list").await;
    })
    .await;
}

pub(crate) async fn nothing_found(window: &Window, scene: &str) {
    let broken: Vec<Broken> = window.run(LOOK).await;
    for rule in &broken {
        let impact = rule.impact.as_deref().unwrap_or_default();
        say(&format!(
            "axe-core, {scene}: {} ({impact}): {:#?}",
            rule.id, rule.at
        ));
    }
    // What it calls minor is a matter of taste.
    let minor = |rule: &&Broken| rule.impact.as_deref() == Some("minor");
    let found = broken.iter().filter(|rule| !minor(rule));
    let found: Vec<_> = found.map(|rule| &rule.id).collect();
    assert!(found.is_empty(), "{scene}: {found:?}");
}

/// A console with something of everything in it.
async fn at_work(stage: &Stage) -> (Console, User) {
    let user = stage.user("mei").await;
    user.introduce("Mei Lin").await;
    user.say("Where is my order 4711?").await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    let other = stage.user("bo").await;
    other.introduce("Bo Berg").await;
    other.ask_for_human().await;
    other.until("a person is there", greeted).await;
    let console = stage.agent("Ann").await;
    console.open("Mei Lin").await;
    console.claim().await;
    console
        .answer("Hello, this is Ann. See https://example.com/orders.")
        .await;
    console.note("knows our shop well").await;
    console
        .until("all is there", |view| {
            view.entry("knows our shop well").is_some()
                && view.is(
                    "Hello, this is Ann. See https://example.com/orders.",
                    "delivered",
                )
        })
        .await;
    (console, user)
}

/// Text twice as large: nothing is cut off or laid over something else, and nothing has to be
/// scrolled sideways.
#[tokio::test(flavor = "multi_thread")]
async fn at_twice_the_size_everything_is_there() {
    play("zoom", Options::rough(23), &[], |stage: Stage| async move {
        let (console, user) = at_work(&stage).await;
        let window = &console.window;
        // A window of 1280 × 1024 at 200 %: WCAG 2.2, 1.4.4 and 1.4.10.
        window.size(640, 512, false).await;
        crate::phone::nothing_spills(window).await;
        picture("zoom-conversation", window).await;
        console.answer("Written at twice the size.").await;
        user.until("it is there", |view| {
            view.says("human", "Written at twice the size.")
        })
        .await;
        for button in ["assign", "close"] {
            window.click(&format!(r#"[data-test="{button}"]"#)).await;
            crate::phone::nothing_spills(window).await;
            picture(&format!("zoom-{button}"), window).await;
            if button == "assign" {
                window.type_keys(ESCAPE).await;
            }
        }
        window.click("#close-cancel").await;
        for dialog in ["canned", "keys", "preferences"] {
            window
                .run::<()>(&format!("document.querySelector('#{dialog}-open').click()"))
                .await;
            crate::phone::nothing_spills(window).await;
            window.type_keys(ESCAPE).await;
        }
        window.click(r#"[data-test="back"]"#).await;
        crate::phone::nothing_spills(window).await;
        picture("zoom-list", window).await;
    })
    .await;
}
