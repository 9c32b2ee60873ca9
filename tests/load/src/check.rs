//! The guarantee: what was accepted has arrived, in order, once.

use std::collections::HashSet;

/// What one lane's two ends say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Accepted, and not there.
    pub(crate) lost: usize,
    /// There more than once.
    pub(crate) doubled: usize,
    /// Behind one that was accepted later.
    pub(crate) disordered: usize,
}

impl Verdict {
    pub(crate) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.disordered += other.disordered;
    }
}

/// Compares what was accepted in a lane, in order, with what arrived, in order.
pub(crate) fn compare(accepted: &[usize], arrived: &[usize]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut seen = HashSet::new();
    let mut newest = None;
    for message in arrived {
        if !seen.insert(*message) {
            verdict.doubled += 1;
            // A copy comes beside its original.
            verdict.disordered += usize::from(newest != Some(*message));
            continue;
        }
        verdict.disordered += usize::from(newest.is_some_and(|newest| *message < newest));
        newest = newest.max(Some(*message));
    }
    verdict.lost = accepted.iter().filter(|one| !seen.contains(one)).count();
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(lost: usize, doubled: usize, disordered: usize) -> Verdict {
        Verdict {
            lost,
            doubled,
            disordered,
        }
    }

    #[test]
    fn what_is_missing_double_or_out_of_order_is_found() {
        let accepted = [1, 3, 7];
        assert_eq!(compare(&accepted, &[1, 3, 7]), verdict(0, 0, 0));
        assert_eq!(compare(&accepted, &[1, 7]), verdict(1, 0, 0));
        assert_eq!(compare(&accepted, &[1, 3, 3, 7]), verdict(0, 1, 0));
        assert_eq!(compare(&accepted, &[1, 7, 3]), verdict(0, 0, 1));
        assert_eq!(compare(&accepted, &[1, 3, 7, 3]), verdict(0, 1, 1));
        assert_eq!(compare(&[], &[]), verdict(0, 0, 0));
    }
}
