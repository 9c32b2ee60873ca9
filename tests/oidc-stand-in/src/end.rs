//! The end of a session.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::json;

use crate::authorize::browser;
use crate::form::fields;
use crate::provider::for_pages;
use crate::state::State;

/// Ends a refresh token; one that is not known is no error (RFC 7009).
pub(crate) async fn revoke(Shared(state): Shared<Arc<State>>, body: String) -> Response {
    if let Some(token) = fields(&body).get("token") {
        state.memory().revoke(token);
    }
    for_pages(json!({}))
}

/// Forgets the browser. As Cognito: wants `client_id` and `logout_uri`, and knows no other names.
pub(crate) async fn logout(
    Shared(state): Shared<Arc<State>>,
    Query(parameters): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let of = |name: &str| parameters.get(name).map_or("", String::as_str);
    let back = of("logout_uri");
    let known = state.options.redirect_uris.iter().any(|uri| uri == back);
    if of("client_id") != state.options.client_id || !known {
        return (StatusCode::BAD_REQUEST, "unknown client_id or logout_uri").into_response();
    }
    if let Some(cookie) = browser(&headers) {
        state.memory().browsers.remove(cookie);
    }
    Redirect::to(back).into_response()
}
