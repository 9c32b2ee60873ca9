//! Slack's calls: events, and what is done with buttons.

use serde::Deserialize;
use serde_json::Value;

use super::config::{Config, is_id};
use super::plain;
use super::render::{ACTION_CLAIM, ACTION_CLOSE};
use crate::conversation::Agent;
use crate::desk::{AgentLine, Answer, DeskEvent, DeskFile, Received, Unreadable, What};
use crate::time::Millis;

/// A message that begins with this is for colleagues.
pub(super) const INTERNAL: &str = "//";

/// The desk's own id of a thread: channels are part of it, since only with theirs a timestamp names
/// a message.
pub(super) fn reference(channel: &str, ts: &str) -> String {
    format!("{channel}/{ts}")
}

/// Channel and timestamp of a thread; `None` for what [`reference`] did not make.
pub(super) fn of_reference(reference: &str) -> Option<(&str, &str)> {
    let (channel, ts) = reference.split_once('/')?;
    (is_id(channel, &['C', 'G']) && millis(ts).is_some()).then_some((channel, ts))
}

/// A timestamp of Slack's (`1503435956.000247`) in milliseconds. It is a name first, and kept as
/// text everywhere else.
pub(super) fn millis(ts: &str) -> Option<Millis> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (seconds, fraction) = ts.split_once('.')?;
    if !digits(seconds) || !digits(fraction) || seconds.len() > 12 || fraction.len() > 9 {
        return None;
    }
    let seconds: Millis = seconds.parse().ok()?;
    let millis: Millis = format!("{fraction:0<3}")[..3].parse().ok()?;
    Some(seconds * 1_000 + millis)
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    challenge: Option<String>,
    team_id: Option<String>,
    #[serde(default)]
    event: Value,
}

#[derive(Deserialize)]
struct Message {
    channel: String,
    ts: String,
    thread_ts: Option<String>,
    subtype: Option<String>,
    user: Option<String>,
    bot_id: Option<String>,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    text: String,
    #[serde(default)]
    blocks: Value,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    name: Option<String>,
    mimetype: Option<String>,
    size: Option<u64>,
    url_private: Option<String>,
    url_private_download: Option<String>,
    #[serde(default)]
    is_external: bool,
}

/// Reads a call of the Events API (docs.slack.dev, "The Events API").
pub(super) fn event(body: &[u8], config: &Config) -> Result<Received, Unreadable> {
    let envelope: Envelope = json(body, "the body")?;
    match envelope.kind.as_str() {
        "url_verification" => {
            let challenge = envelope.challenge;
            let challenge = challenge.ok_or_else(|| unreadable("challenge: missing"))?;
            Ok(Received {
                events: Vec::new(),
                answer: Answer::Text(challenge),
                ..Received::default()
            })
        }
        "event_callback" => {
            if envelope.event["type"] != "message" {
                return Ok(one(ignored("", "not a message")));
            }
            if config.team_id.is_some() && config.team_id != envelope.team_id {
                return Ok(one(ignored("", "another workspace")));
            }
            message(envelope.event, config).map(one)
        }
        "app_rate_limited" => {
            tracing::warn!("Slack holds events back: more than 30,000 in an hour");
            Ok(one(ignored("", "events are limited")))
        }
        _ => Ok(one(ignored("", "another kind of call"))),
    }
}

fn message(event: Value, config: &Config) -> Result<DeskEvent, Unreadable> {
    // What was edited or deleted, and messages about the channel, have other shapes.
    match event["subtype"].as_str() {
        None | Some("file_share" | "thread_broadcast") => {}
        Some("message_changed") => return Ok(ignored("", "an edit")),
        Some("message_deleted") => return Ok(ignored("", "a deletion")),
        Some("bot_message") => return Ok(ignored("", "a bot's message")),
        Some(_) => return Ok(ignored("", "not an agent's message")),
    }
    let message: Message = serde_json::from_value(event).map_err(|_| {
        // serde's own words would quote what was said.
        unreadable("event: a member is missing or of the wrong type")
    })?;
    if message.channel != config.channel {
        return Ok(ignored("", "another channel"));
    }
    let thread = match &message.thread_ts {
        Some(thread) if *thread != message.ts => thread,
        _ => return Ok(ignored("", "outside of any thread")),
    };
    let reference = reference(&message.channel, thread);
    // Our own posts come back, too.
    if message.bot_id.is_some() || message.subtype.as_deref() == Some("bot_message") {
        return Ok(ignored(&reference, "a bot's message"));
    }
    let agent = match &message.user {
        Some(user) if user != "USLACKBOT" && is_id(user, &['U', 'W']) => user.clone(),
        _ => return Ok(ignored(&reference, "nobody's message")),
    };
    if message.hidden {
        return Ok(ignored(&reference, "a hidden message"));
    }
    let at = millis(&message.ts).ok_or_else(|| unreadable("event.ts: not a timestamp"))?;
    millis(thread).ok_or_else(|| unreadable("event.thread_ts: not a timestamp"))?;
    let mut text = plain::of_message(&message.text, &message.blocks);
    let what = if text.starts_with(INTERNAL) {
        What::PrivateNote
    } else {
        let mut files = Vec::new();
        for file in message.files {
            match desk_file(file) {
                Ok(file) => files.push(file),
                Err(name) => {
                    let line = format!("[a file that could not be passed on: {name}]");
                    text = [text.as_str(), &line].join("\n").trim().to_owned();
                }
            }
        }
        if text.is_empty() && files.is_empty() {
            What::Ignored("nothing in it")
        } else {
            What::Message(AgentLine {
                agent: Agent {
                    id: agent,
                    name: String::new(),
                },
                text,
                files,
                // The name, and those of people who are mentioned, are the desk's to tell.
                incomplete: true,
            })
        }
    };
    Ok(DeskEvent {
        reference,
        // Not `event_id`: it differs between the two events of a message that mentions the app.
        id: message.ts,
        at: Some(at),
        what,
    })
}

/// The file, or the name of one that has no address (deleted, hidden by the plan's limit, or only
/// announced).
fn desk_file(file: File) -> Result<DeskFile, String> {
    let name = file.name.unwrap_or_else(|| "file".to_owned());
    // A file that is kept elsewhere is a link to there, and opens for whom that lets in.
    let url = if file.is_external {
        file.url_private
    } else {
        file.url_private_download.or(file.url_private)
    };
    match url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
        Some(url) => Ok(DeskFile {
            name,
            content_type: file.mimetype,
            bytes: file.size,
            url,
            public: file.is_external,
        }),
        None => Err(name),
    }
}

#[derive(Deserialize)]
struct Interaction {
    #[serde(rename = "type")]
    kind: String,
    team: Option<Named>,
    user: Option<Person>,
    channel: Option<Named>,
    container: Option<Container>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Person {
    id: String,
    name: Option<String>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct Container {
    message_ts: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    action_id: String,
    action_ts: String,
}

/// Reads what was done with a button: a form with one field, `payload` (docs.slack.dev,
/// "Handling user interaction in your Slack apps"). The answer is empty: it has to come within
/// three seconds, and the top of the thread is brought up to date when the log has it.
pub(super) fn interaction(body: &[u8], config: &Config) -> Result<Received, Unreadable> {
    let payload = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    let (_, payload) = payload.ok_or_else(|| unreadable("payload: missing"))?;
    let call: Interaction = json(payload.as_bytes(), "payload")?;
    if call.kind != "block_actions" {
        return Ok(one(ignored("", "another kind of interaction")));
    }
    if config.team_id.is_some() && config.team_id != call.team.map(|team| team.id) {
        return Ok(one(ignored("", "another workspace")));
    }
    if call.channel.map(|channel| channel.id).as_ref() != Some(&config.channel) {
        return Ok(one(ignored("", "another channel")));
    }
    let ts = call.container.and_then(|container| container.message_ts);
    let ts = ts
        .filter(|ts| millis(ts).is_some())
        .ok_or_else(|| unreadable("payload.container.message_ts: missing or not a timestamp"))?;
    let user = call
        .user
        .ok_or_else(|| unreadable("payload.user: missing"))?;
    let agent = Agent {
        name: user.name.or(user.username).unwrap_or_default(),
        id: user.id,
    };
    let reference = reference(&config.channel, &ts);
    let events = call.actions.into_iter().map(|action| DeskEvent {
        reference: reference.clone(),
        id: format!("{}-{}", action.action_id, action.action_ts),
        at: millis(&action.action_ts),
        what: match action.action_id.as_str() {
            ACTION_CLAIM => What::Assigned(agent.clone()),
            ACTION_CLOSE => What::Closed {
                agent: Some(agent.clone()),
            },
            _ => What::Ignored("another button"),
        },
    });
    Ok(Received {
        events: events.collect(),
        answer: Answer::Empty,
        ..Received::default()
    })
}

fn one(event: DeskEvent) -> Received {
    Received {
        events: vec![event],
        answer: Answer::Empty,
        ..Received::default()
    }
}

fn ignored(reference: &str, why: &'static str) -> DeskEvent {
    DeskEvent {
        reference: reference.to_owned(),
        id: String::new(),
        at: None,
        what: What::Ignored(why),
    }
}

fn json<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| {
        // Where, never what.
        unreadable(&format!(
            "{what} cannot be read (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

fn unreadable(what: &str) -> Unreadable {
    Unreadable(what.to_owned())
}
