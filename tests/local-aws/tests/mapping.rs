//! The event source mapping on the embedded DynamoDB.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;
#[path = "common/recorder.rs"]
mod recorder;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{TABLE, create_table, put};
use local_aws::{
    Chaos,
    dynamodb::EmbeddedDynamoDb,
    mapping::{EventSourceMapping, FilterCriteria},
};
use recorder::{Recorder, number};
use serde_json::{Value, json};

async fn database() -> Arc<EmbeddedDynamoDb> {
    let database = Arc::new(EmbeddedDynamoDb::start(None).await.unwrap());
    create_table(&database.client()).await;
    database
}

fn mapping(database: &Arc<EmbeddedDynamoDb>, function: &Arc<Recorder>) -> EventSourceMapping {
    EventSourceMapping::embedded(database, TABLE, Arc::clone(function) as _)
        .report_batch_item_failures(true)
}

#[tokio::test]
async fn records_have_the_shape_lambda_gives_them() {
    let database = database().await;
    put(&database.client(), "a", 1).await;
    put(&database.client(), "a", 2).await;
    let function = Recorder::calm();
    let mapping = mapping(&database, &function).start().await.unwrap();
    mapping.idle().await;
    let records = function.batches.lock().unwrap().concat();
    assert_eq!(records.len(), 2);
    let record = &records[1];
    assert_eq!(record["eventName"], "MODIFY");
    assert_eq!(record["eventSource"], "aws:dynamodb");
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["eventVersion"], "1.1");
    assert!(record["eventID"].is_string());
    let arn = record["eventSourceARN"].as_str().unwrap();
    assert!(
        arn.starts_with("arn:aws:dynamodb:") && arn.contains("/stream/"),
        "{arn}"
    );
    let change = &record["dynamodb"];
    assert_eq!(change["Keys"], json!({"pk": {"S": "a"}}));
    assert_eq!(
        change["NewImage"],
        json!({"pk": {"S": "a"}, "n": {"N": "2"}})
    );
    assert_eq!(
        change["OldImage"],
        json!({"pk": {"S": "a"}, "n": {"N": "1"}})
    );
    assert_eq!(change["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(change["SequenceNumber"].is_string());
    assert!(change["SizeBytes"].as_u64().unwrap() > 0);
    assert!(change["ApproximateCreationDateTime"].as_u64().unwrap() > 1_700_000_000);
}

#[tokio::test]
async fn what_is_filtered_or_unchanged_is_not_handed_over() {
    let database = database().await;
    let client = database.client();
    for n in 0..4 {
        put(&client, &format!("item-{n}"), n).await;
    }
    put(&client, "item-2", 2).await;
    let key = AttributeValue::S("item-3".to_owned());
    client
        .delete_item()
        .table_name(TABLE)
        .key("pk", key)
        .send()
        .await
        .unwrap();
    let pattern = json!({
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"n": {"N": ["1", "2"]}}},
    });
    let filter = FilterCriteria::new([pattern.to_string()]).unwrap();
    let function = Recorder::calm();
    let mapping = mapping(&database, &function)
        .filter(filter)
        .start()
        .await
        .unwrap();
    mapping.idle().await;
    assert_eq!(function.numbers().concat(), [1, 2]);
    let stats = mapping.stats();
    assert_eq!((stats.read, stats.unchanged, stats.filtered), (6, 1, 3));
    assert_eq!((stats.handed, stats.failures), (2, 0));
}

#[tokio::test]
async fn batches_are_of_the_size_and_in_order() {
    let database = database().await;
    for n in 0..25 {
        put(&database.client(), &format!("item-{}", n % 4), n).await;
    }
    let function = Recorder::calm();
    let mapping = mapping(&database, &function)
        .batch_size(10)
        .start()
        .await
        .unwrap();
    mapping.idle().await;
    let numbers = function.numbers();
    assert!(numbers.iter().all(|batch| batch.len() <= 10), "{numbers:?}");
    assert_eq!(numbers.concat(), (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reported_failure_is_retried_from_there_on() {
    let database = database().await;
    for n in 0..6 {
        put(&database.client(), &format!("item-{n}"), n).await;
    }
    // Reports 4 and 2 the first time: 2 is the lowest.
    let function = Recorder::new(Duration::ZERO, |records, invocation| {
        let failed = records
            .iter()
            .rev()
            .filter(|record| [2, 4].contains(&number(record)));
        let failed =
            failed.map(|record| json!({"itemIdentifier": record["dynamodb"]["SequenceNumber"]}));
        let failed: Vec<_> = if invocation == 0 {
            failed.collect()
        } else {
            Vec::new()
        };
        Ok(json!({"batchItemFailures": failed}))
    });
    let mapping = mapping(&database, &function).start().await.unwrap();
    mapping.idle().await;
    assert_eq!(
        function.numbers(),
        [vec![0, 1, 2, 3, 4, 5], vec![2, 3, 4, 5]]
    );
    let stats = mapping.stats();
    assert_eq!(
        (stats.failures, stats.retries, stats.invocations),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn an_error_is_retried_in_halves_and_blocks_what_follows() {
    let database = database().await;
    for n in 0..4 {
        put(&database.client(), &format!("item-{n}"), n).await;
    }
    // Fails while record 1 is in it, for six invocations.
    let function = Recorder::new(Duration::ZERO, |records, invocation| {
        if invocation < 6 && records.iter().any(|record| number(record) == 1) {
            return Err("no".to_owned());
        }
        Ok(Value::Null)
    });
    let mapping = mapping(&database, &function)
        .bisect_batch_on_function_error(true)
        .start()
        .await
        .unwrap();
    mapping.idle().await;
    let expected: [&[usize]; 8] = [
        &[0, 1, 2, 3],
        &[0, 1],
        &[0],
        &[1],
        &[1],
        &[1],
        &[1],
        &[2, 3],
    ];
    assert_eq!(function.numbers(), expected);
}

#[tokio::test]
async fn an_answer_that_is_no_batch_response_fails_the_batch() {
    let database = database().await;
    put(&database.client(), "a", 0).await;
    let function = Recorder::new(Duration::ZERO, |_, invocation| match invocation {
        0 => Ok(json!({"batchItemFailures": [{"itemIdentifier": "not in the batch"}]})),
        1 => Ok(json!({"batchItemFailures": [{"itemIdentifier": ""}]})),
        _ => Ok(json!({})),
    });
    let mapping = mapping(&database, &function).start().await.unwrap();
    mapping.idle().await;
    assert_eq!(mapping.stats().failures, 2);
    assert_eq!(function.numbers().len(), 3);
}

#[tokio::test]
async fn one_failing_item_holds_up_no_other_lane() {
    let database = database().await;
    for n in 0..40 {
        put(&database.client(), &format!("item-{n}"), n).await;
    }
    let function = Recorder::new(Duration::ZERO, |records, _| {
        match records.iter().any(|record| number(record) == 0) {
            true => Err("never".to_owned()),
            false => Ok(Value::Null),
        }
    });
    let mapping = mapping(&database, &function)
        .batch_size(1)
        .parallelization_factor(10)
        .start()
        .await
        .unwrap();
    let others: BTreeSet<usize> = (1..40).collect();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        seen = function
            .numbers()
            .concat()
            .into_iter()
            .filter(|n| *n > 0)
            .collect();
        if seen.len() > 30 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen.len() > 30 && seen.is_subset(&others), "{seen:?}");
    // It ends although one batch would be retried for ever.
    mapping.shutdown().await;
}

/// The records of one item come in order (second copies aside) and never in two invocations at a
/// time, whatever else happens; nothing is lost but what is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_rough_chaos_each_item_keeps_its_order() {
    let database = database().await;
    let function = Recorder::new(Duration::from_millis(3), |records, invocation| {
        match invocation % 7 {
            3 => Err("now and then".to_owned()),
            5 => {
                let last = records.last().unwrap();
                let id = &last["dynamodb"]["SequenceNumber"];
                Ok(json!({"batchItemFailures": [{"itemIdentifier": id}]}))
            }
            _ => Ok(Value::Null),
        }
    });
    let client = database.client();
    let write = async |numbers: std::ops::Range<usize>| {
        for n in numbers {
            put(&client, &format!("item-{}", n % 20), n).await;
        }
    };
    // Half of it at once, half of it while it is being handled.
    write(0..150).await;
    let mapping = mapping(&database, &function)
        .batch_size(5)
        .parallelization_factor(10)
        .bisect_batch_on_function_error(true)
        .chaos(Chaos::rough(42))
        .start()
        .await
        .unwrap();
    write(150..300).await;
    mapping.idle().await;

    assert_eq!(function.clashes.load(Ordering::SeqCst), 0);
    assert!(
        function.most_running.load(Ordering::SeqCst) > 1,
        "invocations overlapped"
    );
    let mut seen = 0;
    for (item, numbers) in function.by_item() {
        let mut first_times = Vec::new();
        for number in &numbers {
            if !first_times.contains(number) {
                first_times.push(*number);
            }
        }
        assert!(first_times.is_sorted(), "{item}: {numbers:?}");
        seen += first_times.len();
    }
    let stats = mapping.stats();
    assert_eq!(stats.read, 300);
    assert!(
        stats.lost > 0 && stats.duplicated > 0 && stats.retries > 0,
        "{stats:?}"
    );
    assert_eq!(seen, usize::try_from(300 - stats.lost).unwrap());
    let order: Vec<_> = function.numbers().concat();
    assert!(!order.is_sorted(), "items passed one another");
}

/// Loses and duplicates the same records in each run of the same seed.
#[tokio::test]
async fn a_seed_can_be_played_again() {
    async fn run(seed: u64) -> (BTreeSet<usize>, u64) {
        let database = database().await;
        let function = Recorder::calm();
        let chaos = Chaos {
            delay: Duration::from_millis(2),
            lose: 0.3,
            ..Chaos::rough(seed)
        };
        for n in 0..60 {
            put(&database.client(), &format!("item-{}", n % 7), n).await;
        }
        let mapping = mapping(&database, &function)
            .chaos(chaos)
            .start()
            .await
            .unwrap();
        mapping.idle().await;
        let seen = function.numbers().concat().into_iter().collect();
        (seen, mapping.stats().duplicated)
    }
    let first = run(5).await;
    assert!(first.0.len() < 60, "some are lost");
    assert_eq!(first, run(5).await);
    assert_ne!(first.0, run(6).await.0);
}

/// What was in the stream before the start, and what was handed over without success before the
/// end of the process, comes again.
#[tokio::test]
async fn nothing_is_skipped_over_a_crash_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.sqlite");
    let database = Arc::new(EmbeddedDynamoDb::start(Some(&file)).await.unwrap());
    create_table(&database.client()).await;
    for n in 0..10 {
        put(&database.client(), "item", n).await;
    }
    let function = Recorder::new(Duration::ZERO, |records, _| {
        match records.iter().any(|record| number(record) == 5) {
            true => Err("never".to_owned()),
            false => Ok(Value::Null),
        }
    });
    let first = mapping(&database, &function)
        .batch_size(1)
        .start()
        .await
        .unwrap();
    while !function.numbers().concat().contains(&5) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.shutdown().await;
    drop(Arc::into_inner(database).unwrap());

    let database = Arc::new(EmbeddedDynamoDb::start(Some(&file)).await.unwrap());
    let function = Recorder::calm();
    let second = mapping(&database, &function).start().await.unwrap();
    second.idle().await;
    // The shutdown has trimmed what had succeeded.
    assert_eq!(function.numbers().concat(), [5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn the_stream_stays_short() {
    let database = database().await;
    let function = Recorder::calm();
    let mapping = mapping(&database, &function).start().await.unwrap();
    for n in 0..800 {
        put(&database.client(), &format!("item-{}", n % 10), n).await;
    }
    mapping.idle().await;
    let length = database.stream_len(TABLE).await.unwrap();
    assert!(length < 400, "{length}");
    mapping.shutdown().await;
    assert_eq!(database.stream_len(TABLE).await.unwrap(), 1);
}

#[tokio::test]
async fn a_table_without_a_stream_is_an_error() {
    let database = Arc::new(EmbeddedDynamoDb::start(None).await.unwrap());
    assert!(mapping(&database, &Recorder::calm()).start().await.is_err());
}

/// Another implementation, such as AWS's DynamoDB Local: set `DYNAMODB_ENDPOINT_URL`.
#[tokio::test]
#[ignore = "needs a DynamoDB endpoint"]
async fn any_endpoint_will_do() {
    let endpoint = std::env::var("DYNAMODB_ENDPOINT_URL").unwrap();
    let client = local_aws::sdk::dynamodb(&endpoint);
    create_table(&client).await;
    let function = Recorder::calm();
    let mapping = EventSourceMapping::new(&endpoint, TABLE, Arc::clone(&function) as _);
    let mapping = mapping.parallelization_factor(4).start().await.unwrap();
    for n in 0..50 {
        put(&client, &format!("item-{}", n % 5), n).await;
    }
    mapping.idle().await;
    assert_eq!(function.numbers().concat().len(), 50);
    for numbers in function.by_item().values() {
        assert!(numbers.is_sorted());
    }
    client
        .delete_table()
        .table_name(TABLE)
        .send()
        .await
        .unwrap();
}
