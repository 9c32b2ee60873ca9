//! What many histories add up to.

use std::collections::BTreeMap;
use std::fmt;

use handoff::time::Millis;

use crate::history::Outcome;
use crate::model::Window;

/// What many histories add up to.
#[derive(Debug, Default, Clone)]
pub struct Summary {
    /// How many there were.
    pub histories: u64,
    /// What the bridge accepted (answered with 200).
    pub accepted: u64,
    /// Entries that were delivered.
    pub delivered: u64,
    /// Entries that failed, with a reason.
    pub failed: u64,
    /// Second copies, by the window they fell into.
    pub duplicates: BTreeMap<Window, u64>,
    /// Faults that came to pass, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// The longest time to quiet after the last fault, in virtual milliseconds.
    pub longest_drain: Millis,
    /// The virtual time of all together, in milliseconds.
    pub virtual_time: Millis,
    /// How often the table was called.
    pub table_calls: u64,
    /// All traces, whatever their order.
    pub hash: u64,
    /// Histories in which a promise was broken.
    pub broken: u64,
}

impl Summary {
    /// Adds a history.
    pub fn add(&mut self, outcome: &Outcome) {
        let verdict = &outcome.verdict;
        self.histories += 1;
        self.accepted += verdict.accepted;
        self.delivered += verdict.delivered;
        self.failed += verdict.failed;
        for (window, count) in &verdict.duplicates {
            *self.duplicates.entry(*window).or_default() += count;
        }
        for (name, count) in &outcome.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.longest_drain = self.longest_drain.max(outcome.drained_in);
        self.virtual_time += outcome.lasted;
        self.table_calls += outcome.table_calls;
        self.hash ^= outcome.hash;
        self.broken += u64::from(!verdict.violations.is_empty());
    }

    /// Adds what another thread has.
    pub fn merge(&mut self, other: &Self) {
        self.histories += other.histories;
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.failed += other.failed;
        for (window, count) in &other.duplicates {
            *self.duplicates.entry(*window).or_default() += count;
        }
        for (name, count) in &other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.longest_drain = self.longest_drain.max(other.longest_drain);
        self.virtual_time += other.virtual_time;
        self.table_calls += other.table_calls;
        self.hash ^= other.hash;
        self.broken += other.broken;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "histories               {:>12}", self.histories)?;
        writeln!(f, "  with a broken promise {:>12}", self.broken)?;
        writeln!(
            f,
            "virtual time            {:>12} h",
            self.virtual_time / 3_600_000
        )?;
        writeln!(f, "calls of the table      {:>12}", self.table_calls)?;
        writeln!(f, "accepted                {:>12}", self.accepted)?;
        writeln!(f, "entries delivered       {:>12}", self.delivered)?;
        writeln!(f, "entries failed, visibly {:>12}", self.failed)?;
        writeln!(
            f,
            "longest drain           {:>12} s",
            self.longest_drain / 1000
        )?;
        writeln!(f, "second copies, by window:")?;
        for window in Window::ALL {
            let count = self.duplicates.get(&window).copied().unwrap_or(0);
            writeln!(f, "  {count:>10}  {window}")?;
        }
        writeln!(f, "faults that came to pass:")?;
        for (name, count) in &self.faults {
            writeln!(f, "  {count:>10}  {name}")?;
        }
        write!(f, "all traces together: {:016x}", self.hash)
    }
}
