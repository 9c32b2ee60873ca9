//! Asks a desk what happened in a conversation, where its own calls can be lost.

use handoff::conversation::{Conversation, ConversationId};
use handoff::gptbots::LATER_PATIENCE;
use handoff::store::StoreError;
use handoff::time::Millis;

use crate::Relay;

/// How long after the end a desk is still asked: agents may have written a last line.
const AFTER_THE_END: Millis = 600_000;
/// How often a desk is asked about a conversation in which somebody writes.
const MOST_OFTEN: Millis = 180_000;
/// How often about one in which nobody does.
const LEAST_OFTEN: Millis = 1_800_000;

impl Relay {
    /// Takes in what a conversation's desk remembers, and what came before it was known there.
    pub(crate) async fn reconcile(&self, id: &ConversationId) -> Result<(), StoreError> {
        let settings = self.settings.get().await;
        let days = settings.retention_days;
        let Some(known) = self.store.conversation(id).await? else {
            return Ok(());
        };
        let Some(reference) = known.desk_ref.as_deref() else {
            return Ok(());
        };
        let inbound = self.inbound(&known.desk, &settings);
        inbound.take_early(reference).await?;
        let desk = match self.desks.get(&known.desk).await {
            Ok(desk) => desk,
            Err(error) => {
                tracing::warn!(conversation_id = %id, %error, "desk not asked");
                return Ok(());
            }
        };
        if !desk.capabilities().reconciles {
            return self.store.reconcile_at(&known, None, days).await;
        }
        let asked = tokio::time::timeout(LATER_PATIENCE, desk.reconcile(&known)).await;
        match asked {
            Ok(Ok(events)) => inbound.take_again(&known, &events).await?,
            // The clock rings again.
            Ok(Err(error)) => {
                tracing::warn!(conversation_id = %id, %error, "desk not asked");
                return Ok(());
            }
            Err(_) => {
                tracing::warn!(conversation_id = %id, "desk not asked: no answer in time");
                return Ok(());
            }
        }
        let next = next(&known, self.clock.now());
        self.store.reconcile_at(&known, next, days).await
    }
}

/// When to ask again: the longer nobody has written, the later.
fn next(known: &Conversation, now: Millis) -> Option<Millis> {
    let ended = known.closed_at.filter(|_| known.is_closed());
    if ended.is_some_and(|end| now - end > AFTER_THE_END) {
        return None;
    }
    let last = known.last.as_ref().map_or(known.opened_at, |last| last.at);
    let quiet = (now - last) / 10;
    Some(now + quiet.clamp(MOST_OFTEN, LEAST_OFTEN))
}
