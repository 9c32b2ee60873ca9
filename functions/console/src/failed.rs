//! What was not delivered, and sending it again: one conversation's, or all since a time.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use handoff::conversation::{Conversation, ConversationId, Delivery, EntryId};
use handoff::store::{Failed, ReplayedSeveral, StoreError};
use handoff::time::Millis;
use lambda_http::{Request, RequestExt as _};
use serde_json::{Value, json};

use crate::api::{ApiError, invalid};
use crate::{Console, view};

/// How many entries one call sends again, more only where one conversation has more: it has to end
/// well before API Gateway's and the function's patience.
const MOST_A_CALL: usize = 200;
/// How many conversations, or entries, are looked at side by side.
const AT_ONCE: usize = 16;

impl Console {
    /// `GET failed?since=&cursor=`: what was given up since then, the last first.
    pub(crate) async fn failed(&self, request: &Request) -> Result<Value, ApiError> {
        let query = request.query_string_parameters();
        let since: Millis = query
            .first("since")
            .unwrap_or_default()
            .parse()
            .ok()
            .filter(|since| *since >= 0)
            .ok_or_else(|| invalid(SINCE))?;
        let cursor = match query.first("cursor").filter(|cursor| !cursor.is_empty()) {
            None => None,
            Some(cursor) => Some(decoded(cursor)?),
        };
        let page = self.store.failed(since, cursor.as_deref()).await?;
        let (failed, conversations) = tokio::try_join!(
            self.as_they_are(&page.failed),
            self.conversations_of(&page.failed)
        )?;
        Ok(json!({
            "failed": failed,
            "conversations": conversations.iter().map(view::conversation).collect::<Vec<_>>(),
            "cursor": page.cursor.map(|cursor| URL_SAFE_NO_PAD.encode(cursor)),
        }))
    }

    /// The entries themselves; without those that were sent again a moment ago, which the index
    /// still lists.
    async fn as_they_are(&self, failed: &[Failed]) -> Result<Vec<Value>, StoreError> {
        let entries: Vec<_> = stream::iter(failed.to_vec())
            .map(|one| async move {
                let entry = self.store.entry(&one.conversation, &one.entry).await?;
                Ok::<_, StoreError>((one, entry))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(entries
            .iter()
            .filter_map(|(one, entry)| Some((one, entry.as_ref()?)))
            .filter(|(_, entry)| entry.delivery == Delivery::Failed)
            .map(|(one, entry)| {
                json!({
                    "conversation_id": one.conversation.as_str(),
                    "failed_at": one.at,
                    "entry": view::entry(entry),
                })
            })
            .collect())
    }

    async fn conversations_of(&self, failed: &[Failed]) -> Result<Vec<Conversation>, StoreError> {
        let ids: BTreeSet<_> = failed.iter().map(|one| one.conversation.clone()).collect();
        let known: Vec<Option<Conversation>> = stream::iter(ids)
            .map(|id| async move { self.store.conversation(&id).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(known.into_iter().flatten().collect())
    }

    /// `POST conversations/{id}/replay`: all failed entries of a conversation.
    pub(crate) async fn replay_conversation(&self, id: &ConversationId) -> Result<Value, ApiError> {
        if self.store.conversation(id).await?.is_none() {
            return Err(ApiError::NoSuchConversation);
        }
        let ReplayedSeveral { replayed, left } = self.store.replay_conversation(id).await?;
        tracing::info!(conversation_id = %id, replayed = replayed.len(), left, "sent again");
        Ok(json!({
            "replayed": replayed.len(),
            "left": left,
            "entries": replayed.iter().map(view::entry).collect::<Vec<_>>(),
        }))
    }

    /// `POST replay`: all that was given up since a time, a piece with each call: the answer's
    /// `cursor` is what the next one begins with.
    pub(crate) async fn replay_since(&self, body: &Value) -> Result<Value, ApiError> {
        let since = body
            .get("since")
            .and_then(Value::as_i64)
            .filter(|since| *since >= 0)
            .ok_or_else(|| invalid(SINCE))?;
        let beyond = match body.get("cursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(cursor)) => {
                Some(ConversationId::from_path(cursor).map_err(|_| invalid(CURSOR))?)
            }
            Some(_) => return Err(invalid(CURSOR)),
        };
        // Small: keys alone. Read anew by each call, so that no state has to be kept between two.
        let mut waiting = self.store.failed_since(since).await?.into_iter();
        let mut piece: Vec<(ConversationId, Vec<EntryId>)> = Vec::new();
        let mut entries = 0;
        for (id, failed) in waiting.by_ref() {
            if beyond.as_ref().is_some_and(|beyond| id <= *beyond) {
                continue;
            }
            entries += failed.len();
            piece.push((id, failed.into_iter().map(|one| one.entry).collect()));
            if entries >= MOST_A_CALL {
                break;
            }
        }
        let cursor = (waiting.len() > 0)
            .then(|| piece.last().map(|(id, _)| id.to_path()))
            .flatten();
        let done: Vec<ReplayedSeveral> = stream::iter(piece)
            .map(|(id, entries)| async move { self.store.replay_several(&id, &entries).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let replayed: usize = done.iter().map(|done| done.replayed.len()).sum();
        let left: usize = done.iter().map(|done| done.left).sum();
        tracing::info!(since, replayed, left, "sent again");
        Ok(json!({"replayed": replayed, "left": left, "cursor": cursor}))
    }
}

const SINCE: &str = "since: must be a time in milliseconds since 1970";
const CURSOR: &str = "cursor: is not a cursor of this list";

fn decoded(cursor: &str) -> Result<String, ApiError> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid(CURSOR))
}
