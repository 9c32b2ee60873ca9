//! The functions' own handlers, put together as their `main` does it.

use std::sync::Arc;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use handoff::bells::{DelayedBells, SqsBells};
use handoff::desk::{DeskHttp, DeskSource, Desks};
use handoff::files::{Bucket, FileError, Files};
use handoff::gptbots::Client;
use handoff::metrics::Metrics;
use handoff::outbound::Targets;
use handoff::random::Random;
use handoff::secrets::{Secrets, SecretsSource};
use handoff::settings::{FromDocument, Settings, SettingsSource};
use handoff::store::Store;
use handoff::time::{Millis, SharedClock, SystemClock};
use handoff::token::Tokens;
use handoff::webhook::Webhook;
use local_aws::SharedFunction;
use local_aws::function::{event_function, http_function};
use local_aws::objects::Objects;
use local_aws::queue::{DelayQueue, QueueEndpoint};
use relay::RelayEvent;
use serde_json::Value;

use crate::faults::{Board, Make, Meter, Process, SkewedClock, Tapped};
use crate::{DeskWrapper, Error, TABLE};

/// What the functions stand on.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) table: aws_sdk_dynamodb::Client,
    pub(crate) stray_after: Millis,
    pub(crate) settings_fresh_for: Millis,
    pub(crate) bells: Arc<dyn DelayedBells>,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) random: Random,
    pub(crate) secrets: Secrets,
    pub(crate) desk_http: DeskHttp,
    pub(crate) desk_wrapper: Option<DeskWrapper>,
    pub(crate) token: String,
    pub(crate) sign_in: Option<console::SignIn>,
    pub(crate) board: Arc<Board>,
}

/// What one process of a function stands on: its own clock and memory.
struct Memory<S = Settings> {
    clock: SharedClock,
    store: Store,
    settings: Arc<SettingsSource<S>>,
}

impl Ground {
    /// The table, by this clock.
    pub(crate) fn store(&self, clock: SharedClock) -> Store {
        Store::new(self.table.clone(), TABLE, clock, self.random.clone())
            .with_stray_after(self.stray_after)
    }

    /// The desks: those of the secret, with what a test puts between.
    fn desks(&self, secrets: Arc<SecretsSource>) -> DeskSource {
        let desks = DeskSource::new(secrets, self.desk_http.clone());
        let Some(DeskWrapper(wrap)) = &self.desk_wrapper else {
            return desks;
        };
        let plain = Desks::of(&self.secrets, &self.desk_http);
        let wrapped = self
            .secrets
            .desks()
            .fold(Desks::new(), |wrapped, (name, _)| match plain.get(name) {
                Ok(desk) => wrapped.with(name, wrap(desk.clone())),
                Err(_) => wrapped,
            });
        desks.with(wrapped)
    }

    fn webhook<S: FromDocument>(&self, process: &str, tokens: &Tokens) -> Webhook<S> {
        let memory = self.memory(process);
        Webhook {
            store: memory.store,
            settings: memory.settings,
            tokens: tokens.clone(),
            metrics: Metrics::off(),
        }
    }

    fn memory<S: FromDocument>(&self, process: &str) -> Memory<S> {
        let clock = SkewedClock::shared(&self.board, process);
        let store = self.store(clock.clone());
        Memory {
            settings: Arc::new(
                SettingsSource::new(store.clone(), clock.clone())
                    .with_fresh_for(self.settings_fresh_for),
            ),
            clock,
            store,
        }
    }
}

/// The functions, ready to be invoked.
pub(crate) struct Functions {
    pub(crate) establish: SharedFunction,
    pub(crate) chat: SharedFunction,
    pub(crate) close: SharedFunction,
    pub(crate) console: SharedFunction,
    pub(crate) desk: SharedFunction,
    pub(crate) relay: SharedFunction,
    pub(crate) clock: SharedFunction,
}

/// Makes a shared function of a handler that borrows its function.
macro_rules! http {
    ($function:expr) => {{
        let function = Arc::new($function);
        http_function(move |request| {
            let function = function.clone();
            async move { function.handle(request).await }
        })
    }};
}

impl Functions {
    pub(crate) fn new(ground: &Ground) -> Result<Self, Error> {
        let tokens = Tokens::parse(&Tokens::hash(&ground.token))?;
        let http = Client::new(Targets::Local, SkewedClock::shared(&ground.board, "http"))?;
        let gptbots = Arc::new(http);
        let process = |name, make: Make| Process::shared(name, &ground.board, make);
        let (of_establish, of_chat, of_close) = (tokens.clone(), tokens.clone(), tokens);
        let (establish, chat, close) = (ground.clone(), ground.clone(), ground.clone());
        let (console, desk) = (ground.clone(), ground.clone());
        let (relay, clock) = (ground.clone(), ground.clone());
        Ok(Self {
            establish: process(
                "establish",
                Box::new(move |name| {
                    http!(establish::Establish(establish.webhook(name, &of_establish)))
                }),
            ),
            chat: process(
                "chat",
                Box::new(move |name| http!(chat::Chat(chat.webhook(name, &of_chat)))),
            ),
            close: process(
                "close",
                Box::new(move |name| http!(close::Close(close.webhook(name, &of_close)))),
            ),
            console: process(
                "console",
                Box::new(move |name| {
                    let memory = console.memory(name);
                    http!(
                        console::Console::new(memory.store, memory.settings)
                            .with_files(console.files.clone())
                            .with_clock(memory.clock)
                            .with_sign_in(console.sign_in.clone())
                    )
                }),
            ),
            desk: process(
                "desk",
                Box::new(move |name| {
                    let memory = desk.memory(name);
                    let secrets = SecretsSource::given(desk.secrets.clone(), memory.clock.clone());
                    http!(desk::DeskWebhooks {
                        store: memory.store,
                        settings: memory.settings,
                        desks: desk.desks(Arc::new(secrets)),
                        clock: memory.clock,
                        metrics: Metrics::off(),
                    })
                }),
            ),
            relay: process(
                "relay",
                Box::new(move |name| {
                    let memory = relay.memory(name);
                    let secrets = SecretsSource::given(relay.secrets.clone(), memory.clock.clone());
                    let secrets = Arc::new(secrets);
                    let relay = Arc::new(relay::Relay {
                        store: memory.store,
                        settings: memory.settings,
                        desks: relay.desks(secrets.clone()),
                        secrets,
                        gptbots: gptbots.clone(),
                        files: relay.files.clone(),
                        bells: relay.bells.clone(),
                        health: relay::Health::default(),
                        clock: memory.clock,
                        random: relay.random.clone(),
                        metrics: Metrics::off(),
                    });
                    event_function(move |event: RelayEvent| {
                        let relay = relay.clone();
                        async move { relay.handle(event).await }
                    })
                }),
            ),
            clock: process(
                "clock",
                Box::new(move |name| {
                    let memory: Memory = clock.memory(name);
                    let clock = Arc::new(clock::Clock {
                        store: memory.store,
                        bells: clock.bells.clone(),
                        clock: memory.clock,
                        metrics: Metrics::off(),
                    });
                    event_function(move |_: Value| {
                        let clock = clock.clone();
                        async move { clock.tick().await.map_err(lambda_http::Error::from) }
                    })
                }),
            ),
        })
    }
}

/// The table's client with faults and a meter on it. It is more patient than the functions are in
/// AWS: on a busy machine the embedded table can take seconds.
pub(crate) fn table(
    endpoint_url: &str,
    board: &Arc<Board>,
    meter: &Meter,
) -> aws_sdk_dynamodb::Client {
    let http = Tapped {
        inner: Builder::new().build_http(),
        board: board.clone(),
        meter: meter.clone(),
    };
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(local_aws::REGION))
        .endpoint_url(endpoint_url)
        .credentials_provider(Credentials::new("local", "local", None, None, "sandbox"))
        .http_client(http)
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// The delayed bells, through the SDK to the queue's endpoint.
pub(crate) fn bells(endpoint: &QueueEndpoint, queue: &DelayQueue) -> Arc<dyn DelayedBells> {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(local_aws::REGION))
        .endpoint_url(endpoint.url())
        .credentials_provider(Credentials::new("local", "local", None, None, "sandbox"))
        .http_client(Builder::new().build_http())
        .build();
    Arc::new(SqsBells::new(
        aws_sdk_sqs::Client::from_conf(config),
        queue.url(),
    ))
}

/// The bucket for agents' files.
pub(crate) fn files(objects: &Objects) -> Result<Arc<dyn Files>, FileError> {
    let credentials = SharedCredentialsProvider::new(Objects::credentials());
    let (endpoint, clock) = (Some(objects.url()), SystemClock::shared());
    let bucket = Bucket::new("files", endpoint, local_aws::REGION, credentials, clock)?;
    Ok(Arc::new(bucket))
}
