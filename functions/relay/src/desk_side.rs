//! To the desk: open, post, close.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use handoff::bells::Bell;
use handoff::conversation::{Author, ClosedBy, Conversation, Entry, Kind, Side};
use handoff::desk::{Desk, DeskError, Opened, Opening};
use handoff::gptbots::{FIRST_PATIENCE, LATER_PATIENCE};
use handoff::settings::Settings;
use handoff::store::{Mark, Outcome, StoreError};
use handoff::time::Millis;

use crate::drain::{LEASE, Leave, Marks, Next, delivered};
use crate::health::{Permit, Target, Verdict};
use crate::merge::Wording;
use crate::user_side::{LONGEST_ATTEMPT, later_at};
use crate::{Relay, merge, retry};

/// How long after a late line GPTBots is told of the end again: the line may have overtaken an
/// establish that opens the conversation anew, and that must not be closed.
const CLOSE_AGAIN_AFTER: Millis = 3_000;

/// What an attempt leads to.
enum Attempt {
    /// The desk has the entries; its id of the last one.
    Taken(Option<String>),
    /// The desk has opened the conversation.
    Opened(Opened),
}

/// Entries on their way to a desk: one, or lines that go together.
struct Load<'a> {
    bell: &'a Bell,
    settings: &'a Settings,
    lines: Vec<Entry>,
    /// The conversation is still to be opened anew behind them: what the desk has is of an earlier
    /// episode.
    outdated: bool,
}

impl Relay {
    /// Carries the head of a lane to the desk; where that takes several, with the lines behind it.
    pub(crate) async fn carry_to_desk(
        &self,
        bell: &Bell,
        conversation: &mut Conversation,
        head: Entry,
        waiting: &mut VecDeque<Entry>,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let desk = self.desks.get(&conversation.desk).await;
        let can = desk.as_ref().map(|desk| desk.capabilities());
        let can = can.unwrap_or_default();
        let mut load = Load {
            bell,
            settings,
            lines: Vec::new(),
            outdated: waiting.iter().any(|entry| entry.kind == Kind::Opening),
        };
        // What is not sent needs no claim: the mark alone decides who did it.
        if can.reads_the_log {
            load.lines = vec![head];
            return self.to_desk(conversation, desk, load, None).await;
        }
        let target = Target::Desk(conversation.desk.clone());
        let permit = match self.leave(&target, &head, settings) {
            Leave::Try(permit) => permit,
            Leave::Wait { at, why } => {
                let passed = self
                    .pass_by(bell, conversation, &head, why, settings)
                    .await?;
                return match passed {
                    Some(next) => Ok(next),
                    None => self.put_off(bell, &head, at, why).await,
                };
            }
        };
        let now = self.clock.now();
        let plain = Wording::default();
        let lines = merge::together(head, waiting, can.posts_together, usize::MAX, plain, now);
        let lease = self.clock.now() + LEASE;
        let Some(lines) = self.store.claim_together(&lines, lease).await? else {
            return Ok(Next::Stop);
        };
        if self.too_late(&lines) {
            let now = self.clock.now();
            let marks = later_at(lines, "the table was slow", now, now, settings);
            return self.settle(bell, conversation, marks, settings).await;
        }
        load.lines = lines;
        self.to_desk(conversation, desk, load, permit).await
    }

    async fn to_desk(
        &self,
        conversation: &mut Conversation,
        desk: Result<Arc<dyn Desk>, DeskError>,
        mut load: Load<'_>,
        permit: Option<Permit<'_>>,
    ) -> Result<Next, StoreError> {
        for line in &mut load.lines {
            line.late = is_late(conversation, line);
            if line.late && calls_for_a_close(conversation, line) {
                // Before the mark: a process that dies in between does it again, and it is once
                // all the same.
                let not_before = self.clock.now() + CLOSE_AGAIN_AFTER;
                self.store
                    .close_again(conversation, line, not_before, load.settings.retention_days)
                    .await?;
                let bell = Bell::new(conversation.id.clone(), Side::User);
                self.ring_at(&bell, not_before).await;
            }
        }
        let at_desk = self.at_desk(conversation, desk, &load.lines).await?;
        let at_desk = match at_desk {
            Ok(Attempt::Opened(opened)) => {
                self.of_its_own(conversation, opened, load.settings).await?
            }
            other => other,
        };
        // Without a reference nothing but an opening leads to a call.
        let called = conversation.desk_ref.is_some()
            || load.lines.iter().any(|line| line.kind == Kind::Opening);
        if let (Some(permit), Some(verdict)) = (permit, verdict(&at_desk).filter(|_| called)) {
            permit.report(verdict, self.clock.now());
        }
        let (bell, settings) = (load.bell, load.settings);
        let marks = match at_desk {
            Ok(Attempt::Opened(opened)) => return self.opened(conversation, load, opened).await,
            Ok(Attempt::Taken(remote_id)) => taken(load.lines, remote_id),
            Err(failed) => {
                if let [opening] = load.lines.as_slice() {
                    let handed_on = self
                        .hand_on_to_next_desk(bell, conversation, opening, &failed, settings)
                        .await?;
                    if let Some(next) = handed_on {
                        return Ok(next);
                    }
                }
                self.not_at_desk(conversation, load, &failed).await?
            }
        };
        self.settle(bell, conversation, marks, settings).await
    }

    /// An opening, unless the desk calls it what it calls another conversation that is open: what
    /// agents wrote there would reach the other one's user.
    async fn of_its_own(
        &self,
        conversation: &Conversation,
        opened: Opened,
        settings: &Settings,
    ) -> Result<Result<Attempt, DeskError>, StoreError> {
        let (desk, days) = (&conversation.desk, settings.retention_days);
        let known = self.store.conversation_at(desk, &opened.reference, days);
        let other = known.await?.map(|known| known.conversation);
        if let Some(other) = other.filter(|other| *other != conversation.id)
            && let Some(other) = self.store.conversation(&other).await?
            && !other.is_closed()
        {
            return Ok(Err(DeskError::Rejected(
                "its reference is another conversation's".to_owned(),
            )));
        }
        Ok(Ok(Attempt::Opened(opened)))
    }

    /// What becomes of entries that the desk did not take.
    async fn not_at_desk(
        &self,
        conversation: &Conversation,
        load: Load<'_>,
        failed: &DeskError,
    ) -> Result<Marks, StoreError> {
        let Load {
            lines, settings, ..
        } = load;
        let reason = failed.to_string();
        let now = self.clock.now();
        Ok(match failed {
            // The configuration may be mended any minute.
            DeskError::NotConfigured(_) => self.later(lines, &reason, None, settings),
            DeskError::Unavailable { retry_after, .. } => {
                self.later(lines, &reason, *retry_after, settings)
            }
            // One of them may be to blame, or their number: one by one, then.
            DeskError::Rejected(_) if lines.len() > 1 => Marks {
                alone: true,
                ..later_at(lines, &reason, now, now, settings)
            },
            DeskError::Rejected(_) => Marks::all(lines, &Outcome::Failed { reason }),
            DeskError::Gone(_) => {
                let is = |kind| lines.iter().any(|line| line.kind == kind);
                // What was to be ended has ended.
                if is(Kind::Closing) {
                    return Ok(Marks::all(lines, &delivered(None)));
                }
                if !is(Kind::Opening) && !load.outdated {
                    self.end_here_too(conversation, &reason, Side::User, settings)
                        .await?;
                }
                // Nobody is there who could be told.
                Marks {
                    tell: false,
                    ..Marks::all(lines, &Outcome::Failed { reason })
                }
            }
        })
    }

    /// Marks an opening together with the desk's reference.
    async fn opened(
        &self,
        conversation: &mut Conversation,
        load: Load<'_>,
        opened: Opened,
    ) -> Result<Next, StoreError> {
        let days = load.settings.retention_days;
        let Some(entry) = load.lines.into_iter().next() else {
            return Ok(Next::Lane);
        };
        let replayed = entry.queued_at > entry.at;
        if replayed && conversation.is_closed() {
            self.store
                .close_opened_late(conversation, &entry, days)
                .await?;
        }
        let mark = self
            .insist(entry.lease_until, || {
                self.store.mark_opened(&entry, conversation, &opened, days)
            })
            .await?;
        let outcome = delivered(Some(opened.reference.clone()));
        conversation.desk_ref = Some(opened.reference);
        conversation.desk_context = opened.context;
        if mark == Mark::Done && !self.reads_the_log(conversation).await {
            // Agents can have seen it before we knew what it is called there. Where this does not
            // work out, the clock has it done.
            let reference = conversation.desk_ref.as_deref().unwrap_or_default();
            let inbound = self.inbound(&conversation.desk, load.settings);
            if let Err(error) = inbound.take_early(reference).await {
                tracing::warn!(conversation_id = %conversation.id, %error, "what agents did early is not taken in yet");
            }
        }
        let marks = Marks::one(entry, outcome);
        Ok(self.after(load.bell, mark, &marks).await)
    }

    /// One attempt; where the desk's credentials are refused and have been replaced meanwhile, one
    /// more with the new ones. The outer error is the table's, the inner one the desk's.
    async fn at_desk(
        &self,
        conversation: &Conversation,
        desk: Result<Arc<dyn Desk>, DeskError>,
        lines: &[Entry],
    ) -> Result<Result<Attempt, DeskError>, StoreError> {
        let desk = match desk {
            Ok(desk) => desk,
            Err(error) => return Ok(Err(error)),
        };
        let refused = match self.attempt(conversation, desk.as_ref(), lines).await? {
            Err(error @ DeskError::NotConfigured(_)) => error,
            attempt => return Ok(attempt),
        };
        let newer = match self.desks.get_again(&conversation.desk).await {
            Ok((newer, _)) if !Arc::ptr_eq(&newer, &desk) => newer,
            Ok(_) => return Ok(Err(refused)),
            Err(error) => return Ok(Err(error)),
        };
        let until = lines.first().and_then(|line| line.lease_until);
        if until.unwrap_or(Millis::MAX) - self.clock.now() > LONGEST_ATTEMPT {
            return self.attempt(conversation, newer.as_ref(), lines).await;
        }
        Ok(Err(DeskError::Unavailable {
            reason: "the credentials have been replaced".to_owned(),
            retry_after: None,
        }))
    }

    async fn attempt(
        &self,
        conversation: &Conversation,
        desk: &dyn Desk,
        lines: &[Entry],
    ) -> Result<Result<Attempt, DeskError>, StoreError> {
        let Some(head) = lines.first() else {
            return Ok(Ok(Attempt::Taken(None)));
        };
        // An opening is several calls and a long text, and the desk is asked before it is repeated.
        let patience = if head.attempts <= 1 && head.kind != Kind::Opening {
            FIRST_PATIENCE
        } else {
            LATER_PATIENCE
        };
        let attempt = async {
            match head.kind {
                Kind::Opening => self.open(desk, conversation, head).await,
                _ => Ok(tell(desk, conversation, lines).await),
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
        let history = self.store.history(&conversation.id, episode).await?;
        let opening = Opening {
            conversation: &conversation,
            history: &history,
            attempt: entry.attempts.max(1),
        };
        Ok(desk.open(opening).await.map(Attempt::Opened))
    }
}

/// Posts lines, or the end.
async fn tell(
    desk: &dyn Desk,
    conversation: &Conversation,
    lines: &[Entry],
) -> Result<Attempt, DeskError> {
    let closing = lines.iter().find(|line| line.kind == Kind::Closing);
    if conversation.desk_ref.is_none() {
        // Nothing was ever opened there: nothing to close, and nowhere to post.
        return match closing {
            Some(_) => Ok(Attempt::Taken(None)),
            None => Err(DeskError::Rejected(
                "the conversation was never opened there".to_owned(),
            )),
        };
    }
    if let Some(closing) = closing {
        let by = conversation.closed_by.unwrap_or(ClosedBy::User);
        desk.close(conversation, by, &closing.text).await?;
        return Ok(Attempt::Taken(None));
    }
    desk.post(conversation, lines).await.map(Attempt::Taken)
}

/// The marks of what the desk has taken; its id is that of the last one.
fn taken(lines: Vec<Entry>, remote_id: Option<String>) -> Marks {
    let last = lines.len().saturating_sub(1);
    let entries = lines.into_iter().enumerate().map(|(at, line)| {
        let outcome = Outcome::Delivered {
            remote_id: remote_id.clone().filter(|_| at == last),
            late: line.late,
        };
        (line, outcome)
    });
    Marks::new(entries.collect())
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
        Ok(_) | Err(DeskError::Rejected(_) | DeskError::Gone(_)) => Some(Verdict::Served),
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
