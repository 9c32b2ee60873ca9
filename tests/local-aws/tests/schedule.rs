//! The schedule.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use local_aws::{function::event_function, schedule::Schedule};
use serde_json::{Value, json};
use tokio::sync::mpsc;

#[tokio::test]
async fn it_ticks_by_itself_and_by_hand() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let function = event_function(move |event: Value| {
        sender.send(event).unwrap();
        async { Err::<(), _>("fails each time".to_owned()) }
    });
    let schedule = Schedule::start("clock", Duration::from_millis(20), function);
    for _ in 0..3 {
        events.recv().await.unwrap();
    }
    schedule.shutdown().await;
    while events.recv().await.is_some() {}

    let function = event_function(|event: Value| async { Ok::<_, String>(event) });
    let schedule = Schedule::start("clock", Duration::from_secs(3600), function);
    let event = schedule.tick().await.unwrap();
    assert_eq!(event["source"], "aws.scheduler");
    assert_eq!(event["detail-type"], "Scheduled Event");
    assert_eq!(event["detail"], "{}");
    assert_eq!(
        event["resources"],
        json!(["arn:aws:scheduler:us-east-1:123456789012:schedule/default/clock"])
    );
    let time = event["time"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
}
