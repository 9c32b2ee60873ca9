//! The AWS CLI, which the README's steps use, too.

use serde_json::Value;
use tokio::process::Command;

use crate::emulator;
use crate::error::{Error, ensure};
use crate::world::{LAMBDA_CERTIFICATES, REGION};

/// Settings for programs that administrate the account: `sam` and `aws`.
pub(crate) fn administrator(command: &mut Command) -> &mut Command {
    command
        .env("AWS_ENDPOINT_URL", emulator::url())
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        // The emulator's root.
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("AWS_SESSION_TOKEN")
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_PAGER", "")
}

/// Calls AWS as the account's administrator; the answer's JSON, `null` where it has none.
pub(crate) async fn aws(arguments: &[&str]) -> Result<Value, Error> {
    let mut command = Command::new("aws");
    administrator(&mut command);
    call(command, arguments).await
}

/// Calls AWS with the credentials that a running function has.
pub(crate) async fn as_function(process: &Process, arguments: &[&str]) -> Result<Value, Error> {
    let mut command = Command::new("aws");
    administrator(&mut command);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        command.env(name, process.variable(name).unwrap_or_default());
    }
    call(command, arguments).await
}

async fn call(mut command: Command, arguments: &[&str]) -> Result<Value, Error> {
    if arguments.first() == Some(&"sqs") {
        // Through the TLS that the queues' policy asks for. This client's own idea of the host is
        // an old one.
        command.env("AWS_CA_BUNDLE", LAMBDA_CERTIFICATES);
        command.args([
            "--endpoint-url",
            &format!("https://sqs.{REGION}.amazonaws.com"),
        ]);
    }
    let output = command
        .args(["--output", "json"])
        .args(arguments)
        .output()
        .await
        .map_err(|error| Error::Failed(format!("aws cannot be started: {error}")))?;
    ensure(output.status.success(), || {
        format!(
            "aws {}: {}",
            arguments
                .iter()
                .take(2)
                .copied()
                .collect::<Vec<_>>()
                .join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )
    })?;
    if output.stdout.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A running process of a function.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its number in this namespace.
    pub(crate) id: u32,
    environment: Vec<(String, String)>,
}

impl Process {
    /// An environment variable, as the operating system has it.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn read(id: u32) -> Option<Self> {
        // Processes come and go meanwhile.
        let raw = std::fs::read(format!("/proc/{id}/environ")).ok()?;
        let environment = raw
            .split(|byte| *byte == 0)
            .filter_map(|pair| {
                let pair = String::from_utf8_lossy(pair);
                let (name, value) = pair.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        Some(Self { id, environment })
    }
}

/// All processes of a function that run right now.
pub(crate) fn processes_of(function: &str) -> Result<Vec<Process>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok());
        found.extend(id.and_then(Process::read));
    }
    found.retain(|process| process.variable("AWS_LAMBDA_FUNCTION_NAME") == Some(function));
    Ok(found)
}
