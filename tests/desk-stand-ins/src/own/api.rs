//! The address that the bridge's events go to.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Own;
use super::sign;
use super::state::Wrong;
use crate::{Failure, Recorded};

/// The most that is taken of a request: what many servers end at.
const MAX_BYTES: usize = 100 * 1024;

pub(super) fn router() -> Router<Own> {
    Router::new().route("/handoff", post(receive))
}

async fn receive(State(own): State<Own>, headers: HeaderMap, body: Bytes) -> Response {
    let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
    let failure = {
        let mut state = own.state();
        let what = match parsed["type"].as_str() {
            Some("conversation.started") => "open",
            Some("message.created" | "notice.created") => "post",
            Some("conversation.closed") => "close",
            Some("ping") => "check",
            _ => "other",
        };
        *state.calls.entry(what.to_owned()).or_default() += 1;
        state.requests.push(Recorded {
            method: "POST".to_owned(),
            path: "/handoff".to_owned(),
            content_type: content_type(&headers).to_owned(),
            body: parsed,
        });
        state.failure
    };
    match failure {
        None => take(&own, &headers, &body),
        Some(Failure::RateLimited(after)) => {
            let seconds = after.as_millis().div_ceil(1_000).to_string();
            let headers = [(header::RETRY_AFTER, seconds)];
            (StatusCode::TOO_MANY_REQUESTS, headers).into_response()
        }
        Some(Failure::ServerError) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Failure::Hang) => {
            own.stopped().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Some(Failure::DropAfter) => {
            take(&own, &headers, &body);
            broken_off()
        }
        Some(Failure::RefusedInBody) => {
            refuse(StatusCode::BAD_REQUEST, "failure on demand").into_response()
        }
        Some(Failure::Unauthorized) => {
            refuse(StatusCode::UNAUTHORIZED, "failure on demand").into_response()
        }
    }
}

fn take(own: &Own, headers: &HeaderMap, body: &[u8]) -> Response {
    let id = match sign::verify(&own.inner.secrets.theirs, headers, body) {
        Ok(id) => id,
        Err(wrong) => return refuse(StatusCode::UNAUTHORIZED, wrong).into_response(),
    };
    if content_type(headers) != "application/json" {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "must be JSON").into_response();
    }
    if body.len() > MAX_BYTES {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "too large").into_response();
    }
    match own.state().take(&id, body) {
        Ok(Some(reference)) => Json(json!({"reference": reference})).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(Wrong::Malformed(why)) => refuse(StatusCode::BAD_REQUEST, &why).into_response(),
        Err(Wrong::Unknown) => refuse(StatusCode::CONFLICT, "no such reference").into_response(),
    }
}

fn refuse(status: StatusCode, message: &str) -> impl IntoResponse + use<> {
    (status, Json(json!({"message": message})))
}

fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The beginning of an answer. The server closes the connection when the rest does not come.
fn broken_off() -> Response {
    let begun = Ok::<_, std::io::Error>(Bytes::from_static(b"{\"ref"));
    let broken = Err(std::io::ErrorKind::ConnectionAborted.into());
    let body = Body::from_stream(futures_util::stream::iter([begun, broken]));
    ([(header::CONTENT_LENGTH, "40")], body).into_response()
}
