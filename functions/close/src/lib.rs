//! `POST /{token}/conversation/close`: the user left, or GPTBots gave up waiting.
//!
//! One transaction: the conversation's state, and a closing for the desk. Idempotent, and good in
//! any order: a close that comes before its establish leaves a tombstone for it.

use std::convert::Infallible;

use handoff::settings::Retention;
use handoff::webhook::{self, Webhook, WebhookError};
use lambda_http::{Body, Request, Response};

/// What the path ends in.
const ROUTE: &str = "/conversation/close";

/// The function.
#[derive(Debug)]
pub struct Close(pub Webhook<Retention>);

impl Close {
    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer, too.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(self.0.answer(self.store_end(&request).await))
    }

    async fn store_end(&self, request: &Request) -> Result<(), WebhookError> {
        let payload = webhook::read(request, &self.0.tokens, ROUTE)?;
        let close = payload.close()?;
        let retention_days = self.0.settings.get().await.days;
        let outcome = self.0.store.close(&close, retention_days).await?;
        tracing::info!(
            conversation_id = %close.conversation,
            by = %close.by,
            ?outcome,
            "close"
        );
        Ok(())
    }
}
