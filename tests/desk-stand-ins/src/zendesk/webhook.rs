//! The webhooks: events or what triggers send, signed, and once more where the vendor would.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::state::{API_USER, Comment, Ticket, at, now};
use super::{SIGNING_SECRET, Shared, Webhooks};

/// How long Zendesk waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
/// Stands for a status where there was no answer.
pub(super) const NO_ANSWER: u16 = 0;
/// How often Zendesk tries again after a timeout, and after a 409.
const RETRIES: u32 = 5;
const RETRIES_OF_CONFLICTS: u32 = 3;

/// A webhook, as often as it is sent.
#[derive(Clone)]
pub(super) struct Outgoing {
    /// The same over all attempts.
    pub(super) invocation: String,
    pub(super) body: String,
    /// The time of its first attempt, as it was signed.
    pub(super) signed_at: String,
}

impl Outgoing {
    pub(super) fn new(invocation: impl Into<String>, body: String) -> Self {
        Self {
            invocation: invocation.into(),
            body,
            signed_at: at(0),
        }
    }

    /// The same, signed now.
    pub(super) fn afresh(&self) -> Self {
        Self::new(self.invocation.clone(), self.body.clone())
    }
}

/// How a webhook is signed and where it goes, where that is not as it should be.
pub(super) struct Wrong<'a> {
    pub(super) secret: Option<&'a str>,
    /// Seconds from now.
    pub(super) at: i64,
    /// The time as it was signed before.
    pub(super) again: Option<&'a str>,
    /// What is sent instead of what was signed.
    pub(super) body: Option<&'a str>,
    pub(super) path: &'a str,
}

impl Default for Wrong<'_> {
    fn default() -> Self {
        Self {
            secret: Some(SIGNING_SECRET),
            at: 0,
            again: None,
            body: None,
            path: "events",
        }
    }
}

/// Tells of something: sends it with the vendor's retries. `None` where webhooks are lost.
pub(super) async fn tell(shared: &Shared, body: Value) -> Option<u16> {
    // Nobody submits the same twice within a second, by which Zendesk's signatures are dated.
    let body = body.to_string();
    let same = |last: &Outgoing| last.signed_at == at(0) && last.body == body;
    while shared.lock().last_webhook.as_ref().is_some_and(same) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let outgoing = {
        let mut state = shared.lock();
        if state.lose_webhooks {
            return None;
        }
        let invocation = format!("835020{}", state.next_id());
        let outgoing = Outgoing::new(invocation, body);
        state.last_webhook = Some(outgoing.clone());
        outgoing
    };
    Some(send(shared, &outgoing).await)
}

/// Sends it until it is taken, as often as the vendor would.
pub(super) async fn send(shared: &Shared, outgoing: &Outgoing) -> u16 {
    let mut attempt = 0;
    loop {
        // Whether Zendesk signs later attempts afresh is not documented: here it does.
        let first = Some(outgoing.signed_at.as_str()).filter(|_| attempt == 0);
        let signed = Wrong {
            again: first,
            ..Wrong::default()
        };
        let (status, retry_after) = send_once(shared, outgoing, &signed).await;
        let most = match (status, retry_after) {
            (NO_ANSWER, _) => RETRIES,
            (409, _) => RETRIES_OF_CONFLICTS,
            (429 | 503, Some(seconds)) if seconds < 60 => RETRIES,
            _ => return status,
        };
        if attempt >= most {
            return status;
        }
        attempt += 1;
        tokio::time::sleep(Duration::from_millis(100) * attempt).await;
    }
}

/// Sends what was signed at its first attempt, as another invocation.
pub(super) async fn replay(shared: &Shared, outgoing: &Outgoing) -> u16 {
    let invocation = format!("{}-again", outgoing.invocation);
    let copy = Outgoing {
        invocation,
        ..outgoing.clone()
    };
    let captured = Wrong {
        again: Some(&outgoing.signed_at),
        ..Wrong::default()
    };
    send_once(shared, &copy, &captured).await.0
}

pub(super) async fn send_once(
    shared: &Shared,
    outgoing: &Outgoing,
    wrong: &Wrong<'_>,
) -> (u16, Option<u64>) {
    let signed_at = wrong.again.map_or_else(|| at(wrong.at), str::to_owned);
    let mut request = shared
        .http
        .post(format!("{}/{}", shared.target, wrong.path))
        .header("content-type", "application/json; charset=utf-8")
        .header("x-zendesk-account-id", "123456")
        .header("x-zendesk-webhook-id", "01F1KRFQ6BG29CNWFR60NK5FNY")
        .header("x-zendesk-webhook-invocation-id", &outgoing.invocation);
    if let Some(secret) = wrong.secret {
        request = request
            .header(
                "x-zendesk-webhook-signature",
                sign(secret, &signed_at, &outgoing.body),
            )
            .header("x-zendesk-webhook-signature-timestamp", &signed_at);
    }
    let body = wrong.body.unwrap_or(&outgoing.body).to_owned();
    match request.body(body).send().await {
        Ok(answer) => {
            let retry_after = answer.headers().get("retry-after");
            let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
            (answer.status().as_u16(), retry_after)
        }
        Err(error) => {
            tracing::debug!(%error, "a webhook was not answered");
            (NO_ANSWER, None)
        }
    }
}

/// "Verifying webhook authenticity".
fn sign(secret: &str, signed_at: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(signed_at.as_bytes());
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// An event's body.
pub(super) fn event(
    shared: &Shared,
    kind: &str,
    ticket: &Ticket,
    actor: i64,
    event: Value,
) -> Value {
    let id = shared.lock().next_id();
    json!({
        "account_id": 123_456,
        "detail": {
            "actor_id": actor.to_string(),
            "assignee_id": ticket.assignee.map(|id| id.to_string()),
            "external_id": ticket.external_id,
            "id": ticket.id.to_string(),
            "is_public": true,
            "requester_id": ticket.requester.to_string(),
            "status": ticket.status.to_uppercase(),
            "subject": ticket.subject,
            "tags": ticket.tags,
            "via": {"channel": "web_service"},
        },
        "event": event,
        "id": format!("030a3f7a-9bb9-47a4-9a36-{id:012x}"),
        "subject": format!("zen:ticket:{}", ticket.id),
        "time": now(),
        "type": format!("zen:event-type:ticket.{kind}"),
        "zendesk_event_version": "2022-11-06",
    })
}

/// A comment as events have it.
pub(super) fn comment_json(comment: &Comment, staff: bool, name: &str) -> Value {
    json!({"comment": {
        "author": {"id": comment.author.to_string(), "is_staff": staff, "name": name},
        "body": comment.said.body(),
        "id": comment.id.to_string(),
        "is_public": comment.public,
    }})
}

/// What our own comment brings back to us.
pub(super) fn echo_comment(shared: &Shared, ticket: &Ticket, comment: &Comment) {
    let (name, staff) = {
        let state = shared.lock();
        let author = state.user(comment.author);
        (
            author.map(|user| user.name.clone()).unwrap_or_default(),
            author.is_some_and(|user| user.role != "end-user"),
        )
    };
    let change = comment_json(comment, staff, &name);
    echo(shared, "comment_added", ticket, change);
}

/// What our own change of a status brings back to us.
pub(super) fn echo_status(shared: &Shared, ticket: &Ticket, before: &str) {
    let change = json!({
        "current": ticket.status.to_uppercase(), "previous": before.to_uppercase(),
    });
    echo(shared, "status_changed", ticket, change);
}

/// Triggers leave out what the API did; events do not. Nobody waits for them.
fn echo(shared: &Shared, kind: &str, ticket: &Ticket, change: Value) {
    if shared.webhooks == Webhooks::Events && !shared.lock().lose_webhooks {
        let body = event(shared, kind, ticket, API_USER as i64, change);
        let outgoing = Outgoing::new("835021", body.to_string());
        let shared = shared.clone();
        tokio::spawn(async move { send(&shared, &outgoing).await });
    }
}
