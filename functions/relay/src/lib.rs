//! The relay drains lanes: it carries entries to the desk and to the user. Nothing else sends.
//!
//! It is rung by the table's stream and by the queue of bells. A bell says no more than "this lane
//! has something to carry", so lost, doubled and disordered bells do no harm:
//!
//! 1. Read the lane. Empty: done.
//! 2. Take its head: a conditional update to `sending` with a lease. Somebody else has it: done,
//!    they read on (and a delayed bell looks after them, should they have died).
//! 3. Send, and mark it `delivered`, `retrying` or `failed`.
//! 4. Go on with the next entry; at the end read the lane again.
//!
//! # Nobody waits for others
//!
//! A batch of the stream holds up those behind it until its slowest lane is done, so nothing is
//! sent from there: lanes whose other side is a server are handed over to the queue, where each
//! bell stands for itself. What only needs the table (the console's lane) is done at once. Without
//! a queue everything is done at once.
//!
//! # The guarantee
//!
//! - **What was accepted is stored.** A webhook is answered 200, and an agent's line is accepted,
//!   after the entry was written.
//! - **In order.** A lane's head is carried to its end, delivered or failed, before the next entry
//!   is tried. Order is that of acceptance; a user's lines that wait together go by GPTBots'
//!   timestamps; an opening goes before and a closing after the lines of its episode.
//! - **At least once, and in all but these windows once.** An entry is sent again where an attempt
//!   ended without an answer (timed out, broke off) or with a 5xx although the other side had taken
//!   it; where the relay died, or could not write, between sending and marking; and where an
//!   attempt outlived its lease, so that somebody else took the entry over. Lines that went
//!   together can come again together, or one by one, in order. An opening asks the desk first
//!   where that can be asked, and the console has everything once: its log is the table.
//! - **Nothing disappears.** An entry ends as `delivered`, or as `failed` with a reason: at once
//!   where the other side refuses it for good, else when its age is over, after a last attempt.
//!   The agents see that in the console, or are told at their desk by an entry that is written
//!   together with the mark; the lane goes on, and the entry can be replayed.
//!
//! `docs/guarantee.md` says the same for operators.

mod chain;
mod complete;
mod desk_side;
mod drain;
mod event;
mod health;
mod merge;
mod notice;
mod reconcile;
mod retry;
mod user_side;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use handoff::bells::{Bell, DelayedBells};
use handoff::conversation::Side;
use handoff::desk::DeskSource;
use handoff::files::Files;
use handoff::gptbots::Outbound;
use handoff::inbound::Inbound;
use handoff::metrics::Metrics;
use handoff::random::Random;
use handoff::secrets::SecretsSource;
use handoff::settings::{Settings, SettingsSource};
use handoff::store::{Store, StoreError};
use handoff::time::{Millis, SharedClock};

pub use event::{BatchResponse, Failure, Record, RelayEvent};
pub use health::Health;

/// How long a batch goes on taking entries, so that it ends well inside the function's timeout of
/// 60 s. What is left is rung for again.
const LONGEST_BATCH: Millis = 35_000;
/// How many lanes of a batch are drained at once.
const LANES_AT_ONCE: usize = 32;
/// When a bell of the queue is rung again that the table could not serve. A message that is left to
/// the queue comes back much later.
const AFTER_A_FAULT: Millis = 5_000;

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
    pub desks: DeskSource,
    /// Where files go that only their desk opens.
    pub files: Arc<dyn Files>,
    /// The queue of bells: the timer for retries, and where lanes are handed over to.
    pub bells: Arc<dyn DelayedBells>,
    /// What this process knows of who can be served.
    pub health: Health,
    /// Now.
    pub clock: SharedClock,
    /// For jitter.
    pub random: Random,
    /// What is counted.
    pub metrics: Metrics,
}

/// What rang for a lane.
#[derive(Debug, Default)]
struct Rung {
    /// The records' names.
    by: Vec<String>,
    /// Whether one of them is of the queue.
    of_queue: bool,
    /// Whether one was for something new, or by the clock.
    anew: bool,
    /// The times for which the others were set.
    dues: Vec<Millis>,
}

impl Rung {
    fn add(&mut self, item: String, of_queue: bool, due: Option<Millis>) {
        self.by.push(item);
        self.of_queue |= of_queue;
        match due {
            Some(due) => self.dues.push(due),
            None => self.anew = true,
        }
    }
}

impl Relay {
    /// Drains the lanes that a batch rings for.
    ///
    /// # Errors
    /// Never: what the table could not do is reported record by record.
    pub async fn handle(&self, event: RelayEvent) -> Result<BatchResponse, Infallible> {
        let stop_at = self.clock.now() + LONGEST_BATCH;
        let mut lanes: BTreeMap<Bell, Rung> = BTreeMap::new();
        let mut to_reconcile = BTreeSet::new();
        for record in event.records {
            let of_queue = record.is_of_queue();
            match record.read() {
                (_, Some(bell)) if bell.reconcile => {
                    to_reconcile.insert(bell.conversation);
                }
                (item, Some(bell)) => {
                    let lane = Bell::new(bell.conversation, bell.side);
                    let rung = lanes.entry(lane).or_default();
                    rung.add(item, of_queue, bell.due);
                }
                (item, None) => tracing::warn!(item, "no bell in this record: passed over"),
            }
        }
        // Before anything else, so that they wait for nobody here.
        let here: Vec<(Bell, Rung)> = stream::iter(lanes)
            .map(|(bell, rung)| async move {
                let away = bell.side == Side::User && !rung.of_queue && self.hand_over(&bell).await;
                (!away).then_some((bell, rung))
            })
            .buffer_unordered(LANES_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let failures = stream::iter(here)
            .map(|(bell, rung)| async move {
                match self.drain(&bell, &rung, stop_at).await {
                    Ok(()) => Vec::new(),
                    Err(error) => self.failed(&bell, rung, &error).await,
                }
            })
            .buffer_unordered(LANES_AT_ONCE)
            .concat()
            .await;
        // Last: it makes good for what is rare.
        stream::iter(to_reconcile)
            .for_each_concurrent(LANES_AT_ONCE, |id| async move {
                if self.clock.now() > stop_at {
                    return;
                }
                // Not again by this message: the clock rings every few minutes.
                if let Err(error) = self.reconcile(&id).await {
                    tracing::error!(conversation_id = %id, %error, "what happened at the desk is not taken in");
                }
            })
            .await;
        self.metrics.flush();
        Ok(BatchResponse {
            failures: failures.into_iter().map(|item| Failure { item }).collect(),
        })
    }

    /// Takes in what a desk tells when it is asked.
    fn inbound<'a>(&'a self, desk: &'a str, settings: &'a Settings) -> Inbound<'a> {
        Inbound {
            store: &self.store,
            settings,
            desk,
        }
    }

    /// Leaves a lane to the queue, where it holds up nobody. `false`: there is none, or it did not
    /// take the bell.
    async fn hand_over(&self, bell: &Bell) -> bool {
        match self.bells.ring_later(bell, Duration::ZERO).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(conversation_id = %bell.conversation, side = %bell.side, %error, "lane not handed over: drained here");
                false
            }
        }
    }

    /// Which records are to be handed over again, for a lane that the table could not serve.
    async fn failed(&self, bell: &Bell, rung: Rung, error: &StoreError) -> Vec<String> {
        tracing::error!(conversation_id = %bell.conversation, side = %bell.side, %error, "lane not drained");
        // What cannot pass would only hold up the records behind it. The clock rings this lane
        // again every minute.
        if !error.can_pass() {
            return Vec::new();
        }
        if rung.of_queue {
            let wait = self.random.jittered(AFTER_A_FAULT);
            let wait = Duration::from_millis(wait.unsigned_abs());
            if matches!(self.bells.ring_later(bell, wait).await, Ok(true)) {
                return Vec::new();
            }
        }
        rung.by
    }

    /// Sets a bell for a time. One that cannot be set waits for the clock.
    async fn ring_at(&self, bell: &Bell, due: Millis) {
        let wait = (due - self.clock.now()).max(0);
        self.ring(&bell.for_time(due), wait).await;
    }

    /// Sets a bell.
    async fn ring(&self, bell: &Bell, wait: Millis) {
        let wait = Duration::from_millis(wait.unsigned_abs());
        if let Err(error) = self.bells.ring_later(bell, wait).await {
            tracing::error!(conversation_id = %bell.conversation, side = %bell.side, %error, "the lane waits for the clock");
        }
    }
}
