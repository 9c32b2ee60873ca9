//! Entries that were given up, and putting them back into their lanes.
//!
//! Found through the index [`DUE_INDEX`], whose partitions `failed#…` hold them and nothing else:
//! looking for them costs what they cost, however many were delivered. The index lags the table by
//! moments, so that an entry may still be listed that has just been put back; replaying it again
//! changes nothing.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::change::Change;
use super::codec;
use super::item::{Item, Reader, n, s};
use super::keys::{
    CHANGED, DUE, DUE_AT, DUE_INDEX, ENTRY_PREFIX, OUT, PK, SHARDS, SK, changed, conversation_of,
    conversation_pk, due, due_at, failed, out, shard,
};
use super::lanes::entry_key;
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{
    Conversation, ConversationId, Delivery, Entry, EntryId, Kind, Side, in_delivery_order,
};
use crate::time::Millis;

/// How many given-up entries a page of their list has.
const FAILED_PAGE: usize = 100;
/// How many entries are read side by side.
const READS_AT_ONCE: usize = 32;

/// An entry that was given up, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its name within the conversation.
    pub entry: EntryId,
    /// Where it should have gone.
    pub side: Side,
    /// When it was given up.
    pub at: Millis,
}

/// A page of the list of given-up entries.
#[derive(Debug)]
pub struct FailedPage {
    /// The entries, the last one given up first.
    pub failed: Vec<Failed>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// Back in its lane, or never out of it: this is the entry.
    Yes(Box<Entry>),
    /// The conversation has ended: the user will not see it.
    Closed(Box<Conversation>),
    /// No such entry.
    Unknown,
}

/// What became of a replay of several entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReplayedSeveral {
    /// Those that this call put back, in the order of their delivery.
    pub replayed: Vec<Entry>,
    /// How many were left as they are, because the user they are for has left.
    pub left: usize,
}

impl Store {
    /// Puts a failed entry back into its lane, at its old place. Pressed twice, it changes nothing
    /// the second time.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn replay(
        &self,
        id: &ConversationId,
        entry: &EntryId,
    ) -> Result<Replayed, StoreError> {
        let Some(entry) = self.entry(id, entry).await? else {
            return Ok(Replayed::Unknown);
        };
        if entry.delivery == Delivery::Failed
            && is_for_the_user(&entry)
            && let Some(known) = self.conversation(id).await?
            && known.is_closed()
        {
            return Ok(Replayed::Closed(Box::new(known)));
        }
        Ok(match self.put_back(entry).await? {
            PutBack::Now(entry) | PutBack::Before(entry) => Replayed::Yes(Box::new(entry)),
            PutBack::Gone => Replayed::Unknown,
        })
    }

    /// Puts failed entries of one conversation back into their lanes, in the order of their
    /// delivery. Entries that did not fail, or are there no more, are passed over, so that a
    /// second press changes nothing.
    ///
    /// What is for a user who has left stays as it is, also where they have come back since: an
    /// answer to what they asked another time.
    ///
    /// # Errors
    /// When the table cannot be read or written. What was put back until then stays so.
    pub async fn replay_several(
        &self,
        id: &ConversationId,
        entries: &[EntryId],
    ) -> Result<ReplayedSeveral, StoreError> {
        let found: Vec<Option<Entry>> = stream::iter(entries.to_vec())
            .map(|entry| async move { self.entry(id, &entry).await })
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        self.put_several_back(id, found.into_iter().flatten().collect())
            .await
    }

    /// Puts all failed entries of a conversation back into their lanes, as
    /// [`Store::replay_several`] does. Reads the conversation's whole log.
    ///
    /// # Errors
    /// When the table cannot be read or written. What was put back until then stays so.
    pub async fn replay_conversation(
        &self,
        id: &ConversationId,
    ) -> Result<ReplayedSeveral, StoreError> {
        let failed = self.failed_of(id).await?;
        self.put_several_back(id, failed).await
    }

    /// Reads the failed entries of a conversation, strongly consistent. Reads its whole log.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn failed_of(&self, id: &ConversationId) -> Result<Vec<Entry>, StoreError> {
        let mut failed = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :entries)")
                .filter_expression("#delivery = :failed")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_names("#delivery", "delivery")
                .expression_attribute_values(":pk", s(conversation_pk(id)))
                .expression_attribute_values(":entries", s(ENTRY_PREFIX))
                .expression_attribute_values(":failed", s(Delivery::Failed.as_str()))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of("read failed entries", &error))?;
            for item in page.items.unwrap_or_default() {
                if !self.has_expired(&item) {
                    failed.push(codec::entry(&item)?);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(failed);
            }
        }
    }

    /// Lists what was given up at or after `since`, the last one first. `cursor` is that of the
    /// page before.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn failed(
        &self,
        since: Millis,
        cursor: Option<&str>,
    ) -> Result<FailedPage, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.failed_in(shard, since, cursor, true));
        let mut found: Vec<Item> = try_join_all(shards).await?.into_iter().flatten().collect();
        found.sort_by(|a, b| place(b).cmp(place(a)));
        let cursor = (found.len() > FAILED_PAGE).then(|| place(&found[FAILED_PAGE - 1]).to_owned());
        found.truncate(FAILED_PAGE);
        let failed = found.iter().map(read).collect::<Result<_, _>>()?;
        Ok(FailedPage { failed, cursor })
    }

    /// All that was given up at or after `since`, conversation by conversation.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn failed_since(
        &self,
        since: Millis,
    ) -> Result<BTreeMap<ConversationId, Vec<Failed>>, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.failed_in(shard, since, None, false));
        let mut conversations: BTreeMap<ConversationId, Vec<Failed>> = BTreeMap::new();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            let failed = read(&item)?;
            let of = conversations.entry(failed.conversation.clone());
            of.or_default().push(failed);
        }
        Ok(conversations)
    }

    /// Reads a shard, the last one given up first: before `cursor`, and no more than a page where
    /// `one_page` says so.
    async fn failed_in(
        &self,
        shard: u8,
        since: Millis,
        cursor: Option<&str>,
        one_page: bool,
    ) -> Result<Vec<Item>, StoreError> {
        let since = format!("{since:016}");
        // Behind every time there is. A cursor from before `since` finds nothing.
        let before = cursor.unwrap_or("~");
        if before <= since.as_str() {
            return Ok(Vec::new());
        }
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .scan_index_forward(false)
            .key_condition_expression("#due = :due AND #at BETWEEN :since AND :before")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":due", s(failed(shard)))
            .expression_attribute_values(":since", s(since))
            .expression_attribute_values(":before", s(before));
        // One more than a page tells whether there is a next one; and BETWEEN finds the entry that
        // the cursor names once more.
        let query = if one_page {
            query.limit(FAILED_PAGE as i32 + 2)
        } else {
            query
        };
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let page = query
                .clone()
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of("list failed entries", &error))?;
            items.extend(
                page.items
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|item| place(item) != before),
            );
            from = page.last_evaluated_key;
            if from.is_none() || (one_page && items.len() > FAILED_PAGE) {
                return Ok(items);
            }
        }
    }

    async fn put_several_back(
        &self,
        id: &ConversationId,
        entries: Vec<Entry>,
    ) -> Result<ReplayedSeveral, StoreError> {
        let mut done = ReplayedSeveral::default();
        let failed = entries
            .into_iter()
            .filter(|entry| entry.delivery == Delivery::Failed);
        let (to_user, to_desk): (Vec<_>, Vec<_>) =
            failed.partition(|entry| entry.to == Some(Side::User));
        let known = if to_user.is_empty() {
            None
        } else {
            self.conversation(id).await?
        };
        for lane in [
            in_delivery_order(Side::Desk, to_desk, false),
            in_delivery_order(Side::User, to_user, false),
        ] {
            // One after the other: whoever drains the lane meanwhile finds the first ones of it,
            // never a later one without those before it.
            for entry in lane {
                if is_for_the_user(&entry)
                    && known.as_ref().is_some_and(|known| left(known, &entry))
                {
                    done.left += 1;
                } else if let PutBack::Now(entry) = self.put_back(entry).await? {
                    done.replayed.push(entry);
                }
            }
        }
        Ok(done)
    }

    /// Puts an entry back into its lane if it failed. Rings its lane, too: a pending entry is a
    /// bell.
    async fn put_back(&self, mut entry: Entry) -> Result<PutBack, StoreError> {
        let (Delivery::Failed, Some(side)) = (entry.delivery, entry.to) else {
            return Ok(PutBack::Before(entry));
        };
        let now = self.now();
        let change = Change::new()
            .set("delivery", s(Delivery::Pending.as_str()))
            .set("queued_at", n(now))
            .set(OUT, s(out(side, &entry)))
            .set(DUE, s(due(shard(&entry.conversation))))
            .set(DUE_AT, s(due_at(now + self.stray_after, side, now)))
            .set(CHANGED, s(changed(now, &entry.id)))
            .remove(&["error", "next_at"])
            .require("delivery", "=", s(Delivery::Failed.as_str()));
        match self.update("replay", entry_key(&entry), change).await? {
            Written::Yes => {
                entry.delivery = Delivery::Pending;
                entry.queued_at = now;
                entry.error = None;
                Ok(PutBack::Now(entry))
            }
            Written::No { item: None, .. } => Ok(PutBack::Gone),
            Written::No {
                item: Some(item), ..
            } => {
                let found = codec::entry(&item)?;
                // A write that was done though its answer got lost finds itself.
                let ours = found.is_undelivered() && found.queued_at == now;
                Ok(if ours {
                    PutBack::Now(found)
                } else {
                    PutBack::Before(found)
                })
            }
        }
    }
}

/// What became of putting an entry back.
enum PutBack {
    /// It is back in its lane, by this call.
    Now(Entry),
    /// It had not failed, or somebody else was faster.
    Before(Entry),
    /// It is there no more.
    Gone,
}

/// Whether the user would read it: a closing is for GPTBots.
fn is_for_the_user(entry: &Entry) -> bool {
    entry.to == Some(Side::User) && entry.kind != Kind::Closing
}

/// Whether the user whom an entry is for has left since, be it that they have come back.
fn left(known: &Conversation, entry: &Entry) -> bool {
    known.is_closed() || entry.at < known.opened_at
}

/// An item's place in the list.
fn place(item: &Item) -> &str {
    item.get(DUE_AT)
        .and_then(|value| value.as_s().ok())
        .map_or("", String::as_str)
}

fn read(item: &Item) -> Result<Failed, StoreError> {
    let reader = Reader(item);
    let mut place = reader.s(DUE_AT)?.splitn(3, '#');
    let at = place.next().and_then(|at| at.parse().ok());
    Ok(Failed {
        conversation: conversation_of(reader.s(PK)?).ok_or(StoreError::Unreadable(PK))?,
        entry: reader
            .s(SK)?
            .strip_prefix(ENTRY_PREFIX)
            .and_then(|id| EntryId::parse(id).ok())
            .ok_or(StoreError::Unreadable(SK))?,
        side: place
            .next()
            .and_then(Side::parse)
            .ok_or(StoreError::Unreadable(DUE_AT))?,
        at: at.ok_or(StoreError::Unreadable(DUE_AT))?,
    })
}
