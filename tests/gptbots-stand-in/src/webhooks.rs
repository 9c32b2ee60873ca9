//! The webhooks sent: their payloads, and the task that sends those of one conversation one at a
//! time and in order.

use std::time::Instant;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::{
    conversation::Begun,
    faults::Detour,
    model::{ConversationId, Delivery, LineId},
    record::{Outcome, Sent, Webhook},
    stand_in::StandIn,
    state::{Turn, User, now},
};

/// The address that stands for "none" (contract, section 2).
const PLACEHOLDER_EMAIL: &str = "support@gptbots.ai";

/// The `type` of a close (contract, section 1).
#[derive(Clone, Copy)]
pub(crate) enum CloseType {
    Timeout,
    UserClosed,
}

/// A webhook to send.
#[derive(Clone)]
pub(crate) struct Job {
    webhook: Webhook,
    timestamp: i64,
    payload: Value,
    /// The user's line it carries.
    line: Option<LineId>,
}

impl Job {
    /// The payload has the members of the vendor's example, and the undocumented ones where the
    /// profile has them (contract, sections 1 and 2).
    pub(crate) fn establish(id: &ConversationId, timestamp: i64, user: &User) -> Self {
        let body: Vec<Value> = user
            .turns
            .iter()
            .map(|turn| match turn {
                Turn::Question(text) => json!({"message_type": "QUESTION", "text": text}),
                Turn::Answer(text) => json!({"message_type": "ANSWER", "text": text}),
            })
            .collect();
        let profile = &user.profile;
        let mut payload = json!({
            "body": body,
            "timestamp": timestamp,
            "email": profile.email.as_deref().unwrap_or(PLACEHOLDER_EMAIL),
            "conversation_id": id,
            "bot_id": user.bot,
            "user_info": {
                "phone": profile.phone,
                "email": profile.email,
                "user_id": profile.user_id,
                "anonymous_id": profile.anonymous_id,
            },
        });
        if let Some(name) = &profile.user_name {
            payload["user_info"]["user_name"] = json!(name);
        }
        if let Some(kind) = &profile.conversation_type {
            payload["conversation_type"] = json!(kind);
        }
        if let Some(name) = &profile.channel_name {
            payload["channel_name"] = json!(name);
        }
        Self {
            webhook: Webhook::Establish,
            timestamp,
            payload,
            line: None,
        }
    }

    pub(crate) fn chat(id: &ConversationId, timestamp: i64, text: &str, line: LineId) -> Self {
        Self {
            webhook: Webhook::Chat,
            timestamp,
            payload: json!({"conversation_id": id, "timestamp": timestamp, "body": text}),
            line: Some(line),
        }
    }

    pub(crate) fn close(id: &ConversationId, timestamp: i64, close: CloseType) -> Self {
        let close = match close {
            CloseType::Timeout => "TIMEOUT",
            CloseType::UserClosed => "USER_CLOSED",
        };
        Self {
            webhook: Webhook::Close,
            timestamp,
            payload: json!({"conversation_id": id, "timestamp": timestamp, "type": close}),
            line: None,
        }
    }
}

/// Sends everything of one human conversation: establish first, then what is queued, until
/// nothing more can come.
pub(crate) async fn run(stand_in: StandIn, begun: Begun) {
    let Begun {
        id,
        establish,
        mut queue,
    } = begun;
    let detour = stand_in.detour(establish.webhook, &id);
    if detour.overtaken.is_some() {
        let (sending, id) = (stand_in.clone(), id.clone());
        stand_in.spawn(async move {
            begin(&sending, &id, &establish, &detour).await;
        });
    } else if begin(&stand_in, &id, &establish, &detour).await != Outcome::Answered(200) {
        refuse(&stand_in, &id, &mut queue).await;
        return;
    }
    while let Some(job) = queue.recv().await {
        let detour = stand_in.detour(job.webhook, &id);
        if detour.overtaken.is_some() {
            let (sending, id) = (stand_in.clone(), id.clone());
            stand_in.spawn(async move { carry(&sending, &id, &job, &detour).await });
        } else {
            carry(&stand_in, &id, &job, &detour).await;
        }
    }
}

/// Sends establish, and waits for the first reply where it was taken.
async fn begin(
    stand_in: &StandIn,
    id: &ConversationId,
    establish: &Job,
    detour: &Detour,
) -> Outcome {
    let outcome = send(stand_in, id, establish, detour).await;
    let waits = stand_in.update(|state| state.established(id, outcome));
    tracing::info!(conversation_id = %id, ?outcome, "establish");
    if waits {
        let (waiting, id) = (stand_in.clone(), id.clone());
        stand_in.spawn(async move {
            let timeout = waiting.read(|state| state.options.waiting_timeout);
            tokio::time::sleep(timeout).await;
            if waiting.update(|state| state.waited(&id)) {
                tracing::info!(conversation_id = %id, "nobody replied in time");
            }
        });
    }
    outcome
}

/// Sends what comes after establish.
async fn carry(stand_in: &StandIn, id: &ConversationId, job: &Job, detour: &Detour) {
    let outcome = send(stand_in, id, job, detour).await;
    let delivery = match outcome {
        Outcome::Answered(200) => Delivery::Delivered,
        _ => Delivery::NotDelivered,
    };
    tracing::info!(conversation_id = %id, webhook = job.webhook.path(), ?outcome, "webhook");
    if let Some(line) = job.line {
        stand_in.update(|state| state.mark(id, line, delivery));
    }
}

/// What the user wrote while establish was on its way reaches nobody.
async fn refuse(stand_in: &StandIn, id: &ConversationId, queue: &mut mpsc::UnboundedReceiver<Job>) {
    while let Some(job) = queue.recv().await {
        if let Some(line) = job.line {
            stand_in.update(|state| state.mark(id, line, Delivery::NotDelivered));
        }
    }
}

/// Sends a webhook, and again with the identical payload as often as the options say.
async fn send(stand_in: &StandIn, id: &ConversationId, job: &Job, detour: &Detour) -> Outcome {
    let late = detour.late + detour.overtaken.unwrap_or_default();
    if !late.is_zero() {
        tokio::time::sleep(late).await;
    }
    let (retries, pause) = stand_in.read(|state| {
        (
            state.options.webhook_retries,
            state.options.webhook_retry_pause,
        )
    });
    let mut attempt = 1;
    loop {
        let outcome = try_once(stand_in, id, job, attempt, detour.answer_lost).await;
        if outcome == Outcome::Answered(200) || attempt > retries {
            if let Some(later) = detour.repeated {
                let (again, id, job) = (stand_in.clone(), id.clone(), job.clone());
                stand_in.spawn(async move {
                    tokio::time::sleep(later).await;
                    try_once(&again, &id, &job, attempt + 1, false).await;
                });
            }
            return outcome;
        }
        attempt += 1;
        tokio::time::sleep(pause).await;
    }
}

async fn try_once(
    stand_in: &StandIn,
    id: &ConversationId,
    job: &Job,
    attempt: u32,
    answer_lost: bool,
) -> Outcome {
    let (request, timeout, record) = stand_in.update(|state| {
        let base = state.options.webhook_base_url.trim_end_matches('/');
        let mut request = stand_in
            .http()
            .post(format!("{base}{}", job.webhook.path()))
            .header("content-type", "application/json")
            .body(job.payload.to_string());
        if job.webhook == Webhook::Close && state.options.authorize_close {
            let bot = state.conversations.get(id).map(|each| each.bot.as_str());
            let key = state
                .options
                .bots
                .iter()
                .find(|each| Some(&*each.id) == bot);
            if let Some(bot) = key {
                request = request.bearer_auth(&bot.api_key);
            }
        }
        state.sent.push(Sent {
            webhook: job.webhook,
            conversation_id: id.clone(),
            timestamp: job.timestamp,
            payload: job.payload.clone(),
            attempt,
            outcome: Outcome::Pending,
            answer: None,
            at: now(),
            took: None,
        });
        let record = state.sent.len() - 1;
        (request, state.options.webhook_timeout, record)
    });
    let started = Instant::now();
    let (outcome, answer) = match tokio::time::timeout(timeout, answer(request)).await {
        Ok(Ok(_)) if answer_lost && attempt == 1 => (Outcome::Failed, None),
        Ok(Ok((status, answer))) => (Outcome::Answered(status), answer),
        Ok(Err(_)) => (Outcome::Failed, None),
        Err(_) => (Outcome::TimedOut, None),
    };
    stand_in.update(|state| {
        let sent = &mut state.sent[record];
        sent.outcome = outcome;
        sent.answer = answer.map(Value::Object);
        sent.took = Some(started.elapsed());
    });
    outcome
}

/// The HTTP status, and the body where it is a JSON object.
async fn answer(
    request: reqwest::RequestBuilder,
) -> reqwest::Result<(u16, Option<Map<String, Value>>)> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    Ok((status, serde_json::from_slice(&body).ok()))
}
