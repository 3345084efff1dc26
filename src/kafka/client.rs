//! Client settings, secrets included, and the clients made from them.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
    statistics::Statistics,
    types::RDKafkaErrorCode,
};

use crate::{
    clock::Stopwatch,
    kafka::{
        Error, Partition,
        error::{code, is_refusal},
    },
};

/// How to reach the brokers.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `host:port` of some brokers.
    pub brokers: Vec<String>,
    /// Encryption; plain text without.
    pub tls: Option<Tls>,
    /// Who we are; nobody without.
    pub sasl: Option<Sasl>,
    /// Handed to librdkafka as they are, under what a client sets itself.
    pub properties: BTreeMap<String, String>,
}

/// Encryption of connections.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates of authorities, PEM; the system's where absent.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key, PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A name and a password.
#[derive(Clone)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// Who we are.
    pub username: String,
    /// The secret.
    pub password: String,
}

/// Prints no secret.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// A configuration with everything that all clients share.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", "rosterwatch")
            .set("topic.metadata.propagation.max.ms", "5000")
            .set("log.connection.close", "false");
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => None,
            (Some(_), None) => Some("ssl"),
            (None, Some(_)) => Some("sasl_plaintext"),
            (Some(_), Some(_)) => Some("sasl_ssl"),
        };
        if let Some(protocol) = protocol {
            config.set("security.protocol", protocol);
        }
        if let Some(tls) = &self.tls {
            if let Some(file) = &tls.ca_file {
                config.set("ssl.ca.location", file.to_string_lossy());
            }
            if let Some((certificate, key)) = &tls.certificate {
                config.set("ssl.certificate.location", certificate.to_string_lossy());
                config.set("ssl.key.location", key.to_string_lossy());
            }
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", &sasl.mechanism)
                .set("sasl.username", &sasl.username)
                .set("sasl.password", &sasl.password);
        }
        config.set_log_level(RDKafkaLogLevel::Warning);
        config
    }
}

/// Errors that librdkafka reported in the background, for metrics and for the start.
#[derive(Debug, Default)]
pub struct Reports {
    refused: AtomicBool,
    counts: Mutex<BTreeMap<(String, bool), u64>>,
    /// When an error was last put in the log, by what it said.
    logged: Mutex<BTreeMap<String, Stopwatch>>,
}

/// librdkafka repeats itself hundreds of times a second while brokers are down; the log says the
/// same thing this often, the metrics count every time.
const REPEAT: Duration = Duration::from_secs(30);
/// Different errors whose times are remembered.
const LOGGED_MAX: usize = 64;

impl Reports {
    /// Counts an error by its code; remembers that credentials were refused.
    pub fn note(&self, error: &KafkaError, fatal: bool) {
        let Some(code) = code(error) else { return };
        if is_refusal(code) {
            self.refused.store(true, Ordering::Relaxed);
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((format!("{code:?}"), fatal)).or_default() += 1;
    }

    /// Whether the log has not heard of `error` for a while.
    fn is_news(&self, error: &KafkaError) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|_, since| since.elapsed() < REPEAT);
        let error = error.to_string();
        let is_news = !logged.contains_key(&error) && logged.len() < LOGGED_MAX;
        if is_news {
            logged.insert(error, Stopwatch::start());
        }
        is_news
    }

    /// Takes the counts since the last call: (code, fatal) and how often.
    pub fn take(&self) -> BTreeMap<(String, bool), u64> {
        std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the brokers ever refused our credentials.
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

/// How a reading client sees its partitions, as its last statistics told.
#[derive(Debug, Default)]
pub struct Ends(Mutex<BTreeMap<Partition, End>>);

/// The end of one partition, and how far the client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The position after its last record.
    pub end: u64,
    /// The position that is fetched next; nothing before the first fetch. It passes what is no
    /// record, such as markers of transactions.
    pub fetch: Option<u64>,
    /// Whether the broker that leads it is connected.
    pub is_reachable: bool,
}

impl Ends {
    /// The end of a partition, where a fetch has told it.
    pub fn of(&self, partition: &Partition) -> Option<End> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(partition).copied()
    }

    fn note(&self, statistics: &Statistics) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let brokers = statistics.brokers.values();
        let connected: Vec<i32> = brokers
            .filter(|broker| broker.state == "UP")
            .map(|broker| broker.nodeid)
            .collect();
        for (topic, known) in &statistics.topics {
            for (number, partition) in &known.partitions {
                // Negative before the first fetch.
                if let Ok(end) = u64::try_from(partition.hi_offset) {
                    let end = End {
                        end,
                        fetch: u64::try_from(partition.next_offset).ok(),
                        is_reachable: connected.contains(&partition.leader),
                    };
                    ends.insert((topic.clone(), *number), end);
                }
            }
        }
    }
}

/// Passes librdkafka's log lines on and keeps its errors for whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Where errors go.
    pub reports: Arc<Reports>,
    /// Where the ends of partitions go, for a client that has statistics on.
    pub ends: Arc<Ends>,
}

impl ClientContext for Client {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(facility, "librdkafka: {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, "librdkafka: {message}");
            }
        }
    }

    fn stats(&self, statistics: Statistics) {
        self.ends.note(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if !matches!(error, KafkaError::PartitionEOF(_)) && !is_end(&error) {
            if self.reports.is_news(&error) {
                tracing::warn!(%error, "librdkafka: {reason}");
            }
            self.reports.note(&error, is_fatal(&error));
        }
    }
}

impl ConsumerContext for Client {}

/// Whether `error` is librdkafka's way to say that a partition is at its end.
fn is_end(error: &KafkaError) -> bool {
    code(error) == Some(RDKafkaErrorCode::PartitionEOF)
}

/// Whether the client that reported `error` is of no use any more.
fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || code(error) == Some(RDKafkaErrorCode::Fatal)
}

/// Brokers are asked anew after so long without an answer.
const ATTEMPT: Duration = Duration::from_secs(2);

/// A client for metadata and watermarks, made once a broker has answered; nothing where
/// `is_asked_to_end` before that.
///
/// # Errors
/// Settings that librdkafka refuses; credentials that the brokers refuse; no answer within `patience`.
pub fn connect(
    settings: &Settings,
    context: Client,
    patience: Duration,
    is_asked_to_end: impl Fn() -> bool,
) -> Result<Option<BaseConsumer<Client>>, Error> {
    let reports = Arc::clone(&context.reports);
    let consumer: BaseConsumer<Client> = settings
        .client()
        .create_with_context(context)
        .map_err(Error::settings)?;
    let started = Stopwatch::start();
    while !is_asked_to_end() {
        let answer = consumer.fetch_metadata(None, ATTEMPT);
        // Serves the error events that say why no broker answers.
        while consumer.poll(Duration::ZERO).is_some() {}
        match answer {
            Ok(_) => return Ok(Some(consumer)),
            Err(_) if reports.is_refused() => {
                return Err(Error::Refused {
                    code: RDKafkaErrorCode::Authentication,
                });
            }
            Err(error) => {
                if code(&error).is_some_and(is_refusal) {
                    return Err(Error::failed(
                        "asking for metadata of",
                        "the cluster",
                        error,
                    ));
                }
            }
        }
        if started.elapsed() >= patience {
            return Err(Error::Unreachable {
                brokers: settings.brokers.join(", "),
                secs: patience.as_secs(),
            });
        }
    }
    Ok(None)
}
