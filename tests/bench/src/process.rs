//! A function's process: how it is started, what it has used.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::error::BenchError;
use crate::quota::Quota;

/// A started process. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) begun: Instant,
    /// What it has written to its standard error.
    said: File,
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
        let said = tempfile::tempfile()?;
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
            // Its log, which Lambda would read: written, and nothing more.
            .stdout(Stdio::null())
            .stderr(said.try_clone()?);
        let begun = Instant::now();
        let child = command.spawn().map_err(|error| {
            let program = words[0].display();
            BenchError::Tool(format!("{program} cannot be started ({error}): it"))
        })?;
        let mut process = Process {
            child,
            begun,
            said,
            before_ms: 0.0,
        };
        if let (Some(quota), Some(mut stdin)) = (quota, process.child.stdin.take()) {
            quota.admit(process.child.id())?;
            process.before_ms = process.cpu_ms()?;
            process.begun = Instant::now();
            stdin.write_all(b"\n")?;
        }
        Ok(process)
    }
}

impl Process {
    /// The processor time it has used, in milliseconds: user and system, all its threads. Exact
    /// while it waits.
    pub(crate) fn cpu_ms(&self) -> Result<f64, BenchError> {
        let tasks = PathBuf::from(format!("/proc/{}/task", self.child.id()));
        let mut nanoseconds = 0;
        for task in fs::read_dir(tasks)?.flatten() {
            let file = task.path().join("schedstat");
            let Ok(text) = fs::read_to_string(&file) else {
                // Threads end.
                continue;
            };
            let first = text.split_whitespace().next().map(str::parse::<u64>);
            let Some(Ok(used)) = first else {
                return Err(BenchError::Unreadable(file));
            };
            nanoseconds += used;
        }
        if nanoseconds == 0 {
            return Err(BenchError::Unreadable("/proc/…/task/…/schedstat".into()));
        }
        Ok(nanoseconds as f64 / 1e6 - self.before_ms)
    }

    /// The most memory it has held at once, in MB (of a million bytes, as everywhere here).
    pub(crate) fn peak_mb(&self) -> Result<f64, BenchError> {
        let file = PathBuf::from(format!("/proc/{}/status", self.child.id()));
        let status = fs::read_to_string(&file)?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        let kilobytes = kilobytes.ok_or(BenchError::Unreadable(file))?;
        Ok(kilobytes * 1024.0 / 1e6)
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool, BenchError> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// The last line of its standard error.
    pub(crate) fn last_words(&mut self) -> String {
        let mut said = Vec::new();
        let read = self
            .said
            .rewind()
            .and_then(|()| self.said.read_to_end(&mut said));
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        match (read, last) {
            (Ok(_), Some(last)) => last.to_owned(),
            _ => "it said nothing".to_owned(),
        }
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
