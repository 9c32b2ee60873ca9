//! What agents write to each other.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::change::{Change, put_new};
use super::console::{DECISIONS, Posted, accepted_key};
use super::item::{Put, key, n, s};
use super::keys::{EXPIRES_AT, META, conversation_pk};
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{Agent, Author, ConversationId, Entry, EntryId, Kind};
use crate::desk::CONSOLE;

impl Store {
    /// Stores a private note, also after the end. It is for nobody but those who read the log: it
    /// stands in no lane, so nothing can carry it to the user. The same key again is the same note;
    /// keys are those of [`Store::post`], so nothing can be a note and a line.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note(
        &self,
        id: &ConversationId,
        agent: &Agent,
        note_key: &str,
        text: &str,
        retention_days: u32,
    ) -> Result<Posted, StoreError> {
        let expires_at = self.expires_at(retention_days);
        let marker = accepted_key(id, CONSOLE, note_key);
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let Some(known) = self.conversation(id).await? else {
                return Ok(Posted::Unknown);
            };
            let now = self.now();
            let mut entry = Entry::new(
                id.clone(),
                EntryId::of_agent_line(now, "note", note_key),
                Kind::Note,
                Author::Agent,
                None,
                text,
                now,
            );
            entry.author_name = Some(agent.name.clone()).filter(|name| !name.is_empty());
            // The conversation is kept as long as what was written last in it.
            let meta = Change::new().set(EXPIRES_AT, n(expires_at)).require(
                "episode",
                "=",
                n(known.episode.into()),
            );
            let mut accepted = marker.clone();
            accepted.put("entry", s(entry.id.as_str()));
            accepted.put(EXPIRES_AT, n(expires_at));
            let parts = vec![
                self.changing(key(conversation_pk(id), META), meta),
                TransactWriteItem::builder()
                    .put(put_new(&self.table, accepted))
                    .build(),
                self.put_entry(&entry, expires_at),
            ];
            match self.transact("note", parts).await? {
                Written::Yes => return Ok(Posted::Stored(Box::new(entry))),
                Written::No { .. } => {
                    if let Some(entry) = self.accepted(id, &marker).await? {
                        return Ok(Posted::Stored(Box::new(entry)));
                    }
                }
            }
        }
        Err(StoreError::Contended("note"))
    }
}
