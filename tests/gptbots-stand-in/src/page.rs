//! The user's web page and its API. Everything is text; nothing a user or an agent writes is ever
//! read as HTML.

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    calls::is_json,
    events,
    model::{UserId, UserProfile},
    stand_in::StandIn,
};

/// No `frame-ancestors`: the sandbox's start page shows this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) fn router() -> Router<StandIn> {
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
            asset(JAVASCRIPT, include_str!("page/app.js")),
        )
        .route(
            "/page/api.js",
            asset(JAVASCRIPT, include_str!("page/api.js")),
        )
        .route(
            "/page/lines.js",
            asset(JAVASCRIPT, include_str!("page/lines.js")),
        )
        .route("/page/api/bots", get(bots))
        .route("/page/api/users", post(open))
        .route("/page/api/users/{user}/events", get(events::events))
        .route("/page/api/users/{user}/profile", post(profile))
        .route("/page/api/users/{user}/messages", post(message))
        .route("/page/api/users/{user}/human", post(human))
        .route("/page/api/users/{user}/leave", post(leave))
        .layer(middleware::from_fn(guard))
}

fn asset(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter<StandIn> {
    get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
}

/// Lets nothing through that a foreign page could have sent: the Host header defeats a name that
/// was rebound to loopback, the content type makes a browser ask before it posts across origins
/// (and nobody answers that question).
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_loopback(headers) {
        return Refused(StatusCode::FORBIDDEN, "The page is for loopback only.").into_response();
    }
    if request.method() == Method::POST && !is_json(headers) {
        return Refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type must be application/json.",
        )
        .into_response();
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

/// An answer that says why not.
pub(crate) struct Refused(StatusCode, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"message": self.1}))).into_response()
    }
}

/// The user of the address, or the answer that there is none.
pub(crate) fn known(stand_in: &StandIn, key: &str) -> Result<UserId, Refused> {
    stand_in
        .find_user(key)
        .ok_or(Refused(StatusCode::NOT_FOUND, "There is no such user."))
}

async fn bots(State(stand_in): State<StandIn>) -> Response {
    let bots = stand_in.read(|state| {
        let bots = state.options.bots.iter();
        bots.map(|bot| json!({"id": bot.id, "name": bot.name}))
            .collect::<Vec<_>>()
    });
    Json(json!({"bots": bots})).into_response()
}

#[derive(Deserialize)]
struct Open {
    /// The user's key; a fresh one without it.
    user: Option<String>,
    /// The bot's id; the first bot without it.
    bot: Option<String>,
}

/// The user with this key, made if need be.
async fn open(State(stand_in): State<StandIn>, Json(wish): Json<Open>) -> Response {
    let opened = stand_in.update(|state| {
        let key = match wish.user {
            Some(key) if is_key(&key) => key,
            Some(_) => return Err("A user's key is 1 to 64 letters, digits, - and _."),
            None => state.fresh_id(20),
        };
        let id = UserId(key);
        if !state.users.contains_key(&id) {
            let first = state.options.bots.first().map(|bot| bot.id.clone());
            let bot = wish.bot.or(first).unwrap_or_default();
            let profile = anonymous(&id, UserProfile::default());
            state
                .add_user(id.clone(), &bot, profile)
                .map_err(|_| "There is no such bot.")?;
        }
        let user = &state.users[&id];
        let bots = &state.options.bots;
        let name = bots.iter().find(|bot| bot.id == user.bot);
        Ok(json!({
            "user": id,
            "bot": {"id": user.bot, "name": name.map(|bot| bot.name.as_str())},
            "profile": user.profile,
        }))
    });
    match opened {
        Ok(opened) => Json(opened).into_response(),
        Err(message) => Refused(StatusCode::BAD_REQUEST, message).into_response(),
    }
}

fn is_key(key: &str) -> bool {
    (1..=64).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Users of non-API channels have an anonymous id (contract, section 2). The page's key serves as
/// it, so that the same key stays the same person when the stand-in starts anew.
fn anonymous(user: &UserId, mut profile: UserProfile) -> UserProfile {
    let api = profile.conversation_type.as_deref() == Some("API");
    profile.anonymous_id = (!api).then(|| user.to_string());
    profile
}

/// Who the user is, from the next human conversation on.
async fn profile(
    State(stand_in): State<StandIn>,
    Path(user): Path<String>,
    Json(profile): Json<UserProfile>,
) -> Result<StatusCode, Refused> {
    let user = known(&stand_in, &user)?;
    stand_in.update(|state| {
        if let Some(known) = state.users.get_mut(&user) {
            known.profile = anonymous(&user, profile);
        }
    });
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Message {
    text: String,
}

async fn message(
    State(stand_in): State<StandIn>,
    Path(user): Path<String>,
    Json(message): Json<Message>,
) -> Result<StatusCode, Refused> {
    let user = known(&stand_in, &user)?;
    if message.text.trim().is_empty() {
        return Err(Refused(StatusCode::BAD_REQUEST, "The message is empty."));
    }
    stand_in.start_saying(&user, &message.text);
    Ok(StatusCode::ACCEPTED)
}

async fn human(
    State(stand_in): State<StandIn>,
    Path(user): Path<String>,
) -> Result<StatusCode, Refused> {
    let user = known(&stand_in, &user)?;
    stand_in.start_asking(&user);
    Ok(StatusCode::ACCEPTED)
}

async fn leave(
    State(stand_in): State<StandIn>,
    Path(user): Path<String>,
) -> Result<StatusCode, Refused> {
    let user = known(&stand_in, &user)?;
    stand_in.leave(&user).await;
    Ok(StatusCode::ACCEPTED)
}
