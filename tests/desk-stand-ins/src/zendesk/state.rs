//! What the account has: users, tickets, their comments and updates.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::webhook::Outgoing;
use crate::{Failure, Recorded};

/// The user whose credentials the bridge has.
pub(super) const API_USER: u64 = 7001;
/// The agent.
pub(super) const AGENT: u64 = 8001;
/// The agent's name.
pub(super) const AGENT_NAME: &str = "Ann Agent";

/// "Rate limits", update ticket: of one ticket in ten minutes, and of the account in a minute.
const TICKET_UPDATES: (usize, Duration) = (30, Duration::from_secs(600));
const ACCOUNT_UPDATES: (usize, Duration) = (100, Duration::from_secs(60));

/// The account.
pub(super) struct State {
    limits: bool,
    next_id: u64,
    pub(super) users: Vec<User>,
    pub(super) tickets: Vec<Ticket>,
    pub(super) files: HashMap<String, (String, Vec<u8>)>,
    /// What was answered to an `Idempotency-Key`, and to what.
    pub(super) answered: HashMap<String, (Value, Value)>,
    pub(super) failure: Option<Failure>,
    pub(super) fail_once: Option<(u64, Failure)>,
    pub(super) required_field: bool,
    pub(super) lose_webhooks: bool,
    pub(super) last_webhook: Option<Outgoing>,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) requests: Vec<Recorded>,
    updated: VecDeque<(u64, Instant)>,
}

#[derive(Clone)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) role: &'static str,
}

#[derive(Clone)]
pub(super) struct Ticket {
    pub(super) id: u64,
    pub(super) external_id: Option<String>,
    pub(super) subject: String,
    pub(super) status: String,
    pub(super) requester: u64,
    pub(super) assignee: Option<u64>,
    pub(super) tags: Vec<String>,
    pub(super) comments: Vec<Comment>,
    pub(super) audits: Vec<Value>,
}

#[derive(Clone)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) author: u64,
    pub(super) public: bool,
    pub(super) said: Said,
    pub(super) attachments: Vec<Attachment>,
}

/// What a comment says, by how it came.
#[derive(Clone)]
pub(super) enum Said {
    /// `html_body`, through the API.
    Html(String),
    /// `body`, through the API, which Zendesk reads as Markdown.
    Markdown(String),
    /// Typed by an agent: as shown, and as the API gives it.
    Typed(String, String),
}

#[derive(Clone)]
pub(super) struct Attachment {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) bytes: usize,
}

impl State {
    pub(super) fn new(limits: bool) -> Self {
        let staff = |id, name: &str| User {
            id,
            name: name.to_owned(),
            external_id: None,
            role: "agent",
        };
        Self {
            limits,
            next_id: 35_000,
            users: vec![staff(API_USER, "GPTBots"), staff(AGENT, AGENT_NAME)],
            tickets: Vec::new(),
            files: HashMap::new(),
            answered: HashMap::new(),
            failure: None,
            fail_once: None,
            required_field: false,
            lose_webhooks: false,
            last_webhook: None,
            calls: BTreeMap::new(),
            requests: Vec::new(),
            updated: VecDeque::new(),
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn user(&self, id: u64) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(super) fn ticket_mut(&mut self, id: &str) -> Option<&mut Ticket> {
        let id: u64 = id.parse().ok()?;
        self.tickets.iter_mut().find(|ticket| ticket.id == id)
    }

    /// How the call that has come is to fail.
    pub(super) fn failure_now(&mut self) -> Option<Failure> {
        match self.fail_once {
            Some((0, failure)) => {
                self.fail_once = None;
                Some(failure)
            }
            Some((skip, failure)) => {
                self.fail_once = Some((skip - 1, failure));
                self.failure
            }
            None => self.failure,
        }
    }

    /// How long to wait until a ticket may be updated again; none where it may be now.
    pub(super) fn too_many_updates(&mut self, ticket: u64) -> Option<Duration> {
        if !self.limits {
            return None;
        }
        let now = Instant::now();
        while (self.updated.front())
            .is_some_and(|(_, at)| now.duration_since(*at) > TICKET_UPDATES.1)
        {
            self.updated.pop_front();
        }
        let of_ticket = self.updated.iter().filter(|(id, _)| *id == ticket);
        let of_account = self.updated.iter();
        let waits = [
            wait(of_ticket.map(|(_, at)| *at).collect(), TICKET_UPDATES, now),
            wait(
                of_account.map(|(_, at)| *at).collect(),
                ACCOUNT_UPDATES,
                now,
            ),
        ];
        let longest = waits.into_iter().flatten().max();
        if longest.is_none() {
            self.updated.push_back((ticket, now));
        }
        longest
    }

    /// Writes an update down.
    pub(super) fn audit(
        &mut self,
        ticket: &str,
        author: u64,
        custom: Value,
        events: Vec<Value>,
    ) -> Value {
        let id = self.next_id();
        let audit = json!({
            "id": id, "ticket_id": ticket.parse::<u64>().unwrap_or_default(), "created_at": now(),
            "author_id": author, "metadata": {"system": {}, "custom": custom},
            "events": events, "via": {"channel": "api"},
        });
        if let Some(ticket) = self.ticket_mut(ticket) {
            ticket.audits.push(audit.clone());
        }
        audit
    }
}

impl Ticket {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id, "external_id": self.external_id, "subject": self.subject,
            "status": self.status, "requester_id": self.requester, "submitter_id": API_USER,
            "assignee_id": self.assignee, "tags": self.tags, "via": {"channel": "api"},
        })
    }
}

fn wait(at: Vec<Instant>, (most, within): (usize, Duration), now: Instant) -> Option<Duration> {
    let recent: Vec<_> = at
        .into_iter()
        .filter(|at| now.duration_since(*at) <= within)
        .collect();
    let oldest = recent.len().checked_sub(most).and_then(|n| recent.get(n))?;
    Some(within.saturating_sub(now.duration_since(*oldest)))
}

/// Now, as Zendesk writes it.
pub(super) fn now() -> String {
    at(0)
}

/// So many seconds from now.
pub(super) fn at(seconds: i64) -> String {
    let at = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}
