//! A row of desks: a conversation that one of them cannot take goes on to the next.

use handoff::bells::Bell;
use handoff::conversation::{Conversation, Entry, Kind};
use handoff::desk::DeskError;
use handoff::settings::Settings;
use handoff::store::{Mark, MoveOn, StoreError};

use crate::Relay;
use crate::drain::Next;

impl Relay {
    /// Hands a conversation on whose opening its desk did not take. `None`: it stays, since there
    /// is no row of desks, or this one may still take it.
    pub(crate) async fn hand_on_to_next_desk(
        &self,
        bell: &Bell,
        conversation: &Conversation,
        opening: &Entry,
        failed: &DeskError,
        settings: &Settings,
    ) -> Result<Option<Next>, StoreError> {
        let tried_for = self.clock.now() - opening.queued_at;
        let is_over = match failed {
            // Not here, whatever comes.
            DeskError::Rejected(_) | DeskError::Gone(_) | DeskError::NotConfigured(_) => true,
            DeskError::Unavailable { .. } => tried_for >= settings.desk_patience(),
        };
        if !is_over || !opens(conversation, opening) {
            return Ok(None);
        }
        self.move_on(bell, conversation, opening, &failed.to_string(), settings)
            .await
    }

    /// The same for an opening that is not even tried, because others failed at its desk.
    pub(crate) async fn pass_by(
        &self,
        bell: &Bell,
        conversation: &Conversation,
        opening: &Entry,
        why: &str,
        settings: &Settings,
    ) -> Result<Option<Next>, StoreError> {
        let tried_for = self.clock.now() - opening.queued_at;
        if tried_for < settings.desk_patience() || !opens(conversation, opening) {
            return Ok(None);
        }
        self.move_on(bell, conversation, opening, why, settings)
            .await
    }

    async fn move_on(
        &self,
        bell: &Bell,
        conversation: &Conversation,
        opening: &Entry,
        reason: &str,
        settings: &Settings,
    ) -> Result<Option<Next>, StoreError> {
        let Some(on) = MoveOn::of(conversation) else {
            return Ok(None);
        };
        let days = settings.retention_days;
        let moved = self
            .insist(opening.lease_until, || {
                self.store.move_on(conversation, opening, &on, reason, days)
            })
            .await?;
        if moved == Mark::Lost {
            // Taken or ended meanwhile: then it stays where it is.
            return Ok(None);
        }
        tracing::warn!(
            conversation_id = %conversation.id, from = conversation.desk, to = on.desk, reason,
            "handed on to the next desk"
        );
        self.ring(bell, 0).await;
        Ok(Some(Next::Stop))
    }
}

/// Whether it is the opening of the episode that the conversation is in: one of an earlier episode
/// is history.
fn opens(conversation: &Conversation, opening: &Entry) -> bool {
    opening.kind == Kind::Opening && opening.episode == Some(conversation.episode)
}
