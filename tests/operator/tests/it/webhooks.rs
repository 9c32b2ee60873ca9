//! What the doctor says about addresses at which something is wrong.

use handoff::token::Tokens;
use serde_json::json;

use crate::run::doctor;
use crate::stand_in::{StandIn, nobody};

/// An API as ours, but for what `odd` answers.
async fn api(odd: impl Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static) -> StandIn {
    StandIn::start(move |path| {
        let message = |text: &str| json!({ "message": text }).to_string();
        odd(path).unwrap_or_else(|| match path {
            "/console" => (200, "<!doctype html>".to_owned()),
            "/console/api/me" => (401, message("please sign in")),
            "/console/sign-in.json" => (200, json!({"sign_in": null}).to_string()),
            path if path.starts_with("/T/") => (400, message("conversation_id: is missing")),
            _ => (401, message("the token in the path is not valid")),
        })
    })
    .await
}

/// What the doctor says about a server on this machine, asked with the token T.
async fn about(url: &str) -> crate::run::Report {
    doctor(&["--base-url", url, "--token", "T"], &[]).await
}

#[tokio::test]
async fn an_api_as_ours_is_well() {
    let server = api(|_| None).await;
    let report = about(&server.url).await;
    report.is_well(true);
    report.says("webhooks", "warning", "plain http on this machine");
    report.says("webhooks", "ok", "a wrong token is refused (401)");
    report.says("webhooks", "ok", "the token is accepted");
    report.says("console", "ok", "the page answers");
    report.says("console", "ok", "refuses who is not signed in");
    report.says("secret", "skipped", "--secret-arn");
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(
        asked
            .iter()
            .filter(|(path, _)| path.starts_with("/T/"))
            .count(),
        3,
        "all three functions have the token in their environment: {asked:?}"
    );
}

#[tokio::test]
async fn the_token_can_stand_in_the_address() {
    let server = api(|_| None).await;
    let url = format!("{}/T", server.url);
    let report = doctor(&["--base-url", &url], &[]).await;
    report.says("webhooks", "ok", "the token is accepted");
    let url = format!("{}/YOUR_TOKEN", server.url);
    let report = doctor(&[], &[("HANDOFF_BASE_URL", &url), ("HANDOFF_TOKEN", "T")]).await;
    report.says("webhooks", "ok", "the token is accepted");
    let report = doctor(&["--base-url", &url], &[]).await;
    report.says("webhooks", "skipped", "HANDOFF_TOKEN");
}

#[tokio::test]
async fn every_failure_of_the_webhooks_has_its_advice() {
    let refused = |body: &str| json!({ "message": body }).to_string();
    let hash = Tokens::hash("T");
    for (status, body, advice) in [
        (401, refused("no"), format!("WebhookTokenSha256={hash}")),
        (200, refused("success"), "takes any token".to_owned()),
        (
            400,
            refused("conversation_id: is missing"),
            "takes any token".to_owned(),
        ),
        (
            404,
            refused("Not Found"),
            "is no route there (404)".to_owned(),
        ),
        (403, refused("Forbidden"), "a firewall (WAF)".to_owned()),
        (
            429,
            refused("Too Many Requests"),
            "raise ApiRateLimit".to_owned(),
        ),
        (
            503,
            refused("not stored"),
            "the function's log group".to_owned(),
        ),
        (302, String::new(), "which ours never does".to_owned()),
    ] {
        let server =
            api(move |path| (!path.starts_with("/console")).then(|| (status, body.clone()))).await;
        let report = about(&server.url).await;
        report.is_well(false);
        report.says("webhooks", "failed", &advice);
    }
    // One function alone has another token.
    let server = api(|path| (path == "/T/chat").then(|| (401, "{}".to_owned()))).await;
    let report = about(&server.url).await;
    report.says("webhooks", "failed", "POST …/chat refuses the token");
    // Something else answers.
    let server = api(|path| path.starts_with("/T/").then(|| (200, "{}".to_owned()))).await;
    let report = about(&server.url).await;
    report.says("webhooks", "failed", "something else answers");
    let report = about(&nobody().await).await;
    report.says("webhooks", "failed", "cannot connect");
    report.says("console", "failed", "the page: cannot connect");
}

#[tokio::test]
async fn plain_http_on_the_net_and_a_console_open_to_all_are_failures() {
    let server = api(|path| (path == "/console/api/me").then(|| (200, "{}".to_owned()))).await;
    // On this machine it is a sandbox.
    about(&server.url).await.is_well(true);
    let proxy = [("HTTP_PROXY", server.url.as_str())];
    let arguments = ["--base-url", "http://bridge.example/T"];
    let report = doctor(&arguments, &proxy).await;
    report.says("webhooks", "failed", "readable on its way");
    report.says("console", "failed", "everybody can read your conversations");
    report.says("console", "failed", "no sign-in is set up");
}

#[tokio::test]
async fn every_failure_of_the_console_has_its_advice() {
    for (path, status, body, words) in [
        ("/console", 404, "", "the page answers HTTP 404"),
        ("/console", 200, "{}", "is no page"),
        ("/console/api/me", 500, "", "the API answers HTTP 500"),
    ] {
        let server = api(move |asked| (asked == path).then(|| (status, body.to_owned()))).await;
        let report = about(&server.url).await;
        report.is_well(false);
        report.says("console", "failed", words);
    }
}

#[tokio::test]
async fn the_sign_ins_provider_is_asked_who_it_is() {
    for (status, described, well, words) in [
        (200, json!({}), true, "answers"),
        (404, json!({}), false, "describes itself with HTTP 404"),
        (
            200,
            json!({"issuer": "https://other"}),
            false,
            "calls itself something else",
        ),
        (
            200,
            json!({"token_endpoint": null}),
            false,
            "has no token_endpoint",
        ),
    ] {
        // It names itself, so its address has to be known first.
        let own: &'static std::sync::OnceLock<String> = Box::leak(Box::default());
        let provider = StandIn::start(move |path| {
            assert_eq!(path, "/pool/.well-known/openid-configuration");
            let mut document = json!({
                "issuer": own.get().unwrap(), "authorization_endpoint": "https://x/a",
                "token_endpoint": "https://x/t", "jwks_uri": "https://x/j",
            });
            let members = document.as_object_mut().unwrap();
            members.extend(described.as_object().unwrap().clone());
            (status, document.to_string())
        })
        .await;
        let issuer = format!("{}/pool", provider.url);
        own.set(issuer.clone()).unwrap();
        let told = json!({"sign_in": {"issuer": issuer, "client_id": "c", "hosts": []}});
        let server =
            api(move |path| (path == "/console/sign-in.json").then(|| (200, told.to_string())))
                .await;
        let report = about(&server.url).await;
        report.is_well(well);
        report.says("console", if well { "ok" } else { "failed" }, words);
    }
}
