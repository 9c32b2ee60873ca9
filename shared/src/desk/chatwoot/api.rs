//! Chatwoot's two doors, and what comes back through them.
//!
//! The public (client) API knows an inbox by its identifier and a contact by its `source_id`; the
//! application API knows an account and a user's token, and has what the public one has not:
//! private notes, ids of our own on messages, custom attributes. Both are described in Chatwoot's
//! OpenAPI document; that contacts take a `source_id` and messages one of ours is only in its
//! source (`public/api/v1/inboxes/contacts_controller.rb`, `message_builder.rb`).

use std::time::Duration;

use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::config::{Application, Config};
use crate::desk::{Call, DeskError, DeskHttp};
use crate::time::Millis;

/// The most pages of messages that are looked through.
const MAX_PAGES: usize = 10;
/// How long a conversation gets to calm down that had too many messages in a minute.
const FLOODED: Duration = Duration::from_secs(20);

/// Whether a message is for the user, and from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// As the user's own.
    Incoming,
    /// For agents' eyes only.
    Note,
}

/// A contact, as far as it matters.
#[derive(Deserialize)]
pub(super) struct Contact {
    /// Its number in the account.
    pub(super) id: u64,
}

/// A conversation, as far as it matters.
#[derive(Deserialize)]
pub(super) struct Talk {
    /// The number that agents see, and that webhooks call `conversation.id`.
    pub(super) id: u64,
    /// `open`, `resolved`, `pending` or `snoozed`.
    #[serde(default)]
    pub(super) status: String,
    /// What we put there when it was made.
    #[serde(default)]
    pub(super) custom_attributes: Value,
    /// When it changed last, in seconds; not in every version.
    #[serde(default)]
    pub(super) updated_at: Value,
}

impl Talk {
    pub(super) fn is_resolved(&self) -> bool {
        self.status == "resolved"
    }
}

/// An API inbox, as the application API shows it.
#[derive(Deserialize)]
struct Inbox {
    #[serde(default)]
    inbox_identifier: Option<String>,
    #[serde(default)]
    hmac_mandatory: Option<bool>,
    #[serde(default)]
    hmac_token: Option<String>,
}

#[derive(Deserialize)]
struct Payload<T> {
    payload: Vec<T>,
}

/// The calls.
pub(super) struct Api {
    pub(super) http: DeskHttp,
    pub(super) config: Config,
}

/// Where a conversation is found.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Its number.
    pub(super) reference: &'a str,
    /// Its contact's address in the public API.
    pub(super) source_id: &'a str,
}

impl Api {
    /// Makes the contact, or finds it, by its `source_id`.
    pub(super) async fn contact(
        &self,
        source_id: &str,
        identifier: &str,
        name: &str,
    ) -> Result<Contact, DeskError> {
        let mut body = json!({"source_id": source_id, "identifier": identifier, "name": name});
        if let Some(hash) = self.config.identifier_hash(identifier) {
            body["identifier_hash"] = hash.into();
        }
        self.ask(Call::post(self.public("/contacts"), body))
            .await
            .map_err(|error| unless_gone(error, "inbox_identifier is not known there"))
    }

    /// Makes a conversation of the contact.
    pub(super) async fn new_talk(
        &self,
        source_id: &str,
        attributes: Value,
    ) -> Result<Talk, DeskError> {
        let url = self.public(&format!("/contacts/{source_id}/conversations"));
        let body = json!({"custom_attributes": attributes});
        self.ask(Call::post(url, body)).await
    }

    /// The conversations of a contact, as the application API tells them: the newest, with their
    /// attributes.
    pub(super) async fn talks_of(
        &self,
        application: &Application,
        contact: u64,
    ) -> Result<Vec<Talk>, DeskError> {
        let url = self.account(application, &format!("/contacts/{contact}/conversations"));
        let found: Payload<Talk> = self.ask(as_user(Call::get(url), application)).await?;
        Ok(found.payload)
    }

    /// The conversations under a `source_id`, as the public API tells them: without attributes.
    pub(super) async fn talks_under(&self, source_id: &str) -> Result<Vec<Talk>, DeskError> {
        let url = self.public(&format!("/contacts/{source_id}/conversations"));
        self.ask(Call::get(url)).await
    }

    /// A conversation.
    pub(super) async fn talk(&self, place: Place<'_>) -> Result<Talk, DeskError> {
        self.ask(self.at(Method::GET, place, "")).await
    }

    /// Ends a conversation. The public API lets its contact do that, which is the user; it does
    /// nothing where it has ended.
    pub(super) async fn resolve(&self, place: Place<'_>) -> Result<(), DeskError> {
        let call = self.at(Method::POST, place, "/toggle_status");
        let call = match self.config.application {
            Some(_) => call.json(json!({"status": "resolved"})),
            // The specification has no body there.
            None => call,
        };
        let reply = self.http.send(call).await?;
        reply.fine()
    }

    /// Posts a text, already escaped. `key` is our own id of it; only the application API keeps it.
    pub(super) async fn say(
        &self,
        place: Place<'_>,
        sort: Sort,
        text: &str,
        key: &str,
    ) -> Result<String, DeskError> {
        let body = match (&self.config.application, sort) {
            (None, _) => json!({"content": text}),
            (Some(_), Sort::Incoming) => {
                json!({"content": text, "message_type": "incoming", "source_id": key})
            }
            (Some(_), Sort::Note) => {
                json!({"content": text, "message_type": "outgoing", "private": true, "source_id": key})
            }
        };
        let reply = self
            .http
            .send(self.at(Method::POST, place, "/messages").json(body))
            .await?;
        // Its limit of messages a minute and conversation (200 as it is delivered) is told as a
        // fault of the message.
        if reply.status == 422 && contains(&reply.body, b"Too many messages") {
            return Err(DeskError::Unavailable {
                reason: "too many messages in this conversation (HTTP 422)".to_owned(),
                retry_after: Some(FLOODED),
            });
        }
        let said: Value = reply.json()?;
        Ok(said["id"].to_string())
    }

    /// The messages of a conversation since a time, oldest first, and some before it. Pages of
    /// 20, the newest first; no more than 200 messages.
    pub(super) async fn messages(
        &self,
        place: Place<'_>,
        since: Millis,
    ) -> Result<Vec<Value>, DeskError> {
        let mut pages = Vec::new();
        let mut path = "/messages".to_owned();
        for _ in 0..MAX_PAGES {
            let page: Value = self.ask(self.at(Method::GET, place, &path)).await?;
            // The application API wraps the list, the public one does not.
            let page = match page {
                Value::Array(page) => page,
                mut other => match other["payload"].take() {
                    Value::Array(page) => page,
                    _ => Vec::new(),
                },
            };
            let first = page.first().cloned().unwrap_or_default();
            pages.push(page);
            let Some(id) = first["id"].as_u64() else {
                break;
            };
            if first["created_at"]
                .as_i64()
                .is_some_and(|at| at.saturating_mul(1_000) < since)
            {
                break;
            }
            path = format!("/messages?before={id}");
        }
        pages.reverse();
        Ok(pages.concat())
    }

    /// Whether a handoff would be taken: the inbox is there, the token is good and sees it.
    pub(super) async fn check(&self) -> Result<(), DeskError> {
        let Some(application) = &self.config.application else {
            let reply = self.http.send(Call::get(self.public(""))).await?;
            return reply
                .fine()
                .map_err(|error| unless_gone(error, "inbox_identifier is not known there"));
        };
        let call = as_user(
            Call::get(self.account(application, "/inboxes")),
            application,
        );
        let found: Payload<Inbox> = self.ask(call).await.map_err(|error| match error {
            DeskError::NotConfigured(_) => DeskError::NotConfigured(
                "api_access_token was refused: it has to be a user's of this account, no bot's"
                    .to_owned(),
            ),
            other => unless_gone(other, "account_id is not known there"),
        })?;
        let ours = |inbox: &Inbox| inbox.inbox_identifier.as_deref() == Some(&self.config.inbox);
        let inbox = found.payload.into_iter().find(ours).ok_or_else(|| {
            DeskError::NotConfigured(
                "the token's user sees no API inbox with this inbox_identifier: it is another \
                 one, or the user has to be added to the inbox"
                    .to_owned(),
            )
        })?;
        let enforced = inbox.hmac_mandatory == Some(true);
        self.config
            .fits_identity_validation(enforced, inbox.hmac_token.as_deref())
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, DeskError> {
        self.http.send(call).await?.json()
    }

    /// A call about a conversation, through the application API where there is a token.
    fn at(&self, method: Method, place: Place<'_>, path: &str) -> Call {
        let reference = place.reference;
        let (url, application) = match &self.config.application {
            Some(application) => {
                let path = format!("/conversations/{reference}{path}");
                (self.account(application, &path), Some(application))
            }
            None => {
                let source_id = place.source_id;
                let path = format!("/contacts/{source_id}/conversations/{reference}{path}");
                (self.public(&path), None)
            }
        };
        let call = Call::new(method, url);
        match application {
            Some(application) => as_user(call, application),
            None => call,
        }
    }

    fn public(&self, path: &str) -> String {
        let Config {
            base_url, inbox, ..
        } = &self.config;
        format!("{base_url}/public/api/v1/inboxes/{inbox}{path}")
    }

    fn account(&self, application: &Application, path: &str) -> String {
        let base_url = &self.config.base_url;
        format!("{base_url}/api/v1/accounts/{}{path}", application.account)
    }
}

/// The documented name has underscores, which nginx drops unless told otherwise; Rails reads the
/// one with hyphens as the same.
fn as_user(call: Call, application: &Application) -> Call {
    call.header("api-access-token", application.token.expose_secret())
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}

/// A 404 that means the configuration, not the conversation.
pub(super) fn unless_gone(error: DeskError, wrong: &str) -> DeskError {
    match error {
        DeskError::Gone(_) => DeskError::NotConfigured(wrong.to_owned()),
        other => other,
    }
}
