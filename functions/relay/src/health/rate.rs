//! The rate: see the module above.

use std::collections::{HashMap, VecDeque};

use handoff::conversation::ConversationId;
use handoff::time::Millis;

/// Rates are so many calls in this time.
const WINDOW: Millis = 60_000;
/// The smallest that GPTBots documents: that of the free plan (contract, section 4).
const SMALLEST: usize = 3;
/// How long a key counts as limited after it was refused.
const LIMITED_FOR: Millis = 180_000;
/// How long to wait after a refusal that says nothing about it: a share of the window, at least
/// and at most this; twice as long after each further one.
const WAITS: (Millis, Millis) = (1_000, 20_000);
/// So many calls are remembered: more a minute than any limit that is known.
const REMEMBERED: usize = 10_000;

/// The calls of one key.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// When the calls of the last minute began.
    calls: VecDeque<Millis>,
    limit: Option<Limit>,
}

#[derive(Debug)]
struct Limit {
    /// Calls a window.
    calls: usize,
    refused_at: Millis,
    /// How many refusals in a row.
    refusals: u32,
    /// Nobody before then.
    not_before: Millis,
    /// Whose turn it is when.
    turns: HashMap<ConversationId, Millis>,
}

impl Rate {
    /// Whether it was refused a while ago.
    pub(super) fn is_limited(&self, now: Millis) -> bool {
        self.limit
            .as_ref()
            .is_some_and(|limit| now - limit.refused_at < LIMITED_FOR)
    }

    /// Whether to call; else when it is this conversation's turn.
    pub(super) fn ask(&mut self, who: &ConversationId, now: Millis) -> Result<(), Millis> {
        while self.calls.front().is_some_and(|at| now - at >= WINDOW)
            || self.calls.len() > REMEMBERED
        {
            self.calls.pop_front();
        }
        if !self.is_limited(now) {
            self.limit = None;
        }
        if let Some(limit) = &mut self.limit {
            let turn = limit.turn(&self.calls, who, now);
            if turn > now {
                return Err(turn);
            }
        }
        self.calls.push_back(now);
        Ok(())
    }

    /// A call was not made.
    pub(super) fn withdraw(&mut self, began: Millis) {
        if let Some(place) = self.calls.iter().rposition(|at| *at == began) {
            self.calls.remove(place);
        }
    }

    pub(super) fn served(&mut self) {
        if let Some(limit) = &mut self.limit {
            limit.refusals = 0;
        }
    }

    /// A call was refused; `wait` is what was asked for. Answers when it is this conversation's
    /// turn.
    pub(super) fn refused(
        &mut self,
        who: &ConversationId,
        began: Millis,
        now: Millis,
        wait: Option<Millis>,
    ) -> Millis {
        self.withdraw(began);
        // Whoever says when to come back says how fast a key gets calls again.
        let implied = wait.map_or(0, |wait| WINDOW / wait.max(WAITS.0));
        let implied = usize::try_from(implied).unwrap_or(0);
        let calls = self.calls.len().max(SMALLEST).max(implied);
        let limit = self.limit.get_or_insert_with(|| Limit {
            calls,
            refused_at: now,
            refusals: 0,
            not_before: 0,
            turns: HashMap::new(),
        });
        limit.calls = calls;
        limit.refused_at = now;
        let share = WINDOW / Millis::try_from(calls).unwrap_or(WINDOW);
        let share = share.clamp(WAITS.0, WAITS.1) << limit.refusals.min(6);
        limit.refusals += 1;
        let wait = wait.unwrap_or(share.min(WINDOW)).max(WAITS.0);
        let not_before = now.saturating_add(wait);
        // All who wait keep their order.
        let first = limit.turns.values().min().copied().unwrap_or(not_before);
        let late = (not_before + 1 - first).max(0);
        for turn in limit.turns.values_mut() {
            *turn += late;
        }
        limit.not_before = not_before;
        limit.turns.insert(who.clone(), not_before);
        not_before
    }
}

impl Limit {
    /// When it is this conversation's turn; what is now or over is taken.
    fn turn(&mut self, calls: &VecDeque<Millis>, who: &ConversationId, now: Millis) -> Millis {
        // Who did not come when it was its turn has been served by somebody else.
        self.turns.retain(|_, turn| now - *turn < WINDOW);
        if let Some(turn) = self.turns.get(who).copied() {
            if turn <= now {
                self.turns.remove(who);
            }
            return turn;
        }
        let mut times: Vec<Millis> = calls
            .iter()
            .copied()
            .chain(self.turns.values().copied())
            .collect();
        times.sort_unstable();
        let free = times
            .len()
            .checked_sub(self.calls)
            .map_or(now, |oldest| times[oldest].saturating_add(WINDOW));
        let turn = free.max(self.not_before).max(now);
        if turn > now {
            self.turns.insert(who.clone(), turn);
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> ConversationId {
        ConversationId::new(format!("c{n}")).unwrap()
    }

    /// Three calls at 0, and a fourth that was refused.
    fn limited() -> Rate {
        let mut rate = Rate::default();
        for n in 0..4 {
            assert_eq!(rate.ask(&id(n), 0), Ok(()));
        }
        assert!(!rate.is_limited(0));
        assert_eq!(rate.refused(&id(3), 0, 10, None), 20_010);
        assert!(rate.is_limited(10));
        rate
    }

    #[test]
    fn without_a_refusal_there_is_no_limit() {
        let mut rate = Rate::default();
        for n in 0..1_000 {
            assert_eq!(rate.ask(&id(n), 0), Ok(()));
        }
    }

    #[test]
    fn who_waits_gets_a_turn_in_the_order_of_asking() {
        let mut rate = limited();
        assert_eq!(rate.ask(&id(4), 20), Err(60_000));
        assert_eq!(rate.ask(&id(5), 30), Err(60_000));
        assert_eq!(rate.ask(&id(4), 40), Err(60_000), "it has one");
        assert_eq!(rate.ask(&id(3), 20_010), Ok(()));
        // One of the three in the next minute is gone, two are taken: after them.
        assert_eq!(rate.ask(&id(3), 20_100), Err(80_010));
        assert_eq!(rate.ask(&id(4), 60_000), Ok(()));
        assert_eq!(rate.ask(&id(5), 60_000), Ok(()));
        assert_eq!(rate.ask(&id(6), 60_001), Err(120_000));
        assert_eq!(rate.ask(&id(3), 80_010), Ok(()));
    }

    #[test]
    fn a_refusal_moves_all_turns_and_keeps_their_order() {
        let mut rate = limited();
        let fourth = rate.ask(&id(4), 20).unwrap_err();
        assert_eq!(rate.ask(&id(3), 20_010), Ok(()));
        assert_eq!(rate.refused(&id(3), 20_010, 20_020, Some(100_000)), 120_020);
        let moved = rate.ask(&id(4), fourth).unwrap_err();
        assert_eq!(moved, 120_021);
        assert_eq!(rate.ask(&id(3), 120_020), Ok(()));
        assert_eq!(rate.ask(&id(4), moved), Ok(()));
    }

    #[test]
    fn a_key_that_could_do_more_is_held_to_what_it_could_do() {
        let mut rate = Rate::default();
        for n in 0..101 {
            assert_eq!(rate.ask(&id(n), 0), Ok(()));
        }
        assert_eq!(rate.refused(&id(100), 0, 0, None), 1_000);
        // The window moves on.
        assert_eq!(rate.ask(&id(0), 59_000), Err(60_000));
        assert_eq!(rate.ask(&id(0), 60_000), Ok(()));
        assert_eq!(rate.ask(&id(1), 60_000), Ok(()));
    }

    #[test]
    fn a_short_retry_after_says_that_calls_come_back_fast() {
        let mut rate = Rate::default();
        assert_eq!(rate.ask(&id(0), 0), Ok(()));
        assert_eq!(rate.refused(&id(0), 0, 10, Some(1_000)), 1_010);
        for n in 0..60 {
            assert_eq!(rate.ask(&id(n), 1_010), Ok(()));
        }
        assert_eq!(rate.ask(&id(60), 1_010), Err(61_010));
    }

    #[test]
    fn after_a_while_without_a_refusal_it_is_free_again() {
        let mut rate = limited();
        assert_eq!(rate.ask(&id(7), 10 + LIMITED_FOR), Ok(()));
        assert!(!rate.is_limited(10 + LIMITED_FOR));
        for n in 0..10 {
            assert_eq!(rate.ask(&id(n), 10 + LIMITED_FOR), Ok(()));
        }
    }

    #[test]
    fn refusals_in_a_row_are_answered_with_patience() {
        let mut rate = Rate::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..4 {
            assert_eq!(rate.ask(&id(0), now), Ok(()));
            let turn = rate.refused(&id(0), now, now, None);
            waits.push(turn - now);
            now = turn;
        }
        assert_eq!(waits, [20_000, 40_000, 60_000, 60_000]);
    }
}
