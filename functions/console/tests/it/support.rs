//! Calls of the API, and somebody to answer.

use handoff::conversation::ConversationId;
use handoff::gptbots::parse_establish;
use handoff::settings::Settings;
use serde_json::{Value, json};
use test_support::{CONVERSATION_ID, TestTable, event};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_console");

/// A call of the API, made of the sample event.
pub(crate) fn call(method: &str, path: &str, query: &str, body: Option<Value>) -> Value {
    let mut event = event("console-list.json");
    let path = format!("/console/api/{path}");
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    event["queryStringParameters"] = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), json!(value)))
        .collect();
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    if let Some(body) = body {
        event["body"] = json!(body.to_string());
        event["isBase64Encoded"] = json!(false);
    }
    event
}

/// A route of the conversation of the sample events.
pub(crate) fn conversation(route: &str) -> String {
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    format!("conversations/{}{route}", id.to_path())
}

/// A table in which the conversation of the sample events waits.
pub(crate) async fn table_with_a_conversation() -> TestTable {
    let table = TestTable::new().await;
    let body = event("establish.json")["body"].as_str().unwrap().to_owned();
    let establish = parse_establish(&serde_json::from_str(&body).unwrap()).unwrap();
    let handoff = Settings::default().handoff(&establish.bot);
    table.store.establish(&establish, &handoff).await.unwrap();
    table
}
