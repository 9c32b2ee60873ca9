//! The operator's command line: what is done to a deployment from outside, by somebody with AWS
//! credentials. A program of its own, so that it compiles without the sandbox's database and web
//! server.
//!
//! A command is a module with its options and a `run`. Nothing here prints a token, a key or a
//! text of a conversation: ids only.

pub mod aws;
pub mod doctor;
pub mod replay;
pub mod settings;
mod since;

use clap::{Parser, Subcommand};

/// Looks after a deployment of Handoff for GPTBots.
///
/// AWS credentials and region come from where the AWS SDK looks for them; where it finds none in
/// the environment and the AWS CLI is installed, from `aws configure export-credentials` (so single
/// sign-on profiles work: `aws sso login` first).
#[derive(Debug, Parser)]
#[command(name = "operator", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks a deployment from outside, and says what to mend. Changes nothing.
    Doctor(doctor::Options),
    /// Sends again what was not delivered. Without --yes it only says what that would be.
    Replay(replay::Options),
    /// Reads, checks and writes the settings.
    Settings(settings::Options),
}

impl Cli {
    /// Does what the command line asks for, and writes the outcome to `out`. Whether all is well.
    ///
    /// # Errors
    /// When it could not be done at all; the error is for people.
    pub async fn run(self, out: &mut String) -> Result<bool, Error> {
        match self.command {
            Command::Doctor(options) => {
                let report = doctor::run(&options).await?;
                out.push_str(&report.show(options.json));
                Ok(report.is_well())
            }
            Command::Replay(options) => {
                let done = replay::run(&options).await?;
                out.push_str(&done.show(&options));
                Ok(done.errors.is_empty())
            }
            Command::Settings(options) => {
                let done = settings::run(&options).await?;
                out.push_str(&done.show());
                Ok(done.is_well())
            }
        }
    }
}

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is missing, or cannot be used, on the command line.
    #[error("{0}")]
    Usage(String),
    /// The outputs of the stack cannot be had.
    #[error("the stack's outputs: {0}")]
    Outputs(String),
    /// The table does not answer.
    #[error("the table: {0}; check its name, the region and your credentials")]
    Store(#[from] handoff::store::StoreError),
    /// TLS cannot be set up.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[from] reqwest::Error),
}
