//! The functions' own handlers, put together as their `main` does it.

use std::sync::Arc;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use handoff::bells::{DelayedBells, SqsBells};
use handoff::desk::Desks;
use handoff::gptbots::Client;
use handoff::metrics::Metrics;
use handoff::outbound::Targets;
use handoff::random::Random;
use handoff::secrets::{Secrets, SecretsSource};
use handoff::settings::SettingsSource;
use handoff::store::Store;
use handoff::time::SharedClock;
use handoff::token::Tokens;
use handoff::webhook::Webhook;
use local_aws::SharedFunction;
use local_aws::function::{event_function, http_function};
use local_aws::queue::{DelayQueue, QueueEndpoint};
use relay::RelayEvent;
use serde_json::Value;

use crate::Error;

/// What the functions stand on.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) settings: Arc<SettingsSource>,
    pub(crate) bells: Arc<dyn DelayedBells>,
    pub(crate) clock: SharedClock,
    pub(crate) random: Random,
    pub(crate) secrets: Secrets,
    pub(crate) token: String,
    pub(crate) sign_in: Option<console::SignIn>,
}

/// The functions, ready to be invoked.
pub(crate) struct Functions {
    pub(crate) establish: SharedFunction,
    pub(crate) chat: SharedFunction,
    pub(crate) close: SharedFunction,
    pub(crate) console: SharedFunction,
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
    pub(crate) fn new(ground: Ground) -> Result<Self, Error> {
        let tokens = Tokens::parse(&Tokens::hash(&ground.token))?;
        let store = || ground.store.clone();
        let settings = || ground.settings.clone();
        let webhook = || Webhook {
            store: store(),
            settings: settings(),
            tokens: tokens.clone(),
            metrics: Metrics::off(),
        };
        let relay = Arc::new(relay::Relay {
            store: store(),
            settings: settings(),
            secrets: Arc::new(SecretsSource::given(ground.secrets, ground.clock.clone())),
            gptbots: Arc::new(Client::new(Targets::Local, ground.clock.clone())?),
            desks: Desks::new(),
            bells: ground.bells.clone(),
            health: relay::Health::default(),
            clock: ground.clock.clone(),
            random: ground.random,
            metrics: Metrics::off(),
        });
        let clock = Arc::new(clock::Clock {
            store: store(),
            bells: ground.bells,
            metrics: Metrics::off(),
            clock: ground.clock.clone(),
        });
        Ok(Self {
            establish: http!(establish::Establish(webhook())),
            chat: http!(chat::Chat(webhook())),
            close: http!(close::Close(webhook())),
            console: http!(
                console::Console::new(store(), settings())
                    .with_clock(ground.clock.clone())
                    .with_sign_in(ground.sign_in)
            ),
            relay: event_function(move |event: RelayEvent| {
                let relay = relay.clone();
                async move { relay.handle(event).await }
            }),
            clock: event_function(move |_: Value| {
                let clock = clock.clone();
                async move { clock.tick().await.map_err(lambda_http::Error::from) }
            }),
        })
    }
}

/// The delayed bells, through the SDK to the queue's endpoint.
pub(crate) fn bells(endpoint: &QueueEndpoint, queue: &DelayQueue) -> Arc<dyn DelayedBells> {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(local_aws::REGION))
        .endpoint_url(endpoint.url())
        .credentials_provider(Credentials::new("local", "local", None, None, "sandbox"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Arc::new(SqsBells::new(
        aws_sdk_sqs::Client::from_conf(config),
        queue.url(),
    ))
}
