//! Timers that are due: what a user who waits is told, what comes after that, silence.
//!
//! What is to be done follows from the conversation as it is now, and is written on the condition
//! that it still is so, and that no other tick was faster: a conversation that was answered or has
//! ended meanwhile is left alone, and a tick that runs twice changes nothing.

use futures_util::{StreamExt as _, stream};
use handoff::conversation::{POSITION, Task};
use handoff::metrics::Metric;
use handoff::store::{DueTimer, Queue, Said, StoreError};
use handoff::time::Millis;
use tokio::sync::OnceCell;

use crate::{AT_ONCE, Clock};

impl Clock {
    /// Looks at every timer that is due. Answers how many wrote something, and how many could not be
    /// looked at: the next tick does.
    pub(crate) async fn turn_timers(&self, now: Millis) -> (usize, usize) {
        let due = match self.store.due_timers(now).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "not known which timers are due");
                return (0, 1);
            }
        };
        // Read once a tick, and only if somebody is to be told a place in it.
        let queue = &OnceCell::new();
        let mut turns = stream::iter(due)
            .map(|due| async move { (self.turn_timer(&due, queue, now).await, due) })
            .buffer_unordered(AT_ONCE);
        let (mut done, mut failed) = (0, 0);
        while let Some((turned, due)) = turns.next().await {
            match turned {
                Ok(wrote) => done += usize::from(wrote),
                Err(error) => {
                    failed += 1;
                    tracing::error!(conversation_id = %due.conversation, %error, "timer not looked at");
                }
            }
        }
        (done, failed)
    }

    /// One timer. Answers whether something was written.
    async fn turn_timer(
        &self,
        due: &DueTimer,
        queue: &OnceCell<Queue>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let Some(timer) = self.store.timer(due).await? else {
            return Ok(false);
        };
        let known = &timer.known;
        let turn = timer.plan.turn(timer.progress, known, timer.said, now);
        let conversation_id = &known.id;
        match turn {
            Task::Rest(next) => {
                self.store.rest_timer(&timer, next).await?;
                Ok(false)
            }
            Task::Say {
                mut to_user,
                to_agents,
                alarm,
                progress,
                next,
            } => {
                if let Some(text) = to_user.as_mut().filter(|text| text.contains(POSITION)) {
                    let queue = queue.get_or_try_init(|| self.store.queue()).await?;
                    let position = queue.position(known).to_string();
                    *text = text.replace(POSITION, &position);
                }
                let said = Said { to_user, to_agents };
                let wrote = self
                    .store
                    .say_by_timer(&timer, &said, progress, next)
                    .await?;
                if wrote && alarm {
                    self.metrics.add(Metric::Unattended, 1);
                    tracing::warn!(%conversation_id, "nobody has taken it yet");
                }
                if wrote {
                    tracing::info!(%conversation_id, steps = progress.steps, "told by the clock");
                }
                Ok(wrote)
            }
            Task::End(farewell) => {
                let ended = self.store.end_by_timer(&timer, &farewell).await?;
                if ended {
                    tracing::info!(%conversation_id, reason = farewell.reason, "ended by the clock");
                    self.store.rest_timer(&timer, None).await?;
                }
                Ok(ended)
            }
        }
    }
}
