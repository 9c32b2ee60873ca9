//! Zendesk Support: a conversation is a ticket, agents answer with public comments, and solving the
//! ticket ends it.
//!
//! - The user is a requester of their own, known by our `external_id` and without an e-mail
//!   address, so that nobody is taken for somebody else and no reply is mailed as well.
//! - A ticket is made with one call that holds the history, too; its `external_id` and an
//!   `Idempotency-Key` make it one ticket however often it is asked for.
//! - The user's lines are public comments of the requester, several in one update where several
//!   wait: Zendesk takes 30 updates of a ticket in ten minutes. Each update has our entries' ids in
//!   its metadata, which the ticket's audits give back: a retry asks for them first.
//! - What the bridge has to say is an internal comment.
//!
//! Sources, where nothing else is said: developer.zendesk.com, "Tickets", "Ticket Comments",
//! "Ticket Audits", "Users" and "Webhooks".

mod api;
mod config;
mod event;
mod files;
mod markdown;
mod opening;
mod render;
mod trigger;
mod update;
mod webhook;

use std::sync::Arc;

use serde_json::Value;

use super::{
    AgentLine, Capabilities, Desk, DeskError, DeskFile, DeskHttp, Opened, Opening, Received,
    Refused, Unreadable, Unverified, Verified,
};
use crate::conversation::{ClosedBy, Conversation, Entry};
use crate::time::Millis;
use api::Api;
use config::Config;

/// How many entries go into one update. Their ids have to fit into a kilobyte of metadata.
const TOGETHER: usize = 20;

/// A Zendesk account.
pub(super) struct Zendesk {
    api: Api,
    config: Config,
}

/// Makes an instance of its object in the secret.
pub(super) fn make(object: &Value, http: &DeskHttp) -> Result<Arc<dyn Desk>, String> {
    let config = Config::read(object, http)?;
    let api = Api::new(http.clone(), &config);
    Ok(Arc::new(Zendesk { api, config }))
}

#[async_trait::async_trait]
impl Desk for Zendesk {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            posts_together: TOGETHER,
            ..Capabilities::default()
        }
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        opening::open(&self.api, &self.config, opening).await
    }

    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        update::post(&self.api, conversation, entries).await
    }

    async fn close(
        &self,
        conversation: &Conversation,
        _: ClosedBy,
        text: &str,
    ) -> Result<(), DeskError> {
        update::close(&self.api, &self.config, conversation, text).await
    }

    async fn check(&self) -> Result<(), DeskError> {
        self.api.check(&self.config.user_id).await
    }

    fn verify<'a>(&self, call: Unverified<'a>, now: Millis) -> Result<Verified<'a>, Refused> {
        webhook::verify(&self.config.webhook_secrets, call, now)
    }

    fn parse(&self, call: Verified<'_>) -> Result<Received, Unreadable> {
        webhook::parse(&self.config, &call)
    }

    async fn complete(&self, line: AgentLine) -> Result<AgentLine, DeskError> {
        files::complete(&self.api, &self.config, line).await
    }

    async fn fetch(&self, file: &DeskFile, limit: u64) -> Result<Vec<u8>, DeskError> {
        files::fetch(&self.api, file, limit).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outbound::Targets;
    use crate::time::SystemClock;

    /// An account whose user 7 is ours.
    pub(super) fn config() -> &'static Config {
        static CONFIG: std::sync::OnceLock<Config> = std::sync::OnceLock::new();
        CONFIG.get_or_init(|| {
            let secret = json!({
                "kind": "zendesk",
                "base_url": "https://acme.zendesk.com",
                "email": "bridge@example.com",
                "api_token": "t",
                "user_id": 7,
                "webhook_secrets": ["s"],
            });
            let http = DeskHttp::new(Targets::Public, SystemClock::shared()).unwrap();
            Config::read(&secret, &http).unwrap()
        })
    }
}
