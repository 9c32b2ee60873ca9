//! Medians of what was measured.

use serde::Serialize;

use crate::bundle::{Bundle, Size};
use crate::events::Task;

/// One start of a process.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) init_ms: f64,
    pub(crate) init_cpu_ms: f64,
    pub(crate) init_calls: usize,
    pub(crate) first_ms: f64,
    pub(crate) first_cpu_ms: f64,
    pub(crate) first_calls: usize,
    pub(crate) warm_ms: Vec<f64>,
    /// Without the time that the table took.
    pub(crate) own_ms: Vec<f64>,
    pub(crate) warm_cpu_ms: Vec<f64>,
    pub(crate) warm_calls: Vec<Vec<String>>,
    pub(crate) peak_mb: f64,
}

/// What one function takes for one kind of event.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) bundle: String,
    pub(crate) task: Task,
    pub(crate) starts: usize,
    /// From `exec` to the first call for an event, median.
    pub(crate) init_ms: f64,
    /// From the first event to its answer, median.
    pub(crate) first_ms: f64,
    /// Both, median of the sums.
    pub(crate) cold_ms: f64,
    pub(crate) cold_p99_ms: f64,
    pub(crate) warm_ms: f64,
    pub(crate) warm_p99_ms: f64,
    /// A warm answer without the time that the table took, median.
    pub(crate) own_ms: f64,
    pub(crate) init_cpu_ms: f64,
    pub(crate) first_cpu_ms: f64,
    /// Mean: single events are shorter than the scheduler counts well.
    pub(crate) warm_cpu_ms: f64,
    pub(crate) peak_mb: f64,
    pub(crate) size: Size,
    /// DynamoDB's round trips: while it starts, in the first event, in each later one.
    pub(crate) init_calls: usize,
    pub(crate) first_calls: usize,
    pub(crate) warm_calls: f64,
    /// Those of the last event.
    pub(crate) operations: Vec<String>,
}

impl Figures {
    pub(crate) fn of(bundle: &Bundle, task: Task, size: Size, samples: &[Sample]) -> Self {
        let each = |of: fn(&Sample) -> f64| samples.iter().map(of).collect::<Vec<_>>();
        let all =
            |of: fn(&Sample) -> &[f64]| samples.iter().flat_map(of).copied().collect::<Vec<f64>>();
        let cold = each(|sample| sample.init_ms + sample.first_ms);
        let warm = all(|sample| &sample.warm_ms);
        let warm_cpu = all(|sample| &sample.warm_cpu_ms);
        let calls: Vec<_> = samples
            .iter()
            .flat_map(|sample| &sample.warm_calls)
            .collect();
        let counted = calls.iter().map(|calls| calls.len()).sum::<usize>() as f64;
        Self {
            bundle: bundle.name.clone(),
            task,
            starts: samples.len(),
            init_ms: quantile(each(|sample| sample.init_ms), 0.5),
            first_ms: quantile(each(|sample| sample.first_ms), 0.5),
            cold_p99_ms: quantile(cold.clone(), 0.99),
            cold_ms: quantile(cold, 0.5),
            warm_p99_ms: quantile(warm.clone(), 0.99),
            warm_ms: quantile(warm, 0.5),
            own_ms: quantile(all(|sample| &sample.own_ms), 0.5),
            init_cpu_ms: quantile(each(|sample| sample.init_cpu_ms), 0.5),
            first_cpu_ms: quantile(each(|sample| sample.first_cpu_ms), 0.5),
            warm_cpu_ms: warm_cpu.iter().sum::<f64>() / warm_cpu.len().max(1) as f64,
            peak_mb: quantile(each(|sample| sample.peak_mb), 0.5),
            size,
            init_calls: samples.last().map_or(0, |sample| sample.init_calls),
            first_calls: samples.last().map_or(0, |sample| sample.first_calls),
            warm_calls: counted / calls.len().max(1) as f64,
            operations: calls.last().map_or_else(Vec::new, |calls| (*calls).clone()),
        }
    }

    /// Processor time of an event, where one in a hundred meets a cold start.
    pub(crate) fn mean_cpu_ms(&self) -> f64 {
        let cold = self.init_cpu_ms + self.first_cpu_ms - self.warm_cpu_ms;
        self.warm_cpu_ms + cold / 100.0
    }
}

/// Of these values, the one that this share of them stays below.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or_default()
}
