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
    let known = kinds().find(|(name, _)| *name == kind);
    let (_, make) = known.ok_or_else(|| {
        let kinds: Vec<_> = kinds().map(|(name, _)| *name).collect();
        format!("kind must be one of {}", kinds.join(", "))
    })?;
    make(credentials, http)
}

#[cfg(not(test))]
fn kinds() -> impl Iterator<Item = &'static (&'static str, Make)> {
    KINDS.iter()
}

/// With one more, which needs nobody at the other end.
#[cfg(test)]
fn kinds() -> impl Iterator<Item = &'static (&'static str, Make)> {
    KINDS.iter().chain(tests::KINDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::DeskSource;
    use crate::outbound::Targets;
    use crate::secrets::SecretsSource;
    use crate::time::ManualClock;
    use serde_json::json;

    pub(super) const KINDS: &[(&str, Make)] = &[("test", made)];

    fn made(credentials: &Value, _: &DeskHttp) -> Result<Arc<dyn Desk>, String> {
        match credentials["key"].as_str() {
            Some(_) => Ok(Arc::new(console::Console)),
            None => Err("key is missing".to_owned()),
        }
    }

    fn secrets(desks: Value) -> Secrets {
        Secrets::parse(&json!({"desks": desks}).to_string()).unwrap()
    }

    fn http() -> DeskHttp {
        DeskHttp::new(Targets::Local, ManualClock::at(0).shared()).unwrap()
    }

    /// Why there is no desk of this name.
    fn wrong(desks: &Desks, name: &str) -> String {
        desks.get(name).err().unwrap().to_string()
    }

    #[test]
    fn what_is_wrong_with_an_instance_is_said_when_it_is_used() {
        let secrets = secrets(json!({
            "fine": {"kind": "test", "key": "k"},
            "broken": {"kind": "test"},
            "odd": {"kind": "hush"},
            "nameless": {},
            // Nobody takes the console's place.
            "console": {"kind": "test"},
        }));
        let desks = Desks::of(&secrets, &http());
        assert!(desks.get("fine").is_ok() && desks.get(CONSOLE).is_ok());
        assert!(wrong(&desks, "broken").ends_with("broken: key is missing"));
        assert!(wrong(&desks, "odd").contains("odd: kind must be one of "));
        assert!(!wrong(&desks, "odd").contains("hush"));
        assert!(wrong(&desks, "nameless").ends_with("kind is missing"));
        assert!(wrong(&desks, "unknown").contains("no desk is called"));
        assert!(desks.knows("broken") && !desks.knows("unknown"));
    }

    #[test]
    fn only_instances_whose_credentials_changed_are_made_anew() {
        let http = http();
        let of = |a: &str, b: &str| {
            secrets(json!({"a": {"kind": "test", "key": a}, "b": {"kind": "test", "key": b}}))
        };
        let before = Desks::of(&of("1", "1"), &http);
        let after = before.renewed(&of("1", "2"), &http);
        let same = |name: &str| Arc::ptr_eq(before.get(name).unwrap(), after.get(name).unwrap());
        assert!(same("a") && !same("b"));
        assert!(!before.renewed(&secrets(json!({})), &http).knows("a"));
    }

    #[tokio::test]
    async fn desks_come_from_the_secret_and_given_ones_go_before() {
        let clock = ManualClock::at(0).shared();
        let secrets = secrets(json!({"a": {"kind": "test", "key": "k"}, "b": {"kind": "test"}}));
        let secrets = Arc::new(SecretsSource::given(secrets, clock));
        let source = DeskSource::new(secrets, http());
        let first = source.get("a").await.unwrap();
        assert!(Arc::ptr_eq(&first, &source.get("a").await.unwrap()));
        let (again, just_read) = source.get_again("a").await.unwrap();
        assert!(Arc::ptr_eq(&first, &again) && just_read);
        assert!(source.get("b").await.is_err() && source.knows("b").await.unwrap());
        assert!(!source.knows("c").await.unwrap());
        let given: Arc<dyn Desk> = Arc::new(console::Console);
        let source = source.with(Desks::new().with("a", given.clone()));
        assert!(Arc::ptr_eq(&given, &source.get("a").await.unwrap()));
    }

    #[test]
    fn no_instance_is_named_so_that_its_references_could_be_anothers() {
        let http = DeskHttp::new(Targets::Public, ManualClock::at(0).shared()).unwrap();
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
