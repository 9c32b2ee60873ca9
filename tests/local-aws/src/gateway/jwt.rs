//! A JWT authorizer, as an HTTP API has it.
//!
//! See <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents,
};
use serde_json::{Map, Value, json};

use crate::time::epoch_millis;

/// Lets requests through that bring a token of one issuer, for one of its audiences.
#[derive(Debug)]
pub struct JwtAuthorizer {
    issuer: String,
    audience: Vec<String>,
    keys: RwLock<Keys>,
}

/// Key id → modulus and exponent.
type Keys = HashMap<String, (Vec<u8>, Vec<u8>)>;

/// Why a token is not taken. The service says no more than "Unauthorized".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtRefusal {
    /// There is no token, or it is none.
    NoToken,
    /// Not signed with RSA, with an unknown key, or wrongly.
    Signature,
    /// Another issuer.
    Issuer,
    /// Another audience.
    Audience,
    /// Expired, or not valid yet.
    Time,
}

impl JwtAuthorizer {
    /// An authorizer for the tokens of this issuer, signed with these keys (a JSON Web Key Set).
    #[must_use]
    pub fn new(issuer: &str, audience: &[&str], jwks: &Value) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.iter().map(|&one| one.to_owned()).collect(),
            keys: RwLock::new(read(jwks)),
        }
    }

    /// Takes other keys in the place of those there are.
    pub fn set_keys(&self, jwks: &Value) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = read(jwks);
    }

    /// What becomes `requestContext.authorizer` for a request with these headers.
    ///
    /// # Errors
    /// When there is no token in them that this authorizer takes.
    pub fn authorize(&self, headers: &HeaderMap) -> Result<Value, JwtRefusal> {
        let authorization = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .ok_or(JwtRefusal::NoToken)?;
        // "The identitySource can include only the token, or the token prefixed with Bearer."
        let token = match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => authorization,
        };
        let claims = self.claims(token)?;
        self.check(&claims)?;
        let claims: Map<_, _> = claims
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(as_text(value))))
            .collect();
        Ok(json!({"jwt": {"claims": claims, "scopes": null}}))
    }

    /// The claims of a token whose signature is right.
    fn claims(&self, token: &str) -> Result<Map<String, Value>, JwtRefusal> {
        let (message, signature) = token.rsplit_once('.').ok_or(JwtRefusal::NoToken)?;
        let (head, payload) = message.split_once('.').ok_or(JwtRefusal::NoToken)?;
        let head = object(head).ok_or(JwtRefusal::NoToken)?;
        let algorithm = match head.get("alg").and_then(Value::as_str) {
            Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
            Some("RS384") => &RSA_PKCS1_2048_8192_SHA384,
            Some("RS512") => &RSA_PKCS1_2048_8192_SHA512,
            _ => return Err(JwtRefusal::Signature),
        };
        let kid = head.get("kid").and_then(Value::as_str).unwrap_or_default();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (n, e) = keys.get(kid).ok_or(JwtRefusal::Signature)?;
        let signature = BASE64URL
            .decode(signature)
            .map_err(|_| JwtRefusal::Signature)?;
        RsaPublicKeyComponents { n, e }
            .verify(algorithm, message.as_bytes(), &signature)
            .map_err(|_| JwtRefusal::Signature)?;
        object(payload).ok_or(JwtRefusal::NoToken)
    }

    fn check(&self, claims: &Map<String, Value>) -> Result<(), JwtRefusal> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(self.issuer.as_str()) {
            return Err(JwtRefusal::Issuer);
        }
        let expected = |one: &str| self.audience.iter().any(|known| known == one);
        let meant = match claims.get("aud") {
            Some(Value::String(one)) => expected(one),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).any(expected),
            Some(_) => false,
            // "API Gateway validates client_id only if aud is not present."
            None => text("client_id").is_some_and(expected),
        };
        if !meant {
            return Err(JwtRefusal::Audience);
        }
        let now = epoch_millis(SystemTime::now()) as f64 / 1000.0;
        let time = |name: &str| claims.get(name).and_then(Value::as_f64);
        let begun = |name: &str| time(name).is_none_or(|at| at <= now);
        if time("exp").is_some_and(|at| at > now) && begun("nbf") && begun("iat") {
            Ok(())
        } else {
            Err(JwtRefusal::Time)
        }
    }
}

fn read(jwks: &Value) -> Keys {
    let keys = jwks["keys"].as_array().into_iter().flatten();
    let key = |key: &Value| {
        let number = |name: &str| BASE64URL.decode(key[name].as_str()?).ok();
        let kid = key["kid"].as_str()?.to_owned();
        Some((kid, (number("n")?, number("e")?)))
    };
    keys.filter_map(key).collect()
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok()
}

/// A claim as the service hands it on: all are strings, and a list is `[a b]`, as its users report.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().map(as_text).collect();
            format!("[{}]", list.join(" "))
        }
        other => other.to_string(),
    }
}
