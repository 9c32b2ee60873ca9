//! One line of a conversation's log.

use serde::{Deserialize, Serialize};

use super::ids::{ConversationId, EntryId};
use super::notice::Notice;
use crate::desk::DeskFile;
use crate::time::Millis;

/// A side of the bridge, and so the name of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Where agents answer.
    Desk,
    /// The bot's user, through GPTBots.
    User,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The handoff itself: the desk opens its side.
    Opening,
    /// What a user or an agent wrote.
    Message,
    /// A text of the bridge's own: a greeting, "the user asked again".
    Notice,
    /// What an agent wrote for other agents alone; it is in no lane.
    Note,
    /// The end: the other side is told to close.
    Closing,
}

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The bot's user.
    User,
    /// A human support agent.
    Agent,
    /// The bridge.
    System,
}

/// How far an entry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Stored; no attempt yet.
    Pending,
    /// An attempt is under way, or its process died; the lease tells.
    Sending,
    /// An attempt failed; the next one is due at `next_at`.
    Retrying,
    /// The other side has it.
    Delivered,
    /// Given up; `error` says why. It can be replayed.
    Failed,
}

macro_rules! names {
    ($type:ty, $($variant:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// Its name in the store and in the console's API.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The value of a name; `None` for any other text.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(super) use names;

names!(Side, Desk = "desk", User = "user");
names!(
    Kind,
    Opening = "opening",
    Message = "message",
    Notice = "notice",
    Note = "note",
    Closing = "closing"
);
names!(Author, User = "user", Agent = "agent", System = "system");
names!(
    Delivery,
    Pending = "pending",
    Sending = "sending",
    Retrying = "retrying",
    Delivered = "delivered",
    Failed = "failed"
);

/// What an agent's line brought along from the desk at which it was written.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The desk instance.
    pub desk: String,
    /// The desk's id of the agent.
    pub agent: String,
    /// Files that came with it. Those that only the desk opens are replaced by links before the
    /// line is sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<DeskFile>,
    /// Whether the desk is still to be asked for what its event left out.
    #[serde(skip_serializing_if = "is_false")]
    pub incomplete: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Origin {
    /// Whether the line can be sent as it is.
    pub fn is_ready(&self) -> bool {
        !self.incomplete && self.files.iter().all(|file| file.public)
    }
}

// By hand: addresses of files are as good as a password.
impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin")
            .field("desk", &self.desk)
            .field("files", &self.files.len())
            .field("incomplete", &self.incomplete)
            .finish_non_exhaustive()
    }
}

/// One line of a conversation's log, and the state of its delivery.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its name within the conversation.
    pub id: EntryId,
    /// What it is.
    pub kind: Kind,
    /// Who wrote it.
    pub author: Author,
    /// The agent's name, where an agent wrote it.
    pub author_name: Option<String>,
    /// What it says: plain text.
    pub text: String,
    /// Where it is to go; `None` for what only the log keeps.
    pub to: Option<Side>,
    /// How far it has come.
    pub delivery: Delivery,
    /// When the bridge accepted it.
    pub at: Millis,
    /// GPTBots' own timestamp, for what came from there.
    pub sent_at: Option<Millis>,
    /// From when its age counts: acceptance, or the last replay.
    pub queued_at: Millis,
    /// Attempts made so far.
    pub attempts: u32,
    /// Until when the attempt under way has the entry to itself.
    pub lease_until: Option<Millis>,
    /// When the next attempt is due.
    pub next_at: Option<Millis>,
    /// Why the last attempt failed: a reason, never a text of the conversation.
    pub error: Option<String>,
    /// The other side's id of it.
    pub remote_id: Option<String>,
    /// It was written after the end of the conversation.
    pub late: bool,
    /// The episode it belongs to, where that matters (openings and closings).
    pub episode: Option<u32>,
    /// It must not go together with others: the other side refused them joined.
    pub alone: bool,
    /// Where it was written, for a line of an agent at another desk than the console.
    pub origin: Option<Origin>,
    /// It tells a desk of a line that was written elsewhere, and says nothing new to whoever reads
    /// the log.
    pub copy: bool,
    /// What it says, where the log says it by itself.
    pub notice: Option<Notice>,
}

impl Entry {
    /// A new entry, not yet tried.
    pub fn new(
        conversation: ConversationId,
        id: EntryId,
        kind: Kind,
        author: Author,
        to: Option<Side>,
        text: impl Into<String>,
        at: Millis,
    ) -> Self {
        Self {
            conversation,
            id,
            kind,
            author,
            author_name: None,
            text: text.into(),
            to,
            // What goes nowhere has nowhere left to go.
            delivery: if to.is_some() {
                Delivery::Pending
            } else {
                Delivery::Delivered
            },
            at,
            sent_at: None,
            queued_at: at,
            attempts: 0,
            lease_until: None,
            next_at: None,
            error: None,
            remote_id: None,
            late: false,
            episode: None,
            alone: false,
            origin: None,
            copy: false,
            notice: None,
        }
    }

    /// A new entry in which the log itself says something to agents.
    pub fn of_notice(
        conversation: ConversationId,
        id: EntryId,
        kind: Kind,
        to: Option<Side>,
        notice: Notice,
        at: Millis,
    ) -> Self {
        let text = notice.to_string();
        let mut entry = Self::new(conversation, id, kind, Author::System, to, text, at);
        entry.notice = Some(notice);
        entry
    }

    /// What it says, with a line for each file that came with it: its name, and the link where
    /// anybody can open it.
    pub fn text_and_files(&self) -> String {
        let mut text = self.text.clone();
        for file in self.origin.iter().flat_map(|origin| &origin.files) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&file.name);
            if file.public {
                text.push_str(": ");
                text.push_str(&file.url);
            }
        }
        text
    }

    /// Whether it can be sent as it is; else the desk is asked for the rest of it first.
    pub fn is_ready(&self) -> bool {
        self.origin.as_ref().is_none_or(Origin::is_ready)
    }

    /// Whether it still has to be carried.
    pub fn is_undelivered(&self) -> bool {
        !matches!(self.delivery, Delivery::Delivered | Delivery::Failed)
    }
}

// By hand: the text, the agent's name and the reason must not reach a log.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("conversation", &self.conversation)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("to", &self.to)
            .field("delivery", &self.delivery)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
