//! What help desks send: through each connector, and what comes of it into a table.

use std::sync::{Arc, OnceLock};

use arbitrary::Unstructured;
use handoff::desk::{
    Desk, DeskEvent, DeskHttp, Desks, Received, Route, Unreadable, Unverified, What,
};
use handoff::gptbots::parse_establish;
use handoff::inbound::{Inbound, Taken};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::settings::Settings;
use handoff::time::ManualClock;
use lambda_http::http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::shape;
use crate::table::{NOW, Table};

/// The headers by which desks sign, and those that name a call.
const HEADERS: [&str; 11] = [
    "x-slack-signature",
    "x-slack-request-timestamp",
    "x-chatwoot-signature",
    "x-chatwoot-timestamp",
    "x-zendesk-webhook-signature",
    "x-zendesk-webhook-signature-timestamp",
    "x-zendesk-webhook-invocation-id",
    "x-hub-signature",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// Calls as they come, each with the instance it is for; what an input says is changed in them.
fn calls() -> &'static [(&'static str, Route, Value)] {
    static CALLS: OnceLock<Vec<(&'static str, Route, Value)>> = OnceLock::new();
    CALLS.get_or_init(|| {
        let slack = |event: Value| {
            json!({"token": "x", "team_id": "T1", "api_app_id": "A1", "type": "event_callback",
                "event_id": "Ev1", "event_time": 1_726_133_700, "event": event})
        };
        let chatwoot = json!({"event": "message_created", "id": 9001, "content": "Hello **there**",
            "content_type": "text", "content_attributes": {}, "message_type": "outgoing", "private": false,
            "created_at": "2026-06-16T09:30:15.734Z", "account": {"id": 1}, "attachments": [],
            "sender": {"id": 7, "name": "Bo", "type": "user"}, "conversation": {"id": 42, "status": "open"}});
        let resolved = json!({"event": "conversation_status_changed", "id": 42, "status": "resolved",
            "changed_attributes": [{"status": {"current_value": "resolved", "previous_value": "open"}}],
            "meta": {"assignee": {"id": 7, "name": "Bo", "type": "user"}}, "updated_at": 1_781_602_215.5,
            "messages": [{"id": 1, "account_id": 1}]});
        let ticket = |kind: &str, event: Value| {
            json!({"account_id": 1, "id": "e-1", "subject": "zen:ticket:35436", "time": "2021-03-25T05:09:27.5Z",
                "type": format!("zen:event-type:ticket.{kind}"), "zendesk_event_version": "2022-11-06",
                "detail": {"id": "35436", "external_id": "gptbots-0f-1", "status": "OPEN", "actor_id": "8"},
                "event": event})
        };
        let intercom = |topic: &str, kind: &str| {
            json!({"type": "notification_event", "app_id": "w1", "id": "notif_1", "topic": topic,
                "created_at": 1_700_000_000, "data": {"item": {"type": "conversation", "id": "499", "state": "open",
                    "conversation_parts": {"conversation_parts": [{"type": "conversation_part", "id": "132",
                        "part_type": kind, "body": "<p>Hello <b>you</b></p>", "created_at": 1_699_999_999,
                        "author": {"type": "admin", "id": "7", "name": "Ann"}, "assigned_to": null,
                        "attachments": [{"type": "upload", "name": "a.png", "url": "https://downloads.intercomcdn.com/a",
                            "content_type": "image/png", "filesize": 9}]}]}}}})
        };
        let own = |kind: &str| {
            json!({"type": kind, "timestamp": "2026-06-16T09:30:15Z", "data": {"reference": "r1", "message_id": "m1",
                "text": "Hello", "agent": {"id": "a1", "name": "Ann"},
                "files": [{"url": "https://files.example/a.png", "name": "a.png", "content_type": "image/png"}]}})
        };
        vec![
            ("slack", Route::Events, slack(json!({"type": "message", "user": "W222", "text": "Hello &lt;you&gt; <@U1|ann>",
                "ts": "1726133700.887259", "thread_ts": "1726133698.626339", "channel": "C111", "files": [
                    {"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 9,
                        "url_private": "https://files.slack.com/files-pri/T1-F1/a.png"}]}))),
            ("slack", Route::Events, slack(json!({"type": "reaction_added", "user": "W222", "reaction": "x",
                "item": {"type": "message", "channel": "C111", "ts": "1.2"}}))),
            ("slack", Route::Events, json!({"token": "x", "challenge": "3eZbrw1a", "type": "url_verification"})),
            ("slack", Route::Interactions, json!({"type": "block_actions", "team": {"id": "T1"},
                "user": {"id": "U7", "username": "ken", "name": "ken"}, "channel": {"id": "C111"},
                "message": {"ts": "1726133698.626339"}, "container": {"message_ts": "1726133698.626339", "channel_id": "C111"},
                "actions": [{"action_id": "handoff_close", "block_id": "handoff", "type": "button", "value": "x",
                    "action_ts": "1726133705.100000"}]})),
            ("chatwoot", Route::Events, chatwoot),
            ("chatwoot", Route::Events, resolved),
            ("zendesk", Route::Events, ticket("comment_added", json!({"comment": {"id": "77", "body": "Hi **there**",
                "is_public": true, "author": {"id": "8", "is_staff": true, "name": "Ann"}}}))),
            ("zendesk", Route::Events, ticket("status_changed", json!({"current": "SOLVED", "previous": "OPEN"}))),
            ("zendesk", Route::Events, ticket("agent_assignment_changed", json!({"current": "8", "previous": null}))),
            ("zendesk", Route::Events, json!({"handoff": "reply", "ticket": "35", "external_id": "gptbots-0f-1",
                "status": "Solved", "agent": "8", "name": "Ann+Agent", "text": "Hi+%22Bob%22",
                "files": "a+b.png=https%3A%2F%2Facme.zendesk.com%2Fattachments%2Ftoken%2Fx%2F%3Fname%3Da&"})),
            ("intercom", Route::Events, intercom("conversation.admin.replied", "comment")),
            ("intercom", Route::Events, intercom("conversation.admin.assigned", "assignment")),
            ("intercom", Route::Events, intercom("conversation.admin.closed", "close")),
            ("webhooks", Route::Events, own("agent.message")),
            ("webhooks", Route::Events, own("agent.claimed")),
            ("webhooks", Route::Events, own("agent.closed")),
        ]
    })
}

/// The instances, named as their kinds.
fn desk(name: &str) -> Arc<dyn Desk> {
    static DESKS: OnceLock<Desks> = OnceLock::new();
    let desks = DESKS.get_or_init(|| {
        let secret = json!({"desks": {
            "slack": {"kind": "slack", "bot_token": "xoxb-1", "signing_secret": "s3cret-of-slack",
                "channel": "C111", "team_id": "T1"},
            "chatwoot": {"kind": "chatwoot", "base_url": "https://chat.example", "inbox_identifier": "i",
                "contact_secret": "a-secret-of-contacts", "webhook_secret": "w-secret", "account_id": 1, "api_access_token": "t"},
            "zendesk": {"kind": "zendesk", "base_url": "https://acme.zendesk.com", "email": "a@acme.example",
                "api_token": "t", "user_id": 7, "webhook_secrets": ["w"]},
            "intercom": {"kind": "intercom", "access_token": "t", "client_secret": "c", "admin_id": "991"},
            "webhooks": {"kind": "webhooks", "url": "https://own.example/handoff",
                "send_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "receive_secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
        }});
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = DeskHttp::new(Targets::Public, ManualClock::at(NOW).shared()).expect("a client");
        Desks::of(&Secrets::parse(&secret.to_string()).expect("a secret"), &http)
    });
    desks.get(name).expect("a desk").clone()
}

/// First byte: whose call; second: whether what follows is the body, or says how to change a call as it
/// comes, and with which path token. Then a line of text that stands in the headers.
pub fn from_desks(input: &[u8]) {
    let mut input = input;
    let calls = calls();
    let most = u8::try_from(calls.len()).unwrap_or(u8::MAX);
    let (name, route, call) = &calls[usize::from(crate::choice(&mut input, most))];
    let kind = crate::choice(&mut input, 8);
    let (line, rest) = match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (&input[..0], input),
    };
    let body = if kind < 4 {
        rest.to_vec()
    } else {
        let mut call = call.clone();
        if change(&mut call, &mut Unstructured::new(rest)).is_err() {
            return;
        }
        match route {
            Route::Events => call.to_string().into_bytes(),
            Route::Interactions => form(&call),
        }
    };
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        let value = match name.contains("timestamp") && !name.contains("zendesk") {
            true => Ok(HeaderValue::from(NOW / 1_000)),
            false => HeaderValue::from_bytes(line),
        };
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
    let call = Unverified {
        route: *route,
        path_token: (kind % 4 == 1).then_some("t0ken"),
        headers: &headers,
        body: &body,
    };
    let desk = desk(name);
    // Nobody guesses a signature.
    assert!(desk.verify(call.clone(), NOW).is_err(), "believed");
    let read = desk.parse(call.clone().into_verified());
    assert_eq!(read, desk.parse(call.into_verified()), "read otherwise");
    match read {
        Err(Unreadable(why)) => says_where(&why, &body),
        Ok(received) => crate::block_on(taken(&received)),
    }
}

/// As a browser sends it: Slack's interactions.
fn form(call: &Value) -> Vec<u8> {
    let mut body = b"payload=".to_vec();
    for byte in call.to_string().bytes() {
        body.extend(format!("%{byte:02X}").bytes());
    }
    body
}

/// Changes up to four members, wherever they are.
fn change(call: &mut Value, u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    for _ in 0..u.int_in_range(0..=4)? {
        change_one(call, u)?;
    }
    Ok(())
}

fn change_one(place: &mut Value, u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    if !u.ratio(1, 5)? {
        let deeper = match place {
            Value::Object(members) if !members.is_empty() => {
                let at = u.int_in_range(0..=members.len() - 1)?;
                members.values_mut().nth(at)
            }
            Value::Array(items) if !items.is_empty() => {
                let at = u.int_in_range(0..=items.len() - 1)?;
                items.get_mut(at)
            }
            _ => None,
        };
        if let Some(deeper) = deeper {
            return change_one(deeper, u);
        }
    }
    let longer = match place {
        Value::String(text) if u.ratio(1, 2)? => {
            Some(Value::from(format!("{text}{}", u.arbitrary::<&str>()?)))
        }
        _ => None,
    };
    *place = match longer {
        Some(longer) => longer,
        None => shape::value(u, 3)?,
    };
    Ok(())
}

/// A refusal names a place and quotes nothing.
fn says_where(why: &str, body: &[u8]) {
    assert!(!why.is_empty() && why.chars().count() < 300, "{why}");
    fn quotes(value: &Value, why: &str) -> bool {
        match value {
            Value::String(text) => {
                text.len() >= 12
                    && text.bytes().any(|byte| byte.is_ascii_digit())
                    && why.contains(text.as_str())
            }
            Value::Array(items) => items.iter().any(|item| quotes(item, why)),
            Value::Object(members) => members.values().any(|member| quotes(member, why)),
            _ => false,
        }
    }
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        assert!(!quotes(&body, why), "{why}");
    }
}

/// What happened can be written, whether its conversation is known or not, and once only.
async fn taken(received: &Received) {
    for event in &received.events {
        for known in [true, false] {
            let table = Table::default();
            let store = table.store();
            if known {
                let settings = Settings::default();
                let establish =
                    json!({"conversation_id": "c1", "timestamp": 1, "bot_id": "b", "body": []});
                let establish = parse_establish(&establish).expect("an establish");
                let handoff = settings.handoff("b");
                store.establish(&establish, &handoff).await.expect("stored");
                refer(&table, event);
            }
            let settings = Settings {
                desk: "d".to_owned(),
                ..Settings::default()
            };
            let inbound = Inbound {
                store: &store,
                settings: &settings,
                desk: "d",
            };
            let first = inbound.take(event).await.expect("written");
            let items = table.items();
            inbound.take(event).await.expect("written");
            assert_eq!(table.items(), items, "the same event is written anew");
            let nothing = matches!(event.what, What::PrivateNote | What::Ignored(_));
            assert!(!nothing || matches!(first, Taken::Nothing(_)), "{first:?}");
        }
    }
}

/// Makes the event's conversation known.
fn refer(table: &Table, event: &DeskEvent) {
    // What is longer is no reference, and no key could hold it.
    if event.reference.len() <= 512 {
        table.insert(json!({
            "pk": {"S": format!("D#d#{}", event.reference)}, "sk": {"S": "REF"},
            "conversation_id": {"S": "c1"}, "episode": {"N": "1"}, "expires_at": {"N": "99999999999"},
        }));
    }
}
