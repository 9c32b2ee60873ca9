//! What the clock finds: undelivered entries, lanes that strayed, and who waits for an agent.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::item::{Item, Reader, s};
use super::keys::{
    DUE, DUE_AT, DUE_INDEX, PK, SHARDS, conversation_of, due, parse_due_at, waiting,
};
use super::{Store, StoreError};
use crate::conversation::{ConversationId, Side};
use crate::time::Millis;

/// How many pages of one shard a tick reads at the most: some 60,000 entries. A lane can have many
/// overdue entries, and those of a lane that cannot be served must not hide others.
const MAX_PAGES: usize = 10;
/// Undelivered for longer than this counts as overdue.
pub const OVERDUE: Millis = 120_000;

/// A lane whose head should have been delivered by now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// The conversation.
    pub conversation: ConversationId,
    /// Which of its lanes.
    pub side: Side,
}

/// What is undelivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Lanes with an entry that somebody should have looked at by now.
    pub strays: BTreeSet<Stray>,
    /// Since when the oldest entry has been in its lane.
    pub oldest: Option<Millis>,
    /// How many entries have been in their lanes for longer than [`OVERDUE`].
    pub overdue: usize,
}

/// Who waits for an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many conversations.
    pub conversations: usize,
    /// Since when the longest waiting one has.
    pub since: Option<Millis>,
}

impl Store {
    /// Finds lanes that have entries which are overdue at `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn strays(&self, now: Millis) -> Result<Vec<Stray>, StoreError> {
        Ok(self.backlog(now).await?.strays.into_iter().collect())
    }

    /// What is undelivered at `now`. Costs what is undelivered, however many conversations are
    /// open.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn backlog(&self, now: Millis) -> Result<Backlog, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.due_keys(due(shard), "read backlog"));
        let mut backlog = Backlog::default();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            let reader = Reader(&item);
            let due_at = reader.s(DUE_AT)?;
            let (Some(conversation), Some((side, queued_at))) =
                (conversation_of(reader.s(PK)?), parse_due_at(due_at))
            else {
                continue;
            };
            // '~' is behind '#': whatever is due at this very millisecond, too.
            if *due_at <= *format!("{now:016}~") {
                backlog.strays.insert(Stray { conversation, side });
            }
            let oldest = backlog.oldest.get_or_insert(queued_at);
            *oldest = (*oldest).min(queued_at);
            backlog.overdue += usize::from(now.saturating_sub(queued_at) > OVERDUE);
        }
        Ok(backlog)
    }

    /// Who waits for an agent. Costs what waits, however many conversations are open.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn waiting(&self) -> Result<Waiting, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.due_keys(waiting(shard), "read waiting"));
        let mut found = Waiting::default();
        for of_shard in try_join_all(shards).await? {
            // In order of their time, so the first is the oldest.
            let since = match of_shard.first() {
                Some(first) => Reader(first).s(DUE_AT)?.parse().ok(),
                None => None,
            };
            found.conversations += of_shard.len();
            found.since = match (found.since, since) {
                (Some(a), Some(b)) => Some(Millis::min(a, b)),
                (a, b) => a.or(b),
            };
        }
        Ok(found)
    }

    /// The keys in one partition of the index of what is due, the earliest first.
    async fn due_keys(
        &self,
        partition: String,
        operation: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let mut keys = Vec::new();
        let mut from = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DUE_INDEX)
                .key_condition_expression("#due = :due")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_values(":due", s(partition.as_str()))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of(operation, &error))?;
            keys.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(keys)
    }
}
