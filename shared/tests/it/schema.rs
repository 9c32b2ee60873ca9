//! The table that code makes is the table that the template makes.

use handoff::store::{keys, schema};
use serde_json::{Value, json};

fn template() -> Value {
    let text = include_str!("../../../template.yaml");
    // The table's own section: plain YAML, without CloudFormation's tags.
    let from = text.find("  ConversationsTable:\n").unwrap();
    let rest = &text[from..];
    let lines = rest.lines().skip(1).take_while(|line| {
        line.starts_with("    ") || line.trim().is_empty() || line.trim().starts_with('#')
    });
    let section: String = lines
        .filter(|line| !line.contains('!'))
        .map(|line| format!("{line}\n"))
        .collect();
    serde_yaml_ng::from_str(&section).unwrap()
}

fn key_schema(partition: &str, sort: &str) -> Value {
    json!([
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ])
}

#[test]
fn the_template_makes_the_same_table() {
    let table = &template()["Properties"];
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
        table["TimeToLiveSpecification"]["AttributeName"],
        keys::EXPIRES_AT
    );
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
}
