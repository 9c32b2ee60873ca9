//! What was measured, for people.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::check::Verdict;
use crate::spawned::Used;

/// Times in microseconds, from 1 µs to 10 minutes, to three digits.
#[derive(Clone)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3)
            .unwrap_or_else(|_| unreachable!("the bounds are fine"));
        for time in times {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            histogram.saturating_record(micros.max(1));
        }
        Self(histogram)
    }

    fn at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(formatter, "none measured");
        }
        write!(
            formatter,
            "p50 {:>8.1} ms   p99 {:>8.1} ms   max {:>8.1} ms   ({})",
            self.at(0.5),
            self.at(0.99),
            self.0.max() as f64 / 1000.0,
            self.0.len()
        )
    }
}

/// All of one run.
pub(crate) struct Report {
    pub(crate) conversations: usize,
    pub(crate) messages: usize,
    /// What was asked for, and what was accepted, each a second.
    pub(crate) rate: f64,
    pub(crate) accepted_rate: f64,
    /// Requests that had to be sent again.
    pub(crate) repeated: usize,
    pub(crate) to_agent_stored: Times,
    pub(crate) to_agent_seen: Times,
    pub(crate) to_user: Times,
    pub(crate) verdict_to_agent: Verdict,
    pub(crate) verdict_to_user: Verdict,
    /// Of the sandbox, during the measured part; its memory at the end.
    pub(crate) used: Option<Used>,
    pub(crate) driver_cpu: Option<f64>,
    /// Calls of the table during the measured part, by operation.
    pub(crate) table_calls: Vec<(String, u64)>,
    pub(crate) looks: usize,
    pub(crate) load_average: String,
}

pub(crate) const CURVE_HEAD: &str = "\
| open conversations | CPU ms a message | table calls a message | to the agent p50 / p99 ms | to the user p50 / p99 ms | memory MB | lost, doubled, disordered | load average |
|---|---|---|---|---|---|---|---|";

impl Report {
    /// Whether nothing was lost, doubled or out of order.
    pub(crate) fn holds(&self) -> bool {
        self.verdict() == Verdict::default()
    }

    fn verdict(&self) -> Verdict {
        let mut both = self.verdict_to_agent;
        both.add(self.verdict_to_user);
        both
    }

    fn each(&self, all: f64) -> f64 {
        all / self.messages as f64
    }

    fn cpu(&self) -> f64 {
        self.used
            .map_or(f64::NAN, |used| self.each(used.cpu * 1000.0))
    }

    fn calls(&self) -> f64 {
        self.each(
            self.table_calls
                .iter()
                .map(|(_, count)| *count as f64)
                .sum(),
        )
    }

    pub(crate) fn curve_line(&self) -> String {
        let Verdict {
            lost,
            doubled,
            disordered,
        } = self.verdict();
        format!(
            "| {} | {:.1} | {:.2} | {:.1} / {:.1} | {:.1} / {:.1} | {:.0} | {lost}, {doubled}, {disordered} | {} |",
            self.conversations,
            self.cpu(),
            self.calls(),
            self.to_agent_stored.at(0.5),
            self.to_agent_stored.at(0.99),
            self.to_user.at(0.5),
            self.to_user.at(0.99),
            self.used.map_or(f64::NAN, |used| used.memory),
            self.load_average,
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} messages in {} conversations, {:.1} a second asked for, {:.1} accepted; {} requests sent again",
            self.messages, self.conversations, self.rate, self.accepted_rate, self.repeated
        )?;
        writeln!(f, "from the moment a message was due:")?;
        writeln!(
            f,
            "  user to agent, stored and in the console  {}",
            self.to_agent_stored
        )?;
        writeln!(
            f,
            "  user to agent, seen as delivered there    {}",
            self.to_agent_seen
        )?;
        writeln!(
            f,
            "  agent to user, taken by GPTBots           {}",
            self.to_user
        )?;
        for (name, verdict) in [
            ("user to agent", self.verdict_to_agent),
            ("agent to user", self.verdict_to_user),
        ] {
            writeln!(
                f,
                "{name}: {} lost, {} doubled, {} out of order",
                verdict.lost, verdict.doubled, verdict.disordered
            )?;
        }
        if let Some(used) = self.used {
            writeln!(
                f,
                "sandbox: {:.1} s of CPU, {:.2} ms a message; {:.0} MB; driver: {:.1} s of CPU; {} looks of agents",
                used.cpu,
                self.cpu(),
                used.memory,
                self.driver_cpu.unwrap_or(f64::NAN),
                self.looks
            )?;
        }
        if !self.table_calls.is_empty() {
            let calls: Vec<_> = self
                .table_calls
                .iter()
                .map(|(name, count)| format!("{name} {:.2}", self.each(*count as f64)))
                .collect();
            writeln!(
                f,
                "table calls a message: {:.2} ({})",
                self.calls(),
                calls.join(", ")
            )?;
        }
        write!(f, "load average of the machine: {}", self.load_average)
    }
}
