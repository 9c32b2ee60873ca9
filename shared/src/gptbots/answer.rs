//! What an answer of GPTBots' API means (contract, section 4).

use std::time::Duration;

use serde_json::Value;

use crate::outbound;
use crate::time::Millis;

/// Why a call to GPTBots did not work, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The same call may work later; not before the given time, where GPTBots says so.
    Transient {
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// Too many calls with this key: the same call works later.
    RateLimited {
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// The key was refused. Permanent, unless the key has been replaced meanwhile.
    Unauthorized,
    /// The conversation does not exist, has ended, or belongs to somebody else.
    ConversationGone,
    /// The same call will never work.
    Permanent,
}

/// A call to GPTBots that did not work.
///
/// Says what came back in codes only: neither key nor text nor GPTBots' own message, which can
/// quote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{summary}")]
pub struct CallError {
    /// What to do about it.
    pub fault: Fault,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// GPTBots' code, where there was one.
    pub code: Option<i64>,
    /// What happened, in words for people.
    pub summary: String,
}

impl CallError {
    /// No answer at all: refused, reset, timed out.
    pub(super) fn no_answer(summary: &str) -> Self {
        Self {
            fault: Fault::Transient { retry_after: None },
            status: None,
            code: None,
            summary: summary.to_owned(),
        }
    }

    /// A call that cannot even be made.
    pub(super) fn unusable(summary: impl Into<String>) -> Self {
        Self {
            fault: Fault::Permanent,
            status: None,
            code: None,
            summary: summary.into(),
        }
    }
}

/// Reads an answer: 2xx without a code, or with code 0 or 200, is success; any other code, also
/// inside a 2xx, is a failure. `retry_after` is the header of that name, in seconds or as a date,
/// which `now` is compared to.
///
/// # Errors
/// When the answer is a failure; the error says which kind.
pub fn read_answer(
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    now: Millis,
) -> Result<(), CallError> {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let code = code_of(&body);
    let fine = (200..300).contains(&status);
    if fine && matches!(code, None | Some(0 | 200)) {
        return Ok(());
    }
    let retry_after = retry_after.and_then(|value| outbound::retry_after(value, now));
    let (fault, what) = match (code, status) {
        (Some(40001), _) | (_, 429) => (Fault::RateLimited { retry_after }, "rate limit reached"),
        (Some(40356), _) => (
            Fault::ConversationGone,
            "the conversation does not exist, or has ended, at GPTBots",
        ),
        (Some(40358), _) => (
            Fault::ConversationGone,
            "at GPTBots the conversation belongs to another bot than the API key, or to another user",
        ),
        (Some(40127), _) | (_, 401 | 403) => (Fault::Unauthorized, "API key refused"),
        (Some(40000), _) => (Fault::Permanent, "parameter error"),
        (Some(20055), _) => (Fault::Permanent, "the bot's API channel is switched off"),
        (Some(20059 | 40378), _) => (Fault::Permanent, "the bot has been deleted"),
        (Some(20022 | 40379), _) => (Fault::Permanent, "out of credits"),
        (Some(50000), _) | (_, 408 | 500..) => {
            (Fault::Transient { retry_after }, "GPTBots' server failed")
        }
        // A code nobody has documented, in a 2xx or a 4xx: trying again would repeat it.
        _ => (Fault::Permanent, "refused"),
    };
    let code_text = code.map_or_else(String::new, |code| format!(", code {code}"));
    Err(CallError {
        fault,
        status: Some(status),
        code,
        summary: format!("{what} (HTTP {status}{code_text})"),
    })
}

/// `{code, …}` or `{"error": {code, …}}`; a number, or a number in quotes.
fn code_of(body: &Value) -> Option<i64> {
    let code = body
        .get("code")
        .or_else(|| body.get("error")?.get("code"))?;
    code.as_i64().or_else(|| code.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, body: &str) -> Fault {
        read_answer(status, None, body.as_bytes(), 0)
            .unwrap_err()
            .fault
    }

    #[test]
    fn success_is_a_2xx_without_a_code_or_with_0_or_200() {
        for body in [
            "",
            "{}",
            r#"{"code":0,"message":"OK","data":1}"#,
            r#"{"code":200}"#,
            r#"{"code":"0"}"#,
            "rubbish",
        ] {
            assert_eq!(read_answer(200, None, body.as_bytes(), 0), Ok(()), "{body}");
        }
    }

    #[test]
    fn every_documented_code_is_known_wherever_it_stands() {
        let transient = Fault::Transient { retry_after: None };
        let limited = Fault::RateLimited { retry_after: None };
        for (code, expected) in [
            (40000, Fault::Permanent),
            (40001, limited.clone()),
            (40127, Fault::Unauthorized),
            (20055, Fault::Permanent),
            (20059, Fault::Permanent),
            (40378, Fault::Permanent),
            (40356, Fault::ConversationGone),
            (40358, Fault::ConversationGone),
            (20022, Fault::Permanent),
            (40379, Fault::Permanent),
            (50000, transient.clone()),
        ] {
            for status in [200, 400] {
                assert_eq!(
                    fault(status, &format!(r#"{{"code":{code}}}"#)),
                    expected,
                    "{code} in {status}"
                );
            }
            assert_eq!(
                fault(
                    400,
                    &format!(r#"{{"error":{{"code":{code},"status":400}}}}"#)
                ),
                expected
            );
        }
        assert_eq!(fault(429, "<html>"), limited);
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(fault(status, "<html>"), transient, "{status}");
        }
        assert_eq!(fault(401, ""), Fault::Unauthorized);
        assert_eq!(fault(403, ""), Fault::Unauthorized);
        assert_eq!(fault(404, ""), Fault::Permanent);
        assert_eq!(fault(200, r#"{"code":12345}"#), Fault::Permanent);
        assert_eq!(
            fault(302, ""),
            Fault::Permanent,
            "redirects are not followed"
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        const NOW: Millis = 784_111_770_000; // Sun, 06 Nov 1994 08:49:30 GMT
        let asked = |value: &str| {
            let limited = read_answer(429, Some(value), b"", NOW).unwrap_err().fault;
            let failed = read_answer(503, Some(value), b"", NOW).unwrap_err().fault;
            match (limited, failed) {
                (Fault::RateLimited { retry_after: a }, Fault::Transient { retry_after: b }) => {
                    assert_eq!(a, b);
                    a.map(|wait| wait.as_secs())
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(asked(" 7 "), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(asked("Sunday, 06-Nov-94 08:49:37 GMT"), Some(7));
        assert_eq!(asked("Sun Nov  6 08:49:37 1994"), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        for rubbish in ["", "-1", "1.5", "soon", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(asked(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn the_error_does_not_repeat_what_gptbots_says() {
        let error = read_answer(
            400,
            None,
            br#"{"code":40000,"message":"body 'secret words' too long"}"#,
            0,
        )
        .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert_eq!(error.to_string(), "parameter error (HTTP 400, code 40000)");
    }
}
