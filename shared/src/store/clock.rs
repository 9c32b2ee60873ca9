//! What the clock finds: undelivered entries, lanes that strayed, and who waits for an agent.
//! Timers that are due are found in `timer.rs`.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::item::{Item, Reader, s};
use super::keys::{
    DUE, DUE_AT, DUE_INDEX, PK, SHARDS, conversation_of, due, parse_due_at, parse_queued_at,
    waiting,
};
use super::{Store, StoreError};
use crate::conversation::{Conversation, ConversationId, Side, fingerprint};
use crate::time::Millis;

/// How many pages of one shard a tick reads at the most: some 60,000 entries. A lane can have many
/// overdue entries, and those of a lane that cannot be served must not hide others.
const MAX_PAGES: usize = 10;
/// How many of a shard's waiting conversations a tick counts: what fits into the 4 KB that a read
/// costs at the least, so that a long queue costs a tick no more than a short one.
const COUNTED_WAITING: i32 = 40;
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
    /// How many conversations: exactly up to some 40, and at most 160 are counted.
    pub conversations: usize,
    /// Since when the longest waiting one has.
    pub since: Option<Millis>,
}

/// Those who wait for an agent, in the order of their coming.
#[derive(Debug, Clone, Default)]
pub struct Queue(Vec<(Millis, String)>);

impl Queue {
    /// The place of a conversation that waits: 1 for the next of its bot.
    pub fn position(&self, known: &Conversation) -> usize {
        let bot = fingerprint(&[known.bot.as_deref().unwrap_or_default().as_bytes()]);
        let before = |(since, of): &&(Millis, String)| {
            *since < known.opened_at && (of.is_empty() || *of == bot)
        };
        self.0.iter().filter(before).count() + 1
    }
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
        let shards = (0..SHARDS).map(|shard| self.due_keys(due(shard), "read backlog", None));
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

    /// Who waits for an agent, counted up to a point. Costs the same however many do.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn waiting(&self) -> Result<Waiting, StoreError> {
        let shards = (0..SHARDS)
            .map(|shard| self.due_keys(waiting(shard), "read waiting", Some(COUNTED_WAITING)));
        let mut found = Waiting::default();
        for of_shard in try_join_all(shards).await? {
            // In order of their time, so the first is the oldest.
            let since = match of_shard.first() {
                Some(first) => parse_queued_at(Reader(first).s(DUE_AT)?).map(|(since, _)| since),
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

    /// Everybody who waits for an agent. Costs who waits: keys alone, some 40 of them for half a
    /// read unit.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn queue(&self) -> Result<Queue, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.due_keys(waiting(shard), "read queue", None));
        let mut queue = Queue::default();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            let reader = Reader(&item);
            let place = parse_queued_at(reader.s(DUE_AT)?);
            queue
                .0
                .extend(place.map(|(since, bot)| (since, bot.to_owned())));
        }
        Ok(queue)
    }

    /// The keys in one partition of the index of what is due, the earliest first; `most` of them.
    async fn due_keys(
        &self,
        partition: String,
        operation: &'static str,
        most: Option<i32>,
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
                .set_limit(most)
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of(operation, &error))?;
            keys.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() || most.is_some() {
                break;
            }
        }
        Ok(keys)
    }
}
