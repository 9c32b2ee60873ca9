//! To the desk: open, post, close.

use handoff::bells::Bell;
use handoff::conversation::{Author, ClosedBy, Conversation, Entry, Kind, Side};
use handoff::desk::DeskError;
use handoff::settings::Settings;
use handoff::store::{Outcome, StoreError};
use handoff::time::Millis;

use crate::{Attempt, Relay, delivered, retry};

/// How long after a late line GPTBots is told of the end again: the line may have overtaken an
/// establish that opens the conversation anew, and that must not be closed.
const CLOSE_AGAIN_AFTER: Millis = 3_000;

impl Relay {
    pub(crate) async fn to_desk(
        &self,
        conversation: &Conversation,
        entry: &Entry,
        settings: &Settings,
    ) -> Result<Attempt, StoreError> {
        let late = is_late(conversation, entry);
        if late && calls_for_a_close(conversation, entry) {
            // Before the mark: a process that dies in between does it again, and it is once all
            // the same.
            let not_before = self.clock.now() + CLOSE_AGAIN_AFTER;
            self.store
                .close_again(conversation, entry, not_before, settings.retention_days)
                .await?;
            let bell = Bell {
                conversation: conversation.id.clone(),
                side: Side::User,
            };
            self.ring_later(&bell, CLOSE_AGAIN_AFTER).await;
        }
        let failed = match self.at_desk(conversation, entry, late).await? {
            Ok(attempt) => return Ok(attempt),
            Err(failed) => failed,
        };
        let reason = failed.to_string();
        let outcome = match failed {
            DeskError::Rejected(_) => Outcome::Failed { reason },
            // The configuration may be mended any minute.
            DeskError::NotConfigured(_) => self.later(entry, reason, None, settings),
            DeskError::Unavailable { retry_after, .. } => {
                self.later(entry, reason, retry_after, settings)
            }
        };
        Ok(Attempt::Marks(outcome))
    }

    fn later(
        &self,
        entry: &Entry,
        reason: String,
        retry_after: Option<std::time::Duration>,
        settings: &Settings,
    ) -> Outcome {
        let now = self.clock.now();
        retry::after_transient(
            entry,
            reason,
            retry_after,
            now,
            settings.retry_age(),
            &self.random,
        )
    }

    /// The call itself. The outer error is the table's, the inner one the desk's.
    async fn at_desk(
        &self,
        conversation: &Conversation,
        entry: &Entry,
        late: bool,
    ) -> Result<Result<Attempt, DeskError>, StoreError> {
        let desk = match self.desks.get(&conversation.desk) {
            Ok(desk) => desk,
            Err(error) => return Ok(Err(error)),
        };
        if entry.kind == Kind::Opening {
            return match desk.find(conversation).await {
                Ok(Some(reference)) => Ok(Ok(Attempt::Opened(reference))),
                Ok(None) => {
                    let history = self
                        .store
                        .history(
                            &conversation.id,
                            entry.episode.unwrap_or(conversation.episode),
                        )
                        .await?;
                    Ok(desk.open(conversation, &history).await.map(Attempt::Opened))
                }
                Err(error) => Ok(Err(error)),
            };
        }
        let Some(reference) = conversation.desk_ref.as_deref() else {
            // Nothing was ever opened there: nothing to close, and nowhere to post.
            return Ok(match entry.kind {
                Kind::Closing => Ok(Attempt::Marks(delivered(None))),
                _ => Err(DeskError::Rejected(
                    "the conversation was never opened there".to_owned(),
                )),
            });
        };
        Ok(match entry.kind {
            Kind::Closing => {
                let by = conversation.closed_by.unwrap_or(ClosedBy::User);
                desk.close(reference, by, &entry.text)
                    .await
                    .map(|()| Attempt::Marks(delivered(None)))
            }
            _ => {
                let mut shown = entry.clone();
                shown.late = late;
                desk.post(reference, std::slice::from_ref(&shown))
                    .await
                    .map(|remote_id| Attempt::Marks(Outcome::Delivered { remote_id, late }))
            }
        })
    }
}

/// Whether a user wrote this after the end.
fn is_late(conversation: &Conversation, entry: &Entry) -> bool {
    entry.author == Author::User
        && entry.kind == Kind::Message
        && conversation.ended_before(entry.at)
}

/// Whether GPTBots seems not to know of the end. It does where it told us itself, unless it sent
/// the line after that.
fn calls_for_a_close(conversation: &Conversation, late: &Entry) -> bool {
    match (conversation.close_sent_at, late.sent_at) {
        (Some(closed), Some(sent)) => sent > closed,
        _ => true,
    }
}
