//! The calls to Zendesk, and what their answers mean.

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Config;
use crate::desk::{Call, DeskError, DeskHttp, Reply};

/// Pages of a list that are read at most: of 100 each, which is as many comments as a ticket has.
const MAX_PAGES: usize = 50;

/// An account's API.
pub(super) struct Api {
    http: DeskHttp,
    pub(super) base_url: String,
    authorization: SecretString,
}

/// A ticket, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ticket {
    /// Its number.
    pub(super) id: u64,
    /// `new`, `open`, `pending`, `hold`, `solved` or `closed`.
    #[serde(default)]
    pub(super) status: String,
    /// Whose ticket it is.
    #[serde(default)]
    pub(super) requester_id: Option<u64>,
    /// Who has it.
    #[serde(default)]
    pub(super) assignee_id: Option<u64>,
}

impl Ticket {
    /// Whether it has ended there.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "solved" | "closed" | "deleted")
    }
}

/// An update as Zendesk has written it down.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Audit {
    /// Its number.
    pub(super) id: u64,
    metadata: Metadata,
    events: Vec<AuditEvent>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    custom: Value,
}

#[derive(Debug, Deserialize)]
struct AuditEvent {
    #[serde(default)]
    id: u64,
    #[serde(rename = "type", default)]
    kind: String,
}

impl Audit {
    /// What we wrote into it.
    pub(super) fn custom(&self, name: &str) -> Option<&str> {
        self.metadata.custom.get(name)?.as_str()
    }

    /// Zendesk's id of its comment.
    pub(super) fn comment_id(&self) -> Option<u64> {
        let comment = self.events.iter().find(|event| event.kind == "Comment");
        comment.map(|event| event.id)
    }
}

/// The answer to an update.
#[derive(Debug, Deserialize)]
pub(super) struct Updated {
    /// The ticket as it is now.
    pub(super) ticket: Ticket,
    /// The update; `None` where it changed nothing.
    #[serde(default)]
    pub(super) audit: Option<Audit>,
}

#[derive(Deserialize)]
struct OneTicket {
    ticket: Ticket,
}

#[derive(Deserialize)]
struct Tickets {
    tickets: Vec<Ticket>,
}

#[derive(Deserialize)]
struct OneUser {
    user: User,
}

#[derive(Deserialize)]
struct User {
    /// `None` for somebody who is not signed in.
    id: Option<u64>,
    #[serde(default)]
    role: String,
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(alias = "audits", alias = "comments")]
    items: Vec<T>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

impl Api {
    pub(super) fn new(http: DeskHttp, config: &Config) -> Self {
        Self {
            http,
            base_url: config.base_url.clone(),
            authorization: config.authorization.clone(),
        }
    }

    /// A call with our credentials.
    pub(super) async fn call(&self, call: Call) -> Result<Reply, DeskError> {
        let authorization = self.authorization.expose_secret();
        self.http
            .send(call.header("authorization", authorization))
            .await
    }

    /// A call without them: to where Zendesk keeps its files.
    pub(super) async fn call_bare(&self, call: Call) -> Result<Reply, DeskError> {
        self.http.send(call).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v2/{path}", self.base_url)
    }

    /// Makes the user known, or finds the one of this external id; answers Zendesk's id. Without
    /// an e-mail address: it would merge people, and have every reply mailed as well.
    pub(super) async fn user(&self, external_id: &str, name: &str) -> Result<u64, DeskError> {
        let body = json!({"user": {"name": name, "external_id": external_id}});
        let call = Call::post(self.url("users/create_or_update"), body);
        let OneUser { user } = outside_tickets(fine(&self.call(call).await?))?.json()?;
        user.id.ok_or_else(unreadable)
    }

    /// Makes a ticket, once for each `key`. Zendesk remembers keys for two hours ("Idempotency").
    pub(super) async fn create(&self, ticket: Value, key: String) -> Result<Ticket, DeskError> {
        let call = Call::post(self.url("tickets"), json!({"ticket": ticket}))
            .header("idempotency-key", key);
        let reply = self.call(call).await?;
        Ok(outside_tickets(fine(&reply))?.json::<OneTicket>()?.ticket)
    }

    /// The ticket of this external id, which has only characters that an address takes.
    pub(super) async fn find(&self, external_id: &str) -> Result<Option<Ticket>, DeskError> {
        let call = Call::get(self.url(&format!("tickets?external_id={external_id}")));
        let reply = self.call(call).await?;
        let found: Tickets = outside_tickets(fine(&reply))?.json()?;
        // The first one made, should there ever be two.
        Ok(found.tickets.into_iter().min_by_key(|ticket| ticket.id))
    }

    /// A ticket by its number.
    pub(super) async fn ticket(&self, id: &str) -> Result<Ticket, DeskError> {
        let call = Call::get(self.url(&format!("tickets/{id}")));
        Ok(fine(&self.call(call).await?)?.json::<OneTicket>()?.ticket)
    }

    /// Changes a ticket. [`DeskError::Gone`] where it is closed, which is final, or deleted.
    pub(super) async fn update(&self, id: &str, ticket: Value) -> Result<Updated, DeskError> {
        let url = self.url(&format!("tickets/{id}"));
        let call = Call::new(Method::PUT, url).json(json!({"ticket": ticket}));
        let reply = self.call(call).await?;
        if reply.status == 422 {
            // The words of the refusal are in the account's language: the ticket's state is not.
            let status = self.ticket(id).await?.status;
            return Err(match status.as_str() {
                "closed" | "deleted" => DeskError::Gone(format!("the ticket is {status}")),
                _ => DeskError::Rejected("HTTP 422".to_owned()),
            });
        }
        fine(&reply)?.json()
    }

    /// All updates of a ticket.
    pub(super) async fn audits(&self, id: &str) -> Result<Vec<Audit>, DeskError> {
        self.pages(&format!("tickets/{id}/audits")).await
    }

    /// All comments of a ticket.
    pub(super) async fn comments<T>(&self, id: &str) -> Result<Vec<T>, DeskError>
    where
        T: serde::de::DeserializeOwned,
    {
        self.pages(&format!("tickets/{id}/comments")).await
    }

    /// Pages by cursor: the address of the next one is made here and not taken from the answer.
    async fn pages<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, DeskError> {
        let first = self.url(&format!("{path}?page[size]=100"));
        let (mut url, mut all) = (first.clone(), Vec::new());
        for _ in 0..MAX_PAGES {
            let page: Page<T> = fine(&self.call(Call::get(url)).await?)?.json()?;
            all.extend(page.items);
            match page.meta.after_cursor.filter(|_| page.meta.has_more) {
                None => break,
                Some(cursor) => {
                    let cursor: String =
                        url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
                    url = format!("{first}&page[after]={cursor}");
                }
            }
        }
        Ok(all)
    }

    /// Whether the credentials are those of the user that the secret names, who may answer
    /// tickets.
    pub(super) async fn check(&self, user_id: &str) -> Result<(), DeskError> {
        let reply = self.call(Call::get(self.url("users/me"))).await?;
        let OneUser { user } = outside_tickets(fine(&reply))?.json()?;
        let wrong = match user.id {
            // Who is not signed in gets an answer, too.
            None => "the credentials were refused",
            Some(id) if id.to_string() != user_id => {
                "user_id is not the id of the user whose credentials these are"
            }
            Some(_) if !matches!(user.role.as_str(), "agent" | "admin") => {
                "the user of these credentials is no agent"
            }
            Some(_) => return Ok(()),
        };
        Err(DeskError::NotConfigured(wrong.to_owned()))
    }
}

/// The usual reading of an answer, but for what two updates at a time get.
fn fine(reply: &Reply) -> Result<&Reply, DeskError> {
    if matches!(reply.status, 409 | 423) {
        return Err(DeskError::Unavailable {
            reason: format!("HTTP {}", reply.status),
            retry_after: reply.retry_after,
        });
    }
    reply.fine()?;
    Ok(reply)
}

/// Where no ticket is asked for, "not found" is about the account's address.
fn outside_tickets(reply: Result<&Reply, DeskError>) -> Result<&Reply, DeskError> {
    reply.map_err(|error| match error {
        DeskError::Gone(status) => {
            DeskError::NotConfigured(format!("no Zendesk account answers at base_url ({status})"))
        }
        other => other,
    })
}

fn unreadable() -> DeskError {
    DeskError::Unavailable {
        reason: "its answer cannot be read".to_owned(),
        retry_after: None,
    }
}
