//! To the user: reply and close at GPTBots.

use handoff::conversation::{ClosedBy, Conversation, Entry, Kind, Side};
use handoff::gptbots::{Bot, CallError, FIRST_PATIENCE, Fault, LATER_PATIENCE};
use handoff::secrets::Secrets;
use handoff::settings::Settings;
use handoff::store::{Outcome, StoreError};
use handoff::time::Millis;
use secrecy::ExposeSecret as _;

use crate::{Attempt, Relay, delivered, retry};

/// How long after an establish "no such conversation" is no news: GPTBots may make it only once it
/// has our answer, and the greeting can be faster.
const MAY_NOT_EXIST_YET: Millis = 15_000;
/// An attempt and its mark.
const LONGEST_ATTEMPT: Millis = 9_000;
/// What the log and the desk say when GPTBots knows no such conversation (any more).
const GONE: &str = "GPTBots says that the conversation does not exist or has ended";

impl Relay {
    pub(crate) async fn to_user(
        &self,
        conversation: &Conversation,
        entry: &Entry,
        settings: &Settings,
    ) -> Result<Attempt, StoreError> {
        let failed = match self.call(conversation, entry).await {
            Ok(()) => return Ok(Attempt::Marks(delivered(None))),
            Err(failed) => failed,
        };
        let now = self.clock.now();
        Ok(Attempt::Marks(match failed.fault {
            Fault::Transient { retry_after } => retry::after_transient(
                entry,
                failed.summary,
                retry_after,
                now,
                settings.retry_age(),
                &self.random,
            ),
            // What was to be ended has ended.
            Fault::ConversationGone if entry.kind == Kind::Closing => delivered(None),
            Fault::ConversationGone if now - conversation.asked_at < MAY_NOT_EXIST_YET => {
                retry::after_transient(
                    entry,
                    failed.summary,
                    None,
                    now,
                    settings.retry_age(),
                    &self.random,
                )
            }
            Fault::ConversationGone => {
                self.end_here_too(conversation, settings).await?;
                Outcome::Failed {
                    reason: failed.summary,
                }
            }
            Fault::Unauthorized | Fault::Permanent => Outcome::Failed {
                reason: failed.summary,
            },
        }))
    }

    /// One attempt; where the key is refused and has been replaced meanwhile, one more with the
    /// new one.
    async fn call(&self, conversation: &Conversation, entry: &Entry) -> Result<(), CallError> {
        let bot_id = conversation.bot.as_deref().unwrap_or_default();
        let secrets = self
            .secrets
            .get()
            .await
            .map_err(|error| no_key(error.to_string()))?;
        let bot = bot(&secrets, bot_id)?;
        let refused = match self.send(&bot, entry).await {
            Err(failed) if failed.fault == Fault::Unauthorized => failed,
            other => return other,
        };
        let (secrets, just_read) = self
            .secrets
            .get_again()
            .await
            .map_err(|error| no_key(error.to_string()))?;
        let newer = self::bot(&secrets, bot_id)?;
        if newer.api_key.expose_secret() != bot.api_key.expose_secret() {
            let left = entry.lease_until.unwrap_or(Millis::MAX) - self.clock.now();
            if left > LONGEST_ATTEMPT {
                return self.send(&newer, entry).await;
            }
            return Err(no_key("the API key has been replaced".to_owned()));
        }
        if just_read {
            return Err(refused);
        }
        // It was read moments before: wait until it can be read again before giving up.
        Err(CallError {
            fault: Fault::Transient {
                retry_after: Some(std::time::Duration::from_secs(30)),
            },
            ..refused
        })
    }

    async fn send(&self, bot: &Bot, entry: &Entry) -> Result<(), CallError> {
        let patience = if entry.attempts <= 1 {
            FIRST_PATIENCE
        } else {
            LATER_PATIENCE
        };
        match entry.kind {
            Kind::Closing => self.gptbots.close(bot, &entry.conversation, patience).await,
            Kind::Message | Kind::Notice | Kind::Opening => {
                self.gptbots
                    .reply(bot, &entry.conversation, &entry.text, patience)
                    .await
            }
        }
    }

    /// Ends the conversation on our side, with the reason.
    async fn end_here_too(
        &self,
        conversation: &Conversation,
        settings: &Settings,
    ) -> Result<(), StoreError> {
        if conversation.is_closed() {
            return Ok(());
        }
        tracing::warn!(conversation_id = %conversation.id, "GPTBots knows no such conversation: ended here too");
        self.store
            .end(
                &conversation.id,
                ClosedBy::Bridge,
                Some(GONE),
                &[Side::Desk],
                settings.retention_days,
            )
            .await?;
        Ok(())
    }
}

/// The key may be put into the secret any minute: not a reason to give up at once.
fn no_key(reason: String) -> CallError {
    CallError {
        fault: Fault::Transient { retry_after: None },
        status: None,
        code: None,
        summary: reason,
    }
}

fn bot(secrets: &Secrets, id: &str) -> Result<Bot, CallError> {
    secrets
        .bot(id)
        .ok_or_else(|| no_key("the secret has no API key for this bot".to_owned()))
}
