//! What is sent, compared with what was recorded: a change of it is meant, or is noticed.
//!
//! `UPDATE_FIXTURES=1` writes the recording anew.

use std::collections::BTreeMap;

use desk_stand_ins::{Act, DeskStandIn as _};
use handoff::conversation::ClosedBy;
use serde_json::{Map, Value, json};

use crate::bridge::{World, again, line, notice};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/zendesk.json");

#[tokio::test]
async fn every_kind_of_request_is_as_it_was_recorded() {
    let world = World::new().await;
    let known = world.open("c1").await;
    world.try_open(&known, 2).await.unwrap();
    let first = line(&known, 1, "hi");
    world
        .desk
        .post(&known, std::slice::from_ref(&first))
        .await
        .unwrap();
    world.desk.post(&known, &[again(&first)]).await.unwrap();
    world
        .desk
        .post(&known, &[notice(&known, 2, "x")])
        .await
        .unwrap();
    world.stand_in.set_pending(known.desk_ref.as_ref().unwrap());
    world
        .desk
        .post(&known, &[line(&known, 3, "y")])
        .await
        .unwrap();
    world
        .stand_in
        .act(known.desk_ref.as_ref().unwrap(), Act::Say("x".into()))
        .await;
    world.lines().await;
    world.desk.close(&known, ClosedBy::User, "x").await.unwrap();
    world.desk.check().await.unwrap();

    let requests = world.stand_in.requests();
    let distinct: BTreeMap<String, Value> = requests
        .iter()
        .map(|request| {
            let shape = json!({
                "method": request.method,
                "path": without_ids(&request.path),
                "content_type": request.content_type,
                "body": shape(&request.body),
            });
            (shape.to_string(), shape)
        })
        .collect();
    let now = Value::Array(distinct.into_values().collect());
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let text = serde_json::to_string_pretty(&now).unwrap() + "\n";
        std::fs::write(FIXTURE, text).unwrap();
    }
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(FIXTURE).unwrap()).unwrap();
    assert_eq!(now, recorded);
}

/// A path with its numbers and our own names as placeholders.
fn without_ids(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts = path.split('/').map(|part| match part.parse::<u64>() {
        Ok(_) => "{id}",
        Err(_) => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    match query.split_once("external_id=") {
        Some(_) => format!("{path}?external_id={{external_id}}"),
        None if query.is_empty() => path,
        None => format!("{path}?{query}"),
    }
}

/// A body with the kinds of its values; what a status is matters.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(name, value)| match name.as_str() {
                    "status" | "public" => (name.clone(), value.clone()),
                    _ => (name.clone(), shape(value)),
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items
            .first()
            .map_or(json!([]), |first| json!([shape(first)])),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}
