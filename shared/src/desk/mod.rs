//! Desks: where agents answer.
//!
//! A desk is one file (or folder) that implements [`Desk`], one line in [`registry`], one row of
//! `docs/desks.md`, and one run of the conformance suite. Nothing outside this module knows a desk
//! by name; only the built-in console, which reads the log itself, is called by [`CONSOLE`].
//!
//! Both ways at a glance:
//!
//! - **Out**: the relay carries entries with [`Desk::open`], [`Desk::post`] and [`Desk::close`].
//! - **In**: the `desk` function lets [`Desk::verify`] say whether a call is the desk's, and only
//!   then [`Desk::parse`] read it; what happened is written into the log and nothing is sent. The
//!   relay asks [`Desk::complete`] and [`Desk::fetch`] for what an event left out, before a line
//!   goes to the user.
//! - **Back**: where a desk's webhooks can be lost, the relay asks [`Desk::reconcile`].

mod chatwoot;
mod console;
mod event;
mod http;
mod intercom;
mod own;
mod registry;
mod request;
pub mod signature;
mod slack;
mod source;
pub mod text;
mod zendesk;

use std::time::Duration;

use crate::conversation::{ClosedBy, Conversation, Entry, History};
use crate::time::Millis;

pub use event::{AgentLine, DeskEvent, DeskFile, What};
pub use http::{Call, DeskHttp, Reply};
pub use registry::Desks;
pub use request::{Answer, Received, Refused, Route, SignedCall, Unreadable, Unverified, Verified};
pub use source::DeskSource;

/// The instance name of the built-in web console.
pub const CONSOLE: &str = "console";

/// What a desk can and cannot do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What is stored is delivered: nothing is sent, so nothing has to be claimed first.
    pub reads_the_log: bool,
    /// How many waiting entries of one conversation [`Desk::post`] takes in one call; 0 is read
    /// as 1. More than one where the desk limits updates (Zendesk).
    pub posts_together: usize,
    /// Its webhooks can be lost, so the clock has [`Desk::reconcile`] asked.
    pub reconciles: bool,
}

/// A conversation to be opened at a desk.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// The conversation; `episode` is the one that this opens.
    pub conversation: &'a Conversation,
    /// What was said before.
    pub history: &'a History,
    /// 1 for the first attempt. Later, an earlier attempt may have left something behind at the
    /// desk.
    pub attempt: u32,
}

/// A conversation as it was opened at a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The desk's own id of the conversation, as its events name it.
    pub reference: String,
    /// What else the desk needs in order to post there (its id of the contact, say). Comes back
    /// as [`Conversation::desk_context`].
    pub context: Option<String>,
}

/// Why a desk did not take something. Reasons are for people and logs: they never hold a line of a
/// conversation or a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// No such instance, or its credentials are missing or refused. The secret is read again
    /// before it is tried again.
    #[error("the desk is not configured: {0}")]
    NotConfigured(String),
    /// It will never take this.
    #[error("the desk refused it: {0}")]
    Rejected(String),
    /// Not now.
    #[error("the desk is not available: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// When it asks to be tried again.
        retry_after: Option<Duration>,
    },
    /// The conversation has ended at the desk, or is not there any more, and cannot take this.
    #[error("the conversation has ended at the desk: {0}")]
    Gone(String),
}

/// A place where agents answer: one instance, with its credentials.
#[async_trait::async_trait]
pub trait Desk: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Opens a conversation: makes it known to agents, with who the user is and what was said
    /// before, in order. From the second attempt on the desk is first asked for what an earlier
    /// one left behind, where it can be asked; that is then completed and not made again. What
    /// belongs to another episode does not count.
    ///
    /// # Errors
    /// When the desk did not take it.
    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError>;

    /// Shows entries to the agents, in this order: at most [`Capabilities::posts_together`] of
    /// them. [`Entry::attempts`] above 1 means that an earlier attempt may have arrived; a desk that
    /// can be asked is asked, one with idempotency keys is given the entry's id. Answers the
    /// desk's id of the last one, where it gives one.
    ///
    /// # Errors
    /// When the desk did not take them all.
    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError>;

    /// Shows that the conversation has ended; `text` says so in words. Once ended there, a second
    /// call changes nothing.
    ///
    /// # Errors
    /// When the desk did not take it.
    async fn close(
        &self,
        conversation: &Conversation,
        by: ClosedBy,
        text: &str,
    ) -> Result<(), DeskError>;

    /// Whether its credentials work: asks the desk, and leaves nothing behind there. A desk without
    /// any has nothing to ask.
    ///
    /// # Errors
    /// When it would not take a handoff now.
    async fn check(&self) -> Result<(), DeskError> {
        Ok(())
    }

    /// Says whether a call is the desk's own: signature over the bytes as they came, time, token.
    /// Nothing is parsed before that. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// When it is not, or cannot be known to be; answered with 401.
    fn verify<'a>(&self, _call: Unverified<'a>, _now: Millis) -> Result<Verified<'a>, Refused> {
        Err(Refused::NoWebhooks)
    }

    /// Reads a call. Makes no calls of its own: the desk waits for the answer.
    ///
    /// # Errors
    /// When it is not what the desk sends; answered with 400, which names the place.
    fn parse(&self, _call: Verified<'_>) -> Result<Received, Unreadable> {
        Ok(Received::default())
    }

    /// Puts in what an event left out: the agent's name, the names of people who were mentioned.
    /// Asked by the relay for a line that is [`AgentLine::incomplete`]; what cannot be found out
    /// stays readable, and never holds the line up.
    ///
    /// # Errors
    /// When the desk cannot be asked now; the line is tried again.
    async fn complete(&self, line: AgentLine) -> Result<AgentLine, DeskError> {
        Ok(line)
    }

    /// Reads a file that only the desk's credentials open, from the desk's own hosts, without
    /// following redirects elsewhere, up to `limit` bytes.
    ///
    /// # Errors
    /// When it is not at the desk, too large, or not to be had.
    async fn fetch(&self, _file: &DeskFile, _limit: u64) -> Result<Vec<u8>, DeskError> {
        Err(DeskError::Rejected("this desk has no files".to_owned()))
    }

    /// What happened in a conversation as the desk remembers it, oldest first: makes good for
    /// webhooks that were lost. Events that were seen before are dropped by their ids, so they may
    /// come again.
    ///
    /// # Errors
    /// When the desk cannot be asked now.
    async fn reconcile(&self, _conversation: &Conversation) -> Result<Vec<DeskEvent>, DeskError> {
        Ok(Vec::new())
    }
}
