//! The binary, as Lambda runs it, over an embedded DynamoDB.
#![allow(clippy::unwrap_used)]

use handoff::conversation::{ConversationId, Kind, Side};
use serde_json::json;
use test_support::{CONVERSATION_ID, TOKEN, TestTable, body_of, event};

const BINARY: &str = env!("CARGO_BIN_EXE_close");

#[tokio::test]
async fn an_end_is_stored_once_with_or_without_the_authorization_header() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let mut with_header = event("close.json");
    with_header["headers"]["authorization"] = json!("Bearer app-hush");
    for event in [event("close.json"), with_header, event("close.json")] {
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(body_of(&answer), json!({"code": 200, "message": "success"}));
    }
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    let lane = table.store.lane(&id, Side::Desk).await.unwrap();
    let kinds: Vec<_> = lane.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Closing]);
    let logs = function.logs();
    for private in [TOKEN, "hush"] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}

#[tokio::test]
async fn a_type_that_is_not_documented_is_refused_by_name() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let mut other = event("close.json");
    other["body"] = json!(r#"{"conversation_id":"c","timestamp":1,"type":"BORED"}"#);
    let answer = function.invoke(other).await.unwrap();
    assert_eq!(
        body_of(&answer),
        json!({"code": 400, "message": "type: must be TIMEOUT or USER_CLOSED"})
    );
}

#[tokio::test]
async fn an_end_is_kept_as_long_as_the_settings_say() {
    let table = TestTable::new().await;
    // What is wrong elsewhere in them does not count here.
    let settings = r#"{"retention_days": 30, "desk": 5}"#;
    assert!(table.store.put_settings(settings, 0).await.unwrap());
    let function = table.function(BINARY).start().await.unwrap();
    let answer = function.invoke(event("close.json")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    let expiries = table.expiries().await;
    assert!(!expiries.is_empty());
    for expires_at in expiries {
        let days = (expires_at - table.clock.now() / 1_000 + 43_200) / 86_400;
        assert_eq!(days, 30);
    }
}
