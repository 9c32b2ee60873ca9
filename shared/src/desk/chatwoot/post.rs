//! Lines to the desk, and the end.

use std::collections::HashSet;

use serde_json::Value;

use super::Chatwoot;
use super::api::{Place, Sort};
use super::markdown::escape;
use crate::conversation::{Author, Conversation, Entry, Kind};
use crate::desk::DeskError;
use crate::desk::text::split;
use crate::time::Millis;

/// The longest piece of a text, in characters before escaping, which at most doubles them:
/// Chatwoot takes 150,000, a person reads less.
pub(super) const PIECE: usize = 30_000;
/// How far Chatwoot's clock may be from ours when we look for what we posted.
const CLOCKS: Millis = 300_000;
/// `message_type` of what came from the contact.
const INCOMING: u64 = 0;

impl Chatwoot {
    /// Posts one entry; answers Chatwoot's id of its last message.
    pub(super) async fn post_there(
        &self,
        conversation: &Conversation,
        entry: &Entry,
    ) -> Result<Option<String>, DeskError> {
        let source_id = self.source_id(conversation);
        let place = place(conversation, &source_id)?;
        let has_keys = self.api.config.application.is_some();
        let sort = sort(conversation, entry);
        let mut there = HashSet::new();
        let mut last = None;
        if entry.attempts > 1 && has_keys {
            let messages = self.api.messages(place, entry.at - CLOCKS).await?;
            last = messages
                .iter()
                .rfind(|message| key(message).is_some_and(|key| is_of(key, entry)))
                .map(|message| message["id"].to_string());
            there = keys(&messages);
        }
        // As the contact's own it would open again what has ended; it is ended again then.
        let ends_again = !has_keys
            && (entry.late || conversation.is_closed())
            && self.api.talk(place).await?.is_resolved();
        for (n, piece) in pieces(entry).iter().enumerate() {
            let key = match n {
                0 => entry.id.to_string(),
                n => format!("{}.{n}", entry.id),
            };
            if !there.contains(&key) {
                last = Some(self.api.say(place, sort, piece, &key).await?);
            }
        }
        if ends_again {
            self.api.resolve(place).await?;
        }
        Ok(last)
    }

    /// Shows the end and resolves the conversation; does nothing where it has been resolved, or
    /// is not there any more.
    pub(super) async fn close_there(
        &self,
        conversation: &Conversation,
        text: &str,
    ) -> Result<(), DeskError> {
        let source_id = self.source_id(conversation);
        let Ok(place) = place(conversation, &source_id) else {
            return Ok(());
        };
        match self.end(conversation, place, text).await {
            Err(DeskError::Gone(_)) => Ok(()),
            ended => ended,
        }
    }

    async fn end(
        &self,
        conversation: &Conversation,
        place: Place<'_>,
        text: &str,
    ) -> Result<(), DeskError> {
        if self.api.talk(place).await?.is_resolved() {
            return Ok(());
        }
        let key = format!("handoff-end-{}", conversation.episode);
        let text = match self.api.config.application {
            Some(_) => escape(text),
            None => escape(&format!("[Handoff] {text}")),
        };
        if !text.trim().is_empty() && !self.says_already(place, &key, &text).await? {
            self.api.say(place, Sort::Note, &text, &key).await?;
        }
        self.api.resolve(place).await
    }

    /// Whether an earlier attempt has posted this, and nothing was posted as the contact since.
    async fn says_already(
        &self,
        place: Place<'_>,
        key: &str,
        text: &str,
    ) -> Result<bool, DeskError> {
        // The last page is enough: nothing of ours comes after the end.
        let messages = self.api.messages(place, Millis::MAX).await?;
        if self.api.config.application.is_some() {
            return Ok(keys(&messages).contains(key));
        }
        let last = messages.iter().rfind(|message| of_contact(message));
        Ok(last.is_some_and(|last| last["content"].as_str() == Some(text)))
    }

    /// The contact's address: as it was when the conversation was opened.
    pub(super) fn source_id(&self, conversation: &Conversation) -> String {
        match &conversation.desk_context {
            Some(source_id) => source_id.clone(),
            None => self.api.config.source_id(conversation),
        }
    }
}

pub(super) fn place<'a>(
    conversation: &'a Conversation,
    source_id: &'a str,
) -> Result<Place<'a>, DeskError> {
    let reference = conversation
        .desk_ref
        .as_deref()
        .ok_or_else(|| DeskError::Rejected("the conversation was never opened there".to_owned()))?;
    Ok(Place {
        reference,
        source_id,
    })
}

/// A line of the user's is a message of theirs; after the end, and all else, is for agents' eyes.
/// (An incoming message opens a resolved conversation again.)
fn sort(conversation: &Conversation, entry: &Entry) -> Sort {
    let users = entry.author == Author::User && entry.kind == Kind::Message;
    if users && !entry.late && !conversation.is_closed() {
        Sort::Incoming
    } else {
        Sort::Note
    }
}

/// An entry's text, escaped, in pieces that fit.
fn pieces(entry: &Entry) -> Vec<String> {
    let text = entry.text.trim();
    // Chatwoot takes no message without a text or a file.
    let text = if text.is_empty() { "[empty]" } else { text };
    let text = match entry.author {
        Author::User if entry.late => format!("[Written after the end of the chat] {text}"),
        Author::User => text.to_owned(),
        Author::Agent => {
            let name = entry.author_name.as_deref().unwrap_or("Agent");
            format!("[{name}, elsewhere] {text}")
        }
        Author::System => format!("[Handoff] {text}"),
    };
    split(&text, PIECE)
        .iter()
        .map(|piece| escape(piece))
        .collect()
}

/// Our own id of a message, where it is ours.
fn key(message: &Value) -> Option<&str> {
    message["source_id"].as_str()
}

fn is_of(key: &str, entry: &Entry) -> bool {
    let rest = key.strip_prefix(entry.id.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Our own ids of these messages.
pub(super) fn keys(messages: &[Value]) -> HashSet<String> {
    messages.iter().filter_map(key).map(str::to_owned).collect()
}

/// Whether a message came from the contact: without a token, from us.
pub(super) fn of_contact(message: &Value) -> bool {
    message["message_type"].as_u64() == Some(INCOMING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{EntryId, Side, Status, tests::conversation};

    fn entry(author: Author, kind: Kind, text: &str) -> Entry {
        let known = conversation();
        let id = EntryId::of_user_line(1, text.as_bytes());
        Entry::new(known.id, id, kind, author, Some(Side::Desk), text, 1)
    }

    #[test]
    fn only_what_the_user_says_in_time_is_the_users_at_the_desk() {
        let open = conversation();
        let mut closed = conversation();
        closed.status = Status::Closed;
        let line = entry(Author::User, Kind::Message, "hi");
        assert_eq!(sort(&open, &line), Sort::Incoming);
        assert_eq!(sort(&closed, &line), Sort::Note);
        let mut late = line;
        late.late = true;
        assert_eq!(sort(&open, &late), Sort::Note);
        for author in [Author::Agent, Author::System] {
            for kind in [Kind::Message, Kind::Notice] {
                assert_eq!(sort(&open, &entry(author, kind, "hi")), Sort::Note);
            }
        }
    }

    #[test]
    fn who_speaks_is_told_where_it_is_not_the_user() {
        let text = |entry: &Entry| pieces(entry).join("|");
        let mut line = entry(Author::User, Kind::Message, "a *b*");
        assert_eq!(text(&line), r"a \*b\*");
        line.late = true;
        assert_eq!(
            text(&line),
            r"\[Written after the end of the chat\] a \*b\*"
        );
        let notice = entry(Author::System, Kind::Notice, "Not delivered");
        assert_eq!(text(&notice), r"\[Handoff\] Not delivered");
        let mut agent = entry(Author::Agent, Kind::Message, "hi");
        agent.author_name = Some("Bo".into());
        assert_eq!(text(&agent), r"\[Bo, elsewhere\] hi");
        assert_eq!(text(&entry(Author::User, Kind::Message, " ")), r"\[empty\]");
    }

    #[test]
    fn long_texts_come_in_pieces_below_the_limit_even_escaped() {
        let long = entry(Author::User, Kind::Message, &"*".repeat(200_000));
        let pieces = pieces(&long);
        assert_eq!(pieces.len(), 7);
        assert!(pieces.iter().all(|piece| piece.chars().count() < 150_000));
    }

    #[test]
    fn pieces_of_one_entry_are_not_anothers() {
        let line = entry(Author::User, Kind::Message, "hi");
        let id = line.id.to_string();
        assert!(is_of(&id, &line) && is_of(&format!("{id}.1"), &line));
        assert!(!is_of(&format!("{id}1"), &line) && !is_of("", &line));
    }
}
