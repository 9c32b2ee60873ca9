//! One shard: read it, sort out what the function gets, spread that over the lanes.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};

use super::{
    Shared,
    lane::{Lane, Pending},
    progress::Progress,
    stats::count,
    stopped,
};
use crate::streams::{Read, ShardReader, StreamRecord};

/// After this many done records the embedded stream is trimmed even while it is busy.
const TRIM_EVERY: usize = 256;

/// While records trickle in, the embedded stream is trimmed at most this often.
const TRIM_INTERVAL: Duration = Duration::from_secs(1);

/// With this many records on their way, reading waits for the function.
const OPEN_LIMIT: usize = 10_000;

/// The pause after an error of the stream doubles up to this.
const ERROR_PAUSE_LIMIT: Duration = Duration::from_secs(2);

/// Processes the shard `id`, the mapping's `number`th, to its end or until the mapping stops.
/// Returns the id.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut reader: ShardReader,
    id: String,
    number: u64,
    mut stop: watch::Receiver<()>,
) -> String {
    let progress = Arc::new(Progress::default());
    let mut lanes = JoinSet::new();
    let mut dispatcher = Dispatcher {
        lanes: Vec::new(),
        shared: Arc::clone(&shared),
        progress: Arc::clone(&progress),
        shard: number,
        index: 0,
    };
    for _ in 0..shared.settings.parallelization_factor {
        let (sender, incoming) = mpsc::unbounded_channel();
        dispatcher.lanes.push(sender);
        let lane = Lane::new(
            Arc::clone(&shared),
            Arc::clone(&progress),
            number,
            incoming,
            stop.clone(),
        );
        lanes.spawn(lane.run());
    }

    let mut poke = shared.poke.subscribe();
    let mut error_pause = Duration::from_millis(50);
    let mut last_trim = Instant::now();
    loop {
        poke.borrow_and_update();
        let asked = shared.asked.load(Ordering::SeqCst);
        let read = tokio::select! {
            read = reader.read() => read,
            () = stopped(&mut stop) => break,
        };
        let pause = match read {
            Ok(Read::End) => break,
            Ok(Read::Records(records)) if !records.is_empty() => {
                for record in records {
                    dispatcher.dispatch(record);
                }
                error_pause = Duration::from_millis(50);
                (progress.open() > OPEN_LIMIT).then_some(shared.settings.poll_interval)
            }
            Ok(Read::Records(_)) => {
                shared.note(&id, Some(asked));
                Some(shared.settings.poll_interval)
            }
            Err(error) => {
                tracing::warn!(%error, shard = id, "the stream cannot be read");
                error_pause = (error_pause * 2).min(ERROR_PAUSE_LIMIT);
                Some(error_pause)
            }
        };
        let passed = progress.passed();
        if passed >= TRIM_EVERY || (passed > 0 && last_trim.elapsed() >= TRIM_INTERVAL) {
            trim(&shared, &progress).await;
            last_trim = Instant::now();
        }
        let Some(pause) = pause else {
            continue;
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = poke.changed() => {}
            () = stopped(&mut stop) => break,
        }
    }

    // Without senders the lanes end when they have nothing left.
    drop(dispatcher);
    while lanes.join_next().await.is_some() {}
    trim(&shared, &progress).await;
    shared.note(&id, None);
    id
}

async fn trim(shared: &Shared, progress: &Progress) {
    let checkpoint = progress.take_checkpoint();
    if let (Some(database), Some(checkpoint)) = (&shared.trimmed, checkpoint)
        && let Err(error) = database.trim_consumed(&shared.table, &checkpoint).await
    {
        tracing::warn!(%error, "the stream is not trimmed");
    }
}

/// Hands records to the lanes.
struct Dispatcher {
    lanes: Vec<mpsc::UnboundedSender<Pending>>,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    shard: u64,
    /// How many records have passed the filter: what chaos counts, so that writes which ring no
    /// bell change none of its choices.
    index: u64,
}

impl Dispatcher {
    fn dispatch(&mut self, record: StreamRecord) {
        let counters = &self.shared.counters;
        let settings = &self.shared.settings;
        count(&counters.read);
        if record.is_unchanged() {
            count(&counters.unchanged);
            self.progress.add(record.sequence_number(), 0);
            return;
        }
        if !settings.filter.matches(record.event()) {
            count(&counters.filtered);
            self.progress.add(record.sequence_number(), 0);
            return;
        }
        let index = self.index;
        self.index += 1;
        let fate = settings.chaos.chaos().fate(self.shard, index);
        fate.mishaps().for_each(|mishap| settings.chaos.met(mishap));
        if fate.lost {
            count(&counters.lost);
            self.progress.add(record.sequence_number(), 0);
            return;
        }
        let copies = 1 + u32::from(fate.duplicate.is_some());
        let number = self.progress.add(record.sequence_number(), copies);
        let lane = &self.lanes[lane_of(record.item(), self.lanes.len())];
        let first = Pending::new(record, number, index, &fate);
        let second = fate.duplicate.map(|late| {
            count(&counters.duplicated);
            first.copy(late)
        });
        for pending in [Some(first), second].into_iter().flatten() {
            self.shared.outstanding.fetch_add(1, Ordering::SeqCst);
            // A lane is gone only while the mapping stops; the record stays in the stream then.
            let _ = lane.send(pending);
        }
    }
}

/// The lane of an item, always the same one.
fn lane_of(item: &str, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    item.hash(&mut hasher);
    let lanes_wide = u64::try_from(lanes).unwrap_or(1);
    usize::try_from(hasher.finish() % lanes_wide).unwrap_or_default()
}
