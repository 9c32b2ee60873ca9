//! A desk that is not the console: it keeps what it was shown.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use handoff::conversation::{ClosedBy, Conversation, Entry};
use handoff::desk::{Capabilities, Desk, DeskError, Opening};

use crate::exchange::{Call, Reply};
use crate::ledger::{Act, Answer, Sent};
use crate::plan::{DeskKind, Party};
use crate::process::Process;
use crate::world::World;

/// Its instance name.
pub(crate) const DESK: &str = "fake";
/// How long it is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the desk has.
#[derive(Debug, Default)]
pub(crate) struct DeskBook {
    pub(crate) opened: Vec<Opened>,
    /// The entries that were shown, by a desk with idempotency keys.
    keys: Vec<(usize, String)>,
}

/// A conversation at the desk.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) conversation: usize,
    pub(crate) episode: u32,
    pub(crate) closed: bool,
}

/// The desk, as one relay reaches it.
pub(crate) struct FakeDesk {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
}

impl FakeDesk {
    async fn tell(
        &self,
        conversation: usize,
        act: Act,
        entries: Vec<String>,
        effect: impl FnOnce(&World, usize) -> Reply + Send + 'static,
    ) -> Result<String, DeskError> {
        let world = &self.world;
        let now = world.now();
        let sent = {
            let mut state = world.state();
            let entries = if entries.is_empty() {
                let kind = match act {
                    Act::Open => "opening",
                    _ => "closing",
                };
                state
                    .ledger
                    .carried(self.process.id, conversation, &[], (kind, "desk"))
            } else {
                entries
            };
            state.ledger.sent.push(Sent {
                conversation,
                act,
                entries,
                process: self.process.id,
                rung: self.process.rung(),
                begun: now,
                landed: None,
                answered: None,
            });
            state.ledger.sent.len() - 1
        };
        let call = Call::begin(world, &self.process, &[Party::Desk], sent);
        world.note(format_args!(
            "    {}: call {} to the desk: {act:?} c{conversation}",
            self.process, call.number
        ));
        let answer = call
            .make(PATIENCE, |_| {}, move |world| effect(world, sent))
            .await;
        let result = read(answer);
        call.answered(match &result {
            Ok(_) => Answer::Taken,
            Err(DeskError::Rejected(_)) => Answer::Never,
            Err(_) => Answer::Later,
        });
        result
    }

    /// What an earlier attempt has left at the desk, where it can be asked.
    async fn find(&self, conversation: &Conversation) -> Option<String> {
        let world = &self.world;
        if world.plan.shape.desk == DeskKind::Plain {
            return None;
        }
        world.step(&self.process).await;
        crate::world::pause(20).await;
        let number = world.number(conversation.id.as_str());
        let state = world.state();
        state
            .desk
            .opened
            .iter()
            .position(|opened| {
                (opened.conversation, opened.episode) == (number, conversation.episode)
            })
            .map(|at| reference_of(&self.world, at))
    }

    fn conversation_of(&self, reference: &str) -> usize {
        let state = self.world.state();
        place_of(reference)
            .and_then(|at| state.desk.opened.get(at))
            .map_or(usize::MAX, |opened| opened.conversation)
    }
}

/// The desk's id of what it opened: never that of another history, whose table this one goes on with.
fn reference_of(world: &World, at: usize) -> String {
    format!("s{}-{at}", world.plan.seed)
}

/// Which one it was that the desk opened under this id.
pub(crate) fn place_of(reference: &str) -> Option<usize> {
    reference.rsplit_once('-')?.1.parse().ok()
}

fn read(answer: Option<Reply>) -> Result<String, DeskError> {
    let unavailable = |reason: &str, retry_after: Option<u64>| DeskError::Unavailable {
        reason: reason.to_owned(),
        retry_after: retry_after.map(Duration::from_secs),
    };
    match answer {
        None => Err(unavailable("no answer", None)),
        Some(reply) => match reply.status {
            // A code inside stands for whatever a desk says instead of "done".
            200 if reply.body.starts_with('{') => Err(unavailable("not done", None)),
            200 => Ok(reply.body),
            400 | 404 => Err(DeskError::Rejected("refused".to_owned())),
            401 => Err(DeskError::NotConfigured("key refused".to_owned())),
            _ => Err(unavailable("failed", reply.retry_after)),
        },
    }
}

#[async_trait]
impl Desk for FakeDesk {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn open(&self, opening: Opening<'_>) -> Result<handoff::desk::Opened, DeskError> {
        let opened = |reference| handoff::desk::Opened {
            reference,
            context: None,
        };
        if opening.attempt > 1
            && let Some(reference) = self.find(opening.conversation).await
        {
            return Ok(opened(reference));
        }
        let number = self.world.number(opening.conversation.id.as_str());
        let episode = opening.conversation.episode;
        let effect = move |world: &World, sent: usize| {
            let now = world.now();
            let mut state = world.state();
            state.ledger.sent[sent].landed = Some(now);
            state.desk.opened.push(Opened {
                conversation: number,
                episode,
                closed: false,
            });
            let at = state.desk.opened.len() - 1;
            drop(state);
            world.note(format_args!(
                ">> c{number}: opened at the desk as {at} (episode {episode})"
            ));
            Reply::new(200, reference_of(world, at))
        };
        let reference = self.tell(number, Act::Open, Vec::new(), effect).await?;
        Ok(opened(reference))
    }

    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        let reference = conversation.desk_ref.as_deref().unwrap_or_default();
        let number = self.conversation_of(reference);
        let ids: Vec<String> = entries
            .iter()
            .map(|entry| entry.id.as_str().to_owned())
            .collect();
        let shown = ids.clone();
        let reference = reference.to_owned();
        let effect = move |world: &World, sent: usize| {
            let now = world.now();
            let mut state = world.state();
            if number == usize::MAX {
                return Reply::new(404, "no such conversation");
            }
            if world.plan.shape.desk == DeskKind::Keyed {
                let known = |id: &String| state.desk.keys.contains(&(number, id.clone()));
                if shown.iter().all(known) {
                    return Reply::new(200, reference);
                }
                let keys = shown.iter().map(|id| (number, id.clone()));
                state.desk.keys.extend(keys);
            }
            state.ledger.sent[sent].landed = Some(now);
            drop(state);
            world.note(format_args!(">> c{number}: the desk shows {shown:?}"));
            Reply::new(200, "posted")
        };
        self.tell(number, Act::Post, ids, effect).await.map(Some)
    }

    async fn close(
        &self,
        conversation: &Conversation,
        _: ClosedBy,
        _: &str,
    ) -> Result<(), DeskError> {
        let reference = conversation.desk_ref.as_deref().unwrap_or_default();
        let number = self.conversation_of(reference);
        let at = place_of(reference).unwrap_or(usize::MAX);
        let effect = move |world: &World, sent: usize| {
            let now = world.now();
            let mut state = world.state();
            let Some(opened) = state.desk.opened.get_mut(at) else {
                return Reply::new(404, "no such conversation");
            };
            opened.closed = true;
            state.ledger.sent[sent].landed = Some(now);
            drop(state);
            world.note(format_args!(">> c{number}: the desk shows the end of {at}"));
            Reply::new(200, "closed")
        };
        self.tell(number, Act::Close, Vec::new(), effect)
            .await
            .map(drop)
    }
}
