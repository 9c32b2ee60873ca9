//! An agent at the console: its API with a token, over HTTPS as the page calls it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::error::{Error, ensure, failed};
use crate::marks::random_hex;

/// An agent who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    http: Client,
    api: String,
    token: String,
}

impl Agent {
    /// With the ID token of the sign-in; `console` is the output `ConsoleUrl`.
    pub(crate) fn new(console: &str, token: &str) -> Result<Self, Error> {
        Ok(Self {
            http: Client::builder().build()?,
            api: format!("{console}/api"),
            token: token.to_owned(),
        })
    }

    /// The ID token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Calls the API; the status and the body.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), Error> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.api))
            .bearer_auth(&self.token)
            .timeout(Duration::from_secs(30));
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Error> {
        let (status, answer) = self.call(method, path, body).await?;
        ensure(status == StatusCode::OK, || {
            format!("{path}: {status} {answer}")
        })?;
        Ok(answer)
    }

    /// Who the console says is signed in.
    pub(crate) async fn me(&self) -> Result<Value, Error> {
        self.ok(Method::GET, "/me", None).await
    }

    /// The open or closed conversations.
    pub(crate) async fn list(&self, status: &str) -> Result<Vec<Value>, Error> {
        let path = format!("/conversations?status={status}");
        let listed = self.ok(Method::GET, &path, None).await?;
        Ok(listed["conversations"]
            .as_array()
            .cloned()
            .unwrap_or_default())
    }

    /// A whole conversation: all pages of entries, and its history.
    pub(crate) async fn read(&self, conversation: &str) -> Result<Value, Error> {
        let path = format!("/conversations/{}", id(conversation));
        let mut shown = self.ok(Method::GET, &path, None).await?;
        while shown["more"] == true {
            let cursor = shown["cursor"].as_str().unwrap_or_default();
            let next = self
                .ok(Method::GET, &format!("{path}?after={cursor}"), None)
                .await?;
            let more = next["entries"].as_array().cloned().unwrap_or_default();
            if let Some(entries) = shown["entries"].as_array_mut() {
                entries.extend(more);
            }
            shown["more"] = next["more"].clone();
            shown["cursor"] = next["cursor"].clone();
        }
        Ok(shown)
    }

    /// Writes a line to the user; the status and the body.
    pub(crate) async fn try_write(
        &self,
        conversation: &str,
        text: &str,
    ) -> Result<(StatusCode, Value), Error> {
        let path = format!("/conversations/{}/messages", id(conversation));
        let body = json!({"text": text, "client_id": random_hex()});
        self.call(Method::POST, &path, Some(body)).await
    }

    /// Writes a line to the user.
    pub(crate) async fn write(&self, conversation: &str, text: &str) -> Result<(), Error> {
        let (status, answer) = self.try_write(conversation, text).await?;
        ensure(status == StatusCode::OK, || {
            format!("a line: {status} {answer}")
        })
    }

    /// Ends the conversation.
    pub(crate) async fn close(&self, conversation: &str) -> Result<(), Error> {
        let path = format!("/conversations/{}/close", id(conversation));
        self.ok(Method::POST, &path, Some(json!({})))
            .await
            .map(|_| ())
    }

    /// Sends a failed line again.
    pub(crate) async fn replay(&self, conversation: &str, entry: &str) -> Result<(), Error> {
        let path = format!("/conversations/{}/entries/{entry}/replay", id(conversation));
        self.ok(Method::POST, &path, None).await.map(|_| ())
    }

    /// Waits until the conversation looks so; what it looked like then.
    pub(crate) async fn wait_for(
        &self,
        conversation: &str,
        what: &str,
        patience: Duration,
        looks_so: impl Fn(&Value) -> bool,
    ) -> Result<Value, Error> {
        let end = tokio::time::Instant::now() + patience;
        loop {
            let shown = self.read(conversation).await?;
            if looks_so(&shown) {
                return Ok(shown);
            }
            if tokio::time::Instant::now() > end {
                return failed(format!("waited in vain until {what}"));
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// The entry with this text.
pub(crate) fn entry<'a>(shown: &'a Value, text: &str) -> Option<&'a Value> {
    shown["entries"]
        .as_array()?
        .iter()
        .find(|entry| entry["text"] == text)
}

fn id(conversation: &str) -> String {
    URL_SAFE_NO_PAD.encode(conversation)
}
