//! A whole bridge is well.

use local_aws::dynamodb::EmbeddedDynamoDb;
use sandbox::{Options, Sandbox, TABLE};
use serde_json::json;

use crate::run::{doctor, operator};

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_is_well_and_nothing_is_left_behind_in_it() {
    let db = EmbeddedDynamoDb::start(None).await.unwrap();
    let options = Options {
        token: "secret-token".to_owned(),
        secrets_json: Some(json!({"bots": {"b1": {"api_key": "hush-hush"}}}).to_string()),
        dynamodb_url: Some(db.endpoint_url().to_owned()),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let secrets =
        json!({"bots": {"b1": {"api_key": "hush-hush", "base_url": sandbox.gptbots_url()}}});
    let secrets = secrets.to_string();
    let base_url = sandbox.webhook_base_url();
    let arguments = ["--table", TABLE, "--base-url", &base_url];
    let environment = [
        ("AWS_ENDPOINT_URL_DYNAMODB", db.endpoint_url()),
        ("SECRETS_JSON", &secrets),
    ];
    let report = doctor(&arguments, &environment).await;
    report.is_well(true);
    report.says("webhooks", "ok", "a wrong token is refused (401)");
    report.says("webhooks", "ok", "the token is accepted");
    report.says("console", "ok", "the page answers");
    report.says("console", "warning", "without a sign-in");
    report.says("secret", "ok", "keys: 1");
    report.says("gptbots", "ok", "the key of bot b1 is valid");
    report.says("table", "ok", "its keys and indexes");
    report.says("settings", "ok", "would take a handoff");

    // The right token with a wrong end: another deployment's.
    let wrong = base_url.replace("secret-token", "other-token");
    let report = doctor(&["--base-url", &wrong], &[]).await;
    report.is_well(false);
    report.says("webhooks", "failed", "WebhookTokenSha256=");
    let wrong = secrets.replace("hush-hush", "other-key");
    let report = doctor(&["--secrets-json", &wrong], &[]).await;
    report.says("gptbots", "failed", "make a new key");

    let open = sandbox.store.open_conversations(None).await.unwrap();
    let closed = sandbox.store.closed_conversations(None, 90).await.unwrap();
    assert!(open.conversations.is_empty() && closed.conversations.is_empty());
    let arguments = [&["doctor"], &arguments[..]].concat();
    let said = operator(&arguments, &environment).await;
    assert_eq!(said.code, 0, "{said:?}");
    for private in ["secret-token", "hush-hush"] {
        assert!(!format!("{said:?}").contains(private), "{said:?}");
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_is_missing_on_the_command_line_is_said() {
    for (arguments, words) in [
        (&["doctor"][..], "nothing to check: give --stack"),
        (
            &["doctor", "--base-url", "bridge"],
            "is not an http or https address",
        ),
        (
            &["doctor", "--outputs", "/nowhere"],
            "/nowhere cannot be read",
        ),
        (&["doctor", "--stack", "s"], "--stack needs the AWS CLI"),
        (&["replay", "--since", "2h"], "which table?"),
        (
            &["replay", "--table", "t"],
            "--since <SINCE>|--conversation <ID>",
        ),
        (
            &["replay", "--table", "t", "--since", "soon"],
            "must be a time like",
        ),
        (
            &["replay", "--table", "t", "--since", "1h", "--side", "x"],
            "must be user or desk",
        ),
        (
            &["replay", "--table", "t", "--since", "1h", "--entry", "e"],
            "--conversation",
        ),
    ] {
        let said = operator(arguments, &[("PATH", "")]).await;
        assert_ne!(said.code, 0, "{arguments:?}");
        assert!(said.err.contains(words), "{arguments:?}: {said:?}");
    }
}
