//! What desks tell: whose conversation it is, who takes it, who ends it, and what the relay finds
//! out about a line before the user sees it.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::change::{Change, put_new};
use super::codec::origin_json;
use super::console::{Claimed, End, Ended, accepted_key, taken};
use super::item::{Put, Reader, key, n, s};
use super::keys::{
    CHANGED, DUE, DUE_AT, EARLY_PREFIX, EXPIRES_AT, META, OUT, PK, REF, SK, changed,
    conversation_pk, desk_ref_pk, early_sk,
};
use super::lanes::entry_key;
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{
    Agent, ClosedBy, Conversation, ConversationId, Entry, EntryId, Kind, Notice, Origin, Side,
    Status,
};
use crate::desk::DeskEvent;

/// How often a decision is made anew because the conversation changed under it.
const DECISIONS: u32 = 24;
/// How long what happened in a conversation that is not known yet is kept, in seconds: an opening
/// that is still under way is over by then.
const EARLY_SECONDS: i64 = 3_600;

/// What a desk's id of a conversation stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The conversation.
    pub conversation: ConversationId,
    /// The episode of it that was opened there.
    pub episode: Option<u32>,
}

impl Store {
    /// Whose conversation a desk's reference is. The reference lives on with its conversation: it
    /// is renewed where it would go before a line that comes now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn conversation_at(
        &self,
        desk: &str,
        reference: &str,
        retention_days: u32,
    ) -> Result<Option<Reference>, StoreError> {
        let place = key(desk_ref_pk(desk, reference), REF);
        let Some(item) = self.get("read desk reference", place).await? else {
            return Ok(None);
        };
        let reader = Reader(&item);
        let id = ConversationId::new(reader.s("conversation_id")?)
            .map_err(|_| StoreError::Unreadable("conversation_id"))?;
        let episode = reader.opt_n("episode")?;
        let until = reader.opt_n(EXPIRES_AT)?;
        self.renew_reference(desk, reference, &id, until, retention_days)
            .await?;
        Ok(Some(Reference {
            conversation: id,
            episode: episode.and_then(|episode| u32::try_from(episode).ok()),
        }))
    }

    /// When a desk reference that is written now may go, in seconds: a whole retention after its
    /// conversation, so that it need not be written with every line.
    pub(super) fn reference_until(&self, retention_days: u32) -> i64 {
        self.expires_at(retention_days.saturating_mul(2).saturating_add(1))
    }

    /// Lets the desk reference of a conversation live on that is still used, if it would go before
    /// what is written now. `until` is [`super::Lane::reference_until`].
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_reference(
        &self,
        known: &Conversation,
        until: Option<i64>,
        retention_days: u32,
    ) -> Result<(), StoreError> {
        let Some(reference) = known.desk_ref.as_deref() else {
            return Ok(());
        };
        if !self
            .renew_reference(&known.desk, reference, &known.id, until, retention_days)
            .await?
        {
            return Ok(());
        }
        let change = Change::new()
            .set("desk_ref_until", n(self.reference_until(retention_days)))
            .require("desk_ref", "=", s(reference));
        let meta = key(conversation_pk(&known.id), META);
        self.update("keep desk reference", meta, change).await?;
        Ok(())
    }

    /// Lets a desk reference live on, if it would go before what is written now. Answers whether it
    /// would have.
    async fn renew_reference(
        &self,
        desk: &str,
        reference: &str,
        id: &ConversationId,
        until: Option<i64>,
        retention_days: u32,
    ) -> Result<bool, StoreError> {
        if until.is_some_and(|until| until > self.expires_at(retention_days)) {
            return Ok(false);
        }
        let until = self.reference_until(retention_days);
        let change = Change::new()
            .set(EXPIRES_AT, n(until))
            .set("conversation_id", s(id.as_str()));
        let place = key(desk_ref_pk(desk, reference), REF);
        self.update("renew desk reference", place, change).await?;
        Ok(true)
    }

    /// Keeps what happened in a conversation that is not known at this desk: its opening may be
    /// under way. For an hour; the same event again is kept once.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_early(&self, desk: &str, event: &DeskEvent) -> Result<(), StoreError> {
        let place = desk_ref_pk(desk, &event.reference);
        let mut item = key(place, early_sk(&event.id));
        item.put("event", s(serde_json::to_string(event).unwrap_or_default()));
        item.put("kept_at", n(self.now()));
        item.put(EXPIRES_AT, n(self.now() / 1000 + EARLY_SECONDS));
        self.put_if_new("keep early event", item).await?;
        Ok(())
    }

    /// What happened at a desk under this reference before its conversation was known there, in
    /// the order in which it came.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn early(&self, desk: &str, reference: &str) -> Result<Vec<DeskEvent>, StoreError> {
        let mut found: Vec<(i64, DeskEvent)> = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :early)")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":pk", s(desk_ref_pk(desk, reference)))
                .expression_attribute_values(":early", s(EARLY_PREFIX))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of("read early events", &error))?;
            let items = page.items.unwrap_or_default();
            for item in items.iter().filter(|item| !self.has_expired(item)) {
                let reader = Reader(item);
                let event = serde_json::from_str(reader.s("event")?);
                let event = event.map_err(|_| StoreError::Unreadable("event"))?;
                found.push((reader.n("kept_at")?, event));
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        found.sort_by_key(|(kept_at, event)| (event.at.unwrap_or(*kept_at), *kept_at));
        Ok(found.into_iter().map(|(_, event)| event).collect())
    }

    /// Gives a conversation to an agent as its desk says, whoever had it: the desk decides who has
    /// what there. The same event again changes nothing.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn assign(
        &self,
        id: &ConversationId,
        desk: &str,
        event: &str,
        agent: &Agent,
        retention_days: u32,
    ) -> Result<Claimed, StoreError> {
        let expires_at = self.expires_at(retention_days);
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
                _ => {}
            }
            let now = self.now();
            let holder = known.agent.as_ref().map(|holder| s(holder.id.as_str()));
            let meta = Change::new()
                .set(EXPIRES_AT, n(expires_at))
                .set("status", s(Status::Connected.as_str()))
                .set_once("connected_at", n(now))
                .set("agent_id", s(agent.id.as_str()))
                .set("agent_name", s(agent.name.as_str()))
                .remove(&[DUE, DUE_AT])
                .require("status", "<>", s(Status::Closed.as_str()))
                .require("episode", "=", n(known.episode.into()))
                .require_same("agent_id", holder);
            let notice = taken(&known, agent, now);
            let mut accepted = accepted_key(id, desk, event);
            accepted.put("entry", s(notice.id.as_str()));
            accepted.put(EXPIRES_AT, n(expires_at));
            let parts = vec![
                self.changing(key(conversation_pk(id), META), meta),
                TransactWriteItem::builder()
                    .put(put_new(&self.table, accepted))
                    .build(),
                self.put_entry(&notice, expires_at),
            ];
            match self.transact("assign", parts).await? {
                Written::Yes => {
                    known.status = Status::Connected;
                    known.connected_at.get_or_insert(now);
                    known.agent = Some(agent.clone());
                    return Ok(Claimed::Yes(Box::new(known)));
                }
                // Told before: somebody else may have it by now.
                Written::No { part: 1, .. } => return Ok(Claimed::No(Box::new(known))),
                Written::No { .. } => {}
            }
        }
        Err(StoreError::Contended("assign"))
    }

    /// Ends a conversation because an agent ended it at its desk, unless it has been opened anew
    /// since it was `seen`. GPTBots is told; the desk gets a notice, so that it can show the end in
    /// its own way.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn end_at_desk(
        &self,
        seen: &Conversation,
        agent: Option<&Agent>,
        retention_days: u32,
    ) -> Result<Ended, StoreError> {
        let same = |known: &Conversation| known.episode == seen.episode;
        let by = agent.map(|agent| agent.called().to_owned());
        let end = End {
            by: ClosedBy::Agent,
            reason: None,
            tell: &[Side::User],
            notice: Some(Notice::ClosedAtDesk { by }),
            farewell: None,
        };
        self.end_if(&seen.id, same, &end, retention_days).await
    }

    /// Tells the agents at the conversation's desk that the user will not see a line of theirs,
    /// since it came after the end. Once for each line.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn tell_too_late(
        &self,
        ended: &Conversation,
        desk: &str,
        event: &str,
        retention_days: u32,
    ) -> Result<(), StoreError> {
        let name = format!("too-late:{desk}:{event}");
        let notice = Entry::of_notice(
            ended.id.clone(),
            EntryId::of_system_line(ended.closed_at.unwrap_or_default(), &name),
            Kind::Notice,
            Some(Side::Desk),
            ended.too_late(),
            self.now(),
        );
        let expires_at = self.expires_at(retention_days);
        // Not taken for a new line either, should the user come back.
        let mut accepted = accepted_key(&ended.id, desk, event);
        accepted.put("entry", s(notice.id.as_str()));
        accepted.put(EXPIRES_AT, n(expires_at));
        let parts = vec![
            TransactWriteItem::builder()
                .put(put_new(&self.table, accepted))
                .build(),
            self.put_entry(&notice, expires_at),
        ];
        self.transact("tell too late", parts).await?;
        Ok(())
    }

    /// Whether something that a desk told has led to a line of the log before.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn was_taken(
        &self,
        id: &ConversationId,
        desk: &str,
        event: &str,
    ) -> Result<bool, StoreError> {
        let marker = accepted_key(id, desk, event);
        Ok(self.get("read accepted line", marker).await?.is_some())
    }

    /// Writes back what a desk has added to an agent's line, and what its agents are to be told
    /// about it. `false`: the line has moved on meanwhile.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn complete(
        &self,
        seen: &Entry,
        completed: &Entry,
        notices: &[Entry],
        retention_days: u32,
    ) -> Result<bool, StoreError> {
        let expires_at = self.expires_at(retention_days);
        let origin = |entry: &Entry| entry.origin.as_ref().map(|origin| s(origin_json(origin)));
        let change = Change::new()
            .set("text", s(completed.text.as_str()))
            .set("author_name", completed.author_name.as_deref().map(s))
            .set("origin", origin(completed))
            .set(CHANGED, s(changed(self.now(), &seen.id)))
            .require_present(OUT)
            .require_same("origin", origin(seen))
            .require("attempts", "=", n(seen.attempts.into()));
        let mut parts = vec![self.changing(entry_key(seen), change)];
        parts.extend(
            notices
                .iter()
                .map(|notice| self.put_entry(notice, expires_at)),
        );
        let written = self.transact("complete", parts).await?;
        if let Some(name) = completed
            .author_name
            .as_deref()
            .filter(|name| !name.is_empty())
            && seen.author_name.is_none()
            && let Some(Origin { agent, .. }) = &completed.origin
        {
            self.name_agent(&seen.conversation, agent, name).await?;
        }
        Ok(matches!(written, Written::Yes))
    }

    /// Puts in the name of the agent who has a conversation, where their desk had told only an id.
    async fn name_agent(
        &self,
        id: &ConversationId,
        agent: &str,
        name: &str,
    ) -> Result<(), StoreError> {
        let meta = key(conversation_pk(id), META);
        let change = Change::new()
            .set("agent_name", s(name))
            .require("agent_id", "=", s(agent))
            .require("agent_name", "=", s(""));
        self.update("name agent", meta, change).await?;
        Ok(())
    }
}
