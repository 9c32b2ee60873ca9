//! `cargo run -p sandbox`: the whole bridge on one machine.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use sandbox::cli::{Arguments, Command};
use sandbox::{Error, Sandbox};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    handoff::telemetry::init_to_stderr(arguments.log.as_deref());
    // For a real GPTBots, or a real desk, behind a company's firewall.
    if let Some(file) = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty())
        && let Err(error) = handoff::tls::trust(file.as_ref())
    {
        let _ = writeln!(std::io::stderr(), "sandbox: SSL_CERT_FILE: {error}");
        return ExitCode::FAILURE;
    }
    let result = match &arguments.command {
        Some(Command::CreateTable {
            dynamodb_url,
            table,
        }) => create_table(dynamodb_url, table).await,
        None => run(&arguments).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Error> {
    let sandbox = Sandbox::start(arguments.options()?).await?;
    say(&sandbox.ready_line());
    let _ = writeln!(
        std::io::stderr(),
        "Open {} to be the user and the agent; Ctrl-C stops.",
        sandbox.start_url()
    );
    if let Some(sign_in) = &sandbox.sign_in {
        let _ = writeln!(
            std::io::stderr(),
            "Agents sign in at {}.",
            sign_in.provider.issuer()
        );
    }
    stop_signal().await?;
    sandbox.shutdown().await;
    Ok(())
}

async fn create_table(dynamodb_url: &str, table: &str) -> Result<(), Error> {
    let client = local_aws::sdk::dynamodb(dynamodb_url);
    let made = handoff::store::schema::create_table(&client, table).await?;
    say(if made { "created" } else { "was there already" });
    Ok(())
}

/// To stdout, at once: others read it to know when to go on. Nobody reading is no reason to stop.
fn say(line: &str) {
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{line}");
    let _ = stdout.flush();
}

async fn stop_signal() -> Result<(), Error> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
