//! What makes the console a workplace, one thing after the other.

use sandbox::Options;
use serde_json::json;

use crate::console::Console;
use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::user::User;
use crate::wait::until;
use crate::window::{DOWN, ENTER, ESCAPE};

/// What the browser says about a claim that somebody else was faster with.
const REFUSED: &str = "status of 409";

async fn waiting(stage: &Stage, key: &str, name: &str) -> User {
    let user = stage.user(key).await;
    user.introduce(name).await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_from_hand_to_hand_before_everybodys_eyes() {
    play("hands", Options::rough(11), &[REFUSED], hands).await;
}

async fn hands(stage: Stage) {
    let (ann, bob) = (stage.agent("Ann").await, stage.agent("Bob").await);
    let user = waiting(&stage, "mei", "Mei Lin").await;
    let id = ann.open("Mei Lin").await;
    bob.open("Mei Lin").await;
    ann.claim().await;
    let has = |words: &'static str| move |view: &crate::console::ConsoleView| view.holder == words;
    ann.until("it is Ann's", has("with you")).await;
    let seen = bob.until("Ann has it", has("with Ann")).await;
    assert_eq!(seen.actions, ["take-over", "close"]);

    ann.hand_to("bob").await;
    ann.until("Bob has it", has("with Bob")).await;
    bob.until("it is Bob's", has("with you")).await;
    for one in [&ann, &bob] {
        one.until("the log says so", |view| {
            view.entry("Ann handed the conversation to Bob.").is_some()
        })
        .await;
    }
    bob.tab("mine").await;
    bob.until("it is among his", |view| view.names() == ["Mei Lin"])
        .await;
    ann.tab("mine").await;
    ann.until("it is not among hers", |view| view.list.is_empty())
        .await;

    ann.window.click(r#"[data-test="take-over"]"#).await;
    bob.until("Ann has it again", has("with Ann")).await;
    bob.until("it is not among his", |view| view.list.is_empty())
        .await;
    ann.window.click(r#"[data-test="release"]"#).await;
    let seen = bob.until("nobody has it", has("")).await;
    assert_eq!(seen.actions, ["claim", "assign", "close"]);
    bob.tab("queue").await;
    bob.until("it is in the queue", |view| view.names() == ["Mei Lin"])
        .await;
    bob.claim().await;
    bob.until("it is Bob's", has("with you")).await;
    bob.until("it is out of the queue", |view| view.list.is_empty())
        .await;

    // A note: for both agents, never for the user.
    bob.note("she sounds upset").await;
    bob.answer("Hello, this is Bob.").await;
    for one in [&ann, &bob] {
        let seen = one
            .until("note and answer are there", |view| {
                view.is("Hello, this is Bob.", "delivered")
            })
            .await;
        assert_eq!(seen.entry("she sounds upset").unwrap().form, "private");
    }
    let seen = user
        .until("the answer is there", |view| {
            view.says("human", "Hello, this is Bob.")
        })
        .await;
    assert!(!format!("{seen:?}").contains("upset"));
    assert!(!format!("{:?}", stage.gptbots().calls()).contains("upset"));
    let _ = id;
}

#[tokio::test(flavor = "multi_thread")]
async fn canned_replies_are_written_by_a_shortcut() {
    play("canned", Options::rough(12), &[], canned).await;
}

async fn edit(console: &Console, shortcut: &str, text: &str) {
    let window = &console.window;
    window.click(r#"[data-test="canned-open"]"#).await;
    window.click(r#"[data-test="canned-add"]"#).await;
    window
        .write(r#"[data-test="canned-row"]:last-child input"#, shortcut)
        .await;
    window
        .write(r#"[data-test="canned-row"]:last-child textarea"#, text)
        .await;
    window.click(r#"[data-test="canned-save"]"#).await;
    until(
        "it is saved",
        async || window.text(r#"[data-test="canned-result"]"#).await,
        |said| said == "Saved.",
    )
    .await;
    window.click(r#"[data-test="canned-close"]"#).await;
}

async fn canned(stage: Stage) {
    let ann = stage.agent("Ann").await;
    edit(&ann, "hello", "Hello {name|there}, this is {agent}.").await;
    edit(&ann, "bye", "Goodbye, {channel}!").await;
    let bob = stage.agent("Bob").await;
    let user = waiting(&stage, "mei", "Mei Lin").await;
    bob.open("Mei Lin").await;
    bob.claim().await;
    let answer = r#"[data-test="answer"]"#;
    let in_box = async || {
        bob.window
            .run::<String>("return document.querySelector('#answer').value")
            .await
    };
    bob.window.press(answer, "/hel").await;
    until(
        "one is offered",
        async || {
            bob.window
                .run::<u32>("return document.querySelectorAll('[data-test=\"canned\"]').length")
                .await
        },
        |offered| *offered == 1,
    )
    .await;
    bob.window.press(answer, ENTER).await;
    assert_eq!(in_box().await, "Hello Mei Lin, this is Bob.");
    bob.window.press(answer, ENTER).await;
    user.until("it is there", |view| {
        view.says("human", "Hello Mei Lin, this is Bob.")
    })
    .await;

    // By arrows; and away with it.
    bob.window.press(answer, "/").await;
    bob.window.press(answer, ESCAPE).await;
    bob.window.press(answer, "x").await;
    assert_eq!(in_box().await, "/x");
    bob.window.press(answer, "\u{e003}\u{e003}/").await;
    bob.window.press(answer, DOWN).await;
    bob.window.press(answer, ENTER).await;
    assert_eq!(in_box().await, "Hello Mei Lin, this is Bob.");
    // An "and/or" offers nothing.
    bob.window
        .run::<()>("document.querySelector('#answer').select()")
        .await;
    bob.window.press(answer, "and/or").await;
    let hidden = "return document.querySelector('[data-test=\"canned-list\"]').hidden";
    assert!(bob.window.run::<bool>(hidden).await);
    assert_eq!(in_box().await, "and/or");

    // What is not filled in is said before it is sent.
    bob.window
        .run::<()>("document.querySelector('#answer').select()")
        .await;
    bob.window.press(answer, "{email}").await;
    bob.window.press(answer, ENTER).await;
    let note = bob.window.text("#composer-note").await;
    assert!(
        note.starts_with("{email} is still to be filled in."),
        "{note}"
    );
    assert_eq!(in_box().await, "{email}");
    bob.window.press(answer, "you").await;
    bob.window.press(answer, ENTER).await;
    user.until("what was written instead is there", |view| {
        view.says("human", "you")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_supervisors_cannot_overwrite_each_other_unseen() {
    play(
        "supervisors",
        Options::rough(13),
        &[REFUSED],
        |stage: Stage| async move {
            let (ann, bob) = (stage.agent("Ann").await, stage.agent("Bob").await);
            ann.window.click(r#"[data-test="canned-open"]"#).await;
            edit(&bob, "bobs", "Bob was here").await;
            ann.window.click(r#"[data-test="canned-add"]"#).await;
            ann.window
                .write(r#"[data-test="canned-row"] input"#, "anns")
                .await;
            ann.window
                .write(r#"[data-test="canned-row"] textarea"#, "Ann's own")
                .await;
            ann.window.click(r#"[data-test="canned-save"]"#).await;
            until(
                "it is not saved",
                async || ann.window.text(r#"[data-test="canned-result"]"#).await,
                |said| said.starts_with("Somebody else has changed"),
            )
            .await;
            // What she wrote stays.
            let hers = "return document.querySelector('[data-test=\"canned-row\"] textarea').value";
            assert_eq!(ann.window.run::<String>(hers).await, "Ann's own");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_read_is_marked_and_what_is_looked_for_is_found() {
    play("lists", Options::rough(14), &[], lists).await;
}

async fn lists(stage: Stage) {
    let ann = stage.agent("Ann").await;
    let mei = waiting(&stage, "mei", "Mei Lin").await;
    let bo = waiting(&stage, "bo", "Bo Berg").await;
    let first = ann.open("Mei Lin").await;
    ann.claim().await;
    let second = ann.open("Bo Berg").await;
    ann.claim().await;
    ann.until("both are hers", |view| {
        view.list.iter().all(|one| one.state.ends_with("· Ann"))
    })
    .await;
    mei.say("Are you still there?").await;
    let unread = |id: String| {
        move |view: &crate::console::ConsoleView| {
            view.list.iter().any(|one| one.id == id && one.unread)
        }
    };
    ann.until("Mei's is unread", unread(first.clone())).await;
    let title = async || ann.window.run::<String>("return document.title").await;
    until("the title says so", title, |title| title == "(1) Handoff").await;
    // What one looks at is read.
    bo.say("Hello?").await;
    ann.until("Bo's line is there", |view| {
        view.texts("user").contains(&"Hello?")
    })
    .await;
    let seen = ann
        .until("Bo's line is in the list", |view| {
            !unread(second.clone())(view)
        })
        .await;
    assert!(unread(first.clone())(&seen));
    ann.show(&first).await;
    ann.until("nothing is unread", |view| {
        view.list.iter().all(|one| !one.unread)
    })
    .await;
    until("the title says so", title, |title| title == "Handoff").await;

    // Drafts stay with their conversations, also over a reload.
    let answer = r#"[data-test="answer"]"#;
    ann.window.write(answer, "half a sentence").await;
    ann.window.click(r#"[data-test="note"]"#).await;
    ann.show(&second).await;
    ann.until("the other one is shown", |view| {
        view.texts("user").contains(&"Hello?")
    })
    .await;
    ann.window.run::<()>("location.reload()").await;
    let ann = Console::at(ann.window).await;
    ann.show(&first).await;
    let draft = "return [document.querySelector('#answer').value, document.querySelector('#note').getAttribute('aria-pressed')]";
    until(
        "the draft is there, and still a note",
        async || ann.window.run::<(String, String)>(draft).await,
        |draft| *draft == ("half a sentence".to_owned(), "true".to_owned()),
    )
    .await;

    let search = r#"[data-test="search"]"#;
    ann.window.write(search, "berg").await;
    ann.until("Bo is found", |view| view.names() == ["Bo Berg"])
        .await;
    let said = ann.window.text(r#"[data-test="searched"]"#).await;
    assert!(
        said.starts_with("1 of 2 conversations. Searched: id, name,"),
        "{said}"
    );
    ann.window.click(r#"[data-test="filters-clear"]"#).await;
    ann.until("all are there", |view| view.list.len() == 2)
        .await;
    ann.window.write(search, "nobody like this").await;
    ann.until("nobody is found", |view| view.list.is_empty())
        .await;
    until(
        "it says so",
        async || ann.window.text("#list-note").await,
        |note| note == "Nothing found.",
    )
    .await;
    ann.window.press(search, ESCAPE).await;
    ann.until("all are there", |view| view.list.len() == 2)
        .await;
    ann.window.click(r#"[data-test="filters-toggle"]"#).await;
    let choose = |value: &str| {
        format!(
            "const select = document.querySelector('#filter-waiting'); select.value = {}; select.dispatchEvent(new Event('change'))",
            json!(value),
        )
    };
    ann.window.run::<()>(&choose("3600")).await;
    ann.until("nobody has waited for so long", |view| view.list.is_empty())
        .await;
    ann.window.run::<()>(&choose("")).await;
    ann.until("all are there", |view| view.list.len() == 2)
        .await;
    // Closed ones are found as well.
    ann.show(&second).await;
    ann.close().await;
    ann.tab("closed").await;
    ann.until("it is among the closed", |view| view.names() == ["Bo Berg"])
        .await;
}

/// What the page counts as news, and what it makes of a canned reply.
const RULES: &str = r"
    return import(document.querySelector('script').src).then(({ $modules }) => {
        const { newsIn } = $modules['alerts.js'];
        const { filled, matching, unfilled } = $modules['canned.js'];
        const of = (more) => ({ conversation_id: 'c', status: 'connected', episode: 1, agent: null, last: { author: 'user', text: 'x', at: 5 }, ...more });
        const [me, other] = [{ id: 'me', name: 'Me' }, { id: 'other', name: 'Other' }];
        const news = (before, now) => newsIn(new Map(before ? [['c', before]] : []), [now], 'me').map(({ kind }) => kind).join();
        const later = { author: 'user', text: 'y', at: 6 };
        const mei = { user: { name: 'Mei', email: 'mei@example.com', channel: ' ' } };
        const replies = [{ shortcut: 'bye', text: 'Farewell' }, { shortcut: 'goodbye', text: 'x' }, { shortcut: 'hello', text: 'not a bye' }];
        return {
            news: [
                news(null, of({ status: 'waiting' })),
                news(of({ status: 'closed' }), of({ status: 'waiting', episode: 2 })),
                news(of({ status: 'waiting' }), of({ status: 'waiting' })),
                news(of({ agent: me }), of({ agent: me })),
                news(of({ agent: me }), of({ agent: me, last: later })),
                news(of({ agent: me }), of({ agent: me, last: { ...later, author: 'agent' } })),
                news(of({ agent: other }), of({ agent: other, last: later })),
                news(of({ agent: other }), of({ agent: me })),
                news(of({}), of({ agent: me })),
                news(of({}), of({ last: later })),
                news(of({ agent: other }), of({})),
            ],
            filled: [
                filled('Hello {name}, {agent} here', mei, me),
                filled('{email} {channel} {channel|here} {nobody}', mei, me),
                filled('{email|your address}', { user: { email: 'support@gptbots.ai', placeholder_email: true } }, null),
                filled('{name}$& {agent|}', { user: { name: '{agent}' } }, me),
            ],
            left: [unfilled('none {here}')?.what ?? null, unfilled('a {name|b} c').at],
            matching: matching(replies, 'BYE').map(({ shortcut }) => shortcut),
        };
    });
";

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_rules() {
    play("rules", Options::default(), &[], |stage: Stage| async move {
        let console = stage.agent("Ann").await;
        let seen: serde_json::Value = console.window.run(RULES).await;
        let expected = json!({
            "news": ["waiting", "waiting", "", "", "message", "", "", "handed", "handed", "message", ""],
            "filled": [
                "Hello Mei, Me here",
                "mei@example.com {channel} here {nobody}",
                "your address",
                "{agent}$& Me",
            ],
            "left": [null, 2],
            "matching": ["bye", "goodbye", "hello"],
        });
        assert_eq!(seen, expected);
    })
    .await;
}
