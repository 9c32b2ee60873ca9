//! A tiny bridge that records the webhooks and answers as told, and a stand-in that calls it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file includes this one and uses its own part"
)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use gptbots_stand_in::{
    Bot, ConversationId, LineId, Options, Said, StandIn, Status, UserId, UserProfile, UserView,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

/// Far above what anything takes; only a failing test waits that long.
pub const LONG: Duration = Duration::from_secs(20);

pub const BOT: &str = "665d88b03ce2b13cf2d573454";
pub const KEY: &str = "app-key-1";
pub const OTHER_BOT: &str = "other-bot";
pub const OTHER_KEY: &str = "app-key-2";

/// A webhook as it arrived.
#[derive(Clone, Debug)]
pub struct Hook {
    pub path: String,
    pub content_type: String,
    pub authorization: Option<String>,
    pub raw: Bytes,
    pub body: Value,
}

/// How the bridge answers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub late: Duration,
    /// Holds the answer back until the watch says `true`.
    pub gate: Option<watch::Receiver<bool>>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            late: Duration::ZERO,
            gate: None,
        }
    }

    pub fn late(late: Duration) -> Self {
        Self {
            late,
            ..Self::status(200)
        }
    }

    pub fn gated(gate: &watch::Sender<bool>) -> Self {
        Self {
            gate: Some(gate.subscribe()),
            ..Self::status(200)
        }
    }
}

#[derive(Default)]
struct Inner {
    hooks: Vec<Hook>,
    /// By the end of the path.
    answers: Vec<(&'static str, Answer)>,
    running: usize,
    most_running: usize,
}

#[derive(Clone)]
pub struct Bridge {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    told: watch::Sender<usize>,
}

impl Bridge {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let bridge = Self {
            url: format!("http://{address}/t0ken"),
            inner: Arc::default(),
            told: watch::Sender::new(0),
        };
        let router = Router::new().fallback(hook).with_state(bridge.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        bridge
    }

    pub fn answer(&self, path: &'static str, answer: Answer) {
        let mut inner = self.inner.lock().expect("lock");
        inner.answers.retain(|(each, _)| *each != path);
        inner.answers.push((path, answer));
    }

    pub fn hooks(&self) -> Vec<Hook> {
        self.inner.lock().expect("lock").hooks.clone()
    }

    pub fn bodies(&self, path: &str) -> Vec<Value> {
        let path = format!("/t0ken{path}");
        let hooks = self.hooks().into_iter();
        hooks
            .filter(|hook| hook.path == path)
            .map(|hook| hook.body)
            .collect()
    }

    /// The most webhooks that were being answered at the same time.
    pub fn most_running(&self) -> usize {
        self.inner.lock().expect("lock").most_running
    }

    /// Waits until so many webhooks arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Hook> {
        let mut told = self.told.subscribe();
        let waiting = told.wait_for(|many| *many >= count);
        let done = tokio::time::timeout(LONG, waiting).await;
        assert!(done.is_ok(), "only {:?}", self.hooks());
        self.hooks()
    }
}

async fn hook(State(bridge): State<Bridge>, uri: Uri, headers: HeaderMap, raw: Bytes) -> Response {
    let header = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let answer = {
        let mut inner = bridge.inner.lock().expect("lock");
        inner.hooks.push(Hook {
            path: uri.path().to_owned(),
            content_type: header("content-type").unwrap_or_default(),
            authorization: header("authorization"),
            body: serde_json::from_slice(&raw).unwrap_or_default(),
            raw,
        });
        inner.running += 1;
        inner.most_running = inner.most_running.max(inner.running);
        let mut answers = inner.answers.iter();
        answers
            .find(|(path, _)| uri.path().ends_with(path))
            .map_or_else(|| Answer::status(200), |(_, answer)| answer.clone())
    };
    // Counts down also when the stand-in hangs up.
    let _running = Running(bridge.clone());
    bridge.told.send_modify(|many| *many += 1);
    if let Some(mut gate) = answer.gate {
        let _ = gate.wait_for(|open| *open).await;
    }
    tokio::time::sleep(answer.late).await;
    let status = StatusCode::from_u16(answer.status).expect("a status");
    (
        status,
        json!({"code": answer.status, "message": "success"}).to_string(),
    )
        .into_response()
}

struct Running(Bridge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.inner.lock().expect("lock").running -= 1;
    }
}

pub struct Setup {
    pub stand_in: StandIn,
    pub bridge: Bridge,
    pub http: reqwest::Client,
}

impl Setup {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let bridge = Bridge::start().await;
        let mut options = Options::new(
            bridge.url.clone(),
            vec![
                Bot::new(BOT, "One", KEY),
                Bot::new(OTHER_BOT, "Two", OTHER_KEY),
            ],
        );
        change(&mut options);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let stand_in = StandIn::start(listener, options).await.expect("started");
        Self {
            stand_in,
            bridge,
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("client"),
        }
    }

    pub async fn user(&self) -> UserId {
        let profile = UserProfile::default();
        let user = self.stand_in.new_user(BOT, profile).await;
        user.expect("the bot is known")
    }

    /// A user whose human conversation was taken.
    pub async fn handed_off(&self) -> (UserId, ConversationId) {
        let user = self.user().await;
        let asked = self.stand_in.ask_for_human(&user).await;
        (user, asked.expect("taken"))
    }

    pub async fn see(&self, user: &UserId, what: impl FnMut(&UserView) -> bool) -> UserView {
        let seen = self.stand_in.wait_for(user, what, LONG).await;
        seen.expect("seen")
    }

    pub async fn status(&self, user: &UserId, status: Status) -> UserView {
        self.see(user, |view| view.status == status).await
    }

    /// Says something to the bridge.
    pub async fn chat(&self, user: &UserId, text: &str) -> LineId {
        match self.stand_in.say(user, text).await {
            Said::ToHuman(line) => line,
            other => panic!("not to the bridge: {other:?}"),
        }
    }

    /// A call of the bridge: HTTP status and body.
    pub async fn call(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(self.url(path)).bearer_auth(key).json(&body);
        finish(request).await
    }

    pub async fn reply(&self, id: &ConversationId, text: &str) -> (u16, Value) {
        let body = json!({"conversation_id": id, "timestamp": 1_742_265_090_895_i64, "body": text});
        self.call("/v1/human/message/receive", KEY, body).await
    }

    pub async fn close(&self, id: &ConversationId) -> (u16, Value) {
        let body = json!({"conversation_id": id, "timestamp": 1_742_265_090_896_i64});
        self.call("/v1/human/close", KEY, body).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stand_in.base_url())
    }
}

pub async fn finish(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

pub fn ok() -> (u16, Value) {
    (200, json!({"code": 0, "message": "OK"}))
}
