//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::faults::{self, Fault, Target};
use crate::{Error, Options, SignInOptions};

/// The whole bridge on one machine: the functions' own handlers behind an HTTP API, an embedded
/// DynamoDB, and a stand-in for GPTBots.
#[derive(Debug, Parser)]
#[command(name = "sandbox", version, args_override_self = true)]
pub struct Arguments {
    /// Something else to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run.
    #[command(flatten)]
    pub run: Run,
    /// Log level on stderr: error, warn, info, debug or trace.
    #[arg(long, global = true, default_value = "warn")]
    pub log: Option<String>,
}

/// What the sandbox can do beside running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes the table in a DynamoDB, with its indexes, stream and TTL.
    CreateTable {
        /// Where DynamoDB is.
        #[arg(long, value_name = "URL")]
        dynamodb_url: String,
        /// The table's name.
        #[arg(long, value_name = "NAME")]
        table: String,
    },
}

/// How to run the sandbox.
#[derive(Debug, Args)]
pub struct Run {
    /// The bridge's port: webhooks, console and start page.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// The port of the stand-in for GPTBots: the user's page and the two calls.
    #[arg(long, default_value_t = 8788)]
    gptbots_port: u16,
    /// The token in the webhooks' path; made up where none is given.
    #[arg(long)]
    token: Option<String>,
    /// The desks, separated by commas; handoffs go to the first. "slack" is a stand-in for that kind
    /// of desk, "slack-jp=slack" one by another name.
    #[arg(long, default_value = "console")]
    desk: String,
    /// The port of the stand-in for a desk; further ones have the ports behind it.
    #[arg(long, default_value_t = 8790)]
    desk_port: u16,
    /// API keys, as in the deployed secret: {"bots": {"*": {"api_key": "…"}}}.
    #[arg(long, value_name = "JSON")]
    secrets_json: Option<String>,
    /// Send replies to this GPTBots instead of the stand-in.
    #[arg(long, value_name = "URL")]
    gptbots_url: Option<String>,
    /// Use this DynamoDB, and its Streams, instead of the embedded one.
    #[arg(long, value_name = "URL")]
    dynamodb_url: Option<String>,
    /// Keep the embedded DynamoDB in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "dynamodb_url")]
    data: Option<PathBuf>,
    /// Let agents sign in, with a stand-in for an OpenID Connect provider; without it everybody is
    /// an agent.
    #[arg(long)]
    sign_in: bool,
    /// The port of that stand-in.
    #[arg(long, default_value_t = 8789, requires = "sign_in")]
    sign_in_port: u16,
    /// How often the clock ticks, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    clock_seconds: u64,
    /// How long the functions use the settings before they read them again, in seconds; 0: a change
    /// counts at once.
    #[arg(long, default_value_t = 60)]
    settings_seconds: u64,
    /// How long the stand-in waits for a first reply before it ends the conversation, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    waiting_timeout_seconds: u64,
    /// How often the stand-in sends a webhook again that was not answered 200.
    #[arg(long, default_value_t = 0)]
    webhook_retries: u32,
    /// What goes wrong, such as "gptbots:503@10s..20s, relay:kill=2%"; the start page has them all.
    #[arg(long, value_name = "FAULTS")]
    faults: Option<String>,
    /// What the choices of faults follow from; any where none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Lose, double, delay and reorder bells: short for --seed SEED and some --faults of bells.
    #[arg(long, value_name = "SEED", conflicts_with = "seed")]
    chaos: Option<u64>,
}

impl Arguments {
    /// The options that these arguments mean.
    ///
    /// # Errors
    /// When one of them cannot be used; the error names it.
    pub fn options(&self) -> Result<Options, Error> {
        let run = &self.run;
        let token = match &run.token {
            Some(token) => token.clone(),
            None => Options::default().token,
        };
        if token.is_empty()
            || !token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
        {
            return Err(Error::Argument(
                "--token must consist of letters, digits and -_.~ (it stands in a path)",
            ));
        }
        let mut faults = faults::parse(run.faults.as_deref().unwrap_or_default())?;
        if run.chaos.is_some() {
            faults.extend(faults::parse(faults::ROUGH_BELLS)?);
        }
        let not_ours = |fault: &Fault| matches!(fault.target, Target::GptBots | Target::Webhooks);
        if run.gptbots_url.is_some() && faults.iter().any(not_ours) {
            return Err(Error::Argument(
                "--faults: gptbots and webhooks are those of the stand-in, which --gptbots-url replaces",
            ));
        }
        Ok(Options {
            port: run.port,
            gptbots_port: run.gptbots_port,
            token,
            desk: run.desk.clone(),
            desk_port: run.desk_port,
            secrets_json: run.secrets_json.clone(),
            gptbots_url: run.gptbots_url.clone(),
            dynamodb_url: run.dynamodb_url.clone(),
            data: run.data.clone(),
            clock_interval: Duration::from_secs(run.clock_seconds),
            settings_interval: Duration::from_secs(run.settings_seconds),
            sign_in: run.sign_in.then(|| SignInOptions {
                port: run.sign_in_port,
                ..SignInOptions::default()
            }),
            waiting_timeout: Duration::from_secs(run.waiting_timeout_seconds),
            webhook_retries: run.webhook_retries,
            faults,
            seed: run.seed.or(run.chaos),
            ..Options::default()
        })
    }
}
