//! What Slack refuses in the arguments of a call, in its words.

use serde_json::{Map, Value};

use super::model::{CHANNEL, State};

/// Why a call is refused: the `error` of its answer.
pub(super) type Refusal = &'static str;

/// The arguments of a call.
pub(super) type Arguments = Map<String, Value>;

/// Slack cuts longer texts; one that is that long is a mistake of ours.
const MAX_TEXT: usize = 40_000;
const MAX_BLOCKS: usize = 50;

/// Refuses arguments that the method does not have. Slack would not notice.
pub(super) fn only(arguments: &Arguments, known: &[&str]) -> Result<(), Refusal> {
    if arguments.keys().all(|name| known.contains(&name.as_str())) {
        Ok(())
    } else {
        Err("invalid_arguments")
    }
}

pub(super) fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<Option<&'a str>, Refusal> {
    match arguments.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("invalid_arguments"),
    }
}

pub(super) fn channel(arguments: &Arguments) -> Result<(), Refusal> {
    match text(arguments, "channel")? {
        Some(CHANNEL) => Ok(()),
        _ => Err("channel_not_found"),
    }
}

/// A timestamp is a text of digits, a point and six digits: as a number it loses some.
pub(super) fn timestamp<'a>(
    arguments: &'a Arguments,
    name: &str,
) -> Result<Option<&'a str>, Refusal> {
    let Some(ts) = text(arguments, name)? else {
        return Ok(None);
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match ts.split_once('.') {
        Some((seconds, micros)) if digits(seconds) && digits(micros) && micros.len() == 6 => {
            Ok(Some(ts))
        }
        _ => Err("invalid_ts"),
    }
}

/// What `chat.postMessage` and `chat.update` have in common.
pub(super) fn message(arguments: &Arguments) -> Result<(), Refusal> {
    channel(arguments)?;
    let text = text(arguments, "text")?.unwrap_or_default();
    let blocks = arguments.get("blocks");
    if text.trim().is_empty() && blocks.is_none() {
        return Err("no_text");
    }
    if text.chars().count() > MAX_TEXT {
        return Err("msg_too_long");
    }
    for name in ["mrkdwn", "unfurl_links", "unfurl_media"] {
        if arguments.get(name).is_some_and(|value| !value.is_boolean()) {
            return Err("invalid_arguments");
        }
    }
    if !matches!(
        arguments.get("parse").map(Value::as_str),
        None | Some(Some("none" | "full"))
    ) {
        return Err("invalid_arguments");
    }
    if let Some(metadata) = arguments.get("metadata") {
        let sound = metadata["event_type"].is_string() && metadata["event_payload"].is_object();
        if !sound || metadata.as_object().is_some_and(|all| all.len() > 2) {
            return Err("invalid_metadata_format");
        }
    }
    match blocks {
        Some(blocks) => self::blocks(blocks).ok_or("invalid_blocks"),
        None => Ok(()),
    }
}

/// `Some` where blocks are as Block Kit has them, as far as they are used here.
fn blocks(blocks: &Value) -> Option<()> {
    let blocks = blocks.as_array()?;
    if blocks.is_empty() || blocks.len() > MAX_BLOCKS {
        return None;
    }
    for block in blocks {
        let elements = block["elements"].as_array()?;
        match block["type"].as_str()? {
            "rich_text" => elements.iter().try_for_each(rich_text)?,
            "actions" if (1..=25).contains(&elements.len()) => {
                elements.iter().try_for_each(button)?;
                let ids = elements.iter().map(|button| button["action_id"].as_str());
                let different: std::collections::HashSet<_> = ids.collect();
                (different.len() == elements.len()).then_some(())?;
            }
            _ => return None,
        }
    }
    Some(())
}

fn rich_text(section: &Value) -> Option<()> {
    (section["type"] == "rich_text_section").then_some(())?;
    section["elements"].as_array()?.iter().try_for_each(|part| {
        let fine = match part["type"].as_str()? {
            "text" => !part["text"].as_str()?.is_empty(),
            "link" => part["url"].is_string(),
            "user" => part["user_id"].is_string(),
            "broadcast" => part["range"].is_string(),
            "emoji" => part["name"].is_string(),
            _ => false,
        };
        fine.then_some(())
    })
}

fn button(button: &Value) -> Option<()> {
    let short = |text: &Value, most: usize| {
        let words = text["text"].as_str()?;
        (text["type"] == "plain_text" && !words.is_empty() && words.chars().count() <= most)
            .then_some(())
    };
    (button["type"] == "button").then_some(())?;
    short(&button["text"], 75)?;
    (button["action_id"].as_str()?.len() <= 255).then_some(())?;
    matches!(button["style"].as_str(), None | Some("primary" | "danger")).then_some(())?;
    let confirm = &button["confirm"];
    if confirm.is_null() {
        return Some(());
    }
    short(&confirm["title"], 100)?;
    short(&confirm["text"], 300)?;
    short(&confirm["confirm"], 30)?;
    short(&confirm["deny"], 30)
}

/// What is asked of a list: from where, and how many.
pub(super) struct Window {
    pub(super) oldest: Option<String>,
    pub(super) from: usize,
    pub(super) limit: usize,
    pub(super) with_metadata: bool,
}

pub(super) fn window(arguments: &Arguments, state: &State) -> Result<Window, Refusal> {
    let limit = match text(arguments, "limit")? {
        None => 100,
        Some(limit) => limit.parse().map_err(|_| "invalid_limit")?,
    };
    if !(1..=999).contains(&limit) {
        return Err("invalid_limit");
    }
    let from = match text(arguments, "cursor")? {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix("from:")
            .and_then(|from| from.parse().ok())
            .ok_or("invalid_cursor")?,
    };
    Ok(Window {
        oldest: timestamp(arguments, "oldest")?.map(str::to_owned),
        from,
        limit: limit.min(state.page),
        with_metadata: text(arguments, "include_all_metadata")? == Some("true"),
    })
}
