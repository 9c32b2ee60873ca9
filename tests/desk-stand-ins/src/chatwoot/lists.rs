//! Messages and conversations as the API shows them.

use serde_json::{Value, json};

use super::state::{Message, Person, Talk};

/// How many messages a page has.
const PAGE: usize = 20;

/// A page of a conversation's messages.
pub(super) fn page(messages: &[Message], query: &str, full: bool) -> Vec<Message> {
    let number = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .next();
        found.and_then(|value| value.parse::<u64>().ok())
    };
    let (after, before) = (number("after"), number("before"));
    let mut found: Vec<_> = messages
        .iter()
        .filter(|message| full || !message.private)
        .filter(|message| before.is_none_or(|before| message.id < before))
        .filter(|message| after.is_none_or(|after| message.id > after))
        .cloned()
        .collect();
    if after.is_some() {
        found.truncate(100);
        found
    } else {
        found.split_off(found.len().saturating_sub(PAGE))
    }
}

/// A message as the lists show it.
pub(super) fn message(message: &Message, reference: &str, full: bool) -> Value {
    let content = match message.deleted {
        true => Some("This message was deleted"),
        false => message.content.as_deref(),
    };
    let mut shown = json!({
        "id": message.id, "content": content, "message_type": message.kind.number(),
        "content_type": "text", "created_at": message.created_at / 1_000,
        "content_attributes": if message.deleted { json!({"deleted": true}) } else { json!({}) },
        "conversation_id": reference.parse::<u64>().ok(), "sender": message.sender.shown(),
        "attachments": message.attachments,
    });
    if full {
        shown["private"] = message.private.into();
        shown["source_id"] = json!(message.source_id);
        shown["inbox_id"] = 2.into();
        shown["status"] = "sent".into();
    }
    shown
}

/// A conversation as the lists show it: the public ones without attributes.
pub(super) fn shown(talk: &Talk, full: bool) -> Value {
    let mut shown = json!({
        "id": talk.id, "uuid": format!("uuid-{}", talk.id), "inbox_id": 2, "status": talk.status,
    });
    if full {
        shown["custom_attributes"] = talk.attributes.clone();
        shown["updated_at"] = json!(talk.updated_at as f64 / 1_000.0);
        shown["meta"] = json!({"assignee": talk.assignee.map(Person::shown)});
    }
    shown
}
