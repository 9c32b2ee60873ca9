//! The table's definition, for machines where no template makes it.
//!
//! `template.yaml` says the same to CloudFormation; a test of `tests/template` compares the two.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    LocalSecondaryIndex, Projection, ProjectionType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};

use super::StoreError;
use super::keys::{
    CHANGED, CHANGES, DUE, DUE_AT, DUE_INDEX, EXPIRES_AT, LANES, LIST, LIST_AT, LISTED, OUT, PK, SK,
};

/// Every attribute that is a key somewhere; all are strings.
pub const KEY_ATTRIBUTES: [&str; 8] = [PK, SK, OUT, CHANGED, LIST, LIST_AT, DUE, DUE_AT];
/// Local indexes: name and sort key. All attributes are projected.
pub const LOCAL_INDEXES: [(&str, &str); 2] = [(LANES, OUT), (CHANGES, CHANGED)];
/// Global indexes: name, partition key, sort key, and whether all attributes are projected (else
/// the keys alone).
pub const GLOBAL_INDEXES: [(&str, &str, &str, bool); 2] = [
    (LISTED, LIST, LIST_AT, true),
    (DUE_INDEX, DUE, DUE_AT, false),
];

/// Makes the table, with its indexes, stream and TTL. `false`: it was there already.
///
/// # Errors
/// When it cannot be made.
pub async fn create_table(client: &Client, table: &str) -> Result<bool, StoreError> {
    const OPERATION: &str = "create table";
    let projection = |all| {
        Projection::builder()
            .projection_type(if all {
                ProjectionType::All
            } else {
                ProjectionType::KeysOnly
            })
            .build()
    };
    let mut request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema(PK, SK)))
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .expect("stream_enabled is set"),
        );
    for name in KEY_ATTRIBUTES {
        request = request.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .expect("name and type are set"),
        );
    }
    for (name, sort) in LOCAL_INDEXES {
        request = request.local_secondary_indexes(
            LocalSecondaryIndex::builder()
                .index_name(name)
                .set_key_schema(Some(schema(PK, sort)))
                .projection(projection(true))
                .build()
                .expect("name, keys and projection are set"),
        );
    }
    for (name, partition, sort, all) in GLOBAL_INDEXES {
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(name)
                .set_key_schema(Some(schema(partition, sort)))
                .projection(projection(all))
                .build()
                .expect("name, keys and projection are set"),
        );
    }
    match request.send().await {
        Ok(_) => {}
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_in_use_exception()) =>
        {
            return Ok(false);
        }
        Err(error) => return Err(StoreError::of(OPERATION, &error)),
    }
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(
            TimeToLiveSpecification::builder()
                .attribute_name(EXPIRES_AT)
                .enabled(true)
                .build()
                .expect("name and flag are set"),
        )
        .send()
        .await
        .map_err(|error| StoreError::of("enable TTL", &error))?;
    Ok(true)
}

fn schema(partition: &str, sort: &str) -> Vec<KeySchemaElement> {
    [(partition, KeyType::Hash), (sort, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .expect("name and type are set")
        })
        .collect()
}
