//! The body of a webhook as JSON, never larger in memory than it may be.
//!
//! 4 MB of `{"":0},` would become 400 MB of maps, more than the function has. So what is nobody's
//! business is passed over unread, arrays and objects end where their room ends, and of a history
//! the newest turns are kept. What is left out is said where it was; it is never an error.

use std::collections::VecDeque;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::body::PARTS;
use super::webhook::{self, Chat, Close, Establish, FieldError};
use crate::conversation::fingerprint;

/// How deep arrays and objects may lie in a member. What lies deeper is not shown.
const MAX_DEPTH: u32 = 32;
/// How much of `body` is kept, in values of some 40 bytes.
const BODY_ROOM: usize = 400_000;
/// The most one element of `body` may take of that.
const TURN_ROOM: usize = 100_000;
/// How much of any other member is kept.
const MEMBER_ROOM: usize = 10_000;
/// What an object costs beside its members: a map reserves room for eleven.
const OBJECT_COST: usize = 16;
/// The members that are read; all others are passed over.
const MEMBERS: [&str; 10] = [
    "conversation_id",
    "timestamp",
    "bot_id",
    "email",
    "body",
    "user_info",
    "conversation_type",
    "channel_name",
    "channel_id",
    "type",
];

/// The body of a webhook, read as far as it matters.
#[derive(Clone, PartialEq)]
pub struct Payload {
    json: Value,
    /// How many elements at the beginning of `body` did not fit.
    omitted: usize,
    /// Names the whole text, where `json` does not hold all that matters of it.
    fingerprint: Option<String>,
}

// By hand: what was said must not reach a log.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("omitted", &self.omitted)
            .finish_non_exhaustive()
    }
}

impl Payload {
    /// Reads a JSON text.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        let mut left_out = LeftOut::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let value = TopLevel(&mut left_out).deserialize(&mut json)?;
        json.end()?;
        Ok(Self {
            json: value,
            omitted: left_out.elements,
            fingerprint: left_out.any.then(|| fingerprint(&[text.as_bytes()])),
        })
    }

    /// The payload of `/conversation/establish`.
    ///
    /// # Errors
    /// When `conversation_id`, `timestamp` or `bot_id` is missing or not what it has to be.
    pub fn establish(&self) -> Result<Establish, FieldError> {
        let mut establish = webhook::parse_establish(&self.json)?;
        establish.history.omitted += self.omitted;
        Ok(establish)
    }

    /// The payload of `/chat`.
    ///
    /// # Errors
    /// When `conversation_id` or `timestamp` is missing or not what it has to be.
    pub fn chat(&self) -> Result<Chat, FieldError> {
        webhook::parse_chat_of(&self.json, self.omitted, self.fingerprint.as_deref())
    }

    /// The payload of `/conversation/close`.
    ///
    /// # Errors
    /// When `conversation_id`, `timestamp` or `type` is missing or not what it has to be.
    pub fn close(&self) -> Result<Close, FieldError> {
        webhook::parse_close(&self.json)
    }
}

/// What did not fit.
#[derive(Default)]
struct LeftOut {
    any: bool,
    elements: usize,
}

/// The whole: of an object the members that are read, of anything else its kind.
struct TopLevel<'a>(&'a mut LeftOut);

impl<'de> DeserializeSeed<'de> for TopLevel<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

/// The kinds of values that hold no others, as [`Value`]s.
macro_rules! visit_plain_values {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON value")
        }

        fn visit_unit<E>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }

        fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
            Ok(Value::Bool(value))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
            Ok(Value::from(value))
        }

        fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
            Ok(Value::from(value))
        }

        fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
            Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
        }

        fn visit_str<E>(self, value: &str) -> Result<Value, E> {
            Ok(Value::from(value))
        }

        fn visit_string<E>(self, value: String) -> Result<Value, E> {
            Ok(Value::String(value))
        }
    };
}

impl<'de> Visitor<'de> for TopLevel<'_> {
    type Value = Value;

    visit_plain_values!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        count_elements(&mut elements)?;
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = if name == "body" {
                self.0.elements = 0;
                members.next_value_seed(Body(self.0))?
            } else if MEMBERS.contains(&name.as_str()) || PARTS.contains(&name.as_str()) {
                members.next_value_seed(Bounded {
                    depth: MAX_DEPTH,
                    room: &mut { MEMBER_ROOM },
                    left_out: &mut self.0.any,
                })?
            } else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            kept.insert(name, value);
        }
        Ok(Value::Object(kept))
    }
}

/// `body`: of an array its last elements, as many as fit; anything else as it is.
struct Body<'a>(&'a mut LeftOut);

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = Value;

    visit_plain_values!();

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        Bounded {
            depth: MAX_DEPTH,
            room: &mut { TURN_ROOM },
            left_out: &mut self.0.any,
        }
        .visit_map(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut kept: VecDeque<(Value, usize)> = VecDeque::new();
        let mut used = 0;
        loop {
            let mut room = TURN_ROOM;
            let seed = Bounded {
                depth: MAX_DEPTH,
                room: &mut room,
                left_out: &mut self.0.any,
            };
            let Some(element) = elements.next_element_seed(seed)? else {
                break;
            };
            let cost = TURN_ROOM - room;
            used += cost;
            kept.push_back((element, cost));
            while used > BODY_ROOM
                && let Some((oldest, cost)) = kept.pop_front()
            {
                used -= cost;
                self.0.any = true;
                // An empty turn is none.
                self.0.elements += usize::from(!oldest.is_null());
            }
        }
        Ok(kept.into_iter().map(|(element, _)| element).collect())
    }
}

/// A value with so much room, and so deep.
struct Bounded<'a> {
    depth: u32,
    room: &'a mut usize,
    left_out: &'a mut bool,
}

impl Bounded<'_> {
    fn inner(&mut self) -> Bounded<'_> {
        Bounded {
            depth: self.depth - 1,
            room: self.room,
            left_out: self.left_out,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        *self.room = self.room.saturating_sub(1);
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    visit_plain_values!();

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        if self.depth == 0 {
            *self.left_out |= count_elements(&mut elements)? > 0;
            return Ok(too_deep());
        }
        let mut kept = Vec::new();
        while *self.room > 0 {
            match elements.next_element_seed(self.inner())? {
                Some(element) => kept.push(element),
                None => return Ok(Value::Array(kept)),
            }
        }
        let lost = count_elements(&mut elements)?;
        if lost > 0 {
            *self.left_out = true;
            kept.push(Value::String(format!("… [cut: {lost} more values]")));
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        if self.depth == 0 {
            *self.left_out |= count_members(&mut members)? > 0;
            return Ok(too_deep());
        }
        *self.room = self.room.saturating_sub(OBJECT_COST);
        let mut kept = Map::new();
        while *self.room > 0 {
            match members.next_key::<String>()? {
                Some(name) => {
                    let value = members.next_value_seed(self.inner())?;
                    kept.insert(name, value);
                }
                None => return Ok(Value::Object(kept)),
            }
        }
        let lost = count_members(&mut members)?;
        if lost > 0 {
            *self.left_out = true;
            kept.insert("…".to_owned(), format!("[cut: {lost} more members]").into());
        }
        Ok(Value::Object(kept))
    }
}

fn too_deep() -> Value {
    "… [cut: nested too deeply]".into()
}

fn count_elements<'de, A: SeqAccess<'de>>(elements: &mut A) -> Result<usize, A::Error> {
    let mut count = 0;
    while elements.next_element::<IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn count_members<'de, A: MapAccess<'de>>(members: &mut A) -> Result<usize, A::Error> {
    let mut count = 0;
    while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const START: &str = r#"{"conversation_id":"c","timestamp":1,"bot_id":"b","body":"#;

    fn read(body: &str) -> Payload {
        Payload::from_json(&format!("{START}{body}}}")).unwrap()
    }

    #[test]
    fn what_is_small_is_read_whole_and_what_is_nobodys_business_not_at_all() {
        let body =
            json!([{"text": "hi", "files": [{"url": "https://x/1"}]}, null, 1.5, -7, true, "x"]);
        let payload = read(&body.to_string());
        assert_eq!(payload.json["body"], body);
        assert_eq!((payload.omitted, &payload.fingerprint), (0, &None));

        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let payload =
            Payload::from_json(&format!(r#"{{"x":{deep},"y":1e999,"type":"TIMEOUT"}}"#)).unwrap();
        assert_eq!(payload.json, json!({"type": "TIMEOUT"}));
    }

    #[test]
    fn what_lies_too_deep_is_no_error_and_says_so() {
        for (open, close) in [("[", "]"), (r#"{"text":"#, "}")] {
            let deep = format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
            let chat = read(&deep).chat().unwrap();
            assert!(chat.text.contains("nested too deeply"), "{}", chat.text);
            let establish = read(&format!("[{deep}]")).establish().unwrap();
            assert!(
                establish.history.turns[0]
                    .text
                    .contains("nested too deeply")
            );
        }
        assert!(read("[[[[1]]]]").fingerprint.is_none());
    }

    #[test]
    fn of_too_many_turns_the_newest_are_kept_and_the_others_counted() {
        let turns = format!(
            "[null,{}{{\"text\":\"last\"}}]",
            "{\"\":0},".repeat(500_000)
        );
        let history = read(&turns).establish().unwrap().history;
        assert_eq!(history.turns.last().unwrap().text, "last");
        assert_eq!(history.turns.len() + history.omitted, 500_001);
    }

    #[test]
    fn lines_that_look_alike_once_they_are_cut_stay_apart() {
        let line = |last: &str| {
            let parts = "0,".repeat(600_000);
            read(&format!("[{parts}[{parts}1],{last}]")).chat().unwrap()
        };
        let (a, b) = (line("1"), line("1.0"));
        assert!(a.text.starts_with("… [cut: "), "{}", &a.text[..40]);
        assert!(a.text.len() <= super::super::MAX_LINE_BYTES);
        assert_ne!(a.entry, b.entry);
        assert_eq!(a.entry, line("1").entry);
    }

    #[test]
    fn what_is_no_object_is_refused_by_its_kind() {
        for (text, kind) in [("[1]", "an array"), ("7", "a number"), ("null", "null")] {
            let refused = Payload::from_json(text).unwrap().chat().unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!("body: must be a JSON object, not {kind}")
            );
        }
        assert!(Payload::from_json("{} x").is_err());
    }
}
