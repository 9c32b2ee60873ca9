//! Webhooks: each tried once, to the inbox's address and, where there is one, the account's.

use std::time::Duration;

use aws_smithy_types::date_time::{DateTime, Format};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::{mpsc, oneshot};

use super::state::{Message, Person, State, Talk, now};
use super::{ACCOUNT, ACCOUNT_SECRET, INBOX_SECRET, Setup, Shared};
use crate::Forgery;

/// How long an answer is waited for (`WEBHOOK_TIMEOUT`).
const TIMEOUT: Duration = Duration::from_secs(5);

/// What webhooks tell of.
pub(super) enum Happened {
    /// A conversation was made.
    Created,
    /// A message was written, or changed: the event's name.
    Said(&'static str, Message),
    /// The status is another one; what it was before.
    Status(&'static str),
    /// Something of the conversation changed, as `changed_attributes` has it.
    Updated(Value),
    /// Somebody types.
    Typing,
}

/// Webhooks to be sent, and who wants to know how that went.
pub(super) struct Job {
    bodies: Vec<Value>,
    forgery: Option<Forgery>,
    twice: bool,
    done: Option<oneshot::Sender<Vec<u16>>>,
}

/// Sends them one after the other.
pub(super) struct Sender {
    desk: String,
    token: String,
    setup: Setup,
    http: reqwest::Client,
}

/// Has the webhooks of an event sent, unless they are lost.
pub(super) fn tell(shared: &Shared, state: &mut State, reference: &str, happened: &Happened) {
    let Some(talk) = state.talk(reference) else {
        return;
    };
    let bodies = bodies(talk, happened);
    queue(shared, state, bodies, None);
}

/// The same, and waits for the answers.
pub(super) async fn tell_and_wait(
    shared: &Shared,
    reference: &str,
    happened: &[Happened],
) -> Vec<u16> {
    let (done, answers) = oneshot::channel();
    {
        let mut state = shared.state();
        let Some(talk) = state.talk(reference) else {
            return Vec::new();
        };
        let bodies = happened.iter().flat_map(|one| bodies(talk, one)).collect();
        queue(shared, &mut state, bodies, Some(done));
    }
    answers.await.unwrap_or_default()
}

fn queue(
    shared: &Shared,
    state: &mut State,
    bodies: Vec<Value>,
    done: Option<oneshot::Sender<Vec<u16>>>,
) {
    let bodies = if state.loses_webhooks {
        Vec::new()
    } else {
        bodies
    };
    if let Some(last) = bodies.last() {
        state.last_webhook = Some(last.clone());
    }
    let job = Job {
        bodies,
        forgery: None,
        twice: true,
        done,
    };
    // Nobody sends any more once the stand-in is shut down.
    let _ = shared.0.jobs.send(job);
}

/// Sends one webhook to the inbox's address, forged where asked for; answers the status.
pub(super) async fn send_as(shared: &Shared, body: Value, forgery: Option<Forgery>) -> u16 {
    let (done, answers) = oneshot::channel();
    let job = Job {
        bodies: vec![body],
        forgery,
        twice: false,
        done: Some(done),
    };
    let _ = shared.0.jobs.send(job);
    let answers = answers.await.unwrap_or_default();
    answers.first().copied().unwrap_or_default()
}

/// Waits until all that is queued has been sent.
pub(super) async fn settle(shared: &Shared) {
    let (done, answers) = oneshot::channel();
    let job = Job {
        bodies: Vec::new(),
        forgery: None,
        twice: false,
        done: Some(done),
    };
    let _ = shared.0.jobs.send(job);
    let _ = answers.await;
}

impl Sender {
    pub(super) fn new(desk: String, token: String, setup: Setup) -> Self {
        // A second call finds the provider installed: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The bridge is on this machine: no certificates are needed, and reading them takes long.
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(TIMEOUT);
        Self {
            desk,
            token,
            setup,
            http: http.build().expect("a client for webhooks"),
        }
    }

    pub(super) async fn run(self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        while let Some(job) = jobs.recv().await {
            let mut answers = Vec::new();
            for body in &job.bodies {
                answers.push(self.send(body, INBOX_SECRET, job.forgery).await);
                if job.twice && self.setup.account_webhook {
                    answers.push(self.send(body, ACCOUNT_SECRET, job.forgery).await);
                }
            }
            if let Some(done) = job.done {
                let _ = done.send(answers);
            }
        }
    }

    async fn send(&self, body: &Value, secret: &str, forgery: Option<Forgery>) -> u16 {
        let token = match forgery {
            Some(Forgery::WrongPathToken) => "/wrong",
            Some(Forgery::Unsigned) if !self.setup.signed => "",
            _ => &self.token,
        };
        let mut bytes = body.to_string();
        let seconds = now() / 1_000
            + match forgery {
                Some(Forgery::Old) => -3_600,
                Some(Forgery::Future) => 3_600,
                _ => 0,
            };
        let secret = match forgery {
            Some(Forgery::WrongSecret) => "another secret",
            _ => secret,
        };
        let signature = sign(secret, seconds, &bytes);
        if forgery == Some(Forgery::ChangedBody) {
            bytes.push(' ');
        }
        let mut request = self
            .http
            .post(format!("{}{token}/events", self.desk))
            .header("content-type", "application/json");
        if self.setup.signed && forgery != Some(Forgery::Unsigned) {
            request = request
                .header("x-chatwoot-delivery", format!("delivery-{}", now()))
                .header("x-chatwoot-timestamp", seconds.to_string())
                .header("x-chatwoot-signature", signature);
        }
        match request.body(bytes).send().await {
            Ok(answer) => answer.status().as_u16(),
            Err(_) => 0,
        }
    }
}

fn sign(secret: &str, seconds: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn bodies(talk: &Talk, happened: &Happened) -> Vec<Value> {
    match happened {
        Happened::Created => vec![of_talk("conversation_created", talk, Value::Null)],
        Happened::Said(event, message) => vec![of_message(event, message, talk)],
        Happened::Status(before) => {
            let change =
                json!([{"status": {"previous_value": before, "current_value": talk.status}}]);
            vec![
                // It comes without what changed.
                of_talk("conversation_status_changed", talk, Value::Null),
                of_talk("conversation_updated", talk, change),
            ]
        }
        Happened::Updated(changes) => {
            vec![of_talk("conversation_updated", talk, changes.clone())]
        }
        Happened::Typing => {
            let mut body = json!({"event": "conversation_typing_on", "is_private": false});
            body["conversation"] = of_talk("", talk, Value::Null);
            vec![body]
        }
    }
}

/// A webhook about a message.
pub(super) fn of_message(event: &str, message: &Message, talk: &Talk) -> Value {
    // A backslash before a line's end is undone before it is sent.
    let content = match message.deleted {
        true => Some("This message was deleted".to_owned()),
        false => message
            .content
            .as_deref()
            .map(|text| text.replace("\\\n", "\n")),
    };
    let mut body = json!({
        "event": event, "id": message.id, "content": content, "content_type": "text",
        "content_attributes": if message.deleted { json!({"deleted": true}) } else { json!({}) },
        "message_type": message.kind.name(), "private": message.private,
        "source_id": message.source_id, "sender": message.sender.shown(),
        "created_at": DateTime::from_millis(message.created_at).fmt(Format::DateTime).ok(),
        "account": {"id": ACCOUNT, "name": "Stand-in"}, "inbox": {"id": 2, "name": "GPTBots"},
        "conversation": of_talk("", talk, Value::Null),
    });
    if !message.attachments.is_empty() {
        body["attachments"] = json!(message.attachments);
    }
    body
}

/// A webhook about a conversation: the whole of it.
fn of_talk(event: &str, talk: &Talk, changes: Value) -> Value {
    let updated_at = talk.updated_at as f64 / 1_000.0;
    let mut body = json!({
        "id": talk.id, "inbox_id": 2, "status": talk.status, "channel": "Channel::Api",
        "custom_attributes": talk.attributes, "contact_inbox": {"source_id": talk.source_id},
        "meta": {
            "sender": {"id": talk.contact, "name": talk.contact_name},
            "assignee": talk.assignee.map(Person::shown),
        },
        "timestamp": talk.updated_at / 1_000, "updated_at": updated_at,
    });
    if !event.is_empty() {
        body["event"] = event.into();
        body["changed_attributes"] = changes;
    }
    body
}
