//! The API over HTTP: credentials, failures on demand, the record of what came.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::answer::{Answer, answer};
use super::state::now;
use super::{Shared, TOKEN};
use crate::{Failure, Recorded};

/// The largest body taken.
const MAX_BODY: usize = 40 * 1024 * 1024;
/// Requests a minute and address (`RACK_ATTACK_LIMIT`).
const PER_MINUTE: usize = 3_000;

/// Everything that is not the agents' page.
pub(super) async fn api(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(key) = path.strip_prefix("/rails/active_storage/blobs/redirect/") {
        let to = format!("/files/{key}");
        return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response();
    }
    if let Some(key) = path.strip_prefix("/files/") {
        let key = key.split('/').next().unwrap_or_default();
        return match shared.state().files.get(key) {
            Some(bytes) => bytes.clone().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        };
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let content_type = text(&parts.headers, "content-type");
    let json = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let (failure, drops, flooded) = {
        let mut state = shared.state();
        state.requests.push(Recorded {
            method: parts.method.to_string(),
            path: parts
                .uri
                .path_and_query()
                .map_or_else(|| path.clone(), ToString::to_string),
            content_type: content_type.clone(),
            body: json.clone(),
        });
        let drops = match &mut state.drop_in {
            Some(1) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        if drops {
            state.drop_in = None;
        }
        let since = now() - 60_000;
        state.moments.retain(|at| *at > since);
        state.moments.push(now());
        let flooded = shared.0.limits && state.moments.len() > PER_MINUTE;
        if state
            .failure
            .is_some_and(|failure| failure != Failure::DropAfter)
        {
            state.count("failed");
        }
        (state.failure, drops, flooded)
    };
    match failure {
        Some(Failure::RateLimited(wait)) => return throttled(wait.as_secs()),
        _ if flooded => return throttled(60),
        Some(Failure::ServerError) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Failure::Hang) => std::future::pending::<()>().await,
        Some(Failure::RefusedInBody) => {
            return refusal(400, "param is missing or the value is empty");
        }
        Some(Failure::Unauthorized) => return refusal(401, "Invalid Access Token"),
        Some(Failure::DropAfter) | None => {}
    }
    if path.starts_with("/api/") && !is_user(&parts.headers, shared.0.setup.token) {
        return refusal(401, "Invalid Access Token");
    }
    // Rails takes a call without a body; one with a body has to be JSON here.
    let is_json = content_type.starts_with("application/json") && json.is_object();
    if !body.is_empty() && !is_json {
        return refusal(400, "There was a problem in the JSON you submitted");
    }
    let answered = answer(&shared, parts.method.as_str(), &path, query, &json);
    if drops || failure == Some(Failure::DropAfter) {
        let broken = futures_util::stream::once(async {
            Err::<Vec<u8>, _>(std::io::Error::other("the connection broke"))
        });
        return Body::from_stream(broken).into_response();
    }
    match answered {
        Answer::Done(body) => Json(body).into_response(),
        Answer::Refused(status, error) => refusal(status, error),
    }
}

/// The documented header's name has underscores; Rails reads hyphens alike.
fn is_user(headers: &HeaderMap, known: bool) -> bool {
    ["api_access_token", "api-access-token"]
        .iter()
        .any(|name| known && text(headers, name) == TOKEN)
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn throttled(seconds: u64) -> Response<Body> {
    let wait = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, wait, "Retry later\n").into_response()
}

fn refusal(status: u16, error: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"error": error}))).into_response()
}
