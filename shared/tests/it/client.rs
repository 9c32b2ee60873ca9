//! The GPTBots client against a server that answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use handoff::conversation::ConversationId;
use handoff::gptbots::{Bot, Client, FIRST_PATIENCE, Fault, Outbound as _};
use handoff::outbound::Targets;
use handoff::time::ManualClock;
use serde_json::{Value, json};

/// What came in: path, Authorization, body.
type Calls = Arc<Mutex<Vec<(String, String, Value)>>>;

#[derive(Clone)]
struct Server {
    calls: Calls,
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

async fn answer(
    State(server): State<Server>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers["authorization"].to_str().unwrap().to_owned();
    let body = serde_json::from_slice(&body).unwrap();
    server
        .calls
        .lock()
        .unwrap()
        .push((uri.to_string(), key, body));
    let mut response = (StatusCode::from_u16(server.status).unwrap(), server.body).into_response();
    for (name, value) in server.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

async fn serve(
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
) -> (Bot, Calls) {
    let calls = Calls::default();
    let server = Server {
        calls: calls.clone(),
        status,
        headers,
        body,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(server);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (bot(base_url), calls)
}

fn bot(base_url: String) -> Bot {
    Bot {
        api_key: "app-hush".into(),
        base_url,
    }
}

fn client(targets: Targets) -> Client {
    Client::new(targets, ManualClock::at(1_700_000_000_000).shared()).unwrap()
}

fn id() -> ConversationId {
    ConversationId::new("c1").unwrap()
}

#[tokio::test]
async fn the_two_calls_are_as_the_contract_says() {
    let (bot, calls) = serve(200, vec![], r#"{"code":0,"message":"OK"}"#).await;
    let client = client(Targets::Local);
    client
        .reply(&bot, &id(), "你好 😀 <b>", FIRST_PATIENCE)
        .await
        .unwrap();
    client.close(&bot, &id(), FIRST_PATIENCE).await.unwrap();
    let calls = calls.lock().unwrap();
    assert_eq!(
        *calls,
        [
            (
                "/v1/human/message/receive".to_owned(),
                "Bearer app-hush".to_owned(),
                json!({"conversation_id": "c1", "timestamp": 1_700_000_000_000_i64, "body": "你好 😀 <b>"}),
            ),
            (
                "/v1/human/close".to_owned(),
                "Bearer app-hush".to_owned(),
                json!({"conversation_id": "c1", "timestamp": 1_700_000_000_000_i64}),
            ),
        ]
    );
}

#[tokio::test]
async fn a_failure_says_whether_to_try_again() {
    let (bot, _) = serve(429, vec![("retry-after", "9")], r#"{"code":40001}"#).await;
    let error = client(Targets::Local)
        .reply(&bot, &id(), "x", FIRST_PATIENCE)
        .await
        .unwrap_err();
    let retry_after = Some(Duration::from_secs(9));
    assert_eq!(error.fault, Fault::RateLimited { retry_after });

    let (bot, _) = serve(200, vec![], r#"{"code":40356,"message":"no"}"#).await;
    let error = client(Targets::Local)
        .reply(&bot, &id(), "x", FIRST_PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::ConversationGone);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_worth_another_try() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = bot(format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let error = client(Targets::Local)
        .close(&gone, &id(), FIRST_PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Transient { retry_after: None });
    assert_eq!(error.to_string(), "cannot connect");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (elsewhere, calls) = serve(200, vec![], "{}").await;
    let target: &'static str = Box::leak(elsewhere.base_url.into_boxed_str());
    let (bot, _) = serve(307, vec![("location", target)], "").await;
    let error = client(Targets::Local)
        .reply(&bot, &id(), "x", FIRST_PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Permanent);
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_deployment_does_not_call_this_machine() {
    let (bot, calls) = serve(200, vec![], "{}").await;
    let client = client(Targets::Public);
    let error = client
        .reply(&bot, &id(), "x", FIRST_PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Permanent);
    let named = Bot {
        base_url: bot
            .base_url
            .replace("http://127.0.0.1", "https://localhost"),
        ..bot
    };
    assert!(
        client
            .reply(&named, &id(), "x", FIRST_PATIENCE)
            .await
            .is_err()
    );
    assert!(calls.lock().unwrap().is_empty());
}

#[test]
fn debug_shows_no_key() {
    let shown = format!(
        "{:?} {:?}",
        bot("https://x".into()),
        client(Targets::Public)
    );
    assert!(!shown.contains("hush"), "{shown}");
}
