//! The part of the SQS API that a sender needs, for functions that run in a process of their own:
//! `SendMessage` over the AWS JSON protocol.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{DelayQueue, message::md5_hex};
use crate::Error;

/// An SQS endpoint on 127.0.0.1 that knows one queue, by any URL. It stops when it is dropped.
#[derive(Debug)]
pub struct QueueEndpoint {
    url: String,
    server: JoinHandle<()>,
}

impl QueueEndpoint {
    /// Serves `queue`.
    ///
    /// # Errors
    /// No socket can be bound.
    pub async fn start(queue: &DelayQueue) -> Result<Self, Error> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new()
            .route("/", post(handle))
            .with_state(queue.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the queue's endpoint has failed");
            }
        });
        Ok(Self { url, server })
    }

    /// The address: the value for `AWS_ENDPOINT_URL_SQS`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for QueueEndpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
}

async fn handle(State(queue): State<DelayQueue>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    if operation != Some("AmazonSQS.SendMessage") {
        return refused(
            "com.amazonaws.sqs#UnsupportedOperation",
            "only SendMessage is served",
        );
    }
    let message: SendMessage = match serde_json::from_slice(&body) {
        Ok(message) => message,
        Err(error) => {
            return refused(
                "com.amazon.coral.service#SerializationException",
                &error.to_string(),
            );
        }
    };
    let md5 = md5_hex(&message.message_body);
    match queue.send(
        message.message_body,
        Duration::from_secs(message.delay_seconds),
    ) {
        Ok(id) => answer(
            StatusCode::OK,
            &json!({"MessageId": id, "MD5OfMessageBody": md5}),
        ),
        Err(error) => refused(
            "com.amazonaws.sqs#InvalidParameterValue",
            &error.to_string(),
        ),
    }
}

fn refused(kind: &str, message: &str) -> Response {
    answer(
        StatusCode::BAD_REQUEST,
        &json!({"__type": kind, "message": message}),
    )
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (status, content_type, Json(body).into_response().into_body()).into_response()
}
