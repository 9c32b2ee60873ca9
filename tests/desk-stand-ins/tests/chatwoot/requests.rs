//! What is sent has the shape that was judged by Chatwoot's own specification.

use std::collections::BTreeSet;
use std::path::Path;

use desk_stand_ins::chatwoot::Setup;
use desk_stand_ins::{DeskStandIn as _, Recorded};
use handoff::conversation::{Author, ClosedBy};
use serde_json::{Map, Value, json};

use super::support::{Stage, at, conversation, entry, long_history, setups};

/// Everything the connector ever asks, of an inbox that is set up like this.
async fn everything(setup: Setup) -> Vec<Recorded> {
    let stage = Stage::new(setup).await;
    let desk = &stage.desk;
    desk.check().await.unwrap();
    let history = long_history();
    stage.open(&conversation("c1"), &history, 1).await.unwrap();
    let opened = stage.open(&conversation("c1"), &history, 2).await.unwrap();
    let known = at(conversation("c1"), opened);
    for n in 0..25 {
        let mut line = entry(&known, Author::User, "hi", n);
        line.attempts = 2;
        desk.post(&known, &[line]).await.unwrap();
    }
    desk.post(&known, &[entry(&known, Author::System, "notice", 99)])
        .await
        .unwrap();
    desk.reconcile(&known).await.unwrap();
    desk.close(&known, ClosedBy::User, "The user has left.")
        .await
        .unwrap();
    stage.stand_in.requests()
}

/// A request with everything that differs from run to run replaced by what it is.
fn shape(request: &Recorded) -> Value {
    let path: Vec<_> = request
        .path
        .split('/')
        .map(|segment| match segment {
            long if long.len() == 64 => "{source_id}".to_owned(),
            other => match other.split_once("before=") {
                Some((head, _)) => format!("{head}before={{id}}"),
                None => other.to_owned(),
            },
        })
        .collect();
    json!({
        "method": request.method,
        "path": path.join("/"),
        "content_type": request.content_type,
        "body": body(&request.body),
    })
}

/// Fixed values where Chatwoot gives them a meaning, else the type.
fn body(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let shapes = members.iter().map(|(name, value)| {
                let fixed = matches!(name.as_str(), "message_type" | "private" | "status");
                (
                    name.clone(),
                    if fixed { value.clone() } else { body(value) },
                )
            });
            Value::Object(shapes.collect::<Map<_, _>>())
        }
        Value::String(_) => "text".into(),
        Value::Number(_) => 1.into(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn requests_are_those_that_the_vendors_specification_has_judged() {
    let mut distinct = BTreeSet::new();
    for setup in setups() {
        distinct.extend(
            everything(setup)
                .await
                .iter()
                .map(|one| shape(one).to_string()),
        );
    }
    let now: Vec<Value> = distinct
        .iter()
        .map(|one| serde_json::from_str(one).unwrap())
        .collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/chatwoot.json");
    if std::env::var_os("RECORD_FIXTURES").is_some() {
        let text = serde_json::to_string_pretty(&now).unwrap() + "\n";
        std::fs::write(&file, text).unwrap();
    }
    let judged = std::fs::read_to_string(&file).unwrap();
    let judged: Vec<Value> = serde_json::from_str(&judged).unwrap();
    assert_eq!(
        now, judged,
        "judge them again, then run with RECORD_FIXTURES=1"
    );
}
