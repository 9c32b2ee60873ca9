//! A connector, a stand-in, and as much of the bridge as takes webhooks.

use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use desk_stand_ins::intercom::Intercom;
use desk_stand_ins::{DeskStandIn as _, From, Options, Seen};
use handoff::conversation::{
    Author, Conversation, ConversationId, Entry, EntryId, History, Kind, Side, Speaker, Status,
    Turn, User,
};
use handoff::desk::{
    Desk, DeskError, DeskEvent, DeskHttp, Desks, Opened, Opening, Route, Unverified,
};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::time::{Clock as _, Millis, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The instance's name.
pub(crate) const NAME: &str = "intercom";

pub(crate) fn now() -> Millis {
    SystemClock.now()
}

/// What came in, and the desk that reads it.
#[derive(Clone, Default)]
struct Inbox {
    desk: Arc<OnceLock<Arc<dyn Desk>>>,
    events: Arc<Mutex<Vec<DeskEvent>>>,
}

pub(crate) struct Rig {
    pub(crate) desk: Arc<dyn Desk>,
    pub(crate) stand_in: Intercom,
    inbox: Inbox,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let inbox = Inbox::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bridge_url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/desks/intercom/events", post(event))
            .route("/desks/intercom/{token}/events", post(event_with_token))
            .with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let stand_in = Intercom::start(Options {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            bridge_url,
            instance: NAME.to_owned(),
            limits: true,
        })
        .await;
        let desk = connector(&stand_in.secret()).unwrap();
        assert!(inbox.desk.set(desk.clone()).is_ok());
        Self {
            desk,
            stand_in,
            inbox,
        }
    }

    /// The events since the last call.
    pub(crate) fn events(&self) -> Vec<DeskEvent> {
        std::mem::take(&mut *self.inbox.events.lock().unwrap())
    }

    pub(crate) async fn open(
        &self,
        conversation: &Conversation,
        history: &History,
        attempt: u32,
    ) -> Result<Opened, DeskError> {
        let opening = Opening {
            conversation,
            history,
            attempt,
        };
        self.desk.open(opening).await
    }

    /// A conversation that is open at the desk.
    pub(crate) async fn opened(&self, id: &str) -> Conversation {
        let conversation = conversation(id);
        let opened = self.open(&conversation, &History::default(), 1).await;
        at_desk(conversation, opened.unwrap())
    }

    /// The only conversation at the desk.
    pub(crate) async fn only(&self) -> Seen {
        let mut all = self.stand_in.conversations().await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// The texts of the only conversation, of these writers.
    pub(crate) async fn texts(&self, from: From) -> Vec<String> {
        let lines = self.only().await.lines.into_iter();
        let theirs = lines.filter(|line| line.from == from);
        theirs.map(|line| line.text).collect()
    }
}

/// The connector that a secret makes.
pub(crate) fn connector(secret: &Value) -> Result<Arc<dyn Desk>, DeskError> {
    let http = DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap();
    let secrets = json!({"desks": {NAME: secret}}).to_string();
    let secrets = Secrets::parse(&secrets).unwrap();
    Desks::of(&secrets, &http).get(NAME).cloned()
}

async fn event(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inbox.take(None, &headers, &body)
}

async fn event_with_token(
    State(inbox): State<Inbox>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    inbox.take(Some(&token), &headers, &body)
}

impl Inbox {
    fn take(&self, path_token: Option<&str>, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let desk = self.desk.get().unwrap();
        let call = Unverified {
            route: Route::Events,
            path_token,
            headers,
            body,
        };
        let Ok(verified) = desk.verify(call, now()) else {
            return StatusCode::UNAUTHORIZED;
        };
        let Ok(received) = desk.parse(verified) else {
            return StatusCode::BAD_REQUEST;
        };
        self.events.lock().unwrap().extend(received.events);
        StatusCode::OK
    }
}

pub(crate) fn at_desk(conversation: Conversation, opened: Opened) -> Conversation {
    Conversation {
        desk_ref: Some(opened.reference),
        desk_context: opened.context,
        ..conversation
    }
}

pub(crate) fn conversation(id: &str) -> Conversation {
    Conversation {
        id: ConversationId::new(id).unwrap(),
        bot: Some("b1".into()),
        user: User {
            name: Some("Bob".into()),
            user_id: Some("u1".into()),
            ..User::default()
        },
        desk: NAME.into(),
        next_desks: None,
        language: None,
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
        closed_at: None,
        closed_by: None,
        close_reason: None,
        close_sent_at: None,
        agent: None,
        last: None,
        user_lane_at: 0,
    }
}

pub(crate) fn history(turns: &[(Speaker, &str)]) -> History {
    let turns = turns.iter().map(|(speaker, text)| Turn {
        speaker: *speaker,
        kind: None,
        text: (*text).to_owned(),
        files: Vec::new(),
    });
    History {
        turns: turns.collect(),
        omitted: 0,
    }
}

pub(crate) fn entry(
    of: &Conversation,
    author: Author,
    kind: Kind,
    text: &str,
    attempts: u32,
) -> Entry {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let id = EntryId::of_system_line(now(), &format!("{n}"));
    let mut entry = Entry::new(
        of.id.clone(),
        id,
        kind,
        author,
        Some(Side::Desk),
        text,
        now(),
    );
    entry.attempts = attempts;
    entry
}

/// A line of the user, at its first attempt.
pub(crate) fn line(of: &Conversation, text: &str) -> Entry {
    entry(of, Author::User, Kind::Message, text, 1)
}

/// The same entry, tried again.
pub(crate) fn again(mut entry: Entry) -> Entry {
    entry.attempts += 1;
    entry
}
