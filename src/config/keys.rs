//! Every key of the configuration: its name, its form, its default, and what an operator reads
//! about it. The file of defaults is written from this table.

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// Any string; an empty one is none.
    Text,
    /// Strings: a list, or in the environment words between commas.
    Texts,
    /// `true` or `false`.
    Switch,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// A number from the first to the second.
    Rate(f64, f64),
    /// A number with `KiB`, `MiB` or `GiB`.
    Bytes,
    /// A number with `ms`, `s`, `m`, `h` or `d`.
    Time,
    /// `earliest`, `latest`, or a time.
    Start,
}

/// One key.
pub(super) struct Key {
    pub path: &'static str,
    pub form: Form,
    /// The default as TOML.
    pub default: &'static str,
    pub help: &'static str,
}

const fn key(path: &'static str, form: Form, default: &'static str, help: &'static str) -> Key {
    Key {
        path,
        form,
        default,
        help,
    }
}

use Form::{Bytes, Count, Rate, Start, Switch, Text, Texts, Time};

/// The keys, in the order of the file.
pub(super) const KEYS: &[Key] = &[
    key(
        "kafka.brokers",
        Texts,
        "[\"127.0.0.1:9092\"]",
        "Some of the brokers, `host:port`.",
    ),
    key(
        "kafka.input",
        Texts,
        "['^access\\..*']",
        "Topics of suppliers; one that begins with `^` is a pattern.",
    ),
    key(
        "kafka.group",
        Text,
        "\"rosterwatch\"",
        "Consumer group: holds the lease and the input positions.",
    ),
    key(
        "kafka.start",
        Start,
        "\"35d\"",
        "Where a feed without state begins: `earliest`, `latest`, or so far back.",
    ),
    key(
        "kafka.create_topics",
        Switch,
        "true",
        "Create our own missing topics; else name each with its command and stop.",
    ),
    key(
        "kafka.instance",
        Text,
        "\"\"",
        "Static membership under this name; dynamic where empty.",
    ),
    key(
        "kafka.session",
        Time,
        "\"10s\"",
        "Without a heartbeat for so long the group takes the lease away.",
    ),
    key(
        "kafka.discover_interval",
        Time,
        "\"30s\"",
        "How often new topics and partitions are looked for.",
    ),
    key(
        "kafka.stall",
        Time,
        "\"5m\"",
        "A partition that gives nothing while its feed is behind is waited for so long.",
    ),
    key(
        "kafka.decode_threads",
        Count(1, 64),
        "2",
        "Threads of one feed that read and decode.",
    ),
    key(
        "kafka.buffer",
        Bytes,
        "\"64MiB\"",
        "Bytes of records of one feed held at once.",
    ),
    key(
        "kafka.batch",
        Bytes,
        "\"1MiB\"",
        "A batch is closed at so many bytes.",
    ),
    key(
        "kafka.batch_records",
        Count(1, 1_000_000),
        "2048",
        "A batch is closed at so many records.",
    ),
    key(
        "kafka.in_flight",
        Count(1, 1_000_000),
        "4096",
        "Alerts and quarantine records of one feed that may be unacknowledged.",
    ),
    key(
        "kafka.shutdown_deadline",
        Time,
        "\"20s\"",
        "How long a clean end may take.",
    ),
    key("kafka.tls.enabled", Switch, "false", "Encrypt connections."),
    key(
        "kafka.tls.ca_file",
        Text,
        "\"\"",
        "Authorities' certificates, PEM; the system's where empty.",
    ),
    key(
        "kafka.tls.certificate_file",
        Text,
        "\"\"",
        "Our certificate, PEM; none where empty.",
    ),
    key(
        "kafka.tls.key_file",
        Text,
        "\"\"",
        "Our key, PEM; goes with the certificate.",
    ),
    key(
        "kafka.sasl.mechanism",
        Text,
        "\"\"",
        "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; no login where empty.",
    ),
    key("kafka.sasl.username", Text, "\"\"", "Who we are."),
    key(
        "kafka.sasl.password_file",
        Text,
        "\"\"",
        "The file that holds the password, and nothing else but a line end.",
    ),
    key(
        "topics.alerts",
        Text,
        "\"rosterwatch.alerts\"",
        "Where alerts go.",
    ),
    key(
        "topics.state",
        Text,
        "\"rosterwatch.state\"",
        "Start positions; its consumer group is the lease.",
    ),
    key(
        "topics.state_partitions",
        Count(1, 1_000),
        "12",
        "Partitions of the state topic; feeds hash to them.",
    ),
    key(
        "topics.quarantine",
        Text,
        "\"rosterwatch.quarantine\"",
        "Where refused records are named.",
    ),
    key(
        "metrics.listen",
        Text,
        "\"127.0.0.1:9464\"",
        "Address of `/metrics`, `/livez` and `/readyz`.",
    ),
    key(
        "metrics.suppliers_max",
        Count(1, 10_000),
        "100",
        "Suppliers with a label of their own; those past them share `other`.",
    ),
    key(
        "metrics.headroom_accounts",
        Count(0, 100_000),
        "1000",
        "Accounts of a feed, picked by name, whose headroom is worked out every minute; 0 for none.",
    ),
    key(
        "detect.lateness",
        Time,
        "\"1h\"",
        "Within this nothing depends on arrival; at most a day.",
    ),
    key(
        "detect.horizon",
        Time,
        "\"24h\"",
        "As far behind the watermark as events are decided; at least the lateness.",
    ),
    key(
        "detect.quiet",
        Time,
        "\"24h\"",
        "An incident closes so long after its last event; at least the lateness.",
    ),
    key(
        "detect.false_alerts_per_1000_account_days",
        Rate(0.01, 100.0),
        "0.2",
        "False alerts to be borne on 1,000 days of accounts: fewer see less. From 0.01 to 100.",
    ),
    key(
        "detect.verdicts",
        Text,
        "\"\"",
        "A file of verdicts on incidents, JSON lines; from the file only. They say what its days teach.",
    ),
    key(
        "detect.suppressions",
        Text,
        "\"\"",
        "A file of incidents that page nobody, TOML or JSON lines; from the file only. All else goes on.",
    ),
    key(
        "severity.medium_people",
        Count(1, u64::MAX),
        "25",
        "People exposed from which an incident is medium.",
    ),
    key(
        "severity.high_people",
        Count(1, u64::MAX),
        "100",
        "People exposed from which it is high.",
    ),
    key(
        "severity.critical_people",
        Count(1, u64::MAX),
        "500",
        "People exposed from which it is critical.",
    ),
    key(
        "limits.accounts",
        Count(1, 100_000_000),
        "1000000",
        "Accounts of one feed remembered; newcomers past them share a bucket.",
    ),
    key(
        "limits.subjects",
        Count(1, 1_000_000_000),
        "4000000",
        "Different subjects of one feed remembered; those past them count as unnamed.",
    ),
    key(
        "limits.pairs",
        Count(1, 1_000_000_000),
        "50000000",
        "Pairs of a subject and an account's half minute remembered, over two days.",
    ),
    key(
        "limits.known_ids",
        Count(1, 1_000_000_000),
        "4000000",
        "Event ids of one feed remembered; past them the horizon of repeats shrinks.",
    ),
    key(
        "limits.incidents",
        Count(1, 10_000_000),
        "10000",
        "Incidents of one feed remembered.",
    ),
    key(
        "limits.verdicts",
        Count(1, 10_000_000),
        "100000",
        "Incidents with a verdict, in the file and of those given to one feed.",
    ),
    key(
        "limits.suppressions",
        Count(1, 100_000),
        "1000",
        "Suppressions in the file.",
    ),
];

/// The keys of one account's table, under `suppliers.<name>.accounts`.
pub(super) const ACCOUNT_KEYS: &[(&str, Form)] = &[
    ("kind", Text),
    ("never_export", Switch),
    ("may_read_all", Switch),
];

/// The keys of one job, under `suppliers.<name>.jobs`.
pub(super) const JOB_KEYS: &[(&str, Form)] = &[
    ("account", Text),
    ("action", Text),
    ("every", Text),
    ("day", Count(1, 31)),
    ("at", Text),
    ("within", Time),
    ("people_max", Count(1, 1_000_000_000)),
];

/// The keys of one supplier's table, beside the tables `accounts` and `jobs`.
pub(super) const SUPPLIER_KEYS: &[(&str, Form)] = &[
    ("topics", Texts),
    ("lateness", Time),
    ("datasets", Texts),
    ("population", Count(1, u64::MAX)),
    ("delivery", Time),
    ("holidays", Texts),
    ("timezone", Text),
];

/// The file of defaults.
pub fn default_file() -> String {
    let mut file = String::from(
        "# Every key with its default. Times are written 500ms, 30s, 5m, 1h or 35d, sizes 1KiB, 1MiB\n\
         # or 1GiB. A key may also come from the environment: ROSTERWATCH__KAFKA__BROKERS=a:9092,b:9092\n",
    );
    let mut table = "";
    file.push_str(
        "# What is known of a supplier (its topics, time zone, holidays, accounts, jobs) has a table of its own,\n\
         # from the file only: [suppliers.name]; example.toml and the README show one.\n",
    );
    for key in KEYS {
        let (of, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if of != table {
            file.extend(["\n[", of, "]\n"]);
            table = of;
        }
        file.extend(["# ", key.help, "\n", name, " = ", key.default, "\n"]);
    }
    file
}
