//! The secret with the API keys and the desks' credentials.

use std::sync::Arc;

use handoff::outbound::{Guard, Targets};
use handoff::secrets::{ANY_BOT, Secrets, SecretsError, SecretsSource};

use super::report::Check;

const AREA: &str = "secret";
const SHAPE: &str = r#"it has to be {"bots": {"*": {"api_key": "…", "base_url": "https://api-sg.gptbots.ai"}}, "desks": {}}; put it in anew with "aws secretsmanager put-secret-value""#;

/// Reads the secret; what the other checks need of it.
pub(super) async fn check(
    source: &SecretsSource,
    targets: Targets,
) -> (Vec<Check>, Option<Arc<Secrets>>) {
    let secrets = match source.get().await {
        Ok(secrets) => secrets,
        Err(error) => return (vec![unreadable(&error)], None),
    };
    let bots = secrets.bots();
    if bots.is_empty() {
        let none = Check::failed(
            AREA,
            "it has no API key: nothing can be sent to any user",
            format!("put your bot's key in: {SHAPE}"),
        );
        return (vec![none], Some(secrets));
    }
    let mut checks = Vec::new();
    for (name, bot) in &bots {
        if let Err(refusal) = Guard::new(targets).check(&bot.base_url) {
            checks.push(Check::failed(
                AREA,
                format!("base_url of {} {refusal}", called(name)),
                "use https://api-sg.gptbots.ai, https://api-th.gptbots.ai, https://api-jp.gptbots.ai, or your white label's public https address",
            ));
        }
    }
    if checks.is_empty() {
        checks.push(Check::ok(
            AREA,
            format!("it can be read; keys: {}", bots.len()),
        ));
    }
    (checks, Some(secrets))
}

/// What to call a bot of the secret.
pub(super) fn called(name: &str) -> String {
    if name == ANY_BOT {
        "all other bots (*)".to_owned()
    } else {
        format!("bot {name}")
    }
}

pub(super) fn unreadable(error: &SecretsError) -> Check {
    let advice = match error {
        SecretsError::Invalid { .. } => SHAPE,
        SecretsError::Unavailable(code) => match code.as_str() {
            "ResourceNotFoundException" => {
                "there is no such secret: compare --secret-arn with the output SecretsArn, and the region"
            }
            "AccessDeniedException" => {
                "your credentials may not read it: you need secretsmanager:GetSecretValue on it"
            }
            "InvalidRequestException" => {
                "it is being deleted: restore it with \"aws secretsmanager restore-secret\""
            }
            _ => "check your AWS credentials, the region and the connection",
        },
    };
    Check::failed(AREA, error.to_string(), advice)
}
