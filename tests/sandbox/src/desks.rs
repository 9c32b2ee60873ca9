//! The stand-ins for help desks.

use desk_stand_ins::{DeskStandIn, KINDS};
use handoff::desk::CONSOLE;
use handoff::secrets::Secrets;
use serde_json::Value;

use crate::{Error, Options, listen};

/// A desk instance that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) name: String,
    /// What stands in for it; `None` for the console, and for what the secret has.
    pub(crate) kind: Option<&'static str>,
}

/// What `--desk` asks for.
///
/// # Errors
/// When there is no such desk.
pub(crate) fn plan(options: &Options) -> Result<Vec<Planned>, Error> {
    let given = options.secrets_json.as_deref().map(Secrets::parse);
    let given = given.transpose()?.unwrap_or_default();
    let words = options.desk.split(',').map(str::trim);
    words
        .map(|word| {
            let (name, kind) = word.split_once('=').unwrap_or((word, word));
            let ours = name == CONSOLE || given.desk(name).is_some();
            let known = KINDS.iter().find(|(known, _)| *known == kind);
            match known {
                _ if ours => Ok(None),
                Some((kind, _)) => Ok(Some(*kind)),
                None => Err(unknown(word)),
            }
            .map(|kind| Planned {
                name: name.to_owned(),
                kind,
            })
        })
        .collect()
}

fn unknown(word: &str) -> Error {
    let kinds = KINDS.iter().map(|(kind, _)| *kind);
    let kinds: Vec<_> = std::iter::once(CONSOLE).chain(kinds).collect();
    Error::UnknownDesk {
        name: word.to_owned(),
        kinds: kinds.join(", "),
    }
}

/// The stand-ins that run, by the instance's name.
#[derive(Default)]
pub(crate) struct StandIns(Vec<(String, Box<dyn DeskStandIn>)>);

impl StandIns {
    /// Starts what is planned; their webhooks go to the bridge.
    pub(crate) async fn start(
        plan: &[Planned],
        options: &Options,
        bridge_url: &str,
    ) -> Result<Self, Error> {
        let mut running = Self::default();
        for planned in plan {
            let Some(kind) = planned.kind else { continue };
            // 0 is any free one, for each of them.
            let offset = u16::try_from(running.0.len()).unwrap_or(u16::MAX);
            let port = match options.desk_port {
                0 => 0,
                first => first.saturating_add(offset),
            };
            let stand_in = desk_stand_ins::start(
                kind,
                desk_stand_ins::Options {
                    listener: listen(port, "--desk-port").await?,
                    bridge_url: bridge_url.to_owned(),
                    instance: planned.name.clone(),
                    limits: false,
                },
            )
            .await;
            let stand_in = stand_in.ok_or_else(|| unknown(kind))?;
            running.0.push((planned.name.clone(), stand_in));
        }
        Ok(running)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&dyn DeskStandIn> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, stand_in)| stand_in.as_ref())
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &dyn DeskStandIn> {
        self.0.iter().map(|(_, stand_in)| stand_in.as_ref())
    }

    /// Their objects in the secret.
    pub(crate) fn secrets(&self) -> Vec<(&str, Value)> {
        let each = self.0.iter();
        each.map(|(name, stand_in)| (name.as_str(), stand_in.secret()))
            .collect()
    }

    /// Their pages, by name.
    pub(crate) fn pages(&self) -> Vec<(String, String)> {
        let each = self.0.iter();
        each.map(|(name, stand_in)| (name.clone(), stand_in.page_url()))
            .collect()
    }

    pub(crate) async fn shutdown(self) {
        for (_, stand_in) in self.0 {
            stand_in.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(desk: &str, secrets_json: Option<&str>) -> Result<Vec<Planned>, String> {
        let options = Options {
            desk: desk.to_owned(),
            secrets_json: secrets_json.map(str::to_owned),
            ..Options::default()
        };
        plan(&options).map_err(|error| error.to_string())
    }

    fn names(desk: &str, secrets_json: Option<&str>) -> Vec<(String, Option<&'static str>)> {
        let plan = planned(desk, secrets_json).unwrap();
        plan.into_iter().map(|it| (it.name, it.kind)).collect()
    }

    #[test]
    fn desks_are_stood_in_for_by_kind_unless_the_secret_has_them() {
        assert_eq!(names("console", None), [("console".to_owned(), None)]);
        assert_eq!(
            names("webhooks, other=webhooks,console", None),
            [
                ("webhooks".to_owned(), Some("webhooks")),
                ("other".to_owned(), Some("webhooks")),
                ("console".to_owned(), None),
            ]
        );
        let secret = r#"{"desks":{"webhooks":{"kind":"webhooks"}}}"#;
        assert_eq!(
            names("webhooks", Some(secret)),
            [("webhooks".to_owned(), None)]
        );
        let wrong = planned("pigeon", None).unwrap_err();
        assert!(
            wrong.starts_with("--desk: \"pigeon\" is none of console, slack"),
            "{wrong}"
        );
    }
}
