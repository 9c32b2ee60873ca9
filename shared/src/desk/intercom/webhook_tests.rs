//! Webhooks as Intercom sends them, and as it does not.

use lambda_http::http::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::secret::Secret;
use super::webhook::{parse, verify};
use crate::conversation::Agent;
use crate::desk::{
    AgentLine, Answer, DeskEvent, DeskFile, Received, Refused, Route, Unreadable, Unverified, What,
};
use crate::time::Millis;

const NOW: Millis = 1_700_000_000_000;

fn secret() -> Secret {
    Secret {
        base_url: "https://api.intercom.io".into(),
        access_token: "t".into(),
        client_secrets: vec!["new".into(), "old".into()],
        admin_id: "991".into(),
        app_id: None,
    }
}

fn sign(key: &str, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body);
    format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
}

fn check(body: &[u8], signature: Option<&str>, path_token: Option<&str>) -> Result<(), Refused> {
    check_with(&secret(), body, signature, path_token)
}

fn check_with(
    secret: &Secret,
    body: &[u8],
    signature: Option<&str>,
    path_token: Option<&str>,
) -> Result<(), Refused> {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("x-hub-signature", HeaderValue::from_str(signature).unwrap());
    }
    let call = Unverified {
        route: Route::Events,
        path_token,
        headers: &headers,
        body,
    };
    verify(call, secret, NOW).map(|_| ())
}

fn read(body: &Value, secret: &Secret) -> Result<Received, Unreadable> {
    let body = serde_json::to_vec(body).unwrap();
    let headers = HeaderMap::new();
    let call = Unverified {
        route: Route::Events,
        path_token: None,
        headers: &headers,
        body: &body,
    };
    parse(&call.into_verified(), secret)
}

fn notification(topic: &str, part: Value) -> Value {
    json!({
        "type": "notification_event", "app_id": "w1", "id": "notif_1", "topic": topic,
        "created_at": 1_700_000_000, "first_sent_at": 1_700_000_001, "delivery_attempts": 1,
        "data": {"type": "notification_event_data", "item": {
            "type": "conversation", "id": "499", "state": "open",
            "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [part]},
        }},
    })
}

fn part(kind: &str, body: Value) -> Value {
    json!({
        "type": "conversation_part", "id": "132", "part_type": kind, "body": body,
        "created_at": 1_699_999_999, "author": {"type": "admin", "id": "7", "name": "Ann Agent"},
        "assigned_to": null, "attachments": [],
    })
}

fn ann() -> Agent {
    Agent {
        id: "7".into(),
        name: "Ann Agent".into(),
    }
}

fn event(id: &str, what: What) -> DeskEvent {
    DeskEvent {
        reference: "499".into(),
        id: id.into(),
        at: Some(1_699_999_999_000),
        what,
    }
}

fn line(text: &str) -> What {
    What::Message(AgentLine {
        agent: ann(),
        text: text.into(),
        files: Vec::new(),
        incomplete: false,
    })
}

fn events(topic: &str, part: Value) -> Vec<DeskEvent> {
    read(&notification(topic, part), &secret()).unwrap().events
}

fn whats(topic: &str, part: Value) -> Vec<What> {
    events(topic, part)
        .into_iter()
        .map(|event| event.what)
        .collect()
}

#[test]
fn the_published_vectors_of_rfc_2202() {
    for (key, data, digest) in [
        (
            "Jefe",
            "what do ya want for nothing?",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            "\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}\u{b}",
            "Hi There",
            "b617318655057264e28bc0b6fb378c8ef146be00",
        ),
    ] {
        let secret = Secret {
            client_secrets: vec![SecretString::from(key)],
            ..secret()
        };
        let signature = format!("sha1={digest}");
        assert_eq!(
            check_with(&secret, data.as_bytes(), Some(&signature), None),
            Ok(())
        );
        let changed = format!("{data} ");
        assert_eq!(
            check_with(&secret, changed.as_bytes(), Some(&signature), None),
            Err(Refused::Signature)
        );
    }
}

#[test]
fn the_signature_is_over_the_bytes_and_two_secrets_are_valid() {
    let body = br#"{ "created_at": 1700000000 }"#;
    assert_eq!(check(body, Some(&sign("new", body)), None), Ok(()));
    assert_eq!(check(body, Some(&sign("old", body)), None), Ok(()));
    for wrong in [
        sign("other", body),
        sign("new", br#"{"created_at":1700000000}"#),
    ] {
        assert_eq!(check(body, Some(&wrong), None), Err(Refused::Signature));
    }
    let right = sign("new", body);
    for malformed in [
        "",
        "sha1=",
        "sha1=abc",
        &right[5..],
        &right[..44],
        &format!("{right}00"),
        "sha256=00",
    ] {
        assert_eq!(
            check(body, Some(malformed), None),
            Err(Refused::Header("X-Hub-Signature")),
            "{malformed}"
        );
    }
    assert_eq!(
        check(body, None, None),
        Err(Refused::Header("X-Hub-Signature"))
    );
    assert_eq!(
        check(body, Some(&right), Some("token")),
        Err(Refused::PathToken)
    );
}

#[test]
fn what_is_too_old_or_in_the_future_is_refused_by_the_newer_of_its_times() {
    for (created, sent, fine) in [
        (0, 0, true),
        (-1_700, -1_700, true),
        (-3_600, -1_700, true),
        (-3_600, -3_600, false),
        (-1_900, -1_900, false),
        (200, 0, true),
        (3_600, 0, false),
    ] {
        let now = NOW / 1000;
        let body = json!({"created_at": now + created, "first_sent_at": now + sent}).to_string();
        let checked = check(body.as_bytes(), Some(&sign("new", body.as_bytes())), None);
        assert_eq!(checked.is_ok(), fine, "{body}");
    }
}

#[test]
fn a_notification_whose_times_cannot_be_read_has_no_effect() {
    let replied = part("comment", json!("<p>Hi</p>"));
    let fine = notification("conversation.admin.replied", replied);
    let twice = fine.to_string().replacen('{', "{\"first_sent_at\":1,", 1);
    let mut odd = fine.clone();
    odd["first_sent_at"] = json!("soon");
    for body in [twice, odd.to_string()] {
        let headers = HeaderMap::new();
        let call = Unverified {
            route: Route::Events,
            path_token: None,
            headers: &headers,
            body: body.as_bytes(),
        };
        assert!(parse(&call.into_verified(), &secret()).is_err(), "{body}");
    }
    assert_eq!(read(&fine, &secret()).unwrap().events.len(), 1);
}

#[test]
fn a_reply_is_a_line_whatever_came_with_it() {
    let said = vec![event("message-132", line("Hi (a) <you>"))];
    let body = json!("<p>Hi (a) &lt;you&gt;</p>");
    let topic = "conversation.admin.replied";
    assert_eq!(events(topic, part("comment", body.clone())), said);
    assert_eq!(events(topic, part("open", body.clone())), said);
    // The trap: the first reply that also assigns.
    let mut assigning = part("assignment", body);
    assigning["assigned_to"] = json!({"type": "admin", "id": "7"});
    let mut both = said.clone();
    both.push(event("assigned-132", What::Assigned(ann())));
    assert_eq!(events(topic, assigning.clone()), both);
    // The same part under another topic, with another notification, is the same.
    assert_eq!(events("conversation.admin.open.assigned", assigning), both);
}

#[test]
fn assignments_to_people_are_claims() {
    let topic = "conversation.admin.open.assigned";
    let mut assigned = part("assignment", Value::Null);
    for (to, what) in [
        (json!({"type": "admin", "id": "7"}), What::Assigned(ann())),
        (
            json!({"type": "admin", "id": 8, "name": "Bob"}),
            What::Assigned(Agent {
                id: "8".into(),
                name: "Bob".into(),
            }),
        ),
        (
            json!({"type": "admin", "id": "9"}),
            What::Assigned(Agent {
                id: "9".into(),
                name: "Teammate 9".into(),
            }),
        ),
        (
            json!({"type": "team", "id": "5"}),
            What::Ignored("nothing was said in it"),
        ),
        (
            json!({"type": "admin", "id": "0"}),
            What::Ignored("nothing was said in it"),
        ),
        (Value::Null, What::Ignored("nothing was said in it")),
    ] {
        assigned["assigned_to"] = to;
        assert_eq!(whats(topic, assigned.clone()), [what]);
    }
    // What a rule assigns, nobody took.
    assigned["assigned_to"] = json!({"type": "admin", "id": "7"});
    assigned["author"]["type"] = json!("bot");
    assert_eq!(
        whats(topic, assigned),
        [What::Ignored("no teammate made it")]
    );
}

#[test]
fn a_closing_may_carry_a_last_line() {
    let topic = "conversation.admin.closed";
    let closed = || event("closed-132", What::Closed { agent: Some(ann()) });
    assert_eq!(events(topic, part("close", Value::Null)), [closed()]);
    assert_eq!(
        events(topic, part("close", json!("<p>Bye</p>"))),
        [event("message-132", line("Bye")), closed()]
    );
    let mut ours = part("close", Value::Null);
    ours["author"]["id"] = json!(991);
    assert_eq!(whats(topic, ours), [What::Ignored("our own")]);
    let odd = whats(topic, part("snoozed", Value::Null));
    assert_eq!(odd, [What::Ignored("nothing was said in it")]);
}

#[test]
fn notes_bots_echoes_and_redacted_lines_never_reach_the_user() {
    let said = json!("<p>secret</p>");
    let with = |path: &str, value: Value| {
        let mut changed = part("comment", said.clone());
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    let mut redacted = part("comment", said.clone());
    redacted["redacted"] = json!(true);
    let mut ai = part("comment", said.clone());
    ai["author"]["from_ai_agent"] = json!(true);
    for (topic, part, what) in [
        (
            "conversation.admin.noted",
            part("note", said.clone()),
            What::PrivateNote,
        ),
        (
            "conversation.admin.replied",
            part("note", said.clone()),
            What::PrivateNote,
        ),
        (
            "conversation.admin.open.assigned",
            part("conversation_attribute_updated_by_admin", said.clone()),
            What::Ignored("nothing was said in it"),
        ),
        (
            "conversation.admin.replied",
            part("note_and_reopen", said.clone()),
            What::PrivateNote,
        ),
        (
            "conversation.admin.replied",
            with("/author/id", json!("991")),
            What::Ignored("our own"),
        ),
        (
            "conversation.admin.replied",
            with("/author/type", json!("bot")),
            What::Ignored("no teammate made it"),
        ),
        (
            "conversation.admin.replied",
            with("/author/type", json!("user")),
            What::Ignored("no teammate made it"),
        ),
        (
            "conversation.admin.replied",
            with("/author", Value::Null),
            What::Ignored("it has no author"),
        ),
        (
            "conversation.admin.replied",
            ai,
            What::Ignored("an AI agent made it"),
        ),
        (
            "conversation.admin.replied",
            redacted,
            What::Ignored("it was redacted"),
        ),
        (
            "conversation.user.replied",
            part("comment", said.clone()),
            What::Ignored("a topic that is not used"),
        ),
        (
            "conversation.operator.replied",
            part("comment", said.clone()),
            What::Ignored("a topic that is not used"),
        ),
        (
            "something.new",
            json!(7),
            What::Ignored("a topic that is not used"),
        ),
    ] {
        assert_eq!(whats(topic, part), [what], "{topic}");
    }
}

#[test]
fn files_and_pictures_come_with_their_line() {
    let mut sent = part(
        "comment",
        json!("<p>see</p><img src=\"https://x.intercomcdn.com/i/p.png?e=1\">"),
    );
    sent["attachments"] = json!([
        {"type": "upload", "name": "a.pdf", "url": "https://x.intercomcdn.com/1", "content_type": "application/pdf", "filesize": 12},
        {"type": "upload", "name": "b", "url": "javascript:alert(1)"},
    ]);
    sent["author"]["name"] = Value::Null;
    let said = whats("conversation.admin.replied", sent);
    let [What::Message(line)] = &said[..] else {
        panic!("{said:?}");
    };
    let file = |name: &str, kind: Option<&str>, bytes, url: &str| DeskFile {
        name: name.into(),
        content_type: kind.map(Into::into),
        bytes,
        url: url.into(),
        public: true,
    };
    assert!(
        line.files
            == [
                file(
                    "a.pdf",
                    Some("application/pdf"),
                    Some(12),
                    "https://x.intercomcdn.com/1"
                ),
                file("p.png", None, None, "https://x.intercomcdn.com/i/p.png?e=1"),
            ]
    );
    assert_eq!(line.text, "see");
    // Nobody's name is known: it has to be asked for.
    assert!(line.incomplete && line.agent.name.is_empty());
}

#[test]
fn a_ping_is_answered_and_another_workspace_ignored() {
    let ping = json!({
        "type": "notification_event", "app_id": "w1", "id": null, "topic": "ping",
        "created_at": 1_700_000_000, "data": {"type": "notification_event_data",
            "item": {"type": "ping", "message": "something"}},
    });
    let received = read(&ping, &secret()).unwrap();
    assert_eq!((received.events.len(), received.answer), (0, Answer::Empty));
    let mine = Secret {
        app_id: Some("w2".into()),
        ..secret()
    };
    let body = notification("conversation.admin.closed", part("close", Value::Null));
    let events = read(&body, &mine).unwrap().events;
    assert_eq!(events[0].what, What::Ignored("another workspace"));
}

#[test]
fn what_cannot_be_read_is_named_by_its_place_alone() {
    for (body, says) in [
        (json!("hush"), "not a notification (line 1, column 6)"),
        (
            json!({"topic": "hush", "id": "n"}),
            "not a notification (line 1, column 25)",
        ),
        (
            json!({"topic": "conversation.admin.replied", "id": "n", "created_at": 1, "data": {"item": "hush"}}),
            "data.item: not a conversation",
        ),
    ] {
        assert_eq!(read(&body, &secret()).unwrap_err().0, says);
    }
}
