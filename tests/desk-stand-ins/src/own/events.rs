//! The bridge's events, strictly as the contract has them: a member too many or too few is refused.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    #[serde(rename = "type")]
    pub(super) name: String,
    pub(super) timestamp: String,
    pub(super) data: Value,
}

/// `conversation.started`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Started {
    pub(super) conversation_id: String,
    #[serde(rename = "episode")]
    pub(super) _episode: u32,
    pub(super) reference: String,
    #[serde(rename = "bot_id")]
    pub(super) _bot_id: Option<String>,
    pub(super) user: User,
    pub(super) transcript: Vec<Turn>,
    pub(super) omitted: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) display_name: String,
    pub(super) person: String,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) user_id: Option<String>,
    #[serde(rename = "anonymous_id")]
    pub(super) _anonymous_id: Option<String>,
    pub(super) channel: Option<String>,
    #[serde(rename = "conversation_type")]
    pub(super) _conversation_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) author: TurnAuthor,
    pub(super) text: String,
    #[serde(default)]
    pub(super) files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TurnAuthor {
    User,
    Bot,
    Agent,
    Other,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) url: String,
    #[serde(rename = "content_type")]
    pub(super) _content_type: Option<String>,
}

/// `message.created`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    #[serde(rename = "conversation_id")]
    pub(super) _conversation_id: String,
    #[serde(rename = "episode")]
    pub(super) _episode: u32,
    pub(super) reference: String,
    #[serde(rename = "message_id")]
    pub(super) _message_id: String,
    pub(super) text: String,
    pub(super) author: Author,
    pub(super) late: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Author {
    pub(super) kind: AuthorKind,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthorKind {
    User,
    Agent,
}

/// `notice.created`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    #[serde(rename = "conversation_id")]
    pub(super) _conversation_id: String,
    #[serde(rename = "episode")]
    pub(super) _episode: u32,
    pub(super) reference: String,
    #[serde(rename = "message_id")]
    pub(super) _message_id: String,
    pub(super) text: String,
}

/// `conversation.closed`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closed {
    #[serde(rename = "conversation_id")]
    pub(super) _conversation_id: String,
    #[serde(rename = "episode")]
    pub(super) _episode: u32,
    pub(super) reference: String,
    #[serde(rename = "closed_by")]
    pub(super) _closed_by: ClosedBy,
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClosedBy {
    User,
    Timeout,
    Agent,
    Bridge,
}
