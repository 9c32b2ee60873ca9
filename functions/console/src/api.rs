//! The API of the agents' page.

use handoff::conversation::{ClosedBy, ConversationId, EntryId, Notice, Side};
use handoff::desk::CONSOLE;
use handoff::files::FileError;
use handoff::settings::SettingsError;
use handoff::store::{Ended, Posted, Replayed, StoreError};
use handoff::webhook::json;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, RequestExt as _, Response};
use serde_json::{Value, json};

use crate::{Console, agent, team, view};

/// The largest body, in bytes: the longest line there can be, every character of it escaped.
const MAX_BODY_BYTES: usize = 512 * 1024;
/// The longest reason for closing, in characters.
const MAX_REASON: usize = 500;
/// The longest `client_id`, in characters.
pub(crate) const MAX_CLIENT_ID: usize = 200;

/// Why a call is not answered with 200.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("please sign in")]
    NotSignedIn(#[from] agent::Refusal),
    #[error("only supervisors may do this")]
    NotAllowed,
    #[error("{0}")]
    Invalid(String),
    #[error("{name}: must be at most {most} characters long")]
    TooLong { name: String, most: usize },
    #[error("to: is not an agent who has been here lately")]
    NoSuchColleague,
    #[error("no such conversation")]
    NoSuchConversation,
    #[error("no such entry")]
    NoSuchEntry,
    #[error("no such route")]
    NoSuchRoute,
    #[error("body: must be at most 512 KB")]
    TooLarge,
    #[error(transparent)]
    Wrong(#[from] SettingsError),
    #[error("{0}")]
    Conflict(String),
    #[error("{0} has this conversation.")]
    Taken(String),
    #[error("Nobody has this conversation any more.")]
    NobodyHasIt,
    #[error("The conversation has ended.")]
    Ended,
    #[error("{}", Notice::TooLate { ended_by: *.0 })]
    TooLate(Option<ClosedBy>),
    #[error("not possible right now, please try again")]
    Store(#[from] StoreError),
    #[error("not possible right now, please try again")]
    Files(#[from] FileError),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotSignedIn(_) => StatusCode::UNAUTHORIZED,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::Invalid(_) | Self::Wrong(_) | Self::TooLong { .. } | Self::NoSuchColleague => {
                StatusCode::BAD_REQUEST
            }
            Self::NoSuchConversation | Self::NoSuchEntry | Self::NoSuchRoute => {
                StatusCode::NOT_FOUND
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Conflict(_)
            | Self::Taken(_)
            | Self::NobodyHasIt
            | Self::Ended
            | Self::TooLate(_) => StatusCode::CONFLICT,
            Self::Store(_) | Self::Files(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Why, in a word that stays as it is; and what belongs to it. With it a page says it in its
    /// reader's language.
    fn reason(&self) -> Value {
        let why = match self {
            Self::NotSignedIn(_) => "not_signed_in",
            Self::NotAllowed => "not_allowed",
            Self::Invalid(_) | Self::Wrong(_) => "invalid",
            Self::TooLong { .. } => "too_long",
            Self::NoSuchColleague => "no_such_colleague",
            Self::NoSuchConversation => "no_such_conversation",
            Self::NoSuchEntry => "no_such_entry",
            Self::NoSuchRoute => "no_such_route",
            Self::TooLarge => "too_large",
            Self::Conflict(_) => "conflict",
            Self::Taken(_) => "taken",
            Self::NobodyHasIt => "nobody_has_it",
            Self::Ended => "ended",
            Self::TooLate(Some(ClosedBy::User)) => "user_left",
            Self::TooLate(_) => "ended",
            Self::Store(_) | Self::Files(_) => "unavailable",
        };
        let mut reason = json!({"why": why});
        match self {
            Self::TooLong { most, .. } => reason["most"] = json!(most),
            Self::Taken(agent) => reason["agent"] = json!(agent),
            _ => {}
        }
        reason
    }
}

pub(crate) fn invalid(problem: impl Into<String>) -> ApiError {
    ApiError::Invalid(problem.into())
}

/// The answer to a call: its body, or `{"code": …, "message": "…", "reason": {"why": "…"}}`.
pub(crate) fn answer(result: Result<Value, ApiError>) -> Response<Body> {
    match result {
        Ok(body) => json(StatusCode::OK, &body),
        Err(error) => {
            match &error {
                ApiError::Files(cause) => tracing::error!(error = %cause, "console call failed"),
                ApiError::Store(cause) => tracing::error!(error = %cause, "console call failed"),
                ApiError::NotSignedIn(why) => tracing::info!(%why, "console call refused"),
                _ => {}
            }
            let status = error.status();
            let mut body = json!({
                "code": status.as_u16(),
                "message": error.to_string(),
                "reason": error.reason(),
            });
            if let ApiError::Wrong(SettingsError(mistakes)) = &error {
                body["wrong"] = json!(mistakes);
            }
            json(status, &body)
        }
    }
}

impl Console {
    /// Answers a call; `route` are the path's segments behind `/console/api`.
    pub(crate) async fn api(&self, request: &Request, route: &[&str]) -> Result<Value, ApiError> {
        let caller = agent::of(request, self.sign_in.as_ref(), self.clock.now())?;
        if let Some(answer) = self.supervised(&caller, request, route).await {
            return answer;
        }
        let agent = &caller.agent;
        match (request.method(), route) {
            (&Method::GET, ["me"]) => Ok(team::me(&caller)),
            (&Method::GET, ["agents"]) => self.agents().await,
            (&Method::POST, ["agents"]) => self.here(agent).await,
            (&Method::GET, ["canned"]) => self.canned().await,
            (&Method::POST, ["canned"]) => self.put_canned(&caller, &body(request)?).await,
            (&Method::GET, ["conversations"]) => self.list(agent, request).await,
            (&Method::GET, ["failed"]) => self.failed(request).await,
            (&Method::POST, ["replay"]) => self.replay_since(&body(request)?).await,
            (&Method::GET, ["conversations", id]) => self.show(request, &known(id)?).await,
            (&Method::POST, ["conversations", id, "messages"]) => {
                self.post(agent, &known(id)?, &body(request)?).await
            }
            (&Method::POST, ["conversations", id, "notes"]) => {
                self.note(agent, &known(id)?, &body(request)?).await
            }
            (&Method::GET, ["conversations", id, "person"]) => self.person(&known(id)?).await,
            (&Method::POST, ["conversations", id, "claim"]) => {
                self.claim(agent, &known(id)?, &body(request)?).await
            }
            (&Method::POST, ["conversations", id, "release"]) => {
                self.release(agent, &known(id)?).await
            }
            (&Method::POST, ["conversations", id, "assign"]) => {
                self.assign(agent, &known(id)?, &body(request)?).await
            }
            (&Method::POST, ["conversations", id, "close"]) => {
                self.close(&known(id)?, &body(request)?).await
            }
            (&Method::POST, ["conversations", id, "replay"]) => {
                self.replay_conversation(&known(id)?).await
            }
            (&Method::POST, ["conversations", id, "entries", entry, "replay"]) => {
                let entry = EntryId::parse(*entry).map_err(|_| ApiError::NoSuchEntry)?;
                self.replay(&known(id)?, &entry).await
            }
            _ => Err(ApiError::NoSuchRoute),
        }
    }

    async fn show(&self, request: &Request, id: &ConversationId) -> Result<Value, ApiError> {
        let query = request.query_string_parameters();
        let after = query.first("after").filter(|after| !after.is_empty());
        // Side by side: an agent waits.
        let (known, page) =
            tokio::try_join!(self.store.conversation(id), self.store.log(id, after))?;
        let known = known.ok_or(ApiError::NoSuchConversation)?;
        let page = page.ok_or_else(|| invalid("after: is not a cursor of this conversation"))?;
        let mut shown = json!({
            "conversation": view::conversation(&known),
            "entries": page.entries.iter().filter(|entry| !entry.copy).map(view::entry).collect::<Vec<_>>(),
            "cursor": page.cursor,
            "more": page.more,
        });
        if after.is_none() {
            let history = self.store.history(id, known.episode).await?;
            shown["history"] = json!(history.turns);
            shown["history_omitted"] = json!(history.omitted);
        }
        Ok(shown)
    }

    async fn post(
        &self,
        agent: &handoff::conversation::Agent,
        id: &ConversationId,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let settings = self.settings.get().await;
        let text = required(body, "text", settings.reply_max_chars as usize)?;
        let client_id = required(body, "client_id", MAX_CLIENT_ID)?;
        let posted = self
            .store
            .post(id, agent, client_id, text, settings.retention_days)
            .await?;
        match posted {
            Posted::Stored(entry) => Ok(json!({"entry": view::entry(&entry)})),
            Posted::Closed(known) => Err(ApiError::TooLate(known.closed_by)),
            Posted::Unknown => Err(ApiError::NoSuchConversation),
        }
    }

    async fn close(&self, id: &ConversationId, body: &Value) -> Result<Value, ApiError> {
        let reason = match body.get("reason") {
            None | Some(Value::Null) => None,
            Some(Value::String(reason)) if reason.trim().is_empty() => None,
            Some(Value::String(reason)) if reason.chars().count() > MAX_REASON => {
                return Err(invalid("reason: must be at most 500 characters long"));
            }
            Some(Value::String(reason)) => Some(reason.trim()),
            Some(_) => return Err(invalid("reason: must be a string")),
        };
        let settings = self.settings.get().await;
        let known = self
            .store
            .conversation(id)
            .await?
            .ok_or(ApiError::NoSuchConversation)?;
        // The console shows the log, which says it; any other desk has to be told.
        let tell: &[Side] = if known.desk == CONSOLE {
            &[Side::User]
        } else {
            &[Side::User, Side::Desk]
        };
        match self
            .store
            .end(id, ClosedBy::Agent, reason, tell, settings.retention_days)
            .await?
        {
            Ended::Yes(known) => Ok(json!({"conversation": view::conversation(&known)})),
            Ended::Unknown => Err(ApiError::NoSuchConversation),
        }
    }

    async fn replay(&self, id: &ConversationId, entry: &EntryId) -> Result<Value, ApiError> {
        match self.store.replay(id, entry).await? {
            Replayed::Yes(entry) => Ok(json!({"entry": view::entry(&entry)})),
            Replayed::Closed(known) => Err(ApiError::TooLate(known.closed_by)),
            Replayed::Unknown => Err(match self.store.conversation(id).await? {
                Some(_) => ApiError::NoSuchEntry,
                None => ApiError::NoSuchConversation,
            }),
        }
    }
}

/// A conversation id in a path. What does not decode names no conversation.
pub(crate) fn known(segment: &str) -> Result<ConversationId, ApiError> {
    ConversationId::from_path(segment).map_err(|_| ApiError::NoSuchConversation)
}

/// The JSON object of a request; an empty body counts as an empty object.
pub(crate) fn body(request: &Request) -> Result<Value, ApiError> {
    let bytes = request.body().as_ref();
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    if bytes.len() > MAX_BODY_BYTES {
        return Err(ApiError::TooLarge);
    }
    let body: Value = serde_json::from_slice(bytes).map_err(|error| {
        if error.to_string().starts_with("recursion limit exceeded") {
            return invalid("body: is nested too deeply");
        }
        invalid(format!(
            "body: is not valid JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if body.is_object() {
        Ok(body)
    } else {
        Err(invalid("body: must be a JSON object"))
    }
}

pub(crate) fn required<'a>(
    body: &'a Value,
    name: &str,
    max_chars: usize,
) -> Result<&'a str, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Err(invalid(format!("{name}: is missing"))),
        Some(Value::String(text)) if text.trim().is_empty() => {
            Err(invalid(format!("{name}: must not be empty")))
        }
        Some(Value::String(text)) if text.chars().count() > max_chars => Err(ApiError::TooLong {
            name: name.to_owned(),
            most: max_chars,
        }),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(invalid(format!("{name}: must be a string"))),
    }
}
