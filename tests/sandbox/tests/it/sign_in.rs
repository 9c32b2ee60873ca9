//! What the API makes of tokens, with API Gateway's part and the console's function behind it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use oidc_stand_in::Provider;
use sandbox::{Options, Sandbox, SignInOptions};
use serde_json::{Value, json};

async fn sandbox() -> Sandbox {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options {
        sign_in: Some(SignInOptions::default()),
        ..Options::default()
    };
    Sandbox::start(options).await.unwrap()
}

/// Status and answer of a call with this `Authorization`.
async fn call(sandbox: &Sandbox, path: &str, authorization: Option<&str>) -> (u16, Value) {
    let url = format!("{}/api/{path}", sandbox.console_url());
    let mut request = reqwest::Client::new().get(url);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn provider(sandbox: &Sandbox) -> &Provider {
    &sandbox.sign_in.as_ref().unwrap().provider
}

/// A token of these claims with one of them changed.
fn with(provider: &Provider, claim: &str, value: Value) -> String {
    let mut claims = provider.id_claims("alice");
    claims[claim] = value;
    provider.sign(&claims)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_of_the_provider_is_an_agent() {
    let sandbox = sandbox().await;
    let provider = provider(&sandbox);
    let token = provider.sign(&provider.id_claims("alice"));
    let alice = json!({
        "id": "alice", "name": "Alice Wong", "groups": ["agents", "supervisors"], "supervisor": true,
    });
    for authorization in [format!("Bearer {token}"), token.clone()] {
        let answer = call(&sandbox, "me", Some(&authorization)).await;
        assert_eq!(answer, (200, alice.clone()));
    }
    let several = with(provider, "aud", json!(["other", provider.client_id()]));
    assert_eq!(call(&sandbox, "me", Some(&several)).await.0, 200);
    let (status, list) = call(&sandbox, "conversations", Some(&token)).await;
    assert_eq!((status, &list["conversations"]), (200, &json!([])));
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_token_is_nobody() {
    let sandbox = sandbox().await;
    let provider = provider(&sandbox);
    let now = provider.id_claims("alice")["iat"].as_i64().unwrap();
    let good = provider.sign(&provider.id_claims("alice"));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = message.split_once('.').unwrap();

    let stranger = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = oidc_stand_in::Options::new(provider.client_id(), Vec::new());
    let stranger = Provider::start(stranger, options).await.unwrap();
    let part = |value: Value| BASE64URL.encode(value.to_string());
    let mut mallory = provider.id_claims("alice");
    mallory["sub"] = json!("mallory");
    // Signed by the stranger, under the name of the provider's key.
    let forged = stranger.sign(&mallory);
    let forged = forged.split_once('.').unwrap().1;

    let refused = [
        ("no token", String::new()),
        ("no JWT", "Bearer something".to_owned()),
        ("another scheme", format!("Basic {good}")),
        ("another key", stranger.sign(&provider.id_claims("alice"))),
        ("another key by our key's name", format!("{head}.{forged}")),
        (
            "another payload",
            format!("{head}.{}.{signature}", part(mallory)),
        ),
        (
            "no signature",
            format!("{}.{payload}.", part(json!({"alg": "none"}))),
        ),
        ("expired", with(provider, "exp", json!(now - 1))),
        ("without expiry", with(provider, "exp", Value::Null)),
        ("not yet", with(provider, "nbf", json!(now + 600))),
        (
            "another issuer",
            with(provider, "iss", json!(stranger.issuer())),
        ),
        ("another client", with(provider, "aud", json!("other"))),
        ("without subject", with(provider, "sub", json!(""))),
        // The function's: API Gateway lets an access token of the same client through.
        (
            "an access token",
            provider.sign(&provider.access_claims("alice")),
        ),
    ];
    for (what, token) in refused {
        let authorization = Some(token.as_str()).filter(|token| !token.is_empty());
        for path in ["me", "conversations", "unknown"] {
            let (status, answer) = call(&sandbox, path, authorization).await;
            assert_eq!(status, 401, "{what}: {answer}");
        }
    }
    // No route of its own, so no authorizer stands before it, and the function finds no claims.
    assert_eq!(call(&sandbox, "unknown", Some(&good)).await.0, 401);
    // The sandbox's way to name an agent without a sign-in counts for nothing here.
    let cookie = reqwest::Client::new()
        .get(format!("{}/api/me", sandbox.console_url()))
        .header("cookie", "sandbox-agent=Alice")
        .send();
    assert_eq!(cookie.await.unwrap().status(), 401);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_worth_nothing_without_its_verifier_and_a_refresh_token_counts_once() {
    let sandbox = sandbox().await;
    let provider = provider(&sandbox);
    let token = |fields: Vec<(&'static str, String)>| async move {
        let mut body = format!("client_id={}", provider.client_id());
        for (name, value) in fields {
            body.push_str(&format!("&{name}={value}"));
        }
        let answer = reqwest::Client::new()
            .post(format!("{}/token", provider.issuer()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = answer.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    // RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let code = || async move {
        let no_redirects = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().redirect(no_redirects).build();
        let body = format!(
            "client_id={}&redirect_uri={}&response_type=code&scope=openid&state=s&user=ben\
             &code_challenge={challenge}&code_challenge_method=S256",
            provider.client_id(),
            sandbox_console(provider),
        );
        let answer = client
            .unwrap()
            .post(format!("{}/authorize", provider.issuer()))
            .body(body)
            .send()
            .await
            .unwrap();
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let (_, rest) = location.split_once("code=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let redeem = |code: String, verifier: &str| {
        token(vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", sandbox_console(provider)),
            ("code_verifier", verifier.to_owned()),
        ])
    };
    assert_eq!(redeem(code().await, "guessed").await.0, 400);
    let used = code().await;
    let (status, first) = redeem(used.clone(), verifier).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(redeem(used, verifier).await.0, 400);

    let refresh = |tokens: &Value| {
        token(vec![
            ("grant_type", "refresh_token".to_owned()),
            (
                "refresh_token",
                tokens["refresh_token"].as_str().unwrap().to_owned(),
            ),
        ])
    };
    let (status, second) = refresh(&first).await;
    assert_eq!(status, 200, "{second}");
    // Whoever has the old one has a copy: that ends the new one, too.
    assert_eq!(refresh(&first).await.0, 400);
    assert_eq!(refresh(&second).await.0, 400);
    let id = second["id_token"].as_str().unwrap();
    assert_eq!(call(&sandbox, "me", Some(id)).await.1["name"], "Ben Ito");
    sandbox.shutdown().await;
}

/// Where the console is, by what the provider knows of it.
fn sandbox_console(provider: &Provider) -> String {
    provider.redirect_uris()[0].clone()
}
