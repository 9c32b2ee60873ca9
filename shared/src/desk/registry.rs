//! Which desks there are.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::{CONSOLE, Desk, DeskError, DeskHttp};
use super::{chatwoot, console, intercom, own, slack, zendesk};
use crate::secrets::Secrets;

/// Makes an instance of a desk of its object in the secret (`desks.<instance>`, with its `kind`).
/// The error names the member that is wrong, never a value.
type Make = fn(&Value, &DeskHttp) -> Result<Arc<dyn Desk>, String>;

/// The kinds of desks, by the `kind` in the secret. A new desk is one line here.
const KINDS: &[(&str, Make)] = &[
    ("slack", slack::make),
    ("chatwoot", chatwoot::make),
    ("zendesk", zendesk::make),
    ("intercom", intercom::make),
    ("webhooks", own::make),
];

/// The desk instances of a deployment, by name.
#[derive(Clone)]
pub struct Desks(HashMap<String, Instance>);

/// An instance, or what is wrong with its credentials.
#[derive(Clone)]
struct Instance {
    made_of: Value,
    desk: Result<Arc<dyn Desk>, String>,
}

impl Desks {
    /// The built-in console alone.
    pub fn new() -> Self {
        Self(HashMap::new()).with(CONSOLE, Arc::new(console::Console))
    }

    /// The console, and every instance in the secret. One that is not configured as it has to be
    /// is known, and says so when it is used.
    pub fn of(secrets: &Secrets, http: &DeskHttp) -> Self {
        Self::new().renewed(secrets, http)
    }

    /// The instances of the secret as it is now. Those whose credentials are the same as before
    /// stay as they are, with what they have learned of their desk.
    pub(super) fn renewed(&self, secrets: &Secrets, http: &DeskHttp) -> Self {
        let mut desks = Self::new();
        for (name, credentials) in secrets.desks().filter(|(name, _)| *name != CONSOLE) {
            let kept = self.0.get(name).filter(|kept| kept.made_of == *credentials);
            let instance = kept.cloned().unwrap_or_else(|| Instance {
                made_of: credentials.clone(),
                desk: named(name).and_then(|()| make(credentials, http)),
            });
            desks.0.insert(name.to_owned(), instance);
        }
        desks
    }

    /// Adds an instance, or replaces the one of that name.
    pub fn with(mut self, name: impl Into<String>, desk: Arc<dyn Desk>) -> Self {
        let instance = Instance {
            made_of: Value::Null,
            desk: Ok(desk),
        };
        self.0.insert(name.into(), instance);
        self
    }

    /// The instance of this name.
    ///
    /// # Errors
    /// When there is none, or it is not configured as it has to be.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Desk>, DeskError> {
        match self.0.get(name).map(|instance| &instance.desk) {
            Some(Ok(desk)) => Ok(desk),
            Some(Err(wrong)) => Err(DeskError::NotConfigured(format!("{name}: {wrong}"))),
            None => Err(DeskError::NotConfigured(format!(
                "no desk is called {name:?}"
            ))),
        }
    }

    /// Whether there is an instance of this name, be it one that cannot be used.
    pub fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl Default for Desks {
    fn default() -> Self {
        Self::new()
    }
}

/// An instance's name is followed by its desk's references in keys and by more in addresses: with a
/// sign of theirs in it, it could be read as another's.
fn named(name: &str) -> Result<(), String> {
    if name.contains(['#', '/']) {
        return Err("its name must not have # or /".to_owned());
    }
    Ok(())
}

fn make(credentials: &Value, http: &DeskHttp) -> Result<Arc<dyn Desk>, String> {
    let kind = credentials.get("kind").and_then(Value::as_str);
    let kind = kind.ok_or("kind is missing")?;
    let known = KINDS.iter().find(|(name, _)| *name == kind);
    let (_, make) = known.ok_or_else(|| {
        let kinds: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
        format!("kind must be one of {}", kinds.join(", "))
    })?;
    make(credentials, http)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Targets;
    use crate::time::SystemClock;
    use serde_json::json;

    #[test]
    fn no_instance_is_named_so_that_its_references_could_be_anothers() {
        let http = DeskHttp::new(Targets::Public, SystemClock::shared()).unwrap();
        let secret = format!("whsec_{}", "A".repeat(32));
        let own = json!({
            "kind": "webhooks", "url": "https://desk.example/",
            "send_secret": secret, "receive_secret": secret,
        });
        let names = ["own", "own-jp", "own#jp", "own/jp"];
        let named = names.map(|name| (name.to_owned(), own.clone()));
        let secrets = json!({"desks": serde_json::Map::from_iter(named)}).to_string();
        let desks = Desks::of(&Secrets::parse(&secrets).unwrap(), &http);
        assert_eq!(
            names.map(|name| desks.get(name).is_ok()),
            [true, true, false, false]
        );
        assert!(names.iter().all(|name| desks.knows(name)));
    }
}
