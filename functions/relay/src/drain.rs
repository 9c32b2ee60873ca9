//! One lane, entry by entry.

use std::collections::VecDeque;
use std::time::Duration;

use handoff::bells::Bell;
use handoff::conversation::{Conversation, Delivery, Entry, Kind, Side, Step, next_step};
use handoff::metrics::Metric;
use handoff::settings::Settings;
use handoff::store::{Mark, Outcome, StoreError};
use handoff::time::Millis;

use crate::health::{Answer, Permit, Target};
use crate::{Relay, Rung, notice, retry};

/// How long a claim has its entries to itself: an attempt of 3 s and a retry with a fresh key, or
/// one of 8 s, the mark, and room for a slow table.
pub(crate) const LEASE: Millis = 15_000;
/// With less than this left of a lease nothing is sent: it would end in the middle of the attempt.
const LEAST_LEASE: Millis = 10_000;
/// The pauses before a mark is tried again that the table did not take: what was sent and is not
/// marked is sent twice.
const MARK_PAUSES: [u64; 5] = [100, 300, 600, 1_000, 1_500];

/// What comes after an attempt.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// The next entry of the lane.
    Entry,
    /// The lane anew: it has changed.
    Lane,
    /// Nothing more now.
    Stop,
}

/// What to mark entries with that went together; one, mostly.
pub(crate) struct Marks {
    pub(crate) entries: Vec<(Entry, Outcome)>,
    /// The other side refused them joined: one by one from now on.
    pub(crate) alone: bool,
    /// Whether the agents are told at their desk of what failed.
    pub(crate) tell: bool,
}

impl Marks {
    pub(crate) fn new(entries: Vec<(Entry, Outcome)>) -> Self {
        Self {
            entries,
            alone: false,
            tell: true,
        }
    }

    pub(crate) fn one(entry: Entry, outcome: Outcome) -> Self {
        Self::new(vec![(entry, outcome)])
    }

    /// The same for all.
    pub(crate) fn all(entries: Vec<Entry>, outcome: &Outcome) -> Self {
        let entries = entries.into_iter();
        Self::new(entries.map(|entry| (entry, outcome.clone())).collect())
    }
}

/// Whether to try an entry now.
pub(crate) enum Leave<'a> {
    /// Yes. Without a permit it is its last chance, whatever happened to others.
    Try(Option<Permit<'a>>),
    /// Not before `at`.
    Wait { at: Millis, why: &'static str },
}

impl Relay {
    /// Drains one lane.
    pub(crate) async fn drain(
        &self,
        bell: &Bell,
        rung: &Rung,
        stop_at: Millis,
    ) -> Result<(), StoreError> {
        let settings = self.settings.get().await;
        let mut moved = false;
        loop {
            let lane = self.store.lane(&bell.conversation, bell.side).await?;
            let mut conversation = lane.conversation;
            let mut waiting = VecDeque::from(lane.entries);
            if waiting.is_empty() {
                return Ok(());
            }
            if !rung.of_queue
                && bell.side == Side::Desk
                && self.has_a_server(conversation.as_ref()).await
                && self.hand_over(bell).await
            {
                return Ok(());
            }
            if let Some(known) = conversation.as_ref().filter(|_| bell.side == Side::Desk)
                && known.desk_ref.is_some()
                && self.has_a_server(Some(known)).await
            {
                let (until, days) = (lane.reference_until, settings.retention_days);
                self.store.keep_reference(known, until, days).await?;
            }
            while let Some(head) = waiting.pop_front() {
                let now = self.clock.now();
                if now > stop_at {
                    self.ring(bell, 0).await;
                    return Ok(());
                }
                match next_step(&head, now) {
                    Step::Send => {}
                    Step::NotDue(_) if self.closes_nothing(bell, &head).await? => {}
                    Step::NotDue(at) => {
                        // Its bell is out, unless it is this one, which came early, or what was
                        // before it has only just gone. Bells for anything else end here: those
                        // that never die would pile up in an outage.
                        if moved || rung.dues.contains(&at) {
                            self.ring_at(bell, at).await;
                        }
                        return Ok(());
                    }
                    Step::Leased(until) => {
                        // Whoever has it reads on when done. Should they have died, a bell for the
                        // end of their lease finds out.
                        if rung.anew || rung.dues.contains(&until) {
                            self.ring_at(bell, until).await;
                        }
                        return Ok(());
                    }
                }
                let next = self
                    .carry(bell, conversation.as_mut(), head, &mut waiting, &settings)
                    .await?;
                moved = true;
                match next {
                    Next::Entry => {}
                    Next::Lane => break,
                    Next::Stop => return Ok(()),
                }
            }
        }
    }

    /// Carries the head of a lane.
    async fn carry(
        &self,
        bell: &Bell,
        conversation: Option<&mut Conversation>,
        head: Entry,
        waiting: &mut VecDeque<Entry>,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let Some(conversation) = conversation.filter(|known| !known.is_tombstone()) else {
            return self.wait_for_establish(&head, settings).await;
        };
        if self.closes_nothing(bell, &head).await? {
            let marks = Marks::one(head, delivered(None));
            return self.settle(bell, conversation, marks, settings).await;
        }
        match bell.side {
            Side::User => {
                self.carry_to_user(bell, conversation, head, waiting, settings)
                    .await
            }
            Side::Desk => {
                self.carry_to_desk(bell, conversation, head, waiting, settings)
                    .await
            }
        }
    }

    /// A line whose conversation has not been established: it may still come. At the end of its
    /// time the line fails, visibly.
    async fn wait_for_establish(
        &self,
        entry: &Entry,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        if self.store.forget_if_erased(entry).await? {
            tracing::warn!(conversation_id = %entry.conversation, entry_id = %entry.id, "its conversation was erased after it was sent: the line is forgotten");
            return Ok(Next::Entry);
        }
        if self.clock.now() - entry.queued_at < settings.retry_age() {
            return Ok(Next::Stop);
        }
        let reason = "its conversation was never established".to_owned();
        tracing::error!(conversation_id = %entry.conversation, entry_id = %entry.id, reason, "entry failed");
        self.store
            .mark(
                entry,
                &Outcome::Failed { reason },
                None,
                settings.retention_days,
            )
            .await?;
        self.metrics.add_for(Side::Desk, Metric::Failed, 1);
        Ok(Next::Entry)
    }

    /// A closing for GPTBots of an episode that is over: the conversation has been opened anew,
    /// and the close would end that. Read afresh, since the lines before it can have taken a
    /// while.
    async fn closes_nothing(&self, bell: &Bell, closing: &Entry) -> Result<bool, StoreError> {
        if bell.side != Side::User || closing.kind != Kind::Closing {
            return Ok(false);
        }
        let now = self.store.conversation(&closing.conversation).await?;
        Ok(now.is_none_or(|known| {
            !known.is_closed() || closing.episode.is_some_and(|of| of != known.episode)
        }))
    }

    /// Whether to try an entry now, by what this process knows of whom it is for. At the end of
    /// its time it is tried all the same: no entry is given up for what happened to others.
    pub(crate) fn leave(&self, target: &Target, head: &Entry, settings: &Settings) -> Leave<'_> {
        let now = self.clock.now();
        let end = retry::end(head, settings.retry_age());
        match self
            .health
            .ask(target, &head.conversation, now, &self.random)
        {
            Answer::Try(permit) => Leave::Try(Some(permit)),
            Answer::Wait { .. } if now >= end => Leave::Try(None),
            Answer::Wait { at, why } => Leave::Wait {
                at: at.min(end),
                why,
            },
        }
    }

    /// Leaves the head of a lane for later, without an attempt.
    pub(crate) async fn put_off(
        &self,
        bell: &Bell,
        head: &Entry,
        at: Millis,
        why: &str,
    ) -> Result<Next, StoreError> {
        if self.store.postpone(head, at, why).await? == Mark::Done {
            tracing::info!(conversation_id = %head.conversation, entry_id = %head.id, side = %bell.side, why, "not tried now");
            self.ring_at(bell, at).await;
        }
        Ok(Next::Stop)
    }

    /// Whether too little is left of a lease for an attempt.
    pub(crate) fn too_late(&self, claimed: &[Entry]) -> bool {
        let until = claimed.first().and_then(|entry| entry.lease_until);
        until.is_some_and(|until| until - self.clock.now() < LEAST_LEASE)
    }

    /// Writes down how an attempt ended, and sets the bell for the next one.
    pub(crate) async fn settle(
        &self,
        bell: &Bell,
        conversation: &Conversation,
        marks: Marks,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let told = marks.tell && !self.reads_the_log(conversation).await;
        let along: Vec<Entry> = marks
            .entries
            .iter()
            .filter_map(|(entry, outcome)| match outcome {
                Outcome::Failed { reason } if told => {
                    notice::of_failure(entry, reason, self.clock.now())
                }
                _ => None,
            })
            .collect();
        let days = settings.retention_days;
        let lease = marks
            .entries
            .first()
            .and_then(|(entry, _)| entry.lease_until);
        let mark = self
            .insist(lease, || async {
                match marks.entries.as_slice() {
                    [(entry, outcome)] if along.is_empty() && !marks.alone => {
                        self.store
                            .mark(entry, outcome, Some(conversation), days)
                            .await
                    }
                    several => {
                        self.store
                            .mark_together(several, marks.alone, &along, conversation, days)
                            .await
                    }
                }
            })
            .await?;
        Ok(self.after(bell, mark, &marks).await)
    }

    /// Writes a mark, if need be several times, while the lease lasts.
    pub(crate) async fn insist<W>(
        &self,
        lease: Option<Millis>,
        write: impl Fn() -> W,
    ) -> Result<Mark, StoreError>
    where
        W: Future<Output = Result<Mark, StoreError>>,
    {
        for pause in MARK_PAUSES {
            match write().await {
                Err(error) if error.can_pass() && lease.is_some_and(|at| at > self.clock.now()) => {
                    tracing::warn!(%error, "not marked: once more");
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                written => return written,
            }
        }
        write().await
    }

    /// What comes after marks were set, or not.
    pub(crate) async fn after(&self, bell: &Bell, mark: Mark, marks: &Marks) -> Next {
        let conversation_id = &bell.conversation;
        let side = bell.side;
        if mark == Mark::Lost {
            let claimed = marks
                .entries
                .iter()
                .find(|(entry, _)| entry.delivery == Delivery::Sending);
            // Never claimed, so nothing was sent: whoever marked it reads on.
            if let Some((entry, _)) = claimed {
                tracing::warn!(%conversation_id, entry_id = %entry.id, "somebody else took the entry over: it may have been sent twice");
            }
            return Next::Stop;
        }
        let mut again = None;
        for (entry, outcome) in &marks.entries {
            let (entry_id, attempts) = (&entry.id, entry.attempts);
            match outcome {
                Outcome::Delivered { .. } => {
                    let age = self.clock.now() - entry.queued_at;
                    self.metrics.add_for(side, Metric::Delivered, 1);
                    self.metrics.add_for(side, Metric::DeliveryAge, age);
                    tracing::info!(%conversation_id, %entry_id, %side, attempts, "delivered");
                }
                Outcome::Retry { at, reason } => {
                    self.metrics.add_for(side, Metric::Retried, 1);
                    tracing::warn!(%conversation_id, %entry_id, %side, attempts, reason, "not delivered: will be tried again");
                    again = again.or(Some(*at));
                }
                Outcome::Failed { reason } => {
                    self.metrics.add_for(side, Metric::Failed, 1);
                    tracing::error!(%conversation_id, %entry_id, %side, attempts, reason, "entry failed");
                }
            }
        }
        match again {
            None => Next::Entry,
            Some(_) if marks.alone => Next::Lane,
            Some(at) => {
                self.ring_at(bell, at).await;
                Next::Stop
            }
        }
    }

    /// Whether a conversation's desk shows the log itself, so that nothing is sent there.
    pub(crate) async fn reads_the_log(&self, conversation: &Conversation) -> bool {
        let desk = self.desks.get(&conversation.desk).await;
        desk.is_ok_and(|desk| desk.capabilities().reads_the_log)
    }

    /// Whether carrying to the desk means to call a server.
    async fn has_a_server(&self, conversation: Option<&Conversation>) -> bool {
        match conversation.filter(|known| !known.is_tombstone()) {
            Some(known) => !self.reads_the_log(known).await,
            None => false,
        }
    }
}

pub(crate) fn delivered(remote_id: Option<String>) -> Outcome {
    Outcome::Delivered {
        remote_id,
        late: false,
    }
}
