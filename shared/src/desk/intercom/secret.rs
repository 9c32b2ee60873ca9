//! What an Intercom instance is configured with.

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::desk::DeskHttp;

/// Intercom in the United States; `https://api.eu.intercom.io` and `https://api.au.intercom.io` are
/// its other regions (vendor's description 2.14, `servers`).
const DEFAULT_BASE_URL: &str = "https://api.intercom.io";

/// The members of the secret's object.
const MEMBERS: [&str; 6] = [
    "kind",
    "access_token",
    "client_secret",
    "admin_id",
    "app_id",
    "base_url",
];

/// An instance's credentials and addresses.
pub(super) struct Secret {
    /// Where its API is, without a slash at the end.
    pub(super) base_url: String,
    /// What the API is called with.
    pub(super) access_token: SecretString,
    /// What webhooks are signed with: two while one is replaced.
    pub(super) client_secrets: Vec<SecretString>,
    /// The teammate in whose name notes are written and conversations closed.
    pub(super) admin_id: String,
    /// The workspace whose webhooks are taken; without it, any the app is installed in.
    pub(super) app_id: Option<String>,
}

impl Secret {
    /// Reads the instance's object.
    ///
    /// # Errors
    /// When a member is missing, unknown or wrong; names it and quotes no value.
    pub(super) fn read(value: &Value, http: &DeskHttp) -> Result<Self, String> {
        let members = value.as_object().ok_or("it is not an object")?;
        if let Some(unknown) = members
            .keys()
            .find(|name| !MEMBERS.contains(&name.as_str()))
        {
            return Err(format!("{unknown} is not known"));
        }
        let base_url = text(members, "base_url")?.unwrap_or(DEFAULT_BASE_URL);
        let admin_id = required(members, "admin_id")?;
        // The API takes it as a string; people see a number.
        if !admin_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("admin_id must be the id of a teammate, as text".to_owned());
        }
        Ok(Self {
            base_url: http.base_url("base_url", base_url)?,
            access_token: required(members, "access_token")?.into(),
            client_secrets: client_secrets(members)?,
            admin_id: admin_id.to_owned(),
            app_id: text(members, "app_id")?.map(str::to_owned),
        })
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.trim())),
        Some(_) => Err(format!("{name} must be a text that is not empty")),
    }
}

fn required<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    text(members, name)?.ok_or_else(|| format!("{name} is missing"))
}

fn client_secrets(members: &Map<String, Value>) -> Result<Vec<SecretString>, String> {
    const NAME: &str = "client_secret";
    let wrong = || format!("{NAME} must be a text, or a list of one or two");
    let Some(Value::Array(several)) = members.get(NAME) else {
        return Ok(vec![required(members, NAME)?.into()]);
    };
    let read = several.iter().map(|secret| match secret.as_str() {
        Some(secret) if !secret.trim().is_empty() => Ok(secret.trim().into()),
        _ => Err(wrong()),
    });
    let read: Vec<SecretString> = read.collect::<Result<_, _>>()?;
    if (1..=2).contains(&read.len()) {
        Ok(read)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Targets;
    use crate::time::SystemClock;
    use serde_json::json;

    fn read(value: &Value) -> Result<Secret, String> {
        let http = DeskHttp::new(Targets::Public, SystemClock::shared()).unwrap();
        Secret::read(value, &http)
    }

    fn fine() -> Value {
        json!({"kind": "intercom", "access_token": "hush-a", "client_secret": "hush-b", "admin_id": "991"})
    }

    #[test]
    fn what_is_left_out_has_a_default_and_two_secrets_are_taken() {
        let secret = read(&fine()).unwrap();
        assert_eq!(secret.base_url, DEFAULT_BASE_URL);
        assert_eq!(secret.client_secrets.len(), 1);
        assert_eq!(secret.app_id, None);
        let mut several = fine();
        several["client_secret"] = json!(["old", "new"]);
        several["base_url"] = json!("https://api.eu.intercom.io/");
        let secret = read(&several).unwrap();
        assert_eq!(secret.client_secrets.len(), 2);
        assert_eq!(secret.base_url, "https://api.eu.intercom.io");
    }

    #[test]
    fn a_wrong_member_is_named_and_no_value_is_quoted() {
        for (name, value, says) in [
            ("access_token", Value::Null, "access_token must be"),
            (
                "client_secret",
                json!(["hush-b", 1]),
                "client_secret must be",
            ),
            ("client_secret", json!([]), "client_secret must be"),
            (
                "client_secret",
                json!(["a", "b", "c"]),
                "client_secret must be",
            ),
            ("admin_id", json!(991), "admin_id must be"),
            ("admin_id", json!("9/1"), "admin_id must be"),
            (
                "base_url",
                json!("http://127.0.0.1"),
                "base_url must begin with https://",
            ),
            ("token", json!("hush-c"), "token is not known"),
        ] {
            let mut wrong = fine();
            wrong[name] = value;
            let error = read(&wrong).err().unwrap();
            assert!(error.starts_with(says), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
        for name in ["access_token", "client_secret", "admin_id"] {
            let mut without = fine();
            without.as_object_mut().unwrap().remove(name);
            assert_eq!(read(&without).err().unwrap(), format!("{name} is missing"));
        }
    }
}
