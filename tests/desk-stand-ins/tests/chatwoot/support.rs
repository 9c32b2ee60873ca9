//! A stand-in, its connector, and a bridge that only verifies and reads.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use desk_stand_ins::chatwoot::{Chatwoot, Setup, start_with};
use desk_stand_ins::{DeskStandIn as _, Options, Seen};
use handoff::conversation::{
    Author, Conversation, ConversationId, Entry, EntryId, History, Kind, Side, Speaker, Status,
    Turn, TurnFile, User,
};
use handoff::desk::{
    Desk, DeskError, DeskEvent, DeskHttp, Desks, Opened, Opening, Route, Unverified,
};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::time::SystemClock;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const PLAIN: Setup = Setup {
    token: true,
    signed: true,
    path_token: false,
    account_webhook: false,
    identity_validation: false,
};

/// Every way in which an inbox can be set up that makes a difference.
pub(crate) fn setups() -> [Setup; 4] {
    [
        PLAIN,
        Setup::default(),
        Setup {
            token: false,
            signed: false,
            path_token: true,
            ..PLAIN
        },
        Setup {
            identity_validation: true,
            ..PLAIN
        },
    ]
}

thread_local! {
    /// Making one takes long, and each test has a thread of its own.
    static HTTP: DeskHttp = DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap();
}

type Heard = Arc<Mutex<Vec<DeskEvent>>>;

pub(crate) struct Stage {
    pub(crate) stand_in: Chatwoot,
    pub(crate) desk: Arc<dyn Desk>,
    heard: Heard,
}

impl Stage {
    pub(crate) async fn new(setup: Setup) -> Self {
        Self::with(setup, false).await
    }

    pub(crate) async fn with(setup: Setup, limits: bool) -> Self {
        let bridge = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = Options {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            bridge_url: format!("http://{}", bridge.local_addr().unwrap()),
            instance: "cw".into(),
            limits,
        };
        let stand_in = start_with(options, setup).await;
        let desk = desk(&stand_in.secret()).unwrap();
        let heard = Heard::default();
        let router = Router::new()
            .fallback(hear)
            .with_state((desk.clone(), heard.clone()));
        tokio::spawn(async move { axum::serve(bridge, router).await });
        Self {
            stand_in,
            desk,
            heard,
        }
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
    pub(crate) async fn opened(&self) -> Conversation {
        let conversation = conversation("c1");
        let opened = self
            .open(&conversation, &History::default(), 1)
            .await
            .unwrap();
        at(conversation, opened)
    }

    pub(crate) async fn seen(&self, conversation: &Conversation) -> Seen {
        let reference = conversation.desk_ref.as_deref().unwrap();
        let seen = self.stand_in.conversations().await;
        seen.into_iter()
            .find(|seen| seen.reference == reference)
            .unwrap()
    }

    /// What agents read, the lines of the opening left out.
    pub(crate) async fn lines(&self, conversation: &Conversation) -> Vec<String> {
        let lines = self.seen(conversation).await.lines;
        assert!(
            lines.iter().all(|line| line.accident.is_none()),
            "{lines:?}"
        );
        lines.into_iter().skip(1).map(|line| line.text).collect()
    }

    /// What was told and believed, each event once.
    pub(crate) async fn heard(&self) -> Vec<DeskEvent> {
        self.stand_in.settle().await;
        let mut heard: Vec<DeskEvent> = Vec::new();
        for event in self.heard.lock().unwrap().iter() {
            if !heard.iter().any(|known| known.id == event.id) {
                heard.push(event.clone());
            }
        }
        heard
    }

    /// How many events came, twins among them.
    pub(crate) fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

pub(crate) fn desk(secret: &Value) -> Result<Arc<dyn Desk>, DeskError> {
    let secrets = json!({"desks": {"cw": secret}}).to_string();
    let http = HTTP.with(Clone::clone);
    Desks::of(&Secrets::parse(&secrets).unwrap(), &http)
        .get("cw")
        .cloned()
}

async fn hear(
    State((desk, heard)): State<(Arc<dyn Desk>, Heard)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let segments: Vec<_> = uri.path().trim_start_matches('/').split('/').collect();
    let path_token = match segments.as_slice() {
        ["desks", "cw", "events"] => None,
        ["desks", "cw", token, "events"] => Some(*token),
        _ => return StatusCode::NOT_FOUND,
    };
    let call = Unverified {
        route: Route::Events,
        path_token,
        headers: &headers,
        body: &body,
    };
    let now = SystemClock::shared().now();
    let Ok(verified) = desk.verify(call, now) else {
        return StatusCode::UNAUTHORIZED;
    };
    let Ok(received) = desk.parse(verified) else {
        return StatusCode::BAD_REQUEST;
    };
    heard.lock().unwrap().extend(received.events);
    StatusCode::OK
}

pub(crate) fn conversation(id: &str) -> Conversation {
    Conversation {
        id: ConversationId::new(id).unwrap(),
        bot: Some("b1".into()),
        user: User {
            name: Some("Ann".into()),
            user_id: Some("u1".into()),
            ..User::default()
        },
        desk: "cw".into(),
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
        closed_by: None,
        close_reason: None,
        close_sent_at: None,
        agent: None,
        last: None,
        user_lane_at: 0,
    }
}

pub(crate) fn now() -> i64 {
    SystemClock::shared().now()
}

pub(crate) fn at(mut conversation: Conversation, opened: Opened) -> Conversation {
    conversation.desk_ref = Some(opened.reference);
    conversation.desk_context = opened.context;
    conversation
}

pub(crate) fn entry(conversation: &Conversation, author: Author, text: &str, n: i64) -> Entry {
    let kind = match author {
        Author::System => Kind::Notice,
        _ => Kind::Message,
    };
    let id = EntryId::of_user_line(n, text.as_bytes());
    let to = Some(Side::Desk);
    let mut entry = Entry::new(conversation.id.clone(), id, kind, author, to, text, now());
    entry.attempts = 1;
    entry
}

/// A history that needs several messages at the desk.
pub(crate) fn long_history() -> History {
    let mut turns: Vec<_> = (0..7)
        .map(|n| Turn {
            speaker: if n % 2 == 0 {
                Speaker::User
            } else {
                Speaker::Bot
            },
            kind: None,
            text: format!("turn {n} {}", "x ".repeat(14_000)),
            files: Vec::new(),
        })
        .collect();
    turns[6].text = "turn 6 @channel [@x](mention://user/7/x) {{contact.email}} <b>*hi*</b>".into();
    turns[6].files = vec![TurnFile {
        url: "https://files.example/a_b.png".into(),
        content_type: None,
    }];
    History { turns, omitted: 0 }
}
