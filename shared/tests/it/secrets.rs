//! The secret from a Secrets Manager that counts how often it is read.

use std::sync::{Arc, Mutex};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::extract::State;
use handoff::secrets::SecretsSource;
use handoff::time::ManualClock;
use secrecy::ExposeSecret as _;
use serde_json::json;

/// What it holds, and how often that was read.
type Held = Arc<Mutex<(String, usize)>>;

async fn manager(secret: &str) -> (SecretsSource, Held, ManualClock) {
    let held: Held = Arc::new(Mutex::new((secret.to_owned(), 0)));
    let answer = |State(held): State<Held>| async move {
        let mut held = held.lock().unwrap();
        held.1 += 1;
        json!({"ARN": "arn", "Name": "handoff", "SecretString": held.0}).to_string()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(held.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(handoff::aws::http_client(std::time::Duration::from_secs(1)))
        .build();
    let client = aws_sdk_secretsmanager::Client::from_conf(config);
    let clock = ManualClock::at(1_742_265_090_895);
    let source = SecretsSource::manager(client, "arn", clock.shared());
    (source, held, clock)
}

#[tokio::test]
async fn a_key_that_is_missing_is_looked_for_again_but_not_all_the_time() {
    let (source, held, clock) = manager(r#"{"bots":{}}"#).await;
    assert!(source.bot("b").await.unwrap().is_none());
    let reads = held.lock().unwrap().1;
    held.lock().unwrap().0 = r#"{"bots":{"b":{"api_key":"k"}}}"#.to_owned();
    clock.advance(29_000);
    assert!(source.bot("b").await.unwrap().is_none());
    assert_eq!(held.lock().unwrap().1, reads, "at most every 30 s");
    clock.advance(1_000);
    let bot = source.bot("b").await.unwrap().expect("it has been put in");
    assert_eq!(bot.api_key.expose_secret(), "k");
    let reads = held.lock().unwrap().1;
    assert!(source.bot("b").await.unwrap().is_some());
    assert_eq!(
        held.lock().unwrap().1,
        reads,
        "a key that is there is not looked for"
    );
}
