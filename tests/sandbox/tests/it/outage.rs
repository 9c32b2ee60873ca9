//! GPTBots is down for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use sandbox::{Options, Sandbox};
use serde_json::Value;

use crate::http::{Http, until};

/// A GPTBots that answers 503 until it is told to recover, and keeps what it took.
#[derive(Clone, Default)]
pub(crate) struct GptBots {
    pub(crate) up: Arc<AtomicBool>,
    took: Arc<Mutex<Vec<(String, String)>>>,
}

impl GptBots {
    pub(crate) async fn start() -> (Self, String) {
        let gptbots = Self::default();
        let serving = gptbots.clone();
        let answer = move |body: Bytes| async move {
            if !serving.up.load(Ordering::SeqCst) {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            let body: Value = serde_json::from_slice(&body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap_or("CLOSE").to_owned();
            serving
                .took
                .lock()
                .unwrap()
                .push((text("conversation_id"), text("body")));
            r#"{"code":0,"message":"OK"}"#.into_response()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        (gptbots, url)
    }

    /// What it took for a conversation, in order.
    pub(crate) fn took(&self, id: &str) -> Vec<String> {
        let took = self.took.lock().unwrap();
        took.iter()
            .filter(|(of, _)| of == id)
            .map(|(_, text)| text.clone())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agents_write_during_an_outage_arrives_afterwards_in_order_and_once() {
    let (gptbots, url) = GptBots::start().await;
    let options = Options {
        gptbots_url: Some(url),
        ..Options::rough(6)
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    assert!(sandbox.gptbots.is_none(), "the stand-in is not used");
    http.establish("c", 1).await;
    let lines: Vec<String> = (0..10).map(|n| format!("line {n}")).collect();
    for line in &lines {
        assert_eq!(http.say("c", line).await.0, 200);
    }
    until("the agent sees that it is being tried again", async || {
        let entries = http.entries("c").await;
        entries
            .iter()
            .any(|entry| entry["delivery"] == "retrying" && entry["error"].is_string())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(gptbots.took("c").is_empty());
    gptbots.up.store(true, Ordering::SeqCst);
    until("all has arrived", async || {
        gptbots.took("c").len() > lines.len()
    })
    .await;
    assert_eq!(gptbots.took("c")[1..], lines);
    // The mark of the last comes after GPTBots has it.
    until("all is marked", async || {
        http.delivered("c", "agent").await.len() == lines.len()
    })
    .await;
    assert_eq!(http.delivered("c", "agent").await, lines);
    sandbox.shutdown().await;
}
