//! The requests that are made, compared with those that were held against Slack's specification.

use std::collections::BTreeMap;

use desk_stand_ins::{Act, DeskStandIn as _, Recorded};
use handoff::conversation::{Author, ClosedBy, Kind};
use handoff::desk::What;
use serde_json::{Value, json};

use crate::bridge::{Bridge, entry};
use crate::{open, opened};

/// Set to write the fixture anew.
const WRITE: &str = "WRITE_FIXTURES";

/// Every kind of request that the connector makes.
async fn all() -> Vec<Recorded> {
    let bridge = Bridge::start().await;
    bridge.slack.set_page(2);
    let desk = bridge.desk();
    desk.check().await.unwrap();
    let conversation = opened(&bridge).await;
    open(&bridge, &conversation, 2).await.unwrap();
    let mut line = entry("hi <b>");
    bridge.post(&conversation, &line).await.unwrap();
    line.attempts = 2;
    bridge.post(&conversation, &line).await.unwrap();
    let mut notice = entry("taken");
    notice.kind = Kind::Notice;
    notice.author = Author::System;
    bridge.post(&conversation, &notice).await.unwrap();
    let reference = conversation.desk_ref.clone().unwrap();
    bridge.slack.act(&reference, Act::SayWithMarkup).await;
    for what in bridge.take(&reference) {
        if let What::Message(line) = what {
            desk.complete(line).await.unwrap();
        }
    }
    desk.close(&conversation, ClosedBy::User, "Over.")
        .await
        .unwrap();
    bridge.slack.remove(reference.split_once('/').unwrap().1);
    bridge
        .post(&conversation, &entry("gone"))
        .await
        .unwrap_err();
    bridge.slack.requests()
}

/// A request without what differs from one run to the next.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(items) => {
            let mut shapes: Vec<Value> = Vec::new();
            for item in items.iter().map(shape) {
                if !shapes.contains(&item) {
                    shapes.push(item);
                }
            }
            json!(shapes)
        }
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}

/// Path and the names in the query.
fn path(recorded: &Recorded) -> String {
    let (path, query) = recorded
        .path
        .split_once('?')
        .unwrap_or((recorded.path.as_str(), ""));
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let names: Vec<_> = pairs.map(|(name, _)| name.into_owned()).collect();
    format!("{} {path} {}", recorded.method, names.join(","))
}

/// The distinct requests, each with an example.
fn distinct(requests: &[Recorded]) -> BTreeMap<String, Value> {
    let mut distinct = BTreeMap::new();
    for recorded in requests {
        let shape = json!({
            "content_type": recorded.content_type,
            "body": shape(&recorded.body),
        });
        let example = json!({
            "method": recorded.method, "path": recorded.path,
            "content_type": recorded.content_type, "body": recorded.body,
        });
        let key = format!("{} {shape}", path(recorded));
        distinct.entry(key).or_insert(example);
    }
    distinct
}

#[tokio::test]
async fn requests_are_those_that_the_specification_took() {
    let now = distinct(&all().await);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/slack.json");
    if std::env::var_os(WRITE).is_some() {
        let examples: Vec<_> = now.values().collect();
        let text = serde_json::to_string_pretty(&examples).unwrap();
        std::fs::write(file, text + "\n").unwrap();
    }
    let known: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let known: Vec<_> = known
        .into_iter()
        .map(|example| Recorded {
            method: example["method"].as_str().unwrap().to_owned(),
            path: example["path"].as_str().unwrap().to_owned(),
            content_type: example["content_type"].as_str().unwrap().to_owned(),
            body: example["body"].clone(),
        })
        .collect();
    let known = distinct(&known);
    let now: Vec<_> = now.keys().collect();
    let known: Vec<_> = known.keys().collect();
    assert_eq!(now, known, "set {WRITE} and ask the specification again");
}
