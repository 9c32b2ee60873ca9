//! Chance as an argument, so that a run can be repeated from its seed.
//!
//! Used for jitter and for spreading work; never for secrets.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A random source that is shared by the parts of one function.
#[derive(Debug, Clone)]
pub struct Random(Arc<Mutex<fastrand::Rng>>);

impl Random {
    /// Seeded by the operating system.
    pub fn from_entropy() -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::new())))
    }

    /// The same numbers for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// A number in `range`, evenly spread. `range.start` if the range is empty.
    pub fn between(&self, range: Range<i64>) -> i64 {
        if range.is_empty() {
            return range.start;
        }
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .i64(range)
    }

    /// `value`, a fifth more or less.
    pub fn jittered(&self, value: i64) -> i64 {
        let fifth = value / 5;
        self.between(value - fifth..value + fifth + 1)
    }
}
