//! The binary, as Lambda runs it, over an embedded DynamoDB.
#![allow(clippy::unwrap_used)]

use handoff::conversation::{ConversationId, Side};
use serde_json::json;
use test_support::{CONVERSATION_ID, TOKEN, TestTable, body_of, event};

const BINARY: &str = env!("CARGO_BIN_EXE_chat");

#[tokio::test]
async fn a_line_is_stored_once_even_before_its_establish() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    for _ in 0..3 {
        let answer = function.invoke(event("chat.json")).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(body_of(&answer), json!({"code": 200, "message": "success"}));
    }
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    let lane = table.store.lane(&id, Side::Desk).await.unwrap();
    assert_eq!(lane.entries.len(), 1);
    assert_eq!(lane.entries[0].text, "Hello, is anyone there?");
    let logs = function.logs();
    assert!(logs.contains(CONVERSATION_ID), "{logs}");
    for private in ["is anyone there", TOKEN] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}

#[tokio::test]
async fn what_is_no_text_is_shown_and_what_is_missing_is_named() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let mut picture = event("chat.json");
    picture["body"] = json!(
        json!({"conversation_id": "c", "timestamp": 1, "body": [{"url": "https://x/1.png"}]})
            .to_string()
    );
    assert_eq!(function.invoke(picture).await.unwrap()["statusCode"], 200);
    let id = ConversationId::new("c").unwrap();
    let lane = table.store.lane(&id, Side::Desk).await.unwrap();
    assert_eq!(lane.entries[0].text, "https://x/1.png");

    let mut nameless = event("chat.json");
    nameless["body"] = json!(r#"{"timestamp": 1, "body": "x"}"#);
    let answer = function.invoke(nameless).await.unwrap();
    assert_eq!(
        body_of(&answer),
        json!({"code": 400, "message": "conversation_id: is missing"})
    );
}

#[tokio::test]
async fn the_table_is_found_by_the_address_of_all_services_too() {
    let table = TestTable::new().await;
    let function = table
        .function(BINARY)
        .env("AWS_ENDPOINT_URL_DYNAMODB", "")
        .env("AWS_ENDPOINT_URL", table.endpoint_url())
        .start()
        .await
        .unwrap();
    let answer = function.invoke(event("chat.json")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    // A service's own address goes before it.
    let function = table
        .function(BINARY)
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .start()
        .await
        .unwrap();
    let answer = function.invoke(event("chat.json")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
}

#[tokio::test]
async fn a_file_of_certificates_that_is_none_is_named() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).env("SSL_CERT_FILE", file!());
    let error = function.start().await.unwrap_err().to_string();
    assert!(error.contains("SSL_CERT_FILE"), "{error}");
}

#[tokio::test]
async fn a_line_is_kept_as_long_as_the_settings_say() {
    let table = TestTable::new().await;
    // What is wrong elsewhere in them does not count here.
    let settings = r#"{"retention_days": 30, "desk": 5}"#;
    assert!(table.store.put_settings(settings, 0).await.unwrap());
    let function = table.function(BINARY).start().await.unwrap();
    let answer = function.invoke(event("chat.json")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    let expiries = table.expiries().await;
    assert!(!expiries.is_empty());
    for expires_at in expiries {
        let days = (expires_at - table.clock.now() / 1_000 + 43_200) / 86_400;
        assert_eq!(days, 30);
    }
}
