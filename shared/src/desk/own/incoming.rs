//! The events that are taken: `{"type": …, "timestamp": …, "data": {…}}`.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use serde::Deserialize;
use serde_json::Value;

use super::super::{Answer, DeskEvent, DeskFile, Received, Unreadable, What};
use crate::conversation::Agent;
use crate::desk::AgentLine;
use crate::time::Millis;

/// The most files of one line.
const MAX_FILES: usize = 10;
/// The longest address of a file, in bytes.
const MAX_URL: usize = 4_096;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Data {
    reference: String,
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    agent: Option<Who>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Who {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct File {
    url: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    bytes: Option<u64>,
}

/// Reads a call that is known to be the desk's. `webhook_id` is its idempotency key; `link` says
/// whether an address may be handed to a user. Types that are not known here mean nothing.
pub(super) fn read(
    webhook_id: &str,
    body: &[u8],
    link: impl Fn(&str) -> Result<(), String>,
) -> Result<Received, Unreadable> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| {
        Unreadable(match error.classify() {
            serde_json::error::Category::Data => {
                "must be an object with type (a text) and data".to_owned()
            }
            _ => format!("not JSON: line {}, column {}", error.line(), error.column()),
        })
    })?;
    let known = [
        "agent.message",
        "agent.claimed",
        "agent.closed",
        "agent.note",
    ];
    if !known.contains(&envelope.name.as_str()) {
        return Ok(Received::default());
    }
    let at = envelope.timestamp.as_deref().map(time).transpose()?;
    let data = Data::deserialize(&envelope.data).map_err(|error| wrong("data", &error))?;
    // The message's own id where there is one: it is the same in whatever event it comes.
    let id = match data.message_id.as_deref() {
        Some("") => return Err(must("message_id", "not be empty")),
        Some(id) => format!("message {id}"),
        None => format!("webhook {webhook_id}"),
    };
    let agent = data.agent.map(who);
    let what = match envelope.name.as_str() {
        "agent.message" => {
            let text = data.text.unwrap_or_default();
            if text.trim().is_empty() && data.files.is_empty() {
                return Err(must("text", "not be empty"));
            }
            What::Message(AgentLine {
                agent: agent.unwrap_or_else(nobody),
                text,
                files: files(data.files, link)?,
                incomplete: false,
            })
        }
        "agent.claimed" => What::Assigned(agent.ok_or_else(|| must("agent", "be there"))?),
        "agent.closed" => What::Closed { agent },
        _ => What::PrivateNote,
    };
    let reference = data.reference;
    Ok(Received {
        events: vec![DeskEvent {
            reference,
            id,
            at,
            what,
        }],
        answer: Answer::Empty,
        ..Received::default()
    })
}

fn who(given: Who) -> Agent {
    let name = given.name.unwrap_or_default().trim().to_owned();
    let id = given.id.filter(|id| !id.is_empty());
    Agent {
        id: id.unwrap_or_else(|| {
            if name.is_empty() {
                nobody().id
            } else {
                name.clone()
            }
        }),
        name,
    }
}

/// An agent of whom nothing is told.
fn nobody() -> Agent {
    Agent {
        id: "agent".to_owned(),
        name: String::new(),
    }
}

fn files(
    given: Vec<File>,
    link: impl Fn(&str) -> Result<(), String>,
) -> Result<Vec<DeskFile>, Unreadable> {
    if given.len() > MAX_FILES {
        return Err(must("files", &format!("be at most {MAX_FILES}")));
    }
    given
        .into_iter()
        .enumerate()
        .map(|(n, file)| {
            if file.url.len() > MAX_URL {
                let most = format!("be at most {MAX_URL} bytes long");
                return Err(must(&format!("files[{n}].url"), &most));
            }
            link(&file.url).map_err(|problem| Unreadable(format!("data.files[{n}].{problem}")))?;
            let last = file.url.rsplit('/').next().unwrap_or_default();
            let last = last.split(['?', '#']).next().unwrap_or_default();
            let name = file.name.filter(|name| !name.trim().is_empty());
            Ok(DeskFile {
                name: name.unwrap_or_else(|| last.to_owned()),
                content_type: file.content_type,
                bytes: file.bytes,
                url: file.url,
                public: true,
            })
        })
        .collect()
}

fn time(text: &str) -> Result<Millis, Unreadable> {
    DateTime::from_str(text, DateTimeFormat::DateTimeWithOffset)
        .ok()
        .and_then(|at| at.to_millis().ok())
        .ok_or_else(|| Unreadable("timestamp: must be a time such as 2026-01-31T12:00:00Z".into()))
}

fn must(member: &str, what: &str) -> Unreadable {
    Unreadable(format!("data.{member}: must {what}"))
}

/// serde's own message can quote a value, so only what kind of mistake it is.
fn wrong(member: &str, error: &serde_json::Error) -> Unreadable {
    let text = error.to_string();
    let missing = text
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    Unreadable(match missing {
        Some(name) => format!("{member}.{name}: is missing"),
        None => format!("{member}: a member is of the wrong type"),
    })
}
