//! An EventBridge Scheduler schedule that invokes a function at a rate.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, interval_at},
};

use crate::{SharedFunction, time::iso8601};

/// A schedule. Dropping it ends it and what it has invoked; [`shutdown`](Self::shutdown) lets
/// that finish.
pub struct Schedule {
    target: Arc<Target>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

struct Target {
    name: String,
    function: SharedFunction,
}

impl Schedule {
    /// Invokes `function` every `interval`, the first time when one has passed, as a schedule
    /// `rate(…)` does. An invocation that fails is not repeated, and one that takes longer than
    /// the interval holds up no other.
    #[must_use]
    pub fn start(name: impl Into<String>, interval: Duration, function: SharedFunction) -> Self {
        let target = Arc::new(Target {
            name: name.into(),
            function,
        });
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(run(Arc::clone(&target), interval, stopped));
        Self { target, stop, task }
    }

    /// Invokes the function now, whatever the interval, and waits for it.
    ///
    /// # Errors
    /// The function failed.
    pub async fn tick(&self) -> Result<Value, String> {
        self.target.invoke().await
    }

    /// Stops: invocations under way are finished.
    pub async fn shutdown(mut self) {
        self.stop = watch::channel(()).0;
        // Only a panic in the schedule itself could be in here, and that has been printed.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Schedule")
            .field("name", &self.target.name)
            .finish_non_exhaustive()
    }
}

async fn run(target: Arc<Target>, interval: Duration, mut stop: watch::Receiver<()>) {
    let mut ticks = interval_at(Instant::now() + interval, interval);
    let mut invocations = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let target = Arc::clone(&target);
                invocations.spawn(async move {
                    if let Err(error) = target.invoke().await {
                        tracing::warn!(schedule = target.name, error, "invocation failed");
                    }
                });
            }
            Some(_) = invocations.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    while invocations.join_next().await.is_some() {}
}

impl Target {
    async fn invoke(&self) -> Result<Value, String> {
        self.function.invoke(event(&self.name)).await
    }
}

/// The event of a schedule whose target has no input of its own. Its `detail` is a text, other
/// than in the events of EventBridge's scheduled rules, whose shape it has else; see
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html>.
fn event(name: &str) -> Value {
    let arn = format!(
        "arn:aws:scheduler:{}:{}:schedule/default/{name}",
        crate::REGION,
        crate::ACCOUNT_ID
    );
    json!({
        "version": "0",
        "id": crate::ids::uuid(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": crate::ACCOUNT_ID,
        "time": iso8601(SystemTime::now()),
        "region": crate::REGION,
        "resources": [arn],
        "detail": "{}",
    })
}
