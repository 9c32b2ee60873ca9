//! Who can be served now: a breaker and a rate for each API key and each desk, in memory.
//!
//! It saves attempts that would fail, and nothing correct depends on it: it knows what this
//! process has seen, other processes have their own, and a new one begins with trust.
//!
//! - **Breaker.** Five different conversations that failed, with nothing served since their
//!   attempts began, open it: one conversation that cannot be served says nothing about the others.
//!   While it is open, one of those that failed is let through at a time, to see; and of the
//!   others three, since it may not be about them. Whatever is served closes it.
//! - **Rate.** A key that was refused for its rate is held to as many calls a minute as it had made
//!   in the minute before. Who has to wait gets a place in the order of asking, so that no
//!   conversation of that key can crowd out another.

mod breaker;
mod rate;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use handoff::conversation::ConversationId;
use handoff::gptbots::Bot;
use handoff::random::Random;
use handoff::time::Millis;

use breaker::Breaker;
use rate::Rate;

/// What nobody asked for in this time is forgotten.
const FORGET_AFTER: Millis = 3_600_000;

/// Whom an attempt is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// A key at GPTBots. A key that is replaced is another one.
    Key(String),
    /// An instance of a desk.
    Desk(String),
}

impl Target {
    pub(crate) fn key(bot: &Bot) -> Self {
        Self::Key(bot.fingerprint())
    }
}

/// How an attempt went, as far as it tells about others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There was an answer, if only a refusal.
    Served,
    /// None, or one that says "not now".
    Failing {
        /// How long not to ask again.
        wait: Option<Millis>,
    },
    /// Too many calls.
    Limited {
        /// How long not to ask again.
        wait: Option<Millis>,
    },
}

/// Whether to try.
#[derive(Debug)]
pub(crate) enum Answer<'a> {
    /// Try, and report.
    Try(Permit<'a>),
    /// Not before `at`.
    Wait {
        /// When to ask again.
        at: Millis,
        /// Why not now.
        why: &'static str,
    },
}

/// What this process knows of the keys and desks that it serves. Empty at the start.
#[derive(Debug, Default)]
pub struct Health(Mutex<HashMap<Target, Gate>>);

#[derive(Debug, Default)]
struct Gate {
    breaker: Breaker,
    rate: Rate,
    asked_at: Millis,
}

impl Health {
    /// Whether to try to serve this conversation now.
    pub(crate) fn ask(
        &self,
        target: &Target,
        conversation: &ConversationId,
        now: Millis,
        random: &Random,
    ) -> Answer<'_> {
        let mut gates = self.gates();
        if !gates.contains_key(target) {
            gates.retain(|_, gate| now - gate.asked_at < FORGET_AFTER);
        }
        let gate = gates.entry(target.clone()).or_default();
        gate.asked_at = now;
        if let Err(wait) = gate.breaker.ask(conversation, now) {
            return Answer::Wait {
                at: now + random.jittered(wait).max(1),
                why: "others failed a moment ago: waits until one gets through",
            };
        }
        if let Err(at) = gate.rate.ask(conversation, now) {
            gate.breaker.withdraw(conversation);
            return Answer::Wait {
                at,
                why: "the rate limit is reached: waits for its turn",
            };
        }
        Answer::Try(Permit {
            health: self,
            target: target.clone(),
            conversation: conversation.clone(),
            began: now,
            merges: gate.rate.is_limited(now),
            reported: false,
        })
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<Target, Gate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one attempt. Dropped without a report, it was not used.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    health: &'a Health,
    target: Target,
    conversation: ConversationId,
    began: Millis,
    merges: bool,
    reported: bool,
}

impl Permit<'_> {
    /// Whether calls are scarce, so that what waits together should go together.
    pub(crate) fn merges(&self) -> bool {
        self.merges
    }

    /// Says how the attempt went. After a refusal for the rate: when this conversation has its
    /// turn.
    pub(crate) fn report(mut self, verdict: Verdict, now: Millis) -> Option<Millis> {
        self.reported = true;
        let mut gates = self.health.gates();
        let gate = gates.get_mut(&self.target)?;
        match verdict {
            Verdict::Served => {
                gate.breaker.served(now);
                gate.rate.served();
                None
            }
            Verdict::Failing { wait } => {
                gate.breaker
                    .failed(&self.conversation, self.began, now, wait);
                None
            }
            Verdict::Limited { wait } => {
                // Whoever counts calls is up.
                gate.breaker.served(now);
                Some(gate.rate.refused(&self.conversation, self.began, now, wait))
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.reported {
            return;
        }
        if let Some(gate) = self.health.gates().get_mut(&self.target) {
            gate.breaker.withdraw(&self.conversation);
            gate.rate.withdraw(self.began);
        }
    }
}
