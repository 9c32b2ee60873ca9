//! The conversations of one person.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::item::{Reader, s};
use super::keys::{PK, person_pk};
use super::{Store, StoreError};
use crate::conversation::{Conversation, ConversationId};

/// How many places in the person's list are looked at: a conversation opened anew has several.
const PLACES: i32 = 60;

impl Store {
    /// The other conversations of the same person with the same bot, the last opened first, at the
    /// most `most` of them. Who is the same: [`User::person_key`](crate::conversation::User::person_key).
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn others_of_person(
        &self,
        known: &Conversation,
        most: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let Some(bot) = &known.bot else {
            return Ok(Vec::new());
        };
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(
                ":pk",
                s(person_pk(bot, &known.user.person_key(&known.id))),
            )
            .scan_index_forward(false)
            .limit(PLACES)
            .send()
            .await
            .map_err(|error| StoreError::of("read a person's conversations", &error))?;
        let mut seen = BTreeSet::from([known.id.clone()]);
        let mut others = Vec::new();
        for item in page.items.unwrap_or_default() {
            if self.has_expired(&item) {
                continue;
            }
            let id = ConversationId::new(Reader(&item).s("conversation_id")?)
                .map_err(|_| StoreError::Unreadable("conversation_id"))?;
            if others.len() < most && seen.insert(id.clone()) {
                others.push(id);
            }
        }
        let known = others.iter().map(|id| self.conversation(id));
        Ok(try_join_all(known).await?.into_iter().flatten().collect())
    }
}
