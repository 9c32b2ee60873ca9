//! The binary, as Lambda runs it, over an embedded DynamoDB.
#![allow(clippy::unwrap_used)]

use serde_json::json;
use test_support::{TestTable, body_of, event, metrics_in};

const BINARY: &str = env!("CARGO_BIN_EXE_desk");

#[tokio::test]
async fn only_a_desks_own_calls_are_taken() {
    let table = TestTable::new().await;
    let function = table
        .function(BINARY)
        .env(
            "SECRETS_JSON",
            r#"{"desks": {"odd": {"kind": "unheard-of"}}}"#,
        )
        .start()
        .await
        .unwrap();
    // No such instance here.
    let answer = function.invoke(event("desk-events.json")).await.unwrap();
    assert_eq!(answer["statusCode"], 404);
    let no_route = json!({"code": 404, "message": "no such route"});
    assert_eq!(body_of(&answer), no_route);
    // The console calls nobody.
    let mut console = event("desk-interactions.json");
    console["rawPath"] = json!("/desks/console/interactions");
    console["requestContext"]["http"]["path"] = json!("/desks/console/interactions");
    let answer = function.invoke(console).await.unwrap();
    assert_eq!(answer["statusCode"], 401);
    // One that is not set up as it has to be may be so in a moment.
    let mut odd = event("desk-events.json");
    odd["rawPath"] = json!("/desks/odd/events");
    odd["requestContext"]["http"]["path"] = json!("/desks/odd/events");
    let answer = function.invoke(odd).await.unwrap();
    assert_eq!(answer["statusCode"], 503);
    let logs = function.logs();
    assert_eq!(metrics_in(&logs).len(), 2, "two refusals in {logs}");
    for private in ["Good morning", "v0=", "Ev08MFMKH6"] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}
