//! Lambda's Runtime API for one process: it notes when the function asks for an event, and when it
//! has answered. See <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::error::BenchError;
use crate::http;
use crate::process::Process;

/// How long a function may take for anything, under the smallest quota.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it is still there.
const LOOK: Duration = Duration::from_millis(200);

enum Call {
    /// It waits for an event, on this connection.
    Next(Instant, TcpStream),
    /// It has answered.
    Answer(Instant, Vec<u8>),
    /// It has failed, and says so.
    Failure(String),
}

/// The API that one process talks to.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    calls: Receiver<Call>,
    waiting: Option<TcpStream>,
    events: u64,
    over: Arc<AtomicBool>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // For the loop to look.
        let _ = TcpStream::connect(self.address);
    }
}

impl RuntimeApi {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (sender, calls) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let sender = sender.clone();
                std::thread::spawn(move || serve(connection, &sender));
            }
        });
        Ok(Self {
            address,
            calls,
            waiting: None,
            events: 0,
            over,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the function asks for an event; says when it did.
    pub(crate) fn asked(&mut self, process: &mut Process) -> Result<Instant, BenchError> {
        match self.call(process)? {
            Call::Next(at, connection) => {
                self.waiting = Some(connection);
                Ok(at)
            }
            Call::Answer(..) => Err(BenchError::Function("an answer to nothing".into())),
            Call::Failure(error) => Err(BenchError::Function(error)),
        }
    }

    /// Hands the event to the function that waits, and takes its answer.
    pub(crate) fn invoke(
        &mut self,
        event: &Value,
        process: &mut Process,
    ) -> Result<(Duration, Value), BenchError> {
        let mut connection = self
            .waiting
            .take()
            .ok_or_else(|| BenchError::Function("it waits for no event".into()))?;
        self.events += 1;
        let deadline = SystemTime::now() + Duration::from_secs(30);
        let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let headers = format!(
            "lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-{:012x}\r\n\
             lambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:123456789012:function:bench\r\n\
             lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n",
            self.events,
            deadline.as_millis(),
        );
        let event = event.to_string();
        let begun = Instant::now();
        http::answer(&mut connection, "200 OK", &headers, event.as_bytes())?;
        match self.call(process)? {
            Call::Answer(at, body) => Ok((at - begun, serde_json::from_slice(&body)?)),
            Call::Next(..) => Err(BenchError::Function("it asked instead of answering".into())),
            Call::Failure(error) => Err(BenchError::Function(error)),
        }
    }

    /// Its next call.
    fn call(&self, process: &mut Process) -> Result<Call, BenchError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.calls.recv_timeout(LOOK) {
                Ok(call) => return Ok(call),
                Err(RecvTimeoutError::Timeout) if process.has_ended()? => {
                    let said = process.last_words();
                    return Err(BenchError::Function(format!("it has ended: {said}")));
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(_) => {
                    let said = process.last_words();
                    return Err(BenchError::Function(format!("took too long: {said}")));
                }
            }
        }
    }
}

fn serve(mut connection: TcpStream, calls: &Sender<Call>) {
    // A function that is killed closes its connections anyhow.
    let _ = connection.set_nodelay(true);
    while let Ok(Some(request)) = http::read(&mut connection, false) {
        let at = Instant::now();
        let call = if request.start.starts_with("GET ") {
            match connection.try_clone() {
                Ok(connection) => Call::Next(at, connection),
                Err(error) => Call::Failure(error.to_string()),
            }
        } else {
            if http::answer(&mut connection, "202 Accepted", "", b"{}").is_err() {
                return;
            }
            if request.start.ends_with("/response") {
                Call::Answer(at, request.body)
            } else {
                Call::Failure(String::from_utf8_lossy(&request.body).into_owned())
            }
        };
        if calls.send(call).is_err() {
            return;
        }
    }
}
