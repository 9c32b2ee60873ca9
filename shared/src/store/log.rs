//! Reading for people: a conversation's log, and the lists of conversations.

use futures_util::future::try_join_all;

use super::codec::{conversation, entry};
use super::item::{Item, Reader, key, s};
use super::keys::{
    CHANGED, CHANGES, DAY, ENTRY_PREFIX, LIST, LIST_AT, LISTED, PK, SHARDS, SK, changed,
    closed_list, closed_list_of, conversation_pk, entry_sk, history_sk, open_list,
};
use super::{Store, StoreError};
use crate::conversation::{
    Conversation, ConversationId, Entry, EntryId, History, in_reading_order,
};
use crate::time::Millis;

/// How many entries a page of a log has.
const PAGE: i32 = 200;
/// The most text a page of a log has, in bytes of JSON: a function's answer ends at 6 MB, in which
/// it is JSON within JSON.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// How many conversations a page of a list has.
const LIST_PAGE: usize = 100;
/// How far the clocks of two functions may differ, and how long a write may take from its stamp
/// to its visibility. Changes of this long ago are reported once more.
const OVERLAP: Millis = 5_000;
/// How many lists of closed conversations one call looks through at the most: two years.
const LISTS_A_CALL: i64 = 24;

/// A page of a log.
#[derive(Debug)]
pub struct LogPage {
    /// The entries, in reading order.
    pub entries: Vec<Entry>,
    /// Where the next page, or the next look for changes, begins.
    pub cursor: String,
    /// Whether the next page is there already.
    pub more: bool,
}

/// A page of a list.
#[derive(Debug)]
pub struct Listing {
    /// The conversations.
    pub conversations: Vec<Conversation>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

/// Where a reader of a log stands.
enum Cursor {
    /// In the first pass through the whole log, begun at this time, behind this sort key.
    Whole { begun: Millis, behind: String },
    /// Waiting for changes after this key of the index of changes.
    Changes { after: String },
}

impl Cursor {
    /// Reads what [`Store::log`] gave out; `None` for anything else.
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        let (at, id) = match rest.split_once('.') {
            None => (rest, None),
            Some((at, id)) => (at, Some(EntryId::parse(id).ok()?)),
        };
        let at: Millis = at.parse().ok().filter(|at| *at >= 0)?;
        match (kind, id) {
            ("w", Some(id)) => Some(Self::Whole {
                begun: at,
                behind: entry_sk(&id),
            }),
            ("c", None) => Some(Self::Changes {
                after: format!("{at:016}"),
            }),
            ("c", Some(id)) => Some(Self::Changes {
                after: changed(at, &id),
            }),
            _ => None,
        }
    }
}

impl Store {
    /// Reads a log. Without `after`: all of it, oldest first, page by page. With it: what was
    /// created or changed since, at least once. `None`: not a cursor of ours.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn log(
        &self,
        id: &ConversationId,
        after: Option<&str>,
    ) -> Result<Option<LogPage>, StoreError> {
        let cursor = match after {
            None => Cursor::Whole {
                begun: self.now(),
                behind: ENTRY_PREFIX.to_owned(),
            },
            Some(text) => match Cursor::parse(text) {
                Some(cursor) => cursor,
                None => return Ok(None),
            },
        };
        Ok(Some(match cursor {
            Cursor::Whole { begun, behind } => self.whole(id, begun, behind).await?,
            Cursor::Changes { after } => self.changes(id, after).await?,
        }))
    }

    async fn whole(
        &self,
        id: &ConversationId,
        begun: Millis,
        behind: String,
    ) -> Result<LogPage, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", s(conversation_pk(id)))
            // '!' is the smallest character after the last one of the key: strictly behind it.
            .expression_attribute_values(":from", s(format!("{behind}!")))
            .expression_attribute_values(":to", s(format!("{ENTRY_PREFIX}~")))
            .limit(PAGE)
            .send()
            .await
            .map_err(|error| StoreError::of("read log", &error))?;
        let (items, last) = one_answer(page.items, page.last_evaluated_key, SK)?;
        Ok(LogPage {
            entries: in_reading_order(self.entries(items)?),
            more: last.is_some(),
            cursor: match last {
                Some(sk) => format!("w{begun}.{}", sk.trim_start_matches(ENTRY_PREFIX)),
                None => format!("c{}", (begun - OVERLAP).max(0)),
            },
        })
    }

    async fn changes(&self, id: &ConversationId, after: String) -> Result<LogPage, StoreError> {
        let begun = self.now();
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(CHANGES)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #changed > :after")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#changed", CHANGED)
            .expression_attribute_values(":pk", s(conversation_pk(id)))
            .expression_attribute_values(":after", s(after.as_str()))
            .limit(PAGE)
            .send()
            .await
            .map_err(|error| StoreError::of("read changes", &error))?;
        let (items, last) = one_answer(page.items, page.last_evaluated_key, CHANGED)?;
        let next = match &last {
            Some(changed) => changed.clone(),
            // Never backwards, even where this clock is behind the last reader's.
            None => after.max(format!("{:016}", (begun - OVERLAP).max(0))),
        };
        Ok(LogPage {
            entries: in_reading_order(self.entries(items)?),
            more: last.is_some(),
            cursor: format!("c{}", next.replacen('#', ".", 1)),
        })
    }

    fn entries(&self, items: Vec<Item>) -> Result<Vec<Entry>, StoreError> {
        items
            .iter()
            .filter(|item| !self.has_expired(item))
            .map(entry)
            .collect()
    }

    /// Reads what was said before the handoff of an episode.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn history(&self, id: &ConversationId, episode: u32) -> Result<History, StoreError> {
        let item = self
            .get(
                "read history",
                key(conversation_pk(id), history_sk(episode)),
            )
            .await?;
        match item {
            None => Ok(History::default()),
            Some(item) => serde_json::from_str(Reader(&item).s("turns")?)
                .map_err(|_| StoreError::Unreadable("turns")),
        }
    }

    /// Lists open conversations, the longest open first. `cursor` is that of the page before.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn open_conversations(&self, cursor: Option<&str>) -> Result<Listing, StoreError> {
        let shards =
            (0..SHARDS).map(|shard| self.list(open_list(shard), true, cursor.map(str::to_owned)));
        let mut items: Vec<Item> = try_join_all(shards).await?.into_iter().flatten().collect();
        items.sort_by(|a, b| position(a).cmp(position(b)));
        let cursor = (items.len() > LIST_PAGE).then(|| position(&items[LIST_PAGE - 1]).to_owned());
        items.truncate(LIST_PAGE);
        self.listing(&items, cursor)
    }

    /// Lists closed conversations, the last closed first, as far back as `days` days. `cursor` is
    /// that of the page before. A page can be empty although there is a next one.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn closed_conversations(
        &self,
        cursor: Option<&str>,
        days: u32,
    ) -> Result<Listing, StoreError> {
        // A clock that is ahead of this one may have closed something in the next month.
        let current = closed_list_of(self.now() + DAY);
        let oldest = closed_list_of((self.now() - i64::from(days) * DAY).max(0));
        let (newest, mut before) = match cursor.and_then(|text| text.split_once('.')) {
            Some((list, position)) => (
                list.parse().unwrap_or(current).min(current),
                Some(position.to_owned()).filter(|position| !position.is_empty()),
            ),
            None => (current, None),
        };
        let mut items = Vec::new();
        let mut list = newest;
        while list >= oldest && newest - list < LISTS_A_CALL {
            let lists: Vec<i64> = (0..4)
                .map(|n| list - n)
                .filter(|list| *list >= oldest)
                .collect();
            let pages = lists.iter().map(|list| {
                let before = before.take();
                self.list(closed_list(*list), false, before)
            });
            for (of, page) in lists.iter().zip(try_join_all(pages).await?) {
                for item in page {
                    if items.len() == LIST_PAGE {
                        let cursor = format!("{of}.{}", position(&items[LIST_PAGE - 1]));
                        return self.listing(&items, Some(cursor));
                    }
                    items.push(item);
                }
            }
            list -= 4;
        }
        let cursor = (list >= oldest).then(|| format!("{list}."));
        self.listing(&items, cursor)
    }

    async fn list(
        &self,
        list: String,
        oldest_first: bool,
        beyond: Option<String>,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(LISTED)
            .scan_index_forward(oldest_first)
            .expression_attribute_names("#list", LIST)
            .expression_attribute_values(":list", s(list))
            .limit(LIST_PAGE as i32 + 1);
        let query = match beyond {
            None => query.key_condition_expression("#list = :list"),
            Some(beyond) => query
                .key_condition_expression(if oldest_first {
                    "#list = :list AND #at > :beyond"
                } else {
                    "#list = :list AND #at < :beyond"
                })
                .expression_attribute_names("#at", LIST_AT)
                .expression_attribute_values(":beyond", s(beyond)),
        };
        // A page also ends at 1 MB.
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let page = query
                .clone()
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of("list conversations", &error))?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() || items.len() > LIST_PAGE {
                return Ok(items);
            }
        }
    }

    fn listing(&self, items: &[Item], cursor: Option<String>) -> Result<Listing, StoreError> {
        let conversations = items
            .iter()
            .filter(|item| !self.has_expired(item))
            .map(conversation)
            .filter(|known| !known.as_ref().is_ok_and(Conversation::is_tombstone))
            .collect::<Result<_, _>>()?;
        Ok(Listing {
            conversations,
            cursor,
        })
    }
}

/// As many items of a page as fit into one answer, at least one, and the key behind which the next
/// page begins, where there is one.
fn one_answer(
    items: Option<Vec<Item>>,
    last: Option<Item>,
    key: &'static str,
) -> Result<(Vec<Item>, Option<String>), StoreError> {
    let mut items = items.unwrap_or_default();
    let mut room = PAGE_BYTES;
    let fitting = items
        .iter()
        .take_while(|item| {
            let text = item.get("text").and_then(|text| text.as_s().ok());
            let bytes = text
                .and_then(|text| serde_json::to_string(text).ok())
                .map_or(0, |json| json.len());
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        })
        .count()
        .max(1);
    let last = if fitting < items.len() {
        items.truncate(fitting);
        items.last().cloned()
    } else {
        last
    };
    let last = last.map(|item| Reader(&item).s(key).map(str::to_owned));
    Ok((items, last.transpose()?))
}

fn position(item: &Item) -> &str {
    item.get(LIST_AT)
        .and_then(|value| value.as_s().ok())
        .map_or("", String::as_str)
}
