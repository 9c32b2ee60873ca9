//! What the API does and answers.

use serde_json::{Value, json};

use super::contacts::contact;
use super::lists::{message, page, shown};
use super::state::{API_USER, Kind, Message, Sender, State, Talk, now};
use super::webhooks::{Happened, tell};
use super::{ACCOUNT, HMAC_TOKEN, INBOX, Shared};

/// The longest content of a message, in characters.
const MAX_CONTENT: usize = 150_000;
/// Messages a minute and conversation (`CONVERSATION_MESSAGE_PER_MINUTE_LIMIT`).
const PER_MINUTE: usize = 200;

/// An answer.
pub(super) enum Answer {
    /// 200 with this body.
    Done(Value),
    /// This status, with this error.
    Refused(u16, &'static str),
}

use Answer::{Done, Refused};

/// What is not there.
pub(super) const NOT_FOUND: Answer = Refused(404, "Resource could not be found");

/// Takes a call apart.
pub(super) fn answer(
    shared: &Shared,
    method: &str,
    path: &str,
    query: &str,
    body: &Value,
) -> Answer {
    let account = ACCOUNT.to_string();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let mut state = shared.state();
    match segments.as_slice() {
        ["public", "api", "v1", "inboxes", inbox, rest @ ..] if *inbox == INBOX => {
            public(shared, &mut state, method, rest, query, body)
        }
        ["api", "v1", "accounts", id, rest @ ..] if *id == account => {
            application(shared, &mut state, method, rest, query, body)
        }
        _ => NOT_FOUND,
    }
}

fn public(
    shared: &Shared,
    state: &mut State,
    method: &str,
    path: &[&str],
    query: &str,
    body: &Value,
) -> Answer {
    match (method, path) {
        ("GET", []) => {
            state.count("check");
            Done(
                json!({"name": "GPTBots", "identity_validation_enabled": shared.0.setup.identity_validation}),
            )
        }
        ("POST", ["contacts"]) => {
            state.count("contact");
            contact(state, shared.0.setup.identity_validation, body)
        }
        (_, ["contacts", source_id, "conversations", rest @ ..]) => {
            let known = state
                .addresses
                .iter()
                .find(|known| known.source_id == *source_id);
            let Some(address) = known else {
                return NOT_FOUND;
            };
            let (contact, proven) = (address.contact, address.proven);
            // A proven contact sees all conversations, others those of this address.
            let sees = move |talk: &Talk| match proven {
                true => talk.contact == contact,
                false => talk.source_id == *source_id,
            };
            match (method, rest) {
                ("GET", []) => {
                    state.count("find");
                    let talks = state.talks.iter().filter(|talk| sees(talk));
                    Done(talks.map(|talk| shown(talk, false)).collect())
                }
                ("POST", []) => {
                    state.count("open");
                    open(shared, state, source_id, contact, body)
                }
                (_, [id, rest @ ..]) => {
                    let Some(talk) = state.talk(id).filter(|talk| sees(talk)) else {
                        return NOT_FOUND;
                    };
                    let sender = Sender::Contact(contact, talk.contact_name.clone());
                    let id = (*id).to_owned();
                    in_talk(shared, state, &id, method, rest, query, body, Some(sender))
                }
                _ => NOT_FOUND,
            }
        }
        _ => NOT_FOUND,
    }
}

fn application(
    shared: &Shared,
    state: &mut State,
    method: &str,
    path: &[&str],
    query: &str,
    body: &Value,
) -> Answer {
    match (method, path) {
        ("GET", ["inboxes"]) => {
            state.count("check");
            Done(json!({"payload": [
                {"id": 1, "name": "Website", "channel_type": "Channel::WebWidget"},
                {
                    "id": 2, "name": "GPTBots", "channel_type": "Channel::Api",
                    "inbox_identifier": INBOX, "lock_to_single_conversation": false,
                    "hmac_mandatory": shared.0.setup.identity_validation, "hmac_token": HMAC_TOKEN,
                },
            ]}))
        }
        ("GET", ["contacts", id, "conversations"]) => {
            state.count("find");
            if !state
                .contacts
                .iter()
                .any(|contact| contact.id.to_string() == *id)
            {
                return NOT_FOUND;
            }
            let of = state
                .talks
                .iter()
                .filter(|talk| talk.contact.to_string() == *id);
            let talks: Vec<_> = of.rev().take(20).map(|talk| shown(talk, true)).collect();
            Done(json!({"payload": talks}))
        }
        (_, ["conversations", id, rest @ ..]) => {
            if state.talk(id).is_none() {
                return NOT_FOUND;
            }
            let id = (*id).to_owned();
            in_talk(shared, state, &id, method, rest, query, body, None)
        }
        _ => NOT_FOUND,
    }
}

/// A call about a conversation that is there; `contact` makes it in the public API.
#[allow(clippy::too_many_arguments)]
fn in_talk(
    shared: &Shared,
    state: &mut State,
    id: &str,
    method: &str,
    path: &[&str],
    query: &str,
    body: &Value,
    contact: Option<Sender>,
) -> Answer {
    let full = contact.is_none();
    match (method, path) {
        ("GET", []) => {
            state.count("state");
            state
                .talk(id)
                .map_or(NOT_FOUND, |talk| Done(shown(talk, full)))
        }
        ("GET", ["messages"]) => {
            state.count("messages");
            let Some(talk) = state.talk(id) else {
                return NOT_FOUND;
            };
            let page = page(&talk.messages, query, full);
            let page: Vec<_> = page.iter().map(|one| message(one, id, full)).collect();
            Done(match full {
                true => json!({"meta": {}, "payload": page}),
                false => page.into(),
            })
        }
        ("POST", ["messages"]) => say(shared, state, id, body, contact),
        ("POST", ["toggle_status"]) => {
            state.count("close");
            let status = match (full, body["status"].as_str()) {
                (false, _) | (true, Some("resolved")) => "resolved",
                (true, Some("open")) => "open",
                _ => return Refused(422, "status is not one we know"),
            };
            set_status(shared, state, id, status);
            match (state.talk(id), full) {
                (Some(_), true) => Done(json!({"meta": {}, "payload": {
                    "success": true, "current_status": status, "conversation_id": id,
                }})),
                (Some(talk), false) => Done(shown(talk, false)),
                _ => NOT_FOUND,
            }
        }
        _ => NOT_FOUND,
    }
}

/// Sets a status and tells of it, if it is another one.
pub(super) fn set_status(shared: &Shared, state: &mut State, id: &str, status: &'static str) {
    let Some(talk) = state.talk_mut(id) else {
        return;
    };
    let before = std::mem::replace(&mut talk.status, status);
    if before != status {
        talk.updated_at = now();
        tell(shared, state, id, &Happened::Status(before));
    }
}

fn open(shared: &Shared, state: &mut State, source_id: &str, contact: u64, body: &Value) -> Answer {
    let known = state.contacts.iter().find(|known| known.id == contact);
    let contact_name = known
        .map(|contact| contact.name.clone())
        .unwrap_or_default();
    let id = state.talks.last().map_or(41, |talk| talk.id) + 1;
    state.talks.push(Talk {
        id,
        source_id: source_id.to_owned(),
        contact,
        contact_name,
        status: "open",
        attributes: body["custom_attributes"].clone(),
        assignee: None,
        messages: Vec::new(),
        updated_at: now(),
    });
    let id = id.to_string();
    tell(shared, state, &id, &Happened::Created);
    state
        .talk(&id)
        .map_or(NOT_FOUND, |talk| Done(shown(talk, false)))
}

fn say(
    shared: &Shared,
    state: &mut State,
    id: &str,
    body: &Value,
    contact: Option<Sender>,
) -> Answer {
    let full = contact.is_none();
    let private = full && body["private"].as_bool() == Some(true);
    state.count(if private { "note" } else { "post" });
    let kind = match (full, body["message_type"].as_str()) {
        (false, _) | (true, Some("incoming")) => Kind::Incoming,
        (true, Some("outgoing") | None) => Kind::Outgoing,
        _ => return Refused(422, "'message_type' is not a valid message_type"),
    };
    let Some(content) = body["content"]
        .as_str()
        .filter(|text| !text.trim().is_empty())
    else {
        return Refused(422, "Validation failed: Content can't be blank");
    };
    if content.chars().count() > MAX_CONTENT {
        return Refused(
            422,
            "Validation failed: Content is too long (maximum is 150000 characters)",
        );
    }
    if content.contains('\0') {
        return Refused(500, "string contains null byte");
    }
    let fresh = state.fresh_id();
    let Some(talk) = state.talk_mut(id) else {
        return NOT_FOUND;
    };
    let since = now() - 60_000;
    let lately = talk.messages.iter().filter(|one| one.created_at > since);
    if shared.0.limits && lately.count() >= PER_MINUTE {
        return Refused(422, "Validation failed: Too many messages");
    }
    let sender = match kind {
        Kind::Incoming => Sender::Contact(talk.contact, talk.contact_name.clone()),
        _ => Sender::User(API_USER),
    };
    let said = Message {
        id: fresh,
        content: Some(content.to_owned()),
        kind,
        private,
        source_id: body["source_id"]
            .as_str()
            .filter(|_| full)
            .map(str::to_owned),
        sender: contact.unwrap_or(sender),
        ..Message::of_agent(fresh, "")
    };
    let answer = message(&said, id, full);
    talk.messages.push(said.clone());
    talk.updated_at = now();
    tell(shared, state, id, &Happened::Said("message_created", said));
    if kind == Kind::Incoming {
        set_status(shared, state, id, "open");
    }
    Done(answer)
}
