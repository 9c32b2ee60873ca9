//! The payloads of the three webhooks: lenient in all that can be missing or odd, strict in ids,
//! timestamps and the close type (contract, sections 1 and 2).
//!
//! Parsed by hand from JSON values rather than by derived types: a member of the wrong type must
//! be shown or passed over, not fail the whole, and an error must name its field.

use serde_json::Value;

use super::body::{as_text, body_as_text, parts_beside};
use crate::conversation::{
    ClosedBy, ConversationId, EntryId, History, Speaker, Turn, TurnFile, User,
};
use crate::text::{cut_id, cut_with_mark};
use crate::time::Millis;

/// The longest user line kept, in bytes; longer ones are cut with a mark.
pub const MAX_LINE_BYTES: usize = 32 * 1024;
/// The longest value kept of one member of the user's data, in bytes.
const MAX_FIELD_BYTES: usize = 512;
/// The longest bot id kept, in bytes.
const MAX_BOT_ID_BYTES: usize = 256;
/// The largest timestamp: what a double holds exactly, as JSON numbers often end up in one.
const MAX_TIMESTAMP: i64 = 9_007_199_254_740_991;

/// A field that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// The field, as the contract spells it.
    pub field: &'static str,
    /// What is wrong with it, without its value.
    pub problem: String,
}

impl FieldError {
    /// An error of this field.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }
}

/// A user asks for a human: `POST /conversation/establish`.
#[derive(Debug, Clone, PartialEq)]
pub struct Establish {
    /// The new human conversation.
    pub conversation: ConversationId,
    /// GPTBots' timestamp of the request, epoch milliseconds.
    pub timestamp: Millis,
    /// The bot it comes from.
    pub bot: String,
    /// Who asks.
    pub user: User,
    /// What was said before.
    pub history: History,
}

/// A user's line in a human conversation: `POST /chat`.
#[derive(Clone, PartialEq)]
pub struct Chat {
    /// The human conversation.
    pub conversation: ConversationId,
    /// GPTBots' timestamp of the line, epoch milliseconds.
    pub timestamp: Millis,
    /// The same for every copy of this line, another one for every other line.
    pub entry: EntryId,
    /// What to show of it: text, with links as links.
    pub text: String,
}

// By hand: the text must not reach a log.
impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat")
            .field("conversation", &self.conversation)
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

/// A human conversation has ended at GPTBots' side: `POST /conversation/close`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The human conversation.
    pub conversation: ConversationId,
    /// GPTBots' timestamp of the end, epoch milliseconds.
    pub timestamp: Millis,
    /// `USER_CLOSED` or `TIMEOUT`.
    pub by: ClosedBy,
}

/// Reads the body of `/conversation/establish`.
///
/// # Errors
/// When `conversation_id`, `timestamp` or `bot_id` is missing or not what it has to be.
pub fn parse_establish(payload: &Value) -> Result<Establish, FieldError> {
    let conversation = conversation_id(payload)?;
    let timestamp = timestamp(payload)?;
    let bot = match member(payload, "bot_id") {
        None => return Err(FieldError::new("bot_id", "is missing")),
        Some(Value::String(id)) if id.trim().is_empty() => {
            return Err(FieldError::new("bot_id", "must not be empty"));
        }
        Some(Value::String(id)) => cut_id(id.clone(), MAX_BOT_ID_BYTES),
        Some(other) => return Err(must_be("bot_id", "a string", other)),
    };
    let info = payload.get("user_info").unwrap_or(&Value::Null);
    let user = User {
        name: field(info, "user_name"),
        email: field(info, "email").or_else(|| field(payload, "email")),
        phone: id_field(info, "phone"),
        user_id: id_field(info, "user_id"),
        anonymous_id: id_field(info, "anonymous_id"),
        conversation_type: field(payload, "conversation_type"),
        channel: field(payload, "channel_name").or_else(|| field(payload, "channel_id")),
    };
    Ok(Establish {
        conversation,
        timestamp,
        bot,
        user,
        history: history(payload.get("body")),
    })
}

/// Reads the body of `/chat`.
///
/// # Errors
/// When `conversation_id` or `timestamp` is missing or not what it has to be.
pub fn parse_chat(payload: &Value) -> Result<Chat, FieldError> {
    parse_chat_of(payload, 0, None)
}

/// Reads the body of `/chat`, of which `omitted` parts are missing; `fingerprint` then stands for
/// the whole.
pub(super) fn parse_chat_of(
    payload: &Value,
    omitted: usize,
    fingerprint: Option<&str>,
) -> Result<Chat, FieldError> {
    let conversation = conversation_id(payload)?;
    let timestamp = timestamp(payload)?;
    // The name is made from the body as it came, so that lines which look alike once they are
    // cut, or rendered as text, stay apart.
    let mut raw = match (fingerprint, payload.get("body").unwrap_or(&Value::Null)) {
        (Some(fingerprint), _) => fingerprint.to_owned(),
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    };
    for part in parts_beside(payload) {
        raw.push_str(&part.to_string());
    }
    let mut text = body_as_text(payload);
    if omitted > 0 {
        text.insert_str(0, &format!("… [cut: {omitted} earlier parts]\n"));
    }
    let entry = EntryId::of_user_line(timestamp, raw.as_bytes());
    Ok(Chat {
        conversation,
        timestamp,
        entry,
        text: cut_with_mark(text, MAX_LINE_BYTES),
    })
}

/// Reads the body of `/conversation/close`.
///
/// # Errors
/// When `conversation_id`, `timestamp` or `type` is missing or not what it has to be.
pub fn parse_close(payload: &Value) -> Result<Close, FieldError> {
    Ok(Close {
        conversation: conversation_id(payload)?,
        timestamp: timestamp(payload)?,
        by: match member(payload, "type") {
            None => return Err(FieldError::new("type", "is missing")),
            Some(Value::String(kind)) => match kind.as_str() {
                "USER_CLOSED" => ClosedBy::User,
                "TIMEOUT" => ClosedBy::Timeout,
                _ => {
                    return Err(FieldError::new("type", "must be TIMEOUT or USER_CLOSED"));
                }
            },
            Some(other) => return Err(must_be("type", "a string", other)),
        },
    })
}

/// A member that is there and not null.
fn member<'a>(payload: &'a Value, name: &str) -> Option<&'a Value> {
    payload.get(name).filter(|value| !value.is_null())
}

fn must_be(field: &'static str, what: &str, got: &Value) -> FieldError {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    FieldError::new(field, format!("must be {what}, not {got}"))
}

fn conversation_id(payload: &Value) -> Result<ConversationId, FieldError> {
    const FIELD: &str = "conversation_id";
    if !payload.is_object() {
        return Err(must_be("body", "a JSON object", payload));
    }
    match member(payload, FIELD) {
        None => Err(FieldError::new(FIELD, "is missing")),
        Some(Value::String(id)) => ConversationId::new(id.as_str())
            .map_err(|error| FieldError::new(FIELD, error.to_string())),
        Some(other) => Err(must_be(FIELD, "a string", other)),
    }
}

fn timestamp(payload: &Value) -> Result<Millis, FieldError> {
    const FIELD: &str = "timestamp";
    const WHAT: &str = "a whole number of milliseconds since 1970";
    let number = match member(payload, FIELD) {
        None => return Err(FieldError::new(FIELD, "is missing")),
        Some(Value::Number(number)) => number,
        Some(other) => return Err(must_be(FIELD, WHAT, other)),
    };
    // 1.7e12 and 1700000000000.0 are whole numbers too.
    let whole = number.as_i64().or_else(|| {
        number
            .as_f64()
            .filter(|value| value.fract() == 0.0 && value.abs() <= MAX_TIMESTAMP as f64)
            .map(|value| value as i64)
    });
    match whole {
        Some(value) if (0..=MAX_TIMESTAMP).contains(&value) => Ok(value),
        Some(_) => Err(FieldError::new(FIELD, "is out of range")),
        None => Err(FieldError::new(FIELD, format!("must be {WHAT}"))),
    }
}

/// A member of the user's data as text; `None` where there is nothing to show.
fn field(object: &Value, name: &str) -> Option<String> {
    Some(cut_with_mark(whole_field(object, name)?, MAX_FIELD_BYTES))
}

/// A member by which a person is known: two that differ only behind the cut stay two.
fn id_field(object: &Value, name: &str) -> Option<String> {
    Some(cut_id(whole_field(object, name)?, MAX_FIELD_BYTES))
}

fn whole_field(object: &Value, name: &str) -> Option<String> {
    let text = match member(object, name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        // Nothing is known that would send these; they say nothing about a person.
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn history(body: Option<&Value>) -> History {
    match body {
        None | Some(Value::Null) => History::default(),
        Some(Value::Array(turns)) => {
            let all = turns.iter().filter(|turn| !turn.is_null()).count();
            History::new(all, turns.iter().rev().filter_map(turn))
        }
        Some(single) => History::new(1, turn(single)),
    }
}

fn turn(value: &Value) -> Option<Turn> {
    let kind = value
        .get("message_type")
        .and_then(Value::as_str)
        .map(|kind| cut_with_mark(kind.to_owned(), MAX_FIELD_BYTES));
    let speaker = match kind.as_deref() {
        Some("QUESTION") => Speaker::User,
        Some("ANSWER") => Speaker::Bot,
        Some("HUMAN") => Speaker::Agent,
        // A bare text is what the user asked.
        None if value.is_string() => Speaker::User,
        _ => Speaker::Other,
    };
    let text = match value {
        Value::Null => return None,
        Value::Object(members) => match members.get("text") {
            None | Some(Value::Null) => String::new(),
            Some(text) => as_text(text),
        },
        other => as_text(other),
    };
    let files = match value.get("files") {
        Some(Value::Array(files)) => files.iter().filter_map(file).collect(),
        _ => Vec::new(),
    };
    Some(Turn {
        speaker,
        kind,
        text,
        files,
    })
}

fn file(value: &Value) -> Option<TurnFile> {
    let url = value.as_str().or_else(|| value.get("url")?.as_str())?;
    Some(TurnFile {
        url: cut_with_mark(url.to_owned(), 4 * MAX_FIELD_BYTES),
        content_type: field(value, "content_type"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn vendors_example() -> Value {
        serde_json::from_str(include_str!("../../tests/data/establish.json")).unwrap()
    }

    #[test]
    fn the_vendors_own_example_is_read_whole() {
        let establish = parse_establish(&vendors_example()).unwrap();
        assert_eq!(establish.conversation.as_str(), "67d8db020fa31d1ef64f53dg");
        assert_eq!(establish.timestamp, 1_742_265_090_895);
        assert_eq!(establish.bot, "665d88b03ce2b13cf2d573454");
        assert_eq!(establish.user.email.as_deref(), Some("bob@gmail.com"));
        assert_eq!(establish.user.phone, None);
        assert_eq!(establish.user.user_id.as_deref(), Some("KDslas"));
        let turns = &establish.history.turns;
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0].speaker, Speaker::User);
        assert_eq!(turns[1].text, "", "an empty answer is a turn too");
    }

    #[test]
    fn what_can_be_missing_or_odd_is_taken() {
        let bare = json!({"conversation_id": "c", "timestamp": 1, "bot_id": "b"});
        assert!(parse_establish(&bare).unwrap().history.turns.is_empty());

        let odd = json!({
            "conversation_id": "c", "timestamp": 1.0, "bot_id": "b", "email": 7, "user_info": "x",
            "conversation_type": "WIDGET", "channel_name": "shop", "unknown": {"a": []},
            "body": [
                {"message_type": "HUMAN", "text": "hello"},
                {"message_type": "QUESTION", "text": null,
                 "files": [{"url": "https://x/1.png", "content_type": "image/png"}, {}, 3]},
                {"message_type": "CARD", "text": {"title": "T"}},
                null, "plain", {"text": 5},
            ],
        });
        let establish = parse_establish(&odd).unwrap();
        let turns = &establish.history.turns;
        assert_eq!(turns.len(), 5);
        assert_eq!(turns[0].speaker, Speaker::Agent);
        assert_eq!(turns[1].files.len(), 1);
        assert_eq!(turns[2].speaker, Speaker::Other);
        assert_eq!(turns[2].kind.as_deref(), Some("CARD"));
        assert_eq!(turns[3].text, "plain");
        assert_eq!(turns[4].text, "5");
        assert_eq!(establish.user.conversation_type.as_deref(), Some("WIDGET"));
    }

    #[test]
    fn what_must_be_right_is_refused_by_name() {
        let refused = |change: fn(&mut Value)| {
            let mut payload = vendors_example();
            change(&mut payload);
            parse_establish(&payload).unwrap_err().to_string()
        };
        assert_eq!(
            refused(|p| p["conversation_id"] = json!(5)),
            "conversation_id: must be a string, not a number"
        );
        assert_eq!(
            refused(|p| p["conversation_id"] = json!("")),
            "conversation_id: must not be empty"
        );
        assert_eq!(
            refused(|p| p["conversation_id"] = json!("a\u{0}")),
            "conversation_id: must not contain control characters"
        );
        assert_eq!(
            refused(|p| p["timestamp"] = Value::Null),
            "timestamp: is missing"
        );
        assert_eq!(
            refused(|p| p["timestamp"] = json!(-1)),
            "timestamp: is out of range"
        );
        assert_eq!(
            refused(|p| p["timestamp"] = json!("1742265090895")),
            "timestamp: must be a whole number of milliseconds since 1970, not a string"
        );
        assert_eq!(
            refused(|p| p["timestamp"] = json!(1.5)),
            "timestamp: must be a whole number of milliseconds since 1970"
        );
        assert_eq!(refused(|p| p["bot_id"] = Value::Null), "bot_id: is missing");
        assert_eq!(
            refused(|p| *p = json!([1])),
            "body: must be a JSON object, not an array"
        );
    }

    #[test]
    fn ids_that_are_too_long_are_cut_and_stay_apart() {
        let person = |last: char| {
            let long = |prefix: &str| format!("{prefix}{}{last}", "好".repeat(400));
            let payload = json!({"conversation_id": "c", "timestamp": 1, "bot_id": long("b"),
                "email": long("e"), "user_info": {"user_id": long("u"), "phone": long("p")}});
            parse_establish(&payload).unwrap()
        };
        let (a, b) = (person('a'), person('b'));
        assert!(a.bot.len() <= MAX_BOT_ID_BYTES && a.bot.contains("… [cut: "));
        assert_ne!(a.bot, b.bot);
        assert_ne!(
            a.user.person_key(&a.conversation),
            b.user.person_key(&b.conversation),
            "two people"
        );
        assert_ne!(a.user.phone, b.user.phone);
        assert_eq!(a.user, person('a').user);
        assert!(a.user.email.unwrap().ends_with("more characters]"));
    }

    #[test]
    fn only_the_two_documented_close_types_are_known() {
        let close = |kind: Value| {
            parse_close(&json!({"conversation_id": "c", "timestamp": 1, "type": kind}))
        };
        assert_eq!(close(json!("TIMEOUT")).unwrap().by, ClosedBy::Timeout);
        assert_eq!(close(json!("USER_CLOSED")).unwrap().by, ClosedBy::User);
        assert_eq!(
            close(json!("user_closed")).unwrap_err().to_string(),
            "type: must be TIMEOUT or USER_CLOSED"
        );
        assert_eq!(
            close(Value::Null).unwrap_err().to_string(),
            "type: is missing"
        );
    }

    #[test]
    fn a_retry_is_the_same_line_and_the_same_words_later_are_another() {
        let chat = |at: i64, body: Value| {
            parse_chat(&json!({"conversation_id": "c", "timestamp": at, "body": body})).unwrap()
        };
        assert_eq!(chat(1, json!("ok")).entry, chat(1, json!("ok")).entry);
        assert_ne!(chat(1, json!("ok")).entry, chat(2, json!("ok")).entry);
        // Two pictures at once, beside a body that says nothing.
        let picture = |url: &str| {
            let payload = json!({"conversation_id": "c", "timestamp": 1, "body": "", "files": [{"url": url}]});
            parse_chat(&payload).unwrap().entry
        };
        assert_ne!(picture("https://x/1"), picture("https://x/2"));
        // Alike once cut, but not the same line.
        let long = "x".repeat(MAX_LINE_BYTES);
        let (a, b) = (
            chat(1, json!(format!("{long}a"))),
            chat(1, json!(format!("{long}b"))),
        );
        assert_eq!(a.text, b.text);
        assert_ne!(a.entry, b.entry);
        assert!(a.text.len() <= MAX_LINE_BYTES);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::hash_map(
                    prop_oneof![
                        Just("text".to_owned()),
                        Just("url".to_owned()),
                        Just("files".to_owned()),
                        Just("message_type".to_owned()),
                        "[a-z]{1,5}"
                    ],
                    inner,
                    0..6
                )
                .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_body_of_a_chat_is_taken(body in any_json()) {
            let chat = parse_chat(&json!({"conversation_id": "c", "timestamp": 1, "body": body})).unwrap();
            prop_assert!(!chat.text.is_empty());
        }

        #[test]
        fn any_body_and_user_of_an_establish_are_taken(body in any_json(), user in any_json(), email in any_json()) {
            let payload = json!({"conversation_id": "c", "timestamp": 1, "bot_id": "b",
                "body": body, "user_info": user, "email": email});
            prop_assert!(parse_establish(&payload).is_ok());
        }

        #[test]
        fn no_json_at_all_makes_a_parser_panic(payload in any_json()) {
            let _ = parse_establish(&payload);
            let _ = parse_chat(&payload);
            let _ = parse_close(&payload);
        }
    }
}
