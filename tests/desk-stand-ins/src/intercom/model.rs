//! What an Intercom workspace holds, and how its API shows it (version 2.14).

use serde_json::{Value, json};

use super::show::{escape, read};

/// The workspace.
pub(super) const APP_ID: &str = "a1b2c3d4";
/// The teammate that belongs to the bridge.
pub(super) const BRIDGE: &str = "991267708";
/// The teammate that the page plays.
pub(super) const ANN: (&str, &str) = ("7001", "Ann Agent");

pub(super) struct Contact {
    pub(super) id: String,
    pub(super) external_id: String,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) archived: bool,
}

impl Contact {
    pub(super) fn json(&self) -> Value {
        json!({
            "type": "contact", "id": self.id, "workspace_id": APP_ID, "role": "user",
            "external_id": self.external_id, "name": self.name, "email": self.email,
            "phone": self.phone, "custom_attributes": {},
        })
    }
}

#[derive(Clone)]
pub(super) struct Author {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) from_ai_agent: bool,
}

impl Author {
    pub(super) fn admin(id: &str) -> Self {
        let name = if id == ANN.0 { ANN.1 } else { "Handoff" };
        Self {
            kind: "admin",
            id: id.to_owned(),
            name: name.to_owned(),
            from_ai_agent: false,
        }
    }

    fn json(&self) -> Value {
        json!({
            "type": self.kind, "id": self.id, "name": self.name,
            "email": format!("{}@example.com", self.id), "from_ai_agent": self.from_ai_agent,
        })
    }
}

#[derive(Clone)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) kind: &'static str,
    /// HTML.
    pub(super) body: Option<String>,
    pub(super) at: i64,
    pub(super) author: Author,
    /// Whom it assigns to.
    pub(super) assigned_to: Option<String>,
    pub(super) attachments: Vec<Value>,
    pub(super) redacted: bool,
}

impl Part {
    pub(super) fn json(&self, as_text: bool) -> Value {
        let body = self.body.as_deref();
        let body = body.map(|body| {
            if as_text {
                read(body).0
            } else {
                body.to_owned()
            }
        });
        let assigned = self.assigned_to.as_ref();
        json!({
            "type": "conversation_part", "id": self.id, "part_type": self.kind, "body": body,
            "created_at": self.at, "updated_at": self.at, "notified_at": self.at,
            "assigned_to": assigned.map(|id| json!({"type": "admin", "id": id})),
            "author": self.author.json(), "attachments": self.attachments, "external_id": null,
            "redacted": self.redacted, "app_package_code": null,
        })
    }
}

pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) contact: String,
    pub(super) external_id: String,
    pub(super) at: i64,
    /// The first message: plain text.
    pub(super) first: String,
    pub(super) parts: Vec<Part>,
    pub(super) state: &'static str,
    pub(super) assignee: Option<String>,
}

impl Conversation {
    /// As the API shows it, with these parts.
    pub(super) fn json(&self, contact: &Contact, parts: &[Part], as_text: bool) -> Value {
        let first = if as_text {
            self.first.clone()
        } else {
            paragraphs(&self.first)
        };
        let author = json!({"type": "user", "id": self.contact, "name": contact.name});
        let shown: Vec<_> = parts.iter().map(|part| part.json(as_text)).collect();
        json!({
            "type": "conversation", "id": self.id, "created_at": self.at, "updated_at": self.at,
            "source": {
                "type": "conversation", "id": format!("40{}", self.id), "subject": "",
                "delivered_as": "customer_initiated", "body": first, "author": author,
                "attachments": [], "url": null, "redacted": false,
            },
            "contacts": {"type": "contact.list", "contacts": [
                {"type": "contact", "id": self.contact, "external_id": self.external_id},
            ]},
            "admin_assignee_id": self.assignee.as_ref().and_then(|id| id.parse::<u64>().ok()),
            "team_assignee_id": null, "open": self.state != "closed", "state": self.state,
            "read": false, "title": null, "custom_attributes": {}, "ai_agent_participated": false,
            "conversation_parts": {
                "type": "conversation_part.list", "total_count": shown.len(),
                "conversation_parts": shown,
            },
        })
    }
}

/// What somebody typed, as the HTML that Intercom makes of it.
pub(super) fn paragraphs(text: &str) -> String {
    let lines = text
        .split('\n')
        .map(|line| format!("<p>{}</p>", escape(line)));
    lines.collect()
}

/// What an agent can do to a conversation, as parts and the topics they are told under.
pub(super) struct Happening {
    pub(super) part: Part,
    /// Nothing where the part is only told of, and is not in the conversation.
    pub(super) kept: bool,
    pub(super) topics: &'static [&'static str],
}
