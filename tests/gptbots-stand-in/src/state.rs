//! Everything the stand-in remembers, and the small steps that change it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::mpsc;

use crate::{
    faults::{Mischief, Outage},
    model::{
        Author, ConversationId, Delivery, EndedBy, Line, LineId, Status, UserId, UserProfile,
        UserView,
    },
    options::Options,
    record::{Call, Outcome, Received, Sent},
    webhooks::Job,
};

/// Epoch milliseconds.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// A turn of the user's chat with the bot: what establish hands over (contract, section 1).
pub(crate) enum Turn {
    Question(String),
    Answer(String),
}

pub(crate) struct User {
    pub(crate) bot: String,
    pub(crate) profile: UserProfile,
    pub(crate) turns: Vec<Turn>,
    pub(crate) lines: Vec<Line>,
    pub(crate) status: Status,
    /// The latest human conversation.
    pub(crate) conversation: Option<ConversationId>,
}

pub(crate) struct Conversation {
    pub(crate) user: UserId,
    pub(crate) bot: String,
    /// How establish went; `None` while it is on its way.
    pub(crate) establish: Option<Outcome>,
    pub(crate) ended: Option<EndedBy>,
    /// Whether the bridge has replied.
    pub(crate) replied: bool,
    pub(crate) last_timestamp: i64,
    /// What is to be sent after establish, in order; `None` when nothing more will come.
    pub(crate) queue: Option<mpsc::UnboundedSender<Job>>,
}

impl Conversation {
    /// Whether the bridge took it: HTTP 200 and nothing else (contract, section 3).
    pub(crate) fn taken(&self) -> bool {
        self.establish == Some(Outcome::Answered(200))
    }

    /// Whether the user's lines go to the bridge.
    pub(crate) fn open(&self) -> bool {
        self.ended.is_none() && (self.establish.is_none() || self.taken())
    }

    /// The next timestamp. It increases inside a conversation, since the same text at the same
    /// timestamp would be a retry (contract, section 2).
    pub(crate) fn stamp(&mut self) -> i64 {
        self.last_timestamp = now().max(self.last_timestamp + 1);
        self.last_timestamp
    }
}

pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) users: HashMap<UserId, User>,
    pub(crate) conversations: HashMap<ConversationId, Conversation>,
    pub(crate) received: Vec<Received>,
    pub(crate) calls: Vec<Call>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) mischief: Option<Arc<dyn Mischief>>,
    /// Counts the changes; a line remembers its own.
    pub(crate) revision: u64,
    random: fastrand::Rng,
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        let random = options
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            options,
            users: HashMap::new(),
            conversations: HashMap::new(),
            received: Vec::new(),
            calls: Vec::new(),
            sent: Vec::new(),
            outages: Vec::new(),
            mischief: None,
            revision: 0,
            random,
        }
    }

    /// A fresh id of lower-case letters and digits.
    pub(crate) fn fresh_id(&mut self, length: usize) -> String {
        std::iter::repeat_with(|| self.random.alphanumeric().to_ascii_lowercase())
            .take(length)
            .collect()
    }

    /// The user's human conversation, if one is open.
    pub(crate) fn open_conversation(&self, user: &UserId) -> Option<ConversationId> {
        let id = self.users.get(user)?.conversation.as_ref()?;
        self.conversations
            .get(id)
            .is_some_and(Conversation::open)
            .then(|| id.clone())
    }

    /// Shows the user a line.
    pub(crate) fn add_line(
        &mut self,
        user: &UserId,
        author: Author,
        text: impl Into<String>,
        conversation: Option<&ConversationId>,
        delivery: Option<Delivery>,
    ) -> LineId {
        let changed = self.revision;
        let Some(user) = self.users.get_mut(user) else {
            return LineId(0);
        };
        let id = LineId(user.lines.len() as u64 + 1);
        user.lines.push(Line {
            id,
            author,
            text: text.into(),
            at: now(),
            delivery,
            conversation: conversation.cloned(),
            changed,
        });
        id
    }

    /// Notes how far a user's line has come.
    pub(crate) fn mark(&mut self, conversation: &ConversationId, line: LineId, to: Delivery) {
        let changed = self.revision;
        let line = self
            .conversations
            .get(conversation)
            .and_then(|conversation| self.users.get_mut(&conversation.user))
            .and_then(|user| user.lines.iter_mut().find(|each| each.id == line));
        if let Some(line) = line {
            line.delivery = Some(to);
            line.changed = changed;
        }
    }

    /// What the user sees, with the lines that changed after a revision (0: all).
    pub(crate) fn view(&self, user: &UserId, after: u64) -> Option<UserView> {
        let user = self.users.get(user)?;
        let asking = user
            .conversation
            .as_ref()
            .and_then(|id| self.conversations.get(id))
            .is_some_and(|conversation| conversation.open() && !conversation.taken());
        Some(UserView {
            status: user.status,
            asking,
            conversation: user.conversation.clone(),
            lines: user
                .lines
                .iter()
                .filter(|line| line.changed > after)
                .cloned()
                .collect(),
        })
    }
}
