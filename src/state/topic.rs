//! Where each feed began: one record a feed in the state topic, written once before anything is
//! read, so that a later start reads the same log again.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use serde::{Deserialize, Serialize};

use crate::{
    clock,
    kafka::{Client, Error, Partition, Settings, read_to_end, watermarks},
};

/// The version of the record's form.
const SCHEMA: &str = "rosterwatch.state/1";

/// How long one broker request may take.
const REQUEST: Duration = Duration::from_secs(10);

/// Where a feed without a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At the first record that the topic keeps.
    Earliest,
    /// At the next record to come.
    Latest,
    /// At the first record this much younger than now, by the topic's own timestamps.
    Back(Duration),
}

/// The first position of every partition of one feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Starts(pub BTreeMap<Partition, u64>);

#[derive(Deserialize, Serialize)]
struct Wire {
    schema: String,
    feed: String,
    starts: Vec<WireStart>,
}

#[derive(Deserialize, Serialize)]
struct WireStart {
    topic: String,
    partition: i32,
    offset: u64,
}

impl Starts {
    /// The record's value.
    ///
    /// # Panics
    /// Never: strings and numbers always serialize.
    #[expect(clippy::expect_used, reason = "strings and numbers always serialize")]
    pub fn to_json(&self, feed: &str) -> String {
        let starts = self.0.iter().map(|((topic, partition), offset)| WireStart {
            topic: topic.clone(),
            partition: *partition,
            offset: *offset,
        });
        let wire = Wire {
            schema: SCHEMA.to_owned(),
            feed: feed.to_owned(),
            starts: starts.collect(),
        };
        serde_json::to_string(&wire).expect("strings and numbers serialize")
    }

    /// The feed and its starts, or nothing where the value is no such record.
    pub fn from_json(value: &[u8]) -> Option<(String, Self)> {
        let wire: Wire = serde_json::from_slice(value).ok()?;
        if wire.schema != SCHEMA {
            return None;
        }
        let starts = wire
            .starts
            .into_iter()
            .map(|start| ((start.topic, start.partition), start.offset));
        Some((wire.feed, Self(starts.collect())))
    }
}

/// Reads the last record of `feed` from its partition of the state topic.
///
/// # Errors
/// The broker's.
pub fn load(
    settings: &Settings,
    context: Client,
    partition: Partition,
    feed: &str,
) -> Result<Option<Starts>, Error> {
    let mut found = None;
    let topic = partition.0.clone();
    read_to_end(settings, context, &[partition], |message| {
        if message.key() != Some(feed.as_bytes()) {
            return;
        }
        if let Some((_, starts)) = message.payload().and_then(Starts::from_json) {
            found = Some(starts);
        } else {
            let offset = message.offset();
            tracing::error!(
                topic,
                offset,
                "a start record of this feed is not readable; the one before it counts"
            );
        }
    })?;
    Ok(found)
}

/// Where `partitions` begin for the first time.
///
/// # Errors
/// The broker's.
pub fn resolve(
    client: &BaseConsumer<Client>,
    partitions: &[Partition],
    begin: Begin,
) -> Result<Starts, Error> {
    let mut starts = BTreeMap::new();
    for partition in partitions {
        let (low, high) = watermarks(client, partition)?;
        let start = if begin == Begin::Earliest { low } else { high };
        starts.insert(partition.clone(), start);
    }
    if let Begin::Back(span) = begin {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let since = clock::now().plus_millis(-span).as_millis().max(0);
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition_offset(topic, *partition, Offset::Offset(since))
                .map_err(|error| Error::failed("looking up times in", topic, error))?;
        }
        let found = client
            .offsets_for_times(list, REQUEST)
            .map_err(|error| Error::failed("looking up times in", "the input topics", error))?;
        for element in found.elements() {
            // Nothing that young: the end, as the watermark said.
            if let Offset::Offset(offset) = element.offset() {
                let key = (element.topic().to_owned(), element.partition());
                starts.insert(key, u64::try_from(offset).unwrap_or(0));
            }
        }
    }
    Ok(Starts(starts))
}

/// What a partition's stored start means for the partition as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Everything from the start on is there.
    Whole,
    /// Retention took what lies below `from`; `lost` records of it had never been decided.
    Cut {
        /// The first record that is left.
        from: u64,
        /// Records gone that lay at or above the committed position.
        lost: u64,
    },
    /// The topic was deleted and made anew: its positions mean other records.
    Remade {
        /// The first record of the new topic.
        from: u64,
    },
}

/// Compares a stored start and the committed position with both watermarks.
pub fn check(start: u64, committed: Option<u64>, (low, high): (u64, u64)) -> Check {
    if start > high || committed.is_some_and(|committed| committed > high) {
        Check::Remade { from: low }
    } else if start < low {
        let decided = committed.unwrap_or(start).max(start);
        Check::Cut {
            from: low,
            lost: low.saturating_sub(decided),
        }
    } else {
        Check::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_record_reads_back_as_it_was_written() {
        let starts = Starts(BTreeMap::from([
            (("access.a".to_owned(), 0), 0),
            (("access.a".to_owned(), 5), 9_000_000_000),
        ]));
        let json = starts.to_json("a");
        assert_eq!(
            Starts::from_json(json.as_bytes()),
            Some(("a".to_owned(), starts))
        );
        let later = json.replace("state/1", "state/9");
        assert_eq!(Starts::from_json(later.as_bytes()), None);
    }

    #[test]
    fn only_what_lies_at_or_above_the_committed_position_is_a_gap() {
        assert_eq!(check(5, Some(50), (0, 100)), Check::Whole);
        assert_eq!(
            check(5, Some(50), (40, 100)),
            Check::Cut { from: 40, lost: 0 }
        );
        assert_eq!(
            check(5, Some(50), (60, 100)),
            Check::Cut { from: 60, lost: 10 }
        );
        assert_eq!(check(5, None, (60, 100)), Check::Cut { from: 60, lost: 55 });
    }

    #[test]
    fn a_position_past_the_end_tells_that_the_topic_was_made_anew() {
        assert_eq!(check(200, None, (0, 100)), Check::Remade { from: 0 });
        assert_eq!(check(5, Some(101), (0, 100)), Check::Remade { from: 0 });
        assert_eq!(check(100, Some(100), (0, 100)), Check::Whole);
    }
}
