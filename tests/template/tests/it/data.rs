//! The table that the template makes is the one that the store expects, and it is kept.

use handoff::store::{keys, schema};
use serde_json::{Value, json};
use template::Template;

fn key_schema(partition: &str, sort: &str) -> Value {
    json!([
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ])
}

#[test]
fn the_template_makes_the_stores_table() {
    let template = Template::of_the_project();
    let table = template.properties("ConversationsTable");
    assert_eq!(table["KeySchema"], key_schema(keys::PK, keys::SK));
    let mut attributes: Vec<_> = table["AttributeDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attribute| {
            assert_eq!(attribute["AttributeType"], "S");
            attribute["AttributeName"].as_str().unwrap()
        })
        .collect();
    let mut expected = schema::KEY_ATTRIBUTES.to_vec();
    attributes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(attributes, expected);
    let local: Vec<_> = schema::LOCAL_INDEXES
        .iter()
        .map(|(name, sort)| {
            json!({"IndexName": name, "KeySchema": key_schema(keys::PK, sort),
                "Projection": {"ProjectionType": "ALL"}})
        })
        .collect();
    assert_eq!(table["LocalSecondaryIndexes"], json!(local));
    let global: Vec<_> = schema::GLOBAL_INDEXES
        .iter()
        .map(|(name, partition, sort, all)| {
            json!({"IndexName": name, "KeySchema": key_schema(partition, sort),
                "Projection": {"ProjectionType": if *all { "ALL" } else { "KEYS_ONLY" }}})
        })
        .collect();
    assert_eq!(table["GlobalSecondaryIndexes"], json!(global));
    assert_eq!(table["StreamSpecification"]["StreamViewType"], "NEW_IMAGE");
    assert_eq!(
        table["TimeToLiveSpecification"],
        json!({"AttributeName": keys::EXPIRES_AT, "Enabled": true})
    );
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
}

#[test]
fn conversations_outlive_mistakes() {
    let template = Template::of_the_project();
    let table = &template.section("Resources")["ConversationsTable"];
    assert_eq!(table["DeletionPolicy"], "Retain");
    assert_eq!(table["UpdateReplacePolicy"], "Retain");
    let properties = &table["Properties"];
    assert_eq!(
        properties["PointInTimeRecoverySpecification"],
        json!({"PointInTimeRecoveryEnabled": true})
    );
    assert_eq!(properties["SSESpecification"], json!({"SSEEnabled": true}));
    assert_eq!(
        properties["DeletionProtectionEnabled"],
        json!({"Ref": "DeletionProtection"})
    );
}

#[test]
fn queues_and_topic_take_nothing_in_the_clear() {
    let template = Template::of_the_project();
    for (id, queue) in template.of_type("AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{id}");
    }
    for id in ["BellsQueuePolicy", "AlarmTopicPolicy"] {
        let statements = template.properties(id)["PolicyDocument"]["Statement"].clone();
        let refuses = statements.as_array().unwrap().iter().any(|statement| {
            statement["Effect"] == "Deny"
                && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": "false"}})
        });
        assert!(refuses, "{id}");
    }
}
