//! The two calls to GPTBots: reply to the user, close the conversation.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::answer::{CallError, read_answer};
use crate::conversation::{ConversationId, fingerprint};
use crate::outbound::{Guard, Targets};
use crate::time::{Millis, SharedClock};

/// The first attempt, from connecting to the last byte of the answer. Short, since a chat waits
/// for it and a retry follows (design, "The stream is a doorbell").
pub const FIRST_PATIENCE: Duration = Duration::from_secs(3);
/// The later attempts. A GPTBots that takes everything but answers slowly would else be sent the
/// same line again and again.
pub const LATER_PATIENCE: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The most that is read of an answer: it is one small object.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How to reach one bot at GPTBots. One API key belongs to one bot (contract, section 1).
#[derive(Debug, Clone)]
pub struct Bot {
    /// The bearer key.
    pub api_key: SecretString,
    /// Where GPTBots is, without a slash at the end: `https://api-sg.gptbots.ai`.
    pub base_url: String,
}

impl Bot {
    /// What tells this key at this address from others, and does not give it away.
    pub fn fingerprint(&self) -> String {
        let base_url = self.base_url.trim_end_matches('/');
        fingerprint(&[base_url.as_bytes(), self.api_key.expose_secret().as_bytes()])
    }
}

/// What the relay needs of GPTBots, so that tests can stand in for it.
#[async_trait::async_trait]
pub trait Outbound: Send + Sync {
    /// Shows `text` to the user of this conversation, in one attempt of at most `patience`.
    ///
    /// # Errors
    /// When GPTBots did not take it, or it is not known whether it did; the error says whether
    /// trying again can help.
    async fn reply(
        &self,
        bot: &Bot,
        conversation: &ConversationId,
        text: &str,
        patience: Duration,
    ) -> Result<(), CallError>;

    /// Ends the human conversation; the bot talks to the user again.
    ///
    /// # Errors
    /// As for [`Outbound::reply`].
    async fn close(
        &self,
        bot: &Bot,
        conversation: &ConversationId,
        patience: Duration,
    ) -> Result<(), CallError>;
}

/// The HTTP client cannot be made.
pub type ClientError = reqwest::Error;

/// The client for GPTBots' API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
    clock: SharedClock,
}

#[derive(Serialize)]
struct Call<'a> {
    conversation_id: &'a str,
    timestamp: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
}

impl Client {
    /// A client that may call the given kind of addresses.
    ///
    /// # Errors
    /// When TLS cannot be set up (no root certificates, say).
    pub fn new(targets: Targets, clock: SharedClock) -> Result<Self, ClientError> {
        let guard = Guard::new(targets);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::config())
            .timeout(LATER_PATIENCE)
            .connect_timeout(CONNECT_TIMEOUT)
            // Below what load balancers keep: a connection that slept with a frozen function is
            // opened anew instead of failing the first reply.
            .pool_idle_timeout(Duration::from_secs(20))
            // Through a proxy the guard would not see where a name leads.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(guard.clone()))
            .user_agent(concat!("handoff-for-gptbots/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, guard, clock })
    }

    async fn call(
        &self,
        bot: &Bot,
        path: &str,
        call: &Call<'_>,
        patience: Duration,
    ) -> Result<(), CallError> {
        let url = format!("{}{path}", bot.base_url.trim_end_matches('/'));
        let url = self
            .guard
            .check(&url)
            .map_err(|refusal| CallError::unusable(format!("base_url {refusal}")))?;
        let mut answer = self
            .http
            .post(url)
            .bearer_auth(bot.api_key.expose_secret())
            .json(call)
            .timeout(patience)
            .send()
            .await
            .map_err(|error| CallError::no_answer(describe(&error)))?;
        let status = answer.status().as_u16();
        let retry_after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                // The status alone decides where it is a failure anyway; a 2xx that breaks off
                // may hide a failure code, so it is tried again.
                Err(_) if !(200..300).contains(&status) => break,
                Err(error) => return Err(CallError::no_answer(describe(&error))),
            }
            if body.len() > MAX_ANSWER_BYTES {
                break;
            }
        }
        read_answer(status, retry_after.as_deref(), &body, self.clock.now())
    }
}

#[async_trait::async_trait]
impl Outbound for Client {
    async fn reply(
        &self,
        bot: &Bot,
        conversation: &ConversationId,
        text: &str,
        patience: Duration,
    ) -> Result<(), CallError> {
        let call = Call {
            conversation_id: conversation.as_str(),
            timestamp: self.clock.now(),
            body: Some(text),
        };
        self.call(bot, "/v1/human/message/receive", &call, patience)
            .await
    }

    async fn close(
        &self,
        bot: &Bot,
        conversation: &ConversationId,
        patience: Duration,
    ) -> Result<(), CallError> {
        let call = Call {
            conversation_id: conversation.as_str(),
            timestamp: self.clock.now(),
            body: None,
        };
        self.call(bot, "/v1/human/close", &call, patience).await
    }
}

/// What went wrong on the way, without the address (it can hold a name that is nobody's business).
fn describe(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    }
}
