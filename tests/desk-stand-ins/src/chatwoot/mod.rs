//! Chatwoot with one inbox of its API channel, as its source at 4.14 and its OpenAPI document have
//! it: the public API, what a user's token opens of the application API, and its webhooks, each
//! tried once.

mod acts;
mod answer;
mod contacts;
mod lists;
mod page;
mod serve;
mod shown;
mod state;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::state::State;
use self::webhooks::Job;
use crate::{Act, DeskStandIn, Failure, Forgery, Options, Recorded, Seen};

/// The inbox's identifier.
const INBOX: &str = "qVcpdJKTZqqwmD3a9uyNYQ2m";
/// The account's number.
const ACCOUNT: u64 = 1;
/// The token of the user whom the bridge acts as.
const TOKEN: &str = "stand-in-access-token-of-user-1";
/// What the inbox's webhook is signed with.
const INBOX_SECRET: &str = "stand-in-inbox-webhook-secret";
/// What the account's webhook is signed with.
const ACCOUNT_SECRET: &str = "stand-in-account-webhook-secret";
/// What identifiers are proven with.
const HMAC_TOKEN: &str = "stand-in-hmac-token";
/// The token in the webhooks' path.
const PATH_TOKEN: &str = "stand-in-path-token";

/// How the server and its inbox are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// The bridge gets an access token for the application API.
    pub token: bool,
    /// Webhooks are signed: a server from 4.13.
    pub signed: bool,
    /// The webhooks' address has a token in it.
    pub path_token: bool,
    /// An account webhook leads to the bridge, too: everything comes twice.
    pub account_webhook: bool,
    /// The inbox enforces identity validation.
    pub identity_validation: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            token: true,
            signed: true,
            path_token: true,
            account_webhook: true,
            identity_validation: false,
        }
    }
}

/// A running stand-in.
pub struct Chatwoot {
    shared: Shared,
    server: JoinHandle<()>,
    sender: JoinHandle<()>,
}

/// What handlers and acts share.
#[derive(Clone)]
struct Shared(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    setup: Setup,
    limits: bool,
    state: Mutex<State>,
    jobs: mpsc::UnboundedSender<Job>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.0.address)
    }
}

/// Starts one as most are set up.
///
/// # Panics
/// When the listener has no address, or TLS cannot be set up.
pub async fn start(options: Options) -> Box<dyn DeskStandIn> {
    Box::new(start_with(options, Setup::default()).await)
}

/// Starts one that is set up as wished.
///
/// # Panics
/// When the listener has no address, or TLS cannot be set up.
pub async fn start_with(options: Options, setup: Setup) -> Chatwoot {
    let address = options.listener.local_addr().expect("an address");
    let (jobs, waiting) = mpsc::unbounded_channel();
    let token = if setup.path_token {
        format!("/{PATH_TOKEN}")
    } else {
        String::new()
    };
    let desk = format!("{}/desks/{}", options.bridge_url, options.instance);
    let sender = webhooks::Sender::new(desk, token, setup);
    let shared = Shared(Arc::new(Inner {
        address,
        setup,
        limits: options.limits,
        state: Mutex::default(),
        jobs,
    }));
    let router = page::router()
        .fallback(serve::api)
        .with_state(shared.clone());
    let server = axum::serve(options.listener, router);
    Chatwoot {
        shared,
        server: tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the stand-in for Chatwoot has stopped");
            }
        }),
        sender: tokio::spawn(sender.run(waiting)),
    }
}

impl Chatwoot {
    /// Breaks the connection after call number `n` from now (1: the next one), once it is done.
    pub fn drop_after_call(&self, n: u64) {
        self.shared.state().drop_in = Some(n);
    }

    /// Deletes a conversation, as an administrator can.
    pub fn delete(&self, reference: &str) {
        self.shared
            .state()
            .talks
            .retain(|talk| talk.id.to_string() != reference);
    }

    /// Waits until every webhook so far has been tried.
    pub async fn settle(&self) {
        webhooks::settle(&self.shared).await;
    }
}

#[async_trait::async_trait]
impl DeskStandIn for Chatwoot {
    fn kind(&self) -> &'static str {
        "chatwoot"
    }

    fn secret(&self) -> Value {
        let setup = self.shared.0.setup;
        let mut secret = json!({
            "kind": "chatwoot",
            "base_url": self.shared.base_url(),
            "inbox_identifier": INBOX,
            "contact_secret": "stand-in-contact-secret",
        });
        if setup.token {
            secret["account_id"] = ACCOUNT.into();
            secret["api_access_token"] = TOKEN.into();
        }
        if setup.signed {
            secret["webhook_secret"] = match setup.account_webhook {
                true => json!([INBOX_SECRET, ACCOUNT_SECRET]),
                false => json!(INBOX_SECRET),
            };
        }
        if setup.path_token {
            use sha2::Digest as _;
            let hash = hex::encode(sha2::Sha256::digest(PATH_TOKEN));
            secret["path_token_sha256s"] = json!([hash]);
        }
        if setup.identity_validation {
            secret["hmac_token"] = HMAC_TOKEN.into();
        }
        secret
    }

    fn page_url(&self) -> String {
        format!("{}/", self.shared.base_url())
    }

    async fn conversations(&self) -> Vec<Seen> {
        shown::conversations(&self.shared.state())
    }

    async fn act(&self, reference: &str, act: Act) -> Vec<u16> {
        acts::act(&self.shared, reference, act).await
    }

    async fn repeat_last(&self) -> u16 {
        let Some(body) = self.shared.state().last_webhook.clone() else {
            return 0;
        };
        webhooks::send_as(&self.shared, body, None).await
    }

    async fn forge(&self, reference: &str, text: &str, forgery: Forgery) -> u16 {
        let body = {
            let mut state = self.shared.state();
            let id = state.fresh_id();
            let message = state::Message::of_agent(id, text);
            state
                .talk(reference)
                .map(|talk| webhooks::of_message("message_created", &message, talk))
        };
        match body {
            Some(body) => webhooks::send_as(&self.shared, body, Some(forgery)).await,
            None => 0,
        }
    }

    fn fail(&self, failure: Option<Failure>) {
        self.shared.state().failure = failure;
    }

    fn lose_webhooks(&self, lose: bool) {
        self.shared.state().loses_webhooks = lose;
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.state().calls.clone()
    }

    fn requests(&self) -> Vec<Recorded> {
        self.shared.state().requests.clone()
    }

    async fn shutdown(self: Box<Self>) {
        self.server.abort();
        self.sender.abort();
    }
}
