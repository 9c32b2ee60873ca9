//! What an agent does, and the webhooks that come of it.

use serde_json::{Value, json};

use super::state::{AGENT, AGENT_NAME, Attachment, Comment, Said, Ticket};
use super::webhook::{Outgoing, Wrong, comment_json, event, send_once, tell};
use super::{SIGNING_SECRET, Shared, Webhooks};
use crate::{Act, Forgery, MARKUP_AS_PLAIN};

/// Zendesk's own automatic user.
const SYSTEM: i64 = -1;

/// [`Act::SayWithMarkup`] as Zendesk's composer writes it out.
const MARKUP: &str = "**Please** see [our guide](https://example.com/guide?a=1&b=2) or ask \
    @Ann Agent: 1 &lt; 2 &amp; 3 &gt; 2";

pub(super) async fn act(shared: &Shared, reference: &str, act: Act) -> Vec<u16> {
    let Some(ticket) = shared.lock().ticket_mut(reference).cloned() else {
        return Vec::new();
    };
    // Nobody can change it any more.
    if ticket.status == "closed" {
        return Vec::new();
    }
    let mut statuses = Vec::new();
    for body in bodies(shared, ticket, act) {
        statuses.extend(tell(shared, body).await);
    }
    statuses
}

fn bodies(shared: &Shared, ticket: Ticket, act: Act) -> Vec<Value> {
    match act {
        Act::Claim => claim(shared, &ticket),
        Act::Say(text) => {
            let body = written_out(&text);
            comment(shared, &ticket, true, Said::Typed(text, body), Vec::new())
        }
        Act::SayWithMarkup => {
            let said = Said::Typed(MARKUP_AS_PLAIN.to_owned(), MARKUP.to_owned());
            comment(shared, &ticket, true, said, Vec::new())
        }
        Act::SendFile(name, bytes) => {
            let file = keep(shared, name, bytes);
            let text = "See the attached file.".to_owned();
            let said = Said::Typed(text.clone(), text);
            comment(shared, &ticket, true, said, vec![file])
        }
        Act::Note(text) => {
            let body = written_out(&text);
            comment(shared, &ticket, false, Said::Typed(text, body), Vec::new())
        }
        Act::Noise(text) => noise(shared, &ticket, &text),
        Act::Close => status(shared, &ticket, "solved"),
        Act::Reopen => status(shared, &ticket, "open"),
    }
}

fn claim(shared: &Shared, ticket: &Ticket) -> Vec<Value> {
    let after = change(shared, ticket, |ticket| {
        ticket.assignee = Some(AGENT);
        if ticket.status == "new" {
            "open".clone_into(&mut ticket.status);
        }
    });
    if shared.webhooks == Webhooks::Triggers {
        return vec![trigger("assigned", &after, None, &shared.base_url())];
    }
    let assigned = json!({
        "current": AGENT.to_string(),
        "previous": ticket.assignee.map(|id| id.to_string()),
    });
    let mut bodies = vec![event(
        shared,
        "agent_assignment_changed",
        &after,
        AGENT as i64,
        assigned,
    )];
    bodies.extend(status_event(shared, ticket, &after));
    bodies
}

fn status(shared: &Shared, ticket: &Ticket, status: &str) -> Vec<Value> {
    let after = change(shared, ticket, |ticket| {
        status.clone_into(&mut ticket.status);
        // An agent who solves what nobody has gets it.
        ticket.assignee = ticket.assignee.or(Some(AGENT));
    });
    if shared.webhooks == Webhooks::Triggers {
        let ended = status == "solved" && ticket.status != "solved";
        let body = ended.then(|| trigger("ended", &after, None, &shared.base_url()));
        return body.into_iter().collect();
    }
    status_event(shared, ticket, &after).into_iter().collect()
}

fn status_event(shared: &Shared, before: &Ticket, after: &Ticket) -> Option<Value> {
    if before.status == after.status {
        return None;
    }
    let change = json!({
        "current": after.status.to_uppercase(), "previous": before.status.to_uppercase(),
    });
    Some(event(shared, "status_changed", after, AGENT as i64, change))
}

fn comment(
    shared: &Shared,
    ticket: &Ticket,
    public: bool,
    said: Said,
    attachments: Vec<Attachment>,
) -> Vec<Value> {
    let comment = Comment {
        id: shared.lock().next_id(),
        author: AGENT,
        public,
        said,
        attachments,
    };
    let after = change(shared, ticket, |ticket| {
        ticket.comments.push(comment.clone())
    });
    if shared.webhooks == Webhooks::Triggers {
        let body = public.then(|| trigger("reply", &after, Some(&comment), &shared.base_url()));
        return body.into_iter().collect();
    }
    let added = comment_json(&comment, true, AGENT_NAME);
    let mut bodies = vec![event(shared, "comment_added", &after, AGENT as i64, added)];
    bodies.extend(comment.attachments.iter().map(|file| {
        let linked = json!({"comment": {
            "id": comment.id.to_string(),
            "attachment": {
                "id": file.id.to_string(), "filename": file.name, "is_public": false,
                "content_type": "application/octet-stream",
                "content_url": file.url(&shared.base_url()),
            },
        }});
        event(
            shared,
            "attachment_linked_to_comment",
            &after,
            AGENT as i64,
            linked,
        )
    }));
    bodies
}

/// "Submit as solved" with a reply: for triggers one update, and so one call.
pub(super) async fn reply_and_solve(shared: &Shared, reference: &str, text: &str) -> Vec<u16> {
    let Some(ticket) = shared.lock().ticket_mut(reference).cloned() else {
        return Vec::new();
    };
    let solved = change(shared, &ticket, |ticket| {
        "solved".clone_into(&mut ticket.status);
        ticket.assignee = ticket.assignee.or(Some(AGENT));
    });
    let said = Said::Typed(text.to_owned(), written_out(text));
    let mut statuses = Vec::new();
    for body in comment(shared, &solved, true, said, Vec::new()) {
        statuses.extend(tell(shared, body).await);
    }
    statuses
}

/// What is told of and is no agent's line to the user. Triggers tell of none of it.
fn noise(shared: &Shared, ticket: &Ticket, text: &str) -> Vec<Value> {
    if shared.webhooks == Webhooks::Triggers {
        return Vec::new();
    }
    let agent = AGENT as i64;
    let requester = ticket.requester as i64;
    let comment = |author: i64, is_staff: bool, is_public: bool| {
        json!({"comment": {
            "author": {"id": author.to_string(), "is_staff": is_staff, "name": text},
            "body": text, "id": shared.lock().next_id().to_string(), "is_public": is_public,
        }})
    };
    let status = |current: &str| json!({"current": current, "previous": "OPEN"});
    let noise = [
        // An automatic reply, the requester by e-mail, a colleague's note.
        ("comment_added", SYSTEM, comment(SYSTEM, true, true)),
        ("comment_added", requester, comment(requester, false, true)),
        ("comment_added", agent, comment(8002, true, false)),
        ("comment_made_private", agent, comment(agent, true, false)),
        ("comment_redacted", agent, comment(agent, true, true)),
        (
            "subject_changed",
            agent,
            json!({"current": text, "previous": ""}),
        ),
        (
            "tags_changed",
            agent,
            json!({"tags_added": [text], "tags_removed": []}),
        ),
        ("status_changed", agent, status("PENDING")),
        ("status_changed", agent, status("HOLD")),
        (
            "agent_assignment_changed",
            agent,
            json!({"current": null, "previous": "8001"}),
        ),
    ];
    let noise = noise.into_iter();
    noise
        .map(|(kind, actor, change)| event(shared, kind, ticket, actor, change))
        .collect()
}

/// What a trigger sends: the body of `docs/desks/zendesk.md` with its placeholders filled in.
fn trigger(kind: &str, ticket: &Ticket, comment: Option<&Comment>, base_url: &str) -> Value {
    let mut body = json!({
        "handoff": kind,
        "ticket": ticket.id.to_string(),
        "external_id": ticket.external_id.clone().unwrap_or_default(),
        "agent": AGENT.to_string(),
        "name": url_encode(AGENT_NAME),
    });
    if let Some(comment) = comment {
        let files = comment.attachments.iter().map(|file| {
            let url = file.url(base_url);
            format!("{}={}&", url_encode(&file.name), url_encode(&url))
        });
        body["status"] = json!(capitalised(&ticket.status));
        body["text"] = json!(url_encode(&comment.said.body()));
        body["files"] = json!(files.collect::<String>());
    }
    body
}

/// Sends an agent's line that must not be believed.
pub(super) async fn forge(shared: &Shared, reference: &str, text: &str, forgery: Forgery) -> u16 {
    let Some(ticket) = shared.lock().ticket_mut(reference).cloned() else {
        return super::webhook::NO_ANSWER;
    };
    let body = |text: &str| {
        let comment = Comment {
            id: shared.lock().next_id(),
            author: AGENT,
            public: true,
            said: Said::Typed(text.to_owned(), text.to_owned()),
            attachments: Vec::new(),
        };
        let body = match shared.webhooks {
            Webhooks::Triggers => trigger("reply", &ticket, Some(&comment), &shared.base_url()),
            Webhooks::Events => {
                let added = comment_json(&comment, true, AGENT_NAME);
                event(shared, "comment_added", &ticket, AGENT as i64, added)
            }
        };
        body.to_string()
    };
    let changed = body(&format!("{text}!"));
    let outgoing = Outgoing::new("835022", body(text));
    let right = Wrong::default();
    let wrong = match forgery {
        Forgery::Unsigned => Wrong {
            secret: None,
            ..right
        },
        Forgery::WrongSecret => Wrong {
            secret: Some("another secret"),
            ..right
        },
        Forgery::ChangedBody => Wrong {
            body: Some(&changed),
            ..right
        },
        Forgery::Old => Wrong {
            at: -3_600,
            ..right
        },
        Forgery::Future => Wrong { at: 3_600, ..right },
        // This desk signs and has no token: an address with one is none of its own.
        Forgery::WrongPathToken => Wrong {
            path: "wrong-token/events",
            secret: Some(SIGNING_SECRET),
            ..right
        },
    };
    send_once(shared, &outgoing, &wrong).await.0
}

fn change(shared: &Shared, ticket: &Ticket, how: impl FnOnce(&mut Ticket)) -> Ticket {
    let mut state = shared.lock();
    match state.ticket_mut(&ticket.id.to_string()) {
        Some(known) => {
            how(known);
            known.clone()
        }
        None => ticket.clone(),
    }
}

fn keep(shared: &Shared, name: String, bytes: Vec<u8>) -> Attachment {
    let mut state = shared.lock();
    let id = state.next_id();
    let token = format!("kPgFVVxSa6uIvrYg{id}");
    let size = bytes.len();
    state.files.insert(token.clone(), (name.clone(), bytes));
    Attachment {
        id,
        name,
        token,
        bytes: size,
    }
}

/// Typed text as Markdown, with what would be a format escaped. That the vendor escapes is a guess.
fn written_out(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let mut body = String::with_capacity(line.len());
        for (at, c) in line.char_indices() {
            let before = line[..at].trim_start();
            let begins = before.is_empty() && matches!(c, '#' | '-' | '+' | '=' | '~');
            let numbers = !before.is_empty() && before.bytes().all(|b| b.is_ascii_digit());
            let item = numbers && matches!(c, '.' | ')');
            if begins || item || "*_`[]<>\\&!".contains(c) {
                body.push('\\');
            }
            body.push(c);
        }
        body
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn capitalised(status: &str) -> String {
    let mut chars = status.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Liquid's `url_encode`.
fn url_encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
