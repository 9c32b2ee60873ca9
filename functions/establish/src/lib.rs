//! `POST /{token}/conversation/establish`: GPTBots asks for a human.
//!
//! Stores the conversation, the history it was given, the opening for the desk and the greeting
//! for the user in one transaction, and answers. HTTP 200 tells GPTBots that the human
//! conversation exists; anything else shows the user "busy" (contract, section 3), so only a table
//! that cannot be written refuses, or opening hours that are set to.

use std::convert::Infallible;

use handoff::metrics::Metric;
use handoff::store::EstablishOutcome;
use handoff::webhook::{self, Webhook, WebhookError};
use lambda_http::{Body, Request, Response};

/// What the path ends in.
const ROUTE: &str = "/conversation/establish";

/// The function.
#[derive(Debug)]
pub struct Establish(pub Webhook);

impl Establish {
    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer, too.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(self.0.answer(self.store_handoff(&request).await))
    }

    async fn store_handoff(&self, request: &Request) -> Result<(), WebhookError> {
        let payload = webhook::read(request, &self.0.tokens, ROUTE)?;
        let establish = payload.establish()?;
        // Not by defaults where the operator's wishes cannot be read: the wrong desk would get it.
        let said = establish.history.last_question();
        let handoff = match self.0.settings.begin(&establish.bot, said).await? {
            Ok(handoff) => handoff,
            Err(closed) => {
                // A conversation that is under way is not refused, whoever asks for it once more.
                if !self.0.store.opens_nothing(&establish).await? {
                    self.0.metrics.add(Metric::Closed, 1);
                    return Err(closed.into());
                }
                self.0.settings.get().await.handoff(&establish.bot)
            }
        };
        let outcome = self.0.store.establish(&establish, &handoff).await?;
        if outcome == EstablishOutcome::Opened {
            self.0.metrics.add(Metric::Handoffs, 1);
        }
        tracing::info!(
            conversation_id = %establish.conversation,
            bot_id = establish.bot,
            desk = handoff.desk,
            ?outcome,
            "establish"
        );
        Ok(())
    }
}
