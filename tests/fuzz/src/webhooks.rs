//! What GPTBots sends, through the functions that take it, into a table and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use base64::Engine as _;
use handoff::conversation::{ConversationId, History, Side};
use handoff::metrics::Metrics;
use handoff::settings::{FromDocument, Settings, SettingsSource};
use handoff::time::ManualClock;
use handoff::token::Tokens;
use handoff::webhook::Webhook;
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};

use crate::shape;
use crate::table::{NOW, Table};

/// The longest line of a user, in bytes.
const MAX_LINE: usize = 32 * 1024;
/// Names of members, common ones first.
const NAMES: [&str; 14] = [
    "body",
    "body",
    "user_info",
    "email",
    "files",
    "conversation_type",
    "channel_name",
    "channel_id",
    "attachments",
    "parts",
    "type",
    "timestamp",
    "bot_id",
    "conversation_id",
];
const CONTENT_TYPES: [Option<&str>; 6] = [
    Some("application/json"),
    Some("application/json; charset=utf-8"),
    Some("text/plain"),
    None,
    Some("APPLICATION/JSON"),
    Some("application/x-www-form-urlencoded"),
];
const TOKEN: &str = "local-token";

/// Which webhook a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/chat`.
    Chat,
    /// `/conversation/establish`.
    Establish,
    /// `/conversation/close`.
    Close,
}

impl Route {
    fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat",
            Self::Establish => "/conversation/establish",
            Self::Close => "/conversation/close",
        }
    }
}

/// First byte: the webhook, and whether the body is raw or made of shapes; second: content type and
/// base64; third: the path. Rest: the body.
pub fn webhooks(input: &[u8]) {
    let mut input = input;
    let route = crate::choice(&mut input, 6);
    let kind = crate::choice(&mut input, 12);
    let path = crate::choice(&mut input, 8);
    // So that 'c', 'd' and 'e' are raw, and 'f', 'g' and 'h' made of shapes.
    let shaped = route < 3;
    let route = [Route::Chat, Route::Establish, Route::Close][usize::from(route % 3)];
    let body = if shaped {
        match shape(route, &mut Unstructured::new(input)) {
            Ok(body) => body.to_string().into_bytes(),
            Err(_) => return,
        }
    } else {
        input.to_vec()
    };
    let ending = route.path();
    let (prefix, token_is_right) = match path {
        1 => ("/stage/local-token", true),
        2 => ("/local-token/x", false),
        3 => ("//wrong", false),
        4 => ("", false),
        _ => ("/local-token", true),
    };
    let request = || request(&format!("{prefix}{ending}"), usize::from(kind), &body);
    let table = Table::default();
    let first = crate::block_on(handled(route, &table, request()));
    checked(&first, token_is_right);
    let stored = table.items();
    if first.0 != 200 {
        assert!(stored.is_empty(), "refused and yet stored");
        return;
    }
    let again = crate::block_on(handled(route, &table, request()));
    assert_eq!(again, first, "the second copy is answered otherwise");
    assert_eq!(table.items(), stored, "the second copy is stored anew");
    // Read here by other means, which are stricter: what they refuse was mended, and is not compared.
    if let Ok(plain) = serde_json::from_slice(&body) {
        crate::block_on(read_back(route, &table, &plain));
    }
}

/// A payload that mostly gets behind the checks of its first members.
fn shape(route: Route, u: &mut Unstructured<'_>) -> arbitrary::Result<Value> {
    let mut payload = shape::object(u, 3, &NAMES)?;
    for (name, value) in [
        ("conversation_id", json!("c")),
        ("timestamp", json!(NOW)),
        ("bot_id", json!("b")),
        ("type", json!("TIMEOUT")),
    ] {
        if !u.ratio(1, 16)? {
            payload[name] = value;
        }
    }
    if route == Route::Establish && u.arbitrary()? {
        let names = ["phone", "email", "user_id", "anonymous_id", "user_name"];
        payload["user_info"] = shape::object(u, 1, &names)?;
    }
    Ok(payload)
}

fn request(path: &str, kind: usize, body: &[u8]) -> Request {
    let content_type = CONTENT_TYPES[kind % CONTENT_TYPES.len()];
    let base64 = kind >= CONTENT_TYPES.len() || std::str::from_utf8(body).is_err();
    let text = if base64 {
        base64::engine::general_purpose::STANDARD.encode(body)
    } else {
        String::from_utf8_lossy(body).into_owned()
    };
    let mut headers = json!({"host": "x.example", "user-agent": "Java-http-client/17"});
    if let Some(content_type) = content_type {
        headers["content-type"] = json!(content_type);
    }
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": headers, "body": text, "isBase64Encoded": base64,
        "requestContext": {"stage": "$default", "timeEpoch": 0,
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"}},
    });
    lambda_http::request::from_str(&event.to_string()).expect("an event as API Gateway makes it")
}

fn webhook<S: FromDocument>(table: &Table) -> Webhook<S> {
    let store = table.store();
    Webhook {
        settings: Arc::new(SettingsSource::new(
            store.clone(),
            ManualClock::at(NOW).shared(),
        )),
        tokens: Tokens::parse(&Tokens::hash(TOKEN)).expect("a hash"),
        store,
        metrics: Metrics::off(),
    }
}

async fn handled(route: Route, table: &Table, request: Request) -> (u16, Value) {
    let answer: Response<Body> = match route {
        Route::Chat => chat::Chat(webhook(table)).handle(request).await,
        Route::Establish => establish::Establish(webhook(table)).handle(request).await,
        Route::Close => close::Close(webhook(table)).handle(request).await,
    }
    .expect("never fails");
    let said = serde_json::from_slice(answer.body().as_ref()).expect("JSON");
    (answer.status().as_u16(), said)
}

/// Hands a body to a function and times it: what is answered, how long it took, and the most memory
/// the process had meanwhile, in bytes (Linux; 0 elsewhere).
pub fn measure(route: Route, body: &[u8]) -> (u16, Duration, u64) {
    let request = request(&format!("/{TOKEN}{}", route.path()), 0, body);
    let table = Table::default();
    // Resets the peak (proc(5)).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let begun = Instant::now();
    let (status, _) = crate::block_on(handled(route, &table, request));
    let took = begun.elapsed();
    (status, took, peak_memory())
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// `{code, message}`, with a message out of a closed list: it names a field, and quotes nothing.
fn checked((status, said): &(u16, Value), token_is_right: bool) {
    assert_eq!(said["code"], *status);
    let message = said["message"].as_str().expect("a message");
    match status {
        200 => assert_eq!(message, "success"),
        401 => assert_eq!(message, "the token in the path is not valid"),
        400 | 413 | 415 => {
            let (field, problem) = message.split_once(": ").expect("a field and a problem");
            assert!(
                ["body", "conversation_id", "timestamp", "bot_id", "type"].contains(&field),
                "{message}"
            );
            let problem: String = problem.chars().filter(|c| !c.is_ascii_digit()).collect();
            assert!(PROBLEMS.contains(&problem.as_str()), "{message}");
        }
        other => panic!("answered with {other}"),
    }
    assert_eq!(*status == 401, !token_is_right);
}

/// What can be wrong, without its digits.
const PROBLEMS: [&str; 26] = [
    "is missing",
    "must not be empty",
    "must be at most  bytes long",
    "must not contain control characters",
    "is out of range",
    "must be at most  MB",
    "must be JSON (Content-Type: application/json)",
    "is not valid JSON (line , column )",
    "must be TIMEOUT or USER_CLOSED",
    "must be a whole number of milliseconds since ",
    "must be a string, not a boolean",
    "must be a string, not a number",
    "must be a string, not an array",
    "must be a string, not an object",
    "must be a JSON object, not null",
    "must be a JSON object, not a boolean",
    "must be a JSON object, not a number",
    "must be a JSON object, not a string",
    "must be a JSON object, not an array",
    "must be a whole number of milliseconds since , not a boolean",
    "must be a whole number of milliseconds since , not a string",
    "must be a whole number of milliseconds since , not an array",
    "must be a whole number of milliseconds since , not an object",
    "must be a string, not null",
    "must be JSON",
    "must be UTF-",
];

/// What was stored says what was sent, as far as it fits, and shows where it does not.
async fn read_back(route: Route, table: &Table, sent: &Value) {
    let items = table.items();
    let pk = items.keys().find_map(|(pk, _)| pk.strip_prefix("C#"));
    let id = ConversationId::new(pk.expect("something is stored")).expect("an id");
    if let Some(known) = sent["conversation_id"].as_str() {
        assert_eq!(id.as_str(), known);
    }
    let store = table.store();
    let lane = store
        .lane(&id, Side::Desk)
        .await
        .expect("what is stored can be read");
    match route {
        Route::Close => assert_eq!(lane.entries.len(), 1),
        Route::Chat => {
            let [line] = &lane.entries[..] else {
                panic!("{} lines of one", lane.entries.len());
            };
            assert!(!line.text.is_empty() && line.text.len() <= MAX_LINE);
            let bare = ["files", "attachments", "parts"]
                .iter()
                .all(|name| sent[*name].is_null());
            if let Some(text) = sent["body"]
                .as_str()
                .filter(|text| bare && !text.trim().is_empty())
            {
                same_or_cut(&line.text, text, MAX_LINE);
            }
        }
        Route::Establish => {
            let known = store
                .conversation(&id)
                .await
                .expect("readable")
                .expect("stored");
            same_or_cut(
                known.bot.as_deref().unwrap_or_default(),
                sent["bot_id"].as_str().unwrap_or_default(),
                256,
            );
            let user = &known.user;
            for value in [
                &user.name,
                &user.email,
                &user.phone,
                &user.user_id,
                &user.anonymous_id,
            ] {
                assert!(
                    value
                        .as_ref()
                        .is_none_or(|text| (1..=512).contains(&text.len()))
                );
            }
            if let Some(id) = sent["user_info"]["user_id"]
                .as_str()
                .map(str::trim)
                .filter(|id| !id.is_empty())
            {
                same_or_cut(user.user_id.as_deref().unwrap_or_default(), id, 512);
            }
            let history = store.history(&id, known.episode).await.expect("readable");
            history_of(&history, &sent["body"]);
            assert_eq!(lane.entries.len(), 1);
            let to_user = store.lane(&id, Side::User).await.expect("readable");
            let greeting = Settings::default().greeting;
            // In the user's language, as far as it shows.
            let [only] = to_user.entries.as_slice() else {
                panic!("greeted {} times", to_user.entries.len());
            };
            assert!(greeting.wordings().contains(&only.text.as_str()));
        }
    }
}

fn same_or_cut(kept: &str, sent: &str, max: usize) {
    if sent.len() <= max {
        assert_eq!(kept, sent);
    } else {
        assert!(kept.len() <= max && kept.contains("… [cut: "));
    }
}

fn history_of(history: &History, body: &Value) {
    let json = serde_json::to_string(history).expect("JSON");
    assert!(json.len() <= 301 * 1024, "{} bytes", json.len());
    let Value::Array(turns) = body else {
        assert!(history.turns.len() + history.omitted <= 1);
        return;
    };
    let turns: Vec<_> = turns.iter().filter(|turn| !turn.is_null()).collect();
    assert_eq!(history.turns.len() + history.omitted, turns.len());
    assert_eq!(
        history.turns.is_empty(),
        turns.is_empty(),
        "the newest turn is always kept"
    );
    for (kept, turn) in history.turns.iter().rev().zip(turns.iter().rev()) {
        if let Some(text) = turn["text"].as_str().filter(|text| !text.trim().is_empty()) {
            assert!(
                kept.text.starts_with(text) || kept.text.contains("… [cut: "),
                "another text"
            );
        }
    }
}
