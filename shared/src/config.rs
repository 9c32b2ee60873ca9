//! The functions' environment, read once in `main`.

use std::path::Path;
use std::sync::Arc;

use aws_config::Region;

use crate::bells::{DelayedBells, NoBells, SqsBells};
use crate::files::{Bucket, FileError, Files, NoFiles};
use crate::metrics::Metrics;
use crate::outbound::Targets;
use crate::random::Random;
use crate::secrets::{Secrets, SecretsError, SecretsSource};
use crate::settings::{FromDocument, Settings, SettingsSource};
use crate::store::Store;
use crate::time::{SharedClock, SystemClock};
use crate::tls::{self, TrustError};
use crate::token::{TokenError, Tokens};

/// Something in the environment that keeps the function from starting. Names the variable.
#[derive(thiserror::Error)]
pub enum ConfigError {
    /// Not set, or empty.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// `WEBHOOK_TOKEN_SHA256` is not a list of hashes.
    #[error("environment variable WEBHOOK_TOKEN_SHA256: {0}")]
    Tokens(#[from] TokenError),
    /// The secret cannot be used.
    #[error("environment variable SECRETS_JSON or SECRETS_ARN: {0}")]
    Secrets(#[from] SecretsError),
    /// The bucket cannot be used.
    #[error("environment variable FILES_BUCKET: {0}")]
    Files(#[from] FileError),
    /// The file of certificates cannot be used.
    #[error("environment variable SSL_CERT_FILE: {0}")]
    Certificates(#[from] TrustError),
    /// TLS cannot be set up.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[from] reqwest::Error),
}

// By hand: what `main` returns is printed by its Debug, and an operator reads that.
impl std::fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// What every function has: the table, the settings, a clock and a random source. `S`: as much of the
/// settings as it needs; reading them at the start opens the connection in any case.
#[derive(Debug, Clone)]
pub struct Base<S = Settings> {
    /// The table.
    pub store: Store,
    /// The operator's settings.
    pub settings: Arc<SettingsSource<S>>,
    /// The machine's clock.
    pub clock: SharedClock,
    /// Seeded by the operating system.
    pub random: Random,
    /// Into the log, as the deployment `METRICS_STACK`; without it none.
    pub metrics: Metrics,
    /// For the clients of other AWS services.
    pub aws: aws_config::SdkConfig,
}

impl<S: FromDocument> Base<S> {
    /// Starts logging, sets the SDK up and reads the settings, which opens the connection that
    /// the first event needs.
    ///
    /// # Errors
    /// When `TABLE_NAME` is not set, or `SSL_CERT_FILE` names a file that cannot be used.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let level = optional("AWS_LAMBDA_LOG_LEVEL");
        crate::telemetry::init(level.as_deref());
        let table = required("TABLE_NAME")?;
        if let Some(file) = optional("SSL_CERT_FILE") {
            tls::trust(Path::new(&file))?;
        }
        let aws = crate::aws::sdk_config();
        let clock = SystemClock::shared();
        let random = Random::from_entropy();
        let store = Store::new(
            aws_sdk_dynamodb::Client::new(&aws),
            table,
            clock.clone(),
            random.clone(),
        );
        let settings = Arc::new(SettingsSource::new(store.clone(), clock.clone()));
        settings.get().await;
        let metrics = match optional("METRICS_STACK") {
            Some(stack) => {
                let level = level.as_deref().unwrap_or("INFO");
                Metrics::to_stdout(&stack, level, clock.clone())
            }
            None => Metrics::off(),
        };
        Ok(Self {
            store,
            settings,
            clock,
            random,
            metrics,
            aws,
        })
    }

    /// The queue of delayed bells (`BELLS_QUEUE_URL`); without it retries wait for the clock.
    pub fn bells_from_env(&self) -> Arc<dyn DelayedBells> {
        match optional("BELLS_QUEUE_URL") {
            Some(url) => Arc::new(SqsBells::new(aws_sdk_sqs::Client::new(&self.aws), url)),
            None => Arc::new(NoBells),
        }
    }

    /// The bucket for agents' files (`FILES_BUCKET`); without it none are handed on. It is reached
    /// where the SDK would reach S3: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, else AWS.
    ///
    /// # Errors
    /// When it is set and makes no address.
    pub fn files_from_env(&self) -> Result<Arc<dyn Files>, ConfigError> {
        let (Some(bucket), Some(credentials)) =
            (optional("FILES_BUCKET"), self.aws.credentials_provider())
        else {
            return Ok(Arc::new(NoFiles));
        };
        let endpoint = optional("AWS_ENDPOINT_URL_S3");
        let endpoint = endpoint.as_deref().or(self.aws.endpoint_url());
        let region = self.aws.region().map_or("us-east-1", Region::as_ref);
        let clock = self.clock.clone();
        let bucket = Bucket::new(&bucket, endpoint, region, credentials, clock)?;
        Ok(Arc::new(bucket))
    }

    /// The secret (`SECRETS_ARN`, else `SECRETS_JSON`), read, and what may be called with it: a
    /// secret in the environment is local use, so that local addresses may be called.
    ///
    /// # Errors
    /// When neither is set, or `SECRETS_JSON` is not valid.
    pub async fn secrets_from_env(&self) -> Result<(SecretsSource, Targets), ConfigError> {
        let clock = self.clock.clone();
        if let Some(arn) = optional("SECRETS_ARN") {
            let client = aws_sdk_secretsmanager::Client::new(&self.aws);
            let source = SecretsSource::manager(client, arn, clock);
            // Not fatal: what cannot be sent without a key waits in its lane, visibly.
            if let Err(error) = source.get().await {
                tracing::error!(%error, "no secret yet");
            }
            return Ok((source, Targets::Public));
        }
        let json = optional("SECRETS_JSON").ok_or(ConfigError::Missing("SECRETS_ARN"))?;
        let secrets = Secrets::parse(&json)?;
        Ok((SecretsSource::given(secrets, clock), Targets::Local))
    }
}

/// The hashes of the webhook tokens (`WEBHOOK_TOKEN_SHA256`).
///
/// # Errors
/// When it is not set, or not a list of hashes.
pub fn tokens_from_env() -> Result<Tokens, ConfigError> {
    Ok(Tokens::parse(&required("WEBHOOK_TOKEN_SHA256")?)?)
}

fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or(ConfigError::Missing(name))
}
