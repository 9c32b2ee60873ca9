//! `POST /{token}/chat`: a user's line.
//!
//! One conditional put that needs nothing else to be there: a line that overtakes its establish
//! waits in its lane, a line that comes twice is one, a line after the end is kept and the agent
//! told (by the relay). Always accepted, since a refused message is a lost one.

use std::convert::Infallible;
use std::sync::Arc;

use handoff::gptbots::parse_chat;
use handoff::settings::SettingsSource;
use handoff::store::Store;
use handoff::token::Tokens;
use handoff::webhook::{self, WebhookError};
use lambda_http::{Body, Request, Response};

/// What the path ends in.
const ROUTE: &str = "/chat";

/// The function.
#[derive(Debug)]
pub struct Chat {
    store: Store,
    settings: Arc<SettingsSource>,
    tokens: Tokens,
}

impl Chat {
    /// The function over this table, for these tokens.
    pub fn new(store: Store, settings: Arc<SettingsSource>, tokens: Tokens) -> Self {
        Self {
            store,
            settings,
            tokens,
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer, too.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(webhook::answer(self.store_line(&request).await))
    }

    async fn store_line(&self, request: &Request) -> Result<(), WebhookError> {
        let payload = webhook::read(request, &self.tokens, ROUTE)?;
        let chat = parse_chat(&payload)?;
        let retention_days = self.settings.get().await.retention_days;
        let outcome = self.store.chat(&chat, retention_days).await?;
        tracing::info!(
            conversation_id = %chat.conversation,
            entry_id = %chat.entry,
            ?outcome,
            "chat"
        );
        Ok(())
    }
}
