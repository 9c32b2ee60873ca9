//! The handler over an embedded DynamoDB, with a desk that says in plain JSON what happened.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use desk::DeskWebhooks;
use handoff::conversation::{
    Agent, Author, ClosedBy, Conversation, ConversationId, Entry, Kind, Side, Status,
};
use handoff::desk::{
    Answer, Capabilities, Desk, DeskError, DeskEvent, Desks, Opened, Opening, Received, Refused,
    SignedCall, Unreadable, Unverified, Verified,
};
use handoff::gptbots::{parse_close, parse_establish};
use handoff::metrics::Metrics;
use handoff::settings::Settings;
use handoff::time::{ManualClock, Millis};
use lambda_http::{Body, Request, RequestExt as _};
use serde_json::{Value, json};
use test_support::TestTable;

/// Believes whoever has the password; `now` decides whether it is fresh.
struct Plain;

#[async_trait::async_trait]
impl Desk for Plain {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn open(&self, _: Opening<'_>) -> Result<Opened, DeskError> {
        Err(DeskError::Rejected("nothing is sent here".into()))
    }

    async fn post(&self, _: &Conversation, _: &[Entry]) -> Result<Option<String>, DeskError> {
        Err(DeskError::Rejected("nothing is sent here".into()))
    }

    async fn close(&self, _: &Conversation, _: ClosedBy, _: &str) -> Result<(), DeskError> {
        Err(DeskError::Rejected("nothing is sent here".into()))
    }

    fn verify<'a>(&self, call: Unverified<'a>, _: Millis) -> Result<Verified<'a>, Refused> {
        match (call.header("password"), call.path_token) {
            (Some("open"), None) | (None, Some("t0ken")) => Ok(call.into_verified()),
            (Some(_), _) => Err(Refused::Signature),
            (None, Some(_)) => Err(Refused::PathToken),
            (None, None) => Err(Refused::Header("password")),
        }
    }

    fn parse(&self, call: Verified<'_>) -> Result<Received, Unreadable> {
        let events: Vec<DeskEvent> = serde_json::from_slice(call.body)
            .map_err(|error| Unreadable(format!("body: line {}", error.line())))?;
        let answer = match events.len() {
            0 => Answer::Text("challenge".into()),
            1 => Answer::Empty,
            n => Answer::Json(json!({"events": n})),
        };
        // "<what is signed> <the delivery>"
        let signed = call.header("signed").and_then(|value| {
            let (fingerprint, delivery) = value.split_once(' ')?;
            Some(SignedCall {
                fingerprint: fingerprint.into(),
                delivery: delivery.into(),
            })
        });
        Ok(Received {
            events,
            answer,
            signed,
        })
    }
}

struct World {
    function: DeskWebhooks,
    table: TestTable,
    clock: ManualClock,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::at(1_742_265_090_895);
        let table = TestTable::with_clock(clock.shared()).await;
        let function = DeskWebhooks {
            store: table.store.clone(),
            settings: table.settings(),
            desks: Desks::new().with("plain", Arc::new(Plain)).into(),
            clock: clock.shared(),
            metrics: Metrics::off(),
        };
        Self {
            function,
            table,
            clock,
        }
    }

    /// A conversation, and its opening marked under this reference.
    async fn opened(&self, timestamp: i64, reference: &str) {
        self.clock.advance(1);
        let establish = parse_establish(
            &json!({"conversation_id": "c", "timestamp": timestamp, "bot_id": "b", "body": []}),
        );
        let settings = Settings {
            desk: "plain".into(),
            greeting: "".into(),
            ..Settings::default()
        };
        let store = &self.table.store;
        let handoff = settings.handoff("b");
        store
            .establish(&establish.unwrap(), &handoff)
            .await
            .unwrap();
        self.mark_opened(reference).await;
    }

    async fn mark_opened(&self, reference: &str) {
        let store = &self.table.store;
        let lane = store.lane(&id(), Side::Desk).await.unwrap();
        let opening = lane.entries.iter().find(|e| e.kind == Kind::Opening);
        let opened = Opened {
            reference: reference.into(),
            context: None,
        };
        let known = lane.conversation.unwrap();
        store
            .mark_opened(opening.unwrap(), &known, &opened, 90)
            .await
            .unwrap();
    }

    async fn user_leaves(&self, timestamp: i64) {
        self.clock.advance(1);
        let close = json!({"conversation_id": "c", "timestamp": timestamp, "type": "USER_CLOSED"});
        let close = parse_close(&close).unwrap();
        self.table.store.close(&close, 90).await.unwrap();
    }

    async fn call(&self, path: &str, password: Option<&str>, body: Vec<u8>) -> (u16, String) {
        let headers = password.map(|password| ("password", password));
        self.call_with(path, headers.as_slice(), body).await
    }

    async fn call_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (u16, String) {
        let mut request = lambda_http::http::Request::builder().method("POST");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request: Request = request.body(Body::Binary(body)).unwrap();
        let request = request.with_raw_http_path(path);
        let answer = self.function.handle(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = String::from_utf8(answer.body().as_ref().to_vec()).unwrap();
        (status, body)
    }

    async fn tell(&self, events: Value) -> (u16, String) {
        self.clock.advance(1);
        let body = events.to_string().into_bytes();
        self.call("/desks/plain/events", Some("open"), body).await
    }

    async fn log(&self) -> Vec<Entry> {
        let log = self.table.store.log(&id(), None).await.unwrap().unwrap();
        log.entries
    }

    async fn texts(&self, to: Side) -> Vec<String> {
        let log = self.log().await;
        let to = log.iter().filter(|entry| entry.to == Some(to));
        to.map(|entry| entry.text.clone()).collect()
    }

    async fn known(&self) -> Conversation {
        let known = self.table.store.conversation(&id()).await.unwrap();
        known.unwrap()
    }
}

fn id() -> ConversationId {
    ConversationId::new("c").unwrap()
}

fn event(id: &str, what: Value) -> Value {
    json!({"reference": "t1", "id": id, "at": null, "what": what})
}

fn ann() -> Value {
    json!({"id": "U1", "name": "Ann"})
}

fn line(id: &str, text: &str) -> Value {
    let line = json!({"agent": ann(), "text": text, "files": [], "incomplete": false});
    event(id, json!({"Message": line}))
}

#[tokio::test]
async fn an_agents_line_is_for_the_user_once_whoever_repeats_it() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    for _ in 0..3 {
        assert_eq!(
            world.tell(json!([line("e1", "hi")])).await,
            (200, "".into())
        );
    }
    let known = world.known().await;
    assert_eq!(known.status, Status::Connected);
    assert_eq!(known.agent.unwrap().name, "Ann");
    let log = world.log().await;
    let lines: Vec<_> = log.iter().filter(|e| e.author == Author::Agent).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].to, Some(Side::User));
    assert_eq!(lines[0].author_name.as_deref(), Some("Ann"));
    // So that the desk can show who has it now.
    let told = world.texts(Side::Desk).await;
    assert_eq!(told.last().unwrap(), "Ann took the conversation.");
    // In one call, in order.
    let both = json!([line("e2", "one"), line("e3", "two")]);
    assert_eq!(world.tell(both).await, (200, r#"{"events":2}"#.into()));
    assert_eq!(world.texts(Side::User).await, ["hi", "one", "two"]);
}

#[tokio::test]
async fn a_line_that_is_too_long_for_a_message_is_several() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    let long = "word ".repeat(4_000);
    world.tell(json!([line("e1", &long)])).await;
    world.tell(json!([line("e1", &long)])).await;
    let texts = world.texts(Side::User).await;
    assert_eq!(texts.len(), 3);
    assert!(texts.iter().all(|text| text.chars().count() <= 8_000));
}

#[tokio::test]
async fn a_claim_and_an_end_are_written_down_and_the_end_stays() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    let claim = event("e1", json!({"Assigned": ann()}));
    assert_eq!(world.tell(json!([claim])).await.0, 200);
    let bob = json!({"id": "U2", "name": ""});
    world
        .tell(json!([event("e2", json!({"Assigned": bob}))]))
        .await;
    // The first one's retry comes late.
    world.tell(json!([claim])).await;
    assert_eq!(world.known().await.agent.unwrap().id, "U2");
    let end = event("e3", json!({"Closed": {"agent": ann()}}));
    world.tell(json!([end.clone(), end])).await;
    let known = world.known().await;
    assert_eq!(known.closed_by, Some(ClosedBy::Agent));
    assert_eq!(known.desk_ref.as_deref(), Some("t1"));
    assert_eq!(
        world.texts(Side::User).await,
        ["The agent closed the conversation."]
    );
    assert_eq!(
        world.texts(Side::Desk).await[1..],
        [
            "Ann took the conversation.",
            "An agent took the conversation.",
            "Ann closed the conversation."
        ]
    );
}

#[tokio::test]
async fn a_line_after_the_end_is_answered_at_the_desk_once() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    world.tell(json!([line("e1", "hi")])).await;
    world.user_leaves(200).await;
    for _ in 0..2 {
        assert_eq!(world.tell(json!([line("e2", "there?")])).await.0, 200);
    }
    // The retry of a line before the end is none after it.
    world.tell(json!([line("e1", "hi")])).await;
    let told = world.texts(Side::Desk).await;
    let too_late = "The user has left and will not see this.";
    assert_eq!(told.iter().filter(|text| *text == too_late).count(), 1);
    assert_eq!(world.texts(Side::User).await, ["hi"]);
}

#[tokio::test]
async fn what_is_of_an_earlier_episode_does_not_end_the_next_one() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    world.user_leaves(200).await;
    world.opened(300, "t2").await;
    let end = event("e1", json!({"Closed": {"agent": null}}));
    world.tell(json!([end])).await;
    assert!(!world.known().await.is_closed());
    // A line there still reaches the user, and the agents who have the conversation now see it.
    world.tell(json!([line("e2", "still me")])).await;
    assert_eq!(world.texts(Side::User).await, ["still me"]);
    let told = world.texts(Side::Desk).await;
    assert_eq!(
        told.last().unwrap(),
        "Ann answered the user elsewhere: still me"
    );
    // The same desk conversation again: what is dated before is of the one before.
    world.user_leaves(400).await;
    world.clock.advance(60_000);
    world.opened(500, "t2").await;
    let old = world.known().await.opened_at - 10_000;
    let end =
        json!({"reference": "t2", "id": "e3", "at": old, "what": {"Closed": {"agent": null}}});
    world.tell(json!([end])).await;
    assert!(!world.known().await.is_closed());
}

#[tokio::test]
async fn what_comes_before_the_opening_is_marked_is_not_lost() {
    let world = World::new().await;
    world.opened(100, "elsewhere").await;
    assert_eq!(world.tell(json!([line("e1", "quick")])).await.0, 200);
    assert_eq!(world.tell(json!([line("e1", "quick")])).await.0, 200);
    let early = world.table.store.early("plain", "t1").await.unwrap();
    assert_eq!(early.len(), 1);
    // Talk in threads that are none of ours is forgotten after an hour.
    world.clock.advance(3_600_001);
    let early = world.table.store.early("plain", "t1").await.unwrap();
    assert!(early.is_empty());
}

#[tokio::test]
async fn a_reference_lives_as_long_as_its_conversation_is_used() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    for day in 0..40 {
        world.clock.advance(30 * 86_400_000);
        world
            .tell(json!([line(&format!("e{day}"), "still here")]))
            .await;
    }
    assert_eq!(world.texts(Side::User).await.last().unwrap(), "still here");
    let found = world.table.store.conversation_at("plain", "t1", 90).await;
    assert_eq!(found.unwrap().unwrap().conversation, id());
}

#[tokio::test]
async fn nothing_is_read_that_is_not_the_desks() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    let body = || json!([line("e1", "forged")]).to_string().into_bytes();
    let refusal =
        |code: u16, message: &str| (code, json!({"code": code, "message": message}).to_string());
    for (path, password, answer) in [
        (
            "/desks/plain/events",
            None,
            "password: missing or malformed",
        ),
        (
            "/desks/plain/events",
            Some("wrong"),
            "the signature is wrong",
        ),
        (
            "/desks/plain/wrong/events",
            None,
            "the token in the path is missing or wrong",
        ),
        (
            "/desks/console/events",
            Some("open"),
            "this desk has no webhooks",
        ),
    ] {
        assert_eq!(
            world.call(path, password, body()).await,
            refusal(401, answer)
        );
        // Not even whether it can be read.
        let rubbish = world.call(path, password, b"{".to_vec()).await;
        assert_eq!(rubbish, refusal(401, answer));
    }
    for path in ["/desks/other/events", "/desks/plain/else", "/"] {
        assert_eq!(
            world.call(path, Some("open"), body()).await,
            refusal(404, "no such route")
        );
    }
    let huge = vec![b' '; 4 * 1024 * 1024 + 1];
    let path = "/prod/desks/plain/events";
    assert_eq!(world.call(path, Some("open"), huge).await.0, 413);
    assert_eq!(
        world.call(path, Some("open"), b"[".to_vec()).await,
        refusal(400, "body: line 1")
    );
    assert!(world.texts(Side::User).await.is_empty());
    let challenge = world.call("/desks/plain/t0ken/events", None, b"[]".to_vec());
    assert_eq!(challenge.await, (200, "challenge".into()));
}

#[tokio::test]
async fn what_is_too_long_for_the_table_is_cut_or_dropped_and_never_comes_again_and_again() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    let mut nowhere = line("e1", "hi");
    nowhere["reference"] = json!("x".repeat(3_000));
    assert_eq!(world.tell(json!([nowhere])).await.0, 200);
    let mut long = line("e2", "hi");
    long["what"]["Message"]["agent"]["name"] = json!("é".repeat(500_000));
    let told = world.tell(json!([long])).await;
    assert_eq!(told.0, 200, "{}", told.1);
    assert_eq!(world.texts(Side::User).await, ["hi"]);
}

#[tokio::test]
async fn a_line_from_the_console_shows_at_the_conversations_own_desk() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    world.clock.advance(1);
    let carol = Agent {
        id: "carol".into(),
        name: "Carol".into(),
    };
    let store = &world.table.store;
    for _ in 0..2 {
        store.post(&id(), &carol, "k1", "hello", 90).await.unwrap();
    }
    let told = world.texts(Side::Desk).await;
    assert_eq!(told[1..], ["Carol answered the user in the console: hello"]);
    let copies = world.log().await.into_iter().filter(|entry| entry.copy);
    assert_eq!(copies.count(), 1);
    // Two desks can have lines of one name.
    world.tell(json!([line("k1", "and me")])).await;
    assert_eq!(world.texts(Side::User).await, ["hello", "and me"]);
}

#[tokio::test]
async fn what_is_signed_counts_for_the_delivery_that_brought_it_first() {
    let world = World::new().await;
    world.opened(100, "t1").await;
    let line = |id: &str, text: &str| {
        let what =
            json!({"Message": {"agent": ann(), "text": text, "files": [], "incomplete": false}});
        json!([event(id, what)]).to_string().into_bytes()
    };
    let deliver = async |signed: &str, body: Vec<u8>| {
        world.clock.advance(1);
        let headers = [("password", "open"), ("signed", signed)];
        let answer = world.call_with("/desks/plain/events", &headers, body);
        answer.await.0
    };
    assert_eq!(deliver("one first", line("first-0", "Hello")).await, 200);
    // The vendor's retry, and then somebody who has seen it.
    assert_eq!(deliver("one first", line("first-0", "Hello")).await, 200);
    assert_eq!(deliver("one other", line("other-0", "Hello")).await, 401);
    assert_eq!(deliver("two other", line("other-0", "Bye")).await, 200);
    assert_eq!(world.texts(Side::User).await, ["Hello", "Bye"]);
}
