//! The form of the settings in the console, as a supervisor uses it.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::wait::until;
use crate::window::Window;

/// A console in which the form is open.
pub(crate) struct Form {
    pub(crate) window: Window,
}

pub(crate) fn test(name: &str) -> String {
    format!("[data-test=\"{name}\"]")
}

/// The row or part of a setting.
pub(crate) fn at(path: &str) -> String {
    format!("[data-path=\"{path}\"]")
}

impl Form {
    /// Opens it, where nothing is wrong with what is stored.
    pub(crate) async fn open(stage: &Stage, agent: &str) -> Self {
        let form = Self::begin(stage, agent).await;
        form.is_fine().await;
        form
    }

    /// Opens it, whatever is stored.
    pub(crate) async fn begin(stage: &Stage, agent: &str) -> Self {
        let form = Self {
            window: stage.agent(agent).await.window,
        };
        form.window.click(&test("supervise")).await;
        form.window.click(&test("supervise-settings")).await;
        form
    }

    /// Waits until nothing is said to be wrong.
    pub(crate) async fn is_fine(&self) {
        self.says(&test("settings-found"), "Nothing is wrong.")
            .await;
    }

    /// Waits until an element's text has these words in it.
    pub(crate) async fn says(&self, css: &str, words: &str) {
        until(
            &format!("{css} says {words}"),
            async || self.window.text(css).await,
            |text| text.contains(words),
        )
        .await;
    }

    /// Writes into a box in place of what is there, key by key or at once.
    pub(crate) async fn put(&self, css: &str, text: &str) {
        let css = json!(css);
        let choose = format!("const it = document.querySelector({css}); it.focus(); it.select()");
        self.window.run::<()>(&choose).await;
        let insert = json!({"text": text});
        self.window.devtools("Input.insertText", insert).await;
    }

    pub(crate) async fn value(&self, css: &str) -> String {
        let css = json!(css);
        let script = format!("return document.querySelector({css})?.value ?? '(none)'");
        self.window.run(&script).await
    }

    /// Chooses out of a list, as its keyboard events would.
    pub(crate) async fn choose(&self, css: &str, value: &str) {
        let (css, value) = (json!(css), json!(value));
        let script = format!(
            "const it = document.querySelector({css}); it.value = {value}; \
             it.dispatchEvent(new Event('change'))"
        );
        self.window.run::<()>(&script).await;
    }

    /// Presses one of the buttons that belong to a setting itself, not to what is in it.
    pub(crate) async fn press(&self, path: &str, button: &str) {
        let css = format!("{} > {}", at(path), test(button));
        self.window.click(&css).await;
    }

    /// What is said to be wrong at a setting, and whether its box says so to everybody.
    pub(crate) async fn wrong(&self, path: &str) -> (String, bool) {
        let css = json!(at(path));
        let script = format!(
            "const at = document.querySelector({css});
            const box = at.querySelector('input, select, textarea');
            const named = box.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id));
            const said = at.querySelector(':scope > .wrong');
            return [said.textContent, box.getAttribute('aria-invalid') === 'true' && named.includes(said)]"
        );
        self.window.run(&script).await
    }

    pub(crate) async fn is_wrong(&self, path: &str, words: &str) {
        until(
            &format!("{path} is said to be wrong"),
            async || self.wrong(path).await,
            |(said, marked)| said.contains(words) && *marked,
        )
        .await;
    }

    pub(crate) async fn preview(&self, of: &str, words: &str) {
        let css = format!("{} [data-of=\"{of}\"]", test("settings-preview"));
        self.says(&css, words).await;
    }

    pub(crate) async fn save(&self) {
        self.window.click(&test("settings-save")).await;
    }
}

/// The document in the table, and its version.
pub(crate) async fn stored(stage: &Stage) -> (Value, i64) {
    let stored = stage.sandbox.store.settings().await.unwrap();
    stored.map_or((Value::Null, 0), |stored| {
        let document = serde_json::from_str(&stored.document).unwrap();
        (document, stored.version)
    })
}
