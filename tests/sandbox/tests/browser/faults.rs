//! The start page's switches for faults.

use sandbox::Options;

use crate::console::Console;
use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::user::User;
use crate::wait::until;
use crate::window::Window;

const DOWN: &str = "gptbots:503";

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_switched_on_and_off_while_it_runs() {
    // The page asks whether a fault can be read; that one cannot is the story's.
    let expected = ["400 (Bad Request)"];
    play("faults", Options::default(), &expected, story).await;
}

async fn story(stage: Stage) {
    let window = Window::open(&stage.driver, "about:blank").await;
    window.size(1280, 900, false).await;
    window.goto(&stage.sandbox.start_url()).await;
    let user = User::at(window.frame("iframe[title=\"The bot's user\"]")).await;
    let console = Console::at(window.frame("iframe[title=\"The agents' console\"]")).await;
    user.introduce("Mei Lin").await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    console.open("Mei Lin").await;

    window.click("[data-test=faults] summary").await;
    let switch = format!("[data-test=fault][data-fault=\"{DOWN}\"]");
    window.click(&switch).await;
    shows(
        &window,
        "one is on",
        "return document.querySelector('[data-test=faults-on]').textContent === '(1 on)'",
    )
    .await;
    console.answer("Can you hear me?").await;
    console
        .until("it is tried again", |view| {
            view.is("Can you hear me?", "retrying")
        })
        .await;
    let counted = format!(
        "return Number(document.querySelector('{}').closest('li').querySelector('[data-test=fault-met]').dataset.met) > 0",
        switch.replace('"', "\\\"")
    );
    shows(&window, "the page counts it", &counted).await;
    assert!(stage.sandbox.faults.happened(DOWN) > 0);

    window.click(&switch).await;
    user.until("the line has arrived", |view| {
        view.says("human", "Can you hear me?")
    })
    .await;

    // Any other fault of the language, too; a mistake is named with its place.
    window
        .write("[data-test=fault-text]", "gptbots:sloow=2s")
        .await;
    window.click("[data-test=fault-add]").await;
    shows(&window, "the mistake is named", "return document.querySelector('[data-test=fault-error]').textContent.startsWith('Character 9: no fault is called \"sloow\"')").await;
    window
        .run::<Option<String>>(
            "document.querySelector('[data-test=fault-text]').value = ''; return null",
        )
        .await;
    window
        .write("[data-test=fault-text]", "gptbots:slow=1s(times=1)")
        .await;
    window.click("[data-test=fault-add]").await;
    shows(&window, "it is listed and on", "return document.querySelector('[data-fault=\"gptbots:slow=1s(times=1)\"]')?.checked === true").await;
    shows(
        &window,
        "no mistake is left",
        "return document.querySelector('[data-test=fault-error]').textContent === ''",
    )
    .await;
    console.answer("Better now?").await;
    user.until("it arrives all the same", |view| {
        view.says("human", "Better now?")
    })
    .await;
    assert_eq!(stage.sandbox.faults.happened("gptbots:slow=1s(times=1)"), 1);
}

async fn shows(window: &Window, what: &str, script: &str) {
    until(
        what,
        async || window.run::<bool>(script).await,
        |shown| *shown,
    )
    .await;
}
