//! The words of the user's side: users, conversations, and what the user sees.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub(crate) String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    };
}

id! {
    /// Names a user of the stand-in: the key of the page's address (`/?user=<key>`). It is not
    /// sent to the bridge.
    UserId
}

id! {
    /// Names one human-service conversation and nothing else (contract, section 2). 24
    /// characters, made fresh for each; opaque to everybody else.
    ConversationId
}

impl From<&str> for ConversationId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

/// What is known of a user. What is `None` goes out as `null`, or is left out where the vendor
/// does not document the member (contract, section 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserProfile {
    /// The id that the bot's developer bound to the user.
    pub user_id: Option<String>,
    /// The id that GPTBots gives to users of non-API channels.
    pub anonymous_id: Option<String>,
    /// The address the user typed; without it `email` is the placeholder.
    pub email: Option<String>,
    /// The phone number (WhatsApp only).
    pub phone: Option<String>,
    /// Undocumented: `user_info.user_name`.
    pub user_name: Option<String>,
    /// Undocumented: the channel's kind, for example `WIDGET` or `TELEGRAM`.
    pub conversation_type: Option<String>,
    /// Undocumented: the channel's name.
    pub channel_name: Option<String>,
}

/// Who ended a human conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The user left: close with `USER_CLOSED`.
    User,
    /// The bridge called `/v1/human/close`.
    Bridge,
    /// GPTBots, since no reply came inside the waiting timeout: close with `TIMEOUT`.
    Timeout,
}

/// What the user's status line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Status {
    /// The user talks to the bot.
    #[default]
    Bot,
    /// The bridge did not take the human conversation; the bot goes on.
    Busy,
    /// The bridge took it and has not replied yet.
    Connecting,
    /// The bridge has replied.
    Connected,
    /// The human conversation is over; the bot goes on.
    Ended {
        /// Who ended it.
        by: EndedBy,
    },
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The user.
    User,
    /// The bot.
    Bot,
    /// The bridge: a support agent, or its automatic replies.
    Human,
    /// GPTBots itself.
    System,
}

/// How far a user's line has come on its way to the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It waits for its turn or for the answer.
    Sending,
    /// `/chat` was answered with HTTP 200.
    Delivered,
    /// Every attempt failed, or the conversation was not taken.
    NotDelivered,
}

/// Names a line of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LineId(pub(crate) u64);

/// A line that the user sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its id; later lines have greater ones.
    pub id: LineId,
    /// Who wrote it.
    pub author: Author,
    /// The text, as it is.
    pub text: String,
    /// When, in epoch milliseconds.
    pub at: i64,
    /// How far it has come; `None` for lines that do not go to the bridge.
    pub delivery: Option<Delivery>,
    /// The human conversation it belongs to, if any.
    pub conversation: Option<ConversationId>,
    /// The revision at which it was made or last changed.
    #[serde(skip)]
    pub(crate) changed: u64,
}

/// What the user sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserView {
    /// The status line.
    pub status: Status,
    /// Whether establish is on its way.
    pub asking: bool,
    /// The latest human conversation, also when it is over or was not taken.
    pub conversation: Option<ConversationId>,
    /// The lines, oldest first.
    pub lines: Vec<Line>,
}

impl UserView {
    /// The texts of one author, oldest first.
    pub fn texts(&self, author: Author) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|line| line.author == author)
            .map(|line| line.text.as_str())
            .collect()
    }

    /// The line with this id.
    pub fn line(&self, id: LineId) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// How far the line with this id has come.
    pub fn delivery(&self, id: LineId) -> Option<Delivery> {
        self.line(id).and_then(|line| line.delivery)
    }
}
