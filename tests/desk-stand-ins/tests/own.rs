//! The own-system desk against its stand-in, over HTTP.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::post;
use desk_stand_ins::{Act, DeskStandIn, Failure, Forgery, From, MARKUP_AS_PLAIN, Options, own};
use handoff::conversation::{
    Author, ClosedBy, Conversation, ConversationId, Entry, EntryId, History, Kind, Side, Speaker,
    Status, Turn, User,
};
use handoff::desk::{
    Desk, DeskError, DeskEvent, DeskHttp, Desks, Opening, Refused, Route, Unverified, What,
};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::time::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Calls = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A bridge that remembers its calls and believes them all.
async fn bridge() -> (String, Calls) {
    let calls = Calls::default();
    let take = |State(calls): State<Calls>, headers: HeaderMap, body: Bytes| async move {
        calls.lock().unwrap().push((headers, body));
    };
    let router = axum::Router::new()
        .route("/desks/own/events", post(take))
        .with_state(calls.clone());
    (serve(router).await, calls)
}

async fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn start() -> (Box<dyn DeskStandIn>, Arc<dyn Desk>, Calls) {
    let (bridge_url, calls) = bridge().await;
    let stand_in = own::start(Options {
        listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        bridge_url,
        instance: "own".into(),
        limits: false,
    })
    .await;
    let desk = desk(&stand_in.secret());
    (stand_in, desk, calls)
}

fn desk(secret: &Value) -> Arc<dyn Desk> {
    let secrets = Secrets::parse(&json!({"desks": {"own": secret}}).to_string()).unwrap();
    let http = DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap();
    Desks::of(&secrets, &http).get("own").unwrap().clone()
}

fn conversation(id: &str) -> Conversation {
    Conversation {
        id: ConversationId::new(id).unwrap(),
        bot: Some("b1".into()),
        user: User {
            name: Some("Bob".into()),
            ..User::default()
        },
        desk: "own".into(),
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

fn history(texts: &[&str]) -> History {
    let turn = |text: &&str| Turn {
        speaker: Speaker::User,
        kind: None,
        text: (*text).to_owned(),
        files: Vec::new(),
    };
    History::new(texts.len(), texts.iter().rev().map(turn))
}

async fn open(desk: &dyn Desk, conversation: &mut Conversation) -> Result<(), DeskError> {
    let history = history(&["one", "two"]);
    let opening = Opening {
        conversation,
        history: &history,
        attempt: 1,
    };
    let opened = desk.open(opening).await?;
    conversation.desk_ref = Some(opened.reference);
    Ok(())
}

fn line(conversation: &Conversation, text: &str) -> Entry {
    let id = EntryId::of_user_line(6_000, text.as_bytes());
    Entry::new(
        conversation.id.clone(),
        id,
        Kind::Message,
        Author::User,
        Some(Side::Desk),
        text,
        6_000,
    )
}

async fn texts(stand_in: &dyn DeskStandIn) -> Vec<(From, String)> {
    let talks = stand_in.conversations().await;
    assert_eq!(talks.len(), 1, "{talks:?}");
    let lines = talks[0].lines.iter();
    lines.map(|line| (line.from, line.text.clone())).collect()
}

#[tokio::test]
async fn a_conversation_is_opened_filled_and_closed() {
    let (stand_in, desk, _) = start().await;
    desk.check().await.unwrap();
    assert!(
        stand_in.conversations().await.is_empty(),
        "a check leaves nothing"
    );
    let mut talk = conversation("c1");
    open(desk.as_ref(), &mut talk).await.unwrap();
    assert_eq!(talk.desk_ref.as_deref(), Some("T-1"), "its own reference");
    let mut notice = line(&talk, "Not delivered");
    (notice.kind, notice.author) = (Kind::Notice, Author::System);
    let mut agent = line(&talk, "from the console");
    (agent.author, agent.author_name) = (Author::Agent, Some("Cleo".into()));
    let mut late = line(&talk, "late");
    late.late = true;
    for entry in [line(&talk, "hello <b>"), notice, agent, late] {
        desk.post(&talk, &[entry]).await.unwrap();
    }
    for _ in 0..2 {
        desk.close(&talk, ClosedBy::User, "The user has left.")
            .await
            .unwrap();
    }
    let shown = texts(stand_in.as_ref()).await;
    let expected = [
        (From::Bridge, "Bob: one"),
        (From::Bridge, "Bob: two"),
        (From::User, "hello <b>"),
        (From::Bridge, "Not delivered"),
        (From::Agent, "Cleo: from the console"),
        (From::User, "late\n(after the end)"),
        (From::Bridge, "The user has left."),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(from, text)| (from, text.to_owned()))
        .collect();
    assert_eq!(shown, expected);
    assert!(stand_in.conversations().await[0].closed);
    stand_in.shutdown().await;
}

#[tokio::test]
async fn what_arrived_although_nobody_knew_arrives_once() {
    let (stand_in, desk, _) = start().await;
    let mut talk = conversation("c1");
    stand_in.fail(Some(Failure::DropAfter));
    let unknown = open(desk.as_ref(), &mut talk).await.unwrap_err();
    assert!(
        matches!(unknown, DeskError::Unavailable { .. }),
        "{unknown}"
    );
    stand_in.fail(None);
    open(desk.as_ref(), &mut talk).await.unwrap();
    let entry = line(&talk, "hello");
    stand_in.fail(Some(Failure::DropAfter));
    assert!(
        desk.post(&talk, std::slice::from_ref(&entry))
            .await
            .is_err()
    );
    assert!(desk.close(&talk, ClosedBy::User, "left").await.is_err());
    stand_in.fail(None);
    desk.post(&talk, &[entry]).await.unwrap();
    desk.close(&talk, ClosedBy::User, "left").await.unwrap();
    assert_eq!(texts(stand_in.as_ref()).await.len(), 4);
    stand_in.shutdown().await;
}

#[tokio::test]
async fn each_failure_is_what_it_means() {
    let (stand_in, desk, _) = start().await;
    let mut talk = conversation("c1");
    open(desk.as_ref(), &mut talk).await.unwrap();
    let post = async || desk.post(&talk, &[line(&talk, "x")]).await.unwrap_err();
    stand_in.fail(Some(Failure::RateLimited(Duration::from_secs(7))));
    assert_eq!(
        post().await,
        DeskError::Unavailable {
            reason: "HTTP 429".into(),
            retry_after: Some(Duration::from_secs(7)),
        }
    );
    stand_in.fail(Some(Failure::ServerError));
    assert!(matches!(post().await, DeskError::Unavailable { .. }));
    stand_in.fail(Some(Failure::RefusedInBody));
    assert!(matches!(post().await, DeskError::Rejected(_)));
    stand_in.fail(Some(Failure::Unauthorized));
    assert!(matches!(post().await, DeskError::NotConfigured(_)));
    assert!(matches!(
        desk.check().await,
        Err(DeskError::NotConfigured(_))
    ));
    stand_in.fail(Some(Failure::Hang));
    let hanging = tokio::time::timeout(Duration::from_millis(300), desk.check());
    assert!(hanging.await.is_err());
    stand_in.fail(None);
    talk.desk_ref = Some("T-9".into());
    let gone = desk.post(&talk, &[line(&talk, "y")]).await;
    assert!(matches!(gone, Err(DeskError::Gone(_))), "{gone:?}");
    desk.close(&talk, ClosedBy::User, "left").await.unwrap();
    stand_in.shutdown().await;
}

#[tokio::test]
async fn other_answers_of_a_receiver_are_what_they_mean() {
    let elsewhere = serve(axum::Router::new().fallback(|| async { StatusCode::OK })).await;
    let answer = move |headers: HeaderMap, uri: axum::http::Uri| async move {
        assert!(headers.contains_key("webhook-signature"));
        let status: u16 = uri.path().trim_start_matches('/').parse().unwrap();
        let location = ("location", elsewhere);
        let after = ("retry-after", "3".to_owned());
        (StatusCode::from_u16(status).unwrap(), [location, after]).into_response()
    };
    let url = serve(axum::Router::new().fallback(answer)).await;
    let (stand_in, ..) = start().await;
    for (status, means) in [
        (200, "fine"),
        (202, "fine"),
        (301, "not configured"),
        (307, "not configured"),
        (400, "refused"),
        (401, "not configured"),
        (404, "not configured"),
        (409, "gone"),
        (410, "not configured"),
        (413, "refused"),
        (429, "later 3"),
        (500, "later 3"),
        (502, "later 3"),
        (504, "later 3"),
    ] {
        let mut secret = stand_in.secret();
        secret["url"] = json!(format!("{url}/{status}"));
        let was = match desk(&secret).check().await {
            Ok(()) => "fine".to_owned(),
            Err(DeskError::NotConfigured(_)) => "not configured".to_owned(),
            Err(DeskError::Rejected(_)) => "refused".to_owned(),
            Err(DeskError::Gone(_)) => "gone".to_owned(),
            Err(DeskError::Unavailable { retry_after, .. }) => {
                format!("later {}", retry_after.unwrap_or_default().as_secs())
            }
        };
        assert_eq!(was, means, "{status}");
    }
    stand_in.shutdown().await;
}

/// What the last call amounts to.
fn read(desk: &dyn Desk, calls: &Calls) -> Result<Vec<DeskEvent>, Refused> {
    let calls = calls.lock().unwrap();
    let (headers, body) = calls.last().unwrap();
    let call = Unverified {
        route: Route::Events,
        path_token: None,
        headers,
        body,
    };
    let verified = desk.verify(call, SystemClock.now())?;
    Ok(desk.parse(verified).unwrap().events)
}

#[tokio::test]
async fn what_agents_do_is_believed_and_read() {
    let (stand_in, desk, calls) = start().await;
    let mut talk = conversation("c1");
    open(desk.as_ref(), &mut talk).await.unwrap();
    let act = async |act: Act| {
        let statuses = stand_in.act("T-1", act).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        read(desk.as_ref(), &calls).unwrap()
    };
    let said = act(Act::Say("hello".into())).await.remove(0);
    assert_eq!(said.reference, "T-1");
    let What::Message(line) = &said.what else {
        panic!("{said:?}")
    };
    assert_eq!(
        (line.text.as_str(), line.agent.name.as_str()),
        ("hello", "Ann Agent")
    );
    assert_eq!(stand_in.repeat_last().await, 200);
    assert_eq!(read(desk.as_ref(), &calls).unwrap(), [said], "the same id");
    let marked_up = act(Act::SayWithMarkup).await.remove(0);
    assert!(matches!(marked_up.what, What::Message(line) if line.text == MARKUP_AS_PLAIN));
    let file = act(Act::SendFile("plan.pdf".into(), b"x".to_vec()))
        .await
        .remove(0);
    let What::Message(line) = &file.what else {
        panic!("{file:?}")
    };
    assert_eq!(
        (line.files[0].name.as_str(), line.files[0].public),
        ("plan.pdf", true)
    );
    let bytes = reqwest::get(&line.files[0].url)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(&bytes[..], b"x");
    let claimed = act(Act::Claim).await.remove(0);
    assert!(matches!(claimed.what, What::Assigned(_)));
    let note = act(Act::Note("hm".into())).await.remove(0);
    assert_eq!(note.what, What::PrivateNote);
    assert!(act(Act::Noise("hm".into())).await.is_empty());
    let closed = act(Act::Close).await.remove(0);
    assert!(matches!(closed.what, What::Closed { agent: Some(_) }));
    stand_in.shutdown().await;
}

#[tokio::test]
async fn forged_calls_are_not_believed() {
    let (stand_in, desk, calls) = start().await;
    for (forgery, refused) in [
        (Forgery::Unsigned, Refused::Header("webhook-id")),
        (Forgery::WrongSecret, Refused::Signature),
        (Forgery::ChangedBody, Refused::Signature),
        (Forgery::Old, Refused::Stale),
        (Forgery::Future, Refused::Stale),
    ] {
        stand_in.forge("T-1", "hello", forgery).await;
        assert_eq!(read(desk.as_ref(), &calls), Err(refused), "{forgery:?}");
    }
    stand_in.shutdown().await;
}
