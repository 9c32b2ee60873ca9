//! Metrics, as lines of the log: CloudWatch's embedded metric format.
//!
//! CloudWatch makes metrics of log lines that carry `_aws`; no call of AWS is needed, and a function
//! that ends has lost nothing. A function collects what happens while it handles an event and
//! writes it at the end, so that a batch costs a line and not a line a message.
//!
//! Hand-written: of the crates for it, metrique brings forty others along, and
//! metrics-cloudwatch-embedded records for the whole process, where this is an argument like clock
//! and store.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::conversation::Side;
use crate::time::SharedClock;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "HandoffForGPTBots";
/// The dimension that keeps several deployments in one account apart.
pub const STACK: &str = "Stack";
/// The dimension of what happens on the way to one side.
pub const SIDE: &str = "Side";

/// How many values a metric may have in one line (CloudWatch's limit).
const VALUES_A_LINE: usize = 100;

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Entries that reached their side.
    Delivered,
    /// Attempts that failed and will be made again.
    Retried,
    /// Entries that were given up.
    Failed,
    /// From acceptance (or the last replay) to delivery.
    DeliveryAge,
    /// Conversations that GPTBots handed over.
    Handoffs,
    /// Calls of GPTBots and of desks that were answered with 4xx.
    RefusedWebhooks,
    /// How long the oldest undelivered entry has waited.
    OldestUndelivered,
    /// Entries that have been undelivered for more than two minutes.
    Overdue,
    /// Lanes that the clock had to ring.
    Strays,
    /// Conversations that no agent has taken yet.
    Waiting,
    /// How long the longest of them has waited.
    LongestWait,
    /// Conversations that nobody had taken when the time for it was over.
    Unattended,
    /// Handoffs that were refused because nobody is there.
    Closed,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Delivered,
        Self::Retried,
        Self::Failed,
        Self::DeliveryAge,
        Self::Handoffs,
        Self::RefusedWebhooks,
        Self::OldestUndelivered,
        Self::Overdue,
        Self::Strays,
        Self::Waiting,
        Self::LongestWait,
        Self::Unattended,
        Self::Closed,
    ];

    /// Its name in CloudWatch.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "Delivered",
            Self::Retried => "Retried",
            Self::Failed => "Failed",
            Self::DeliveryAge => "DeliveryAge",
            Self::Handoffs => "Handoffs",
            Self::RefusedWebhooks => "RefusedWebhooks",
            Self::OldestUndelivered => "OldestUndelivered",
            Self::Overdue => "Overdue",
            Self::Strays => "Strays",
            Self::Waiting => "Waiting",
            Self::LongestWait => "LongestWait",
            Self::Unattended => "Unattended",
            Self::Closed => "Closed",
        }
    }

    /// CloudWatch's word for its unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::DeliveryAge => "Milliseconds",
            Self::OldestUndelivered | Self::LongestWait => "Seconds",
            _ => "Count",
        }
    }

    /// The dimensions under which it is found; more than one set is more than one metric, to be
    /// paid for.
    pub fn dimensions(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Delivered | Self::Retried | Self::DeliveryAge => &[&[STACK, SIDE]],
            // Also without the side: an alarm looks at one metric.
            Self::Failed => &[&[STACK], &[STACK, SIDE]],
            _ => &[&[STACK]],
        }
    }

    /// Whether several values between two lines are one: their sum.
    fn adds_up(self) -> bool {
        self.unit() == "Count"
    }
}

/// Where metrics go. Copies share what is collected.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Collected>>);

struct Collected {
    stack: String,
    level: String,
    clock: SharedClock,
    write: Box<dyn Fn(&str) + Send + Sync>,
    values: Mutex<Values>,
}

/// What was collected, by the side it concerns.
type Values = BTreeMap<Option<Side>, BTreeMap<Metric, Vec<i64>>>;

impl Metrics {
    /// Collects and writes nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// Writes to stdout, which Lambda takes for the log, as the deployment `stack`.
    ///
    /// `level` is that of the function's log: Lambda takes a line without one for INFO and, set to
    /// let only warnings through, would drop the metrics.
    pub fn to_stdout(stack: &str, level: &str, clock: SharedClock) -> Self {
        Self::to(stack, level, clock, |line| {
            // A line that cannot be written is lost: nobody could be told.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        })
    }

    /// Hands each line to `write`.
    pub fn to(
        stack: &str,
        level: &str,
        clock: SharedClock,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(Collected {
            stack: stack.to_owned(),
            level: level.to_owned(),
            clock,
            write: Box::new(write),
            values: Mutex::default(),
        })))
    }

    /// Collects a value that concerns no side.
    pub fn add(&self, metric: Metric, value: i64) {
        self.collect(None, metric, value);
    }

    /// Collects a value that concerns one side.
    pub fn add_for(&self, side: Side, metric: Metric, value: i64) {
        self.collect(Some(side), metric, value);
    }

    fn collect(&self, side: Option<Side>, metric: Metric, value: i64) {
        let Some(collected) = &self.0 else { return };
        let mut all = collected.values();
        let values = all.entry(side).or_default().entry(metric).or_default();
        match values.first_mut().filter(|_| metric.adds_up()) {
            Some(sum) => *sum = sum.saturating_add(value),
            None => values.push(value),
        }
    }

    /// Writes what was collected since the last time, as of now. Nothing collected: no line.
    pub fn flush(&self) {
        let Some(collected) = &self.0 else { return };
        let taken = std::mem::take(&mut *collected.values());
        for (side, mut values) in taken {
            while !values.is_empty() {
                (collected.write)(&collected.line(side, &mut values).to_string());
            }
        }
    }
}

impl Collected {
    fn values(&self) -> std::sync::MutexGuard<'_, Values> {
        // What is in it stays right even if somebody panicked beside it.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line; takes out of `values` what it holds.
    fn line(&self, side: Option<Side>, values: &mut BTreeMap<Metric, Vec<i64>>) -> Value {
        let mut line = Map::new();
        let mut directives: BTreeMap<&[&[&str]], Vec<Value>> = BTreeMap::new();
        for (metric, all) in std::mem::take(values) {
            let (these, later) = all.split_at(all.len().min(VALUES_A_LINE));
            let value = match these {
                [one] => json!(one),
                many => json!(many),
            };
            line.insert(metric.name().to_owned(), value);
            directives
                .entry(metric.dimensions())
                .or_default()
                .push(json!({"Name": metric.name(), "Unit": metric.unit()}));
            if !later.is_empty() {
                values.insert(metric, later.to_vec());
            }
        }
        let directives: Vec<Value> = directives
            .into_iter()
            .map(|(dimensions, metrics)| {
                json!({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics})
            })
            .collect();
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": self.clock.now(), "CloudWatchMetrics": directives}),
        );
        line.insert("level".to_owned(), json!(self.level));
        line.insert(STACK.to_owned(), json!(self.stack));
        if let Some(side) = side {
            line.insert(SIDE.to_owned(), json!(side.as_str()));
        }
        Value::Object(line)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stack = self.0.as_ref().map(|collected| &collected.stack);
        f.debug_tuple("Metrics").field(&stack).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    fn recorded() -> (Metrics, Arc<Mutex<Vec<Value>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = lines.clone();
        let clock = ManualClock::at(1_700_000_000_000).shared();
        let metrics = Metrics::to("handoff", "WARN", clock, move |line| {
            into.lock()
                .unwrap()
                .push(serde_json::from_str(line).unwrap());
        });
        (metrics, lines)
    }

    #[test]
    fn a_batch_is_one_line_a_side() {
        let (metrics, lines) = recorded();
        metrics.add_for(Side::User, Metric::Delivered, 1);
        metrics.add_for(Side::User, Metric::DeliveryAge, 40);
        metrics.add_for(Side::User, Metric::Delivered, 1);
        metrics.add_for(Side::User, Metric::DeliveryAge, 50);
        metrics.add_for(Side::User, Metric::Failed, 1);
        metrics.flush();
        metrics.flush();
        let by_side = json!([["Stack", "Side"]]);
        assert_eq!(
            *lines.lock().unwrap(),
            [json!({
                "_aws": {"Timestamp": 1_700_000_000_000_i64, "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": [["Stack"], ["Stack", "Side"]],
                        "Metrics": [{"Name": "Failed", "Unit": "Count"}]},
                    {"Namespace": NAMESPACE, "Dimensions": by_side, "Metrics": [
                        {"Name": "Delivered", "Unit": "Count"},
                        {"Name": "DeliveryAge", "Unit": "Milliseconds"}]}]},
                "level": "WARN",
                "Stack": "handoff",
                "Side": "user",
                "Delivered": 2,
                "DeliveryAge": [40, 50],
                "Failed": 1,
            })]
        );
    }

    #[test]
    fn more_values_than_a_line_may_have_go_on_in_the_next() {
        let (metrics, lines) = recorded();
        for age in 0..250 {
            metrics.add_for(Side::Desk, Metric::DeliveryAge, age);
        }
        metrics.flush();
        let lines = lines.lock().unwrap();
        let lengths: Vec<_> = lines
            .iter()
            .map(|line| line["DeliveryAge"].as_array().unwrap().len())
            .collect();
        assert_eq!(lengths, [100, 100, 50]);
    }

    #[test]
    fn every_metric_has_a_name_of_its_own_and_is_found_by_its_stack() {
        let names: std::collections::BTreeSet<_> = Metric::ALL.map(Metric::name).into();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            assert!(metric.dimensions().iter().all(|set| set.contains(&STACK)));
        }
    }

    #[test]
    fn what_is_off_collects_nothing() {
        let metrics = Metrics::off();
        metrics.add(Metric::Handoffs, 1);
        metrics.flush();
        assert!(metrics.0.is_none());
    }
}
