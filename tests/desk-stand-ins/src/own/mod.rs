//! A stand-in for a company's own system: it takes the bridge's signed events and sends its own, as
//! `docs/desks/own-system.md` says. It shares no code with the bridge, so that both can be wrong.

mod api;
mod events;
mod page;
mod sign;
mod state;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Act, DeskStandIn, Failure, Forgery, Options, Recorded, Seen};
use state::State;

/// How long a shutdown waits for requests that are being answered.
const GRACE: Duration = Duration::from_millis(500);

/// A running stand-in. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct Own {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    /// Where its events go.
    target: String,
    http: reqwest::Client,
    secrets: Secrets,
    state: Mutex<State>,
    stopped: watch::Sender<bool>,
    server: Mutex<Option<JoinHandle<()>>>,
}

/// What each side signs with.
struct Secrets {
    /// The bridge.
    theirs: String,
    /// This one.
    ours: String,
}

/// Starts a stand-in.
pub async fn start(options: Options) -> Box<dyn DeskStandIn> {
    let address = options
        .listener
        .local_addr()
        .expect("a bound listener has an address");
    let own = Own {
        inner: Arc::new(Inner {
            address,
            target: format!("{}/desks/{}/events", options.bridge_url, options.instance),
            http: webhooks::client(),
            secrets: Secrets {
                theirs: sign::made_up(),
                ours: sign::made_up(),
            },
            state: Mutex::new(State::default()),
            stopped: watch::Sender::new(false),
            server: Mutex::new(None),
        }),
    };
    let router = api::router().merge(page::router()).with_state(own.clone());
    let stopped = own.clone();
    let server = tokio::spawn(async move {
        let serving = axum::serve(options.listener, router)
            .with_graceful_shutdown(async move { stopped.stopped().await });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the stand-in for an own system stopped");
        }
    });
    *own.inner
        .server
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(server);
    Box::new(own)
}

impl Own {
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn stopped(&self) {
        let _ = self.inner.stopped.subscribe().wait_for(|is| *is).await;
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.inner.address)
    }
}

#[async_trait::async_trait]
impl DeskStandIn for Own {
    fn kind(&self) -> &'static str {
        "webhooks"
    }

    fn secret(&self) -> Value {
        json!({
            "kind": "webhooks",
            "url": format!("{}/handoff", self.base_url()),
            "send_secret": self.inner.secrets.theirs,
            "receive_secret": self.inner.secrets.ours,
        })
    }

    fn page_url(&self) -> String {
        format!("{}/", self.base_url())
    }

    async fn conversations(&self) -> Vec<Seen> {
        self.state().seen()
    }

    async fn act(&self, reference: &str, act: Act) -> Vec<u16> {
        webhooks::act(self, reference, act).await
    }

    async fn repeat_last(&self) -> u16 {
        webhooks::repeat(self).await
    }

    async fn forge(&self, reference: &str, text: &str, forgery: Forgery) -> u16 {
        webhooks::forge(self, reference, text, forgery).await
    }

    fn fail(&self, failure: Option<Failure>) {
        self.state().failure = failure;
    }

    fn lose_webhooks(&self, lose: bool) {
        self.state().lose = lose;
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.state().calls.clone()
    }

    fn requests(&self) -> Vec<Recorded> {
        self.state().requests.clone()
    }

    async fn shutdown(self: Box<Self>) {
        self.inner.stopped.send_replace(true);
        let server = self
            .inner
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut server) = server
            && tokio::time::timeout(GRACE, &mut server).await.is_err()
        {
            server.abort();
        }
    }
}
