//! What the log says by itself, to agents.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ClosedBy;

/// What an entry of the log says to agents, when no person wrote it. The entry's text is this in
/// English, which every desk shows; the console says it in its reader's language.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notice {
    /// An agent has claimed the conversation.
    Taken {
        /// Who.
        by: String,
    },
    /// An agent has it no longer, and nobody else has.
    GivenBack {
        /// Who.
        by: String,
    },
    /// An agent has taken it from another one.
    TakenOver {
        /// Who.
        by: String,
        /// Who had it.
        from: String,
    },
    /// An agent has handed it to another one.
    HandedOver {
        /// Who.
        by: String,
        /// Who has it now.
        to: String,
    },
    /// The user asked for a human again; behind it the text has the question.
    AskedAgain,
    /// It came outside the opening hours.
    OutsideHours,
    /// A desk of a row is closed now.
    DeskClosed {
        /// The desk.
        desk: String,
    },
    /// None of the desks is open.
    NoDeskOpen,
    /// Where it goes instead.
    GoesTo {
        /// The desk.
        desk: String,
    },
    /// A desk did not take it.
    NotTaken {
        /// The desk.
        desk: String,
        /// Why not, as the desk says it.
        reason: String,
        /// The next one; none is left where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// No agent has it, for too long.
    NobodyYet,
    /// No agent has answered, for too long.
    NoAnswer,
    /// Nobody has answered, and the user may leave a message.
    MayLeaveMessage,
    /// The user has left a message.
    MessageLeft,
    /// An agent has ended it at its desk.
    ClosedAtDesk {
        /// Who; not known at every desk.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A line came after the end.
    TooLate {
        /// Who ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        ended_by: Option<ClosedBy>,
    },
    /// It has ended.
    Closed {
        /// By whom.
        by: ClosedBy,
        /// Why, in words.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { by } => write!(f, "{by} took the conversation."),
            Self::GivenBack { by } => {
                write!(f, "{by} gave the conversation back. Nobody has it now.")
            }
            Self::TakenOver { by, from } => {
                write!(f, "{by} took the conversation over from {from}.")
            }
            Self::HandedOver { by, to } => write!(f, "{by} handed the conversation to {to}."),
            Self::AskedAgain => f.write_str("The user asked for a human again."),
            Self::OutsideHours => f.write_str(
                "It came outside the opening hours: the user may leave a message.",
            ),
            Self::DeskClosed { desk } => write!(f, "The desk {desk} is closed now."),
            Self::NoDeskOpen => f.write_str("No desk is open: the user may leave a message."),
            Self::GoesTo { desk } => write!(f, "The conversation goes to the desk {desk}."),
            Self::NotTaken { desk, reason, next } => {
                write!(f, "The desk {desk} did not take the conversation ({reason}). ")?;
                match next {
                    Some(next) => write!(f, "It goes to the desk {next}."),
                    None => f.write_str("No other desk is left: the user may leave a message."),
                }
            }
            Self::NobodyYet => {
                f.write_str("Nobody has taken this conversation yet: the user waits.")
            }
            Self::NoAnswer => f.write_str("The user waits for an answer."),
            Self::MayLeaveMessage => {
                f.write_str("Nobody answered: the user may leave a message now.")
            }
            Self::MessageLeft => f.write_str(
                "The user has left a message and waits no longer. Answer by e-mail or phone: what is written here does not reach the user any more.",
            ),
            Self::ClosedAtDesk { by } => {
                let by = by.as_deref().unwrap_or("An agent");
                write!(f, "{by} closed the conversation.")
            }
            Self::TooLate { ended_by } => f.write_str(match ended_by {
                Some(ClosedBy::User) => "The user has left and will not see this.",
                Some(ClosedBy::Timeout) => {
                    "GPTBots has ended the conversation: the user will not see this."
                }
                Some(ClosedBy::Agent | ClosedBy::Bridge) | None => {
                    "The conversation has ended: the user will not see this."
                }
            }),
            Self::Closed { by, reason } => {
                f.write_str(match by {
                    ClosedBy::User => "The user left the conversation.",
                    ClosedBy::Timeout => "GPTBots ended the conversation: no answer in time.",
                    ClosedBy::Agent => "The agent closed the conversation.",
                    ClosedBy::Bridge => "The conversation was closed automatically.",
                })?;
                match reason {
                    Some(reason) => write!(f, " ({reason})"),
                    None => Ok(()),
                }
            }
        }
    }
}

// By hand: names and reasons must not reach a log.
impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").finish_non_exhaustive()
    }
}
