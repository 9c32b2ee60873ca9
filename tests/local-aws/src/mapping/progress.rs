//! How far a shard has been processed: all records up to the checkpoint are done.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Default)]
pub(super) struct Progress(Mutex<Slots>);

#[derive(Default)]
struct Slots {
    /// The number of the first record in `open`.
    first: u64,
    /// Sequence number and copies still to be handed over, of every record since the checkpoint.
    open: VecDeque<(String, u32)>,
    /// The last record before `open`, and how many have passed since it was asked for.
    checkpoint: Option<String>,
    passed: usize,
}

impl Progress {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record, of which `copies` will be handed over, and returns its number.
    pub(super) fn add(&self, sequence_number: &str, copies: u32) -> u64 {
        let mut slots = self.slots();
        slots.open.push_back((sequence_number.to_owned(), copies));
        let number = slots.first + u64::try_from(slots.open.len() - 1).unwrap_or_default();
        slots.advance();
        number
    }

    /// One copy of the record `number` is done.
    pub(super) fn done(&self, number: u64) {
        let mut slots = self.slots();
        let position = number.checked_sub(slots.first);
        let position = position.and_then(|position| usize::try_from(position).ok());
        if let Some((_, copies)) = position.and_then(|position| slots.open.get_mut(position)) {
            *copies = copies.saturating_sub(1);
        }
        slots.advance();
    }

    /// How many records have been read since the checkpoint.
    pub(super) fn open(&self) -> usize {
        self.slots().open.len()
    }

    /// How far the checkpoint has moved since [`take_checkpoint`](Self::take_checkpoint).
    pub(super) fn passed(&self) -> usize {
        self.slots().passed
    }

    /// The last sequence number before which everything is done, if it has moved.
    pub(super) fn take_checkpoint(&self) -> Option<String> {
        let mut slots = self.slots();
        slots.passed = 0;
        slots.checkpoint.take()
    }
}

impl Slots {
    fn advance(&mut self) {
        while let Some((_, 0)) = self.open.front() {
            self.checkpoint = self
                .open
                .pop_front()
                .map(|(sequence_number, _)| sequence_number);
            self.first += 1;
            self.passed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_waits_for_the_slowest() {
        let progress = Progress::default();
        let numbers: Vec<_> = ["10", "11", "12"]
            .iter()
            .map(|one| progress.add(one, 1))
            .collect();
        progress.done(numbers[1]);
        assert_eq!(progress.take_checkpoint(), None);
        progress.done(numbers[0]);
        assert_eq!(progress.passed(), 2);
        assert_eq!(progress.take_checkpoint().as_deref(), Some("11"));
        assert_eq!((progress.passed(), progress.open()), (0, 1));
        // Filtered: nothing to hand over.
        progress.add("13", 0);
        let twice = progress.add("14", 2);
        progress.done(numbers[2]);
        assert_eq!(progress.take_checkpoint().as_deref(), Some("13"));
        progress.done(twice);
        assert_eq!(progress.take_checkpoint(), None);
        progress.done(twice);
        assert_eq!(progress.take_checkpoint().as_deref(), Some("14"));
    }
}
