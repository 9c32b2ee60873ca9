//! The own-system desk by itself: signatures, what is sent, what is read.

use lambda_http::http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::conversation::tests::conversation;
use crate::conversation::{
    Agent, Author, EntryId, History, Kind, PLACEHOLDER_EMAIL, Side, Speaker, Turn,
};
use crate::desk::What;
use crate::outbound::Targets;
use crate::time::{ManualClock, SystemClock};

/// Both published vectors: secret, id, time in seconds, body, signature. The first is that of the
/// standard's own libraries, the second that of Svix's documentation.
const VECTORS: [[&str; 5]; 2] = [
    [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ],
    [
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "1649367553",
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ],
];

fn desk(secret: Value) -> Arc<dyn Desk> {
    let http = DeskHttp::new(Targets::Public, SystemClock::shared()).unwrap();
    make(&secret, &http).unwrap()
}

fn with_secrets(receive: Value) -> Arc<dyn Desk> {
    desk(json!({
        "kind": "webhooks", "url": "https://help.example.com/handoff",
        "send_secret": VECTORS[0][0], "receive_secret": receive,
    }))
}

fn headers(family: &str, id: &str, at: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [("id", id), ("timestamp", at), ("signature", signature)] {
        let name: lambda_http::http::HeaderName = format!("{family}{name}").parse().unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    headers
}

fn verified(
    desk: &dyn Desk,
    headers: &HeaderMap,
    body: &str,
    now_seconds: i64,
) -> Result<(), Refused> {
    let call = Unverified {
        route: Route::Events,
        path_token: None,
        headers,
        body: body.as_bytes(),
    };
    desk.verify(call, now_seconds * 1_000).map(|_| ())
}

fn read(body: Value) -> Result<Received, Unreadable> {
    let link = |url: &str| match url.starts_with("https://") {
        true => Ok(()),
        false => Err("url must begin with https://".to_owned()),
    };
    incoming::read("msg_1", body.to_string().as_bytes(), link)
}

#[test]
fn the_published_vectors_are_made_and_believed() {
    for [secret, id, at, body, signature] in VECTORS {
        let keys = Keys::of("secret", Some(&json!(secret))).unwrap();
        assert_eq!(
            keys.sign(id, at.parse().unwrap(), body.as_bytes()),
            signature
        );
        let desk = with_secrets(json!(secret));
        for family in ["webhook-", "svix-"] {
            let headers = headers(family, id, at, signature);
            let now = at.parse().unwrap();
            assert_eq!(verified(desk.as_ref(), &headers, body, now), Ok(()));
            assert_eq!(
                verified(desk.as_ref(), &headers, &format!("{body} "), now),
                Err(Refused::Signature)
            );
            for late in [301, -301] {
                assert_eq!(
                    verified(desk.as_ref(), &headers, body, now + late),
                    Err(Refused::Stale)
                );
            }
        }
    }
}

#[test]
fn while_a_secret_is_replaced_both_are_signed_with_and_either_is_believed() {
    let [[one, id, at, body, _], [other, ..]] = VECTORS;
    let both = Keys::of("secret", Some(&json!([one, other]))).unwrap();
    let now = at.parse().unwrap();
    let signed = both.sign(id, now, body.as_bytes());
    assert_eq!(signed.split(' ').count(), 2);
    for known in [one, other] {
        let headers = headers("webhook-", id, at, &signed);
        let desk = with_secrets(json!(known));
        assert_eq!(verified(desk.as_ref(), &headers, body, now), Ok(()));
        let alone = Keys::of("secret", Some(&json!(known))).unwrap();
        let signed = alone.sign(id, now, body.as_bytes());
        let headers = self::headers("webhook-", id, at, &signed);
        let desk = with_secrets(json!([one, other]));
        assert_eq!(verified(desk.as_ref(), &headers, body, now), Ok(()));
    }
}

#[test]
fn what_is_missing_malformed_or_of_another_version_is_not_believed() {
    let [secret, id, at, body, signature] = VECTORS[0];
    let desk = with_secrets(json!(secret));
    let now = at.parse().unwrap();
    let check = |headers: &HeaderMap| verified(desk.as_ref(), headers, body, now);
    let whole = headers("webhook-", id, at, signature);
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut headers = whole.clone();
        headers.remove(missing);
        assert_eq!(check(&headers), Err(Refused::Header(missing)));
    }
    // Families are not mixed.
    let mut mixed = whole.clone();
    mixed.remove("webhook-signature");
    mixed.insert("svix-signature", signature.parse().unwrap());
    assert_eq!(check(&mixed), Err(Refused::Header("webhook-signature")));
    for (at, refused) in [
        ("soon", Refused::Header("webhook-timestamp")),
        ("99999999999999999999", Refused::Header("webhook-timestamp")),
        ("9223372036854775807", Refused::Stale),
    ] {
        assert_eq!(
            check(&headers("webhook-", id, at, signature)),
            Err(refused),
            "{at}"
        );
    }
    for wrong in [
        "v1,",
        "v1",
        "v1,AAAA",
        "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=",
        "v1,not base64",
    ] {
        assert_eq!(
            check(&headers("webhook-", id, at, wrong)),
            Err(Refused::Signature),
            "{wrong}"
        );
    }
    let several = format!("v1a,AAAA {signature}");
    assert_eq!(check(&headers("webhook-", id, at, &several)), Ok(()));
    assert_eq!(
        check(&headers("webhook-", "a.b", at, signature)),
        Err(Refused::Header("webhook-id"))
    );
}

#[test]
fn the_secret_is_checked_and_what_is_wrong_is_named_and_not_quoted() {
    let http = DeskHttp::new(Targets::Public, SystemClock::shared()).unwrap();
    let good = json!({
        "kind": "webhooks", "url": "https://help.example.com/handoff",
        "send_secret": VECTORS[0][0], "receive_secret": [VECTORS[0][0], VECTORS[1][0]],
    });
    assert!(make(&good, &http).is_ok());
    let long = format!("whsec_{}", "A".repeat(88));
    for (member, value, says) in [
        ("url", json!(null), "url is missing"),
        (
            "url",
            json!("http://help.example.com"),
            "url must begin with https://",
        ),
        (
            "url",
            json!("https://169.254.1.1/"),
            "url must not be a private address",
        ),
        ("url", json!(7), "url must be a string"),
        ("send_secret", json!(null), "send_secret is missing"),
        (
            "send_secret",
            json!("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "send_secret must be whsec_",
        ),
        (
            "send_secret",
            json!("whsec_c2hvcnQ="),
            "send_secret must be whsec_",
        ),
        ("send_secret", json!(long), "send_secret must be whsec_"),
        (
            "receive_secret",
            json!([]),
            "receive_secret must be one secret",
        ),
        (
            "receive_secret",
            json!([VECTORS[0][0], 1]),
            "receive_secret must be whsec_",
        ),
        ("colour", json!("red"), "colour is not known here"),
    ] {
        let mut secret = good.clone();
        secret[member] = value.clone();
        let wrong = make(&secret, &http).err().unwrap();
        assert!(wrong.starts_with(says), "{wrong}");
        let quoted = value.as_str().filter(|text| wrong.contains(text));
        assert_eq!(quoted, None, "{wrong}");
    }
}

#[test]
fn an_agents_line_is_read_with_who_wrote_it_and_its_files() {
    let body = json!({
        "type": "agent.message", "timestamp": "2026-01-31T12:00:00.5+01:00",
        "data": {
            "reference": "r1", "message_id": "m1", "text": "Hello <b>", "later": "ignored",
            "agent": {"id": "7", "name": " Ann "},
            "files": [{"url": "https://files.example.com/a/plan.pdf?x=1", "bytes": 5}],
        },
    });
    let event = read(body.clone()).unwrap().events.remove(0);
    assert_eq!(
        (event.reference.as_str(), event.id.as_str()),
        ("r1", "message m1")
    );
    assert_eq!(event.at, Some(1_769_857_200_500));
    let What::Message(line) = event.what else {
        panic!("{:?}", event.what)
    };
    assert_eq!(
        (line.text.as_str(), line.agent.name.as_str()),
        ("Hello <b>", "Ann")
    );
    assert_eq!(
        (line.files[0].name.as_str(), line.files[0].public),
        ("plan.pdf", true)
    );
    assert!(!line.incomplete);

    let mut without = body;
    without["data"]["message_id"].take();
    without["data"]["agent"].take();
    let event = read(without).unwrap().events.remove(0);
    assert_eq!(event.id, "webhook msg_1", "stable over retries, too");
}

#[test]
fn claims_closes_and_notes_are_read_and_other_types_mean_nothing() {
    let of = |name: &str, data: Value| {
        let received = read(json!({"type": name, "data": data})).unwrap();
        received.events.into_iter().map(|event| event.what).next()
    };
    let ann = json!({"reference": "r", "agent": {"name": "Ann"}});
    let agent = Agent {
        id: "Ann".into(),
        name: "Ann".into(),
    };
    assert_eq!(
        of("agent.claimed", ann.clone()),
        Some(What::Assigned(agent.clone()))
    );
    assert_eq!(
        of("agent.closed", ann),
        Some(What::Closed { agent: Some(agent) })
    );
    assert_eq!(
        of("agent.closed", json!({"reference": "r"})),
        Some(What::Closed { agent: None })
    );
    assert_eq!(
        of("agent.note", json!({"reference": "r", "text": "hm"})),
        Some(What::PrivateNote)
    );
    for other in ["ping", "message.created", "agent.typing", ""] {
        assert_eq!(of(other, json!(3)), None, "{other}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_not_quoted() {
    let message = |data: Value| read(json!({"type": "agent.message", "data": data}));
    for (wrong, says) in [
        (message(json!({"text": "secret"})), "data.reference"),
        (message(json!({"reference": "r"})), "data.text"),
        (message(json!({"reference": "r", "text": " "})), "data.text"),
        (
            message(json!({"reference": "r", "text": ["secret"]})),
            "data: ",
        ),
        (
            message(json!({"reference": "r", "text": "secret", "message_id": ""})),
            "data.message_id",
        ),
        (
            message(
                json!({"reference": "r", "text": "secret", "files": [{"url": "http://secret"}]}),
            ),
            "data.files[0].url must begin with https://",
        ),
        (
            message(json!({"reference": "r", "files": vec![json!({"url": "https://x/y"}); 11]})),
            "data.files",
        ),
        (
            read(json!({"type": "agent.claimed", "data": {"reference": "r"}})),
            "data.agent",
        ),
        (
            read(
                json!({"type": "agent.closed", "timestamp": "secret", "data": {"reference": "r"}}),
            ),
            "timestamp",
        ),
        (read(json!({"data": {}})), "must be an object with type"),
        (
            incoming::read("m", b"{secret", |_| Ok(())),
            "not JSON: line 1",
        ),
    ] {
        let wrong = wrong.unwrap_err().0;
        assert!(wrong.starts_with(says), "{wrong} / {says}");
        assert!(!wrong.contains("secret"), "{wrong}");
    }
}

fn turn(text: &str) -> Turn {
    Turn {
        speaker: Speaker::User,
        kind: None,
        text: text.to_owned(),
        files: Vec::new(),
    }
}

fn sent(event: &Event) -> Value {
    serde_json::from_slice(&event.body()).unwrap()
}

#[test]
fn a_start_says_who_and_what_was_said_and_never_the_placeholder() {
    let mut known = conversation();
    known.user.email = Some(PLACEHOLDER_EMAIL.into());
    known.user.name = Some("Bob".into());
    let history = History {
        turns: vec![turn("where is my parcel?"), turn("")],
        omitted: 2,
    };
    let event = outgoing::started(&known, &history, "r");
    let body = sent(&event);
    assert_eq!(
        (&body["type"], &body["timestamp"]),
        (
            &json!("conversation.started"),
            &json!("1970-01-01T00:00:05Z")
        )
    );
    let data = &body["data"];
    assert_eq!(
        data["transcript"],
        json!([{"author": "user", "text": "where is my parcel?"}])
    );
    assert_eq!(
        (&data["omitted"], &data["reference"]),
        (&json!(2), &json!("r"))
    );
    assert_eq!(data["user"]["name"], "Bob");
    assert_eq!(data["user"].get("email"), None);
    let mut stranger = known.clone();
    stranger.id = crate::conversation::ConversationId::new("c2").unwrap();
    let other = sent(&outgoing::started(&stranger, &history, "r"));
    assert_ne!(
        other["data"]["user"]["person"], data["user"]["person"],
        "two strangers with the placeholder are two people"
    );
    known.user.email = Some("bob@example.com".into());
    let body = sent(&outgoing::started(&known, &history, "r"));
    assert_eq!(body["data"]["user"]["email"], "bob@example.com");
}

#[test]
fn an_event_has_one_id_at_all_attempts_and_no_two_events_share_one() {
    let known = conversation();
    let mut other = conversation();
    other.id = crate::conversation::ConversationId::new("c2").unwrap();
    let mut again = conversation();
    again.episode = 2;
    let entry = |conversation: &Conversation, body: &[u8]| {
        let id = EntryId::of_user_line(1, body);
        let (kind, author) = (Kind::Message, Author::User);
        Entry::new(
            conversation.id.clone(),
            id,
            kind,
            author,
            Some(Side::Desk),
            "hi",
            1,
        )
    };
    let none = History::default();
    let events = || {
        let mut events = vec![outgoing::ping(1), outgoing::ping(2)];
        for conversation in [&known, &other, &again] {
            events.push(outgoing::started(conversation, &none, "r"));
            events.push(outgoing::closed(conversation, ClosedBy::User, "left"));
        }
        for conversation in [&known, &other] {
            events.push(outgoing::line(conversation, &entry(conversation, b"1")));
            events.push(outgoing::line(conversation, &entry(conversation, b"2")));
        }
        events.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    let mut ids = events();
    assert_eq!(ids, events());
    assert!(ids.iter().all(|id| !id.contains('.')));
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert_ne!(own_reference(&known), own_reference(&again));
}

#[test]
fn an_answered_reference_is_taken_if_it_can_be_kept() {
    let answer = |body: &str| {
        answered_reference(&Reply {
            status: 200,
            retry_after: None,
            location: None,
            body: body.as_bytes().to_vec(),
        })
    };
    for nothing in ["", "ok", "{}", "[]", r#"{"reference":null}"#] {
        assert_eq!(answer(nothing), Ok(None), "{nothing}");
    }
    assert_eq!(answer(r#"{"reference":"T-1"}"#), Ok(Some("T-1".to_owned())));
    let long = format!(r#"{{"reference":"{}"}}"#, "x".repeat(257));
    for wrong in [
        r#"{"reference":""}"#,
        r#"{"reference":7}"#,
        r#"{"reference":"a\nb"}"#,
        &long,
    ] {
        assert!(
            matches!(answer(wrong), Err(DeskError::Rejected(_))),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_not() {
    // Resolves to loopback.
    let http = DeskHttp::new(Targets::Public, ManualClock::at(0).shared()).unwrap();
    let secret = json!({
        "kind": "webhooks", "url": "https://localhost:1/",
        "send_secret": VECTORS[0][0], "receive_secret": VECTORS[0][0],
    });
    let desk = make(&secret, &http).unwrap();
    assert!(matches!(
        desk.check().await,
        Err(DeskError::Unavailable { .. })
    ));
}

proptest! {
    #[test]
    fn a_start_stays_small_and_keeps_the_newest(
        lengths in proptest::collection::vec(0..30_000_usize, 0..30),
        of in prop_oneof![Just("é"), Just("\""), Just("\u{1}"), Just("x")],
    ) {
        let mut turns: Vec<_> = lengths.iter().map(|n| turn(&of.repeat(n / of.len()))).collect();
        turns.push(turn("the newest"));
        let said = turns.iter().filter(|turn| !turn.text.trim().is_empty()).count();
        let history = History { turns, omitted: 1 };
        let event = outgoing::started(&conversation(), &history, "r");
        prop_assert!(event.body().len() < 56 * 1024);
        let body = sent(&event);
        let shown = body["data"]["transcript"].as_array().unwrap();
        prop_assert_eq!(&shown.last().unwrap()["text"], "the newest");
        let omitted = body["data"]["omitted"].as_u64().unwrap();
        prop_assert_eq!(shown.len() as u64 + omitted, said as u64 + 1);
    }

    #[test]
    fn any_signed_call_is_believed_and_no_changed_one(
        id in "[a-zA-Z0-9_-]{1,40}", body in ".{0,80}", at in 0..4_000_000_000_i64, flip in any::<prop::sample::Index>(),
    ) {
        let keys = Keys::of("secret", Some(&json!(VECTORS[0][0]))).unwrap();
        let signature = keys.sign(&id, at, body.as_bytes());
        let desk = with_secrets(json!(VECTORS[0][0]));
        let headers = headers("webhook-", &id, &at.to_string(), &signature);
        prop_assert_eq!(verified(desk.as_ref(), &headers, &body, at), Ok(()));
        let mut changed: Vec<char> = body.chars().collect();
        changed.insert(flip.index(changed.len() + 1), '!');
        let changed: String = changed.into_iter().collect();
        prop_assert_eq!(verified(desk.as_ref(), &headers, &changed, at), Err(Refused::Signature));
    }

    #[test]
    fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = incoming::read("m", &body, |_| Ok(()));
    }
}
