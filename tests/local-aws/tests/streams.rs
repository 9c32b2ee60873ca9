//! A stream of several shards, whose iterators expire: what the emulators do not have, played by a
//! server that knows just enough of the API.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "common/recorder.rs"]
mod recorder;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use local_aws::{mapping::EventSourceMapping, streams::Stream};
use recorder::Recorder;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/things/stream/now";

/// Shard, parent, whether it is closed, and its sequence numbers. The children are listed before
/// their parents, on pages of their own.
const SHARDS: [(&str, Option<&str>, bool, &[u64]); 4] = [
    ("grandchild", Some("child"), false, &[40, 41]),
    ("child", Some("parent"), true, &[30]),
    ("parent", Some("trimmed long ago"), true, &[10, 11, 12]),
    ("other", None, false, &[20]),
];

/// The iterators that have expired: each does once, when it is first used.
type Expired = Arc<Mutex<HashSet<String>>>;

async fn streams(State(expired): State<Expired>, headers: HeaderMap, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let target = headers["x-amz-target"].to_str().unwrap();
    let shard = |id: &Value| SHARDS.iter().find(|shard| shard.0 == id).unwrap();
    let answer = match target.rsplit('.').next().unwrap() {
        "DescribeTable" => json!({"Table": {"LatestStreamArn": ARN}}),
        "DescribeStream" => {
            let start = &request["ExclusiveStartShardId"];
            let next = SHARDS
                .iter()
                .position(|shard| shard.0 == start)
                .map_or(0, |at| at + 1);
            let (id, parent, ..) = SHARDS[next];
            let mut description = json!({
                "StreamArn": ARN,
                "Shards": [{"ShardId": id, "ParentShardId": parent}],
            });
            if next + 1 < SHARDS.len() {
                description["LastEvaluatedShardId"] = json!(id);
            }
            json!({"StreamDescription": description})
        }
        "GetShardIterator" => {
            let (id, _, _, numbers) = shard(&request["ShardId"]);
            let after = request["SequenceNumber"]
                .as_str()
                .map(|number| number.parse().unwrap());
            let expected = match after {
                None => "TRIM_HORIZON",
                Some(_) => "AFTER_SEQUENCE_NUMBER",
            };
            assert_eq!(request["ShardIteratorType"], expected);
            let next = numbers
                .iter()
                .take_while(|number| Some(**number) <= after)
                .count();
            // A fresh iterator does not expire.
            let iterator = format!("{id}/{next}/fresh");
            json!({"ShardIterator": iterator})
        }
        "GetRecords" => {
            let iterator = request["ShardIterator"].as_str().unwrap();
            let parts: Vec<_> = iterator.split('/').collect();
            if parts[2] != "fresh" && expired.lock().unwrap().insert(iterator.to_owned()) {
                let error = json!({"__type": "ExpiredIteratorException", "message": "too late"});
                return (StatusCode::BAD_REQUEST, Json(error)).into_response();
            }
            let (id, _, closed, numbers) = shard(&json!(parts[0]));
            let position: usize = parts[1].parse().unwrap();
            let records: Vec<_> = numbers.iter().skip(position).take(1).map(record).collect();
            let next = position + records.len();
            let mut answer = json!({"Records": records});
            if !closed || next < numbers.len() {
                answer["NextShardIterator"] = json!(format!("{id}/{next}/used"));
            }
            answer
        }
        other => panic!("{other}"),
    };
    Json(answer).into_response()
}

fn record(number: &u64) -> Value {
    json!({
        "eventID": number.to_string(),
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "dynamodb": {
            "Keys": {"pk": {"S": "item"}},
            "NewImage": {"n": {"N": number.to_string()}},
            "SequenceNumber": number.to_string(),
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
    })
}

async fn serve() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/", post(streams))
        .with_state(Expired::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn children_come_after_their_parents_and_expired_iterators_are_replaced() {
    let url = serve().await;
    let shards = Stream::of_table(&url, "things")
        .await
        .unwrap()
        .shards()
        .await
        .unwrap();
    let ids: Vec<_> = shards.iter().map(|shard| shard.id.as_str()).collect();
    assert_eq!(ids, ["parent", "other", "child", "grandchild"]);

    let function = Recorder::calm();
    let mapping = EventSourceMapping::new(&url, "things", Arc::clone(&function) as _);
    let mapping = mapping.start().await.unwrap();
    let all = async {
        while function.numbers().concat().len() < 7 {
            mapping.idle().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all)
        .await
        .unwrap();
    mapping.shutdown().await;
    let mut numbers = function.by_item().remove("item").unwrap();
    numbers.retain(|number| *number != 20);
    assert_eq!(numbers, [10, 11, 12, 30, 40, 41]);
}
