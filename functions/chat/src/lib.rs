//! `POST /{token}/chat`: a user's line.
//!
//! One conditional put that needs nothing else to be there: a line that overtakes its establish
//! waits in its lane, a line that comes twice is one, a line after the end is kept and the agent
//! told (by the relay). Always accepted, since a refused message is a lost one.

use std::convert::Infallible;

use handoff::settings::Retention;
use handoff::webhook::{self, Webhook, WebhookError};
use lambda_http::{Body, Request, Response};

/// What the path ends in.
const ROUTE: &str = "/chat";

/// The function.
#[derive(Debug)]
pub struct Chat(pub Webhook<Retention>);

impl Chat {
    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer, too.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(self.0.answer(self.store_line(&request).await))
    }

    async fn store_line(&self, request: &Request) -> Result<(), WebhookError> {
        let payload = webhook::read(request, &self.0.tokens, ROUTE)?;
        let chat = payload.chat()?;
        let retention_days = self.0.settings.get().await.days;
        let outcome = self.0.store.chat(&chat, retention_days).await?;
        tracing::info!(
            conversation_id = %chat.conversation,
            entry_id = %chat.entry,
            ?outcome,
            "chat"
        );
        Ok(())
    }
}
