//! Running the checks.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use sandbox::Options;

use crate::checks::{CHECKS, Check};
use crate::{Profile, World};

/// How long anything may take before a check gives up: generous, since machines are slow.
const PATIENCE: Duration = Duration::from_secs(45);

/// How many checks this machine runs at once: each is a whole bridge, and one that has no time
/// looks like one that is broken.
pub fn at_once() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    cores.clamp(2, 8)
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not; says what was seen.
    Failed(String),
    /// It makes no sense for this desk; says why.
    Exempt(&'static str),
}

/// A check and how it ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The check.
    pub check: &'static str,
    /// How it ended.
    pub verdict: Verdict,
}

/// Runs the wanted checks for a desk, each in a bridge of its own, so many at once.
pub async fn run(profile: &Profile, at_once: usize, wanted: impl Fn(&str) -> bool) -> Vec<Outcome> {
    run_with(profile, at_once, PATIENCE, &Options::default, wanted).await
}

/// As [`run`], in bridges with these options, with this patience.
pub async fn run_with(
    profile: &Profile,
    at_once: usize,
    patience: Duration,
    options: &(dyn Fn() -> Options + Sync),
    wanted: impl Fn(&str) -> bool,
) -> Vec<Outcome> {
    let chosen = CHECKS.iter().filter(|check| wanted(check.name));
    let running = chosen.map(|check| async move {
        let exempt = profile.exempt.iter().find(|(name, _)| *name == check.name);
        let verdict = match exempt {
            Some((_, why)) => Verdict::Exempt(why),
            None => one(profile.kind, check, patience, options()).await,
        };
        Outcome {
            check: check.name,
            verdict,
        }
    });
    // In the order of the list, whichever ends first.
    stream::iter(running).buffered(at_once).collect().await
}

async fn one(kind: &str, check: &Check, patience: Duration, options: Options) -> Verdict {
    let world = match World::start(kind, (check.options)(options), patience).await {
        Ok(world) => world,
        Err(why) => return Verdict::Failed(why),
    };
    let found = (check.run)(&world).await;
    // What fails on purpose would hold up the end.
    world.desk().fail(None);
    world.stop().await;
    match found {
        Ok(()) => Verdict::Passed,
        Err(why) => Verdict::Failed(why),
    }
}
