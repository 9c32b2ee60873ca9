//! GPTBots' side: takes the bridge's replies and notes when they came.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::plan::number_of;

/// A reply that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// The message, by its number; `None` for the bridge's own lines.
    pub(crate) message: Option<usize>,
    pub(crate) at: Instant,
}

/// Takes replies. Clones are the same.
#[derive(Clone)]
pub(crate) struct GptBots(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    taken: Mutex<HashMap<String, Vec<Taken>>>,
    /// Conversations that get no answer while `hangs`.
    stuck: Mutex<Vec<String>>,
    hangs: AtomicBool,
    free: Notify,
}

impl GptBots {
    pub(crate) async fn start(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let gptbots = Self(Arc::new(Inner {
            address: listener.local_addr()?,
            taken: Mutex::default(),
            stuck: Mutex::default(),
            hangs: AtomicBool::new(false),
            free: Notify::new(),
        }));
        let router = Router::new().fallback(answer).with_state(gptbots.clone());
        // Ends with the program.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(gptbots)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// From now on these conversations get no answer.
    pub(crate) fn hang(&self, conversations: Vec<String>) {
        *lock(&self.0.stuck) = conversations;
        self.0.hangs.store(true, Ordering::SeqCst);
    }

    /// Everybody gets answers again.
    pub(crate) fn recover(&self) {
        self.0.hangs.store(false, Ordering::SeqCst);
        self.0.free.notify_waiters();
    }

    /// What was taken, by conversation, in the order of arrival.
    pub(crate) fn taken(&self) -> HashMap<String, Vec<Taken>> {
        lock(&self.0.taken).clone()
    }

    /// How many replies were taken, the bridge's own lines included.
    pub(crate) fn count(&self) -> usize {
        lock(&self.0.taken).values().map(Vec::len).sum()
    }
}

async fn answer(State(gptbots): State<GptBots>, uri: Uri, body: Bytes) -> Response {
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let id = body["conversation_id"].as_str().unwrap_or_default();
    let inner = &gptbots.0;
    if inner.hangs.load(Ordering::SeqCst) && lock(&inner.stuck).iter().any(|stuck| stuck == id) {
        inner.free.notified().await;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if uri.path().ends_with("/message/receive") {
        let taken = Taken {
            message: body["body"].as_str().and_then(number_of),
            at: Instant::now(),
        };
        lock(&inner.taken)
            .entry(id.to_owned())
            .or_default()
            .push(taken);
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, r#"{"code":0,"message":"OK"}"#).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
