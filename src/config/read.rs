//! Walks the merged tree, checks every value's form, and keeps what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{KEYS, Problem, Tree, Value, ValueKind, keys::Form};

mod supplier;

/// Properties of librdkafka that the daemon sets itself.
/// An alias of theirs is one of them.
const OURS: [&str; 40] = [
    "acks",
    "request.required.acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "metadata.broker.list",
    "client.id",
    "compression.codec",
    "compression.type",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.id",
    "group.instance.id",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "queue.buffering.max.ms",
    "log.connection.close",
    "max.poll.interval.ms",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "partition.assignment.strategy",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "statistics.interval.ms",
    "transactional.id",
];

/// Bytes of the digest that are shown: enough to tell a fleet's configurations apart.
const DIGEST_BYTES: usize = 8;

/// A value in its checked form.
#[derive(Clone, Debug)]
enum Checked {
    Text(String),
    Texts(Vec<String>),
    Switch(bool),
    Number(u64),
    Rate(f64),
}

/// The values by key, and what is wrong with them.
pub(super) struct Reader {
    file: String,
    values: BTreeMap<String, Checked>,
    origins: BTreeMap<String, String>,
    properties: BTreeMap<String, String>,
    suppliers: BTreeSet<String>,
    /// Tables whose names the operator chose, by the key of the table or list that holds them.
    tables: BTreeMap<String, Vec<String>>,
    pub problems: Vec<Problem>,
}

/// A key inside a table.
pub(super) fn join(table: &str, key: &str) -> String {
    if table.is_empty() {
        key.to_owned()
    } else {
        format!("{table}.{key}")
    }
}

impl Reader {
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            values: BTreeMap::new(),
            origins: BTreeMap::new(),
            properties: BTreeMap::new(),
            suppliers: BTreeSet::new(),
            tables: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Checks a table of the tree and everything in it.
    pub(super) fn walk(&mut self, table: &Tree, path: &str) {
        for (name, value) in table {
            let key = join(path, name);
            let origin = if has_leaf_from_environment(value) {
                "environment".to_owned()
            } else {
                self.file.clone()
            };
            self.origins.insert(key.clone(), origin);
            if key == "kafka.properties" {
                self.take_properties(value);
            } else if path == "suppliers" {
                self.take_supplier(name, value);
            } else if let Some(form) = form_of(&key) {
                self.take(&key, form, value);
            } else if let ValueKind::Table(inner) = &value.kind
                && (key == "suppliers"
                    || KEYS
                        .iter()
                        .any(|known| known.path.starts_with(&join(&key, ""))))
            {
                self.walk(inner, &key);
            } else {
                self.refuse(&key, "is unknown; see config/default.toml for the keys");
            }
        }
    }

    /// Notes that the value of `key` will not do.
    pub(super) fn refuse(&mut self, key: &str, remedy: &str) {
        let origin = self.origins.get(key).unwrap_or(&self.file).clone();
        self.refuse_at(key, origin, remedy);
    }

    /// Notes that what lies at `origin`, on behalf of `key`, will not do.
    pub(super) fn refuse_at(&mut self, key: &str, origin: String, remedy: &str) {
        self.problems.push(Problem {
            key: key.to_owned(),
            origin,
            remedy: remedy.to_owned(),
        });
    }

    /// Whether a value was given and will do.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// A string; empty where it would not do.
    pub(super) fn text(&self, key: &str) -> String {
        match self.values.get(key) {
            Some(Checked::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// A string that may be empty for none.
    pub(super) fn option(&self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    /// Strings.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        match self.values.get(key) {
            Some(Checked::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// A switch; off where it would not do.
    pub(super) fn switch(&self, key: &str) -> bool {
        matches!(self.values.get(key), Some(Checked::Switch(true)))
    }

    /// A number: a count, bytes, or milliseconds; 1 where it would not do.
    pub(super) fn count(&self, key: &str) -> u64 {
        match self.values.get(key) {
            Some(Checked::Number(number)) => *number,
            Some(Checked::Text(text)) => measure(text, &TIMES).unwrap_or(1),
            _ => 1,
        }
    }

    /// A rate; 1 where it would not do.
    pub(super) fn rate(&self, key: &str) -> f64 {
        match self.values.get(key) {
            Some(Checked::Rate(rate)) => *rate,
            _ => 1.0,
        }
    }

    /// A number that counts things in memory.
    pub(super) fn size(&self, key: &str) -> usize {
        usize::try_from(self.count(key)).unwrap_or(usize::MAX)
    }

    /// A time in milliseconds.
    pub(super) fn millis(&self, key: &str) -> i64 {
        i64::try_from(self.count(key)).unwrap_or(i64::MAX)
    }

    /// A time.
    pub(super) fn time(&self, key: &str) -> std::time::Duration {
        std::time::Duration::from_millis(self.count(key))
    }

    /// What is handed to librdkafka as it is.
    pub(super) fn properties(&self) -> BTreeMap<String, String> {
        self.properties.clone()
    }

    /// A digest of every value, to tell configurations apart. Of the properties for encryption and
    /// login, which may hold secrets, the names alone.
    pub(super) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (key, value) in &self.values {
            hash.update(format!("{key}={value:?}\n"));
        }
        for (name, value) in &self.properties {
            let is_secret = name.starts_with("sasl") || name.starts_with("ssl");
            let value = if is_secret { "" } else { value };
            hash.update(format!("kafka.properties.{name}={value:?}\n"));
        }
        HEXLOWER.encode(&hash.finalize()[..DIGEST_BYTES])
    }

    /// The tables in the table or list `key`: names of accounts, keys of jobs.
    pub(super) fn tables(&self, key: &str) -> Vec<String> {
        self.tables.get(key).cloned().unwrap_or_default()
    }

    /// Whether a value was given for `key`, whatever became of it.
    pub(super) fn is_refused(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.key == key)
    }

    /// The suppliers that have a table.
    pub(super) fn suppliers(&self) -> Vec<String> {
        self.suppliers.iter().cloned().collect()
    }

    fn take(&mut self, key: &str, form: Form, value: &Value) {
        match checked(form, &value.kind) {
            Some(value) => {
                self.values.insert(key.to_owned(), value);
            }
            None => self.refuse(key, remedy(form)),
        }
    }

    fn take_properties(&mut self, value: &Value) {
        if self.is_from_environment("kafka.properties") {
            self.refuse(
                "kafka.properties",
                "comes from the file only; move it there",
            );
            return;
        }
        let ValueKind::Table(table) = &value.kind else {
            self.refuse("kafka.properties", "is no table; write [kafka.properties]");
            return;
        };
        for (name, value) in flatten(table, "") {
            let key = join("kafka.properties", &name);
            if OURS.contains(&name.as_str()) {
                self.refuse(&key, "is set by the daemon; remove it, or use its own key");
            } else if let Ok(text) = value.clone().into_string() {
                self.properties.insert(name, text);
            } else {
                self.refuse(&key, "is neither a string nor a number nor a switch");
            }
        }
    }

    /// Whether the environment gave it.
    pub(super) fn is_from_environment(&self, key: &str) -> bool {
        self.origins
            .get(key)
            .is_some_and(|origin| origin == "environment")
    }
}

/// Whether the environment gave a value, or one in it: a table that it made has no origin of its own.
fn has_leaf_from_environment(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Table(table) => table.values().any(has_leaf_from_environment),
        _ => value
            .origin()
            .is_some_and(|origin| origin.contains("environment")),
    }
}

fn form_of(key: &str) -> Option<Form> {
    KEYS.iter()
        .find(|known| known.path == key)
        .map(|known| known.form)
}

/// Dotted names of librdkafka's come as nested tables where they are not quoted.
fn flatten(table: &Tree, path: &str) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (name, value) in table {
        let key = join(path, name);
        match &value.kind {
            ValueKind::Table(inner) => flat.extend(flatten(inner, &key)),
            _ => flat.push((key, value.clone())),
        }
    }
    flat
}

fn checked(form: Form, value: &ValueKind) -> Option<Checked> {
    let text = match value {
        ValueKind::String(text) => Some(text.as_str()),
        _ => None,
    };
    match form {
        Form::Text => text.map(|text| Checked::Text(text.to_owned())),
        Form::Texts => texts(value).map(Checked::Texts),
        Form::Switch => match value {
            ValueKind::Boolean(on) => Some(Checked::Switch(*on)),
            _ => text?.parse().ok().map(Checked::Switch),
        },
        Form::Count(least, most) => {
            let number = match value {
                ValueKind::I64(number) => u64::try_from(*number).ok()?,
                ValueKind::U64(number) => *number,
                _ => text?.parse().ok()?,
            };
            (least..=most)
                .contains(&number)
                .then_some(Checked::Number(number))
        }
        Form::Rate(least, most) => {
            let rate: f64 = match value {
                ValueKind::Float(rate) => *rate,
                ValueKind::I64(rate) => *rate as f64,
                _ => text?.parse().ok()?,
            };
            (least..=most)
                .contains(&rate)
                .then_some(Checked::Rate(rate))
        }
        Form::Bytes => measure(text?, &BYTES).map(Checked::Number),
        Form::Time => measure(text?, &TIMES).map(Checked::Number),
        Form::Start => {
            let text = text?;
            let is_start = matches!(text, "earliest" | "latest") || measure(text, &TIMES).is_some();
            is_start.then(|| Checked::Text(text.to_owned()))
        }
    }
}

fn texts(value: &ValueKind) -> Option<Vec<String>> {
    match value {
        ValueKind::String(words) => {
            let words = words
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            Some(words.map(str::to_owned).collect())
        }
        ValueKind::Array(values) => values
            .iter()
            .map(|value| match &value.kind {
                ValueKind::String(text) if !text.is_empty() => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
const BYTES: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A whole number above 0 with a unit.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let (_, factor) = units.iter().find(|(known, _)| *known == unit.trim())?;
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(*factor)
        .filter(|value| *value > 0)
}

fn remedy(form: Form) -> &'static str {
    match form {
        Form::Text => "is no string",
        Form::Texts => "is no list of strings; write [\"one\", \"two\"]",
        Form::Switch => "is no switch; write true or false",
        Form::Count(..) => "is no whole number, or out of bounds; see config/default.toml",
        Form::Rate(..) => "is no number, or out of bounds; see config/default.toml",
        Form::Bytes => "is no size; write 64KiB, 1MiB or 1GiB",
        Form::Time => "is no time; write 500ms, 30s, 5m, 1h or 35d",
        Form::Start => "is no start; write earliest, latest or a time back such as 35d",
    }
}
