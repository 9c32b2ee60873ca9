//! `cargo run -p operator -- <command>`: the operator's command line.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use operator::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let mut out = String::new();
    let result = Cli::parse().run(&mut out).await;
    let _ = std::io::stdout().write_all(out.as_bytes());
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "operator: {error}");
            ExitCode::FAILURE
        }
    }
}
