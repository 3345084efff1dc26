//! Metrics and probes over HTTP, as a scraper and a supervisor meet them.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rosterwatch::{
    decode::{DecodedBatch, Verdict},
    feed::{Config, Pipeline},
    incident::Kind,
    ingest::RecordBatch,
    metrics::{self, FeedMetrics, Metrics, Standing},
    serve::{self, Bounds, Health},
};
use tokio::runtime::Runtime;

use crate::support::{exposition::Exposition, http::ask};

const SHOWN: metrics::Bounds = metrics::Bounds {
    suppliers_max: 10,
    headroom_accounts: 2,
};

/// A server on a free port, for as long as it is held.
struct Server {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    _runtime: Runtime,
}

impl Server {
    fn start(health: Health, bounds: Bounds) -> Self {
        let metrics = Arc::new(Metrics::new(SHOWN, "0123456789abcdef"));
        let health = Arc::new(health);
        let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let of = (Arc::clone(&metrics), Arc::clone(&health));
        runtime.spawn(serve::serve(listener, of.0, of.1, bounds));
        Self {
            address,
            metrics,
            health,
            _runtime: runtime,
        }
    }

    fn status(&self, method: &str, path: &str) -> u16 {
        ask(self.address, method, path).status
    }
}

/// A pipeline that has decided three accounts' events, the last of them late by two minutes.
fn pipeline() -> Pipeline {
    let event = |(number, minute)| {
        let time = format!("2026-11-23T09:{minute:02}:00Z");
        (time, format!("x{number}"), format!("p{number}"))
    };
    decided([(1, 10), (2, 10), (3, 10), (4, 8)].map(event).into_iter())
}

/// A pipeline that has decided views: when, by whom and of whom.
fn decided(views: impl Iterator<Item = (String, String, String)>) -> Pipeline {
    let mut batch = RecordBatch::default();
    for (number, (time, account, subject)) in (0..).zip(views) {
        let event = format!(
            r#"{{"id":"{number}","time":"{time}","supplier":"a",
            "account":"{account}","action":"view","subject":"{subject}"}}"#
        );
        batch.push(event.as_bytes(), number, -1);
    }
    let batch = DecodedBatch::decode(batch, Some("a"));
    let mut pipeline = Pipeline::new("a", Config::default());
    for index in 0..batch.len() {
        let (record, Verdict::Event(event)) = batch.get(index) else {
            panic!("an event was refused");
        };
        pipeline.observe(&event, 0, record, &mut Vec::new());
    }
    pipeline
}

/// Metrics with every family on show: a feed that has read, and an error of the client.
fn busy(server: &Server) -> FeedMetrics {
    let feed = feed(&server.metrics);
    server
        .metrics
        .kafka_failed("BrokerTransportFailure", false, 1);
    server.metrics.delivered(true, Some(0.02));
    feed
}

/// The metrics of a feed that has read.
fn feed(metrics: &Arc<Metrics>) -> FeedMetrics {
    let pipeline = pipeline();
    let mut feed = metrics.feed("a", Config::default().limits);
    feed.add(&("access.a".to_owned(), 0));
    feed.read.records = 4;
    feed.publish(&pipeline);
    let standing = Standing {
        next: 5,
        lag: 2,
        time: pipeline.head(),
    };
    feed.show(&pipeline, 1, [standing].into_iter());
    feed
}

/// Name, kind and labels of every metric.
type Table = BTreeSet<(String, String, Vec<String>)>;

/// The table of the README.
fn documented() -> Table {
    let readme = include_str!("../README.md");
    let (_, table) = readme.split_once("| metric | kind | labels |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let mut documented = Table::new();
    for row in rows.skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let mut labels: Vec<String> = cells[2]
            .split(", ")
            .filter(|label| !label.is_empty())
            .map(str::to_owned)
            .collect();
        labels.sort();
        for name in cells[0].split(", ") {
            let name = name.trim_matches('`');
            documented.insert((name.to_owned(), cells[1].to_owned(), labels.clone()));
        }
    }
    documented
}

#[test]
fn the_metrics_are_those_of_the_readme() {
    let server = Server::start(Health::default(), Bounds::default());
    let _feed = busy(&server);
    let page = Exposition::read(&server.metrics.text()).unwrap();
    let mut shown = Table::new();
    for (name, family) in &page.families {
        if name.starts_with("process_") {
            continue;
        }
        let name = name.strip_prefix("rosterwatch_").expect("our prefix");
        assert_eq!(family.labels.len(), 1, "{name} has one set of labels");
        for labels in &family.labels {
            shown.insert((name.to_owned(), family.kind.clone(), labels.clone()));
        }
    }
    let documented = documented();
    let missing: Vec<_> = documented.difference(&shown).collect();
    let surplus: Vec<_> = shown.difference(&documented).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "not shown: {missing:?}; not documented: {surplus:?}"
    );
}

#[test]
fn counters_of_closed_sets_are_there_before_they_rise() {
    let server = Server::start(Health::default(), Bounds::default());
    let page = |server: &Server| Exposition::read(&server.metrics.text()).unwrap();
    let idle = page(&server);
    assert_eq!(idle.values("commits_total", &[]), [0.0, 0.0]);
    // Four severities of each kind, and of each rule.
    assert_eq!(
        idle.values("alerts_opened_total", &[]),
        [0.0; 4 * Kind::ALL.len()]
    );
    assert_eq!(idle.values("detections_total", &[]), [0.0; 16]);
    assert_eq!(idle.values("limits_reached_total", &[]), [0.0; 9]);
    let _feed = server.metrics.feed("a", Config::default().limits);
    let begun = page(&server);
    assert_eq!(
        begun.values("events_rejected_total", &[("supplier", "a")]),
        [0.0; 14]
    );
    assert_eq!(begun.values("events_processed_total", &[]).len(), 13);
    assert_eq!(begun.values("event_lateness_seconds_count", &[]), [0.0]);
}

#[test]
fn lateness_is_what_an_event_lay_behind_the_newest() {
    let server = Server::start(Health::default(), Bounds::default());
    let _feed = busy(&server);
    let page = Exposition::read(&server.metrics.text()).unwrap();
    for (bound, below) in [("1", 3.0), ("60", 3.0), ("300", 4.0)] {
        let buckets = page.values("event_lateness_seconds_bucket", &[("le", bound)]);
        assert_eq!(buckets, [below], "{bound}");
    }
    assert_eq!(page.values("event_lateness_seconds_sum", &[]), [120.0]);
}

#[test]
fn exceedance_is_what_the_pipeline_counted_since_the_feed_began() {
    // On a day that is wilder from account to account: some pass a level before one alarms.
    let views = (1..=28).flat_map(|day| {
        (0..12).flat_map(move |account| {
            let usual = 3 + (account * 7 + day * 5) % 13;
            let people = if day == 25 { 20 + 3 * account } else { usual };
            (0..people).map(move |person| {
                let time = format!("2026-09-{day:02}T09:{person:02}:{account:02}Z");
                (time, format!("x{account}"), format!("p{person}"))
            })
        })
    });
    let pipeline = decided(views);
    let metrics = Arc::new(Metrics::new(SHOWN, ""));
    let mut feed = metrics.feed("a", Config::default().limits);
    feed.publish(&pipeline);
    feed.publish(&pipeline);
    let page = Exposition::read(&metrics.text()).unwrap();
    let counted = pipeline.exceedance();
    assert_eq!(counted.days, 27 * 12, "the last day is not over");
    let total = |name: &str| page.values(name, &[("supplier", "a")]).iter().sum::<f64>();
    let observed: u64 = counted.observed.iter().flatten().sum();
    assert!(observed > 0, "{counted:?}");
    for (name, expected) in [
        ("account_days_judged_total", counted.days as f64),
        ("score_exceedances_total", observed as f64),
        (
            "score_exceedances_expected_total",
            counted.expected.iter().flatten().sum(),
        ),
    ] {
        let told = total(name);
        assert!((told - expected).abs() < 1e-6, "{name}: {told} {expected}");
    }
}

#[test]
fn headroom_is_told_of_a_sample_as_long_as_the_feed_is_there() {
    let pipeline = pipeline();
    let mut probe = pipeline.headroom().unwrap();
    let [mut people, _] = probe.sample(SHOWN.headroom_accounts);
    assert_eq!(people.len(), 2, "two of three accounts");
    people.sort_unstable();
    let metrics = Arc::new(Metrics::new(SHOWN, ""));
    let told = |metrics: &Metrics| {
        let page = Exposition::read(&metrics.text()).unwrap();
        page.values("headroom_people", &[("supplier", "a")])
    };
    let feed = feed(&metrics);
    let [half, all] = [people[0], people[1]].map(|people| people as f64);
    assert!(half > 1.0, "a newcomer may read somebody");
    assert_eq!(told(&metrics), [half, all, all, all]);
    drop(feed);
    assert_eq!(told(&metrics), [] as [f64; 0]);
    let off = metrics::Bounds {
        headroom_accounts: 0,
        ..SHOWN
    };
    let metrics = Arc::new(Metrics::new(off, ""));
    let _feed = self::feed(&metrics);
    assert_eq!(told(&metrics), [] as [f64; 0]);
}

#[test]
fn three_paths_answer_and_no_other() {
    let server = Server::start(Health::default(), Bounds::default());
    let metrics = ask(server.address, "GET", "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.has("content-type: text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.has("connection: close"));
    Exposition::read(&metrics.body).unwrap();
    let head = ask(server.address, "HEAD", "/metrics");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for path in ["/", "/metrics/", "/metric", "/livez/x", "/%00"] {
        assert_eq!(server.status("GET", path), 404, "{path}");
    }
    for path in ["/metrics", "/livez", "/readyz"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = ask(server.address, method, path);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.has("allow: get,head"), "{}", answer.head);
        }
    }
}

#[test]
fn probes_tell_what_engines_and_the_loop_say() {
    let server = Server::start(Health::default(), Bounds::default());
    assert_eq!(server.status("GET", "/livez"), 200, "before any engine");
    assert_eq!(server.status("GET", "/readyz"), 503);
    server.health.set_ready(true);
    assert_eq!(server.status("GET", "/readyz"), 200);
    let stuck = Server::start(Health::new(Duration::ZERO), Bounds::default());
    let pulse = stuck.health.watch("a");
    assert_eq!(stuck.status("GET", "/livez"), 200, "while it prepares");
    pulse.beat();
    assert_eq!(stuck.status("GET", "/livez"), 503);
}

#[test]
fn slow_connections_are_cut_and_do_not_lock_others_out() {
    let bounds = Bounds {
        visits_max: 2,
        visit: Duration::from_millis(200),
    };
    let server = Server::start(Health::default(), bounds);
    let mut slow: Vec<TcpStream> = (0..6)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    for stream in &mut slow {
        stream.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    }
    assert_eq!(server.status("GET", "/livez"), 200, "after the slow ones");
    for stream in &mut slow {
        let mut answer = Vec::new();
        // Cut by an end or by a reset, and without an answer.
        drop(stream.read_to_end(&mut answer));
        assert!(!answer.starts_with(b"HTTP/1.1 2"));
    }
}
