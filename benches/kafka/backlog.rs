//! Topics full of simulated events.

use std::{fmt::Write as _, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
    types::RDKafkaErrorCode,
};
use rosterwatch::simulate::{Plan, Stream};

use crate::broker::Broker;

const EVENTS: usize = 5_000_000;
pub(crate) const PARTITIONS: i32 = 6;

/// Suppliers' events that wait in their topics.
pub(crate) struct Backlog {
    /// Names what belongs to it.
    pub(crate) prefix: String,
    /// Each supplier and its topic.
    pub(crate) topics: Vec<(String, String)>,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

impl Backlog {
    /// Simulates two months of `suppliers` and writes them, keyed so that they scatter.
    pub(crate) fn produce(broker: &Broker, suppliers: u32) -> Self {
        let plan = Plan {
            seed: 20_260_601,
            days: 61,
            suppliers,
            accounts: 3_600 / suppliers,
            ..Plan::default()
        };
        let lines = Stream::new(plan).unwrap();
        let prefix = format!("drain{suppliers}-{}", std::process::id());
        let mut backlog = Self {
            topics: lines
                .suppliers()
                .map(|name| (name.to_string(), format!("{prefix}.{name}")))
                .collect(),
            prefix,
            events: 0,
            bytes: 0,
        };
        let topics: Vec<_> = backlog
            .topics
            .iter()
            .map(|(_, topic)| topic.as_str())
            .collect();
        create(broker, &topics, &[]);
        let producer = producer(broker);
        for line in lines.take(EVENTS) {
            let topic = format!("{}.{}", backlog.prefix, line.supplier);
            send(&producer, &topic, backlog.events, &line.json);
            backlog.events += 1;
            backlog.bytes += line.json.len() as u64;
        }
        producer.flush(Duration::from_mins(2)).unwrap();
        assert_eq!(backlog.events, EVENTS as u64, "the world is large enough");
        backlog
    }

    /// Every partition, from its beginning.
    pub(crate) fn beginnings(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (_, topic) in &self.topics {
            for partition in 0..PARTITIONS {
                let beginning = Offset::Beginning;
                list.add_partition_offset(topic, partition, beginning)
                    .unwrap();
            }
        }
        list
    }

    /// The configuration of a daemon that drains it; `name` sets its own topics apart.
    pub(crate) fn config(&self, broker: &Broker, name: &str) -> String {
        let topics: Vec<_> = self.topics.iter().map(|(_, topic)| topic).collect();
        let mut config = format!(
            "[kafka]\nbrokers = [\"{}\"]\ninput = {topics:?}\ngroup = \"{name}\"\n\
             start = \"earliest\"\n\
             [topics]\nalerts = \"{name}.alerts\"\nstate = \"{name}.state\"\n\
             quarantine = \"{name}.quarantine\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n",
            broker.address
        );
        for (supplier, topic) in &self.topics {
            writeln!(config, "[suppliers.{supplier}]\ntopics = [\"{topic}\"]").unwrap();
        }
        config
    }
}

/// Makes topics of six partitions.
pub(crate) fn create(broker: &Broker, topics: &[&str], settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = broker.client().create().unwrap();
    let new = topics.iter().map(|topic| {
        let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
        settings
            .iter()
            .fold(new, |new, (key, value)| new.set(key, value))
    });
    let new: Vec<_> = new.collect();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let made = runtime.block_on(admin.create_topics(&new, &AdminOptions::new()));
    let made = made.unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

/// A producer as a log shipper has it.
pub(crate) fn producer(broker: &Broker) -> ThreadedProducer<DefaultProducerContext> {
    let mut client = broker.client();
    client.set("compression.type", "lz4").set("linger.ms", "5");
    client.create().unwrap()
}

/// Sends one event with a key of its own.
pub(crate) fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    number: u64,
    json: &str,
) {
    let key = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    let mut record = BaseRecord::to(topic).key(&key).payload(json);
    while let Err((error, back)) = producer.send(record) {
        let full = RDKafkaErrorCode::QueueFull;
        assert_eq!(error.rdkafka_error_code(), Some(full));
        producer.poll(Duration::from_millis(20));
        record = back;
    }
}
