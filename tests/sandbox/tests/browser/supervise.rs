//! What a supervisor sees and does: figures, and erasing a person.

use sandbox::Options;

use crate::console::Console;
use crate::stage::{Stage, play};
use crate::wait::until;

/// What the browser says of a conversation that is gone while it is shown.
const GONE: &str = "status of 404";

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_sees_figures_and_erases_a_person() {
    play("supervise", Options::rough(3), &[GONE], story).await;
}

/// The text of an element, once there is one that is as it should be.
async fn text(console: &Console, css: &str, is_so: impl Fn(&str) -> bool) -> String {
    let script = format!("return document.querySelector('{css}')?.textContent ?? null");
    let seen = until(
        &format!("{css} says it"),
        async || console.window.run::<Option<String>>(&script).await,
        |seen| seen.as_deref().is_some_and(&is_so),
    )
    .await;
    seen.unwrap()
}

fn test(name: &str) -> String {
    format!("[data-test=\"{name}\"]")
}

async fn story(stage: Stage) {
    let mei = stage.user("mei").await;
    let console = stage.console().await;
    mei.introduce("Mei Lin").await;
    mei.say("my secret order 4711").await;
    mei.ask_for_human().await;
    console.open("Mei Lin").await;
    let button = test("supervise");
    until(
        "the supervisor's button is there",
        async || {
            let script = format!("return document.querySelector('{button}') !== null");
            console.window.run::<bool>(&script).await
        },
        |there| *there,
    )
    .await;

    // Nobody has answered yet.
    console.window.click(&button).await;
    text(&console, &test("waiting-now"), |said| {
        said.starts_with("1 user is waiting")
    })
    .await;
    text(&console, &format!("{} dd", test("tile-handoffs")), |said| {
        said == "1"
    })
    .await;
    text(&console, &format!("{} dd", test("tile-answered")), |said| {
        said == "0 %"
    })
    .await;
    console.window.click(&test("supervise-close")).await;
    console.answer("How can I help?").await;
    console
        .until("the answer has arrived", |view| {
            view.is("How can I help?", "delivered")
        })
        .await;
    console.window.click(&button).await;
    text(&console, &format!("{} dd", test("tile-answered")), |said| {
        said == "100 %"
    })
    .await;
    text(&console, &test("waiting-now"), |said| {
        said == "Nobody is waiting."
    })
    .await;
    let charts: usize = console
        .window
        .run("return document.querySelectorAll('.figure svg[aria-label]').length")
        .await;
    assert_eq!(charts, 6);
    let tables: usize = console
        .window
        .run("return document.querySelectorAll('.figure table tbody th').length")
        .await;
    assert!(
        tables > 30,
        "each chart's figures stand in a table: {tables}"
    );

    // The conversation that is shown is the one that is asked for.
    console.window.click(&test("supervise-people")).await;
    console.window.click(&test("people-find")).await;
    text(&console, &test("people-status"), |said| {
        said == "1 conversation"
    })
    .await;
    console.window.click(&test("erase")).await;
    console.window.click(&test("erase-cancel")).await;
    text(&console, &test("people-result"), |said| {
        said.contains("Mei Lin")
    })
    .await;
    console.window.click(&test("erase")).await;
    console.window.click(&test("erase-confirm")).await;
    text(&console, &test("people-status"), |said| {
        said == "1 conversation was erased."
    })
    .await;
    text(&console, &test("erasures"), |said| {
        said.contains("a person")
    })
    .await;
    // GPTBots was told: the user is with the bot again.
    mei.until("it has ended", |view| view.status != "connected")
        .await;
    console.window.click(&test("people-find")).await;
    text(&console, &test("people-status"), |said| {
        said.contains("Nothing is kept")
    })
    .await;

    let left = stage
        .sandbox
        .store
        .client()
        .scan()
        .table_name(sandbox::TABLE)
        .send()
        .await
        .unwrap();
    let left = format!("{:?}", left.items());
    assert!(
        !left.contains("secret order") && !left.contains("Mei Lin"),
        "{left}"
    );
}
