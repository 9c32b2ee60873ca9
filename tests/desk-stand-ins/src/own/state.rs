//! What the own system keeps.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::events::{Author, AuthorKind, Closed, Envelope, Message, Notice, Started, TurnAuthor};
use crate::{Failure, From, Recorded, Seen, SeenLine};

#[derive(Default)]
pub(super) struct State {
    pub(super) talks: Vec<Seen>,
    /// The events that were taken, by their id.
    taken: HashMap<String, Taken>,
    pub(super) failure: Option<Failure>,
    pub(super) lose: bool,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) requests: Vec<Recorded>,
    /// The last event that was sent, as id and body.
    pub(super) last: Option<(String, Vec<u8>)>,
    /// Files that agents sent.
    pub(super) files: Vec<(String, Vec<u8>)>,
    sent: u64,
}

struct Taken {
    body: Vec<u8>,
    answer: Result<Option<String>, Wrong>,
}

/// Why an event is not taken.
#[derive(Clone, Debug)]
pub(super) enum Wrong {
    /// It is not as the contract has it.
    Malformed(String),
    /// Nothing of that reference is here.
    Unknown,
}

impl State {
    /// Takes an event; the same id again changes nothing. Answers the reference of what was opened.
    pub(super) fn take(&mut self, id: &str, body: &[u8]) -> Result<Option<String>, Wrong> {
        if let Some(taken) = self.taken.get(id) {
            // The contract: the same id is the same event, to the byte.
            if taken.body != body {
                return Err(Wrong::Malformed(
                    "webhook-id: was another event's".to_owned(),
                ));
            }
            return taken.answer.clone();
        }
        let answer = self.take_new(body);
        if answer.is_ok() {
            let taken = Taken {
                body: body.to_vec(),
                answer: answer.clone(),
            };
            self.taken.insert(id.to_owned(), taken);
        }
        answer
    }

    fn take_new(&mut self, body: &[u8]) -> Result<Option<String>, Wrong> {
        let envelope: Envelope = serde_json::from_slice(body).map_err(malformed)?;
        if !is_utc(&envelope.timestamp) {
            return Err(Wrong::Malformed("timestamp: must be RFC 3339".to_owned()));
        }
        match envelope.name.as_str() {
            "conversation.started" => self.open(read(envelope.data)?).map(Some),
            "message.created" => self.message(read(envelope.data)?).map(|()| None),
            "notice.created" => {
                let notice: Notice = read(envelope.data)?;
                self.line(&notice.reference, From::Bridge, notice.text)
                    .map(|()| None)
            }
            "conversation.closed" => {
                let closed: Closed = read(envelope.data)?;
                self.line(&closed.reference, From::Bridge, closed.text)?;
                self.talk(&closed.reference)?.closed = true;
                Ok(None)
            }
            // What a receiver does not know, it takes and forgets.
            _ => Ok(None),
        }
    }

    fn open(&mut self, started: Started) -> Result<String, Wrong> {
        // A reference of its own, as a ticket system would have it.
        let reference = format!("T-{}", self.talks.len() + 1);
        if started.reference.is_empty() || started.conversation_id.is_empty() {
            return Err(Wrong::Malformed("data: an id is empty".to_owned()));
        }
        let user = started.user;
        let known = [
            user.name,
            user.email,
            user.phone,
            user.user_id,
            user.channel,
        ];
        let mut about = vec![user.display_name.clone()];
        about.extend(known.into_iter().flatten());
        let mut lines = Vec::new();
        if started.omitted > 0 {
            let text = format!("[{} older messages are not shown]", started.omitted);
            lines.push(line(From::Bridge, text));
        }
        for turn in started.transcript {
            let who = match turn.author {
                TurnAuthor::User => user.display_name.as_str(),
                TurnAuthor::Bot => "Bot",
                TurnAuthor::Agent => "Agent",
                TurnAuthor::Other => "Other",
            };
            let mut text = format!("{who}: {}", turn.text);
            for file in turn.files {
                text.push('\n');
                text.push_str(&file.url);
            }
            lines.push(line(From::Bridge, text));
        }
        self.talks.push(Seen {
            reference: reference.clone(),
            person: Some(user.person),
            about: about.join("\n"),
            lines,
            closed: false,
        });
        Ok(reference)
    }

    fn message(&mut self, message: Message) -> Result<(), Wrong> {
        let (from, mut text) = match message.author {
            Author {
                kind: AuthorKind::User,
                ..
            } => (From::User, message.text),
            Author { name, .. } => {
                let name = name.unwrap_or_else(|| "Agent".to_owned());
                (From::Agent, format!("{name}: {}", message.text))
            }
        };
        if message.late {
            text.push_str("\n(after the end)");
        }
        self.line(&message.reference, from, text)
    }

    /// Adds a line to a conversation.
    pub(super) fn line(
        &mut self,
        reference: &str,
        from: From,
        text: impl Into<String>,
    ) -> Result<(), Wrong> {
        let talk = self.talk(reference)?;
        talk.lines.push(line(from, text.into()));
        Ok(())
    }

    /// A conversation.
    pub(super) fn talk(&mut self, reference: &str) -> Result<&mut Seen, Wrong> {
        let known = self
            .talks
            .iter_mut()
            .find(|talk| talk.reference == reference);
        known.ok_or(Wrong::Unknown)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.talks.clone()
    }

    /// An id that no other event has.
    pub(super) fn fresh_id(&mut self) -> String {
        self.sent += 1;
        format!("evt_{}_{:08x}", self.sent, fastrand::u32(..))
    }
}

fn read<T: serde::de::DeserializeOwned>(data: Value) -> Result<T, Wrong> {
    serde_json::from_value(data).map_err(malformed)
}

fn malformed(error: serde_json::Error) -> Wrong {
    Wrong::Malformed(error.to_string())
}

/// A plain-text system: nothing in a text is markup, so nothing can go wrong with it.
fn line(from: From, text: String) -> SeenLine {
    SeenLine {
        from,
        text,
        accident: None,
    }
}

/// Whether a text is a time of RFC 3339 in UTC, as far as its form goes.
fn is_utc(text: &str) -> bool {
    let (Some((date, time)), true) = (text.split_once('T'), text.ends_with('Z')) else {
        return false;
    };
    date.len() == 10 && time.len() >= 9
}
