//! The events that are sent: `{"type": …, "timestamp": …, "data": {…}}`.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use serde_json::{Map, Value, json};

use super::super::text::user_name;
use super::own_reference;
use crate::conversation::{
    Author, ClosedBy, Conversation, Entry, History, Kind, Speaker, Turn, fingerprint,
};
use crate::text::cut_with_mark;
use crate::time::Millis;

/// The most of the history that is sent along, in bytes of JSON: events are meant to be small, and
/// servers that take them often end at 64 KB or 100 KB.
const MAX_HISTORY_BYTES: usize = 48 * 1024;
/// The most of one turn's text, in bytes, so that one long answer does not push all others out.
const MAX_TURN_BYTES: usize = 8 * 1024;

/// An event to be sent.
pub(super) struct Event {
    /// The same at every attempt, and no other event's: the receiver's idempotency key.
    pub(super) id: String,
    name: &'static str,
    at: Millis,
    data: Value,
}

impl Event {
    /// The body's bytes, the same at every attempt.
    pub(super) fn body(&self) -> Vec<u8> {
        let body = json!({"type": self.name, "timestamp": iso(self.at), "data": self.data});
        body.to_string().into_bytes()
    }
}

/// A conversation begins: who the user is and what was said before.
pub(super) fn started(conversation: &Conversation, history: &History, reference: &str) -> Event {
    let (turns, omitted) = transcript(history);
    let user = &conversation.user;
    let mut who = Map::new();
    let email = user
        .email
        .as_ref()
        .filter(|_| !user.has_placeholder_email());
    for (name, value) in [
        ("name", user.name.as_ref()),
        ("email", email),
        ("phone", user.phone.as_ref()),
        ("user_id", user.user_id.as_ref()),
        ("anonymous_id", user.anonymous_id.as_ref()),
        ("channel", user.channel.as_ref()),
        ("conversation_type", user.conversation_type.as_ref()),
    ] {
        if let Some(value) = value {
            who.insert(name.to_owned(), json!(value));
        }
    }
    who.insert("display_name".to_owned(), json!(user_name(conversation)));
    who.insert("person".to_owned(), json!(person(conversation)));
    let mut data = about(conversation);
    data.insert("reference".to_owned(), json!(reference));
    data.insert("bot_id".to_owned(), json!(conversation.bot));
    data.insert("user".to_owned(), Value::Object(who));
    data.insert("transcript".to_owned(), Value::Array(turns));
    data.insert("omitted".to_owned(), json!(omitted));
    let episode = conversation.episode.to_string();
    Event {
        id: id(conversation, "started", &episode),
        name: "conversation.started",
        at: conversation.opened_at,
        data: Value::Object(data),
    }
}

/// A line: what somebody wrote, or a text of the bridge's own.
pub(super) fn line(conversation: &Conversation, entry: &Entry) -> Event {
    let mut data = about(conversation);
    data.insert("message_id".to_owned(), json!(entry.id.as_str()));
    data.insert("text".to_owned(), json!(entry.text));
    let notice = entry.kind == Kind::Notice || entry.author == Author::System;
    if !notice {
        let mut author = json!({"kind": entry.author.as_str()});
        if let Some(name) = &entry.author_name {
            author["name"] = json!(name);
        }
        data.insert("author".to_owned(), author);
        data.insert("late".to_owned(), json!(entry.late));
    }
    Event {
        id: id(conversation, "entry", entry.id.as_str()),
        name: if notice {
            "notice.created"
        } else {
            "message.created"
        },
        at: entry.sent_at.unwrap_or(entry.at),
        data: Value::Object(data),
    }
}

/// A conversation has ended.
pub(super) fn closed(conversation: &Conversation, by: ClosedBy, text: &str) -> Event {
    let mut data = about(conversation);
    data.insert("closed_by".to_owned(), json!(by.as_str()));
    data.insert("text".to_owned(), json!(text));
    let episode = conversation.episode.to_string();
    Event {
        id: id(conversation, "closed", &episode),
        name: "conversation.closed",
        at: conversation.closed_at.unwrap_or(conversation.opened_at),
        data: Value::Object(data),
    }
}

/// Asks for a 2xx and nothing else.
pub(super) fn ping(now: Millis) -> Event {
    let unique = fingerprint(&[b"ping", &now.to_be_bytes()]);
    Event {
        id: format!("ping_{unique}"),
        name: "ping",
        at: now,
        data: json!({}),
    }
}

/// What every event about a conversation says.
fn about(conversation: &Conversation) -> Map<String, Value> {
    let reference = conversation.desk_ref.clone();
    let reference = reference.unwrap_or_else(|| own_reference(conversation));
    Map::from_iter([
        (
            "conversation_id".to_owned(),
            json!(conversation.id.as_str()),
        ),
        ("episode".to_owned(), json!(conversation.episode)),
        ("reference".to_owned(), json!(reference)),
    ])
}

/// An entry's id is its conversation's alone, so both are in it; and no dot, which the signed text
/// is divided by.
fn id(conversation: &Conversation, what: &str, name: &str) -> String {
    let conversation = conversation.id.as_str().as_bytes();
    let unique = fingerprint(&[conversation, what.as_bytes(), name.as_bytes()]);
    format!("msg_{unique}")
}

/// The same for two conversations of one person, and for no two people. Never the e-mail address.
fn person(conversation: &Conversation) -> String {
    let bot = conversation.bot.as_deref().unwrap_or_default();
    let key = conversation.user.person_key(&conversation.id);
    format!(
        "person_{}",
        fingerprint(&[b"person", bot.as_bytes(), key.as_bytes()])
    )
}

/// The newest turns that fit, oldest first, and how many older ones there were.
fn transcript(history: &History) -> (Vec<Value>, usize) {
    let said = history.turns.iter().filter(|turn| says_something(turn));
    let said: Vec<Value> = said.map(shown).collect();
    let mut room = MAX_HISTORY_BYTES;
    let fit = said
        .iter()
        .rev()
        .take_while(|turn| {
            let left = room.checked_sub(turn.to_string().len() + 1);
            room = left.unwrap_or_default();
            left.is_some()
        })
        .count();
    let omitted = said.len() - fit;
    (
        said.into_iter().skip(omitted).collect(),
        omitted + history.omitted,
    )
}

fn says_something(turn: &Turn) -> bool {
    !turn.text.trim().is_empty() || !turn.files.is_empty()
}

fn shown(turn: &Turn) -> Value {
    let author = match turn.speaker {
        Speaker::User => "user",
        Speaker::Bot => "bot",
        Speaker::Agent => "agent",
        Speaker::Other => "other",
    };
    let mut said = json!({
        "author": author,
        "text": cut_with_mark(turn.text.clone(), MAX_TURN_BYTES),
    });
    // Two dozen long addresses could fill the event by themselves.
    let mut room = MAX_TURN_BYTES;
    let files: Vec<Value> = turn
        .files
        .iter()
        .map(|file| match &file.content_type {
            Some(kind) => json!({"url": file.url, "content_type": kind}),
            None => json!({"url": file.url}),
        })
        .take_while(|file| {
            let left = room.checked_sub(file.to_string().len());
            room = left.unwrap_or_default();
            left.is_some()
        })
        .collect();
    if !files.is_empty() {
        said["files"] = Value::Array(files);
    }
    said
}

/// RFC 3339, in UTC.
fn iso(at: Millis) -> String {
    DateTime::from_millis(at)
        .fmt(DateTimeFormat::DateTime)
        .unwrap_or_default()
}
