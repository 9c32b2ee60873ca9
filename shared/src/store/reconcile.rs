//! Conversations whose desk is asked now and then what happened there.
//!
//! One item a conversation, beside its META, found through [`DUE_INDEX`]: looking for them costs
//! what is due, and nothing where no desk has a server.

use futures_util::future::try_join_all;

use super::change::Change;
use super::item::{Item, Put, Reader, key, n, s};
use super::keys::{
    DUE, DUE_AT, DUE_INDEX, EXPIRES_AT, PK, RECONCILE, SHARDS, conversation_of, conversation_pk,
    reconcile, shard, waiting_at,
};
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{Conversation, ConversationId};
use crate::time::Millis;

/// How many of one shard a tick takes: more come with the next.
const A_TICK: i32 = 250;
/// When a desk is asked for the first time after the opening, in milliseconds: what agents did
/// while it was under way is taken in then at the latest.
const FIRST_AFTER: Millis = 60_000;

/// A conversation whose desk is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToReconcile {
    /// The conversation.
    pub conversation: ConversationId,
    due_at: String,
}

impl Store {
    /// The item that has a conversation's desk asked, as it is put when it is opened there.
    pub(super) fn to_reconcile(&self, id: &ConversationId, episode: u32, expires_at: i64) -> Item {
        let mut item = key(conversation_pk(id), RECONCILE);
        item.put("episode", n(episode.into()));
        item.put(DUE, s(reconcile(shard(id))));
        item.put(DUE_AT, s(waiting_at(self.now() + FIRST_AFTER)));
        item.put(EXPIRES_AT, n(expires_at));
        item
    }

    /// The conversations whose desk is to be asked by `now`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due_to_reconcile(&self, now: Millis) -> Result<Vec<ToReconcile>, StoreError> {
        let shards = (0..SHARDS).map(|shard| async move {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DUE_INDEX)
                .key_condition_expression("#due = :due AND #at <= :now")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#at", DUE_AT)
                .expression_attribute_values(":due", s(reconcile(shard)))
                .expression_attribute_values(":now", s(waiting_at(now)))
                .limit(A_TICK)
                .send()
                .await
                .map_err(|error| StoreError::of("read what is to be asked", &error))?;
            Ok::<_, StoreError>(page.items.unwrap_or_default())
        });
        let mut due = Vec::new();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            let reader = Reader(&item);
            due.extend(
                conversation_of(reader.s(PK)?).map(|conversation| ToReconcile {
                    conversation,
                    due_at: reader.s(DUE_AT).unwrap_or_default().to_owned(),
                }),
            );
        }
        Ok(due)
    }

    /// Takes one that is due, and sets the time of the next. `false`: another tick has it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn take_to_reconcile(
        &self,
        due: &ToReconcile,
        next: Millis,
    ) -> Result<bool, StoreError> {
        let change = Change::new().set(DUE_AT, s(waiting_at(next))).require(
            DUE_AT,
            "=",
            s(due.due_at.as_str()),
        );
        let place = key(conversation_pk(&due.conversation), RECONCILE);
        let written = self
            .update("take what is to be asked", place, change)
            .await?;
        Ok(matches!(written, Written::Yes))
    }

    /// Says when the desk of this episode of a conversation is asked again; `None`: no more.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn reconcile_at(
        &self,
        known: &Conversation,
        at: Option<Millis>,
        retention_days: u32,
    ) -> Result<(), StoreError> {
        let change = match at {
            Some(at) => Change::new()
                .set(DUE_AT, s(waiting_at(at)))
                .set(EXPIRES_AT, n(self.expires_at(retention_days))),
            None => Change::new().remove(&[DUE, DUE_AT]),
        };
        let change = change.require("episode", "=", n(known.episode.into()));
        let place = key(conversation_pk(&known.id), RECONCILE);
        self.update("set what is to be asked", place, change)
            .await?;
        Ok(())
    }
}
