//! `doctor`: checks a deployment from outside, and says in plain words what to mend.
//!
//! Nothing is stored and nobody is told anything: the webhooks are probed with bodies that they
//! refuse, GPTBots with the call that tells whether a key is valid, the table and the secret are
//! read. What is not given is not checked, and the report says so.

mod console;
mod gptbots;
mod report;
mod secret;
mod settings;
mod table;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use handoff::outbound::Targets;
use handoff::random::Random;
use handoff::secrets::{Secrets, SecretsSource};
use handoff::store::{Client, Store};
use handoff::time::SystemClock;
use reqwest::redirect::Policy;

pub use report::{Check, Report, State};

use crate::Error;
use crate::aws::{self, Deployment};
use webhooks::Address;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to check.
#[derive(Debug, Default, Args)]
pub struct Options {
    /// Which deployment.
    #[command(flatten)]
    pub deployment: Deployment,
    /// The webhooks' address, with the token or (then give --token) without it: what is entered in
    /// GPTBots, or the output WebhookBaseUrl.
    #[arg(
        long,
        value_name = "URL",
        env = "HANDOFF_BASE_URL",
        hide_env_values = true
    )]
    pub base_url: Option<String>,
    /// The token in the webhooks' address.
    #[arg(long, env = "HANDOFF_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The secret with the API keys (output SecretsArn).
    #[arg(long, value_name = "ARN", env = "SECRETS_ARN")]
    pub secret_arn: Option<String>,
    /// The secret itself, for local use: then http and local addresses may be called, too.
    #[arg(
        long,
        value_name = "JSON",
        env = "SECRETS_JSON",
        hide_env_values = true,
        conflicts_with = "secret_arn"
    )]
    pub secrets_json: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// What the checks of a deployment stand on.
struct Ground {
    address: Option<Address>,
    store: Option<Store>,
    secrets: Option<SecretsSource>,
    /// What the functions may call with that secret.
    targets: Targets,
}

/// Checks what is given.
///
/// # Errors
/// When nothing is given, or it cannot be read.
pub async fn run(options: &Options) -> Result<Report, Error> {
    let outputs = options.deployment.resolve()?;
    let base_url = options.base_url.clone().or(outputs.base_url);
    let arn = match &options.secrets_json {
        Some(_) => None,
        None => options.secret_arn.clone().or(outputs.secret_arn),
    };
    let secret_given = options.secrets_json.is_some() || arn.is_some();
    if base_url.is_none() && !secret_given && outputs.table.is_none() {
        return Err(Error::Usage(
            "nothing to check: give --stack, --outputs, --base-url, --table or --secret-arn"
                .to_owned(),
        ));
    }
    let address = base_url
        .map(|url| Address::parse(&url, options.token.as_deref()))
        .transpose()
        .map_err(Error::Usage)?;
    let clock = SystemClock::shared();
    let aws = match (&arn, &outputs.table) {
        (None, None) => None,
        _ => Some(aws::sdk_config().await),
    };
    let store = aws.as_ref().zip(outputs.table).map(|(aws, table)| {
        Store::new(
            Client::new(aws),
            table,
            clock.clone(),
            Random::from_entropy(),
        )
    });
    let given = options.secrets_json.as_deref().map(Secrets::parse);
    let (secrets, targets, mut checks) = match (given, aws.zip(arn)) {
        (Some(Ok(secrets)), _) => {
            let source = SecretsSource::given(secrets, clock);
            (Some(source), Targets::Local, Vec::new())
        }
        (Some(Err(error)), _) => (None, Targets::Local, vec![secret::unreadable(&error)]),
        (None, Some((aws, arn))) => {
            let client = aws_sdk_secretsmanager::Client::new(&aws);
            let source = SecretsSource::manager(client, arn, clock);
            (Some(source), Targets::Public, Vec::new())
        }
        (None, None) => (None, Targets::Public, Vec::new()),
    };
    let ground = Ground {
        address,
        store,
        secrets,
        targets,
    };
    let mut report = check(&ground).await?;
    checks.append(&mut report.checks);
    Ok(Report { checks })
}

async fn check(ground: &Ground) -> Result<Report, Error> {
    // A second call finds the provider installed: as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(Policy::none())
        .user_agent(concat!("handoff-operator/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let mut checks = Vec::new();
    match &ground.address {
        Some(address) => {
            checks.extend(webhooks::check(&http, address).await);
            checks.extend(console::check(&http, address).await);
        }
        None => checks.push(Check::skipped(
            "webhooks",
            "no address given (--base-url or --stack)",
        )),
    }
    let mut secrets: Option<Arc<Secrets>> = None;
    match &ground.secrets {
        Some(source) => {
            let (found, read) = secret::check(source, ground.targets).await;
            checks.extend(found);
            if let Some(read) = &read {
                checks.extend(gptbots::check(&http, read, ground.targets).await);
            }
            secrets = read;
        }
        None => checks.push(Check::skipped(
            "secret",
            "none given (--secret-arn or --stack)",
        )),
    }
    match &ground.store {
        Some(store) => {
            let found = table::check(store).await;
            let there = !found.iter().any(|check| check.state == State::Failed);
            checks.extend(found);
            checks.extend(settings::check(store, secrets.as_deref(), ground.targets).await?);
            if there {
                checks.extend(table::traffic(store).await);
            }
        }
        None => checks.push(Check::skipped("table", "none given (--table or --stack)")),
    }
    Ok(Report { checks })
}
