//! The token endpoint.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::User;
use crate::form::fields;
use crate::keys::secret;
use crate::provider::for_pages;
use crate::state::State;

/// Makes tokens of a code or of a refresh token.
pub(crate) async fn answer(Shared(state): Shared<Arc<State>>, body: String) -> Response {
    let parameters = fields(&body);
    let of = |name: &str| parameters.get(name).map_or("", String::as_str);
    if of("client_id") != state.options.client_id {
        return refused("invalid_client");
    }
    let (user, refresh, nonce) = match of("grant_type") {
        "authorization_code" => {
            // Used up, whatever comes of it.
            let Some(grant) = state.memory().redeem(of("code")) else {
                return refused("invalid_grant");
            };
            let challenge = BASE64URL.encode(Sha256::digest(of("code_verifier")));
            if challenge != grant.challenge || of("redirect_uri") != grant.redirect_uri {
                return refused("invalid_grant");
            }
            let mut memory = state.memory();
            memory.sign_ins += 1;
            let refresh = memory.first_refresh(&grant.user);
            (grant.user, refresh, grant.nonce)
        }
        "refresh_token" => {
            let mut memory = state.memory();
            let Some((user, next)) = memory.rotate(of("refresh_token")) else {
                return refused("invalid_grant");
            };
            memory.refreshes += 1;
            (user, next, None)
        }
        _ => return refused("unsupported_grant_type"),
    };
    let Some(known) = state.user(&user) else {
        return refused("invalid_grant");
    };
    let id_claims = id_claims(&state, known, nonce);
    let access_claims = access_claims(&state, &user);
    let memory = state.memory();
    let (key, lifetime) = (memory.key.clone(), memory.token_lifetime);
    drop(memory);
    for_pages(json!({
        "id_token": key.sign(&id_claims),
        "access_token": key.sign(&access_claims),
        "refresh_token": refresh,
        "expires_in": lifetime.as_secs(),
        "token_type": "Bearer",
    }))
}

fn refused(error: &str) -> Response {
    let mut response = for_pages(json!({"error": error}));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

pub(crate) fn id_claims(state: &State, user: &User, nonce: Option<String>) -> Value {
    let mut claims = times(state);
    let own = json!({
        "iss": state.issuer, "aud": state.options.client_id, "sub": user.id, "token_use": "id",
        "name": user.name, "email": user.email, "email_verified": true,
        "cognito:groups": user.groups, "jti": secret(),
    });
    extend(&mut claims, own);
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    claims
}

pub(crate) fn access_claims(state: &State, user: &str) -> Value {
    let mut claims = times(state);
    let own = json!({
        "iss": state.issuer, "client_id": state.options.client_id, "sub": user,
        "token_use": "access", "scope": "openid profile email", "jti": secret(),
    });
    extend(&mut claims, own);
    claims
}

fn times(state: &State) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let lifetime = state.memory().token_lifetime.as_secs();
    json!({"iat": now, "auth_time": now, "exp": now + lifetime})
}

fn extend(claims: &mut Value, more: Value) {
    if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
        claims.extend(more);
    }
}
