//! What Chatwoot tells: webhooks, and the messages of a conversation when it is asked.

use aws_smithy_types::date_time::{DateTime, Format};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Chatwoot;
use super::api::Talk;
use super::markdown::plain;
use super::post::place;
use crate::conversation::{Agent, Conversation};
use crate::desk::{
    AgentLine, DeskError, DeskEvent, DeskFile, Received, Route, Unreadable, Verified, What,
};
use crate::time::Millis;

/// The longest name of a file, in characters.
const MAX_FILE_NAME: usize = 200;

/// Reads a webhook: one flat object with its `event`
/// (<https://www.chatwoot.com/docs/product/features/webhooks>; `app/listeners/webhook_listener.rb`).
///
/// What is of another account than `account` is not ours, though it may have come with our token:
/// conversations are numbered anew in each.
pub(super) fn parse(call: &Verified<'_>, account: Option<u64>) -> Result<Received, Unreadable> {
    if call.route == Route::Interactions {
        return Err(Unreadable("Chatwoot has no interactions".to_owned()));
    }
    let body: Value = serde_json::from_slice(call.body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Unreadable(format!("not JSON: line {line}, column {column}"))
    })?;
    let name = body["event"].as_str().ok_or_else(|| missing("event"))?;
    let other = |its: u64| account.is_some_and(|ours| ours != its);
    if account_of(&body).is_some_and(other) {
        return Ok(Received::default());
    }
    let event = match name {
        "message_created" => Some(message_created(&body)?),
        "message_updated" => Some(of_message(&body, "an edit", "edited")?),
        "conversation_status_changed" => Some(status_changed(&body)?),
        "conversation_updated" => Some(updated(&body)?),
        // Typing, a new conversation, contacts: nothing that has to do with a line.
        _ => None,
    };
    Ok(Received {
        events: event.into_iter().collect(),
        ..Received::default()
    })
}

impl Chatwoot {
    /// The agents' lines of a conversation, and its end.
    pub(super) async fn ask_back(
        &self,
        conversation: &Conversation,
    ) -> Result<Vec<DeskEvent>, DeskError> {
        let source_id = self.source_id(conversation);
        let place = place(conversation, &source_id)?;
        // The state first: a line written just before the end must not come after it.
        let talk = self.api.talk(place).await?;
        let messages = self
            .api
            .messages(place, conversation.opened_at - 300_000)
            .await?;
        let mut events: Vec<_> = messages
            .iter()
            .filter_map(|message| {
                let event = event(place.reference, message)?;
                matches!(event.what, What::Message(_)).then_some(event)
            })
            .collect();
        if talk.is_resolved() {
            events.push(ended(place.reference, &talk));
        }
        Ok(events)
    }
}

fn ended(reference: &str, talk: &Talk) -> DeskEvent {
    DeskEvent {
        reference: reference.to_owned(),
        id: format!("resolved-{reference}-{}", scalar(&talk.updated_at)),
        at: None,
        what: What::Closed { agent: None },
    }
}

/// The account that a webhook is of: messages name it, conversations in the messages within them.
fn account_of(body: &Value) -> Option<u64> {
    let within = &body["messages"][0]["account_id"];
    [&body["account"]["id"], &body["account_id"], within]
        .into_iter()
        .find_map(Value::as_u64)
}

fn missing(place: &str) -> Unreadable {
    Unreadable(format!("{place}: missing or of the wrong type"))
}

/// A number as it came, whole or not; nothing for all else.
fn scalar(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

fn message_created(body: &Value) -> Result<DeskEvent, Unreadable> {
    let reference = reference(body)?;
    event(&reference, body).ok_or_else(|| missing("id"))
}

/// The conversation that a message is in.
fn reference(body: &Value) -> Result<String, Unreadable> {
    let id = body["conversation"]["id"].as_u64();
    Ok(id.ok_or_else(|| missing("conversation.id"))?.to_string())
}

fn of_message(body: &Value, why: &'static str, what: &str) -> Result<DeskEvent, Unreadable> {
    let id = body["id"].as_u64().ok_or_else(|| missing("id"))?;
    Ok(DeskEvent {
        reference: reference(body)?,
        id: format!("message-{id}-{what}"),
        at: None,
        what: What::Ignored(why),
    })
}

/// What a message is: the same from a webhook (types by name, times as text) and from the lists
/// (types by number, times in seconds). `None` without an id.
fn event(reference: &str, message: &Value) -> Option<DeskEvent> {
    let id = message["id"].as_u64()?;
    Some(DeskEvent {
        reference: reference.to_owned(),
        id: format!("message-{id}"),
        at: seconds(&message["created_at"]),
        what: what(message),
    })
}

fn what(message: &Value) -> What {
    if message["private"].as_bool() == Some(true) {
        return What::PrivateNote;
    }
    let kind = &message["message_type"];
    match (kind.as_str(), kind.as_u64()) {
        (Some("outgoing"), _) | (_, Some(1)) => {}
        (Some("incoming"), _) | (_, Some(0)) => return What::Ignored("the user's own"),
        (Some("template"), _) | (_, Some(3)) => return What::Ignored("an automatic message"),
        _ => return What::Ignored("not a message to the user"),
    }
    let sender = &message["sender"];
    // Bots, assistants and automations are no people; they have other types, or no sender.
    if sender["type"].as_str() != Some("user") {
        return What::Ignored("not written by a person");
    }
    if message["content_attributes"]["deleted"].as_bool() == Some(true) {
        return What::Ignored("deleted");
    }
    let text = plain(message["content"].as_str().unwrap_or_default());
    let files = files(&message["attachments"]);
    if text.is_empty() && files.is_empty() {
        return What::Ignored("an empty message");
    }
    What::Message(AgentLine {
        agent: agent(sender),
        text,
        files,
        incomplete: false,
    })
}

fn agent(user: &Value) -> Agent {
    Agent {
        id: scalar(&user["id"]),
        name: user["name"].as_str().unwrap_or_default().trim().to_owned(),
    }
}

/// Files. Their addresses are signed and lead on to where the file is: whoever has one can read
/// it (Active Storage's permanent links).
fn files(attachments: &Value) -> Vec<DeskFile> {
    let attachments = attachments
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    attachments
        .iter()
        .filter_map(|attachment| {
            let url = attachment["data_url"].as_str()?;
            let parsed = reqwest::Url::parse(url).ok()?;
            if !matches!(parsed.scheme(), "https" | "http") {
                return None;
            }
            let text = |name: &str| attachment[name].as_str().filter(|text| !text.is_empty());
            let last = parsed.path_segments().and_then(|mut path| path.next_back());
            let name = last.map(|name| percent_decode_str(name).decode_utf8_lossy());
            let name: String = name
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control() && !matches!(c, '/' | '\\'))
                .take(MAX_FILE_NAME)
                .collect();
            Some(DeskFile {
                name: if name.is_empty() {
                    "file".to_owned()
                } else {
                    name
                },
                content_type: text("content_type").map(str::to_owned),
                bytes: attachment["file_size"].as_u64(),
                url: url.to_owned(),
                public: true,
            })
        })
        .collect()
}

/// A time, cut to whole seconds, so that an event has the same wherever it is read: webhooks tell
/// milliseconds, the lists do not.
fn seconds(at: &Value) -> Option<Millis> {
    let seconds = match at {
        Value::String(text) => DateTime::from_str(text, Format::DateTime).ok()?.secs(),
        other => other.as_i64()?,
    };
    seconds.checked_mul(1_000)
}

fn status_changed(body: &Value) -> Result<DeskEvent, Unreadable> {
    let id = body["id"].as_u64().ok_or_else(|| missing("id"))?;
    let status = body["status"].as_str().ok_or_else(|| missing("status"))?;
    let what = match status {
        // It does not say who: the assignee may be somebody else.
        "resolved" => What::Closed { agent: None },
        _ => What::Ignored("not ended"),
    };
    Ok(of_conversation(id, status, body, what))
}

/// A conversation's members changed. Its end is told by the other event, too; who has it only by
/// this one.
fn updated(body: &Value) -> Result<DeskEvent, Unreadable> {
    let id = body["id"].as_u64().ok_or_else(|| missing("id"))?;
    let changes = body["changed_attributes"].as_array();
    let changes = changes.map(Vec::as_slice).unwrap_or_default();
    let assigned = changes
        .iter()
        .any(|change| change["assignee_id"]["current_value"].is_u64());
    let assignee = &body["meta"]["assignee"];
    let person = assignee["type"].as_str().is_none_or(|kind| kind == "user");
    if assigned && assignee["id"].is_u64() && person {
        let agent = agent(assignee);
        let name = format!("assigned-{}", agent.id);
        return Ok(of_conversation(id, &name, body, What::Assigned(agent)));
    }
    let ignored = What::Ignored("an update of a conversation");
    Ok(of_conversation(id, "updated", body, ignored))
}

/// An event of a conversation. Account and inbox webhooks tell the same one twice, under different
/// delivery ids: what was changed when is what names it.
fn of_conversation(id: u64, name: &str, body: &Value, what: What) -> DeskEvent {
    let changed = [&body["updated_at"], &body["timestamp"]]
        .into_iter()
        .map(scalar)
        .find(|changed| !changed.is_empty())
        .unwrap_or_default();
    DeskEvent {
        reference: id.to_string(),
        id: format!("{name}-{id}-{changed}"),
        at: None,
        what,
    }
}

#[cfg(test)]
mod tests;
