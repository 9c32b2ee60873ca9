//! The guarantee as a judge: given what everybody was told and when, was it kept?
//!
//! It knows nothing of how the bridge works: neither its states nor its code. What it allows, it
//! allows by name ([`Window`]).

mod order;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;
use std::fmt;

use handoff::time::Millis;

use crate::desk::DeskBook;
use crate::gptbots::Human;
use crate::ledger::{Answer, Facts, Ledger, Sent, Told, Word};
use crate::plan::{DeskKind, Plan};

pub use window::Window;

/// The longest pause between two attempts: an entry whose next attempt would come after its end
/// fails this much earlier.
const LONGEST_PAUSE: Millis = 75_000;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: &'static str,
    /// By what.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// What the judge found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What was not kept.
    pub violations: Vec<Violation>,
    /// Second copies that were allowed.
    pub duplicates: BTreeMap<Window, u64>,
    /// Lines and ends that were accepted.
    pub accepted: u64,
    /// Entries of the log that were delivered.
    pub delivered: u64,
    /// Entries of the log that failed, visibly.
    pub failed: u64,
}

/// Everything the judge looks at.
pub(crate) struct Case<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) ledger: &'a Ledger,
    pub(crate) humans: &'a [Human],
    pub(crate) desk: &'a DeskBook,
}

impl Case<'_> {
    pub(crate) fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        self.accepted_lines(&mut verdict);
        self.every_entry(&mut verdict);
        self.order(&mut verdict);
        for conversation in 0..self.plan.shape.conversations {
            self.ends(conversation, &mut verdict);
        }
        verdict
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &str, &Facts)> {
        self.ledger
            .entries
            .iter()
            .map(|((conversation, id), facts)| (*conversation, id.as_str(), facts))
    }

    fn with_token(&self, conversation: usize, token: &str) -> Vec<(&str, &Facts)> {
        self.entries()
            .filter(|(of, _, facts)| {
                *of == conversation && facts.tokens.iter().any(|known| known == token)
            })
            .map(|(_, id, facts)| (id, facts))
            .collect()
    }

    /// Attempts that carried an entry, in the order in which they began.
    fn sends(&self, conversation: usize, entry: &str) -> Vec<&Sent> {
        let mut sends: Vec<_> = self
            .ledger
            .sent
            .iter()
            .filter(|sent| {
                sent.conversation == conversation && sent.entries.iter().any(|of| of == entry)
            })
            .collect();
        sends.sort_by_key(|sent| sent.begun);
        sends
    }

    /// When an entry first reached the other side, and the attempt that did it.
    fn first_landing(&self, conversation: usize, entry: &str) -> Option<(Millis, &Sent)> {
        self.sends(conversation, entry)
            .into_iter()
            .filter_map(|sent| Some((sent.landed?, sent)))
            .min_by_key(|(landed, _)| *landed)
    }

    /// What was accepted is in the log, once; what has to be refused was.
    fn accepted_lines(&self, verdict: &mut Verdict) {
        for told in &self.ledger.told {
            let conversation = told.conversation;
            let mut violated = |rule, what: String| {
                verdict.violations.push(Violation {
                    rule,
                    what: format!("c{conversation} {:?}: {what}", told.word),
                });
            };
            match (&told.word, told.refused) {
                (Word::Asked(_) | Word::Said(..) | Word::Ended(_), Some((_, status))) => {
                    violated("always accept", format!("a webhook was answered {status}"));
                }
                (Word::Wrote(_), Some((at, 409))) if !self.ended_by(conversation, at) => {
                    violated(
                        "always accept",
                        "an open conversation refused it".to_owned(),
                    );
                }
                _ => {}
            }
            let Some(accepted) = told.accepted else {
                continue;
            };
            verdict.accepted += 1;
            match &told.word {
                Word::Said(token, _) | Word::Wrote(token) => {
                    match self.with_token(conversation, token).len() {
                        0 => violated("nothing is lost", "accepted, but not stored".to_owned()),
                        1 => {}
                        _ => violated("stored once", "it is in the log twice".to_owned()),
                    }
                }
                _ => {}
            }
            match &told.word {
                Word::Wrote(_) if self.is_over_when(conversation, told.begun) => {
                    violated(
                        "a line after the end is refused",
                        format!("accepted at {accepted}"),
                    );
                }
                Word::Claimed(agent) => {
                    let others = self.ledger.told.iter().any(|other| {
                        other.conversation == conversation
                            && other.accepted.is_some()
                            && matches!(other.word, Word::Claimed(of) if of < *agent)
                    });
                    if others && self.asked(conversation).count() == 1 {
                        violated("one agent has it", "two claims succeeded".to_owned());
                    }
                }
                _ => {}
            }
        }
    }

    fn asked(&self, conversation: usize) -> impl Iterator<Item = &Told> {
        self.ledger.told.iter().filter(move |told| {
            told.conversation == conversation && matches!(told.word, Word::Asked(_))
        })
    }

    /// Whether somebody may have ended the conversation before `at`.
    fn ended_by(&self, conversation: usize, at: Millis) -> bool {
        self.ledger
            .metas
            .get(&conversation)
            .is_some_and(|meta| meta.ends.iter().any(|end| *end <= at))
    }

    /// Whether the end of a conversation had been accepted before `at`, and nobody asked for a
    /// human since.
    fn is_over_when(&self, conversation: usize, at: Millis) -> bool {
        self.ledger.told.iter().any(|told| {
            told.conversation == conversation
                && told.is_an_end()
                && told.accepted.is_some_and(|accepted| accepted < at)
                && self.asked(conversation).all(|asked| {
                    asked.accepted.is_some_and(|accepted| accepted < at) && asked.is_before(told)
                })
        })
    }

    /// Each entry has come to an end, for a reason, and did not arrive more often than it may.
    fn every_entry(&self, verdict: &mut Verdict) {
        for (conversation, id, facts) in self.entries() {
            let name = format!("c{conversation} {} {id} {:?}", facts.kind, facts.tokens);
            let mut violated = |rule, what: String| {
                verdict.violations.push(Violation {
                    rule,
                    what: format!("{name}: {what}"),
                });
            };
            let sends = self.sends(conversation, id);
            let landed = sends.iter().filter(|sent| sent.landed.is_some()).count();
            match facts.delivery() {
                "delivered" => {
                    verdict.delivered += u64::from(!facts.to.is_empty());
                    if landed == 0 && self.has_to_land(facts) {
                        violated(
                            "nothing is lost",
                            "marked as delivered, but it never arrived".to_owned(),
                        );
                    }
                }
                "failed" => {
                    verdict.failed += 1;
                    if facts.error.is_empty() {
                        violated("failures have a reason", String::new());
                    }
                    if let Some(problem) = self.failed_too_soon(conversation, facts, &sends) {
                        violated("nothing fails before its time", problem);
                    }
                }
                other => violated("nothing is stuck", format!("it is {other} for ever")),
            }
            match self.duplicates(facts, &sends) {
                Ok(windows) => {
                    for window in windows {
                        *verdict.duplicates.entry(window).or_default() += 1;
                    }
                }
                Err(problem) => violated("every duplicate has a name", problem),
            }
            if let Some(problem) = self.not_shown_as_late(conversation, facts) {
                violated("late lines are shown as late", problem);
            }
        }
    }

    /// Whether the other side has to have it, where it is delivered. An end need not arrive where
    /// it was known already, or there is nothing (any more) to end.
    fn has_to_land(&self, facts: &Facts) -> bool {
        match (facts.to.as_str(), facts.kind.as_str()) {
            (_, "closing") | ("", _) => false,
            ("desk", "opening") => false,
            ("desk", _) => self.plan.shape.desk != DeskKind::Console,
            _ => true,
        }
    }

    fn failed_too_soon(
        &self,
        conversation: usize,
        facts: &Facts,
        sends: &[&Sent],
    ) -> Option<String> {
        let refused = sends
            .iter()
            .any(|sent| matches!(sent.answered, Some((_, Answer::Never | Answer::Gone))));
        let failed = facts.states.last().map_or(0, |state| state.at);
        let queued = facts.replays().last().unwrap_or_else(|| facts.stored());
        let early = LONGEST_PAUSE + 2 * self.plan.shape.skew;
        let old = failed >= queued + self.plan.shape.retry_age - early;
        // Where the desk did not open the conversation, there is nowhere to post.
        let nowhere = facts.to == "desk"
            && self.entries().any(|(of, _, opening)| {
                of == conversation
                    && opening.kind == "opening"
                    && opening
                        .states
                        .iter()
                        .any(|state| state.delivery == "failed")
            });
        (!refused && !old && !nowhere).then(|| {
            format!(
                "failed {} ms after it was queued: {}",
                failed - queued,
                facts.error
            )
        })
    }

    fn not_shown_as_late(&self, conversation: usize, facts: &Facts) -> Option<String> {
        let meta = self.ledger.metas.get(&conversation)?;
        let end = *meta.ends.last()?;
        let over = meta.closed && meta.openings.last().is_none_or(|opened| *opened < end);
        // When it came, not when a slow table had it.
        let came = self
            .ledger
            .told
            .iter()
            .find(|told| {
                told.conversation == conversation
                    && matches!(&told.word, Word::Said(token, _) if facts.tokens.contains(token))
            })
            .map_or(facts.stored(), |told| told.begun);
        let since = came - end - 2 * self.plan.shape.skew - 1_000;
        let line = facts.author == "user" && facts.kind == "message";
        (over && line && since > 0 && facts.delivery() == "delivered" && !facts.late)
            .then(|| format!("it came {} ms after the end", came - end))
    }

    /// Once somebody has ended a conversation, it has ended on both sides.
    fn ends(&self, conversation: usize, verdict: &mut Verdict) {
        let mut violated = |what: &str| {
            verdict.violations.push(Violation {
                rule: "ended on both sides",
                what: format!("c{conversation}: {what}"),
            });
        };
        let Some(meta) = self.ledger.metas.get(&conversation) else {
            return;
        };
        let human = &self.humans[conversation];
        let over = self
            .ledger
            .told
            .iter()
            .filter(|told| told.conversation == conversation && told.accepted.is_some())
            .filter(|told| told.is_an_end())
            .any(|end| self.asked(conversation).all(|asked| asked.is_before(end)));
        if over && !meta.closed {
            violated("its end was accepted, but the bridge has it open");
        }
        let asked_since = |begun: Millis| {
            self.asked(conversation)
                .any(|asked| asked.accepted.is_none_or(|accepted| accepted >= begun))
        };
        let unclear = self
            .asked(conversation)
            .any(|asked| asked.accepted.is_none());
        let told_in_vain = self.entries().any(|(of, _, facts)| {
            of == conversation
                && facts.kind == "closing"
                && facts.to == "user"
                && facts.delivery() == "failed"
        });
        // An end that came before the establish it belonged to, but after a later one: it is taken
        // for the end of that, since GPTBots' times are not trusted that far.
        let overtook = self.ledger.told.iter().any(|end| {
            end.conversation == conversation
                && matches!(end.word, Word::Ended(_))
                && self.asked(conversation).any(|asked| {
                    asked.is_before(end) && asked.accepted.is_none_or(|at| at > end.begun)
                })
                && self.asked(conversation).any(|asked| !asked.is_before(end))
        });
        if meta.known && meta.closed && human.open && !unclear && !told_in_vain && !overtook {
            violated("closed here, open at GPTBots");
        }
        // Since when the relay was at it: it may have stood still.
        let rung = |ended: Millis| {
            self.ledger
                .sent
                .iter()
                .find(|sent| sent.conversation == conversation && sent.landed == Some(ended))
                .map_or(0, |sent| sent.rung)
        };
        if let Some(ended) = human.ended_by_us
            && meta.known
            && !meta.closed
            && !human.open
            && human.ended_silently.is_none()
            && !asked_since(rung(ended))
        {
            violated("closed at GPTBots by us, open here");
        }
        let desk_told_in_vain = self.entries().any(|(of, _, facts)| {
            of == conversation && facts.to == "desk" && facts.delivery() == "failed"
        });
        let at_desk = meta
            .desk_ref
            .as_deref()
            .and_then(crate::desk::place_of)
            .and_then(|at| self.desk.opened.get(at));
        if let Some(opened) = at_desk
            && meta.closed
            && !opened.closed
            && !desk_told_in_vain
            && self.plan.shape.desk != DeskKind::Console
        {
            violated("closed here, open at the desk");
        }
    }
}
