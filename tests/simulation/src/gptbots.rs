//! GPTBots: shows the user what it is told, ends conversations, and calls the webhooks.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use handoff::conversation::ConversationId;
use handoff::gptbots::{Bot, CallError, Fault, Outbound, read_answer};
use handoff::time::Millis;

use crate::exchange::{Call, Reply};
use crate::front;
use crate::ledger::{Act, Answer, Sent, Word, tokens};
use crate::plan::{Party, Post};
use crate::process::Process;
use crate::world::{EPOCH, World, pause};

/// How long GPTBots waits for a first reply.
const WAITING_TIMEOUT: Millis = 60_000;

/// The human conversations as GPTBots has them.
pub(crate) type Humans = Vec<Human>;

/// A human conversation at GPTBots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Human {
    pub(crate) open: bool,
    /// A human was asked for at least once.
    asked: bool,
    /// Counts what the user does about it: asking and leaving.
    turn: u32,
    /// Counts its openings.
    pub(crate) episode: u32,
    /// A reply came since it was opened.
    replied: bool,
    /// When it was last ended by our close.
    pub(crate) ended_by_us: Option<Millis>,
    /// When it was last ended without telling us.
    pub(crate) ended_silently: Option<Millis>,
    /// The last line that it sent: two never have the same time.
    last_at: Millis,
}

impl Human {
    fn open(&mut self) {
        self.open = true;
        self.replied = false;
        self.episode += 1;
    }
}

/// GPTBots' time of something that happens now in a conversation.
fn stamp(world: &World, conversation: usize) -> Millis {
    let now = EPOCH + world.now();
    let mut state = world.state();
    let human = &mut state.humans[conversation];
    human.last_at = now.max(human.last_at + 1);
    human.last_at
}

/// The user asks for a human.
pub(crate) async fn asks(world: &Arc<World>, conversation: usize, post: &Post) {
    let timestamp = stamp(world, conversation);
    let on_answer = world.plan.shape.opens_on_answer;
    let (turn, was_open) = {
        let mut state = world.state();
        let human = &mut state.humans[conversation];
        human.turn += 1;
        human.asked = true;
        let was_open = human.open;
        // One that is open stays so: GPTBots waits for a reply again.
        if !on_answer || was_open {
            human.open();
        }
        (human.turn, was_open)
    };
    let body = serde_json::json!({
        "conversation_id": world.id(conversation),
        "timestamp": timestamp,
        "email": "support@gptbots.ai",
        "bot_id": format!("bot{}", conversation % 2),
        "body": [{"message_type": "QUESTION", "text": "help"}],
        "user_info": {"user_id": format!("u{conversation}"), "email": null, "phone": null},
    });
    let told = front::Webhook {
        conversation,
        word: Word::Asked(timestamp),
        route: "/conversation/establish",
        body,
    };
    let accepted = told.send(world, post).await;
    {
        let mut state = world.state();
        let human = &mut state.humans[conversation];
        // Unless something happened meanwhile.
        if human.turn == turn {
            if accepted && on_answer && !was_open {
                human.open();
            } else if !accepted && !on_answer {
                // "Busy": there is no human conversation.
                human.open = false;
                human.ended_silently = Some(world.now());
            }
        }
        if !human.open {
            return;
        }
    }
    let episode = world.state().humans[conversation].episode;
    pause(WAITING_TIMEOUT).await;
    let timed_out = {
        let mut state = world.state();
        let human = &mut state.humans[conversation];
        let waits = human.open && human.episode == episode && !human.replied;
        if waits {
            human.open = false;
        }
        waits
    };
    if timed_out {
        world.note(format_args!("c{conversation}: GPTBots gives up waiting"));
        let timestamp = stamp(world, conversation);
        ended(world, conversation, "TIMEOUT", timestamp, &on_time()).await;
    }
}

fn on_time() -> Post {
    Post {
        late: 30,
        again: None,
    }
}

/// The user writes a line.
pub(crate) async fn says(world: &Arc<World>, conversation: usize, token: &str, post: &Post) {
    let timestamp = stamp(world, conversation);
    let body = serde_json::json!({
        "conversation_id": world.id(conversation),
        "timestamp": timestamp,
        "body": format!("[{token}] said the user"),
    });
    let told = front::Webhook {
        conversation,
        word: Word::Said(token.to_owned(), timestamp),
        route: "/chat",
        body,
    };
    told.send(world, post).await;
}

/// The user leaves.
pub(crate) async fn leaves(world: &Arc<World>, conversation: usize, post: &Post) {
    {
        let mut state = world.state();
        let human = &mut state.humans[conversation];
        if !human.asked {
            return;
        }
        human.turn += 1;
        human.open = false;
    }
    let timestamp = stamp(world, conversation);
    ended(world, conversation, "USER_CLOSED", timestamp, post).await;
}

async fn ended(world: &Arc<World>, conversation: usize, how: &str, timestamp: Millis, post: &Post) {
    let body = serde_json::json!({
        "conversation_id": world.id(conversation),
        "timestamp": timestamp,
        "type": how,
    });
    let told = front::Webhook {
        conversation,
        word: Word::Ended(timestamp),
        route: "/conversation/close",
        body,
    };
    told.send(world, post).await;
}

/// GPTBots' API, as one relay reaches it.
pub(crate) struct FakeGptBots {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
}

impl FakeGptBots {
    fn begin(&self, conversation: usize, act: Act, tokens: &[String]) -> usize {
        let now = self.world.now();
        let mut state = self.world.state();
        let entries =
            state
                .ledger
                .carried(self.process.id, conversation, tokens, ("closing", "user"));
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
    }

    async fn tell(
        &self,
        bot: &Bot,
        id: &ConversationId,
        act: Act,
        text: &str,
        patience: Duration,
    ) -> Result<(), CallError> {
        let world = &self.world;
        let conversation = world.number(id.as_str());
        let tokens = tokens(text);
        let sent = self.begin(conversation, act, &tokens);
        let parties = [Party::GptBots, Party::Bot(conversation % 2)];
        let call = Call::begin(world, &self.process, &parties, sent);
        world.note(format_args!(
            "    {}: call {} to GPTBots: {act:?} c{conversation} {tokens:?}",
            self.process, call.number
        ));
        debug_assert!(!bot.base_url.is_empty());
        let forget = |world: &World| {
            let now = world.now();
            let mut state = world.state();
            let human = &mut state.humans[conversation];
            if human.open {
                human.open = false;
                human.ended_silently = Some(now);
            }
        };
        let effect = move |world: &World| match act {
            Act::End => take_end(world, conversation, sent),
            _ => take_reply(world, conversation, sent, &tokens),
        };
        let answer = call.make(patience, forget, effect).await;
        let result = match answer {
            None => Err(CallError {
                fault: Fault::Transient { retry_after: None },
                status: None,
                code: None,
                summary: "no answer in time".to_owned(),
            }),
            Some(reply) => {
                let retry_after = reply.retry_after.map(|seconds| seconds.to_string());
                let now = EPOCH + world.now();
                read_answer(
                    reply.status,
                    retry_after.as_deref(),
                    reply.body.as_bytes(),
                    now,
                )
            }
        };
        call.answered(match &result {
            Ok(()) => Answer::Taken,
            Err(error) => match error.fault {
                Fault::Transient { .. } => Answer::Later,
                Fault::ConversationGone => Answer::Gone,
                _ => Answer::Never,
            },
        });
        result
    }
}

fn take_reply(world: &World, conversation: usize, sent: usize, tokens: &[String]) -> Reply {
    let now = world.now();
    let shown = {
        let mut state = world.state();
        let human = &mut state.humans[conversation];
        let open = human.open;
        if open {
            human.replied = true;
            state.ledger.sent[sent].landed = Some(now);
        }
        open
    };
    if shown {
        world.note(format_args!("<< c{conversation}: the user sees {tokens:?}"));
        Reply::code(0)
    } else {
        Reply::code(40_356)
    }
}

fn take_end(world: &World, conversation: usize, sent: usize) -> Reply {
    let now = world.now();
    let ended = {
        let mut state = world.state();
        let human = &mut state.humans[conversation];
        let open = human.open;
        if open {
            human.open = false;
            human.ended_by_us = Some(now);
            state.ledger.sent[sent].landed = Some(now);
        }
        open
    };
    if !ended {
        return Reply::code(40_358);
    }
    world.note(format_args!(
        "<< c{conversation}: ended at GPTBots by our close"
    ));
    Reply::code(0)
}

#[async_trait]
impl Outbound for FakeGptBots {
    async fn reply(
        &self,
        bot: &Bot,
        conversation: &ConversationId,
        text: &str,
        patience: Duration,
    ) -> Result<(), CallError> {
        self.tell(bot, conversation, Act::Reply, text, patience)
            .await
    }

    async fn close(
        &self,
        bot: &Bot,
        conversation: &ConversationId,
        patience: Duration,
    ) -> Result<(), CallError> {
        let before =
            self.world.state().humans[self.world.number(conversation.as_str())].ended_by_us;
        let result = self.tell(bot, conversation, Act::End, "", patience).await;
        let number = self.world.number(conversation.as_str());
        let after = self.world.state().humans[number].ended_by_us;
        if self.world.plan.shape.echoes_close
            && before != after
            && let Some(ended_at) = after
        {
            // Of when it ended, however long our call was on its way back.
            let timestamp = EPOCH + ended_at;
            let world = self.world.clone();
            let busy = world.busy();
            tokio::spawn(async move {
                let echo: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                    ended(&world, number, "TIMEOUT", timestamp, &on_time()).await;
                });
                echo.await;
                drop(busy);
            });
        }
        result
    }
}
