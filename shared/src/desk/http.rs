//! Calls to a desk's API: one client for all desks, and one reading of what went wrong.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::DeskError;
use crate::gptbots::LATER_PATIENCE;
use crate::outbound::{Guard, Targets, retry_after};
use crate::time::{Millis, SharedClock};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The most that is read of an answer: lists of messages are the longest.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;
/// When a limit counts anew, in seconds since 1970: Intercom's instead of `Retry-After`.
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The client for desks' APIs. Only addresses that the guard lets through are called, and no
/// redirect is followed.
#[derive(Debug, Clone)]
pub struct DeskHttp {
    http: reqwest::Client,
    guard: Guard,
    clock: SharedClock,
}

/// A call to a desk's API.
pub struct Call {
    method: Method,
    url: String,
    headers: Vec<(&'static str, SecretString)>,
    body: Body,
    limit: u64,
}

enum Body {
    None,
    Json(Value),
    Bytes(&'static str, Vec<u8>),
}

/// A desk's answer, whatever its status.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// What `Retry-After` asked for, or with 429 `X-RateLimit-Reset`.
    pub retry_after: Option<Duration>,
    /// Where a redirect leads; it has not been followed.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    /// A call without a body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Body::None,
            limit: MAX_ANSWER_BYTES,
        }
    }

    /// `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// `POST` of a JSON document.
    pub fn post(url: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, url).json(body)
    }

    /// `PUT` of a JSON document.
    pub fn put(url: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, url).json(body)
    }

    /// With a JSON body.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    /// With a body of these bytes; what was signed is what is sent.
    pub fn bytes(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.body = Body::Bytes(content_type, body);
        self
    }

    /// With a header. All are treated as secret.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value: String = value.into();
        self.headers.push((name, value.into()));
        self
    }

    /// With a bearer token.
    pub fn bearer(self, token: &SecretString) -> Self {
        let value = format!("Bearer {}", token.expose_secret());
        self.header("authorization", value)
    }

    /// Answers of at most this many bytes.
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }
}

impl DeskHttp {
    /// A client that may call the given kind of addresses.
    ///
    /// # Errors
    /// When TLS cannot be set up (no root certificates, say).
    pub fn new(targets: Targets, clock: SharedClock) -> Result<Self, reqwest::Error> {
        let guard = Guard::new(targets);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::config())
            .timeout(LATER_PATIENCE)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(20))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(guard.clone()))
            .user_agent(concat!("handoff-for-gptbots/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, guard, clock })
    }

    /// Now, by the clock that `Retry-After` is read with.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Takes a desk's base address of the secret, without a slash at the end.
    ///
    /// # Errors
    /// When it may not be called; says why, naming `member`.
    pub fn base_url(&self, member: &str, url: &str) -> Result<String, String> {
        let url = url.trim_end_matches('/');
        match self.guard.check(url) {
            Ok(_) => Ok(url.to_owned()),
            Err(refusal) => Err(format!("{member} {refusal}")),
        }
    }

    /// Makes a call. Any answer at all is `Ok`: what it means is the desk's to say, mostly with
    /// [`Reply::json`].
    ///
    /// # Errors
    /// When there was no answer, or the address may not be called.
    pub async fn send(&self, call: Call) -> Result<Reply, DeskError> {
        let url: Url = self
            .guard
            .check(&call.url)
            .map_err(|refusal| DeskError::Rejected(format!("the address {refusal}")))?;
        let mut request = self.http.request(call.method, url);
        for (name, value) in call.headers {
            let name = HeaderName::from_static(name);
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| {
                DeskError::NotConfigured(format!(
                    "{name}: a credential has characters no header takes"
                ))
            })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        request = match call.body {
            Body::None => request,
            Body::Json(body) => request.json(&body),
            Body::Bytes(content_type, body) => {
                request.header("content-type", content_type).body(body)
            }
        };
        let mut answer = request.send().await.map_err(|error| no_answer(&error))?;
        let header = |name| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().ok()?.to_owned())
        };
        let asked = header(RETRY_AFTER).and_then(|value| retry_after(&value, self.clock.now()));
        let reset = || until_reset(&header(RATE_LIMIT_RESET)?, self.clock.now());
        let mut reply = Reply {
            status: answer.status().as_u16(),
            retry_after: asked.or_else(|| (answer.status() == 429).then(reset)?),
            location: header(reqwest::header::LOCATION),
            body: Vec::new(),
        };
        while let Some(chunk) = answer.chunk().await.map_err(|error| no_answer(&error))? {
            reply.body.extend_from_slice(&chunk);
            if reply.body.len() as u64 > call.limit {
                return Err(DeskError::Rejected("its answer is too large".to_owned()));
            }
        }
        Ok(reply)
    }
}

impl Reply {
    /// Whether the status is 2xx.
    pub fn is_fine(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON where the status is 2xx, with the usual reading of all others: 401 and 403
    /// are credentials; 404 and 410 say that the conversation is gone; 408, 425, 429 and 5xx pass;
    /// anything else is a refusal for good.
    ///
    /// # Errors
    /// For every other status, and where a 2xx is not the JSON that it has to be.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DeskError> {
        self.fine()?;
        // Somebody between us and the desk answered, or the desk is broken.
        serde_json::from_slice(&self.body).map_err(|error| DeskError::Unavailable {
            reason: format!(
                "its answer cannot be read (line {}, column {})",
                error.line(),
                error.column()
            ),
            retry_after: None,
        })
    }

    /// As [`Reply::json`], where the body does not matter.
    ///
    /// # Errors
    /// For every status but 2xx.
    pub fn fine(&self) -> Result<(), DeskError> {
        let status = self.status;
        match status {
            200..=299 => Ok(()),
            401 | 403 => Err(DeskError::NotConfigured(format!(
                "the credentials were refused (HTTP {status})"
            ))),
            404 | 410 => Err(DeskError::Gone(format!("HTTP {status}"))),
            408 | 425 | 429 | 500.. => Err(DeskError::Unavailable {
                reason: format!("HTTP {status}"),
                retry_after: self.retry_after,
            }),
            _ => Err(DeskError::Rejected(format!("HTTP {status}"))),
        }
    }
}

/// How long it is until a time in seconds since 1970; `None` where it is none, or a day away: then
/// the header means something else.
fn until_reset(value: &str, now: Millis) -> Option<Duration> {
    let at = value.trim().parse::<Millis>().ok()?.checked_mul(1000)?;
    let wait = Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or_default());
    (at > 1_000_000_000_000 && wait < Duration::from_secs(86_400)).then_some(wait)
}

fn no_answer(error: &reqwest::Error) -> DeskError {
    let reason = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    DeskError::Unavailable {
        reason: reason.to_owned(),
        retry_after: None,
    }
}

// By hand: bodies hold what was said, headers hold credentials.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_a_time_to_come_and_nothing_else() {
        let now = 1_700_000_000_500;
        let seconds = |value| until_reset(value, now).map(|wait| wait.as_millis());
        assert_eq!(seconds("1700000030"), Some(29_500));
        assert_eq!(seconds(" 1699999999 "), Some(0));
        // Seconds to wait, a time in milliseconds, a date.
        for other in [
            "30",
            "1700000030000",
            "Tue, 14 Nov 2023 22:13:20 GMT",
            "",
            "-1",
            "-9223372036854775",
        ] {
            assert_eq!(seconds(other), None, "{other}");
        }
    }
}
