//! The page on which one plays the agent. Everything is text; nothing that anybody wrote is ever
//! read as HTML.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Shared, acts, shown};
use crate::{Act, From};

/// No `frame-ancestors`: the sandbox's start page shows this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'";

pub(super) fn router() -> Router<Shared> {
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
        .route("/page/api/conversations/{reference}/{act}", post(act))
        .route_layer(middleware::from_fn(guard))
}

fn asset(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter<Shared> {
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}

/// Lets nothing through that a foreign page could have sent: the Host header defeats a name that
/// was rebound to loopback, the content type makes a browser ask before it posts across origins.
async fn guard(request: Request, next: Next) -> Response {
    if let Some(refused) = refused(request.method(), request.headers()) {
        return refused.into_response();
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

fn refused(method: &Method, headers: &HeaderMap) -> Option<StatusCode> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    if !matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
        Some(StatusCode::FORBIDDEN)
    } else if method == Method::POST && !kind.starts_with("application/json") {
        Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    } else {
        None
    }
}

async fn conversations(State(shared): State<Shared>) -> Json<Value> {
    let seen = shown::conversations(&shared.state());
    let seen: Vec<_> = seen
        .into_iter()
        .map(|one| {
            let lines: Vec<_> = one
                .lines
                .into_iter()
                .map(|line| {
                    let from = match line.from {
                        From::User => "user",
                        From::Bridge => "bridge",
                        From::Agent => "agent",
                        From::Note => "note",
                    };
                    json!({"from": from, "text": line.text})
                })
                .collect();
            json!({"reference": one.reference, "about": one.about, "closed": one.closed, "lines": lines})
        })
        .collect();
    Json(json!({"conversations": seen}))
}

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    text: String,
}

async fn act(
    State(shared): State<Shared>,
    Path((reference, act)): Path<(String, String)>,
    Json(wish): Json<Wish>,
) -> Result<Json<Value>, StatusCode> {
    let act = match act.as_str() {
        "claim" => Act::Claim,
        "say" => Act::Say(wish.text),
        "note" => Act::Note(wish.text),
        "file" => Act::SendFile("note.txt".to_owned(), wish.text.into_bytes()),
        "close" => Act::Close,
        "reopen" => Act::Reopen,
        _ => return Err(StatusCode::NOT_FOUND),
    };
    if shared.state().talk(&reference).is_none() {
        return Err(StatusCode::NOT_FOUND);
    }
    let answers = acts::act(&shared, &reference, act).await;
    Ok(Json(json!({"answers": answers})))
}
