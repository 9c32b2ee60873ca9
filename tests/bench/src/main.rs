//! Measures the functions' binaries as they are shipped, beside one that does nothing.
//!
//! Each function is started many times by a Lambda Runtime API of its own, over an embedded
//! DynamoDB, and the functions take turns, so that what else the machine does hits all alike.
//! Figures in milliseconds and MB hang on the machine: only ratios within one run, round trips,
//! sizes and counted instructions say something elsewhere. See `docs/speed.md`.
// Its output is for people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bundle;
mod error;
mod events;
mod figures;
mod gates;
mod goals;
mod http;
mod measure;
mod process;
mod quota;
mod report;
mod runtime;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::bundle::{Bundle, root};
use crate::error::BenchError;
use crate::events::Task;
use crate::measure::Course;
use crate::quota::Quota;

/// Measures the functions' binaries, beside an empty one.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks what does not hang on the clock against `tests/bench/limits.json`: sizes, and counted
    /// instructions (which needs valgrind).
    Gates(Gates),
    /// Writes where one function's instructions go, for `callgrind_annotate` (which needs valgrind, and
    /// binaries with symbols: `CARGO_PROFILE_RELEASE_STRIP=none`).
    Profile(Profile),
}

#[derive(Debug, Args)]
struct Gates {
    /// The binaries, as `cargo lambda build --release` leaves them: in the workspace's `target/lambda`.
    #[arg(long)]
    binaries: Option<PathBuf>,
    /// Writes what is there now as the new limits. It builds nothing: is it the newest?
    #[arg(long)]
    accept: bool,
}

#[derive(Debug, Args)]
struct Profile {
    /// The row of the table.
    row: String,
    /// The binaries: those in the workspace's `target/release`.
    #[arg(long)]
    binaries: Option<PathBuf>,
    /// How many events it gets after its start.
    #[arg(long, default_value_t = 0)]
    events: u64,
    /// What is written.
    #[arg(long, default_value = "callgrind.out")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Run {
    /// How often each function is started.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// How many events each start gets after its first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    warm: u32,
    /// Only these, by the beginning of their names in the table, beside the floors.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// DynamoDB over TLS instead of plain HTTP.
    #[arg(long)]
    tls: bool,
    /// As much of a processor as Lambda gives to these memory sizes, in MB, one after the other.
    /// Needs root and control groups.
    #[arg(long, value_delimiter = ',')]
    quota: Vec<u64>,
    /// Takes the binaries in this folder instead of building them; the floors (`empty`, `bare`), too.
    #[arg(long)]
    binaries: Option<PathBuf>,
    /// Measures the binaries in this folder, too, in the same run.
    #[arg(long)]
    beside: Option<PathBuf>,
    /// Writes all figures here, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.command {
        Some(Command::Gates(wanted)) => {
            let folder = wanted.binaries.clone();
            let folder = folder.unwrap_or_else(|| root().join("target/lambda"));
            gates::check(&Bundle::of(&folder), wanted.accept)
        }
        Some(Command::Profile(wanted)) => profile(wanted),
        None => run(&options.run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn profile(wanted: &Profile) -> Result<(), BenchError> {
    let task = Task::ALL.into_iter().find(|task| task.name() == wanted.row);
    let task = task.ok_or_else(|| BenchError::NoRow(wanted.row.clone()))?;
    let folder = wanted.binaries.clone();
    let bundle = Bundle::of(&folder.unwrap_or_else(|| root().join("target/release")));
    gates::profile(&bundle, task, wanted.events, &wanted.file)
}

fn run(options: &Run) -> Result<(), BenchError> {
    for name in &options.only {
        if !Task::ALL
            .iter()
            .any(|task| task.name().starts_with(name.as_str()))
        {
            return Err(BenchError::NoRow(name.clone()));
        }
    }
    // Before minutes of building.
    for quota in &options.quota {
        Quota::of_memory(*quota)?;
    }
    if let Some(folder) = options.beside.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(BenchError::NoBinary(folder.clone()));
    }
    let mut bundles = vec![match &options.binaries {
        Some(folder) => Bundle::of(folder),
        None => Bundle::built()?,
    }];
    bundles.extend(options.beside.as_deref().map(Bundle::of));
    let wanted = |task: &Task| {
        let named = |name: &String| task.name().starts_with(name.as_str());
        task.is_floor() || options.only.is_empty() || options.only.iter().any(named)
    };
    let quotas = match options.quota.as_slice() {
        [] => vec![None],
        quotas => quotas.iter().copied().map(Some).collect(),
    };
    let mut all = Vec::new();
    for quota in quotas {
        let course = Course {
            bundles: bundles.clone(),
            tasks: Task::ALL.into_iter().filter(wanted).collect(),
            starts: options.starts as usize,
            warm: options.warm as usize,
            tls: options.tls,
            quota,
        };
        let transport = if options.tls { "TLS" } else { "plain HTTP" };
        let share = quota.map_or("a whole processor".to_owned(), |mb| format!("{mb} MB"));
        let title = format!("{transport}, {share}");
        let figures = course.run(|round| eprint!("\r{title}: {round} of {}", options.starts))?;
        eprintln!();
        println!("{}", report::table(&title, &figures));
        // What they are for: a whole processor, and no TLS.
        if quota.is_none() && !options.tls {
            println!("{}", goals::table(&figures));
        }
        all.push(serde_json::json!({"tls": options.tls, "quota_mb": quota, "figures": figures}));
    }
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_vec_pretty(&all)?)?;
    }
    Ok(())
}
