//! What rings the relay: a batch of stream records, or a batch of queue messages.
//!
//! Both are read into one small type: of a stream record no more than its key and side matter.

use handoff::bells::Bell;
use handoff::conversation::Side;
use handoff::store::keys::conversation_of;
use serde::{Deserialize, Serialize};

/// A batch, as Lambda's event source mappings hand it over.
#[derive(Debug, Default, Deserialize)]
pub struct RelayEvent {
    /// The records of the batch.
    #[serde(default, rename = "Records")]
    pub records: Vec<Record>,
}

/// One record of a batch, from either source.
#[derive(Debug, Deserialize)]
pub struct Record {
    /// DynamoDB Streams.
    #[serde(default)]
    dynamodb: Option<StreamRecord>,
    /// SQS.
    #[serde(default, rename = "messageId")]
    message_id: Option<String>,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StreamRecord {
    #[serde(default, rename = "SequenceNumber")]
    sequence_number: String,
    #[serde(default, rename = "NewImage")]
    new_image: Option<Image>,
}

#[derive(Debug, Deserialize)]
struct Image {
    pk: Option<Text>,
    to: Option<Text>,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: Option<String>,
}

impl Record {
    /// Whether it comes from the queue of bells.
    pub(crate) fn is_of_queue(&self) -> bool {
        self.dynamodb.is_none()
    }

    /// The record's name in a partial failure, and the lane it rings for. No lane: nothing to do.
    pub fn read(self) -> (String, Option<Bell>) {
        match (self.dynamodb, self.body) {
            (Some(record), _) => {
                let bell = record.new_image.and_then(|image| {
                    let conversation = conversation_of(&image.pk?.text?)?;
                    Some(Bell::new(conversation, Side::parse(&image.to?.text?)?))
                });
                (record.sequence_number, bell)
            }
            (None, Some(body)) => (
                self.message_id.unwrap_or_default(),
                Bell::from_message(&body),
            ),
            (None, None) => (self.message_id.unwrap_or_default(), None),
        }
    }
}

/// Which records are to be handed over again.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResponse {
    /// The failed records.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<Failure>,
}

/// One record that is to be handed over again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Sequence number or message id.
    #[serde(rename = "itemIdentifier")]
    pub item: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (String, Option<Bell>) {
        let event: RelayEvent = serde_json::from_str(json).unwrap();
        event.records.into_iter().next().unwrap().read()
    }

    #[test]
    fn a_stream_record_rings_the_lane_of_its_entry() {
        let (item, bell) = read(
            r#"{"Records":[{"eventID":"1","eventName":"INSERT","eventSource":"aws:dynamodb",
                "dynamodb":{"SequenceNumber":"111","Keys":{"pk":{"S":"C#c1"},"sk":{"S":"E#1"}},
                "NewImage":{"pk":{"S":"C#c1"},"to":{"S":"desk"},"attempts":{"N":"0"}}}}]}"#,
        );
        let bell = bell.unwrap();
        assert_eq!(item, "111");
        assert_eq!(bell.conversation.as_str(), "c1");
        assert_eq!(bell.side, Side::Desk);
    }

    #[test]
    fn a_message_rings_the_lane_it_names() {
        let (item, bell) = read(
            r#"{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":"{\"conversation\":\"c1\",\"side\":\"user\"}"}]}"#,
        );
        assert_eq!(item, "m");
        assert_eq!(bell.unwrap().side, Side::User);
    }

    #[test]
    fn what_is_no_bell_rings_nothing() {
        for record in [
            r#"{"eventName":"REMOVE","dynamodb":{"SequenceNumber":"1"}}"#,
            r#"{"dynamodb":{"SequenceNumber":"1","NewImage":{"pk":{"S":"SETTINGS"},"to":{"S":"desk"}}}}"#,
            r#"{"dynamodb":{"SequenceNumber":"1","NewImage":{"pk":{"S":"C#c"}}}}"#,
            r#"{"messageId":"m","body":"rubbish"}"#,
            r#"{}"#,
        ] {
            assert_eq!(
                read(&format!(r#"{{"Records":[{record}]}}"#)).1,
                None,
                "{record}"
            );
        }
    }
}
