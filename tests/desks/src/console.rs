//! The built-in console as a desk among the others: an agent who uses its API.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use desk_stand_ins::{Act, DeskStandIn, Failure, Forgery, From, Recorded, Seen, SeenLine};
use sandbox::Sandbox;
use serde_json::{Value, json};

/// An agent at the console.
pub(crate) struct ConsoleAgent {
    api: String,
    http: reqwest::Client,
    said: AtomicU64,
    last: std::sync::Mutex<Option<(String, Value)>>,
}

impl ConsoleAgent {
    pub(crate) fn new(sandbox: &Sandbox, http: reqwest::Client) -> Self {
        Self {
            api: format!("{}/api/conversations", sandbox.console_url()),
            http,
            said: AtomicU64::new(0),
            last: std::sync::Mutex::default(),
        }
    }

    async fn get(&self, route: &str) -> Option<Value> {
        let answer = self.http.get(format!("{}{route}", self.api)).send().await;
        answer.ok()?.json().await.ok()
    }

    async fn post(&self, url: &str, body: &Value) -> u16 {
        match self.http.post(url).json(body).send().await {
            Ok(answer) => answer.status().as_u16(),
            Err(_) => 0,
        }
    }

    async fn seen(&self, listed: &Value) -> Option<Seen> {
        let id = handoff::conversation::ConversationId::new(listed["conversation_id"].as_str()?);
        let reference = id.ok()?.to_path();
        let (mut entries, mut route) = (Vec::new(), String::new());
        let whole = loop {
            let page = self.get(&format!("/{reference}{route}")).await?;
            entries.extend(page["entries"].as_array()?.iter().cloned());
            if page["more"] == false {
                break page;
            }
            route = format!("?after={}", page["cursor"].as_str()?);
        };
        let text = |value: &Value| value["text"].as_str().unwrap_or_default().to_owned();
        let history = match route.is_empty() {
            true => whole.clone(),
            false => self.get(&format!("/{reference}")).await?,
        };
        let said = history["history"].as_array().cloned().unwrap_or_default();
        let mut lines: Vec<SeenLine> = said
            .iter()
            .map(|turn| line(From::Bridge, text(turn)))
            .collect();
        let omitted = history["history_omitted"].as_u64().unwrap_or_default();
        if omitted > 0 {
            lines.insert(
                0,
                line(From::Bridge, format!("{omitted} older ones are not shown")),
            );
        }
        lines.extend(entries.iter().filter_map(|entry| {
            let from = match (entry["author"].as_str()?, entry["kind"].as_str()?) {
                (_, "opening") => return None,
                ("user", _) => From::User,
                ("agent", _) => From::Agent,
                _ => From::Bridge,
            };
            Some(line(from, text(entry)))
        }));
        let conversation = &whole["conversation"];
        let user = &conversation["user"];
        let placeholder = user["placeholder_email"] == true;
        let about = ["name", "email", "phone", "user_id", "channel"]
            .iter()
            .filter(|name| !(**name == "email" && placeholder))
            .filter_map(|name| user[name].as_str())
            .collect::<Vec<_>>();
        Some(Seen {
            reference,
            person: None,
            about: about.join("\n"),
            lines,
            closed: conversation["status"] == "closed",
        })
    }
}

/// The page sets all of it as text, so nothing in it can do harm.
fn line(from: From, text: String) -> SeenLine {
    SeenLine {
        from,
        text,
        accident: None,
    }
}

#[async_trait::async_trait]
impl DeskStandIn for ConsoleAgent {
    fn kind(&self) -> &'static str {
        handoff::desk::CONSOLE
    }

    fn secret(&self) -> Value {
        json!({})
    }

    fn page_url(&self) -> String {
        self.api.replace("/api/conversations", "")
    }

    async fn conversations(&self) -> Vec<Seen> {
        let mut all = Vec::new();
        for status in ["open", "closed"] {
            let listed = self.get(&format!("?status={status}")).await;
            let listed = listed.unwrap_or_default();
            for one in listed["conversations"].as_array().into_iter().flatten() {
                all.extend(self.seen(one).await);
            }
        }
        all
    }

    async fn act(&self, reference: &str, act: Act) -> Vec<u16> {
        let (route, body) = match act {
            Act::Claim => ("claim", json!({})),
            Act::Close => ("close", json!({})),
            Act::Say(text) => {
                let n = self.said.fetch_add(1, Ordering::SeqCst);
                let id = format!("line {n}");
                ("messages", json!({"text": text, "client_id": id}))
            }
            _ => return Vec::new(),
        };
        let url = format!("{}/{reference}/{route}", self.api);
        if let Ok(mut last) = self.last.lock() {
            *last = Some((url.clone(), body.clone()));
        }
        vec![self.post(&url, &body).await]
    }

    async fn repeat_last(&self) -> u16 {
        let last = self.last.lock().ok().and_then(|last| last.clone());
        match last {
            Some((url, body)) => self.post(&url, &body).await,
            None => 0,
        }
    }

    async fn forge(&self, _: &str, _: &str, _: Forgery) -> u16 {
        0
    }

    fn fail(&self, _: Option<Failure>) {}

    fn lose_webhooks(&self, _: bool) {}

    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn requests(&self) -> Vec<Recorded> {
        Vec::new()
    }

    async fn shutdown(self: Box<Self>) {}
}
