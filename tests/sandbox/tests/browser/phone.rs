//! On a phone, in the dark.

use sandbox::Options;

use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::wait::until;
use crate::window::Window;

const WIDTH: u32 = 375;
const HEIGHT: u32 = 740;

/// What stands out to the side of the window or can be scrolled sideways.
const SPILLS: &str = r#"
    const width = document.documentElement.clientWidth;
    const spills = [];
    if (document.documentElement.scrollWidth > width) spills.push(`page: ${document.documentElement.scrollWidth} of ${width}`);
    for (const node of document.body.querySelectorAll('*')) {
        const { left, right, width: own } = node.getBoundingClientRect();
        const name = `${node.tagName}#${node.id}.${node.className}`;
        if (own > 1 && (left < -1 || right > width + 1)) spills.push(`${name}: ${left} to ${right} of ${width}`);
        if (/auto|scroll/.test(getComputedStyle(node).overflowX) && node.scrollWidth > node.clientWidth) spills.push(`${name}: scrolls`);
    }
    return spills;
"#;

/// How light the page's ground and the text on it are, 0 to 1.
const LIGHTNESS: &str = r#"
    const light = (colour) => {
        const [r, g, b] = colour.match(/[\d.]+/g).map(Number);
        return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
    };
    const ground = getComputedStyle(document.body).backgroundColor;
    const root = getComputedStyle(document.documentElement).backgroundColor;
    const clear = 'rgba(0, 0, 0, 0)';
    return [light(ground === clear ? root : ground), light(getComputedStyle(document.body).color)];
"#;

/// Where the two screens of the console are: the list's width and the conversation's.
const SCREENS: &str = r#"
    const width = (css) => document.querySelector(css).getBoundingClientRect().width;
    return [width('.list-pane'), width('.thread-pane')];
"#;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_list_and_conversation_are_two_screens() {
    play("phone", Options::rough(4), &[], story).await;
}

async fn story(stage: Stage) {
    let user = stage.user("mei").await;
    let console = stage.console().await;
    for window in [&user.window, &console.window] {
        window.size(WIDTH, HEIGHT, true).await;
        window.colours("dark").await;
    }
    nothing_spills(&user.window).await;
    user.introduce("Maximiliane Alexandra von und zu Hohenberg-Reichenstein")
        .await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    nothing_spills(&user.window).await;

    // The list.
    console
        .until("somebody waits", |view| view.list.len() == 1)
        .await;
    assert_eq!(screens(&console.window).await, (WIDTH, 0));
    nothing_spills(&console.window).await;

    // The conversation, with the worst that can stand in it.
    let id = console.look().await.list.remove(0).id;
    console.show(&id).await;
    shown(&console.window, (0, WIDTH)).await;
    console.claim().await;
    let address = format!("https://example.com/{}", "very-long-path/".repeat(12));
    let word = "unbroken".repeat(30);
    user.say(&address).await;
    user.say(&word).await;
    console
        .until("the lines are there", |view| {
            view.texts("user") == [&address, &word]
        })
        .await;
    console.answer(&word).await;
    console
        .until("the answer is delivered", |view| {
            view.texts("agent") == [&word]
                && view.entries.iter().all(|line| {
                    line.author != "agent" || line.delivery.as_deref() == Some("delivered")
                })
        })
        .await;
    user.until("the answer is there", |view| view.says("human", &word))
        .await;
    for window in [&user.window, &console.window] {
        nothing_spills(window).await;
        it_is_dark(window).await;
    }
    // A keyboard comes up: the last line stays in view.
    for (window, lines) in [(&user.window, "#lines"), (&console.window, "#scroll")] {
        window.size(WIDTH, HEIGHT / 2, true).await;
        the_end_is_in_view(window, lines).await;
        window.size(WIDTH, HEIGHT, true).await;
    }
    // Where people are asked whether they mean it.
    console.window.click(r#"[data-test="close"]"#).await;
    nothing_spills(&console.window).await;

    console.window.click(r#"[data-test="back"]"#).await;
    shown(&console.window, (WIDTH, 0)).await;
    nothing_spills(&console.window).await;
    console.show(&id).await;
    shown(&console.window, (0, WIDTH)).await;
}

pub(crate) async fn nothing_spills(window: &Window) {
    let spills: Vec<String> = window.run(SPILLS).await;
    assert!(spills.is_empty(), "{spills:#?}");
}

async fn the_end_is_in_view(window: &Window, css: &str) {
    let below = format!(
        "const lines = document.querySelector('{css}');
        return lines.scrollHeight - lines.scrollTop - lines.clientHeight"
    );
    until(
        "the last line is in view",
        async || window.run::<f64>(&below).await,
        |below| *below < 2.0,
    )
    .await;
}

async fn it_is_dark(window: &Window) {
    let (ground, text): (f64, f64) = window.run(LIGHTNESS).await;
    assert!(ground < 0.15 && text > 0.8, "ground {ground}, text {text}");
}

async fn screens(window: &Window) -> (u32, u32) {
    window.run(SCREENS).await
}

async fn shown(window: &Window, wanted: (u32, u32)) {
    until(
        "the other screen is shown",
        async || screens(window).await,
        |screens| *screens == wanted,
    )
    .await;
}
