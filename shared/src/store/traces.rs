//! What of a conversation there is, so that all of it can go.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::{conversation, entry};
use super::item::{Item, Reader, s};
use super::keys::{ENTRY_PREFIX, META, PK, SK, conversation_pk, person_pk, person_sk};
use super::{Store, StoreError};
use crate::conversation::{Conversation, ConversationId, Entry, EntryId, Kind};

/// What there is of a conversation.
#[derive(Debug, Default)]
pub struct Traces {
    /// Itself; also where only its end is known.
    pub conversation: Option<Conversation>,
    /// Whether somebody has still to be told of its end.
    pub closing_under_way: bool,
    /// Lines that may have files in the bucket.
    pub with_files: Vec<EntryId>,
    /// Sort keys of what can go in any order.
    pub(super) items: Vec<String>,
    /// Histories: their sort keys, and where the person's item of the same episode is.
    pub(super) episodes: BTreeMap<String, Option<(String, String)>>,
    /// Openings at a desk: by which name of the desk, if that is known, and under which reference.
    openings: Vec<(Option<String>, String)>,
}

impl Traces {
    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.conversation.is_none() && self.items.is_empty() && self.episodes.is_empty()
    }

    /// How many items there are in the conversation's own partition.
    pub fn items(&self) -> usize {
        self.items.len() + self.episodes.len() + usize::from(self.conversation.is_some())
    }

    fn add(&mut self, item: &Item) -> Result<(), StoreError> {
        let reader = Reader(item);
        match reader.s(SK)? {
            META => self.conversation = Some(conversation(item)?),
            sk if sk == "HIST" || sk.starts_with("HIST#") => {
                let person = match (
                    reader.opt_string("person_pk")?,
                    reader.opt_string("person_sk")?,
                ) {
                    (Some(pk), Some(sk)) => Some((pk, sk)),
                    _ => None,
                };
                self.episodes.insert(sk.to_owned(), person);
            }
            sk => {
                self.items.push(sk.to_owned());
                if sk.starts_with(ENTRY_PREFIX) {
                    self.add_entry(&entry(item)?, reader.opt_string("opened_at_desk")?);
                }
            }
        }
        Ok(())
    }

    fn add_entry(&mut self, entry: &Entry, desk: Option<String>) {
        self.closing_under_way |= entry.kind == Kind::Closing && entry.is_undelivered();
        if entry
            .origin
            .as_ref()
            .is_some_and(|origin| !origin.files.is_empty())
        {
            self.with_files.push(entry.id.clone());
        }
        if let Some(reference) = entry
            .remote_id
            .as_ref()
            .filter(|_| entry.kind == Kind::Opening)
        {
            self.openings.push((desk, reference.clone()));
        }
    }

    /// The desk references of all episodes.
    pub(super) fn references(&self) -> BTreeSet<(String, String)> {
        let known = self.conversation.as_ref();
        let mut all = BTreeSet::new();
        for (desk, reference) in &self.openings {
            let desk = desk.as_ref().or(known.map(|known| &known.desk));
            all.extend(desk.map(|desk| (desk.clone(), reference.clone())));
        }
        if let Some(known) = known
            && let Some(reference) = &known.desk_ref
        {
            all.insert((known.desk.clone(), reference.clone()));
        }
        all
    }

    /// Where the person's items are of these episodes, and of the conversation as it is now.
    pub(super) fn person_items<'a>(
        &self,
        episodes: impl Iterator<Item = &'a (String, String)>,
    ) -> BTreeSet<(String, String)> {
        let mut all: BTreeSet<_> = episodes.cloned().collect();
        if let Some(known) = &self.conversation
            && let Some(bot) = &known.bot
        {
            let person = known.user.person_key(&known.id);
            all.insert((
                person_pk(bot, &person),
                person_sk(known.opened_at, &known.id),
            ));
        }
        all
    }
}

impl Store {
    /// Everything that is in a conversation's partition, also what has expired.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn traces(&self, id: &ConversationId) -> Result<Traces, StoreError> {
        let mut traces = Traces::default();
        for item in self
            .partition(conversation_pk(id), "", "read what is to go")
            .await?
        {
            traces.add(&item)?;
        }
        Ok(traces)
    }

    /// All items of a partition whose sort key begins like this, also those that have expired.
    pub(super) async fn partition(
        &self,
        pk: String,
        begin: &str,
        operation: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", s(pk));
        query = if begin.is_empty() {
            query.key_condition_expression("#pk = :pk")
        } else {
            query
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :begin)")
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":begin", s(begin))
        };
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let page = query
                .clone()
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of(operation, &error))?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }
}
