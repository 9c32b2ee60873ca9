//! The receivers of `docs/desks/own-system.md` and of the README, run as they stand there.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use handoff::desk::{Desk, DeskHttp, Desks, Route, Unverified, What};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::time::{Clock as _, SystemClock};
use serde_json::json;
use tokio::net::TcpListener;

const PAGE: &str = include_str!("../../../docs/desks/own-system.md");
const README: &str = include_str!("../../../README.md");
const THEIRS: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OURS: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

type Calls = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The only code in Python of a page.
fn example(page: &'static str) -> &'static str {
    let (_, rest) = page.split_once("```python\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// Runs a receiver; `None` where there is no Python. Answers how to call it with a secret.
async fn receiver(page: &'static str, handoff_url: &str) -> Option<(Stopped, u16)> {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        eprintln!("skipped: python3 is missing");
        return None;
    }
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let receiver = Command::new("python3")
        .args(["-c", example(page)])
        .env("SEND_SECRET", THEIRS)
        .env("RECEIVE_SECRET", OURS)
        .env("PORT", port.to_string())
        .env("HANDOFF_URL", handoff_url)
        .env("no_proxy", "*")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let receiver = Stopped(receiver);
    for _ in 0..400 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_ok()
        {
            return Some((receiver, port));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the receiver does not start");
}

/// The desk at this port, for a bridge that signs with this secret.
fn desk(port: u16, send: &str) -> Arc<dyn Desk> {
    let secret = json!({
        "kind": "webhooks", "url": format!("http://127.0.0.1:{port}/"),
        "send_secret": send, "receive_secret": OURS,
    });
    let secrets = Secrets::parse(&json!({"desks": {"own": secret}}).to_string()).unwrap();
    let http = DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap();
    Desks::of(&secrets, &http).get("own").unwrap().clone()
}

async fn believes_only_who_signs(port: u16) {
    desk(port, THEIRS).check().await.unwrap();
    let stranger = desk(port, OURS).check().await.unwrap_err().to_string();
    assert!(stranger.contains("HTTP 401"), "{stranger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_of_the_readme_verifies() {
    if let Some((_running, port)) = receiver(README, "").await {
        believes_only_who_signs(port).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_of_the_page_verifies_answers_and_takes_an_id_once() {
    let calls = Calls::default();
    let take = |State(calls): State<Calls>, headers: HeaderMap, body: Bytes| async move {
        calls.lock().unwrap().push((headers, body));
    };
    let router = axum::Router::new()
        .route("/desks/own/events", post(take))
        .with_state(calls.clone());
    let bridge = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bridge_port = bridge.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(bridge, router).await });
    let url = format!("http://127.0.0.1:{bridge_port}/desks/own/events");
    let Some((_running, port)) = receiver(PAGE, &url).await else {
        return;
    };
    believes_only_who_signs(port).await;
    let known = desk(port, THEIRS);

    let talk = common::conversation();
    let entry = common::line(&talk, "hello");
    for _ in 0..2 {
        known
            .post(&talk, std::slice::from_ref(&entry))
            .await
            .unwrap();
    }
    let second = common::line(&talk, "again");
    known.post(&talk, &[second]).await.unwrap();
    // One at a time: what is answered now was answered after everything before it.
    known.check().await.unwrap();
    let said: Vec<String> = calls
        .lock()
        .unwrap()
        .iter()
        .flat_map(|(headers, body)| {
            let call = Unverified {
                route: Route::Events,
                path_token: None,
                headers,
                body,
            };
            let verified = known.verify(call, SystemClock.now()).unwrap();
            known.parse(verified).unwrap().events
        })
        .map(|event| match event.what {
            What::Message(line) => line.text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["You said: hello", "You said: again"]);
}

mod common {
    use handoff::conversation::{
        Author, Conversation, ConversationId, Entry, EntryId, Kind, Side, Status, User,
    };

    pub(crate) fn conversation() -> Conversation {
        Conversation {
            id: ConversationId::new("c1").unwrap(),
            bot: Some("b1".into()),
            user: User::default(),
            desk: "own".into(),
            desk_ref: Some("r1".into()),
            desk_context: None,
            status: Status::Waiting,
            episode: 1,
            established: Some(1_000),
            reestablished: false,
            asked_at: 5_000,
            opened_at: 5_000,
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

    pub(crate) fn line(conversation: &Conversation, text: &str) -> Entry {
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
}
