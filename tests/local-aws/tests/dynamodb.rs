//! The embedded DynamoDB through the real SDK.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod common;

use std::{
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveSpecification};
use aws_sdk_dynamodbstreams::types::{Record, ShardIteratorType};
use common::{TABLE, create_table, put};
use local_aws::dynamodb::EmbeddedDynamoDb;
use tokio::io::{AsyncBufReadExt, BufReader};

/// What is in the stream now, from its beginning.
async fn stream(database: &EmbeddedDynamoDb) -> Vec<Record> {
    let client = database.streams_client();
    let listed = client
        .list_streams()
        .table_name(TABLE)
        .send()
        .await
        .unwrap();
    let arn = listed.streams()[0].stream_arn().unwrap().to_owned();
    let described = client
        .describe_stream()
        .stream_arn(&arn)
        .send()
        .await
        .unwrap();
    let shard = described.stream_description().unwrap().shards()[0]
        .shard_id()
        .unwrap();
    let iterator = client
        .get_shard_iterator()
        .stream_arn(&arn)
        .shard_id(shard)
        .shard_iterator_type(ShardIteratorType::TrimHorizon)
        .send()
        .await
        .unwrap();
    let records = client
        .get_records()
        .shard_iterator(iterator.shard_iterator().unwrap())
        .send()
        .await
        .unwrap();
    records.records().to_vec()
}

fn sequence_number(record: &Record) -> &str {
    record.dynamodb().unwrap().sequence_number().unwrap()
}

#[tokio::test]
async fn items_and_stream_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.sqlite");
    let database = EmbeddedDynamoDb::start(Some(&file)).await.unwrap();
    create_table(&database.client()).await;
    put(&database.client(), "a", 1).await;
    let before = stream(&database).await;
    database.shutdown().await.unwrap();

    let database = EmbeddedDynamoDb::start(Some(&file)).await.unwrap();
    put(&database.client(), "b", 2).await;
    let after = stream(&database).await;
    assert_eq!(after.len(), 2);
    assert_eq!(sequence_number(&after[0]), sequence_number(&before[0]));
    assert!(sequence_number(&after[0]) < sequence_number(&after[1]));
    let key = AttributeValue::S("a".to_owned());
    let client = database.client();
    let item = client
        .get_item()
        .table_name(TABLE)
        .key("pk", key)
        .send()
        .await
        .unwrap();
    assert_eq!(item.item().unwrap()["n"], AttributeValue::N("1".to_owned()));
}

/// What the other process runs: it writes until it is killed, and says what it has written.
#[tokio::test]
#[ignore = "started as a process of its own by the next test"]
async fn writer() {
    let file = std::env::var("DATA_FILE").unwrap();
    let database = EmbeddedDynamoDb::start(Some(file.as_ref())).await.unwrap();
    let client = database.client();
    create_table(&client).await;
    for n in 0.. {
        put(&client, &format!("item-{n}"), n).await;
        println!("\nwritten {n}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.sqlite");
    let mut writer = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writer", "--nocapture"])
        .env("DATA_FILE", &file)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut written = 0;
    while written < 100 {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(number) = line.strip_prefix("written ") {
            written = number.parse::<usize>().unwrap();
        }
    }
    writer.kill().await.unwrap();

    let database = EmbeddedDynamoDb::start(Some(&file)).await.unwrap();
    let client = database.client();
    for n in 0..=written {
        let key = AttributeValue::S(format!("item-{n}"));
        let item = client
            .get_item()
            .table_name(TABLE)
            .key("pk", key)
            .send()
            .await
            .unwrap();
        assert!(item.item().is_some(), "item {n} of {written} is gone");
    }
    assert!(stream(&database).await.len() > written);
}

#[tokio::test]
async fn trimming_keeps_the_stream_short_and_its_numbers_rising() {
    let database = EmbeddedDynamoDb::start(None).await.unwrap();
    create_table(&database.client()).await;
    let mut last = String::new();
    for round in 0..5 {
        for n in 0..20 {
            put(&database.client(), &format!("item-{n}"), round * 100 + n).await;
        }
        let records = stream(&database).await;
        assert!(records.len() <= 21, "round {round}: {}", records.len());
        for record in records.iter().skip(usize::from(round > 0)) {
            assert!(sequence_number(record) > last.as_str());
            last = sequence_number(record).to_owned();
        }
        database.trim_consumed(TABLE, &last).await.unwrap();
        assert_eq!(database.stream_len(TABLE).await.unwrap(), 1);
    }
    assert!(database.trim_consumed(TABLE, "7").await.is_err());
}

#[tokio::test]
async fn trimming_spares_what_is_not_consumed() {
    let database = EmbeddedDynamoDb::start(None).await.unwrap();
    create_table(&database.client()).await;
    for n in 0..10 {
        put(&database.client(), "item", n).await;
    }
    let records = stream(&database).await;
    let trimmed = database
        .trim_consumed(TABLE, sequence_number(&records[3]))
        .await
        .unwrap();
    assert_eq!(trimmed, 4);
    let left = stream(&database).await;
    assert_eq!(sequence_number(&left[0]), sequence_number(&records[4]));
}

#[tokio::test]
async fn expired_items_go_with_a_sweep() {
    let database = EmbeddedDynamoDb::start(None).await.unwrap();
    let client = database.client();
    create_table(&client).await;
    let ttl = TimeToLiveSpecification::builder()
        .attribute_name("expires_at")
        .enabled(true)
        .build()
        .unwrap();
    client
        .update_time_to_live()
        .table_name(TABLE)
        .time_to_live_specification(ttl)
        .send()
        .await
        .unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    for (pk, expires_at) in [("gone", now - 100), ("here", now + 1000)] {
        client
            .put_item()
            .table_name(TABLE)
            .item("pk", AttributeValue::S(pk.to_owned()))
            .item("expires_at", AttributeValue::N(expires_at.to_string()))
            .send()
            .await
            .unwrap();
    }
    assert_eq!(database.sweep_ttl().await.unwrap(), 1);
    let left = client.scan().table_name(TABLE).send().await.unwrap();
    assert_eq!(left.items()[0]["pk"], AttributeValue::S("here".to_owned()));
}

#[tokio::test]
async fn dropping_it_frees_the_address() {
    let database = EmbeddedDynamoDb::start(None).await.unwrap();
    let address = database
        .endpoint_url()
        .trim_start_matches("http://")
        .to_owned();
    drop(database);
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(&address).await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("still served after the drop");
}
