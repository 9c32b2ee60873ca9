//! `cargo run -p operator -- <command>`: the operator's command line.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use operator::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let mut out = String::new();
    let cli = Cli::parse();
    let result = match trust() {
        Ok(()) => cli.run(&mut out).await,
        Err(error) => Err(error),
    };
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

/// Trusts whom this machine is told to trust, as the AWS CLI and OpenSSL do, beside the public
/// authorities.
fn trust() -> Result<(), operator::Error> {
    let named = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
        .into_iter()
        .find_map(|name| {
            let file = std::env::var_os(name).filter(|file| !file.is_empty())?;
            Some((name, file))
        });
    let Some((name, file)) = named else {
        return Ok(());
    };
    handoff::tls::trust(Path::new(&file))
        .map_err(|error| operator::Error::Usage(format!("{name}: {error}")))
}
