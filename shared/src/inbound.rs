//! What desks tell, written into the log: by the `desk` function, which they call, and by the
//! relay, which asks those whose calls can be lost. Nothing is sent here.
//!
//! An event is one whoever brings it: what it leads to is named by the desk instance and the desk's
//! own id of the event, and written with a condition.

use crate::conversation::{Agent, Conversation, ConversationId};
use crate::desk::text::split;
use crate::desk::{AgentLine, DeskEvent, What};
use crate::settings::Settings;
use crate::store::{Claimed, Line, Posted, Reference, Store, StoreError};
use crate::time::Millis;

/// How far a desk's clock may be behind ours: what it dates at most this long before a conversation
/// began may belong to it.
const SKEW: Millis = 5_000;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is in the log, now or before.
    Stored,
    /// A line after the end: the agents are told that the user will not see it.
    TooLate,
    /// No conversation is known under this reference. Kept for a while: its opening may be under
    /// way.
    Early,
    /// It changes nothing. Says why.
    Nothing(&'static str),
}

/// Takes in what one desk instance tells.
#[derive(Debug, Clone, Copy)]
pub struct Inbound<'a> {
    /// The table.
    pub store: &'a Store,
    /// The operator's settings.
    pub settings: &'a Settings,
    /// The desk instance.
    pub desk: &'a str,
}

impl Inbound<'_> {
    /// Writes down what happened. The same event again changes nothing.
    ///
    /// # Errors
    /// When the table cannot be used: the event has to come again.
    pub async fn take(&self, event: &DeskEvent) -> Result<Taken, StoreError> {
        match &event.what {
            What::PrivateNote => return Ok(Taken::Nothing("agents among themselves")),
            What::Ignored(why) => return Ok(Taken::Nothing(why)),
            What::Assigned(_) | What::Message(_) | What::Closed { .. } => {}
        }
        let found = match self.find(event).await? {
            Some(found) => found,
            None => {
                self.store.keep_early(self.desk, event).await?;
                // Whoever opens it looks for what was kept once it is known: one of both sees it.
                match self.find(event).await? {
                    Some(found) => found,
                    None => return Ok(Taken::Early),
                }
            }
        };
        let taken = self.take_in(&found, event).await?;
        let (conversation_id, desk, event_id) = (&found.conversation, self.desk, &event.id);
        tracing::info!(%conversation_id, desk, event_id, ?taken, "desk event");
        Ok(taken)
    }

    /// Takes in what a desk remembers of a conversation: much of it has been taken in before.
    ///
    /// # Errors
    /// When the table cannot be used.
    pub async fn take_again(
        &self,
        known: &Conversation,
        events: &[DeskEvent],
    ) -> Result<(), StoreError> {
        for event in events {
            let of_this = known.desk_ref.as_deref() == Some(event.reference.as_str());
            // Cheaper than to try it.
            let before = self
                .store
                .was_taken(&known.id, self.desk, &event.id)
                .await?;
            if of_this && !before {
                self.take(event).await?;
            }
        }
        Ok(())
    }

    /// Takes in what was kept of a conversation that has just been opened at its desk.
    ///
    /// # Errors
    /// When the table cannot be used.
    pub async fn take_early(&self, reference: &str) -> Result<(), StoreError> {
        for event in self.store.early(self.desk, reference).await? {
            self.take(&event).await?;
        }
        Ok(())
    }

    async fn find(&self, event: &DeskEvent) -> Result<Option<Reference>, StoreError> {
        let days = self.settings.retention_days;
        let reference = &event.reference;
        self.store.conversation_at(self.desk, reference, days).await
    }

    async fn take_in(&self, found: &Reference, event: &DeskEvent) -> Result<Taken, StoreError> {
        let Some(known) = self.store.conversation(&found.conversation).await? else {
            return Ok(Taken::Nothing("its conversation is kept no longer"));
        };
        match &event.what {
            What::Message(line) => self.line(found, event, line).await,
            // Of what is over: it must not touch what the user has begun since.
            _ if !self.is_current(found, &known, event) => {
                Ok(Taken::Nothing("of an earlier conversation"))
            }
            _ if known.is_closed() => Ok(Taken::Nothing("it has ended already")),
            What::Assigned(agent) => self.assigned(&known.id, event, agent).await,
            What::Closed { agent } => {
                let days = self.settings.retention_days;
                self.store.end_at_desk(&known, agent.as_ref(), days).await?;
                Ok(Taken::Stored)
            }
            What::PrivateNote | What::Ignored(_) => Ok(Taken::Nothing("")),
        }
    }

    fn is_current(&self, found: &Reference, known: &Conversation, event: &DeskEvent) -> bool {
        known.desk == self.desk
            && found.episode.is_none_or(|of| of == known.episode)
            && event.at.is_none_or(|at| at + SKEW >= known.opened_at)
    }

    async fn assigned(
        &self,
        id: &ConversationId,
        event: &DeskEvent,
        agent: &Agent,
    ) -> Result<Taken, StoreError> {
        let days = self.settings.retention_days;
        let assigned = self
            .store
            .assign(id, self.desk, &event.id, agent, days)
            .await?;
        Ok(match assigned {
            Claimed::Yes(_) => Taken::Stored,
            Claimed::No(_) => Taken::Nothing("somebody else has it, or it has ended"),
            Claimed::Unknown => Taken::Nothing("its conversation is kept no longer"),
        })
    }

    /// A line of an agent. One that is too long for a message is several, in order; its files go
    /// with the last.
    async fn line(
        &self,
        found: &Reference,
        event: &DeskEvent,
        line: &AgentLine,
    ) -> Result<Taken, StoreError> {
        if line.text.trim().is_empty() && line.files.is_empty() {
            return Ok(Taken::Nothing("it is empty"));
        }
        let days = self.settings.retention_days;
        let longest = usize::try_from(self.settings.reply_max_chars).unwrap_or(usize::MAX);
        let pieces = split(&line.text, longest);
        for (n, text) in pieces.iter().enumerate() {
            let key = match n {
                0 => event.id.clone(),
                n => format!("{}#{n}", event.id),
            };
            let is_last = n + 1 == pieces.len();
            let piece = Line {
                desk: self.desk,
                episode: found.episode,
                key: &key,
                agent: &line.agent,
                text,
                files: if is_last { &line.files } else { &[] },
                incomplete: line.incomplete,
            };
            match self
                .store
                .post_line(&found.conversation, &piece, days)
                .await?
            {
                Posted::Stored(_) => {}
                Posted::Closed(known) => {
                    self.store
                        .tell_too_late(&known, self.desk, &event.id, days)
                        .await?;
                    return Ok(Taken::TooLate);
                }
                Posted::Unknown => {
                    return Ok(Taken::Nothing("its conversation is kept no longer"));
                }
            }
        }
        Ok(Taken::Stored)
    }
}
