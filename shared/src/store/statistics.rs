//! The counters that supervisors' figures come from.
//!
//! Each counts in the transaction that writes what it counts, so that it counts exactly once, also
//! where a call is tried again or its answer gets lost. One item for each day, bot and shard; the
//! conversation decides the shard, so that a busy bot's transactions seldom meet. A month of all bots
//! is read in as many queries as there are shards, however much was counted.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::future::try_join_all;

use super::change::Change;
use super::item::{Item, Reader, key, n, s};
use super::keys::{
    EXPIRES_AT, PK, SK, STATISTICS_SHARDS, statistics_pk, statistics_shard, statistics_sk,
};
use super::{Store, StoreError};
use crate::conversation::{Conversation, ConversationId};
use crate::statistics::{Counts, Day, DayCounts, KEPT_DAYS};
use crate::time::Millis;

impl Store {
    /// Counts along with a transaction, for the day on which the user asked.
    pub(super) fn counting(&self, known: &Conversation, counts: &Counts) -> TransactWriteItem {
        let bot = known.bot.as_deref().unwrap_or_default();
        self.counting_at(&known.id, bot, known.opened_at, counts)
    }

    /// Counts along with a transaction, for the day of this time.
    pub(super) fn counting_at(
        &self,
        id: &ConversationId,
        bot: &str,
        at: Millis,
        counts: &Counts,
    ) -> TransactWriteItem {
        let day = Day::of(at);
        let (month, of_month) = day.parts();
        let place = key(
            statistics_pk(month, statistics_shard(id)),
            statistics_sk(of_month, bot),
        );
        let until = day.begin() / 1_000 + i64::from(KEPT_DAYS) * 86_400;
        let change = Change::new().set(EXPIRES_AT, n(until));
        let change = counts
            .attributes()
            .iter()
            .fold(change, |change, (name, amount)| change.add(name, *amount));
        self.changing(place, change)
    }

    /// What was counted from one day to another, both included, by day and bot.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn statistics(&self, from: &Day, to: &Day) -> Result<Vec<DayCounts>, StoreError> {
        let mut queries = Vec::new();
        let mut first = from.clone();
        while first <= *to {
            let (month, begin) = first.parts();
            let (last_month, last_day) = to.parts();
            let end = if month == last_month { last_day } else { "31" };
            for shard in 0..STATISTICS_SHARDS {
                let pk = statistics_pk(month, shard);
                queries.push(self.counters(month.to_owned(), pk, begin.to_owned(), end.to_owned()));
            }
            first = first_of_next_month(month);
        }
        let mut sums: BTreeMap<(Day, String), Counts> = BTreeMap::new();
        for (day, bot, counts) in try_join_all(queries).await?.into_iter().flatten() {
            let sum = sums.entry((day, bot)).or_default();
            *sum = std::mem::take(sum).plus(&counts);
        }
        let sums = sums.into_iter();
        Ok(sums
            .map(|((day, bot), counts)| DayCounts { day, bot, counts })
            .collect())
    }

    /// The counters of one shard of a month, of the days from `begin` to `end`.
    async fn counters(
        &self,
        month: String,
        pk: String,
        begin: String,
        end: String,
    ) -> Result<Vec<(Day, String, Counts)>, StoreError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :begin AND :end")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":pk", s(pk.as_str()))
                .expression_attribute_values(":begin", s(format!("{begin}#")))
                // '$' is behind '#': all bots of the last day.
                .expression_attribute_values(":end", s(format!("{end}$")))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of("read statistics", &error))?;
            for item in page.items.unwrap_or_default() {
                if !self.has_expired(&item) {
                    found.extend(read(&month, &item)?);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(found);
            }
        }
    }
}

fn read(month: &str, item: &Item) -> Result<Option<(Day, String, Counts)>, StoreError> {
    let reader = Reader(item);
    let Some((day, bot)) = reader.s(SK)?.split_once('#') else {
        return Ok(None);
    };
    let Some(day) = Day::parse(&format!("{month}-{day}")) else {
        return Ok(None);
    };
    let mut counts = Counts::default();
    for (name, value) in item {
        if let Some(counter) = counts.counter(name) {
            let value = value.as_n().ok().and_then(|value| value.parse().ok());
            *counter = value.ok_or(StoreError::Unreadable("a counter"))?;
        }
    }
    Ok(Some((day, bot.to_owned(), counts)))
}

/// The first day of the month after this one.
fn first_of_next_month(month: &str) -> Day {
    let first = Day::parse(&format!("{month}-01"));
    // No month is longer than 31 days, and none shorter than 4.
    let within = Day::of(first.map_or(Millis::MAX, |day| day.begin() + 31 * super::keys::DAY));
    let (next, _) = within.parts();
    Day::parse(&format!("{next}-01")).unwrap_or(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_one_another() {
        let mut day = Day::parse("2025-12-01").unwrap();
        for expected in ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"] {
            day = first_of_next_month(day.parts().0);
            assert_eq!(day.as_str(), expected);
        }
    }
}
