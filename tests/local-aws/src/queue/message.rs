use std::time::Duration;

use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::time::Instant;

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    /// How many messages were sent before it.
    pub(super) index: u64,
    /// In milliseconds since the epoch.
    pub(super) sent_at: u64,
    pub(super) visible_at: Instant,
    /// Received, and the function has not answered.
    pub(super) in_flight: bool,
    pub(super) receive_count: u32,
    /// In milliseconds since the epoch.
    pub(super) first_received_at: Option<u64>,
    /// How long after its success it comes a second time, if it does.
    pub(super) comes_again: Option<Duration>,
}

impl Message {
    /// Whether it can be received. A visibility timeout that runs out while the function is still
    /// at it makes a second delivery, as it does in SQS.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.visible_at <= now
    }

    /// The message as it stands in the `Records` of a function's event; see
    /// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event>.
    pub(super) fn event(&self, queue_arn: &str) -> Value {
        let first_received_at = self.first_received_at.unwrap_or(self.sent_at);
        json!({
            "messageId": self.id,
            "receiptHandle": format!("{}-{}", self.id, self.receive_count),
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": self.receive_count.to_string(),
                "SentTimestamp": self.sent_at.to_string(),
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": first_received_at.to_string(),
            },
            "messageAttributes": {},
            "md5OfBody": md5_hex(&self.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": crate::REGION,
        })
    }
}

/// What SQS gives back so that a sender can check what arrived.
pub(super) fn md5_hex(body: &str) -> String {
    Md5::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_md5() {
        assert_eq!(
            super::md5_hex("Hello from SQS!"),
            "7b270e59b47ff90a553787216d55d91d"
        );
    }
}
