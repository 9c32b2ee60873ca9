//! Carrying entries, and the end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::Intercom;
use super::open::{external_id, has_mark};
use super::part::is_since;
use super::plain::plain;
use super::render::{close_note, entry_notes, mark_of_close, mark_of_entry, numbered_mark, pieces};
use super::wire::Conversation;
use crate::conversation::{Author, ClosedBy, Conversation as Ours, Entry, Kind};
use crate::desk::DeskError;
use crate::time::Millis;

/// How much older than its entry a line may seem, in milliseconds: Intercom's times are whole
/// seconds. Short, since what the user said before must not be taken for it; where the clocks
/// differ by more, a line whose answer was lost comes twice.
const SLACK: Millis = 2_000;
/// Of how many conversations the last line is remembered.
const REMEMBERED: usize = 4_000;

/// The last line of the user that Intercom confirmed, by conversation: where the user says the
/// same twice, the first is not taken for the second. What another process posted is not known
/// here, and then the time alone tells.
#[derive(Default)]
pub(super) struct Confirmed(Mutex<HashMap<String, String>>);

impl Confirmed {
    fn last(&self, reference: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(reference).cloned()
    }

    fn note(&self, reference: &str, part: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(reference.to_owned(), part.to_owned());
    }
}

impl Intercom {
    /// Shows one entry; answers the id of its last part.
    pub(super) async fn post_entry(
        &self,
        conversation: &Ours,
        entry: &Entry,
    ) -> Result<Option<String>, DeskError> {
        let reference = self.reference(conversation)?;
        let shown = if entry.attempts > 1 {
            Some(self.conversation(reference, true).await?)
        } else {
            None
        };
        let is_chat = entry.author == Author::User && entry.kind == Kind::Message && !entry.late;
        if is_chat {
            self.post_line(conversation, reference, entry, shown.as_ref())
                .await
        } else {
            self.post_notes(reference, entry, shown.as_ref()).await
        }
    }

    /// The user's line, in the user's name.
    async fn post_line(
        &self,
        conversation: &Ours,
        reference: &str,
        entry: &Entry,
        shown: Option<&Conversation>,
    ) -> Result<Option<String>, DeskError> {
        let pieces = pieces(&entry.text);
        let known = self.confirmed.last(reference);
        let (there, mut last) = shown.map_or((0, None), |shown| {
            arrived(shown, &pieces, entry, known.as_deref())
        });
        let who = match &conversation.desk_context {
            Some(contact) => ("intercom_user_id", contact.clone()),
            None => ("user_id", external_id(conversation)),
        };
        for piece in &pieces[there..] {
            let mut body = json!({"message_type": "comment", "type": "user", "body": piece});
            body[who.0] = Value::String(who.1.clone());
            let answer: Conversation = self.ask(self.post_reply(reference, body)).await?;
            let made = answer
                .parts()
                .iter()
                .rev()
                .find(|part| part.is_of_contact());
            last = made.map(|part| part.id.clone());
        }
        if let Some(last) = &last {
            self.confirmed.note(reference, last);
        }
        Ok(last)
    }

    /// What only agents are to see.
    async fn post_notes(
        &self,
        reference: &str,
        entry: &Entry,
        shown: Option<&Conversation>,
    ) -> Result<Option<String>, DeskError> {
        let mark = mark_of_entry(entry);
        let mut last = None;
        for (n, note) in entry_notes(entry, &mark).iter().enumerate() {
            let mark = numbered_mark(&mark, n + 1);
            if !shown.is_some_and(|shown| has_mark(shown, &mark)) {
                last = self.note(reference, note).await?;
            }
        }
        Ok(last)
    }

    /// Shows the end and closes. Reads the conversation first, so that what is closed stays as it
    /// is; what is not there any more needs no closing.
    pub(super) async fn end(
        &self,
        conversation: &Ours,
        by: ClosedBy,
        text: &str,
    ) -> Result<(), DeskError> {
        let reference = self.reference(conversation)?;
        let shown = match self.conversation(reference, true).await {
            Err(DeskError::Gone(_)) => return Ok(()),
            other => other?,
        };
        let mark = mark_of_close(conversation);
        let told = has_mark(&shown, &numbered_mark(&mark, 1));
        // An agent who has closed it there knows.
        let known = by == ClosedBy::Agent && shown.is_closed();
        if !told && !known {
            self.note(reference, &close_note(text, &mark)).await?;
        }
        if shown.is_closed() {
            return Ok(());
        }
        let body = json!({
            "message_type": "close", "type": "admin", "admin_id": self.secret.admin_id,
        });
        let call = self.post(&format!("/conversations/{reference}/parts"), body);
        self.send(call).await?.fine()
    }
}

/// How many pieces of a line are there already, and the id of the last one. The line is the head
/// of its lane, so what arrived of it is the last that the user said: the longest end of the
/// user's messages that is a beginning of the pieces.
fn arrived(
    shown: &Conversation,
    pieces: &[String],
    entry: &Entry,
    confirmed: Option<&str>,
) -> (usize, Option<String>) {
    let parts = shown.parts();
    let behind = confirmed
        .and_then(|id| parts.iter().position(|part| part.id == id))
        .map_or(0, |at| at + 1);
    let since = entry.at.min(entry.queued_at);
    let said: Vec<_> = parts[behind..]
        .iter()
        .filter(|part| part.is_of_contact() && is_since(part, since, SLACK))
        .filter_map(|part| Some((part.id.as_str(), part.body.as_deref()?)))
        .collect();
    for there in (1..=pieces.len().min(said.len())).rev() {
        let last = &said[said.len() - there..];
        if last
            .iter()
            .zip(pieces)
            .all(|((_, body), piece)| is_same(body, piece))
        {
            return (there, Some(last[there - 1].0.to_owned()));
        }
    }
    (0, None)
}

/// Whether a message shows this text, as plain text or as HTML; white space is the desk's affair.
fn is_same(body: &str, piece: &str) -> bool {
    let solid = |text: &str| {
        text.chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
    };
    let piece = solid(piece);
    solid(body) == piece || solid(&plain(body).text) == piece
}
