//! What AWS does not promise, taken away on purpose.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

/// How badly a part behaves, within what the service it stands in for allows (and, with
/// [`lose`](Self::lose), beyond it). Every choice follows from the seed and the number of the
/// record or message in its order of arrival: the same input gives the same choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Chaos {
    /// What every choice follows from.
    pub seed: u64,
    /// How likely a record is passed by others that came after it. Records of one item, which
    /// DynamoDB Streams keep in order, never pass each other.
    pub reorder: f64,
    /// How likely a record is never handed to the function. (A queue loses nothing.)
    pub lose: f64,
    /// How likely a record is handed over twice.
    pub duplicate: f64,
    /// The longest time by which a record can be late.
    pub delay: Duration,
    /// How likely a batch that succeeded is handed over again.
    pub retry_batch: f64,
}

impl Chaos {
    /// Everything in order, once and at once.
    #[must_use]
    pub fn none() -> Self {
        Self {
            seed: 0,
            reorder: 0.0,
            lose: 0.0,
            duplicate: 0.0,
            delay: Duration::ZERO,
            retry_batch: 0.0,
        }
    }

    /// Enough of everything for a short test to meet it.
    #[must_use]
    pub fn rough(seed: u64) -> Self {
        Self {
            seed,
            reorder: 0.3,
            lose: 0.05,
            duplicate: 0.2,
            delay: Duration::from_millis(30),
            retry_batch: 0.1,
        }
    }

    /// What happens to the record `index` of `source`, which tells several shards apart.
    pub(crate) fn fate(&self, source: u64, index: u64) -> Fate {
        let mut random = self.random(source, index, 1);
        // Each choice is drawn whether it counts or not, so that one setting changes one thing.
        let lost = random.f64() < self.lose;
        let duplicate = random.f64() < self.duplicate;
        let reorder = random.f64() < self.reorder;
        let passed_by = random.u32(1..=6);
        let delay = self.delay.mul_f64(random.f64());
        let duplicate_delay = self.delay.mul_f64(random.f64());
        Fate {
            lost,
            passed_by: if reorder { passed_by } else { 0 },
            delay,
            duplicate: duplicate.then_some(duplicate_delay),
        }
    }

    /// Whether the batch that begins with the record `index` of `source` is handed again.
    pub(crate) fn hands_again(&self, source: u64, index: u64) -> bool {
        self.random(source, index, 2).f64() < self.retry_batch
    }

    fn random(&self, source: u64, index: u64, purpose: u64) -> Rng {
        let mut state = self.seed;
        for part in [source, index, purpose] {
            state = mixed(state ^ mixed(part));
        }
        Rng::with_seed(state)
    }
}

impl Default for Chaos {
    fn default() -> Self {
        Self::none()
    }
}

/// Where a part asks how badly it is to behave, for each record or message anew: so that it can
/// change while the part runs.
pub trait ChaosSource: Send + Sync {
    /// How badly to behave now.
    fn chaos(&self) -> Chaos;

    /// Told whenever something was taken away.
    fn met(&self, mishap: Mishap) {
        let _ = mishap;
    }
}

/// Always the same.
impl ChaosSource for Chaos {
    fn chaos(&self) -> Chaos {
        self.clone()
    }
}

impl<S: ChaosSource + ?Sized> ChaosSource for Arc<S> {
    fn chaos(&self) -> Chaos {
        (**self).chaos()
    }

    fn met(&self, mishap: Mishap) {
        (**self).met(mishap);
    }
}

/// What was taken away from a record or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mishap {
    /// It is never handed over.
    Lost,
    /// It is handed over twice.
    Doubled,
    /// It is late.
    Late,
    /// Others pass it.
    Passed,
    /// Its batch is handed over again although it succeeded.
    HandedAgain,
}

/// What happens to one record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fate {
    pub(crate) lost: bool,
    /// How many later records go first.
    pub(crate) passed_by: u32,
    pub(crate) delay: Duration,
    /// A second copy, this much later than the first.
    pub(crate) duplicate: Option<Duration>,
}

impl Fate {
    /// What of it is a mishap.
    pub(crate) fn mishaps(&self) -> impl Iterator<Item = Mishap> {
        let lost = self.lost.then_some(Mishap::Lost);
        let kept = !self.lost;
        [
            lost,
            (kept && self.duplicate.is_some()).then_some(Mishap::Doubled),
            (kept && self.passed_by > 0).then_some(Mishap::Passed),
            (kept && !self.delay.is_zero()).then_some(Mishap::Late),
        ]
        .into_iter()
        .flatten()
    }
}

/// The finaliser of SplitMix64: neighbouring numbers become unrelated ones.
fn mixed(number: u64) -> u64 {
    let mut number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_choices_and_another_makes_others() {
        let fates = |seed| -> Vec<_> {
            let chaos = Chaos::rough(seed);
            (0..200).map(|index| chaos.fate(0, index)).collect()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        let chaos = Chaos::rough(1);
        assert_ne!(chaos.fate(0, 1), chaos.fate(1, 1), "shards differ");
    }

    #[test]
    fn choices_are_as_likely_as_they_are_set() {
        let chaos = Chaos::rough(7);
        let count = |chosen: &dyn Fn(&Fate) -> bool| {
            (0..10_000)
                .map(|index| chaos.fate(0, index))
                .filter(|fate| chosen(fate))
                .count()
        };
        for (count, expected) in [
            (count(&|fate| fate.lost), 500),
            (count(&|fate| fate.duplicate.is_some()), 2000),
            (count(&|fate| fate.passed_by > 0), 3000),
        ] {
            assert!(
                count.abs_diff(expected) < 200,
                "{count} instead of {expected}"
            );
        }
        let calm = Chaos::none().fate(0, 0);
        let expected = Fate {
            lost: false,
            passed_by: 0,
            delay: Duration::ZERO,
            duplicate: None,
        };
        assert_eq!(calm, expected);
    }
}
