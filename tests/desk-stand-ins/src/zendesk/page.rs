//! The page on which one plays the agent. What people wrote is never read as HTML.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::AGENT_NAME;
use super::{Shared, act, shown};
use crate::{Act, From};

/// No `frame-ancestors`: the sandbox's start page shows this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";

pub(super) fn router() -> Router<Shared> {
    let html = include_str!("page/index.html");
    let script = include_str!("page/app.js");
    let style = include_str!("page/style.css");
    Router::new()
        .route("/agent", asset("text/html; charset=utf-8", html))
        .route(
            "/agent/app.js",
            asset("text/javascript; charset=utf-8", script),
        )
        .route("/agent/style.css", asset("text/css; charset=utf-8", style))
        .route("/agent/api/tickets", get(tickets))
        .route("/agent/api/tickets/{id}", post(acted))
        .layer(middleware::from_fn(guard))
}

fn asset(kind: &'static str, text: &'static str) -> MethodRouter<Shared> {
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}

/// Lets nothing through that a foreign page could have sent.
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_loopback(headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let kind = headers.get(header::CONTENT_TYPE);
    let json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if request.method() == Method::POST && !json {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

async fn tickets(State(shared): State<Shared>) -> Json<Value> {
    let state = shared.lock();
    let tickets: Vec<Value> = state
        .tickets
        .iter()
        .rev()
        .map(|ticket| {
            let seen = shown::seen(&state, ticket);
            let lines: Vec<Value> = seen
                .lines
                .iter()
                .map(|line| json!({"from": name(line.from), "text": line.text}))
                .collect();
            let assignee = ticket.assignee.and_then(|id| state.user(id));
            json!({
                "id": seen.reference, "subject": ticket.subject, "status": ticket.status,
                "requester": state.user(ticket.requester).map(|user| user.name.clone()),
                "assignee": assignee.map(|user| user.name.clone()), "lines": lines,
            })
        })
        .collect();
    Json(json!({"agent": AGENT_NAME, "tickets": tickets}))
}

fn name(from: From) -> &'static str {
    match from {
        From::User => "user",
        From::Bridge => "bridge",
        From::Agent => "agent",
        From::Note => "note",
    }
}

/// What the page asks for.
#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "lowercase")]
enum Asked {
    Claim,
    Say { text: String },
    Note { text: String },
    File { name: String, content: String },
    Solve,
    Reopen,
}

async fn acted(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(asked): Json<Asked>,
) -> Response {
    let act = match asked {
        Asked::Claim => Act::Claim,
        Asked::Say { text } => Act::Say(text),
        Asked::Note { text } => Act::Note(text),
        Asked::Solve => Act::Close,
        Asked::Reopen => Act::Reopen,
        Asked::File { name, content } => match STANDARD.decode(content) {
            Ok(bytes) => Act::SendFile(name, bytes),
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        },
    };
    Json(json!({"statuses": act::act(&shared, &id, act).await})).into_response()
}
