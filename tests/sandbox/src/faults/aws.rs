//! What happens between the functions and the table: every call is counted, and faults hit here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::board::SharedBoard;
use super::{Target, What};

/// How many calls of each operation the functions have made, tries included.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<BTreeMap<String, u64>>>);

impl Meter {
    fn count(&self, operation: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                counts.insert(operation.to_owned(), 1);
            }
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// An HTTP client of the SDK on which faults and the meter sit.
#[derive(Debug, Clone)]
pub(crate) struct Tapped {
    pub(crate) inner: SharedHttpClient,
    pub(crate) board: SharedBoard,
    pub(crate) meter: Meter,
}

#[derive(Debug)]
struct Connector {
    tapped: Tapped,
    inner: SharedHttpConnector,
}

impl HttpClient for Tapped {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            tapped: self.clone(),
            inner: self.inner.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        self.tapped.meter.count(&operation);
        let writes = matches!(
            operation.as_str(),
            "PutItem" | "UpdateItem" | "TransactWriteItems"
        );
        let hit = self
            .tapped
            .board
            .hit(Target::DynamoDb, &operation, |fault| match fault.what {
                What::Conflict | What::TimeoutAfterWrite => writes,
                _ => true,
            });
        match hit.map(|fault| fault.what) {
            Some(What::Throttle) => refused(&json!({
                "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
                "message": "throttled on demand",
            })),
            Some(What::Conflict) if operation == "TransactWriteItems" => {
                refused(&conflict(&request))
            }
            Some(What::Conflict) => refused(&json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "message": "conflict on demand",
            })),
            Some(What::Timeout) => HttpConnectorFuture::ready(Err(timeout())),
            Some(What::TimeoutAfterWrite) => {
                let done = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = done.await;
                    Err(timeout())
                })
            }
            Some(What::Slow(late)) => {
                let done = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let answer = done.await;
                    tokio::time::sleep(late).await;
                    answer
                })
            }
            _ => self.inner.call(request),
        }
    }
}

/// What the SDK sees when its patience is over; the waiting itself is spared.
fn timeout() -> ConnectorError {
    ConnectorError::timeout("timed out on demand".into())
}

fn refused(body: &Value) -> HttpConnectorFuture {
    let status = StatusCode::try_from(400).unwrap_or_else(|_| unreachable!("400 is a status"));
    let mut answer = HttpResponse::new(status, SdkBody::from(body.to_string()));
    answer
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    HttpConnectorFuture::ready(Ok(answer))
}

/// One reason for each part of the transaction: the first part collides.
fn conflict(request: &HttpRequest) -> Value {
    let body: Value = request
        .body()
        .bytes()
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .unwrap_or_default();
    let parts = body["TransactItems"].as_array().map_or(1, Vec::len);
    let reasons: Vec<_> = (0..parts)
        .map(|part| match part {
            0 => json!({"Code": "TransactionConflict", "Message": "conflict on demand"}),
            _ => json!({"Code": "None"}),
        })
        .collect();
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "conflict on demand",
        "CancellationReasons": reasons,
    })
}
