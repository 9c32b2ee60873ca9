//! The user's side, for tests and for the page.

use std::time::Duration;

use crate::{
    bot,
    conversation::Begun,
    model::{Author, ConversationId, EndedBy, LineId, Status, UserId, UserProfile, UserView},
    record::Outcome,
    stand_in::StandIn,
    state::{State, User},
    webhooks,
};

/// Establish failed: the user sees "busy" (contract, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("busy: establish {outcome:?}")]
pub struct Busy {
    /// How establish went.
    pub outcome: Outcome,
}

/// The stand-in has no such bot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no bot {0:?}")]
pub struct UnknownBot(pub String);

/// What was waited for did not happen in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in time; the user sees {last:?}")]
pub struct TimedOut {
    /// What the user saw at the end.
    pub last: UserView,
}

/// What became of a user's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The bot answered.
    ToBot,
    /// It asked for a person.
    AskedForHuman(Result<ConversationId, Busy>),
    /// It waits to be sent to `/chat`; its [`crate::Delivery`] tells what becomes of it.
    ToHuman(LineId),
}

/// A user's line or request, taken.
pub(crate) enum Start {
    Done(Said),
    /// Establish is on its way for this conversation, or was before.
    Asked(ConversationId),
}

/// The answer to a user of another stand-in.
const NOBODY: Busy = Busy {
    outcome: Outcome::Failed,
};

impl StandIn {
    /// A new user of this bot, who has not said anything yet.
    ///
    /// # Errors
    /// When there is no such bot.
    pub async fn new_user(&self, bot_id: &str, profile: UserProfile) -> Result<UserId, UnknownBot> {
        self.update(|state| {
            let id = UserId(state.fresh_id(20));
            state.add_user(id, bot_id, profile)
        })
    }

    /// The user with the key of the page's address (`/?user=<key>`).
    pub fn find_user(&self, key: &str) -> Option<UserId> {
        let id = UserId(key.to_owned());
        self.read(|state| state.users.contains_key(&id).then_some(id))
    }

    /// The user writes a line. It goes to the bot, or to `/chat` while a human conversation is
    /// open: then it is stored and queued here, and sent in its turn. A line that asks the bot for
    /// a person returns when establish is answered.
    pub async fn say(&self, user: &UserId, text: &str) -> Said {
        match self.start_saying(user, text) {
            Start::Done(said) => said,
            Start::Asked(id) => Said::AskedForHuman(self.answered(id).await),
        }
    }

    /// The part of [`StandIn::say`] that waits for nobody.
    pub(crate) fn start_saying(&self, user: &UserId, text: &str) -> Start {
        self.update(|state| {
            if let Some(open) = state.open_conversation(user) {
                return Start::Done(Said::ToHuman(state.chat(&open, text)));
            }
            if bot::asks_for_human(text) {
                state.add_line(user, Author::User, text, None, None);
                return self.establish(state.begin(user, text));
            }
            state.talk_to_bot(user, text);
            Start::Done(Said::ToBot)
        })
    }

    /// The user presses "Talk to a person". Returns when establish is answered; with the open
    /// conversation if there is one already.
    ///
    /// # Errors
    /// When establish failed.
    pub async fn ask_for_human(&self, user: &UserId) -> Result<ConversationId, Busy> {
        match self.start_asking(user) {
            Start::Asked(id) => self.answered(id).await,
            Start::Done(_) => Err(NOBODY),
        }
    }

    /// The part of [`StandIn::ask_for_human`] that waits for nobody.
    pub(crate) fn start_asking(&self, user: &UserId) -> Start {
        self.update(|state| {
            if let Some(open) = state.open_conversation(user) {
                return Start::Asked(open);
            }
            state.add_line(user, Author::System, "You asked for a person.", None, None);
            self.establish(state.begin(user, bot::BUTTON))
        })
    }

    /// The user leaves: the open human conversation is closed with `USER_CLOSED`, after what the
    /// user wrote before. `false` when none was open.
    pub async fn leave(&self, user: &UserId) -> bool {
        self.update(|state| {
            state
                .open_conversation(user)
                .is_some_and(|open| state.end(&open, EndedBy::User))
        })
    }

    /// What the user sees; nothing for a user of another stand-in.
    pub fn view(&self, user: &UserId) -> UserView {
        self.read(|state| state.view(user, 0)).unwrap_or_default()
    }

    /// Waits, without polling, until the user sees something.
    ///
    /// # Errors
    /// When that is not so inside `timeout`; with what the user saw last.
    pub async fn wait_for(
        &self,
        user: &UserId,
        mut predicate: impl FnMut(&UserView) -> bool,
        timeout: Duration,
    ) -> Result<UserView, TimedOut> {
        let waiting = self.until(|| Some(self.view(user)).filter(&mut predicate));
        match tokio::time::timeout(timeout, waiting).await {
            Ok(Some(view)) => Ok(view),
            Ok(None) | Err(_) => Err(TimedOut {
                last: self.view(user),
            }),
        }
    }

    fn establish(&self, begun: Option<Begun>) -> Start {
        let Some(begun) = begun else {
            return Start::Done(Said::AskedForHuman(Err(NOBODY)));
        };
        let id = begun.id.clone();
        self.spawn(webhooks::run(self.clone(), begun));
        Start::Asked(id)
    }

    async fn answered(&self, id: ConversationId) -> Result<ConversationId, Busy> {
        let outcome = self
            .until(|| self.read(|state| state.conversations.get(&id)?.establish))
            .await
            .unwrap_or(Outcome::Failed);
        match outcome {
            Outcome::Answered(200) => Ok(id),
            outcome => Err(Busy { outcome }),
        }
    }
}

impl State {
    pub(crate) fn add_user(
        &mut self,
        id: UserId,
        bot_id: &str,
        profile: UserProfile,
    ) -> Result<UserId, UnknownBot> {
        if !self.options.bots.iter().any(|bot| bot.id == bot_id) {
            return Err(UnknownBot(bot_id.to_owned()));
        }
        let user = User {
            bot: bot_id.to_owned(),
            profile,
            turns: Vec::new(),
            lines: Vec::new(),
            status: Status::Bot,
            conversation: None,
        };
        self.users.insert(id.clone(), user);
        self.add_line(&id, Author::Bot, bot::GREETING, None, None);
        Ok(id)
    }
}
