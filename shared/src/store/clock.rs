//! What the clock finds: lanes that strayed.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::item::{Reader, s};
use super::keys::{DUE, DUE_AT, DUE_INDEX, PK, SHARDS, conversation_of, due};
use super::{Store, StoreError};
use crate::conversation::{ConversationId, Side};
use crate::time::Millis;

/// How many pages of one shard a tick reads at the most: some 100,000 entries. A lane can have many
/// overdue entries, and those of a lane that cannot be served must not hide others.
const MAX_PAGES: usize = 10;

/// A lane whose head should have been delivered by now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// The conversation.
    pub conversation: ConversationId,
    /// Which of its lanes.
    pub side: Side,
}

impl Store {
    /// Finds lanes that have entries which are overdue at `now`. Costs what they cost, however
    /// many conversations are open.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn strays(&self, now: Millis) -> Result<Vec<Stray>, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.strays_of(shard, now));
        let mut strays = BTreeSet::new();
        for of_shard in try_join_all(shards).await? {
            strays.extend(of_shard);
        }
        Ok(strays.into_iter().collect())
    }

    async fn strays_of(&self, shard: u8, now: Millis) -> Result<BTreeSet<Stray>, StoreError> {
        let mut strays = BTreeSet::new();
        let mut from = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DUE_INDEX)
                .key_condition_expression("#due = :due AND #at <= :now")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#at", DUE_AT)
                .expression_attribute_values(":due", s(due(shard)))
                // '~' is behind '#': whatever is due at this very millisecond, too.
                .expression_attribute_values(":now", s(format!("{now:016}~")))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of("find strays", &error))?;
            for item in page.items.unwrap_or_default() {
                let reader = Reader(&item);
                let conversation = conversation_of(reader.s(PK)?);
                let side = reader
                    .s(DUE_AT)?
                    .split_once('#')
                    .and_then(|(_, side)| Side::parse(side));
                if let (Some(conversation), Some(side)) = (conversation, side) {
                    strays.insert(Stray { conversation, side });
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(strays)
    }
}
