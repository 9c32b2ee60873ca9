//! What the doctor says about tables and settings.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use handoff::conversation::{ConversationId, Side};
use handoff::gptbots::parse_chat;
use handoff::random::Random;
use handoff::store::{Outcome, Store, keys, schema};
use handoff::time::{Clock as _, ManualClock, SystemClock};
use local_aws::dynamodb::EmbeddedDynamoDb;
use sandbox::TABLE;
use serde_json::json;

use crate::run::{Report, doctor, operator};

/// What the doctor says about a table of this DynamoDB.
async fn about(db: &EmbeddedDynamoDb, table: &str) -> Report {
    let environment = [("AWS_ENDPOINT_URL_DYNAMODB", db.endpoint_url())];
    doctor(&["--table", table], &environment).await
}

async fn started() -> (EmbeddedDynamoDb, Store, ManualClock) {
    let db = EmbeddedDynamoDb::start(None).await.unwrap();
    let clock = ManualClock::at(SystemClock.now());
    let store = Store::new(db.client(), TABLE, clock.shared(), Random::seeded(1));
    schema::create_table(store.client(), TABLE).await.unwrap();
    (db, store, clock)
}

#[tokio::test]
async fn a_table_as_the_store_needs_it_is_well() {
    let (db, ..) = started().await;
    let report = about(&db, TABLE).await;
    report.is_well(true);
    for words in [
        "its keys and indexes are as they should be",
        "its stream rings the relay",
        "deleted by themselves",
        "nothing has been waiting",
        "nothing was given up",
    ] {
        report.says("table", "ok", words);
    }
    report.says("settings", "ok", "the defaults hold");
    report.says("settings", "ok", "\"console\" would take a handoff");
    report.says("webhooks", "skipped", "--base-url");
}

#[tokio::test]
async fn a_table_that_is_not_as_it_should_be_has_its_advice() {
    let (db, ..) = started().await;
    let report = about(&db, "other").await;
    report.is_well(false);
    report.says(
        "table",
        "failed",
        "there is no table other -> compare --table",
    );

    let bare = db.client();
    let mut request = bare
        .create_table()
        .table_name("bare")
        .billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [(keys::PK, KeyType::Hash), (keys::SK, KeyType::Range)] {
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind);
        request = request
            .attribute_definitions(attribute.build().unwrap())
            .key_schema(key.build().unwrap());
    }
    request.send().await.unwrap();
    let report = about(&db, "bare").await;
    report.is_well(false);
    report.says("table", "failed", "its local index lanes is missing");
    report.says("table", "failed", "its stream is off");
    report.says("table", "failed", "its TTL is off");

    let unreachable = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")];
    let report = doctor(&["--table", TABLE], &unreachable).await;
    report.says("table", "failed", "DynamoDB does not answer");
}

#[tokio::test]
async fn every_fault_of_the_settings_has_its_advice() {
    let (db, store, _) = started().await;
    for (version, (document, words)) in [
        (
            r#"{"greting": "hi"}"#,
            "greting: is not known: did you mean greeting?",
        ),
        (
            r#"{"retention_days": 0}"#,
            "retention_days: must be a whole number from 1 to 3650",
        ),
        (r#"{"desk": "slak"}"#, "no desk is called \"slak\""),
        (
            r#"{"bots": {"b": {"desk": "slak"}}}"#,
            "no desk is called \"slak\"",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(store.put_settings(document, version as i64).await.unwrap());
        let report = doctor(
            &["--table", TABLE, "--secrets-json", r#"{"bots": {}}"#],
            &[("AWS_ENDPOINT_URL_DYNAMODB", db.endpoint_url())],
        )
        .await;
        report.is_well(false);
        report.says("settings", "failed", words);
    }
    // Other desks than the console are in the secret alone.
    let report = about(&db, TABLE).await;
    report.says("settings", "skipped", "the desk \"slak\"");
    let fine = r#"{"bots": {"b": {"greeting": "hi"}}}"#;
    assert!(store.put_settings(fine, 4).await.unwrap());
    let report = doctor(
        &["--table", TABLE, "--secrets-json", r#"{"bots": {}}"#],
        &[("AWS_ENDPOINT_URL_DYNAMODB", db.endpoint_url())],
    )
    .await;
    report.says("settings", "ok", "version 5 is valid");
    report.says("settings", "warning", "no key in the secret");
}

#[tokio::test]
async fn what_waits_for_long_and_what_was_given_up_is_seen() {
    let (db, store, clock) = started().await;
    clock.advance(-10 * 60_000);
    for id in ["c1", "c2"] {
        let chat = json!({"conversation_id": id, "timestamp": 1, "body": "x"});
        store.chat(&parse_chat(&chat).unwrap(), 90).await.unwrap();
    }
    let c1 = ConversationId::new("c1").unwrap();
    let lane = store.lane(&c1, Side::Desk).await.unwrap();
    let given_up = Outcome::Failed {
        reason: "refused".to_owned(),
    };
    store
        .mark(&lane.entries[0], &given_up, None, 90)
        .await
        .unwrap();
    let report = about(&db, TABLE).await;
    report.is_well(true);
    report.says("table", "warning", "delivered minutes ago: 1");
    report.says(
        "table",
        "warning",
        "given up in the last day: 1 entries of 1 conversations",
    );
    report.says("table", "warning", "operator replay --since 1d");
}

#[cfg(unix)]
#[tokio::test]
async fn the_aws_cli_names_the_table_and_lends_its_credentials() {
    use std::os::unix::fs::PermissionsExt as _;

    let (db, ..) = started().await;
    let outputs = json!({"Stacks": [{"Outputs": [
        {"OutputKey": "TableName", "OutputValue": TABLE},
        {"OutputKey": "DashboardUrl", "OutputValue": "https://x"},
    ]}]});
    let credentials = json!({"Version": 1, "AccessKeyId": "lent", "SecretAccessKey": "lent"});
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         'cloudformation describe-stacks --output json --stack-name handoff') echo '{outputs}';;\n\
         'configure export-credentials --format process') echo '{credentials}';;\n\
         *) echo \"Stack with id $6 does not exist\" >&2; exit 254;;\nesac\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let cli = folder.path().join("aws");
    std::fs::write(&cli, script).unwrap();
    std::fs::set_permissions(&cli, std::fs::Permissions::from_mode(0o755)).unwrap();
    let environment = [
        ("PATH", folder.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL_DYNAMODB", db.endpoint_url()),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
    ];
    let report = doctor(&["--stack", "handoff"], &environment).await;
    report.is_well(true);
    report.says("table", "ok", "its keys and indexes are as they should be");
    let said = operator(&["doctor", "--stack", "other"], &environment).await;
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("Stack with id other does not exist"),
        "{said:?}"
    );
    // Without it there are no credentials at all.
    let without = [&environment[1..], &[("AWS_EC2_METADATA_DISABLED", "true")]].concat();
    let report = doctor(&["--table", TABLE], &without).await;
    report.says("table", "failed", "check your AWS credentials");
}
