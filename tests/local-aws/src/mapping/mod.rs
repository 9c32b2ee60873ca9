//! Lambda's event source mapping for a DynamoDB stream: it reads the stream and invokes a function
//! with batches of records until each batch has succeeded.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>. It starts at `TRIM_HORIZON`,
//! knows no record age limit and retries for ever (-1).

mod filter;
mod lane;
mod progress;
mod shard;
mod stats;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    Chaos, ChaosSource, Error, SharedFunction, dynamodb::EmbeddedDynamoDb, streams::Stream,
};

pub use filter::FilterCriteria;
use stats::Counters;
pub use stats::Stats;

/// How often the stream is asked for new shards. AWS rolls a shard over about every four hours.
const SHARD_INTERVAL: Duration = Duration::from_secs(5);

/// The settings of an event source mapping, with Lambda's defaults.
pub struct EventSourceMapping {
    endpoint_url: String,
    table: String,
    trimmed: Option<Arc<EmbeddedDynamoDb>>,
    settings: Settings,
}

struct Settings {
    function: SharedFunction,
    batch_size: usize,
    filter: FilterCriteria,
    parallelization_factor: usize,
    bisect: bool,
    report_failures: bool,
    chaos: Box<dyn ChaosSource>,
    poll_interval: Duration,
}

impl EventSourceMapping {
    /// A mapping from the stream of `table` at `endpoint_url` to `function`.
    #[must_use]
    pub fn new(
        endpoint_url: impl Into<String>,
        table: impl Into<String>,
        function: SharedFunction,
    ) -> Self {
        Self {
            endpoint_url: endpoint_url.into(),
            table: table.into(),
            trimmed: None,
            settings: Settings {
                function,
                batch_size: 100,
                filter: FilterCriteria::default(),
                parallelization_factor: 1,
                bisect: false,
                report_failures: false,
                chaos: Box::new(Chaos::none()),
                poll_interval: Duration::from_millis(25),
            },
        }
    }

    /// A mapping from a stream of the embedded database, whose consumed records it deletes: they
    /// would make every write slower.
    #[must_use]
    pub fn embedded(
        database: &Arc<EmbeddedDynamoDb>,
        table: impl Into<String>,
        function: SharedFunction,
    ) -> Self {
        Self {
            trimmed: Some(Arc::clone(database)),
            ..Self::new(database.endpoint_url(), table, function)
        }
    }

    /// `BatchSize`: how many records one invocation gets at most. 100 unless set.
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.settings.batch_size = batch_size.max(1);
        self
    }

    /// `FilterCriteria`: which records the function gets. All unless set.
    #[must_use]
    pub fn filter(mut self, filter: FilterCriteria) -> Self {
        self.settings.filter = filter;
        self
    }

    /// `ParallelizationFactor`, 1 to 10: how many batches of a shard are handed over at the same
    /// time. The records of one item are always in one of them. 1 unless set.
    #[must_use]
    pub fn parallelization_factor(mut self, factor: usize) -> Self {
        self.settings.parallelization_factor = factor.clamp(1, 10);
        self
    }

    /// `BisectBatchOnFunctionError`: a batch that failed is retried in two halves. Off unless set.
    #[must_use]
    pub fn bisect_batch_on_function_error(mut self, bisect: bool) -> Self {
        self.settings.bisect = bisect;
        self
    }

    /// `ReportBatchItemFailures`: the function's answer names what failed, and the batch is retried
    /// from the lowest of these sequence numbers. Off unless set: then any answer is success.
    #[must_use]
    pub fn report_batch_item_failures(mut self, report: bool) -> Self {
        self.settings.report_failures = report;
        self
    }

    /// How badly the mapping behaves. Well, unless set.
    #[must_use]
    pub fn chaos(mut self, chaos: impl ChaosSource + 'static) -> Self {
        self.settings.chaos = Box::new(chaos);
        self
    }

    /// How long the mapping waits after it found no records. 25 ms unless set;
    /// [`Mapping::poke`] cuts it short.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.poll_interval = interval;
        self
    }

    /// Starts the mapping. It runs until it is shut down or dropped.
    ///
    /// # Errors
    /// The table or its stream cannot be found.
    pub async fn start(self) -> Result<Mapping, Error> {
        let stream = Stream::of_table(&self.endpoint_url, &self.table).await?;
        let (stop, stopped) = watch::channel(());
        let shared = Arc::new(Shared {
            settings: self.settings,
            counters: Counters::default(),
            table: self.table,
            trimmed: self.trimmed,
            poke: watch::Sender::new(()),
            asked: AtomicU64::new(0),
            outstanding: AtomicU64::new(0),
            quiet: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let task = tokio::spawn(run(Arc::clone(&shared), stream, stopped));
        Ok(Mapping { shared, stop, task })
    }
}

/// A running event source mapping. Dropping it ends it in the middle of whatever it does, as a
/// crash would; [`shutdown`](Self::shutdown) is the gentle way.
pub struct Mapping {
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Mapping {
    /// Says that there may be something in the stream, so that it is read at once.
    pub fn poke(&self) {
        self.shared.poke.send_replace(());
    }

    /// Waits until everything that is in the stream now has been handed over with success, or been
    /// filtered or lost.
    pub async fn idle(&self) {
        let asked = self.shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.poke();
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if self.shared.is_quiet_since(asked) {
                return;
            }
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// What the mapping has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.snapshot()
    }

    /// What the mapping has done so far, for those who ask from elsewhere.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts(Arc::clone(&self.shared))
    }

    /// Stops: invocations under way are finished, what else was read is left in the stream.
    pub async fn shutdown(mut self) {
        self.stop = watch::channel(()).0;
        // Only a panic in the mapping itself could be in here, and that has been printed.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Mapping")
            .field("table", &self.shared.table)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// A view of what a mapping has done, which does not keep it running.
#[derive(Clone)]
pub struct Counts(Arc<Shared>);

impl Counts {
    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.counters.snapshot()
    }
}

/// What the tasks of one mapping share.
struct Shared {
    settings: Settings,
    counters: Counters,
    table: String,
    trimmed: Option<Arc<EmbeddedDynamoDb>>,
    poke: watch::Sender<()>,
    /// How often [`Mapping::idle`] has been called.
    asked: AtomicU64,
    /// Records on their way to the function.
    outstanding: AtomicU64,
    /// For each shard that is read: how often `idle` had been called before the last read that
    /// found nothing. `None` before the shards are known.
    quiet: Mutex<Option<HashMap<String, u64>>>,
    /// Told about changes of the two above.
    changed: watch::Sender<()>,
}

impl Shared {
    fn is_quiet_since(&self, asked: u64) -> bool {
        let quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        // In this order: what a quiet shard has read counts as outstanding before it is quiet.
        quiet
            .as_ref()
            .is_some_and(|shards| shards.values().all(|quiet| *quiet >= asked))
            && self.outstanding.load(Ordering::SeqCst) == 0
    }

    /// Notes that a read of the shard, which began after `asked` calls of `idle`, found nothing;
    /// with `None`, that the shard is read no more.
    fn note(&self, shard: &str, asked: Option<u64>) {
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        let shards = quiet.get_or_insert_default();
        match asked {
            Some(asked) => shards.insert(shard.to_owned(), asked),
            None => shards.remove(shard),
        };
        drop(quiet);
        self.changed.send_replace(());
    }

    /// A record (or a copy of one) has reached its end.
    fn settled(&self) {
        if self.outstanding.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.changed.send_replace(());
        }
    }
}

/// Resolves when the mapping is to stop.
async fn stopped(stop: &mut watch::Receiver<()>) {
    while stop.changed().await.is_ok() {}
}

/// Reads every shard whose parent has been read to its end.
async fn run(shared: Arc<Shared>, stream: Stream, mut stop: watch::Receiver<()>) {
    let mut readers = JoinSet::new();
    let mut started = HashSet::new();
    let mut finished = HashSet::new();
    loop {
        match stream.shards().await {
            Err(error) => tracing::warn!(%error, "the stream's shards cannot be listed"),
            Ok(shards) => {
                for shard in &shards {
                    let blocked = shard.parent.as_ref().is_some_and(|parent| {
                        !finished.contains(parent) && shards.iter().any(|shard| shard.id == *parent)
                    });
                    if blocked || !started.insert(shard.id.clone()) {
                        continue;
                    }
                    shared.note(&shard.id, Some(0));
                    let number = u64::try_from(started.len()).unwrap_or_default();
                    let reader = stream.reader(&shard.id);
                    let id = shard.id.clone();
                    let work = shard::run(Arc::clone(&shared), reader, id, number, stop.clone());
                    readers.spawn(work);
                }
            }
        }
        tokio::select! {
            Some(ended) = readers.join_next() => {
                if let Ok(id) = ended {
                    finished.insert(id);
                }
            }
            () = tokio::time::sleep(SHARD_INTERVAL) => {}
            () = stopped(&mut stop) => break,
        }
    }
    while readers.join_next().await.is_some() {}
}
