//! The guarantee as a judge: given what everybody was told and when, was it kept?
//!
//! It knows nothing of how the bridge works: neither its states nor its code. What it allows, it
//! allows by name ([`Window`]).

use std::collections::BTreeMap;
use std::fmt;

use handoff::time::Millis;

use crate::desk::DeskBook;
use crate::gptbots::Human;
use crate::ledger::{Act, Answer, Facts, Ledger, Sent, Told, Word};
use crate::plan::{DeskKind, Plan};

/// What an attempt has to itself at least when it begins: after that another relay may send the
/// entry again. (A lease is 15 s, and with less than 10 s of it left nothing is sent.)
const LEASE: Millis = 9_000;
/// The longest pause between two attempts: an entry whose next attempt would come after its end
/// fails this much earlier.
const LONGEST_PAUSE: Millis = 75_000;

/// When a second copy may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// The other side took it, but its answer did not arrive, or did not say so.
    AnswerLost,
    /// The process died between sending and marking.
    Killed,
    /// The table did not take the mark.
    MarkLost,
    /// The process stood still until its lease had run out.
    LeaseOver,
}

impl Window {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::AnswerLost,
        Self::Killed,
        Self::MarkLost,
        Self::LeaseOver,
    ];
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnswerLost => "taken, but the answer was lost",
            Self::Killed => "killed between sending and marking",
            Self::MarkLost => "the table did not take the mark",
            Self::LeaseOver => "the lease ran out while it was sent",
        })
    }
}

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

    /// The window of each copy after the first, or what was sent again outside of all of them.
    fn duplicates(&self, facts: &Facts, sends: &[&Sent]) -> Result<Vec<Window>, String> {
        let copies: Vec<&&Sent> = sends
            .iter()
            .filter(|sent| sent.landed.is_some() && !matches!(sent.act, Act::End | Act::Close))
            .collect();
        let mut windows = Vec::new();
        for (nth, copy) in copies.iter().enumerate().skip(1) {
            let mut name = None;
            for earlier in &copies[..nth] {
                name = Some(self.window(facts, earlier, copy)?);
            }
            windows.extend(name);
        }
        Ok(windows)
    }

    /// Why `copy` could be sent though `earlier` had arrived, or would.
    fn window(&self, facts: &Facts, earlier: &Sent, copy: &Sent) -> Result<Window, String> {
        let claimed = |sent: &Sent| {
            facts
                .states
                .iter()
                .rev()
                .find(|state| {
                    state.at <= sent.begun
                        && state.process == sent.process
                        && state.delivery == "sending"
                })
                .map(|state| state.at)
        };
        let (Some(first), Some(second)) = (claimed(earlier), claimed(copy)) else {
            return Err("an attempt was made without a claim".to_owned());
        };
        let marked = facts
            .states
            .iter()
            .find(|state| state.delivery == "delivered")
            .map(|state| state.at);
        if marked.is_some_and(|marked| marked < second) {
            return Err(format!(
                "claimed at {second} though it had been marked at {}",
                marked.unwrap_or_default()
            ));
        }
        let could_ask = copy.act == Act::Open
            && matches!(self.plan.shape.desk, DeskKind::Asked | DeskKind::Keyed);
        if could_ask
            && earlier
                .landed
                .is_some_and(|landed| landed < second.max(first))
        {
            return Err("opened again though the desk could be asked".to_owned());
        }
        let within = |list: &[(u32, Millis)]| {
            list.iter().any(|(process, at)| {
                *process == earlier.process && (earlier.begun..=copy.begun).contains(at)
            })
        };
        let taken = matches!(earlier.answered, Some((_, Answer::Taken)));
        let lease = LEASE - 2 * self.plan.shape.skew;
        if first != second && (second - first).abs() >= lease && second.min(first) < copy.begun {
            // It may be another window as well: the narrower ones first.
            if within(&self.ledger.killed) {
                return Ok(Window::Killed);
            }
            if !taken {
                return Ok(Window::AnswerLost);
            }
            return Ok(if within(&self.ledger.trouble) {
                Window::MarkLost
            } else {
                Window::LeaseOver
            });
        }
        let killed = within(&self.ledger.killed);
        // Without an answer, and alive: it had given up waiting for one.
        if !killed && !taken && earlier.answered.is_none_or(|(at, _)| at <= second) {
            Ok(Window::AnswerLost)
        } else if killed {
            Ok(Window::Killed)
        } else if within(&self.ledger.trouble) {
            Ok(Window::MarkLost)
        } else {
            Err(format!(
                "sent at {} and again at {}, claimed at {first} and {second}",
                earlier.begun, copy.begun
            ))
        }
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

    /// What was accepted first arrives first.
    fn order(&self, verdict: &mut Verdict) {
        let lines: Vec<Line<'_>> = self
            .entries()
            .filter(|(.., facts)| !facts.to.is_empty())
            .map(|(conversation, id, facts)| self.line(conversation, id, facts))
            .collect();
        for first in &lines {
            for second in &lines {
                if first.goes_before(second)
                    && !first.is_of_a_later_conversation(second, &lines)
                    && let (Some((a, _)), Some((b, _))) = (first.landing, second.landing)
                    && b < a
                    && !first.gave_way_before(b)
                {
                    verdict.violations.push(Violation {
                        rule: "in order",
                        what: format!(
                            "c{} {} {:?} arrived at {a}, after {} {:?} at {b}",
                            first.conversation,
                            first.id,
                            first.facts.tokens,
                            second.id,
                            second.facts.tokens
                        ),
                    });
                }
            }
        }
    }

    fn line<'a>(&'a self, conversation: usize, id: &'a str, facts: &'a Facts) -> Line<'a> {
        let told = self.ledger.told.iter().find(|told| {
            told.conversation == conversation
                && matches!(&told.word, Word::Said(token, _) | Word::Wrote(token)
                    if facts.tokens.contains(token))
        });
        // An opening and an end that GPTBots told of are named by its time.
        let of_gptbots = facts.to == "desk" && matches!(facts.kind.as_str(), "opening" | "closing");
        let named = id.get(..16).filter(|_| of_gptbots);
        let sent_at = match told.map(|told| &told.word) {
            Some(Word::Said(_, at)) => Some(*at),
            _ => named.and_then(|at| at.parse().ok()),
        };
        Line {
            conversation,
            id,
            facts,
            begun: told.map_or(facts.stored(), |told| told.begun),
            // Stored, but never answered with 200: nobody was promised anything.
            accepted: match told {
                Some(told) => told.accepted,
                None => Some(facts.stored()),
            },
            sent_at,
            landing: self.first_landing(conversation, id),
        }
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

/// An entry on its way to one side.
struct Line<'a> {
    conversation: usize,
    id: &'a str,
    facts: &'a Facts,
    begun: Millis,
    accepted: Option<Millis>,
    sent_at: Option<Millis>,
    landing: Option<(Millis, &'a Sent)>,
}

impl Line<'_> {
    /// Whether this one has to arrive before the other.
    fn goes_before(&self, other: &Self) -> bool {
        let one_lane = self.conversation == other.conversation && self.facts.to == other.facts.to;
        let Some(accepted) = self.accepted.filter(|_| one_lane && self.id != other.id) else {
            return false;
        };
        let before = accepted < other.begun;
        match (self.sent_at, other.sent_at) {
            // A user's line belongs behind the opening and before the end that GPTBots' time says.
            (Some(this), Some(that))
                if self.facts.kind == "opening" || other.facts.kind == "closing" =>
            {
                before
                    && this < that
                    && (self.facts.kind == "message" || other.facts.kind == "message")
            }
            (Some(_), Some(_)) if self.facts.kind != "message" || other.facts.kind != "message" => {
                false
            }
            // Two lines of a user: by GPTBots' time, where both waited when the relay was rung.
            (Some(this), Some(that)) => {
                let waited = other.landing.is_some_and(|(_, sent)| accepted < sent.rung);
                this < that && (before || waited)
            }
            // What the bridge itself tells the agents has no place among the user's lines.
            _ if self.facts.to == "desk" => false,
            // A relay that stood still until its lease was over can be late with a close. What that
            // may not lead to, the rule about ends says.
            _ => before && self.facts.kind != "closing",
        }
    }

    /// Whether this line of the user's, by GPTBots' times, belongs to an establish that came only
    /// after that end: it is shown there, behind the end of what it does not belong to.
    fn is_of_a_later_conversation(&self, end: &Self, lines: &[Line<'_>]) -> bool {
        end.facts.kind == "closing"
            && lines.iter().any(|opening| {
                opening.facts.kind == "opening"
                    && opening.conversation == self.conversation
                    && opening.facts.stored() > end.facts.stored()
                    && opening
                        .sent_at
                        .is_some_and(|begun| self.sent_at.is_some_and(|written| begun <= written))
            })
    }

    /// Whether it had failed before `at`: then the lane went on without it.
    fn gave_way_before(&self, at: Millis) -> bool {
        self.facts
            .states
            .iter()
            .any(|state| state.delivery == "failed" && state.at <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Meta, State};
    use crate::plan::Profile;

    const TOKEN: &str = "a1";

    /// A line of an agent's that was accepted, sent once and marked: as it should be.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        line(&mut ledger, TOKEN, 100);
        ledger.metas.insert(
            0,
            Meta {
                known: true,
                ..Meta::default()
            },
        );
        ledger
    }

    fn line(ledger: &mut Ledger, token: &str, at: Millis) {
        ledger.told.push(Told {
            conversation: 0,
            word: Word::Wrote(token.to_owned()),
            begun: at,
            accepted: Some(at + 5),
            unclear: false,
            refused: None,
        });
        let state = |at, delivery: &str| State {
            at,
            process: 1,
            delivery: delivery.to_owned(),
        };
        let facts = Facts {
            kind: "message".to_owned(),
            author: "agent".to_owned(),
            to: "user".to_owned(),
            tokens: vec![token.to_owned()],
            states: vec![
                state(at + 2, "pending"),
                state(at + 20, "sending"),
                state(at + 50, "delivered"),
            ],
            ..Facts::default()
        };
        ledger.entries.insert((0, token.to_owned()), facts);
        ledger.sent.push(sent(token, at + 25));
    }

    fn sent(token: &str, begun: Millis) -> Sent {
        Sent {
            conversation: 0,
            act: Act::Reply,
            entries: vec![token.to_owned()],
            process: 1,
            rung: begun - 15,
            begun,
            landed: Some(begun + 5),
            answered: Some((begun + 10, Answer::Taken)),
        }
    }

    /// The rules that a ledger breaks.
    fn broken(ledger: &Ledger) -> Vec<&'static str> {
        let mut plan = Plan::drawn(1, Profile::Calm);
        plan.shape.conversations = 1;
        plan.shape.skew = 0;
        let case = Case {
            plan: &plan,
            ledger,
            humans: &[Human::default()],
            desk: &DeskBook::default(),
        };
        let mut rules: Vec<_> = case
            .judge()
            .violations
            .into_iter()
            .map(|violation| violation.rule)
            .collect();
        rules.dedup();
        rules
    }

    fn facts(ledger: &mut Ledger) -> &mut Facts {
        let key = (0, TOKEN.to_owned());
        ledger.entries.get_mut(&key).unwrap()
    }

    #[test]
    fn a_line_that_arrived_once_breaks_nothing() {
        assert_eq!(broken(&ledger()), Vec::<&str>::new());
    }

    #[test]
    fn what_was_accepted_and_is_not_stored_is_lost() {
        let mut ledger = ledger();
        ledger.entries.clear();
        assert_eq!(broken(&ledger), ["nothing is lost"]);
    }

    #[test]
    fn what_is_marked_and_never_arrived_is_lost() {
        let mut ledger = ledger();
        ledger.sent[0].landed = None;
        assert_eq!(broken(&ledger), ["nothing is lost"]);
    }

    #[test]
    fn a_second_copy_of_what_was_taken_and_marked_has_no_name() {
        let mut ledger = ledger();
        ledger.sent.push(sent(TOKEN, 200));
        assert_eq!(broken(&ledger), ["every duplicate has a name"]);
    }

    #[test]
    fn a_second_copy_after_an_answer_that_was_lost_has_one() {
        let mut ledger = ledger();
        ledger.sent[0].answered = Some((128, Answer::Later));
        let again = |at, delivery: &str| State {
            at,
            process: 1,
            delivery: delivery.to_owned(),
        };
        facts(&mut ledger).states = vec![
            again(102, "pending"),
            again(120, "sending"),
            again(130, "retrying"),
            again(195, "sending"),
            again(220, "delivered"),
        ];
        ledger.sent.push(sent(TOKEN, 200));
        assert_eq!(broken(&ledger), Vec::<&str>::new());
    }

    #[test]
    fn a_line_that_arrives_before_an_earlier_one_is_out_of_order() {
        let mut ledger = ledger();
        line(&mut ledger, "a2", 200);
        ledger.sent[0].landed = Some(1_000);
        assert_eq!(broken(&ledger), ["in order"]);
    }

    #[test]
    fn what_waits_for_ever_is_stuck() {
        let mut ledger = ledger();
        facts(&mut ledger).states.pop();
        assert_eq!(broken(&ledger), ["nothing is stuck"]);
    }

    #[test]
    fn a_failure_needs_a_reason_and_its_time() {
        let mut ledger = ledger();
        ledger.sent.clear();
        let facts = facts(&mut ledger);
        facts.states[2].delivery = "failed".to_owned();
        assert_eq!(
            broken(&ledger),
            ["failures have a reason", "nothing fails before its time"]
        );
    }
}
