//! The stand-in's server: the API with its failures, files, and the agent's page.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use super::api::{self, Answer, Request, purpose, refusal};
use super::state::now;
use super::{ACCESS_TOKEN, Shared, page};
use crate::{Failure, Recorded};

const RESET: &str = "x-ratelimit-reset";

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .merge(page::router())
        .route("/files/{n}", get(file))
        .fallback(call)
        .layer(DefaultBodyLimit::max(8 << 20))
        .with_state(shared)
}

/// A file that an agent sent: whoever has the address can read it.
async fn file(State(shared): State<Arc<Shared>>, Path(n): Path<usize>) -> Response {
    let found = shared
        .state()
        .files
        .get(n)
        .map(|(_, content)| content.clone());
    match found {
        Some(content) => (
            [(header::CONTENT_TYPE, "application/octet-stream")],
            content,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn call(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let failure = {
        let mut state = shared.state();
        let failure = state.next_failure();
        if failure.is_some_and(|failure| failure != Failure::DropAfter) {
            *state.calls.entry("failed".to_owned()).or_default() += 1;
        }
        failure
    };
    match failure {
        Some(Failure::RateLimited(wait)) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            return too_many(now() + seconds.cast_signed());
        }
        Some(Failure::ServerError) => {
            return render(refusal(503, "service_unavailable", "Service unavailable"));
        }
        Some(Failure::Hang) => {
            shared.stopped().await;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Some(Failure::RefusedInBody) => {
            return render(refusal(400, "parameter_invalid", "refused on demand"));
        }
        Some(Failure::Unauthorized) => {
            return render(refusal(401, "unauthorized", "Access Token Invalid"));
        }
        Some(Failure::DropAfter) | None => {}
    }
    if shared.limits
        && let Some(reset) = shared.state().over_limit()
    {
        return too_many(reset);
    }
    let answer = perform(&shared, &method, &uri, &headers, &body);
    if failure == Some(Failure::DropAfter) {
        return broken();
    }
    render(answer)
}

/// Checks what all calls have in common, does what is asked, and tells of it.
fn perform(
    shared: &Arc<Shared>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if header(header::AUTHORIZATION.as_str()) != Some(&format!("Bearer {ACCESS_TOKEN}")) {
        return refusal(401, "unauthorized", "Access Token Invalid");
    }
    if header("intercom-version") != Some("2.14") {
        return refusal(
            400,
            "intercom_version_invalid",
            "The requested version could not be found",
        );
    }
    let content_type = header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let body = match serde_json::from_slice::<Value>(body) {
        _ if body.is_empty() => Value::Null,
        Ok(body) if content_type.starts_with("application/json") => body,
        _ => return refusal(400, "bad_request", "bad request, not JSON"),
    };
    let request = Request {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        body: &body,
    };
    let mut state = shared.state();
    *state.calls.entry(purpose(&request).to_owned()).or_default() += 1;
    state.requests.push(Recorded {
        method: method.to_string(),
        path: uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        content_type: content_type.to_owned(),
        body: body.clone(),
    });
    let (answer, told) = api::answer(&mut state, &request);
    drop(state);
    if let Some((reference, part)) = told {
        // The API's own closing comes back to who asked for it.
        let shared = shared.clone();
        tokio::spawn(async move {
            let topic = "conversation.admin.closed";
            let envelope = shared.envelope(topic, &reference, &[part]);
            shared.tell(envelope).await;
        });
    }
    answer
}

fn render((status, body): Answer) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body)).into_response()
}

/// Intercom tells when it counts anew, and not how long to wait.
fn too_many(reset: i64) -> Response {
    let mut response = render(refusal(429, "rate_limit_exceeded", "Exceeded rate limit"));
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
    headers.insert(RESET, HeaderValue::from(reset));
    response
}

/// An answer whose body never comes: the connection closes instead.
fn broken() -> Response {
    let gone: Result<Bytes, _> = Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted));
    Body::from_stream(futures_util::stream::iter([gone])).into_response()
}
