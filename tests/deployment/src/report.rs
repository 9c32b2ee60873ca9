//! What is printed: a line for each check, with what it rests on.

use std::io::Write as _;
use std::time::Instant;

use crate::error::Error;

/// To stdout, at once.
pub(crate) fn say(line: &str) {
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{line}");
    let _ = stdout.flush();
}

/// The checks so far.
#[derive(Debug)]
pub(crate) struct Report {
    only: Option<String>,
    passed: usize,
    failed: Vec<String>,
    started: Instant,
}

impl Report {
    /// No checks yet; of those to come only these are made.
    pub(crate) fn new(only: Option<&str>) -> Self {
        Self {
            only: only.map(str::to_owned),
            passed: 0,
            failed: Vec::new(),
            started: Instant::now(),
        }
    }

    /// Whether a check of this name is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }

    /// Makes a check and prints how it went. `rests_on` says what in the emulated account its
    /// result depends on, and what AWS may do otherwise.
    pub(crate) async fn check(
        &mut self,
        name: &str,
        rests_on: &str,
        check: impl Future<Output = Result<String, Error>>,
    ) {
        if !self.wants(name) {
            return;
        }
        let began = Instant::now();
        let result = check.await;
        let seconds = began.elapsed().as_secs_f32();
        match result {
            Ok(seen) => {
                self.passed += 1;
                say(&format!("ok      {name} ({seconds:.1} s): {seen}"));
            }
            Err(error) => {
                say(&format!("FAILED  {name} ({seconds:.1} s): {error}"));
                self.failed.push(name.to_owned());
            }
        }
        say(&format!("        rests on: {rests_on}"));
    }

    /// The last line; whether all passed.
    pub(crate) fn end(&self) -> bool {
        say(&format!(
            "\n{} checks passed, {} failed, in {:.0} s",
            self.passed,
            self.failed.len(),
            self.started.elapsed().as_secs_f32()
        ));
        for name in &self.failed {
            say(&format!("  failed: {name}"));
        }
        self.failed.is_empty()
    }
}
