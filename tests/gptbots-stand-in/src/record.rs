//! What went over the wire, kept apart from what the user sees, for checks.

use std::time::Duration;

use serde_json::Value;

use crate::model::ConversationId;

/// A call of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `POST /v1/human/message/receive`.
    Reply,
    /// `POST /v1/human/close`.
    Close,
    /// `GET /v1/api-key/verify`.
    Verify,
}

/// A reply or close that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// [`CallKind::Reply`] or [`CallKind::Close`].
    pub kind: CallKind,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The bridge's timestamp, as sent.
    pub timestamp: i64,
    /// The text of a reply; `None` for a close.
    pub body: Option<String>,
    /// When it came, in epoch milliseconds.
    pub at: i64,
}

/// Any call of the bridge with its answer, refused ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which interface.
    pub kind: CallKind,
    /// The conversation it named, where one could be read.
    pub conversation_id: Option<ConversationId>,
    /// The HTTP status of the answer; `None` where an outage left the call without one.
    pub status: Option<u16>,
    /// The `code` of the answer; `None` where it had none.
    pub code: Option<i64>,
    /// Whether an [`crate::Outage`] shaped the answer.
    pub outage: bool,
    /// When it came, in epoch milliseconds.
    pub at: i64,
}

/// A webhook of the contract (section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// `/conversation/establish`.
    Establish,
    /// `/chat`.
    Chat,
    /// `/conversation/close`.
    Close,
}

impl Webhook {
    /// The path that GPTBots appends to the base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Establish => "/conversation/establish",
            Self::Chat => "/chat",
            Self::Close => "/conversation/close",
        }
    }
}

/// How a webhook call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer yet.
    Pending,
    /// An answer with this HTTP status; 200 is the only good one (contract, section 1).
    Answered(u16),
    /// No answer inside the webhook timeout.
    TimedOut,
    /// No connection, or one that broke.
    Failed,
}

/// One attempt of a webhook call.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Which webhook.
    pub webhook: Webhook,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The payload's timestamp: epoch milliseconds, increasing inside a conversation.
    pub timestamp: i64,
    /// The payload, as sent.
    pub payload: Value,
    /// 1 for the first attempt; a retry has the same payload.
    pub attempt: u32,
    /// How it went.
    pub outcome: Outcome,
    /// The answer's body, where it was JSON.
    pub answer: Option<Value>,
    /// When the attempt started, in epoch milliseconds.
    pub at: i64,
    /// How long the answer took; `None` while it is pending.
    pub took: Option<Duration>,
}
