//! The operator's settings: one document in the table, defaults that work without it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::{Handoff, Store, StoreError};
use crate::time::{Millis, SharedClock};

/// How long settings are used before they are read again.
const FRESH_FOR: Millis = 60_000;
/// How long a reading may take: the webhook that waits for it has to be answered, too.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The longest line of an agent that can be set. An item of the log counts three times against
/// DynamoDB's 400 KB, once for each local index.
const MAX_REPLY_CHARS: u32 = 30_000;

/// The settings' document. Every member has a default; unknown members are refused, so that a
/// misspelt one is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What the user is told at once when a human is asked for. Empty: nothing. Without a first
    /// reply GPTBots ends the conversation after its waiting timeout, 60 s by default.
    pub greeting: String,
    /// The desk instance that handoffs go to.
    pub desk: String,
    /// How long an undelivered entry is tried, in seconds; after that it counts as failed.
    pub retry_age_seconds: u32,
    /// The longest line an agent may send, in characters. GPTBots documents no limit.
    pub reply_max_chars: u32,
    /// How long conversations are kept, in days.
    pub retention_days: u32,
    /// Whether the user is told which agent writes: `Ann: Hello`.
    pub agent_names: bool,
    /// What differs for single bots, by bot id.
    pub bots: HashMap<String, BotSettings>,
}

/// What differs for one bot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BotSettings {
    /// See [`Settings::greeting`].
    pub greeting: Option<String>,
    /// See [`Settings::desk`].
    pub desk: Option<String>,
    /// See [`Settings::agent_names`].
    pub agent_names: Option<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            greeting:
                "Thanks for waiting! Our team has your message, and a person will answer you here."
                    .to_owned(),
            desk: crate::desk::CONSOLE.to_owned(),
            retry_age_seconds: 3_600,
            reply_max_chars: 8_000,
            retention_days: 90,
            agent_names: false,
            bots: HashMap::new(),
        }
    }
}

/// Why a settings document is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not JSON, or not of the right shape; says where.
    #[error("settings: {0}")]
    Shape(#[from] serde_json::Error),
    /// A value out of its range.
    #[error("settings: {0}")]
    Range(&'static str),
}

impl Settings {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is not JSON, has unknown members, or a value is out of its range.
    pub fn parse(document: &str) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_str(document)?;
        let of_bots = settings.bots.values().filter_map(|bot| bot.desk.as_ref());
        if of_bots.chain([&settings.desk]).any(String::is_empty) {
            return Err(SettingsError::Range("desk must not be empty"));
        }
        let of_bots = settings
            .bots
            .values()
            .filter_map(|bot| bot.greeting.as_ref());
        if of_bots
            .chain([&settings.greeting])
            .any(|text| text.chars().count() > MAX_REPLY_CHARS as usize)
        {
            return Err(SettingsError::Range(
                "greeting must be at most 30000 characters long",
            ));
        }
        if !(1..=86_400).contains(&settings.retry_age_seconds) {
            return Err(SettingsError::Range("retry_age_seconds must be 1 to 86400"));
        }
        if !(1..=MAX_REPLY_CHARS).contains(&settings.reply_max_chars) {
            return Err(SettingsError::Range("reply_max_chars must be 1 to 30000"));
        }
        if !(1..=3_650).contains(&settings.retention_days) {
            return Err(SettingsError::Range("retention_days must be 1 to 3650"));
        }
        Ok(settings)
    }

    /// How a handoff of this bot begins.
    pub fn handoff(&self, bot: &str) -> Handoff {
        let own = self.bots.get(bot);
        let greeting = own
            .and_then(|own| own.greeting.as_ref())
            .unwrap_or(&self.greeting);
        Handoff {
            desk: own
                .and_then(|own| own.desk.clone())
                .unwrap_or_else(|| self.desk.clone()),
            greeting: Some(greeting.clone()).filter(|text| !text.trim().is_empty()),
            retention_days: self.retention_days,
        }
    }

    /// Whether users of this bot are told which agent writes.
    pub fn names_agents(&self, bot: &str) -> bool {
        let own = self.bots.get(bot).and_then(|own| own.agent_names);
        own.unwrap_or(self.agent_names)
    }

    /// [`Settings::retry_age_seconds`] in milliseconds.
    pub fn retry_age(&self) -> Millis {
        Millis::from(self.retry_age_seconds) * 1000
    }
}

/// The settings in force: read while the function starts, which also opens the connection that the
/// first event needs, and again at most once a minute.
#[derive(Debug)]
pub struct SettingsSource {
    store: Store,
    clock: SharedClock,
    kept: Mutex<(Arc<Settings>, Option<Millis>)>,
}

impl SettingsSource {
    /// Settings from this table; the defaults until they are read.
    pub fn new(store: Store, clock: SharedClock) -> Self {
        Self {
            store,
            clock,
            kept: Mutex::default(),
        }
    }

    /// The settings in force; the defaults where they could never be read. No message is lost over
    /// a setting.
    pub async fn get(&self) -> Arc<Settings> {
        self.read().await.unwrap_or_default()
    }

    /// The settings in force. A document that cannot be read or is not valid leaves the last good
    /// one in force.
    ///
    /// # Errors
    /// When they could never be read, so that nobody knows what the operator wants.
    pub async fn read(&self) -> Result<Arc<Settings>, StoreError> {
        let now = self.clock.now();
        let (kept, read_at) = self.kept();
        if read_at.is_some_and(|at| now - at < FRESH_FOR) {
            return Ok(kept);
        }
        let stored = tokio::time::timeout(PATIENCE, self.store.settings())
            .await
            .unwrap_or_else(|_| {
                Err(StoreError::Unavailable {
                    operation: "read settings",
                    code: "took too long".to_owned(),
                })
            });
        let settings = match stored {
            Ok(None) => Arc::new(Settings::default()),
            Ok(Some(stored)) => match Settings::parse(&stored.document) {
                Ok(settings) => Arc::new(settings),
                Err(error) => {
                    tracing::error!(%error, version = stored.version, "settings are not valid: the last good ones stay in force");
                    if read_at.is_none() {
                        return Err(StoreError::Unreadable("document"));
                    }
                    kept
                }
            },
            Err(error) => {
                tracing::warn!(%error, "settings could not be read: the last good ones stay in force");
                if read_at.is_none() {
                    return Err(error);
                }
                kept
            }
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = (settings.clone(), Some(now));
        Ok(settings)
    }

    fn kept(&self) -> (Arc<Settings>, Option<Millis>) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_the_defaults() {
        assert_eq!(Settings::parse("{}").unwrap(), Settings::default());
    }

    #[test]
    fn a_bot_can_differ() {
        let settings = Settings::parse(
            r#"{"greeting":"hi","bots":{"b":{"greeting":""},"c":{"desk":"slack","agent_names":true}}}"#,
        )
        .unwrap();
        assert!(settings.names_agents("c") && !settings.names_agents("a"));
        assert_eq!(settings.handoff("a").greeting.as_deref(), Some("hi"));
        assert_eq!(settings.handoff("b").greeting, None);
        assert_eq!(settings.handoff("c").desk, "slack");
        assert_eq!(settings.handoff("c").greeting.as_deref(), Some("hi"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |document: &str| Settings::parse(document).unwrap_err().to_string();
        assert!(error(r#"{"greting":"x"}"#).contains("greting"));
        assert!(error(r#"{"retention_days":0}"#).contains("retention_days"));
        assert!(error(r#"{"bots":{"b":{"desk":""}}}"#).contains("desk"));
        assert!(error("[").starts_with("settings: "));
    }
}
