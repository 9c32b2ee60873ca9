//! What the functions' tests share: a table in an embedded DynamoDB, a function's binary in front
//! of it, and the sample events.
//!
//! Everything here panics where a test could not go on.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use handoff::random::Random;
use handoff::settings::SettingsSource;
use handoff::store::{Store, schema};
use handoff::time::{SharedClock, SystemClock};
use handoff::token::Tokens;
use local_aws::dynamodb::EmbeddedDynamoDb;
use local_aws::runtime_api::LambdaFunction;
use serde_json::Value;

/// The token in the paths of the sample events.
pub const TOKEN: &str = "local-token";
/// The conversation of the sample events.
pub const CONVERSATION_ID: &str = "67d8db020fa31d1ef64f53dg";
/// The table's name.
const TABLE: &str = "conversations";

/// A table in an embedded DynamoDB that goes with it.
pub struct TestTable {
    /// The table, as code sees it.
    pub store: Store,
    /// What the store goes by.
    pub clock: SharedClock,
    /// The database.
    pub db: EmbeddedDynamoDb,
}

impl TestTable {
    /// A new, empty table, in real time.
    pub async fn new() -> Self {
        Self::with_clock(SystemClock::shared()).await
    }

    /// A new, empty table that goes by this clock.
    pub async fn with_clock(clock: SharedClock) -> Self {
        let db = EmbeddedDynamoDb::start(None).await.unwrap();
        let store = Store::new(db.client(), TABLE, clock.clone(), Random::seeded(1));
        assert!(schema::create_table(store.client(), TABLE).await.unwrap());
        Self { store, clock, db }
    }

    /// The same table through another client.
    pub fn through(&self, client: handoff::store::Client) -> Store {
        Store::new(client, TABLE, self.clock.clone(), Random::seeded(2))
    }

    /// Settings from this table.
    pub fn settings(&self) -> Arc<SettingsSource> {
        Arc::new(SettingsSource::new(self.store.clone(), self.clock.clone()))
    }

    /// Now.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// A function's binary with the environment it has in a deployment, the most talkative log
    /// level, and this table.
    pub fn function(&self, executable: impl AsRef<Path>) -> LambdaFunction {
        LambdaFunction::new(executable)
            .env("TABLE_NAME", TABLE)
            .env("WEBHOOK_TOKEN_SHA256", Tokens::hash(TOKEN))
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.db.endpoint_url())
            .env("AWS_LAMBDA_LOG_LEVEL", "TRACE")
    }
}

/// A sample event, by its file's name in `events/`.
pub fn event(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../events")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The body of an HTTP function's answer, as JSON.
pub fn body_of(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}
