//! The sign-in page: who one is, without a password.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Query, State as Shared};
use axum::http::header::{CONTENT_SECURITY_POLICY, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Redirect, Response};

use crate::form::fields;
use crate::keys::secret;
use crate::state::{Grant, State};

const COOKIE_NAME: &str = "oidc-stand-in";

type Parameters = HashMap<String, String>;

/// Shows who can sign in; who has signed in here before goes on at once.
pub(crate) async fn page(
    Shared(state): Shared<Arc<State>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = check(&state, &parameters) {
        return *refused;
    }
    let known = browser(&headers).and_then(|cookie| state.memory().browsers.get(cookie).cloned());
    match known {
        Some(user) => granted(&state, &parameters, user),
        None => choice(&state, &parameters),
    }
}

/// Somebody has been chosen, or nobody.
pub(crate) async fn chosen(Shared(state): Shared<Arc<State>>, body: String) -> Response {
    let parameters = fields(&body);
    if let Err(refused) = check(&state, &parameters) {
        return *refused;
    }
    let Some(user) = parameters.get("user").and_then(|id| state.user(id)) else {
        return back(&parameters, &[("error", "access_denied")]);
    };
    let cookie = secret();
    state
        .memory()
        .browsers
        .insert(cookie.clone(), user.id.clone());
    let set = format!("{COOKIE_NAME}={cookie}; HttpOnly; SameSite=Lax; Path=/");
    let granted = granted(&state, &parameters, user.id.clone());
    ([(SET_COOKIE, set)], granted).into_response()
}

/// The cookie of a browser that has signed in.
pub(crate) fn browser(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    cookies
        .split(';')
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value)
}

/// What is wrong with a request: an unknown client or address is told to the person in front of it,
/// anything else to the client.
fn check(state: &State, parameters: &Parameters) -> Result<(), Box<Response>> {
    let of = |name: &str| parameters.get(name).map_or("", String::as_str);
    let redirect = of("redirect_uri");
    let known = state
        .options
        .redirect_uris
        .iter()
        .any(|uri| uri == redirect);
    if of("client_id") != state.options.client_id || !known {
        let refused = (StatusCode::BAD_REQUEST, "unknown client_id or redirect_uri");
        return Err(Box::new(refused.into_response()));
    }
    let scopes: Vec<_> = of("scope").split(' ').collect();
    let error = if of("response_type") != "code" {
        "unsupported_response_type"
    } else if !scopes.contains(&"openid") || scopes.contains(&"offline_access") {
        "invalid_scope"
    } else if of("code_challenge").len() != 43 || of("code_challenge_method") != "S256" {
        "invalid_request"
    } else {
        return Ok(());
    };
    Err(Box::new(back(parameters, &[("error", error)])))
}

fn granted(state: &State, parameters: &Parameters, user: String) -> Response {
    let of = |name: &str| parameters.get(name).cloned();
    let code = state.memory().code(Grant {
        user,
        redirect_uri: of("redirect_uri").unwrap_or_default(),
        challenge: of("code_challenge").unwrap_or_default(),
        nonce: of("nonce"),
    });
    back(parameters, &[("code", &code), ("iss", &state.issuer)])
}

/// Sends the browser back to the client.
fn back(parameters: &Parameters, answer: &[(&str, &str)]) -> Response {
    let mut url = parameters.get("redirect_uri").cloned().unwrap_or_default();
    let state = parameters
        .get("state")
        .map(|state| ("state", state.as_str()));
    for (number, (name, value)) in answer.iter().copied().chain(state).enumerate() {
        let sign = if number == 0 { '?' } else { '&' };
        let _ = write!(url, "{sign}{name}={}", encoded(value));
    }
    Redirect::to(&url).into_response()
}

/// Percent-encodes all but the signs that never need it.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn choice(state: &State, parameters: &Parameters) -> Response {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
    };
    let mut form = String::new();
    for (name, value) in parameters.iter().filter(|(name, _)| *name != "user") {
        let (name, value) = (escape(name), escape(value));
        let _ = writeln!(
            form,
            r#"<input type="hidden" name="{name}" value="{value}">"#
        );
    }
    for user in &state.options.users {
        let (id, name) = (escape(&user.id), escape(&user.name));
        let _ = writeln!(
            form,
            r#"<p><button name="user" value="{id}">{name}</button></p>"#
        );
    }
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Sign in</title>\n\
         <h1>Who are you?</h1>\n<p>A stand-in for a sign-in provider: it asks for no password.</p>\n\
         <form method=\"post\" action=\"authorize\">\n{form}\
         <p><button name=\"user\" value=\"\">Cancel</button></p></form></html>\n"
    );
    // No form-action: it would hold for the way back to the client, too.
    let policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
