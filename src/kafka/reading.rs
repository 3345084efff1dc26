//! Reading partitions of our own topics once, to their end as of now.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::BorrowedMessage,
};

use crate::{
    clock::Stopwatch,
    kafka::{
        Client, Error, Settings,
        error::{code, is_refusal},
    },
};

/// A partition of a topic.
pub type Partition = (String, i32);

/// How long one broker request may take.
pub(crate) const REQUEST: Duration = Duration::from_secs(10);

/// Without a record or an end for this long, a read is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The offsets of the first record kept and of the next one to be written.
///
/// # Errors
/// The broker's.
pub fn watermarks(
    client: &BaseConsumer<Client>,
    (topic, partition): &Partition,
) -> Result<(u64, u64), Error> {
    let (low, high) = client
        .fetch_watermarks(topic, *partition, REQUEST)
        .map_err(|error| Error::failed("asking for the watermarks of", topic, error))?;
    Ok((
        u64::try_from(low).unwrap_or(0),
        u64::try_from(high).unwrap_or(0),
    ))
}

/// Hands every record that `partitions` hold now to `visit`, in the order of each partition.
///
/// # Errors
/// The broker's, and nothing coming for a minute.
pub fn read_to_end(
    settings: &Settings,
    context: Client,
    partitions: &[Partition],
    mut visit: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(), Error> {
    let client: BaseConsumer<Client> = settings
        .client()
        .set("group.id", "rosterwatch-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .set("queued.max.messages.kbytes", "16384")
        .create_with_context(context)
        .map_err(Error::settings)?;
    let mut ends = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        let (low, high) = watermarks(&client, partition)?;
        if low < high {
            ends.insert(partition.clone(), high);
            let offset = Offset::Offset(i64::try_from(low).unwrap_or(i64::MAX));
            list.add_partition_offset(&partition.0, partition.1, offset)
                .map_err(|error| Error::failed("reading", &partition.0, error))?;
        }
    }
    client
        .assign(&list)
        .map_err(|error| Error::failed("reading", "our own topics", error))?;
    let mut quiet = Stopwatch::start();
    while let Some(((topic, partition), _)) = ends.first_key_value() {
        match client.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                quiet = Stopwatch::start();
                let key = (message.topic().to_owned(), message.partition());
                visit(&message);
                let next = u64::try_from(message.offset()).unwrap_or(0) + 1;
                if ends.get(&key).is_some_and(|end| next >= *end) {
                    ends.remove(&key);
                }
            }
            // The last offsets may be gone (compaction) or be marks of transactions.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ends.retain(|(_, open), _| *open != partition);
            }
            Some(Err(error)) if code(&error).is_some_and(is_refusal) => {
                return Err(Error::failed("reading", topic, error));
            }
            Some(Err(_)) | None if quiet.elapsed() > PATIENCE => {
                return Err(Error::Stalled {
                    doing: "reading our own topics",
                    topic: topic.clone(),
                    partition: *partition,
                    secs: PATIENCE.as_secs(),
                });
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(())
}
