//! A stream record in the JSON that Lambda makes of it.

use std::{cmp::Ordering, collections::HashMap};

use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, Record};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// One change of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRecord {
    event: Value,
    item: String,
    sequence_number: String,
    unchanged: bool,
}

impl StreamRecord {
    /// `None` for a record without a change or a sequence number, which the API does not send.
    pub(super) fn new(record: Record, stream_arn: &str) -> Option<Self> {
        let change = record.dynamodb()?;
        let sequence_number = change.sequence_number()?.to_owned();
        let keys = attributes(change.keys()?);
        let unchanged = record.event_name() == Some(&OperationType::Modify)
            && change.old_image().is_some()
            && change.old_image() == change.new_image();

        let mut dynamodb = Map::new();
        if let Some(time) = change.approximate_creation_date_time() {
            dynamodb.insert("ApproximateCreationDateTime".to_owned(), json!(time.secs()));
        }
        dynamodb.insert("Keys".to_owned(), keys.clone());
        for (name, image) in [
            ("NewImage", change.new_image()),
            ("OldImage", change.old_image()),
        ] {
            if let Some(image) = image {
                dynamodb.insert(name.to_owned(), attributes(image));
            }
        }
        dynamodb.insert("SequenceNumber".to_owned(), json!(sequence_number));
        dynamodb.insert("SizeBytes".to_owned(), json!(change.size_bytes()));
        let view = change.stream_view_type().map(|view| view.as_str());
        dynamodb.insert("StreamViewType".to_owned(), json!(view));

        let mut event = json!({
            "eventID": record.event_id(),
            "eventName": record.event_name().map(OperationType::as_str),
            "eventVersion": record.event_version(),
            "eventSource": "aws:dynamodb",
            "awsRegion": crate::REGION,
            "dynamodb": dynamodb,
            "eventSourceARN": stream_arn,
        });
        // Deletions by TTL are told apart by this; see
        // <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html>.
        if let (Some(identity), Some(event)) = (record.user_identity(), event.as_object_mut()) {
            let identity = json!({
                "type": identity.r#type(),
                "principalId": identity.principal_id(),
            });
            event.insert("userIdentity".to_owned(), identity);
        }
        Some(Self {
            event,
            item: keys.to_string(),
            sequence_number,
            unchanged,
        })
    }

    /// The record as it stands in the `Records` of a function's event.
    #[must_use]
    pub fn event(&self) -> &Value {
        &self.event
    }

    /// The item's key as JSON text: records of one item have the same.
    #[must_use]
    pub fn item(&self) -> &str {
        &self.item
    }

    /// The record's sequence number in its shard, digits only.
    #[must_use]
    pub fn sequence_number(&self) -> &str {
        &self.sequence_number
    }

    /// Whether it is a `MODIFY` whose images are equal. AWS writes no record for a write that
    /// changes nothing; emulators do. It takes a stream of both images to see.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.unchanged
    }
}

/// Compares sequence numbers as the numbers they are; they can be too long for any integer type.
pub(crate) fn compare_sequence_numbers(left: &str, right: &str) -> Ordering {
    let left = left.trim_start_matches('0');
    let right = right.trim_start_matches('0');
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// DynamoDB's JSON of attributes, with sorted names so that equal keys are equal text.
fn attributes(attributes: &HashMap<String, AttributeValue>) -> Value {
    let mut names: Vec<_> = attributes.keys().collect();
    names.sort_unstable();
    let entries = names
        .into_iter()
        .map(|name| (name.clone(), attribute(&attributes[name])));
    Value::Object(entries.collect())
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        AttributeValue::Bool(bool) => json!({ "BOOL": bool }),
        AttributeValue::Null(is_null) => json!({ "NULL": is_null }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(all) => {
            let all: Vec<_> = all.iter().map(|bytes| STANDARD.encode(bytes)).collect();
            json!({ "BS": all })
        }
        AttributeValue::L(values) => {
            json!({ "L": values.iter().map(attribute).collect::<Vec<_>>() })
        }
        AttributeValue::M(map) => json!({ "M": attributes(map) }),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_compare_as_numbers() {
        assert_eq!(compare_sequence_numbers("9", "10"), Ordering::Less);
        assert_eq!(compare_sequence_numbers("0010", "10"), Ordering::Equal);
        let long = "1".repeat(45);
        assert_eq!(compare_sequence_numbers(&long, "2"), Ordering::Greater);
    }

    #[test]
    fn attributes_keep_every_type() {
        let bytes = aws_sdk_dynamodbstreams::primitives::Blob::new([255]);
        let map = HashMap::from([
            ("b".to_owned(), AttributeValue::B(bytes)),
            (
                "a".to_owned(),
                AttributeValue::L(vec![AttributeValue::Null(true)]),
            ),
        ]);
        let value = attributes(&HashMap::from([("m".to_owned(), AttributeValue::M(map))]));
        assert_eq!(
            value.to_string(),
            r#"{"m":{"M":{"a":{"L":[{"NULL":true}]},"b":{"B":"/w=="}}}}"#
        );
    }
}
