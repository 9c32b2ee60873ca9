//! The page on which one plays the agent. Everything that somebody wrote is shown as text.

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Slack;
use super::model::CHANNEL;
use crate::{Act, From};

/// No `frame-ancestors`: the sandbox's start page shows this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

pub(super) fn router() -> Router<Slack> {
    Router::new()
        .route(
            "/",
            asset("text/html; charset=utf-8", include_str!("page/index.html")),
        )
        .route(
            "/page/style.css",
            asset("text/css; charset=utf-8", include_str!("page/style.css")),
        )
        .route(
            "/page/app.js",
            asset(
                "text/javascript; charset=utf-8",
                include_str!("page/app.js"),
            ),
        )
        .route("/page/api/threads", get(threads))
        .route("/page/api/acts", post(act))
        .layer(middleware::from_fn(guard))
}

fn asset(kind: &'static str, text: &'static str) -> MethodRouter<Slack> {
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}

/// Lets nothing through that a foreign page could have sent: the Host header defeats a name that
/// was rebound to loopback, the content type makes a browser ask before it posts across origins.
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_loopback(headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let content_type = headers.get(header::CONTENT_TYPE);
    let json = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if request.method() == Method::POST && !json {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("127.0.0.1" | "localhost" | "::1"))
}

async fn threads(Shared(slack): Shared<Slack>) -> Json<Value> {
    let threads = slack.read(|state| {
        let seen = super::view::seen(state, CHANNEL);
        seen.into_iter()
            .map(|seen| {
                let ts = seen.reference.rsplit('/').next().unwrap_or_default();
                let root = state.root(ts).map(|root| root.blocks.clone());
                let buttons = root.unwrap_or_default();
                let buttons: Vec<_> = super::view::buttons(&buttons)
                    .map(|button| button["text"]["text"].clone())
                    .collect();
                let lines: Vec<_> = seen
                    .lines
                    .into_iter()
                    .map(|line| {
                        let from = match line.from {
                            From::User => "user",
                            From::Bridge => "app",
                            From::Agent => "agent",
                            From::Note => "note",
                        };
                        json!({"from": from, "text": line.text, "accident": line.accident})
                    })
                    .collect();
                json!({
                    "reference": seen.reference, "about": seen.about, "lines": lines,
                    "closed": seen.closed, "buttons": buttons,
                })
            })
            .collect::<Vec<_>>()
    });
    Json(json!({"threads": threads}))
}

#[derive(Deserialize)]
struct Wish {
    reference: String,
    act: String,
    #[serde(default)]
    text: String,
    /// The file's bytes in base64; `text` is its name then.
    file: Option<String>,
}

async fn act(Shared(slack): Shared<Slack>, Json(wish): Json<Wish>) -> Response {
    let act = match (wish.act.as_str(), wish.file) {
        ("claim", _) => Act::Claim,
        ("close", _) => Act::Close,
        ("say", _) if !wish.text.trim().is_empty() => match wish.text.strip_prefix("//") {
            Some(note) => Act::Note(note.trim_start().to_owned()),
            None => Act::Say(wish.text),
        },
        ("file", Some(bytes)) => match STANDARD.decode(bytes) {
            Ok(bytes) => Act::SendFile(wish.text, bytes),
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        },
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let statuses = slack.do_act(&wish.reference, act).await;
    Json(json!({"statuses": statuses})).into_response()
}
