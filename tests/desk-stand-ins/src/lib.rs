//! Stand-ins for the help desks: each keeps to its vendor's contract (API, limits, webhooks,
//! signatures, retries), remembers what it was sent, and has a page on which one plays the agent.
//!
//! A stand-in is strict: what the vendor would refuse, it refuses, in the vendor's words. It knows
//! nothing of the bridge but the address that its webhooks go to.

pub mod chatwoot;
pub mod intercom;
mod kinds;
pub mod own;
pub mod slack;
pub mod zendesk;

use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;

pub use kinds::{KINDS, start};

/// How a stand-in is started.
pub struct Options {
    /// Where it listens, loopback only.
    pub listener: TcpListener,
    /// The bridge: webhooks go to `{bridge_url}/desks/{instance}/…`.
    pub bridge_url: String,
    /// The name of the desk instance.
    pub instance: String,
    /// Limits of calls as the vendor has them; without, none, so that tests are fast.
    pub limits: bool,
}

/// A running stand-in, as the suite and the sandbox use it.
#[async_trait::async_trait]
pub trait DeskStandIn: Send + Sync {
    /// The kind of desk, as in the secret.
    fn kind(&self) -> &'static str;

    /// The instance's object in the secret (`desks.<instance>`): kind, credentials, addresses.
    fn secret(&self) -> Value;

    /// The page on which one plays the agent.
    fn page_url(&self) -> String;

    /// What agents see, in the order in which the conversations came.
    async fn conversations(&self) -> Vec<Seen>;

    /// An agent does something; the stand-in sends the webhooks that the vendor would send, with
    /// the vendor's retries. Answers the statuses that the bridge answered, one a webhook.
    async fn act(&self, reference: &str, act: Act) -> Vec<u16>;

    /// Sends the last webhook once more, as the vendor's retry would (same event, signed afresh).
    async fn repeat_last(&self) -> u16;

    /// Sends the last webhook once more, as somebody would who has seen it: what is signed as it was,
    /// what is not under another name.
    async fn replay_last(&self) -> u16 {
        self.repeat_last().await
    }

    /// Sends a webhook of an agent's line that must not be believed. Answers 0 where this desk has no
    /// such forgery (no path token, no time in its signature).
    async fn forge(&self, reference: &str, text: &str, forgery: Forgery) -> u16;

    /// From now on calls of its API fail like this; `None`: no more.
    fn fail(&self, failure: Option<Failure>);

    /// From now on webhooks are lost, where the vendor's can be.
    fn lose_webhooks(&self, lose: bool);

    /// How many calls its API had, by what they were for (`open`, `post`, …), those that failed on
    /// demand among them.
    fn calls(&self) -> std::collections::BTreeMap<String, u64>;

    /// Every request that its API took, as method, path and JSON body, without credentials: for
    /// the vendor's specification to judge.
    fn requests(&self) -> Vec<Recorded>;

    /// Stops.
    async fn shutdown(self: Box<Self>);
}

/// A conversation as agents see it at a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The desk's own id.
    pub reference: String,
    /// The person it belongs to at the desk (contact, requester): two conversations with the same
    /// one show agents one person. `None` where a desk has no people.
    pub person: Option<String>,
    /// Name, address and so on, as shown.
    pub about: String,
    /// The lines, in order, the history before the handoff among them.
    pub lines: Vec<SeenLine>,
    /// Whether it is visibly closed.
    pub closed: bool,
}

/// A line as agents see it, with the desk's markup undone as the desk would show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenLine {
    /// Who it seems to be from.
    pub from: From,
    /// What is shown: escapes undone, as a person reads it.
    pub text: String,
    /// Whether it would have pinged people, or shown markup that the writer did not mean.
    pub accident: Option<String>,
}

/// Who a line at a desk seems to be from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The bot's user.
    User,
    /// The bridge: history, notices, states.
    Bridge,
    /// An agent, to the user.
    Agent,
    /// An agent, to colleagues.
    Note,
}

/// What an agent, or the desk itself, does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Takes the conversation, where the desk has that.
    Claim,
    /// Writes to the user, as typed at the desk.
    Say(String),
    /// Writes to the user with a file of this name and content.
    SendFile(String, Vec<u8>),
    /// Writes to the user something with the desk's markup in it; the stand-in chooses it, and
    /// [`MARKUP_AS_PLAIN`] says what the user is to read.
    SayWithMarkup,
    /// Writes to colleagues.
    Note(String),
    /// Everything else that sends webhooks and must never reach the user: a bot's message, an
    /// edit, a deletion, reactions, status changes, automatic messages, with this text in them.
    Noise(String),
    /// Ends the conversation.
    Close,
    /// Opens it again, where the desk has that.
    Reopen,
}

/// What a user is to read of [`Act::SayWithMarkup`]: bold text, a link with a label, a mention of
/// a person called Ann Agent, and characters that need escapes.
pub const MARKUP_AS_PLAIN: &str =
    "Please see our guide (https://example.com/guide?a=1&b=2) or ask @Ann Agent: 1 < 2 & 3 > 2";

/// A webhook that must not be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// No signature at all.
    Unsigned,
    /// Signed with another secret.
    WrongSecret,
    /// Rightly signed, then the body was changed.
    ChangedBody,
    /// Rightly signed, an hour ago.
    Old,
    /// Rightly signed, an hour in the future.
    Future,
    /// The path token, where the instance has one, is wrong.
    WrongPathToken,
}

/// How a stand-in's API fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls, with the vendor's header.
    RateLimited(Duration),
    /// 503.
    ServerError,
    /// Takes the request and never answers; nothing was done.
    Hang,
    /// Does what was asked, then breaks the connection: nobody knows.
    DropAfter,
    /// A refusal inside a 200, where the vendor has that (else its 400).
    RefusedInBody,
    /// The credentials are refused.
    Unauthorized,
}

/// A request that a stand-in's API took.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The content type.
    pub content_type: String,
    /// The body, where it was JSON or a form.
    pub body: Value,
}
