//! An instance's object in the secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::desk::DeskHttp;

/// How many webhook secrets are taken: a webhook for events, or one for triggers, each with a
/// second secret while it is replaced.
const MAX_SECRETS: usize = 4;

/// What an instance needs to know.
#[derive(Debug)]
pub(super) struct Config {
    /// `https://{subdomain}.zendesk.com`, without a slash at the end.
    pub(super) base_url: String,
    /// The value of the `Authorization` header.
    pub(super) authorization: SecretString,
    /// The id of the user whose credentials these are: what it does is our own echo.
    pub(super) user_id: String,
    /// The webhooks' signing secrets, used as they stand.
    pub(super) webhook_secrets: Vec<SecretString>,
    /// What new tickets are tagged with.
    pub(super) tags: Vec<String>,
    /// The group that new tickets go to.
    pub(super) group_id: Option<u64>,
    /// The brand that new tickets belong to.
    pub(super) brand_id: Option<u64>,
    /// Whether everybody who has an attachment's address can open it.
    pub(super) public_attachments: bool,
}

impl Config {
    /// Reads the instance's object. Errors name the member, never a value.
    pub(super) fn read(object: &Value, http: &DeskHttp) -> Result<Self, String> {
        let object = object.as_object().ok_or("must be an object")?;
        let mut members = Members(object.clone());
        members.0.remove("kind");
        let base_url = members.required_text("base_url")?;
        let config = Self {
            base_url: http.base_url("base_url", &base_url)?,
            authorization: authorization(&mut members)?,
            user_id: members
                .id("user_id")?
                .ok_or("user_id is missing")?
                .to_string(),
            webhook_secrets: members
                .texts("webhook_secrets")?
                .ok_or("webhook_secrets is missing")?
                .into_iter()
                .map(Into::into)
                .collect(),
            tags: members
                .texts("tags")?
                .unwrap_or_else(|| vec!["gptbots".to_owned()]),
            group_id: members.id("group_id")?,
            brand_id: members.id("brand_id")?,
            public_attachments: members.flag("public_attachments")?,
        };
        if !(1..=MAX_SECRETS).contains(&config.webhook_secrets.len()) {
            return Err(format!("webhook_secrets must hold 1 to {MAX_SECRETS}"));
        }
        match members.0.keys().next() {
            Some(unknown) => Err(format!("{unknown} is not known")),
            None => Ok(config),
        }
    }
}

/// An API token with its user's e-mail address, or an OAuth access token
/// (developer.zendesk.com, "Security and authentication").
fn authorization(members: &mut Members) -> Result<SecretString, String> {
    let email = members.text("email")?;
    let token = members.text("api_token")?;
    let access = members.text("access_token")?;
    match (email, token, access) {
        (None, None, Some(access)) => Ok(format!("Bearer {access}").into()),
        (Some(email), Some(token), None) => {
            let pair = STANDARD.encode(format!("{email}/token:{token}"));
            Ok(format!("Basic {pair}").into())
        }
        (_, _, Some(_)) => Err("access_token stands for email and api_token: only one".to_owned()),
        (None, _, None) => Err("email is missing".to_owned()),
        (_, None, None) => Err("api_token is missing".to_owned()),
    }
}

/// The members that have not been read yet.
struct Members(Map<String, Value>);

impl Members {
    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(_) => Err(format!("{name} must be a text that is not empty")),
        }
    }

    fn required_text(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, String> {
        let wrong = || format!("{name} must be a list of texts that are not empty");
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        let list = value.as_array().ok_or_else(wrong)?;
        let texts = list.iter().map(|item| match item {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        });
        Ok(Some(texts.collect::<Option<_>>().ok_or_else(wrong)?))
    }

    /// Zendesk's ids are whole numbers; as text they are taken, too.
    fn id(&mut self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        let id = match &value {
            Value::String(digits) => digits.parse().ok(),
            other => other.as_u64(),
        };
        match id {
            Some(id) if id > 0 => Ok(Some(id)),
            _ => Err(format!("{name} must be a whole number")),
        }
    }

    fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.0.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(format!("{name} must be true or false")),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;
    use crate::outbound::Targets;
    use crate::time::SystemClock;

    fn read(change: impl FnOnce(&mut Map<String, Value>)) -> Result<Config, String> {
        let mut secret = json!({
            "kind": "zendesk",
            "base_url": "https://acme.zendesk.com/",
            "email": "bridge@example.com",
            "api_token": "tok-SECRET",
            "user_id": 7,
            "webhook_secrets": ["whs-SECRET"],
        });
        change(secret.as_object_mut().unwrap());
        let http = DeskHttp::new(Targets::Public, SystemClock::shared()).unwrap();
        Config::read(&secret, &http)
    }

    #[test]
    fn a_token_and_an_access_token_are_two_ways_to_sign_in() {
        let config = read(|_| {}).unwrap();
        assert_eq!(config.base_url, "https://acme.zendesk.com");
        assert_eq!(config.tags, ["gptbots"]);
        // bridge@example.com/token:tok-SECRET
        assert_eq!(
            config.authorization.expose_secret(),
            "Basic YnJpZGdlQGV4YW1wbGUuY29tL3Rva2VuOnRvay1TRUNSRVQ="
        );
        let config = read(|secret| {
            secret.remove("email");
            secret.remove("api_token");
            secret.insert("access_token".into(), "acc".into());
        });
        assert_eq!(config.unwrap().authorization.expose_secret(), "Bearer acc");
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is() {
        let wrong: [(&str, Value, &str); 9] = [
            (
                "base_url",
                json!("http://acme.zendesk.com"),
                "base_url must begin with https://",
            ),
            (
                "base_url",
                json!("https://10.0.0.1"),
                "base_url must not be a private address",
            ),
            (
                "api_token",
                json!(5),
                "api_token must be a text that is not empty",
            ),
            (
                "user_id",
                json!("tok-SECRET"),
                "user_id must be a whole number",
            ),
            (
                "webhook_secrets",
                json!("tok-SECRET"),
                "webhook_secrets must be a list of texts that are not empty",
            ),
            (
                "webhook_secrets",
                json!([]),
                "webhook_secrets must hold 1 to 4",
            ),
            (
                "access_token",
                json!("tok-SECRET"),
                "access_token stands for email and api_token: only one",
            ),
            (
                "public_attachments",
                json!("tok-SECRET"),
                "public_attachments must be true or false",
            ),
            ("subdomain", json!("tok-SECRET"), "subdomain is not known"),
        ];
        for (name, value, expected) in wrong {
            let error = read(|secret| {
                secret.insert(name.into(), value);
            });
            assert_eq!(error.unwrap_err(), expected);
        }
        for missing in [
            "base_url",
            "email",
            "api_token",
            "user_id",
            "webhook_secrets",
        ] {
            let error = read(|secret| {
                secret.remove(missing);
            });
            assert_eq!(error.unwrap_err(), format!("{missing} is missing"));
        }
    }

    #[test]
    fn no_credential_reaches_a_log() {
        assert!(!format!("{:?}", read(|_| {}).unwrap()).contains("SECRET"));
    }
}
