//! A bridge that is only its door: it verifies and parses, and keeps what it understood.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use desk_stand_ins::slack::Slack;
use desk_stand_ins::{DeskStandIn as _, Options};
use handoff::conversation::{
    Author, ClosedBy, Conversation, ConversationId, Entry, EntryId, History, Kind, Side, Speaker,
    Status, Turn, User,
};
use handoff::desk::{Answer, Desk, DeskError, DeskEvent, DeskHttp, Desks, Route, Unverified, What};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::time::{Millis, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The stand-in and the door in front of the connector.
pub(crate) struct Bridge {
    pub(crate) slack: Slack,
    shared: Arc<Shared>,
    url: String,
}

struct Shared {
    desk: Mutex<Option<Arc<dyn Desk>>>,
    events: Mutex<Vec<DeskEvent>>,
    /// Answer the next event of an agent's with 500.
    refuse: Mutex<bool>,
    taken: tokio::sync::watch::Sender<usize>,
}

impl Bridge {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            desk: Mutex::new(None),
            events: Mutex::default(),
            refuse: Mutex::default(),
            taken: tokio::sync::watch::Sender::new(0),
        });
        let slack = Slack::start(Options {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            bridge_url: url.clone(),
            instance: "slack".into(),
            limits: false,
        })
        .await;
        *shared.desk.lock().unwrap() = Some(make(slack.secret()));
        let router = Router::new()
            .route("/desks/slack/{route}", post(without_token))
            .route("/desks/slack/{token}/{route}", post(with_token))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { slack, shared, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn desk(&self) -> Arc<dyn Desk> {
        self.shared.desk.lock().unwrap().clone().unwrap()
    }

    /// The connector with another value in its secret.
    pub(crate) fn desk_with(&self, member: &str, value: &str) -> Arc<dyn Desk> {
        let mut secret = self.slack.secret();
        secret[member] = json!(value);
        make(secret)
    }

    pub(crate) async fn post(
        &self,
        conversation: &Conversation,
        entry: &Entry,
    ) -> Result<Option<String>, DeskError> {
        let entries = std::slice::from_ref(entry);
        self.desk().post(conversation, entries).await
    }

    /// What happened in this conversation since the last time, but for what is ignored: echoes come
    /// when they like.
    pub(crate) fn take(&self, reference: &str) -> Vec<What> {
        let mut events = self.shared.events.lock().unwrap();
        let mine = |event: &mut DeskEvent| {
            event.reference == reference && !matches!(event.what, What::Ignored(_))
        };
        events
            .extract_if(.., mine)
            .map(|event| event.what)
            .collect()
    }

    /// All that was understood so far and not taken.
    pub(crate) fn everything(&self) -> Vec<DeskEvent> {
        self.shared.events.lock().unwrap().clone()
    }

    /// Waits for so many calls in all.
    pub(crate) async fn wait_for(&self, calls: usize) {
        let mut taken = self.shared.taken.subscribe();
        let waiting = taken.wait_for(|taken| *taken >= calls);
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        waited.expect("the calls").unwrap();
    }

    pub(crate) fn refuse_next(&self) {
        *self.shared.refuse.lock().unwrap() = true;
    }
}

pub(crate) fn make(secret: Value) -> Arc<dyn Desk> {
    let http = DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap();
    let secrets = json!({"desks": {"slack": secret}}).to_string();
    let secrets = Secrets::parse(&secrets).unwrap();
    Desks::of(&secrets, &http).get("slack").unwrap().clone()
}

async fn without_token(
    State(shared): State<Arc<Shared>>,
    Path(route): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    receive(&shared, &route, None, &headers, &body)
}

async fn with_token(
    State(shared): State<Arc<Shared>>,
    Path((token, route)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    receive(&shared, &route, Some(&token), &headers, &body)
}

fn receive(
    shared: &Shared,
    route: &str,
    path_token: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let desk = shared.desk.lock().unwrap().clone().unwrap();
    let call = Unverified {
        route: match route {
            "events" => Route::Events,
            _ => Route::Interactions,
        },
        path_token,
        headers,
        body,
    };
    let verified = match desk.verify(call, now()) {
        Ok(verified) => verified,
        Err(_) => return StatusCode::UNAUTHORIZED.into_response(),
    };
    let received = match desk.parse(verified) {
        Ok(received) => received,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let matters = |event: &DeskEvent| !matches!(event.what, What::Ignored(_));
    if received.events.iter().any(matters) && std::mem::take(&mut *shared.refuse.lock().unwrap()) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    shared.events.lock().unwrap().extend(received.events);
    shared.taken.send_modify(|taken| *taken += 1);
    match received.answer {
        Answer::Empty => StatusCode::OK.into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Json(json) => axum::Json(json).into_response(),
    }
}

pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Millis::try_from(since.as_millis()).unwrap()
}

pub(crate) fn conversation(id: &str) -> Conversation {
    Conversation {
        id: ConversationId::new(id).unwrap(),
        bot: Some("b1".into()),
        user: User {
            name: Some("Ann <!here> *B*".into()),
            email: Some("support@gptbots.ai".into()),
            ..User::default()
        },
        desk: "slack".into(),
        desk_ref: None,
        desk_context: None,
        status: Status::Waiting,
        episode: 1,
        established: Some(1_000),
        reestablished: false,
        asked_at: now(),
        opened_at: now(),
        connected_at: None,
        answered_at: None,
        language: None,
        next_desks: None,
        closed_at: None,
        closed_by: Some(ClosedBy::User),
        close_reason: None,
        close_sent_at: None,
        agent: None,
        last: None,
        user_lane_at: 0,
    }
}

/// A history of so many turns that takes several messages.
pub(crate) fn history(turns: usize) -> History {
    let turn = |n| Turn {
        speaker: if n % 2 == 0 {
            Speaker::User
        } else {
            Speaker::Bot
        },
        kind: None,
        text: format!("#{n} <!channel> *so* {}", "blah ".repeat(30)),
        files: Vec::new(),
    };
    History {
        turns: (0..turns).map(turn).collect(),
        omitted: 0,
    }
}

/// A user's line, in its first attempt.
pub(crate) fn entry(text: &str) -> Entry {
    let id = EntryId::of_user_line(now(), text.as_bytes());
    let conversation = ConversationId::new("c1").unwrap();
    let to = Some(Side::Desk);
    let mut entry = Entry::new(
        conversation,
        id,
        Kind::Message,
        Author::User,
        to,
        text,
        now(),
    );
    entry.attempts = 1;
    entry
}
