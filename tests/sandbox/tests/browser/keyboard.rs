//! All that an agent does in a day, by keys alone.

use gptbots_stand_in::{CallKind, Fault, Outage};
use sandbox::Options;

use crate::console::{Console, ConsoleView};
use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::user::User;
use crate::wait::until;
use crate::window::{END, ENTER, ESCAPE, TAB, Window};

/// What has the keyboard, as a person would name it.
const FOCUS: &str = "const { activeElement: it } = document; return it.id || it.textContent.trim()";

async fn focus(window: &Window) -> String {
    window.run(FOCUS).await
}

/// Goes on by the Tab key until something has the keyboard.
async fn tab_to(window: &Window, what: &str) {
    until(
        &format!("the Tab key leads to {what}"),
        async || {
            window.type_keys(TAB).await;
            focus(window).await
        },
        |it| it == what,
    )
    .await;
}

async fn waiting(stage: &Stage, key: &str, name: &str) -> User {
    let user = stage.user(key).await;
    user.introduce(name).await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    user
}

/// From the list to an answer, a note, a hand-over and the end, by keys alone.
#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_done_by_keyboard() {
    play("keyboard", Options::rough(22), &[], by_keyboard).await;
}

async fn by_keyboard(stage: Stage) {
    let bob = stage.agent("Bob").await;
    let console = stage.agent("Ann").await;
    let user = waiting(&stage, "mei", "Mei Lin").await;
    console
        .until("she is waiting", |view| view.names() == ["Mei Lin"])
        .await;
    let window = &console.window;
    let press = async |keys: &str| window.type_keys(keys).await;

    // By single keys.
    press("j").await;
    console
        .until("she is shown", |view| view.status == "Waiting")
        .await;
    press("t").await;
    console
        .until("she is taken", |view| view.holder == "with you")
        .await;
    until(
        "one can write",
        async || focus(window).await,
        |id| id == "answer",
    )
    .await;
    press("Hello Mei").await;
    press(ENTER).await;
    user.until("it is there", |view| view.says("human", "Hello Mei"))
        .await;
    // Out of the box, into a note.
    press(ESCAPE).await;
    until(
        "one is out of the box",
        async || focus(window).await,
        |id| id == "scroll",
    )
    .await;
    press("n").await;
    press("in a hurry").await;
    press(ENTER).await;
    console
        .until("the note is there", |view| {
            view.entry("in a hurry").is_some()
        })
        .await;
    // Hand over, in a dialog that keeps the keyboard.
    press(ESCAPE).await;
    press("h").await;
    until(
        "Bob is there",
        async || window.text("#assign-list").await,
        |list| list.contains("Bob"),
    )
    .await;
    until(
        "he can be chosen",
        async || {
            window.type_keys(TAB).await;
            focus(window).await
        },
        |it| it.starts_with("Bob"),
    )
    .await;
    press(ENTER).await;
    console
        .until("it is Bob's", |view| view.holder == "with Bob")
        .await;
    bob.until("it is in his list", |view| {
        view.list.iter().any(|one| one.state.ends_with("· Bob"))
    })
    .await;
    // Take it back, and end it.
    press("t").await;
    console
        .until("it is hers again", |view| view.holder == "with you")
        .await;
    press(ESCAPE).await;
    press("x").await;
    until(
        "one is asked",
        async || focus(window).await,
        |id| id == "close-confirm",
    )
    .await;
    press(ENTER).await;
    console
        .until("it is closed", |view| view.status == "Closed by an agent")
        .await;
    // The tabs, the search and the help.
    press("4").await;
    console
        .until("it is among the closed", |view| view.names() == ["Mei Lin"])
        .await;
    press("/").await;
    until(
        "one can search",
        async || focus(window).await,
        |id| id == "search",
    )
    .await;
    press("nobody").await;
    console
        .until("nobody is found", |view| view.list.is_empty())
        .await;
    press(ESCAPE).await;
    press(ESCAPE).await;
    press("?").await;
    let open = "return document.querySelector('#keys-dialog').open";
    assert!(window.run::<bool>(open).await);
    press(ESCAPE).await;
    assert!(!window.run::<bool>(open).await);
    press(ESCAPE).await;
    let nothing = "return !document.querySelector('#nothing-selected').hidden";
    until(
        "nothing is chosen",
        async || window.run::<bool>(nothing).await,
        |nothing| *nothing,
    )
    .await;

    // Single keys can be switched off; then they are letters like all others.
    window
        .run::<()>("document.querySelector('#preferences-open').focus()")
        .await;
    press(ENTER).await;
    window
        .run::<()>("document.querySelector('#preference-keys').focus()")
        .await;
    press(" ").await;
    press(ESCAPE).await;
    press("1").await;
    let tab = "return document.querySelector('[role=\"tab\"][aria-selected=\"true\"]').id";
    assert_eq!(window.run::<String>(tab).await, "tab-closed");
}

/// Canned replies, lines sent again, giving back, search and filters, by keys alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_the_day_can_be_done_by_keyboard() {
    play(
        "keyboard-rest",
        Options::rough(24),
        &[],
        |stage: Stage| async move {
            let ann = stage.agent("Ann").await;
            write_a_canned_reply(&ann).await;
            let mei = waiting(&stage, "mei", "Mei Lin").await;
            send_it(&ann, &mei).await;
            send_again(&stage, &ann, &mei).await;
            give_back(&ann).await;
            let _bo = waiting(&stage, "bo", "Bo Berg").await;
            search_and_filter(&ann).await;
        },
    )
    .await;
}

async fn write_a_canned_reply(ann: &Console) {
    let window = &ann.window;
    tab_to(window, "canned-open").await;
    window.type_keys(ENTER).await;
    tab_to(window, "canned-add").await;
    window.type_keys(ENTER).await;
    // The new row has the keyboard.
    let text = format!("hello{TAB}Hello {{name}}, {{agent}} here.");
    window.type_keys(&text).await;
    tab_to(window, "canned-save").await;
    window.type_keys(ENTER).await;
    until(
        "it is saved",
        async || window.text(r#"[data-test="canned-result"]"#).await,
        |said| said == "Saved.",
    )
    .await;
    window.type_keys(ESCAPE).await;
}

async fn send_it(ann: &Console, mei: &User) {
    let window = &ann.window;
    ann.until("she is waiting", |view| view.names() == ["Mei Lin"])
        .await;
    window.type_keys("j").await;
    ann.until("she is shown", |view| view.status == "Waiting")
        .await;
    claim(ann).await;
    window.type_keys("/hel").await;
    let offered = "return !document.querySelector('[data-test=\"canned-list\"]').hidden";
    until(
        "it is offered",
        async || window.run::<bool>(offered).await,
        |offered| *offered,
    )
    .await;
    window.type_keys(ENTER).await;
    window.type_keys(ENTER).await;
    mei.until("it is there, filled in", |view| {
        view.says("human", "Hello Mei Lin, Ann here.")
    })
    .await;
}

async fn claim(ann: &Console) {
    ann.window.type_keys("t").await;
    ann.until("it is hers", has("with you")).await;
    until(
        "one can write",
        async || focus(&ann.window).await,
        |id| id == "answer",
    )
    .await;
}

fn has(words: &'static str) -> impl FnMut(&ConsoleView) -> bool {
    move |view| view.holder == words
}

/// What failed: one line by its button, all of a conversation, all there is.
async fn send_again(stage: &Stage, ann: &Console, mei: &User) {
    let window = &ann.window;
    let fails = async |line: &str| {
        let refusal = Fault::Code {
            status: 400,
            code: 40_000,
            retry_after: None,
        };
        let outage = Outage::new(refusal).only(CallKind::Reply);
        stage.gptbots().set_outage(Some(outage));
        window.type_keys(&format!("a{line}{ENTER}")).await;
        ann.until("it fails", |view| view.is(line, "failed")).await;
        stage.gptbots().set_outage(None);
        window.type_keys(ESCAPE).await;
    };
    let arrives = async |line: &str| {
        mei.until("it is there after all", |view| view.says("human", line))
            .await;
    };
    window.type_keys(ESCAPE).await;
    fails("one").await;
    tab_to(window, "Send again").await;
    window.type_keys(ENTER).await;
    arrives("one").await;
    fails("two").await;
    window.type_keys("f").await;
    arrives("two").await;
    fails("three").await;
    window.type_keys("5").await;
    // The button is there as soon as the list is.
    tab_to(window, "failed-replay").await;
    window.type_keys(ENTER).await;
    arrives("three").await;
    window.type_keys("1").await;
}

async fn give_back(ann: &Console) {
    ann.window.type_keys("r").await;
    ann.until("nobody has it", has("")).await;
    ann.until("it is in the queue", |view| view.names() == ["Mei Lin"])
        .await;
    claim(ann).await;
    ann.window.type_keys(ESCAPE).await;
    // All.
    ann.window.type_keys("3").await;
}

async fn search_and_filter(ann: &Console) {
    let window = &ann.window;
    ann.until("both are there", |view| view.list.len() == 2)
        .await;
    window.type_keys("/berg").await;
    ann.until("Bo is found", |view| view.names() == ["Bo Berg"])
        .await;
    tab_to(window, "filters-toggle").await;
    window.type_keys(ENTER).await;
    tab_to(window, "filter-waiting").await;
    // The last choice: for over an hour.
    window.type_keys(END).await;
    ann.until("nobody has waited for so long", |view| view.list.is_empty())
        .await;
    tab_to(window, "filters-clear").await;
    window.type_keys(ENTER).await;
    ann.until("both are there", |view| view.list.len() == 2)
        .await;
}
