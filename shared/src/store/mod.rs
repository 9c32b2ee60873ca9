//! The table: the log of every conversation, its outbox and its state in one.
//!
//! Every write is conditional on what it was decided from, so that repeated, overlapping and late
//! calls change nothing. A webhook costs one round trip, a close two.

mod calls;
mod chain;
mod change;
mod clock;
mod codec;
mod console;
mod desk;
mod erase;
mod error;
mod export;
mod failed;
mod hands;
mod item;
pub mod keys;
mod lanes;
mod log;
mod notes;
mod people;
mod person;
mod reconcile;
pub mod schema;
mod settings;
mod statistics;
mod team;
mod timer;
mod together;
mod traces;
mod transact;
mod webhooks;

pub use chain::MoveOn;
pub use clock::{Backlog, OVERDUE, Queue, Stray, Waiting};
pub use console::{Claimed, Ended, Line, Posted};
pub use desk::Reference;
pub use erase::{Asked, Erasure, Sweep};
pub use error::StoreError;
pub use export::{Episode, Export};
pub use failed::{Failed, FailedPage, Replayed, ReplayedSeveral};
pub use hands::Pass;
pub use lanes::{Lane, Mark, Outcome};
pub use log::{Listing, LogPage};
pub use people::{Linked, Person};
pub use reconcile::ToReconcile;
pub use settings::StoredSettings;
pub use team::{Colleague, StoredCanned};
pub use timer::{DueTimer, Said, Timer};
pub use traces::Traces;
pub use webhooks::{ChatOutcome, CloseOutcome, EstablishOutcome, Handoff};

pub use aws_sdk_dynamodb::Client;

use crate::random::Random;
use crate::time::{Millis, SharedClock};

/// How long an entry may be undelivered before the clock looks at it, beyond its next attempt.
const STRAY_AFTER: Millis = 60_000;

/// The table of conversations.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
    clock: SharedClock,
    random: Random,
    stray_after: Millis,
}

impl Store {
    /// The table of this name, reached by this client.
    pub fn new(
        client: Client,
        table: impl Into<String>,
        clock: SharedClock,
        random: Random,
    ) -> Self {
        Self {
            client,
            table: table.into(),
            clock,
            random,
            stray_after: STRAY_AFTER,
        }
    }

    /// Lets the clock look at an undelivered entry after this long, instead of a minute: for
    /// tests in which bells get lost.
    pub fn with_stray_after(self, stray_after: Millis) -> Self {
        Self {
            stray_after,
            ..self
        }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The client, for tests and tools that look at the table directly.
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    /// When an item written now may go, in seconds (DynamoDB's TTL).
    fn expires_at(&self, retention_days: u32) -> i64 {
        self.now() / 1000 + i64::from(retention_days) * 86_400
    }
}
