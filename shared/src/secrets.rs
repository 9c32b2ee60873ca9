//! API keys and desk credentials: one JSON secret.
//!
//! `{"bots": {"<bot_id>" | "*": {"api_key": "…", "base_url": "https://api-sg.gptbots.ai"}},
//! "desks": {"<instance>": {…}}}`

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use secrecy::SecretString;
use serde::Deserialize;

use crate::gptbots::Bot;
use crate::time::{Millis, SharedClock};

/// GPTBots in Singapore, its default (contract, section 1).
pub const DEFAULT_BASE_URL: &str = "https://api-sg.gptbots.ai";
/// The key under `bots` that stands for every bot without one of its own.
pub const ANY_BOT: &str = "*";
/// How long a secret is used before it is read again.
const FRESH_FOR: Millis = 300_000;
/// How soon after a reading another one may be asked for, because a key was refused.
const REREAD_AFTER: Millis = 30_000;

/// What the secret holds.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Keys by bot id; `*` is for all others.
    #[serde(default)]
    bots: HashMap<String, BotSecret>,
    /// Credentials by desk instance, each read by its desk.
    #[serde(default)]
    desks: HashMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct BotSecret {
    api_key: SecretString,
    #[serde(default)]
    base_url: Option<String>,
}

// By hand: a desk's credentials are plain JSON here.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets")
            .field("bots", &self.bots.keys())
            .field("desks", &self.desks.keys())
            .finish()
    }
}

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// Not the JSON it has to be. Says where, never what.
    #[error("the secret is not valid: line {line}, column {column}: {problem}")]
    Invalid {
        /// Line in the document, from 1.
        line: usize,
        /// Column in the line.
        column: usize,
        /// What kind of mistake.
        problem: &'static str,
    },
    /// Secrets Manager did not give it.
    #[error("Secrets Manager did not give the secret: {0}")]
    Unavailable(String),
}

impl Secrets {
    /// Reads the secret's JSON.
    ///
    /// # Errors
    /// When it is not of the right shape; the error quotes nothing of it.
    pub fn parse(json: &str) -> Result<Self, SecretsError> {
        use serde_json::error::Category;
        serde_json::from_str(json).map_err(|error| SecretsError::Invalid {
            line: error.line(),
            column: error.column(),
            problem: match error.classify() {
                Category::Data => "a member is missing, unknown or of the wrong type",
                Category::Syntax | Category::Eof | Category::Io => "not JSON",
            },
        })
    }

    /// How to reach a bot at GPTBots; `None` where no key is known for it.
    pub fn bot(&self, id: &str) -> Option<Bot> {
        let secret = self.bots.get(id).or_else(|| self.bots.get(ANY_BOT))?;
        Some(Bot {
            api_key: secret.api_key.clone(),
            base_url: secret
                .base_url
                .clone()
                .unwrap_or_else(|| DEFAULT_BASE_URL.to_owned()),
        })
    }

    /// All keys there are, by bot id; [`ANY_BOT`] is among them.
    pub fn bots(&self) -> BTreeMap<&str, Bot> {
        self.bots
            .keys()
            .filter_map(|id| Some((id.as_str(), self.bot(id)?)))
            .collect()
    }

    /// All desk instances, by name, with their credentials.
    pub fn desks(&self) -> impl Iterator<Item = (&str, &serde_json::Value)> {
        self.desks.iter().map(|(name, desk)| (name.as_str(), desk))
    }

    /// The credentials of a desk instance; `None` where it has none.
    pub fn desk(&self, instance: &str) -> Option<&serde_json::Value> {
        self.desks.get(instance)
    }
}

/// Where the secret comes from.
#[derive(Debug, Clone)]
enum Origin {
    Given(Arc<Secrets>),
    Manager {
        client: aws_sdk_secretsmanager::Client,
        arn: String,
    },
}

/// The secret in force: read while the function starts, again every few minutes, and when a key
/// was refused (it may have been replaced).
#[derive(Debug)]
pub struct SecretsSource {
    origin: Origin,
    clock: SharedClock,
    kept: Mutex<Kept>,
}

/// What was read, and when.
#[derive(Debug, Clone, Default)]
struct Kept {
    secrets: Option<Arc<Secrets>>,
    read_at: Millis,
    tried_at: Millis,
}

impl SecretsSource {
    /// A secret that is given once and for all: local use.
    pub fn given(secrets: Secrets, clock: SharedClock) -> Self {
        Self {
            origin: Origin::Given(Arc::new(secrets)),
            clock,
            kept: Mutex::default(),
        }
    }

    /// A secret in Secrets Manager.
    pub fn manager(
        client: aws_sdk_secretsmanager::Client,
        arn: impl Into<String>,
        clock: SharedClock,
    ) -> Self {
        Self {
            origin: Origin::Manager {
                client,
                arn: arn.into(),
            },
            clock,
            kept: Mutex::default(),
        }
    }

    /// The secret in force.
    ///
    /// # Errors
    /// When it could never be read. Once read, the last good one stays in force.
    pub async fn get(&self) -> Result<Arc<Secrets>, SecretsError> {
        self.read(FRESH_FOR).await
    }

    /// How to reach a bot. Where the secret has no key for it, it is read once more: the key may
    /// just have been put in, and the first greeting has no five minutes.
    ///
    /// # Errors
    /// As for [`SecretsSource::get`].
    pub async fn bot(&self, id: &str) -> Result<Option<Bot>, SecretsError> {
        match self.get().await?.bot(id) {
            Some(bot) => Ok(Some(bot)),
            None => Ok(self.get_again().await?.0.bot(id)),
        }
    }

    /// The secret after a key was refused, and whether it was read just now. It is not where that
    /// was done moments ago: then nobody knows yet whether the key has been replaced since.
    ///
    /// # Errors
    /// As for [`SecretsSource::get`].
    pub async fn get_again(&self) -> Result<(Arc<Secrets>, bool), SecretsError> {
        let now = self.clock.now();
        let secrets = self.read(REREAD_AFTER).await?;
        let given = matches!(self.origin, Origin::Given(_));
        Ok((secrets, given || self.kept().read_at >= now))
    }

    async fn read(&self, fresh_for: Millis) -> Result<Arc<Secrets>, SecretsError> {
        let (client, arn) = match &self.origin {
            Origin::Given(secrets) => return Ok(secrets.clone()),
            Origin::Manager { client, arn } => (client, arn),
        };
        let now = self.clock.now();
        let kept = self.kept();
        if let Some(secrets) = &kept.secrets
            && now - kept.tried_at < fresh_for
        {
            return Ok(secrets.clone());
        }
        let fresh = match client.get_secret_value().secret_id(arn).send().await {
            Ok(value) => Secrets::parse(value.secret_string().unwrap_or_default()),
            Err(error) => Err(SecretsError::Unavailable(
                error.code().unwrap_or("no answer").to_owned(),
            )),
        };
        let (secrets, read_at) = match (fresh, kept.secrets) {
            (Ok(secrets), _) => (Arc::new(secrets), now),
            (Err(error), Some(last_good)) => {
                tracing::error!(%error, "the last good secret stays in force");
                (last_good, kept.read_at)
            }
            (Err(error), None) => return Err(error),
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept {
            secrets: Some(secrets.clone()),
            read_at,
            tried_at: now,
        };
        Ok(secrets)
    }

    fn kept(&self) -> Kept {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_bot_has_its_own_key_or_the_one_for_all() {
        let secrets = Secrets::parse(
            r#"{"bots":{"b1":{"api_key":"k1","base_url":"https://altatech.ai"},"*":{"api_key":"k2"}},"desks":{"slack":{"token":"x"}}}"#,
        )
        .unwrap();
        let own = secrets.bot("b1").unwrap();
        assert_eq!(own.api_key.expose_secret(), "k1");
        assert_eq!(own.base_url, "https://altatech.ai");
        let other = secrets.bot("b2").unwrap();
        assert_eq!(other.api_key.expose_secret(), "k2");
        assert_eq!(other.base_url, DEFAULT_BASE_URL);
        assert!(Secrets::parse("{}").unwrap().bot("b1").is_none());
        assert_eq!(secrets.desk("slack").unwrap()["token"], "x");
    }

    #[test]
    fn neither_errors_nor_debug_show_a_key() {
        let broken = Secrets::parse(r#"{"bots":{"b":{"api_key":"hush","base":"hush"}}}"#);
        let fine = Secrets::parse(r#"{"bots":{"b":{"api_key":"hush"}}}"#).unwrap();
        let wrong_type = Secrets::parse(r#"{"bots":{"b":{"api_key":["hush"]}}}"#);
        let shown = format!(
            "{broken:?} {} {wrong_type:?} {fine:?} {:?}",
            broken.clone().unwrap_err(),
            fine.bot("b")
        );
        assert!(!shown.contains("hush"), "{shown}");
    }
}
