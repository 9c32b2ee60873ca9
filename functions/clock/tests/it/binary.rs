//! The binary, as Lambda runs it, over an embedded DynamoDB.

use handoff::conversation::{ConversationId, Delivery, Side};
use handoff::gptbots::parse_chat;
use handoff::time::ManualClock;
use serde_json::json;
use test_support::{CONVERSATION_ID, TestTable, event, metrics_in};

const BINARY: &str = env!("CARGO_BIN_EXE_clock");

#[tokio::test]
async fn without_a_queue_it_nudges_what_strayed_and_leaves_the_rest_alone() {
    // A line accepted long ago, and one accepted now, as the binary's clock sees it.
    let past = ManualClock::at(1_742_265_090_895);
    let table = TestTable::with_clock(past.shared()).await;
    let line = |id: &str| json!({"conversation_id": id, "timestamp": 1, "body": "hush"});
    let chat = parse_chat(&line(CONVERSATION_ID)).unwrap();
    table.store.chat(&chat, 36_500).await.unwrap();
    past.advance(60 * 365 * 86_400_000);
    let chat = parse_chat(&line("recent")).unwrap();
    table.store.chat(&chat, 90).await.unwrap();

    let function = table.function(BINARY).start().await.unwrap();
    let tick = function.invoke(event("clock.json")).await.unwrap();
    assert_eq!(tick, json!({"rung": 1, "told": 0, "failed": 0}));
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    let nudged = table
        .store
        .lane(&id, Side::Desk)
        .await
        .unwrap()
        .entries
        .remove(0);
    assert_eq!(nudged.delivery, Delivery::Pending);
    let metrics = metrics_in(&function.logs()).remove(0);
    assert!(metrics["OldestUndelivered"].as_i64().unwrap() > 86_400);
    assert_eq!(metrics["Overdue"], 1);
    assert_eq!(metrics["Strays"], 1);
    // A second tick changes nothing: the lane was rung a moment ago.
    let tick = function.invoke(event("clock.json")).await.unwrap();
    assert_eq!(tick, json!({"rung": 0, "told": 0, "failed": 0}));
    assert!(!function.logs().contains("hush"));
}
