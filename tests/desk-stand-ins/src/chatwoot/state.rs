//! What the server knows.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{Failure, Recorded};

/// The number of the user whom the bridge acts as.
const BRIDGE: u64 = 1;

#[derive(Default)]
pub(super) struct State {
    pub(super) failure: Option<Failure>,
    pub(super) drop_in: Option<u64>,
    pub(super) loses_webhooks: bool,
    pub(super) contacts: Vec<Contact>,
    pub(super) addresses: Vec<Address>,
    pub(super) talks: Vec<Talk>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) requests: Vec<Recorded>,
    pub(super) last_webhook: Option<Value>,
    /// When calls of the last minute came.
    pub(super) moments: Vec<i64>,
    last_id: u64,
}

/// A person of the account.
pub(super) struct Contact {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) identifier: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
}

/// A contact's address in the inbox.
pub(super) struct Address {
    pub(super) source_id: String,
    pub(super) contact: u64,
    pub(super) proven: bool,
}

/// A conversation.
pub(super) struct Talk {
    pub(super) id: u64,
    pub(super) source_id: String,
    pub(super) contact: u64,
    pub(super) contact_name: String,
    pub(super) status: &'static str,
    pub(super) attributes: Value,
    pub(super) assignee: Option<Person>,
    pub(super) messages: Vec<Message>,
    pub(super) updated_at: i64,
}

/// A message of a conversation.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) content: Option<String>,
    pub(super) kind: Kind,
    pub(super) private: bool,
    pub(super) source_id: Option<String>,
    pub(super) sender: Sender,
    pub(super) attachments: Vec<Value>,
    pub(super) deleted: bool,
    /// In milliseconds since 1970.
    pub(super) created_at: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Incoming,
    Outgoing,
    Template,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
            Self::Template => "template",
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Self::Incoming => 0,
            Self::Outgoing => 1,
            Self::Template => 3,
        }
    }
}

#[derive(Clone)]
pub(super) enum Sender {
    Contact(u64, String),
    User(Person),
    Bot,
    Nobody,
}

/// A user of the account: an agent, or the one the bridge acts as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) id: u64,
    pub(super) name: &'static str,
}

/// Who answers.
pub(super) const AGENT: Person = Person {
    id: 7,
    name: "Ann Agent",
};
/// Whom the bridge acts as.
pub(super) const API_USER: Person = Person {
    id: BRIDGE,
    name: "GPTBots",
};

impl Person {
    pub(super) fn shown(self) -> Value {
        json!({"id": self.id, "name": self.name, "available_name": self.name, "type": "user"})
    }
}

impl Sender {
    /// A contact has no type here, as in webhooks.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Contact(id, name) => json!({"id": id, "name": name}),
            Self::User(person) => person.shown(),
            Self::Bot => json!({"id": 3, "name": "Helper", "type": "agent_bot"}),
            Self::Nobody => Value::Null,
        }
    }
}

impl Message {
    /// What an agent wrote to the user.
    pub(super) fn of_agent(id: u64, content: &str) -> Self {
        Self {
            id,
            content: Some(content.to_owned()),
            kind: Kind::Outgoing,
            private: false,
            source_id: None,
            sender: Sender::User(AGENT),
            attachments: Vec::new(),
            deleted: false,
            created_at: now(),
        }
    }
}

impl State {
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn talk(&self, reference: &str) -> Option<&Talk> {
        self.talks
            .iter()
            .find(|talk| talk.id.to_string() == reference)
    }

    pub(super) fn talk_mut(&mut self, reference: &str) -> Option<&mut Talk> {
        self.talks
            .iter_mut()
            .find(|talk| talk.id.to_string() == reference)
    }

    pub(super) fn count(&mut self, what: &str) {
        *self.calls.entry(what.to_owned()).or_default() += 1;
    }
}

pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
