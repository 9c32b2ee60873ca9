//! The emulated AWS account: MiniStack, a process of our own.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::error::{Error, failed};

/// Its port. Nobody else is in this network.
pub(crate) const PORT: u16 = 4566;

/// Its address for administrators; the functions never see it.
pub(crate) fn url() -> String {
    format!("http://127.0.0.1:{PORT}")
}

/// Starts it and waits until it answers. It ends when the handle is dropped.
///
/// With `AUTH` it enforces IAM: each function calls AWS with the session of its own role, signed,
/// and what the role's policies do not allow is denied.
pub(crate) async fn start(folder: &Path) -> Result<Child, Error> {
    let log = File::create(folder.join("emulator.log"))?;
    // It unpacks the functions there, under names that other runs on this machine use, too.
    let scratch = folder.join("tmp");
    std::fs::create_dir_all(&scratch)?;
    let child = Command::new("ministack")
        .env("TMPDIR", scratch)
        .env("AUTH", "true")
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", PORT.to_string())
        // Lambda sets it from the template's LoggingConfig, the emulator does not: the functions
        // inherit it from here. The most talkative level, for the search for marked values.
        .env("AWS_LAMBDA_LOG_LEVEL", "TRACE")
        // The functions inherit it, too, and must find their certificates by the template alone.
        .env_remove("SSL_CERT_FILE")
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Error::Failed(format!("ministack cannot be started: {error}")))?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    for _ in 0..240 {
        let health = http.get(format!("{}/_ministack/health", url()));
        if health
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            return Ok(child);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    failed("ministack does not answer; see emulator.log")
}
