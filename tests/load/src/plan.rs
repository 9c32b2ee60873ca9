//! When which message is due.

use std::time::Duration;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToAgent,
    ToUser,
}

/// A message of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// From the beginning of the schedule.
    pub(crate) due: Duration,
    pub(crate) conversation: usize,
    pub(crate) direction: Direction,
    /// Whether it only warms up.
    pub(crate) warm_up: bool,
}

/// All messages in the order in which they are due: evenly spaced, a user's and an agent's in
/// turns, over all conversations in an order of chance.
pub(crate) fn plan(
    conversations: usize,
    messages: usize,
    rate: f64,
    warm_up: f64,
    seed: u64,
) -> Vec<Planned> {
    let mut order: Vec<usize> = (0..conversations).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut order);
    let warm_ups = (warm_up * rate) as usize;
    (0..warm_ups + messages)
        .map(|n| Planned {
            due: Duration::from_secs_f64(n as f64 / rate),
            conversation: order[(n / 2) % conversations],
            direction: if n % 2 == 0 {
                Direction::ToAgent
            } else {
                Direction::ToUser
            },
            warm_up: n < warm_ups,
        })
        .collect()
}

/// A message's text: its number in the plan, and about as much as people write.
pub(crate) fn text(number: usize) -> String {
    format!("#{number}: could you have a look at my order, please? Thanks a lot!")
}

/// The number of the message with this text; `None` for others, such as a greeting.
pub(crate) fn number_of(text: &str) -> Option<usize> {
    text.strip_prefix('#')?.split_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_spread_evenly_over_time_and_conversations() {
        let plan = plan(10, 100, 50.0, 1.0, 1);
        assert_eq!(plan.len(), 150);
        assert_eq!(plan.iter().filter(|one| one.warm_up).count(), 50);
        assert_eq!(plan[50].due, Duration::from_secs(1));
        for conversation in 0..10 {
            let to = |direction| {
                let mine = plan.iter().filter(|one| one.conversation == conversation);
                mine.filter(|one| one.direction == direction).count()
            };
            assert!((7..=8).contains(&to(Direction::ToAgent)), "{conversation}");
            assert_eq!(to(Direction::ToAgent), to(Direction::ToUser));
        }
    }

    #[test]
    fn a_text_names_its_message() {
        assert_eq!(number_of(&text(4711)), Some(4711));
        assert_eq!(number_of("Thanks for waiting!"), None);
    }
}
