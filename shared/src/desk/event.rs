//! What a desk tells us.

use serde::{Deserialize, Serialize};

use crate::conversation::Agent;
use crate::time::Millis;

/// Something that happened at a desk, in the words of all desks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskEvent {
    /// The desk's own id of the conversation: what [`super::Opened::reference`] was.
    pub reference: String,
    /// The desk's own id of what happened; the same id again is the same event.
    pub id: String,
    /// When it happened, by the desk's clock; `None` where the desk does not say.
    pub at: Option<Millis>,
    /// What happened.
    pub what: What,
}

/// What happened at a desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// An agent took the conversation.
    Assigned(Agent),
    /// An agent wrote to the user.
    Message(AgentLine),
    /// Agents talked among themselves: never carried.
    PrivateNote,
    /// An agent ended the conversation.
    Closed {
        /// Who, where the desk tells.
        agent: Option<Agent>,
    },
    /// Nothing for us: an echo of our own, a bot, an edit. Says why, for the log.
    Ignored(#[serde(skip)] &'static str),
}

/// What an agent wrote at a desk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLine {
    /// Who wrote it. The name can be empty where the desk's event has only an id;
    /// [`super::Desk::complete`] finds it out before the user sees the line.
    pub agent: Agent,
    /// The text as it is to reach the user: plain, the desk's markup undone; but for what only the
    /// desk can tell (names of mentioned people), which [`super::Desk::complete`] puts in.
    pub text: String,
    /// Files that came with it.
    pub files: Vec<DeskFile>,
    /// Whether [`super::Desk::complete`] has to be asked before it is carried.
    pub incomplete: bool,
}

/// A file an agent sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskFile {
    /// Its name, as the agent's machine called it.
    pub name: String,
    /// Its media type, where the desk tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Its size in bytes, where the desk tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where it is.
    pub url: String,
    /// Whether anybody who has the address can read it. If not it is fetched with the desk's
    /// credentials ([`super::Desk::fetch`]) and kept in the bucket.
    pub public: bool,
}

// By hand: what was said, and addresses that are as good as a password, must not reach a log.
impl std::fmt::Debug for AgentLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentLine")
            .field("agent", &self.agent)
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for DeskFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeskFile")
            .field("content_type", &self.content_type)
            .field("bytes", &self.bytes)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
