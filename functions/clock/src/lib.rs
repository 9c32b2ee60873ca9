//! The clock, called every minute: rings the lanes that strayed, writes what is due, and says what
//! waits.
//!
//! A lane strays when its bell got lost, the stream's mapping lags, or the process that had its
//! head died. An index holds every undelivered entry by when somebody should look at it, and every
//! conversation that no agent has taken, so that a tick costs what they cost, however many
//! conversations are open. The same index holds the conversations whose desk is to be asked what
//! happened there, since its own calls can be lost: the relay asks. And it holds the conversations
//! in which something is due: a text for a user who waits, an end after a silence. The clock writes
//! entries and sends nothing itself, and a tick that runs twice changes nothing.

mod timers;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use handoff::bells::{Bell, DelayedBells};
use handoff::conversation::{Step, next_step};
use handoff::metrics::{Metric, Metrics};
use handoff::store::{Backlog, Store, StoreError, Stray, Waiting};
use handoff::time::{Millis, SharedClock};
use serde::Serialize;

/// How many lanes are looked at at once.
const AT_ONCE: usize = 32;
/// How long a desk is not asked again what happened in a conversation, unless the relay says
/// otherwise.
const ASK_AGAIN_AFTER: Millis = 180_000;

/// The function, with all it needs.
pub struct Clock {
    /// The table.
    pub store: Store,
    /// The queue that rings the relay; without one the table's stream does.
    pub bells: Arc<dyn DelayedBells>,
    /// Now.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Metrics,
}

/// What a tick did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// How many lanes were rung.
    pub rung: usize,
    /// In how many conversations something was due and is written.
    pub told: usize,
    /// How many lanes could not be rung, and timers not be looked at.
    pub failed: usize,
}

impl Clock {
    /// Rings every lane whose head should have been delivered by now, and writes what is due.
    ///
    /// # Errors
    /// When the strays cannot be found. The next tick finds them.
    pub async fn tick(&self) -> Result<Tick, StoreError> {
        let now = self.clock.now();
        let (backlog, waiting) =
            futures_util::future::join(self.store.backlog(now), self.store.waiting()).await;
        let mut backlog = backlog?;
        let mut tick = Tick {
            rung: 0,
            told: 0,
            failed: 0,
        };
        // Side by side: after an outage there can be thousands, and a tick has a minute.
        let mut rings = stream::iter(std::mem::take(&mut backlog.strays))
            .map(|stray| async move { (self.ring(&stray).await, stray) })
            .buffer_unordered(AT_ONCE);
        while let Some((result, stray)) = rings.next().await {
            match result {
                Ok(rung) => tick.rung += usize::from(rung),
                Err(error) => {
                    tick.failed += 1;
                    tracing::error!(conversation_id = %stray.conversation, side = %stray.side, error, "stray lane not rung");
                }
            }
        }
        if tick.rung + tick.failed > 0 {
            tracing::warn!(rung = tick.rung, failed = tick.failed, "lanes had strayed");
        }
        drop(rings);
        let strays = tick.rung + tick.failed;
        let (told, failed) = self.turn_timers(now).await;
        tick.told = told;
        tick.failed += failed;
        self.have_desks_asked(now).await;
        // Last, since ringing matters more.
        self.measure(now, &backlog, waiting?, strays);
        Ok(tick)
    }

    /// Rings for the conversations whose desk is to be asked what happened there. What goes wrong is
    /// done by the next tick, or in a few minutes.
    async fn have_desks_asked(&self, now: Millis) {
        let due = match self.store.due_to_reconcile(now).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "not known which desks are to be asked");
                return;
            }
        };
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |due| async move {
                let conversation_id = due.conversation.clone();
                match self
                    .store
                    .take_to_reconcile(&due, now + ASK_AGAIN_AFTER)
                    .await
                {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::error!(%conversation_id, %error, "desk not asked");
                        return;
                    }
                }
                let bell = Bell::to_reconcile(due.conversation);
                match self.bells.ring_later(&bell, Duration::ZERO).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::warn!(%conversation_id, "desk not asked: there is no queue")
                    }
                    Err(error) => tracing::error!(%conversation_id, %error, "desk not asked"),
                }
            })
            .await;
    }

    fn measure(&self, now: Millis, backlog: &Backlog, waiting: Waiting, strays: usize) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let seconds = |since: Option<Millis>| since.map_or(0, |since| (now - since).max(0) / 1000);
        for (metric, value) in [
            (Metric::OldestUndelivered, seconds(backlog.oldest)),
            (Metric::Overdue, count(backlog.overdue)),
            (Metric::Strays, count(strays)),
            (Metric::Waiting, count(waiting.conversations)),
            (Metric::LongestWait, seconds(waiting.since)),
        ] {
            self.metrics.add(metric, value);
        }
        self.metrics.flush();
    }

    /// Rings a lane whose head can be sent. Lines behind a head that waits for its time are
    /// overdue, too, but no bell helps them.
    async fn ring(&self, stray: &Stray) -> Result<bool, String> {
        let lane = self
            .store
            .lane(&stray.conversation, stray.side)
            .await
            .map_err(|error| error.to_string())?;
        let now = self.clock.now();
        let Some(head) = lane.entries.first() else {
            return Ok(false);
        };
        if next_step(head, now) != Step::Send {
            return Ok(false);
        }
        let bell = Bell::new(stray.conversation.clone(), stray.side);
        let rung = self
            .bells
            .ring_later(&bell, Duration::ZERO)
            .await
            .map_err(|error| error.to_string())?;
        if !rung {
            self.store
                .nudge(head)
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(true)
    }
}
