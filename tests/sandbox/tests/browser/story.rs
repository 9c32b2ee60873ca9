//! A conversation from the first word to the last, while bells get lost, doubled and late.

use sandbox::Options;

use crate::console::{Console, ConsoleView};
use crate::stage::{Stage, play};
use crate::user::{User, UserView};

/// What people write, and what they try.
const TEXTS: [&str; 6] = [
    "Hello! Is anybody there?",
    "你好，我想退貨，可以嗎？",
    "🙏👩‍👩‍👧 merci – ça va ?",
    "<b>bold</b> &amp; \"quoted\"",
    "<img src=x onerror=alert(1)>",
    "two\nlines, and a tab:\t.",
];
/// What the browser says about the answer to a line after the end.
const REFUSED: &str = "status of 409";

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_write_and_each_may_end_it() {
    play("story", Options::rough(1), &[REFUSED], story).await;
}

async fn story(stage: Stage) {
    let user = stage.user("mei").await;
    let console = stage.console().await;
    user.introduce("Mei Lin").await;
    user.say("Where is my order 4711?").await;
    user.until("the bot answers", |view| view.says("bot", "Orders leave"))
        .await;

    let first = handed_off(&user, &console).await;
    they_write(&user, &console).await;
    the_agent_closes(&user, &console).await;
    the_user_leaves(&user, &console, &first).await;
}

/// The handoff: the user is greeted at once, the agent sees what was said before.
async fn handed_off(user: &User, console: &Console) -> String {
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;

    let id = console.open("Mei Lin").await;
    let view = console
        .until(
            "the conversation is shown with what was said before",
            |view| view.status == "Waiting" && !view.history.is_empty() && !view.entries.is_empty(),
        )
        .await;
    let said: Vec<_> = view
        .history
        .iter()
        .map(|line| (line.author.as_str(), line.text.as_str()))
        .collect();
    assert_eq!(said[0], ("user", "Where is my order 4711?"));
    assert!(
        said[1].0 == "bot" && said[1].1.starts_with("Orders leave our warehouse"),
        "{said:?}"
    );

    console.claim().await;
    console
        .until("it is taken over", |view| view.status == "Connected")
        .await;
    id
}

/// Both write in turn; each line arrives as it was written, and as text.
async fn they_write(user: &User, console: &Console) {
    for (number, text) in TEXTS.iter().enumerate() {
        let from_user = format!("{text} ({number})");
        user.say(&from_user).await;
        console
            .until("the user's line is there", |view| {
                view.entry(&from_user).is_some()
            })
            .await;

        let from_agent = format!("{number}: {text}");
        if number % 2 == 0 {
            console.answer(&from_agent).await;
        } else {
            console.answer_with_enter(&from_agent).await;
        }
        user.until("the agent's line is there", |view| {
            view.says("human", &from_agent)
        })
        .await;
    }

    let from_user: Vec<_> = TEXTS
        .iter()
        .enumerate()
        .map(|(n, text)| format!("{text} ({n})"))
        .collect();
    let from_agent: Vec<_> = TEXTS
        .iter()
        .enumerate()
        .map(|(n, text)| format!("{n}: {text}"))
        .collect();
    let seen = console
        .until("all is delivered", |view: &ConsoleView| {
            from_agent.iter().all(|text| view.is(text, "delivered"))
        })
        .await;
    assert_eq!(seen.texts("user"), from_user);
    assert_eq!(seen.texts("agent"), from_agent);
    let marked: Vec<_> = seen
        .entries
        .iter()
        .filter(|line| line.elements > 0)
        .collect();
    assert!(marked.is_empty(), "not text: {marked:?}");
    let delivered = seen
        .entry(&from_agent[0])
        .and_then(|line| line.state.as_deref());
    assert_eq!(delivered, Some("Delivered ✓"));

    let seen = user.look().await;
    // The first is the greeting.
    assert_eq!(seen.texts("human")[1..], from_agent);
    assert!(
        seen.texts("user")
            .ends_with(&from_user.iter().map(String::as_str).collect::<Vec<_>>())
    );
    let marked: Vec<_> = seen.lines.iter().filter(|line| line.elements > 0).collect();
    assert!(marked.is_empty(), "not text: {marked:?}");
}

async fn the_agent_closes(user: &User, console: &Console) {
    console.close().await;
    user.until("it has ended", |view| {
        view.status == "ended" && view.hint.contains("was closed")
    })
    .await;
    console
        .until("it is closed", |view| {
            view.status == "Closed by an agent" && view.list.is_empty()
        })
        .await;
}

/// A second conversation, which the user ends. What the agent writes then is refused for all to see.
async fn the_user_leaves(user: &User, console: &Console, first: &str) {
    user.ask_for_human().await;
    user.until("a person is there again", greeted).await;
    let second = console.open("Mei Lin").await;
    assert_ne!(first, second);
    console.claim().await;
    user.say("Never mind, I have found it.").await;
    console
        .until("the line is there", |view| {
            view.texts("user") == ["Never mind, I have found it."]
        })
        .await;

    user.leave().await;
    user.until("it has ended", |view| {
        view.status == "ended" && view.hint.contains("You have left")
    })
    .await;
    console
        .until("the user has left", |view| {
            view.status == "Closed by the user"
        })
        .await;

    console.answer("One more thing …").await;
    let seen = console
        .until("the line is refused", |view| !view.alert.is_empty())
        .await;
    assert_eq!(seen.alert, "The user has left and will not see this");
    assert!(seen.is("One more thing …", "refused"), "{seen:?}");
    assert!(
        !user
            .look()
            .await
            .texts("human")
            .contains(&"One more thing …")
    );
}

/// Connected, and greeted by the bridge since the user asked for a person.
pub(crate) fn greeted(view: &UserView) -> bool {
    let lines = view.lines.iter();
    let mut since = lines
        .rev()
        .take_while(|line| line.text != "You asked for a person.");
    view.status == "connected"
        && since.any(|line| line.author == "human" && line.text.starts_with("Thanks for waiting!"))
}
