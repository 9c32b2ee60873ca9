//! The operator's settings: one document in the table, defaults that work without it.
//!
//! `docs/settings.md` says what each member means, and `docs/settings.schema.json` is its JSON
//! Schema. What a conversation needs later is taken out of the settings when it begins
//! ([`Settings::begin`]), so that a change does not confuse one that is under way.

mod begin;
mod defaults;
mod document;
mod hours;
mod preview;
mod read;
mod retention;
mod source;
mod text;
mod waiting;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::time::Millis;

pub use begin::{Begin, Closed};
pub use hours::{Hours, Outside, Span, Week, Weekly};
pub use preview::{Preview, PreviewLine};
pub use read::Mistake;
pub use retention::Retention;
pub use source::SettingsSource;
pub use text::{Text, nearest, of_script};
pub use waiting::{Idle, Message, Silence, Then, Waiting, WaitingText};

/// The longest line of an agent that can be set. An item of the log counts three times against
/// DynamoDB's 400 KB, once for each local index.
const MAX_REPLY_CHARS: u32 = 30_000;

/// The settings' document. Every member has a default; unknown members are refused, so that a
/// misspelt one is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// What the user is told at once when a human is asked for. Empty: nothing. Without a first
    /// reply GPTBots ends the conversation after its waiting timeout, 60 s by default.
    pub greeting: Text,
    /// The language of users whose own is not known.
    pub language: String,
    /// The desk instance that handoffs go to.
    pub desk: String,
    /// Desks in a row, in place of `desk`: a handoff goes to the first that is open, and on to the
    /// next where one cannot take it; behind the last the user may leave a message. Empty: `desk`
    /// alone, which is tried as long as any line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub desks: Vec<String>,
    /// How long a desk of `desks` is tried until the next one is, in seconds.
    pub desk_patience_seconds: u32,
    /// When a desk of `desks` is attended; always where it is not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub desk_hours: BTreeMap<String, Week>,
    /// The opening hours; none: always open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// What happens while nobody has answered.
    pub waiting: Waiting,
    /// What happens when one side falls silent.
    pub idle: Idle,
    /// How a message is taken.
    pub message: Message,
    /// How long an undelivered entry is tried, in seconds; after that it counts as failed.
    pub retry_age_seconds: u32,
    /// The longest line an agent may send, in characters. GPTBots documents no limit.
    pub reply_max_chars: u32,
    /// How long conversations are kept, in days.
    pub retention_days: u32,
    /// Whether the user is told which agent writes: `Ann: Hello`.
    pub agent_names: bool,
    /// What differs for single bots, by bot id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bots: BTreeMap<String, BotSettings>,
}

/// What differs for one bot: each member takes the place of the general one, as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BotSettings {
    /// See [`Settings::greeting`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<Text>,
    /// See [`Settings::language`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// See [`Settings::desk`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desk: Option<String>,
    /// See [`Settings::desks`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desks: Option<Vec<String>>,
    /// See [`Settings::hours`]. `{}` is always open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// See [`Settings::waiting`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// See [`Settings::idle`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// See [`Settings::message`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// See [`Settings::agent_names`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_names: Option<bool>,
}

/// Why a settings document is not taken: all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("settings: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct SettingsError(pub Vec<Mistake>);

/// As much of a document as somebody needs. The default is what holds without one.
pub trait FromDocument: Default {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is not JSON, or not what it has to be.
    fn from_document(document: &str) -> Result<Self, SettingsError>;
}

/// Nothing of it.
impl FromDocument for () {
    fn from_document(_: &str) -> Result<Self, SettingsError> {
        Ok(())
    }
}

impl FromDocument for Settings {
    fn from_document(document: &str) -> Result<Self, SettingsError> {
        Self::parse(document)
    }
}

impl Settings {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is not JSON, has unknown members, or a value is out of its range.
    pub fn parse(document: &str) -> Result<Self, SettingsError> {
        Self::check(document).map_err(SettingsError)
    }

    fn greeting_of(&self, bot: &str) -> &Text {
        let own = self.bots.get(bot).and_then(|own| own.greeting.as_ref());
        own.unwrap_or(&self.greeting)
    }

    fn hours_of(&self, bot: &str) -> Option<&Hours> {
        let own = self.bots.get(bot).and_then(|own| own.hours.as_ref());
        own.or(self.hours.as_ref())
    }

    fn waiting_of(&self, bot: &str) -> &Waiting {
        let own = self.bots.get(bot).and_then(|own| own.waiting.as_ref());
        own.unwrap_or(&self.waiting)
    }

    fn idle_of(&self, bot: &str) -> &Idle {
        let own = self.bots.get(bot).and_then(|own| own.idle.as_ref());
        own.unwrap_or(&self.idle)
    }

    fn message_of(&self, bot: &str) -> &Message {
        let own = self.bots.get(bot).and_then(|own| own.message.as_ref());
        own.unwrap_or(&self.message)
    }

    /// Whether users of this bot are told which agent writes.
    pub fn names_agents(&self, bot: &str) -> bool {
        let own = self.bots.get(bot).and_then(|own| own.agent_names);
        own.unwrap_or(self.agent_names)
    }

    /// The language of this bot's users, where their own is not known.
    pub fn language(&self, bot: &str) -> &str {
        let own = self.bots.get(bot).and_then(|own| own.language.as_deref());
        own.unwrap_or(&self.language)
    }

    /// The desks of this bot, in a row, and whether the row has an end: then the user may leave a
    /// message behind it. What a bot has of its own goes before what holds for all.
    pub fn desks(&self, bot: &str) -> (Vec<String>, bool) {
        let own = self.bots.get(bot);
        let several = |desks: &Vec<String>| (!desks.is_empty()).then(|| (desks.clone(), true));
        let one = |desk: &String| (vec![desk.clone()], false);
        own.and_then(|own| own.desks.as_ref())
            .and_then(several)
            .or_else(|| own.and_then(|own| own.desk.as_ref()).map(one))
            .or_else(|| several(&self.desks))
            .unwrap_or_else(|| one(&self.desk))
    }

    /// Every desk instance that is named anywhere.
    pub fn named_desks(&self) -> std::collections::BTreeSet<&str> {
        let of_bots = self.bots.values().flat_map(|bot| {
            let several = bot.desks.iter().flatten();
            bot.desk.iter().chain(several)
        });
        let general = if self.desks.is_empty() {
            std::slice::from_ref(&self.desk)
        } else {
            self.desks.as_slice()
        };
        let hours = self.desk_hours.keys();
        of_bots
            .chain(general)
            .chain(hours)
            .map(String::as_str)
            .collect()
    }

    /// [`Settings::retry_age_seconds`] in milliseconds.
    pub fn retry_age(&self) -> Millis {
        Millis::from(self.retry_age_seconds) * 1000
    }

    /// [`Settings::desk_patience_seconds`] in milliseconds.
    pub fn desk_patience(&self) -> Millis {
        Millis::from(self.desk_patience_seconds) * 1000
    }
}

#[cfg(test)]
mod tests;
