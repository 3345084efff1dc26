//! Simulated worlds: repeatable to the byte, inside the event contract, and labelled truly.

/// The thefts among the ordinary.
mod attacks;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rosterwatch::simulate::{Kind, Labels, Line, Plan, Producer, Stream};
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

/// The small world, played once for all tests that only look at it.
fn small_world() -> &'static (Vec<Line>, Labels) {
    static WORLD: OnceLock<(Vec<Line>, Labels)> = OnceLock::new();
    WORLD.get_or_init(|| play(small()))
}

fn digest((lines, labels): &(Vec<Line>, Labels)) -> Vec<u8> {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(&line.json);
        hash.update(b"\n");
    }
    hash.update(serde_json::to_vec(labels).unwrap());
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
    let world = digest(small_world());
    assert_eq!(world, digest(&play(small())));
    let other = Plan { seed: 8, ..small() };
    assert_ne!(world, digest(&play(other)));
}

#[test]
fn every_line_holds_the_contract() {
    let (lines, _) = small_world();
    lines.iter().for_each(assert_contract);
}

fn assert_contract(line: &Line) {
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

#[test]
fn lines_arrive_in_order_late_within_the_bound_and_repeat_unchanged() {
    let plan = small();
    let (lines, _) = small_world();
    assert!(lines.is_sorted_by_key(|line| line.arrival));
    let mut seen: HashMap<(String, String), &str> = HashMap::new();
    let (mut late, mut repeated, mut seqs) = (0_usize, 0_usize, BTreeMap::new());
    for line in lines {
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
    for event in events(lines) {
        let last = seqs[&text(&event, "supplier")];
        assert!(
            (1..=last).contains(&event["seq"].as_u64().unwrap()),
            "no gaps"
        );
    }
}

/// Days by supplier and kind, from the lines alone, up to the `days`th of the world.
fn recount(lines: &[Line], first: &str, days: i64) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut seen = BTreeSet::new();
    for event in events(lines) {
        let time = text(&event, "time");
        if millis(&time) < millis(first) + days * 86_400_000 {
            let kind = text(&event, "account_kind");
            let day = time[..10].to_owned();
            seen.insert((text(&event, "supplier"), kind, text(&event, "account"), day));
        }
    }
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (supplier, kind, _, _) in seen {
        *counts.entry(supplier).or_default().entry(kind).or_default() += 1;
    }
    counts
}

#[test]
fn account_days_equal_a_slow_recount() {
    let (lines, labels) = small_world();
    assert_eq!(labels.account_days, recount(lines, &labels.from, 10_000));
    let learning = recount(lines, &labels.from, 14);
    assert_eq!(labels.account_days_learning, Some(learning));
}

#[test]
fn a_batch_uploader_sends_lumps_in_order() {
    let (lines, _) = play(Plan {
        batch_fraction: 1.0,
        late_fraction: 0.2,
        duplicate_fraction: 0.0,
        ..small()
    });
    let mut lumps: BTreeMap<&str, BTreeMap<i64, Vec<i64>>> = BTreeMap::new();
    for line in &lines {
        let lumps = lumps.entry(&*line.supplier).or_default();
        let lump = lumps.entry(line.arrival.as_millis()).or_default();
        lump.push(line.time.as_millis());
    }
    assert_eq!(lumps.len(), 2);
    for lumps in lumps.values() {
        assert!(lumps.len() < 21 * 25, "{} lumps", lumps.len());
        let times: Vec<i64> = lumps.values().flatten().copied().collect();
        assert!(times.is_sorted());
    }
}

#[test]
fn an_outage_leaves_a_gap_a_hold_or_silence_and_is_labelled() {
    let (lines, labels) = play(Plan {
        outages: 12.0,
        ..small()
    });
    let outages: Vec<_> = labels
        .benign
        .iter()
        .filter(|it| it.what == "outage")
        .collect();
    assert!(outages.len() > 5);
    assert!(outages.iter().all(|it| it.account.is_empty()));
    let held = |line: &&Line| line.arrival.millis_since(line.time) > small().late_max_ms;
    let held = lines.iter().filter(held);
    let is_labelled = |line: &Line| {
        outages.iter().any(|it| {
            let span = millis(&it.from)..millis(&it.to);
            it.supplier == *line.supplier && span.contains(&line.time.as_millis())
        })
    };
    assert!(held.clone().count() > 0 && held.clone().all(is_labelled));
    let mut logged = 0;
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for event in events(&lines) {
        logged += 1;
        last.insert(text(&event, "supplier"), event["seq"].as_u64().unwrap());
    }
    assert!(
        last.values().sum::<u64>() > logged,
        "some numbers are missing"
    );
}

#[test]
fn every_kind_of_world_holds_the_contract_and_has_its_unusual_spans() {
    for kind in Kind::ALL {
        let plan = Plan {
            suppliers: 2,
            accounts: 50,
            days: 30,
            attacks_per_family: 1,
            population: 4_000,
            ..kind.plan()
        };
        let (lines, labels) = play(plan);
        lines.iter().for_each(assert_contract);
        let spans: BTreeSet<&str> = labels.benign.iter().map(|it| &*it.what).collect();
        assert!(
            spans.contains("month_end") && spans.contains("leave_return"),
            "{kind:?}"
        );
        assert_eq!(spans.contains("campaign"), kind != Kind::Calm, "{kind:?}");
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
