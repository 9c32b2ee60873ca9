//! The agents' console.

use serde::Deserialize;

use crate::wait::until;
use crate::window::{ENTER, Window};

/// The page.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    pub(crate) window: Window,
}

/// What it shows.
#[derive(Debug, Deserialize)]
pub(crate) struct ConsoleView {
    /// The list, as far as it is in view.
    pub(crate) list: Vec<Listed>,
    /// Of the conversation shown, in words.
    pub(crate) status: String,
    pub(crate) history: Vec<Line>,
    pub(crate) entries: Vec<Line>,
    pub(crate) alert: String,
    pub(crate) banner: String,
    /// What can be done to the conversation, by the buttons' names.
    pub(crate) actions: Vec<String>,
    /// The same person's other conversations, by their last lines.
    pub(crate) earlier: Vec<String>,
    /// Who has it, in words.
    pub(crate) holder: String,
}

/// A conversation of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) who: String,
    pub(crate) status: String,
    /// Its status in words, with the agent's name.
    pub(crate) state: String,
    /// Whether there is something that was not seen.
    pub(crate) unread: bool,
}

/// A line of the conversation or of the history.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) author: String,
    /// `message`, `automatic`, `private`, `note` or `divider`.
    pub(crate) form: String,
    pub(crate) text: String,
    /// How many elements its text is made of: none, since it is text.
    pub(crate) elements: usize,
    pub(crate) delivery: Option<String>,
    /// What is said of its delivery.
    pub(crate) state: Option<String>,
    /// Whether it can be sent again.
    pub(crate) replay: bool,
}

const LOOK: &str = r#"
    const all = (css) => [...document.querySelectorAll(css)];
    const line = (item) => {
        const text = item.querySelector('.entry-text');
        return {
            author: item.dataset.author,
            form: item.dataset.form,
            text: text.textContent,
            elements: text.querySelectorAll('*').length,
            delivery: item.dataset.delivery ?? null,
            state: item.querySelector('.line-state')?.textContent ?? null,
            replay: item.querySelector('[data-test="replay"]') !== null,
        };
    };
    return {
        list: all('[data-test="conversation-list"] [data-test="conversation"]').map((item) => ({
            id: item.dataset.conversationId,
            who: item.querySelector('.who').textContent,
            status: item.dataset.status,
            state: item.querySelector('.status').textContent,
            unread: item.classList.contains('unread'),
        })),
        status: document.querySelector('[data-test="status"]').textContent,
        history: all('[data-test="history-line"]').map(line),
        entries: all('[data-test="thread"] [data-test="entry"]').map(line),
        alert: document.querySelector('[data-test="alert"]').innerText,
        banner: document.querySelector('[data-test="banner"]').innerText,
        actions: all('.thread-actions button:not([hidden])').map((button) => button.id),
        earlier: all('[data-test="earlier"] .last').map((line) => line.textContent),
        holder: document.getElementById('thread-agent').textContent,
    };
"#;

impl Console {
    /// The page in this window, when it is ready.
    pub(crate) async fn at(window: Window) -> Self {
        let ready = "return document.querySelector('#list-note')?.textContent.startsWith('Nobody')\
            || document.querySelector('[data-test=\"conversation\"]') !== null";
        until(
            "the console is ready",
            async || window.run::<bool>(ready).await,
            |ready| *ready,
        )
        .await;
        Self { window }
    }

    pub(crate) async fn look(&self) -> ConsoleView {
        self.window.run(LOOK).await
    }

    /// Waits until the page shows something.
    pub(crate) async fn until(
        &self,
        what: &str,
        is_so: impl FnMut(&ConsoleView) -> bool,
    ) -> ConsoleView {
        let what = format!("in the console {what}");
        until(&what, async || self.look().await, is_so).await
    }

    /// Opens the conversation of this user, once it is in the list and waits.
    pub(crate) async fn open(&self, who: &str) -> String {
        let waits = |one: &&Listed| one.who == who && one.status == "waiting";
        let view = self
            .until(&format!("{who} is waiting"), |view| {
                view.list.iter().any(|one| waits(&one))
            })
            .await;
        let id = view.list.into_iter().find(|one| waits(&one)).unwrap().id;
        self.show(&id).await;
        id
    }

    /// Shows a conversation of the list.
    pub(crate) async fn show(&self, id: &str) {
        self.window
            .click(&format!(
                r#"[data-test="conversation"][data-conversation-id="{id}"] a"#
            ))
            .await;
    }

    /// Takes the conversation over.
    pub(crate) async fn claim(&self) {
        let claim = r#"[data-test="claim"]"#;
        let can = format!("return !document.querySelector('{claim}').hidden");
        until(
            "the conversation can be taken over",
            async || self.window.run::<bool>(&can).await,
            |can| *can,
        )
        .await;
        self.window.click(claim).await;
    }

    /// Writes an answer and presses the button.
    pub(crate) async fn answer(&self, text: &str) {
        self.window.write(r#"[data-test="answer"]"#, text).await;
        self.window.click(r#"[data-test="send"]"#).await;
    }

    /// Writes an answer and presses Enter.
    pub(crate) async fn answer_with_enter(&self, text: &str) {
        self.window.write(r#"[data-test="answer"]"#, text).await;
        self.window.press(r#"[data-test="answer"]"#, ENTER).await;
    }

    /// Writes a private note.
    pub(crate) async fn note(&self, text: &str) {
        self.window.click(r#"[data-test="note"]"#).await;
        self.answer(text).await;
    }

    /// Hands the conversation to this colleague.
    pub(crate) async fn hand_to(&self, id: &str) {
        self.window.click(r#"[data-test="assign"]"#).await;
        let button = format!(r#"[data-agent="{id}"]"#);
        let there = format!("return document.querySelector('{button}') !== null");
        until(
            "the colleague can be chosen",
            async || self.window.run::<bool>(&there).await,
            |there| *there,
        )
        .await;
        self.window.click(&button).await;
    }

    /// Chooses a tab of the list.
    pub(crate) async fn tab(&self, name: &str) {
        self.window
            .click(&format!(r#"[data-test="tab-{name}"]"#))
            .await;
    }

    /// Closes the conversation, and says so again when asked.
    pub(crate) async fn close(&self) {
        self.window.click(r#"[data-test="close"]"#).await;
        self.window.click(r#"[data-test="close-confirm"]"#).await;
    }
}

impl ConsoleView {
    /// The texts of one author's entries, as they stand.
    pub(crate) fn texts(&self, author: &str) -> Vec<&str> {
        let by = self.entries.iter().filter(|line| line.author == author);
        by.map(|line| line.text.as_str())
            .filter(|text| !text.is_empty())
            .collect()
    }

    /// The names in the list.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.list.iter().map(|one| one.who.as_str()).collect()
    }

    /// The entry with this text.
    pub(crate) fn entry(&self, text: &str) -> Option<&Line> {
        self.entries.iter().find(|line| line.text == text)
    }

    /// Whether the entry with this text is in this state of delivery.
    pub(crate) fn is(&self, text: &str, delivery: &str) -> bool {
        let entry = self.entry(text);
        entry.is_some_and(|entry| entry.delivery.as_deref() == Some(delivery))
    }
}
