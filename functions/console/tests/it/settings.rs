//! The settings over the API, as the form in the page uses it.

use serde_json::{Value, json};
use test_support::{TestTable, body_of};

use crate::supervise::by_supervisor;
use crate::support::{BINARY, call};

/// What was wrong, as `path: problem`.
fn wrong(answer: &Value) -> Vec<String> {
    let said = |mistake: &Value| {
        let of = |name: &str| mistake[name].as_str().unwrap().to_owned();
        format!("{}: {}", of("path"), of("problem"))
    };
    answer["wrong"]
        .as_array()
        .unwrap()
        .iter()
        .map(said)
        .collect()
}

#[tokio::test]
async fn a_supervisor_reads_checks_and_writes_them() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let ask = async |method: &str, path: &str, body: Option<Value>| {
        let answer = function.invoke(by_supervisor(method, path, "", body)).await;
        let answer = answer.unwrap();
        (answer["statusCode"].clone(), body_of(&answer))
    };
    let (_, first) = ask("GET", "settings", None).await;
    assert_eq!(
        (&first["version"], &first["document"]),
        (&json!(0), &json!({}))
    );
    assert_eq!(first["defaults"]["retention_days"], 90);
    let (_, schema) = ask("GET", "settings/schema", None).await;
    let published = include_str!("../../../../docs/settings.schema.json");
    assert_eq!(schema["schema"], published);

    // Every mistake, with its place; and nothing is written with one.
    let bad = json!({"retention_days": 0, "bots": {"b.1": {"greeting": {"english": "hi"}}}});
    let expected = [
        "retention_days: must be a whole number from 1 to 3650",
        "bots[\"b.1\"].greeting.english: is no language: write en, zh-TW, ja …",
    ];
    let (status, found) = ask("POST", "settings/check", Some(json!({"document": bad}))).await;
    assert_eq!(
        (status, wrong(&found)),
        (json!(200), expected.map(str::to_owned).to_vec())
    );
    assert_eq!(found.get("preview"), None);
    let put = json!({"version": 0, "document": bad});
    let (status, refused) = ask("POST", "settings", Some(put)).await;
    assert_eq!((status, wrong(&refused).len()), (json!(400), 2));
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("retention_days")
    );
    assert_eq!(table.store.settings().await.unwrap(), None);

    // What users are told comes with a document that is right.
    let good = json!({"greeting": {"en": "Hi", "de": "Hallo"}, "bots": {"b": {"greeting": "Yo"}}});
    let told = async |bot: &str, language: &str| {
        let body = json!({"document": good, "bot": bot, "language": language});
        let (_, answer) = ask("POST", "settings/check", Some(body)).await;
        let preview = answer["preview"].clone();
        (
            preview["language"].clone(),
            preview["lines"][0]["text"].clone(),
            preview["languages"].clone(),
        )
    };
    let languages = json!(["de", "en", "ja", "zh-CN", "zh-TW"]);
    assert_eq!(told("", "").await, (json!("en"), json!("Hi"), languages));
    assert_eq!(told("", "de").await.1, "Hallo");
    assert_eq!(told("b", "de").await.1, "Yo");

    // Of two who began with the same version, the second is refused, and overwrites nothing.
    let put = json!({"version": 0, "document": good});
    let (status, written) = ask("POST", "settings", Some(put.clone())).await;
    assert_eq!((status, &written["version"]), (json!(200), &json!(1)));
    let (status, _) = ask("POST", "settings", Some(put)).await;
    assert_eq!(status, 409);
    let (_, now) = ask("GET", "settings", None).await;
    assert_eq!((&now["version"], &now["document"]), (&json!(1), &good));
    assert_eq!(now["wrong"], json!([]));
    let logs = function.logs();
    assert!(!logs.contains("Hallo"), "no texts in the log: {logs}");
}

#[tokio::test]
async fn what_was_written_past_the_tools_can_be_mended() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let mut version = 0;
    for (stored, document, found) in [
        (r#"{"desk": "", "x": 1}"#, json!({"desk": "", "x": 1}), 2),
        ("[]", json!({}), 1),
        ("{", json!({}), 1),
    ] {
        assert!(table.store.put_settings(stored, version).await.unwrap());
        version += 1;
        let event = by_supervisor("GET", "settings", "", None);
        let answer = body_of(&function.invoke(event).await.unwrap());
        assert_eq!(answer["document"], document, "{stored}");
        assert_eq!(wrong(&answer).len(), found, "{stored}");
        assert_eq!(answer["version"], version);
    }
}

#[tokio::test]
async fn a_call_that_is_none_names_what_is_wrong_with_it() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let long = "x".repeat(290_000);
    let many = json!({"bots": {"b": {"desk": long}, "c": {"desk": "x".repeat(20_000)}}});
    for (path, body, words) in [
        ("settings/check", json!({}), "document: must be an object"),
        (
            "settings/check",
            json!({"document": []}),
            "document: must be an object",
        ),
        (
            "settings/check",
            json!({"document": {}, "bot": 7}),
            "bot: must be a string",
        ),
        (
            "settings",
            json!({"document": {}}),
            "version: must be the one that was read",
        ),
        (
            "settings",
            json!({"version": -1, "document": {}}),
            "version: must be",
        ),
        (
            "settings",
            json!({"version": 0}),
            "document: must be an object",
        ),
        (
            "settings",
            json!({"version": 0, "document": many}),
            "at most 300 KB",
        ),
    ] {
        let event = by_supervisor("POST", path, "", Some(body));
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 400, "{path} {words}");
        let message = body_of(&answer)["message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{message}");
    }
    // An agent who is no supervisor is told so before anything is read.
    let event = call("POST", "settings", "", Some(json!({"version": "x"})));
    assert_eq!(function.invoke(event).await.unwrap()["statusCode"], 403);
    assert_eq!(table.store.settings().await.unwrap(), None);
}
