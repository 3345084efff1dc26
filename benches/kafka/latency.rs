//! How long an alert takes: a steady stream of events, and accounts in it that take too much.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::Command,
    thread,
    time::Duration,
};

use rdkafka::producer::Producer as _;
use rosterwatch::clock::{self, Stopwatch};

use crate::{
    backlog::{Backlog, create, producer, send},
    broker::Broker,
    http::ask,
    program,
};

const EVENTS_PER_SEC: u64 = 20_000;
const SECS: u64 = 30;
/// Accounts of the ordinary events, so many that none of them does much.
const ACCOUNTS: u64 = 200_000;
/// One event in so many is an export of [`EXPORTED`] people by an account of its own.
const EXPORT_EVERY: u64 = 400;
/// More than a feed without any history takes for possible, which is 665 people at the defaults.
const EXPORTED: u64 = 800;
/// Events are sent in so many bursts a second.
const BURSTS_PER_SEC: u64 = 100;

/// Plays the stream to a daemon and tells what its metrics say.
pub(crate) fn measure(broker: &Broker) {
    let name = format!("latency-{}", std::process::id());
    let supplier = "payroll-services".to_owned();
    let topic = format!("{name}.{supplier}");
    create(
        broker,
        &[&topic],
        &[("message.timestamp.type", "LogAppendTime")],
    );
    let stream = Backlog {
        prefix: name.clone(),
        topics: vec![(supplier, topic.clone())],
        events: 0,
        bytes: 0,
    };
    let dir = tempfile::tempdir().unwrap();
    let mut child = program::start(&dir, &stream.config(broker, &name), &[]);
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut line_with = |words: &str| {
        let line = log.find(|line| line.as_ref().unwrap().contains(words));
        line.unwrap().unwrap()
    };
    let line = line_with("metrics on http://");
    let (_, address) = line.split_once("http://").unwrap();
    let address: SocketAddr = address.split('/').next().unwrap().parse().unwrap();
    line_with("feed decided to its end");
    let draining = thread::spawn(move || log.map_while(Result::ok).count());

    let (sent, secs) = play(broker, &topic);
    let page = await_decided(address, sent);
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(child.wait().unwrap().success());
    draining.join().unwrap();
    tell(&page, f64::from(u32::try_from(sent).unwrap()) / secs);
}

/// Sends the events at their pace; how many, and how long it took.
fn play(broker: &Broker, topic: &str) -> (u64, f64) {
    let producer = producer(broker);
    let watch = Stopwatch::start();
    let mut sent = 0;
    for burst in 0..SECS * BURSTS_PER_SEC {
        for _ in 0..EVENTS_PER_SEC / BURSTS_PER_SEC {
            send(&producer, topic, sent, &event(sent));
            sent += 1;
        }
        let due = Duration::from_millis((burst + 1) * 1_000 / BURSTS_PER_SEC);
        while let Some(early) = due.checked_sub(watch.elapsed()) {
            thread::park_timeout(early);
        }
    }
    let secs = watch.elapsed().as_secs_f64();
    producer.flush(Duration::from_mins(1)).unwrap();
    (sent, secs)
}

fn event(number: u64) -> String {
    let now = clock::now();
    let mut json = format!(
        "{{\"id\":\"e-{number:012}\",\"time\":\"{now}\",\"supplier\":\"payroll-services\",\
         \"account_kind\":\"person\",\"role\":\"clerk\",\"dataset\":\"personnel\",\
         \"outcome\":\"success\",\"source_ip\":\"10.0.15.246\",\"user_agent\":\"desk/3.1\",\
         \"fields\":[\"name\",\"rank\",\"unit\",\"salary\"],\"seq\":{number},"
    );
    if number % EXPORT_EVERY == EXPORT_EVERY - 1 {
        let account = number / EXPORT_EVERY;
        write!(
            json,
            "\"account\":\"taker-{account:06}\",\"action\":\"export\","
        )
        .unwrap();
        let people = (0..EXPORTED).map(|person| format!("\"MP-{:06}\"", account + person));
        let people: Vec<_> = people.collect();
        write!(json, "\"subjects\":[{}]}}", people.join(",")).unwrap();
    } else {
        let (account, person) = (number % ACCOUNTS, number * 7 % 40_000);
        write!(
            json,
            "\"account\":\"clerk-{account:06}\",\"action\":\"view\","
        )
        .unwrap();
        write!(json, "\"subject\":\"MP-{person:06}\",\"records\":1}}").unwrap();
    }
    json
}

/// The page of metrics once `sent` events are decided and no alert is under way.
fn await_decided(address: SocketAddr, sent: u64) -> String {
    let sent = f64::from(u32::try_from(sent).unwrap());
    for _ in 0..600 {
        let page = ask(address, "GET", "/metrics").body;
        let is_decided = sum(&page, "rosterwatch_events_processed_total") >= sent;
        if is_decided && sum(&page, "rosterwatch_alerts_pending") == 0.0 {
            return page;
        }
        thread::park_timeout(Duration::from_millis(100));
    }
    panic!("the daemon lags behind");
}

fn sum(page: &str, metric: &str) -> f64 {
    let series = page.lines().filter(|line| line.starts_with(metric));
    let values = series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    values.sum()
}

fn tell(page: &str, events_per_sec: f64) {
    let bucket = "rosterwatch_detection_latency_seconds_bucket{le=\"";
    let buckets = page.lines().filter_map(|line| line.strip_prefix(bucket));
    let buckets: Vec<(&str, f64)> = buckets
        .map(|rest| {
            let (bound, count) = rest.split_once("\"} ").unwrap();
            (bound, count.parse().unwrap())
        })
        .collect();
    let alerts = sum(page, "rosterwatch_detection_latency_seconds_count");
    assert!(alerts >= 1_000.0, "{alerts} alerts are too few to tell");
    println!("append to alert acknowledged, {alerts} alerts at {events_per_sec:.0} events/s:");
    let within = |share: f64| buckets.iter().find(|(_, count)| *count >= share * alerts);
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let (bound, _) = within(share).unwrap();
        println!("  {name} at most {bound} s");
    }
    println!("  (budget: p99 at most 0.25 s)");
}
