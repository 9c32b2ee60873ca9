//! The Web API: what of it the bridge uses, refused as Slack refuses it.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Value, json};

use super::Slack;
use super::arguments::{self, Arguments, Refusal};
use super::lists;
use super::model::{Author, BOT, BOT_USER, CHANNEL, Message, State, TEAM, TOKEN, display_name};
use crate::{Failure, Recorded};

pub(super) fn router() -> Router<Slack> {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/files-pri/{id}/{name}", get(file))
}

async fn call(
    Shared(slack): Shared<Slack>,
    Path(name): Path<String>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type = text_of(&headers, header::CONTENT_TYPE);
    let arguments = read(&method, query.as_deref(), &content_type, &body);
    let failure = slack.update(|state| {
        let what = purpose(&name, arguments.as_ref().ok());
        *state.calls.entry(what.to_owned()).or_default() += 1;
        let path = match &query {
            Some(query) => format!("/{name}?{query}"),
            None => format!("/{name}"),
        };
        state.requests.push(Recorded {
            method: method.to_string(),
            path,
            content_type: content_type.clone(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        });
        state.failure()
    });
    match failure {
        Some(Failure::RateLimited(wait)) => return limited(wait.as_secs()),
        Some(Failure::ServerError) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Failure::Hang) => {
            slack.stopped().await;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Some(Failure::RefusedInBody) => return refused("invalid_arguments"),
        Some(Failure::Unauthorized) => return refused("invalid_auth"),
        Some(Failure::DropAfter) | None => {}
    }
    if text_of(&headers, header::AUTHORIZATION) != format!("Bearer {TOKEN}") {
        return refused("invalid_auth");
    }
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(refusal) => return refused(refusal),
    };
    if slack.limits()
        && let Err(seconds) = slack.update(|state| within_limits(state, &name))
    {
        return limited(seconds);
    }
    let answer = slack.update(|state| answer(state, &name, &arguments));
    let answer = match answer {
        Ok(Done { answer, echo }) => {
            if let Some(echo) = echo {
                slack.echo(echo);
            }
            answer
        }
        Err(refusal) => return refused(refusal),
    };
    if failure == Some(Failure::DropAfter) {
        return broken();
    }
    axum::Json(answer).into_response()
}

/// The arguments: of the query, or of a JSON body.
fn read(
    method: &Method,
    query: Option<&str>,
    content_type: &str,
    body: &[u8],
) -> Result<Arguments, Refusal> {
    if method == Method::GET {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        return Ok(pairs
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect());
    }
    if method != Method::POST || query.is_some() {
        return Err("invalid_arguments");
    }
    if !content_type.starts_with("application/json") {
        return Err("invalid_post_type");
    }
    serde_json::from_slice(body).map_err(|_| "invalid_json")
}

/// What a call is for, in the words of all desks.
fn purpose<'a>(method: &'a str, arguments: Option<&Arguments>) -> &'a str {
    match method {
        "chat.postMessage" => match arguments {
            Some(arguments) if arguments.contains_key("thread_ts") => "post",
            _ => "open",
        },
        "chat.update" => "update",
        "chat.delete" => "delete",
        "conversations.history" | "conversations.replies" => "find",
        "users.info" => "name",
        "auth.test" => "check",
        other => other,
    }
}

/// Slack's limits: a message a second and channel, with short bursts; else by the minute.
fn within_limits(state: &mut State, method: &str) -> Result<(), u64> {
    match method {
        "chat.postMessage" => state.take(method, 8, 8),
        "users.info" => state.take(method, 100, 60),
        _ => state.take(method, 50, 60),
    }
}

/// What a call led to.
struct Done {
    answer: Value,
    /// The event that tells the app of it.
    echo: Option<Value>,
}

fn answer(state: &mut State, method: &str, arguments: &Arguments) -> Result<Done, Refusal> {
    let quiet = |answer| Done { answer, echo: None };
    match method {
        "auth.test" => Ok(quiet(json!({
            "ok": true, "url": "https://example.slack.com/", "team": "Example", "team_id": TEAM,
            "user": "handoff", "user_id": BOT_USER, "bot_id": BOT,
        }))),
        "users.info" => user(arguments).map(quiet),
        "conversations.history" => lists::history(state, arguments).map(quiet),
        "conversations.replies" => lists::replies(state, arguments).map(quiet),
        "chat.postMessage" => post(state, arguments),
        "chat.update" => update(state, arguments),
        "chat.delete" => delete(state, arguments).map(quiet),
        _ => Err("unknown_method"),
    }
}

fn user(arguments: &Arguments) -> Result<Value, Refusal> {
    arguments::only(arguments, &["user", "include_locale"])?;
    let id = arguments::text(arguments, "user")?.ok_or("user_not_found")?;
    let name = display_name(id).ok_or("user_not_found")?;
    Ok(json!({
        "ok": true,
        "user": {
            "id": id, "team_id": TEAM, "name": name.to_lowercase().replace(' ', "."),
            "real_name": format!("{name} Example"), "is_bot": id == BOT_USER,
            "profile": {"display_name": name, "real_name": format!("{name} Example")},
        },
    }))
}

const POST: [&str; 13] = [
    "channel",
    "thread_ts",
    "text",
    "blocks",
    "mrkdwn",
    "parse",
    "link_names",
    "unfurl_links",
    "unfurl_media",
    "username",
    "icon_emoji",
    "icon_url",
    "metadata",
];

fn post(state: &mut State, arguments: &Arguments) -> Result<Done, Refusal> {
    arguments::only(arguments, &POST)?;
    arguments::message(arguments)?;
    let thread = arguments::timestamp(arguments, "thread_ts")?;
    // A reply to what is not there any more becomes a message of the channel.
    let thread = thread.filter(|ts| state.root(ts).is_some());
    let username = arguments::text(arguments, "username")?;
    if username.is_some_and(|name| name.is_empty() || name.chars().count() > 80) {
        return Err("invalid_arguments");
    }
    let message = Message {
        ts: state.next_ts(),
        thread: thread.map(str::to_owned),
        author: Author::App {
            username: username.map(str::to_owned),
        },
        text: arguments::text(arguments, "text")?
            .unwrap_or_default()
            .to_owned(),
        mrkdwn: arguments.get("mrkdwn") != Some(&Value::Bool(false)),
        blocks: arguments.get("blocks").cloned().unwrap_or_default(),
        metadata: arguments.get("metadata").cloned().unwrap_or_default(),
        files: Vec::new(),
    };
    let shown = message.to_json(true);
    let mut echo = message.to_json(false);
    echo["channel"] = json!(CHANNEL);
    echo["channel_type"] = json!("channel");
    echo["event_ts"] = json!(message.ts);
    let answer = json!({"ok": true, "channel": CHANNEL, "ts": message.ts, "message": shown});
    state.messages.push(message);
    Ok(Done {
        answer,
        echo: Some(echo),
    })
}

fn update(state: &mut State, arguments: &Arguments) -> Result<Done, Refusal> {
    let known = [
        "channel",
        "ts",
        "text",
        "blocks",
        "parse",
        "metadata",
        "link_names",
    ];
    arguments::only(arguments, &known)?;
    arguments::message(arguments)?;
    let ts = arguments::timestamp(arguments, "ts")?.ok_or("message_not_found")?;
    let message = state.messages.iter_mut().find(|message| message.ts == ts);
    let message = message.ok_or("message_not_found")?;
    if !matches!(message.author, Author::App { .. }) {
        return Err("cant_update_message");
    }
    let before = message.to_json(false);
    if let Some(text) = arguments::text(arguments, "text")? {
        message.text = text.to_owned();
    }
    for (name, member) in [
        ("blocks", &mut message.blocks),
        ("metadata", &mut message.metadata),
    ] {
        if let Some(value) = arguments.get(name) {
            *member = value.clone();
        }
    }
    let after = message.to_json(false);
    let event_ts = state.next_ts();
    Ok(Done {
        answer: json!({"ok": true, "channel": CHANNEL, "ts": ts, "text": after["text"]}),
        echo: Some(json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": CHANNEL,
            "channel_type": "channel", "ts": event_ts, "event_ts": event_ts,
            "message": after, "previous_message": before,
        })),
    })
}

fn delete(state: &mut State, arguments: &Arguments) -> Result<Value, Refusal> {
    arguments::only(arguments, &["channel", "ts"])?;
    arguments::channel(arguments)?;
    let ts = arguments::timestamp(arguments, "ts")?.ok_or("message_not_found")?;
    let message = state.message(ts).ok_or("message_not_found")?;
    if !matches!(message.author, Author::App { .. }) {
        return Err("cant_delete_message");
    }
    state.messages.retain(|message| message.ts != ts);
    Ok(json!({"ok": true, "channel": CHANNEL, "ts": ts}))
}

/// A file as `url_private` gives it: with the token, else it leads to the sign-in.
async fn file(
    Shared(slack): Shared<Slack>,
    Path((id, _name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let failure = slack.update(|state| {
        *state.calls.entry("file".to_owned()).or_default() += 1;
        state.failure()
    });
    match failure {
        Some(Failure::RateLimited(wait)) => return limited(wait.as_secs()),
        Some(Failure::ServerError) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Failure::Hang) => slack.stopped().await,
        _ => {}
    }
    let authorised = text_of(&headers, header::AUTHORIZATION) == format!("Bearer {TOKEN}");
    if !authorised || failure == Some(Failure::Unauthorized) {
        return (
            StatusCode::FOUND,
            [(header::LOCATION, "https://example.slack.com/?redir=x")],
        )
            .into_response();
    }
    slack.read(|state| match state.files.get(&id) {
        Some(file) => (
            [(header::CONTENT_TYPE, file.content_type)],
            file.bytes.clone(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

fn refused(error: &str) -> Response {
    axum::Json(json!({"ok": false, "error": error})).into_response()
}

fn limited(seconds: u64) -> Response {
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(header::RETRY_AFTER, seconds.to_string())],
        axum::Json(json!({"ok": false, "error": "ratelimited"})),
    )
        .into_response()
}

/// An answer whose connection breaks before its body has come.
fn broken() -> Response {
    let parts = [
        Ok(Bytes::from_static(b"{\"ok\":")),
        Err(std::io::Error::other("cut")),
    ];
    let body = Body::from_stream(futures_util::stream::iter(parts));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
