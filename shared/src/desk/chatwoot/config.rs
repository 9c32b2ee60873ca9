//! An instance's object in the secret.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::conversation::Conversation;
use crate::desk::signature::hmac_sha256;
use crate::desk::{DeskError, DeskHttp};
use crate::text::cut_id;
use crate::token::Tokens;

/// Chatwoot's own cloud; self-hosted servers are elsewhere.
const DEFAULT_BASE_URL: &str = "https://app.chatwoot.com";
/// The shortest secret that contacts' addresses are derived with, in bytes.
const MIN_SECRET: usize = 16;

/// What an instance needs.
pub(super) struct Config {
    /// The server, without a slash at the end.
    pub(super) base_url: String,
    /// The API inbox's identifier: the credential of the public API.
    pub(super) inbox: String,
    /// What contacts' `source_id`s are derived with.
    contact_secret: SecretString,
    /// What proves to an inbox with identity validation who a contact is.
    hmac_token: Option<SecretString>,
    /// The application API, where a token was given.
    pub(super) application: Option<Application>,
    /// What webhooks are signed with: one or more, while one is replaced, or where an account
    /// webhook sends, too.
    pub(super) webhook_secrets: Vec<SecretString>,
    /// The tokens in the webhook's path.
    pub(super) path_tokens: Option<Tokens>,
}

/// The application API.
pub(super) struct Application {
    /// The account's number.
    pub(super) account: u64,
    /// A user's access token.
    pub(super) token: SecretString,
}

/// The members of the object that were not read yet.
struct Members(Map<String, Value>);

impl Members {
    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => {
                Err(format!("{name} must not be empty"))
            }
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(format!("{name} must be a text")),
        }
    }

    fn required(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// One text, or a list of them.
    fn texts(&mut self, name: &str) -> Result<Vec<String>, String> {
        let list = match self.0.remove(name) {
            Some(Value::Array(list)) => list,
            one => one.into_iter().filter(|one| !one.is_null()).collect(),
        };
        list.into_iter()
            .map(|one| match one {
                Value::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
                _ => Err(format!("{name} must be a text, or a list of texts")),
            })
            .collect()
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, String> {
        let wrong = || format!("{name} must be a number");
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(wrong),
            // As it is copied from the address bar.
            Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }
}

impl Config {
    /// Reads the object. The error names the member that is wrong, never a value.
    pub(super) fn read(credentials: &Value, http: &DeskHttp) -> Result<Self, String> {
        let object = credentials.as_object().cloned();
        let mut members = Members(object.ok_or("must be an object")?);
        members.0.remove("kind");
        let base_url = members.text("base_url")?;
        let base_url =
            http.base_url("base_url", base_url.as_deref().unwrap_or(DEFAULT_BASE_URL))?;
        let inbox = members.required("inbox_identifier")?;
        if !inbox.bytes().all(is_plain) {
            return Err("inbox_identifier must consist of letters, digits, - and _".to_owned());
        }
        let contact_secret = members.required("contact_secret")?;
        if contact_secret.len() < MIN_SECRET {
            return Err(format!(
                "contact_secret must have at least {MIN_SECRET} characters"
            ));
        }
        let account = members.number("account_id")?;
        let token = members.text("api_access_token")?;
        let application = match (account, token) {
            (Some(account), Some(token)) => Some(Application {
                account,
                token: token.into(),
            }),
            (None, None) => None,
            (Some(_), None) => return Err("account_id needs api_access_token".to_owned()),
            (None, Some(_)) => return Err("api_access_token needs account_id".to_owned()),
        };
        let hmac_token = members.text("hmac_token")?;
        // A proven contact's conversations all come in one list, which the public API does not
        // tell apart.
        if hmac_token.is_some() && application.is_none() {
            return Err("hmac_token needs api_access_token and account_id".to_owned());
        }
        let webhook_secrets = members.texts("webhook_secret")?;
        let hashes = members.texts("path_token_sha256s")?;
        let path_tokens = match hashes.as_slice() {
            [] => None,
            hashes => Some(
                Tokens::parse(&hashes.join(","))
                    .map_err(|error| format!("path_token_sha256s {error}"))?,
            ),
        };
        if webhook_secrets.is_empty() && path_tokens.is_none() {
            return Err(
                "webhook_secret is missing, or path_token_sha256s where the server cannot sign"
                    .to_owned(),
            );
        }
        if let Some(unknown) = members.0.keys().next() {
            return Err(format!("{unknown} is unknown"));
        }
        Ok(Self {
            base_url,
            inbox,
            contact_secret: contact_secret.into(),
            hmac_token: hmac_token.map(Into::into),
            application,
            webhook_secrets: webhook_secrets.into_iter().map(Into::into).collect(),
            path_tokens,
        })
    }

    /// The address under which the public API reaches an episode's conversation. Whoever knows it
    /// can speak as the user, so it cannot be guessed from any id. One for each episode: asked for
    /// again it leads to the same conversation, and to no other.
    pub(super) fn source_id(&self, conversation: &Conversation) -> String {
        let bot = conversation.bot.as_deref().unwrap_or_default();
        let episode = conversation.episode.to_string();
        hex::encode(hmac_sha256(
            self.contact_secret.expose_secret().as_bytes(),
            &[
                bot.as_bytes(),
                b"\0",
                conversation.id.as_str().as_bytes(),
                b"\0",
                episode.as_bytes(),
            ],
        ))
    }

    /// Who the person is at Chatwoot. Never by e-mail: the placeholder is everybody's, and any
    /// other address is only what somebody typed.
    pub(super) fn identifier(conversation: &Conversation) -> String {
        // Chatwoot's texts of one line end at 255 characters.
        let bot = cut_id(conversation.bot.clone().unwrap_or_default(), 160);
        let person = conversation.user.person_key(&conversation.id);
        format!("gptbots:{bot}:{person}")
    }

    /// The proof of an identifier, where the inbox asks for one: hex of HMAC-SHA256 with the
    /// inbox's `hmac_token`.
    pub(super) fn identifier_hash(&self, identifier: &str) -> Option<String> {
        let token = self.hmac_token.as_ref()?;
        let mac = hmac_sha256(token.expose_secret().as_bytes(), &[identifier.as_bytes()]);
        Some(hex::encode(mac))
    }

    /// Whether an inbox that enforces identity validation would take what we send; its own token
    /// is told to administrators only.
    pub(super) fn fits_identity_validation(
        &self,
        enforced: bool,
        its_token: Option<&str>,
    ) -> Result<(), DeskError> {
        let ours = self.hmac_token.as_ref().map(|token| token.expose_secret());
        let wrong = match (ours, its_token) {
            (None, _) if enforced => {
                "the inbox enforces identity validation: hmac_token is missing"
            }
            (Some(ours), Some(its)) if ours != its => "hmac_token is not the inbox's",
            _ => return Ok(()),
        };
        Err(DeskError::NotConfigured(wrong.to_owned()))
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
pub(super) mod tests;
