//! Simulated worlds: repeatable to the byte, inside the event contract, and labelled truly.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rosterwatch::simulate::{Labels, Line, Plan, Producer, Stream};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A small world that still has every ingredient.
fn small() -> Plan {
    Plan {
        seed: 7,
        days: 21,
        suppliers: 2,
        accounts: 60,
        population: 5_000,
        attacks_per_family: 2,
        attacks_after_day: 8,
        late_fraction: 0.05,
        duplicate_fraction: 0.02,
        rerun_chance: 0.1,
        ..Plan::default()
    }
}

fn play(plan: Plan) -> (Vec<Line>, Labels) {
    let mut stream = Stream::new(plan).unwrap();
    let lines = stream.by_ref().collect();
    (lines, stream.labels())
}

fn digest(plan: Plan) -> Vec<u8> {
    let (lines, labels) = play(plan);
    let mut hash = Sha256::new();
    for line in &lines {
        hash.update(&line.json);
        hash.update(b"\n");
    }
    hash.update(serde_json::to_vec(&labels).unwrap());
    hash.finalize().to_vec()
}

/// The events once each, parsed, in the order of their running numbers within a supplier.
fn events(lines: &[Line]) -> Vec<Value> {
    let mut by_seq: BTreeMap<(String, u64), Value> = BTreeMap::new();
    for line in lines {
        let event: Value = serde_json::from_str(&line.json).unwrap();
        let key = (text(&event, "supplier"), event["seq"].as_u64().unwrap());
        by_seq.insert(key, event);
    }
    by_seq.into_values().collect()
}

fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}

fn millis(text: &str) -> i64 {
    let time: jiff::Timestamp = text.parse().unwrap();
    time.as_millisecond()
}

fn subjects(event: &Value) -> Vec<String> {
    let many = event["subjects"].as_array().into_iter().flatten();
    let all = many.chain(event.get("subject"));
    all.map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_seed_repeats_its_world_to_the_byte_and_another_does_not() {
    let world = digest(small());
    assert_eq!(world, digest(small()));
    assert_ne!(world, digest(Plan { seed: 8, ..small() }));
}

#[test]
fn every_line_holds_the_contract() {
    let (lines, _) = play(small());
    for line in &lines {
        let event: Value = serde_json::from_str(&line.json).unwrap();
        for (key, most) in [
            ("id", 128),
            ("supplier", 128),
            ("account", 256),
            ("action", 64),
        ] {
            let length = text(&event, key).len();
            assert!((1..=most).contains(&length), "{key} of {}", line.json);
        }
        assert_eq!(text(&event, "supplier"), *line.supplier);
        assert_eq!(millis(&text(&event, "time")), line.time.as_millis());
        assert!(event.get("subject").is_none() || event.get("subjects").is_none());
        let named = subjects(&event);
        assert!(named.len() <= 10_000 && line.json.len() <= 256 * 1024);
        let different: BTreeSet<_> = named.iter().collect();
        assert_eq!(
            different.len(),
            named.len(),
            "a subject named twice: {}",
            line.json
        );
        if let Some(records) = event["records"].as_u64() {
            assert!(records >= named.len() as u64, "{}", line.json);
        }
    }
}

#[test]
fn lines_arrive_in_order_late_within_the_bound_and_repeat_unchanged() {
    let plan = small();
    let (lines, _) = play(plan.clone());
    assert!(lines.is_sorted_by_key(|line| line.arrival));
    let mut seen: HashMap<(String, String), &str> = HashMap::new();
    let (mut late, mut repeated, mut seqs) = (0_usize, 0_usize, BTreeMap::new());
    for line in &lines {
        let delay = line.arrival.millis_since(line.time);
        assert!(
            (0..=plan.late_max_ms).contains(&delay),
            "{delay} ms: {}",
            line.json
        );
        late += usize::from(delay > 10_000);
        let event: Value = serde_json::from_str(&line.json).unwrap();
        let key = (line.supplier.to_string(), text(&event, "id"));
        match seen.insert(key, &line.json) {
            Some(before) => {
                assert_eq!(before, line.json);
                repeated += 1;
            }
            None => *seqs.entry(line.supplier.to_string()).or_insert(0_u64) += 1,
        }
    }
    let share = |count: usize| count as f64 / lines.len() as f64;
    assert!(
        (0.01..0.04).contains(&share(repeated)),
        "{repeated} repeated"
    );
    assert!((0.04..0.10).contains(&share(late)), "{late} late");
    for event in events(&lines) {
        let last = seqs[&text(&event, "supplier")];
        assert!(
            (1..=last).contains(&event["seq"].as_u64().unwrap()),
            "no gaps"
        );
    }
}

#[test]
fn account_days_equal_a_slow_recount() {
    let (lines, labels) = play(small());
    let mut days = BTreeSet::new();
    for event in events(&lines) {
        let day = text(&event, "time")[..10].to_owned();
        let kind = text(&event, "account_kind");
        days.insert((text(&event, "supplier"), kind, text(&event, "account"), day));
    }
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (supplier, kind, _, _) in days {
        *counts.entry(supplier).or_default().entry(kind).or_default() += 1;
    }
    assert_eq!(labels.account_days, counts);
}

#[test]
fn attack_steps_are_events_of_the_world_and_add_up() {
    let (lines, labels) = play(small());
    let mut by_account: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for event in events(&lines) {
        let key = (text(&event, "supplier"), text(&event, "account"));
        by_account.entry(key).or_default().push(event);
    }
    let families: BTreeSet<&str> = labels.attacks.iter().map(|it| &*it.family).collect();
    assert_eq!(families.len(), 6);
    assert_eq!(labels.attacks.len(), 12);
    for attack in &labels.attacks {
        let key = (attack.supplier.clone(), attack.accounts[0].clone());
        let own = &by_account[&key];
        let first = millis(&attack.steps[0].time);
        // One session holds the theft and nothing else.
        let session = own
            .iter()
            .find(|event| {
                text(event, "time") == attack.steps[0].time && text(event, "action") != "login"
            })
            .map(|event| text(event, "session"))
            .unwrap();
        let theft = own.iter().filter(|event| text(event, "session") == session);
        let (mut people, mut records, mut steps) = (BTreeSet::new(), 0, Vec::new());
        for event in theft {
            people.extend(subjects(event));
            records += event["records"].as_u64().unwrap();
            steps.push((text(event, "time"), people.len() as u64, records));
        }
        let labelled = attack.steps.iter();
        let labelled: Vec<_> = labelled
            .map(|step| (step.time.clone(), step.subjects_total, step.records_total))
            .collect();
        assert_eq!(labelled, steps, "{}", attack.id);
        assert!(records >= 50, "{}: {records} records", attack.id);
        assert!(records >= 3 * attack.usual_day_records, "{}", attack.id);
        let began = own
            .iter()
            .map(|event| millis(&text(event, "time")))
            .min()
            .unwrap();
        let history = first.div_euclid(86_400_000) - began.div_euclid(86_400_000);
        assert_eq!(i64::from(attack.history_days), history, "{}", attack.id);
        if attack.family == "new_account" {
            assert_eq!(
                (began, attack.usual_day_records),
                (first, 0),
                "{}",
                attack.id
            );
        }
    }
}

#[test]
fn a_plan_out_of_bounds_is_refused_by_the_knob() {
    let error = Stream::new(Plan { days: 0, ..small() }).unwrap_err();
    assert!(error.to_string().contains("days"), "{error}");
}

#[test]
fn every_line_reaches_the_topic_of_its_supplier() {
    let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).unwrap();
    let plan = Plan {
        days: 2,
        attacks_per_family: 0,
        ..small()
    };
    let (lines, _) = play(plan);
    let mut sent: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for line in &lines {
        let topic = format!("access.{}", line.supplier);
        sent.entry(topic).or_default().insert(&line.json);
    }
    for topic in sent.keys() {
        cluster.create_topic(topic, 3, 1).unwrap();
    }
    let mut producer = Producer::new(&cluster.bootstrap_servers(), 1).unwrap();
    for line in &lines {
        producer.send(line).unwrap();
    }
    producer.finish().unwrap();

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", "worlds")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    let topics: Vec<&str> = sent.keys().map(String::as_str).collect();
    consumer.subscribe(&topics).unwrap();
    let (mut received, mut empty, mut partitions) = (0, 0, BTreeSet::new());
    while received < lines.len() {
        // A poll also ends with nothing when the group's assignment changes.
        let Some(message) = consumer.poll(Duration::from_secs(5)) else {
            empty += 1;
            assert!(empty < 10, "{received} of {} lines came", lines.len());
            continue;
        };
        let message = message.unwrap();
        let line = std::str::from_utf8(message.payload().unwrap()).unwrap();
        assert!(sent[message.topic()].contains(line));
        partitions.insert((message.topic().to_owned(), message.partition()));
        received += 1;
    }
    assert_eq!(partitions.len(), 6, "keys at random reach every partition");
}
