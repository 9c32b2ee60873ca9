//! Signatures as Standard Webhooks has them, as its page describes them.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How far a signature's time may be from now, in seconds.
const TOLERANCE: u64 = 300;

/// A fresh secret.
pub(super) fn made_up() -> String {
    let bytes: Vec<u8> = (0..32).map(|_| fastrand::u8(..)).collect();
    format!("whsec_{}", STANDARD.encode(bytes))
}

/// Now, in seconds.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The signature of a call.
pub(super) fn signature(secret: &str, id: &str, at: u64, body: &[u8]) -> String {
    let key = secret.trim_start_matches("whsec_");
    let key = STANDARD.decode(key).unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length of key will do");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Checks the headers of a call; answers its id.
pub(super) fn verify(
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let id = header("webhook-id").ok_or("webhook-id is missing")?;
    let at = header("webhook-timestamp").ok_or("webhook-timestamp is missing")?;
    let signatures = header("webhook-signature").ok_or("webhook-signature is missing")?;
    let at: u64 = at.parse().map_err(|_| "webhook-timestamp is no number")?;
    if at.abs_diff(now()) > TOLERANCE {
        return Err("webhook-timestamp is too far from now");
    }
    let expected = signature(secret, id, at, body);
    // A stand-in's secret is worth nothing, so an ordinary comparison will do.
    if !signatures.split(' ').any(|given| given == expected) {
        return Err("webhook-signature does not match");
    }
    Ok(id.to_owned())
}
