//! A company's own system as a desk: signed events both ways, as Standard Webhooks has them
//! (<https://www.standardwebhooks.com>). What is sent and taken is described for its makers in
//! `docs/desks/own-system.md` and, for machines, in `docs/desks/own-system.openapi.yaml`.

mod incoming;
mod outgoing;
mod sign;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Call, Capabilities, Desk, DeskError, DeskHttp, Opened, Opening, Received, Refused, Reply,
    Route, Unreadable, Unverified, Verified,
};
use crate::conversation::{ClosedBy, Conversation, Entry, fingerprint};
use crate::time::Millis;
use outgoing::Event;
use sign::Keys;

/// Longest reference that is taken of an answer, in bytes: it becomes part of a key.
const MAX_REFERENCE_BYTES: usize = 256;
/// The most that is read of an answer: all it can say is a reference.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// A company's own system.
pub(super) struct OwnSystem {
    url: String,
    /// What we sign with: with all of them.
    sending: Keys,
    /// What it signs with: any of them.
    receiving: Keys,
    http: DeskHttp,
}

/// Its object in the secret.
#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "kind")]
    _kind: String,
    url: Option<String>,
    send_secret: Option<Value>,
    receive_secret: Option<Value>,
    #[serde(flatten)]
    other: serde_json::Map<String, Value>,
}

/// Makes an instance of its object in the secret.
///
/// # Errors
/// When a member is missing, unknown or wrong; names it, never its value.
pub(super) fn make(credentials: &Value, http: &DeskHttp) -> Result<Arc<dyn Desk>, String> {
    let settings = Settings::deserialize(credentials)
        .map_err(|_| "url must be a string in an object".to_owned())?;
    if let Some(name) = settings.other.keys().next() {
        return Err(format!("{name} is not known here"));
    }
    let url = settings.url.ok_or("url is missing")?;
    Ok(Arc::new(OwnSystem {
        // Checked, and called as it was given: a slash at the end can matter there.
        url: http.base_url("url", &url).map(|_| url)?,
        sending: Keys::of("send_secret", settings.send_secret.as_ref())?,
        receiving: Keys::of("receive_secret", settings.receive_secret.as_ref())?,
        http: http.clone(),
    }))
}

impl OwnSystem {
    /// Sends an event; any 2xx means that it is stored there.
    async fn send(&self, event: Event) -> Result<Reply, DeskError> {
        let body = event.body();
        let at = self.http.clock().now() / 1_000;
        let call = Call::new(reqwest::Method::POST, self.url.as_str())
            .header("webhook-id", event.id.as_str())
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", self.sending.sign(&event.id, at, &body))
            .bytes("application/json", body)
            .limit(MAX_ANSWER_BYTES);
        let reply = self.http.send(call).await?;
        match reply.status {
            300..=399 => Err(DeskError::NotConfigured(format!(
                "it answered with a redirect (HTTP {}), which is not followed",
                reply.status
            ))),
            404 => Err(DeskError::NotConfigured(
                "nothing is at its address (HTTP 404)".to_owned(),
            )),
            // Of the endpoint, not of the conversation: "stop sending" (Standard Webhooks). It may
            // be switched on again, so lines wait as long as they can.
            410 => Err(DeskError::NotConfigured(
                "it asks not to be called any more (HTTP 410)".to_owned(),
            )),
            409 => Err(DeskError::Gone("HTTP 409".to_owned())),
            _ => reply.fine().map(|()| reply),
        }
    }
}

/// The reference that it answered with, where it did.
fn answered_reference(reply: &Reply) -> Result<Option<String>, DeskError> {
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = match answer.get("reference") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.as_str(),
        Some(_) => "",
    };
    // One that we cannot keep would come back in its events and lead nowhere.
    if text.is_empty() || text.len() > MAX_REFERENCE_BYTES || text.chars().any(char::is_control) {
        return Err(DeskError::Rejected(format!(
            "reference: must be a text of 1 to {MAX_REFERENCE_BYTES} bytes without control characters"
        )));
    }
    Ok(Some(text.to_owned()))
}

/// The reference that a conversation has unless its desk names another.
fn own_reference(conversation: &Conversation) -> String {
    let id = conversation.id.as_str().as_bytes();
    let episode = conversation.episode.to_be_bytes();
    format!("conv_{}", fingerprint(&[b"reference", id, &episode]))
}

#[async_trait::async_trait]
impl Desk for OwnSystem {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        let reference = own_reference(opening.conversation);
        // The same id at every attempt, so whoever keeps to the contract takes it once.
        let event = outgoing::started(opening.conversation, opening.history, &reference);
        let reply = self.send(event).await?;
        Ok(Opened {
            reference: answered_reference(&reply)?.unwrap_or(reference),
            context: None,
        })
    }

    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        for entry in entries {
            self.send(outgoing::line(conversation, entry)).await?;
        }
        Ok(None)
    }

    async fn close(
        &self,
        conversation: &Conversation,
        by: ClosedBy,
        text: &str,
    ) -> Result<(), DeskError> {
        let event = outgoing::closed(conversation, by, text);
        match self.send(event).await {
            Err(DeskError::Gone(_)) => Ok(()),
            sent => sent.map(|_| ()),
        }
    }

    /// Sends a `ping`, which asks for nothing but a 2xx.
    async fn check(&self) -> Result<(), DeskError> {
        let event = outgoing::ping(self.http.clock().now());
        self.send(event).await.map(|_| ())
    }

    fn verify<'a>(&self, call: Unverified<'a>, now: Millis) -> Result<Verified<'a>, Refused> {
        if call.route != Route::Events {
            return Err(Refused::NoWebhooks);
        }
        self.receiving.verify(&call, now)?;
        Ok(call.into_verified())
    }

    fn parse(&self, call: Verified<'_>) -> Result<Received, Unreadable> {
        let id = sign::header(|name| call.header(name), sign::ID).unwrap_or_default();
        let link = |url: &str| self.http.base_url("url", url).map(|_| ());
        incoming::read(id, call.body, link)
    }
}
