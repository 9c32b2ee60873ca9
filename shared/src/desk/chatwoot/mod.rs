//! Chatwoot, through an inbox of its API channel.
//!
//! - A person is a contact, known by an identifier of ours; each episode has an address
//!   (`source_id`) of its own under it, and there its one conversation.
//! - With a user's access token, lines carry our ids, so what may have arrived is looked for before
//!   it is sent again, and history, notices and late lines are private notes. Without one
//!   everything is the contact's own message.
//! - Webhooks come at most once, signed since 4.13.0; what was lost is asked for.
//!
//! Facts are Chatwoot's source at 4.14 and its OpenAPI document, unless another is named.

mod api;
mod config;
mod inbound;
mod markdown;
mod open;
mod post;
mod verify;

use std::sync::Arc;

use serde_json::Value;

use self::api::Api;
use self::config::Config;
use super::{
    Capabilities, Desk, DeskError, DeskEvent, DeskHttp, Opened, Opening, Received, Refused,
    Unreadable, Unverified, Verified,
};
use crate::conversation::{ClosedBy, Conversation, Entry};
use crate::time::Millis;

/// An instance of Chatwoot.
struct Chatwoot {
    api: Api,
}

/// Makes an instance of its object in the secret.
pub(super) fn make(credentials: &Value, http: &DeskHttp) -> Result<Arc<dyn Desk>, String> {
    let config = Config::read(credentials, http)?;
    let http = http.clone();
    Ok(Arc::new(Chatwoot {
        api: Api { http, config },
    }))
}

#[async_trait::async_trait]
impl Desk for Chatwoot {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reconciles: true,
            ..Capabilities::default()
        }
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        self.open_there(opening).await
    }

    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        let mut last = None;
        for entry in entries {
            last = self.post_there(conversation, entry).await?;
        }
        Ok(last)
    }

    async fn close(
        &self,
        conversation: &Conversation,
        _: ClosedBy,
        text: &str,
    ) -> Result<(), DeskError> {
        self.close_there(conversation, text).await
    }

    async fn check(&self) -> Result<(), DeskError> {
        self.api.check().await
    }

    fn verify<'a>(&self, call: Unverified<'a>, now: Millis) -> Result<Verified<'a>, Refused> {
        verify::verify(&self.api.config, &call, now)?;
        Ok(call.into_verified())
    }

    fn parse(&self, call: Verified<'_>) -> Result<Received, Unreadable> {
        let application = self.api.config.application.as_ref();
        inbound::parse(&call, application.map(|application| application.account))
    }

    async fn reconcile(&self, conversation: &Conversation) -> Result<Vec<DeskEvent>, DeskError> {
        self.ask_back(conversation).await
    }
}
