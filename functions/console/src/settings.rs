//! The settings, as supervisors edit them in the console.
//!
//! The page draws its form from the published schema, asks [`Console::check_settings`] while one
//! types, and sends the whole document: what is right is known here alone, and by the code that all
//! functions read the settings with. A document takes the place of the version it was made from and
//! of no other.

use handoff::conversation::Agent;
use handoff::settings::{Mistake, Settings, SettingsError};
use serde_json::{Value, json};

use crate::Console;
use crate::api::{ApiError, invalid};
use crate::canned::{MAX_BYTES, version};

/// The published JSON Schema of the document.
const SCHEMA: &str = include_str!("../../../docs/settings.schema.json");
/// The longest bot id and language in a call, in characters.
const MAX_NAME: usize = 500;

/// `GET settings/schema`: what the form is drawn from, as text: the order of its members, which JSON
/// in our hands does not keep, is that of the form.
pub(crate) fn schema() -> Value {
    json!({"schema": SCHEMA})
}

impl Console {
    /// `GET settings`: the document as it is written, with its version (0: none yet), what is wrong
    /// with it, and what holds where it says nothing, also within opening hours.
    pub(crate) async fn stored_settings(&self) -> Result<Value, ApiError> {
        let stored = self.store.settings().await?;
        let (version, text) = stored.map_or((0, "{}".to_owned()), |of| (of.version, of.document));
        let wrong = Settings::check(&text).err().unwrap_or_default();
        // Of what was written past the tools and cannot be read, nothing can be edited here.
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        let document = Some(document).filter(Value::is_object);
        let hours = Settings::check_value(&json!({"hours": {}}));
        let hours = hours.ok().and_then(|settings| settings.hours);
        Ok(json!({
            "version": version,
            "document": document.unwrap_or_else(|| json!({})),
            "wrong": wrong,
            "defaults": Settings::default(),
            "hours": hours,
        }))
    }

    /// `POST settings/check`: all that is wrong with `{"document"}`; where nothing is, what users of
    /// `bot` are told in `language` (else in the bot's own).
    pub(crate) fn check_settings(&self, body: &Value) -> Result<Value, ApiError> {
        let (bot, language) = (name(body, "bot")?, name(body, "language")?);
        Ok(match Settings::check_value(document(body)?) {
            Err(wrong) => json!({"wrong": wrong}),
            Ok(settings) => {
                let language = match language {
                    "" => settings.language(bot),
                    language => language,
                };
                let preview = settings.preview(bot, language, self.clock.now());
                json!({"wrong": [], "preview": preview})
            }
        })
    }

    /// `POST settings`: `{"version", "document"}` in place of that version.
    pub(crate) async fn put_settings(
        &self,
        agent: &Agent,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let (version, document) = (version(body)?, document(body)?);
        Settings::check_value(document).map_err(SettingsError)?;
        let text = document.to_string();
        if text.len() > MAX_BYTES {
            let problem = "must be at most 300 KB altogether".to_owned();
            let path = String::new();
            return Err(SettingsError(vec![Mistake { path, problem }]).into());
        }
        if !self.store.put_settings(&text, version).await? {
            return Err(ApiError::Conflict(
                "Somebody else has changed the settings meanwhile.".to_owned(),
            ));
        }
        tracing::info!(agent = %agent.id, version = version + 1, "settings changed");
        Ok(json!({"version": version + 1}))
    }
}

fn document(body: &Value) -> Result<&Value, ApiError> {
    let document = body.get("document").filter(|document| document.is_object());
    document.ok_or_else(|| invalid("document: must be an object"))
}

fn name<'a>(body: &'a Value, of: &str) -> Result<&'a str, ApiError> {
    match body.get(of) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(name)) if name.chars().count() <= MAX_NAME => Ok(name),
        Some(_) => Err(invalid(format!(
            "{of}: must be a string of at most {MAX_NAME} characters"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of all settings, and the words that some are chosen from.
    fn names(schema: &Value, all: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                let properties = members.get("properties").and_then(Value::as_object);
                all.extend(
                    properties
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.clone()),
                );
                let words = members.get("enum").and_then(Value::as_array);
                let words = words.into_iter().flatten().filter_map(Value::as_str);
                all.extend(words.map(|word| format!("'={word}'")));
                members.values().for_each(|member| names(member, all));
            }
            Value::Array(elements) => elements.iter().for_each(|element| names(element, all)),
            _ => {}
        }
    }

    #[test]
    fn every_setting_has_its_label_in_every_language() {
        let texts = include_str!("../page/settings-text.js");
        let mut all = Vec::new();
        names(&serde_json::from_str(SCHEMA).unwrap(), &mut all);
        assert!(all.len() > 50, "{all:?}");
        // The browser knows the days; the other two have no row.
        let known = [
            "mon", "tue", "wed", "thu", "fri", "sat", "sun", "$schema", "bots",
        ];
        for name in all.iter().filter(|name| !known.contains(&name.as_str())) {
            assert!(
                texts.contains(&format!("\n  {name}: [")),
                "{name} has no label"
            );
        }
        let rows = texts
            .lines()
            .filter(|line| line.starts_with("  ") && line.ends_with("'],"));
        for row in rows {
            assert_eq!(row.matches("', '").count(), 3, "{row}");
            assert!(!row.contains("''"), "{row}");
        }
    }
}
