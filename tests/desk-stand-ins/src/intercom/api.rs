//! The API, as far as a bridge needs it, by the vendor's description (version 2.14). It is
//! stricter than the vendor: members that the description does not know are refused.

use serde_json::{Map, Value, json};

use super::model::{ANN, APP_ID, Author, BRIDGE, Contact, Conversation, Part, paragraphs};
use super::state::{State, now};

/// An answer: status and body.
pub(super) type Answer = (u16, Value);

/// A call of the API that has the right token and version.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a Value,
}

/// What a call is for, as it is counted.
pub(super) fn purpose(request: &Request<'_>) -> &'static str {
    let kind = request.body["message_type"].as_str();
    match (request.method, &segments(request.path)[..]) {
        ("POST", ["contacts"]) => "contact",
        ("POST", ["contacts", _, "unarchive"]) => "unarchive",
        ("GET", ["contacts", "find_by_external_id", _]) => "find",
        ("POST", ["conversations"]) => "open",
        ("POST", ["conversations", "search"]) => "search",
        ("GET", ["conversations", _]) => "read",
        ("POST", ["conversations", _, "reply"]) if kind == Some("note") => "note",
        ("POST", ["conversations", _, "reply"]) => "post",
        ("POST", ["conversations", _, "parts"]) => "close",
        ("GET", ["me"] | ["admins", _]) => "check",
        _ => "unknown",
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

/// Does what a call asks for, or says why not. The second answer is a part that is told of.
pub(super) fn answer(state: &mut State, request: &Request<'_>) -> (Answer, Option<(String, Part)>) {
    let body = request.body;
    let result = match (request.method, &segments(request.path)[..]) {
        ("GET", ["me"]) => Ok(json!({
            "type": "admin", "id": BRIDGE, "name": "Handoff", "email": "handoff@example.com",
            "app": {"type": "app", "id_code": APP_ID, "name": "Stand-in", "region": "US"},
        })),
        ("GET", ["admins", id]) if [BRIDGE, ANN.0].contains(id) => {
            let name = Author::admin(id).name;
            Ok(json!({"type": "admin", "id": id, "name": name, "has_inbox_seat": true}))
        }
        ("POST", ["contacts"]) => create_contact(state, body),
        ("POST", ["contacts", _, "unarchive"]) if !body.is_null() => Err(invalid("body")),
        ("POST", ["contacts", id, "unarchive"]) => unarchive(state, id),
        ("GET", ["contacts", "find_by_external_id", id]) => {
            let id = percent_decoded(id);
            let mut known = state.contacts.iter();
            let found = known.find(|contact| contact.external_id == id && !contact.archived);
            found.map(Contact::json).ok_or(not_found("User Not Found"))
        }
        ("POST", ["conversations"]) => create_conversation(state, body),
        ("POST", ["conversations", "search"]) => search(state, body),
        ("GET", ["conversations", id]) => {
            let as_text = match request.query {
                "" => false,
                "display_as=plaintext" => true,
                _ => return (invalid("query"), None),
            };
            let found = state.find(id).ok_or(not_found("Resource Not Found"));
            found.map(|found| found.json(state.contact(&found.contact), &found.parts, as_text))
        }
        ("POST", ["conversations", id, "reply"]) => reply(state, id, body),
        ("POST", ["conversations", id, "parts"]) => {
            return match close(state, id, body) {
                Ok(part) => {
                    let shown = state.shown(id, std::slice::from_ref(&part));
                    ((200, shown), Some(((*id).to_owned(), part)))
                }
                Err(refusal) => (refusal, None),
            };
        }
        _ => Err(not_found("Resource Not Found")),
    };
    let answer = result.map_or_else(|refusal| refusal, |body| (200, body));
    (answer, None)
}

/// The vendor's form of a refusal.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let errors = json!([{"code": code, "message": message}]);
    (
        status,
        json!({"type": "error.list", "request_id": "r1", "errors": errors}),
    )
}

fn not_found(message: &str) -> Answer {
    refusal(404, "not_found", message)
}

fn invalid(member: &str) -> Answer {
    refusal(400, "parameter_invalid", member)
}

/// The members of a body; `known` are all that it may have.
fn members<'a>(body: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>, Answer> {
    let members = body.as_object().ok_or_else(|| invalid("body"))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(invalid(unknown)),
        None => Ok(members),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Answer> {
    let text = members.get(name).and_then(Value::as_str);
    text.filter(|text| !text.trim().is_empty())
        .ok_or_else(|| invalid(name))
}

fn create_contact(state: &mut State, body: &Value) -> Result<Value, Answer> {
    let members = members(body, &["role", "external_id", "name", "email", "phone"])?;
    if text(members, "role")? != "user" {
        return Err(invalid("role"));
    }
    let external_id = text(members, "external_id")?;
    let known = state
        .contacts
        .iter()
        .find(|contact| contact.external_id == external_id);
    if let Some(known) = known {
        let which = if known.archived { "An archived" } else { "A" };
        let id = &known.id;
        let message = format!("{which} contact matching those details already exists with id={id}");
        return Err(refusal(409, "conflict", &message));
    }
    let told = |name| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let contact = Contact {
        id: format!("{:024x}", 0x6762_f0dd_1bb6 + state.contacts.len()),
        external_id: external_id.to_owned(),
        name: told("name").unwrap_or_default(),
        email: told("email"),
        phone: told("phone"),
        archived: false,
    };
    let made = contact.json();
    state.contacts.push(contact);
    Ok(made)
}

fn unarchive(state: &mut State, id: &str) -> Result<Value, Answer> {
    let mut known = state.contacts.iter_mut();
    let found = known.find(|contact| contact.id == id);
    let found = found.ok_or_else(|| not_found("User Not Found"))?;
    found.archived = false;
    Ok(json!({"type": "contact", "id": id, "archived": false}))
}

fn create_conversation(state: &mut State, body: &Value) -> Result<Value, Answer> {
    let members = members(body, &["from", "body"])?;
    let from = &body["from"];
    if from["type"] != "user" {
        return Err(invalid("from.type"));
    }
    let id = from["id"]
        .as_str()
        .filter(|id| id.len() == 24)
        .ok_or_else(|| invalid("from.id"))?;
    let mut known = state.contacts.iter();
    let contact = known.find(|contact| contact.id == id && !contact.archived);
    let external_id = contact
        .ok_or_else(|| not_found("User Not Found"))?
        .external_id
        .clone();
    let first = text(members, "body")?.to_owned();
    let conversation = Conversation {
        id: format!("{}", 499 + state.conversations.len()),
        contact: id.to_owned(),
        external_id,
        at: now(),
        first: first.clone(),
        parts: Vec::new(),
        state: "open",
        assignee: None,
    };
    let made = json!({
        "type": "user_message", "id": format!("40{}", conversation.id), "created_at": now(),
        "body": first, "message_type": "inapp", "conversation_id": conversation.id,
    });
    state.conversations.push(conversation);
    Ok(made)
}

/// Only the search that a bridge needs: a contact's conversations since a time.
fn search(state: &State, body: &Value) -> Result<Value, Answer> {
    members(body, &["query", "pagination"])?;
    if body["query"]["operator"] != "AND" {
        return Err(invalid("query.operator"));
    }
    let (mut contact, mut since) = (None, None);
    for filter in body["query"]["value"]
        .as_array()
        .ok_or_else(|| invalid("query.value"))?
    {
        match (filter["field"].as_str(), filter["operator"].as_str()) {
            (Some("contact_ids"), Some("=")) => contact = filter["value"].as_str(),
            (Some("created_at"), Some(">")) => {
                since = filter["value"]
                    .as_str()
                    .and_then(|value| value.parse::<i64>().ok());
            }
            _ => return Err(invalid("query.value.field")),
        }
    }
    let contact = contact.ok_or_else(|| invalid("contact_ids"))?;
    let since = since.ok_or_else(|| invalid("created_at"))?;
    if !(1..=150).contains(&body["pagination"]["per_page"].as_u64().unwrap_or(20)) {
        return Err(invalid("pagination.per_page"));
    }
    let found: Vec<_> = state
        .conversations
        .iter()
        .filter(|known| known.contact == contact && known.at >= since)
        .map(|known| known.json(state.contact(contact), &[], false))
        .collect();
    Ok(json!({
        "type": "conversation.list", "total_count": found.len(), "conversations": found,
        "pages": {"type": "pages", "page": 1, "per_page": 150, "total_pages": 1},
    }))
}

fn reply(state: &mut State, id: &str, body: &Value) -> Result<Value, Answer> {
    let known = [
        "message_type",
        "type",
        "admin_id",
        "intercom_user_id",
        "user_id",
        "body",
    ];
    let members = members(body, &known)?;
    let said = text(members, "body")?.to_owned();
    let found = state
        .find(id)
        .ok_or_else(|| not_found("Resource Not Found"))?;
    let kinds = (text(members, "type")?, text(members, "message_type")?);
    let (kind, author, html) = match kinds {
        ("user", "comment") => {
            let contact = state.contact(&found.contact);
            let by_id = members
                .get("intercom_user_id")
                .is_some_and(|id| *id == *contact.id);
            let by_own = members
                .get("user_id")
                .is_some_and(|id| *id == *contact.external_id);
            if !by_id && !by_own {
                return Err(not_found("User Not Found"));
            }
            let author = Author {
                kind: "user",
                id: contact.id.clone(),
                name: contact.name.clone(),
                from_ai_agent: false,
            };
            // Who answers to what is closed opens it again.
            let kind = if found.state == "closed" {
                "open"
            } else {
                "comment"
            };
            (kind, author, paragraphs(&said))
        }
        ("admin", "note") => ("note", admin(members)?, said),
        _ => return Err(invalid("message_type")),
    };
    let part = state.part(kind, Some(html), author);
    if let Some(found) = state.find_mut(id) {
        if kind != "note" {
            found.state = "open";
        }
        found.parts.push(part.clone());
    }
    Ok(state.shown(id, &[part]))
}

fn admin(members: &Map<String, Value>) -> Result<Author, Answer> {
    let id = text(members, "admin_id")?;
    if [BRIDGE, ANN.0].contains(&id) {
        Ok(Author::admin(id))
    } else {
        Err(not_found("Admin Not Found"))
    }
}

fn close(state: &mut State, id: &str, body: &Value) -> Result<Part, Answer> {
    let members = members(body, &["message_type", "type", "admin_id", "body"])?;
    if text(members, "message_type")? != "close" || text(members, "type")? != "admin" {
        return Err(invalid("message_type"));
    }
    let author = admin(members)?;
    if state.find(id).is_none() {
        return Err(not_found("Resource Not Found"));
    }
    let last = members.get("body").and_then(Value::as_str).map(paragraphs);
    let part = state.part("close", last, author);
    if let Some(found) = state.find_mut(id) {
        found.state = "closed";
        found.parts.push(part.clone());
    }
    Ok(part)
}

fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let [first, behind @ ..] = rest {
        let mut byte = [0];
        match behind.get(..2) {
            Some(digits) if *first == b'%' && hex::decode_to_slice(digits, &mut byte).is_ok() => {
                bytes.push(byte[0]);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
