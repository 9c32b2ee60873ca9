//! The page on which one plays the agent. Everything is text; nothing anybody writes is ever read
//! as HTML.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Own, webhooks};
use crate::{Act, From};

/// No `frame-ancestors`: the sandbox's start page shows this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'";

pub(super) fn router() -> Router<Own> {
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
        .route("/page/api/conversations", get(conversations))
        .route("/page/api/acts", post(act))
        .route("/files/{n}", get(file))
        .layer(middleware::from_fn(guard))
}

fn asset(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter<Own> {
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}

/// Lets nothing through that a foreign page could have sent.
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !text(headers, &header::HOST).is_some_and(is_loopback) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if request.method() == Method::POST && !kind.starts_with("application/json") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("127.0.0.1" | "localhost" | "::1"))
}

async fn conversations(State(own): State<Own>) -> Json<Value> {
    let seen = own.state().seen();
    let shown = seen.iter().map(|talk| {
        let lines = talk.lines.iter().map(|line| {
            let from = match line.from {
                From::User => "user",
                From::Bridge => "bridge",
                From::Agent => "agent",
                From::Note => "note",
            };
            json!({"from": from, "text": line.text})
        });
        json!({
            "reference": talk.reference,
            "about": talk.about,
            "closed": talk.closed,
            "lines": lines.collect::<Vec<_>>(),
        })
    });
    Json(json!({"conversations": shown.collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
struct Wish {
    reference: String,
    act: String,
    #[serde(default)]
    text: String,
}

async fn act(State(own): State<Own>, Json(wish): Json<Wish>) -> Response {
    let act = match wish.act.as_str() {
        "say" => Act::Say(wish.text),
        "note" => Act::Note(wish.text),
        "claim" => Act::Claim,
        "close" => Act::Close,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let statuses = webhooks::act(&own, &wish.reference, act).await;
    Json(json!({"statuses": statuses})).into_response()
}

/// A file that an agent sent; always as a download.
async fn file(State(own): State<Own>, Path(n): Path<usize>) -> Response {
    let file = own.state().files.get(n).cloned();
    let Some((_, bytes)) = file else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    (headers, bytes).into_response()
}
