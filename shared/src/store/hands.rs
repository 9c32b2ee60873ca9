//! Who has a conversation: giving it back, handing it on, taking it over.

use super::change::Change;
use super::console::{Claimed, DECISIONS, notice_to_desk};
use super::item::{key, n, s};
use super::keys::{DUE, DUE_AT, EXPIRES_AT, META, conversation_pk};
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{Agent, Conversation, ConversationId, EntryId, Notice, Status};
use crate::time::Millis;

/// A conversation that changes hands.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Who wants it so.
    pub by: &'a Agent,
    /// The id of the agent who has it, as far as `by` knows; `None`: nobody.
    pub from: Option<&'a str>,
    /// Who is to have it; `None`: nobody, so that anybody can take it.
    pub to: Option<&'a Agent>,
}

impl Pass<'_> {
    /// What the log, and the conversation's own desk, say of it.
    fn notice(&self, holder: Option<&Agent>) -> Notice {
        let called = |agent: &Agent| agent.called().to_owned();
        let by = called(self.by);
        match (self.to, holder) {
            (None, _) => Notice::GivenBack { by },
            (Some(to), None) if to.id == self.by.id => Notice::Taken { by },
            (Some(to), Some(holder)) if to.id == self.by.id => {
                let from = called(holder);
                Notice::TakenOver { by, from }
            }
            (Some(to), _) => Notice::HandedOver { by, to: called(to) },
        }
    }

    fn changed(&self, known: &Conversation, now: Millis, expires_at: i64) -> Change {
        let holder = known.agent.as_ref().map(|holder| s(holder.id.as_str()));
        let change = Change::new()
            .set(EXPIRES_AT, n(expires_at))
            .set("status", s(Status::Connected.as_str()))
            .set_once("connected_at", n(now))
            .set("agent_id", self.to.map(|to| s(to.id.as_str())))
            .set("agent_name", self.to.map(|to| s(to.name.as_str())))
            .require("status", "=", s(known.status.as_str()))
            .require("episode", "=", n(known.episode.into()))
            .require_same("agent_id", holder);
        // Nobody has to be told any more that it waits to be taken.
        if known.status == Status::Waiting {
            change.remove(&[DUE, DUE_AT])
        } else {
            change
        }
    }
}

impl Store {
    /// Lets a conversation change hands, if it is still in those that are named; the log says so,
    /// for its desk to show. Where it is in the right hands already, nothing changes.
    ///
    /// A conversation that is given back stays connected: the user has met a person, and nothing
    /// has changed for them.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn pass(
        &self,
        id: &ConversationId,
        pass: &Pass<'_>,
        retention_days: u32,
    ) -> Result<Claimed, StoreError> {
        let expires_at = self.expires_at(retention_days);
        let to = pass.to.map(|to| to.id.as_str());
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let Some(mut known) = self.conversation(id).await? else {
                return Ok(Claimed::Unknown);
            };
            let holder = known.agent.as_ref().map(|holder| holder.id.as_str());
            if known.is_closed() {
                return Ok(Claimed::No(Box::new(known)));
            }
            if holder == to {
                return Ok(Claimed::Yes(Box::new(known)));
            }
            if holder != pass.from {
                return Ok(Claimed::No(Box::new(known)));
            }
            let now = self.now();
            let what = format!("passed:{}:{}", pass.by.id, to.unwrap_or_default());
            let notice = pass.notice(known.agent.as_ref());
            let id_of_notice = EntryId::of_system_line(now, &what);
            let notice = notice_to_desk(&known, id_of_notice, notice, now);
            let meta = pass.changed(&known, now, expires_at);
            let parts = vec![
                self.changing(key(conversation_pk(id), META), meta),
                self.put_entry(&notice, expires_at),
            ];
            if let Written::Yes = self.transact("pass conversation on", parts).await? {
                known.status = Status::Connected;
                known.connected_at.get_or_insert(now);
                known.agent = pass.to.cloned();
                return Ok(Claimed::Yes(Box::new(known)));
            }
        }
        Err(StoreError::Contended("pass conversation on"))
    }
}
