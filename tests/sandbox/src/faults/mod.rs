//! Faults on demand: what may go wrong around the bridge, written in a small language.
//!
//! ```text
//! faults = fault *( "," fault )
//! fault  = target ":" what [ "=" value ] [ "(" option *( "," option ) ")" ] [ "@" [ time ] ".." [ time ] ]
//! option = name [ "=" value ]
//! time   = number ( "ms" | "s" | "m" | "h" )
//! share  = number "%"
//! ```
//!
//! A value with one of `,()=@"` or a space in it stands in double quotes. The window behind `@`
//! counts from the moment the fault is switched on; without one it lasts.
//!
//! | fault | what happens |
//! |---|---|
//! | `gptbots:503`, any status from 400 to 599 | GPTBots answers that status, as a gateway does |
//! | `gptbots:code=50000` | it answers HTTP 200 with that error code |
//! | `gptbots:hang` | it takes the call and never answers |
//! | `gptbots:slow=2s` | it answers that much later |
//! | `gptbots:drop` | it closes the connection without an answer |
//! | `gptbots:close-midway` | it does what it is asked for and closes the connection in the middle of the answer |
//! | `gptbots:rubbish` | it does what it is asked for and answers HTTP 200 with something that is no JSON |
//! | `desk:429`, `desk:503` | the API of every desk's stand-in answers that |
//! | `desk:hang`, `desk:drop`, `desk:refuse`, `desk:401` | it takes calls and never answers; does what it is asked for and breaks the connection; refuses for good; refuses the credentials |
//! | `desk:lose` | the desks' own calls of the bridge get lost, where the vendor's can be |
//! | `dynamodb:throttle` | DynamoDB refuses a call: throttled |
//! | `dynamodb:conflict` | it cancels a write: another transaction is at the same item |
//! | `dynamodb:timeout` | a call does not reach it, and no answer comes |
//! | `dynamodb:timeout-after-write` | it does what it is asked for, and no answer comes |
//! | `dynamodb:slow=300ms` | it answers that much later |
//! | `relay:kill`; `establish`, `chat`, `close`, `console`, `desk`, `clock` likewise | the function's process dies somewhere in the middle of an invocation, its memory with it |
//! | `relay:overlap`; the others likewise | an event is handed to two processes at once |
//! | `bells:lose`, `bells:double`, `bells:reorder`, `bells:again` | bells are lost, come twice, pass each other, come again though they were handled |
//! | `bells:delay=2m` | bells are late by up to that much |
//! | `webhooks:repeat` | GPTBots sends a webhook a second time |
//! | `webhooks:late=5s` | it sends it that much later |
//! | `webhooks:reorder` | what comes after it is sent first: a chat before its establish, a close before its chat |
//! | `webhooks:lose-answer` | it does not get the answer, and sends it again if `--webhook-retries` says so |
//! | `clock:skew=±3s` | the functions' clocks differ, each by up to that much |
//!
//! A share says how often: `gptbots:hang=5%`, or as an option where the value is something else:
//! `gptbots:slow=2s(share=5%)`. Further options: `times=3` (that often at most); of `gptbots` also
//! `conversation=ID`, `bot=ID` (only this one), `calls=reply` or `close`, `retry-after=7` (seconds),
//! `after-effect` and `before-effect` (whether it has done what it was asked for when the fault
//! hits); of `webhooks` also `conversation=ID`. What a desk's stand-in does, it does to all calls
//! while the fault is on: there only `retry-after=7` is an option.
//!
//! Every choice follows from the seed, from the fault's own text, and from how many events of its
//! kind came before. A machine's timing differs from run to run, and with it the order of events:
//! the same seed makes the same faults on the same history, not the same history.

mod aws;
mod board;
mod clock;
mod desk;
mod gptbots;
mod parse;
mod process;

use std::ops::Range;
use std::time::Duration;

pub use board::{Board, Shown};
pub use parse::FaultError;

pub(crate) use aws::{Meter, Tapped};
pub(crate) use clock::SkewedClock;
pub(crate) use desk::follow;
pub(crate) use process::{Make, Process};

/// What lost, doubled, late and disordered bells are in a test.
pub const ROUGH_BELLS: &str =
    "bells:lose=5%,bells:double=20%,bells:reorder=30%,bells:again=10%,bells:delay=30ms";

/// Whom a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// GPTBots' API.
    GptBots,
    /// The stand-ins for help desks.
    Desk,
    /// The table, as the functions see it.
    DynamoDb,
    /// One of the functions, by its name.
    Function(&'static str),
    /// The stream's and the queue's messages to the relay.
    Bells,
    /// GPTBots' calls of the bridge.
    Webhooks,
    /// The functions' clocks.
    Clock,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An HTTP status.
    Status(u16),
    /// HTTP 200 with this code.
    Code(i64),
    /// No answer.
    Hang,
    /// The answer is that late.
    Slow(Duration),
    /// The connection is closed before the answer.
    Drop,
    /// The connection is closed in the middle of the answer.
    CloseMidway,
    /// An answer that is none.
    Rubbish,
    /// Refused for good.
    Refuse,
    /// Refused for now.
    Throttle,
    /// Another transaction is at the item.
    Conflict,
    /// Nothing done, no answer.
    Timeout,
    /// Done, no answer.
    TimeoutAfterWrite,
    /// The process dies.
    Kill,
    /// Two processes get the event.
    Overlap,
    /// Never handed over.
    Lose,
    /// Handed over twice.
    Double,
    /// Passed by others.
    Reorder,
    /// Handed over again after its success.
    Again,
    /// Late by up to that much.
    Delay(Duration),
    /// Sent twice.
    Repeat,
    /// Sent that much later.
    Late(Duration),
    /// The answer does not arrive.
    LoseAnswer,
    /// Clocks differ by up to that much.
    Skew(Duration),
}

/// Which calls of GPTBots' API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// Replies.
    Reply,
    /// Closes.
    Close,
}

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// As it was written, without its spaces at the ends.
    pub text: String,
    /// Whom it hits.
    pub target: Target,
    /// What goes wrong.
    pub what: What,
    /// How often, from 0 to 1.
    pub share: f64,
    /// How often at the most.
    pub times: Option<u64>,
    /// Only this conversation.
    pub conversation: Option<String>,
    /// Only this bot.
    pub bot: Option<String>,
    /// Only these calls.
    pub calls: Option<Calls>,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// Whether GPTBots has done what it was asked for when the fault hits.
    pub after_effect: bool,
    /// When, from the moment it is switched on.
    pub window: Range<Duration>,
}

/// Reads faults that are written in the language above; none out of an empty text.
///
/// # Errors
/// When the text is no list of faults; says what is wrong, and where.
pub fn parse(text: &str) -> Result<Vec<Fault>, FaultError> {
    parse::faults(text)
}
