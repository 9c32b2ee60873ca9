//! One call of the bridge to another party, with what can go wrong on the way.

use std::sync::Arc;
use std::time::Duration;

use handoff::time::Millis;
use tokio::sync::oneshot;

use crate::ledger::Answer;
use crate::plan::{CallFault, Party};
use crate::process::Process;
use crate::world::{World, pause};

/// An answer of HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            retry_after: None,
            body: body.into(),
        }
    }

    pub(crate) fn code(code: u32) -> Self {
        Self::new(200, format!(r#"{{"code":{code},"message":"as told"}}"#))
    }
}

/// A call: who makes it, to whom, and which line of the ledger it is.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) process: &'a Arc<Process>,
    pub(crate) number: u64,
    pub(crate) fault: Option<CallFault>,
    pub(crate) sent: usize,
}

impl<'a> Call<'a> {
    /// Draws the fate of a call to these parties. `sent` is where the ledger has it.
    pub(crate) fn begin(
        world: &'a Arc<World>,
        process: &'a Arc<Process>,
        parties: &[Party],
        sent: usize,
    ) -> Self {
        let (number, fault) = world.call(parties);
        Self {
            world,
            process,
            number,
            fault,
            sent,
        }
    }

    /// Makes the call. `effect` is what the other side does when it gets to it, which can be after
    /// the caller has given up. `None`: no answer.
    pub(crate) async fn make(
        &self,
        patience: Duration,
        forget: impl FnOnce(&World),
        effect: impl FnOnce(&World) -> Reply + Send + 'static,
    ) -> Option<Reply> {
        let world = self.world;
        world.freeze(self.process, self.number, true).await;
        world.step(self.process).await;
        let now = world.now();
        world.state().ledger.sent[self.sent].begun = now;
        if let Some(fault) = self.fault {
            world.note(format_args!(
                "!! {} of {}: {}",
                self.number,
                self.process,
                fault.name()
            ));
        }
        let answer = tokio::time::timeout(patience, self.on_the_way(forget, effect)).await;
        world.step(self.process).await;
        world.freeze(self.process, self.number, false).await;
        answer.ok().flatten()
    }

    async fn on_the_way(
        &self,
        forget: impl FnOnce(&World),
        effect: impl FnOnce(&World) -> Reply + Send + 'static,
    ) -> Option<Reply> {
        let world = self.world;
        let mut rng = world.chance("call", self.number);
        let (there, back) = (rng.i64(3..90), rng.i64(3..90));
        pause(there).await;
        match self.fault {
            None => {
                let answer = effect(world);
                // Right after it was taken, too, a process can die.
                world.step(self.process).await;
                pause(back).await;
                Some(answer)
            }
            Some(CallFault::Down) => None,
            Some(CallFault::Hang { taken: did }) => {
                if did {
                    effect(world);
                }
                std::future::pending().await
            }
            Some(CallFault::Slow(ms)) => {
                let (done, answer) = oneshot::channel();
                let busy = world.busy();
                let world = world.clone();
                tokio::spawn(async move {
                    pause(ms).await;
                    let _ = done.send(effect(&world));
                    drop(busy);
                });
                answer.await.ok()
            }
            Some(CallFault::Limited { after }) => Some(Reply {
                retry_after: after,
                ..Reply::new(429, r#"{"code":40001}"#)
            }),
            Some(CallFault::CodeInside) => Some(Reply::code(50_000)),
            Some(CallFault::Refused) => Some(Reply::new(400, r#"{"code":40000}"#)),
            Some(CallFault::Broken { taken: did }) => {
                if did {
                    effect(world);
                }
                None
            }
            Some(CallFault::Rubbish { taken: did }) => {
                if did {
                    effect(world);
                }
                Some(Reply::new(502, "<html>no gateway</html>"))
            }
            Some(CallFault::KeyRefused) => Some(Reply::new(401, r#"{"code":40127}"#)),
            Some(CallFault::Forgotten) => {
                forget(world);
                Some(effect(world))
            }
        }
    }

    /// Puts down what the bridge was answered.
    pub(crate) fn answered(&self, answer: Answer) {
        let now: Millis = self.world.now();
        self.world.note(format_args!("    answered: {answer:?}"));
        self.world.state().ledger.sent[self.sent].answered = Some((now, answer));
    }
}
