//! A stand-in for an Intercom workspace: version 2.14 of its API, its webhooks, and an inbox to
//! play the agent in.

mod acts;
mod api;
mod model;
mod page;
mod serve;
mod show;
mod state;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::model::{APP_ID, BRIDGE, Conversation, Part};
use self::state::State;
use self::webhooks::{CLIENT_SECRET, sign};
use crate::{Act, DeskStandIn, Failure, Forgery, From, Options, Recorded, Seen, SeenLine};

/// What the API is called with.
const ACCESS_TOKEN: &str = "stand-in-access-token";
/// How long a shutdown waits for calls that are being answered.
const GRACE: Duration = Duration::from_secs(1);
/// How long the bridge may take to answer a webhook.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts a stand-in.
pub async fn start(options: Options) -> Box<dyn DeskStandIn> {
    Box::new(Intercom::start(options).await)
}

/// A running stand-in.
pub struct Intercom {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    address: String,
    bridge_url: String,
    instance: String,
    limits: bool,
    http: reqwest::Client,
    state: Mutex<State>,
    stopped: watch::Sender<bool>,
}

impl Shared {
    /// A test that panics elsewhere must not make every other one panic too.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns once the stand-in is being stopped.
    async fn stopped(&self) {
        let _ = self.stopped.subscribe().wait_for(|is| *is).await;
    }

    fn seen(&self, state: &State, conversation: &Conversation) -> Seen {
        let contact = state.contact(&conversation.contact);
        let about = [
            Some(&contact.name),
            contact.email.as_ref(),
            contact.phone.as_ref(),
        ];
        let about: Vec<_> = about.into_iter().flatten().cloned().collect();
        let first = SeenLine {
            from: From::User,
            text: conversation.first.clone(),
            accident: None,
        };
        Seen {
            reference: conversation.id.clone(),
            person: Some(contact.id.clone()),
            about: about.join(" · "),
            lines: std::iter::once(first)
                .chain(conversation.parts.iter().filter_map(line))
                .collect(),
            closed: conversation.state == "closed",
        }
    }
}

/// A part as it is shown, where it shows a text or a file.
fn line(part: &Part) -> Option<SeenLine> {
    let (mut text, accident) = show::read(part.body.as_deref().unwrap_or_default());
    for file in &part.attachments {
        let name = file["name"].as_str().unwrap_or_default();
        text = format!("{text}\n[{name}]").trim().to_owned();
    }
    if text.is_empty() {
        return None;
    }
    let from = match (part.author.kind, part.author.id.as_str()) {
        ("user", _) => From::User,
        (_, BRIDGE) => From::Bridge,
        ("admin", _) if !part.kind.starts_with("note") => From::Agent,
        _ => From::Note,
    };
    // What agents type may have any markup; what the bridge writes may not.
    let accident = accident.filter(|_| matches!(from, From::User | From::Bridge));
    Some(SeenLine {
        from,
        text,
        accident,
    })
}

impl Intercom {
    /// Starts a stand-in.
    ///
    /// # Panics
    /// When the listener has no address or no HTTP client can be made.
    #[allow(clippy::expect_used)]
    pub async fn start(options: Options) -> Self {
        // A second call finds the provider installed: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        let address = options.listener.local_addr().expect("a listener's address");
        let shared = Arc::new(Shared {
            address: address.to_string(),
            bridge_url: options.bridge_url,
            instance: options.instance,
            limits: options.limits,
            http,
            state: Mutex::default(),
            stopped: watch::Sender::new(false),
        });
        let router = serve::router(shared.clone());
        let stopped = shared.clone();
        let server = tokio::spawn(async move {
            let serving = axum::serve(options.listener, router)
                .with_graceful_shutdown(async move { stopped.stopped().await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the stand-in for Intercom stopped");
            }
        });
        Self { shared, server }
    }

    /// Has one call fail, after `more` others went well.
    pub fn fail_once(&self, more: u64, failure: Failure) {
        self.shared.state().fails_once = Some((more, failure));
    }

    /// Sends the webhook that comes first when an address is entered.
    pub async fn ping(&self) -> u16 {
        let mut envelope = self.shared.envelope("ping", "", &[]);
        envelope["id"] = Value::Null;
        envelope["data"]["item"] = json!({"type": "ping", "message": "something"});
        self.shared.send(&envelope, "events").await
    }

    /// Archives all contacts, as a clean-up at Intercom does.
    pub fn archive_contacts(&self) {
        for contact in &mut self.shared.state().contacts {
            contact.archived = true;
        }
    }
}

#[async_trait::async_trait]
impl DeskStandIn for Intercom {
    fn kind(&self) -> &'static str {
        "intercom"
    }

    fn secret(&self) -> Value {
        json!({
            "kind": "intercom", "access_token": ACCESS_TOKEN, "client_secret": CLIENT_SECRET,
            "admin_id": BRIDGE, "app_id": APP_ID, "base_url": self.shared.base_url(),
        })
    }

    fn page_url(&self) -> String {
        format!("{}/agent", self.shared.base_url())
    }

    async fn conversations(&self) -> Vec<Seen> {
        let state = self.shared.state();
        let all = state.conversations.iter();
        all.map(|conversation| self.shared.seen(&state, conversation))
            .collect()
    }

    async fn act(&self, reference: &str, act: Act) -> Vec<u16> {
        self.shared.act(reference, act).await
    }

    async fn repeat_last(&self) -> u16 {
        let last = self.shared.state().last.take();
        let Some(last) = last.map(acts::again) else {
            return 0;
        };
        self.shared.state().last = Some(last.clone());
        self.shared.send(&last, "events").await
    }

    async fn forge(&self, reference: &str, text: &str, forgery: Forgery) -> u16 {
        let shared = &self.shared;
        let part = acts::line(&mut shared.state(), text);
        let mut envelope = shared.envelope("conversation.admin.replied", reference, &[part]);
        let moved = match forgery {
            Forgery::Old => -3_600,
            Forgery::Future => 3_600,
            _ => 0,
        };
        // The signature has no time of its own: what is old tells so in its signed body.
        for time in ["created_at", "first_sent_at"] {
            envelope[time] = json!(state::now() + moved);
        }
        let body = envelope.to_string();
        let right = Some(sign(CLIENT_SECRET, &body));
        let (path, body, signature) = match forgery {
            Forgery::Unsigned => ("events", body, None),
            Forgery::WrongSecret => {
                let wrong = Some(sign("another secret", &body));
                ("events", body, wrong)
            }
            Forgery::ChangedBody => ("events", body.replace("comment", "Comment"), right),
            Forgery::Old | Forgery::Future => ("events", body, right),
            // An address of a desk that signs has no token, so that any is a wrong one.
            Forgery::WrongPathToken => ("wrong-token/events", body, right),
        };
        shared.send_signed(path, body, signature).await
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

    async fn shutdown(mut self: Box<Self>) {
        self.shared.stopped.send_replace(true);
        if tokio::time::timeout(GRACE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}
