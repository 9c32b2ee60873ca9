//! What the clock does for a conversation: the texts of the wait, what comes after them, and
//! silence on either side. No I/O: what is to be done follows from the plan, from how far it has
//! come, and from the conversation as it is.

use serde::{Deserialize, Serialize};

use super::entry::Author;
use super::notice::Notice;
use super::state::{Conversation, Status};
use crate::time::Millis;

/// Stands for the user's place in the queue, in a text of the wait.
pub const POSITION: &str = "{position}";

/// What was set when the conversation began, in its own language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// What happens while nobody has answered, the earliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PlanStep>,
    /// What happens when the user falls silent.
    #[serde(skip_serializing_if = "Silent::is_never")]
    pub user: Silent,
    /// What happens when the agent falls silent.
    #[serde(skip_serializing_if = "Silent::is_never")]
    pub agent: Silent,
    /// How a message is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<TakingMessage>,
}

/// Something that happens when nobody has answered for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// How long after the opening.
    pub after: Millis,
    /// What happens.
    #[serde(flatten)]
    pub act: PlanAct,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanAct {
    /// The user is told this, with the place in the queue for [`POSITION`].
    Say(String),
    /// The agents and the operator are alarmed.
    Alarm,
    /// The user may leave a message from now on.
    TakeMessage,
    /// The conversation ends; the user is told this.
    End(String),
}

/// What happens when one side falls silent. Times are counted from the other side's last line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Silent {
    /// When it is warned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_after: Option<Millis>,
    /// What the user is told then; empty: nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub warning: String,
    /// When the conversation ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_after: Option<Millis>,
    /// What the user is told then; empty: nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub farewell: String,
}

/// How a message is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TakingMessage {
    /// What the user is told; empty where the greeting has said it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How long the user has to begin.
    pub first_within: Millis,
    /// How long nothing more may come until it counts as whole.
    pub quiet: Millis,
    /// What the user is told in the end.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub thanks: String,
    /// What the user is told who has written nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub farewell: String,
}

/// How far a plan has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many of its steps are done.
    pub steps: usize,
    /// Since when a message is taken.
    pub taking_message: Option<Millis>,
    /// A message is to be taken at the next look: no desk could be reached.
    pub take_message: bool,
    /// The silence that was warned of: since when it has lasted, and when the warning was given.
    pub warned: Option<(Millis, Millis)>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Nothing; look again then, or never.
    Rest(Option<Millis>),
    /// Something is written, and the plan has come this far.
    Say {
        /// What the user is told.
        to_user: Option<String>,
        /// What the agents are told.
        to_agents: Option<Notice>,
        /// Whether nobody has taken the conversation for too long.
        alarm: bool,
        /// How far the plan has come with it.
        progress: Progress,
        /// When to look again.
        next: Option<Millis>,
    },
    /// The conversation ends.
    End(Farewell),
}

/// How a conversation ends by its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// What the user is told before.
    pub to_user: Option<String>,
    /// Why it ends.
    pub reason: &'static str,
    /// What the agents are told instead of the end: what the user wrote is theirs to answer.
    pub left_message: Option<Notice>,
}

/// The reason of an end after a message.
pub const MESSAGE_LEFT: &str = "the user left a message";
const NOTHING_LEFT: &str = "nobody was there, and the user left no message";
const NOBODY_ANSWERED: &str = "nobody answered";
const USER_SILENT: &str = "the user did not answer any more";
const AGENT_SILENT: &str = "no agent answered any more";

impl Silent {
    /// Whether nothing ever happens.
    pub fn is_never(&self) -> bool {
        self.warn_after.is_none() && self.end_after.is_none()
    }

    fn shortest(&self) -> Option<Millis> {
        self.warn_after.or(self.end_after)
    }
}

impl Plan {
    /// Whether nothing ever happens by it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.user.is_never() && self.agent.is_never()
    }

    /// When to look at it for the first time, of a conversation opened at `opened_at`.
    pub fn first_look(&self, opened_at: Millis) -> Option<Millis> {
        self.next_look(opened_at, 0, opened_at)
    }

    /// When to look at a conversation again that nobody has answered: at its next step, but early
    /// enough for silence, should it be answered meanwhile.
    fn next_look(&self, opened_at: Millis, steps_done: usize, now: Millis) -> Option<Millis> {
        let step = self.steps.get(steps_done).map(|s| opened_at + s.after);
        earlier(step, self.shortest_silence().map(|silence| now + silence))
    }

    fn shortest_silence(&self) -> Option<Millis> {
        earlier(self.user.shortest(), self.agent.shortest())
    }

    /// What is to be done at `now`. `said` is the last line of the user or an agent, and when.
    pub fn turn(
        &self,
        progress: Progress,
        known: &Conversation,
        said: Option<(Author, Millis)>,
        now: Millis,
    ) -> Task {
        match known.status {
            Status::Closed => Task::Rest(None),
            Status::Waiting => self.while_waiting(progress, known, said, now),
            Status::Connected => self.while_connected(progress, known, said, now),
        }
    }

    fn while_waiting(
        &self,
        progress: Progress,
        known: &Conversation,
        said: Option<(Author, Millis)>,
        now: Millis,
    ) -> Task {
        if let (Some(since), Some(taking)) = (progress.taking_message, &self.message) {
            return taking.turn(since, said, now);
        }
        if let (true, Some(taking)) = (progress.take_message, &self.message) {
            return taking.begin(progress, now);
        }
        let due: Vec<_> = self
            .steps
            .iter()
            .skip(progress.steps)
            .take_while(|step| known.opened_at + step.after <= now)
            .map(|step| &step.act)
            .collect();
        if due.is_empty() {
            return Task::Rest(self.next_look(known.opened_at, progress.steps, now));
        }
        // After a while without ticks several are due: of the texts the last says it all.
        let mut to_user = None;
        let mut alarm = false;
        for (n, act) in due.iter().enumerate() {
            match act {
                PlanAct::Say(text) => to_user = Some(text.clone()),
                PlanAct::Alarm => alarm = true,
                PlanAct::End(text) => {
                    return Task::End(Farewell {
                        to_user: some(text),
                        reason: NOBODY_ANSWERED,
                        left_message: None,
                    });
                }
                PlanAct::TakeMessage => {
                    let steps = progress.steps + n + 1;
                    let progress = Progress { steps, ..progress };
                    if let Some(taking) = &self.message {
                        return taking.begin(progress, now);
                    }
                }
            }
        }
        let steps = progress.steps + due.len();
        Task::Say {
            to_user,
            to_agents: alarm.then_some(Notice::NobodyYet),
            alarm,
            progress: Progress { steps, ..progress },
            next: self.next_look(known.opened_at, steps, now),
        }
    }

    fn while_connected(
        &self,
        progress: Progress,
        known: &Conversation,
        said: Option<(Author, Millis)>,
        now: Millis,
    ) -> Task {
        let taken = known.connected_at.unwrap_or(known.opened_at);
        let (of_user, since) = match said {
            Some((Author::Agent, at)) => (true, at),
            Some((_, at)) => (false, at.max(taken)),
            None => (false, taken),
        };
        let silent = if of_user { &self.user } else { &self.agent };
        let again = self.shortest_silence().map(|shortest| now + shortest);
        let warned = progress.warned.filter(|(of, _)| *of == since);
        if let (Some(after), None) = (silent.warn_after, warned) {
            if now < since + after {
                return Task::Rest(earlier(again, Some(since + after)));
            }
            let rest = silent.end_after.map(|end| (end - after).max(0));
            return Task::Say {
                to_user: some(&silent.warning),
                to_agents: (!of_user).then_some(Notice::NoAnswer),
                alarm: false,
                progress: Progress {
                    warned: Some((since, now)),
                    ..progress
                },
                next: earlier(again, rest.map(|rest| now + rest)),
            };
        }
        let Some(end_after) = silent.end_after else {
            return Task::Rest(again);
        };
        // Whoever is warned late has as long as anybody.
        let warned_until = warned.map(|(_, at)| at + end_after - silent.warn_after.unwrap_or(0));
        let end = (since + end_after).max(warned_until.unwrap_or(since));
        if now < end {
            return Task::Rest(earlier(again, Some(end)));
        }
        Task::End(Farewell {
            to_user: some(&silent.farewell),
            reason: if of_user { USER_SILENT } else { AGENT_SILENT },
            left_message: None,
        })
    }
}

impl TakingMessage {
    /// When to look for the first time, where a message is taken since then.
    pub fn first_look(&self, since: Millis) -> Millis {
        since + self.first_within.min(self.quiet)
    }

    fn begin(&self, progress: Progress, now: Millis) -> Task {
        Task::Say {
            to_user: some(&self.text),
            to_agents: Some(Notice::MayLeaveMessage),
            alarm: false,
            progress: Progress {
                taking_message: Some(now),
                take_message: false,
                ..progress
            },
            next: Some(self.first_look(now)),
        }
    }

    fn turn(&self, since: Millis, said: Option<(Author, Millis)>, now: Millis) -> Task {
        let written = said
            .filter(|(author, at)| *author == Author::User && *at > since)
            .map(|(_, at)| at);
        let end = match written {
            Some(at) => at + self.quiet,
            None => since + self.first_within,
        };
        if now < end {
            // Early enough for a message that is short.
            return Task::Rest(Some(end.min(now + self.quiet)));
        }
        Task::End(match written {
            Some(_) => Farewell {
                to_user: some(&self.thanks),
                reason: MESSAGE_LEFT,
                left_message: Some(Notice::MessageLeft),
            },
            None => Farewell {
                to_user: some(&self.farewell),
                reason: NOTHING_LEFT,
                left_message: None,
            },
        })
    }
}

fn some(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn earlier(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
