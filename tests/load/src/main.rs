//! A load driver for the bridge.
//!
//! It is both ends at once: GPTBots, which sends users' lines to the webhooks and takes replies on
//! a listener of its own, and the agents, who write through the console's API. It sends on a
//! schedule that does not wait for answers (an open loop): what a message has to wait because
//! others are slow is counted from the moment it was due. At the end it compares both sides: what
//! was accepted must have arrived, in order, once.
//!
//! - `load` starts a sandbox (`cargo build --release -p sandbox` makes it) and measures what one
//!   message costs it;
//! - `load --bridge … --console …` drives any other bridge, a deployed one too;
//! - `load curve` measures the cost of a message while more and more conversations are open.

mod bridge;
mod check;
mod gptbots;
mod options;
mod plan;
mod report;
mod run;
mod spawned;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use options::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    // An error means that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        None => run::once(&arguments.load).await.map(|report| {
            say(&report.to_string());
            report.holds()
        }),
        Some(Command::Curve { conversations }) => curve(&arguments.load, conversations).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The same load on more and more open conversations, each time on a fresh sandbox.
async fn curve(load: &options::Load, conversations: &[usize]) -> Result<bool, run::Error> {
    let mut holds = true;
    say(report::CURVE_HEAD);
    for conversations in conversations {
        let load = options::Load {
            conversations: *conversations,
            ..load.clone()
        };
        let report = run::once(&load).await?;
        holds &= report.holds();
        say(&report.curve_line());
    }
    Ok(holds)
}

/// To stdout, at once. Nobody reading is no reason to stop.
fn say(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}
