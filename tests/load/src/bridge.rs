//! The bridge, as GPTBots and as agents call it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// How long an answer is waited for; API Gateway gives up after 30 s.
const TIMEOUT: Duration = Duration::from_secs(31);

/// The bridge. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Bridge {
    http: reqwest::Client,
    webhooks: String,
    console: String,
    bearer: Option<String>,
    bot: String,
}

/// An entry of a log, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) author: String,
    pub(crate) delivered: bool,
}

impl Bridge {
    pub(crate) fn new(
        webhooks: &str,
        console: &str,
        bearer: Option<String>,
        bot: &str,
    ) -> reqwest::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder()
                .timeout(TIMEOUT)
                .no_proxy()
                .build()?,
            webhooks: webhooks.trim_end_matches('/').to_owned(),
            console: console.trim_end_matches('/').to_owned(),
            bearer,
            bot: bot.to_owned(),
        })
    }

    async fn webhook(&self, path: &str, body: &Value) -> bool {
        let url = format!("{}{path}", self.webhooks);
        let answer = self.http.post(url).json(body).send().await;
        answer.is_ok_and(|answer| answer.status().as_u16() == 200)
    }

    /// Hands a conversation over; whether it was accepted.
    pub(crate) async fn establish(&self, id: &str, timestamp: i64) -> bool {
        let body = json!({
            "conversation_id": id, "timestamp": timestamp, "bot_id": self.bot,
            "email": "support@gptbots.ai",
            "body": [
                {"message_type": "QUESTION", "text": "Where is my order?"},
                {"message_type": "ANSWER", "text": "Orders leave our warehouse inside one day."},
                {"message_type": "QUESTION", "text": "human service"},
            ],
            "user_info": {"user_id": id, "anonymous_id": null, "phone": null, "email": null},
        });
        self.webhook("/conversation/establish", &body).await
    }

    /// A user's line; whether it was accepted.
    pub(crate) async fn chat(&self, id: &str, timestamp: i64, text: &str) -> bool {
        let body = json!({"conversation_id": id, "timestamp": timestamp, "body": text});
        self.webhook("/chat", &body).await
    }

    /// The user leaves; whether that was accepted.
    pub(crate) async fn close(&self, id: &str, timestamp: i64) -> bool {
        let body = json!({"conversation_id": id, "timestamp": timestamp, "type": "USER_CLOSED"});
        self.webhook("/conversation/close", &body).await
    }

    /// An agent's line; whether it was accepted. The same name again is the same line.
    pub(crate) async fn say(&self, id: &str, name: &str, text: &str) -> bool {
        let body = json!({"text": text, "client_id": name});
        let url = self.of(id, "/messages");
        let answer = self.signed(self.http.post(url).json(&body)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The first page of the open conversations, as an agent's page asks for it.
    pub(crate) async fn list(&self) -> bool {
        let url = format!("{}/api/conversations?status=open", self.console);
        self.json(url).await.is_some()
    }

    /// What has been written or changed since `after` (all without it), and where to go on.
    pub(crate) async fn entries(
        &self,
        id: &str,
        after: Option<&str>,
    ) -> Option<(Vec<Entry>, String)> {
        let mut entries = Vec::new();
        let mut cursor = after.map(str::to_owned);
        loop {
            let query = match &cursor {
                Some(cursor) => format!("?after={cursor}"),
                None => String::new(),
            };
            let page = self.json(self.of(id, &query)).await?;
            entries.extend(page["entries"].as_array()?.iter().map(|entry| Entry {
                text: entry["text"].as_str().unwrap_or_default().to_owned(),
                author: entry["author"].as_str().unwrap_or_default().to_owned(),
                delivered: entry["delivery"] == "delivered",
            }));
            let next = page["cursor"].as_str()?.to_owned();
            if page["more"] != true {
                return Some((entries, next));
            }
            cursor = Some(next);
        }
    }

    /// What a sandbox counts; `None` for any other bridge.
    pub(crate) async fn counters(&self) -> Option<Value> {
        let base = self.console.strip_suffix("/console")?;
        self.json(format!("{base}/sandbox/counters")).await
    }

    fn of(&self, id: &str, route: &str) -> String {
        let id = URL_SAFE_NO_PAD.encode(id);
        format!("{}/api/conversations/{id}{route}", self.console)
    }

    async fn json(&self, url: String) -> Option<Value> {
        let answer = self.signed(self.http.get(url)).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.json().await.ok()
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }
}
