//! Runs one history.

use std::collections::BTreeMap;
use std::sync::Arc;

use handoff::random::Random;
use handoff::store::Store;
use handoff::time::{ManualClock, Millis};

use crate::bells;
use crate::desk::DESK;
use crate::front;
use crate::gptbots;
use crate::model::{Case, Verdict, Violation};
use crate::plan::{Deed, DeskKind, Fault, Plan, What};
use crate::table::{TABLE, Table, bare_client};
use crate::world::{EPOCH, World, pause};

/// How long after the last fault everything has to have come to an end, beyond the retry age: the
/// queue hides a message for six minutes when the function that got it died.
const PATIENCE: Millis = 2_400_000;

/// How a history went.
#[derive(Debug)]
pub struct Outcome {
    /// What the model says.
    pub verdict: Verdict,
    /// Of everything that happened: equal for equal plans.
    pub hash: u64,
    /// What happened, line by line, where that was asked for.
    pub trace: Vec<String>,
    /// The faults that came to pass.
    pub faults: BTreeMap<&'static str, u64>,
    /// How long after the last fault it took for all to be quiet, in virtual milliseconds.
    pub drained_in: Millis,
    /// How often the table was called.
    pub table_calls: u64,
    /// How much virtual time passed.
    pub lasted: Millis,
}

impl Outcome {
    /// What was not kept.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.verdict.violations
    }
}

/// Runs histories on one thread, one after another, over one embedded database for many.
pub struct Runner {
    table: Table,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").finish_non_exhaustive()
    }
}

impl Runner {
    /// A runner with a new database.
    ///
    /// # Errors
    /// When the embedded database fails.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            table: Table::new()?,
        })
    }

    /// Runs a history that this runner has not run before.
    ///
    /// # Errors
    /// When the embedded database fails.
    pub fn run(&mut self, plan: &Plan, traced: bool) -> Result<Outcome, String> {
        if self.table.is_worn_out() {
            self.table = Table::new()?;
        }
        self.table.forget_the_last();
        let outcome = run(plan, self.table.clone(), traced)?;
        if !outcome.violations().is_empty() {
            // What it left behind must not disturb the next.
            self.table = Table::new()?;
        }
        Ok(outcome)
    }
}

/// Runs one history over a database of its own.
///
/// # Errors
/// When the embedded database fails.
pub fn run_alone(plan: &Plan, traced: bool) -> Result<Outcome, String> {
    run(plan, Table::new()?, traced)
}

fn run(plan: &Plan, table: Table, traced: bool) -> Result<Outcome, String> {
    // The SDK's own jitter comes from the thread's random source.
    fastrand::seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        write_settings(plan, &table).await?;
        let world = World::new(plan.clone(), table, traced);
        live(&world).await;
        let outcome = outcome(&world);
        // Processes that wait hold on to the world, which holds on to them.
        let pools = std::mem::take(&mut world.state().pools);
        drop(pools);
        Ok(outcome)
    })
}

async fn write_settings(plan: &Plan, table: &Table) -> Result<(), String> {
    let desk = match plan.shape.desk {
        DeskKind::Console => "console",
        _ => DESK,
    };
    let document = serde_json::json!({
        "greeting": "[hello] a person will answer you here",
        "desk": desk,
        // The model knows no texts but those that somebody wrote.
        "waiting": {"texts": [], "alarm_after_seconds": 0},
        "retry_age_seconds": plan.shape.retry_age / 1000,
    });
    let clock = ManualClock::at(EPOCH);
    let store = Store::new(bare_client(table), TABLE, clock.shared(), Random::seeded(1));
    let known = store.settings().await.map_err(|error| error.to_string())?;
    store
        .put_settings(
            &document.to_string(),
            known.map_or(0, |known| known.version),
        )
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

/// Until all is quiet, or the time is over.
async fn live(world: &Arc<World>) {
    tokio::spawn(bells::keep_ringing(world.clone()));
    tokio::spawn(bells::keep_ticking(world.clone()));
    for (number, deed) in world.plan.deeds.iter().cloned().enumerate() {
        let world = world.clone();
        let busy = world.busy();
        tokio::spawn(async move {
            pause(deed.at).await;
            act(&world, number, &deed).await;
            drop(busy);
        });
    }
    let deeds = world.plan.deeds.iter().map(|deed| deed.at + 5_000);
    let weather = world.plan.faults.iter().filter_map(|fault| match fault {
        Fault::Weather { to, .. } => Some(*to),
        _ => None,
    });
    let rough_until = deeds.chain(weather).max().unwrap_or(0);
    pause(rough_until).await;
    world.calm_down();
    let longest = world.now() + world.plan.shape.retry_age + PATIENCE;
    while !world.is_quiet() && world.now() < longest {
        pause(2_000).await;
    }
}

async fn act(world: &Arc<World>, number: usize, deed: &Deed) {
    let conversation = deed.conversation;
    world.note(format_args!("c{conversation} {:?}", deed.what));
    match &deed.what {
        What::Asks(post) => gptbots::asks(world, conversation, post).await,
        What::Says(post) => {
            gptbots::says(world, conversation, &format!("u{number}"), post).await;
        }
        What::Leaves(post) => gptbots::leaves(world, conversation, post).await,
        What::Writes { agent, twice } => {
            let token = format!("a{number}");
            front::writes(world, conversation, *agent, &token, *twice).await;
        }
        What::Claims { agent } => front::claims(world, conversation, *agent).await,
        What::Closes => front::closes(world, conversation).await,
        What::Replays { twice } => front::replays(world, conversation, *twice).await,
    }
}

fn outcome(world: &Arc<World>) -> Outcome {
    let lasted = world.now();
    let quiet = world.is_quiet();
    let (hash, trace) = world.trace();
    let table_calls = world.table_calls();
    let state = world.state();
    let case = Case {
        plan: &world.plan,
        ledger: &state.ledger,
        humans: &state.humans,
        desk: &state.desk,
    };
    let mut verdict = case.judge();
    if !quiet && verdict.violations.is_empty() {
        verdict.violations.push(Violation {
            rule: "nothing is stuck",
            what: "something is under way for ever".to_owned(),
        });
    }
    Outcome {
        verdict,
        hash,
        trace,
        faults: state.faults.clone(),
        drained_in: lasted - state.calm_since(),
        table_calls,
        lasted,
    }
}
