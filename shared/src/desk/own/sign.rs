//! Signatures as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretBox};
use serde_json::Value;

use super::super::signature::{fresh, hmac_sha256, same};
use super::super::{Refused, Unverified};
use crate::time::Millis;

/// The headers' names behind their prefix.
pub(super) const ID: &str = "id";
const TIMESTAMP: &str = "timestamp";
const SIGNATURE: &str = "signature";
/// The headers' prefixes: the standard's, and the one that older senders of the same scheme use.
const FAMILIES: [&str; 2] = ["webhook-", "svix-"];
/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// How many random bytes a secret has (Standard Webhooks, "signature scheme").
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The version of a signature that is symmetric.
const VERSION: &str = "v1,";

/// One secret, or two while one is replaced by the other.
pub(super) struct Keys(Vec<SecretBox<Vec<u8>>>);

impl Keys {
    /// Reads a member of the secret: one `whsec_…`, or a list of one or two.
    ///
    /// # Errors
    /// When it is anything else; names the member and quotes nothing.
    pub(super) fn of(member: &str, given: Option<&Value>) -> Result<Self, String> {
        let given = match given {
            None | Some(Value::Null) => return Err(format!("{member} is missing")),
            Some(Value::Array(several)) => several.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        if !(1..=2).contains(&given.len()) {
            return Err(format!("{member} must be one secret, or a list of two"));
        }
        let keys = given.iter().map(key).collect::<Option<Vec<_>>>();
        keys.map(Self).ok_or_else(|| {
            format!(
                "{member} must be {SECRET_PREFIX} and {} to {} bytes in base64",
                SECRET_BYTES.start(),
                SECRET_BYTES.end()
            )
        })
    }

    /// The value of the signature's header: a signature by each key. `at` is in seconds.
    pub(super) fn sign(&self, id: &str, at: i64, body: &[u8]) -> String {
        let at = at.to_string();
        let signatures = self
            .0
            .iter()
            .map(|key| format!("{VERSION}{}", STANDARD.encode(mac(key, id, &at, body))));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Says whether a call was signed by one of the keys, and lately.
    ///
    /// # Errors
    /// When it was not.
    pub(super) fn verify(&self, call: &Unverified<'_>, now: Millis) -> Result<(), Refused> {
        let header = |name, refused| {
            header(|name| call.header(name), name)
                .filter(|value| !value.is_empty())
                .ok_or(Refused::Header(refused))
        };
        let id = header(ID, "webhook-id")?;
        let at = header(TIMESTAMP, "webhook-timestamp")?;
        let signatures = header(SIGNATURE, "webhook-signature")?;
        // With a dot in it, an id could take over the beginning of the time.
        if id.contains('.') {
            return Err(Refused::Header("webhook-id"));
        }
        let seconds: i64 = at
            .parse()
            .map_err(|_| Refused::Header("webhook-timestamp"))?;
        fresh(seconds.saturating_mul(1_000), now)?;
        // Other versions may stand beside it; what cannot be decoded matches nothing.
        let given: Vec<Vec<u8>> = signatures
            .split(' ')
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix(VERSION)?).ok())
            .collect();
        let matches = self.0.iter().any(|key| {
            let expected = mac(key, id, at, call.body);
            given.iter().any(|given| same(given, &expected))
        });
        if matches {
            Ok(())
        } else {
            Err(Refused::Signature)
        }
    }
}

/// A header of either family. They are not mixed: the standard's count where its id is there.
pub(super) fn header<'a>(get: impl Fn(&str) -> Option<&'a str>, name: &str) -> Option<&'a str> {
    let family = FAMILIES
        .iter()
        .find(|family| get(&format!("{family}{ID}")).is_some())?;
    get(&format!("{family}{name}"))
}

fn key(given: &Value) -> Option<SecretBox<Vec<u8>>> {
    let encoded = given.as_str()?.strip_prefix(SECRET_PREFIX)?;
    let bytes = STANDARD.decode(encoded).ok()?;
    SECRET_BYTES
        .contains(&bytes.len())
        .then(|| SecretBox::new(Box::new(bytes)))
}

fn mac(key: &SecretBox<Vec<u8>>, id: &str, at: &str, body: &[u8]) -> [u8; 32] {
    let parts = [id.as_bytes(), b".", at.as_bytes(), b".", body];
    hmac_sha256(key.expose_secret(), &parts)
}
