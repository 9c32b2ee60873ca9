//! The windows in which a second copy may arrive, each by its name.

use std::fmt;

use handoff::time::Millis;

use super::Case;
use crate::ledger::{Act, Answer, Facts, Sent};
use crate::plan::DeskKind;

/// What an attempt has to itself at least when it begins: after that another relay may send the
/// entry again. (A lease is 15 s, and with less than 10 s of it left nothing is sent.)
const LEASE: Millis = 9_000;

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

impl Case<'_> {
    /// The window of each copy after the first, or what was sent again outside of all of them.
    pub(super) fn duplicates(&self, facts: &Facts, sends: &[&Sent]) -> Result<Vec<Window>, String> {
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
}
