//! A function's process: how it is started, what it has used.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::error::BenchError;
use crate::quota::Quota;

/// A started process. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) begun: Instant,
    /// What the shell before it has used of the processor, in milliseconds.
    before_ms: f64,
}

/// How a process is started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launch {
    pub(crate) binary: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
    /// A program in front of it, such as valgrind, with its arguments.
    pub(crate) under: Vec<OsString>,
}

impl Launch {
    pub(crate) fn start(
        &self,
        runtime_api: &str,
        quota: Option<&Quota>,
    ) -> Result<Process, BenchError> {
        let mut words = self.under.clone();
        if quota.is_some() {
            // A shell that becomes the program once it is in the group.
            words.splice(
                0..0,
                ["sh", "-c", "read _; exec \"$@\"", "sh"].map(Into::into),
            );
        }
        words.push(self.binary.clone().into());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(if quota.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            // Lambda reads what is written; so it has to be written somewhere.
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let mut process = Process {
            child: command.spawn()?,
            begun,
            before_ms: 0.0,
        };
        if let (Some(quota), Some(mut stdin)) = (quota, process.child.stdin.take()) {
            quota.admit(process.child.id())?;
            process.before_ms = process.cpu_ms();
            process.begun = Instant::now();
            stdin.write_all(b"\n")?;
        }
        Ok(process)
    }
}

impl Process {
    /// The processor time it has used, in milliseconds: user and system, all its threads. Exact
    /// while it waits.
    pub(crate) fn cpu_ms(&self) -> f64 {
        let tasks = PathBuf::from(format!("/proc/{}/task", self.child.id()));
        let nanoseconds = fs::read_dir(tasks).into_iter().flatten().flatten();
        let nanoseconds = nanoseconds.filter_map(|task| first_number(&task.path()));
        nanoseconds.sum::<u64>() as f64 / 1e6 - self.before_ms
    }

    /// The most memory it has held at once, in MB.
    pub(crate) fn peak_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kilobytes.unwrap_or_default() / 1024.0
    }

    /// Ends it as a shutdown does, so that what watches it writes its report; waits for that.
    pub(crate) fn terminate(mut self) -> Result<(), BenchError> {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status()?;
        if !killed.success() {
            return Err(BenchError::Tool("kill".into()));
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time on the processor, in nanoseconds: the first number in `schedstat`.
fn first_number(task: &Path) -> Option<u64> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}
