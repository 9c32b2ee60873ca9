//! What has to arrive before what.

use handoff::time::Millis;

use super::{Case, Verdict, Violation};
use crate::ledger::{Facts, Sent, Word};

impl Case<'_> {
    /// What was accepted first arrives first.
    pub(super) fn order(&self, verdict: &mut Verdict) {
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
