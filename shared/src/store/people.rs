//! A person's conversations, by what GPTBots knows the person by.

use std::collections::BTreeMap;

use super::change::Change;
use super::item::{Reader, key};
use super::keys::{SK, person_pk};
use super::{Store, StoreError};
use crate::conversation::{Conversation, ConversationId, PersonBy};

/// A person of one bot, as the table knows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// The bot.
    pub bot: String,
    /// The fingerprint of what they are known by.
    pub key: String,
}

/// Another id that conversations of a person have, under which there are further ones. Whether these
/// are the same person's, only who knows them can tell: a phone can have two users.
#[derive(Clone, PartialEq, Eq)]
pub struct Linked {
    /// What it is.
    pub by: PersonBy,
    /// The id.
    pub value: String,
    /// How many further conversations are known by it.
    pub conversations: usize,
}

// By hand: ids and numbers of people must not reach a log.
impl std::fmt::Debug for Linked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linked")
            .field("by", &self.by)
            .field("conversations", &self.conversations)
            .finish_non_exhaustive()
    }
}

impl Person {
    /// The person of a bot with this id.
    pub fn known_by(bot: impl Into<String>, by: PersonBy, value: &str) -> Self {
        Self {
            bot: bot.into(),
            key: by.key(value),
        }
    }

    /// The person whose conversation this is; `None` of one whose establish never came.
    pub fn of(known: &Conversation) -> Option<Self> {
        Some(Self {
            bot: known.bot.clone()?,
            key: known.user.person_key(&known.id),
        })
    }
}

impl Store {
    /// The ids of a person's conversations, the first one first: each that ever had them as its
    /// user. Some may be gone already.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn conversations_of(
        &self,
        person: &Person,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let pk = person_pk(&person.bot, &person.key);
        let mut ids: Vec<ConversationId> = Vec::new();
        for item in self
            .partition(pk, "C#", "read a person's conversations")
            .await?
        {
            let id = ConversationId::new(Reader(&item).s("conversation_id")?)
                .map_err(|_| StoreError::Unreadable("conversation_id"))?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// Deletes a conversation's places among a person's.
    pub(crate) async fn erase_place(
        &self,
        person: &Person,
        id: &ConversationId,
    ) -> Result<(), StoreError> {
        let pk = person_pk(&person.bot, &person.key);
        for item in self
            .partition(pk.clone(), "C#", "read a person's conversations")
            .await?
        {
            let reader = Reader(&item);
            if reader.s("conversation_id")? == id.as_str() {
                let place = key(pk.as_str(), reader.s(SK)?);
                self.delete("erase", place, Change::new()).await?;
            }
        }
        Ok(())
    }

    /// The other ids that these conversations have, under which there are further ones.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn linked(&self, conversations: &[Conversation]) -> Result<Vec<Linked>, StoreError> {
        let mut ids: BTreeMap<(PersonBy, &str), &str> = BTreeMap::new();
        for known in conversations {
            let bot = known.bot.as_deref().unwrap_or_default();
            ids.extend(known.user.ids().map(|id| (id, bot)));
        }
        let mut linked = Vec::new();
        for ((by, value), bot) in ids {
            let theirs = self
                .conversations_of(&Person::known_by(bot, by, value))
                .await?;
            let further = theirs
                .iter()
                .filter(|id| !conversations.iter().any(|known| known.id == **id))
                .count();
            if further > 0 {
                linked.push(Linked {
                    by,
                    value: value.to_owned(),
                    conversations: further,
                });
            }
        }
        Ok(linked)
    }
}
