//! What the doctor says about the secret and the keys in it.

use serde_json::json;

use crate::run::{doctor, operator};
use crate::stand_in::{StandIn, nobody};

/// What the doctor says about a secret that is given.
async fn about(secrets: &serde_json::Value) -> crate::run::Report {
    doctor(&["--secrets-json", &secrets.to_string()], &[]).await
}

fn of_one_bot(base_url: &str) -> serde_json::Value {
    json!({"bots": {"b1": {"api_key": "hush-hush", "base_url": base_url}}})
}

#[tokio::test]
async fn every_answer_about_a_key_has_its_advice() {
    for (status, body, state, words) in [
        (
            200,
            r#"{"code":0,"data":{"type":"agent"}}"#,
            "ok",
            "the key of bot b1 is valid",
        ),
        (200, "", "ok", "is valid"),
        (401, "", "failed", "make a new key"),
        (
            200,
            r#"{"code":40127,"message":"x"}"#,
            "failed",
            "make a new key",
        ),
        (429, "", "warning", "look again in a minute"),
        (502, "", "warning", "look again in a minute"),
        (404, "", "warning", "does not know the call"),
        (
            200,
            r#"{"code":20055}"#,
            "failed",
            "API channel is switched off",
        ),
        (302, "", "failed", "replies with this key will fail"),
    ] {
        let gptbots = StandIn::always(status, body).await;
        let report = about(&of_one_bot(&gptbots.url)).await;
        report.says("gptbots", state, words);
        report.is_well(state != "failed");
        let asked = gptbots.asked.lock().unwrap().clone();
        assert_eq!(asked, [("/v1/api-key/verify".to_owned(), true)]);
    }
    let report = about(&of_one_bot(&nobody().await)).await;
    report.says("gptbots", "failed", "check base_url");
}

#[tokio::test]
async fn every_fault_of_a_secret_has_its_advice_and_no_key_is_shown() {
    for (secret, words) in [
        (json!({"bots": {}}), "it has no API key"),
        (
            json!({"bot": {"b": {"api_key": "hush-hush"}}}),
            "aws secretsmanager put-secret-value",
        ),
        (json!({"bots": {"b": {"api_key": ["hush-hush"]}}}), "line 1"),
        (
            of_one_bot("api-sg.gptbots.ai"),
            "base_url of bot b1 is not a URL",
        ),
    ] {
        let report = about(&secret).await;
        report.is_well(false);
        report.says("secret", "failed", words);
    }
    let gptbots = StandIn::always(401, r#"{"code":40127,"message":"hush-hush"}"#).await;
    let secret = of_one_bot(&gptbots.url).to_string();
    for json in [&[][..], &["--json"]] {
        let arguments = [&["doctor", "--secrets-json", &secret], json].concat();
        let said = operator(&arguments, &[]).await;
        assert_eq!(said.code, 1);
        assert!(!format!("{said:?}").contains("hush"), "{said:?}");
    }
}

#[tokio::test]
async fn a_secret_that_secrets_manager_does_not_give_has_its_advice() {
    for (kind, words) in [
        ("ResourceNotFoundException", "there is no such secret"),
        (
            "AccessDeniedException",
            "you need secretsmanager:GetSecretValue",
        ),
        ("InvalidRequestException", "restore-secret"),
        ("UnrecognizedClientException", "check your AWS credentials"),
    ] {
        let body = json!({"__type": kind, "message": "m"}).to_string();
        let manager = StandIn::always(400, &body).await;
        let environment = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", manager.url.as_str())];
        let report = doctor(&["--secret-arn", "arn:s"], &environment).await;
        report.is_well(false);
        report.says("secret", "failed", words);
    }
    let secret = json!({"bots": {"*": {"api_key": "hush-hush", "base_url": "http://127.0.0.1:1"}}});
    let manager = StandIn::always(
        200,
        &json!({"SecretString": secret.to_string()}).to_string(),
    )
    .await;
    let environment = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", manager.url.as_str())];
    let report = doctor(&["--secret-arn", "arn:s"], &environment).await;
    // A deployment calls public https addresses only, whatever works from here.
    report.says(
        "secret",
        "failed",
        "base_url of all other bots (*) must begin with https://",
    );
}
