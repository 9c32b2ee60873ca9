//! What is in the channel and in a thread already: every message of ours carries a mark in its
//! metadata, so that one whose answer was lost is found and not sent again.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use crate::conversation::{Conversation, EntryId};
use crate::desk::DeskError;
use crate::time::Millis;

/// Names our metadata among those of other apps.
const EVENT_TYPE: &str = "gptbots_handoff";
/// Messages of one page: more are not advised (docs.slack.dev, `conversations.replies`).
const PAGE: &str = "200";
/// Pages that are looked at.
const PAGES: usize = 10;
/// How far the clocks may differ, and an opening may have waited before its first attempt failed.
const LOOK_BACK: Millis = 3_600_000;

/// What a message of ours is, within its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    part: String,
    piece: usize,
}

impl Mark {
    /// The top of the thread.
    pub(super) fn root() -> Self {
        Self::of("root", 0)
    }

    /// The rules for agents.
    pub(super) fn rules() -> Self {
        Self::of("rules", 0)
    }

    /// A piece of what was said before.
    pub(super) fn history(piece: usize) -> Self {
        Self::of("history", piece)
    }

    /// A piece of an entry.
    pub(super) fn entry(id: &EntryId, piece: usize) -> Self {
        Self::of(id.as_str(), piece)
    }

    /// The end.
    pub(super) fn closing() -> Self {
        Self::of("closing", 0)
    }

    fn of(part: &str, piece: usize) -> Self {
        Self {
            part: part.to_owned(),
            piece,
        }
    }

    /// The mark as the argument `metadata`.
    pub(super) fn metadata(&self, conversation: &Conversation) -> Value {
        json!({
            "event_type": EVENT_TYPE,
            "event_payload": {
                "conversation_id": conversation.id.as_str(),
                "episode": conversation.episode,
                "part": self.part,
                "piece": self.piece,
            },
        })
    }
}

/// A message as `conversations.history` and `conversations.replies` give it.
#[derive(Deserialize)]
struct Message {
    ts: String,
    #[serde(default)]
    metadata: Value,
}

impl Message {
    /// What it is, where it is ours and of this conversation.
    fn mark(&self, conversation: &Conversation) -> Option<(Mark, Option<u64>)> {
        let payload = &self.metadata["event_payload"];
        let ours = self.metadata["event_type"] == EVENT_TYPE
            && payload["conversation_id"] == conversation.id.as_str();
        let mark = Mark::of(
            payload["part"].as_str()?,
            usize::try_from(payload["piece"].as_u64()?).ok()?,
        );
        ours.then(|| (mark, payload["episode"].as_u64()))
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    response_metadata: Option<Cursor>,
}

#[derive(Deserialize)]
struct Cursor {
    #[serde(default)]
    next_cursor: String,
}

/// The timestamp of the thread that an earlier attempt began for this episode.
pub(super) async fn find_root(
    api: &Api,
    channel: &str,
    conversation: &Conversation,
) -> Result<Option<String>, DeskError> {
    let since = seconds(conversation.asked_at.min(conversation.opened_at) - LOOK_BACK);
    let query = [("channel", channel), ("oldest", &since)];
    let mut found = None;
    let mut look = |message: &Message| {
        if let Some((mark, episode)) = message.mark(conversation)
            && mark == Mark::root()
            && episode == Some(conversation.episode.into())
        {
            found = Some(message.ts.clone());
        }
        found.is_some()
    };
    pages(api, "conversations.history", &query, &mut look).await?;
    Ok(found)
}

/// What is in a thread of ours already, with the timestamps: all of it, or what came since.
pub(super) async fn marks(
    api: &Api,
    (channel, ts): (&str, &str),
    conversation: &Conversation,
    since: Option<Millis>,
) -> Result<Vec<(Mark, String)>, DeskError> {
    let since = since.map(|since| seconds(since - LOOK_BACK));
    let mut query = vec![("channel", channel), ("ts", ts)];
    if let Some(since) = &since {
        query.push(("oldest", since));
    }
    let mut found = Vec::new();
    let mut look = |message: &Message| {
        if let Some((mark, _)) = message.mark(conversation) {
            found.push((mark, message.ts.clone()));
        }
        false
    };
    pages(api, "conversations.replies", &query, &mut look).await?;
    Ok(found)
}

/// Goes through the pages of a list until `look` has seen enough.
///
/// Where the app is not allowed to look, or Slack knows no such list, nothing is found: then a
/// message that may be there is better sent a second time than never.
async fn pages(
    api: &Api,
    method: &'static str,
    query: &[(&str, &str)],
    look: &mut (dyn FnMut(&Message) -> bool + Send),
) -> Result<(), DeskError> {
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let mut query = query.to_vec();
        query.extend([("include_all_metadata", "true"), ("limit", PAGE)]);
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let page: Page = match api.get(method, &query).await {
            Ok(page) => page,
            Err(refused @ (DeskError::NotConfigured(_) | DeskError::Rejected(_))) => {
                tracing::warn!(method, %refused, "cannot ask what is there already");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if page.messages.iter().any(&mut *look) {
            return Ok(());
        }
        cursor = page
            .response_metadata
            .unwrap_or(Cursor {
                next_cursor: String::new(),
            })
            .next_cursor;
        if cursor.is_empty() {
            return Ok(());
        }
    }
    tracing::warn!(method, "too many messages to look at all of them");
    Ok(())
}

/// A time as the argument `oldest`.
fn seconds(at: Millis) -> String {
    let at = at.max(0);
    format!("{}.{:03}000", at / 1_000, at % 1_000)
}
