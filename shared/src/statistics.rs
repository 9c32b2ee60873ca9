//! What supervisors see in figures: how many asked for a human, how long they waited, who ended it.
//!
//! Counters, a handful for each day and bot, and no look at conversations. What happens to a
//! conversation counts for the day (UTC) on which its user asked, whenever it happens, so that the
//! figures of a day belong together: of the handoffs of Monday so many were answered. A failed line
//! counts for the day on which it was given up.

use serde::Serialize;

use crate::conversation::ClosedBy;
use crate::time::{Millis, iso};

/// Upper bounds of the classes of waiting times until the first answer, in seconds. Beyond the last
/// one is a further class.
pub const RESPONSE_SECONDS: [i64; 7] = [15, 30, 60, 120, 300, 900, 3_600];
/// The same of handling times.
pub const HANDLING_SECONDS: [i64; 7] = [60, 300, 600, 1_800, 3_600, 14_400, 86_400];
/// How many classes there are.
const CLASSES: usize = RESPONSE_SECONDS.len() + 1;
/// How long counters are kept, in days: a year, and what it is compared with.
pub const KEPT_DAYS: u32 = 400;

/// A day in UTC, as `2026-03-01`. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Day(String);

impl Day {
    /// The day of a time.
    pub fn of(at: Millis) -> Self {
        Self(
            iso(at.clamp(0, 253_402_300_799_999))
                .chars()
                .take(10)
                .collect(),
        )
    }

    /// Reads `2026-03-01`; `None` where it is no day.
    pub fn parse(text: &str) -> Option<Self> {
        let day = Self::of(begin(text)?);
        (day.0 == text).then_some(day)
    }

    /// When it begins, in milliseconds.
    pub fn begin(&self) -> Millis {
        begin(&self.0).unwrap_or_default()
    }

    /// The day as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its month (`2026-03`) and its number in it (`01`).
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.0
            .split_at_checked(7)
            .map_or((&self.0, ""), |(month, day)| {
                (month, day.trim_start_matches('-'))
            })
    }
}

fn begin(day: &str) -> Option<Millis> {
    let midnight = format!("{day}T00:00:00Z");
    aws_smithy_types::DateTime::from_str(&midnight, aws_smithy_types::date_time::Format::DateTime)
        .ok()?
        .to_millis()
        .ok()
        .filter(|at| *at >= 0)
}

/// Who ended how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ClosedCounts {
    /// The user left.
    pub user: i64,
    /// GPTBots gave up waiting.
    pub timeout: i64,
    /// An agent.
    pub agent: i64,
    /// The bridge itself.
    pub bridge: i64,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How often a human was asked for.
    pub handoffs: i64,
    /// How many of these got an answer of an agent.
    pub answered: i64,
    /// How long they waited for the first one, all together, in milliseconds.
    pub response_ms: i64,
    /// The same by classes, see [`RESPONSE_SECONDS`].
    pub response: [i64; CLASSES],
    /// How many have ended that an agent had.
    pub handled: i64,
    /// How long agents had these, all together, from the claim or first answer to the end, in
    /// milliseconds.
    pub handling_ms: i64,
    /// The same by classes, see [`HANDLING_SECONDS`].
    pub handling: [i64; CLASSES],
    /// Who ended them.
    pub closed_by: ClosedCounts,
    /// How many lines were given up.
    pub failed: i64,
}

impl Counts {
    /// A human was asked for.
    pub(crate) fn handoff() -> Self {
        Self {
            handoffs: 1,
            ..Self::default()
        }
    }

    /// The first answer came after this time.
    pub(crate) fn answer(after: Millis) -> Self {
        let mut counts = Self {
            answered: 1,
            response_ms: after.max(0),
            ..Self::default()
        };
        counts.response[class(&RESPONSE_SECONDS, after)] = 1;
        counts
    }

    /// It has ended; an agent had it for this time, if one had.
    pub(crate) fn end(by: ClosedBy, handling: Option<Millis>) -> Self {
        let mut counts = Self::default();
        *match by {
            ClosedBy::User => &mut counts.closed_by.user,
            ClosedBy::Timeout => &mut counts.closed_by.timeout,
            ClosedBy::Agent => &mut counts.closed_by.agent,
            ClosedBy::Bridge => &mut counts.closed_by.bridge,
        } = 1;
        if let Some(time) = handling {
            counts.handled = 1;
            counts.handling_ms = time.max(0);
            counts.handling[class(&HANDLING_SECONDS, time)] = 1;
        }
        counts
    }

    /// So many lines were given up.
    pub(crate) fn failed(lines: usize) -> Self {
        Self {
            failed: i64::try_from(lines).unwrap_or(i64::MAX),
            ..Self::default()
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (name, amount) in other.attributes() {
            if let Some(own) = self.counter(&name) {
                *own += amount;
            }
        }
        self
    }

    /// What is not 0, by the names that the counters have in the table.
    pub(crate) fn attributes(&self) -> Vec<(String, i64)> {
        let mut all = vec![
            ("handoffs".to_owned(), self.handoffs),
            ("answered".to_owned(), self.answered),
            ("response_ms".to_owned(), self.response_ms),
            ("handled".to_owned(), self.handled),
            ("handling_ms".to_owned(), self.handling_ms),
            ("closed_user".to_owned(), self.closed_by.user),
            ("closed_timeout".to_owned(), self.closed_by.timeout),
            ("closed_agent".to_owned(), self.closed_by.agent),
            ("closed_bridge".to_owned(), self.closed_by.bridge),
            ("failed".to_owned(), self.failed),
        ];
        for (name, classes) in [("response", self.response), ("handling", self.handling)] {
            let named = classes.into_iter().enumerate();
            all.extend(named.map(|(n, amount)| (format!("{name}_{n}"), amount)));
        }
        all.retain(|(_, amount)| *amount != 0);
        all
    }

    /// The counter of this name in the table; `None` for any other name.
    pub(crate) fn counter(&mut self, name: &str) -> Option<&mut i64> {
        Some(match name {
            "handoffs" => &mut self.handoffs,
            "answered" => &mut self.answered,
            "response_ms" => &mut self.response_ms,
            "handled" => &mut self.handled,
            "handling_ms" => &mut self.handling_ms,
            "closed_user" => &mut self.closed_by.user,
            "closed_timeout" => &mut self.closed_by.timeout,
            "closed_agent" => &mut self.closed_by.agent,
            "closed_bridge" => &mut self.closed_by.bridge,
            "failed" => &mut self.failed,
            other => {
                let (name, n) = other.split_once('_')?;
                let classes = match name {
                    "response" => &mut self.response,
                    "handling" => &mut self.handling,
                    _ => return None,
                };
                classes.get_mut(n.parse::<usize>().ok()?)?
            }
        })
    }
}

/// The class that a time falls into.
fn class(bounds: &[i64], time: Millis) -> usize {
    bounds
        .iter()
        .position(|seconds| time <= seconds * 1_000)
        .unwrap_or(bounds.len())
}

/// The counts of one bot and day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayCounts {
    /// The day.
    pub day: Day,
    /// The bot.
    #[serde(rename = "bot_id")]
    pub bot: String,
    /// What was counted.
    #[serde(flatten)]
    pub counts: Counts,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_is_read_as_it_is_written_and_nothing_else_is_one() {
        let day = Day::of(1_772_323_200_000);
        assert_eq!(day.as_str(), "2026-03-01");
        assert_eq!(day.parts(), ("2026-03", "01"));
        assert_eq!(Day::parse("2026-03-01"), Some(day));
        assert_eq!(Day::of(1_772_323_199_999).as_str(), "2026-02-28");
        for text in [
            "",
            "2026-3-1",
            "2026-02-29",
            "2026-03-01T",
            "1969-12-31",
            "x",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_on_the_bound_of_a_class_is_in_it() {
        let of = |after| {
            let response = Counts::answer(after).response;
            response.iter().position(|n| *n == 1).unwrap()
        };
        assert_eq!(of(0), 0);
        assert_eq!(of(-5), 0, "clocks differ");
        assert_eq!(of(15_000), 0);
        assert_eq!(of(15_001), 1);
        assert_eq!(of(3_600_000), 6);
        assert_eq!(of(3_600_001), 7);
    }

    #[test]
    fn an_end_without_an_agent_has_no_handling_time() {
        let counts = Counts::end(ClosedBy::Timeout, None);
        assert_eq!(counts.attributes(), [("closed_timeout".to_owned(), 1)]);
        let counts = Counts::end(ClosedBy::User, Some(61_000));
        assert_eq!((counts.handled, counts.handling[1]), (1, 1));
    }

    proptest! {
        #[test]
        fn sums_are_the_sums_of_what_is_stored(
            answers in proptest::collection::vec(0..10_000_000_i64, 0..20),
            handling in proptest::collection::vec(proptest::option::of(0..1_000_000_000_i64), 0..20),
        ) {
            let all = answers.iter().map(|after| Counts::answer(*after))
                .chain(handling.iter().map(|time| Counts::end(ClosedBy::Agent, *time)));
            let sum = all.fold(Counts::handoff(), |sum, one| sum.plus(&one));
            prop_assert_eq!(sum.answered as usize, answers.len());
            prop_assert_eq!(sum.response.iter().sum::<i64>(), sum.answered);
            prop_assert_eq!(sum.response_ms, answers.iter().sum::<i64>());
            prop_assert_eq!(sum.handling.iter().sum::<i64>(), sum.handled);
            // Through the table and back.
            let mut read = Counts::default();
            for (name, amount) in sum.attributes() {
                *read.counter(&name).unwrap() += amount;
            }
            prop_assert_eq!(read, sum);
        }

        #[test]
        fn any_time_is_of_a_day_that_begins_before_it(at in 0..4_000_000_000_000_i64) {
            let day = Day::of(at);
            prop_assert!(day.begin() <= at && at < day.begin() + 86_400_000);
            prop_assert_eq!(Day::parse(day.as_str()), Some(day));
        }
    }
}
