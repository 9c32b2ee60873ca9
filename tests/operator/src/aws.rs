//! Which deployment is meant, and how to reach it.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::Error;

/// For up to eight addresses, from the other side of the world.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Names a deployment.
#[derive(Debug, Clone, Default, Args)]
pub struct Deployment {
    /// The stack, whose outputs name the rest; asks the AWS CLI for them.
    #[arg(long, value_name = "NAME", conflicts_with = "outputs")]
    pub stack: Option<String>,
    /// The stack's outputs in a file, or "-" for stdin, as "aws cloudformation describe-stacks" or
    /// "sam list stack-outputs --output json" print them.
    #[arg(long, value_name = "FILE")]
    pub outputs: Option<PathBuf>,
    /// The table (output TableName).
    #[arg(long, value_name = "NAME", env = "TABLE_NAME")]
    pub table: Option<String>,
}

/// What the outputs of a stack tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// `WebhookBaseUrl`.
    pub base_url: Option<String>,
    /// `SecretsArn`.
    pub secret_arn: Option<String>,
    /// `TableName`.
    pub table: Option<String>,
    /// `FilesBucketName`.
    pub bucket: Option<String>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(rename = "OutputKey")]
    key: String,
    #[serde(rename = "OutputValue")]
    value: String,
}

impl Deployment {
    /// What is given, or what the stack's outputs say in its place.
    ///
    /// # Errors
    /// When the outputs are asked for and cannot be had.
    pub fn resolve(&self) -> Result<Outputs, Error> {
        let text = match (&self.stack, &self.outputs) {
            (Some(stack), _) => Some(describe(stack)?),
            (None, Some(file)) if file.as_os_str() == "-" => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|error| Error::Outputs(error.to_string()))?;
                Some(text)
            }
            (None, Some(file)) => Some(std::fs::read_to_string(file).map_err(|error| {
                Error::Outputs(format!("{} cannot be read: {error}", file.display()))
            })?),
            (None, None) => None,
        };
        let mut outputs = text
            .as_deref()
            .map(parse_outputs)
            .transpose()?
            .unwrap_or_default();
        outputs.table = self.table.clone().or(outputs.table);
        Ok(outputs)
    }
}

/// Reads the outputs of a stack, in any of the shapes that the AWS CLI and the SAM CLI give them.
///
/// # Errors
/// When it is something else.
pub fn parse_outputs(text: &str) -> Result<Outputs, Error> {
    let wrong = || Error::Outputs("neither the AWS CLI's nor the SAM CLI's JSON".to_owned());
    let json: Value = serde_json::from_str(text).map_err(|_| wrong())?;
    let list = if json.is_array() {
        &json
    } else {
        &json["Stacks"][0]["Outputs"]
    };
    let list: Vec<Output> = Deserialize::deserialize(list).map_err(|_| wrong())?;
    let mut outputs = Outputs::default();
    for Output { key, value } in list {
        match key.as_str() {
            "WebhookBaseUrl" => outputs.base_url = Some(value),
            "SecretsArn" => outputs.secret_arn = Some(value),
            "TableName" => outputs.table = Some(value),
            "FilesBucketName" => outputs.bucket = Some(value),
            _ => {}
        }
    }
    Ok(outputs)
}

fn describe(stack: &str) -> Result<String, Error> {
    let arguments = [
        "cloudformation",
        "describe-stacks",
        "--output",
        "json",
        "--stack-name",
        stack,
    ];
    let output = Command::new("aws")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Error::Outputs(format!(
                "--stack needs the AWS CLI ({error}); without it give --outputs, or --base-url, --table and --secret-arn"
            ))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Outputs(said.trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The SDK's configuration, with the patience of a person at a distance.
///
/// Looks where the functions do, and in a person's profiles as well. The SDK is built without its
/// support for single sign-on and for programs that hand out credentials: with it the functions,
/// built beside this, would carry a second HTTP stack. The AWS CLI knows both, so it is asked where
/// the environment has no credentials.
pub async fn sdk_config() -> SdkConfig {
    let patience = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(30))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(handoff::aws::http_client(CONNECT_TIMEOUT))
        .retry_config(handoff::aws::retries())
        .timeout_config(patience);
    if let Some(credentials) = from_the_cli() {
        loader = loader.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    loader.load().await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// What the AWS CLI hands out; `None` where the environment has credentials, or there is no CLI, or
/// it has none either. The SDK then looks on by itself and says what is missing.
fn from_the_cli() -> Option<Credentials> {
    let given = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if given.iter().any(is_set) {
        return None;
    }
    let output = Command::new("aws")
        .args(["configure", "export-credentials", "--format", "process"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let exported: Exported = serde_json::from_slice(&output.stdout).ok()?;
    Some(Credentials::new(
        exported.access_key_id,
        exported.secret_access_key,
        exported.session_token,
        None,
        "aws-cli",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_as_either_cli_prints_them() {
        let list = r#"[{"OutputKey":"TableName","OutputValue":"t","Description":"d"},
            {"OutputKey":"WebhookBaseUrl","OutputValue":"https://x/YOUR_TOKEN"},
            {"OutputKey":"SecretsArn","OutputValue":"arn:s"},{"OutputKey":"Other","OutputValue":""}]"#;
        let expected = Outputs {
            base_url: Some("https://x/YOUR_TOKEN".to_owned()),
            secret_arn: Some("arn:s".to_owned()),
            table: Some("t".to_owned()),
            bucket: None,
        };
        assert_eq!(parse_outputs(list).unwrap(), expected);
        let stacks = format!(r#"{{"Stacks":[{{"StackName":"s","Outputs":{list}}}]}}"#);
        assert_eq!(parse_outputs(&stacks).unwrap(), expected);
        assert!(parse_outputs("{}").is_err());
        assert!(parse_outputs("Stack not found").is_err());
    }
}
