//! Zendesk's calls to us: whether they are its own, and which kind they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::config::Config;
use super::{event, trigger};
use crate::conversation::fingerprint;
use crate::desk::signature::{fresh, hmac_sha256, same};
use crate::desk::{Received, Refused, Route, SignedCall, Unreadable, Unverified, Verified};
use crate::time::Millis;

const SIGNATURE: &str = "x-zendesk-webhook-signature";
const SIGNED_AT: &str = "x-zendesk-webhook-signature-timestamp";
/// Names an invocation over all its attempts ("Anatomy of a webhook request").
const INVOCATION: &str = "x-zendesk-webhook-invocation-id";

/// Takes what is signed with one of the secrets, now: base64 of HMAC-SHA256 over the time as it
/// stands and the body ("Verifying webhook authenticity"). Zendesk names no tolerance; ours is
/// that of the others.
pub(super) fn verify<'a>(
    secrets: &[SecretString],
    call: Unverified<'a>,
    now: Millis,
) -> Result<Verified<'a>, Refused> {
    if call.route != Route::Events {
        return Err(Refused::NoWebhooks);
    }
    // This desk signs, so it has no tokens: an address with one is not what was handed out.
    if call.path_token.is_some() {
        return Err(Refused::PathToken);
    }
    let signature = call.header(SIGNATURE).ok_or(Refused::Header(SIGNATURE))?;
    let signed_at = call.header(SIGNED_AT).ok_or(Refused::Header(SIGNED_AT))?;
    let at = millis(signed_at).ok_or(Refused::Header(SIGNED_AT))?;
    let signature = STANDARD
        .decode(signature)
        .map_err(|_| Refused::Header(SIGNATURE))?;
    fresh(at, now)?;
    let signed = [signed_at.as_bytes(), call.body];
    // All are compared, so that the time tells nothing about which one it was.
    let known = secrets.iter().fold(false, |known, secret| {
        let ours = hmac_sha256(secret.expose_secret().as_bytes(), &signed);
        known | same(&ours, &signature)
    });
    if known {
        Ok(call.into_verified())
    } else {
        Err(Refused::Signature)
    }
}

/// Reads an event, or what a trigger sends.
pub(super) fn parse(config: &Config, call: &Verified<'_>) -> Result<Received, Unreadable> {
    let body: Value = serde_json::from_slice(call.body).map_err(|error| {
        Unreadable(format!(
            "not JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if body.get(trigger::MARK).is_some() {
        // The body of a trigger has no id of its own, and the invocation's is not signed.
        let delivery = invocation(call)?.to_owned();
        let signed_at = call.header(SIGNED_AT).unwrap_or_default();
        return Ok(Received {
            events: trigger::parse(config, &delivery, &body)?,
            signed: Some(SignedCall {
                fingerprint: fingerprint(&[signed_at.as_bytes(), call.body]),
                delivery,
            }),
            ..Received::default()
        });
    }
    if body.get("type").is_some() {
        return Ok(Received {
            events: event::parse(config, &body)?.into_iter().collect(),
            ..Received::default()
        });
    }
    Err(Unreadable(format!(
        "neither an event (type) nor a trigger's body ({})",
        trigger::MARK
    )))
}

fn invocation<'a>(call: &Verified<'a>) -> Result<&'a str, Unreadable> {
    let named = call.header(INVOCATION);
    named.ok_or_else(|| Unreadable(format!("{INVOCATION}: missing")))
}

/// A time as Zendesk writes it (RFC 3339), in milliseconds since 1970.
pub(super) fn millis(text: &str) -> Option<Millis> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Millis::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

/// An id, which Zendesk writes as a text or as a number.
pub(super) fn id(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderMap;

    use super::*;

    /// Of "Verifying webhook authenticity": the secret of test webhooks. The signature was made
    /// with Python's hmac; Zendesk publishes none.
    const SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";
    const AT: &str = "2021-03-25T05:09:27Z";
    const BODY: &[u8] = br#"{"event":"ticket.updated","id":123}"#;
    const SIGNED: &str = "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=";
    const NOW: Millis = 1_616_648_967_000;

    fn headers(signature: Option<&str>, at: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(SIGNATURE, signature), (SIGNED_AT, at)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        headers
    }

    fn refusal(
        headers: &HeaderMap,
        body: &[u8],
        now: Millis,
        change: impl FnOnce(&mut Unverified<'_>),
    ) -> Option<Refused> {
        let mut call = Unverified {
            route: Route::Events,
            path_token: None,
            headers,
            body,
        };
        change(&mut call);
        let secrets = ["another".into(), SECRET.into()];
        verify(&secrets, call, now).err()
    }

    #[test]
    fn a_signature_is_over_the_time_and_the_body() {
        let right = headers(Some(SIGNED), Some(AT));
        assert_eq!(refusal(&right, BODY, NOW, |_| {}), None);
        assert_eq!(refusal(&right, BODY, NOW + 300_000, |_| {}), None);
        let changed = br#"{"event":"ticket.updated","id":124}"#;
        for (body, at) in [
            (&changed[..], AT),
            (&b""[..], AT),
            (BODY, "2021-03-25T05:09:28Z"),
        ] {
            let headers = headers(Some(SIGNED), Some(at));
            assert_eq!(
                refusal(&headers, body, NOW, |_| {}),
                Some(Refused::Signature)
            );
        }
        // Base64 of something shorter, and of nothing.
        for signature in ["S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+", ""] {
            let headers = headers(Some(signature), Some(AT));
            assert_eq!(
                refusal(&headers, BODY, NOW, |_| {}),
                Some(Refused::Signature)
            );
        }
    }

    #[test]
    fn what_is_missing_old_or_elsewhere_is_refused() {
        let right = headers(Some(SIGNED), Some(AT));
        for now in [NOW - 300_001, NOW + 300_001] {
            assert_eq!(refusal(&right, BODY, now, |_| {}), Some(Refused::Stale));
        }
        for (signature, at, name) in [
            (None, Some(AT), SIGNATURE),
            (Some("no base64!"), Some(AT), SIGNATURE),
            (Some(SIGNED), None, SIGNED_AT),
            (Some(SIGNED), Some("1616648967"), SIGNED_AT),
        ] {
            let headers = headers(signature, at);
            assert_eq!(
                refusal(&headers, BODY, NOW, |_| {}),
                Some(Refused::Header(name))
            );
        }
        let token = refusal(&right, BODY, NOW, |call| call.path_token = Some("x"));
        assert_eq!(token, Some(Refused::PathToken));
        let route = refusal(&right, BODY, NOW, |call| call.route = Route::Interactions);
        assert_eq!(route, Some(Refused::NoWebhooks));
    }

    #[test]
    fn times_come_with_fractions_and_without() {
        assert_eq!(millis(AT), Some(NOW));
        assert_eq!(millis("2021-03-25T05:09:27.672717030Z"), Some(NOW + 672));
        assert_eq!(millis("2021-03-25T07:09:27+02:00"), Some(NOW));
        assert_eq!(millis("yesterday"), None);
    }
}
