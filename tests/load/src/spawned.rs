//! A sandbox in a process of its own, so that what it costs can be told from what the driver does.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::options::Load;
use crate::run::Error;

/// A sandbox that ends with this value.
pub(crate) struct Spawned {
    child: Child,
    pub(crate) webhooks: String,
    pub(crate) console: String,
}

impl Spawned {
    pub(crate) async fn start(load: &Load, gptbots_url: &str) -> Result<Self, Error> {
        let program = match &load.sandbox {
            Some(program) => program.clone(),
            None => beside()?,
        };
        let secret = format!(r#"{{"bots":{{"{}":{{"api_key":"load"}}}}}}"#, load.bot);
        let mut child = Command::new(&program)
            .args(["--port", "0", "--gptbots-url", gptbots_url])
            .args(["--secrets-json", &secret])
            .args(&load.sandbox_argument)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| Error::Sandbox(program.clone(), cause))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).await?;
        }
        let part = |name: &str| {
            let found = line
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name));
            found.map(str::to_owned).ok_or(Error::NotReady)
        };
        Ok(Self {
            webhooks: part("bridge=")?,
            console: part("console=")?,
            child,
        })
    }

    /// The processor time that it has used, in seconds, and its memory, in MB; `None` where the
    /// system does not tell (it does on Linux).
    pub(crate) fn used(&self) -> Option<Used> {
        Used::of(self.child.id()?)
    }
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    /// Seconds on a processor.
    pub(crate) cpu: f64,
    /// Resident memory in MB.
    pub(crate) memory: f64,
}

impl Used {
    pub(crate) fn of(process: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // After the name in parentheses, which may hold anything: field 3 and on. 14 and 15 are
        // user and system time in ticks of 10 ms, 24 is resident memory in pages of 4 KB.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu: (field(14)? + field(15)?) / 100.0,
            memory: field(24)? * 4096.0 / 1e6,
        })
    }
}

fn beside() -> Result<PathBuf, Error> {
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("."));
    Ok(folder.join("sandbox"))
}
