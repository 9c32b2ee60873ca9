//! What agents write: lines, claims, ends.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::change::{Change, put_new};
use super::codec::{self, conversation};
use super::item::{Item, Put, key, n, s};
use super::keys::{
    DUE, DUE_AT, EXPIRES_AT, META, accepted_sk, conversation_pk, entry_sk, of_episode,
};
use super::transact::Written;
use super::webhooks::{closing_text, ended};
use super::{Store, StoreError};
use crate::conversation::{
    Agent, Author, ClosedBy, Conversation, ConversationId, Entry, EntryId, Kind, Side, Status,
};

/// How often a write is decided anew because the conversation changed under it.
const DECISIONS: u32 = 24;

/// What became of an agent's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// Stored, now or before: this is the entry.
    Stored(Box<Entry>),
    /// The conversation has ended: the user will not see it.
    Closed(Box<Conversation>),
    /// No such conversation.
    Unknown,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The agent has it, now or before.
    Yes(Box<Conversation>),
    /// Another agent has it, or it has ended.
    No(Box<Conversation>),
    /// No such conversation.
    Unknown,
}

/// What became of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It has ended, now or before.
    Yes(Box<Conversation>),
    /// No such conversation.
    Unknown,
}

impl Store {
    /// Reads a conversation. A tombstone, of which only the end is known, counts as unknown.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn conversation(
        &self,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let item = self
            .get("read conversation", key(conversation_pk(id), META))
            .await?;
        let known = item.as_ref().map(conversation).transpose()?;
        Ok(known.filter(|known| !known.is_tombstone()))
    }

    pub(super) async fn get(
        &self,
        operation: &'static str,
        key: Item,
    ) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(operation, &error))?;
        Ok(found.item.filter(|item| !self.has_expired(item)))
    }

    /// Whether an item's time is over; TTL deletes it some time later.
    pub(super) fn has_expired(&self, item: &Item) -> bool {
        item.get(EXPIRES_AT)
            .and_then(|value| value.as_n().ok())
            .and_then(|seconds| seconds.parse::<i64>().ok())
            .is_some_and(|seconds| seconds <= self.now() / 1000)
    }

    /// Stores an agent's line to the user. `key` is the desk's own id of it: the same one again is
    /// the same line. The first line connects, and gives the conversation to its agent where
    /// nobody has it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn post(
        &self,
        id: &ConversationId,
        agent: &Agent,
        line_key: &str,
        text: &str,
        retention_days: u32,
    ) -> Result<Posted, StoreError> {
        let expires_at = self.expires_at(retention_days);
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let Some(known) = self.conversation(id).await? else {
                return Ok(Posted::Unknown);
            };
            let marker = key(
                conversation_pk(id),
                accepted_sk(&crate::conversation::fingerprint(&[
                    known.desk.as_bytes(),
                    line_key.as_bytes(),
                ])),
            );
            if known.is_closed() {
                // A retry of a line that was accepted before the end is no line after the end.
                return match self.accepted(id, &marker).await? {
                    Some(entry) => Ok(Posted::Stored(Box::new(entry))),
                    None => Ok(Posted::Closed(Box::new(known))),
                };
            }
            let now = self.now();
            let at = known.next_user_lane_at(now);
            let mut entry = Entry::new(
                id.clone(),
                EntryId::of_agent_line(at, &known.desk, line_key),
                Kind::Message,
                Author::Agent,
                Some(Side::User),
                text,
                at,
            );
            entry.author_name = Some(agent.name.clone());
            let last = codec::last(Author::Agent, text, at);
            let meta = Change::new()
                .set("status", s(Status::Connected.as_str()))
                .set_once("connected_at", n(now))
                .set_once("agent_id", s(agent.id.as_str()))
                .set_once("agent_name", s(agent.name.as_str()))
                .set("user_lane_at", n(at))
                .set("last_author", s(last.author.as_str()))
                .set("last_text", s(last.text))
                .set("last_at", n(last.at))
                .set(EXPIRES_AT, n(expires_at))
                .remove(&[DUE, DUE_AT])
                .require("status", "<>", s(Status::Closed.as_str()))
                .require("episode", "=", n(known.episode.into()))
                .require("user_lane_at", "=", n(known.user_lane_at));
            let mut accepted = marker.clone();
            accepted.put("entry", s(entry.id.as_str()));
            accepted.put(EXPIRES_AT, n(expires_at));
            let parts = vec![
                self.changing(key(conversation_pk(id), META), meta),
                TransactWriteItem::builder()
                    .put(put_new(&self.table, accepted))
                    .build(),
                self.put_entry(&entry, expires_at),
            ];
            match self.transact("post", parts).await? {
                Written::Yes => return Ok(Posted::Stored(Box::new(entry))),
                // Both the conversation and the marker can have changed: the marker decides.
                Written::No { .. } => {
                    if let Some(entry) = self.accepted(id, &marker).await? {
                        return Ok(Posted::Stored(Box::new(entry)));
                    }
                }
            }
        }
        Err(StoreError::Contended("post"))
    }

    /// The entry of a line that was accepted before.
    async fn accepted(
        &self,
        id: &ConversationId,
        marker: &Item,
    ) -> Result<Option<Entry>, StoreError> {
        let Some(marker) = self.get("read accepted line", marker.clone()).await? else {
            return Ok(None);
        };
        let entry = EntryId::parse(super::item::Reader(&marker).s("entry")?)
            .map_err(|_| StoreError::Unreadable("entry"))?;
        self.entry(id, &entry).await
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn entry(
        &self,
        id: &ConversationId,
        entry: &EntryId,
    ) -> Result<Option<Entry>, StoreError> {
        self.get("read entry", key(conversation_pk(id), entry_sk(entry)))
            .await?
            .as_ref()
            .map(codec::entry)
            .transpose()
    }

    /// Gives a conversation to an agent, unless another one has it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn claim_conversation(
        &self,
        id: &ConversationId,
        agent: &Agent,
        retention_days: u32,
    ) -> Result<Claimed, StoreError> {
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let Some(mut known) = self.conversation(id).await? else {
                return Ok(Claimed::Unknown);
            };
            match &known.agent {
                _ if known.is_closed() => return Ok(Claimed::No(Box::new(known))),
                Some(holder) if holder.id == agent.id => {
                    return Ok(Claimed::Yes(Box::new(known)));
                }
                Some(_) => return Ok(Claimed::No(Box::new(known))),
                None => {}
            }
            let now = self.now();
            let expires_at = self.expires_at(retention_days);
            let meta = Change::new()
                .set(EXPIRES_AT, n(expires_at))
                .set("status", s(Status::Connected.as_str()))
                .set_once("connected_at", n(now))
                .set("agent_id", s(agent.id.as_str()))
                .set("agent_name", s(agent.name.as_str()))
                .remove(&[DUE, DUE_AT])
                .require("status", "<>", s(Status::Closed.as_str()))
                .require("episode", "=", n(known.episode.into()))
                .require_same("agent_id", None);
            // For the log alone: the user is not told who reads along.
            let notice = Entry::new(
                id.clone(),
                EntryId::of_agent_line(now, "claim", &agent.id),
                Kind::Notice,
                Author::System,
                None,
                format!("{} took the conversation.", agent.name),
                now,
            );
            let parts = vec![
                self.changing(key(conversation_pk(id), META), meta),
                self.put_entry(&notice, expires_at),
            ];
            if let Written::Yes = self.transact("claim conversation", parts).await? {
                known.status = Status::Connected;
                known.connected_at.get_or_insert(now);
                known.agent = Some(agent.clone());
                return Ok(Claimed::Yes(Box::new(known)));
            }
        }
        Err(StoreError::Contended("claim conversation"))
    }

    /// Ends a conversation from our side: GPTBots is told, and the desk too where `tell` says that
    /// it does not know yet. Once ended it stays as it ended.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn end(
        &self,
        id: &ConversationId,
        by: ClosedBy,
        reason: Option<&str>,
        tell: &[Side],
        retention_days: u32,
    ) -> Result<Ended, StoreError> {
        let any = |_: &Conversation| true;
        self.end_if(id, any, by, reason, tell, retention_days).await
    }

    /// As [`Store::end`], unless the conversation has been established anew since it was `seen`.
    /// Answers whether it has ended.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn end_as_seen(
        &self,
        seen: &Conversation,
        by: ClosedBy,
        reason: Option<&str>,
        tell: &[Side],
        retention_days: u32,
    ) -> Result<bool, StoreError> {
        let same = |known: &Conversation| {
            (known.episode, known.established) == (seen.episode, seen.established)
        };
        let ended = self
            .end_if(&seen.id, same, by, reason, tell, retention_days)
            .await?;
        Ok(match ended {
            Ended::Yes(known) => known.is_closed(),
            Ended::Unknown => false,
        })
    }

    /// Ends a conversation if it is (still) the one that is meant; else answers it as it is.
    async fn end_if(
        &self,
        id: &ConversationId,
        is_meant: impl Fn(&Conversation) -> bool,
        by: ClosedBy,
        reason: Option<&str>,
        tell: &[Side],
        retention_days: u32,
    ) -> Result<Ended, StoreError> {
        let expires_at = self.expires_at(retention_days);
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let Some(mut known) = self.conversation(id).await? else {
                return Ok(Ended::Unknown);
            };
            if known.is_closed() || !is_meant(&known) {
                return Ok(Ended::Yes(Box::new(known)));
            }
            let now = self.now();
            let at = known.next_user_lane_at(now);
            let meta = ended(Change::new(), id, by, reason, now)
                .set("user_lane_at", n(at))
                .set(EXPIRES_AT, n(expires_at))
                .require("status", "<>", s(Status::Closed.as_str()))
                .require("episode", "=", n(known.episode.into()))
                .require_same("established", known.established.map(n))
                .require("user_lane_at", "=", n(known.user_lane_at));
            let mut parts = vec![self.changing(key(conversation_pk(id), META), meta)];
            // At least one line of the log says how it ended.
            let sides: Vec<Option<Side>> = if tell.is_empty() {
                vec![None]
            } else {
                tell.iter().copied().map(Some).collect()
            };
            for side in sides {
                let mut entry = Entry::new(
                    id.clone(),
                    of_episode(at, Kind::Closing, known.episode, side.unwrap_or(Side::Desk)),
                    Kind::Closing,
                    Author::System,
                    side,
                    closing_text(by, reason),
                    at,
                );
                entry.episode = Some(known.episode);
                parts.push(self.put_entry(&entry, expires_at));
            }
            if let Written::Yes = self.transact("end", parts).await? {
                known.status = Status::Closed;
                known.closed_at = Some(now);
                known.closed_by = Some(by);
                known.close_reason = reason.map(str::to_owned);
                return Ok(Ended::Yes(Box::new(known)));
            }
        }
        Err(StoreError::Contended("end"))
    }
}
