//! What an agent, and Intercom itself, does in a conversation.

use serde_json::{Value, json};

use super::Shared;
use super::model::{ANN, Author, BRIDGE, Happening, Part, paragraphs};
use super::state::State;
use crate::Act;

const REPLIED: &[&str] = &["conversation.admin.replied"];
/// Both topics tell of one part where both are subscribed.
const ASSIGNED: &[&str] = &[
    "conversation.admin.assigned",
    "conversation.admin.open.assigned",
];

/// What [`Act::SayWithMarkup`] says, as Intercom's composer makes it.
const MARKUP: &str = "<p class=\"no-margin\">Please <b>see</b> \
    <a href=\"https://example.com/guide?a=1&amp;b=2\" rel=\"nofollow noopener noreferrer\" \
    target=\"_blank\">our guide</a> or ask <a class=\"entity_mention\" \
    href=\"https://app.intercom.com/a/apps/a1b2c3d4/admins/7001\">@Ann Agent</a>: 1 &lt; 2 &amp; \
    3 &gt; 2</p>";

impl Shared {
    /// Does it; answers what the webhooks were answered.
    pub(super) async fn act(&self, reference: &str, act: Act) -> Vec<u16> {
        let happened = {
            let mut state = self.state();
            if state.find(reference).is_none() {
                return Vec::new();
            }
            let happened = happenings(&mut state, reference, act, &self.base_url());
            for happening in happened.iter().filter(|happening| happening.kept) {
                keep(&mut state, reference, happening.part.clone());
            }
            happened
        };
        let mut statuses = Vec::new();
        for Happening { part, topics, .. } in happened {
            for topic in topics {
                let envelope = self.envelope(topic, reference, std::slice::from_ref(&part));
                statuses.extend(self.tell(envelope).await);
            }
        }
        statuses
    }
}

fn keep(state: &mut State, reference: &str, part: Part) {
    let Some(found) = state.find_mut(reference) else {
        return;
    };
    match part.kind {
        "close" => found.state = "closed",
        "open" => found.state = "open",
        "snoozed" => found.state = "snoozed",
        _ => {}
    }
    if let Some(assignee) = &part.assigned_to {
        found.assignee = Some(assignee.clone());
    }
    found.parts.push(part);
}

fn happenings(state: &mut State, reference: &str, act: Act, base_url: &str) -> Vec<Happening> {
    let part = match act {
        Act::Claim => {
            let mut part = state.part_of_ann("assignment", None);
            part.assigned_to = Some(ANN.0.to_owned());
            return vec![happening(part, ASSIGNED)];
        }
        Act::Say(text) => reply(state, reference, Some(paragraphs(&text))),
        Act::SayWithMarkup => reply(state, reference, Some(MARKUP.to_owned())),
        Act::SendFile(name, content) => {
            let mut part = reply(state, reference, None);
            let n = state.files.len();
            let attachment = json!({
                "type": "upload", "name": name, "url": format!("{base_url}/files/{n}"),
                "content_type": "application/octet-stream", "filesize": content.len(),
                "width": null, "height": null,
            });
            part.attachments.push(attachment);
            state.files.push((name, content));
            part
        }
        Act::Note(text) => {
            let part = state.part_of_ann("note", Some(paragraphs(&text)));
            return vec![happening(part, &["conversation.admin.noted"])];
        }
        Act::Noise(text) => return noise(state, &paragraphs(&text)),
        Act::Close => {
            let part = state.part_of_ann("close", None);
            return vec![happening(part, &["conversation.admin.closed"])];
        }
        Act::Reopen => {
            let part = state.part_of_ann("open", None);
            return vec![happening(part, &["conversation.admin.opened"])];
        }
    };
    vec![happening(part, REPLIED)]
}

fn happening(part: Part, topics: &'static [&'static str]) -> Happening {
    Happening {
        part,
        kept: true,
        topics,
    }
}

/// A reply. The first one takes the conversation with it, and then it comes as an assignment.
fn reply(state: &mut State, reference: &str, body: Option<String>) -> Part {
    let nobodys = state
        .find(reference)
        .is_some_and(|found| found.assignee.is_none());
    let kind = if nobodys { "assignment" } else { "comment" };
    let mut part = state.part_of_ann(kind, body);
    part.assigned_to = nobodys.then(|| ANN.0.to_owned());
    part
}

/// Everything with this text in it that is no agent's line to the user.
fn noise(state: &mut State, html: &str) -> Vec<Happening> {
    let said = || Some(html.to_owned());
    let by = |kind, id: &str, name: &str, from_ai_agent| Author {
        kind,
        id: id.to_owned(),
        name: name.to_owned(),
        from_ai_agent,
    };
    let bot = state.part("comment", said(), by("bot", "500", "Operator", false));
    let team = state.part("comment", said(), by("team", "600", "Support", false));
    let ai = state.part("comment", said(), by("admin", "501", "Fin", true));
    let ours = state.part("comment", said(), Author::admin(BRIDGE));
    let user = state.part("comment", said(), by("user", "6762", "Somebody", false));
    let note = state.part_of_ann("note_and_reopen", said());
    let mut redacted = state.part_of_ann("comment", said());
    redacted.redacted = true;
    let mut ruled = state.part("assignment", said(), by("bot", "500", "Operator", false));
    ruled.assigned_to = Some(ANN.0.to_owned());
    let snoozed = state.part_of_ann("snoozed", None);
    let tagged = state.part_of_ann("comment", said());
    let told = |part, topics| Happening {
        part,
        kept: false,
        topics,
    };
    vec![
        told(
            bot,
            &[
                "conversation.operator.replied",
                "conversation.admin.replied",
            ],
        ),
        told(team, REPLIED),
        told(ai, REPLIED),
        told(ours, REPLIED),
        told(user, &["conversation.user.replied"]),
        happening(
            note,
            &["conversation.admin.noted", "conversation.admin.replied"],
        ),
        happening(
            redacted,
            &["conversation_part.redacted", "conversation.admin.replied"],
        ),
        told(ruled, ASSIGNED),
        told(snoozed, &["conversation.admin.snoozed"]),
        told(tagged, &["conversation_part.tag.created"]),
    ]
}

/// What may be done from the page.
pub(super) fn by_name(name: &str, text: &str) -> Option<Act> {
    let text = text.to_owned();
    Some(match name {
        "claim" => Act::Claim,
        "say" => Act::Say(text),
        "markup" => Act::SayWithMarkup,
        "note" => Act::Note(text),
        "file" => Act::SendFile("note.txt".to_owned(), text.into_bytes()),
        "close" => Act::Close,
        "reopen" => Act::Reopen,
        _ => return None,
    })
}

/// An agent's line as a part that is nowhere else.
pub(super) fn line(state: &mut State, text: &str) -> Part {
    state.part_of_ann("comment", Some(paragraphs(text)))
}

/// A webhook that is not an attempt of the last one's: the same, counted on.
pub(super) fn again(mut envelope: Value) -> Value {
    let attempts = envelope["delivery_attempts"].as_u64().unwrap_or(0);
    envelope["delivery_attempts"] = json!(attempts + 1);
    envelope
}
