//! The least a consumer can do: one thread that polls, and one that decodes too.

use std::{hint::black_box, time::Duration};

use rdkafka::{
    Message as _,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};
use rosterwatch::clock::Stopwatch;
use serde::Deserialize;

use crate::{
    backlog::Backlog,
    broker::Broker,
    usage::{self, Run},
};

/// The native event, borrowed from its record.
#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is what is measured")]
struct Event<'a> {
    id: &'a str,
    time: &'a str,
    supplier: &'a str,
    account: &'a str,
    account_kind: Option<&'a str>,
    role: Option<&'a str>,
    action: &'a str,
    dataset: Option<&'a str>,
    subject: Option<&'a str>,
    #[serde(borrow)]
    subjects: Option<Vec<&'a str>>,
    records: Option<u64>,
    bytes: Option<u64>,
    #[serde(borrow)]
    fields: Option<Vec<&'a str>>,
    operation: Option<&'a str>,
    outcome: Option<&'a str>,
    source_ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    session: Option<&'a str>,
    seq: Option<u64>,
}

/// Polls every record.
pub(crate) fn poll(broker: &Broker, backlog: &Backlog) -> Run {
    drain(broker, backlog, |payload| {
        black_box(payload);
    })
}

/// Polls and decodes every record.
pub(crate) fn decode(broker: &Broker, backlog: &Backlog) -> Run {
    drain(broker, backlog, |payload| {
        black_box(serde_json::from_slice::<Event<'_>>(payload).unwrap());
    })
}

/// Drains the backlog; the time is that from its first record to its last.
fn drain(broker: &Broker, backlog: &Backlog, mut each: impl FnMut(&[u8])) -> Run {
    let cpu_before = usage::own_secs();
    let mut client = broker.client();
    client
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        // As the daemon has it: by default a full queue makes the client pause for a second, which
        // a loop that decodes waits for again and again.
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "1000000");
    let consumer: BaseConsumer = client.create().unwrap();
    let list = backlog.beginnings();
    consumer.assign(&list).unwrap();
    let (mut events, mut ended, mut watch) = (0, 0, None);
    while ended < list.count() {
        match consumer.poll(Duration::from_secs(20)).unwrap() {
            Ok(message) => {
                watch.get_or_insert_with(Stopwatch::start);
                each(message.payload().unwrap());
                events += 1;
            }
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
        }
    }
    let secs = watch.unwrap().elapsed().as_secs_f64();
    drop(consumer);
    assert_eq!(events, backlog.events);
    Run {
        events,
        secs,
        cpu_secs: usage::own_secs() - cpu_before,
        peak_mib: 0.0,
    }
}
