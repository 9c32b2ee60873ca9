//! Faults on demand: how GPTBots may fail the bridge, call by call (contract, section 4) and
//! webhook by webhook.

use std::time::Duration;

use crate::{
    model::ConversationId,
    record::{CallKind, Webhook},
};

/// Decides call by call and webhook by webhook what goes wrong, while the stand-in runs.
pub trait Mischief: Send + Sync {
    /// What goes wrong with a call of the bridge. `bot` is the conversation's, or else the key's.
    fn call(
        &self,
        kind: CallKind,
        conversation: Option<&ConversationId>,
        bot: Option<&str>,
    ) -> Option<Outage>;

    /// What goes wrong with a webhook.
    fn webhook(&self, webhook: Webhook, conversation: &ConversationId) -> Detour;
}

/// What goes wrong with a webhook on its way to the bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detour {
    /// It is sent this much later, and what comes after it waits.
    pub late: Duration,
    /// What comes after it does not wait: it is sent this much later, after others.
    pub overtaken: Option<Duration>,
    /// It is sent a second time, this much after its answer.
    pub repeated: Option<Duration>,
    /// Its answer gets lost, once: for GPTBots it has failed.
    pub answer_lost: bool,
}

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The right answer, this much later.
    Late(Duration),
    /// No answer for as long as the caller waits.
    Hang,
    /// This HTTP status and a body without a code, as a gateway sends it.
    Status {
        /// The HTTP status.
        status: u16,
        /// The `Retry-After` header, for example `"2"` (seconds).
        retry_after: Option<String>,
    },
    /// `{code, message}` with this HTTP status, which may be 200.
    Code {
        /// The HTTP status.
        status: u16,
        /// The vendor's code, for example 40001 (rate limited).
        code: i64,
        /// The `Retry-After` header, for example `"2"` (seconds).
        retry_after: Option<String>,
    },
    /// The connection is dropped without an answer.
    Drop,
    /// The connection is dropped in the middle of a good answer.
    CutShort,
    /// HTTP 200 with a body that is not JSON.
    Garbage,
}

/// A fault, and the calls it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What goes wrong.
    pub fault: Fault,
    /// Only calls of this kind; `None`: all.
    pub kind: Option<CallKind>,
    /// Only calls for this conversation; `None`: all.
    pub conversation: Option<ConversationId>,
    /// Whether the call does what it asks for before the fault hits: the bridge then cannot tell,
    /// and a retry makes a second copy. `false`: a failed call changed nothing.
    pub takes_effect: bool,
    /// For how many calls more; `None`: until it is taken away.
    pub times: Option<u32>,
}

impl Outage {
    /// This fault for every call, without effect, until it is taken away.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            kind: None,
            conversation: None,
            takes_effect: false,
            times: None,
        }
    }

    /// HTTP 429 with code 40001: rate limited (contract, section 4).
    pub fn rate_limited(retry_after: Option<&str>) -> Self {
        Self::new(Fault::Code {
            status: 429,
            code: 40_001,
            retry_after: retry_after.map(str::to_owned),
        })
    }

    /// For calls of this kind only.
    pub fn only(mut self, kind: CallKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// For this conversation only.
    pub fn in_conversation(mut self, id: &ConversationId) -> Self {
        self.conversation = Some(id.clone());
        self
    }

    /// After the call took effect.
    pub fn after_effect(mut self) -> Self {
        self.takes_effect = true;
        self
    }

    /// For that many calls.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn hits(&self, kind: CallKind, conversation: Option<&ConversationId>) -> bool {
        self.times != Some(0)
            && self.kind.is_none_or(|only| only == kind)
            && self
                .conversation
                .as_ref()
                .is_none_or(|only| Some(only) == conversation)
    }
}

/// The outage that hits this call, counted off.
pub(crate) fn hit(
    outages: &mut [Outage],
    kind: CallKind,
    conversation: Option<&ConversationId>,
) -> Option<Outage> {
    let outage = outages
        .iter_mut()
        .find(|outage| outage.hits(kind, conversation))?;
    if let Some(times) = &mut outage.times {
        *times -= 1;
    }
    Some(outage.clone())
}
