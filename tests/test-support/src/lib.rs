//! What the functions' tests share: a table in an embedded DynamoDB, a function's binary in front
//! of it, and the sample events.
//!
//! Everything here panics where a test could not go on.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, Mutex};

use handoff::metrics::Metrics;
use handoff::random::Random;
use handoff::settings::{FromDocument, SettingsSource};
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

/// The lines of metrics that were written.
pub type RecordedMetrics = Arc<Mutex<Vec<Value>>>;

/// Metrics of the deployment "test" that are kept instead of printed.
pub fn recorded_metrics(clock: SharedClock) -> (Metrics, RecordedMetrics) {
    let lines = RecordedMetrics::default();
    let kept = lines.clone();
    let metrics = Metrics::to("test", "INFO", clock, move |line| {
        kept.lock()
            .unwrap()
            .push(serde_json::from_str(line).unwrap());
    });
    (metrics, lines)
}

/// The lines of metrics in what a function's binary has printed.
pub fn metrics_in(logs: &str) -> Vec<Value> {
    logs.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line.get("_aws").is_some())
        .collect()
}

/// A table of its own for a test.
///
/// In an embedded DynamoDB that goes with it, or in the one that `DYNAMODB_ENDPOINT_URL` names: a
/// second opinion, from AWS's own DynamoDB Local for example.
pub struct TestTable {
    /// The table, as code sees it.
    pub store: Store,
    /// What the store goes by.
    pub clock: SharedClock,
    endpoint_url: String,
    // Stops with the table.
    _db: Option<EmbeddedDynamoDb>,
}

impl TestTable {
    /// A new, empty table, in real time.
    pub async fn new() -> Self {
        Self::with_clock(SystemClock::shared()).await
    }

    /// A new, empty table that goes by this clock.
    pub async fn with_clock(clock: SharedClock) -> Self {
        let (endpoint_url, db) = match std::env::var("DYNAMODB_ENDPOINT_URL") {
            Ok(url) => (url, None),
            Err(_) => {
                let db = EmbeddedDynamoDb::start_without_sweeps().await.unwrap();
                (db.endpoint_url().to_owned(), Some(db))
            }
        };
        let client = local_aws::sdk::dynamodb(&endpoint_url);
        let table = format!("test-{}", Random::from_entropy().between(0..i64::MAX));
        let store = Store::new(client, &table, clock.clone(), Random::seeded(1));
        assert!(schema::create_table(store.client(), &table).await.unwrap());
        Self {
            store,
            clock,
            endpoint_url,
            _db: db,
        }
    }

    /// The same table through another client.
    pub fn through(&self, client: handoff::store::Client) -> Store {
        Store::new(
            client,
            self.store.table(),
            self.clock.clone(),
            Random::seeded(2),
        )
    }

    /// When each item of the conversations goes, in seconds since 1970.
    pub async fn expiries(&self) -> Vec<i64> {
        let all = self.store.client().scan().table_name(self.store.table());
        let items = all.send().await.unwrap().items.unwrap_or_default();
        let of_conversations = items
            .iter()
            .filter(|item| item["pk"].as_s().unwrap().starts_with("C#"));
        of_conversations
            .map(|item| item["expires_at"].as_n().unwrap().parse().unwrap())
            .collect()
    }

    /// Where DynamoDB listens.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// Settings from this table.
    pub fn settings<S: FromDocument>(&self) -> Arc<SettingsSource<S>> {
        Arc::new(SettingsSource::new(self.store.clone(), self.clock.clone()))
    }

    /// A function's binary with the environment it has in a deployment, the most talkative log
    /// level, and this table.
    pub fn function(&self, executable: impl AsRef<Path>) -> LambdaFunction {
        LambdaFunction::new(executable)
            .env("TABLE_NAME", self.store.table())
            .env("WEBHOOK_TOKEN_SHA256", Tokens::hash(TOKEN))
            .env("AWS_ENDPOINT_URL_DYNAMODB", &self.endpoint_url)
            .env("AWS_LAMBDA_LOG_LEVEL", "TRACE")
            .env("METRICS_STACK", "test")
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
