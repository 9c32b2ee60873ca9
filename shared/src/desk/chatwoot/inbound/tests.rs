use lambda_http::http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::desk::Unverified;

fn read(route: Route, body: &[u8]) -> Result<Received, Unreadable> {
    let headers = HeaderMap::new();
    let call = Unverified {
        route,
        path_token: None,
        headers: &headers,
        body,
    };
    parse(&call.into_verified(), Some(1))
}

fn one(body: &Value) -> DeskEvent {
    let mut events = read(Route::Events, body.to_string().as_bytes())
        .unwrap()
        .events;
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// As `Message#webhook_data` has it.
fn message() -> Value {
    json!({
        "event": "message_created",
        "id": 9001,
        "content": "Hello **there**",
        "content_type": "text",
        "content_attributes": {},
        "created_at": "2026-06-16T09:30:15.734Z",
        "message_type": "outgoing",
        "private": false,
        "source_id": null,
        "additional_attributes": {},
        "sender": {"id": 7, "name": "Bo", "email": "bo@example.com", "type": "user"},
        "account": {"id": 1, "name": "Acme"},
        "inbox": {"id": 3, "name": "GPTBots"},
        "conversation": {"id": 42, "status": "open", "messages": []},
    })
}

#[test]
fn what_happens_in_another_account_is_not_ours() {
    let mut elsewhere = message();
    elsewhere["account"]["id"] = json!(2);
    let mut resolved = conversation("conversation_status_changed", "resolved", &Value::Null);
    resolved["messages"] = json!([{"id": 1, "account_id": 2}]);
    for body in [&elsewhere, &resolved] {
        let read = |account| {
            let headers = HeaderMap::new();
            let body = body.to_string();
            let call = Unverified {
                route: Route::Events,
                path_token: None,
                headers: &headers,
                body: body.as_bytes(),
            };
            parse(&call.into_verified(), account).unwrap().events.len()
        };
        assert_eq!(read(Some(1)), 0);
        assert_eq!((read(Some(2)), read(None)), (1, 1));
    }
}

fn changed(change: impl FnOnce(&mut Value)) -> DeskEvent {
    let mut message = message();
    change(&mut message);
    one(&message)
}

/// As `Conversation#webhook_data` has it.
fn conversation(event: &str, status: &str, changes: &Value) -> Value {
    json!({
        "event": event,
        "id": 42,
        "status": status,
        "changed_attributes": changes,
        "custom_attributes": {},
        "contact_inbox": {"source_id": "s"},
        "meta": {"sender": {"id": 5}, "assignee": {"id": 7, "name": "Bo", "type": "user"}},
        "timestamp": 1_781_602_215,
        "updated_at": 1_781_602_215.734_5,
    })
}

#[test]
fn an_agents_line_is_read_as_plain_text_with_the_agents_name() {
    let event = one(&message());
    assert_eq!(
        (event.reference.as_str(), event.id.as_str()),
        ("42", "message-9001")
    );
    assert_eq!(event.at, Some(1_781_602_215_000));
    let What::Message(line) = event.what else {
        panic!("{:?}", event.what);
    };
    assert_eq!(line.text, "Hello there");
    assert_eq!(
        (line.agent.id.as_str(), line.agent.name.as_str()),
        ("7", "Bo")
    );
    assert!(line.files.is_empty() && !line.incomplete);
}

#[test]
fn the_lists_tell_the_same_event_as_the_webhook() {
    // As `_message.json.jbuilder` has it, in the application API and the public one.
    let listed = json!({
        "id": 9001, "content": "Hello **there**", "message_type": 1, "private": false,
        "created_at": 1_781_602_215, "content_attributes": {},
        "sender": {"id": 7, "name": "Bo", "available_name": "Bo", "type": "user"},
    });
    assert_eq!(event("42", &listed), Some(one(&message())));
}

#[test]
fn what_is_not_a_persons_word_to_the_user_is_ignored() {
    let ignored: [(&str, Value, What); 9] = [
        ("private", json!(true), What::PrivateNote),
        (
            "message_type",
            json!("incoming"),
            What::Ignored("the user's own"),
        ),
        (
            "message_type",
            json!("template"),
            What::Ignored("an automatic message"),
        ),
        (
            "message_type",
            json!("activity"),
            What::Ignored("not a message to the user"),
        ),
        (
            "sender",
            json!(null),
            What::Ignored("not written by a person"),
        ),
        (
            "sender",
            json!({"id": 1, "type": "agent_bot"}),
            What::Ignored("not written by a person"),
        ),
        (
            "sender",
            json!({"id": 1, "name": "Ann"}),
            What::Ignored("not written by a person"),
        ),
        ("content", json!(null), What::Ignored("an empty message")),
        (
            "content_attributes",
            json!({"deleted": true}),
            What::Ignored("deleted"),
        ),
    ];
    for (member, value, what) in ignored {
        assert_eq!(
            changed(|message| message[member] = value.clone()).what,
            what,
            "{member} {value}"
        );
    }
    let edit = changed(|message| message["event"] = json!("message_updated"));
    assert_eq!(edit.what, What::Ignored("an edit"));
    // Never taken for the line itself.
    assert_ne!(edit.id, one(&message()).id);
}

#[test]
fn files_come_with_their_names_and_only_from_the_web() {
    let attachment = |url: &str| json!({"id": 1, "file_type": "image", "data_url": url, "file_size": 12, "content_type": "image/png"});
    let event = changed(|message| {
        message["content"] = json!(null);
        message["attachments"] = json!([
            attachment("https://chat.example/rails/active_storage/blobs/redirect/abc/my%20p%2Fic.png"),
            attachment("https://chat.example"),
            attachment("file:///etc/passwd"),
            {"id": 2, "file_type": "contact", "fallback_title": "Ann"},
        ]);
    });
    let What::Message(line) = event.what else {
        panic!("{:?}", event.what);
    };
    assert_eq!(line.text, "");
    let names: Vec<_> = line.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["my pic.png", "file"]);
    let file = &line.files[0];
    assert_eq!(file.content_type.as_deref(), Some("image/png"));
    assert!(file.bytes == Some(12) && file.public);
}

#[test]
fn resolved_is_the_end_and_its_twins_are_one_event() {
    let end = one(&conversation(
        "conversation_status_changed",
        "resolved",
        &json!(null),
    ));
    assert_eq!(end.what, What::Closed { agent: None });
    assert_eq!(
        (end.reference.as_str(), end.id.as_str()),
        ("42", "resolved-42-1781602215.7345")
    );
    let change = json!([{"status": {"previous_value": "open", "current_value": "resolved"}}]);
    let twin = one(&conversation("conversation_updated", "resolved", &change));
    assert_eq!(twin.what, What::Ignored("an update of a conversation"));
    for status in ["open", "pending", "snoozed"] {
        let event = one(&conversation(
            "conversation_status_changed",
            status,
            &json!(null),
        ));
        assert_eq!(event.what, What::Ignored("not ended"));
    }
    let mut old = conversation("conversation_status_changed", "resolved", &json!(null));
    old["updated_at"] = json!(null);
    assert_eq!(one(&old).id, "resolved-42-1781602215");
}

#[test]
fn an_assignment_is_a_claim_and_taking_it_away_is_not() {
    let change =
        |to: Value| json!([{"assignee_id": {"previous_value": null, "current_value": to}}]);
    let event = one(&conversation(
        "conversation_updated",
        "open",
        &change(json!(7)),
    ));
    let agent = Agent {
        id: "7".into(),
        name: "Bo".into(),
    };
    assert_eq!(event.what, What::Assigned(agent));
    let event = one(&conversation(
        "conversation_updated",
        "open",
        &change(json!(null)),
    ));
    assert_eq!(event.what, What::Ignored("an update of a conversation"));
    let labels = json!([{"label_list": {"previous_value": [], "current_value": ["x"]}}]);
    let event = one(&conversation("conversation_updated", "open", &labels));
    assert_eq!(event.what, What::Ignored("an update of a conversation"));
    let mut bot = conversation("conversation_updated", "open", &change(json!(7)));
    bot["meta"]["assignee"]["type"] = json!("captain_assistant");
    assert_eq!(one(&bot).what, What::Ignored("an update of a conversation"));
}

#[test]
fn other_events_are_none_and_broken_ones_say_where() {
    for event in [
        "conversation_created",
        "conversation_typing_on",
        "webwidget_triggered",
        "new",
    ] {
        let body = json!({"event": event}).to_string();
        assert_eq!(
            read(Route::Events, body.as_bytes()),
            Ok(Received::default())
        );
    }
    for (body, place) in [
        (&b"{"[..], "not JSON: line 1, column 1"),
        (b"[]", "event: missing or of the wrong type"),
        (
            br#"{"event":"message_created","conversation":{"id":1}}"#,
            "id: missing or of the wrong type",
        ),
        (
            br#"{"event":"message_created","id":1}"#,
            "conversation.id: missing or of the wrong type",
        ),
        (
            br#"{"event":"conversation_status_changed","id":1}"#,
            "status: missing or of the wrong type",
        ),
        (
            br#"{"event":"conversation_updated"}"#,
            "id: missing or of the wrong type",
        ),
    ] {
        assert_eq!(read(Route::Events, body), Err(Unreadable(place.to_owned())));
    }
    assert!(read(Route::Interactions, b"{}").is_err());
}

proptest! {
    #[test]
    fn no_bytes_are_a_fault(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(Route::Events, &body);
    }
}
