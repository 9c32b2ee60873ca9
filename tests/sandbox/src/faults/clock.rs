//! Clocks that differ: every process has its own.

use handoff::time::{Clock, Millis, SharedClock, SystemClock};

use super::board::{SharedBoard, millis};
use super::{Target, What};

/// The clock of one process: the machine's, and what `clock:skew` puts it ahead or behind by.
#[derive(Debug)]
pub(crate) struct SkewedClock {
    board: SharedBoard,
    /// From -1 to 1: always the same for this process.
    tendency: f64,
}

impl SkewedClock {
    pub(crate) fn shared(board: &SharedBoard, process: &str) -> SharedClock {
        std::sync::Arc::new(Self {
            board: board.clone(),
            tendency: board.fixed(process) * 2.0 - 1.0,
        })
    }
}

impl Clock for SkewedClock {
    fn now(&self) -> Millis {
        let now = SystemClock.now();
        match self
            .board
            .on(Target::Clock, |_| true)
            .map(|fault| fault.what)
        {
            Some(What::Skew(most)) => {
                self.board.note(Target::Clock, |_| true);
                now + (self.tendency * millis(most) as f64) as Millis
            }
            _ => now,
        }
    }
}
