//! What a part of a conversation means for the user.

use super::plain::{is_web, plain};
use super::wire::{Attachment, Part};
use crate::conversation::Agent;
use crate::desk::{AgentLine, DeskEvent, DeskFile, What};
use crate::time::Millis;

/// What an event is named by, so that the vendor's retries, two topics about one part and a
/// reading of the conversation all come to the same.
pub(super) fn event_id(what: &What, part: &str) -> String {
    let kind = match what {
        What::Message(_) => "message",
        What::Assigned(_) => "assigned",
        What::Closed { .. } => "closed",
        What::PrivateNote => "note",
        What::Ignored(_) => "ignored",
    };
    format!("{kind}-{part}")
}

/// The kinds of parts whose body a user sees: a reply, alone or with what else was done to the
/// conversation. The bodies of all others (changed attributes, custom actions, whatever is yet to
/// come) are for teammates.
const SAID: [&str; 5] = ["comment", "assignment", "open", "close", "snoozed"];

/// Reads a part. `ours` is the teammate in whose name we write; never without an answer.
///
/// Whether an agent wrote to the user is told by the author and the body, not by the kind of part
/// alone: the first reply of an agent who takes the conversation with it comes as an `assignment`.
pub(super) fn read(reference: &str, part: &Part, ours: &str) -> Vec<DeskEvent> {
    let at = part.created_at.map(|seconds| seconds.saturating_mul(1000));
    let event = |what: What| DeskEvent {
        reference: reference.to_owned(),
        id: event_id(&what, &part.id),
        at,
        what,
    };
    let agent = match author(part, ours) {
        Ok(agent) => agent,
        Err(why) => return vec![event(What::Ignored(why))],
    };
    let kind = part.part_type.as_deref().unwrap_or_default();
    // "note", and "note_and_reopen".
    if kind.starts_with("note") {
        return vec![event(What::PrivateNote)];
    }
    let mut events = Vec::new();
    let line = line(part, &agent);
    let is_said = SAID.contains(&kind);
    if is_said && (!line.text.is_empty() || !line.files.is_empty()) {
        events.push(event(What::Message(line)));
    }
    if let Some(assignee) = assignee(part, &agent) {
        events.push(event(What::Assigned(assignee)));
    }
    if kind == "close" {
        events.push(event(What::Closed { agent: Some(agent) }));
    }
    if events.is_empty() {
        events.push(event(What::Ignored("nothing was said in it")));
    }
    events
}

/// The agent who made the part, or why it is no agent's.
fn author(part: &Part, ours: &str) -> Result<Agent, &'static str> {
    let author = part.author.as_ref().ok_or("it has no author")?;
    let id = author.id.as_deref().unwrap_or_default();
    if author.kind.as_deref() != Some("admin") {
        return Err("no teammate made it");
    }
    if author.from_ai_agent == Some(true) {
        return Err("an AI agent made it");
    }
    if id == ours {
        return Err("our own");
    }
    if part.redacted == Some(true) {
        return Err("it was redacted");
    }
    Ok(Agent {
        id: id.to_owned(),
        name: author.name.as_deref().unwrap_or_default().trim().to_owned(),
    })
}

fn line(part: &Part, agent: &Agent) -> AgentLine {
    let plain = plain(part.body.as_deref().unwrap_or_default());
    let attached = part.attachments.iter().flatten().filter_map(file);
    let pictures = plain.images.into_iter().map(|url| DeskFile {
        name: name_in(&url),
        content_type: None,
        bytes: None,
        url,
        public: true,
    });
    AgentLine {
        agent: agent.clone(),
        text: plain.text,
        files: attached.chain(pictures).collect(),
        incomplete: agent.name.is_empty(),
    }
}

/// Files have addresses that anybody can read who has them; Intercom lets them expire.
fn file(attachment: &Attachment) -> Option<DeskFile> {
    let url = attachment.url.as_ref().filter(|url| is_web(url))?;
    let name = attachment.name.as_ref().filter(|name| !name.is_empty());
    Some(DeskFile {
        name: name.map_or_else(|| name_in(url), Clone::clone),
        content_type: attachment.content_type.clone(),
        bytes: attachment.filesize,
        url: url.clone(),
        public: true,
    })
}

/// What an address calls its file.
fn name_in(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() { "file" } else { name }.to_owned()
}

/// The agent who has the conversation from now on. What rules assign was taken by nobody, and has
/// no agent as its author.
fn assignee(part: &Part, by: &Agent) -> Option<Agent> {
    let assigned = part.assigned_to.as_ref()?;
    let id = assigned.id.as_deref().filter(|id| *id != "0")?;
    if assigned.kind.as_deref() != Some("admin") {
        return None;
    }
    let name = match assigned.name.as_deref().map(str::trim) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ if id == by.id => by.name.clone(),
        _ => format!("Teammate {id}"),
    };
    Some(Agent {
        id: id.to_owned(),
        name,
    })
}

/// Whether a part is newer than this, give or take `slack` milliseconds.
pub(super) fn is_since(part: &Part, at: Millis, slack: Millis) -> bool {
    let made = part.created_at.map(|seconds| seconds.saturating_mul(1000));
    made.is_none_or(|made| made >= at - slack)
}
