//! The relay drains lanes: it carries entries to the desk and to the user. Nothing else sends.
//!
//! It is rung by the table's stream and by delayed bells. A bell says no more than "this lane has
//! something to carry", so lost, doubled and disordered bells do no harm:
//!
//! 1. Read the lane. Empty: done.
//! 2. Take its head: a conditional update to `sending` with a lease. Somebody else has it: done,
//!    they read on (and a delayed bell looks after them, should they have died).
//! 3. Send, and mark it `delivered`, `retrying` or `failed`.
//! 4. Go on with the next entry; at the end read the lane again.
//!
//! **What arrives twice.** The other side accepted but its answer did not reach us in time; the
//! process died between sending and marking; the lease ran out while it was still sending. Then,
//! and only then, the entry is sent again.
//!
//! **What is not lost.** A failed delivery never fails the batch: the entry says when it is due
//! again. Only our own faults (the table) do, and then the bell is rung again.

mod desk_side;
mod event;
mod retry;
mod user_side;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use handoff::bells::{Bell, DelayedBells};
use handoff::conversation::{Conversation, Delivery, Entry, Kind, Side, Step, next_step};
use handoff::desk::Desks;
use handoff::gptbots::Outbound;
use handoff::metrics::{Metric, Metrics};
use handoff::random::Random;
use handoff::secrets::SecretsSource;
use handoff::settings::{Settings, SettingsSource};
use handoff::store::{Mark, Outcome, Store, StoreError};
use handoff::time::{Millis, SharedClock};

pub use event::{BatchResponse, Failure, Record, RelayEvent};

/// How long a claim has an entry to itself: an attempt of 3 s and a retry with a fresh key, their
/// mark, and room for a slow table.
const LEASE: Millis = 15_000;
/// With less than this left of a lease nothing is sent: it would end in the middle of the attempt.
const LEAST_LEASE: Millis = 10_000;
/// By how much a delayed bell can be early: clocks of two machines differ by less.
const EARLY: Millis = 5_000;
/// How long a batch goes on taking entries, so that it ends well inside the function's timeout of
/// 60 s. What is left is rung for again.
const LONGEST_BATCH: Millis = 35_000;
/// How many lanes of a batch are drained at once.
const LANES_AT_ONCE: usize = 32;

/// The function, with all it needs.
pub struct Relay {
    /// The table.
    pub store: Store,
    /// The operator's settings.
    pub settings: Arc<SettingsSource>,
    /// API keys.
    pub secrets: Arc<SecretsSource>,
    /// GPTBots.
    pub gptbots: Arc<dyn Outbound>,
    /// The desks.
    pub desks: Desks,
    /// The timer for retries.
    pub bells: Arc<dyn DelayedBells>,
    /// Now.
    pub clock: SharedClock,
    /// For jitter.
    pub random: Random,
    /// What is counted.
    pub metrics: Metrics,
}

/// What rang for a lane.
#[derive(Default)]
struct Rung {
    by: Vec<String>,
    delayed: bool,
}

/// What an attempt leads to.
enum Attempt {
    /// Mark the entry with this.
    Marks(Outcome),
    /// The desk has opened the conversation under this reference.
    Opened(String),
}

/// What comes after an entry.
#[derive(PartialEq)]
enum Next {
    /// The next entry of the lane.
    Entry,
    /// Nothing more now.
    Stop,
}

impl Relay {
    /// Drains the lanes that a batch rings for.
    ///
    /// # Errors
    /// Never: what the table could not do is reported record by record.
    pub async fn handle(&self, event: RelayEvent) -> Result<BatchResponse, Infallible> {
        let stop_at = self.clock.now() + LONGEST_BATCH;
        let mut lanes: BTreeMap<Bell, Rung> = BTreeMap::new();
        for record in event.records {
            let delayed = record.is_delayed();
            match record.read() {
                (item, Some(bell)) => {
                    let rung = lanes.entry(bell).or_default();
                    rung.by.push(item);
                    rung.delayed |= delayed;
                }
                (item, None) => tracing::warn!(item, "no bell in this record: passed over"),
            }
        }
        let failures = stream::iter(lanes)
            .map(|(bell, rung)| async move {
                match self.drain(&bell, rung.delayed, stop_at).await {
                    Ok(()) => Vec::new(),
                    Err(error) => {
                        tracing::error!(conversation_id = %bell.conversation, side = %bell.side, %error, "lane not drained");
                        // What cannot pass would only hold up the records behind it. The clock
                        // rings this lane again every minute.
                        if error.can_pass() { rung.by } else { Vec::new() }
                    }
                }
            })
            .buffer_unordered(LANES_AT_ONCE)
            .concat()
            .await;
        self.metrics.flush();
        Ok(BatchResponse {
            failures: failures.into_iter().map(|item| Failure { item }).collect(),
        })
    }

    /// Drains one lane. `delayed`: its bell was one of those that were set, and is gone now.
    async fn drain(&self, bell: &Bell, delayed: bool, stop_at: Millis) -> Result<(), StoreError> {
        let settings = self.settings.get().await;
        loop {
            let lane = self.store.lane(&bell.conversation, bell.side).await?;
            if lane.entries.is_empty() {
                return Ok(());
            }
            let mut conversation = lane.conversation;
            for entry in lane.entries {
                if self.clock.now() > stop_at {
                    self.ring_later(bell, 0).await;
                    return Ok(());
                }
                if let Step::NotDue(at) = next_step(&entry, self.clock.now()) {
                    if self.closes_nothing(bell, &entry).await? {
                        let next = self
                            .pass_over(bell, conversation.as_mut(), &entry, &settings)
                            .await?;
                        if next == Next::Stop {
                            return Ok(());
                        }
                        continue;
                    }
                    // A delayed bell that came a little early, by a clock that is ahead, is set
                    // again. No other one is: the bell for the retry is out, and bells that never
                    // die would pile up in an outage.
                    let early = at - self.clock.now();
                    if delayed && early <= EARLY {
                        self.ring_later(bell, early).await;
                    }
                    return Ok(());
                }
                let next = self
                    .carry(bell, conversation.as_mut(), entry, &settings)
                    .await?;
                if next == Next::Stop {
                    return Ok(());
                }
            }
        }
    }

    /// Carries the head of a lane.
    async fn carry(
        &self,
        bell: &Bell,
        conversation: Option<&mut Conversation>,
        entry: Entry,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let now = self.clock.now();
        match next_step(&entry, now) {
            Step::Send => {}
            Step::Leased(until) => {
                // Whoever has it reads on when done. Should they have died, this finds out.
                self.ring_later(bell, until - now).await;
                return Ok(Next::Stop);
            }
            Step::NotDue(_) => return Ok(Next::Stop),
        }
        let Some(conversation) = conversation.filter(|known| !known.is_tombstone()) else {
            return self.wait_for_establish(&entry, settings).await;
        };
        let to_user = bell.side == Side::User;
        let reads_the_log = !to_user
            && self
                .desks
                .get(&conversation.desk)
                .is_ok_and(|desk| desk.capabilities().reads_the_log);
        if self.closes_nothing(bell, &entry).await? {
            return self
                .pass_over(bell, Some(conversation), &entry, settings)
                .await;
        }
        // What is not sent needs no claim: the mark alone decides who did it.
        let entry = if reads_the_log {
            entry
        } else {
            match self.store.claim(&entry, now + LEASE).await? {
                Some(claimed) => claimed,
                None => return Ok(Next::Stop),
            }
        };
        let left = entry.lease_until.unwrap_or(Millis::MAX) - self.clock.now();
        let attempt = if left < LEAST_LEASE {
            Attempt::Marks(Outcome::Retry {
                at: self.clock.now(),
                reason: "the table was slow".to_owned(),
            })
        } else if to_user {
            self.to_user(conversation, &entry, settings).await?
        } else {
            self.to_desk(conversation, &entry, settings).await?
        };
        self.settle(bell, conversation, &entry, attempt, settings)
            .await
    }

    /// A line whose conversation has not been established: it may still come. At the end of its
    /// time the line fails, visibly.
    async fn wait_for_establish(
        &self,
        entry: &Entry,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
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

    /// Marks an entry that need not be carried any more.
    async fn pass_over(
        &self,
        bell: &Bell,
        conversation: Option<&mut Conversation>,
        entry: &Entry,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        match conversation {
            Some(conversation) => {
                let attempt = Attempt::Marks(delivered(None));
                self.settle(bell, conversation, entry, attempt, settings)
                    .await
            }
            None => Ok(Next::Stop),
        }
    }

    /// Writes down how an attempt ended.
    async fn settle(
        &self,
        bell: &Bell,
        conversation: &mut Conversation,
        entry: &Entry,
        attempt: Attempt,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let (mark, outcome) = match attempt {
            Attempt::Opened(reference) => {
                let mark = self
                    .store
                    .mark_opened(entry, conversation, &reference, settings.retention_days)
                    .await?;
                conversation.desk_ref = Some(reference.clone());
                (mark, delivered(Some(reference)))
            }
            Attempt::Marks(outcome) => {
                let mark = self
                    .store
                    .mark(entry, &outcome, Some(conversation), settings.retention_days)
                    .await?;
                (mark, outcome)
            }
        };
        let id = &entry.id;
        let conversation_id = &entry.conversation;
        if mark == Mark::Lost {
            if entry.delivery != Delivery::Sending {
                // Never claimed, so nothing was sent: whoever marked it reads on.
                return Ok(Next::Stop);
            }
            tracing::warn!(%conversation_id, entry_id = %id, "somebody else took the entry over: it may have been sent twice");
            return Ok(Next::Stop);
        }
        match outcome {
            Outcome::Delivered { .. } => {
                let age = self.clock.now() - entry.queued_at;
                self.metrics.add_for(bell.side, Metric::Delivered, 1);
                self.metrics.add_for(bell.side, Metric::DeliveryAge, age);
                tracing::info!(%conversation_id, entry_id = %id, side = %bell.side, attempts = entry.attempts, "delivered");
                Ok(Next::Entry)
            }
            Outcome::Retry { at, reason } => {
                self.metrics.add_for(bell.side, Metric::Retried, 1);
                tracing::warn!(%conversation_id, entry_id = %id, side = %bell.side, attempts = entry.attempts, reason, "not delivered: will be tried again");
                self.ring_later(bell, at - self.clock.now()).await;
                Ok(Next::Stop)
            }
            Outcome::Failed { reason } => {
                self.metrics.add_for(bell.side, Metric::Failed, 1);
                tracing::error!(%conversation_id, entry_id = %id, side = %bell.side, attempts = entry.attempts, reason, "entry failed");
                Ok(Next::Entry)
            }
        }
    }

    /// Sets a bell. One that cannot be set waits for the clock.
    async fn ring_later(&self, bell: &Bell, delay: Millis) {
        let delay = Duration::from_millis(u64::try_from(delay).unwrap_or(0));
        if let Err(error) = self.bells.ring_later(bell, delay).await {
            tracing::error!(conversation_id = %bell.conversation, side = %bell.side, %error, "the lane waits for the clock");
        }
    }
}

fn delivered(remote_id: Option<String>) -> Outcome {
    Outcome::Delivered {
        remote_id,
        late: false,
    }
}
