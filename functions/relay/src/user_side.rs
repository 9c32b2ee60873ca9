//! To the user: reply and close at GPTBots.

use std::collections::VecDeque;

use handoff::bells::Bell;
use handoff::conversation::{ClosedBy, Conversation, Entry, Kind, Side};
use handoff::gptbots::{Bot, CallError, FIRST_PATIENCE, Fault, LATER_PATIENCE};
use handoff::secrets::Secrets;
use handoff::settings::Settings;
use handoff::store::{Outcome, StoreError};
use handoff::time::Millis;
use secrecy::ExposeSecret as _;

use crate::complete::Completed;
use crate::drain::{LEASE, Leave, Marks, Next, delivered};
use crate::health::{Permit, Target, Verdict};
use crate::merge::Wording;
use crate::{Relay, merge, retry};

/// How long after an establish "no such conversation" is no news: GPTBots may make it only once it
/// has our answer, and the greeting can be faster.
const MAY_NOT_EXIST_YET: Millis = 15_000;
/// An attempt and its mark.
pub(crate) const LONGEST_ATTEMPT: Millis = 9_000;

/// A call that did not work.
struct Failed {
    error: CallError,
    /// After a refusal for the rate: when it is this conversation's turn.
    turn: Option<Millis>,
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self { error, turn: None }
    }
}

impl Relay {
    /// Carries the head of a lane to the user; where calls are scarce, with the lines behind it.
    pub(crate) async fn carry_to_user(
        &self,
        bell: &Bell,
        conversation: &Conversation,
        head: Entry,
        waiting: &mut VecDeque<Entry>,
        settings: &Settings,
    ) -> Result<Next, StoreError> {
        let head = match self.complete(head, settings).await? {
            Completed::Ready(head) => head,
            Completed::Later { head, at, why } => {
                return self.put_off(bell, &head, at, why).await;
            }
            Completed::Lost => return Ok(Next::Stop),
        };
        if is_empty(&head) {
            let reason = "none of its files could be sent".to_owned();
            // Said for each of them already.
            let marks = Marks {
                tell: false,
                ..Marks::one(head, Outcome::Failed { reason })
            };
            return self.settle(bell, conversation, marks, settings).await;
        }
        let wording = Wording {
            names: settings.names_agents(conversation.bot.as_deref().unwrap_or_default()),
        };
        let bot = self.bot_of(conversation).await;
        let permit = match &bot {
            // An attempt that cannot be made is an attempt: the agents see why.
            Err(_) => None,
            Ok(bot) => match self.leave(&Target::key(bot), &head, settings) {
                Leave::Try(permit) => permit,
                Leave::Wait { at, why } => return self.put_off(bell, &head, at, why).await,
            },
        };
        let lines = if permit.as_ref().is_some_and(Permit::merges) {
            let longest = usize::try_from(settings.reply_max_chars).unwrap_or(usize::MAX);
            let now = self.clock.now();
            merge::together(head, waiting, merge::MOST, longest, wording, now)
        } else {
            vec![head]
        };
        let lease = self.clock.now() + LEASE;
        let Some(lines) = self.store.claim_together(&lines, lease).await? else {
            return Ok(Next::Stop);
        };
        let called = if self.too_late(&lines) {
            Err(no_call("the table was slow".to_owned()).into())
        } else {
            match bot {
                Ok(bot) => {
                    let text = wording.joined(&lines);
                    self.call(conversation, bot, &lines, &text, permit).await
                }
                Err(error) => Err(error.into()),
            }
        };
        let marks = match called {
            Ok(()) => Marks::all(lines, &delivered(None)),
            Err(failed) => {
                self.after_failure(conversation, lines, failed, settings)
                    .await?
            }
        };
        self.settle(bell, conversation, marks, settings).await
    }

    /// What becomes of lines whose attempt failed.
    async fn after_failure(
        &self,
        conversation: &Conversation,
        lines: Vec<Entry>,
        failed: Failed,
        settings: &Settings,
    ) -> Result<Marks, StoreError> {
        let now = self.clock.now();
        let reason = failed.error.summary;
        let closing = lines.iter().any(|line| line.kind == Kind::Closing);
        Ok(match failed.error.fault {
            Fault::Transient { retry_after } => self.later(lines, &reason, retry_after, settings),
            Fault::RateLimited { retry_after } => match failed.turn {
                Some(turn) => later_at(lines, &reason, turn, now, settings),
                None => self.later(lines, &reason, retry_after, settings),
            },
            // What was to be ended has ended.
            Fault::ConversationGone if closing => Marks::all(lines, &delivered(None)),
            Fault::ConversationGone if now - conversation.asked_at < MAY_NOT_EXIST_YET => {
                self.later(lines, &reason, None, settings)
            }
            Fault::ConversationGone
                if !self
                    .end_here_too(conversation, &reason, Side::Desk, settings)
                    .await? =>
            {
                self.later(lines, &reason, None, settings)
            }
            // One of them may be to blame, or their length: one by one, then.
            Fault::Permanent if lines.len() > 1 => Marks {
                alone: true,
                ..later_at(lines, &reason, now, now, settings)
            },
            Fault::ConversationGone | Fault::Unauthorized | Fault::Permanent => {
                Marks::all(lines, &Outcome::Failed { reason })
            }
        })
    }

    /// Tries again later: all at the time of the first.
    pub(crate) fn later(
        &self,
        lines: Vec<Entry>,
        reason: &str,
        retry_after: Option<std::time::Duration>,
        settings: &Settings,
    ) -> Marks {
        let (now, age) = (self.clock.now(), settings.retry_age());
        let mut time = None;
        let entries = lines.into_iter().map(|line| {
            let outcome = match time {
                Some(time) => retry::at(&line, reason, time, now, age),
                None => retry::after_transient(
                    &line,
                    reason.to_owned(),
                    retry_after,
                    now,
                    age,
                    &self.random,
                ),
            };
            if let Outcome::Retry { at, .. } = outcome {
                time = time.or(Some(at));
            }
            (line, outcome)
        });
        Marks::new(entries.collect())
    }

    /// One attempt; where the key is refused and has been replaced meanwhile, one more with the
    /// new one.
    async fn call(
        &self,
        conversation: &Conversation,
        bot: Bot,
        lines: &[Entry],
        text: &str,
        permit: Option<Permit<'_>>,
    ) -> Result<(), Failed> {
        let sent = self.send(&bot, lines, text).await;
        let turn = permit.and_then(|permit| permit.report(verdict(&sent), self.clock.now()));
        let refused = match sent {
            Err(error) if error.fault == Fault::Unauthorized => error,
            other => return other.map_err(|error| Failed { error, turn }),
        };
        let (secrets, just_read) = self
            .secrets
            .get_again()
            .await
            .map_err(|error| no_call(error.to_string()))?;
        let newer = self::bot(&secrets, conversation)?;
        if newer.api_key.expose_secret() != bot.api_key.expose_secret() {
            let until = lines.first().and_then(|line| line.lease_until);
            let left = until.unwrap_or(Millis::MAX) - self.clock.now();
            if left > LONGEST_ATTEMPT {
                return self.send(&newer, lines, text).await.map_err(Failed::from);
            }
            return Err(no_call("the API key has been replaced".to_owned()).into());
        }
        if just_read {
            return Err(refused.into());
        }
        // It was read moments before: wait until it can be read again before giving up.
        let fault = Fault::Transient {
            retry_after: Some(std::time::Duration::from_secs(30)),
        };
        Err(CallError { fault, ..refused }.into())
    }

    async fn send(&self, bot: &Bot, lines: &[Entry], text: &str) -> Result<(), CallError> {
        let Some(head) = lines.first() else {
            return Ok(());
        };
        let patience = if head.attempts <= 1 {
            FIRST_PATIENCE
        } else {
            LATER_PATIENCE
        };
        let conversation = &head.conversation;
        match head.kind {
            Kind::Closing => self.gptbots.close(bot, conversation, patience).await,
            // No note is ever put into a lane. Should one get there all the same, it ends there.
            Kind::Note => Err(not_for_users()),
            Kind::Message | Kind::Notice | Kind::Opening => {
                self.gptbots.reply(bot, conversation, text, patience).await
            }
        }
    }

    /// Ends the conversation on our side, with the reason, and tells the side that does not know.
    /// `false`: it has been established anew meanwhile, so that what the other one said is no news
    /// any more.
    pub(crate) async fn end_here_too(
        &self,
        conversation: &Conversation,
        reason: &str,
        tell: Side,
        settings: &Settings,
    ) -> Result<bool, StoreError> {
        let ended = self
            .store
            .end_as_seen(
                conversation,
                ClosedBy::Bridge,
                Some(reason),
                &[tell],
                settings.retention_days,
            )
            .await?;
        if ended && !conversation.is_closed() {
            tracing::warn!(conversation_id = %conversation.id, told = %tell, "ended on the other side: ended here too");
        }
        Ok(ended)
    }

    async fn bot_of(&self, conversation: &Conversation) -> Result<Bot, CallError> {
        let id = conversation.bot.as_deref().unwrap_or_default();
        let known = self.secrets.bot(id).await;
        known
            .map_err(|error| no_call(error.to_string()))?
            .ok_or_else(no_key)
    }
}

/// Whether nothing is left that could be sent.
fn is_empty(entry: &Entry) -> bool {
    let files = entry.origin.as_ref().is_some_and(|o| !o.files.is_empty());
    entry.kind == Kind::Message && entry.origin.is_some() && !files && entry.text.trim().is_empty()
}

/// Tries all again at a time.
pub(crate) fn later_at(
    lines: Vec<Entry>,
    reason: &str,
    at: Millis,
    now: Millis,
    settings: &Settings,
) -> Marks {
    let entries = lines.into_iter().map(|line| {
        let outcome = retry::at(&line, reason, at, now, settings.retry_age());
        (line, outcome)
    });
    Marks::new(entries.collect())
}

/// What an attempt tells about others with the same key.
fn verdict(sent: &Result<(), CallError>) -> Verdict {
    match sent.as_ref().map_err(|error| &error.fault) {
        Err(Fault::Transient { retry_after }) => Verdict::Failing {
            wait: retry_after.map(retry::millis),
        },
        Err(Fault::RateLimited { retry_after }) => Verdict::Limited {
            wait: retry_after.map(retry::millis),
        },
        Ok(()) | Err(Fault::Unauthorized | Fault::ConversationGone | Fault::Permanent) => {
            Verdict::Served
        }
    }
}

/// No call was made, and it may be possible any minute: the key may be put into the secret, say.
fn no_call(reason: String) -> CallError {
    CallError {
        fault: Fault::Transient { retry_after: None },
        status: None,
        code: None,
        summary: reason,
    }
}

fn bot(secrets: &Secrets, conversation: &Conversation) -> Result<Bot, CallError> {
    let id = conversation.bot.as_deref().unwrap_or_default();
    secrets.bot(id).ok_or_else(no_key)
}

fn not_for_users() -> CallError {
    CallError {
        fault: Fault::Permanent,
        status: None,
        code: None,
        summary: "a private note is not for the user".to_owned(),
    }
}

fn no_key() -> CallError {
    no_call("the secret has no API key for this bot".to_owned())
}
