//! One lane of a shard: its records go to the function in batches, one batch at a time, and the
//! next batch waits until this one has succeeded.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{Shared, progress::Progress, stats::count, stopped};
use crate::{
    batch::failed_items,
    chaos::{Fate, Mishap},
    streams::{StreamRecord, compare_sequence_numbers},
};

/// The first pause before a batch is retried; it doubles up to the second. Lambda's own are
/// longer and not documented.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// How long a record waits for others to pass it where chaos sets no delay.
const PASSING_PATIENCE: Duration = Duration::from_millis(20);

/// A record on its way to the function.
#[derive(Clone)]
pub(super) struct Pending {
    record: StreamRecord,
    /// Its number in the shard's [`Progress`].
    number: u64,
    /// Its number for chaos.
    index: u64,
    /// Not before this.
    release: Instant,
    /// How many later records go first, if they come soon.
    passed_by: u32,
    /// A second copy keeps no order: it can come long after its item has moved on.
    is_copy: bool,
}

impl Pending {
    pub(super) fn new(record: StreamRecord, number: u64, index: u64, fate: &Fate) -> Self {
        Self {
            record,
            number,
            index,
            release: Instant::now() + fate.delay,
            passed_by: fate.passed_by,
            is_copy: false,
        }
    }

    /// A second copy that comes `late`r.
    pub(super) fn copy(&self, late: Duration) -> Self {
        Self {
            release: self.release + late,
            passed_by: 0,
            is_copy: true,
            ..self.clone()
        }
    }

    /// When it goes whatever happens.
    fn deadline(&self) -> Instant {
        match self.passed_by {
            0 => self.release,
            _ => self.release + PASSING_PATIENCE,
        }
    }
}

pub(super) struct Lane {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    shard: u64,
    incoming: mpsc::UnboundedReceiver<Pending>,
    stop: watch::Receiver<()>,
}

impl Lane {
    pub(super) fn new(
        shared: Arc<Shared>,
        progress: Arc<Progress>,
        shard: u64,
        incoming: mpsc::UnboundedReceiver<Pending>,
        stop: watch::Receiver<()>,
    ) -> Self {
        Self {
            shared,
            progress,
            shard,
            incoming,
            stop,
        }
    }

    pub(super) async fn run(mut self) {
        let mut waiting = VecDeque::new();
        let mut open = true;
        loop {
            while let Ok(pending) = self.incoming.try_recv() {
                waiting.push_back(pending);
            }
            let batch = take(
                &mut waiting,
                Instant::now(),
                self.shared.settings.batch_size,
            );
            if !batch.is_empty() {
                deliver(&self.shared, &self.progress, self.shard, batch, &self.stop).await;
                if self.stop.has_changed().is_err() {
                    return;
                }
                continue;
            }
            let next = waiting.iter().map(Pending::deadline).min();
            if next.is_none() && !open {
                return;
            }
            tokio::select! {
                pending = self.incoming.recv(), if open => match pending {
                    Some(pending) => waiting.push_back(pending),
                    None => open = false,
                },
                () = sleep_until(next) => {}
                () = stopped(&mut self.stop) => return,
            }
        }
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Takes what may go now. A record stays while it is not released, while it lets others pass, and
/// while an earlier one of its item stays.
fn take(waiting: &mut VecDeque<Pending>, now: Instant, limit: usize) -> Vec<Pending> {
    let mut taken = Vec::new();
    let mut kept: VecDeque<Pending> = VecDeque::new();
    let mut kept_items = HashSet::new();
    for pending in waiting.drain(..) {
        let early = now < pending.release || (pending.passed_by > 0 && now < pending.deadline());
        let blocked = match pending.is_copy {
            false => kept_items.contains(pending.record.item()),
            // Behind its original: that is what keeps the item's order.
            true => kept
                .iter()
                .any(|original| original.number == pending.number),
        };
        if early || blocked || taken.len() == limit {
            if !pending.is_copy {
                kept_items.insert(pending.record.item().to_owned());
            }
            kept.push_back(pending);
        } else {
            for passed in &mut kept {
                passed.passed_by = passed.passed_by.saturating_sub(1);
            }
            taken.push(pending);
        }
    }
    *waiting = kept;
    taken
}

/// What became of an invocation.
enum Outcome {
    Success,
    /// Some failed: the records from this sequence number on are to be retried.
    FailedFrom(String),
    Failed,
}

/// Hands the batch over until all of it has succeeded, or until the mapping stops.
async fn deliver(
    shared: &Shared,
    progress: &Progress,
    shard: u64,
    batch: Vec<Pending>,
    stop: &watch::Receiver<()>,
) {
    let mut stop = stop.clone();
    let done = |pending: &Pending| {
        progress.done(pending.number);
        shared.settled();
    };
    let mut batches = VecDeque::from([batch]);
    let mut backoff = FIRST_BACKOFF;
    while let Some(mut batch) = batches.pop_front() {
        match invoke(shared, &batch).await {
            Outcome::Success => {
                backoff = FIRST_BACKOFF;
                let first = batch.first().map_or(0, |pending| pending.index);
                let source = &shared.settings.chaos;
                if source.chaos().hands_again(shard, first) {
                    source.met(Mishap::HandedAgain);
                    count(&shared.counters.retries);
                    // Lambda believes that this batch has failed; the truth is known here.
                    let _ = invoke(shared, &batch).await;
                }
                batch.iter().for_each(done);
                continue;
            }
            Outcome::FailedFrom(lowest) => {
                let before = batch.len();
                batch.retain(|pending| {
                    let number = pending.record.sequence_number();
                    let again = compare_sequence_numbers(number, &lowest).is_ge();
                    if !again {
                        done(pending);
                    }
                    again
                });
                if batch.len() < before {
                    backoff = FIRST_BACKOFF;
                }
                batches.push_front(batch);
            }
            Outcome::Failed if shared.settings.bisect && batch.len() > 1 => {
                let second = batch.split_off(batch.len() / 2);
                batches.push_front(second);
                batches.push_front(batch);
            }
            Outcome::Failed => batches.push_front(batch),
        }
        count(&shared.counters.retries);
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            () = stopped(&mut stop) => return,
        }
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}

async fn invoke(shared: &Shared, batch: &[Pending]) -> Outcome {
    let records: Vec<_> = batch.iter().map(|pending| pending.record.event()).collect();
    count(&shared.counters.invocations);
    for _ in batch {
        count(&shared.counters.handed);
    }
    let answer = shared
        .settings
        .function
        .invoke(json!({ "Records": records }))
        .await;
    let outcome = match &answer {
        Err(error) => {
            tracing::debug!(error, "invocation failed");
            Outcome::Failed
        }
        Ok(answer) if shared.settings.report_failures => partial(answer, batch),
        Ok(_) => Outcome::Success,
    };
    if !matches!(outcome, Outcome::Success) {
        count(&shared.counters.failures);
    }
    outcome
}

/// The outcome that the function reported.
fn partial(answer: &Value, batch: &[Pending]) -> Outcome {
    let failed = match failed_items(answer) {
        Ok(failed) => failed,
        Err(error) => {
            tracing::warn!(error, "the whole batch counts as failed");
            return Outcome::Failed;
        }
    };
    let known = |number: &str| {
        let mut batch = batch.iter();
        batch.any(|pending| pending.record.sequence_number() == number)
    };
    match failed
        .iter()
        .min_by(|left, right| compare_sequence_numbers(left, right))
    {
        None => Outcome::Success,
        Some(_) if !failed.iter().all(|number| known(number)) => Outcome::Failed,
        Some(lowest) => Outcome::FailedFrom((*lowest).to_owned()),
    }
}
