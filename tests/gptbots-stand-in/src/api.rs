//! The answers of the API: success, and the documented codes (contract, section 4).

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::options::Refusals;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No API key, or one of no bot.
    Key,
    /// A parameter is missing or wrong.
    Parameter(&'static str),
    /// The conversation does not exist, or does no longer.
    Unknown,
    /// The conversation belongs to another bot's key.
    NotYours,
}

/// An answer with the `code` it carries, for the record.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) code: i64,
    pub(crate) response: Response,
}

/// The answer to a call.
pub(crate) fn answer(result: Result<(), Refusal>, refusals: Refusals) -> Answer {
    let (status, code, message) = match result {
        Ok(()) => (200, 0, "OK"),
        Err(Refusal::Key) => (401, 40_127, "Developer authentication failed"),
        Err(Refusal::Parameter(what)) => (400, 40_000, what),
        Err(Refusal::Unknown) => (400, 40_356, "Conversation does not exist"),
        Err(Refusal::NotYours) => (400, 40_358, "Conversation does not belong to the bot"),
    };
    let status = match status {
        400 if refusals.inside_200 => 200,
        status => status,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = if refusals.nested && result.is_err() {
        json!({"error": {"code": code, "message": message, "status": status.as_u16()}})
    } else {
        json!({"code": code, "message": message})
    };
    Answer {
        status,
        code,
        response: (status, Json(body)).into_response(),
    }
}
