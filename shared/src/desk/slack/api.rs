//! Slack's Web API: calls, and what its answers mean.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::desk::{Call, DeskError, DeskFile, DeskHttp, Reply};

/// JSON bodies name their character set, else Slack warns with each answer (docs.slack.dev, "Using
/// the Slack Web API").
const JSON: &str = "application/json; charset=utf-8";
/// Where files that need the token are.
const FILES_HOST: &str = "files.slack.com";

/// The Web API with an instance's token.
pub(super) struct Api {
    http: DeskHttp,
    base_url: String,
    token: SecretString,
}

/// What every answer begins with. The status is 200 also where it did not work.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    #[serde(default)]
    error: String,
    /// The scope that is missing.
    #[serde(default)]
    needed: String,
}

impl Api {
    pub(super) fn new(http: DeskHttp, base_url: String, token: SecretString) -> Self {
        Self {
            http,
            base_url,
            token,
        }
    }

    pub(super) fn now(&self) -> crate::time::Millis {
        self.http.clock().now()
    }

    /// Calls a method that writes.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
    ) -> Result<T, DeskError> {
        let url = format!("{}/{method}", self.base_url);
        let call = Call::new(reqwest::Method::POST, url)
            .bytes(JSON, body.to_string().into_bytes())
            .bearer(&self.token);
        read(&self.http.send(call).await?)
    }

    /// Calls a method that reads.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        method: &str,
        query: &[(&str, &str)],
    ) -> Result<T, DeskError> {
        let mut url = format!("{}/{method}", self.base_url);
        if !query.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .finish();
            url = format!("{url}?{query}");
        }
        read(&self.http.send(Call::get(url).bearer(&self.token)).await?)
    }

    /// Reads a file that only the token opens: `url_private` and its like need the header and the
    /// scope `files:read`. The token goes to Slack's own host for files and to no other.
    pub(super) async fn download(&self, file: &DeskFile, limit: u64) -> Result<Vec<u8>, DeskError> {
        if !self.is_ours(&file.url) {
            return Err(DeskError::Rejected(
                "the file is not at the desk".to_owned(),
            ));
        }
        if file.bytes.is_some_and(|bytes| bytes > limit) {
            return Err(DeskError::Rejected("the file is too large".to_owned()));
        }
        let call = Call::get(&file.url).bearer(&self.token).limit(limit);
        let reply = self.http.send(call).await?;
        // Without the scope Slack leads to its sign-in page, or shows it.
        let page = reply.body.trim_ascii_start();
        let is_page = page
            .get(..9)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype"));
        let wants_page = file
            .content_type
            .as_deref()
            .is_none_or(|kind| kind.contains("html") || kind.contains("xml"));
        if reply.location.is_some() || (reply.is_fine() && is_page && !wants_page) {
            return Err(DeskError::NotConfigured(
                "files cannot be read: is the scope files:read missing?".to_owned(),
            ));
        }
        match reply.fine() {
            Ok(()) => Ok(reply.body),
            // The file, not the conversation.
            Err(DeskError::Gone(_)) => Err(DeskError::Rejected(
                "the file is not there any more".to_owned(),
            )),
            Err(error) => Err(error),
        }
    }

    fn is_ours(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        let slack = url.scheme() == "https"
            && url.host_str() == Some(FILES_HOST)
            && url.port_or_known_default() == Some(443);
        // An API elsewhere keeps its files beside it.
        slack || Url::parse(&self.base_url).is_ok_and(|base| base.origin() == url.origin())
    }
}

fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, DeskError> {
    let verdict: Verdict = reply.json().map_err(|error| match error {
        // Slack names what is missing inside a 200; a 404 is somebody else's.
        DeskError::Gone(status) => {
            DeskError::NotConfigured(format!("base_url is not Slack's Web API ({status})"))
        }
        other => other,
    })?;
    if verdict.ok {
        reply.json()
    } else {
        Err(refusal(&verdict.error, &verdict.needed, reply.retry_after))
    }
}

/// What an `error` of the Web API means (the tables of errors of the methods' pages at
/// docs.slack.dev).
fn refusal(code: &str, needed: &str, retry_after: Option<Duration>) -> DeskError {
    let code = word(code);
    let not_configured = |what: &str| DeskError::NotConfigured(format!("{what} ({code})"));
    match code.as_str() {
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
            not_configured("the bot token was refused")
        }
        "missing_scope" => not_configured(&format!("the app lacks the scope {}", word(needed))),
        "not_allowed_token_type"
        | "no_permission"
        | "access_denied"
        | "ekm_access_denied"
        | "org_login_required"
        | "enterprise_is_restricted"
        | "team_access_not_granted"
        | "two_factor_setup_required" => not_configured("the app is not allowed to do this"),
        "channel_not_found" => not_configured("the channel is unknown, or the app is not in it"),
        "not_in_channel" => not_configured("the app is not a member of the channel"),
        "is_archived" => not_configured("the channel is archived"),
        "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel" => {
            not_configured("the channel does not let the app write")
        }
        "ratelimited"
        | "rate_limited"
        | "message_limit_exceeded"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "accesslimited"
        | "external_channel_migrating" => DeskError::Unavailable {
            reason: code,
            retry_after,
        },
        "thread_not_found"
        | "message_not_found"
        | "cannot_reply_to_message"
        | "thread_locked"
        | "cant_update_message"
        | "edit_window_closed" => DeskError::Gone(code),
        _ => DeskError::Rejected(code),
    }
}

/// A code or the name of a scope as it may stand in a reason: what comes in an answer is not shown
/// as it is.
fn word(code: &str) -> String {
    let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | ',');
    let word: String = code.chars().filter(known).take(80).collect();
    if word.is_empty() {
        "no reason given".to_owned()
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::http;
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            retry_after: Some(Duration::from_secs(7)),
            location: None,
            body: body.as_bytes().to_vec(),
        }
    }

    fn error(status: u16, body: &str) -> DeskError {
        read::<Value>(&reply(status, body)).unwrap_err()
    }

    #[test]
    fn a_refusal_inside_a_200_is_read() {
        assert!(read::<Value>(&reply(200, r#"{"ok":true}"#)).is_ok());
        let refused = |code: &str| error(200, &format!(r#"{{"ok":false,"error":"{code}"}}"#));
        assert!(matches!(
            refused("invalid_auth"),
            DeskError::NotConfigured(_)
        ));
        assert!(matches!(
            refused("not_in_channel"),
            DeskError::NotConfigured(_)
        ));
        assert!(matches!(refused("msg_too_long"), DeskError::Rejected(_)));
        assert!(matches!(refused("thread_not_found"), DeskError::Gone(_)));
        assert_eq!(
            refused("ratelimited"),
            DeskError::Unavailable {
                reason: "ratelimited".into(),
                retry_after: Some(Duration::from_secs(7))
            }
        );
        assert_eq!(
            error(
                200,
                r#"{"ok":false,"error":"missing_scope","needed":"channels:history"}"#
            ),
            DeskError::NotConfigured(
                "the app lacks the scope channels:history (missing_scope)".into()
            )
        );
    }

    #[test]
    fn a_status_is_read_as_well() {
        assert!(matches!(error(429, ""), DeskError::Unavailable { .. }));
        assert!(matches!(error(503, ""), DeskError::Unavailable { .. }));
        assert!(matches!(
            error(200, "<html>"),
            DeskError::Unavailable { .. }
        ));
        assert!(matches!(error(404, ""), DeskError::NotConfigured(_)));
        assert!(matches!(error(401, ""), DeskError::NotConfigured(_)));
    }

    #[test]
    fn a_reason_holds_a_code_and_nothing_else() {
        let error = refusal("what <b>Ann</b> said: \n\u{1}", "", None);
        assert_eq!(error, DeskError::Rejected("whatbAnnbsaid:".into()));
        assert_eq!(
            refusal("", "", None),
            DeskError::Rejected("no reason given".into())
        );
    }

    #[tokio::test]
    async fn the_token_goes_to_slacks_host_for_files_only() {
        let api = Api::new(http(), "https://slack.com/api".into(), "xoxb-1".into());
        for url in [
            "https://files.slack.com/files-pri/T1-F1/a.png",
            "https://slack.com/files/x",
        ] {
            assert!(api.is_ours(url), "{url}");
        }
        for url in [
            "http://files.slack.com/a",
            "https://files.slack.com.example.com/a",
            "https://files.slack.com:8443/a",
            "https://example.com/files.slack.com",
            "https://files.slack.com@example.com/a",
            "file:///etc/passwd",
            "",
        ] {
            assert!(!api.is_ours(url), "{url}");
            let file = DeskFile {
                name: "a".into(),
                content_type: None,
                bytes: None,
                url: url.into(),
                public: false,
            };
            assert!(matches!(
                api.download(&file, 10).await,
                Err(DeskError::Rejected(_))
            ));
        }
    }
}
