//! To the desk: open, post, close.

use std::time::Duration;

use handoff::bells::Bell;
use handoff::conversation::{Author, ClosedBy, Conversation, Entry, Kind, Side};
use handoff::desk::{Desk, DeskError};
use handoff::gptbots::{FIRST_PATIENCE, LATER_PATIENCE};
use handoff::settings::Settings;
use handoff::store::{Outcome, StoreError};
use handoff::time::Millis;

use crate::drain::{LEASE, Leave, Marks, Next, delivered};
use crate::health::{Permit, Target, Verdict};
use crate::{Relay, retry};

/// How long after a late line GPTBots is told of the end again: the line may have overtaken an
/// establish that opens the conversation anew, and that must not be closed.
const CLOSE_AGAIN_AFTER: Millis = 3_000;

/// What an attempt leads to.
enum Attempt {
    /// Mark the entry with this.
    Marks(Outcome),
    /// The desk has opened the conversation under this reference.
    Opened(String),
}

impl Relay {
    /// Carries the head of a lane to the desk.
    pub(crate) async fn carry_to_desk(
        &self,
        bell: &Bell,
        conversation: &mut Conversation,
        head: Entry,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        // What is not sent needs no claim: the mark alone decides who did it.
        if self.reads_the_log(conversation) {
            return self.to_desk(bell, conversation, head, None, settings).await;
        }
        let target = Target::Desk(conversation.desk.clone());
        let permit = match self.leave(&target, &head, settings) {
            Leave::Try(permit) => permit,
            Leave::Wait { at, why } => return self.put_off(bell, &head, at, why).await,
        };
        let lease = self.clock.now() + LEASE;
        let Some(entry) = self.store.claim(&head, lease).await? else {
            return Ok(Next::Stop);
        };
        if self.too_late(std::slice::from_ref(&entry)) {
            let at = self.clock.now();
            let reason = "the table was slow".to_owned();
            let marks = Marks::one(entry, Outcome::Retry { at, reason });
            return self.settle(bell, conversation, marks, settings).await;
        }
        self.to_desk(bell, conversation, entry, permit, settings)
            .await
    }

    async fn to_desk(
        &self,
        bell: &Bell,
        conversation: &mut Conversation,
        entry: Entry,
        permit: Option<Permit<'_>>,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let late = is_late(conversation, &entry);
        if late && calls_for_a_close(conversation, &entry) {
            // Before the mark: a process that dies in between does it again, and it is once all
            // the same.
            let not_before = self.clock.now() + CLOSE_AGAIN_AFTER;
            self.store
                .close_again(conversation, &entry, not_before, settings.retention_days)
                .await?;
            let bell = Bell::new(conversation.id.clone(), Side::User);
            self.ring_at(&bell, not_before).await;
        }
        let at_desk = self.at_desk(conversation, &entry, late).await?;
        // Without a reference nothing but an opening leads to a call.
        let called = entry.kind == Kind::Opening || conversation.desk_ref.is_some();
        if let (Some(permit), Some(verdict)) = (permit, verdict(&at_desk).filter(|_| called)) {
            permit.report(verdict, self.clock.now());
        }
        let outcome = match at_desk {
            Ok(Attempt::Opened(reference)) => {
                return self
                    .opened(bell, conversation, entry, reference, settings)
                    .await;
            }
            Ok(Attempt::Marks(outcome)) => outcome,
            Err(failed) => self.not_at_desk(&entry, &failed, settings),
        };
        let marks = Marks::one(entry, outcome);
        self.settle(bell, conversation, marks, settings).await
    }

    /// What becomes of an entry that the desk did not take.
    fn not_at_desk(&self, entry: &Entry, failed: &DeskError, settings: &Settings) -> Outcome {
        let reason = failed.to_string();
        let retry_after = match failed {
            DeskError::Rejected(_) => return Outcome::Failed { reason },
            // The configuration may be mended any minute.
            DeskError::NotConfigured(_) => None,
            DeskError::Unavailable { retry_after, .. } => *retry_after,
        };
        retry::after_transient(
            entry,
            reason,
            retry_after,
            self.clock.now(),
            settings.retry_age(),
            &self.random,
        )
    }

    /// Marks an opening together with the desk's reference.
    async fn opened(
        &self,
        bell: &Bell,
        conversation: &mut Conversation,
        entry: Entry,
        reference: String,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let days = settings.retention_days;
        let replayed = entry.queued_at > entry.at;
        if replayed && conversation.is_closed() {
            self.store
                .close_opened_late(conversation, &entry, days)
                .await?;
        }
        let mark = self
            .insist(entry.lease_until, || {
                self.store
                    .mark_opened(&entry, conversation, &reference, days)
            })
            .await?;
        conversation.desk_ref = Some(reference.clone());
        let marks = Marks::one(entry, delivered(Some(reference)));
        Ok(self.after(bell, mark, &marks).await)
    }

    /// The attempt itself. The outer error is the table's, the inner one the desk's.
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
        // An opening is several calls and a long text, and the desk is asked before it is repeated.
        let patience = if entry.attempts <= 1 && entry.kind != Kind::Opening {
            FIRST_PATIENCE
        } else {
            LATER_PATIENCE
        };
        let attempt = async {
            match entry.kind {
                Kind::Opening => self.open(desk.as_ref(), conversation, entry).await,
                _ => Ok(tell(desk.as_ref(), conversation, entry, late).await),
            }
        };
        match tokio::time::timeout(patience, attempt).await {
            Ok(ended) => ended,
            Err(_) => Ok(Err(no_answer(patience))),
        }
    }

    async fn open(
        &self,
        desk: &dyn Desk,
        conversation: &Conversation,
        entry: &Entry,
    ) -> Result<Result<Attempt, DeskError>, StoreError> {
        // Of the episode that this opens: the next one may have begun while it waited.
        let episode = entry.episode.unwrap_or(conversation.episode);
        let conversation = Conversation {
            episode,
            ..conversation.clone()
        };
        match desk.find(&conversation).await {
            Ok(Some(reference)) => return Ok(Ok(Attempt::Opened(reference))),
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
        let history = self.store.history(&conversation.id, episode).await?;
        let opened = desk.open(&conversation, &history).await;
        Ok(opened.map(Attempt::Opened))
    }
}

/// Posts a line or the end.
async fn tell(
    desk: &dyn Desk,
    conversation: &Conversation,
    entry: &Entry,
    late: bool,
) -> Result<Attempt, DeskError> {
    let Some(reference) = conversation.desk_ref.as_deref() else {
        // Nothing was ever opened there: nothing to close, and nowhere to post.
        return match entry.kind {
            Kind::Closing => Ok(Attempt::Marks(delivered(None))),
            _ => Err(DeskError::Rejected(
                "the conversation was never opened there".to_owned(),
            )),
        };
    };
    if entry.kind == Kind::Closing {
        let by = conversation.closed_by.unwrap_or(ClosedBy::User);
        desk.close(reference, by, &entry.text).await?;
        return Ok(Attempt::Marks(delivered(None)));
    }
    let mut shown = entry.clone();
    shown.late = late;
    let remote_id = desk.post(reference, std::slice::from_ref(&shown)).await?;
    Ok(Attempt::Marks(Outcome::Delivered { remote_id, late }))
}

fn no_answer(patience: Duration) -> DeskError {
    DeskError::Unavailable {
        reason: format!("no answer within {} s", patience.as_secs()),
        retry_after: None,
    }
}

/// What an attempt tells about others at the same desk; nothing where none was made.
fn verdict(at_desk: &Result<Attempt, DeskError>) -> Option<Verdict> {
    match at_desk {
        Ok(_) | Err(DeskError::Rejected(_)) => Some(Verdict::Served),
        Err(DeskError::NotConfigured(_)) => None,
        Err(DeskError::Unavailable { retry_after, .. }) => Some(Verdict::Failing {
            wait: retry_after.map(retry::millis),
        }),
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
