//! What is counted.

use handoff::conversation::Side;
use handoff::gptbots::Fault;
use serde_json::Value;

use crate::fake::{Bridge, transient};

fn of(line: &Value) -> [&Value; 5] {
    ["Side", "Delivered", "DeliveryAge", "Retried", "Failed"].map(|name| &line[name])
}

#[tokio::test]
async fn a_batch_tells_in_one_line_what_arrived_and_how_old_it_was() {
    let bridge = Bridge::connected().await;
    bridge.counted();
    bridge.post("one").await;
    bridge.clock.advance(250);
    bridge.post("two").await;
    bridge.ring(Side::User).await;
    let lines = bridge.counted();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["Side"], "user");
    assert_eq!(lines[0]["Delivered"], 2);
    let ages: Vec<_> = lines[0]["DeliveryAge"].as_array().unwrap().to_vec();
    let later = ages[0].as_i64().unwrap() - ages[1].as_i64().unwrap();
    assert!(later >= 250, "{ages:?}");
    assert!(lines[0].get("Failed").is_none());
    // Nothing to carry, nothing to pay for.
    bridge.ring(Side::User).await;
    assert!(bridge.counted().is_empty());
}

#[tokio::test]
async fn what_is_tried_again_and_what_is_given_up_is_counted() {
    let bridge = Bridge::connected().await;
    bridge.counted();
    bridge.post("one").await;
    bridge.answer_with([transient()]);
    bridge.ring(Side::User).await;
    let null = Value::Null;
    assert_eq!(
        of(&bridge.counted()[0]),
        [&"user".into(), &null, &null, &1.into(), &null]
    );
    bridge.clock.advance(5_000);
    bridge.answer_with([Fault::Permanent]);
    bridge.ring(Side::User).await;
    assert_eq!(
        of(&bridge.counted()[0]),
        [&"user".into(), &null, &null, &null, &1.into()]
    );
}
