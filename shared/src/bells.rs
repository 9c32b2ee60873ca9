//! Bells: hints that a lane has something to carry.

use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use serde::{Deserialize, Serialize};

use crate::conversation::{ConversationId, Side};
use crate::time::Millis;

/// The longest delay SQS knows.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// "This lane has something to carry": never the content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bell {
    /// The conversation.
    pub conversation: ConversationId,
    /// Which of its lanes.
    pub side: Side,
    /// The time for which it was set: the next attempt of the lane's head, or the end of somebody's
    /// lease. `None`: something new, or the clock. So that of many bells for one lane only the one
    /// that was set for a time looks after that time.
    pub due: Option<Millis>,
    /// It rings for no lane: the conversation's desk is to be asked what happened there.
    pub reconcile: bool,
}

/// A bell as it stands in a message of the queue.
#[derive(Serialize, Deserialize)]
struct Message {
    conversation: String,
    side: Side,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Millis>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reconcile: bool,
}

impl Bell {
    /// A bell for now.
    pub fn new(conversation: ConversationId, side: Side) -> Self {
        Self {
            conversation,
            side,
            due: None,
            reconcile: false,
        }
    }

    /// A bell to have the conversation's desk asked.
    pub fn to_reconcile(conversation: ConversationId) -> Self {
        Self {
            reconcile: true,
            ..Self::new(conversation, Side::Desk)
        }
    }

    /// The same lane's bell for a time.
    pub fn for_time(&self, due: Millis) -> Self {
        Self {
            due: Some(due),
            ..self.clone()
        }
    }

    /// The bell as the body of a message.
    pub fn to_message(&self) -> String {
        let message = Message {
            conversation: self.conversation.as_str().to_owned(),
            side: self.side,
            due: self.due,
            reconcile: self.reconcile,
        };
        let json = serde_json::to_string(&message).unwrap_or_default();
        // SQS refuses some characters that an id may have: only ASCII, then.
        let mut ascii = String::with_capacity(json.len());
        for character in json.chars() {
            if character.is_ascii() {
                ascii.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
        ascii
    }

    /// Reads the body of a message; `None` where it is no bell.
    pub fn from_message(body: &str) -> Option<Self> {
        let message: Message = serde_json::from_str(body).ok()?;
        Some(Self {
            conversation: ConversationId::new(message.conversation).ok()?,
            side: message.side,
            due: message.due,
            reconcile: message.reconcile,
        })
    }
}

/// A bell that could not be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the queue of bells did not take one: {0}")]
pub struct BellError(pub String);

/// A timer for bells.
#[async_trait::async_trait]
pub trait DelayedBells: Send + Sync {
    /// Rings after `delay`. `Ok(false)`: there is no timer here, so the bell has to wait for the
    /// clock.
    ///
    /// # Errors
    /// When the timer did not take it.
    async fn ring_later(&self, bell: &Bell, delay: Duration) -> Result<bool, BellError>;
}

/// A standard SQS queue as the timer, and nothing else: order and content are the log's business.
#[derive(Debug, Clone)]
pub struct SqsBells {
    client: aws_sdk_sqs::Client,
    queue_url: String,
}

impl SqsBells {
    /// The queue at this address.
    pub fn new(client: aws_sdk_sqs::Client, queue_url: impl Into<String>) -> Self {
        Self {
            client,
            queue_url: queue_url.into(),
        }
    }
}

#[async_trait::async_trait]
impl DelayedBells for SqsBells {
    async fn ring_later(&self, bell: &Bell, delay: Duration) -> Result<bool, BellError> {
        // SQS counts whole seconds; a bell that is early would find its entry not due.
        let seconds = delay.min(LONGEST_DELAY).as_millis().div_ceil(1000);
        self.client
            .send_message()
            .queue_url(&self.queue_url)
            .delay_seconds(i32::try_from(seconds).unwrap_or(0))
            .message_body(bell.to_message())
            .send()
            .await
            .map(|_| true)
            .map_err(|error| BellError(error.code().unwrap_or("no answer").to_owned()))
    }
}

/// No queue: what is to be tried again waits for the clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBells;

#[async_trait::async_trait]
impl DelayedBells for NoBells {
    async fn ring_later(&self, _: &Bell, _: Duration) -> Result<bool, BellError> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_survives_the_queue() {
        let id = ConversationId::new("c\"1 會話 😀 \u{ffff}").unwrap();
        let bell = Bell::new(id, Side::User);
        let reconcile = Bell::to_reconcile(bell.conversation.clone());
        for bell in [bell.for_time(7), bell, reconcile] {
            assert!(bell.to_message().is_ascii());
            assert_eq!(Bell::from_message(&bell.to_message()), Some(bell));
        }
        assert_eq!(Bell::from_message("{}"), None);
        assert_eq!(
            Bell::from_message(r#"{"conversation":"","side":"user"}"#),
            None
        );
    }
}
