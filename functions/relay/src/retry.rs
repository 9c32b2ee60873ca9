//! When to try again.

use std::time::Duration;

use handoff::conversation::Entry;
use handoff::random::Random;
use handoff::store::Outcome;
use handoff::time::Millis;

/// Seconds to the next attempt, after the first, second … one. Short at first, since somebody
/// waits for an answer.
const DELAYS: [Millis; 8] = [1, 2, 3, 5, 8, 15, 30, 60];

/// When an entry's time is over.
pub(crate) fn end(entry: &Entry, retry_age: Millis) -> Millis {
    entry.queued_at.saturating_add(retry_age)
}

/// How an attempt that failed for now ends: with a time for the next one, or, where that would be
/// too late, with giving up.
pub(crate) fn after_transient(
    entry: &Entry,
    reason: String,
    retry_after: Option<Duration>,
    now: Millis,
    retry_age: Millis,
    random: &Random,
) -> Outcome {
    let tried = usize::try_from(entry.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let backoff = random.jittered(DELAYS[tried.min(DELAYS.len() - 1)] * 1000);
    // Retry-After is a lower bound; jitter on top, so that not all come back at once.
    let asked = retry_after.map_or(0, |wait| {
        millis(wait).saturating_add(random.between(0..500))
    });
    let end = end(entry, retry_age);
    if now.saturating_add(backoff) > end {
        given_up(entry, &reason)
    } else {
        // One last attempt at the end of its time, even where more patience is asked for.
        let at = now.saturating_add(asked.max(backoff)).min(end);
        Outcome::Retry { at, reason }
    }
}

/// How an attempt ends whose next one has its time; at the latest at the end of the entry's own.
pub(crate) fn at(
    entry: &Entry,
    reason: &str,
    at: Millis,
    now: Millis,
    retry_age: Millis,
) -> Outcome {
    let end = end(entry, retry_age);
    if now >= end {
        return given_up(entry, reason);
    }
    Outcome::Retry {
        at: at.min(end),
        reason: reason.to_owned(),
    }
}

/// A wait in milliseconds; one that is too long for them never ends.
pub(crate) fn millis(wait: Duration) -> Millis {
    Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX / 2)
}

fn given_up(entry: &Entry, reason: &str) -> Outcome {
    Outcome::Failed {
        reason: format!("given up after {} attempts: {reason}", entry.attempts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handoff::conversation::{Author, ConversationId, EntryId, Kind, Side};

    fn entry(attempts: u32) -> Entry {
        let mut entry = Entry::new(
            ConversationId::new("c").unwrap(),
            EntryId::of_user_line(1, b""),
            Kind::Message,
            Author::Agent,
            Some(Side::User),
            "",
            1_000,
        );
        entry.attempts = attempts;
        entry
    }

    fn after(attempts: u32, asked: Option<u64>, now: Millis) -> Outcome {
        let random = Random::seeded(1);
        let asked = asked.map(Duration::from_secs);
        after_transient(
            &entry(attempts),
            "down".into(),
            asked,
            now,
            3_600_000,
            &random,
        )
    }

    fn delay(outcome: Outcome) -> Millis {
        match outcome {
            Outcome::Retry { at, .. } => at - 1_000,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_retry_comes_at_once_and_the_later_ones_thin_out() {
        assert!((800..=1_200).contains(&delay(after(1, None, 1_000))));
        assert!((48_000..=72_000).contains(&delay(after(100, None, 1_000))));
    }

    #[test]
    fn retry_after_is_a_lower_bound() {
        assert!((7_000..7_500).contains(&delay(after(1, Some(7), 1_000))));
        assert!(delay(after(100, Some(7), 1_000)) >= 48_000);
    }

    #[test]
    fn what_would_come_too_late_is_given_up() {
        assert!(matches!(after(9, None, 3_600_000), Outcome::Failed { .. }));
        // Asked for more patience than it has: one last attempt at its end.
        assert_eq!(delay(after(1, Some(u64::MAX), 1_000)), 3_600_000);
    }
}
