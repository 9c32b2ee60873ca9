//! What makes the console a workplace: who has what, notes, canned replies, lists, the person.

use handoff::conversation::{ConversationId, Side};
use handoff::gptbots::parse_establish;
use handoff::settings::Settings;
use local_aws::runtime_api::LambdaProcess;
use serde_json::{Value, json};
use test_support::{CONVERSATION_ID, TestTable, body_of};

use crate::support::{BINARY, call, conversation, table_with_a_conversation};

/// A call by somebody: the id, which is the name in lower case, and what they are.
fn by(name: &str, groups: &str, mut event: Value) -> Value {
    let claims = &mut event["requestContext"]["authorizer"]["jwt"]["claims"];
    claims["sub"] = json!(name.to_lowercase());
    claims["name"] = json!(name);
    claims["cognito:groups"] = json!(groups);
    event
}

struct Calls {
    function: LambdaProcess,
}

impl Calls {
    async fn new(table: &TestTable) -> Self {
        let function = table.function(BINARY).start().await.unwrap();
        Self { function }
    }

    /// Status and body of the answer.
    async fn ask(&self, event: Value) -> (i64, Value) {
        let answer = self.function.invoke(event).await.unwrap();
        (answer["statusCode"].as_i64().unwrap(), body_of(&answer))
    }

    async fn ok(&self, event: Value) -> Value {
        let (status, body) = self.ask(event).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn refused(&self, event: Value) -> String {
        let (status, body) = self.ask(event).await;
        assert_ne!(status, 200, "{body}");
        format!("{status} {}", body["message"].as_str().unwrap())
    }
}

fn post(route: &str, body: Value) -> Value {
    call("POST", &conversation(route), "", Some(body))
}

#[tokio::test]
async fn a_conversation_goes_from_hand_to_hand() {
    let table = table_with_a_conversation().await;
    let calls = Calls::new(&table).await;
    let holder = |body: &Value| body["conversation"]["agent"]["id"].clone();
    for name in ["Ann", "Bob"] {
        calls
            .ok(by(name, "", call("POST", "agents", "", Some(json!({})))))
            .await;
    }
    let agents = calls
        .ok(by("Ann", "", call("GET", "agents", "", None)))
        .await;
    let names: Vec<_> = agents["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["Ann", "Bob"]);
    assert!(agents["agents"][0]["seen_at"].as_i64().unwrap() <= agents["now"].as_i64().unwrap());

    let given = calls.ok(by("Ann", "", post("/claim", json!({})))).await;
    assert_eq!(holder(&given), "ann");
    assert_eq!(
        calls
            .refused(by("Bob", "", post("/claim", json!({}))))
            .await,
        "409 Ann has this conversation."
    );
    let given = calls
        .ok(by("Ann", "", post("/assign", json!({"to": "bob"}))))
        .await;
    assert_eq!(holder(&given), "bob");
    for (route, body) in [("/release", json!({})), ("/assign", json!({"to": "ann"}))] {
        assert_eq!(
            calls.refused(by("Ann", "", post(route, body))).await,
            "409 Bob has this conversation."
        );
    }
    let given = calls
        .ok(by("Ann", "", post("/claim", json!({"from": "bob"}))))
        .await;
    assert_eq!(holder(&given), "ann");
    assert_eq!(
        calls
            .refused(by("Cara", "", post("/claim", json!({"from": "bob"}))))
            .await,
        "409 Ann has this conversation."
    );
    let given = calls.ok(by("Ann", "", post("/release", json!({})))).await;
    assert_eq!(
        (holder(&given), &given["conversation"]["status"]),
        (Value::Null, &json!("connected"))
    );
    assert_eq!(
        calls
            .refused(by("Bob", "", post("/claim", json!({"from": "ann"}))))
            .await,
        "409 Nobody has this conversation any more."
    );
    for (body, expected) in [
        (json!({}), "400 to: is missing"),
        (
            json!({"to": "nobody"}),
            "400 to: is not an agent who has been here lately",
        ),
    ] {
        assert_eq!(
            calls.refused(by("Ann", "", post("/assign", body))).await,
            expected
        );
    }
    assert_eq!(
        calls
            .refused(by("Ann", "", post("/claim", json!({"from": 1}))))
            .await,
        "400 from: must be a string"
    );
    let logs = calls.function.logs();
    assert!(!logs.contains("Ann") && !logs.contains("Bob"), "{logs}");
}

/// Beside every text of ours for agents stands what a page needs to say it in its reader's language.
#[tokio::test]
async fn refusals_and_notices_have_a_code() {
    let table = table_with_a_conversation().await;
    let calls = Calls::new(&table).await;
    for name in ["Ann", "Bob"] {
        calls
            .ok(by(name, "", call("POST", "agents", "", Some(json!({})))))
            .await;
    }
    calls.ok(by("Ann", "", post("/claim", json!({})))).await;
    let reason = async |event| calls.ask(event).await.1["reason"].clone();
    for (event, expected) in [
        (
            by("Bob", "", post("/claim", json!({}))),
            json!({"why": "taken", "agent": "Ann"}),
        ),
        (
            by("Ann", "", post("/assign", json!({"to": "cara"}))),
            json!({"why": "no_such_colleague"}),
        ),
        (
            by("Ann", "", post("/close", json!({"reason": 1}))),
            json!({"why": "invalid"}),
        ),
        (
            by(
                "Ann",
                "",
                post(
                    "/messages",
                    json!({"text": "x".repeat(8001), "client_id": "1"}),
                ),
            ),
            json!({"why": "too_long", "most": 8000}),
        ),
        (
            by("Ann", "", call("GET", "conversations/YXBpLTE", "", None)),
            json!({"why": "no_such_conversation"}),
        ),
    ] {
        assert_eq!(reason(event).await, expected);
    }
    calls
        .ok(by("Ann", "", post("/assign", json!({"to": "bob"}))))
        .await;
    calls
        .ok(by("Bob", "", post("/close", json!({"reason": "done"}))))
        .await;
    assert_eq!(
        reason(by("Ann", "", post("/claim", json!({})))).await,
        json!({"why": "ended"})
    );
    let shown = by("Ann", "", call("GET", &conversation(""), "", None));
    let shown = calls.ok(shown).await;
    let entries = shown["entries"].as_array().unwrap().iter();
    let notices: Vec<_> = entries
        .map(|entry| (&entry["text"], &entry["notice"]))
        .filter(|(_, notice)| !notice.is_null())
        .collect();
    let expected = [
        (
            json!("Ann took the conversation."),
            json!({"what": "taken", "by": "Ann"}),
        ),
        (
            json!("Ann handed the conversation to Bob."),
            json!({"what": "handed_over", "by": "Ann", "to": "Bob"}),
        ),
        (
            json!("The agent closed the conversation. (done)"),
            json!({"what": "closed", "by": "agent", "reason": "done"}),
        ),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(text, notice)| (text, notice))
        .collect();
    assert_eq!(notices, expected);
}

#[tokio::test]
async fn a_note_is_for_agents_alone() {
    let table = table_with_a_conversation().await;
    let calls = Calls::new(&table).await;
    let note = json!({"text": "has called twice", "client_id": "n1"});
    let noted = calls.ok(by("Ann", "", post("/notes", note.clone()))).await;
    assert_eq!(
        (
            &noted["entry"]["kind"],
            &noted["entry"]["to"],
            &noted["entry"]["author_name"]
        ),
        (&json!("note"), &Value::Null, &json!("Ann"))
    );
    let again = calls.ok(by("Ann", "", post("/notes", note.clone()))).await;
    assert_eq!(again["entry"]["id"], noted["entry"]["id"]);
    // What is a note stays one, even where a page would send it as a line.
    let line = calls.ok(by("Ann", "", post("/messages", note))).await;
    assert_eq!(line["entry"]["kind"], "note");
    let shown = calls.ok(call("GET", &conversation(""), "", None)).await;
    let entries = shown["entries"].as_array().unwrap();
    assert_eq!(
        entries
            .iter()
            .filter(|entry| entry["kind"] == "note")
            .count(),
        1
    );
    assert_ne!(shown["conversation"]["last"]["text"], "has called twice");
    let id = ConversationId::new(CONVERSATION_ID).unwrap();
    for side in [Side::User, Side::Desk] {
        let lane = table.store.lane(&id, side).await.unwrap();
        assert!(
            lane.entries
                .iter()
                .all(|entry| entry.text != "has called twice")
        );
    }
    calls.ok(post("/close", json!({}))).await;
    let late = json!({"text": "solved by phone", "client_id": "n2"});
    calls.ok(by("Bob", "", post("/notes", late))).await;
    let id = json!({"text": "x", "client_id": "n3"});
    assert_eq!(
        calls
            .refused(call("POST", "conversations/bm9uZQ/notes", "", Some(id)))
            .await,
        "404 no such conversation"
    );
    assert!(!calls.function.logs().contains("has called twice"));
}

#[tokio::test]
async fn supervisors_edit_the_canned_replies_and_never_over_each_other() {
    let table = TestTable::new().await;
    let calls = Calls::new(&table).await;
    let put = |body: Value| {
        by(
            "Eve",
            "[agents supervisors]",
            call("POST", "canned", "", Some(body)),
        )
    };
    let read = || by("Ann", "[agents]", call("GET", "canned", "", None));
    assert_eq!(calls.ok(read()).await, json!({"version": 0, "replies": []}));
    let me = calls
        .ok(by(
            "Eve",
            "[agents supervisors]",
            call("GET", "me", "", None),
        ))
        .await;
    assert_eq!(me["supervisor"], true);

    let replies = json!([
        {"shortcut": " Thanks ", "text": "Thank you, {name|dear customer}!"},
        {"shortcut": "hallo", "text": "Hello {name}, this is {agent}."},
    ]);
    let body = json!({"version": 0, "replies": replies});
    assert_eq!(
        calls
            .refused(by(
                "Ann",
                "[agents]",
                call("POST", "canned", "", Some(body.clone()))
            ))
            .await,
        "403 only supervisors may do this"
    );
    let put_once = calls.ok(put(body.clone())).await;
    assert_eq!(put_once["version"], 1);
    assert_eq!(calls.ok(read()).await, put_once);
    assert_eq!(put_once["replies"][1]["shortcut"], "thanks");
    assert_eq!(
        calls.refused(put(body)).await,
        "409 Somebody else has changed the canned replies meanwhile."
    );
    let one = |shortcut: &str, text: &str| json!({"shortcut": shortcut, "text": text});
    for (replies, expected) in [
        (json!({}), "replies: must be a list"),
        (json!([1]), "replies[0]: must have shortcut and text"),
        (
            json!([one("a", "b"), {"shortcut": "c", "text": "d", "e": 1}]),
            "replies[1]: must have shortcut and text",
        ),
        (
            json!([one("a b", "c")]),
            "replies[0].shortcut: must be letters, digits, - and _",
        ),
        (
            json!([one("", "c")]),
            "replies[0].shortcut: must be letters, digits, - and _",
        ),
        (
            json!([one(&"x".repeat(41), "c")]),
            "replies[0].shortcut: must be at most 40 characters long",
        ),
        (
            json!([one("謝謝", "c"), one("謝謝", "d")]),
            "replies[1].shortcut: is there twice",
        ),
        (json!([one("a", " ")]), "replies[0].text: must not be empty"),
        (
            json!([one("a", &"x".repeat(4_001))]),
            "replies[0].text: must be at most 4000 characters long",
        ),
        (
            json!(vec![one("a", "b"); 301]),
            "replies: must be at most 300",
        ),
    ] {
        let body = json!({"version": 1, "replies": replies});
        assert_eq!(calls.refused(put(body)).await, format!("400 {expected}"));
    }
    assert_eq!(
        calls.refused(put(json!({"replies": []}))).await,
        "400 version: must be the one that was read"
    );
    assert_eq!(calls.ok(read()).await, put_once);
}

/// Conversations of several people with several bots, each `n` with a second of its own.
async fn open(table: &TestTable, n: usize, bot: &str, name: &str, said: &str) -> ConversationId {
    let establish = parse_establish(&json!({
        "conversation_id": format!("c{n:03}"), "timestamp": 1_000 + n, "bot_id": bot,
        "email": format!("{}@example.com", name.to_lowercase().replace(' ', ".")),
        "user_info": {"user_id": format!("u-{name}"), "user_name": name},
        "body": [{"message_type": "QUESTION", "text": said}],
    }));
    let establish = establish.unwrap();
    let handoff = Settings::default().handoff(bot);
    table.store.establish(&establish, &handoff).await.unwrap();
    establish.conversation
}

#[tokio::test]
async fn lists_are_searched_and_filtered_and_say_what_was_looked_through() {
    let table = TestTable::new().await;
    let calls = Calls::new(&table).await;
    open(&table, 1, "shop", "Mei Lin", "Where is my order 4711?").await;
    open(&table, 2, "shop", "Bo Berg", "My invoice is wrong").await;
    let cara = open(&table, 3, "bank", "Cara Voß", "ORDER a card").await;
    let ask = async |query: &str| {
        calls
            .ok(by("Ann", "", call("GET", "conversations", query, None)))
            .await
    };
    let found = async |query: &str| {
        let answer = ask(query).await;
        assert_eq!(answer["searched"], 3, "{query}");
        let those = answer["conversations"].as_array().unwrap().iter();
        let mut ids: Vec<_> = those
            .map(|one| one["conversation_id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids.join(" ")
    };
    assert!(ask("status=open").await.get("searched").is_none());
    for (query, expected) in [
        ("q=order", "c001 c003"),
        ("q=ORDER%204711", "c001"),
        ("q=c002", "c002"),
        ("q=vo%C3%9F", "c003"),
        ("q=mei.lin@example.com", "c001"),
        ("q=u-bo", "c002"),
        ("q=order&bot=bank", "c003"),
        ("bot=shop", "c001 c002"),
        ("desk=console", "c001 c002 c003"),
        ("desk=slack", ""),
        ("waiting=0", "c001 c002 c003"),
        ("waiting=60", ""),
        ("q=nothing%20like%20it", ""),
    ] {
        assert_eq!(found(query).await, expected, "{query}");
    }
    let claim = format!("conversations/{}/claim", cara.to_path());
    calls
        .ok(by("Ann", "", call("POST", &claim, "", Some(json!({})))))
        .await;
    assert_eq!(found("agent=me").await, "c003");
    assert_eq!(found("agent=none").await, "c001 c002");
    // The next word is the user's, so nobody waits there.
    assert_eq!(found("waiting=0&agent=me").await, "c003");
    for (query, expected) in [
        ("agent=bob", "400 agent: must be me or none"),
        ("waiting=long", "400 waiting: must be a number of seconds"),
        (
            &format!("q={}", "x".repeat(201)),
            "400 q: must be at most 200 characters long",
        ),
    ] {
        assert_eq!(
            calls
                .refused(call("GET", "conversations", query, None))
                .await,
            expected
        );
    }
    assert!(!calls.function.logs().contains("4711"));
}

#[tokio::test]
async fn what_a_page_has_already_is_not_sent_again() {
    let table = TestTable::new().await;
    let calls = Calls::new(&table).await;
    open(&table, 1, "shop", "Mei", "Hi").await;
    let ask = async |query: &str| calls.ok(call("GET", "conversations", query, None)).await;
    let tag = ask("status=open").await["tag"].as_str().unwrap().to_owned();
    let known = format!("status=open&known={tag}");
    assert_eq!(ask(&known).await, json!({"unchanged": true, "tag": tag}));
    open(&table, 2, "shop", "Bo", "Hi").await;
    let fresh = ask(&known).await;
    assert_eq!(fresh["conversations"].as_array().unwrap().len(), 2);
    assert_ne!(fresh["tag"], tag);
}

#[tokio::test]
async fn a_search_goes_on_where_it_ended() {
    let table = TestTable::new().await;
    let calls = Calls::new(&table).await;
    for n in 0..103 {
        let said = if n % 50 == 2 { "a needle" } else { "hay" };
        open(&table, n, "shop", "Mei", said).await;
    }
    let all = calls
        .ok(call("GET", "conversations", "q=needle", None))
        .await;
    assert_eq!(
        (
            all["conversations"].as_array().unwrap().len(),
            &all["searched"]
        ),
        (3, &json!(103))
    );
    assert_eq!(all["cursor"], Value::Null);
    // As many as are enough end it.
    let first = calls.ok(call("GET", "conversations", "q=mei", None)).await;
    assert_eq!(
        (
            first["conversations"].as_array().unwrap().len(),
            &first["searched"]
        ),
        (100, &json!(100))
    );
    let query = format!("q=mei&cursor={}", first["cursor"].as_str().unwrap());
    let rest = calls.ok(call("GET", "conversations", &query, None)).await;
    assert_eq!(rest["conversations"].as_array().unwrap().len(), 3);
    assert_eq!(rest["cursor"], Value::Null);
}

#[tokio::test]
async fn other_conversations_of_the_same_person_are_listed() {
    let table = TestTable::new().await;
    let calls = Calls::new(&table).await;
    for n in 1..=3 {
        open(&table, n, "shop", "Mei", &format!("question {n}")).await;
    }
    let bo = open(&table, 4, "shop", "Bo", "Hi").await;
    let last = ConversationId::new("c003").unwrap();
    let person = async |id: &ConversationId| {
        let path = format!("conversations/{}/person", id.to_path());
        let answer = calls.ok(call("GET", &path, "", None)).await;
        let others = answer["conversations"].as_array().unwrap().iter();
        let mut ids: Vec<_> = others.map(|one| one["conversation_id"].clone()).collect();
        ids.sort_by_key(|id| std::cmp::Reverse(id.to_string()));
        ids
    };
    assert_eq!(person(&last).await, ["c002", "c001"]);
    assert!(person(&bo).await.is_empty());
    assert_eq!(
        calls
            .refused(call("GET", "conversations/bm9uZQ/person", "", None))
            .await,
        "404 no such conversation"
    );
}
