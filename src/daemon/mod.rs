//! The only wiring of `run`: connects, makes sure of our own topics, joins the lease, and hands
//! over to the loop that owns feeds.

mod engine;
mod feed;
mod order;
mod owner;
mod ready;
mod retries;

use std::{sync::Arc, time::Duration};

use crossbeam_channel::Receiver;

use self::{feed::Kit, owner::Daemon};
use crate::{
    feed as supplier_feed,
    ingest::kafka::Reading,
    kafka::{self, Catalog, Client, Error, OwnTopic},
    metrics::Metrics,
    serve::Health,
    sink::alerts::{Outbox, Topics},
    state::{
        lease::{Lease, Membership},
        topic::Begin,
    },
};

/// What the configuration says about a topic or a supplier.
pub type Lookup<T> = Box<dyn Fn(&str) -> T + Send + Sync>;

/// What the daemon runs on.
pub struct Settings {
    /// How to reach the brokers.
    pub kafka: kafka::Settings,
    /// How the lease's group is joined.
    pub membership: Membership,
    /// How a feed is read.
    pub reading: Reading,
    /// Our own topics.
    pub topics: Topics,
    /// Partitions of the state topic.
    pub state_partitions: usize,
    /// Whether our own missing topics are created.
    pub create_topics: bool,
    /// Where a feed without a record begins.
    pub begin: Begin,
    /// A partition that gives nothing while the feed is behind is waited for so long.
    pub stall: Duration,
    /// New topics and partitions are looked for this often.
    pub discover_interval: Duration,
    /// How long the end may take.
    pub shutdown_deadline: Duration,
    /// Alerts and quarantine records that one feed may have unacknowledged.
    pub in_flight_max: usize,
    /// The supplier that an input topic belongs to; nothing for other topics.
    pub supplier_of: Lookup<Option<String>>,
    /// How a supplier's feed is decided.
    pub feed_of: Lookup<supplier_feed::Config>,
    /// Input topics that the configuration names one by one.
    pub named_topics: Vec<String>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// What the probes answer.
    pub health: Arc<Health>,
}

/// Asks the daemon to end; the sender's drop does too.
pub type Shutdown = Receiver<()>;

/// How the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is delivered and committed.
    Done,
    /// So many alerts or quarantine records were not acknowledged in time.
    Undelivered(usize),
}

/// Brokers are waited for so long at the start (contract §3).
const CONNECT: Duration = Duration::from_secs(30);

/// Runs until `shutdown`, or with `until_end` until every partition is read to its end as of now.
///
/// # Errors
/// Brokers that do not answer at start or do not let us in, own topics that are missing, and
/// failures that no waiting helps.
pub fn run(settings: Settings, shutdown: &Shutdown, until_end: bool) -> Result<Outcome, Error> {
    let client = Client::default();
    let is_asked_to_end = || !shutdown.is_empty();
    let connected = kafka::connect(&settings.kafka, client.clone(), CONNECT, is_asked_to_end)?;
    let Some(control) = connected else {
        tracing::info!("stopped before a broker answered");
        return Ok(Outcome::Done);
    };
    let catalog = kafka::ensure(
        &control,
        &settings.kafka,
        &own_topics(&settings),
        settings.create_topics,
    )?;
    check_state_topic(&settings, &catalog)?;
    let outbox = Outbox::open(&settings.kafka, client.clone(), settings.topics.clone())?;
    let lease = Lease::join(&settings.kafka, &settings.membership, client.clone())?;
    let alerts_partitions = catalog
        .topics
        .get(&settings.topics.alerts)
        .copied()
        .unwrap_or(1);
    let kit = Kit {
        settings: Arc::new(settings),
        client,
        outbox: Arc::new(outbox),
        alerts_partitions,
        until_end,
    };
    Daemon::new(kit, control, lease, catalog).run(shutdown)
}

/// Our own topics as they are created (contract §6).
fn own_topics(settings: &Settings) -> Vec<OwnTopic> {
    vec![
        OwnTopic {
            name: settings.topics.alerts.clone(),
            partitions: 1,
            // The record that restarts compare with: kept without limit of time or size.
            settings: vec![
                ("cleanup.policy", "delete"),
                ("retention.ms", "-1"),
                ("retention.bytes", "-1"),
            ],
        },
        OwnTopic {
            name: settings.topics.state.clone(),
            partitions: settings.state_partitions,
            settings: vec![
                ("cleanup.policy", "compact"),
                ("segment.bytes", "67108864"),
                ("segment.ms", "600000"),
                ("min.cleanable.dirty.ratio", "0.1"),
            ],
        },
        OwnTopic {
            name: settings.topics.quarantine.clone(),
            partitions: 1,
            settings: vec![("cleanup.policy", "delete")],
        },
    ]
}

fn check_state_topic(settings: &Settings, catalog: &Catalog) -> Result<(), Error> {
    let topic = &settings.topics.state;
    let found = catalog.topics.get(topic).copied().unwrap_or(0);
    if found == settings.state_partitions {
        return Ok(());
    }
    Err(Error::PartitionCount {
        topic: topic.clone(),
        found,
        expected: settings.state_partitions,
    })
}
