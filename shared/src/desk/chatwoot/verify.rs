//! Whether a webhook is Chatwoot's.

use secrecy::ExposeSecret as _;

use super::config::Config;
use crate::desk::signature::{fresh, hmac_sha256, same};
use crate::desk::{Refused, Unverified};
use crate::time::Millis;

const TIMESTAMP: &str = "x-chatwoot-timestamp";
const SIGNATURE: &str = "x-chatwoot-signature";

/// Checks the token in the path and the signature, each where the instance has it: hex of
/// HMAC-SHA256 over `timestamp.body`, the time in seconds (Chatwoot's `lib/webhooks/trigger.rb`
/// and its OpenAPI document; account webhooks since 4.11.2, API inboxes since 4.13.0).
pub(super) fn verify(config: &Config, call: &Unverified<'_>, now: Millis) -> Result<(), Refused> {
    if let Some(tokens) = &config.path_tokens
        && !call.path_token.is_some_and(|token| tokens.accept(token))
    {
        return Err(Refused::PathToken);
    }
    if config.webhook_secrets.is_empty() {
        // The token was required then.
        return Ok(());
    }
    let timestamp = call
        .header(TIMESTAMP)
        .filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(Refused::Header(TIMESTAMP))?;
    let at = timestamp
        .parse::<Millis>()
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000))
        .ok_or(Refused::Header(TIMESTAMP))?;
    let mut signature = [0; 32];
    call.header(SIGNATURE)
        .and_then(|value| value.strip_prefix("sha256="))
        .and_then(|digits| hex::decode_to_slice(digits, &mut signature).ok())
        .ok_or(Refused::Header(SIGNATURE))?;
    let matches = config.webhook_secrets.iter().any(|secret| {
        let secret = secret.expose_secret().as_bytes();
        same(
            &hmac_sha256(secret, &[timestamp.as_bytes(), b".", call.body]),
            &signature,
        )
    });
    if !matches {
        return Err(Refused::Signature);
    }
    fresh(at, now)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::{HeaderMap, HeaderValue};
    use serde_json::json;

    use super::super::config::tests::with;
    use super::*;
    use crate::desk::Route;
    use crate::token::Tokens;

    const NOW: Millis = 1_700_000_000_000;
    const BODY: &[u8] = br#"{"event":"message_created"}"#;
    // Made with Chatwoot's recipe: the vendor publishes no vector.
    const VECTOR: &str = "sha256=9dcdcaaadf7652a518bc7d9ec7403c6cbae2abfba9cf20f561683beec1e34b81";

    fn headers(timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP, HeaderValue::from_str(timestamp).unwrap());
        headers.insert(SIGNATURE, HeaderValue::from_str(signature).unwrap());
        headers
    }

    fn check(
        config: &Config,
        headers: &HeaderMap,
        body: &[u8],
        token: Option<&str>,
        now: Millis,
    ) -> Result<(), Refused> {
        let call = Unverified {
            route: Route::Events,
            path_token: token,
            headers,
            body,
        };
        verify(config, &call, now)
    }

    #[test]
    fn the_vector_is_taken_and_anything_changed_is_not() {
        let config = with(|_| {}).unwrap();
        let right = headers("1700000000", VECTOR);
        assert_eq!(check(&config, &right, BODY, None, NOW), Ok(()));
        assert_eq!(check(&config, &right, BODY, None, NOW + 300_000), Ok(()));
        for now in [NOW + 300_001, NOW - 300_001] {
            assert_eq!(check(&config, &right, BODY, None, now), Err(Refused::Stale));
        }
        let changed = check(&config, &right, b"{}", None, NOW);
        assert_eq!(changed, Err(Refused::Signature));
        let later = headers("1700000001", VECTOR);
        assert_eq!(
            check(&config, &later, BODY, None, NOW),
            Err(Refused::Signature)
        );
        let other = with(|secret| secret["webhook_secret"] = json!("other")).unwrap();
        assert_eq!(
            check(&other, &right, BODY, None, NOW),
            Err(Refused::Signature)
        );
        let rotated = with(|secret| secret["webhook_secret"] = json!(["other", "test-secret"]));
        assert_eq!(check(&rotated.unwrap(), &right, BODY, None, NOW), Ok(()));
    }

    #[test]
    fn headers_that_are_missing_or_odd_are_named() {
        let config = with(|_| {}).unwrap();
        for (timestamp, signature, named) in [
            ("", VECTOR, TIMESTAMP),
            ("-1700000000", VECTOR, TIMESTAMP),
            ("99999999999999999999", VECTOR, TIMESTAMP),
            ("9223372036854775807", VECTOR, TIMESTAMP),
            ("1700000000", "", SIGNATURE),
            ("1700000000", &VECTOR[7..], SIGNATURE),
            ("1700000000", &VECTOR[..69], SIGNATURE),
            ("1700000000", "sha256=", SIGNATURE),
        ] {
            let found = check(&config, &headers(timestamp, signature), BODY, None, NOW);
            assert_eq!(
                found,
                Err(Refused::Header(named)),
                "{timestamp} {signature}"
            );
        }
        let none = check(&config, &HeaderMap::new(), BODY, None, NOW);
        assert_eq!(none, Err(Refused::Header(TIMESTAMP)));
    }

    #[test]
    fn a_token_in_the_path_is_asked_for_where_there_is_one_with_or_without_signature() {
        let tokens = json!([Tokens::hash("token")]);
        let both = with(|secret| secret["path_token_sha256s"] = tokens.clone()).unwrap();
        let right = headers("1700000000", VECTOR);
        assert_eq!(check(&both, &right, BODY, Some("token"), NOW), Ok(()));
        for token in [None, Some(""), Some("other")] {
            assert_eq!(
                check(&both, &right, BODY, token, NOW),
                Err(Refused::PathToken)
            );
        }
        let unsigned = check(&both, &HeaderMap::new(), BODY, Some("token"), NOW);
        assert_eq!(unsigned, Err(Refused::Header(TIMESTAMP)));
        let alone = with(|secret| {
            secret["webhook_secret"] = json!(null);
            secret["path_token_sha256s"] = tokens;
        })
        .unwrap();
        let none = HeaderMap::new();
        assert_eq!(check(&alone, &none, BODY, Some("token"), NOW), Ok(()));
        assert_eq!(
            check(&alone, &none, BODY, None, NOW),
            Err(Refused::PathToken)
        );
    }
}
