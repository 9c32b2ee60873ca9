//! The operator's settings, and the desks that they name.

use handoff::desk::{CONSOLE, DeskError, DeskHttp, Desks};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::settings::Settings;
use handoff::store::Store;
use handoff::time::SystemClock;

use super::report::Check;
use crate::Error;

const AREA: &str = "settings";

pub(super) async fn check(
    store: &Store,
    secrets: Option<&Secrets>,
    targets: Targets,
) -> Result<Vec<Check>, Error> {
    let (settings, said) = match store.settings().await {
        Ok(None) => (
            Settings::default(),
            "none written: the defaults hold".to_owned(),
        ),
        Ok(Some(stored)) => match Settings::parse(&stored.document) {
            Ok(settings) => (settings, format!("version {} is valid", stored.version)),
            Err(error) => {
                return Ok(vec![Check::failed(
                    AREA,
                    format!("version {}: {error}", stored.version),
                    "functions that run keep the last good settings, but one that starts now refuses handoffs: write a valid document (operator settings get, check, put)",
                )]);
            }
        },
        Err(error) => {
            return Ok(vec![Check::failed(
                AREA,
                error.to_string(),
                "check the table's name, the region and your credentials",
            )]);
        }
    };
    let mut checks = vec![Check::ok(AREA, said)];
    let http = DeskHttp::new(targets, SystemClock::shared())?;
    let desks = secrets.map(|secrets| Desks::of(secrets, &http));
    for name in settings.named_desks() {
        checks.push(match &desks {
            None if name != CONSOLE => Check::skipped(
                AREA,
                format!(
                    "the desk {name:?}: its credentials are in the secret, which was not given"
                ),
            ),
            None => desk(&Desks::new(), name).await,
            Some(desks) => desk(desks, name).await,
        });
    }
    for bot in settings.bots.keys() {
        if secrets.is_some_and(|secrets| secrets.bot(bot).is_none()) {
            checks.push(Check::warning(
                AREA,
                format!("bot {bot} has settings of its own, but no key in the secret"),
                "add its key to the secret, or a key for all bots (*)",
            ));
        }
    }
    Ok(checks)
}

async fn desk(desks: &Desks, name: &str) -> Check {
    let result = match desks.get(name) {
        Ok(desk) => desk.check().await,
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => Check::ok(AREA, format!("the desk {name:?} would take a handoff")),
        Err(error @ DeskError::Unavailable { .. }) => Check::warning(
            AREA,
            format!("the desk {name:?}: {error}"),
            "handoffs wait until it answers; look at its status page",
        ),
        Err(error) => Check::failed(
            AREA,
            format!("the desk {name:?}: {error}"),
            "name a desk that this version has in the settings (\"console\" always is one), with its credentials in the secret under \"desks\"",
        ),
    }
}
