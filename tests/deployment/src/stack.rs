//! The stack: built and deployed as the README says, with the SAM CLI.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::aws::{administrator, aws};
use crate::error::{Error, ensure, failed};
use crate::report::say;
use crate::world::REGION;

/// The stack's name.
pub(crate) const NAME: &str = "handoff";

/// Builds the functions as they ship: release profile, cargo-lambda. For x86, which runs here.
pub(crate) fn build(folder: &Path) -> Result<(), Error> {
    let began = Instant::now();
    // SAM builds one function after the other, each a link of a minute on one processor: all at once
    // before, it only has to copy them.
    let status = std::process::Command::new("cargo")
        .args(["lambda", "build", "--release"])
        .status()
        .map_err(|error| Error::Failed(format!("cargo cannot be started: {error}")))?;
    ensure(status.success(), || {
        format!("cargo lambda build --release: {status}")
    })?;
    say(&format!(
        "cargo lambda build took {:.0} s",
        began.elapsed().as_secs_f32()
    ));
    let began = Instant::now();
    let status = std::process::Command::new("sam")
        .args(["build", "--parameter-overrides", "Architecture=x86_64"])
        .arg("--build-dir")
        .arg(folder.join("build"))
        .env("SAM_CLI_TELEMETRY", "0")
        .status()
        .map_err(|error| Error::Failed(format!("sam cannot be started: {error}")))?;
    ensure(status.success(), || format!("sam build: {status}"))?;
    say(&format!(
        "sam build took {:.0} s",
        began.elapsed().as_secs_f32()
    ));
    Ok(())
}

/// Makes a copy of the built template that the emulator understands as AWS understands the
/// original. Each change with its reason:
///
/// - `!Ref` of a secret is its ARN on AWS and its name here, which fits no policy;
///   `!GetAtt Secrets.Id` is the ARN on both.
pub(crate) fn adapt(folder: &Path) -> Result<PathBuf, Error> {
    let built = folder.join("build");
    let template = fs::read_to_string(built.join("template.yaml"))?;
    let adapted = spell_out_secret(&template);
    ensure(adapted != template, || {
        "the template refers to no secret".to_owned()
    })?;
    let path = built.join("emulated.yaml");
    fs::write(&path, adapted)?;
    Ok(path)
}

fn spell_out_secret(template: &str) -> String {
    let mut adapted = String::new();
    for line in template.split_inclusive('\n') {
        // SAM writes the long form on a line of its own.
        match line.trim_end().strip_suffix("Ref: Secrets") {
            Some(before) => adapted.push_str(&format!("{before}Fn::GetAtt: [Secrets, Id]\n")),
            None => adapted.push_str(line),
        }
    }
    adapted
}

/// The hash that the functions know a webhook token by.
pub(crate) fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Deploys the template, or updates the stack, with these parameters.
pub(crate) async fn deploy(template: &Path, parameters: &[(&str, String)]) -> Result<(), Error> {
    let mut command = Command::new("sam");
    administrator(&mut command)
        .args([
            "deploy",
            "--stack-name",
            NAME,
            "--region",
            REGION,
            "--resolve-s3",
        ])
        .args(["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"])
        .args(["--no-fail-on-empty-changeset", "--no-progressbar"])
        .arg("--template-file")
        .arg(template)
        .arg("--parameter-overrides")
        .args(
            parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
    let output = command.output().await?;
    ensure(output.status.success(), || {
        format!(
            "sam deploy: {}\n{}",
            String::from_utf8_lossy(&output.stdout).trim(),
            String::from_utf8_lossy(&output.stderr).trim()
        )
    })
}

/// The deployed stack.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    described: Value,
    resources: Value,
}

impl Stack {
    /// Reads what was deployed.
    pub(crate) async fn describe() -> Result<Self, Error> {
        let stacks = aws(&["cloudformation", "describe-stacks", "--stack-name", NAME]).await?;
        let resources = aws(&[
            "cloudformation",
            "list-stack-resources",
            "--stack-name",
            NAME,
        ])
        .await?;
        Ok(Self {
            described: stacks["Stacks"][0].clone(),
            resources: resources["StackResourceSummaries"].clone(),
        })
    }

    /// Everything that CloudFormation shows of the stack: outputs, parameters, descriptions.
    pub(crate) fn shown(&self) -> String {
        format!("{}\n{}", self.described, self.resources)
    }

    /// An output's value.
    pub(crate) fn output(&self, key: &str) -> Result<String, Error> {
        let outputs = self.described["Outputs"].as_array();
        let found = outputs.and_then(|all| all.iter().find(|output| output["OutputKey"] == key));
        match found.and_then(|output| output["OutputValue"].as_str()) {
            Some(value) => Ok(value.to_owned()),
            None => failed(format!("the stack has no output {key}")),
        }
    }

    /// What a resource of the template is called in the account.
    pub(crate) fn physical(&self, logical_id: &str) -> Result<String, Error> {
        let resources = self.resources.as_array();
        let found = resources.and_then(|all| {
            all.iter()
                .find(|one| one["LogicalResourceId"] == logical_id)
        });
        match found.and_then(|one| one["PhysicalResourceId"].as_str()) {
            Some(value) => Ok(value.to_owned()),
            None => failed(format!("the stack has no resource {logical_id}")),
        }
    }

    /// The logical ids of all resources of a type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<String> {
        let resources = self.resources.as_array().into_iter().flatten();
        resources
            .filter(|one| one["ResourceType"] == kind)
            .filter_map(|one| one["LogicalResourceId"].as_str().map(str::to_owned))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_to_the_secret_are_spelled_out() {
        let template =
            "a:\n  Ref: Secrets\nb:\n  - Ref: SecretsTable\nc: Secrets\n- Ref: Secrets\n";
        assert_eq!(
            spell_out_secret(template),
            "a:\n  Fn::GetAtt: [Secrets, Id]\nb:\n  - Ref: SecretsTable\nc: Secrets\n- Fn::GetAtt: [Secrets, Id]\n"
        );
    }
}
