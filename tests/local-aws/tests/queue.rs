//! The delay queue and its event source mapping.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use local_aws::{
    Chaos, SharedFunction,
    function::event_function,
    queue::{DelayQueue, QueueEndpoint, QueueMapping},
};
use serde_json::{Value, json};

type Seen = Arc<Mutex<Vec<Value>>>;

/// A function that notes the messages and reports those as failed whose body `fails` names, given
/// how often they were received.
fn noting(fails: impl Fn(&str, u32) -> bool + Send + Sync + 'static) -> (SharedFunction, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let function = event_function(move |event: Value| {
        let records = event["Records"].as_array().unwrap().clone();
        let failed = records.iter().filter(|record| {
            let count = record["attributes"]["ApproximateReceiveCount"]
                .as_str()
                .unwrap();
            fails(record["body"].as_str().unwrap(), count.parse().unwrap())
        });
        let failed: Vec<_> = failed
            .map(|record| json!({"itemIdentifier": record["messageId"]}))
            .collect();
        noted.lock().unwrap().extend(records);
        async move { Ok::<_, std::convert::Infallible>(json!({"batchItemFailures": failed})) }
    });
    (function, seen)
}

fn bodies(seen: &Seen) -> Vec<String> {
    let seen = seen.lock().unwrap();
    seen.iter()
        .map(|record| record["body"].as_str().unwrap().to_owned())
        .collect()
}

async fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it did not come to that"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_message_comes_after_its_delay_in_lambdas_shape() {
    let queue = DelayQueue::new("bells");
    let (function, seen) = noting(|_, _| false);
    let mapping = QueueMapping::new(&queue, function)
        .report_batch_item_failures(true)
        .start();
    let start = Instant::now();
    let later = queue.send("later", Duration::from_millis(200)).unwrap();
    queue.send("now", Duration::ZERO).unwrap();
    queue.send("much later", Duration::from_secs(900)).unwrap();
    until(|| bodies(&seen).len() == 2).await;
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(bodies(&seen), ["now", "later"]);
    mapping.idle().await;
    assert_eq!(queue.len(), 1, "what succeeded is deleted");
    queue.release_all();
    until(|| bodies(&seen).len() == 3).await;

    let record = &seen.lock().unwrap()[1];
    assert_eq!(record["messageId"], later);
    assert!(record["receiptHandle"].is_string());
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(
        record["eventSourceARN"],
        "arn:aws:sqs:us-east-1:123456789012:bells"
    );
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["messageAttributes"], json!({}));
    assert_eq!(record["md5OfBody"].as_str().unwrap().len(), 32);
    let attributes = &record["attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    for time in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        let millis: u64 = attributes[time].as_str().unwrap().parse().unwrap();
        assert!(millis > 1_700_000_000_000, "{time}");
    }
}

#[tokio::test]
async fn what_failed_comes_again_until_it_is_a_dead_letter() {
    let timeout = Duration::from_millis(30);
    let queue = DelayQueue::with("bells", timeout, Some(3), Chaos::none());
    let (function, seen) = noting(|body, count| body == "bad" || (body == "late" && count < 2));
    let mapping = QueueMapping::new(&queue, function)
        .report_batch_item_failures(true)
        .start();
    for body in ["good", "bad", "late"] {
        queue.send(body, Duration::ZERO).unwrap();
    }
    until(|| queue.is_empty()).await;
    let mut counts = HashMap::new();
    for body in bodies(&seen) {
        *counts.entry(body).or_insert(0) += 1;
    }
    assert_eq!((counts["good"], counts["bad"], counts["late"]), (1, 3, 2));
    assert_eq!(queue.dead_letters(), ["bad"]);
    mapping.shutdown().await;
}

#[tokio::test]
async fn an_error_brings_the_whole_batch_back() {
    let timeout = Duration::from_millis(20);
    let queue = DelayQueue::with("bells", timeout, None, Chaos::none());
    for body in ["a", "b"] {
        queue.send(body, Duration::ZERO).unwrap();
    }
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let function = event_function(move |event: Value| {
        let mut calls = counted.lock().unwrap();
        *calls += 1;
        let answer = match *calls {
            1 => Err("no".to_owned()),
            _ => Ok(json!(event["Records"].as_array().map(Vec::len))),
        };
        async move { answer }
    });
    let _mapping = QueueMapping::new(&queue, function).start();
    until(|| queue.is_empty()).await;
    assert!(*calls.lock().unwrap() >= 2);
}

#[tokio::test]
async fn under_chaos_messages_come_twice_and_in_disorder_and_none_is_lost() {
    async fn run(seed: u64) -> HashMap<String, usize> {
        let chaos = Chaos {
            retry_batch: 0.0,
            ..Chaos::rough(seed)
        };
        let queue = DelayQueue::with("bells", Duration::from_secs(30), None, chaos);
        let (function, seen) = noting(|_, _| false);
        let _mapping = QueueMapping::new(&queue, function).start();
        for n in 0..100 {
            queue.send(format!("{n:03}"), Duration::ZERO).unwrap();
        }
        until(|| queue.is_empty()).await;
        assert!(!bodies(&seen).is_sorted());
        let mut counts = HashMap::new();
        for body in bodies(&seen) {
            *counts.entry(body).or_insert(0) += 1;
        }
        counts
    }
    let counts = run(1).await;
    assert_eq!(counts.len(), 100);
    assert!(counts.values().any(|count| *count == 2));
    assert_eq!(counts, run(1).await, "the same seed, the same duplicates");
    assert_ne!(counts, run(2).await);
}

#[tokio::test]
async fn what_sqs_refuses_is_refused() {
    let queue = DelayQueue::new("bells");
    assert!(queue.send("", Duration::ZERO).is_err());
    assert!(
        queue
            .send("x".repeat(1024 * 1024 + 1), Duration::ZERO)
            .is_err()
    );
    assert!(queue.send("x", Duration::from_secs(901)).is_err());
    assert!(queue.is_empty());
}

#[tokio::test]
async fn the_sdk_can_send() {
    let queue = DelayQueue::new("bells");
    let endpoint = QueueEndpoint::start(&queue).await.unwrap();
    let client = aws_sdk_sqs::Client::from_conf(
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(endpoint.url())
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build(),
    );
    let send = || client.send_message().queue_url(queue.url());
    let sent = send()
        .message_body("grüß")
        .delay_seconds(5)
        .send()
        .await
        .unwrap();
    assert!(sent.message_id().is_some());
    assert_eq!(queue.len(), 1);
    let refused = send().message_body("x").delay_seconds(1000).send().await;
    let error = refused.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("InvalidParameterValue"));
}
