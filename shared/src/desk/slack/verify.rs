//! Whether a call is Slack's: its signature over the time and the body's bytes
//! (docs.slack.dev, "Verifying requests from Slack").

use secrecy::{ExposeSecret as _, SecretString};

use crate::desk::signature::{fresh, hmac_sha256, same};
use crate::desk::{Refused, Unverified, Verified};
use crate::time::Millis;

const TIMESTAMP: &str = "x-slack-request-timestamp";
const SIGNATURE: &str = "x-slack-signature";

/// Takes a call that one of the secrets signed within five minutes. Events and interactions are
/// signed alike.
pub(super) fn verify<'a>(
    call: Unverified<'a>,
    secrets: &[SecretString],
    now: Millis,
) -> Result<Verified<'a>, Refused> {
    // This desk's address has no token: one that has is not the address that Slack was given.
    if call.path_token.is_some() {
        return Err(Refused::PathToken);
    }
    let timestamp = call.header(TIMESTAMP).ok_or(Refused::Header(TIMESTAMP))?;
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refused::Header(TIMESTAMP));
    }
    let seconds: Millis = timestamp.parse().map_err(|_| Refused::Stale)?;
    fresh(seconds.checked_mul(1_000).ok_or(Refused::Stale)?, now)?;
    let mut given = [0; 32];
    call.header(SIGNATURE)
        .and_then(|signature| signature.strip_prefix("v0="))
        .and_then(|hex| hex::decode_to_slice(hex, &mut given).ok())
        .ok_or(Refused::Header(SIGNATURE))?;
    let parts: [&[u8]; 4] = [b"v0:", timestamp.as_bytes(), b":", call.body];
    // All are tried, so that the time does not tell which one fits.
    let fits = secrets.iter().fold(false, |fits, secret| {
        fits | same(
            &hmac_sha256(secret.expose_secret().as_bytes(), &parts),
            &given,
        )
    });
    if fits {
        Ok(call.into_verified())
    } else {
        Err(Refused::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Route;
    use lambda_http::http::{HeaderMap, HeaderValue};

    // Published by Slack ("Verifying requests from Slack").
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const NOW: Millis = 1_531_420_618_000;

    fn outcome(at: &str, signature: &str, body: &str, now: Millis) -> Result<(), Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(TIMESTAMP, at), (SIGNATURE, signature)] {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        let call = Unverified {
            route: Route::Interactions,
            path_token: None,
            headers: &headers,
            body: body.as_bytes(),
        };
        let secrets = ["another".into(), SECRET.into()];
        verify(call, &secrets, now).map(|verified| assert_eq!(verified.body, body.as_bytes()))
    }

    #[test]
    fn the_published_vector_passes_with_either_of_two_secrets() {
        assert_eq!(outcome(AT, SIGNED, BODY, NOW), Ok(()));
        assert_eq!(outcome(AT, SIGNED, BODY, NOW + 300_000), Ok(()));
    }

    #[test]
    fn all_else_is_refused() {
        let changed = BODY.replace("foobar", "foobaz");
        for (at, signature, body, now, refused) in [
            (AT, SIGNED, changed.as_str(), NOW, Refused::Signature),
            ("1531420619", SIGNED, BODY, NOW, Refused::Signature),
            (AT, SIGNED, BODY, NOW + 300_001, Refused::Stale),
            (AT, SIGNED, BODY, NOW - 300_001, Refused::Stale),
            ("99999999999999999999", SIGNED, BODY, NOW, Refused::Stale),
            ("9223372036854775807", SIGNED, BODY, NOW, Refused::Stale),
            ("", SIGNED, BODY, NOW, Refused::Header(TIMESTAMP)),
            ("-1531420618", SIGNED, BODY, NOW, Refused::Header(TIMESTAMP)),
            ("+1531420618", SIGNED, BODY, NOW, Refused::Header(TIMESTAMP)),
            (AT, "", BODY, NOW, Refused::Header(SIGNATURE)),
            (AT, &SIGNED[3..], BODY, NOW, Refused::Header(SIGNATURE)),
            (AT, "v0=", BODY, NOW, Refused::Header(SIGNATURE)),
            (
                AT,
                &SIGNED[..SIGNED.len() - 2],
                BODY,
                NOW,
                Refused::Header(SIGNATURE),
            ),
        ] {
            assert_eq!(outcome(at, signature, body, now), Err(refused), "{at}");
        }
    }

    #[test]
    fn an_address_with_a_token_is_not_the_one_slack_was_given() {
        let headers = HeaderMap::new();
        let call = Unverified {
            route: Route::Events,
            path_token: Some("x"),
            headers: &headers,
            body: b"",
        };
        assert_eq!(
            verify(call, &[SECRET.into()], NOW).err(),
            Some(Refused::PathToken)
        );
    }
}
