//! The API: who may call it, how it fails, and which call is which.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{API_TOKEN, EMAIL, Shared, api_ticket};
use crate::{Failure, Recorded};

/// An answer: the status, and its JSON.
pub(super) type Answer = (u16, Value);

/// A call of the API.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) idempotency_key: Option<String>,
    pub(super) body: Value,
}

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/v2/{*path}", any(call))
        .route("/attachments/token/{token}/", get(attachment))
        .route("/attachments/storage/{token}", get(stored))
}

async fn call(
    State(shared): State<Shared>,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let content_type = text(&headers, header::CONTENT_TYPE.as_str());
    let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = Asked {
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        idempotency_key: Some(text(&headers, "idempotency-key")).filter(|key| !key.is_empty()),
        method,
        path,
        body: json,
    };
    let failure = {
        let mut state = shared.lock();
        *state.calls.entry(purpose(&asked).to_owned()).or_default() += 1;
        let question = if query.is_empty() { "" } else { "?" };
        state.requests.push(Recorded {
            method: asked.method.to_string(),
            path: format!("/api/v2/{}{question}{query}", asked.path),
            content_type: content_type.clone(),
            body: asked.body.clone(),
        });
        state.failure_now()
    };
    if let Some(refused) = refused(failure, &headers).await {
        return refused;
    }
    if !body.is_empty() && !content_type.starts_with("application/json") {
        return json_answer((415, json!({"error": "UnsupportedMediaType"})));
    }
    if !body.is_empty() && asked.body.is_null() {
        return json_answer((
            400,
            json!({"error": "BadRequest", "description": "Malformed JSON"}),
        ));
    }
    let answer = answer(&shared, &asked);
    if failure == Some(Failure::DropAfter) {
        return broken();
    }
    json_answer(answer)
}

/// What the call is for.
fn purpose(asked: &Asked) -> &'static str {
    let parts: Vec<&str> = asked.path.split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("POST", ["users", "create_or_update"]) => "user",
        ("GET", ["users", "me"]) => "check",
        ("POST", ["tickets"]) => "open",
        ("GET", ["tickets"]) => "find",
        ("GET", ["tickets", _]) => "ticket",
        ("PUT", ["tickets", _]) if asked.body["ticket"]["status"] == "solved" => "close",
        ("PUT", ["tickets", _]) => "post",
        ("GET", ["tickets", _, "comments"]) => "comments",
        ("GET", ["tickets", _, "audits"]) => "audits",
        _ => "unknown",
    }
}

fn answer(shared: &Shared, asked: &Asked) -> Answer {
    let parts: Vec<&str> = asked.path.split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("POST", ["users", "create_or_update"]) => api_ticket::create_or_update_user(shared, asked),
        ("GET", ["users", "me"]) => api_ticket::me(shared),
        ("POST", ["tickets"]) => api_ticket::create(shared, asked),
        ("GET", ["tickets"]) => api_ticket::list(shared, asked),
        ("GET", ["tickets", id]) => api_ticket::show(shared, id),
        ("PUT", ["tickets", id]) => api_ticket::update(shared, id, asked),
        ("GET", ["tickets", id, "comments"]) => api_ticket::comments(shared, id, asked),
        ("GET", ["tickets", id, "audits"]) => api_ticket::audits(shared, id, asked),
        _ => (
            404,
            json!({"error": "InvalidEndpoint", "description": "Not found"}),
        ),
    }
}

/// The answer where the call gets no further.
async fn refused(failure: Option<Failure>, headers: &HeaderMap) -> Option<Response> {
    let pair = STANDARD.encode(format!("{EMAIL}/token:{API_TOKEN}"));
    let signed_in = text(headers, "authorization") == format!("Basic {pair}");
    match failure {
        Some(Failure::Unauthorized) => Some(unauthorized()),
        _ if !signed_in => Some(unauthorized()),
        Some(Failure::RateLimited(wait)) => Some(too_many(wait)),
        Some(Failure::ServerError) => {
            let body = json!({"error": "ServiceUnavailable"});
            Some(json_answer((503, body)))
        }
        // Zendesk refuses with a status and not inside a 200.
        Some(Failure::RefusedInBody) => {
            let body = json!({"error": "BadRequest", "description": "Invalid"});
            Some(json_answer((400, body)))
        }
        Some(Failure::Hang) => std::future::pending().await,
        Some(Failure::DropAfter) | None => None,
    }
}

/// An attachment of an account where one has to sign in for them.
async fn attachment(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let failure = {
        let mut state = shared.lock();
        *state.calls.entry("file".to_owned()).or_default() += 1;
        state.failure_now()
    };
    if let Some(refused) = refused(failure, &headers).await {
        return refused;
    }
    if token == "elsewhere" {
        return redirect("https://files.example.com/attachments/x".to_owned());
    }
    redirect(format!("/attachments/storage/{token}"))
}

async fn stored(State(shared): State<Shared>, Path(token): Path<String>) -> Response {
    match shared.lock().files.get(&token) {
        Some((_, bytes)) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn redirect(to: String) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

fn unauthorized() -> Response {
    json_answer((401, json!({"error": "Couldn't authenticate you"})))
}

pub(super) fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs_f64().ceil().to_string();
    let body = json!({"error": "APIRateLimitExceeded"}).to_string();
    (
        StatusCode::TOO_MANY_REQUESTS,
        [
            (header::RETRY_AFTER.as_str(), seconds.as_str()),
            ("content-type", "application/json"),
        ],
        body,
    )
        .into_response()
}

fn json_answer((status, body): Answer) -> Response {
    if let Some(wait) = body.get("retry_after").and_then(Value::as_u64) {
        return too_many(Duration::from_secs(wait));
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body)).into_response()
}

/// An answer whose connection breaks before it is there.
fn broken() -> Response {
    let cut = futures_util::stream::once(async {
        Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    Body::from_stream(cut).into_response()
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
