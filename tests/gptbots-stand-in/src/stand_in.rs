//! The handle: starting, stopping, waiting, and the record.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::DefaultBodyLimit};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    calls,
    connection::{Cuttable, Scissors},
    faults::{Detour, Mischief, Outage},
    model::ConversationId,
    options::Options,
    page,
    record::{Call, Received, Sent, Webhook},
    state::{State, now},
};

/// How long a shutdown waits for requests that are being answered.
const GRACE: Duration = Duration::from_secs(2);

/// A running stand-in. Clones are handles to the same one.
#[derive(Clone)]
pub struct StandIn {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    /// Tells this stand-in from one that had the address before.
    started: i64,
    http: reqwest::Client,
    state: Mutex<State>,
    /// The revision of the state, told after each change.
    changed: watch::Sender<u64>,
    stopped: watch::Sender<bool>,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl StandIn {
    /// Serves on `listener` in the background until [`StandIn::shutdown`].
    ///
    /// Installs rustls' *ring* provider for the process unless there is one already, since the
    /// webhooks may go to an `https` address.
    ///
    /// # Errors
    /// When the listener has no address, or the HTTP client cannot be built.
    pub async fn start(listener: TcpListener, options: Options) -> io::Result<Self> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // An error means that somebody else was faster.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // No redirects: any answer but HTTP 200 is a failure (contract, section 3).
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let stand_in = Self {
            inner: Arc::new(Inner {
                started: now(),
                address: listener.local_addr()?,
                http,
                state: Mutex::new(State::new(options)),
                changed: watch::Sender::new(0),
                stopped: watch::Sender::new(false),
                server: Mutex::new(None),
            }),
        };
        let router = Router::new()
            .merge(calls::router())
            .merge(page::router())
            .layer(DefaultBodyLimit::max(4 << 20))
            .with_state(stand_in.clone())
            .into_make_service_with_connect_info::<Scissors>();
        let stopped = stand_in.clone();
        let server = tokio::spawn(async move {
            let serving = axum::serve(Cuttable(listener), router)
                .with_graceful_shutdown(async move { stopped.stopped().await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the stand-in for GPTBots stopped");
            }
        });
        *lock(&stand_in.inner.server) = Some(server);
        Ok(stand_in)
    }

    /// The address of the API and of the page, for example `http://127.0.0.1:8788`.
    pub fn base_url(&self) -> String {
        let mut address = self.inner.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        format!("http://{address}")
    }

    /// Stops serving and sending. Calls and webhooks on their way are given up after a moment.
    pub async fn shutdown(self) {
        self.inner.stopped.send_replace(true);
        let server = lock(&self.inner.server).take();
        if let Some(mut server) = server
            && tokio::time::timeout(GRACE, &mut server).await.is_err()
        {
            server.abort();
        }
    }

    /// Sends the webhooks of now on to another base URL.
    pub fn set_webhook_base_url(&self, url: impl Into<String>) {
        self.update(|state| state.options.webhook_base_url = url.into());
    }

    /// Replaces a bot's API key: from now on the old one is refused.
    pub fn set_api_key(&self, bot_id: &str, key: impl Into<String>) {
        let key = key.into();
        self.update(|state| {
            for bot in &mut state.options.bots {
                if bot.id == bot_id {
                    bot.api_key.clone_from(&key);
                }
            }
        });
    }

    /// Replaces all outages of the API by this one; `None` ends them.
    pub fn set_outage(&self, outage: Option<Outage>) {
        self.update(|state| state.outages = outage.into_iter().collect());
    }

    /// Adds an outage. A call is hit by the first that is meant for it.
    pub fn add_outage(&self, outage: Outage) {
        self.update(|state| state.outages.push(outage));
    }

    /// Has this decide what goes wrong, where no outage is set; `None` ends it.
    pub fn set_mischief(&self, mischief: Option<Arc<dyn Mischief>>) {
        self.update(|state| state.mischief = mischief);
    }

    pub(crate) fn detour(&self, webhook: Webhook, conversation: &ConversationId) -> Detour {
        let mischief = self.read(|state| state.mischief.clone());
        mischief.map_or_else(Detour::default, |mischief| {
            mischief.webhook(webhook, conversation)
        })
    }

    /// The replies and closes that took effect, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.read(|state| state.received.clone())
    }

    /// All calls of the bridge with their answers, refused and failed ones too, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.read(|state| state.calls.clone())
    }

    /// The webhook calls, every attempt, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.read(|state| state.sent.clone())
    }

    /// Waits, without polling, until something about the stand-in is true, for example its
    /// record; `false` when it was not inside `timeout`.
    pub async fn wait_until(
        &self,
        mut predicate: impl FnMut(&Self) -> bool,
        timeout: Duration,
    ) -> bool {
        let waiting = self.until(|| predicate(self).then_some(()));
        matches!(tokio::time::timeout(timeout, waiting).await, Ok(Some(())))
    }

    /// Looks again after every change until there is something; `None` after the shutdown.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let mut changed = self.inner.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(found) = look() {
                return Some(found);
            }
            tokio::select! {
                told = changed.changed() => told.ok()?,
                () = self.stopped() => return None,
            }
        }
    }

    /// Returns once the stand-in is being shut down.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as `self`, so this fails never.
        let _ = self.inner.stopped.subscribe().wait_for(|is| *is).await;
    }

    /// Runs a task that ends with the stand-in.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stand_in = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                () = stand_in.stopped() => {}
            }
        });
    }

    pub(crate) fn started(&self) -> i64 {
        self.inner.started
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&lock(&self.inner.state))
    }

    /// Changes the state and tells everybody who waits.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.inner.state);
        state.revision += 1;
        let result = change(&mut state);
        self.inner.changed.send_replace(state.revision);
        result
    }
}

/// A test that panics elsewhere must not make every other one panic too.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
