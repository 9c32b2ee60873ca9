//! What the relay reads and writes: lanes, claims and marks.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::change::{Change, put};
use super::codec::{self, conversation, entry, entry_item};
use super::item::{Item, Put, Reader, key, n, s};
use super::keys::{
    CHANGED, DUE, DUE_AT, EXPIRES_AT, LANES, META, META_OUT, OUT, PK, REF, SK, changed,
    conversation_pk, desk_ref_pk, due, due_at, entry_sk, failed, failed_at, follow_up, shard,
};
use super::together::{claimed, claiming};
use super::transact::Written;
use super::webhooks::closed;
use super::{Store, StoreError};
use crate::conversation::{
    Author, ClosedBy, Conversation, ConversationId, Delivery, Entry, Kind, Side, in_delivery_order,
};
use crate::desk::{CONSOLE, Opened};
use crate::statistics::Counts;
use crate::time::Millis;

/// What one read of a lane finds.
#[derive(Debug)]
pub struct Lane {
    /// The conversation; `None` where only lines of it have come so far.
    pub conversation: Option<Conversation>,
    /// The undelivered entries for one side, in the order of delivery.
    pub entries: Vec<Entry>,
    /// When the desk reference would go, in seconds, as far as the conversation knows.
    pub reference_until: Option<i64>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has it, under this id where it gives one.
    Delivered {
        /// The other side's id of it.
        remote_id: Option<String>,
        /// It came after the end of the conversation.
        late: bool,
    },
    /// Not now: the next attempt is due then.
    Retry {
        /// When the next attempt is due.
        at: Millis,
        /// Why this one failed.
        reason: String,
    },
    /// Never, unless somebody replays it.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Whether a mark was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Set.
    Done,
    /// Somebody else has taken the entry over meanwhile: it may have been sent twice.
    Lost,
}

impl Store {
    /// Reads a lane and its conversation, strongly consistent, in one query (more only where a
    /// lane exceeds 1 MB).
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn lane(&self, id: &ConversationId, side: Side) -> Result<Lane, StoreError> {
        const OPERATION: &str = "read lane";
        let half = match side {
            Side::Desk => "#pk = :pk AND #out <= :meta",
            Side::User => "#pk = :pk AND #out >= :meta",
        };
        let mut lane = Lane {
            conversation: None,
            entries: Vec::new(),
            reference_until: None,
        };
        let mut from = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(LANES)
                .consistent_read(true)
                .key_condition_expression(half)
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#out", OUT)
                .expression_attribute_values(":pk", s(conversation_pk(id)))
                .expression_attribute_values(":meta", s(META_OUT))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of(OPERATION, &error))?;
            let items = page.items.unwrap_or_default();
            for item in items.into_iter().filter(|item| !self.has_expired(item)) {
                if item.get(SK) == Some(&s(META)) {
                    lane.reference_until = Reader(&item).opt_n("desk_ref_until")?;
                    lane.conversation = Some(conversation(&item)?);
                } else {
                    lane.entries.push(entry(&item)?);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        let open = lane
            .conversation
            .as_ref()
            .is_some_and(|known| !known.is_closed());
        lane.entries = in_delivery_order(side, lane.entries, open);
        Ok(lane)
    }

    /// Takes an entry for one attempt, until the lease runs out. `None`: it has changed since it
    /// was read, so somebody else has it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn claim(
        &self,
        seen: &Entry,
        lease_until: Millis,
    ) -> Result<Option<Entry>, StoreError> {
        let token = self.random.between(0..i64::MAX);
        let change = claiming(seen, lease_until, token);
        match self.update("claim", entry_key(seen), change).await? {
            Written::No { item, .. }
                if item.as_ref().and_then(|item| item.get("lease_token")) != Some(&n(token)) =>
            {
                Ok(None)
            }
            Written::Yes | Written::No { .. } => Ok(Some(claimed(seen, lease_until))),
        }
    }

    /// Marks an entry with how its attempt ended. `entry` is as claimed, or as read where nothing
    /// had to be sent. A user's line that the desk has becomes the last line of its conversation.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn mark(
        &self,
        entry: &Entry,
        outcome: &Outcome,
        conversation: Option<&Conversation>,
        retention_days: u32,
    ) -> Result<Mark, StoreError> {
        if let Some(known) = conversation.filter(|_| is_shown(entry, outcome)) {
            let meta = last_line(entry, self.expires_at(retention_days));
            let parts = vec![
                self.changing(entry_key(entry), self.marking(entry, outcome)),
                self.changing(key(conversation_pk(&known.id), META), meta),
            ];
            match self.transact("mark", parts).await? {
                // Something newer is the last line already: the mark alone, then.
                Written::No { part: 1, .. } => {}
                written => return settled(written, entry, outcome),
            }
        }
        if let (Some(known), Outcome::Failed { .. }) = (conversation, outcome) {
            let parts = vec![
                self.changing(entry_key(entry), self.marking(entry, outcome)),
                self.counting_failed(known, 1),
            ];
            let written = self.transact("mark", parts).await?;
            return settled(written, entry, outcome);
        }
        let written = self
            .update("mark", entry_key(entry), self.marking(entry, outcome))
            .await?;
        settled(written, entry, outcome)
    }

    /// Counts lines that are given up along with a transaction, for today.
    pub(super) fn counting_failed(&self, known: &Conversation, lines: usize) -> TransactWriteItem {
        let bot = known.bot.as_deref().unwrap_or_default();
        self.counting_at(&known.id, bot, self.now(), &Counts::failed(lines))
    }

    /// A change of one item as a part of a transaction.
    pub(super) fn changing(&self, key: Item, change: Change) -> TransactWriteItem {
        TransactWriteItem::builder()
            .update(change.in_transaction(&self.table, key))
            .build()
    }

    pub(super) fn marking(&self, entry: &Entry, outcome: &Outcome) -> Change {
        let now = self.now();
        let change = Change::new()
            .set(CHANGED, s(changed(now, &entry.id)))
            .remove(&["lease_until", "lease_token"])
            .require("delivery", "=", s(entry.delivery.as_str()))
            .require("attempts", "=", n(entry.attempts.into()));
        let side = entry.to.unwrap_or(Side::Desk);
        match outcome {
            Outcome::Delivered { remote_id, late } => change
                .set("delivery", s(Delivery::Delivered.as_str()))
                .set("remote_id", remote_id.as_deref().map(s))
                .set("late", late.then_some(AttributeValue::Bool(true)))
                .remove(&["error", "next_at", OUT, DUE, DUE_AT]),
            Outcome::Retry { at, reason } => change
                .set("delivery", s(Delivery::Retrying.as_str()))
                .set("next_at", n(*at))
                .set("error", s(reason.as_str()))
                .set(
                    DUE_AT,
                    s(due_at(
                        at.saturating_add(self.stray_after),
                        side,
                        entry.queued_at,
                    )),
                ),
            Outcome::Failed { reason } => change
                .set("delivery", s(Delivery::Failed.as_str()))
                .set("error", s(reason.as_str()))
                .remove(&["next_at", OUT])
                .set(DUE, s(failed(shard(&entry.conversation))))
                .set(DUE_AT, s(failed_at(now, side, entry))),
        }
    }

    /// Marks an opening as delivered, together with the desk's reference in both directions: a
    /// reply that comes at once must find its conversation.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn mark_opened(
        &self,
        entry: &Entry,
        conversation: &Conversation,
        opened: &Opened,
        retention_days: u32,
    ) -> Result<Mark, StoreError> {
        let reference = opened.reference.as_str();
        let delivered = Outcome::Delivered {
            remote_id: Some(reference.to_owned()),
            late: false,
        };
        let mut back = key(desk_ref_pk(&conversation.desk, reference), REF);
        back.put("conversation_id", s(conversation.id.as_str()));
        let episode = entry.episode.unwrap_or(conversation.episode);
        back.put("episode", n(episode.into()));
        let until = self.reference_until(retention_days);
        back.put(EXPIRES_AT, n(until));
        let meta = Change::new()
            .set("desk_ref", s(reference))
            .set("desk_ref_until", n(until))
            .set("desk_context", opened.context.as_deref().map(s))
            .set(EXPIRES_AT, n(self.expires_at(retention_days)))
            .require_present("status");
        let put = |item| {
            TransactWriteItem::builder()
                .put(put(&self.table, item))
                .build()
        };
        // So that the reference can be found by the conversation, also when its desk is another.
        let marking = self
            .marking(entry, &delivered)
            .set("opened_at_desk", s(conversation.desk.as_str()));
        let mut parts = vec![
            self.changing(entry_key(entry), marking),
            self.changing(key(conversation_pk(&conversation.id), META), meta),
            put(back),
        ];
        if conversation.desk != CONSOLE {
            let expires_at = self.expires_at(retention_days);
            parts.push(put(self.to_reconcile(
                &conversation.id,
                episode,
                expires_at,
            )));
        }
        let written = self.transact("mark opened", parts).await?;
        settled(written, entry, &delivered)
    }

    /// Writes that GPTBots is to be told once more, `not_before` then, that the conversation has
    /// ended, because the user wrote after the end. Once for each such line.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn close_again(
        &self,
        conversation: &Conversation,
        late: &Entry,
        not_before: Millis,
        retention_days: u32,
    ) -> Result<(), StoreError> {
        let mut entry = Entry::new(
            conversation.id.clone(),
            follow_up(late.at, "close-again", &late.id),
            Kind::Closing,
            Author::System,
            Some(Side::User),
            "The conversation had ended before.",
            self.now(),
        );
        entry.episode = Some(conversation.episode);
        entry.delivery = Delivery::Retrying;
        entry.next_at = Some(not_before);
        let item = entry_item(&entry, self.stray_after, self.expires_at(retention_days));
        self.put_if_new("close again", item).await?;
        Ok(())
    }

    /// Writes that the desk is to close what it has only just opened: the opening had failed, and was
    /// replayed after the end, whose closing had found nothing to close.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn close_opened_late(
        &self,
        conversation: &Conversation,
        opening: &Entry,
        retention_days: u32,
    ) -> Result<(), StoreError> {
        let by = conversation.closed_by.unwrap_or(ClosedBy::User);
        let mut entry = Entry::of_notice(
            conversation.id.clone(),
            follow_up(opening.at, "close-opened-late", &opening.id),
            Kind::Closing,
            Some(Side::Desk),
            closed(by, conversation.close_reason.as_deref()),
            self.now(),
        );
        entry.episode = opening.episode;
        let item = entry_item(&entry, self.stray_after, self.expires_at(retention_days));
        self.put_if_new("close opened late", item).await?;
        Ok(())
    }

    /// Rings a lane without a queue: its head becomes pending again, which the stream reports.
    /// Changes nothing where the head has moved on, or is not due.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn nudge(&self, head: &Entry) -> Result<(), StoreError> {
        let side = head.to.unwrap_or(Side::Desk);
        let now = self.now();
        // The attempt that may have died over it must not be able to mark it any more, or what it
        // still sends would be sent twice unnoticed: the count of attempts goes on.
        let change = Change::new()
            .set("delivery", s(Delivery::Pending.as_str()))
            .set("attempts", n(i64::from(head.attempts) + 1))
            .set(DUE, s(due(shard(&head.conversation))))
            .set(
                DUE_AT,
                s(due_at(now + self.stray_after, side, head.queued_at)),
            )
            .require_present(OUT)
            .require("delivery", "=", s(head.delivery.as_str()))
            .require("attempts", "=", n(head.attempts.into()));
        self.update("nudge", entry_key(head), change).await?;
        Ok(())
    }
}

/// Whether an outcome makes an entry the last line of its conversation: a user's line that the desk
/// has.
pub(super) fn is_shown(entry: &Entry, outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Delivered { .. })
        && entry.author == Author::User
        && entry.kind == Kind::Message
}

/// META with this entry as the last line, unless something newer is.
pub(super) fn last_line(entry: &Entry, expires_at: i64) -> Change {
    let last = codec::last(entry.author, &entry.text, entry.at);
    Change::new()
        .set("last_author", s(last.author.as_str()))
        .set("last_text", s(last.text))
        .set("last_at", n(last.at))
        .set(EXPIRES_AT, n(expires_at))
        .require_present("status")
        .require_missing_or("last_at", ("last_at", "<=", n(last.at)))
}

/// What became of a mark. One that was written though its answer got lost finds itself.
pub(super) fn settled(
    written: Written,
    entry: &Entry,
    outcome: &Outcome,
) -> Result<Mark, StoreError> {
    match written {
        Written::Yes => Ok(Mark::Done),
        Written::No {
            part: 0,
            item: Some(item),
        } => {
            let found = codec::entry(&item)?;
            let same = match outcome {
                Outcome::Delivered { remote_id, .. } => {
                    found.delivery == Delivery::Delivered && found.remote_id == *remote_id
                }
                Outcome::Retry { .. } => found.delivery == Delivery::Retrying,
                Outcome::Failed { .. } => found.delivery == Delivery::Failed,
            };
            // Only a claim tells whose it is: an entry that was never claimed may have been marked
            // by anybody.
            let claimed = entry.delivery == Delivery::Sending;
            let ours = same && claimed && found.attempts == entry.attempts;
            Ok(if ours { Mark::Done } else { Mark::Lost })
        }
        Written::No { .. } => Ok(Mark::Lost),
    }
}

pub(super) fn entry_key(entry: &Entry) -> Item {
    key(conversation_pk(&entry.conversation), entry_sk(&entry.id))
}
