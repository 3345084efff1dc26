//! The configuration: a file, then the environment, checked as a whole.
//!
//! Every problem is told at once, with its key, where it came from, and what to do.

use std::{collections::BTreeMap, fmt, fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use config::{Environment, File, FileFormat, Value, ValueKind};
use regex::Regex;

use crate::{
    daemon,
    detect::declared::Declared,
    feed,
    incident::{Verdicts, verdict::BadLine},
    ingest::kafka::Reading,
    kafka::Settings,
    metrics::{self, Metrics},
    sink::alerts::Topics,
    state::{lease::Membership, topic::Begin},
};

mod declared;
mod kafka;
mod keys;
mod read;
mod slip;
mod told;
mod topics;

pub use self::keys::default_file;
use self::{
    keys::KEYS,
    read::{Reader, join},
};

/// What is wrong with a configuration: one or more problems.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The key, or the file where it cannot be read.
    pub key: String,
    /// Where the value came from.
    pub origin: String,
    /// What is wrong, and what to do.
    pub remedy: String,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let Problem {
                key,
                origin,
                remedy,
            } = problem;
            write!(f, "{key} ({origin}): {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// One supplier's own settings.
#[derive(Clone, Debug, Default)]
struct Supplier {
    topics: Vec<String>,
    lateness_ms: Option<i64>,
    datasets: Vec<String>,
    population: Option<u64>,
    delivery_ms: Option<i64>,
    declared: Arc<Declared>,
}

impl Supplier {
    /// Whether `topic` was declared to be its own.
    fn owns(&self, topic: &str) -> bool {
        self.topics.iter().any(|name| name == topic)
    }
}

/// A topic, or a pattern of topics.
#[derive(Clone, Debug)]
enum Input {
    Topic(String),
    Pattern(Regex),
}

impl Input {
    /// Whether `topic` is one of its topics.
    fn is_of(&self, topic: &str) -> bool {
        match self {
            Self::Topic(name) => name == topic,
            Self::Pattern(pattern) => pattern.is_match(topic),
        }
    }
}

/// A checked configuration: it holds no nonsense.
#[derive(Clone, Debug)]
pub struct Config {
    kafka: Settings,
    membership: Membership,
    reading: Reading,
    topics: Topics,
    state_partitions: usize,
    create_topics: bool,
    begin: Begin,
    stall: Duration,
    discover_interval: Duration,
    shutdown_deadline: Duration,
    in_flight_max: usize,
    input: Vec<Input>,
    suppliers: BTreeMap<String, Supplier>,
    feed: feed::Config,
    /// Where metrics and health are served.
    pub metrics_listen: SocketAddr,
    /// What metrics show.
    pub metrics: metrics::Bounds,
    digest: String,
}

/// What the environment's keys begin with.
const PREFIX: &str = "ROSTERWATCH";
/// Variables that are not part of the configuration.
const NOT_OURS: [&str; 1] = ["ROSTERWATCH_LOG"];

impl Config {
    /// Reads `file`, or the defaults alone, and `environment` over it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let text = match file {
            None => String::new(),
            Some(path) => fs::read_to_string(path).map_err(|error| {
                Problems(vec![Problem {
                    key: path.display().to_string(),
                    origin: "command line".to_owned(),
                    remedy: format!("cannot be read ({}); name a readable file", error.kind()),
                }])
            })?,
        };
        let name = file.map_or_else(|| "defaults".to_owned(), |path| path.display().to_string());
        Self::parse(&text, &name, environment)
    }

    /// Reads the text of a file called `name`, and `environment` over it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn parse(
        text: &str,
        name: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let is_ours =
            |name: &str| name.starts_with(&format!("{PREFIX}__")) && !NOT_OURS.contains(&name);
        let environment = environment.into_iter();
        let environment = environment.filter(|(name, _)| is_ours(name)).collect();
        let environment = Environment::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__")
            .source(Some(environment));
        let built = config::Config::builder()
            .add_source(File::from_str(&default_file(), FileFormat::Toml))
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(environment)
            .build();
        // The parser's own words would quote the file, which may hold secrets.
        let tree = built.map(|built| built.cache).map_err(|_| {
            let (line, remedy) = slip::slip(text);
            Problems(vec![Problem {
                key: format!("{name}{line}"),
                origin: "file".to_owned(),
                remedy: remedy.to_owned(),
            }])
        })?;
        let mut reader = Reader::new(name);
        if let ValueKind::Table(table) = &tree.kind {
            reader.walk(table, "");
        }
        let checked = Self::check(&mut reader);
        let mut problems = reader.problems;
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            Ok(checked)
        } else {
            Err(Problems(problems))
        }
    }

    /// Builds everything; what cannot be is a problem of `read`, and stands there by its default.
    fn check(read: &mut Reader) -> Self {
        let group = read.text("kafka.group");
        if group.is_empty() {
            read.refuse("kafka.group", "is empty; name the group of the replicas");
        }
        let input = read.texts("kafka.input");
        let input: Vec<_> = input
            .iter()
            .filter_map(|topic| read_input(read, topic))
            .collect();
        let suppliers = read_suppliers(read);
        let topics = topics::own(read, |topic| {
            input.iter().any(|input| input.is_of(topic))
                || suppliers.values().any(|supplier| supplier.owns(topic))
        });
        let feed = read_feed(read, &suppliers);
        Self {
            kafka: kafka::settings(read),
            membership: Membership {
                group: group.clone(),
                instance: read.option("kafka.instance"),
                session: read.time("kafka.session"),
                state_topic: topics.state.clone(),
            },
            reading: Reading {
                group,
                decode_threads: read.size("kafka.decode_threads"),
                bytes_max: read.size("kafka.buffer"),
                batch_bytes_max: read.size("kafka.batch"),
                batch_records_max: read.size("kafka.batch_records"),
            },
            topics,
            state_partitions: read.size("topics.state_partitions"),
            create_topics: read.switch("kafka.create_topics"),
            begin: match read.text("kafka.start").as_str() {
                "earliest" => Begin::Earliest,
                "latest" => Begin::Latest,
                _ => Begin::Back(read.time("kafka.start")),
            },
            stall: read.time("kafka.stall"),
            discover_interval: read.time("kafka.discover_interval"),
            shutdown_deadline: read.time("kafka.shutdown_deadline"),
            in_flight_max: read.size("kafka.in_flight"),
            input,
            suppliers,
            feed,
            metrics_listen: read.text("metrics.listen").parse().unwrap_or_else(|_| {
                read.refuse("metrics.listen", "is no address; write 127.0.0.1:9464");
                SocketAddr::from(([127, 0, 0, 1], 0))
            }),
            metrics: metrics::Bounds {
                suppliers_max: read.size("metrics.suppliers_max"),
                headroom_accounts: read.size("metrics.headroom_accounts"),
            },
            digest: read.digest(),
        }
    }

    /// How the feed of `supplier` is decided.
    pub fn feed_of(&self, supplier: &str) -> feed::Config {
        let mut feed = self.feed.clone();
        if let Some(supplier) = self.suppliers.get(supplier) {
            feed.lateness_ms = supplier.lateness_ms.unwrap_or(feed.lateness_ms);
            feed.datasets = supplier.datasets.iter().cloned().collect();
            feed.population = supplier.population;
            feed.delivery_ms = supplier.delivery_ms;
            feed.declared = Arc::clone(&supplier.declared);
        }
        feed
    }

    /// The same with the verdicts of `text`, JSON lines, in the place of those it has.
    ///
    /// # Errors
    /// The first bad lines.
    pub fn with_verdicts(mut self, text: &str) -> Result<Self, Vec<BadLine>> {
        let verdicts = Verdicts::parse(text, self.feed.limits.verdicts_max)?;
        self.feed.verdicts = Arc::new(verdicts);
        Ok(self)
    }

    /// The supplier that `topic` belongs to, where it is an input topic.
    pub fn supplier_of(&self, topic: &str) -> Option<String> {
        let is_input = self.input.iter().any(|input| input.is_of(topic));
        let mut suppliers = self.suppliers.iter();
        if let Some((name, _)) = suppliers.find(|(_, supplier)| supplier.owns(topic)) {
            return Some(name.clone());
        }
        is_input.then(|| topic.strip_prefix("access.").unwrap_or(topic).to_owned())
    }

    /// The input topics that are named one by one.
    fn named_topics(&self) -> Vec<String> {
        let of_input = self.input.iter().filter_map(|input| match input {
            Input::Topic(name) => Some(name),
            Input::Pattern(_) => None,
        });
        let of_suppliers = self.suppliers.values().flat_map(|it| &it.topics);
        of_input.chain(of_suppliers).cloned().collect()
    }

    /// What the daemon runs on.
    pub fn daemon(&self) -> daemon::Settings {
        let (of_topic, of_feed) = (self.clone(), self.clone());
        daemon::Settings {
            kafka: self.kafka.clone(),
            membership: self.membership.clone(),
            reading: self.reading.clone(),
            topics: self.topics.clone(),
            state_partitions: self.state_partitions,
            create_topics: self.create_topics,
            begin: self.begin,
            stall: self.stall,
            discover_interval: self.discover_interval,
            shutdown_deadline: self.shutdown_deadline,
            in_flight_max: self.in_flight_max,
            supplier_of: Box::new(move |topic| of_topic.supplier_of(topic)),
            feed_of: Box::new(move |supplier| of_feed.feed_of(supplier)),
            named_topics: self.named_topics(),
            metrics: Arc::new(Metrics::new(self.metrics, &self.digest)),
            health: Arc::default(),
        }
    }
}

fn read_input(read: &mut Reader, topic: &str) -> Option<Input> {
    if !topic.starts_with('^') {
        if !topics::is_legal(topic) {
            read.refuse(
                "kafka.input",
                "holds what is no name of a topic; a pattern begins with ^",
            );
        }
        return Some(Input::Topic(topic.to_owned()));
    }
    if let Ok(pattern) = Regex::new(topic) {
        return Some(Input::Pattern(pattern));
    }
    read.refuse(
        "kafka.input",
        "holds a pattern that is no regular expression; mend it",
    );
    None
}

/// The lateness is at most a day: panes are kept for the horizon and a day more.
const LATENESS_MAX_MS: i64 = 24 * 3_600_000;

fn read_feed(read: &mut Reader, suppliers: &BTreeMap<String, Supplier>) -> feed::Config {
    let [lateness_ms, horizon_ms, quiet_ms] =
        ["detect.lateness", "detect.horizon", "detect.quiet"].map(|key| read.millis(key));
    let own = suppliers
        .values()
        .filter_map(|supplier| supplier.lateness_ms);
    let longest = own.chain([lateness_ms]).max().unwrap_or(lateness_ms);
    if longest > LATENESS_MAX_MS {
        read.refuse(
            "detect.lateness",
            "is above a day (here or for a supplier); lower it",
        );
    }
    for (key, value) in [("detect.horizon", horizon_ms), ("detect.quiet", quiet_ms)] {
        if value < longest {
            read.refuse(key, "is below a lateness; raise it");
        }
    }
    let people = ["medium", "high", "critical"]
        .map(|severity| read.count(&format!("severity.{severity}_people")));
    if !people.is_sorted() {
        read.refuse(
            "severity.critical_people",
            "must not be below high, nor high below medium",
        );
    }
    feed::Config {
        lateness_ms,
        horizon_ms,
        quiet_ms,
        stall_ms: read.millis("kafka.stall"),
        limits: feed::Limits {
            accounts_max: read.size("limits.accounts"),
            subjects_max: read.size("limits.subjects"),
            pairs_max: read.size("limits.pairs"),
            known_ids_max: read.size("limits.known_ids"),
            incidents_max: read.size("limits.incidents"),
            verdicts_max: read.size("limits.verdicts"),
        },
        verdicts: Arc::new(told::verdicts(read)),
        suppressions: told::suppressions(read).into(),
        severity_people: people,
        false_alerts_per_account_day: read.rate("detect.false_alerts_per_1000_account_days")
            / 1_000.0,
        ..feed::Config::default()
    }
}

fn read_suppliers(read: &mut Reader) -> BTreeMap<String, Supplier> {
    let mut bound: BTreeMap<String, String> = BTreeMap::new();
    let mut suppliers = BTreeMap::new();
    for name in read.suppliers() {
        let key = |leaf| join(&join("suppliers", &name), leaf);
        let topics = topics::named(read, &key("topics"));
        for topic in &topics {
            if bound.insert(topic.clone(), name.clone()).is_some() {
                read.refuse(
                    &key("topics"),
                    "names a topic that another supplier has; a topic has one",
                );
            }
        }
        let supplier = Supplier {
            topics,
            lateness_ms: read
                .has(&key("lateness"))
                .then(|| read.millis(&key("lateness"))),
            datasets: read.texts(&key("datasets")),
            population: read
                .has(&key("population"))
                .then(|| read.count(&key("population"))),
            delivery_ms: read
                .has(&key("delivery"))
                .then(|| read.millis(&key("delivery"))),
            declared: Arc::new(declared::declared(read, &name)),
        };
        suppliers.insert(name, supplier);
    }
    suppliers
}

type Tree = config::Map<String, Value>;
