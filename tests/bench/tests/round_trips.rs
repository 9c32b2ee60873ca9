//! How often the hot functions go to the table: what a message costs, and waits for.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use handoff::bells::NoBells;
use handoff::conversation::{Agent, ConversationId, Side};
use handoff::desk::{DeskHttp, DeskSource};
use handoff::files::NoFiles;
use handoff::gptbots::{Bot, CallError, Outbound};
use handoff::metrics::Metrics;
use handoff::outbound::Targets;
use handoff::random::Random;
use handoff::secrets::{Secrets, SecretsSource};
use handoff::settings::FromDocument;
use handoff::store::{Client, Store};
use handoff::token::Tokens;
use handoff::webhook::Webhook;
use local_aws::function::{SharedFunction, http_function};
use relay::{Health, Relay};
use serde_json::{Value, json};
use std::time::Duration;
use test_support::{CONVERSATION_ID, TOKEN, TestTable, event};

/// The operations that were called.
#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target");
        let operation = target.and_then(|target| target.rsplit('.').next());
        let operation = operation.unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(operation);
        Ok(())
    }
}

/// GPTBots that takes everything.
struct Willing;

#[async_trait::async_trait]
impl Outbound for Willing {
    async fn reply(
        &self,
        _: &Bot,
        _: &ConversationId,
        _: &str,
        _: Duration,
    ) -> Result<(), CallError> {
        Ok(())
    }

    async fn close(&self, _: &Bot, _: &ConversationId, _: Duration) -> Result<(), CallError> {
        Ok(())
    }
}

struct World {
    table: TestTable,
    calls: Calls,
    /// Counted.
    store: Store,
}

impl World {
    async fn new() -> Self {
        let table = TestTable::new().await;
        let calls = Calls::default();
        let config = table.store.client().config().to_builder();
        let client = Client::from_conf(config.interceptor(calls.clone()).build());
        let store = table.through(client);
        Self {
            table,
            calls,
            store,
        }
    }

    /// What the function calls while it answers this, once its settings are read.
    async fn calls_for(&self, function: &SharedFunction, event: Value) -> Vec<String> {
        self.calls.take();
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        self.calls.take()
    }

    async fn webhook<S: FromDocument>(&self) -> Webhook<S> {
        let settings = self.table.settings();
        settings.get().await;
        Webhook {
            store: self.store.clone(),
            settings,
            tokens: Tokens::parse(&Tokens::hash(TOKEN)).unwrap(),
            metrics: Metrics::off(),
        }
    }

    fn relay(&self) -> Relay {
        let clock = self.table.clock.clone();
        let secrets = Secrets::parse(r#"{"bots": {"*": {"api_key": "app-x"}}}"#).unwrap();
        let secrets = Arc::new(SecretsSource::given(secrets, clock.clone()));
        let http = DeskHttp::new(Targets::Local, clock.clone()).unwrap();
        Relay {
            store: self.store.clone(),
            settings: self.table.settings(),
            desks: DeskSource::new(secrets.clone(), http),
            secrets,
            gptbots: Arc::new(Willing),
            files: Arc::new(NoFiles),
            bells: Arc::new(NoBells),
            health: Health::default(),
            clock,
            random: Random::seeded(3),
            metrics: Metrics::off(),
        }
    }

    async fn carry(&self, relay: &Relay, side: Side) -> Vec<String> {
        self.calls.take();
        let bell = json!({"conversation": CONVERSATION_ID, "side": side.as_str()}).to_string();
        let event = json!({"Records": [{"messageId": "1", "body": bell}]});
        let Ok(answer) = relay.handle(serde_json::from_value(event).unwrap()).await;
        assert!(answer.failures.is_empty());
        self.calls.take()
    }
}

#[tokio::test]
async fn a_webhook_is_one_round_trip_and_an_end_is_two() {
    let world = World::new().await;
    let establish = Arc::new(establish::Establish(world.webhook().await));
    let chat = Arc::new(chat::Chat(world.webhook().await));
    let close = Arc::new(close::Close(world.webhook().await));
    let establish = http_function(move |request| {
        let function = establish.clone();
        async move { function.handle(request).await }
    });
    let chat = http_function(move |request| {
        let function = chat.clone();
        async move { function.handle(request).await }
    });
    let close = http_function(move |request| {
        let function = close.clone();
        async move { function.handle(request).await }
    });
    let once = |operation: &str| vec![operation.to_owned()];
    let calls = world.calls_for(&establish, event("establish.json")).await;
    assert_eq!(calls, once("TransactWriteItems"));
    let calls = world.calls_for(&chat, event("chat.json")).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    // What it counts, for whom and as what, hangs on the conversation that ends.
    let calls = world.calls_for(&close, event("close.json")).await;
    assert_eq!(calls, ["GetItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn an_entry_is_two_writes_and_a_bell_two_reads_of_its_lane() {
    let world = World::new().await;
    let establish = establish::Establish(world.webhook().await);
    let establish = Arc::new(establish);
    let function = http_function(move |request| {
        let function = establish.clone();
        async move { function.handle(request).await }
    });
    world.calls_for(&function, event("establish.json")).await;
    let relay = world.relay();
    world.carry(&relay, Side::Desk).await;
    world.carry(&relay, Side::User).await;
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    let agent = Agent {
        id: "alice".into(),
        name: "Alice".into(),
    };
    for lines in 1..=3 {
        for n in 0..lines {
            let key = format!("line-{lines}-{n}");
            let posted = world.table.store.post(&id, &agent, &key, "yes", 90);
            posted.await.unwrap();
        }
        let calls = world.carry(&relay, Side::User).await;
        let reads = calls.iter().filter(|call| *call == "Query").count();
        assert_eq!(reads, 2, "{calls:?}");
        assert_eq!(calls.len() - reads, 2 * lines, "{calls:?}");
    }
    // Nothing waits: one look.
    assert_eq!(world.carry(&relay, Side::User).await, ["Query"]);
}
