//! `cargo run -p desks`: the table of desks and checks.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use desks::checks::CHECKS;
use desks::{Outcome, PROFILES, Verdict, run, table};

/// Runs the conformance suite and prints its table as Markdown.
#[derive(Debug, Parser)]
#[command(name = "desks", version)]
struct Arguments {
    /// Only these kinds of desks.
    kinds: Vec<String>,
    /// Only this check.
    #[arg(long, value_name = "NAME")]
    check: Option<String>,
    /// How many checks run at once.
    #[arg(long, default_value_t = desks::at_once())]
    at_once: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let unknown = |kind: &&String| desks::profile(kind).is_none();
    if let Some(kind) = arguments.kinds.iter().find(unknown) {
        let _ = writeln!(std::io::stderr(), "desks: no desk is called {kind:?}");
        return ExitCode::FAILURE;
    }
    let wanted = |name: &str| arguments.check.as_deref().is_none_or(|only| only == name);
    if !CHECKS.iter().any(|check| wanted(check.name)) {
        let _ = writeln!(std::io::stderr(), "desks: there is no such check");
        return ExitCode::FAILURE;
    }
    let chosen = PROFILES.iter().filter(|profile| {
        arguments.kinds.is_empty() || arguments.kinds.iter().any(|kind| kind == profile.kind)
    });
    let mut all = Vec::new();
    for profile in chosen {
        let outcomes = run(profile, arguments.at_once.max(1), wanted).await;
        let failed = |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Failed(_));
        let failed = outcomes.iter().filter(failed).count();
        let _ = writeln!(std::io::stderr(), "{}: {failed} failed", profile.title);
        all.push((profile.title, outcomes));
    }
    let _ = write!(std::io::stdout(), "{}", table(&all));
    let mut outcomes = all.iter().flat_map(|(_, outcomes)| outcomes);
    match outcomes.any(|outcome| matches!(outcome.verdict, Verdict::Failed(_))) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
