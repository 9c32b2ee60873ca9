//! A stand-in for Zendesk Support: the calls that a connector makes, a ticket's rules, the webhooks
//! of events or of triggers, and a page on which one plays the agent.
//!
//! What it knows of the vendor is from developer.zendesk.com ("Tickets", "Ticket Comments", "Ticket
//! Audits", "Users", "Webhooks"). Stricter than the vendor in one thing: a member that Zendesk
//! would silently drop is refused.

mod act;
mod api;
mod api_ticket;
mod page;
mod shown;
mod state;
mod webhook;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{Act, DeskStandIn, Failure, Forgery, Options, Recorded, Seen};
use state::{API_USER, State};

/// The e-mail address that the bridge signs in with.
const EMAIL: &str = "bridge@example.com";
/// The API token that the bridge signs in with.
const API_TOKEN: &str = "zendesk-api-token";
/// The signing secret of the webhook.
const SIGNING_SECRET: &str = "dGhpc19pc19ub3RfYV9yZWFsX3NlY3JldA==";

/// How the account tells of what happens: a webhook does one or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhooks {
    /// The webhook has subscribed to ticket events.
    Events,
    /// Triggers call the webhook with the bodies that the operator pasted.
    Triggers,
}

/// A running stand-in.
pub struct Zendesk {
    shared: Shared,
    server: JoinHandle<()>,
}

/// What the server, the page and the webhooks share.
#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    webhooks: Webhooks,
    /// Where webhooks go to.
    target: String,
    http: reqwest::Client,
}

/// Starts one that sends events.
pub async fn start(options: Options) -> Box<dyn DeskStandIn> {
    Box::new(Zendesk::start(options, Webhooks::Events).await)
}

/// Starts one whose triggers call.
pub async fn start_with_triggers(options: Options) -> Box<dyn DeskStandIn> {
    Box::new(Zendesk::start(options, Webhooks::Triggers).await)
}

impl Zendesk {
    /// Starts one.
    ///
    /// # Panics
    /// When the listener has no address, or no HTTP client can be made.
    pub async fn start(options: Options, webhooks: Webhooks) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = options.listener.local_addr();
        let http = reqwest::Client::builder()
            .timeout(webhook::PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let shared = Shared {
            state: Arc::new(Mutex::new(State::new(options.limits))),
            address: address.expect("the listener has an address"),
            webhooks,
            target: format!("{}/desks/{}", options.bridge_url, options.instance),
            http: http.expect("a client without special wishes"),
        };
        let app = api::router()
            .merge(page::router())
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(options.listener, app).await {
                tracing::error!(%error, "the stand-in for Zendesk has ended");
            }
        });
        Self { shared, server }
    }

    /// Lets the next call but `skip` fail like this, once.
    pub fn fail_once(&self, skip: u64, failure: Failure) {
        self.shared.lock().fail_once = Some((skip, failure));
    }

    /// Whether tickets have a field that has to be filled in before they are solved.
    pub fn require_field(&self, required: bool) {
        self.shared.lock().required_field = required;
    }

    /// Closes a ticket, as Zendesk does some days after it was solved: nothing can be changed then.
    pub fn close_for_good(&self, reference: &str) {
        if let Some(ticket) = self.shared.lock().ticket_mut(reference) {
            "closed".clone_into(&mut ticket.status);
        }
    }

    /// Sets a ticket to pending, as an agent does who waits for an answer.
    pub fn set_pending(&self, reference: &str) {
        if let Some(ticket) = self.shared.lock().ticket_mut(reference) {
            "pending".clone_into(&mut ticket.status);
        }
    }

    /// An agent submits a reply as solved, in an account with triggers.
    pub async fn reply_and_solve(&self, reference: &str, text: &str) -> Vec<u16> {
        act::reply_and_solve(&self.shared, reference, text).await
    }

    /// The body of the last webhook; empty where there was none.
    pub fn last_body(&self) -> String {
        let last = self.shared.lock().last_webhook.clone();
        last.map(|last| last.body).unwrap_or_default()
    }

    /// The status of a ticket.
    pub fn status(&self, reference: &str) -> Option<String> {
        let mut state = self.shared.lock();
        Some(state.ticket_mut(reference)?.status.clone())
    }

    /// How many updates a ticket has had.
    pub fn updates(&self, reference: &str) -> usize {
        let mut state = self.shared.lock();
        state
            .ticket_mut(reference)
            .map_or(0, |ticket| ticket.audits.len())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Zendesk {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[async_trait::async_trait]
impl DeskStandIn for Zendesk {
    fn kind(&self) -> &'static str {
        "zendesk"
    }

    fn secret(&self) -> Value {
        json!({
            "kind": "zendesk",
            "base_url": self.shared.base_url(),
            "email": EMAIL,
            "api_token": API_TOKEN,
            "user_id": API_USER,
            "webhook_secrets": [SIGNING_SECRET],
        })
    }

    fn page_url(&self) -> String {
        format!("{}/agent", self.shared.base_url())
    }

    async fn conversations(&self) -> Vec<Seen> {
        shown::conversations(&self.shared.lock())
    }

    async fn act(&self, reference: &str, act: Act) -> Vec<u16> {
        act::act(&self.shared, reference, act).await
    }

    async fn repeat_last(&self) -> u16 {
        let last = self.shared.lock().last_webhook.clone();
        match last {
            Some(last) => webhook::send(&self.shared, &last.afresh()).await,
            None => webhook::NO_ANSWER,
        }
    }

    async fn replay_last(&self) -> u16 {
        let last = self.shared.lock().last_webhook.clone();
        match last {
            Some(last) => webhook::replay(&self.shared, &last).await,
            None => webhook::NO_ANSWER,
        }
    }

    async fn forge(&self, reference: &str, text: &str, forgery: Forgery) -> u16 {
        act::forge(&self.shared, reference, text, forgery).await
    }

    fn fail(&self, failure: Option<Failure>) {
        self.shared.lock().failure = failure;
    }

    fn lose_webhooks(&self, lose: bool) {
        self.shared.lock().lose_webhooks = lose;
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.lock().calls.clone()
    }

    fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().requests.clone()
    }

    async fn shutdown(self: Box<Self>) {
        self.server.abort();
    }
}
