use serde_json::{Value, json};

use super::config::Config;
use super::parse::{event, interaction, millis, of_reference};
use super::tests::{http, secret};
use crate::desk::{AgentLine, Answer, DeskEvent, What};
use proptest::prelude::*;

fn config() -> Config {
    let mut secret = secret();
    secret["team_id"] = json!("T1");
    Config::read(&secret, &http()).unwrap()
}

fn callback(event: Value) -> Value {
    json!({
        "token": "x", "team_id": "T1", "api_app_id": "A1", "type": "event_callback",
        "event_id": "Ev1", "event_time": 1_726_133_700, "event": event,
    })
}

/// An agent's reply, as the contract has it.
fn reply() -> Value {
    json!({
        "type": "message", "user": "W222", "text": "Hello &lt;you&gt;",
        "ts": "1726133700.887259", "thread_ts": "1726133698.626339", "parent_user_id": "U_BOT",
        "channel": "C111", "channel_type": "channel", "event_ts": "1726133700.887259",
    })
}

fn read(call: &Value) -> DeskEvent {
    let mut received = event(call.to_string().as_bytes(), &config()).unwrap();
    assert_eq!(received.answer, Answer::Empty);
    assert_eq!(received.events.len(), 1);
    received.events.remove(0)
}

fn line(event: DeskEvent) -> AgentLine {
    match event.what {
        What::Message(line) => line,
        other => panic!("{other:?}"),
    }
}

fn with(name: &str, value: Value) -> DeskEvent {
    let mut event = reply();
    event[name] = value;
    read(&callback(event))
}

#[test]
fn the_challenge_is_given_back() {
    let call = json!({"token": "x", "challenge": "3eZbrw1a", "type": "url_verification"});
    let received = event(call.to_string().as_bytes(), &config()).unwrap();
    assert!(received.events.is_empty());
    assert_eq!(received.answer, Answer::Text("3eZbrw1a".into()));
}

#[test]
fn an_agents_reply_is_a_message_once_however_often_it_comes() {
    let event = read(&callback(reply()));
    assert_eq!(event.reference, "C111/1726133698.626339");
    assert_eq!(event.at, Some(1_726_133_700_887));
    let mut again = callback(reply());
    again["event_id"] = json!("Ev2");
    assert_eq!(read(&again).id, event.id);
    let line = line(event);
    assert_eq!(line.text, "Hello <you>");
    assert_eq!(line.agent.id, "W222");
    assert!(line.incomplete && line.files.is_empty());
}

#[test]
fn also_sent_to_the_channel_is_still_a_reply() {
    let event = with("subtype", json!("thread_broadcast"));
    assert_eq!(line(event).text, "Hello <you>");
}

#[test]
fn what_is_not_an_agents_own_word_is_ignored() {
    for (name, value) in [
        ("bot_id", json!("B1")),
        ("subtype", json!("bot_message")),
        ("subtype", json!("message_changed")),
        ("subtype", json!("message_deleted")),
        ("subtype", json!("channel_join")),
        ("hidden", json!(true)),
        ("user", json!("USLACKBOT")),
        ("user", Value::Null),
        ("thread_ts", Value::Null),
        ("thread_ts", json!("1726133700.887259")),
        ("channel", json!("C999")),
        ("text", json!(" ")),
        ("type", json!("app_mention")),
        ("type", json!("reaction_added")),
    ] {
        let event = with(name, value.clone());
        assert!(
            matches!(event.what, What::Ignored(_)),
            "{name} {value}: {event:?}"
        );
    }
    let mut elsewhere = callback(reply());
    elsewhere["team_id"] = json!("T2");
    assert_eq!(read(&elsewhere).what, What::Ignored("another workspace"));
    let edit = json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": "C111",
        "ts": "1726133701.000000",
        "message": reply(), "previous_message": reply(),
    });
    assert_eq!(read(&callback(edit)).what, What::Ignored("an edit"));
}

#[test]
fn a_prefix_keeps_a_message_among_colleagues() {
    for text in ["// who knows?", "  //x", "*//bold*", "//"] {
        assert_eq!(with("text", json!(text)).what, What::PrivateNote, "{text}");
    }
    let mut event = reply();
    event["text"] = json!("// see");
    event["subtype"] = json!("file_share");
    event["files"] = json!([{"name": "a", "url_private": "https://files.slack.com/a"}]);
    assert_eq!(read(&callback(event)).what, What::PrivateNote);
    assert_eq!(line(with("text", json!("a // b"))).text, "a // b");
}

#[test]
fn files_come_with_their_private_address() {
    let mut event = reply();
    event["subtype"] = json!("file_share");
    event["text"] = json!("");
    event["files"] = json!([
        {"name": "a.png", "mimetype": "image/png", "size": 7, "mode": "hosted",
         "url_private": "https://files.slack.com/v", "url_private_download": "https://files.slack.com/d"},
        {"name": "plan", "is_external": true, "url_private": "https://docs.example.com/1"},
        {"id": "F3", "mode": "tombstone"}
    ]);
    let line = line(read(&callback(event)));
    let files: Vec<_> = line
        .files
        .iter()
        .map(|file| (file.url.as_str(), file.bytes, file.public))
        .collect();
    assert_eq!(
        files,
        [
            ("https://files.slack.com/d", Some(7), false),
            ("https://docs.example.com/1", None, true)
        ]
    );
    assert_eq!(line.text, "[a file that could not be passed on: file]");
}

fn pressed(action: &str) -> Value {
    json!({
        "type": "block_actions", "team": {"id": "T1", "domain": "x"},
        "user": {"id": "U7", "username": "ken", "name": "ken", "team_id": "T1"},
        "channel": {"id": "C111", "name": "support"},
        "container": {"type": "message", "message_ts": "1726133698.626339", "channel_id": "C111"},
        "actions": [{"action_id": action, "block_id": "handoff", "type": "button", "value": "x",
                     "action_ts": "1726133705.100000"}],
        "response_url": "https://hooks.slack.com/actions/x", "trigger_id": "x",
    })
}

fn press(payload: &Value) -> DeskEvent {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish();
    interaction(body.as_bytes(), &config())
        .unwrap()
        .events
        .remove(0)
}

#[test]
fn buttons_claim_and_close() {
    let claimed = press(&pressed("handoff_claim"));
    assert_eq!(claimed.reference, "C111/1726133698.626339");
    assert_eq!(claimed.at, Some(1_726_133_705_100));
    match claimed.what {
        What::Assigned(agent) => {
            assert_eq!((agent.id.as_str(), agent.name.as_str()), ("U7", "ken"))
        }
        other => panic!("{other:?}"),
    }
    let closed = press(&pressed("handoff_close"));
    assert!(matches!(closed.what, What::Closed { agent: Some(agent) } if agent.id == "U7"));
    assert_ne!(closed.id, claimed.id);
}

#[test]
fn other_buttons_and_other_places_are_ignored() {
    let mut calls = vec![pressed("vote")];
    for (name, value) in [
        ("type", json!("view_submission")),
        ("channel", json!({"id": "C999"})),
        ("channel", Value::Null),
        ("team", json!({"id": "T2"})),
    ] {
        let mut call = pressed("handoff_close");
        call[name] = value;
        calls.push(call);
    }
    for call in calls {
        assert!(matches!(press(&call).what, What::Ignored(_)), "{call}");
    }
}

#[test]
fn what_cannot_be_read_says_where_and_never_what() {
    let wrong = callback(json!({"type": "message", "channel": 5, "text": "hush"}));
    for body in [
        "hush".to_owned(),
        "[]".to_owned(),
        r#"{"type":"url_verification"}"#.to_owned(),
        wrong.to_string(),
    ] {
        let error = event(body.as_bytes(), &config()).unwrap_err();
        assert!(!error.0.contains("hush"), "{error}");
    }
    for body in [
        "",
        "payload=hush",
        "payload=%7B%22type%22%3A%22block_actions%22%7D&x=hush",
    ] {
        let outcome = interaction(body.as_bytes(), &config());
        assert!(!format!("{outcome:?}").contains("hush"));
    }
}

#[test]
fn timestamps_are_names_first() {
    assert_eq!(millis("1503435956.000247"), Some(1_503_435_956_000));
    assert_eq!(millis("1503435956.5"), Some(1_503_435_956_500));
    for no in [
        "",
        "1503435956",
        "a.b",
        "1.-2",
        "-1.000000",
        "1.2.3",
        "9999999999999.1",
    ] {
        assert_eq!(millis(no), None, "{no}");
    }
    assert_eq!(
        of_reference("C111/1503435956.000247"),
        Some(("C111", "1503435956.000247"))
    );
    for no in ["", "C111", "C111/", "x/1.2", "C111/../x"] {
        assert_eq!(of_reference(no), None, "{no}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_stumble(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        // Made once: a client takes long to make.
        static CONFIG: std::sync::LazyLock<Config> = std::sync::LazyLock::new(config);
        let _ = event(&body, &CONFIG);
        let _ = interaction(&body, &CONFIG);
    }
}
