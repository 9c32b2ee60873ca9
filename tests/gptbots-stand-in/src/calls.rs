//! The calls answered: reply, close, and the check of a key (contract, section 1).

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{
    api::{Refusal, answer},
    connection::Scissors,
    faults::{self, Fault, Outage},
    model::ConversationId,
    record::{Call, CallKind},
    stand_in::StandIn,
    state::now,
};

pub(crate) fn router() -> Router<StandIn> {
    Router::new()
        .route("/v1/human/message/receive", post(reply))
        .route("/v1/human/close", post(close))
        .route("/v1/api-key/verify", get(verify))
}

type Connection = ConnectInfo<Scissors>;

async fn reply(
    State(stand_in): State<StandIn>,
    ConnectInfo(scissors): Connection,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    Incoming::new(stand_in, CallKind::Reply, &headers, &body)
        .handle(scissors)
        .await
}

async fn close(
    State(stand_in): State<StandIn>,
    ConnectInfo(scissors): Connection,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    Incoming::new(stand_in, CallKind::Close, &headers, &body)
        .handle(scissors)
        .await
}

async fn verify(
    State(stand_in): State<StandIn>,
    ConnectInfo(scissors): Connection,
    headers: HeaderMap,
) -> Response {
    Incoming::new(stand_in, CallKind::Verify, &headers, &[])
        .handle(scissors)
        .await
}

/// A call and its place in the record.
struct Incoming {
    stand_in: StandIn,
    kind: CallKind,
    key: Option<String>,
    is_json: bool,
    /// `Null` when the body is not JSON.
    body: Value,
    conversation: Option<ConversationId>,
    record: usize,
}

impl Incoming {
    fn new(stand_in: StandIn, kind: CallKind, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let key = header(header::AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(|key| key.trim().to_owned());
        let is_json = is_json(headers);
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let conversation = body["conversation_id"]
            .as_str()
            .filter(|id| !id.is_empty())
            .map(ConversationId::from);
        let record = stand_in.update(|state| {
            state.calls.push(Call {
                kind,
                conversation_id: conversation.clone(),
                status: None,
                code: None,
                outage: false,
                at: now(),
            });
            state.calls.len() - 1
        });
        Self {
            stand_in,
            kind,
            key,
            is_json,
            body,
            conversation,
            record,
        }
    }

    async fn handle(self, scissors: Scissors) -> Response {
        let outage = self.outage();
        match outage {
            None => {
                let result = self.perform();
                self.answer(result)
            }
            Some(outage) => self.fail(outage, scissors).await,
        }
    }

    /// What goes wrong with this call.
    fn outage(&self) -> Option<Outage> {
        let conversation = self.conversation.as_ref();
        let (set, mischief, bot) = self.stand_in.update(|state| {
            let set = faults::hit(&mut state.outages, self.kind, conversation);
            let known = conversation.and_then(|id| state.conversations.get(id));
            let bot = known.map(|known| known.bot.clone()).or_else(|| {
                let bots = &mut state.options.bots.iter();
                let key = self.key.as_deref()?;
                Some(bots.find(|bot| bot.api_key == key)?.id.clone())
            });
            (set, state.mischief.clone(), bot)
        });
        let hit = set.or_else(|| mischief?.call(self.kind, conversation, bot.as_deref()));
        if hit.is_some() {
            self.stand_in
                .update(|state| state.calls[self.record].outage = true);
        }
        hit
    }

    /// Does what the call asks for, or says why not.
    fn perform(&self) -> Result<(), Refusal> {
        self.stand_in.update(|state| {
            let bots = &state.options.bots;
            let key = self.key.as_deref().ok_or(Refusal::Key)?;
            if !bots.iter().any(|bot| bot.api_key == key) {
                return Err(Refusal::Key);
            }
            if self.kind == CallKind::Verify {
                return Ok(());
            }
            if !self.is_json {
                return Err(Refusal::Parameter("Content-Type must be application/json"));
            }
            let id = self
                .conversation
                .as_ref()
                .ok_or(Refusal::Parameter("conversation_id: a string is required"))?;
            let timestamp = self.body["timestamp"]
                .as_i64()
                .ok_or(Refusal::Parameter("timestamp: an integer is required"))?;
            let text = match self.kind {
                CallKind::Reply => Some(self.text(state.options.refusals.reply_limit)?),
                CallKind::Close | CallKind::Verify => None,
            };
            state.receive(key, self.kind, id, timestamp, text)
        })
    }

    fn text(&self, limit: Option<usize>) -> Result<&str, Refusal> {
        let text = self.body["body"]
            .as_str()
            .filter(|text| !text.is_empty())
            .ok_or(Refusal::Parameter("body: a string is required"))?;
        if limit.is_some_and(|limit| text.chars().count() > limit) {
            return Err(Refusal::Parameter("body: too long"));
        }
        Ok(text)
    }

    fn answer(&self, result: Result<(), Refusal>) -> Response {
        let refusals = self.stand_in.read(|state| state.options.refusals);
        let answer = answer(result, refusals);
        self.note(answer.status.as_u16(), Some(answer.code));
        answer.response
    }

    async fn fail(&self, outage: Outage, scissors: Scissors) -> Response {
        let early = outage.takes_effect.then(|| self.perform());
        match outage.fault {
            Fault::Late(late) => {
                tokio::select! {
                    () = tokio::time::sleep(late) => {}
                    () = self.stand_in.stopped() => {}
                }
                self.answer(early.unwrap_or_else(|| self.perform()))
            }
            Fault::Hang => {
                // The caller hanging up drops this future; otherwise the shutdown ends it.
                self.stand_in.stopped().await;
                scissors.cut();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Fault::Drop => {
                scissors.cut();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Fault::CutShort => cut_short(),
            Fault::Status {
                status,
                retry_after,
            } => {
                self.note(status, None);
                later(
                    (http(status), "upstream failure").into_response(),
                    retry_after,
                )
            }
            Fault::Code {
                status,
                code,
                retry_after,
            } => {
                self.note(status, Some(code));
                let body = Json(json!({"code": code, "message": "failure on demand"}));
                later((http(status), body).into_response(), retry_after)
            }
            Fault::Garbage => {
                self.note(200, None);
                (
                    [(header::CONTENT_TYPE, "text/html")],
                    "<html><body>gateway</body></html>",
                )
                    .into_response()
            }
        }
    }

    fn note(&self, status: u16, code: Option<i64>) {
        tracing::info!(
            kind = ?self.kind,
            conversation_id = self.conversation.as_ref().map(ConversationId::as_str),
            status,
            code,
            "call"
        );
        self.stand_in.update(|state| {
            let call = &mut state.calls[self.record];
            call.status = Some(status);
            call.code = code;
        });
    }
}

/// Whether the content type is JSON's, whatever its parameters.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The beginning of a good answer. The server closes the connection when the rest does not come.
fn cut_short() -> Response {
    let begun = Ok::<_, std::io::Error>(Bytes::from_static(br#"{"code":0,"mess"#));
    let broken = Err(std::io::ErrorKind::ConnectionAborted.into());
    let body = Body::from_stream(futures_util::stream::iter([begun, broken]));
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_LENGTH, "27"),
    ];
    (headers, body).into_response()
}

fn http(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn later(mut response: Response, retry_after: Option<String>) -> Response {
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}
