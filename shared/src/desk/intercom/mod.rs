//! Intercom, version 2.14 of its API.
//!
//! The user is a contact of their own and writes in their own name; history, notices and the end
//! are notes of one teammate that belongs to the bridge. Agents' replies, assignments and closings
//! come as signed webhooks, and are read from the conversation where webhooks were lost.
//!
//! Intercom has no idempotency keys. Notes and first messages carry a mark, by which they are
//! found again; a line of the user is found by its text, its time and its place.

mod open;
mod part;
mod plain;
mod post;
mod render;
mod secret;
mod webhook;
#[cfg(test)]
mod webhook_tests;
mod wire;

use std::sync::Arc;

use reqwest::Url;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::secret::Secret;
use self::wire::{Admin, Conversation};
use super::{
    AgentLine, Call, Capabilities, Desk, DeskError, DeskEvent, DeskFile, DeskHttp, Opened, Opening,
    Received, Refused, Reply, Unreadable, Unverified, Verified, What,
};
use crate::conversation::{ClosedBy, Conversation as Ours, Entry};
use crate::time::Millis;

/// The version that every call asks for.
const VERSION: &str = "2.14";
/// How far Intercom's clock and ours may differ, in milliseconds; its times are whole seconds.
const CLOCKS_DIFFER: Millis = 10_000;
/// Where Intercom keeps files, besides its API's own host.
const FILE_HOSTS: [&str; 3] = [".intercomcdn.com", ".intercomcdn.eu", ".intercomassets.com"];

/// An Intercom workspace.
struct Intercom {
    secret: Secret,
    http: DeskHttp,
    confirmed: post::Confirmed,
}

/// Makes an instance of its object in the secret.
pub(super) fn make(credentials: &Value, http: &DeskHttp) -> Result<Arc<dyn Desk>, String> {
    Ok(Arc::new(Intercom {
        secret: Secret::read(credentials, http)?,
        http: http.clone(),
        confirmed: post::Confirmed::default(),
    }))
}

impl Intercom {
    fn call(&self, call: Call) -> Call {
        call.bearer(&self.secret.access_token)
            .header("intercom-version", VERSION)
            .header("accept", "application/json")
    }

    fn get(&self, path: &str) -> Call {
        self.call(Call::get(format!("{}{path}", self.secret.base_url)))
    }

    fn post(&self, path: &str, body: Value) -> Call {
        self.call(Call::post(format!("{}{path}", self.secret.base_url), body))
    }

    fn post_reply(&self, reference: &str, body: Value) -> Call {
        self.post(&format!("/conversations/{reference}/reply"), body)
    }

    async fn send(&self, call: Call) -> Result<Reply, DeskError> {
        self.http.send(call).await
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, DeskError> {
        let reply = self.send(call).await?;
        self.read(&reply)
    }

    /// Reads an answer; a refusal is named by Intercom's code for it.
    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, DeskError> {
        reply.json().map_err(|error| match (error, code(reply)) {
            (DeskError::Rejected(why), Some(code)) => DeskError::Rejected(format!("{why}, {code}")),
            (error, _) => error,
        })
    }

    /// A conversation with its parts; `as_text`: their bodies as plain text instead of HTML.
    async fn conversation(
        &self,
        reference: &str,
        as_text: bool,
    ) -> Result<Conversation, DeskError> {
        let how = if as_text { "?display_as=plaintext" } else { "" };
        self.ask(self.get(&format!("/conversations/{reference}{how}")))
            .await
    }

    /// Writes a note; answers its id.
    async fn note(&self, reference: &str, html: &str) -> Result<Option<String>, DeskError> {
        let body = json!({
            "message_type": "note", "type": "admin", "admin_id": self.secret.admin_id, "body": html,
        });
        let answer: Conversation = self.ask(self.post_reply(reference, body)).await?;
        Ok(answer.parts().last().map(|part| part.id.clone()))
    }

    /// The desk's id of a conversation, which becomes a part of addresses.
    fn reference<'a>(&self, conversation: &'a Ours) -> Result<&'a str, DeskError> {
        let reference = conversation.desk_ref.as_deref().unwrap_or_default();
        let is_id = !reference.is_empty() && reference.bytes().all(|b| b.is_ascii_alphanumeric());
        is_id
            .then_some(reference)
            .ok_or_else(|| DeskError::Rejected("it was never opened there".to_owned()))
    }

    /// Whether a file is at Intercom.
    fn is_its_own(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        let own = Url::parse(&self.secret.base_url).ok();
        if own.is_some_and(|own| own.origin() == url.origin()) {
            return true;
        }
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https" && FILE_HOSTS.iter().any(|known| host.ends_with(known))
    }
}

/// Intercom's word for what is wrong, where its answer has one (`errors[0].code`).
fn code(reply: &Reply) -> Option<String> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    let code = body["errors"][0]["code"].as_str()?;
    let is_code = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (code.len() <= 60 && code.bytes().all(is_code)).then(|| code.to_owned())
}

#[async_trait::async_trait]
impl Desk for Intercom {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            posts_together: 1,
            reconciles: true,
            ..Capabilities::default()
        }
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        let opened = self.open_or_complete(opening).await;
        // What was made a moment ago may not be found yet; another attempt looks again.
        opened.map_err(|error| match error {
            DeskError::Gone(reason) => DeskError::Unavailable {
                reason,
                retry_after: None,
            },
            error => error,
        })
    }

    async fn post(
        &self,
        conversation: &Ours,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        let mut last = None;
        for entry in entries {
            last = self.post_entry(conversation, entry).await?;
        }
        Ok(last)
    }

    async fn close(&self, conversation: &Ours, by: ClosedBy, text: &str) -> Result<(), DeskError> {
        self.end(conversation, by, text).await
    }

    async fn check(&self) -> Result<(), DeskError> {
        let me = self.ask::<Admin>(self.get("/me")).await;
        let me = me.map_err(|error| match error {
            DeskError::NotConfigured(why) => {
                DeskError::NotConfigured(format!("access_token: {why}"))
            }
            error => error,
        })?;
        let workspace = me.app.and_then(|app| app.id_code);
        if self.secret.app_id.is_some() && workspace != self.secret.app_id {
            let why = "app_id is not the workspace that the access token belongs to";
            return Err(DeskError::NotConfigured(why.to_owned()));
        }
        let path = format!("/admins/{}", self.secret.admin_id);
        let teammate = self.send(self.get(&path)).await?;
        if matches!(teammate.status, 400 | 404) {
            let why = "admin_id is no teammate of this workspace";
            return Err(DeskError::NotConfigured(why.to_owned()));
        }
        teammate.fine()
    }

    fn verify<'a>(&self, call: Unverified<'a>, now: Millis) -> Result<Verified<'a>, Refused> {
        webhook::verify(call, &self.secret, now)
    }

    fn parse(&self, call: Verified<'_>) -> Result<Received, Unreadable> {
        webhook::parse(&call, &self.secret)
    }

    async fn complete(&self, mut line: AgentLine) -> Result<AgentLine, DeskError> {
        line.incomplete = false;
        let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !line.agent.name.is_empty() || !is_id(&line.agent.id) {
            return Ok(line);
        }
        let path = format!("/admins/{}", line.agent.id);
        match self.ask::<Admin>(self.get(&path)).await {
            Ok(admin) => line.agent.name = admin.name.unwrap_or_default().trim().to_owned(),
            Err(error @ DeskError::Unavailable { .. }) => return Err(error),
            // Without a name it is as readable.
            Err(_) => {}
        }
        Ok(line)
    }

    async fn fetch(&self, file: &DeskFile, limit: u64) -> Result<Vec<u8>, DeskError> {
        if !self.is_its_own(&file.url) {
            return Err(DeskError::Rejected(
                "the file is not at Intercom".to_owned(),
            ));
        }
        // No credentials: its addresses are signed, and its file hosts are not its API.
        let reply = self.send(Call::get(file.url.as_str()).limit(limit)).await?;
        reply.fine()?;
        Ok(reply.body)
    }

    async fn reconcile(&self, conversation: &Ours) -> Result<Vec<DeskEvent>, DeskError> {
        let reference = self.reference(conversation)?;
        let now = self.conversation(reference, false).await?;
        let parts = now.parts().iter();
        Ok(parts
            .filter(|part| part::is_since(part, conversation.opened_at, CLOCKS_DIFFER))
            .flat_map(|part| part::read(reference, part, &self.secret.admin_id))
            .filter(|event| match event.what {
                What::Message(_) | What::Assigned(_) => true,
                // One that was opened again has not ended.
                What::Closed { .. } => now.is_closed(),
                What::PrivateNote | What::Ignored(_) => false,
            })
            .collect())
    }
}
