//! What an instance's object in the secret holds.

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::desk::DeskHttp;

/// Slack's Web API.
const BASE_URL: &str = "https://slack.com/api";
const MEMBERS: [&str; 6] = [
    "kind",
    "bot_token",
    "signing_secret",
    "channel",
    "team_id",
    "base_url",
];

/// An instance's settings.
#[derive(Debug)]
pub(super) struct Config {
    /// `xoxb-…`, from "OAuth & Permissions".
    pub(super) bot_token: SecretString,
    /// From "Basic information": one, or two while it is replaced.
    pub(super) signing_secrets: Vec<SecretString>,
    /// The id of the channel that chats go to.
    pub(super) channel: String,
    /// The workspace; where it is given, calls about others are ignored.
    pub(super) team_id: Option<String>,
    /// Where the Web API is.
    pub(super) base_url: String,
}

impl Config {
    /// Reads the object. The error names the member that is wrong, never a value.
    pub(super) fn read(secret: &Value, http: &DeskHttp) -> Result<Self, String> {
        let members = secret.as_object().ok_or("must be an object")?;
        if let Some(unknown) = members.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            return Err(format!("{unknown}: unknown member"));
        }
        let bot_token = required(members, "bot_token")?;
        if !bot_token.starts_with("xoxb-") {
            return Err("bot_token must begin with xoxb-".to_owned());
        }
        let channel = required(members, "channel")?;
        if !is_id(channel, &['C', 'G']) {
            return Err("channel must be an id such as C024BE91L, not a name".to_owned());
        }
        let team_id = optional(members, "team_id")?;
        if team_id.is_some_and(|id| !is_id(id, &['T', 'E'])) {
            return Err("team_id must be an id such as T1DC2JH3J".to_owned());
        }
        let base_url = optional(members, "base_url")?.unwrap_or(BASE_URL);
        Ok(Self {
            bot_token: bot_token.into(),
            signing_secrets: signing_secrets(members)?,
            channel: channel.to_owned(),
            team_id: team_id.map(str::to_owned),
            base_url: http.base_url("base_url", base_url)?,
        })
    }
}

fn signing_secrets(members: &Map<String, Value>) -> Result<Vec<SecretString>, String> {
    const WRONG: &str = "signing_secret must be a text or a list of one or two";
    let given = members
        .get("signing_secret")
        .ok_or("signing_secret is missing")?;
    let list = match given {
        Value::Array(list) if (1..=2).contains(&list.len()) => list.as_slice(),
        Value::String(_) => std::slice::from_ref(given),
        _ => return Err(WRONG.to_owned()),
    };
    let texts = list.iter().map(|secret| match secret.as_str() {
        Some(text) if !text.is_empty() => Ok(text.into()),
        _ => Err(WRONG.to_owned()),
    });
    texts.collect()
}

fn required<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    optional(members, name)?.ok_or_else(|| format!("{name} is missing"))
}

fn optional<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("{name} must be a text that is not empty")),
    }
}

/// Whether this is one of Slack's ids: a capital letter that says what it is, then capital letters
/// and digits.
pub(super) fn is_id(id: &str, kinds: &[char]) -> bool {
    id.starts_with(kinds)
        && (2..=32).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{http, secret};
    use super::*;
    use serde_json::json;

    fn with(name: &str, value: Value) -> Value {
        let mut secret = secret();
        secret[name] = value;
        secret
    }

    #[test]
    fn slack_itself_is_called_unless_told_otherwise() {
        let config = Config::read(&secret(), &http()).unwrap();
        assert_eq!(config.base_url, BASE_URL);
        let two = with("signing_secret", json!(["old", "new"]));
        assert_eq!(
            Config::read(&two, &http()).unwrap().signing_secrets.len(),
            2
        );
        let local = with("base_url", json!("http://127.0.0.1:1/api/"));
        assert_eq!(
            Config::read(&local, &http()).unwrap().base_url,
            "http://127.0.0.1:1/api"
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_never_quoted() {
        for (name, value, says) in [
            ("bot_token", json!("xoxp-hush"), "bot_token must begin"),
            ("bot_token", json!(5), "bot_token must be a text"),
            ("channel", json!("#support-hush"), "channel must be an id"),
            ("channel", json!(""), "channel must be a text"),
            ("signing_secret", json!([]), "signing_secret must be"),
            (
                "signing_secret",
                json!(["a", "b", "hush"]),
                "signing_secret must be",
            ),
            ("signing_secret", json!([""]), "signing_secret must be"),
            ("team_id", json!("hush"), "team_id must be an id"),
            ("base_url", json!("ftp://hush"), "base_url must begin"),
            ("signing_secrets", json!("hush"), "signing_secrets: unknown"),
        ] {
            let error = Config::read(&with(name, value), &http()).unwrap_err();
            assert!(error.starts_with(says), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
        for name in ["bot_token", "signing_secret", "channel"] {
            let mut secret = secret();
            secret.as_object_mut().unwrap().remove(name);
            let error = Config::read(&secret, &http()).unwrap_err();
            assert_eq!(error, format!("{name} is missing"));
        }
    }
}
