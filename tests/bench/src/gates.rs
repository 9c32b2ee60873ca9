//! What does not hang on the clock: how large the binaries are, and how many instructions they take
//! to start and for one event, as callgrind counts them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bundle::{Bundle, FUNCTIONS, Size, root};
use crate::error::BenchError;
use crate::events::{Task, World};
use crate::process::Launch;
use crate::runtime::RuntimeApi;
use crate::table::{self, Table};

/// By so much a size may exceed its limit.
const SIZE_TOLERANCE: f64 = 0.01;
/// By so much a count may exceed its limit: hash seeds, and what the C library does for this
/// processor, move it by one or two in a hundred.
const COUNT_TOLERANCE: f64 = 0.05;
/// The events that the instructions of one are averaged over.
const EVENTS: u64 = 20;
/// The events that are counted: what every message goes through.
const COUNTED: [Task; 7] = [
    Task::Establish,
    Task::Chat,
    Task::Close,
    Task::RelayToDesk,
    Task::RelayToUser,
    Task::Desk,
    Task::ConsoleSend,
];

/// Names and their limits: bytes, or instructions.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    binary_bytes: BTreeMap<String, u64>,
    zip_bytes: BTreeMap<String, u64>,
    start_instructions: BTreeMap<String, u64>,
    event_instructions: BTreeMap<String, u64>,
}

/// Measures, and holds it against the limits, or makes it the limits.
///
/// # Errors
/// When a limit is exceeded.
pub(crate) fn check(bundle: &Bundle, accept: bool) -> Result<(), BenchError> {
    let now = measured(bundle)?;
    let file = root().join("tests/bench/limits.json");
    if accept {
        let mut text = serde_json::to_string_pretty(&now)?;
        text.push('\n');
        fs::write(file, text)?;
        return Ok(());
    }
    let limits: Limits = serde_json::from_slice(&fs::read(file)?)?;
    let mut exceeded = 0;
    // What is measured no more guards nothing.
    for (now, limits) in [
        (&now.binary_bytes, &limits.binary_bytes),
        (&now.zip_bytes, &limits.zip_bytes),
        (&now.start_instructions, &limits.start_instructions),
        (&now.event_instructions, &limits.event_instructions),
    ] {
        for name in limits.keys().filter(|name| !now.contains_key(*name)) {
            println!("MISSING  {name}");
            exceeded += 1;
        }
    }
    for (what, now, limits, tolerance) in [
        (
            "bytes of binary",
            &now.binary_bytes,
            &limits.binary_bytes,
            SIZE_TOLERANCE,
        ),
        (
            "bytes of zip",
            &now.zip_bytes,
            &limits.zip_bytes,
            SIZE_TOLERANCE,
        ),
        (
            "instructions to start",
            &now.start_instructions,
            &limits.start_instructions,
            COUNT_TOLERANCE,
        ),
        (
            "instructions an event",
            &now.event_instructions,
            &limits.event_instructions,
            COUNT_TOLERANCE,
        ),
    ] {
        for (name, now) in now {
            // Something new has no limit yet, which somebody has to decide on.
            let limit = limits.get(name).copied().unwrap_or_default();
            let (now_there, limit_there) = (*now as f64, limit as f64);
            let holds = now_there <= limit_there * (1.0 + tolerance);
            exceeded += usize::from(!holds);
            let verdict = match holds {
                false => "TOO MANY",
                // What has become better may become as bad again, unless it is accepted.
                true if now_there < limit_there * (1.0 - tolerance) => "less",
                true => "ok",
            };
            println!("{verdict:8} {name:16} {now:>12} {what} (limit {limit})");
        }
    }
    if exceeded == 0 {
        return Ok(());
    }
    Err(BenchError::Gates(exceeded))
}

fn measured(bundle: &Bundle) -> Result<Limits, BenchError> {
    let mut limits = Limits::default();
    for function in FUNCTIONS {
        let size = Size::of(&bundle.binary(function)?)?;
        limits.binary_bytes.insert(function.into(), size.binary);
        limits.zip_bytes.insert(function.into(), size.zip);
    }
    let others = table::that_takes_all(r#"{"code":0,"message":"OK"}"#)?;
    for task in COUNTED {
        let mut world = World::new(&others, task)?;
        let table = Table::before(world.endpoint_url(), false)?;
        let mut count = |events| instructions(bundle, task, events, &mut world, &table);
        // The least of two: a call that took too long on a busy machine is tried again, and counts.
        let mut least = |events| Ok::<_, BenchError>(count(events)?.min(count(events)?));
        let (start, one, many) = (least(0)?, least(1)?, least(1 + EVENTS)?);
        // The relay has two rows and one start.
        let of = limits.start_instructions.entry(task.function().into());
        of.and_modify(|least| *least = start.min(*least))
            .or_insert(start);
        let each = many.saturating_sub(one) / EVENTS;
        limits.event_instructions.insert(task.name().into(), each);
    }
    Ok(limits)
}

/// How many instructions a start and so many events take.
fn instructions(
    bundle: &Bundle,
    task: Task,
    events: u64,
    world: &mut World,
    table: &Table,
) -> Result<u64, BenchError> {
    let folder = tempfile::tempdir()?;
    let profile = folder.path().join("callgrind.out");
    write_profile(bundle, task, events, world, table, &profile)?;
    total(&profile)
}

/// Where a start and so many events take their instructions, for callgrind's own tools to read.
pub(crate) fn profile(
    bundle: &Bundle,
    task: Task,
    events: u64,
    profile: &Path,
) -> Result<(), BenchError> {
    let others = table::that_takes_all(r#"{"code":0,"message":"OK"}"#)?;
    let mut world = World::new(&others, task)?;
    let table = Table::before(world.endpoint_url(), false)?;
    write_profile(bundle, task, events, &mut world, &table, profile)
}

fn write_profile(
    bundle: &Bundle,
    task: Task,
    events: u64,
    world: &mut World,
    table: &Table,
    profile: &Path,
) -> Result<(), BenchError> {
    let mut environment = world.environment(task.function());
    environment.extend(table.environment());
    let mut talk = world.talk(task)?;
    let launch = Launch {
        binary: bundle.binary(task.function())?,
        environment,
        under: vec![
            "valgrind".into(),
            "--tool=callgrind".into(),
            format!("--callgrind-out-file={}", profile.display()).into(),
        ],
    };
    let mut api = RuntimeApi::start()?;
    let mut process = launch.start(&api.address().to_string(), None)?;
    api.asked(&mut process)?;
    for _ in 0..events {
        let event = world.event(&mut talk)?;
        let (_, answer) = api.invoke(&event, &mut process)?;
        talk.check(&answer)?;
        api.asked(&mut process)?;
    }
    process.terminate()
}

/// The sum in a profile of callgrind.
fn total(profile: &Path) -> Result<u64, BenchError> {
    let text = fs::read_to_string(profile)?;
    let line = |name| text.lines().rev().find_map(|line| line.strip_prefix(name));
    let sum = line("totals:").or_else(|| line("summary:"));
    let sum = sum.and_then(|sum| sum.trim().parse().ok());
    sum.ok_or_else(|| BenchError::Tool("callgrind".into()))
}
