//! What an agent's browser sends: paths, queries, bodies, and the claims that come with them.

use std::sync::{Arc, OnceLock};

use handoff::gptbots::{parse_chat, parse_establish};
use handoff::settings::{Settings, SettingsSource};
use handoff::time::ManualClock;
use lambda_http::Body;
use serde_json::{Value, json};

use crate::table::{NOW, Table};

/// The conversation that exists, as its path has it: `c1`.
const KNOWN: &str = "YzE";
/// Calls, with `{}` for what the input puts there.
const CALLS: [(&str, &str); 24] = [
    ("GET", "me"),
    ("GET", "conversations"),
    ("GET", "conversations/YzE"),
    ("GET", "conversations/{}"),
    ("POST", "conversations/YzE/messages"),
    ("POST", "conversations/{}/messages"),
    ("POST", "conversations/YzE/claim"),
    ("POST", "conversations/YzE/close"),
    ("POST", "conversations/YzE/entries/{}/replay"),
    ("POST", "conversations/{}/entries/x/replay"),
    ("GET", "{}"),
    ("DELETE", "conversations/{}"),
    ("GET", "failed"),
    ("POST", "replay"),
    ("POST", "conversations/YzE/replay"),
    ("POST", "conversations/{}/replay"),
    ("POST", "conversations/YzE/notes"),
    ("POST", "conversations/YzE/release"),
    ("POST", "conversations/YzE/assign"),
    ("GET", "conversations/YzE/person"),
    ("GET", "agents"),
    ("POST", "agents"),
    ("GET", "canned"),
    ("POST", "canned"),
];

/// First byte: which call; second: whose claims. Up to the first line break: what goes into the
/// path; up to the second: the query; the rest: the body.
pub fn agents(input: &[u8]) {
    let mut input = input;
    let (method, path) = CALLS[usize::from(crate::choice(&mut input, CALLS.len() as u8))];
    let claims = crate::choice(&mut input, 4);
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let segment = visible(part());
    let query = visible(part());
    let body = part();

    let path = format!("/console/api/{}", path.replace("{}", &segment));
    let claims = match claims {
        0 => Value::Null,
        1 => json!({"jwt": {"claims": {"sub": "s-1", "name": "Ann"}, "scopes": null}}),
        2 => {
            json!({"jwt": {"claims": {"sub": "s-2", "email": query, "name": segment, "groups": "[supervisors]"}, "scopes": null}})
        }
        _ => json!({"jwt": {"claims": {"sub": " "}, "scopes": null}}),
    };
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": {"content-type": "application/json", "host": "x.example"},
        "requestContext": {"stage": "$default", "authorizer": claims, "timeEpoch": 0,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"}},
        "isBase64Encoded": false,
    });
    // Not every query makes a URI; API Gateway would not have passed it on.
    if query
        .parse::<lambda_http::http::uri::PathAndQuery>()
        .is_err()
        && !query.is_empty()
    {
        return;
    }
    let Ok(mut request) = lambda_http::request::from_str(&event.to_string()) else {
        return;
    };
    *request.body_mut() = Body::Binary(body.to_vec());
    crate::block_on(answered(request, &claims, body));
}

/// Printable ASCII, as a path and a query have it; the rest as percent signs.
fn visible(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}?".contains(byte);
    bytes
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte) } else { '~' })
        .collect()
}

async fn answered(request: lambda_http::Request, claims: &Value, body: &[u8]) {
    let table = Table::default();
    let store = table.store();
    seed(&store).await;
    let clock = ManualClock::at(NOW).shared();
    let settings = Arc::new(SettingsSource::new(store.clone(), clock));
    let console = console::Console::new(store, settings);
    let signed_in = claims["jwt"]["claims"]["sub"]
        .as_str()
        .is_some_and(|sub| !sub.trim().is_empty());
    let get = request.method() == "GET";

    let before = table.items();
    let answer = console.handle(request).await.expect("never fails");
    let status = answer.status().as_u16();
    assert!(
        matches!(status, 200 | 400 | 401 | 403 | 404 | 405 | 409 | 413),
        "{status}"
    );
    let said: Value = serde_json::from_slice(answer.body().as_ref()).expect("JSON");
    if !signed_in {
        assert!(status == 401 || status == 404, "{status} without claims");
        assert!(said.get("conversations").is_none() && said.get("entries").is_none());
    }
    if status != 200 {
        assert_eq!(said["code"], status);
        let message = said["message"].as_str().expect("a message");
        assert!(!message.is_empty() && message.chars().count() < 300);
        assert_eq!(table.items(), before, "refused and yet written");
        quotes_nothing(message, body);
    } else if get {
        assert_eq!(table.items(), before, "read and yet written");
    }
    // Lambda takes 6 MB, and escapes the body once more.
    assert!(serde_json::to_string(answer.body()).is_ok_and(|text| text.len() < 6 << 20));
}

/// No text of the body is in the message.
fn quotes_nothing(message: &str, body: &[u8]) {
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    for text in members.values().filter_map(Value::as_str) {
        // Shorter ones, and words of the answers themselves, say nothing.
        let long = text.len() >= 12 && text.bytes().any(|byte| byte.is_ascii_digit());
        assert!(!long || !message.contains(text), "{message}");
    }
}

/// The conversation `c1`, with a line of its user.
async fn seed(store: &handoff::store::Store) {
    static HANDOFF: OnceLock<handoff::store::Handoff> = OnceLock::new();
    let handoff = HANDOFF.get_or_init(|| Settings::default().handoff("b"));
    let establish = json!({"conversation_id": "c1", "timestamp": 1, "bot_id": "b",
        "body": [{"message_type": "QUESTION", "text": "help"}]});
    let establish = parse_establish(&establish).expect("an establish");
    assert_eq!(establish.conversation.to_path(), KNOWN);
    store.establish(&establish, handoff).await.expect("stored");
    let chat = json!({"conversation_id": "c1", "timestamp": 2, "body": "\u{1}\"".repeat(100)});
    store
        .chat(&parse_chat(&chat).expect("a line"), 90)
        .await
        .expect("stored");
}
