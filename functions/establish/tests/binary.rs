//! The binary, as Lambda runs it, over an embedded DynamoDB.
#![allow(clippy::unwrap_used)]

use handoff::conversation::{ConversationId, Side};
use serde_json::{Value, json};
use test_support::{CONVERSATION_ID, TOKEN, TestTable, body_of, event, metrics_in};

const BINARY: &str = env!("CARGO_BIN_EXE_establish");

/// The sample event with another body.
fn with_body(body: impl Into<String>) -> Value {
    let mut event = event("establish.json");
    event["body"] = json!(body.into());
    event["isBase64Encoded"] = json!(false);
    event
}

#[tokio::test]
async fn the_sample_event_is_stored_and_answered() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    for _ in 0..2 {
        let answer = function.invoke(event("establish.json")).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(answer["headers"]["content-type"], "application/json");
        assert_eq!(body_of(&answer), json!({"code": 200, "message": "success"}));
    }
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    let known = table.store.conversation(&id).await.unwrap().unwrap();
    assert_eq!(known.bot.as_deref(), Some("665d88b03ce2b13cf2d573454"));
    assert_eq!(known.episode, 1);
    let greetings = table.store.lane(&id, Side::User).await.unwrap().entries;
    assert_eq!(greetings.len(), 1, "greeted once");
    // Counted once, in the log's own format and at a level that its filter lets through.
    let metrics = metrics_in(&function.logs());
    assert_eq!(metrics.len(), 1, "{metrics:?}");
    assert_eq!(metrics[0]["Handoffs"], 1);
    assert_eq!(metrics[0]["Stack"], "test");
    assert_eq!(metrics[0]["level"], "TRACE");
    // At its most talkative the log names the conversation and nothing that is anybody's business.
    let logs = function.logs();
    assert!(logs.contains(CONVERSATION_ID), "{logs}");
    for private in [
        "bob@gmail.com",
        "human service",
        "KDslas",
        "652face5184b30540a6ea7fe",
        TOKEN,
    ] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}

#[tokio::test]
async fn every_refusal_names_what_is_wrong() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let refused = async |event: Value| {
        let answer = function.invoke(event).await.unwrap();
        let body = body_of(&answer);
        assert_eq!(answer["statusCode"], body["code"]);
        (
            body["code"].as_u64().unwrap(),
            body["message"].as_str().unwrap().to_owned(),
        )
    };
    let mut wrong_token = event("establish.json");
    wrong_token["rawPath"] = json!("/other-token/conversation/establish");
    assert_eq!(
        refused(wrong_token).await,
        (401, "the token in the path is not valid".into())
    );

    let field = r#"{"conversation_id":"c","timestamp":"soon","bot_id":"b"}"#;
    let (code, message) = refused(with_body(field)).await;
    assert_eq!(code, 400);
    assert!(message.starts_with("timestamp: "), "{message}");

    let (code, message) = refused(with_body("{\"a\":")).await;
    assert_eq!(
        (code, message.as_str()),
        (400, "body: is not valid JSON (line 1, column 5)")
    );

    let mut form = with_body("a=b");
    form["headers"]["content-type"] = json!("application/x-www-form-urlencoded");
    assert_eq!(refused(form).await.0, 415);

    let (code, message) = refused(with_body(" ".repeat(4 * 1024 * 1024 + 1))).await;
    assert_eq!(
        (code, message.as_str()),
        (413, "body: must be at most 4 MB")
    );
    // Each of them is a message lost, which somebody has to know.
    let counted: Vec<_> = metrics_in(&function.logs())
        .iter()
        .map(|line| line["RefusedWebhooks"].clone())
        .collect();
    assert_eq!(counted, [1, 1, 1, 1, 1]);
}

#[tokio::test]
async fn a_body_in_base64_and_a_path_with_a_stage_are_taken() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let mut staged = event("establish.json");
    staged["rawPath"] = json!(format!("/prod/{TOKEN}/conversation/establish"));
    staged["requestContext"]["http"]["path"] = staged["rawPath"].clone();
    staged["body"] = json!("eyJjb252ZXJzYXRpb25faWQiOiJjIiwidGltZXN0YW1wIjoxLCJib3RfaWQiOiJiIn0=");
    staged["isBase64Encoded"] = json!(true);
    let answer = function.invoke(staged).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
}

#[tokio::test]
async fn a_table_that_fails_is_answered_with_503_so_that_the_user_sees_busy() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).env("TABLE_NAME", "missing");
    let function = function.start().await.unwrap();
    let answer = function.invoke(event("establish.json")).await.unwrap();
    assert_eq!(answer["statusCode"], 503);
    assert_eq!(body_of(&answer)["message"], "not stored, please try again");
    assert!(
        function
            .logs()
            .contains("read settings failed: ResourceNotFoundException")
    );
    // The API's own metric of 5xx tells of it.
    assert!(metrics_in(&function.logs()).is_empty());
}

#[tokio::test]
async fn outside_the_hours_the_user_sees_busy_where_that_is_set() {
    let table = TestTable::new().await;
    let closed = json!({"hours": {"time_zone": "Asia/Taipei", "weekly": {}, "outside": "refuse"}});
    let open = table.function(BINARY).start().await.unwrap();
    open.invoke(event("establish.json")).await.unwrap();
    let written = table.store.put_settings(&closed.to_string(), 0).await;
    assert!(written.unwrap());
    let function = table.function(BINARY).start().await.unwrap();
    let other = r#"{"conversation_id":"c","timestamp":1,"bot_id":"b"}"#;
    let answer = function.invoke(with_body(other)).await.unwrap();
    assert_eq!(body_of(&answer), json!({"code": 503, "message": "closed"}));
    let id = ConversationId::new("c").unwrap();
    assert!(table.store.conversation(&id).await.unwrap().is_none());
    // One that was taken while it was open is here, whoever asks again.
    let answer = function.invoke(event("establish.json")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(metrics_in(&function.logs())[0]["Closed"], 1);
}

#[tokio::test]
async fn without_its_environment_it_does_not_start_and_says_which_variable_is_missing() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).env("WEBHOOK_TOKEN_SHA256", "abc");
    let error = function.start().await.err().unwrap();
    assert!(
        format!("{error:?}").contains("WEBHOOK_TOKEN_SHA256"),
        "{error:?}"
    );
}
