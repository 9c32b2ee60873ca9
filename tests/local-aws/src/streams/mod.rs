//! Reads the stream of a table, shard by shard, from any endpoint that serves DynamoDB Streams.
//!
//! See <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>.

mod record;

use aws_sdk_dynamodbstreams::{
    Client,
    operation::{get_records::GetRecordsError, get_shard_iterator::GetShardIteratorError},
    types::ShardIteratorType,
};

use crate::Error;

pub use record::StreamRecord;
pub(crate) use record::compare_sequence_numbers;

/// How many records one read asks for: the most that the API gives.
const READ_LIMIT: i32 = 1000;

/// A shard as the stream describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The shard whose records come before this one's, as far as the stream still knows it.
    pub parent: Option<String>,
}

/// The stream of one table.
#[derive(Clone, Debug)]
pub struct Stream {
    client: Client,
    arn: String,
}

impl Stream {
    /// Finds the stream of `table` at `endpoint_url`.
    ///
    /// # Errors
    /// There is no such table, it has no stream, or the endpoint does not answer.
    pub async fn of_table(endpoint_url: &str, table: &str) -> Result<Self, Error> {
        let described = crate::sdk::dynamodb(endpoint_url)
            .describe_table()
            .table_name(table)
            .send()
            .await
            .map_err(|error| Error::aws("DescribeTable", error))?;
        let arn = described
            .table()
            .and_then(|table| table.latest_stream_arn())
            .ok_or_else(|| Error::Invalid(format!("table `{table}` has no stream")))?;
        Ok(Self {
            client: crate::sdk::dynamodb_streams(endpoint_url),
            arn: arn.to_owned(),
        })
    }

    /// The stream's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// All shards, parents before their children.
    ///
    /// # Errors
    /// The endpoint does not answer or knows no such stream.
    pub async fn shards(&self) -> Result<Vec<Shard>, Error> {
        let mut shards = Vec::new();
        let mut start = None;
        loop {
            let described = self
                .client
                .describe_stream()
                .stream_arn(&self.arn)
                .set_exclusive_start_shard_id(start)
                .send()
                .await
                .map_err(|error| Error::aws("DescribeStream", error))?;
            let Some(description) = described.stream_description() else {
                break;
            };
            shards.extend(description.shards().iter().filter_map(|shard| {
                Some(Shard {
                    id: shard.shard_id()?.to_owned(),
                    parent: shard.parent_shard_id().map(ToOwned::to_owned),
                })
            }));
            match description.last_evaluated_shard_id() {
                Some(last) => start = Some(last.to_owned()),
                None => break,
            }
        }
        Ok(parents_first(shards))
    }

    /// A reader of one shard, from its oldest record on.
    #[must_use]
    pub fn reader(&self, shard_id: impl Into<String>) -> ShardReader {
        ShardReader {
            stream: self.clone(),
            shard_id: shard_id.into(),
            iterator: None,
            last: None,
        }
    }
}

/// What one read of a shard brought.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read {
    /// Records, oldest first; none means none now.
    Records(Vec<StreamRecord>),
    /// The shard is closed and has been read to its end: its children go on.
    End,
}

/// Reads one shard. It remembers where it is, so a read can be tried again after an error.
#[derive(Debug)]
pub struct ShardReader {
    stream: Stream,
    shard_id: String,
    iterator: Option<String>,
    /// The sequence number of the last record that was read.
    last: Option<String>,
}

impl ShardReader {
    /// Reads what comes next, at most 1,000 records. A shard iterator that has expired (after 15
    /// minutes) or points to trimmed records is replaced.
    ///
    /// # Errors
    /// The endpoint does not answer or refuses.
    pub async fn read(&mut self) -> Result<Read, Error> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => self.new_iterator().await?,
        };
        let client = &self.stream.client;
        let read = client
            .get_records()
            .shard_iterator(&iterator)
            .limit(READ_LIMIT);
        let output = match read
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(output) => output,
            // The next read starts with a new iterator after the last record.
            Err(GetRecordsError::ExpiredIteratorException(_)) => {
                return Ok(Read::Records(Vec::new()));
            }
            Err(GetRecordsError::TrimmedDataAccessException(_)) => {
                self.last = None;
                return Ok(Read::Records(Vec::new()));
            }
            Err(error) => {
                self.iterator = Some(iterator);
                return Err(Error::aws("GetRecords", error));
            }
        };
        self.iterator = output.next_shard_iterator;
        let closed = self.iterator.is_none();
        let records = output.records.unwrap_or_default();
        let records: Vec<_> = records
            .into_iter()
            .filter_map(|record| StreamRecord::new(record, &self.stream.arn))
            .collect();
        if let Some(last) = records.last() {
            self.last = Some(last.sequence_number().to_owned());
        } else if closed {
            return Ok(Read::End);
        }
        // Closed with records left over: the next read finds none after the last one.
        Ok(Read::Records(records))
    }

    async fn new_iterator(&mut self) -> Result<String, Error> {
        loop {
            let kind = match self.last {
                Some(_) => ShardIteratorType::AfterSequenceNumber,
                None => ShardIteratorType::TrimHorizon,
            };
            let asked = self
                .stream
                .client
                .get_shard_iterator()
                .stream_arn(&self.stream.arn)
                .shard_id(&self.shard_id)
                .shard_iterator_type(kind)
                .set_sequence_number(self.last.clone())
                .send()
                .await
                .map_err(|error| error.into_service_error());
            match asked {
                Ok(output) => {
                    return output.shard_iterator.ok_or_else(|| Error::Aws {
                        operation: "GetShardIterator",
                        message: "no iterator in the answer".to_owned(),
                    });
                }
                // The record after which to go on is gone: start with the oldest there is.
                Err(GetShardIteratorError::TrimmedDataAccessException(_))
                    if self.last.take().is_some() => {}
                Err(error) => return Err(Error::aws("GetShardIterator", error)),
            }
        }
    }
}

/// Sorts so that no shard comes before its parent, and otherwise keeps the order.
fn parents_first(mut waiting: Vec<Shard>) -> Vec<Shard> {
    let mut sorted: Vec<Shard> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.iter().cloned().partition(|shard| {
            !waiting
                .iter()
                .any(|other| shard.parent.as_ref() == Some(&other.id))
        });
        if ready.is_empty() {
            // A circle; no stream has one, and an endless loop would be worse than any order.
            sorted.extend(rest);
            break;
        }
        sorted.extend(ready);
        waiting = rest;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_their_children() {
        let shard = |id: &str, parent: Option<&str>| Shard {
            id: id.to_owned(),
            parent: parent.map(ToOwned::to_owned),
        };
        let sorted = parents_first(vec![
            shard("c", Some("b")),
            shard("b", Some("a")),
            shard("a", Some("trimmed")),
            shard("x", None),
        ]);
        let ids: Vec<_> = sorted.iter().map(|shard| shard.id.as_str()).collect();
        assert_eq!(ids, ["a", "x", "b", "c"]);
    }
}
