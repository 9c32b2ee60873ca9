//! What to show of a `/chat` body that is no plain text.
//!
//! What GPTBots sends for an image, a voice message or a file is unknown (contract, section 2), so
//! whatever comes is shown: texts as text, addresses as links, the rest as JSON.

use serde_json::Value;

/// Shown for a line in which there is nothing to show.
const EMPTY: &str = "[empty message]";
/// Members that hold the text of a message, in this order of preference.
const TEXTS: [&str; 5] = ["text", "body", "content", "message", "caption"];
/// Members that hold an address.
const LINKS: [&str; 7] = [
    "url", "file_url", "image", "audio", "video", "document", "link",
];
/// Members that hold further parts.
pub(super) const PARTS: [&str; 3] = ["files", "attachments", "parts"];
/// How deep parts may lie; deeper ones are shown as JSON.
const MAX_DEPTH: usize = 4;

/// The text of a `/chat` payload: its `body`, and files that stand beside it. Never empty.
pub(super) fn body_as_text(payload: &Value) -> String {
    let mut lines = Vec::new();
    show(payload.get("body").unwrap_or(&Value::Null), &mut lines, 0);
    for part in parts_beside(payload) {
        show(part, &mut lines, 0);
    }
    if lines.is_empty() {
        EMPTY.to_owned()
    } else {
        lines.join("\n")
    }
}

/// What stands beside the body of a payload and is shown with it.
pub(super) fn parts_beside(payload: &Value) -> impl Iterator<Item = &Value> {
    PARTS
        .iter()
        .filter_map(|name| payload.get(*name))
        .filter(|part| !part.is_null())
}

/// A JSON value as text: a string as it is, anything else as the links and texts in it.
pub(super) fn as_text(value: &Value) -> String {
    let mut lines = Vec::new();
    show(value, &mut lines, 0);
    lines.join("\n")
}

fn show(value: &Value, lines: &mut Vec<String>, depth: usize) {
    match value {
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::String(text) => lines.push(text.clone()),
        Value::Bool(_) | Value::Number(_) => lines.push(value.to_string()),
        _ if depth >= MAX_DEPTH => lines.push(value.to_string()),
        Value::Array(parts) => {
            for part in parts {
                show(part, lines, depth + 1);
            }
        }
        Value::Object(members) => {
            let before = lines.len();
            if let Some(text) = TEXTS.iter().find_map(|name| {
                members
                    .get(*name)
                    .filter(|text| !matches!(text, Value::Null))
            }) {
                show(text, lines, depth + 1);
            }
            for link in LINKS.iter().filter_map(|name| members.get(*name)) {
                show(link, lines, depth + 1);
            }
            for part in PARTS.iter().filter_map(|name| members.get(*name)) {
                show(part, lines, depth + 1);
            }
            if lines.len() == before && !members.is_empty() {
                lines.push(value.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(body: Value) -> String {
        body_as_text(&json!({ "body": body }))
    }

    #[test]
    fn text_stays_as_it_is() {
        assert_eq!(shown(json!("  <b>你好</b> 😀 ")), "  <b>你好</b> 😀 ");
    }

    #[test]
    fn nothing_is_shown_as_nothing_not_as_silence() {
        for body in [
            json!(null),
            json!(""),
            json!(" \n"),
            json!([]),
            json!({}),
            json!([null]),
        ] {
            assert_eq!(shown(body), EMPTY);
        }
        assert_eq!(body_as_text(&json!({})), EMPTY);
    }

    #[test]
    fn files_become_links() {
        assert_eq!(
            shown(
                json!([{"type": "image", "url": "https://x/1.png"}, {"text": "see", "files": [{"url": "https://x/2"}]}])
            ),
            "https://x/1.png\nsee\nhttps://x/2"
        );
        assert_eq!(
            body_as_text(
                &json!({"body": "look", "files": [{"content_type": "a/b", "url": "https://x/3"}]})
            ),
            "look\nhttps://x/3"
        );
    }

    #[test]
    fn what_is_not_known_is_shown_as_json() {
        assert_eq!(shown(json!({"lat": 1.5})), r#"{"lat":1.5}"#);
        assert_eq!(shown(json!(7)), "7");
    }
}
