//! A function's processes: each with its own memory and clock, and mortal.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use local_aws::function::BoxFuture;
use local_aws::{Function, SharedFunction};
use serde_json::Value;

use super::board::SharedBoard;
use super::{Target, What};

/// Makes a function anew, for the process of this name: with empty memory.
pub(crate) type Make = Box<dyn Fn(&str) -> SharedFunction + Send + Sync>;

/// How many processes a function has while it matters which one is asked.
const PROCESSES: usize = 4;

/// A function as Lambda runs it: in several processes, of which any can end at any time.
pub(crate) struct Process {
    name: &'static str,
    board: SharedBoard,
    make: Make,
    running: Mutex<[SharedFunction; PROCESSES]>,
}

impl Process {
    pub(crate) fn shared(name: &'static str, board: &SharedBoard, make: Make) -> SharedFunction {
        let running = std::array::from_fn(|n| make(&format!("{name} {n}")));
        Arc::new(Self {
            name,
            board: board.clone(),
            make,
            running: Mutex::new(running),
        })
    }

    fn get(&self, number: usize) -> SharedFunction {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running[number].clone()
    }

    /// Which process gets the next event. One is enough as long as all are the same.
    fn next(&self) -> usize {
        if self.board.on(Target::Clock, |_| true).is_some() {
            fastrand::usize(..PROCESSES)
        } else {
            0
        }
    }

    async fn run(&self, number: usize, event: Value) -> Result<Value, String> {
        let target = Target::Function(self.name);
        let function = self.get(number);
        let kill = self
            .board
            .hit(target, self.name, |fault| fault.what == What::Kill);
        let Some(kill) = kill else {
            return function.invoke(event).await;
        };
        Doomed {
            work: function.invoke(event),
            random: fastrand::Rng::with_seed(
                self.board.seed() ^ self.board.happened(&kill.text).rotate_left(32),
            ),
        }
        .await;
        let anew = (self.make)(&format!("{} {number}", self.name));
        self.running.lock().unwrap_or_else(PoisonError::into_inner)[number] = anew;
        tracing::warn!(function = self.name, "killed on purpose");
        Err("Runtime.ExitError: killed on purpose".to_owned())
    }
}

impl Function for Process {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let target = Target::Function(self.name);
            let overlaps = self
                .board
                .hit(target, self.name, |fault| fault.what == What::Overlap);
            let first = self.next();
            if overlaps.is_none() {
                return self.run(first, event).await;
            }
            let second = (first + 1) % PROCESSES;
            let (answer, _) = tokio::join!(self.run(first, event.clone()), self.run(second, event));
            answer
        })
    }
}

/// An invocation that dies: when it waits for something, or when it is done and its answer has not
/// been told.
struct Doomed<'a> {
    work: BoxFuture<'a, Result<Value, String>>,
    random: fastrand::Rng,
}

impl Future for Doomed<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waits = self.work.as_mut().poll(context).is_pending();
        // One wait in eight: an invocation of the relay has some tens of them.
        if waits && self.random.u8(..8) > 0 {
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}
