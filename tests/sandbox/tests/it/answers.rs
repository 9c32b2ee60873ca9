//! What the bridge answers, to good and bad input.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::http::{Http, until};

const EXAMPLE: &str = include_str!("../../../../shared/tests/data/establish.json");

async fn bridge() -> (Sandbox, Http) {
    let sandbox = Sandbox::start(Options::rough(1)).await.unwrap();
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    (sandbox, http)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_own_example_is_answered_as_it_expects() {
    let (sandbox, http) = bridge().await;
    for _ in 0..2 {
        let (status, answer) = http
            .raw(
                "/conversation/establish",
                "application/json",
                EXAMPLE.into(),
            )
            .await;
        assert_eq!(
            (status, answer),
            (200, json!({"code": 200, "message": "success"}))
        );
    }
    let open = http.list("open").await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["conversation_id"], "67d8db020fa31d1ef64f53dg");
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_names_what_is_wrong() {
    let (sandbox, http) = bridge().await;
    let (host, _) = sandbox
        .webhook_base_url()
        .rsplit_once('/')
        .map(|(host, token)| (host.to_owned(), token.to_owned()))
        .unwrap();
    let wrong = Http::new(format!("{host}/wrong"), sandbox.console_url());
    let example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let (status, answer) = wrong.webhook("/conversation/establish", &example).await;
    assert_eq!((status, &answer["code"]), (401, &json!(401)));
    let (status, answer) = http.webhook("/chat", &json!({"timestamp": 1})).await;
    assert_eq!(status, 400);
    assert_eq!(
        answer,
        json!({"code": 400, "message": "conversation_id: is missing"})
    );
    let (status, answer) = http.raw("/chat", "text/plain", b"hello".to_vec()).await;
    assert_eq!((status, &answer["code"]), (415, &json!(415)));
    let (status, answer) = http
        .raw("/chat", "application/json", b"hello".to_vec())
        .await;
    assert_eq!((status, &answer["code"]), (400, &json!(400)));
    let text = "x".repeat(5 * 1024 * 1024);
    let (status, answer) = http
        .webhook(
            "/chat",
            &json!({"conversation_id": "c", "timestamp": 1, "body": text}),
        )
        .await;
    assert_eq!((status, &answer["code"]), (413, &json!(413)));
    // JSON by content though not by type; and long, but not too long: kept, cut with a mark.
    let text = "é".repeat(1_000_000);
    let body = json!({"conversation_id": "c", "timestamp": 1, "body": text}).to_string();
    assert_eq!(
        http.raw("/chat", "text/plain", body.into_bytes()).await.0,
        200
    );
    http.establish("c", 1).await;
    until("the long line is there, cut", async || {
        let delivered = http.delivered("c", "user").await;
        delivered.len() == 1 && delivered[0].ends_with(" more characters]")
    })
    .await;
    assert_eq!(http.get("nobody", "").await.0, 404);
    assert_eq!(http.say("nobody", "hello").await.0, 404);
    http.close("c", 2).await;
    let (status, answer) = http.say("c", "hello").await;
    assert_eq!(status, 409);
    assert_eq!(
        answer["message"],
        "The user has left and will not see this."
    );
    sandbox.shutdown().await;
}

/// A body near one that is good: a member changed, dropped, added, or bytes of it broken.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,300}".prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!([[[[{"text": {"url": []}}]]]])),
        Just(json!({"a": {"b": {"c": null}}})),
    ];
    let member = prop_oneof![
        Just("conversation_id"),
        Just("timestamp"),
        Just("body"),
        Just("bot_id"),
        Just("type"),
        Just("email"),
        Just("user_info"),
        Just("files"),
        Just("conversation_type"),
    ];
    let changed = (
        proptest::collection::vec((member, value), 0..4),
        any::<bool>(),
    )
        .prop_map(|(changes, drop)| {
            let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
            body["type"] = json!("TIMEOUT");
            for (name, value) in changes {
                if drop {
                    body.as_object_mut().unwrap().remove(name);
                } else {
                    body[name] = value;
                }
            }
            body.to_string().into_bytes()
        });
    prop_oneof![
        6 => changed.clone(),
        2 => (changed, any::<proptest::sample::Index>(), any::<u8>()).prop_map(|(mut body, at, byte)| {
            let at = at.index(body.len());
            body[at] = byte;
            body
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_it_fail() {
    let (sandbox, http) = bridge().await;
    let mut runner = TestRunner::deterministic();
    let bodies = mutated();
    let mut answers = std::collections::BTreeMap::<u16, u32>::new();
    for n in 0..1_200 {
        let body = bodies.new_tree(&mut runner).unwrap().current();
        let path = ["/conversation/establish", "/chat", "/conversation/close"][n % 3];
        let (status, answer) = http.raw(path, "application/json", body.clone()).await;
        assert!(
            matches!(status, 200 | 400),
            "{status} {answer} for {path} {:?}",
            String::from_utf8_lossy(&body)
        );
        assert_eq!(answer["code"], status);
        *answers.entry(status).or_default() += 1;
    }
    // The test is about both: what is taken and what is refused.
    assert!(answers[&200] > 300 && answers[&400] > 100, "{answers:?}");
    sandbox.shutdown().await;
}
