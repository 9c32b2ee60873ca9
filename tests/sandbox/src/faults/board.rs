//! The faults there are, which of them are on, and chance.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use local_aws::{Chaos, ChaosSource, Mishap};
use serde::Serialize;

use super::{Fault, FaultError, Target, What};

/// All faults of a running sandbox. They can be switched while it runs.
pub struct Board {
    seed: u64,
    switches: Mutex<Vec<Switch>>,
}

struct Switch {
    fault: Fault,
    /// Since when it is on.
    on: Option<Instant>,
    /// How often it happened.
    met: u64,
    /// How many events it could have hit, by what they were about: so that one conversation's
    /// choices do not depend on how many others there are.
    events: HashMap<u64, u64>,
}

/// A fault as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// As it was written.
    pub fault: String,
    /// Whether it is on.
    pub on: bool,
    /// How often it has happened.
    pub met: u64,
}

impl Board {
    /// With these faults, all on.
    pub fn new(seed: u64, faults: Vec<Fault>) -> Self {
        let board = Self {
            seed,
            switches: Mutex::default(),
        };
        for fault in faults {
            board.set(fault, true);
        }
        board
    }

    /// What all choices follow from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// All faults that are or were on.
    pub fn shown(&self) -> Vec<Shown> {
        let shown = |switch: &Switch| Shown {
            fault: switch.fault.text.clone(),
            on: switch.on.is_some(),
            met: switch.met,
        };
        self.switches().iter().map(shown).collect()
    }

    /// How often the fault with this text has happened.
    pub fn happened(&self, text: &str) -> u64 {
        let switches = self.switches();
        let found = switches.iter().find(|switch| switch.fault.text == text);
        found.map_or(0, |switch| switch.met)
    }

    /// Switches faults, written as in [`super::parse`], on or off.
    ///
    /// # Errors
    /// When the text cannot be read.
    pub fn switch(&self, faults: &str, on: bool) -> Result<(), FaultError> {
        for fault in super::parse(faults)? {
            self.set(fault, on);
        }
        Ok(())
    }

    fn set(&self, fault: Fault, on: bool) {
        let mut switches = self.switches();
        let known = switches
            .iter_mut()
            .find(|known| known.fault.text == fault.text);
        match known {
            // Switched on again it starts over: its window, and how often at the most.
            Some(known) if on && known.on.is_none() => {
                known.on = Some(Instant::now());
                known.fault = fault;
            }
            Some(known) if !on => known.on = None,
            Some(_) => {}
            None => switches.push(Switch {
                fault,
                on: on.then(Instant::now),
                met: 0,
                events: HashMap::new(),
            }),
        }
    }

    /// The first fault that hits this event of a target: one that `fits`, and that chance decides
    /// for. `about` names what the event is about.
    pub(super) fn hit(
        &self,
        target: Target,
        about: &str,
        fits: impl Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        self.all(target, about, true, fits).pop()
    }

    /// All faults that hit this event.
    pub(super) fn hits(
        &self,
        target: Target,
        about: &str,
        fits: impl Fn(&Fault) -> bool,
    ) -> Vec<Fault> {
        self.all(target, about, false, fits)
    }

    fn all(
        &self,
        target: Target,
        about: &str,
        only_first: bool,
        fits: impl Fn(&Fault) -> bool,
    ) -> Vec<Fault> {
        let mut hit = Vec::new();
        for switch in self.switches().iter_mut() {
            let mine = switch.fault.target == target && switch.is_on() && fits(&switch.fault);
            if !mine || switch.fault.times == Some(0) {
                continue;
            }
            let event = switch.events.entry(hash(&about)).or_default();
            *event += 1;
            let chance = unit(hash(&(self.seed, &switch.fault.text, about, *event)));
            if chance < switch.fault.share {
                switch.met += 1;
                if let Some(times) = &mut switch.fault.times {
                    *times -= 1;
                }
                hit.push(switch.fault.clone());
                if only_first {
                    break;
                }
            }
        }
        hit
    }

    /// The fault of this kind that is on, whatever chance says.
    pub(super) fn on(&self, target: Target, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let switches = self.switches();
        let found = switches
            .iter()
            .find(|switch| switch.fault.target == target && switch.is_on() && fits(&switch.fault));
        found.map(|switch| switch.fault.clone())
    }

    /// Counts what happened.
    pub(super) fn note(&self, target: Target, fits: impl Fn(&Fault) -> bool) {
        let mut switches = self.switches();
        let found = switches
            .iter_mut()
            .find(|switch| switch.fault.target == target && switch.is_on() && fits(&switch.fault));
        if let Some(switch) = found {
            switch.met += 1;
        }
    }

    /// A number from 0 to 1 that is always the same for this.
    pub(super) fn fixed(&self, about: &str) -> f64 {
        unit(hash(&(self.seed, about)))
    }

    fn switches(&self) -> MutexGuard<'_, Vec<Switch>> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Switch {
    fn is_on(&self) -> bool {
        self.on
            .is_some_and(|since| self.fault.window.contains(&since.elapsed()))
    }
}

/// What the stream's mapping and the queue ask for every bell.
impl ChaosSource for Board {
    fn chaos(&self) -> Chaos {
        let mut chaos = Chaos {
            seed: self.seed,
            ..Chaos::none()
        };
        for switch in self.switches().iter().filter(|switch| switch.is_on()) {
            let share = switch.fault.share;
            match (switch.fault.target, switch.fault.what) {
                (Target::Bells, What::Lose) => chaos.lose = share,
                (Target::Bells, What::Double) => chaos.duplicate = share,
                (Target::Bells, What::Reorder) => chaos.reorder = share,
                (Target::Bells, What::Again) => chaos.retry_batch = share,
                (Target::Bells, What::Delay(delay)) => chaos.delay = delay,
                _ => {}
            }
        }
        chaos
    }

    fn met(&self, mishap: Mishap) {
        self.note(Target::Bells, |fault| {
            matches!(
                (mishap, fault.what),
                (Mishap::Lost, What::Lose)
                    | (Mishap::Doubled, What::Double)
                    | (Mishap::Passed, What::Reorder)
                    | (Mishap::HandedAgain, What::Again)
                    | (Mishap::Late, What::Delay(_))
            )
        });
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Board")
            .field("seed", &self.seed)
            .field("faults", &self.shown())
            .finish()
    }
}

/// A board as the parts share it.
pub(crate) type SharedBoard = Arc<Board>;

/// `DefaultHasher::new` has fixed keys: the same in every run.
fn hash(of: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// A number from 0 to below 1.
fn unit(hash: u64) -> f64 {
    fastrand::Rng::with_seed(hash).f64()
}

/// What a fault of this length lasts in milliseconds.
pub(super) fn millis(of: Duration) -> i64 {
    i64::try_from(of.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(seed: u64, faults: &str) -> Board {
        Board::new(seed, super::super::parse(faults).unwrap())
    }

    fn hits(board: &Board, events: usize) -> Vec<bool> {
        let hit = |_| board.hit(Target::DynamoDb, "PutItem", |_| true).is_some();
        (0..events).map(hit).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_choices_and_another_makes_others() {
        let faults = "dynamodb:throttle=30%";
        let first = hits(&board(1, faults), 200);
        assert_eq!(first, hits(&board(1, faults), 200));
        assert_ne!(first, hits(&board(2, faults), 200));
        let share = first.iter().filter(|hit| **hit).count();
        assert!((40..80).contains(&share), "{share} of 200 are some 30 %");
    }

    #[test]
    fn one_events_choices_do_not_depend_on_others() {
        let quiet = board(1, "dynamodb:throttle=30%");
        let busy = board(1, "dynamodb:throttle=30%");
        let mut seen = Vec::new();
        for _ in 0..50 {
            busy.hit(Target::DynamoDb, "Query", |_| true);
            seen.push(busy.hit(Target::DynamoDb, "PutItem", |_| true).is_some());
        }
        assert_eq!(seen, hits(&quiet, 50));
    }

    #[test]
    fn a_fault_can_be_switched_and_counts_itself() {
        let board = board(1, "dynamodb:throttle(times=2)");
        assert_eq!(hits(&board, 3), [true, true, false]);
        assert_eq!(board.happened("dynamodb:throttle(times=2)"), 2);
        board.switch("dynamodb:throttle(times=2)", false).unwrap();
        board.switch("dynamodb:throttle(times=2)", true).unwrap();
        assert_eq!(hits(&board, 3), [true, true, false], "it starts over");
        board.switch("dynamodb:conflict", true).unwrap();
        assert_eq!(hits(&board, 1), [true]);
        board.switch("dynamodb:conflict", false).unwrap();
        assert_eq!(hits(&board, 1), [false]);
        assert!(board.switch("dynamodb:nonsense", true).is_err());
    }

    #[test]
    fn outside_its_window_nothing_happens() {
        assert_eq!(hits(&board(1, "dynamodb:throttle@1h..2h"), 1), [false]);
        assert_eq!(hits(&board(1, "dynamodb:throttle@..1h"), 1), [true]);
    }

    #[test]
    fn bells_follow_their_faults() {
        let board = board(7, super::super::ROUGH_BELLS);
        assert_eq!(board.chaos(), Chaos::rough(7));
        board.switch("bells:lose=5%", false).unwrap();
        assert_eq!(board.chaos().lose, 0.0);
        board.met(Mishap::Doubled);
        assert_eq!(board.shown()[1].met, 1);
    }
}
