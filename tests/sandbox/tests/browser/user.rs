//! The user's chat page.

use serde::Deserialize;

use crate::wait::until;
use crate::window::{ENTER, Window};

/// The page.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) window: Window,
}

/// What it shows.
#[derive(Debug, Deserialize)]
pub(crate) struct UserView {
    /// As the page calls it: `bot`, `connecting`, `connected`, `ended`, `busy`.
    pub(crate) status: String,
    pub(crate) hint: String,
    pub(crate) lines: Vec<Line>,
}

/// A line of the chat.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) author: String,
    pub(crate) text: String,
    /// How many elements its text is made of: none, since it is text.
    pub(crate) elements: usize,
}

const LOOK: &str = r#"
    return {
        status: document.querySelector('[data-test="status"]').dataset.status,
        hint: document.getElementById('hint').textContent,
        lines: [...document.querySelectorAll('[data-test="line"]')].map((line) => {
            const text = line.querySelector('.line-text');
            return {
                author: line.dataset.author,
                text: text.textContent,
                elements: text.querySelectorAll('*').length,
            };
        }),
    };
"#;

impl User {
    /// The page in this window, when it is ready.
    pub(crate) async fn at(window: Window) -> Self {
        let user = Self { window };
        user.until("the bot greets", |view| {
            view.says("bot", "Hi! I am a demo bot.")
        })
        .await;
        user
    }

    pub(crate) async fn look(&self) -> UserView {
        self.window.run(LOOK).await
    }

    /// Waits until the page shows something.
    pub(crate) async fn until(&self, what: &str, is_so: impl FnMut(&UserView) -> bool) -> UserView {
        let what = format!("on the user's page {what}");
        until(&what, async || self.look().await, is_so).await
    }

    /// Tells the name, as the page's form asks for it.
    pub(crate) async fn introduce(&self, name: &str) {
        self.window.click("summary").await;
        self.window.write("[name=user_name]", name).await;
        // Away from the field: only then it is told.
        self.window.click("summary").await;
    }

    /// Writes a line and sends it with the Enter key.
    pub(crate) async fn say(&self, text: &str) {
        self.window.write(r#"[data-test="message"]"#, text).await;
        self.window.press(r#"[data-test="message"]"#, ENTER).await;
    }

    /// Presses "Talk to a person".
    pub(crate) async fn ask_for_human(&self) {
        self.window.click(r#"[data-test="human"]"#).await;
    }

    pub(crate) async fn leave(&self) {
        self.window.click(r#"[data-test="leave"]"#).await;
    }
}

impl UserView {
    /// The texts of one author, oldest first.
    pub(crate) fn texts(&self, author: &str) -> Vec<&str> {
        let by = self.lines.iter().filter(|line| line.author == author);
        by.map(|line| line.text.as_str()).collect()
    }

    /// Whether the author's last line begins like this.
    pub(crate) fn says(&self, author: &str, text: &str) -> bool {
        let last = self.texts(author).last().copied();
        last.is_some_and(|last| last.starts_with(text))
    }
}
