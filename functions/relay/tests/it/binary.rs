//! The binary, as Lambda runs it, between an embedded DynamoDB and a GPTBots of the test's own.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use handoff::conversation::{ConversationId, Side};
use handoff::gptbots::{parse_chat, parse_establish};
use handoff::settings::Settings;
use serde_json::{Value, json};
use test_support::{CONVERSATION_ID, TestTable, event};

type Calls = Arc<Mutex<Vec<(String, String, Value)>>>;

/// A GPTBots that takes everything. Returns its address.
async fn gptbots() -> (String, Calls) {
    let calls = Calls::default();
    let seen = calls.clone();
    let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let key = headers["authorization"].to_str().unwrap().to_owned();
        let body = serde_json::from_slice(&body).unwrap();
        seen.lock().unwrap().push((uri.to_string(), key, body));
        r#"{"code":0,"message":"OK"}"#
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (address, calls)
}

fn body(name: &str) -> Value {
    serde_json::from_str(event(name)["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_sample_events_ring_both_lanes() {
    let table = TestTable::new().await;
    let establish = parse_establish(&body("establish.json")).unwrap();
    let handoff = Settings::default().handoff(&establish.bot);
    table.store.establish(&establish, &handoff).await.unwrap();
    let chat = parse_chat(&body("chat.json")).unwrap();
    table.store.chat(&chat, 90).await.unwrap();

    let (base_url, calls) = gptbots().await;
    let secrets = json!({"bots": {"*": {"api_key": "app-hush", "base_url": base_url}}});
    let function = table
        .function(env!("CARGO_BIN_EXE_relay"))
        .env("SECRETS_JSON", secrets.to_string())
        .start()
        .await
        .unwrap();
    for name in ["relay-stream.json", "relay-queue.json"] {
        let answer = function.invoke(event(name)).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
    }
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    for side in [Side::Desk, Side::User] {
        assert!(
            table
                .store
                .lane(&id, side)
                .await
                .unwrap()
                .entries
                .is_empty(),
            "{side}"
        );
    }
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 1);
    let (path, key, body) = &calls[0];
    assert_eq!(path, "/v1/human/message/receive");
    assert_eq!(key, "Bearer app-hush");
    assert_eq!(body["conversation_id"], CONVERSATION_ID);
    let greeting = Settings::default().greeting;
    assert_eq!(body["body"], greeting.in_language("en"));

    let logs = function.logs();
    assert!(logs.contains("delivered"), "{logs}");
    for private in [
        "hush",
        "is anyone there",
        "Thanks for waiting",
        "bob@gmail.com",
    ] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}
