//! Makes the store calls of a webhook and nothing else: what the AWS SDK alone costs, set up as the
//! functions set it up.
//!
//! A request's body is `{"key": "…", "reads": null, "puts": 1}`: so many items are written into this
//! partition, several as a transaction, once the first one of another partition has been read, or
//! without that.

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use lambda_http::{Body, Error, Request, Response, service_fn};
use serde_json::Value;

const NEW: &str = "attribute_not_exists(pk)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let table = std::env::var("TABLE_NAME")?;
    if let Some(file) = std::env::var_os("SSL_CERT_FILE") {
        handoff::tls::trust(Path::new(&file))?;
    }
    let client = Client::new(&handoff::aws::sdk_config());
    // Opens the connection, as the functions' look for settings does.
    read(&client, &table, "bare").await?;
    let (client, table) = (&client, table.as_str());
    let answer = async |request: Request| {
        write(client, table, &request).await?;
        Ok::<_, Error>(Response::new(Body::from(
            r#"{"code":200,"message":"success"}"#,
        )))
    };
    lambda_http::run(service_fn(answer)).await
}

async fn write(client: &Client, table: &str, request: &Request) -> Result<(), Error> {
    let wanted: Value = serde_json::from_slice(request.body())?;
    let key = wanted["key"].as_str().unwrap_or_default();
    if let Some(other) = wanted["reads"].as_str() {
        read(client, table, other).await?;
    }
    let puts = wanted["puts"].as_u64().unwrap_or(1);
    if puts == 1 {
        client
            .put_item()
            .table_name(table)
            .set_item(Some(item(key, 0)))
            .condition_expression(NEW)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await?;
        return Ok(());
    }
    let part = |nth| {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item(key, nth)))
            .condition_expression(NEW)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok::<_, Error>(TransactWriteItem::builder().put(put).build())
    };
    let parts = (0..puts).map(part).collect::<Result<Vec<_>, _>>()?;
    let transaction = client.transact_write_items();
    transaction.set_transact_items(Some(parts)).send().await?;
    Ok(())
}

async fn read(client: &Client, table: &str, key: &str) -> Result<(), Error> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    client
        .get_item()
        .table_name(table)
        .key("pk", text(key))
        .key("sk", text(&sk(0)))
        .consistent_read(true)
        .send()
        .await?;
    Ok(())
}

fn id(nth: u64) -> String {
    format!("0001742265091680-u-b1797b02cc354a35{nth:04}")
}

fn sk(nth: u64) -> String {
    format!("E#{}", id(nth))
}

/// As many attributes, and about as large, as a user's line has, in the same indexes.
fn item(key: &str, nth: u64) -> HashMap<String, AttributeValue> {
    let id = id(nth);
    let place = format!("0001795854185481#{id}");
    let texts = [
        ("pk", key.to_owned()),
        ("sk", sk(nth)),
        ("out", format!("desk#5{place}")),
        ("changed", place.clone()),
        ("due", "due#0".to_owned()),
        // Never due: the clock has its own row.
        ("due_at", format!("9{place}")),
        ("delivery", "pending".to_owned()),
        ("author", "user".to_owned()),
        ("kind", "message".to_owned()),
        ("to", "desk".to_owned()),
        (
            "text",
            "Line 1: could you have a look at my order, please?".to_owned(),
        ),
    ];
    let numbers = ["at", "sent_at", "queued_at", "expires_at", "attempts"];
    let texts = texts.map(|(name, text)| (name.to_owned(), AttributeValue::S(text)));
    let number = |name: &str| {
        (
            name.to_owned(),
            AttributeValue::N("1795854185481".to_owned()),
        )
    };
    texts.into_iter().chain(numbers.map(number)).collect()
}
