//! Lambda's event source mapping for a queue; see
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::Instant,
};

use super::{DelayQueue, Message};
use crate::{SharedFunction, batch::failed_items};

/// The settings of a queue's event source mapping, with Lambda's defaults.
pub struct QueueMapping {
    queue: DelayQueue,
    function: SharedFunction,
    batch_size: usize,
    max_concurrency: usize,
    report_failures: bool,
}

impl QueueMapping {
    /// A mapping from `queue` to `function`.
    #[must_use]
    pub fn new(queue: &DelayQueue, function: SharedFunction) -> Self {
        Self {
            queue: queue.clone(),
            function,
            batch_size: 10,
            max_concurrency: 5,
            report_failures: false,
        }
    }

    /// `BatchSize`: how many messages one invocation gets at most. 10 unless set.
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size.max(1);
        self
    }

    /// `MaximumConcurrency`: how many invocations run at the same time. 5 unless set, which is
    /// what Lambda starts with.
    #[must_use]
    pub fn max_concurrency(mut self, max_concurrency: usize) -> Self {
        self.max_concurrency = max_concurrency.max(1);
        self
    }

    /// `ReportBatchItemFailures`: the function's answer names the messages that failed. Off unless
    /// set: then any answer is success.
    #[must_use]
    pub fn report_batch_item_failures(mut self, report: bool) -> Self {
        self.report_failures = report;
        self
    }

    /// Starts the mapping. It runs until it is shut down or dropped.
    #[must_use]
    pub fn start(self) -> RunningQueueMapping {
        let queue = self.queue.clone();
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(run(Arc::new(self), stopped));
        RunningQueueMapping { queue, stop, task }
    }

    /// Has one batch handled.
    async fn handle(&self, batch: Vec<Message>) {
        let arn = self.queue.arn();
        let records: Vec<_> = batch.iter().map(|message| message.event(&arn)).collect();
        let answer = self.function.invoke(json!({ "Records": records })).await;
        let failed: Option<HashSet<&str>> = match &answer {
            Err(error) => {
                tracing::debug!(error, "invocation failed");
                None
            }
            Ok(_) if !self.report_failures => Some(HashSet::new()),
            Ok(answer) => failed_items(answer)
                .inspect_err(|error| tracing::warn!(error, "the whole batch counts as failed"))
                .ok()
                .map(HashSet::from_iter),
        };
        self.queue.settle(&batch, |id| {
            failed.as_ref().is_some_and(|failed| !failed.contains(id))
        });
    }
}

/// A running event source mapping of a queue. Dropping it ends it in the middle of whatever it
/// does, as a crash would; [`shutdown`](Self::shutdown) is the gentle way.
pub struct RunningQueueMapping {
    queue: DelayQueue,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningQueueMapping {
    /// Waits until no invocation runs and no message can be received now. Messages whose delay or
    /// visibility timeout has not run out do not count.
    pub async fn idle(&self) {
        let mut changed = self.queue.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if self.queue.is_idle() {
                return;
            }
            // The queue lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// Stops: invocations under way are finished.
    pub async fn shutdown(mut self) {
        self.stop = watch::channel(()).0;
        // Only a panic in the mapping itself could be in here, and that has been printed.
        let _ = (&mut self.task).await;
    }
}

impl Drop for RunningQueueMapping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mapping: Arc<QueueMapping>, mut stop: watch::Receiver<()>) {
    let mut changed = mapping.queue.shared.changed.subscribe();
    let mut invocations = JoinSet::new();
    loop {
        changed.borrow_and_update();
        while invocations.try_join_next().is_some() {}
        while invocations.len() < mapping.max_concurrency {
            let batch = mapping.queue.receive(mapping.batch_size);
            if batch.is_empty() {
                break;
            }
            let mapping = Arc::clone(&mapping);
            invocations.spawn(async move { mapping.handle(batch).await });
        }
        let wait = match mapping.queue.next_due() {
            Some(due) => due.saturating_duration_since(Instant::now()),
            None => Duration::from_secs(3600),
        };
        let full = invocations.len() >= mapping.max_concurrency;
        tokio::select! {
            Some(_) = invocations.join_next() => {}
            _ = changed.changed(), if !full => {}
            () = tokio::time::sleep(wait), if !full => {}
            _ = stop.changed() => break,
        }
    }
    while invocations.join_next().await.is_some() {}
}
