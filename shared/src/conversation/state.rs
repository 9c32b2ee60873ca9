//! A conversation and its states: waiting → connected → closed.

use serde::{Deserialize, Serialize};

use super::entry::{Author, names};
use super::ids::ConversationId;
use super::notice::Notice;
use super::user::User;
use crate::time::Millis;

/// How far a conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody has answered yet.
    Waiting,
    /// An agent has claimed it or answered.
    Connected,
    /// Ended; a newer establish opens its next episode.
    Closed,
}

/// Who ended a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedBy {
    /// The user left (`USER_CLOSED`).
    User,
    /// GPTBots gave up waiting (`TIMEOUT`).
    Timeout,
    /// An agent.
    Agent,
    /// The bridge itself; the reason says why.
    Bridge,
}

names!(
    Status,
    Waiting = "waiting",
    Connected = "connected",
    Closed = "closed"
);
names!(
    ClosedBy,
    User = "user",
    Timeout = "timeout",
    Agent = "agent",
    Bridge = "bridge"
);

/// The agent who has a conversation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The sign-in's subject, or the desk's id of them.
    pub id: String,
    /// What to call them. Can be empty until their desk has been asked.
    pub name: String,
}

impl Agent {
    /// The name, or a word for somebody without one.
    pub fn called(&self) -> &str {
        match self.name.trim() {
            "" => "An agent",
            name => name,
        }
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The last line of a conversation, for lists.
#[derive(Clone, PartialEq, Eq)]
pub struct Last {
    /// Who wrote it.
    pub author: Author,
    /// Its beginning.
    pub text: String,
    /// When it was accepted.
    pub at: Millis,
}

impl std::fmt::Debug for Last {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Last")
            .field("author", &self.author)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// A human-service conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// GPTBots' id of it.
    pub id: ConversationId,
    /// The bot it was started from. `None` in a tombstone: closed before its establish came.
    pub bot: Option<String>,
    /// Who asked.
    pub user: User,
    /// The desk instance that has it.
    pub desk: String,
    /// The desks to go on to, in a row, where this one cannot take it; behind the last the user may
    /// leave a message. `None`: there is no row.
    pub next_desks: Option<Vec<String>>,
    /// The language of what the bridge tells the user.
    pub language: Option<String>,
    /// The desk's own id of it, once open there.
    pub desk_ref: Option<String>,
    /// What else the desk needs in order to post there.
    pub desk_context: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// Counts the times it was opened: 1 for the first. 0 in a tombstone.
    pub episode: u32,
    /// GPTBots' timestamp of the establish that opened this episode.
    pub established: Option<Millis>,
    /// Whether it had been established, or ended, before that: then a close may be late and mean
    /// something earlier.
    pub reestablished: bool,
    /// When the bridge accepted that establish.
    pub asked_at: Millis,
    /// When the bridge opened this episode.
    pub opened_at: Millis,
    /// When the first agent claimed or answered.
    pub connected_at: Option<Millis>,
    /// When the first agent's line to the user was accepted.
    pub answered_at: Option<Millis>,
    /// When it ended.
    pub closed_at: Option<Millis>,
    /// Who ended it.
    pub closed_by: Option<ClosedBy>,
    /// Why, where there is more to say.
    pub close_reason: Option<String>,
    /// GPTBots' timestamp of the close webhook that ended it.
    pub close_sent_at: Option<Millis>,
    /// Who has it.
    pub agent: Option<Agent>,
    /// Its last line.
    pub last: Option<Last>,
    /// When the newest line to the user was accepted: the next one is later than this, so that
    /// the order holds even where the clocks of two machines differ.
    pub user_lane_at: Millis,
}

impl Conversation {
    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        self.status == Status::Closed
    }

    /// Whether only a close is known of it: its establish has not come.
    pub fn is_tombstone(&self) -> bool {
        self.bot.is_none()
    }

    /// When the next line to the user counts as accepted.
    pub fn next_user_lane_at(&self, now: Millis) -> Millis {
        now.max(self.user_lane_at + 1)
    }

    /// What an agent is told who writes after the end.
    pub fn too_late(&self) -> Notice {
        Notice::TooLate {
            ended_by: self.closed_by,
        }
    }

    /// Whether a line accepted at `at` came after the end.
    pub fn ended_before(&self, at: Millis) -> bool {
        self.is_closed() && self.closed_at.is_some_and(|end| end < at)
    }
}

/// What an establish means for the conversation that is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Establish {
    /// It was here before, or is older than what is: nothing changes.
    Repeated,
    /// The close came first: keep it, ended as it is.
    AlreadyEnded,
    /// It had ended: its next episode begins.
    Reopens,
    /// It is open: the user asked once more.
    AskedAgain,
}

impl Conversation {
    /// What an establish with this timestamp of GPTBots' means (design, "Always accept").
    pub fn on_establish(&self, timestamp: Millis) -> Establish {
        match self.established {
            None if self.close_sent_at.is_some_and(|end| end >= timestamp) => {
                Establish::AlreadyEnded
            }
            None => Establish::Reopens,
            Some(known) if timestamp <= known => Establish::Repeated,
            Some(_)
                if self.is_closed() && self.close_sent_at.is_some_and(|end| end >= timestamp) =>
            {
                Establish::AlreadyEnded
            }
            Some(_) if self.is_closed() => Establish::Reopens,
            Some(_) => Establish::AskedAgain,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn conversation() -> Conversation {
        Conversation {
            id: ConversationId::new("c1").unwrap(),
            bot: Some("b1".into()),
            user: User::default(),
            desk: "console".into(),
            next_desks: None,
            language: None,
            desk_ref: None,
            desk_context: None,
            status: Status::Waiting,
            episode: 1,
            established: Some(1_000),
            reestablished: false,
            asked_at: 5_000,
            opened_at: 5_000,
            connected_at: None,
            answered_at: None,
            closed_at: None,
            closed_by: None,
            close_reason: None,
            close_sent_at: None,
            agent: None,
            last: None,
            user_lane_at: 0,
        }
    }

    #[test]
    fn a_repeated_establish_changes_nothing_and_a_newer_one_depends_on_the_state() {
        let mut known = conversation();
        assert_eq!(known.on_establish(1_000), Establish::Repeated);
        assert_eq!(known.on_establish(999), Establish::Repeated);
        assert_eq!(known.on_establish(1_001), Establish::AskedAgain);
        known.status = Status::Closed;
        assert_eq!(known.on_establish(1_000), Establish::Repeated);
        assert_eq!(known.on_establish(1_001), Establish::Reopens);
    }

    #[test]
    fn a_tombstone_ends_the_establish_it_was_meant_for_and_no_later_one() {
        let mut tombstone = conversation();
        tombstone.bot = None;
        tombstone.established = None;
        tombstone.status = Status::Closed;
        tombstone.close_sent_at = Some(2_000);
        assert!(tombstone.is_tombstone());
        assert_eq!(tombstone.on_establish(1_999), Establish::AlreadyEnded);
        assert_eq!(tombstone.on_establish(2_000), Establish::AlreadyEnded);
        assert_eq!(tombstone.on_establish(2_001), Establish::Reopens);
    }

    proptest! {
        #[test]
        fn lines_to_the_user_get_later_whatever_the_clocks_say(nows in proptest::collection::vec(0..100_i64, 1..20)) {
            let mut known = conversation();
            let mut last = 0;
            for now in nows {
                let at = known.next_user_lane_at(now);
                prop_assert!(at > last && at >= now);
                known.user_lane_at = at;
                last = at;
            }
        }
    }
}
