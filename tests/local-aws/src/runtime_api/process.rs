//! The process side: start it, feed it, listen to it, end it.

use std::{
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpListener,
    process::{Child, Command},
    sync::{mpsc, oneshot, watch},
};

use super::{
    InvocationError, LambdaFunction, StartError,
    server::{Invocation, Phase, RuntimeApi},
};
use crate::{
    function::{BoxFuture, Function},
    time::epoch_millis,
};

/// A running execution environment. Dropping it kills the process (that one only).
pub struct LambdaProcess {
    invocations: mpsc::UnboundedSender<Invocation>,
    phase: watch::Receiver<Phase>,
    logs: Logs,
    timeout: Duration,
    /// Its drop, or a message, makes the task that owns the process kill it.
    kill: mpsc::Sender<()>,
    process_id: Option<u32>,
}

type Logs = Arc<watch::Sender<String>>;

impl LambdaProcess {
    /// Starts `executable` with the environment variables `envs` and [`LambdaFunction`]'s
    /// defaults, and waits until it is ready for an event.
    ///
    /// # Errors
    /// The process did not come up; the error holds what it wrote.
    pub async fn start<K: Into<String>, V: Into<String>>(
        executable: impl AsRef<Path>,
        envs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, StartError> {
        LambdaFunction::new(executable).envs(envs).start().await
    }

    pub(super) async fn launch(function: &LambdaFunction) -> Result<Self, StartError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (invocations, incoming) = mpsc::unbounded_channel();
        let (phase_sender, phase) = watch::channel(Phase::Starting);
        let api = RuntimeApi::new(function.arn(), incoming, phase_sender.clone());
        let server = tokio::spawn(async move { axum::serve(listener, api.router()).await });

        let mut child = Command::new(&function.executable)
            .args(&function.args)
            .env_clear()
            .envs(function.environment(&address))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let logs: Logs = Arc::new(watch::Sender::new(String::new()));
        let readers = [
            child
                .stdout
                .take()
                .map(|out| tokio::spawn(copy(out, Arc::clone(&logs)))),
            child
                .stderr
                .take()
                .map(|err| tokio::spawn(copy(err, Arc::clone(&logs)))),
        ];
        let process_id = child.id();
        let (kill, killed) = mpsc::channel(1);
        tokio::spawn(async move {
            let status = until_exit(child, killed).await;
            // A process that has ended has written all it will.
            for reader in readers.into_iter().flatten() {
                let _ = reader.await;
            }
            phase_sender.send_replace(Phase::Exited(status));
            server.abort();
        });

        let process = Self {
            invocations,
            phase,
            logs,
            timeout: function.timeout,
            kill,
            process_id,
        };
        process.wait_until_ready(function.init_timeout).await?;
        Ok(process)
    }

    async fn wait_until_ready(&self, patience: Duration) -> Result<(), StartError> {
        let mut phase = self.phase.clone();
        let settled = phase.wait_for(|phase| !matches!(phase, Phase::Starting));
        let settled = match tokio::time::timeout(patience, settled).await {
            Ok(Ok(phase)) => phase.clone(),
            Ok(Err(_closed)) => Phase::Exited("unknown".to_owned()),
            Err(_elapsed) => {
                return Err(StartError::TimedOut {
                    waited: patience,
                    logs: self.logs(),
                });
            }
        };
        match settled {
            Phase::Starting | Phase::Ready => Ok(()),
            Phase::InitFailed(error) => Err(StartError::InitFailed {
                error_type: error.error_type,
                error_message: error.error_message,
                logs: self.logs(),
            }),
            Phase::Exited(status) => Err(StartError::Exited {
                status,
                logs: self.logs(),
            }),
        }
    }

    /// Hands the function one event and waits for its answer. Like an execution environment of
    /// Lambda it handles one at a time: a second caller waits.
    ///
    /// # Errors
    /// The function reported an error, ran out of time or ended.
    pub async fn invoke(&self, event: Value) -> Result<Value, InvocationError> {
        let (answer, answered) = oneshot::channel();
        let exited = |phase: &Phase| matches!(phase, Phase::Exited(_));
        let invocation = Invocation {
            request_id: crate::ids::uuid(),
            deadline_ms: epoch_millis(SystemTime::now() + self.timeout),
            event,
            answer,
        };
        if self.invocations.send(invocation).is_err() {
            return Err(self.exit());
        }
        let mut phase = self.phase.clone();
        tokio::select! {
            biased;
            outcome = answered => outcome.unwrap_or_else(|_| Err(self.exit())),
            _ = phase.wait_for(exited) => Err(self.exit()),
            () = tokio::time::sleep(self.timeout) => {
                let _ = self.kill.try_send(());
                Err(InvocationError::TimedOut(self.timeout))
            }
        }
    }

    /// Everything the process has written to its standard output and error so far.
    #[must_use]
    pub fn logs(&self) -> String {
        self.logs.borrow().clone()
    }

    /// Waits until the logs contain `text`, for at most `patience`, and says whether they do.
    /// What a function writes can arrive after its answer.
    pub async fn wait_for_log(&self, text: &str, patience: Duration) -> bool {
        let mut logs = self.logs.subscribe();
        let found = logs.wait_for(|logs| logs.contains(text));
        tokio::time::timeout(patience, found)
            .await
            .is_ok_and(|found| found.is_ok())
    }

    /// The operating system's id of the process, as long as it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process_id
            .filter(|_| !matches!(*self.phase.borrow(), Phase::Exited(_)))
    }

    /// Kills the process (SIGKILL, without warning, as the end of an environment can be) and
    /// waits until it is gone.
    pub async fn kill(&self) {
        let _ = self.kill.try_send(());
        let mut phase = self.phase.clone();
        let _ = phase
            .wait_for(|phase| matches!(phase, Phase::Exited(_)))
            .await;
    }

    fn exit(&self) -> InvocationError {
        InvocationError::Exited(match &*self.phase.borrow() {
            Phase::Exited(status) => status.clone(),
            _ => "unknown".to_owned(),
        })
    }
}

impl Function for LambdaProcess {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            LambdaProcess::invoke(self, event)
                .await
                .map_err(|error| error.to_string())
        })
    }
}

impl std::fmt::Debug for LambdaProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LambdaProcess")
            .field("process_id", &self.process_id())
            .finish_non_exhaustive()
    }
}

/// Waits for the process to end, by itself or because nobody wants it any more.
async fn until_exit(mut child: Child, mut killed: mpsc::Receiver<()>) -> String {
    let status = tokio::select! {
        status = child.wait() => status,
        _ = killed.recv() => {
            // It may have ended in between; then there is nothing left to kill.
            let _ = child.start_kill();
            child.wait().await
        }
    };
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Collects what comes from `source`, whole characters at a time.
async fn copy(mut source: impl AsyncRead + Unpin, logs: Logs) {
    let mut pending = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = source.read(&mut buffer).await {
        pending.extend_from_slice(&buffer[..read]);
        // A line is written at once and ends a character.
        let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let lines: Vec<u8> = pending.drain(..=end).collect();
        logs.send_modify(|logs| logs.push_str(&String::from_utf8_lossy(&lines)));
    }
    logs.send_modify(|logs| logs.push_str(&String::from_utf8_lossy(&pending)));
}
