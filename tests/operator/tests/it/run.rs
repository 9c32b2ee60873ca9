//! Running the program.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

/// What the program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program with made-up credentials and nothing else of this machine's environment.
pub(crate) async fn operator(arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_operator"))
        .args(arguments)
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_REGION", local_aws::REGION)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The doctor's report.
pub(crate) struct Report {
    code: i32,
    checks: Vec<Value>,
}

/// Runs the doctor.
pub(crate) async fn doctor(arguments: &[&str], environment: &[(&str, &str)]) -> Report {
    let arguments: Vec<&str> = [&["doctor", "--json"], arguments].concat();
    let said = operator(&arguments, environment).await;
    let json: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_eq!(json["ok"] == true, said.code == 0, "{said:?}");
    Report {
        code: said.code,
        checks: json["checks"].as_array().unwrap().clone(),
    }
}

impl Report {
    /// That there is a check of this area in this state, whose words contain these.
    pub(crate) fn says(&self, area: &str, state: &str, words: &str) {
        let says = |check: &Value| {
            let advice = check["advice"].as_str().unwrap_or_default();
            let said = format!("{} -> {advice}", check["found"].as_str().unwrap());
            check["area"] == area && check["state"] == state && said.contains(words)
        };
        assert!(
            self.checks.iter().any(says),
            "no {state} of {area} says {words:?}: {:#?}",
            self.checks
        );
    }

    /// That nothing failed, or that something did.
    pub(crate) fn is_well(&self, well: bool) {
        assert_eq!(self.code == 0, well, "{:#?}", self.checks);
    }
}
