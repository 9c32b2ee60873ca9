//! An SQS standard queue in memory, mostly for its delays, and its event source mapping.
//!
//! See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html>.

mod endpoint;
mod mapping;
mod message;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, time::Instant};

use crate::{Chaos, ChaosSource, Error, Mishap, time::epoch_millis};

pub use endpoint::QueueEndpoint;
pub use mapping::{QueueMapping, RunningQueueMapping};
use message::Message;

/// The longest delay of a message; see
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// The largest body of a message in bytes, by the same page.
const BODY_LIMIT: usize = 1024 * 1024;

/// A queue. Clones are the same queue.
#[derive(Clone)]
pub struct DelayQueue {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    visibility_timeout: Duration,
    max_receive_count: Option<u32>,
    chaos: Box<dyn ChaosSource>,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    dead_letters: Vec<String>,
    sent: u64,
    /// Batches that were received and are not settled.
    in_flight: usize,
}

impl DelayQueue {
    /// A queue with SQS's visibility timeout of 30 seconds, no dead-letter queue and good manners.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::with(name, Duration::from_secs(30), None, Chaos::none())
    }

    /// A queue whose messages come back after `visibility_timeout` when their handling failed,
    /// and go to the dead letters when they have been received `max_receive_count` times. Of
    /// `chaos`, a queue knows duplicates (`duplicate`, `retry_batch`) and disorder (`delay`,
    /// `reorder`).
    #[must_use]
    pub fn with(
        name: impl Into<String>,
        visibility_timeout: Duration,
        max_receive_count: Option<u32>,
        chaos: impl ChaosSource + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                name: name.into(),
                visibility_timeout,
                max_receive_count,
                chaos: Box::new(chaos),
                state: Mutex::default(),
                changed: watch::Sender::new(()),
            }),
        }
    }

    /// The queue's URL, as `SendMessage` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        let name = &self.shared.name;
        format!(
            "https://sqs.{}.amazonaws.com/{}/{name}",
            crate::REGION,
            crate::ACCOUNT_ID
        )
    }

    /// The queue's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        let name = &self.shared.name;
        format!("arn:aws:sqs:{}:{}:{name}", crate::REGION, crate::ACCOUNT_ID)
    }

    /// Sends a message that can be received after `delay`, and returns its id.
    ///
    /// # Errors
    /// SQS would refuse it: an empty body, one above 1 MiB, or a delay above 15 minutes.
    pub fn send(&self, body: impl Into<String>, delay: Duration) -> Result<String, Error> {
        let body = body.into();
        if body.is_empty() || body.len() > BODY_LIMIT {
            let length = body.len();
            return Err(Error::Invalid(format!("a message of {length} bytes")));
        }
        if delay > LONGEST_DELAY {
            return Err(Error::Invalid(format!("a delay of {delay:?}")));
        }
        let mut state = self.state();
        let mut fate = self.shared.chaos.chaos().fate(0, state.sent);
        fate.lost = false; // A queue keeps what it took.
        fate.mishaps().for_each(|met| self.shared.chaos.met(met));
        // Without delays of chaos's own, a few milliseconds are what disorder takes.
        let late = fate.delay + Duration::from_millis(2) * fate.passed_by;
        let id = crate::ids::uuid();
        let message = Message {
            id: id.clone(),
            body,
            index: state.sent,
            sent_at: epoch_millis(SystemTime::now()),
            visible_at: Instant::now() + delay + late,
            in_flight: false,
            receive_count: 0,
            first_received_at: None,
            comes_again: fate.duplicate,
        };
        state.messages.push(message);
        state.sent += 1;
        drop(state);
        self.shared.changed.send_replace(());
        Ok(id)
    }

    /// How many messages are in the queue: waiting, delayed or being handled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().messages.len()
    }

    /// Whether nothing is in the queue.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages have been sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.state().sent
    }

    /// The bodies of the messages that were received too often.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<String> {
        self.state().dead_letters.clone()
    }

    /// Ends every delay now, and every visibility timeout of a message that nobody handles.
    pub fn release_all(&self) {
        let now = Instant::now();
        for message in &mut self.state().messages {
            if !message.in_flight {
                message.visible_at = message.visible_at.min(now);
            }
        }
        self.shared.changed.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives up to `limit` messages that are due. They are in flight until they are settled
    /// with [`settle`](Self::settle), which has to follow unless none came.
    fn receive(&self, limit: usize) -> Vec<Message> {
        let now = Instant::now();
        let mut state = self.state();
        let State {
            messages,
            dead_letters,
            in_flight,
            ..
        } = &mut *state;
        if let Some(limit) = self.shared.max_receive_count {
            let dead = |one: &mut Message| one.is_due(now) && one.receive_count >= limit;
            let before = dead_letters.len();
            dead_letters.extend(messages.extract_if(.., dead).map(|message| message.body));
            if dead_letters.len() > before {
                self.shared.changed.send_replace(());
            }
        }
        let mut due: Vec<_> = messages.iter_mut().filter(|one| one.is_due(now)).collect();
        due.sort_by_key(|message| (message.visible_at, message.index));
        due.truncate(limit);
        *in_flight += usize::from(!due.is_empty());
        let wall_clock = epoch_millis(SystemTime::now());
        due.into_iter()
            .map(|message| {
                message.receive_count += 1;
                message.first_received_at.get_or_insert(wall_clock);
                message.in_flight = true;
                message.visible_at = now + self.shared.visibility_timeout;
                message.clone()
            })
            .collect()
    }

    /// Deletes what was handled and leaves the rest to its visibility timeout.
    fn settle(&self, received: &[Message], succeeded: impl Fn(&str) -> bool) {
        let now = Instant::now();
        let first = received.first().map_or(0, |message| message.index);
        let hands_again = self.shared.chaos.chaos().hands_again(0, first);
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.messages.retain_mut(|message| {
            if !received.iter().any(|one| one.id == message.id) {
                return true;
            }
            message.in_flight = false;
            if !succeeded(&message.id) {
                return true;
            }
            // A second time, once: the deletion did not reach every server that has a copy.
            let again = message.comes_again.take();
            let handed_again = again.is_none() && hands_again && message.receive_count == 1;
            if handed_again {
                self.shared.chaos.met(Mishap::HandedAgain);
            }
            let again = again.or(handed_again.then_some(Duration::ZERO));
            if let Some(late) = again {
                message.visible_at = now + late;
            }
            again.is_some()
        });
        drop(state);
        self.shared.changed.send_replace(());
    }

    /// When the next message can be received, if any can.
    fn next_due(&self) -> Option<Instant> {
        let state = self.state();
        state
            .messages
            .iter()
            .map(|message| message.visible_at)
            .min()
    }

    /// Whether nothing is in flight and nothing can be received now.
    fn is_idle(&self) -> bool {
        let now = Instant::now();
        let state = self.state();
        state.in_flight == 0 && !state.messages.iter().any(|message| message.is_due(now))
    }
}

impl std::fmt::Debug for DelayQueue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DelayQueue")
            .field("name", &self.shared.name)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
