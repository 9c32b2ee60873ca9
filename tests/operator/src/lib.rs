//! The operator's command line: what is done to a deployment from outside, by somebody with AWS
//! credentials. A program of its own, so that it compiles without the sandbox's database and web
//! server.
//!
//! A command is a module with its options and a `run`. Nothing here prints a token or a key, and
//! only `export`, which is for that, a text of a conversation: else ids only.

pub mod aws;
pub mod doctor;
pub mod erase;
pub mod export;
pub mod replay;
pub mod settings;
mod since;
mod whom;

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
    /// Hands out all that is kept of a conversation, or of a person.
    Export(export::Options),
    /// Erases all that was written about a conversation, or a person. Without --yes it only says what
    /// that would be.
    Erase(erase::Options),
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
            Command::Export(options) => {
                out.push_str(&export::run(&options).await?);
                Ok(true)
            }
            Command::Erase(options) => {
                let done = erase::run(&options).await?;
                out.push_str(&done.show(&options));
                Ok(done.is_well(&options))
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
    /// What was to be erased is not.
    #[error("not erased: {0}; what is gone is gone, run it again for the rest")]
    Erasure(#[from] handoff::erasure::ErasureError),
    /// A file cannot be written.
    #[error("{0}")]
    File(String),
    /// TLS cannot be set up.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[from] reqwest::Error),
}
