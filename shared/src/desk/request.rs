//! A desk's call to us, before and after we know that it is the desk's.

use lambda_http::http::HeaderMap;

/// Where a desk's call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `POST /desks/{desk}/events`.
    Events,
    /// `POST /desks/{desk}/interactions`.
    Interactions,
}

/// A desk's call as it came: nothing of it is believed.
#[derive(Clone)]
pub struct Unverified<'a> {
    /// The route.
    pub route: Route,
    /// The token in the path, where there is one: `POST /desks/{desk}/{token}/…`.
    pub path_token: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body's bytes, as the desk signed them.
    pub body: &'a [u8],
}

impl<'a> Unverified<'a> {
    /// A header's text; `None` where it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The call as one that is known to be the desk's. Only [`super::Desk::verify`] may say so.
    pub fn into_verified(self) -> Verified<'a> {
        Verified {
            route: self.route,
            headers: self.headers,
            body: self.body,
        }
    }
}

/// A call that is known to be the desk's own: signed, fresh. Its body has not been read yet.
#[derive(Clone)]
pub struct Verified<'a> {
    /// The route.
    pub route: Route,
    headers: &'a HeaderMap,
    /// The body's bytes.
    pub body: &'a [u8],
}

impl<'a> Verified<'a> {
    /// A header's text; `None` where it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why a call is not believed to be the desk's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A header that carries the signature or its time is missing or malformed.
    #[error("{0}: missing or malformed")]
    Header(&'static str),
    /// Signed too long ago, or in the future: possibly a replay.
    #[error("the signature's time is too far from now")]
    Stale,
    /// The signature is not the desk's.
    #[error("the signature is wrong")]
    Signature,
    /// The token in the path is missing or wrong.
    #[error("the token in the path is missing or wrong")]
    PathToken,
    /// The desk calls nobody.
    #[error("this desk has no webhooks")]
    NoWebhooks,
    /// What is signed has come before, in another delivery: a replay.
    #[error("this signed call has come before")]
    Repeated,
}

/// A verified call that cannot be read. Says where, never what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// What a call amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// What happened, in order.
    pub events: Vec<super::DeskEvent>,
    /// What to answer with 200, once the events are stored.
    pub answer: Answer,
    /// How a repetition of the call is told, where the ids of its events are not signed.
    pub signed: Option<SignedCall>,
}

/// A call whose events are named by what the signature does not cover. What is signed counts only
/// for the delivery that brought it first: an attempt of the vendor's to bring it again is the same
/// delivery, a captured call under another name is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCall {
    /// A fingerprint of all that is signed, the time included.
    pub fingerprint: String,
    /// The vendor's name of the delivery, the same over all of its attempts.
    pub delivery: String,
}

/// The body of an answer with status 200.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Answer {
    /// An empty body.
    #[default]
    Empty,
    /// A text: the answer to a challenge.
    Text(String),
    /// A JSON document.
    Json(serde_json::Value),
}
