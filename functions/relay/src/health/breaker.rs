//! The breaker: see the module above.

use std::collections::HashSet;

use handoff::conversation::ConversationId;
use handoff::time::Millis;

/// So many different conversations have to fail.
const STRIKES: usize = 5;
/// So many conversations that have not failed are tried at once while it is open.
const NEWCOMERS: usize = 3;
/// The pauses between attempts with conversations that have failed, while it is open.
const PAUSES: [Millis; 5] = [1_000, 2_000, 3_000, 5_000, 10_000];
/// Who has to wait waits for two fifths of the time that it has been failing, so that a short outage
/// is followed by a short wait; at least and at most this long.
const WAITS: (Millis, Millis) = (2_000, 20_000);
/// The longest that everybody waits because one was told to.
const LONGEST_PAUSE: Millis = 60_000;
/// So many conversations are remembered to have failed.
const REMEMBERED: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Who failed since somebody was served.
    failed: HashSet<ConversationId>,
    /// Since when.
    since: Millis,
    /// When somebody was served.
    served_at: Millis,
    /// Nobody before then: it was asked for.
    not_before: Millis,
    /// Who failed and is tried again.
    probe: Option<ConversationId>,
    /// When the next one may be.
    next_probe_at: Millis,
    probes: usize,
    /// Who has not failed and is tried.
    newcomers: HashSet<ConversationId>,
}

impl Breaker {
    /// Whether to try; else how long to wait.
    pub(super) fn ask(&mut self, who: &ConversationId, now: Millis) -> Result<(), Millis> {
        if self.failed.len() < STRIKES {
            return Ok(());
        }
        let wait = ((now - self.since) * 2 / 5).clamp(WAITS.0, WAITS.1);
        if now < self.not_before {
            return Err(wait.max(self.not_before - now));
        }
        if self.failed.contains(who) || self.failed.len() >= REMEMBERED {
            if self.probe.is_some() || now < self.next_probe_at {
                return Err(wait);
            }
            self.probe = Some(who.clone());
            return Ok(());
        }
        if self.newcomers.len() >= NEWCOMERS {
            return Err(wait);
        }
        self.newcomers.insert(who.clone());
        Ok(())
    }

    /// Who was let through did not try.
    pub(super) fn withdraw(&mut self, who: &ConversationId) {
        self.newcomers.remove(who);
        if self.probe.as_ref() == Some(who) {
            self.probe = None;
        }
    }

    pub(super) fn served(&mut self, now: Millis) {
        *self = Self {
            served_at: now,
            ..Self::default()
        };
    }

    /// An attempt that began then failed, and asked everybody to wait this long.
    pub(super) fn failed(
        &mut self,
        who: &ConversationId,
        began: Millis,
        now: Millis,
        wait: Option<Millis>,
    ) {
        let probed = self.probe.as_ref() == Some(who);
        self.withdraw(who);
        // Somebody was served meanwhile: it is about this conversation alone.
        if began < self.served_at {
            return;
        }
        let was_open = self.failed.len() >= STRIKES;
        if self.failed.is_empty() {
            self.since = began;
        }
        if self.failed.len() < REMEMBERED {
            self.failed.insert(who.clone());
        }
        if self.failed.len() < STRIKES {
            return;
        }
        if probed || !was_open {
            self.next_probe_at = now + PAUSES[self.probes.min(PAUSES.len() - 1)];
            self.probes += 1;
        }
        let wait = wait.unwrap_or(0).clamp(0, LONGEST_PAUSE);
        self.not_before = self.not_before.max(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> ConversationId {
        ConversationId::new(format!("c{n}")).unwrap()
    }

    /// Open since 0: five have failed by 3,000.
    fn open() -> Breaker {
        let mut breaker = Breaker::default();
        for n in 0..STRIKES {
            assert_eq!(breaker.ask(&id(n), 0), Ok(()));
            breaker.failed(&id(n), 0, 3_000, None);
        }
        breaker
    }

    #[test]
    fn one_conversation_that_fails_again_and_again_opens_nothing() {
        let mut breaker = Breaker::default();
        for now in 0..100 {
            assert_eq!(breaker.ask(&id(1), now), Ok(()));
            breaker.failed(&id(1), now, now, None);
        }
        assert_eq!(breaker.ask(&id(2), 100), Ok(()));
    }

    #[test]
    fn several_that_hang_while_others_are_served_open_nothing() {
        let mut breaker = Breaker::default();
        for n in 0..20 {
            breaker.served(1_000);
            breaker.failed(&id(n), 500, 3_500, None);
        }
        assert_eq!(breaker.ask(&id(1), 4_000), Ok(()));
    }

    #[test]
    fn while_it_is_open_one_of_those_that_failed_is_tried_at_a_time() {
        let mut breaker = open();
        assert_eq!(breaker.ask(&id(0), 3_500), Err(2_000), "a pause first");
        assert_eq!(breaker.ask(&id(0), 4_000), Ok(()));
        assert!(breaker.ask(&id(1), 4_000).is_err(), "one at a time");
        breaker.failed(&id(0), 4_000, 7_000, None);
        assert!(breaker.ask(&id(1), 8_000).is_err(), "longer pauses");
        assert_eq!(breaker.ask(&id(1), 9_000), Ok(()));
        breaker.served(9_100);
        for n in 0..10 {
            assert_eq!(breaker.ask(&id(n), 9_100), Ok(()));
        }
    }

    #[test]
    fn those_that_have_not_failed_are_tried_a_few_at_once() {
        let mut breaker = open();
        for n in 10..10 + NEWCOMERS {
            assert_eq!(breaker.ask(&id(n), 3_000), Ok(()));
        }
        assert!(breaker.ask(&id(20), 3_000).is_err());
        breaker.withdraw(&id(10));
        assert_eq!(breaker.ask(&id(20), 3_000), Ok(()));
    }

    #[test]
    fn who_has_to_wait_waits_in_proportion_to_the_outage() {
        let mut breaker = open();
        breaker.probe = Some(id(0));
        for (now, wait) in [(3_000, 2_000), (10_000, 4_000), (3_600_000, 20_000)] {
            assert_eq!(breaker.ask(&id(1), now), Err(wait));
        }
    }

    #[test]
    fn a_wish_for_peace_is_heard_by_all() {
        let mut breaker = open();
        breaker.failed(&id(0), 3_000, 3_000, Some(30_000));
        assert_eq!(breaker.ask(&id(30), 3_000), Err(30_000));
        assert_eq!(breaker.ask(&id(30), 33_000), Ok(()));
    }
}
