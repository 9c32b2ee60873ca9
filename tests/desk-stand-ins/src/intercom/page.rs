//! The inbox in which one plays the agent. Everything is text; nothing that was written is ever
//! read as HTML.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::acts::by_name;
use crate::From;

/// No `frame-ancestors`: the sandbox's start page shows this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route(
            "/agent",
            asset("text/html; charset=utf-8", include_str!("page/index.html")),
        )
        .route(
            "/agent/style.css",
            asset("text/css; charset=utf-8", include_str!("page/style.css")),
        )
        .route(
            "/agent/app.js",
            asset(
                "text/javascript; charset=utf-8",
                include_str!("page/app.js"),
            ),
        )
        .route("/agent/api/conversations", get(list))
        .route("/agent/api/conversations/{id}/{act}", post(act))
        .layer(middleware::from_fn(guard))
}

fn asset(kind: &'static str, text: &'static str) -> MethodRouter<Arc<Shared>> {
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}

/// Lets nothing through that a foreign page could have sent: the Host header defeats a name that
/// was rebound to loopback, the content type makes a browser ask before it posts across origins.
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_loopback(headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if request.method() == Method::POST && kind != Some(b"application/json") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let host = host.unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("127.0.0.1" | "localhost" | "::1"))
}

async fn list(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let state = shared.state();
    let shown: Vec<_> = state
        .conversations
        .iter()
        .map(|conversation| {
            let seen = shared.seen(&state, conversation);
            let lines: Vec<_> = seen
                .lines
                .iter()
                .map(|line| json!({"from": name(line.from), "text": line.text}))
                .collect();
            json!({
                "id": seen.reference, "about": seen.about, "state": conversation.state,
                "mine": conversation.assignee.is_some(), "lines": lines,
            })
        })
        .collect();
    Json(json!({"conversations": shown}))
}

fn name(from: From) -> &'static str {
    match from {
        From::User => "user",
        From::Bridge => "bridge",
        From::Agent => "agent",
        From::Note => "note",
    }
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    text: String,
}

/// The agent does something; answers what the bridge answered the webhooks.
async fn act(
    State(shared): State<Arc<Shared>>,
    Path((id, name)): Path<(String, String)>,
    Json(typed): Json<Typed>,
) -> Response {
    let Some(act) = by_name(&name, &typed.text) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let statuses = shared.act(&id, act).await;
    Json(json!({"webhooks": statuses})).into_response()
}
