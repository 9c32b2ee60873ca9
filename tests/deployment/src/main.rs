//! `cargo run -p deployment`: the stack, deployed with the SAM CLI into an emulated AWS account,
//! with GPTBots, its user and an agent around it.
//!
//! The emulator (MiniStack) is not AWS, so every check says what it rests on. What it lacks is
//! added here and never in the product:
//!
//! - [`world`]: a network of its own (a Linux namespace), in which the names of AWS and GPTBots
//!   lead to this machine. So the functions run as they ship: no endpoint in their environment, TLS
//!   everywhere, and GPTBots at a public address, since a deployed relay calls no other. Nothing
//!   leaves the machine.
//! - [`edge`]: the TLS in front of the emulator and of GPTBots.
//! - [`stack`]: small changes to a copy of the built template, each with its reason.
//!
//! Needs `sam`, `aws`, `ministack` and, to build, `cargo-lambda` on the PATH, and Linux with user
//! namespaces.

mod agent;
mod aws;
mod browser;
mod checks;
mod edge;
mod emulator;
mod error;
mod marks;
mod report;
mod stack;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::error::Error;

/// Deploys the stack into an emulated AWS account and tries it from outside.
#[derive(Debug, Parser)]
struct Arguments {
    /// Do not build the functions: use what an earlier run built.
    #[arg(long)]
    built: bool,
    /// Where the built template goes, and the emulator's own log.
    #[arg(long, default_value = "target/deployment")]
    folder: PathBuf,
    /// Only checks whose name contains this (and what they need).
    #[arg(long)]
    only: Option<String>,
    /// Set by the program itself once it is inside its own network.
    #[arg(long, hide = true)]
    inside: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::say(&format!("deployment: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all checks passed.
fn run(arguments: &Arguments) -> Result<bool, Error> {
    std::fs::create_dir_all(&arguments.folder)?;
    let folder = arguments.folder.canonicalize()?;
    if !arguments.inside {
        if !arguments.built {
            stack::build(&folder)?;
        }
        return world::enter(&folder, arguments.only.as_deref());
    }
    // An error means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let world = world::World::furnish(&folder)?;
        checks::all(&world, &folder, arguments.only.as_deref()).await
    })
}
