//! Every kind of request that the connector makes, as it was when the vendor's description was
//! asked about it (docs/desks/intercom.md).
//!
//! `RECORD_FIXTURES=1 cargo test -p desk-stand-ins --test intercom` writes it anew.

use std::collections::BTreeMap;

use desk_stand_ins::{DeskStandIn as _, Failure, Recorded};
use handoff::conversation::{Agent, Author, ClosedBy, Kind, Speaker};
use handoff::desk::AgentLine;
use serde_json::{Value, json};

use crate::support::{Rig, again, at_desk, conversation, entry, history, line};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/intercom.json");

/// Does everything that the connector can be asked for.
async fn everything() -> Vec<Recorded> {
    let rig = Rig::start().await;
    let new = conversation("c1");
    let before = history(&[
        (Speaker::User, "Where is my order?"),
        (Speaker::Bot, "Here."),
    ]);
    rig.desk.check().await.unwrap();
    rig.stand_in.fail_once(2, Failure::DropAfter);
    rig.open(&new, &before, 1).await.unwrap_err();
    let opened = rig.open(&new, &before, 2).await.unwrap();
    let open = at_desk(new, opened);
    rig.desk.post(&open, &[line(&open, "Hello")]).await.unwrap();
    rig.desk
        .post(&open, &[again(line(&open, "Again"))])
        .await
        .unwrap();
    let mut without = open.clone();
    without.desk_context = None;
    rig.desk
        .post(&without, &[line(&open, "By our id")])
        .await
        .unwrap();
    let notice = entry(&open, Author::System, Kind::Notice, "A notice", 1);
    rig.desk.post(&open, &[notice]).await.unwrap();
    rig.desk.reconcile(&open).await.unwrap();
    let nameless = AgentLine {
        agent: Agent {
            id: "7001".into(),
            name: String::new(),
        },
        text: "Hi".into(),
        files: Vec::new(),
        incomplete: true,
    };
    rig.desk.complete(nameless).await.unwrap();
    rig.desk
        .close(&open, ClosedBy::User, "Left.")
        .await
        .unwrap();
    rig.stand_in.archive_contacts();
    rig.open(&conversation("c2"), &before, 1).await.unwrap();
    rig.stand_in.requests()
}

/// One request of each shape, by its shape.
fn distinct(requests: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    let mut distinct = BTreeMap::new();
    for request in requests {
        let shape = json!([
            request["method"],
            path(&request["path"]),
            request["content_type"],
            shape("", &request["body"])
        ]);
        distinct.entry(shape.to_string()).or_insert(request);
    }
    distinct
}

/// A path without the ids in it.
fn path(path: &Value) -> String {
    let segments = path.as_str().unwrap().split('/').map(|segment| {
        let (name, query) = segment.split_once('?').unwrap_or((segment, ""));
        let known = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        format!("{}?{query}", if known { name } else { "{id}" })
    });
    segments.collect::<Vec<_>>().join("/")
}

/// What kind of value stands where; words of the API are themselves.
fn shape(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(name, value)))
            .collect(),
        Value::Array(values) => values.iter().map(|value| shape("", value)).collect(),
        Value::String(text) => match name {
            "type" | "message_type" | "role" | "operator" | "field" => json!(text),
            _ => json!("a text"),
        },
        Value::Number(_) => json!("a number"),
        other => other.clone(),
    }
}

#[tokio::test]
async fn requests_are_as_they_were_recorded() {
    let sent = everything().await.into_iter().map(|request| {
        json!({
            "method": request.method, "path": request.path,
            "content_type": request.content_type, "body": request.body,
        })
    });
    let sent = distinct(sent);
    if std::env::var_os("RECORD_FIXTURES").is_some() {
        let requests: Vec<_> = sent.values().collect();
        let text = serde_json::to_string_pretty(&requests).unwrap() + "\n";
        std::fs::write(FIXTURE, text).unwrap();
    }
    let recorded: Vec<Value> = serde_json::from_slice(&std::fs::read(FIXTURE).unwrap()).unwrap();
    let recorded = distinct(recorded);
    let shapes = |of: &BTreeMap<String, Value>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(shapes(&sent), shapes(&recorded));
    assert!(recorded.len() >= 12);
}
