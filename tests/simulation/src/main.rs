//! Runs histories: `simulation --histories 100000 --jobs 2`, or one again: `simulation --seed 17`.
// Its output is for people.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use simulation::{Plan, Profile, Runner, Summary, run_alone, shrunk};

// An eighth of the time went into the C library's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Random histories of both sides, with faults and kills, in virtual time.
#[derive(Debug, Parser)]
struct Options {
    /// How many histories.
    #[arg(long, default_value_t = 1_000)]
    histories: u64,
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 0)]
    from_seed: u64,
    /// How many threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// How rough the histories are.
    #[arg(long, value_enum, default_value_t = Roughness::Mixed)]
    profile: Roughness,
    /// Runs the history of this seed alone and prints what happens in it.
    #[arg(long)]
    seed: Option<u64>,
    /// Goes on after so many histories in which a promise was broken.
    #[arg(long, default_value_t = 1)]
    give_up_after: u64,
    /// Does not look for the smallest history that breaks the same promise.
    #[arg(long)]
    no_shrink: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Roughness {
    /// Each history draws its own.
    Mixed,
    /// No faults; repeated, late and disordered calls all the same.
    Calm,
    /// Many faults.
    Rough,
    /// Kills and freezes.
    Kills,
}

impl From<Roughness> for Profile {
    fn from(roughness: Roughness) -> Self {
        match roughness {
            Roughness::Mixed => Self::Mixed,
            Roughness::Calm => Self::Calm,
            Roughness::Rough => Self::Rough,
            Roughness::Kills => Self::Kills,
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.seed {
        Some(seed) => one(seed, &options),
        None => many(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn one(seed: u64, options: &Options) -> Result<bool, String> {
    let plan = Plan::drawn(seed, options.profile.into());
    let outcome = run_alone(&plan, true)?;
    print!("{plan}");
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("trace {:016x}", outcome.hash);
    for violation in outcome.violations() {
        println!("BROKEN {violation}");
    }
    let Some(first) = outcome.violations().first() else {
        return Ok(true);
    };
    if !options.no_shrink {
        let small = shrunk(&plan, first.rule, 2_000)?;
        let outcome = run_alone(&small, true)?;
        println!("\nshrunk to:\n{small}");
        for line in &outcome.trace {
            println!("{line}");
        }
        for violation in outcome.violations() {
            println!("BROKEN {violation}");
        }
    }
    Ok(false)
}

fn many(options: &Options) -> Result<bool, String> {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let broken = Mutex::new(Vec::new());
    let began = Instant::now();
    let work = || -> Result<Summary, String> {
        let mut runner = Runner::new()?;
        let mut summary = Summary::default();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.histories {
                break;
            }
            let seed = options.from_seed + number;
            let plan = Plan::drawn(seed, options.profile.into());
            let outcome = runner.run(&plan, false)?;
            summary.add(&outcome);
            if let Some(violation) = outcome.violations().first() {
                println!("seed {seed}: BROKEN {violation}");
                let mut broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
                broken.push((seed, violation.rule));
                if broken.len() as u64 >= options.give_up_after {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        Ok(summary)
    };
    let mut summary = Summary::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.jobs.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        let mut told = Instant::now();
        while threads.iter().any(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(50));
            if told.elapsed() > Duration::from_secs(30) {
                told = Instant::now();
                let begun = next.load(Ordering::Relaxed);
                let pace = begun as f64 / began.elapsed().as_secs_f64();
                println!("{begun} histories begun, {pace:.0} a second");
            }
        }
        for thread in threads {
            match thread.join() {
                Ok(part) => summary.merge(&part?),
                Err(_) => return Err("a thread panicked".to_owned()),
            }
        }
        Ok(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    println!("{summary}");
    println!(
        "{seconds:.0} s, {:.0} histories a second",
        summary.histories as f64 / seconds
    );
    let mut broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    broken.sort_unstable();
    let Some((seed, rule)) = broken.first() else {
        return Ok(true);
    };
    println!("\nagain: simulation --seed {seed}");
    if !options.no_shrink {
        let small = shrunk(&Plan::drawn(*seed, options.profile.into()), rule, 2_000)?;
        println!("shrunk to:\n{small}");
    }
    Ok(false)
}
