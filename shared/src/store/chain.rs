//! A row of desks: a conversation that one of them cannot take goes on to the next.

use super::change::Change;
use super::codec::desks_json;
use super::item::{key, n, s};
use super::keys::{
    CHANGED, DUE, DUE_AT, EXPIRES_AT, META, OUT, changed, conversation_pk, due, due_at, shard,
};
use super::lanes::{Mark, entry_key};
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{Conversation, Delivery, Entry, EntryId, Kind, Notice, Side, Status};
use crate::desk::CONSOLE;

/// Where a conversation goes that its desk cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveOn {
    /// The desk.
    pub desk: String,
    /// Those behind it; `None`: it was the end of the row, and the user may leave a message.
    pub next_desks: Option<Vec<String>>,
}

impl MoveOn {
    /// Where this conversation goes; `None` where there is no row, or somebody has it already.
    pub fn of(known: &Conversation) -> Option<Self> {
        let (first, rest) = match known.next_desks.as_deref()? {
            [] => (CONSOLE, None),
            [first, rest @ ..] => (first.as_str(), Some(rest.to_vec())),
        };
        (known.status == Status::Waiting).then(|| Self {
            desk: first.to_owned(),
            next_desks: rest,
        })
    }
}

impl Store {
    /// Hands a conversation on to the next desk, with its opening, and writes the reason into the
    /// log: all or nothing. `opening` is as claimed, or as read. Lost: somebody else is at it, or
    /// the conversation is not as it was.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn move_on(
        &self,
        known: &Conversation,
        opening: &Entry,
        on: &MoveOn,
        reason: &str,
        retention_days: u32,
    ) -> Result<Mark, StoreError> {
        let now = self.now();
        let expires_at = self.expires_at(retention_days);
        let meta = Change::new()
            .set("desk", s(on.desk.as_str()))
            .set(
                "next_desks",
                on.next_desks.as_deref().map(|d| s(desks_json(d))),
            )
            .set(EXPIRES_AT, n(expires_at))
            .remove(&["desk_ref", "desk_ref_until", "desk_context"])
            .require("desk", "=", s(known.desk.as_str()))
            .require("status", "=", s(Status::Waiting.as_str()))
            .require("episode", "=", n(known.episode.into()))
            .require_same(
                "next_desks",
                known.next_desks.as_deref().map(|d| s(desks_json(d))),
            );
        // The count of attempts goes on: an attempt at the last desk that is still under way must
        // not be able to mark this one.
        let again = Change::new()
            .set("delivery", s(Delivery::Pending.as_str()))
            .set("queued_at", n(now))
            .set(CHANGED, s(changed(now, &opening.id)))
            .set(DUE, s(due(shard(&known.id))))
            .set(DUE_AT, s(due_at(now + self.stray_after, Side::Desk, now)))
            .remove(&["lease_until", "lease_token", "next_at", "error"])
            .require_present(OUT)
            .require("delivery", "=", s(opening.delivery.as_str()))
            .require("attempts", "=", n(opening.attempts.into()));
        let next = on.next_desks.as_ref().map(|_| on.desk.to_owned());
        let name = format!("moved:{}:{}", opening.attempts, opening.id);
        let (desk, reason) = (known.desk.clone(), reason.to_owned());
        let note = Entry::of_notice(
            known.id.clone(),
            EntryId::of_system_line(now, &name),
            Kind::Notice,
            None,
            Notice::NotTaken { desk, reason, next },
            now,
        );
        let mut parts = vec![
            self.changing(key(conversation_pk(&known.id), META), meta),
            self.changing(entry_key(opening), again),
            self.put_entry(&note, expires_at),
        ];
        if on.next_desks.is_none() {
            parts.push(self.taking_message_now(known));
        }
        let written = self.transact("move on", parts).await?;
        Ok(match written {
            Written::Yes => Mark::Done,
            Written::No { .. } => Mark::Lost,
        })
    }
}
