//! An HTTP client for the bridge, as GPTBots and as an agent.

use std::time::{Duration, Instant};

use handoff::conversation::ConversationId;
use serde_json::{Value, json};

/// How long anything may take before a test gives up: generous, since machines are slow and bells
/// get lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    webhooks: String,
    console: String,
}

impl Http {
    pub(crate) fn new(webhooks: String, console: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: reqwest::Client::new(),
            webhooks,
            console,
        }
    }

    /// Sends a webhook with this body; returns status and answer.
    pub(crate) async fn raw(&self, path: &str, content_type: &str, body: Vec<u8>) -> (u16, Value) {
        let url = format!("{}{path}", self.webhooks);
        let request = self
            .client
            .post(url)
            .header("content-type", content_type)
            .body(body);
        Self::answer(request).await
    }

    pub(crate) async fn webhook(&self, path: &str, body: &Value) -> (u16, Value) {
        self.raw(path, "application/json", body.to_string().into_bytes())
            .await
    }

    pub(crate) async fn establish(&self, id: &str, timestamp: i64) {
        self.establish_with(id, timestamp, "b").await;
    }

    pub(crate) async fn establish_with(&self, id: &str, timestamp: i64, bot: &str) {
        let body = json!({
            "conversation_id": id, "timestamp": timestamp, "bot_id": bot,
            "body": [{"message_type": "QUESTION", "text": format!("question of {id}")}],
        });
        assert_eq!(self.webhook("/conversation/establish", &body).await.0, 200);
    }

    pub(crate) async fn chat(&self, id: &str, timestamp: i64, text: &str) {
        let body = json!({"conversation_id": id, "timestamp": timestamp, "body": text});
        let (status, answer) = self.webhook("/chat", &body).await;
        assert_eq!(
            (status, answer),
            (200, json!({"code": 200, "message": "success"}))
        );
    }

    pub(crate) async fn close(&self, id: &str, timestamp: i64) {
        let body = json!({"conversation_id": id, "timestamp": timestamp, "type": "USER_CLOSED"});
        assert_eq!(self.webhook("/conversation/close", &body).await.0, 200);
    }

    /// A call of the console's API about a conversation.
    pub(crate) async fn get(&self, id: &str, route: &str) -> (u16, Value) {
        Self::answer(self.client.get(self.url(id, route))).await
    }

    pub(crate) async fn post(&self, id: &str, route: &str, body: &Value) -> (u16, Value) {
        Self::answer(self.client.post(self.url(id, route)).json(body)).await
    }

    pub(crate) async fn list(&self, status: &str) -> Vec<Value> {
        let url = format!("{}/api/conversations?status={status}", self.console);
        let (code, answer) = Self::answer(self.client.get(url)).await;
        assert_eq!(code, 200, "{answer}");
        answer["conversations"].as_array().unwrap().clone()
    }

    /// An agent's line; the text names it, so that the same one again is a retry.
    pub(crate) async fn say(&self, id: &str, text: &str) -> (u16, Value) {
        self.post(id, "/messages", &json!({"text": text, "client_id": text}))
            .await
    }

    /// An agent's line; `None` where nobody answers.
    pub(crate) async fn try_say(&self, id: &str, text: &str) -> Option<u16> {
        let body = json!({"text": text, "client_id": text});
        let request = self.client.post(self.url(id, "/messages")).json(&body);
        Some(request.send().await.ok()?.status().as_u16())
    }

    /// All of a conversation's log.
    pub(crate) async fn entries(&self, id: &str) -> Vec<Value> {
        let (mut entries, mut route) = (Vec::new(), String::new());
        loop {
            let (status, page) = self.get(id, &route).await;
            assert_eq!(status, 200, "{page}");
            entries.extend(page["entries"].as_array().unwrap().iter().cloned());
            if page["more"] == false {
                return entries;
            }
            route = format!("?after={}", page["cursor"].as_str().unwrap());
        }
    }

    /// As [`Http::delivered`]; `None` where the console cannot say now.
    pub(crate) async fn try_delivered(&self, id: &str, author: &str) -> Option<Vec<String>> {
        let (mut entries, mut route) = (Vec::new(), String::new());
        loop {
            let (status, page) = self.get(id, &route).await;
            if status != 200 {
                return None;
            }
            entries.extend(page["entries"].as_array()?.iter().cloned());
            if page["more"] == false {
                return Some(delivered(&entries, author));
            }
            route = format!("?after={}", page["cursor"].as_str()?);
        }
    }

    /// The texts that an author wrote and the other side has, in order.
    pub(crate) async fn delivered(&self, id: &str, author: &str) -> Vec<String> {
        delivered(&self.entries(id).await, author)
    }

    fn url(&self, id: &str, route: &str) -> String {
        let id = ConversationId::new(id).unwrap().to_path();
        format!("{}/api/conversations/{id}{route}", self.console)
    }

    async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }
}

fn delivered(entries: &[Value], author: &str) -> Vec<String> {
    let theirs = entries.iter().filter(|entry| {
        entry["author"] == author && entry["kind"] == "message" && entry["delivery"] == "delivered"
    });
    theirs
        .map(|entry| entry["text"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    until_within(PATIENCE, what, holds).await;
}

/// Waits until something holds, with a patience of one's own.
pub(crate) async fn until_within(
    patience: Duration,
    what: &str,
    mut holds: impl AsyncFnMut() -> bool,
) {
    let deadline = Instant::now() + patience;
    while !holds().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
