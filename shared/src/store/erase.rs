//! Erasing a conversation: everything that was written about it, wherever it is.
//!
//! A conversation's partition holds all of it but three things: the references that its desks know
//! it by (`D#…`), its place among its person's conversations (`P#…`), and files in the bucket. All are
//! named by what is in the partition, so that is what goes last, in one transaction with the
//! person's items and the record: erasing that stopped half-way finds the rest when it is done
//! again, by the conversation's id or by the person's.
//!
//! What stays is the record (who asked, when, how much, and a fingerprint), and for some weeks a
//! marker by the same fingerprint. By the marker, copies of webhooks that come late, sent before the
//! erasure, are known and dropped. What is sent after it is new, and kept like anything else. A
//! fingerprint is a hash of GPTBots' id of the conversation, a random number: who has the id can
//! tell that it was erased, and nobody can tell the id.

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::{TryStreamExt as _, stream};

use super::change::{Change, put};
use super::item::{Item, Put, Reader, key, n, s};
use super::keys::{
    DUE, DUE_AT, EARLY_PREFIX, ERASED, ERASURES, EXPIRES_AT, META, OUT, PK, REF, SK,
    conversation_pk, desk_ref_pk, erased_fingerprint, erased_pk, erasure_sk,
};
use super::lanes::entry_key;
use super::traces::Traces;
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{Agent, Author, ConversationId, Delivery, Entry};
use crate::time::Millis;

/// How many items are deleted side by side.
const AT_ONCE: usize = 16;
/// How many episodes go in one transaction with the conversation itself: a transaction has at most
/// 100 parts, and each episode takes two.
const EPISODES_AT_ONCE: usize = 40;
/// How long the marker stays, in days. GPTBots repeats a webhook for minutes, as far as is known.
const MARKER_DAYS: i64 = 30;
/// How long the record stays, in days: three years, in which somebody may ask what became of their
/// request.
const RECORD_DAYS: i64 = 1_095;
/// How many records one call answers.
const RECORDS: i32 = 100;

/// On whose request something is erased.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asked for it, or did it for somebody.
    pub by: &'a Agent,
    /// Whether all of a person was asked for, or this conversation alone.
    pub of_person: bool,
}

/// The record of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// When.
    pub at: Millis,
    /// Who asked.
    pub by: Agent,
    /// Whether all of a person was asked for.
    pub of_person: bool,
    /// How many items were deleted.
    pub items: i64,
    /// How many lines had files.
    pub files: i64,
    /// The fingerprint of the conversation's id.
    pub fingerprint: String,
}

/// How the last step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Everything is gone.
    Done,
    /// The user has asked for a human again meanwhile: what is new is there.
    OpenedAnew,
}

impl Store {
    /// Requires that a conversation was not erased at this time (GPTBots') or later: what was sent
    /// before that must not come back.
    pub(super) fn not_erased_since(
        &self,
        id: &ConversationId,
        sent_at: Millis,
    ) -> TransactWriteItem {
        let check = Change::new()
            .require_absent_or(("erased_at", "<", n(sent_at)))
            .into_check(&self.table, key(erased_pk(id), ERASED));
        TransactWriteItem::builder().condition_check(check).build()
    }

    /// Says from now on that a conversation is erased: what was sent before does not come back.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn mark_erased(&self, id: &ConversationId) -> Result<(), StoreError> {
        let now = self.now();
        let change = Change::new()
            .set("erased_at", n(now))
            .set(EXPIRES_AT, n(now / 1_000 + MARKER_DAYS * 86_400));
        self.update("mark as erased", key(erased_pk(id), ERASED), change)
            .await?;
        Ok(())
    }

    /// Deletes what can go in any order: lines, markers, and what the desks know the conversation
    /// by. Answers how many items that were.
    ///
    /// # Errors
    /// When the table cannot be written. What is gone until then is gone.
    pub async fn erase_items(
        &self,
        id: &ConversationId,
        traces: &Traces,
    ) -> Result<usize, StoreError> {
        let mut erased = 0;
        for (desk, reference) in traces.references() {
            erased += self.erase_reference(id, &desk, &reference).await?;
        }
        let pk = conversation_pk(id);
        let keys = traces.items.iter().map(|sk| key(pk.as_str(), sk.as_str()));
        erased += self.delete_all(keys.collect()).await?;
        Ok(erased)
    }

    async fn delete_all(&self, keys: Vec<Item>) -> Result<usize, StoreError> {
        let count = keys.len();
        stream::iter(keys.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |key| async move {
                self.delete("erase", key, Change::new()).await.map(drop)
            })
            .await?;
        Ok(count)
    }

    /// Deletes a desk's reference, and what happened there before it was known, unless it has
    /// become another conversation's.
    async fn erase_reference(
        &self,
        id: &ConversationId,
        desk: &str,
        reference: &str,
    ) -> Result<usize, StoreError> {
        let pk = desk_ref_pk(desk, reference);
        let only_ours = Change::new()
            .require_missing_or("conversation_id", ("conversation_id", "=", s(id.as_str())));
        let ours = self.delete("erase reference", key(pk.as_str(), REF), only_ours);
        if let Written::No { .. } = ours.await? {
            return Ok(0);
        }
        let early = self
            .partition(pk, EARLY_PREFIX, "read early events")
            .await?;
        let keys = early.iter().map(|item| {
            let reader = Reader(item);
            Ok(key(reader.s(PK)?, reader.s(SK)?))
        });
        let keys = keys.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(self.delete_all(keys).await? + 1)
    }

    /// Deletes the conversation itself, its histories and its person's items, and writes the record:
    /// all or nothing, and only if it is as it was `seen`. `before` counts what has gone already.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn erase_rest(
        &self,
        id: &ConversationId,
        seen: &Traces,
        before: (usize, usize),
        asked: &Asked<'_>,
    ) -> Result<Sweep, StoreError> {
        let now = self.now();
        let pk = conversation_pk(id);
        let gone = |pk: &str, sk: &str| {
            let deletion = Change::new().into_deletion(&self.table, key(pk, sk));
            TransactWriteItem::builder().delete(deletion).build()
        };
        let mut episodes: Vec<_> = seen.episodes.iter().collect();
        // Of a conversation with very many, the first ones go by themselves.
        while episodes.len() > EPISODES_AT_ONCE {
            let (history, person) = episodes.remove(0);
            let mut parts = vec![gone(&pk, history)];
            parts.extend(person.iter().map(|(pk, sk)| gone(pk, sk)));
            self.transact("erase", parts).await?;
        }
        let known = seen.conversation.as_ref();
        let as_seen = Change::new()
            .require_same(
                "established",
                known.and_then(|known| known.established).map(n),
            )
            .require_same("episode", known.map(|known| n(known.episode.into())));
        let meta = as_seen.into_deletion(&self.table, key(pk.as_str(), META));
        let mut parts = vec![TransactWriteItem::builder().delete(meta).build()];
        parts.extend(episodes.iter().map(|(history, _)| gone(&pk, history)));
        let of_person =
            seen.person_items(episodes.iter().filter_map(|(_, person)| person.as_ref()));
        parts.extend(of_person.iter().map(|(pk, sk)| gone(pk, sk)));
        let (items, files) = before;
        let items = items + parts.len() + seen.episodes.len() - episodes.len();
        parts.push(self.record(id, now, (items, files), asked));
        match self.transact("erase", parts).await? {
            Written::Yes => self.sweep(id, now).await,
            Written::No { .. } => Ok(Sweep::OpenedAnew),
        }
    }

    fn record(
        &self,
        id: &ConversationId,
        now: Millis,
        (items, files): (usize, usize),
        asked: &Asked<'_>,
    ) -> TransactWriteItem {
        let count = |number: usize| n(i64::try_from(number).unwrap_or(i64::MAX));
        let fingerprint = erased_fingerprint(id);
        let mut record = key(ERASURES, erasure_sk(now, &fingerprint));
        record.put("fingerprint", s(fingerprint));
        record.put("at", n(now));
        record.put("by_id", s(asked.by.id.as_str()));
        record.put("by_name", s(asked.by.name.as_str()));
        record.put(
            "of_person",
            aws_sdk_dynamodb::types::AttributeValue::Bool(asked.of_person),
        );
        record.put("items", count(items));
        record.put("files", count(files));
        record.put(EXPIRES_AT, n(now / 1_000 + RECORD_DAYS * 86_400));
        TransactWriteItem::builder()
            .put(put(&self.table, record))
            .build()
    }

    /// Deletes what was written while the rest was being deleted.
    async fn sweep(&self, id: &ConversationId, erased_at: Millis) -> Result<Sweep, StoreError> {
        let pk = conversation_pk(id);
        let mut late = Vec::new();
        for item in self.partition(pk.clone(), "", "read what is to go").await? {
            let reader = Reader(&item);
            let sk = reader.s(SK)?;
            if sk == META {
                return Ok(Sweep::OpenedAnew);
            }
            let sent_at = match reader.opt_n("sent_at")? {
                Some(sent_at) => sent_at,
                None => reader.opt_n("at")?.unwrap_or_default(),
            };
            if sent_at <= erased_at {
                late.push(key(pk.as_str(), sk));
            }
        }
        self.delete_all(late).await?;
        Ok(Sweep::Done)
    }

    /// Whether a line belongs to a conversation that was erased after it was written. Its text is
    /// forgotten then; the item goes by itself.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn forget_if_erased(&self, line: &Entry) -> Result<bool, StoreError> {
        let marker = key(erased_pk(&line.conversation), ERASED);
        let Some(marker) = self.get("read what was erased", marker).await? else {
            return Ok(false);
        };
        let erased_at = Reader(&marker).n("erased_at")?;
        // The bridge itself writes nothing about a conversation that is not there, but in passing.
        let is_new = line.author == Author::User && line.sent_at.unwrap_or(line.at) > erased_at;
        if is_new {
            return Ok(false);
        }
        let change = Change::new()
            .set("text", s(""))
            .set("delivery", s(Delivery::Delivered.as_str()))
            .set(EXPIRES_AT, n(self.now() / 1_000))
            .remove(&[
                OUT,
                DUE,
                DUE_AT,
                "next_at",
                "error",
                "author_name",
                "origin",
                "remote_id",
            ])
            .require_present(OUT);
        self.update("forget line", entry_key(line), change).await?;
        Ok(true)
    }

    /// The records of erasures, the last first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn erasures(&self) -> Result<Vec<Erasure>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .scan_index_forward(false)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", s(ERASURES))
            .limit(RECORDS)
            .send()
            .await
            .map_err(|error| StoreError::of("read erasures", &error))?;
        let items = page.items.unwrap_or_default();
        let kept = items.iter().filter(|item| !self.has_expired(item));
        kept.map(|item| {
            let reader = Reader(item);
            Ok(Erasure {
                at: reader.n("at")?,
                by: Agent {
                    id: reader.s("by_id")?.to_owned(),
                    name: reader.s("by_name")?.to_owned(),
                },
                of_person: reader.flag("of_person"),
                items: reader.n("items")?,
                files: reader.n("files")?,
                fingerprint: reader.s("fingerprint")?.to_owned(),
            })
        })
        .collect()
    }
}
