//! What the three webhook functions share: the token, the body, the answer.

use std::sync::Arc;

use lambda_http::http::StatusCode;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::{Body, Request, RequestExt as _, Response};
use serde::Serialize;

use crate::config::{Base, ConfigError, tokens_from_env};
use crate::gptbots::{FieldError, Payload};
use crate::metrics::{Metric, Metrics};
use crate::settings::{Closed, FromDocument, Settings, SettingsSource};
use crate::store::{Store, StoreError};
use crate::token::Tokens;

/// The largest body taken, in bytes.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// What each of the three functions stands on. `S`: what it reads of the settings.
#[derive(Debug)]
pub struct Webhook<S = Settings> {
    /// The table.
    pub store: Store,
    /// The operator's settings.
    pub settings: Arc<SettingsSource<S>>,
    /// The tokens that are valid.
    pub tokens: Tokens,
    /// What is counted.
    pub metrics: Metrics,
}

impl<S: FromDocument> Webhook<S> {
    /// Starts logging, sets the SDK up and reads the settings.
    ///
    /// # Errors
    /// When `TABLE_NAME` or `WEBHOOK_TOKEN_SHA256` is not set, or not what it has to be.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let base = Base::from_env().await?;
        Ok(Self {
            store: base.store,
            settings: base.settings,
            tokens: tokens_from_env()?,
            metrics: base.metrics,
        })
    }

    /// The answer GPTBots expects: `{"code": …, "message": "…"}`, `success` when it worked.
    pub fn answer(&self, result: Result<(), WebhookError>) -> Response<Body> {
        let response = answer(result);
        if response.status().is_client_error() {
            self.metrics.add(Metric::RefusedWebhooks, 1);
        }
        self.metrics.flush();
        response
    }
}

/// Why a webhook is not answered with 200.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The path has no valid token.
    #[error("the token in the path is not valid")]
    Token,
    /// The body is too large.
    #[error("body: must be at most 4 MB")]
    TooLarge,
    /// The body is not JSON, and does not claim to be.
    #[error("body: must be JSON (Content-Type: application/json)")]
    NotJson,
    /// The body claims to be JSON and is not.
    #[error("body: is not valid JSON (line {line}, column {column})")]
    BrokenJson {
        /// Line in the body, from 1.
        line: usize,
        /// Column in the line.
        column: usize,
    },
    /// A field is missing or wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Nobody is there, and the settings refuse handoffs then: the user is told "busy".
    #[error("closed{}", .0.opens.as_ref().map_or(String::new(), |at| format!(", opens on {at}")))]
    Closed(Closed),
    /// The table failed: ours, and the caller may try again.
    #[error("not stored, please try again")]
    Store(#[from] StoreError),
}

impl WebhookError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BrokenJson { .. } | Self::Field(_) => StatusCode::BAD_REQUEST,
            Self::Closed(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<Closed> for WebhookError {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

/// Checks the token of a webhook whose path ends in `route` (`/chat`) and reads its body.
///
/// The token is the path segment before the route: the path can carry a stage or a prefix before
/// it.
///
/// # Errors
/// When the token is wrong, or the body is too large or not JSON.
pub fn read(request: &Request, tokens: &Tokens, route: &str) -> Result<Payload, WebhookError> {
    let token = request
        .raw_http_path()
        .strip_suffix(route)
        .and_then(|before| before.rsplit('/').next())
        .filter(|token| tokens.accept(token));
    if token.is_none() {
        return Err(WebhookError::Token);
    }
    let body = request.body().as_ref();
    if body.len() > MAX_BODY_BYTES {
        return Err(WebhookError::TooLarge);
    }
    // What is broken within a text is replaced: better a mark in it than a message lost.
    let text = String::from_utf8_lossy(body);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let parsed = Payload::from_json(text)
        .or_else(|error| Payload::from_json(&without_lone_surrogates(text)).map_err(|_| error));
    parsed.map_err(|error| {
        let claims_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains("json"));
        if claims_json {
            WebhookError::BrokenJson {
                line: error.line(),
                column: error.column(),
            }
        } else {
            WebhookError::NotJson
        }
    })
}

/// Replaces escapes of half a character, which JSON's grammar allows and no text can hold: a text
/// that was cut inside an emoji, say.
fn without_lone_surrogates(json: &str) -> String {
    let unit = |at: usize| -> Option<u16> {
        let hex = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut mended = String::with_capacity(json.len());
    let mut at = 0;
    while let Some(rest) = json.get(at..).filter(|rest| !rest.is_empty()) {
        let low = |unit: u16| (0xdc00..0xe000).contains(&unit);
        let length = match unit(at) {
            Some(0xd800..0xdc00) if unit(at + 6).is_some_and(low) => 12,
            Some(0xd800..0xe000) => {
                mended.push_str("\\ufffd");
                at += 6;
                continue;
            }
            Some(_) => 6,
            // An escaped backslash begins no other escape.
            None if rest.starts_with("\\\\") => 2,
            None => rest.chars().next().map_or(1, char::len_utf8),
        };
        mended.push_str(&rest[..length]);
        at += length;
    }
    mended
}

#[derive(Serialize)]
struct Answer<'a> {
    code: u16,
    message: &'a str,
}

fn answer(result: Result<(), WebhookError>) -> Response<Body> {
    let (status, message) = match result {
        Ok(()) => (StatusCode::OK, "success".to_owned()),
        Err(error) => {
            match &error {
                WebhookError::Store(cause) => tracing::error!(error = %cause, "webhook not stored"),
                WebhookError::Closed(_) => tracing::info!(%error, "handoff refused"),
                _ => tracing::warn!(%error, "webhook refused"),
            }
            (error.status(), error.to_string())
        }
    };
    refusal(status, &message)
}

/// `{"code": <status>, "message": "…"}`: how everything that is called answers, but for what a
/// contract wants otherwise.
pub fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let code = status.as_u16();
    json(status, &Answer { code, message })
}

/// A JSON answer that nobody may keep.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_string(body).unwrap_or_default();
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        lambda_http::http::HeaderValue::from_static("application/json"),
    );
    headers.insert(
        CACHE_CONTROL,
        lambda_http::http::HeaderValue::from_static("no-store"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_body(content_type: &str, body: impl Into<Vec<u8>>) -> Result<String, String> {
        let tokens = Tokens::parse(&Tokens::hash("t")).unwrap();
        let request = lambda_http::http::Request::builder()
            .header(CONTENT_TYPE, content_type)
            .body(Body::Binary(body.into()))
            .unwrap()
            .with_raw_http_path("/t/chat");
        read(&request, &tokens, "/chat")
            .and_then(|payload| Ok(payload.chat()?.text))
            .map_err(|error| format!("{} {error}", error.status().as_u16()))
    }

    #[test]
    fn encodings_that_are_not_quite_right_lose_no_message() {
        const JSON: &str = "application/json";
        let line =
            |text: &str| format!(r#"{{"conversation_id":"c","timestamp":1,"body":"{text}"}}"#);
        assert_eq!(
            read_body(JSON, format!("\u{feff}{}", line("x"))).unwrap(),
            "x"
        );
        assert_eq!(read_body("text/plain", line("x")).unwrap(), "x");
        let mut broken = line("a_b").into_bytes();
        *broken.iter_mut().rfind(|byte| **byte == b'_').unwrap() = 0xff;
        assert_eq!(read_body(JSON, broken).unwrap(), "a\u{fffd}b");
        assert_eq!(read_body(JSON, line(r"a\ud83d")).unwrap(), "a\u{fffd}");
        assert_eq!(read_body(JSON, line(r"\u0000\u001b")).unwrap(), "\0\u{1b}");
        // The last of several members of one name counts, as in most languages.
        assert_eq!(read_body(JSON, line(r#"x","body":"y"#)).unwrap(), "y");
        let utf16: Vec<u8> = line("x")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            read_body(JSON, utf16.clone()).unwrap_err(),
            "400 body: is not valid JSON (line 1, column 2)"
        );
        assert!(
            read_body("text/plain", utf16)
                .unwrap_err()
                .starts_with("415 body: ")
        );
    }

    #[test]
    fn a_body_as_deep_as_it_is_long_is_taken() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        for member in ["body", "unknown"] {
            let body = format!(r#"{{"conversation_id":"c","timestamp":1,"{member}":{deep}}}"#);
            assert!(read_body("application/json", body).is_ok(), "{member}");
        }
        assert_eq!(
            read_body("application/json", vec![b'x'; MAX_BODY_BYTES + 1]).unwrap_err(),
            "413 body: must be at most 4 MB"
        );
    }

    #[test]
    fn half_a_character_is_replaced_and_nothing_else_is() {
        for (json, mended) in [
            (r#"{"a":"x\ud83d"}"#, r#"{"a":"x\ufffd"}"#),
            (
                r#""\udc00\ud800\ud83d\ude00""#,
                r#""\ufffd\ufffd\ud83d\ude00""#,
            ),
            (r#""\\ud83d 你\n\u0041""#, r#""\\ud83d 你\n\u0041""#),
            (r#""\ud83d\u00"#, r#""\ufffd\u00"#),
            ("", ""),
        ] {
            assert_eq!(without_lone_surrogates(json), mended);
        }
    }
}
