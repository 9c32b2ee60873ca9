use std::sync::atomic::{AtomicU64, Ordering};

/// What a mapping has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records read from the stream.
    pub read: u64,
    /// Of these, records of writes that changed nothing, which AWS would not have made.
    pub unchanged: u64,
    /// Of these, records that the filter criteria held back.
    pub filtered: u64,
    /// Of these, records that were lost on purpose.
    pub lost: u64,
    /// Second copies made on purpose.
    pub duplicated: u64,
    /// Records handed to the function, counted each time.
    pub handed: u64,
    /// Invocations of the function.
    pub invocations: u64,
    /// Invocations that failed, in whole or in part.
    pub failures: u64,
    /// Invocations with records that had been handed over before: after a failure, or on purpose.
    pub retries: u64,
}

/// The counters behind [`Stats`].
#[derive(Default)]
pub(super) struct Counters {
    pub(super) read: AtomicU64,
    pub(super) unchanged: AtomicU64,
    pub(super) filtered: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) duplicated: AtomicU64,
    pub(super) handed: AtomicU64,
    pub(super) invocations: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) retries: AtomicU64,
}

impl Counters {
    pub(super) fn snapshot(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            read: get(&self.read),
            unchanged: get(&self.unchanged),
            filtered: get(&self.filtered),
            lost: get(&self.lost),
            duplicated: get(&self.duplicated),
            handed: get(&self.handed),
            invocations: get(&self.invocations),
            failures: get(&self.failures),
            retries: get(&self.retries),
        }
    }
}

/// Counts one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
