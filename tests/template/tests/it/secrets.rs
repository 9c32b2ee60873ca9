//! No secret stands where people and logs can see it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use template::Template;

/// The environment of the functions besides what all have; none of it is a secret.
const VARIABLES: [(&str, &[&str]); 7] = [
    ("ChatFunction", &["WEBHOOK_TOKEN_SHA256"]),
    ("ClockFunction", &["BELLS_QUEUE_URL"]),
    ("CloseFunction", &["WEBHOOK_TOKEN_SHA256"]),
    (
        "ConsoleFunction",
        &[
            "FILES_BUCKET",
            "SIGN_IN_CLIENT_ID",
            "SIGN_IN_HOSTS",
            "SIGN_IN_ISSUER",
        ],
    ),
    ("DeskFunction", &["SECRETS_ARN", "SECRETS_JSON"]),
    ("EstablishFunction", &["WEBHOOK_TOKEN_SHA256"]),
    (
        "RelayFunction",
        &[
            "BELLS_QUEUE_URL",
            "FILES_BUCKET",
            "SECRETS_ARN",
            "SECRETS_JSON",
        ],
    ),
];
/// The environment that all functions have.
const COMMON: [&str; 4] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "METRICS_STACK",
    "SSL_CERT_FILE",
    "TABLE_NAME",
];
const OUTPUTS: [&str; 8] = [
    "AlarmTopicArn",
    "ConsoleUrl",
    "DashboardUrl",
    "FilesBucketName",
    "SecretsArn",
    "TableName",
    "UserPoolId",
    "WebhookBaseUrl",
];

fn names(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

/// What is wrong with what a template shows.
fn wrong(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    let common = &template.section("Globals")["Function"]["Environment"]["Variables"];
    if names(common) != COMMON.into() {
        wrong.push(format!("all functions: {:?}", names(common)));
    }
    for (id, function) in template.functions() {
        let known = VARIABLES.iter().find(|(function, _)| *function == id);
        let expected = known.map_or(BTreeSet::new(), |(_, names)| {
            names.iter().copied().collect()
        });
        let found = names(&function["Environment"]["Variables"]);
        if found != expected {
            wrong.push(format!("{id}: {found:?}"));
        }
    }
    // Only where there is no deployment.
    for id in ["RelayFunction", "DeskFunction"] {
        let secret = &template.properties(id)["Environment"]["Variables"]["SECRETS_JSON"];
        if Template::text(secret) != r#"IF Local: {"bots":{}} ELSE -"# {
            wrong.push(format!("the secret is in the environment of {id}"));
        }
    }
    let outputs = template.section("Outputs");
    if names(outputs) != OUTPUTS.into() {
        wrong.push(format!("outputs: {:?}", names(outputs)));
    }
    for (place, value) in [
        ("outputs", outputs),
        ("functions", template.section("Globals")),
    ] {
        if value.to_string().contains("{{resolve:") {
            wrong.push(format!("{place} resolve a secret"));
        }
    }
    if outputs.to_string().contains("WebhookTokenSha256") {
        wrong.push("outputs show the token's hash".to_owned());
    }
    // CloudFormation writes it when the secret is made, for everybody to read in the template.
    if template.properties("Secrets")["SecretString"] != r#"{"bots":{}}"# {
        wrong.push("the template holds a secret".to_owned());
    }
    wrong
}

#[test]
fn no_secret_is_in_sight() {
    let wrong = wrong(&Template::of_the_project());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_secret_in_sight_is_found() {
    let resolved = json!({"Value": {"Fn::Sub": "{{resolve:secretsmanager:${Secrets}}}"}});
    for (pointer, value) in [
        (
            "/Resources/ChatFunction/Properties/Environment/Variables/API_KEY",
            json!("app-1"),
        ),
        ("/Globals/Function/Environment/Variables/TOKEN", json!("t")),
        (
            "/Resources/RelayFunction/Properties/Environment/Variables/SECRETS_JSON",
            json!({"Fn::Sub": "{{resolve:secretsmanager:${Secrets}}}"}),
        ),
        ("/Outputs/SecretsArn", resolved.clone()),
        ("/Outputs/Secret", resolved),
        (
            "/Resources/Secrets/Properties/SecretString",
            json!(r#"{"bots":{"*":{"api_key":"app-1"}}}"#),
        ),
    ] {
        let broken = Template::of_the_project().with(pointer, value);
        assert!(!wrong(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn the_tokens_place_is_told_and_the_token_is_not() {
    let template = Template::of_the_project();
    let url = Template::text(&template.section("Outputs")["WebhookBaseUrl"]["Value"]);
    assert_eq!(
        url,
        "https://Api.execute-api.AWS::Region.AWS::URLSuffix/YOUR_TOKEN"
    );
}
