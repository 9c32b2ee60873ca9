//! The life of a human conversation: asked for, taken or not, connected, ended (contract,
//! section 3).

use tokio::sync::mpsc;

use crate::{
    api::Refusal,
    bot,
    model::{Author, ConversationId, Delivery, EndedBy, LineId, Status, UserId},
    record::{CallKind, Outcome, Received},
    state::{Conversation, State, Turn, now},
    webhooks::{CloseType, Job},
};

/// A human conversation that has begun: establish is to be sent, then what comes on the queue.
pub(crate) struct Begun {
    pub(crate) id: ConversationId,
    pub(crate) establish: Job,
    pub(crate) queue: mpsc::UnboundedReceiver<Job>,
}

impl State {
    /// Starts a human conversation with the user's request as the last question; `None` for an
    /// unknown user. The caller sees to it that none is open.
    pub(crate) fn begin(&mut self, user_id: &UserId, request: &str) -> Option<Begun> {
        let id = ConversationId(self.fresh_id(24));
        let user = self.users.get_mut(user_id)?;
        user.conversation = Some(id.clone());
        user.turns.push(Turn::Question(request.to_owned()));
        // The bot says nothing to it: the vendor's example ends with an empty answer too.
        user.turns.push(Turn::Answer(String::new()));
        let (sender, queue) = mpsc::unbounded_channel();
        let mut conversation = Conversation {
            user: user_id.clone(),
            bot: user.bot.clone(),
            establish: None,
            ended: None,
            replied: false,
            last_timestamp: 0,
            queue: Some(sender),
        };
        let establish = Job::establish(&id, conversation.stamp(), user);
        self.conversations.insert(id.clone(), conversation);
        Some(Begun {
            id,
            establish,
            queue,
        })
    }

    /// Establish has been answered, or not. `true`: the waiting timeout starts now.
    pub(crate) fn established(&mut self, id: &ConversationId, outcome: Outcome) -> bool {
        let Some(conversation) = self.conversations.get_mut(id) else {
            return false;
        };
        conversation.establish = Some(outcome);
        if !conversation.taken() {
            conversation.queue = None;
        }
        if conversation.ended.is_some() {
            return false;
        }
        let (taken, replied) = (conversation.taken(), conversation.replied);
        let (status, text) = match (taken, replied) {
            (false, _) => (
                Status::Busy,
                "Everyone is busy right now, please try again later. The bot goes on helping you.",
            ),
            (true, false) => (
                Status::Connecting,
                "We are connecting you to a person. You can start writing.",
            ),
            (true, true) => (Status::Connected, CONNECTED),
        };
        self.turn(id, status, text);
        taken && !replied
    }

    /// A line of the user for the bridge.
    pub(crate) fn chat(&mut self, id: &ConversationId, text: &str) -> LineId {
        let Some(user) = self.conversations.get(id).map(|each| each.user.clone()) else {
            return LineId(0);
        };
        let line = self.add_line(&user, Author::User, text, Some(id), Some(Delivery::Sending));
        if let Some(conversation) = self.conversations.get_mut(id) {
            let timestamp = conversation.stamp();
            let job = Job::chat(id, timestamp, text, line);
            let queued = conversation
                .queue
                .as_ref()
                .is_some_and(|queue| queue.send(job).is_ok());
            if !queued {
                self.mark(id, line, Delivery::NotDelivered);
            }
        }
        line
    }

    /// A reply or close of the bridge, already known to be well formed.
    pub(crate) fn receive(
        &mut self,
        key: &str,
        kind: CallKind,
        id: &ConversationId,
        timestamp: i64,
        body: Option<&str>,
    ) -> Result<(), Refusal> {
        let refusals = self.options.refusals;
        let conversation = self.conversations.get_mut(id).ok_or(Refusal::Unknown)?;
        let ours = self
            .options
            .bots
            .iter()
            .any(|bot| bot.id == conversation.bot && bot.api_key == key);
        if !ours {
            return Err(Refusal::NotYours);
        }
        let early = conversation.establish.is_none() && refusals.early_calls;
        let again = kind == CallKind::Close && refusals.close_again_is_fine;
        if early || !(conversation.open() || again && conversation.taken()) {
            return Err(Refusal::Unknown);
        }
        self.received.push(Received {
            kind,
            conversation_id: id.clone(),
            timestamp,
            body: body.map(str::to_owned),
            at: now(),
        });
        match body {
            Some(text) => self.reply(id, text),
            None => {
                self.end(id, EndedBy::Bridge);
            }
        }
        Ok(())
    }

    /// Shows a reply; the first one makes "connecting" "connected" (contract, section 3).
    fn reply(&mut self, id: &ConversationId, text: &str) {
        let Some(conversation) = self.conversations.get_mut(id) else {
            return;
        };
        let first = !std::mem::replace(&mut conversation.replied, true);
        // A reply can overtake the answer to establish; the user is connected with that answer.
        let connects = first && conversation.taken();
        let user = conversation.user.clone();
        if connects {
            self.turn(id, Status::Connected, CONNECTED);
        }
        self.add_line(&user, Author::Human, text, Some(id), None);
    }

    /// Ends the conversation; `false` when it was not open. What the user wrote before is still
    /// sent, then the close.
    pub(crate) fn end(&mut self, id: &ConversationId, by: EndedBy) -> bool {
        let echo_close = self.options.echo_close;
        let Some(conversation) = self.conversations.get_mut(id).filter(|each| each.open()) else {
            return false;
        };
        conversation.ended = Some(by);
        let (close, text) = match by {
            EndedBy::User => (
                Some(CloseType::UserClosed),
                "You have left the conversation. The bot is back.",
            ),
            EndedBy::Timeout => (
                Some(CloseType::Timeout),
                "Nobody answered in time. The bot is back.",
            ),
            EndedBy::Bridge => (
                echo_close.then_some(CloseType::Timeout),
                "The conversation has been closed. The bot is back.",
            ),
        };
        let timestamp = conversation.stamp();
        // Dropping the sender lets the sending task end once the queue is empty.
        if let (Some(queue), Some(close)) = (conversation.queue.take(), close) {
            let _ = queue.send(Job::close(id, timestamp, close));
        }
        self.turn(id, Status::Ended { by }, text);
        true
    }

    /// Nobody has replied inside the waiting timeout.
    pub(crate) fn waited(&mut self, id: &ConversationId) -> bool {
        let replied = self.conversations.get(id).is_none_or(|each| each.replied);
        !replied && self.end(id, EndedBy::Timeout)
    }

    /// A line of the user for the bot, and its answer.
    pub(crate) fn talk_to_bot(&mut self, user_id: &UserId, text: &str) {
        let answer = bot::answer(text);
        self.add_line(user_id, Author::User, text, None, None);
        self.add_line(user_id, Author::Bot, answer.as_str(), None, None);
        if let Some(user) = self.users.get_mut(user_id) {
            user.status = Status::Bot;
            user.turns.push(Turn::Question(text.to_owned()));
            user.turns.push(Turn::Answer(answer));
        }
    }

    /// A new status with a system line. Only open conversations turn, and a user has one at most.
    fn turn(&mut self, id: &ConversationId, status: Status, text: &str) {
        let Some(user_id) = self.conversations.get(id).map(|each| each.user.clone()) else {
            return;
        };
        if let Some(user) = self.users.get_mut(&user_id) {
            user.status = status;
        }
        self.add_line(&user_id, Author::System, text, Some(id), None);
    }
}

const CONNECTED: &str = "You are talking to a person now.";
