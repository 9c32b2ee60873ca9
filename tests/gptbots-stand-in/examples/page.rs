//! The user's page with a small bridge that answers by itself, to look at the page alone:
//! `cargo run -p gptbots-stand-in --example page`.
//!
//! A line "bye" makes the bridge close the conversation.
#![allow(clippy::print_stdout, reason = "it tells the address to open")]

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use gptbots_stand_in::{Bot, Options, StandIn};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Bridge = Arc<(String, reqwest::Client)>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let bridge = TcpListener::bind("127.0.0.1:0").await?;
    let options = Options::new(
        format!("http://{}", bridge.local_addr()?),
        vec![
            Bot::new("bot-1", "Parcel Bot", "key-1"),
            Bot::new("bot-2", "Other Bot", "key-2"),
        ],
    );
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let stand_in = StandIn::start(listener, options).await?;
    println!("{}", stand_in.base_url());

    let client = reqwest::Client::new();
    let router = Router::new()
        .route("/conversation/establish", post(establish))
        .route("/chat", post(chat))
        .route("/conversation/close", post(async || taken()))
        .with_state(Arc::new((stand_in.base_url(), client)));
    axum::serve(bridge, router).await
}

fn taken() -> Json<Value> {
    Json(json!({"code": 200, "message": "success"}))
}

async fn establish(State(bridge): State<Bridge>, Json(payload): Json<Value>) -> Json<Value> {
    let id = payload["conversation_id"].clone();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        call(
            &bridge,
            "message/receive",
            &id,
            "Hello, this is Ann. How can I help?",
        )
        .await;
    });
    taken()
}

async fn chat(State(bridge): State<Bridge>, Json(payload): Json<Value>) -> Json<Value> {
    let id = payload["conversation_id"].clone();
    let text = payload["body"].as_str().unwrap_or_default().to_owned();
    tokio::spawn(async move {
        if text == "bye" {
            call(&bridge, "close", &id, "").await;
        } else {
            call(
                &bridge,
                "message/receive",
                &id,
                &format!("You wrote: {text}"),
            )
            .await;
        }
    });
    taken()
}

async fn call(bridge: &Bridge, path: &str, id: &Value, text: &str) {
    let (base, client) = bridge.as_ref();
    let body = json!({"conversation_id": id, "timestamp": 1, "body": text});
    for key in ["key-1", "key-2"] {
        let sending = client
            .post(format!("{base}/v1/human/{path}"))
            .bearer_auth(key)
            .json(&body)
            .send();
        if sending
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            return;
        }
    }
}
