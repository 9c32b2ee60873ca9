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
use crate::text::{cut_id, cut_with_mark, head};
use crate::time::Millis;

/// How far a desk's clock may be behind ours: what it dates at most this long before a conversation
/// began may belong to it.
const SKEW: Millis = 5_000;
/// The longest reference of a conversation, in bytes: it becomes a part of keys.
const MAX_REFERENCE: usize = 512;
/// The longest id and name of an agent and name of a file, in bytes: they stand in items beside the
/// text, and in notices.
const MAX_NAME: usize = 200;
/// The longest text of an agent's line, in bytes: an item holds 400 KB, and a line may be kept whole
/// until its conversation is known.
const MAX_TEXT: usize = 200 * 1024;
/// The most files of a line, and the longest address of one, in bytes.
const MAX_FILES: usize = 20;
const MAX_URL: usize = 4_096;
/// How much of an event's id the log shows, in bytes.
const MAX_SHOWN: usize = 100;

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
        if event.reference.len() > MAX_REFERENCE {
            return Ok(Taken::Nothing("its reference is none that was ever given"));
        }
        let event = &bounded(event.clone());
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
        let (conversation_id, desk) = (&found.conversation, self.desk);
        let event_id = head(&event.id, MAX_SHOWN);
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

/// The event with nothing that is too long or too much to be kept. What is left out of a line is
/// said in it.
fn bounded(mut event: DeskEvent) -> DeskEvent {
    let cut = |agent: &mut Agent| {
        agent.id = cut_id(std::mem::take(&mut agent.id), MAX_NAME);
        agent.name = head(&agent.name, MAX_NAME).to_owned();
    };
    match &mut event.what {
        What::Assigned(agent) | What::Closed { agent: Some(agent) } => cut(agent),
        What::Message(line) => {
            cut(&mut line.agent);
            line.text = cut_with_mark(std::mem::take(&mut line.text), MAX_TEXT);
            let came = line.files.len();
            line.files.retain(|file| file.url.len() <= MAX_URL);
            line.files.truncate(MAX_FILES);
            if line.files.len() < came {
                let lost = came - line.files.len();
                line.text.push_str(&format!("\n… [left out: {lost} files]"));
            }
            for file in &mut line.files {
                file.name = head(&file.name, MAX_NAME).to_owned();
                if let Some(kind) = &mut file.content_type {
                    *kind = head(kind, MAX_NAME).to_owned();
                }
            }
        }
        What::Closed { agent: None } | What::PrivateNote | What::Ignored(_) => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::DeskFile;

    #[test]
    fn what_is_kept_of_an_agent_is_bounded_and_two_stay_two() {
        let named = |id: &str| {
            let what = What::Message(AgentLine {
                agent: Agent {
                    id: format!("{}{id}", "x".repeat(9_000)),
                    name: "é".repeat(9_000),
                },
                text: "t".repeat(9_000),
                files: vec![DeskFile {
                    name: "あ".repeat(9_000),
                    content_type: None,
                    bytes: None,
                    url: "https://desk.example/x".to_owned(),
                    public: true,
                }],
                incomplete: false,
            });
            let event = DeskEvent {
                reference: "r".to_owned(),
                id: "e".to_owned(),
                at: None,
                what,
            };
            match bounded(event).what {
                What::Message(line) => line,
                other => panic!("{other:?}"),
            }
        };
        let (one, two) = (named("a"), named("b"));
        assert!(one.agent.id.len() <= MAX_NAME && one.agent.name.len() <= MAX_NAME);
        assert!(one.files[0].name.len() <= MAX_NAME);
        assert_eq!(one.text.len(), 9_000);
        assert_ne!(one.agent.id, two.agent.id);
    }

    #[test]
    fn a_line_that_no_item_could_hold_is_cut_and_says_so() {
        let file = |url: String| DeskFile {
            name: "x".to_owned(),
            content_type: Some("y".repeat(9_000)),
            bytes: None,
            url,
            public: true,
        };
        let mut files = vec![file(format!("https://desk.example/{}", "x".repeat(5_000)))];
        files.extend((0..30).map(|n| file(format!("https://desk.example/{n}"))));
        let event = DeskEvent {
            reference: "r".to_owned(),
            id: "e".to_owned(),
            at: None,
            what: What::Message(AgentLine {
                agent: Agent {
                    id: "a".to_owned(),
                    name: "n".to_owned(),
                },
                text: "t".repeat(4_000_000),
                files,
                incomplete: false,
            }),
        };
        let What::Message(line) = bounded(event).what else {
            panic!("no message");
        };
        assert!(
            line.text
                .contains("more characters]\n… [left out: 11 files]")
        );
        assert_eq!(line.files.len(), 20);
        assert_eq!(line.files[0].url, "https://desk.example/0");
        assert!(serde_json::to_string(&line).unwrap().len() < 300_000);
    }
}
