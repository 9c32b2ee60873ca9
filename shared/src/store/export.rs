//! Reading all of a conversation, to hand it to somebody.

use super::codec::{conversation, entry};
use super::item::Reader;
use super::keys::{ENTRY_PREFIX, META, SK, conversation_pk};
use super::{Store, StoreError};
use crate::conversation::{Conversation, ConversationId, Entry, History, in_reading_order};

/// What was said before one handoff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Which one, counted from 1.
    pub number: u32,
    /// What was said.
    pub history: History,
}

/// All of a conversation that people wrote or that tells of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its id.
    pub id: ConversationId,
    /// Itself; `None` where only lines of it have come.
    pub conversation: Option<Conversation>,
    /// What was said before each of its handoffs.
    pub episodes: Vec<Episode>,
    /// Its lines, in reading order.
    pub entries: Vec<Entry>,
}

impl Store {
    /// Reads all of a conversation. `None`: there is nothing of it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn export(&self, id: &ConversationId) -> Result<Option<Export>, StoreError> {
        let mut export = Export {
            id: id.clone(),
            conversation: None,
            episodes: Vec::new(),
            entries: Vec::new(),
        };
        let items = self
            .partition(conversation_pk(id), "", "read for export")
            .await?;
        for item in items.iter().filter(|item| !self.has_expired(item)) {
            let reader = Reader(item);
            let sk = reader.s(SK)?;
            if sk == META {
                export.conversation =
                    Some(conversation(item)?).filter(|known| !known.is_tombstone());
            } else if sk.starts_with(ENTRY_PREFIX) {
                export.entries.push(entry(item)?);
            } else if let Some(number) = episode_of(sk) {
                let history = serde_json::from_str(reader.s("turns")?)
                    .map_err(|_| StoreError::Unreadable("turns"))?;
                export.episodes.push(Episode { number, history });
            }
        }
        // What tells a desk of a line that is there itself says nothing new.
        export.entries.retain(|entry| !entry.copy);
        export.entries = in_reading_order(export.entries);
        export.episodes.sort_by_key(|episode| episode.number);
        let is_empty = export.conversation.is_none() && export.entries.is_empty();
        Ok((!is_empty).then_some(export))
    }
}

/// The episode that a history is of.
fn episode_of(sk: &str) -> Option<u32> {
    match sk.strip_prefix("HIST")? {
        "" => Some(1),
        rest => rest.strip_prefix('#')?.parse().ok(),
    }
}
