//! Entries of a lane that are claimed and marked together, since they go as one message; and what
//! is written along with a mark.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::change::Change;
use super::item::{key, n, s};
use super::keys::{CHANGED, DUE_AT, META, OUT, changed, conversation_pk, due_at};
use super::lanes::{Mark, Outcome, entry_key, is_shown, last_line, settled};
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{Conversation, Delivery, Entry, Side};
use crate::time::Millis;

impl Store {
    /// Takes several entries of a lane for one attempt, all or none. See [`Store::claim`].
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn claim_together(
        &self,
        seen: &[Entry],
        lease_until: Millis,
    ) -> Result<Option<Vec<Entry>>, StoreError> {
        if let [one] = seen {
            let claimed = self.claim(one, lease_until).await?;
            return Ok(claimed.map(|claimed| vec![claimed]));
        }
        let token = self.random.between(0..i64::MAX);
        let parts = seen
            .iter()
            .map(|entry| self.changing(entry_key(entry), claiming(entry, lease_until, token)))
            .collect();
        match self.transact("claim together", parts).await? {
            Written::No { item, .. }
                if item.as_ref().and_then(|item| item.get("lease_token")) != Some(&n(token)) =>
            {
                Ok(None)
            }
            Written::Yes | Written::No { .. } => Ok(Some(
                seen.iter()
                    .map(|entry| claimed(entry, lease_until))
                    .collect(),
            )),
        }
    }

    /// Marks entries that went together, each with its outcome, and writes new entries along with
    /// it: all or nothing. With `alone`, they are not to go together again. The newest of a user's
    /// lines that the desk has becomes the last line of its conversation.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn mark_together(
        &self,
        marks: &[(Entry, Outcome)],
        alone: bool,
        along: &[Entry],
        conversation: &Conversation,
        retention_days: u32,
    ) -> Result<Mark, StoreError> {
        let expires_at = self.expires_at(retention_days);
        let marking: Vec<TransactWriteItem> = marks
            .iter()
            .map(|(entry, outcome)| {
                let marking = self.marking(entry, outcome);
                let marking = match alone {
                    true => marking.set("alone", AttributeValue::Bool(true)),
                    false => marking,
                };
                self.changing(entry_key(entry), marking)
            })
            .collect();
        let failed = marks
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Failed { .. }))
            .count();
        let shown = marks
            .iter()
            .filter(|(entry, outcome)| is_shown(entry, outcome))
            .max_by_key(|(entry, _)| entry.at);
        let mut last = shown.map(|(entry, _)| {
            let meta = key(conversation_pk(&conversation.id), META);
            self.changing(meta, last_line(entry, expires_at))
        });
        let mut along: Vec<TransactWriteItem> = along
            .iter()
            .map(|entry| self.put_entry(entry, expires_at))
            .collect();
        loop {
            let mut parts = marking.clone();
            parts.extend(last.clone());
            let before_along = parts.len();
            parts.extend(along.clone());
            if failed > 0 {
                parts.push(self.counting_failed(conversation, failed));
            }
            match self.transact("mark together", parts).await? {
                Written::Yes => return Ok(Mark::Done),
                Written::No { part, item } if part < marks.len() => {
                    let (entry, outcome) = &marks[part];
                    return settled(Written::No { part: 0, item }, entry, outcome);
                }
                // What was to be written along is there already, or something newer is the last
                // line: without it, then.
                Written::No { part, .. } if part >= before_along => along.clear(),
                Written::No { .. } => last = None,
            }
        }
    }

    /// Puts an attempt off without making one: the entry is looked at again then. Not counted as
    /// an attempt.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn postpone(
        &self,
        seen: &Entry,
        at: Millis,
        reason: &str,
    ) -> Result<Mark, StoreError> {
        let side = seen.to.unwrap_or(Side::Desk);
        // Of several who put it off at once, one does: or each would set a bell for it.
        let change = Change::new()
            .set(CHANGED, s(changed(self.now(), &seen.id)))
            .set("delivery", s(Delivery::Retrying.as_str()))
            .set("next_at", n(at))
            .set("error", s(reason))
            .set(
                DUE_AT,
                s(due_at(
                    at.saturating_add(self.stray_after),
                    side,
                    seen.queued_at,
                )),
            )
            .remove(&["lease_until", "lease_token"])
            .require_present(OUT)
            .require("delivery", "=", s(seen.delivery.as_str()))
            .require("attempts", "=", n(seen.attempts.into()))
            .require_same("next_at", seen.next_at.map(n));
        match self.update("postpone", entry_key(seen), change).await? {
            Written::Yes => Ok(Mark::Done),
            Written::No { item, .. } => {
                let found = item.as_ref().map(super::codec::entry).transpose()?;
                // Written, though its answer got lost.
                let ours = found.is_some_and(|found| {
                    found.delivery == Delivery::Retrying
                        && found.attempts == seen.attempts
                        && found.next_at == Some(at)
                });
                Ok(if ours { Mark::Done } else { Mark::Lost })
            }
        }
    }
}

/// An entry as it is once claimed.
pub(super) fn claimed(seen: &Entry, lease_until: Millis) -> Entry {
    Entry {
        delivery: Delivery::Sending,
        attempts: seen.attempts + 1,
        lease_until: Some(lease_until),
        ..seen.clone()
    }
}

/// The change that claims an entry. `token` names the claim: one that timed out after it was done
/// is recognised by it.
pub(super) fn claiming(seen: &Entry, lease_until: Millis, token: i64) -> Change {
    Change::new()
        .set("delivery", s(Delivery::Sending.as_str()))
        .set("attempts", n(i64::from(seen.attempts) + 1))
        .set("lease_until", n(lease_until))
        .set("lease_token", n(token))
        .require_present(OUT)
        .require("delivery", "=", s(seen.delivery.as_str()))
        .require("attempts", "=", n(seen.attempts.into()))
}
