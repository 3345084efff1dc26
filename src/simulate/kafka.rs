//! Writes a world's lines to Kafka, each supplier's to a topic of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use crate::simulate::stream::Line;

/// How long a broker may take to answer at start.
const ANSWER: Duration = Duration::from_secs(30);
/// How long the last deliveries may take.
const FLUSH: Duration = Duration::from_mins(1);
/// How long to let librdkafka work when its queue is full.
const DRAIN: Duration = Duration::from_millis(50);

/// Why lines could not be written to Kafka.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The producer could not be made.
    #[error("kafka producer for {brokers}: {source}")]
    Client {
        /// The brokers asked for.
        brokers: String,
        /// What librdkafka says.
        source: KafkaError,
    },
    /// No broker answered at start.
    #[error(
        "no broker of {brokers} answered within {} s; check --brokers and the network: {source}",
        ANSWER.as_secs()
    )]
    Unreachable {
        /// The brokers asked for.
        brokers: String,
        /// What librdkafka says.
        source: KafkaError,
    },
    /// A line was refused before it was sent.
    #[error("topic {topic}: {source}")]
    Send {
        /// The topic.
        topic: String,
        /// What librdkafka says.
        source: KafkaError,
    },
    /// Lines were sent and not acknowledged.
    #[error("{count} lines were not acknowledged; check that the brokers can be reached")]
    Undelivered {
        /// How many.
        count: u64,
    },
}

impl Error {
    /// Whether trying again can help.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Client { .. } | Self::Send { .. } => false,
            Self::Unreachable { .. } | Self::Undelivered { .. } => true,
        }
    }
}

/// Counts deliveries that failed.
#[derive(Debug, Default)]
struct Deliveries {
    failed: Arc<AtomicU64>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes lines to `access.<supplier>` with keys drawn at random, as log shippers do.
pub struct Producer {
    client: ThreadedProducer<Deliveries>,
    failed: Arc<AtomicU64>,
    keys: ChaCha8Rng,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

impl Producer {
    /// Connects to `brokers`, a comma-separated list of `host:port`; `seed` draws the keys.
    ///
    /// # Errors
    /// A list that librdkafka does not take, brokers that do not answer.
    pub fn new(brokers: &str, seed: u64) -> Result<Self, Error> {
        let deliveries = Deliveries::default();
        let failed = Arc::clone(&deliveries.failed);
        let client: ThreadedProducer<Deliveries> = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("compression.type", "zstd")
            .set("linger.ms", "20")
            .set("enable.idempotence", "true")
            .create_with_context(deliveries)
            .map_err(|source| Error::Client {
                brokers: brokers.to_owned(),
                source,
            })?;
        let answer = client.client().fetch_metadata(None, ANSWER);
        answer.map_err(|source| Error::Unreachable {
            brokers: brokers.to_owned(),
            source,
        })?;
        Ok(Self {
            client,
            failed,
            keys: ChaCha8Rng::seed_from_u64(seed),
        })
    }

    /// Hands a line to librdkafka; waits where its queue is full.
    pub fn send(&mut self, line: &Line) -> Result<(), Error> {
        let topic = format!("access.{}", line.supplier);
        let key: [u8; 8] = self.keys.random::<u64>().to_be_bytes();
        let mut record = BaseRecord::to(&topic)
            .key(&key[..])
            .payload(line.json.as_bytes())
            .timestamp(line.arrival.as_millis());
        loop {
            match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    // Not an error where it times out: it lets the queue drain for a while.
                    let _drained = self.client.flush(DRAIN);
                }
                Err((source, _)) => return Err(Error::Send { topic, source }),
            }
        }
    }

    /// Waits until every line is acknowledged.
    pub fn finish(self) -> Result<(), Error> {
        let flushed = self.client.flush(FLUSH);
        let in_flight = u64::try_from(self.client.in_flight_count()).unwrap_or(0);
        let left = if flushed.is_err() {
            in_flight.max(1)
        } else {
            0
        };
        match self.failed.load(Ordering::Relaxed) + left {
            0 => Ok(()),
            count => Err(Error::Undelivered { count }),
        }
    }
}
