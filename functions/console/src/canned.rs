//! Canned replies: what agents write often, by a shortcut.
//!
//! One document in the table, versioned like the settings; supervisors edit it in the console. The
//! page fills the placeholders in, so that the agent sees what will be sent before it is.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Console;
use crate::agent::Caller;
use crate::api::{ApiError, invalid};

/// The most replies there can be.
const MOST: usize = 300;
/// The longest shortcut and the longest text, in characters.
const MAX_SHORTCUT: usize = 40;
const MAX_TEXT: usize = 4_000;
/// The longest document, in bytes: an item ends at 400 KB.
pub(crate) const MAX_BYTES: usize = 300_000;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CannedReply {
    /// What one writes behind a slash.
    shortcut: String,
    /// With placeholders: `{name}`, `{agent}` …
    text: String,
}

impl Console {
    /// `GET canned`: all of them, by shortcut.
    pub(crate) async fn canned(&self) -> Result<Value, ApiError> {
        let stored = self.store.canned().await?;
        let replies: Vec<CannedReply> = match stored.document.as_str() {
            "" => Vec::new(),
            document => serde_json::from_str(document).unwrap_or_else(|_| {
                // By hand, or by a later version: agents can work without.
                tracing::error!(version = stored.version, "canned replies cannot be read");
                Vec::new()
            }),
        };
        Ok(json!({"version": stored.version, "replies": replies}))
    }

    /// `POST canned`: `{"version", "replies"}` in place of that version.
    pub(crate) async fn put_canned(
        &self,
        caller: &Caller,
        body: &Value,
    ) -> Result<Value, ApiError> {
        if !caller.is_supervisor() {
            return Err(ApiError::NotAllowed);
        }
        let version = version(body)?;
        let replies = checked(body.get("replies"))?;
        let document = serde_json::to_string(&replies).unwrap_or_default();
        if document.len() > MAX_BYTES {
            return Err(invalid("replies: must be at most 300 KB together"));
        }
        if !self.store.put_canned(&document, version).await? {
            return Err(ApiError::Conflict(
                "Somebody else has changed the canned replies meanwhile.".to_owned(),
            ));
        }
        tracing::info!(agent = %caller.agent.id, version = version + 1, "canned replies changed");
        Ok(json!({"version": version + 1, "replies": replies}))
    }
}

/// The version that something is to take the place of.
pub(crate) fn version(body: &Value) -> Result<i64, ApiError> {
    body.get("version")
        .and_then(Value::as_i64)
        .filter(|version| *version >= 0)
        .ok_or_else(|| invalid("version: must be the one that was read"))
}

/// Replies as they are stored: trimmed, in order of their shortcuts.
fn checked(given: Option<&Value>) -> Result<Vec<CannedReply>, ApiError> {
    let Some(Value::Array(given)) = given else {
        return Err(invalid("replies: must be a list"));
    };
    if given.len() > MOST {
        return Err(invalid("replies: must be at most 300"));
    }
    let mut replies = Vec::new();
    let mut shortcuts = BTreeSet::new();
    for (place, value) in given.iter().enumerate() {
        let wrong = |what: &str| invalid(format!("replies[{place}].{what}"));
        let reply = CannedReply::deserialize(value)
            .map_err(|_| invalid(format!("replies[{place}]: must have shortcut and text")))?;
        let reply = CannedReply {
            shortcut: reply.shortcut.trim().to_lowercase(),
            text: reply.text.trim().to_owned(),
        };
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if reply.shortcut.is_empty() || !reply.shortcut.chars().all(plain) {
            return Err(wrong("shortcut: must be letters, digits, - and _"));
        }
        if reply.shortcut.chars().count() > MAX_SHORTCUT {
            return Err(wrong("shortcut: must be at most 40 characters long"));
        }
        if !shortcuts.insert(reply.shortcut.clone()) {
            return Err(wrong("shortcut: is there twice"));
        }
        if reply.text.is_empty() {
            return Err(wrong("text: must not be empty"));
        }
        if reply.text.chars().count() > MAX_TEXT {
            return Err(wrong("text: must be at most 4000 characters long"));
        }
        replies.push(reply);
    }
    replies.sort_by(|a, b| a.shortcut.cmp(&b.shortcut));
    Ok(replies)
}
