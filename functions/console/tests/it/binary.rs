use handoff::conversation::{ConversationId, Side};
use handoff::gptbots::{parse_close, parse_establish};
use handoff::settings::Settings;
use handoff::store::{Outcome, Store};
use serde_json::{Value, json};
use test_support::{CONVERSATION_ID, TestTable, body_of, event};

use crate::support::{BINARY, call, conversation, table_with_a_conversation};

#[tokio::test]
async fn the_page_is_served_with_a_policy_that_allows_nothing_but_its_own_files() {
    let table = TestTable::new().await;
    let function = table.function(BINARY).start().await.unwrap();
    let asked = event("console-page.json");
    // As browsers ask, compressed.
    let page = function.invoke(asked.clone()).await.unwrap();
    assert_eq!(page["statusCode"], 200);
    assert_eq!(page["headers"]["content-encoding"], "gzip");
    assert_eq!(page["isBase64Encoded"], true);
    let mut plainly = asked;
    plainly["headers"]
        .as_object_mut()
        .unwrap()
        .remove("accept-encoding");
    let page = function.invoke(plainly).await.unwrap();
    assert!(page["body"].as_str().unwrap().contains("<!doctype html>"));
    let policy = page["headers"]["content-security-policy"].as_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page["headers"]["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn without_verified_claims_there_is_nothing_to_see() {
    let table = table_with_a_conversation().await;
    let function = table.function(BINARY).start().await.unwrap();
    for (method, path) in [
        ("GET", "me".to_owned()),
        ("GET", "conversations".to_owned()),
        ("GET", conversation("")),
        ("GET", "failed".to_owned()),
        ("GET", "agents".to_owned()),
        ("POST", "agents".to_owned()),
        ("GET", "canned".to_owned()),
        ("POST", "canned".to_owned()),
        ("GET", conversation("/person")),
        ("POST", conversation("/notes")),
        ("POST", conversation("/release")),
        ("POST", conversation("/assign")),
        ("POST", "replay".to_owned()),
        ("POST", conversation("/replay")),
        ("POST", conversation("/messages")),
        ("POST", conversation("/close")),
    ] {
        let mut event = call(method, &path, "", Some(json!({})));
        event["requestContext"]["authorizer"] = Value::Null;
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 401, "{path}");
        assert_eq!(body_of(&answer)["message"], "please sign in");
    }
}

/// The issuer and the client of the sample events.
fn provider(event: &Value) -> (String, String) {
    let claims = &event["requestContext"]["authorizer"]["jwt"]["claims"];
    let text = |name: &str| claims[name].as_str().unwrap().to_owned();
    (text("iss"), text("aud"))
}

#[tokio::test]
async fn only_claims_of_the_providers_id_tokens_are_an_agents() {
    let table = table_with_a_conversation().await;
    let (issuer, client_id) = provider(&event("console-list.json"));
    let function = table
        .function(BINARY)
        .env("SIGN_IN_ISSUER", issuer)
        .env("SIGN_IN_CLIENT_ID", client_id)
        .env("SIGN_IN_HOSTS", "https://agents.example")
        .start()
        .await
        .unwrap();
    let ask = async |event: Value| function.invoke(event).await.unwrap();
    let me = body_of(&ask(call("GET", "me", "", None)).await);
    assert_eq!(
        me,
        json!({
            "id": "b9ea9c2c-1091-70f1-4c36-0f1d2e3a4b5c", "name": "Alice Wong", "groups": [],
            "supervisor": false,
        })
    );
    for (claim, value) in [
        ("sub", json!("")),
        ("iss", json!("https://id.example")),
        ("aud", json!("another-client")),
        ("exp", json!("1742268700")),
        ("token_use", json!("access")),
    ] {
        let mut event = call("GET", "me", "", None);
        event["requestContext"]["authorizer"]["jwt"]["claims"][claim] = value;
        let answer = ask(event).await;
        assert_eq!(answer["statusCode"], 401, "{claim}");
        assert_eq!(body_of(&answer)["message"], "please sign in");
    }
    // What another kind of authorizer, or the caller, puts in is not looked at.
    let claims = &call("GET", "me", "", None)["requestContext"]["authorizer"]["jwt"]["claims"];
    for authorizer in [
        json!({"lambda": claims}),
        json!({"claims": claims}),
        claims.clone(),
    ] {
        let mut event = call("GET", "me", "", Some(json!({"claims": claims})));
        event["requestContext"]["authorizer"] = authorizer;
        event["headers"]["claims"] = json!(claims.to_string());
        assert_eq!(ask(event).await["statusCode"], 401);
    }
    let logs = function.logs();
    for private in ["Alice Wong", "alice@example.com", "another-client"] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }

    let mut event = event("console-page.json");
    let policy = ask(event.clone()).await["headers"]["content-security-policy"].clone();
    assert!(
        policy.as_str().unwrap().contains(
            "connect-src 'self' https://agents.example https://cognito-idp.ap-southeast-1.amazonaws.com;"
        ),
        "{policy}"
    );
    event["rawPath"] = json!("/console/sign-in.json");
    event["requestContext"]["http"]["path"] = json!("/console/sign-in.json");
    let told = body_of(&ask(event).await);
    assert_eq!(told["sign_in"]["client_id"], "4h57kf3sample2client1id");
    assert_eq!(told["sign_in"]["hosts"][0], "https://agents.example");
}

#[tokio::test]
async fn a_sign_in_that_is_half_set_up_does_not_start() {
    let table = TestTable::new().await;
    let Err(error) = table
        .function(BINARY)
        .env("SIGN_IN_ISSUER", "https://id.example")
        .start()
        .await
    else {
        panic!("it starts");
    };
    let said = format!("{error:?} {error}");
    assert!(said.contains("SIGN_IN_CLIENT_ID is not set"), "{said}");
}

#[tokio::test]
async fn an_agent_lists_reads_answers_claims_and_closes() {
    let table = table_with_a_conversation().await;
    let function = table.function(BINARY).start().await.unwrap();
    let ok = async |event: Value| {
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        body_of(&answer)
    };
    let list = ok(event("console-list.json")).await;
    let listed = &list["conversations"][0];
    assert_eq!(listed["conversation_id"], CONVERSATION_ID);
    assert_eq!(listed["status"], "waiting");
    assert_eq!(listed["user"]["email"], "bob@gmail.com");
    assert_eq!(listed["last"]["text"], "human service");

    let shown = ok(call("GET", &conversation(""), "", None)).await;
    assert_eq!(shown["history"].as_array().unwrap().len(), 2);
    assert_eq!(shown["more"], false);
    let cursor = shown["cursor"].as_str().unwrap().to_owned();

    let claimed = ok(call("POST", &conversation("/claim"), "", None)).await;
    assert_eq!(claimed["conversation"]["status"], "connected");

    let posted = ok(event("console-message.json")).await;
    let again = ok(event("console-message.json")).await;
    assert_eq!(posted["entry"]["id"], again["entry"]["id"]);
    assert_eq!(posted["entry"]["delivery"], "pending");
    assert_eq!(posted["entry"]["to"], "user");

    let changes = ok(call(
        "GET",
        &conversation(""),
        &format!("after={cursor}"),
        None,
    ))
    .await;
    assert!(changes.get("history").is_none());
    let texts: Vec<_> = changes["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["text"])
        .collect();
    assert!(texts.contains(&&json!("Hello Bob, this is Alice. How can I help?")));

    let closed = ok(call(
        "POST",
        &conversation("/close"),
        "",
        Some(json!({"reason": "solved"})),
    ))
    .await;
    assert_eq!(closed["conversation"]["status"], "closed");
    assert_eq!(closed["conversation"]["closed_by"], "agent");
    ok(call("POST", &conversation("/close"), "", None)).await;
    let list = ok(call("GET", "conversations", "status=closed", None)).await;
    assert_eq!(list["conversations"][0]["close_reason"], "solved");
    let logs = function.logs();
    for private in [
        "bob@gmail.com",
        "human service",
        "How can I help",
        "SAMPLE",
        "solved",
    ] {
        assert!(!logs.contains(private), "{private} in {logs}");
    }
}

#[tokio::test]
async fn every_refusal_names_what_is_wrong() {
    let table = table_with_a_conversation().await;
    let function = table.function(BINARY).start().await.unwrap();
    let refused = async |event: Value| {
        let answer = function.invoke(event).await.unwrap();
        let body = body_of(&answer);
        assert_eq!(answer["statusCode"], body["code"]);
        format!("{} {}", body["code"], body["message"].as_str().unwrap())
    };
    let post = |body: Value| call("POST", &conversation("/messages"), "", Some(body));
    for (event, expected) in [
        (post(json!({"client_id": "1"})), "400 text: is missing"),
        (
            post(json!({"text": " ", "client_id": "1"})),
            "400 text: must not be empty",
        ),
        (post(json!({"text": "x"})), "400 client_id: is missing"),
        (
            post(json!({"text": 1, "client_id": "1"})),
            "400 text: must be a string",
        ),
        (
            post(json!({"text": "x".repeat(8_001), "client_id": "1"})),
            "400 text: must be at most 8000 characters long",
        ),
        (post(json!([])), "400 body: must be a JSON object"),
        (
            post((0..200).fold(json!(1), |inner, _| json!([inner]))),
            "400 body: is nested too deeply",
        ),
        (
            post(json!({"text": "x".repeat(520 * 1024), "client_id": "1"})),
            "413 body: must be at most 512 KB",
        ),
        (
            call("GET", "conversations", "status=odd", None),
            "400 status: must be open or closed",
        ),
        (
            call("GET", &conversation(""), "after=odd", None),
            "400 after: is not a cursor of this conversation",
        ),
        (
            call("GET", "conversations/bm9uZQ", "", None),
            "404 no such conversation",
        ),
        (
            call("GET", "conversations/!", "", None),
            "404 no such conversation",
        ),
        (
            call("POST", "conversations/bm9uZQ/close", "", None),
            "404 no such conversation",
        ),
        (
            call("POST", &conversation("/entries/x/replay"), "", None),
            "404 no such entry",
        ),
        (
            call("POST", "conversations/bm9uZQ/replay", "", None),
            "404 no such conversation",
        ),
        (
            call("GET", "failed", "since=yesterday", None),
            "400 since: must be a time in milliseconds since 1970",
        ),
        (
            call("GET", "failed", "since=1&cursor=!", None),
            "400 cursor: is not a cursor of this list",
        ),
        (
            call("POST", "replay", "", Some(json!({"since": "1"}))),
            "400 since: must be a time in milliseconds since 1970",
        ),
        (
            call(
                "POST",
                "replay",
                "",
                Some(json!({"since": 1, "cursor": "!"})),
            ),
            "400 cursor: is not a cursor of this list",
        ),
        (
            call("DELETE", &conversation(""), "", None),
            "404 no such route",
        ),
    ] {
        assert_eq!(refused(event).await, expected);
    }
    let close = parse_close(
        &json!({"conversation_id": CONVERSATION_ID, "timestamp": 1, "type": "USER_CLOSED"}),
    );
    table.store.close(&close.unwrap(), 90).await.unwrap();
    assert_eq!(
        refused(event("console-message.json")).await,
        "409 The user has left and will not see this."
    );
    assert_eq!(
        refused(call("POST", &conversation("/claim"), "", None)).await,
        "409 The conversation has ended."
    );
}

/// Gives up what waits in a lane.
async fn give_up(store: &Store, id: &ConversationId, side: Side) {
    for entry in store.lane(id, side).await.unwrap().entries {
        let refused = Outcome::Failed {
            reason: "refused".to_owned(),
        };
        store.mark(&entry, &refused, None, 90).await.unwrap();
    }
}

#[tokio::test]
async fn what_failed_is_listed_and_sent_again_once() {
    let table = table_with_a_conversation().await;
    let function = table.function(BINARY).start().await.unwrap();
    let ok = async |event: Value| {
        let answer = function.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        body_of(&answer)
    };
    let failed = async || ok(call("GET", "failed", "since=0", None)).await;
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    assert_eq!(failed().await["failed"], json!([]));

    // The greeting, and the opening.
    give_up(&table.store, &id, Side::User).await;
    give_up(&table.store, &id, Side::Desk).await;
    let list = failed().await;
    let lines = list["failed"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| {
        line["conversation_id"] == CONVERSATION_ID
            && line["entry"]["error"] == "refused"
            && line["failed_at"].as_i64().unwrap() > 0
    }));
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(list["cursor"], Value::Null);

    let replay = || call("POST", &conversation("/replay"), "", Some(json!({})));
    let done = ok(replay()).await;
    assert_eq!((&done["replayed"], &done["left"]), (&json!(2), &json!(0)));
    assert_eq!(done["entries"][0]["delivery"], "pending");
    assert_eq!(ok(replay()).await["replayed"], 0);
    assert_eq!(failed().await["failed"], json!([]));

    // More conversations than one call takes.
    let others: Vec<_> = (0..101)
        .map(|n| ConversationId::new(format!("c{n}")).unwrap())
        .collect();
    for other in &others {
        let establish = parse_establish(&json!({
            "conversation_id": other.as_str(), "timestamp": 1, "bot_id": "b", "body": [],
        }));
        let handoff = Settings::default().handoff("b");
        let establish = establish.unwrap();
        table.store.establish(&establish, &handoff).await.unwrap();
        give_up(&table.store, other, Side::User).await;
        give_up(&table.store, other, Side::Desk).await;
    }
    let replay = |cursor: Value| {
        let body = json!({"since": 0, "cursor": cursor});
        call("POST", "replay", "", Some(body))
    };
    let first = ok(replay(Value::Null)).await;
    assert_eq!(first["replayed"], 200);
    let second = ok(replay(first["cursor"].clone())).await;
    assert_eq!(second, json!({"replayed": 2, "left": 0, "cursor": null}));
    let again = ok(replay(Value::Null)).await;
    assert_eq!(again, json!({"replayed": 0, "left": 0, "cursor": null}));
    for other in &others {
        assert_eq!(
            table
                .store
                .lane(other, Side::User)
                .await
                .unwrap()
                .entries
                .len(),
            1
        );
    }
    assert!(!function.logs().contains("Thanks for waiting"));
}
