//! The daemon on a real broker: the same incidents as `replay`, whatever interrupts it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
};
use rosterwatch::simulate::{Line, Plan, Stream};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    alerts::{self, Incidents, incidents, is_of_feed, written_once},
    broker::Broker,
    exposition::Exposition,
    http::ask,
    memory::peak_kib,
};

const PARTITIONS: i32 = 6;

/// One broker, one folder, and the topics of one scenario, set apart by a prefix.
struct Scene<'a> {
    broker: &'a Broker,
    dir: TempDir,
    prefix: &'static str,
    suppliers: Vec<String>,
}

impl<'a> Scene<'a> {
    fn new(broker: &'a Broker, prefix: &'static str, suppliers: &[&str]) -> Self {
        let scene = Self {
            broker,
            dir: tempfile::tempdir().unwrap(),
            prefix,
            suppliers: suppliers.iter().map(|name| (*name).to_owned()).collect(),
        };
        let topics = scene.make_topics();
        let mut config = format!(
            "[kafka]\nbrokers = [\"{}\"]\ninput = {topics:?}\ngroup = \"{prefix}\"\n\
             start = \"earliest\"\nsession = \"6s\"\n\
             [topics]\nalerts = \"{prefix}.alerts\"\nstate = \"{prefix}.state\"\n\
             quarantine = \"{prefix}.quarantine\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n",
            broker.address
        );
        for name in &scene.suppliers {
            let topic = scene.topic(name);
            writeln!(config, "[suppliers.{name}]\ntopics = [\"{topic}\"]").unwrap();
        }
        fs::write(scene.config(), config).unwrap();
        scene
    }

    /// Makes the topics of the suppliers.
    fn make_topics(&self) -> Vec<String> {
        let names = self.suppliers.iter();
        let topics: Vec<String> = names.map(|name| self.topic(name)).collect();
        let new = topics
            .iter()
            .map(|topic| NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1)));
        let new: Vec<_> = new.collect();
        let admin: AdminClient<DefaultClientContext> = self.broker.client().create().unwrap();
        let made = awaited(admin.create_topics(&new, &AdminOptions::new())).unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        topics
    }

    /// Puts a line under `[kafka]`.
    fn set(&self, line: &str) {
        self.edit("[kafka]\n", &format!("[kafka]\n{line}\n"));
    }

    /// Writes `with` for what the configuration says.
    fn edit(&self, what: &str, with: &str) {
        let config = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), config.replace(what, with)).unwrap();
    }

    /// Deletes a topic.
    fn delete(&self, topic: &str) {
        let topic = format!("{}.{topic}", self.prefix);
        let admin: AdminClient<DefaultClientContext> = self.broker.client().create().unwrap();
        let gone = awaited(admin.delete_topics(&[&topic], &AdminOptions::new())).unwrap();
        assert!(gone.iter().all(Result::is_ok), "{gone:?}");
    }

    fn topic(&self, supplier: &str) -> String {
        format!("{}.{supplier}", self.prefix)
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("rosterwatch.toml")
    }

    /// Writes lines to their suppliers' topics, keyed so that they scatter over the partitions.
    fn produce<'l>(&self, lines: impl Iterator<Item = (&'l str, &'l str)>) {
        let producer: ThreadedProducer<DefaultProducerContext> = self
            .broker
            .client()
            .set("linger.ms", "20")
            // Keeps the order over retries: a new topic may not be known to the broker at once.
            .set("enable.idempotence", "true")
            .create()
            .unwrap();
        for (number, (supplier, json)) in (0_u64..).zip(lines) {
            let topic = self.topic(supplier);
            let key = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
            let mut record = BaseRecord::to(&topic).key(&key).payload(json);
            while let Err((error, back)) = producer.send(record) {
                let full = rdkafka::types::RDKafkaErrorCode::QueueFull;
                assert_eq!(error.rdkafka_error_code(), Some(full));
                producer.poll(Duration::from_millis(20));
                record = back;
            }
        }
        producer.flush(Duration::from_mins(1)).unwrap();
    }

    /// Records in the topic of `supplier`.
    fn records_of(&self, supplier: &str) -> usize {
        let topic = self.topic(supplier);
        let reader = self.reader(&topic);
        let ends = (0..PARTITIONS).map(|partition| {
            let patience = Duration::from_secs(20);
            reader
                .fetch_watermarks(&topic, partition, patience)
                .unwrap()
                .1
        });
        usize::try_from(ends.sum::<i64>()).unwrap()
    }

    /// Deletes the records of the topic of `supplier`, but the last one of each partition.
    fn take_all_but_the_last(&self, supplier: &str) {
        let topic = self.topic(supplier);
        let reader = self.reader(&topic);
        let mut until = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            let patience = Duration::from_secs(20);
            let (_, end) = reader
                .fetch_watermarks(&topic, partition, patience)
                .unwrap();
            until
                .add_partition_offset(&topic, partition, Offset::Offset(end - 1))
                .unwrap();
        }
        let admin: AdminClient<DefaultClientContext> = self.broker.client().create().unwrap();
        awaited(admin.delete_records(&until, &AdminOptions::new())).unwrap();
    }

    fn daemon(&self, args: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_rosterwatch"))
            .arg("run")
            .arg("--config")
            .arg(self.config())
            .args(args)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Starts the daemon and waits until all that is there is decided; what its metrics say then.
    fn watch_until_drained(&self) -> Exposition {
        let watched = self.watch();
        let drained = watched.drained();
        assert_eq!(ask(watched.address, "GET", "/livez").status, 200);
        watched.end();
        drained
    }

    /// Starts the daemon and waits until what was there at its start is decided.
    fn watch(&self) -> Watched {
        let mut child = self.daemon(&[]);
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut line_with = |words: &str| {
            let line = log.find(|line| line.as_ref().unwrap().contains(words));
            line.expect("a line of the log").unwrap()
        };
        let line = line_with("metrics on http://");
        let (_, address) = line.split_once("http://").unwrap();
        let address = address.split('/').next().unwrap().parse().unwrap();
        for _ in &self.suppliers {
            line_with("feed decided to its end as of start");
        }
        // Read on, so that the daemon never waits for its log to be read.
        thread::spawn(move || log.for_each(drop));
        let partitions = self.suppliers.len() * usize::try_from(PARTITIONS).unwrap();
        Watched {
            child,
            address,
            partitions,
        }
    }

    /// Runs the daemon to the end of what is there.
    fn run_to_the_end(&self) -> String {
        ended(self.daemon(&["--until-end"]))
    }

    fn reader(&self, topic: &str) -> BaseConsumer {
        let client = self.broker.client();
        let client: BaseConsumer = client
            .clone()
            .set("group.id", "reader")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning)
            .unwrap();
        client.assign(&list).unwrap();
        client
    }

    /// Every record of a topic of ours with one partition.
    fn read(&self, topic: &str) -> Vec<Value> {
        let topic = format!("{}.{topic}", self.prefix);
        let reader = self.reader(&topic);
        let (_, end) = reader
            .fetch_watermarks(&topic, 0, Duration::from_secs(20))
            .unwrap();
        let mut records = Vec::new();
        let mut next = 0;
        while next < end {
            let message = reader
                .poll(Duration::from_secs(20))
                .expect("a record")
                .unwrap();
            next = message.offset() + 1;
            records.push(serde_json::from_slice(message.payload().unwrap()).unwrap());
        }
        records
    }

    /// Waits until the first alert is durable.
    fn await_alert(&self) {
        let topic = format!("{}.alerts", self.prefix);
        let reader = self.reader(&topic);
        // Until the daemon has made the topic, the reader is told so.
        let found =
            (0..10_000).any(|_| matches!(reader.poll(Duration::from_millis(50)), Some(Ok(_))));
        assert!(found, "an alert came");
    }
}

/// A daemon that follows its topics.
struct Watched {
    child: Child,
    address: SocketAddr,
    partitions: usize,
}

impl Watched {
    fn page(&self) -> Exposition {
        Exposition::read(&ask(self.address, "GET", "/metrics").body).unwrap()
    }

    /// Asks until `is_there`: what is shown follows what is decided within a second or so.
    fn page_with(&self, is_there: impl Fn(&Exposition) -> bool) -> Exposition {
        let page = (0..600).find_map(|_| {
            let page = self.page();
            if is_there(&page) {
                return Some(page);
            }
            thread::park_timeout(Duration::from_millis(100));
            None
        });
        page.expect("metrics that show it")
    }

    /// What metrics say once nothing lags and the daemon is ready.
    fn drained(&self) -> Exposition {
        self.page_with(|page| {
            let lags = page.values("consumer_lag_records", &[]);
            let is_drained = lags.len() == self.partitions && lags.iter().all(|lag| *lag == 0.0);
            is_drained && ask(self.address, "GET", "/readyz").status == 200
        })
    }

    fn end(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// What an administrative request answers.
fn awaited<T>(request: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(request)
}

fn ended(mut child: Child) -> String {
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {log}");
    log
}

fn replayed(lines: &[Line]) -> Incidents {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.ndjson");
    let text: String = lines
        .iter()
        .flat_map(|line| [line.json.as_str(), "\n"])
        .collect();
    fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rosterwatch"))
        .arg("replay")
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success());
    let alerts = String::from_utf8(output.stdout).unwrap();
    incidents(&alerts::read(&alerts))
}

fn pairs(lines: &[Line]) -> impl Iterator<Item = (&str, &str)> {
    lines
        .iter()
        .map(|line| (&*line.supplier, line.json.as_str()))
}

#[test]
fn a_backlog_gives_the_incidents_of_replay_whatever_interrupts_it() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let plan = Plan {
        seed: 5,
        days: 42,
        suppliers: 3,
        accounts: 240,
        population: 9_000,
        attacks_per_family: 2,
        ..Plan::default()
    };
    let lines: Vec<Line> = Stream::new(plan).unwrap().collect();
    assert!(lines.len() >= 300_000, "{} lines", lines.len());
    let mut suppliers: Vec<&str> = lines.iter().map(|line| &*line.supplier).collect();
    suppliers.sort_unstable();
    suppliers.dedup();
    let expected = replayed(&lines);
    assert!(expected.len() > 10, "the world's attacks raise incidents");

    let whole = Scene::new(&broker, "whole", &suppliers);
    whole.produce(pairs(&lines));
    for supplier in &suppliers {
        let produced = lines.iter().filter(|line| *line.supplier == **supplier);
        assert_eq!(whole.records_of(supplier), produced.count(), "{supplier}");
    }
    let log = whole.run_to_the_end();
    assert_eq!(incidents(&whole.read("alerts")), expected, "{log}");
    let page = whole.watch_until_drained();
    for supplier in &suppliers {
        let by = [("supplier", *supplier)];
        let produced = lines.iter().filter(|line| *line.supplier == **supplier);
        let produced = f64::from(u32::try_from(produced.count()).unwrap());
        assert_eq!(page.values("events_received_total", &by), [produced]);
        assert_eq!(page.values("accounting_remainder", &by), [0.0]);
        assert_eq!(page.values("event_lateness_seconds_count", &by).len(), 1);
    }
    assert!(page.sum("detections_total", &[]) > 0.0);

    for (prefix, signal) in [("killed", "-KILL"), ("ended", "-TERM")] {
        let scene = Scene::new(&broker, prefix, &suppliers);
        let (first, last) = lines.split_at(lines.len() / 3 * 2);
        scene.produce(pairs(first));
        let mut child = scene.daemon(&[]);
        scene.await_alert();
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        assert_eq!(status.success(), signal == "-TERM", "{status}");
        scene.produce(pairs(last));
        scene.run_to_the_end();
        let alerts = scene.read("alerts");
        assert_eq!(incidents(&alerts), expected, "{prefix}");
        assert!(
            written_once(&alerts),
            "{prefix}: a revision is written twice"
        );
    }
}

/// Five weeks of an event a minute, up to two hours ago, with one number missing yesterday.
#[test]
fn a_feed_that_went_silent_and_has_a_gap_says_so_and_once_over_restarts() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let scene = Scene::new(&broker, "silent", &["quiet"]);
    let config = fs::read_to_string(scene.config()).unwrap();
    // Nothing is known yet of how long this supplier's events take.
    fs::write(scene.config(), config + "delivery = \"1m\"\n").unwrap();
    let minutes = 5 * 7 * 24 * 60;
    let end = rosterwatch::clock::now().as_millis() - 2 * 3_600_000;
    let event = |minute: i64| {
        let (time, seq) = (end - (minutes - minute) * 60_000, minute + 1);
        let account = minute % 7;
        format!(
            r#"{{"id":"{seq}","time":{time},"supplier":"quiet","account":"clerk-{account}","action":"view","subject":"MP-{account}","seq":{seq}}}"#
        )
    };
    let missing = minutes - 1_440;
    let events = (0..minutes).filter(|minute| *minute != missing).map(event);
    let events: Vec<String> = events.collect();
    scene.produce(events.iter().map(|event| ("quiet", event.as_str())));
    let open = [("kind", "feed_silence")];
    let is_silent = |page: &Exposition| page.sum("incidents_open", &open) > 0.5;
    let mut told = Vec::new();
    for start in 0..2 {
        let watched = scene.watch();
        watched.page_with(is_silent);
        watched.end();
        let alerts = scene.read("alerts");
        assert!(alerts.iter().all(is_of_feed), "{alerts:?}");
        assert!(written_once(&alerts));
        let opened = alerts.iter().filter(|alert| alert["state"] == "opened");
        let kinds: Vec<&str> = opened.map(|it| it["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["feed_gap", "feed_silence"]);
        assert!(alerts.iter().all(|alert| alert["state"] != "closed"));
        if start == 0 {
            told = alerts;
        }
    }
    for alert in &told {
        for nothing in [
            "account", "window", "observed", "expected", "score", "exposure",
        ] {
            assert_eq!(alert[nothing], Value::Null, "{nothing}");
        }
    }
    let gap = told[0]["reasons"][0].as_str().unwrap();
    assert!(
        gap.contains(&format!("number {} last", missing + 1)),
        "{gap}"
    );
}

#[test]
fn records_that_retention_took_unread_are_a_gap_that_a_restart_does_not_repeat() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let scene = Scene::new(&broker, "cut", &["late"]);
    let events: Vec<String> = (0..1_200)
        .map(|number| {
            let time = 1_795_000_000_000_i64 + number * 1_000;
            let account = number % 7;
            format!(
                r#"{{"id":"{number}","time":{time},"supplier":"late","account":"clerk-{account}","action":"view","subject":"MP-{account}"}}"#
            )
        })
        .collect();
    let (read, unread) = events.split_at(600);
    let produce = |events: &[String]| {
        scene.produce(events.iter().map(|event| ("late", event.as_str())));
    };
    produce(read);
    scene.run_to_the_end();
    produce(unread);
    scene.take_all_but_the_last("late");
    scene.run_to_the_end();
    let alerts = scene.read("alerts");
    let gap = alerts.last().expect("an alert");
    assert_eq!(gap["kind"], "feed_gap");
    let lost = 600 - PARTITIONS;
    let reason = gap["reasons"][0].as_str().unwrap();
    let words = format!("retention took {lost} records of the topic before they were read");
    assert!(reason.starts_with(&words), "{reason}");
    scene.run_to_the_end();
    assert_eq!(scene.read("alerts"), alerts);
}

#[test]
fn garbage_is_named_in_quarantine_and_stops_nothing() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let scene = Scene::new(&broker, "garbage", &["junk"]);
    let lines = (0..5_000).map(|number| ("junk", ["{", "secret-payload", "[]", "{}"][number % 4]));
    scene.produce(lines);
    let log = scene.run_to_the_end();
    assert!(!log.contains("secret"), "no payload in the log");
    let records = scene.read("quarantine");
    assert_eq!(records.len(), 5_000);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for record in &records {
        let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["offset", "partition", "reason", "sha256", "topic"]);
        *reasons
            .entry(record["reason"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    let counted: Vec<_> = reasons
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count))
        .collect();
    assert_eq!(
        counted,
        [
            ("missing_field", 1_250),
            ("not_json", 2_500),
            ("not_object", 1_250)
        ]
    );
    // Started again, it names nothing twice.
    scene.run_to_the_end();
    assert_eq!(scene.read("quarantine").len(), 5_000);
}

#[test]
fn a_topic_of_ours_that_is_deleted_is_made_again_and_the_feed_is_ready_again() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let scene = Scene::new(&broker, "deleted", &["junk"]);
    scene.set("discover_interval = \"1s\"");
    scene.produce((0..10).map(|_| ("junk", "{")));
    let watched = scene.watch();
    scene.delete("quarantine");
    scene.produce((0..10).map(|_| ("junk", "[]")));
    let page = watched
        .page_with(|page| page.sum("events_rejected_total", &[("reason", "not_object")]) >= 10.0);
    assert!(
        page.values("accounting_remainder", &[])
            .iter()
            .all(|it| *it == 0.0)
    );
    watched.drained();
    watched.end();
    assert!(
        scene.read("quarantine").len() >= 10,
        "each is named once at least"
    );
}

#[test]
fn a_topic_of_a_supplier_that_is_made_anew_is_read_from_its_beginning() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let scene = Scene::new(&broker, "anew", &["junk"]);
    scene.set("discover_interval = \"1s\"");
    scene.edit("earliest", "latest");
    scene.produce((0..60).map(|_| ("junk", "{")));
    let watched = scene.watch();
    scene.delete("junk");
    // Nobody owns it any more, and the daemon waits for nothing.
    watched.page_with(|page| {
        let is_ready = ask(watched.address, "GET", "/readyz").status == 200;
        is_ready && page.values("consumer_lag_records", &[]).is_empty()
    });
    scene.make_topics();
    scene.produce((0..200).map(|_| ("junk", "{")));
    watched.page_with(|page| page.sum("events_received_total", &[]) >= 200.0);
    watched.drained();
    watched.end();
}

#[test]
fn a_replica_that_another_of_its_name_has_fenced_steps_down() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let scene = Scene::new(&broker, "fenced", &["junk"]);
    scene.set("instance = \"a\"");
    scene.produce((0..10).map(|_| ("junk", "{")));
    let mut first = scene.watch();
    let second = scene.watch();
    let ended = (0..600).find_map(|_| {
        thread::park_timeout(Duration::from_millis(100));
        first.child.try_wait().unwrap()
    });
    assert_eq!(ended.expect("an end").code(), Some(78));
    second.drained();
    second.end();
}

#[test]
fn every_record_is_decided_refused_or_a_duplicate() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let plan = Plan {
        days: 2,
        suppliers: 1,
        accounts: 60,
        attacks_per_family: 0,
        duplicate_fraction: 0.0,
        ..Plan::default()
    };
    let lines: Vec<Line> = Stream::new(plan).unwrap().collect();
    let supplier = &*lines[0].supplier;
    let scene = Scene::new(&broker, "mixed", &[supplier]);
    let garbage = ["{", "[]", "{}", "\u{0}", "null"];
    let mixed = lines.iter().zip(garbage.iter().cycle());
    let mixed = mixed.flat_map(|(line, garbage)| [&*line.json, *garbage, &*line.json]);
    scene.produce(mixed.map(|record| (supplier, record)));
    let page = scene.watch_until_drained();
    let each = f64::from(u32::try_from(lines.len()).unwrap());
    assert_eq!(page.values("events_received_total", &[]), [3.0 * each]);
    for family in ["processed", "rejected", "duplicate"] {
        let counted = page.sum(&format!("events_{family}_total"), &[]);
        assert!(
            (counted - each).abs() < 0.5,
            "{family}: {counted} of {each}"
        );
    }
    assert_eq!(page.values("accounting_remainder", &[]), [0.0]);
    assert_eq!(scene.read("quarantine").len(), lines.len());
}

/// Goal: what a topic of garbage costs does not grow with it. Method: the peak of resident memory
/// after more bytes than the daemon may buffer, and after as many again.
#[test]
fn a_topic_of_garbage_keeps_memory_flat() {
    const RECORDS: usize = 2_000;
    let Some(broker) = Broker::start() else {
        return;
    };
    let scene = Scene::new(&broker, "heap", &["junk"]);
    let garbage = "{\"id\":[".repeat(8_000);
    let produce = || scene.produce((0..RECORDS).map(|_| ("junk", garbage.as_str())));
    produce();
    let watched = scene.watch();
    let received = |page: &Exposition| page.sum("events_received_total", &[]);
    watched.page_with(|page| received(page) >= RECORDS as f64);
    let before = peak_kib(watched.child.id());
    produce();
    let page = watched.page_with(|page| received(page) >= 2.0 * RECORDS as f64);
    let after = peak_kib(watched.child.id());
    let refused = page.sum("events_rejected_total", &[]);
    assert!((refused - 2.0 * RECORDS as f64).abs() < 0.5, "{refused}");
    assert!(after < before + 24 * 1024, "{before} KiB, then {after} KiB");
    watched.end();
}

#[test]
fn credentials_let_in_or_end_with_the_configuration_code() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let Some(guarded) = &broker.guarded else {
        eprintln!("skipped: no listener of the given broker is known to ask for credentials");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let run = |mechanism: &str, password: &str| {
        let secret = dir.path().join("password");
        fs::write(&secret, format!("{password}\n")).unwrap();
        let config = format!(
            "[kafka]\nbrokers = [{guarded:?}]\n[kafka.sasl]\nmechanism = {mechanism:?}\n\
             username = \"watch\"\npassword_file = {secret:?}\n[metrics]\nlisten = \"127.0.0.1:0\"\n",
        );
        let file = dir.path().join("rosterwatch.toml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rosterwatch"));
        command.args(["run", "--until-end", "--config"]).arg(&file);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!log.contains(password), "{log}");
        (output.status.code(), log)
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let (code, log) = run(mechanism, "right");
        assert_eq!(code, Some(0), "{mechanism}: {log}");
        let (code, log) = run(mechanism, "hunter2");
        assert_eq!(code, Some(78), "{mechanism}: {log}");
        assert!(log.contains("kafka.sasl"), "{log}");
    }
}

#[test]
fn brokers_that_are_not_there_end_it_with_their_own_code_or_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rosterwatch.toml");
    let nobody = "[kafka]\nbrokers = [\"127.0.0.1:1\"]\n[metrics]\nlisten = \"127.0.0.1:0\"\n";
    fs::write(&file, nobody).unwrap();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rosterwatch"));
        command.args(["run", "--config"]).arg(&file);
        command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let patient = start();
    let mut asked = start();
    let mut log = BufReader::new(asked.stderr.take().unwrap()).lines();
    let begun = log.find(|line| line.as_ref().unwrap().contains("metrics on http://"));
    assert!(begun.is_some());
    let id = asked.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert_eq!(asked.wait().unwrap().code(), Some(0));
    let output = patient.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("no broker of 127.0.0.1:1 answered"), "{log}");
    assert!(log.lines().count() < 20, "the log is flooded: {log}");
}
