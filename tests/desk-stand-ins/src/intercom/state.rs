//! What the stand-in remembers.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::model::{ANN, Author, Contact, Conversation, Part};
use crate::{Failure, Recorded};

/// How long a window of Intercom's limit is, in seconds, and how many calls it takes: a sixth of
/// what a minute does.
const WINDOW: i64 = 10;
const CALLS_PER_WINDOW: u64 = 10_000 / 6;

/// A workspace, and what a test wants of it.
#[derive(Default)]
pub(super) struct State {
    pub(super) contacts: Vec<Contact>,
    pub(super) conversations: Vec<Conversation>,
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) requests: Vec<Recorded>,
    pub(super) failure: Option<Failure>,
    /// One call that fails: how many come before it.
    pub(super) fails_once: Option<(u64, Failure)>,
    pub(super) loses_webhooks: bool,
    /// The last webhook: the envelope.
    pub(super) last: Option<Value>,
    parts: u64,
    notifications: u64,
    window: (i64, u64),
}

impl State {
    pub(super) fn find(&self, id: &str) -> Option<&Conversation> {
        self.conversations.iter().find(|known| known.id == id)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Conversation> {
        self.conversations.iter_mut().find(|known| known.id == id)
    }

    /// The contact of a conversation: contacts are never deleted.
    pub(super) fn contact(&self, id: &str) -> &Contact {
        let mut known = self.contacts.iter();
        known
            .find(|contact| contact.id == id)
            .unwrap_or(&self.contacts[0])
    }

    /// A conversation as an answer or a webhook shows it: with the new parts alone.
    pub(super) fn shown(&self, id: &str, parts: &[Part]) -> Value {
        let found = self.find(id);
        found.map_or(Value::Null, |found| {
            found.json(self.contact(&found.contact), parts, false)
        })
    }

    /// A new part.
    pub(super) fn part(&mut self, kind: &'static str, body: Option<String>, by: Author) -> Part {
        self.parts += 1;
        Part {
            id: format!("{}", 100 + self.parts),
            kind,
            body,
            at: now(),
            author: by,
            assigned_to: None,
            attachments: Vec::new(),
            redacted: false,
        }
    }

    /// A part that the agent makes.
    pub(super) fn part_of_ann(&mut self, kind: &'static str, body: Option<String>) -> Part {
        self.part(kind, body, Author::admin(ANN.0))
    }

    pub(super) fn notification_id(&mut self) -> String {
        self.notifications += 1;
        format!(
            "notif_{:08x}-ba3f-46dc-ab48-8e4d5bdfdf4e",
            self.notifications
        )
    }

    /// What goes wrong with the call that comes now.
    pub(super) fn next_failure(&mut self) -> Option<Failure> {
        match self.fails_once.take() {
            Some((0, failure)) => return Some(failure),
            Some((more, failure)) => self.fails_once = Some((more - 1, failure)),
            None => {}
        }
        self.failure
    }

    /// Counts a call; the time from which the next is taken where there were too many.
    pub(super) fn over_limit(&mut self) -> Option<i64> {
        let window = now() / WINDOW;
        let count = if self.window.0 == window {
            self.window.1 + 1
        } else {
            1
        };
        self.window = (window, count);
        (count > CALLS_PER_WINDOW).then_some((window + 1) * WINDOW)
    }
}

/// In seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}
