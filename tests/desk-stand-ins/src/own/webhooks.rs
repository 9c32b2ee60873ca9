//! The events that the own system sends.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Own, sign};
use crate::{Act, Forgery, From, MARKUP_AS_PLAIN};

/// Pauses before an event is sent again that was not answered 2xx: a sender's own choice.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1_500),
    Duration::from_secs(5),
];
/// An hour, in seconds.
const HOUR: u64 = 3_600;

/// The client that events are sent with.
pub(super) fn client() -> reqwest::Client {
    // A second call finds the provider installed: as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(15))
        .build()
        .unwrap_or_default()
}

/// Who the agent is.
fn agent() -> Value {
    json!({"id": "agent-7", "name": "Ann Agent"})
}

pub(super) async fn act(own: &Own, reference: &str, act: Act) -> Vec<u16> {
    match act {
        Act::Claim => vec![event(own, "agent.claimed", claim(reference)).await],
        Act::Say(text) => vec![say(own, reference, &text, None).await],
        Act::SayWithMarkup => vec![say(own, reference, MARKUP_AS_PLAIN, None).await],
        Act::SendFile(name, bytes) => {
            let n = {
                let mut state = own.state();
                state.files.push((name.clone(), bytes));
                state.files.len() - 1
            };
            let url = format!("{}/files/{n}", own.base_url());
            let file = json!({"name": name, "url": url});
            vec![say(own, reference, "", Some(file)).await]
        }
        Act::Note(text) => {
            let _ = own.state().line(reference, From::Note, text.clone());
            let data = json!({"reference": reference, "text": text, "agent": agent()});
            vec![event(own, "agent.note", data).await]
        }
        Act::Noise(text) => noise(own, reference, &text).await,
        Act::Close => {
            if let Ok(talk) = own.state().talk(reference) {
                talk.closed = true;
            }
            vec![event(own, "agent.closed", claim(reference)).await]
        }
        Act::Reopen => Vec::new(),
    }
}

fn claim(reference: &str) -> Value {
    json!({"reference": reference, "agent": agent()})
}

async fn say(own: &Own, reference: &str, text: &str, file: Option<Value>) -> u16 {
    let data = {
        let mut state = own.state();
        let _ = state.line(reference, From::Agent, text);
        let id = state.fresh_id();
        let mut data = json!({
            "reference": reference, "message_id": id, "text": text, "agent": agent(),
        });
        if let Some(file) = file {
            data["files"] = json!([file]);
        }
        data
    };
    event(own, "agent.message", data).await
}

/// Events that the bridge does not know, and one of its own sent back to it.
async fn noise(own: &Own, reference: &str, text: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for name in [
        "agent.typing",
        "agent.message.edited",
        "bot.message",
        "message.created",
        "ping",
    ] {
        let id = own.state().fresh_id();
        let data = json!({
            "reference": reference, "message_id": id, "text": text, "author": {"kind": "user"},
        });
        statuses.push(event(own, name, data).await);
    }
    statuses
}

/// Sends an event until it is taken or refused for good.
async fn event(own: &Own, name: &str, data: Value) -> u16 {
    let body = json!({"type": name, "data": data}).to_string().into_bytes();
    let (id, lose) = {
        let mut state = own.state();
        let id = state.fresh_id();
        state.last = Some((id.clone(), body.clone()));
        (id, state.lose)
    };
    if lose {
        return 0;
    }
    let mut pauses = PAUSES.iter();
    loop {
        let status = signed(own, &id, sign::now(), &body).await;
        // Refused for good: sending it again would not help.
        let final_answer = matches!(status, 200..=499) && ![408, 409, 425, 429].contains(&status);
        match pauses.next() {
            Some(pause) if !final_answer => tokio::time::sleep(*pause).await,
            _ => return status,
        }
    }
}

pub(super) async fn repeat(own: &Own) -> u16 {
    let last = own.state().last.clone();
    match last {
        Some((id, body)) => signed(own, &id, sign::now(), &body).await,
        None => 0,
    }
}

pub(super) async fn forge(own: &Own, reference: &str, text: &str, forgery: Forgery) -> u16 {
    let id = own.state().fresh_id();
    let data = json!({"reference": reference, "message_id": id, "text": text, "agent": agent()});
    let body = json!({"type": "agent.message", "data": data}).to_string();
    let body = body.into_bytes();
    let now = sign::now();
    let secret = &own.inner.secrets.ours;
    match forgery {
        Forgery::Unsigned => send(own, &[], body).await,
        Forgery::WrongSecret => {
            let signature = sign::signature(&sign::made_up(), &id, now, &body);
            send(own, &headers(&id, now, signature), body).await
        }
        Forgery::ChangedBody => {
            let signature = sign::signature(secret, &id, now, &body);
            let changed = [body, b" ".to_vec()].concat();
            send(own, &headers(&id, now, signature), changed).await
        }
        Forgery::Old => signed(own, &id, now - HOUR, &body).await,
        Forgery::Future => signed(own, &id, now + HOUR, &body).await,
        // It signs, so it has no path token.
        Forgery::WrongPathToken => 0,
    }
}

async fn signed(own: &Own, id: &str, at: u64, body: &[u8]) -> u16 {
    let signature = sign::signature(&own.inner.secrets.ours, id, at, body);
    send(own, &headers(id, at, signature), body.to_vec()).await
}

fn headers(id: &str, at: u64, signature: String) -> [(&'static str, String); 3] {
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signature),
    ]
}

/// The status that was answered; 0 where there was no answer.
async fn send(own: &Own, headers: &[(&'static str, String)], body: Vec<u8>) -> u16 {
    let mut request = own
        .inner
        .http
        .post(&own.inner.target)
        .header("content-type", "application/json")
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    match request.send().await {
        Ok(answer) => answer.status().as_u16(),
        Err(_) => 0,
    }
}
