//! A clock whose time is set by the test, and conversations for it to look at.

use std::sync::Arc;

use clock::{Clock, Tick};
use handoff::bells::NoBells;
use handoff::conversation::{
    Agent, Author, ClosedBy, Conversation, ConversationId, Entry, Kind, Side,
};
use handoff::gptbots::{parse_chat, parse_establish};
use handoff::settings::{Begin, Settings};
use handoff::store::{Client, Outcome, Store};
use handoff::time::{Clock as _, ManualClock, Millis};
use serde_json::{Value, json};
use test_support::{RecordedMetrics, TestTable, recorded_metrics};

use crate::cost::ReadUnits;

pub(crate) const MINUTE: Millis = 60_000;
/// When the tests begin: a Tuesday of 2033. The embedded database deletes what has expired by the
/// machine's own clock, under a test that takes long.
const START: Millis = 1_994_466_690_895;

pub(crate) struct World {
    pub(crate) table: TestTable,
    pub(crate) time: ManualClock,
    settings: Settings,
    metrics: RecordedMetrics,
    clock: Clock,
}

impl World {
    pub(crate) async fn new(settings: Value) -> Self {
        let time = ManualClock::at(START);
        let table = TestTable::with_clock(time.shared()).await;
        let store = table.store.clone();
        Self::over(settings, time, table, store)
    }

    /// One whose clock's reading is counted.
    pub(crate) async fn metered(settings: Value, units: &ReadUnits) -> Self {
        let time = ManualClock::at(START);
        let table = TestTable::with_clock(time.shared()).await;
        let config = table.store.client().config().to_builder();
        let client = Client::from_conf(config.interceptor(units.clone()).build());
        let store = table.through(client);
        Self::over(settings, time, table, store)
    }

    fn over(settings: Value, time: ManualClock, table: TestTable, store: Store) -> Self {
        let (metrics, kept) = recorded_metrics(time.shared());
        Self {
            settings: Settings::check_value(&settings).unwrap(),
            clock: Clock {
                store,
                bells: Arc::new(NoBells),
                clock: time.shared(),
                metrics,
            },
            metrics: kept,
            time,
            table,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.table.store
    }

    /// A handoff of this bot, which is told nothing but what it asks for.
    pub(crate) async fn establish(&self, name: &str, bot: &str) {
        self.time.advance(1);
        let now = self.time.now();
        let body = json!({"conversation_id": name, "timestamp": now, "bot_id": bot,
            "body": [{"message_type": "QUESTION", "text": "a person, please"}]});
        let said = None;
        let handoff = self.settings.begin(&Begin { bot, said, now }).unwrap();
        let establish = parse_establish(&body).unwrap();
        self.store().establish(&establish, &handoff).await.unwrap();
    }

    pub(crate) async fn tick(&self) -> Tick {
        self.clock.tick().await.unwrap()
    }

    /// Lets this many minutes pass, with a tick in each.
    pub(crate) async fn minutes(&self, minutes: i64) {
        for _ in 0..minutes {
            self.time.advance(MINUTE);
            self.tick().await;
        }
    }

    pub(crate) async fn conversation(&self, name: &str) -> Conversation {
        let known = self.store().conversation(&id(name)).await.unwrap();
        known.unwrap()
    }

    pub(crate) async fn log(&self, name: &str) -> Vec<Entry> {
        let page = self.store().log(&id(name), None).await.unwrap();
        page.unwrap().entries
    }

    /// What the user is told by the bridge, and that it ends.
    pub(crate) async fn told(&self, name: &str) -> Vec<String> {
        let log = self.log(name).await.into_iter();
        log.filter(|entry| entry.to == Some(Side::User) && entry.author == Author::System)
            .map(|entry| match entry.kind {
                Kind::Closing => "CLOSE".to_owned(),
                _ => entry.text,
            })
            .collect()
    }

    /// What the agents are told by the bridge.
    pub(crate) async fn notices(&self, name: &str) -> Vec<String> {
        let log = self.log(name).await.into_iter();
        log.filter(|entry| entry.to != Some(Side::User) && entry.kind == Kind::Notice)
            .map(|entry| entry.text)
            .collect()
    }

    /// A line of the user; taken by the desk at once where it is `carried`.
    pub(crate) async fn chat(&self, name: &str, text: &str, carried: bool) {
        self.time.advance(1);
        let body = json!({"conversation_id": name, "timestamp": self.time.now(), "body": text});
        let chat = parse_chat(&body).unwrap();
        self.store().chat(&chat, 90).await.unwrap();
        if carried {
            self.carry(name).await;
        }
    }

    /// Marks what is for the desk as taken.
    pub(crate) async fn carry(&self, name: &str) {
        let lane = self.store().lane(&id(name), Side::Desk).await.unwrap();
        for entry in lane.entries {
            let outcome = Outcome::Delivered {
                remote_id: None,
                late: false,
            };
            self.store()
                .mark(&entry, &outcome, lane.conversation.as_ref(), 90)
                .await
                .unwrap();
        }
    }

    pub(crate) async fn post(&self, name: &str, text: &str) {
        self.time.advance(1);
        self.store()
            .post(&id(name), &ann(), text, text, 90)
            .await
            .unwrap();
    }

    pub(crate) async fn claim(&self, name: &str) {
        let (id, ann) = (id(name), ann());
        let claimed = self.store().claim_conversation(&id, &ann, 90);
        claimed.await.unwrap();
    }

    pub(crate) async fn end(&self, name: &str, by: ClosedBy, tell: &[Side]) {
        let ended = self.store().end(&id(name), by, None, tell, 90).await;
        ended.unwrap();
    }

    /// The values of a metric that were written since last asked.
    pub(crate) fn counted(&self, metric: &str) -> i64 {
        let lines = std::mem::take(&mut *self.metrics.lock().unwrap());
        lines.iter().filter_map(|line| line[metric].as_i64()).sum()
    }
}

pub(crate) fn id(name: &str) -> ConversationId {
    ConversationId::new(name).unwrap()
}

fn ann() -> Agent {
    Agent {
        id: "ann".into(),
        name: "Ann".into(),
    }
}
