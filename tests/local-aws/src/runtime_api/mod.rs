//! The Lambda service around a function's binary: the Runtime API, the environment variables,
//! one invocation at a time, the logs.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html> and, for the variables,
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.

mod process;
mod server;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

pub use process::LambdaProcess;

/// Why a function's process did not come up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The executable or a socket could not be had.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The function reported that its initialisation failed.
    #[error("initialisation failed: {error_type}: {error_message}\n{logs}")]
    InitFailed {
        /// The function's name for the error.
        error_type: String,
        /// The function's words.
        error_message: String,
        /// What it wrote to its standard output and error.
        logs: String,
    },
    /// The process ended before it asked for its first event.
    #[error("the process ended while it started ({status})\n{logs}")]
    Exited {
        /// How it ended.
        status: String,
        /// What it wrote to its standard output and error.
        logs: String,
    },
    /// The process did not ask for an event in time.
    #[error("the process did not ask for an event within {waited:?}\n{logs}")]
    TimedOut {
        /// How long it had.
        waited: Duration,
        /// What it wrote to its standard output and error.
        logs: String,
    },
}

/// Why an invocation brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvocationError {
    /// The function reported an error (or a panic, which its runtime turns into one).
    #[error("{error_type}: {error_message}")]
    Failed {
        /// The function's name for the error.
        error_type: String,
        /// The function's words.
        error_message: String,
    },
    /// The function did not answer in time; its process is killed, as Lambda does.
    #[error("Task timed out after {0:?}")]
    TimedOut(Duration),
    /// The process ended without an answer, or had ended before.
    #[error("Runtime exited: {0}")]
    Exited(String),
}

/// A function as it is deployed: a binary with its settings. Start it with
/// [`start`](Self::start); each start is one execution environment.
#[derive(Clone, Debug)]
pub struct LambdaFunction {
    executable: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(String, String)>,
    name: String,
    memory_mb: u32,
    timeout: Duration,
    init_timeout: Duration,
}

impl LambdaFunction {
    /// The function of an executable, named like its file, with 128 MB and a timeout of 30 s.
    #[must_use]
    pub fn new(executable: impl AsRef<Path>) -> Self {
        let executable = executable.as_ref().to_owned();
        let name = executable.file_stem().map_or_else(
            || "function".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        );
        Self {
            executable,
            args: Vec::new(),
            envs: Vec::new(),
            name,
            memory_mb: 128,
            timeout: Duration::from_secs(30),
            // Lambda allows 10 s; a debug build on a busy machine may need more.
            init_timeout: Duration::from_secs(60),
        }
    }

    /// Adds an argument. Lambda passes none; a test that plays the function itself needs them.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable. One of Lambda's own can be replaced this way.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Sets several environment variables.
    #[must_use]
    pub fn envs<K: Into<String>, V: Into<String>>(
        mut self,
        envs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let envs = envs.into_iter();
        self.envs
            .extend(envs.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Sets the function's name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the memory the function is told it has, in MB. It is not enforced.
    #[must_use]
    pub fn memory_mb(mut self, memory_mb: u32) -> Self {
        self.memory_mb = memory_mb;
        self
    }

    /// Sets how long an invocation may take before the process is killed.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long the process may take until it asks for its first event.
    #[must_use]
    pub fn init_timeout(mut self, init_timeout: Duration) -> Self {
        self.init_timeout = init_timeout;
        self
    }

    /// Starts an execution environment and waits until it is ready for an event.
    ///
    /// # Errors
    /// The process did not come up; the error holds what it wrote.
    pub async fn start(&self) -> Result<LambdaProcess, StartError> {
        LambdaProcess::launch(self).await
    }

    fn arn(&self) -> String {
        format!(
            "arn:aws:lambda:{}:{}:function:{}",
            crate::REGION,
            crate::ACCOUNT_ID,
            self.name
        )
    }

    /// The variables of a custom runtime on `provided.al2023`, and the function's own.
    fn environment(&self, runtime_api: &str) -> Vec<(String, String)> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let memory_mb = self.memory_mb.to_string();
        let log_group = format!("/aws/lambda/{}", self.name);
        let mut environment: Vec<_> = [
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
            ("AWS_LAMBDA_FUNCTION_NAME", &self.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory_mb),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]local"),
            ("AWS_REGION", crate::REGION),
            ("AWS_DEFAULT_REGION", crate::REGION),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", "local"),
            ("_HANDLER", "bootstrap"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ]
        .iter()
        .map(own)
        .collect();
        environment.extend(self.envs.iter().cloned());
        environment
    }
}
