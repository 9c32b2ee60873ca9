//! The bridge's side, as far as the tests need it: webhooks are verified and parsed by the
//! connector, and what they amount to is kept by id.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use desk_stand_ins::zendesk::{Webhooks, Zendesk};
use desk_stand_ins::{DeskStandIn as _, Failure, Options, Seen};
use handoff::conversation::{
    Author, Conversation, ConversationId, Entry, EntryId, History, Kind, Side, Speaker, Status,
    Turn, User,
};
use handoff::desk::{
    Desk, DeskError, DeskEvent, DeskHttp, Desks, Opened, Opening, Refused, Route, Unverified, What,
};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::time::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The bridge with a desk instance called `zendesk`, and the desk.
pub(crate) struct World {
    pub(crate) desk: Arc<dyn Desk>,
    pub(crate) stand_in: Zendesk,
    events: Events,
}

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<DeskEvent>>>);

#[derive(Clone)]
struct Bridge {
    desk: Arc<Mutex<Option<Arc<dyn Desk>>>>,
    events: Events,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Webhooks::Events, false).await
    }

    pub(crate) async fn with(webhooks: Webhooks, limits: bool) -> Self {
        let bridge = Bridge {
            desk: Arc::default(),
            events: Events::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bridge_url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/desks/zendesk/events", post(webhook))
            .route("/desks/zendesk/{token}/events", post(with_token))
            .with_state(bridge.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let options = Options {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            bridge_url,
            instance: "zendesk".into(),
            limits,
        };
        let stand_in = Zendesk::start(options, webhooks).await;
        let desk = connector(&stand_in.secret()).unwrap();
        *bridge.desk.lock().unwrap() = Some(desk.clone());
        Self {
            desk,
            stand_in,
            events: bridge.events,
        }
    }

    /// Opens the conversation, `attempt` being which.
    pub(crate) async fn try_open(
        &self,
        conversation: &Conversation,
        attempt: u32,
    ) -> Result<Opened, DeskError> {
        let opening = Opening {
            conversation,
            history: &history(),
            attempt,
        };
        self.desk.open(opening).await
    }

    /// Opens it, and notes where.
    pub(crate) async fn open(&self, name: &str) -> Conversation {
        let mut conversation = conversation(name);
        let opened = self.try_open(&conversation, 1).await.unwrap();
        conversation.desk_ref = Some(opened.reference);
        conversation.desk_context = opened.context;
        conversation
    }

    pub(crate) async fn seen(&self) -> Vec<Seen> {
        self.stand_in.conversations().await
    }

    /// What happened that is not ignored, oldest first, each id once.
    pub(crate) fn happened(&self) -> Vec<DeskEvent> {
        let all = self.events.0.lock().unwrap().clone();
        let ignored = |event: &DeskEvent| matches!(event.what, What::Ignored(_));
        all.into_iter().filter(|event| !ignored(event)).collect()
    }

    /// Waits until so many events have come, ignored ones among them.
    pub(crate) async fn told(&self, events: usize) {
        while self.events.0.lock().unwrap().len() < events {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The lines for the user, whole.
    pub(crate) async fn lines(&self) -> Vec<handoff::desk::AgentLine> {
        let mut lines = Vec::new();
        for event in self.happened() {
            if let What::Message(line) = event.what {
                lines.push(self.desk.complete(line).await.unwrap());
            }
        }
        lines
    }

    /// How the desk refuses what fails like this at the first call.
    pub(crate) fn fail(&self, failure: Option<Failure>) {
        self.stand_in.fail(failure);
    }
}

pub(crate) fn connector(secret: &Value) -> Result<Arc<dyn Desk>, DeskError> {
    let secrets = json!({"bots": {}, "desks": {"zendesk": secret}}).to_string();
    let secrets = Secrets::parse(&secrets).unwrap();
    let http = DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap();
    Desks::of(&secrets, &http).get("zendesk").cloned()
}

async fn webhook(State(bridge): State<Bridge>, headers: HeaderMap, body: Bytes) -> StatusCode {
    take(&bridge, None, &headers, &body)
}

async fn with_token(
    State(bridge): State<Bridge>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    take(&bridge, Some(&token), &headers, &body)
}

fn take(bridge: &Bridge, token: Option<&str>, headers: &HeaderMap, body: &[u8]) -> StatusCode {
    let desk = bridge.desk.lock().unwrap().clone().unwrap();
    let call = Unverified {
        route: Route::Events,
        path_token: token,
        headers,
        body,
    };
    let verified: Result<_, Refused> = desk.verify(call, SystemClock.now());
    let Ok(verified) = verified else {
        return StatusCode::UNAUTHORIZED;
    };
    let Ok(received) = desk.parse(verified) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut kept = bridge.events.0.lock().unwrap();
    for event in received.events {
        if !kept.iter().any(|known| known.id == event.id) {
            kept.push(event);
        }
    }
    StatusCode::OK
}

pub(crate) fn conversation(name: &str) -> Conversation {
    Conversation {
        id: ConversationId::new(name).unwrap(),
        bot: Some("b1".into()),
        user: User {
            name: Some("Bob".into()),
            email: Some("support@gptbots.ai".into()),
            ..User::default()
        },
        desk: "zendesk".into(),
        next_desks: None,
        language: None,
        desk_ref: None,
        desk_context: None,
        status: Status::Waiting,
        episode: 1,
        established: Some(1_000),
        reestablished: false,
        asked_at: 5_000,
        opened_at: 5_000,
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

pub(crate) fn history() -> History {
    let turn = |speaker, text: &str| Turn {
        speaker,
        kind: None,
        text: text.into(),
        files: Vec::new(),
    };
    let turns = vec![
        turn(Speaker::User, "Hi <there> {{ticket.id}}"),
        turn(Speaker::Bot, "Hello! *How* can I help?"),
        turn(Speaker::User, "A human please"),
    ];
    History { turns, omitted: 0 }
}

pub(crate) fn line(conversation: &Conversation, n: i64, text: &str) -> Entry {
    entry(conversation, n, Kind::Message, Author::User, text)
}

pub(crate) fn notice(conversation: &Conversation, n: i64, text: &str) -> Entry {
    entry(conversation, n, Kind::Notice, Author::System, text)
}

fn entry(conversation: &Conversation, n: i64, kind: Kind, author: Author, text: &str) -> Entry {
    let id = EntryId::of_user_line(n, text.as_bytes());
    let mut entry = Entry::new(
        conversation.id.clone(),
        id,
        kind,
        author,
        Some(Side::Desk),
        text,
        n,
    );
    entry.attempts = 1;
    entry
}

/// The entry as its next attempt has it.
pub(crate) fn again(entry: &Entry) -> Entry {
    let mut again = entry.clone();
    again.attempts += 1;
    again
}

/// Whether an error is the right one.
type IsRight = fn(&DeskError) -> bool;

/// Every way to fail, and what the connector makes of it.
pub(crate) fn failures() -> Vec<(Failure, IsRight)> {
    vec![
        (
            Failure::RateLimited(Duration::from_secs(7)),
            |error| matches!(error, DeskError::Unavailable { retry_after: Some(wait), .. } if wait.as_secs() == 7),
        ),
        (Failure::ServerError, |error| {
            matches!(
                error,
                DeskError::Unavailable {
                    retry_after: None,
                    ..
                }
            )
        }),
        (Failure::DropAfter, |error| {
            matches!(error, DeskError::Unavailable { .. })
        }),
        (Failure::RefusedInBody, |error| {
            matches!(error, DeskError::Rejected(_))
        }),
        (Failure::Unauthorized, |error| {
            matches!(error, DeskError::NotConfigured(_))
        }),
    ]
}
