//! The HTTP side: `/2018-06-01/runtime/…`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};

use super::InvocationError;

/// Lambda's limit of an answer in bytes; see
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const RESPONSE_LIMIT: usize = 6 * 1024 * 1024;

/// An event on its way to the function.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) deadline_ms: u64,
    pub(super) event: Value,
    pub(super) answer: oneshot::Sender<Result<Value, InvocationError>>,
}

/// How far the process has come.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Starting,
    /// It has asked for an event at least once.
    Ready,
    InitFailed(ReportedError),
    Exited(String),
}

/// An error as a runtime reports it; both parts may be missing in what it sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ReportedError {
    pub(super) error_type: String,
    pub(super) error_message: String,
}

pub(super) struct RuntimeApi {
    function_arn: String,
    invocations: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    answers: Mutex<HashMap<String, oneshot::Sender<Result<Value, InvocationError>>>>,
    phase: watch::Sender<Phase>,
}

impl RuntimeApi {
    pub(super) fn new(
        function_arn: String,
        invocations: mpsc::UnboundedReceiver<Invocation>,
        phase: watch::Sender<Phase>,
    ) -> Arc<Self> {
        Arc::new(Self {
            function_arn,
            invocations: AsyncMutex::new(invocations),
            answers: Mutex::default(),
            phase,
        })
    }

    pub(super) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::max(RESPONSE_LIMIT))
            .with_state(self)
    }

    /// Ends the invocation `id`; `false` if there is none.
    fn finish(&self, id: &str, outcome: Result<Value, InvocationError>) -> bool {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever invoked may have stopped waiting; the function need not know.
        answers
            .remove(id)
            .map(|answer| answer.send(outcome))
            .is_some()
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    api.phase.send_if_modified(|phase| {
        let first = matches!(phase, Phase::Starting);
        if first {
            *phase = Phase::Ready;
        }
        first
    });
    let Some(invocation) = api.invocations.lock().await.recv().await else {
        // The test is over and the process about to be killed.
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let trace_id = format!(
        "Root=1-{:08x}-{:024x};Parent={:016x};Sampled=0",
        invocation.deadline_ms / 1000,
        fastrand::u128(..) >> 32,
        fastrand::u64(..)
    );
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            invocation.request_id.clone(),
        ),
        (
            "lambda-runtime-deadline-ms",
            invocation.deadline_ms.to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            api.function_arn.clone(),
        ),
        ("lambda-runtime-trace-id", trace_id),
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
    ];
    api.answers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(invocation.request_id, invocation.answer);
    (headers, invocation.event.to_string()).into_response()
}

async fn response(
    State(api): State<Arc<RuntimeApi>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let outcome = serde_json::from_slice(&body).map_err(|error| InvocationError::Failed {
        error_type: "Runtime.MalformedResponse".to_owned(),
        error_message: error.to_string(),
    });
    accepted(api.finish(&id, outcome))
}

async fn error(
    State(api): State<Arc<RuntimeApi>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let ReportedError {
        error_type,
        error_message,
    } = reported(&body);
    accepted(api.finish(
        &id,
        Err(InvocationError::Failed {
            error_type,
            error_message,
        }),
    ))
}

async fn init_error(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> Response {
    api.phase.send_replace(Phase::InitFailed(reported(&body)));
    accepted(true)
}

/// The error in `body`, or `body` itself where it is none.
fn reported(body: &[u8]) -> ReportedError {
    serde_json::from_slice(body).unwrap_or_else(|_| ReportedError {
        error_type: "Unknown".to_owned(),
        error_message: String::from_utf8_lossy(body).into_owned(),
    })
}

fn accepted(known: bool) -> Response {
    if known {
        return (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response();
    }
    let error = json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"});
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}
