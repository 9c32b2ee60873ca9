//! What the calls do: users, tickets, comments, updates.

use serde_json::{Map, Value, json};

use super::api::{Answer, Asked};
use super::state::{API_USER, Comment, Said, State, Ticket, User};
use super::{Shared, webhook};

/// The most of a comment, in bytes.
const MAX_COMMENT: usize = 65_535;
/// The most of an update's metadata, in bytes ("Tickets", setting metadata).
const MAX_METADATA: usize = 1_024;
const STATUSES: [&str; 6] = ["new", "open", "pending", "hold", "solved", "closed"];

pub(super) fn me(shared: &Shared) -> Answer {
    let state = shared.lock();
    match state.user(API_USER) {
        Some(user) => (
            200,
            json!({"user": {"id": user.id, "name": user.name, "role": user.role}}),
        ),
        None => not_found(),
    }
}

pub(super) fn create_or_update_user(shared: &Shared, asked: &Asked) -> Answer {
    let Some(user) = asked.body["user"].as_object() else {
        return invalid("user", "is missing");
    };
    if let Some(unknown) = unknown(user, &["name", "external_id"]) {
        return invalid("user", &format!("{unknown} is not expected"));
    }
    let name = user.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.trim().is_empty() {
        return invalid("name", "Name: is too short (minimum is 1 character)");
    }
    let external_id = user.get("external_id").and_then(Value::as_str);
    let mut state = shared.lock();
    let known = (state.users.iter_mut())
        .find(|user| external_id.is_some() && user.external_id.as_deref() == external_id);
    let (status, user) = match known {
        Some(user) => {
            name.clone_into(&mut user.name);
            (200, user.clone())
        }
        None => {
            let user = User {
                id: state.next_id(),
                name: name.to_owned(),
                external_id: external_id.map(Into::into),
                role: "end-user",
            };
            state.users.push(user.clone());
            (201, user)
        }
    };
    let json = json!({
        "id": user.id, "name": user.name, "external_id": user.external_id,
        "role": user.role, "email": null,
    });
    (status, json!({"user": json}))
}

pub(super) fn create(shared: &Shared, asked: &Asked) -> Answer {
    let mut state = shared.lock();
    let key = asked.idempotency_key.clone();
    if let Some(key) = &key {
        if key.len() > 255 {
            return (400, json!({"error": "IdempotentRequestError"}));
        }
        match state.answered.get(key) {
            Some((body, answer)) if *body == asked.body => return (201, answer.clone()),
            Some(_) => return (400, json!({"error": "IdempotentRequestError"})),
            None => {}
        }
    }
    let Some(wanted) = asked.body["ticket"].as_object() else {
        return invalid("ticket", "is missing");
    };
    let expected = [
        "subject",
        "requester_id",
        "external_id",
        "tags",
        "comment",
        "group_id",
        "brand_id",
    ];
    if let Some(unknown) = unknown(wanted, &expected) {
        return invalid("ticket", &format!("{unknown} is not expected"));
    }
    let requester = wanted.get("requester_id").and_then(Value::as_u64);
    let Some(requester) = requester.filter(|id| state.user(*id).is_some()) else {
        return invalid("requester", "Requester: is invalid");
    };
    let comment = match comment(&mut state, wanted.get("comment")) {
        Ok(comment) => comment,
        Err(refusal) => return refusal,
    };
    let text = |name: &str| wanted.get(name).and_then(Value::as_str).map(str::to_owned);
    let tags = wanted.get("tags").and_then(Value::as_array);
    let ticket = Ticket {
        id: state.next_id(),
        external_id: text("external_id"),
        subject: text("subject").unwrap_or_default(),
        status: "new".to_owned(),
        requester,
        assignee: None,
        tags: tags.map_or_else(Vec::new, |tags| {
            tags.iter()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect()
        }),
        comments: vec![comment.clone()],
        audits: Vec::new(),
    };
    let id = ticket.id.to_string();
    state.tickets.push(ticket.clone());
    let event = json!({"id": comment.id, "type": "Comment", "public": comment.public});
    let audit = state.audit(&id, API_USER, json!({}), vec![event]);
    let answer = json!({"ticket": ticket.json(), "audit": audit});
    if let Some(key) = key {
        state
            .answered
            .insert(key, (asked.body.clone(), answer.clone()));
    }
    drop(state);
    webhook::echo_comment(shared, &ticket, &comment);
    (201, answer)
}

pub(super) fn list(shared: &Shared, asked: &Asked) -> Answer {
    let wanted = asked.query.iter().find(|(name, _)| name == "external_id");
    let state = shared.lock();
    let tickets = state.tickets.iter().filter(|ticket| match wanted {
        Some((_, id)) => ticket.external_id.as_deref() == Some(id),
        None => true,
    });
    let tickets: Vec<Value> = tickets.map(Ticket::json).collect();
    (
        200,
        json!({"count": tickets.len(), "tickets": tickets, "next_page": null}),
    )
}

pub(super) fn show(shared: &Shared, id: &str) -> Answer {
    match shared.lock().ticket_mut(id) {
        Some(ticket) => (200, json!({"ticket": ticket.json()})),
        None => not_found(),
    }
}

pub(super) fn update(shared: &Shared, id: &str, asked: &Asked) -> Answer {
    let mut state = shared.lock();
    let Some(before) = state.ticket_mut(id).cloned() else {
        return not_found();
    };
    if let Some(wait) = state.too_many_updates(before.id) {
        return (429, json!({"retry_after": wait.as_secs() + 1}));
    }
    let Some(wanted) = asked.body["ticket"].as_object() else {
        return invalid("ticket", "is missing");
    };
    if let Some(unknown) = unknown(wanted, &["comment", "metadata", "status", "assignee_id"]) {
        return invalid("ticket", &format!("{unknown} is not expected"));
    }
    if before.status == "closed" {
        return invalid("status", "Status: closed prevents ticket update");
    }
    let metadata = wanted.get("metadata").cloned().unwrap_or_else(|| json!({}));
    if metadata.to_string().len() > MAX_METADATA {
        return invalid("metadata", "Metadata: is too long");
    }
    let status = wanted
        .get("status")
        .map(|status| status.as_str().unwrap_or_default());
    if status.is_some_and(|status| !STATUSES.contains(&status)) {
        return invalid("status", "Status: is not valid");
    }
    let assignee = wanted
        .get("assignee_id")
        .and_then(Value::as_u64)
        .or(before.assignee);
    if status == Some("solved") && (assignee.is_none() || state.required_field) {
        return invalid("base", "Assignee: is required when solving a ticket");
    }
    let added = match wanted.get("comment") {
        None => None,
        wanted => match comment(&mut state, wanted) {
            Ok(comment) => Some(comment),
            Err(refusal) => return refusal,
        },
    };
    let Some(ticket) = state.ticket_mut(id) else {
        return not_found();
    };
    ticket.comments.extend(added.clone());
    ticket.assignee = assignee;
    if let Some(status) = status {
        status.clone_into(&mut ticket.status);
    }
    let after = ticket.clone();
    let event = added
        .as_ref()
        .map(|comment| json!({"id": comment.id, "type": "Comment", "public": comment.public}));
    let audit = state.audit(id, API_USER, metadata, event.into_iter().collect());
    drop(state);
    if let Some(comment) = &added {
        webhook::echo_comment(shared, &after, comment);
    }
    if before.status != after.status {
        webhook::echo_status(shared, &after, &before.status);
    }
    (200, json!({"ticket": after.json(), "audit": audit}))
}

pub(super) fn comments(shared: &Shared, id: &str, asked: &Asked) -> Answer {
    let base_url = shared.base_url();
    let mut state = shared.lock();
    let Some(ticket) = state.ticket_mut(id) else {
        return not_found();
    };
    let all = ticket.comments.iter().map(|comment| {
        let attachments: Vec<Value> = comment
            .attachments
            .iter()
            .map(|file| {
                json!({
                    "id": file.id, "file_name": file.name, "size": file.bytes,
                    "content_type": "application/octet-stream", "inline": false,
                    "content_url": file.url(&base_url),
                })
            })
            .collect();
        json!({
            "id": comment.id, "type": "Comment", "author_id": comment.author,
            "public": comment.public, "body": comment.said.body(), "attachments": attachments,
        })
    });
    page(asked, "comments", all.collect())
}

pub(super) fn audits(shared: &Shared, id: &str, asked: &Asked) -> Answer {
    match shared.lock().ticket_mut(id) {
        Some(ticket) => page(asked, "audits", ticket.audits.clone()),
        None => not_found(),
    }
}

/// A page by cursor; the cursor is how many were before it, in a form that needs escapes.
fn page(asked: &Asked, name: &str, all: Vec<Value>) -> Answer {
    let query = |name: &str| {
        let found = asked.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let size = query("page[size]").and_then(|size| size.parse::<usize>().ok());
    let Some(size) = size.filter(|size| (1..=100).contains(size)) else {
        return (400, json!({"error": "InvalidPaginationParameter"}));
    };
    let skip = match query("page[after]") {
        None => 0,
        Some(cursor) => match cursor.strip_prefix("n=+").and_then(|n| n.parse().ok()) {
            Some(skip) => skip,
            None => return (400, json!({"error": "InvalidCursor"})),
        },
    };
    let has_more = all.len() > skip + size;
    let items: Vec<Value> = all.into_iter().skip(skip).take(size).collect();
    let cursor = format!("n=+{}", skip + items.len());
    (
        200,
        json!({name: items, "meta": {"has_more": has_more, "after_cursor": cursor}}),
    )
}

/// Takes a comment as Zendesk takes it.
fn comment(state: &mut State, wanted: Option<&Value>) -> Result<Comment, Answer> {
    let blank = || invalid("comment", "Comment: cannot be blank");
    let wanted = wanted.and_then(Value::as_object).ok_or_else(blank)?;
    if let Some(unknown) = unknown(wanted, &["body", "html_body", "public", "author_id"]) {
        return Err(invalid("comment", &format!("{unknown} is not expected")));
    }
    let text = |name: &str| wanted.get(name).and_then(Value::as_str);
    let said = match (text("html_body"), text("body")) {
        (Some(html), None) if !html.trim().is_empty() => Said::Html(html.to_owned()),
        (None, Some(body)) if !body.trim().is_empty() => Said::Markdown(body.to_owned()),
        _ => return Err(blank()),
    };
    if said.source().len() > MAX_COMMENT {
        return Err(invalid("comment", "Comment: is too long"));
    }
    let author = match wanted.get("author_id") {
        None => API_USER,
        Some(id) => id.as_u64().unwrap_or_default(),
    };
    if state.user(author).is_none() {
        return Err(invalid("author", "Author: is invalid"));
    }
    Ok(Comment {
        id: state.next_id(),
        author,
        public: wanted.get("public").is_none_or(|public| public == true),
        said,
        attachments: Vec::new(),
    })
}

fn unknown<'a>(object: &'a Map<String, Value>, expected: &[&str]) -> Option<&'a String> {
    object
        .keys()
        .find(|name| !expected.contains(&name.as_str()))
}

fn not_found() -> Answer {
    (
        404,
        json!({"error": "RecordNotFound", "description": "Not found"}),
    )
}

fn invalid(member: &str, description: &str) -> Answer {
    let details = json!({member: [{"description": description}]});
    let body = json!({
        "error": "RecordInvalid", "description": "Record validation errors", "details": details,
    });
    (422, body)
}
