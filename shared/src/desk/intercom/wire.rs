//! What of Intercom's answers and webhooks is read (vendor's description 2.14). Anything may be
//! missing or null.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A contact.
#[derive(Deserialize)]
pub(super) struct Contact {
    /// 24 hexadecimal digits.
    pub(super) id: String,
}

/// The answer to a new conversation: its first message.
#[derive(Deserialize)]
pub(super) struct Created {
    /// The conversation's id; `id` beside it is the message's.
    #[serde(deserialize_with = "id")]
    pub(super) conversation_id: String,
}

/// A teammate.
#[derive(Deserialize)]
pub(super) struct Admin {
    #[serde(default)]
    pub(super) name: Option<String>,
    /// The workspace, in the answer of `/me`.
    #[serde(default)]
    pub(super) app: Option<App>,
}

/// A workspace.
#[derive(Deserialize)]
pub(super) struct App {
    #[serde(default)]
    pub(super) id_code: Option<String>,
}

/// What a search found.
#[derive(Deserialize)]
pub(super) struct Found {
    #[serde(default)]
    pub(super) conversations: Vec<Conversation>,
}

/// A conversation.
#[derive(Deserialize)]
pub(super) struct Conversation {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    /// `open`, `closed` or `snoozed`.
    #[serde(default)]
    pub(super) state: Option<String>,
    /// Its first message.
    #[serde(default)]
    pub(super) source: Option<Source>,
    #[serde(default)]
    conversation_parts: Option<Parts>,
}

impl Conversation {
    /// Everything after the first message, oldest first. Intercom gives the newest 500.
    pub(super) fn parts(&self) -> &[Part] {
        self.conversation_parts
            .as_ref()
            .map_or(&[], |parts| &parts.conversation_parts)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.as_deref() == Some("closed")
    }
}

#[derive(Deserialize)]
pub(super) struct Source {
    #[serde(default)]
    pub(super) body: Option<String>,
}

#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    conversation_parts: Vec<Part>,
}

/// Something that happened in a conversation.
#[derive(Deserialize)]
pub(super) struct Part {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) part_type: Option<String>,
    /// HTML, or plain text where that was asked for.
    #[serde(default)]
    pub(super) body: Option<String>,
    /// In seconds.
    #[serde(default)]
    pub(super) created_at: Option<i64>,
    #[serde(default)]
    pub(super) author: Option<Author>,
    #[serde(default)]
    pub(super) assigned_to: Option<Assignee>,
    #[serde(default)]
    pub(super) attachments: Option<Vec<Attachment>>,
    #[serde(default)]
    pub(super) redacted: Option<bool>,
}

impl Part {
    /// Whether the bot's user wrote it.
    pub(super) fn is_of_contact(&self) -> bool {
        let kind = self
            .author
            .as_ref()
            .and_then(|author| author.kind.as_deref());
        matches!(kind, Some("user" | "lead" | "contact"))
    }
}

/// Who did it.
#[derive(Deserialize)]
pub(super) struct Author {
    /// `admin`, `user`, `lead`, `bot`, `team`, …
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "maybe_id")]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) from_ai_agent: Option<bool>,
}

/// Who has it now.
#[derive(Deserialize)]
pub(super) struct Assignee {
    /// `admin`, `team`, `nobody_admin`, …
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "maybe_id")]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// A file.
#[derive(Deserialize)]
pub(super) struct Attachment {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) content_type: Option<String>,
    #[serde(default)]
    pub(super) filesize: Option<u64>,
}

/// A webhook.
#[derive(Deserialize)]
pub(super) struct Notification {
    /// The same for all attempts; null in a ping.
    #[serde(default)]
    pub(super) id: Option<String>,
    pub(super) topic: String,
    /// The workspace.
    #[serde(default)]
    pub(super) app_id: Option<String>,
    /// When it happened, in seconds.
    pub(super) created_at: i64,
    /// Read so that whatever is wrong with it in [`Times`] is wrong here, too: without a time to
    /// go by nothing is believed.
    #[serde(default, rename = "first_sent_at")]
    _first_sent_at: Option<i64>,
    #[serde(default)]
    pub(super) data: Option<Data>,
}

/// What a webhook is about.
#[derive(Deserialize)]
pub(super) struct Data {
    /// A conversation in the topics that are used; anything in others.
    #[serde(default)]
    pub(super) item: Value,
}

/// A webhook's times, in seconds.
#[derive(Deserialize)]
pub(super) struct Times {
    #[serde(default)]
    pub(super) created_at: Option<i64>,
    #[serde(default)]
    pub(super) first_sent_at: Option<i64>,
}

/// Ids are texts in most places and numbers in some of the vendor's own examples.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    maybe_id(deserializer)?.ok_or_else(|| serde::de::Error::custom("an id is missing"))
}

fn maybe_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(id) if !id.is_empty() => Some(id),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    })
}
