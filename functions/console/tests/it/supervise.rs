//! What only supervisors may.

use handoff::conversation::{ConversationId, Side};
use handoff::gptbots::parse_establish;
use handoff::settings::Settings;
use handoff::store::Outcome;
use serde_json::{Value, json};
use test_support::{CONVERSATION_ID, TestTable, body_of, event};

use crate::support::{BINARY, call, conversation, table_with_a_conversation};

/// A call by a supervisor.
pub(crate) fn by_supervisor(method: &str, path: &str, query: &str, body: Option<Value>) -> Value {
    let mut event = call(method, path, query, body);
    let claims = &mut event["requestContext"]["authorizer"]["jwt"]["claims"];
    claims["cognito:groups"] = json!("[agents supervisors]");
    event
}

fn id() -> ConversationId {
    ConversationId::new(CONVERSATION_ID).unwrap()
}

/// Tells both sides of all that is to be told, as the relay would.
async fn deliver(table: &TestTable) {
    for side in [Side::Desk, Side::User] {
        let lane = table.store.lane(&id(), side).await.unwrap();
        for entry in lane.entries {
            let claimed = table.store.claim(&entry, i64::MAX).await.unwrap().unwrap();
            let delivered = Outcome::Delivered {
                remote_id: None,
                late: false,
            };
            table
                .store
                .mark(&claimed, &delivered, None, 90)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn others_may_not() {
    let table = table_with_a_conversation().await;
    let function = table.function(BINARY).start().await.unwrap();
    let person = json!({"conversation": CONVERSATION_ID});
    for (method, path, query) in [
        ("GET", "statistics".to_owned(), ""),
        ("GET", "people".to_owned(), "bot=b&user_id=u"),
        ("GET", "erasures".to_owned(), ""),
        ("POST", "erasures".to_owned(), ""),
        ("GET", "settings".to_owned(), ""),
        ("GET", "settings/schema".to_owned(), ""),
        ("POST", "settings".to_owned(), ""),
        ("POST", "settings/check".to_owned(), ""),
        ("GET", conversation("/export"), ""),
    ] {
        let event = call(method, &path, query, Some(person.clone()));
        let mut nobody = event.clone();
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 403, "{path}");
        assert_eq!(body_of(&answer)["message"], "only supervisors may do this");
        nobody["requestContext"]["authorizer"] = Value::Null;
        let answer = function.invoke(nobody).await.unwrap();
        assert_eq!(answer["statusCode"], 401, "{path}");
    }
    let known = table.store.conversation(&id()).await.unwrap();
    assert!(known.is_some(), "nothing was erased");
}

#[tokio::test]
async fn a_person_is_found_handed_out_and_erased() {
    let table = table_with_a_conversation().await;
    let function = table.function(BINARY).start().await.unwrap();
    let ok = async |event: Value| {
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        body_of(&answer)
    };
    let of_conversation = format!("conversation={CONVERSATION_ID}");
    let people = ok(by_supervisor("GET", "people", &of_conversation, None)).await;
    assert_eq!(
        people["conversations"][0]["conversation_id"],
        CONVERSATION_ID
    );
    let person = people["person"].clone();
    let query: Vec<String> = person
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
        .collect();
    let same = ok(by_supervisor("GET", "people", &query.join("&"), None)).await;
    assert_eq!(
        same, people,
        "the answer names the person for the next call"
    );

    let export = ok(by_supervisor("GET", &conversation("/export"), "", None)).await;
    assert_eq!(export["export"]["user"]["email"], "bob@gmail.com");
    let text = ok(by_supervisor(
        "GET",
        &conversation("/export"),
        "format=text",
        None,
    ))
    .await;
    assert!(text["text"].as_str().unwrap().contains("human service"));

    let erase = async || {
        let body = json!({"person": person});
        ok(by_supervisor("POST", "erasures", "", Some(body))).await
    };
    assert_eq!(
        erase().await,
        json!({"done": false, "erased": 0, "ending": 1, "more": false})
    );
    deliver(&table).await;
    assert_eq!(
        erase().await,
        json!({"done": true, "erased": 1, "ending": 0, "more": false})
    );
    assert_eq!(
        erase().await,
        json!({"done": true, "erased": 0, "ending": 0, "more": false})
    );
    let gone = by_supervisor("GET", &conversation("/export"), "", None);
    assert_eq!(function.invoke(gone).await.unwrap()["statusCode"], 404);
    let records = ok(by_supervisor("GET", "erasures", "", None)).await;
    let record = &records["erasures"][0];
    assert_eq!(record["by"]["name"], "Alice Wong");
    assert_eq!(record["of_person"], true);
    assert!(!records.to_string().contains(CONVERSATION_ID));
    let logs = function.logs();
    for private in ["bob@gmail.com", "human service", "Alice Wong"] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}

#[tokio::test]
async fn figures_come_by_day_and_bot() {
    let table = table_with_a_conversation().await;
    let body = event("establish.json")["body"].as_str().unwrap().to_owned();
    let mut body: Value = serde_json::from_str(&body).unwrap();
    let bot = body["bot_id"].as_str().unwrap().to_owned();
    body["conversation_id"] = json!("c2");
    body["bot_id"] = json!("another");
    let establish = parse_establish(&body).unwrap();
    let handoff = Settings::default().handoff("another");
    table.store.establish(&establish, &handoff).await.unwrap();
    let function = table.function(BINARY).start().await.unwrap();
    let ask = async |query: &str| {
        let event = by_supervisor("GET", "statistics", query, None);
        function.invoke(event).await.unwrap()
    };
    let all = body_of(&ask("").await);
    assert_eq!(all["days"].as_array().unwrap().len(), 2);
    assert_eq!(all["now"]["waiting"], 2);
    assert!(all["now"]["waiting_since"].is_i64());
    let one = body_of(&ask(&format!("bot={bot}")).await);
    assert_eq!(one["days"].as_array().unwrap().len(), 1);
    let day = &one["days"][0];
    assert_eq!((&day["bot_id"], &day["handoffs"]), (&json!(bot), &json!(1)));
    assert_eq!(
        day["closed_by"],
        json!({"user": 0, "timeout": 0, "agent": 0, "bridge": 0})
    );
    let long_ago = body_of(&ask("from=2020-01-01&to=2020-02-29").await);
    assert_eq!(long_ago["days"], json!([]));
    for (query, words) in [
        ("from=yesterday", "from: must be a day like 2026-03-01"),
        ("to=2026-02-30", "to: must be a day"),
        (
            "from=2026-03-02&to=2026-03-01",
            "from: must not be after to",
        ),
        ("from=2020-01-01&to=2026-03-01", "at most 400 days"),
    ] {
        let answer = ask(query).await;
        assert_eq!(answer["statusCode"], 400, "{query}");
        let message = body_of(&answer)["message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn whom_is_meant_has_to_be_clear() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    for (query, words) in [
        ("", "one of conversation, user_id, anonymous_id and phone"),
        ("bot=b", "one of conversation"),
        ("user_id=u", "bot: is missing"),
        ("bot=b&user_id=u&phone=1", "one of conversation"),
        ("bot=b&conversation=c&phone=1", "one of conversation"),
        ("bot=b&email=support@gptbots.ai", "one of conversation"),
    ] {
        let event = by_supervisor("GET", "people", query, None);
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 400, "{query}");
        let message = body_of(&answer)["message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{query}: {message}");
    }
    for body in [
        json!({}),
        json!({"person": {"bot": "b", "email": "support@gptbots.ai"}}),
        json!({"person": {"bot": "b", "user_id": 7}}),
        json!({"person": {"bot": "b", "user_id": "u"}, "conversation": "c"}),
        json!({"conversation": ""}),
        json!({"conversation": "c", "at_once": "yes"}),
    ] {
        let event = by_supervisor("POST", "erasures", "", Some(body.clone()));
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 400, "{body}");
    }
}
