//! JSON values out of bytes: well-formed by construction, so that an input gets behind the parser,
//! and large where a few bytes say so, so that every limit is reached.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value};

/// Names that mean something somewhere, beside the caller's own.
const NAMES: [&str; 14] = [
    "text",
    "body",
    "content",
    "message_type",
    "files",
    "url",
    "content_type",
    "attachments",
    "parts",
    "image",
    "email",
    "phone",
    "user_id",
    "x",
];
/// Texts that mean something somewhere.
const TEXTS: [&str; 12] = [
    "",
    " ",
    "QUESTION",
    "ANSWER",
    "HUMAN",
    "TIMEOUT",
    "USER_CLOSED",
    "https://x.example/a b?c=d",
    "support@gptbots.ai",
    "\u{0}\u{7}\u{1b}",
    "你好 😀 e\u{301}",
    "\u{feff}\u{202e}\"\\",
];
/// What long texts are made of: one byte, two as JSON, six as JSON, three, four, a cluster.
const PATTERNS: [&str; 6] = ["x", "\"", "\u{1}", "好", "😀", "👩\u{200d}👧 "];
/// How long texts are, in repetitions: short ones, those around a limit, and rarely more.
const LENGTHS: [u32; 8] = [20, 80, 300, 300, 600, 2_500, 12_000, 70_000];

/// Any value, at most `depth` levels of arrays and objects deep.
pub(crate) fn value(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    let kinds = if depth == 0 { 7 } else { 10 };
    Ok(match u.int_in_range(0..=kinds)? {
        0 => Value::Null,
        1 => Value::Bool(u.arbitrary()?),
        2 => Value::from(u.arbitrary::<i64>()?),
        3 => Value::from(u.arbitrary::<f64>()?),
        4 | 5 => Value::from(*u.choose(&TEXTS)?),
        6 => Value::from(u.arbitrary::<&str>()?),
        7 => long(u)?,
        8 => {
            let length = u.int_in_range(0..=40)?;
            Value::Array(
                (0..length)
                    .map(|_| value(u, depth - 1))
                    .collect::<Result<_>>()?,
            )
        }
        _ => object(u, depth - 1, &NAMES)?,
    })
}

/// A long text, of one pattern.
fn long(u: &mut Unstructured<'_>) -> Result<Value> {
    let pattern = u.choose(&PATTERNS)?;
    let longest = *u.choose(&LENGTHS)?;
    Ok(Value::from(
        pattern.repeat(u.int_in_range(0..=longest)? as usize),
    ))
}

/// An object with some of these names.
pub(crate) fn object(u: &mut Unstructured<'_>, depth: u32, names: &[&str]) -> Result<Value> {
    let length = u.int_in_range(0..=8)?;
    let mut members = Map::new();
    for _ in 0..length {
        members.insert((*u.choose(names)?).to_owned(), value(u, depth)?);
    }
    Ok(Value::Object(members))
}
