//! What agents write: lines, claims, ends.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::change::{Change, put_new};
use super::codec::{self, conversation};
use super::item::{Item, Put, key, n, s};
use super::keys::{
    DUE, DUE_AT, EXPIRES_AT, META, accepted_sk, conversation_pk, entry_sk, follow_up, of_episode,
};
use super::transact::Written;
use super::webhooks::{closed, ended};
use super::{Store, StoreError};
use crate::conversation::{
    Agent, Author, ClosedBy, Conversation, ConversationId, Entry, EntryId, Kind, Notice, Origin,
    Side, Status,
};
use crate::desk::{CONSOLE, DeskFile};
use crate::statistics::Counts;
use crate::time::Millis;

/// How often a write is decided anew because the conversation changed under it.
pub(super) const DECISIONS: u32 = 24;

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

/// An agent's line on its way in.
#[derive(Clone)]
pub struct Line<'a> {
    /// The desk instance at which it was written.
    pub desk: &'a str,
    /// The episode that was opened where it was written, if that is known.
    pub episode: Option<u32>,
    /// The desk's own id of the line.
    pub key: &'a str,
    /// Who wrote it.
    pub agent: &'a Agent,
    /// What it says.
    pub text: &'a str,
    /// Files that came with it.
    pub files: &'a [DeskFile],
    /// Whether the desk is to be asked for more before it is sent.
    pub incomplete: bool,
}

impl Line<'_> {
    /// The line as it goes to the user.
    fn entry(&self, id: &ConversationId, at: Millis) -> Entry {
        let mut entry = Entry::new(
            id.clone(),
            EntryId::of_agent_line(at, self.desk, self.key),
            Kind::Message,
            Author::Agent,
            Some(Side::User),
            self.text,
            at,
        );
        entry.author_name = Some(self.agent.name.clone()).filter(|name| !name.is_empty());
        entry.origin = (self.desk != CONSOLE).then(|| Origin {
            desk: self.desk.to_owned(),
            agent: self.agent.id.clone(),
            files: self.files.to_vec(),
            incomplete: self.incomplete,
        });
        entry
    }

    /// Whether the conversation's own desk does not show it by itself.
    fn is_elsewhere(&self, known: &Conversation) -> bool {
        self.desk != known.desk || self.episode.is_some_and(|of| of != known.episode)
    }
}

/// An end, from our side.
pub(super) struct End<'a> {
    pub(super) by: ClosedBy,
    pub(super) reason: Option<&'a str>,
    /// Who does not know yet.
    pub(super) tell: &'a [Side],
    /// What the agents are told at their desk, which has ended it itself, or is to keep it.
    pub(super) notice: Option<Notice>,
    /// What the user is told before.
    pub(super) farewell: Option<String>,
}

impl<'a> End<'a> {
    fn new(by: ClosedBy, reason: Option<&'a str>, tell: &'a [Side]) -> Self {
        Self {
            by,
            reason,
            tell,
            notice: None,
            farewell: None,
        }
    }
}

/// The marker that something a desk told was taken in.
pub(super) fn accepted_key(id: &ConversationId, desk: &str, event: &str) -> Item {
    let parts = [desk.as_bytes(), event.as_bytes()];
    let sk = accepted_sk(&crate::conversation::fingerprint(&parts));
    key(conversation_pk(id), sk)
}

/// Whom a conversation's own desk is told of: the desk, if it is another one than the console,
/// which shows the log.
fn desk_lane(known: &Conversation) -> Option<Side> {
    (known.desk != CONSOLE).then_some(Side::Desk)
}

/// What the log says of a claim. The desk is told, so that it can show who has the conversation;
/// the user is not told who reads along.
pub(super) fn taken(known: &Conversation, agent: &Agent, now: Millis) -> Entry {
    let by = agent.called().to_owned();
    let id = EntryId::of_agent_line(now, "claim", &agent.id);
    notice_to_desk(known, id, Notice::Taken { by }, now)
}

pub(super) fn notice_to_desk(
    known: &Conversation,
    id: EntryId,
    notice: Notice,
    now: Millis,
) -> Entry {
    let (conversation, to) = (known.id.clone(), desk_lane(known));
    Entry::of_notice(conversation, id, Kind::Notice, to, notice, now)
}

/// What the conversation's own desk is told of an agent's line: what was written elsewhere, or that
/// somebody has the conversation now.
fn told_at_its_desk(known: &Conversation, line: &Line<'_>, entry: &Entry) -> Option<Entry> {
    let lane = desk_lane(known)?;
    let by = line.agent.called();
    if line.is_elsewhere(known) {
        let place = match line.desk {
            CONSOLE => "in the console",
            _ => "elsewhere",
        };
        let files: String = line.files.iter().map(|f| format!("\n{}", f.name)).collect();
        let text = format!("{by} answered the user {place}: {}{files}", line.text);
        let id = follow_up(entry.at, "copy", &entry.id);
        let (known, kind, author) = (known.id.clone(), Kind::Notice, Author::System);
        let mut copy = Entry::new(known, id, kind, author, Some(lane), text, entry.at);
        copy.copy = true;
        return Some(copy);
    }
    known
        .agent
        .is_none()
        .then(|| taken(known, line.agent, entry.at))
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

    /// Reads an item, unless its time is over.
    pub(super) async fn get(
        &self,
        operation: &'static str,
        key: Item,
    ) -> Result<Option<Item>, StoreError> {
        let found = self.get_any(operation, key).await?;
        Ok(found.filter(|item| !self.has_expired(item)))
    }

    /// Reads an item, also where its time is over and nothing has deleted it yet.
    pub(super) async fn get_any(
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
        Ok(found.item)
    }

    /// Whether an item's time is over; TTL deletes it some time later.
    pub(super) fn has_expired(&self, item: &Item) -> bool {
        item.get(EXPIRES_AT)
            .and_then(|value| value.as_n().ok())
            .and_then(|seconds| seconds.parse::<i64>().ok())
            .is_some_and(|seconds| seconds <= self.now() / 1000)
    }

    /// Stores an agent's line to the user, written in the console. `line_key` is the page's own id
    /// of it. See [`Store::post_line`].
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
        let line = Line {
            desk: CONSOLE,
            episode: None,
            key: line_key,
            agent,
            text,
            files: &[],
            incomplete: false,
        };
        self.post_line(id, &line, retention_days).await
    }

    /// Stores an agent's line to the user. The same key of the same desk again is the same line.
    /// The first line connects, and gives the conversation to its agent where nobody has it. The
    /// conversation's own desk, where that is another one than the console, is told of what was
    /// written elsewhere, and of who has the conversation now.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn post_line(
        &self,
        id: &ConversationId,
        line: &Line<'_>,
        retention_days: u32,
    ) -> Result<Posted, StoreError> {
        let expires_at = self.expires_at(retention_days);
        let marker = accepted_key(id, line.desk, line.key);
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let Some(known) = self.conversation(id).await? else {
                return Ok(Posted::Unknown);
            };
            if known.is_closed() {
                // A retry of a line that was accepted before the end is no line after the end.
                return match self.accepted(id, &marker).await? {
                    Some(entry) => Ok(Posted::Stored(Box::new(entry))),
                    None => Ok(Posted::Closed(Box::new(known))),
                };
            }
            let now = self.now();
            let at = known.next_user_lane_at(now);
            let entry = line.entry(id, at);
            let last = codec::last(Author::Agent, line.text, at);
            let meta = Change::new()
                .set("status", s(Status::Connected.as_str()))
                .set_once("connected_at", n(now))
                .set_once("answered_at", n(now))
                .set_once("agent_id", s(line.agent.id.as_str()))
                .set_once("agent_name", s(line.agent.name.as_str()))
                .set("user_lane_at", n(at))
                .set("last_author", s(last.author.as_str()))
                .set("last_text", s(last.text))
                .set("last_at", n(last.at))
                .set(EXPIRES_AT, n(expires_at))
                .remove(&[DUE, DUE_AT])
                .require("status", "<>", s(Status::Closed.as_str()))
                .require("episode", "=", n(known.episode.into()))
                .require_same("agent_id", known.agent.as_ref().map(|a| s(a.id.as_str())))
                .require("user_lane_at", "=", n(known.user_lane_at));
            let mut accepted = marker.clone();
            accepted.put("entry", s(entry.id.as_str()));
            accepted.put(EXPIRES_AT, n(expires_at));
            let mut parts = vec![
                self.changing(key(conversation_pk(id), META), meta),
                TransactWriteItem::builder()
                    .put(put_new(&self.table, accepted))
                    .build(),
                self.put_entry(&entry, expires_at),
            ];
            let told = told_at_its_desk(&known, line, &entry);
            parts.extend(told.map(|told| self.put_entry(&told, expires_at)));
            // Of two first lines at once one is decided anew, since each moves `user_lane_at`.
            if known.answered_at.is_none() {
                let answer = Counts::answer(now - known.opened_at);
                parts.push(self.counting(&known, &answer));
            }
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
    pub(super) async fn accepted(
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
            let notice = taken(&known, agent, now);
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
        let end = End::new(by, reason, tell);
        self.end_if(id, any, &end, retention_days).await
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
        let end = End::new(by, reason, tell);
        let ended = self.end_if(&seen.id, same, &end, retention_days).await?;
        Ok(match ended {
            Ended::Yes(known) => known.is_closed(),
            Ended::Unknown => false,
        })
    }

    /// Ends a conversation if it is (still) the one that is meant; else answers it as it is.
    pub(super) async fn end_if(
        &self,
        id: &ConversationId,
        is_meant: impl Fn(&Conversation) -> bool,
        end: &End<'_>,
        retention_days: u32,
    ) -> Result<Ended, StoreError> {
        let (by, reason) = (end.by, end.reason);
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
            let farewell_at = known.next_user_lane_at(now);
            let at = farewell_at + Millis::from(end.farewell.is_some());
            let meta = ended(Change::new(), id, by, reason, now)
                .set("user_lane_at", n(at))
                .set(EXPIRES_AT, n(expires_at))
                .require("status", "<>", s(Status::Closed.as_str()))
                .require("episode", "=", n(known.episode.into()))
                .require_same("established", known.established.map(n))
                .require_same("connected_at", known.connected_at.map(n))
                .require_same("last_at", known.last.as_ref().map(|last| n(last.at)))
                .require("user_lane_at", "=", n(known.user_lane_at));
            let mut parts = vec![self.changing(key(conversation_pk(id), META), meta)];
            if let Some(text) = &end.farewell {
                let name = format!("farewell:{}", known.episode);
                let farewell = Entry::new(
                    id.clone(),
                    EntryId::of_system_line(farewell_at, &name),
                    Kind::Notice,
                    Author::System,
                    Some(Side::User),
                    text.as_str(),
                    farewell_at,
                );
                parts.push(self.put_entry(&farewell, expires_at));
            }
            // At least one line of the log says how it ended.
            let sides: Vec<Option<Side>> = if end.tell.is_empty() {
                vec![None]
            } else {
                end.tell.iter().copied().map(Some).collect()
            };
            for side in sides {
                let mut entry = Entry::of_notice(
                    id.clone(),
                    of_episode(at, Kind::Closing, known.episode, side.unwrap_or(Side::Desk)),
                    Kind::Closing,
                    side,
                    closed(by, reason),
                    at,
                );
                entry.episode = Some(known.episode);
                parts.push(self.put_entry(&entry, expires_at));
            }
            if let Some(notice) = end.notice.clone() {
                let id = of_episode(at, Kind::Notice, known.episode, Side::Desk);
                let notice = notice_to_desk(&known, id, notice, at);
                parts.push(self.put_entry(&notice, expires_at));
            }
            let handling = known.connected_at.map(|at| now - at);
            parts.push(self.counting(&known, &Counts::end(by, handling)));
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
