//! Every metric: its name, type, labels and the help that an operator reads.
//!
//! Labels come from closed sets and from suppliers, of which so many get a label of their own and
//! the others share `other`. Never an account, a subject, an address or an incident.

mod behind;
mod feed;
mod make;
mod part;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::{
    CounterVec, GaugeVec, Histogram, IntCounterVec, IntGaugeVec, Registry, TextEncoder,
    core::Collector as _, proto::MetricFamily,
};

pub use self::feed::{Busy, FeedMetrics, Read, Standing};
use self::{behind::Behind, make::Maker};
use crate::{
    detect::Window,
    feed::{LIMITS, Limits},
    incident::{Alert, AlertState, Kind, Severity},
};

/// The label of suppliers past the limit.
const OTHER: &str = "other";

/// Which source was built, where the build was told.
const REVISION: &str = match option_env!("ROSTERWATCH_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Bounds of what is shown.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Suppliers that get a label of their own.
    pub suppliers_max: usize,
    /// Accounts of a feed whose headroom is worked out every minute; 0 for none.
    pub headroom_accounts: usize,
}

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    bounds: Bounds,
    suppliers: Mutex<BTreeSet<String>>,
    received: IntCounterVec,
    received_bytes: IntCounterVec,
    processed: IntCounterVec,
    rejected: IntCounterVec,
    duplicate: IntCounterVec,
    conflicting: IntCounterVec,
    late: IntCounterVec,
    remainder: IntGaugeVec,
    lag: IntGaugeVec,
    position: IntGaugeVec,
    position_time: GaugeVec,
    feeds_owned: IntGaugeVec,
    lease_changes: IntCounterVec,
    commits: IntCounterVec,
    kafka_errors: IntCounterVec,
    watermark: GaugeVec,
    behind: Behind,
    last_event: GaugeVec,
    accounts: IntGaugeVec,
    headroom_people: IntGaugeVec,
    headroom_records: IntGaugeVec,
    state_bytes: IntGaugeVec,
    state_limit: IntGaugeVec,
    detections: IntCounterVec,
    judged: IntCounterVec,
    small_alarms: IntCounterVec,
    exceeded: IntCounterVec,
    exceeded_expected: CounterVec,
    open: IntGaugeVec,
    alerts_opened: IntCounterVec,
    alerts_escalated: IntCounterVec,
    alerts_closed: IntCounterVec,
    latency: Histogram,
    delivered: IntCounterVec,
    pending: IntGaugeVec,
    busy: CounterVec,
    limits: IntCounterVec,
    build: IntGaugeVec,
    config: IntGaugeVec,
    ready: IntGaugeVec,
}

/// Bounds of the latency from append to acknowledgement, in seconds.
const LATENCY: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0,
];

impl Metrics {
    /// All metrics, at nothing; `config` is the digest of the configuration.
    #[expect(clippy::too_many_lines, reason = "it is the table of all metrics")]
    pub fn new(bounds: Bounds, config: &str) -> Self {
        let make = Maker::default();
        let none: &[&str] = &[];
        let by = &["supplier"];
        let graded = &["kind", "severity"];
        let place = &["topic", "partition"];
        let told_by = &["supplier", "quantile"];
        let metrics = Self {
            bounds,
            suppliers: Mutex::default(),
            received: make.counter("events_received_total", "Records read.", by),
            received_bytes: make.counter("received_bytes_total", "Bytes of records read.", by),
            processed: make.counter(
                "events_processed_total",
                "Events decided.",
                &["supplier", "action"],
            ),
            rejected: make.counter(
                "events_rejected_total",
                "Records refused.",
                &["supplier", "reason"],
            ),
            duplicate: make.counter("events_duplicate_total", "Events known before.", by),
            conflicting: make.counter(
                "events_conflicting_total",
                "Known ids with other content.",
                by,
            ),
            late: make.counter(
                "late_events_total",
                "Events past the lateness.",
                &["supplier", "handling"],
            ),
            remainder: make.gauge(
                "accounting_remainder",
                "Read less decided, refused and duplicate; 0.",
                by,
            ),
            lag: make.gauge(
                "consumer_lag_records",
                "Records there and not decided.",
                place,
            ),
            position: make.gauge("consumer_position_offset", "Offset decided up to.", place),
            position_time: make.time(
                "consumer_position_timestamp_seconds",
                "Time of the last event decided.",
                place,
            ),
            feeds_owned: make.gauge("feeds_owned", "Feeds this replica decides.", none),
            lease_changes: make.counter("lease_changes_total", "Changes of the lease.", &["event"]),
            commits: make.counter("commits_total", "Commits of input positions.", &["result"]),
            kafka_errors: make.counter(
                "kafka_errors_total",
                "Errors of the client.",
                &["code", "fatal"],
            ),
            watermark: make.time(
                "watermark_timestamp_seconds",
                "No older event is awaited.",
                by,
            ),
            behind: make.behind(
                "event_lateness_seconds",
                "How far events lay behind the newest when they came.",
            ),
            last_event: make.time(
                "feed_last_event_timestamp_seconds",
                "The newest event time.",
                by,
            ),
            accounts: make.gauge(
                "accounts_tracked",
                "Accounts remembered.",
                &["supplier", "phase"],
            ),
            headroom_people: make.gauge(
                "headroom_people",
                "New people an account could read now without an alarm, over a sample of accounts; \
                 at most 10000.",
                told_by,
            ),
            headroom_records: make.gauge(
                "headroom_records",
                "Records an account could export now without an alarm, over the same sample.",
                told_by,
            ),
            state_bytes: make.gauge(
                "state_bytes",
                "Bytes of state, estimated.",
                &["supplier", "component"],
            ),
            state_limit: make.gauge(
                "state_limit_bytes",
                "Bytes of state at the configured limits, estimated.",
                &["supplier", "component"],
            ),
            detections: make.counter(
                "detections_total",
                "Events that took a window to its critical count.",
                &["rule", "severity"],
            ),
            judged: make.counter(
                "account_days_judged_total",
                "Account-days whose scores are known.",
                by,
            ),
            small_alarms: make.counter(
                "lowest_tier_alarms_total",
                "Alarms below the severity high that began; their bar follows how often.",
                by,
            ),
            exceeded: make.counter(
                "score_exceedances_total",
                "Tests of quiet account-days that passed a level of their calibrated tail.",
                &["supplier", "rule", "level"],
            ),
            exceeded_expected: make.fractions(
                "score_exceedances_expected_total",
                "Tests that should have, if scores mean what they say.",
                &["supplier", "rule", "level"],
            ),
            open: make.gauge("incidents_open", "Incidents open now.", graded),
            alerts_opened: make.counter("alerts_opened_total", "Incidents opened.", graded),
            alerts_escalated: make.counter(
                "alerts_escalated_total",
                "Incidents escalated.",
                graded,
            ),
            alerts_closed: make.counter("alerts_closed_total", "Incidents closed.", graded),
            latency: make.histogram(
                "detection_latency_seconds",
                "From an event's append by the broker to its alert's acknowledgement.",
                &LATENCY,
            ),
            delivered: make.counter(
                "alerts_delivered_total",
                "Alerts sent, by outcome.",
                &["sink", "result"],
            ),
            pending: make.gauge("alerts_pending", "Sends not acknowledged.", &["sink"]),
            busy: make.fractions(
                "worker_busy_seconds_total",
                "Time that workers were at work.",
                &["worker"],
            ),
            limits: make.counter("limits_reached_total", "Times a bound was met.", &["limit"]),
            build: make.gauge(
                "build_info",
                "1, labelled with what runs.",
                &["version", "revision"],
            ),
            config: make.gauge(
                "config_info",
                "1, labelled with a digest of the configuration.",
                &["hash"],
            ),
            ready: make.gauge("ready", "1 where /readyz says yes.", none),
            registry: {
                make.process();
                make.0
            },
        };
        metrics.begin(config);
        metrics
    }

    /// Shows what never changes, and every series of a closed set, so that its first rise is seen.
    fn begin(&self, config: &str) {
        let version = env!("CARGO_PKG_VERSION");
        self.build.with_label_values(&[version, REVISION]).set(1);
        self.config.with_label_values(&[config]).set(1);
        for event in LEASE_EVENTS {
            self.lease_changes.with_label_values(&[event]);
        }
        for result in RESULTS {
            self.commits.with_label_values(&[result]);
            self.delivered.with_label_values(&["kafka", result]);
        }
        for severity in Severity::ALL {
            for kind in Kind::ALL {
                let labels = [kind.as_str(), severity.as_str()];
                self.open.with_label_values(&labels);
                for counter in [
                    &self.alerts_opened,
                    &self.alerts_escalated,
                    &self.alerts_closed,
                ] {
                    counter.with_label_values(&labels);
                }
            }
            for window in Window::ALL {
                let labels = [rule(window), severity.as_str()];
                self.detections.with_label_values(&labels);
            }
        }
        for limit in LIMITS {
            self.limits.with_label_values(&[limit]);
        }
        self.pending.with_label_values(&["kafka"]);
        for worker in WORKERS {
            self.busy.with_label_values(&[worker]);
        }
        self.owns(0, false);
    }

    /// Records read so far, of all suppliers.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts, which stay far below 2^53"
    )]
    pub fn records_received(&self) -> u64 {
        let families = self.received.collect();
        let metrics = families.iter().flat_map(MetricFamily::get_metric);
        let read = metrics.map(|metric| metric.get_counter().get_value() as u64);
        read.sum()
    }

    /// All metrics in the Prometheus text format.
    pub fn text(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }

    /// The metrics of one feed, from nothing, under these limits.
    pub fn feed(self: &Arc<Self>, supplier: &str, limits: Limits) -> FeedMetrics {
        let mut known = self
            .suppliers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() < self.bounds.suppliers_max {
            known.insert(supplier.to_owned());
        }
        let label = if known.contains(supplier) {
            supplier
        } else {
            OTHER
        };
        FeedMetrics::new(Arc::clone(self), label, limits)
    }

    /// Counts a change of the lease: `assigned`, `revoked` or `lost`.
    pub fn lease_changed(&self, event: &'static str) {
        self.lease_changes.with_label_values(&[event]).inc();
    }

    /// Counts commits that the brokers took, and those that failed.
    pub fn committed(&self, taken: u64, failed: u64) {
        for (result, commits) in RESULTS.into_iter().zip([taken, failed]) {
            self.commits.with_label_values(&[result]).inc_by(commits);
        }
    }

    /// Counts errors of the Kafka client.
    pub fn kafka_failed(&self, code: &str, fatal: bool, times: u64) {
        let fatal = if fatal { "true" } else { "false" };
        self.kafka_errors
            .with_label_values(&[code, fatal])
            .inc_by(times);
    }

    /// Shows how many feeds are owned, and whether the daemon is ready.
    pub fn owns(&self, feeds: usize, ready: bool) {
        self.feeds_owned
            .with_label_values::<&str>(&[])
            .set(signed(feeds));
        self.ready
            .with_label_values::<&str>(&[])
            .set(i64::from(ready));
    }

    /// Counts an alert that is about to be sent.
    pub fn alerted(&self, alert: &Alert) {
        let counter = match alert.state {
            AlertState::Opened => &self.alerts_opened,
            AlertState::Escalated => &self.alerts_escalated,
            AlertState::Closed => &self.alerts_closed,
        };
        let labels = [alert.kind.as_str(), alert.severity.as_str()];
        counter.with_label_values(&labels).inc();
    }

    /// Counts an alert that was acknowledged, or was not; `latency_secs` since its event's append,
    /// where that is known.
    pub fn delivered(&self, succeeded: bool, latency_secs: Option<f64>) {
        let labels = ["kafka", RESULTS[usize::from(!succeeded)]];
        self.delivered.with_label_values(&labels).inc();
        if let Some(latency) = latency_secs {
            self.latency.observe(latency);
        }
    }
}

/// Who works, in the order of [`Busy`].
const WORKERS: [&str; 3] = ["decode", "engine", "sink"];

/// What happens to the lease.
const LEASE_EVENTS: [&str; 4] = ["assigned", "revoked", "lost", "fenced"];

/// How a thing went: well, and not.
const RESULTS: [&str; 2] = ["success", "failure"];

/// The rule that a window is tested by.
const fn rule(window: Window) -> &'static str {
    match window {
        Window::FiveMinutes => "burst_5m",
        Window::Hour => "burst_1h",
        Window::Today => "slow_drip",
        Window::Day => "burst_1d",
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{Config, Pipeline};

    #[test]
    fn suppliers_past_the_limit_share_a_label() {
        let metrics = Arc::new(Metrics::new(
            Bounds {
                suppliers_max: 1,
                headroom_accounts: 10,
            },
            "",
        ));
        let pipeline = Pipeline::new("a", Config::default());
        let has = |line: &str| {
            let text = metrics.text();
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        };
        let publish = |supplier: &str| {
            let mut feed = metrics.feed(supplier, Config::default().limits);
            feed.add(&(format!("access.{supplier}"), 0));
            feed.read.records = 2;
            feed.read.refused[0] = 2;
            feed.publish(&pipeline);
            let standing = Standing {
                next: 7,
                lag: 3,
                time: None,
            };
            feed.show(&pipeline, 1, [standing].into_iter());
            feed
        };
        let feeds = ["a", "b", "c"].map(publish);
        has("rosterwatch_events_received_total{supplier=\"a\"} 2");
        has("rosterwatch_events_received_total{supplier=\"other\"} 4");
        has("rosterwatch_events_rejected_total{reason=\"too_large\",supplier=\"a\"} 2");
        has("rosterwatch_accounting_remainder{supplier=\"a\"} 0");
        has("rosterwatch_alerts_pending{sink=\"kafka\"} 3");
        has("rosterwatch_consumer_lag_records{partition=\"0\",topic=\"access.a\"} 3");
        has("rosterwatch_consumer_lag_records{partition=\"other\",topic=\"other\"} 6");
        drop(feeds);
        has("rosterwatch_events_received_total{supplier=\"a\"} 2");
        has("rosterwatch_alerts_pending{sink=\"kafka\"} 0");
        assert!(
            !metrics.text().contains("access.a"),
            "a feed that is gone has no lag"
        );
    }
}
