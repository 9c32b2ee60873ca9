//! A relay whose GPTBots and timer do as they are told and remember what they were told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use handoff::bells::{Bell, BellError, DelayedBells};
use handoff::conversation::{Agent, Conversation, ConversationId, Delivery, Entry, Side};
use handoff::desk::{DeskEvent, Desks};
use handoff::gptbots::{Bot, CallError, Fault, Outbound, parse_chat, parse_close, parse_establish};
use handoff::inbound::{Inbound, Taken};
use handoff::random::Random;
use handoff::secrets::{Secrets, SecretsSource};
use handoff::settings::Settings;
use handoff::store::{Posted, Store};
use handoff::time::ManualClock;
use relay::{BatchResponse, Health, Relay, RelayEvent};
use serde_json::{Value, json};
use test_support::{RecordedMetrics, TestTable, recorded_metrics};

/// GPTBots: answers as scripted, then with success.
#[derive(Default)]
pub(crate) struct FakeGptBots {
    pub(crate) answers: Mutex<VecDeque<Result<(), CallError>>>,
    told: Mutex<Vec<String>>,
    pub(crate) patience: Mutex<Vec<Duration>>,
    /// Nothing works.
    pub(crate) down: AtomicBool,
    /// No answer for this conversation.
    pub(crate) hangs_for: Mutex<Option<ConversationId>>,
}

impl FakeGptBots {
    fn answer(&self, told: String) -> Result<(), CallError> {
        self.told.lock().unwrap().push(told);
        if self.down.load(Ordering::SeqCst) {
            return Err(failure(transient()));
        }
        self.answers.lock().unwrap().pop_front().unwrap_or(Ok(()))
    }
}

#[async_trait]
impl Outbound for FakeGptBots {
    async fn reply(
        &self,
        _: &Bot,
        conversation: &ConversationId,
        text: &str,
        patience: Duration,
    ) -> Result<(), CallError> {
        let hangs = self.hangs_for.lock().unwrap().as_ref() == Some(conversation);
        if hangs {
            std::future::pending::<()>().await;
        }
        self.patience.lock().unwrap().push(patience);
        // Others get a turn, as on a network.
        tokio::task::yield_now().await;
        self.answer(text.to_owned())
    }

    async fn close(&self, _: &Bot, _: &ConversationId, _: Duration) -> Result<(), CallError> {
        self.answer("CLOSE".to_owned())
    }
}

/// The timer: remembers.
#[derive(Default)]
pub(crate) struct FakeBells(Mutex<Vec<(Bell, Duration)>>);

#[async_trait]
impl DelayedBells for FakeBells {
    async fn ring_later(&self, bell: &Bell, delay: Duration) -> Result<bool, BellError> {
        self.0.lock().unwrap().push((bell.clone(), delay));
        Ok(true)
    }
}

pub(crate) struct Bridge {
    pub(crate) relay: Relay,
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    pub(crate) gptbots: Arc<FakeGptBots>,
    bells: Arc<FakeBells>,
    counted: RecordedMetrics,
    _table: TestTable,
}

impl Bridge {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::at(1_742_265_090_895);
        let table = TestTable::with_clock(clock.shared()).await;
        let secrets = Secrets::parse(r#"{"bots":{"b":{"api_key":"k"}}}"#).unwrap();
        let gptbots = Arc::new(FakeGptBots::default());
        let bells = Arc::new(FakeBells::default());
        let (metrics, counted) = recorded_metrics(clock.shared());
        let relay = Relay {
            store: table.store.clone(),
            settings: table.settings(),
            secrets: Arc::new(SecretsSource::given(secrets, clock.shared())),
            gptbots: gptbots.clone(),
            desks: Desks::new().into(),
            files: Arc::new(handoff::files::NoFiles),
            bells: bells.clone(),
            health: Health::default(),
            clock: clock.shared(),
            random: Random::seeded(1),
            metrics: metrics.clone(),
        };
        Self {
            relay,
            store: table.store.clone(),
            clock,
            gptbots,
            bells,
            counted,
            _table: table,
        }
    }

    /// A conversation that was opened some time ago, greeted and shown.
    pub(crate) async fn connected() -> Self {
        let bridge = Self::new().await;
        bridge.establish(100).await;
        bridge.ring(Side::User).await;
        bridge.ring(Side::Desk).await;
        bridge.clock.advance(60_000);
        bridge.told();
        bridge
    }

    pub(crate) async fn establish(&self, timestamp: i64) {
        self.establish_at("console", timestamp).await;
    }

    pub(crate) async fn establish_at(&self, desk: &str, timestamp: i64) {
        self.establish_as(id().as_str(), desk, timestamp).await;
    }

    pub(crate) async fn establish_as(&self, id: &str, desk: &str, timestamp: i64) {
        self.clock.advance(1);
        let establish = parse_establish(
            &json!({"conversation_id": id, "timestamp": timestamp, "bot_id": "b", "body": []}),
        );
        let handoff = Settings {
            greeting: "hello".into(),
            desk: desk.into(),
            ..Settings::default()
        }
        .handoff("b");
        self.store
            .establish(&establish.unwrap(), &handoff)
            .await
            .unwrap();
    }

    pub(crate) async fn chat(&self, timestamp: i64, text: &str) {
        self.clock.advance(1);
        let chat =
            parse_chat(&json!({"conversation_id": "c", "timestamp": timestamp, "body": text}));
        self.store.chat(&chat.unwrap(), 90).await.unwrap();
    }

    pub(crate) async fn user_leaves(&self, timestamp: i64) {
        self.clock.advance(1);
        let close = parse_close(
            &json!({"conversation_id": "c", "timestamp": timestamp, "type": "USER_CLOSED"}),
        );
        self.store.close(&close.unwrap(), 90).await.unwrap();
    }

    pub(crate) async fn post(&self, text: &str) -> Entry {
        self.clock.advance(1);
        let agent = Agent {
            id: "ann".into(),
            name: "Ann".into(),
        };
        match self
            .store
            .post(&id(), &agent, text, text, 90)
            .await
            .unwrap()
        {
            Posted::Stored(entry) => *entry,
            other => panic!("{other:?}"),
        }
    }

    /// Rings a lane, as a message of the queue does.
    pub(crate) async fn ring(&self, side: Side) -> BatchResponse {
        self.ring_with(&Bell::new(id(), side)).await
    }

    /// Rings with a bell that was set.
    pub(crate) async fn ring_with(&self, bell: &Bell) -> BatchResponse {
        self.ring_with_all(std::slice::from_ref(bell)).await
    }

    /// Rings with several in one batch.
    pub(crate) async fn ring_with_all(&self, bells: &[Bell]) -> BatchResponse {
        let records: Vec<Value> = bells
            .iter()
            .map(|bell| json!({"messageId": "m1", "body": bell.to_message()}))
            .collect();
        let event: RelayEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        self.relay.handle(event).await.unwrap()
    }

    /// Rings a lane, as a record of the stream does.
    pub(crate) async fn ring_by_stream(&self, side: Side) -> BatchResponse {
        let pk = format!("C#{}", id());
        let image = json!({"pk": {"S": pk}, "to": {"S": side.as_str()}});
        let record = json!({"dynamodb": {"SequenceNumber": "1", "NewImage": image}});
        let event = serde_json::from_value(json!({"Records": [record]})).unwrap();
        self.relay.handle(event).await.unwrap()
    }

    /// Takes in what the desk instance "served" tells, as the desk function does.
    pub(crate) async fn told_by_desk(&self, event: DeskEvent) -> Taken {
        self.clock.advance(1);
        let inbound = Inbound {
            store: &self.store,
            settings: &Settings::default(),
            desk: "served",
        };
        inbound.take(&event).await.unwrap()
    }

    /// What GPTBots was told since last asked.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.gptbots.told.lock().unwrap())
    }

    /// How much GPTBots was told since last asked.
    pub(crate) fn told_so_far(&self) -> usize {
        self.gptbots.told.lock().unwrap().len()
    }

    /// The lines of metrics that were written since last asked.
    pub(crate) fn counted(&self) -> Vec<Value> {
        std::mem::take(&mut self.counted.lock().unwrap())
    }

    /// The bells that were set since last asked.
    pub(crate) fn bells(&self) -> Vec<(Side, Duration)> {
        let set = self.bells_as_set().into_iter();
        set.map(|(bell, delay)| (bell.side, delay)).collect()
    }

    /// The same, to ring with them.
    pub(crate) fn bells_as_set(&self) -> Vec<(Bell, Duration)> {
        std::mem::take(&mut self.bells.0.lock().unwrap())
    }

    pub(crate) fn answer_with(&self, faults: impl IntoIterator<Item = Fault>) {
        let answers = faults.into_iter().map(|fault| Err(failure(fault)));
        self.gptbots.answers.lock().unwrap().extend(answers);
    }

    pub(crate) async fn conversation(&self) -> Conversation {
        self.store.conversation(&id()).await.unwrap().unwrap()
    }

    /// The log's entries with this text.
    pub(crate) async fn entries(&self, text: &str) -> Vec<Entry> {
        let log = self.store.log(&id(), None).await.unwrap().unwrap();
        log.entries
            .into_iter()
            .filter(|entry| entry.text == text)
            .collect()
    }

    pub(crate) async fn delivery(&self, text: &str) -> Delivery {
        let found = self.entries(text).await;
        assert_eq!(found.len(), 1, "{text}");
        found[0].delivery
    }
}

pub(crate) fn id() -> ConversationId {
    ConversationId::new("c").unwrap()
}

fn failure(fault: Fault) -> CallError {
    CallError {
        fault,
        status: Some(500),
        code: None,
        summary: "as told".into(),
    }
}

pub(crate) fn transient() -> Fault {
    Fault::Transient { retry_after: None }
}
