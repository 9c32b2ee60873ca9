//! What signatures of webhooks have in common: an HMAC, compared in constant time, and a time that
//! must be near.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::Refused;
use crate::time::Millis;

/// How far a signature's time may be from now, in milliseconds: five minutes, as Slack, Chatwoot
/// and the reference libraries of Standard Webhooks have it.
pub const TOLERANCE: Millis = 300_000;

/// HMAC-SHA256 (RFC 2104) of these parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether two byte strings are the same, in a time that tells nothing but their lengths.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Takes a signature's time if it is near enough to now, before or after.
///
/// # Errors
/// When it is not.
pub fn fresh(at: Millis, now: Millis) -> Result<(), Refused> {
    match at.checked_sub(now).and_then(Millis::checked_abs) {
        Some(distance) if distance <= TOLERANCE => Ok(()),
        _ => Err(Refused::Stale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_of_rfc_4231() {
        // Test case 2.
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(
            hex::encode(mac),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn five_minutes_either_way_and_no_more() {
        let now = 1_700_000_000_000;
        for at in [now, now - TOLERANCE, now + TOLERANCE] {
            assert_eq!(fresh(at, now), Ok(()));
        }
        for at in [
            now - TOLERANCE - 1,
            now + TOLERANCE + 1,
            Millis::MIN,
            Millis::MAX,
        ] {
            assert_eq!(fresh(at, now), Err(Refused::Stale));
        }
    }

    #[test]
    fn nothing_matches_something_empty_or_shorter() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
        assert!(!same(b"", b"abc"));
    }
}
