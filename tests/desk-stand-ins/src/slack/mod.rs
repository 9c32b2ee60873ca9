//! A stand-in for Slack: one workspace with one channel, an app in it, and an agent.
//!
//! It keeps to the Web API, the Events API, interactivity and their signatures as docs.slack.dev
//! has them, as far as the bridge uses them, and is stricter than Slack where Slack would not notice
//! a mistake: arguments that a method does not have are refused.

mod acts;
mod api;
mod arguments;
mod lists;
mod model;
mod page;
mod view;
mod webhooks;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::model::{CHANNEL, SIGNING_SECRET, State, TEAM, TOKEN};
use crate::{Act, DeskStandIn, Failure, Forgery, Options, Recorded, Seen};

/// How long a shutdown waits for calls that are being answered.
const GRACE: Duration = Duration::from_secs(2);
/// The most messages of one page of a list.
const PAGE: usize = 200;

/// A running stand-in. Clones are handles to the same one.
#[derive(Clone)]
pub struct Slack(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    bridge_url: String,
    instance: String,
    limits: bool,
    http: reqwest::Client,
    state: Mutex<State>,
    stopped: watch::Sender<bool>,
    server: Mutex<Option<JoinHandle<()>>>,
    background: Mutex<JoinSet<()>>,
}

/// Starts a stand-in.
///
/// # Panics
/// When the listener has no address, or the HTTP client cannot be made.
pub async fn start(options: Options) -> Box<dyn DeskStandIn> {
    Box::new(Slack::start(options).await)
}

impl Slack {
    /// As [`start`]; gives what only Slack has, too.
    ///
    /// # Panics
    /// When the listener has no address, or the HTTP client cannot be made.
    #[allow(clippy::expect_used, clippy::unused_async)]
    pub async fn start(options: Options) -> Self {
        // The client wants one though it calls http only; an error means that somebody was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            // Slack follows two; the bridge has none.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        let address = options.listener.local_addr().expect("an address");
        let slack = Self(Arc::new(Inner {
            address,
            bridge_url: options.bridge_url.trim_end_matches('/').to_owned(),
            instance: options.instance,
            limits: options.limits,
            http,
            state: Mutex::new(State::new(PAGE)),
            stopped: watch::Sender::new(false),
            server: Mutex::new(None),
            background: Mutex::new(JoinSet::new()),
        }));
        let router = Router::new()
            .merge(api::router())
            .merge(page::router())
            .layer(DefaultBodyLimit::max(32 << 20))
            .with_state(slack.clone());
        let stopping = slack.clone();
        let server = tokio::spawn(async move {
            let serving = axum::serve(options.listener, router)
                .with_graceful_shutdown(async move { stopping.stopped().await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the stand-in for Slack stopped");
            }
        });
        *lock(&slack.0.server) = Some(server);
        slack
    }

    /// Lets only the call after so many others fail, and none behind it.
    pub fn fail_after(&self, calls: u64, failure: Failure) {
        self.update(|state| state.failure_after = Some((calls, failure)));
    }

    /// From now on lists come in pages of at most this many messages.
    pub fn set_page(&self, most: usize) {
        self.update(|state| state.page = most);
    }

    /// A person deletes a message for good.
    pub fn remove(&self, ts: &str) {
        self.update(|state| state.messages.retain(|message| message.ts != ts));
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    fn bridge(&self, route: &str) -> String {
        let Inner {
            bridge_url,
            instance,
            ..
        } = self.0.as_ref();
        format!("{bridge_url}/desks/{instance}/{route}")
    }

    fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    fn limits(&self) -> bool {
        self.0.limits
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&lock(&self.0.state))
    }

    fn update<T>(&self, update: impl FnOnce(&mut State) -> T) -> T {
        update(&mut lock(&self.0.state))
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut background = lock(&self.0.background);
        while background.try_join_next().is_some() {}
        background.spawn(work);
    }

    async fn stopped(&self) {
        let mut stopped = self.0.stopped.subscribe();
        // The sender lives as long as this handle.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }
}

#[async_trait::async_trait]
impl DeskStandIn for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn secret(&self) -> Value {
        json!({
            "kind": "slack",
            "bot_token": TOKEN,
            "signing_secret": SIGNING_SECRET,
            "channel": CHANNEL,
            "team_id": TEAM,
            "base_url": format!("{}/api", self.base_url()),
        })
    }

    fn page_url(&self) -> String {
        format!("{}/", self.base_url())
    }

    async fn conversations(&self) -> Vec<Seen> {
        self.read(|state| view::seen(state, CHANNEL))
    }

    async fn act(&self, reference: &str, act: Act) -> Vec<u16> {
        self.do_act(reference, act).await
    }

    async fn repeat_last(&self) -> u16 {
        self.again().await
    }

    async fn forge(&self, reference: &str, text: &str, forgery: Forgery) -> u16 {
        let event = self.pretended(reference, text);
        self.send_forged(&event, forgery).await
    }

    fn fail(&self, failure: Option<Failure>) {
        self.update(|state| {
            state.failure = failure;
            state.failure_after = None;
        });
    }

    /// Slack's are sent again until they are taken, for six minutes: nothing is lost here.
    fn lose_webhooks(&self, _lose: bool) {}

    fn calls(&self) -> BTreeMap<String, u64> {
        self.read(|state| state.calls.clone())
    }

    fn requests(&self) -> Vec<Recorded> {
        self.read(|state| state.requests.clone())
    }

    async fn shutdown(self: Box<Self>) {
        self.0.stopped.send_replace(true);
        lock(&self.0.background).abort_all();
        let server = lock(&self.0.server).take();
        if let Some(mut server) = server
            && tokio::time::timeout(GRACE, &mut server).await.is_err()
        {
            server.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
