//! Every metric: its name, type, labels and the help that an operator reads.
//!
//! Labels come from closed sets and from suppliers, of which so many get a label of their own and
//! the others share `other`. Never an account, a subject, an address or an incident.

mod feed;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

pub use self::feed::{FeedMetrics, Read};
use crate::incident::{Alert, AlertState};

/// The label of suppliers past the limit.
const OTHER: &str = "other";

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    suppliers_max: usize,
    suppliers: Mutex<BTreeSet<String>>,
    received: IntCounterVec,
    received_bytes: IntCounterVec,
    processed: IntCounterVec,
    rejected: IntCounterVec,
    duplicate: IntCounterVec,
    conflicting: IntCounterVec,
    late: IntCounterVec,
    remainder: IntGaugeVec,
    watermark: GaugeVec,
    last_event: GaugeVec,
    accounts: IntGaugeVec,
    state_bytes: IntGaugeVec,
    limits: IntCounterVec,
    open: IntGaugeVec,
    alerts_opened: IntCounterVec,
    alerts_escalated: IntCounterVec,
    alerts_closed: IntCounterVec,
    latency: Histogram,
    delivered: IntCounterVec,
    pending: IntGaugeVec,
    position: IntGaugeVec,
    /// Feeds owned now.
    feeds_owned: IntGaugeVec,
    lease_changes: IntCounterVec,
    commits: IntCounterVec,
    kafka_errors: IntCounterVec,
    ready: IntGaugeVec,
}

/// Makes metrics and registers them.
struct Maker(Registry);

impl Maker {
    #[expect(
        clippy::expect_used,
        reason = "names and labels are constants, tested below"
    )]
    fn add<M: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<M>,
    ) -> M {
        let metric = made.expect("a name and labels that Prometheus takes");
        let registered = self.0.register(Box::new(metric.clone()));
        registered.expect("no name twice");
        metric
    }

    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(options(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(options(name, help), labels))
    }

    fn time(&self, name: &str, help: &str) -> GaugeVec {
        self.add(GaugeVec::new(options(name, help), &["supplier"]))
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(format!("rosterwatch_{name}"), help)
}

impl Metrics {
    /// All metrics, at nothing; `suppliers_max` suppliers get a label of their own.
    #[expect(clippy::too_many_lines, reason = "it is the table of all metrics")]
    pub fn new(suppliers_max: usize) -> Self {
        let make = Maker(Registry::new());
        let by = &["supplier"];
        let graded = &["kind", "severity"];
        let latency = HistogramOpts::new(
            "rosterwatch_detection_latency_seconds",
            "From an event's append by the broker to its alert's acknowledgement.",
        );
        let latency = latency.buckets(vec![
            0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0,
        ]);
        let build = make.gauge("build_info", "1, labelled with what runs.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let metrics = Self {
            suppliers_max,
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
            watermark: make.time("watermark_timestamp_seconds", "No older event is awaited."),
            last_event: make.time(
                "feed_last_event_timestamp_seconds",
                "The newest event time.",
            ),
            accounts: make.gauge(
                "accounts_tracked",
                "Accounts remembered.",
                &["supplier", "phase"],
            ),
            state_bytes: make.gauge(
                "state_bytes",
                "Bytes of state, estimated.",
                &["supplier", "component"],
            ),
            limits: make.counter(
                "limits_reached_total",
                "Times a bound was met.",
                &["supplier", "limit"],
            ),
            open: make.gauge("incidents_open", "Incidents open now.", by),
            alerts_opened: make.counter("alerts_opened_total", "Incidents opened.", graded),
            alerts_escalated: make.counter(
                "alerts_escalated_total",
                "Incidents escalated.",
                graded,
            ),
            alerts_closed: make.counter("alerts_closed_total", "Incidents closed.", graded),
            latency: make.add(Histogram::with_opts(latency)),
            delivered: make.counter(
                "alerts_delivered_total",
                "Alerts sent, by outcome.",
                &["sink", "result"],
            ),
            pending: make.gauge("alerts_pending", "Sends of a feed unacknowledged.", by),
            position: make.gauge(
                "consumer_position_offset",
                "Offset decided up to.",
                &["topic", "partition"],
            ),
            feeds_owned: make.gauge("feeds_owned", "Feeds this replica decides.", &[]),
            lease_changes: make.counter("lease_changes_total", "Changes of the lease.", &["event"]),
            commits: make.counter("commits_total", "Commits of input positions.", &["result"]),
            kafka_errors: make.counter(
                "kafka_errors_total",
                "Errors of the client.",
                &["code", "fatal"],
            ),
            ready: make.gauge("ready", "1 where /readyz says yes.", &[]),
            registry: make.0,
        };
        metrics.add_process();
        metrics
    }

    /// All metrics in the Prometheus text format.
    pub fn text(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }

    /// The metrics of one feed, from nothing.
    pub fn feed(self: &Arc<Self>, supplier: &str) -> FeedMetrics {
        let mut known = self
            .suppliers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() < self.suppliers_max {
            known.insert(supplier.to_owned());
        }
        let label = if known.contains(supplier) {
            supplier
        } else {
            OTHER
        };
        FeedMetrics::new(Arc::clone(self), label)
    }

    /// Counts a change of the lease: `assigned`, `revoked` or `lost`.
    pub fn lease_changed(&self, event: &'static str) {
        self.lease_changes.with_label_values(&[event]).inc();
    }

    /// Counts a commit.
    pub fn committed(&self, succeeded: bool) {
        self.commits.with_label_values(&[result(succeeded)]).inc();
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

    /// Shows where a partition is decided up to.
    pub fn decided_to(&self, topic: &str, partition: i32, offset: u64) {
        let partition = partition.to_string();
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        self.position
            .with_label_values(&[topic, &partition])
            .set(offset);
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
        let labels = ["kafka", result(succeeded)];
        self.delivered.with_label_values(&labels).inc();
        if let Some(latency) = latency_secs {
            self.latency.observe(latency);
        }
    }

    #[cfg(target_os = "linux")]
    fn add_process(&self) {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        // Without /proc the process's own figures are missing, and nothing else.
        drop(self.registry.register(Box::new(process)));
    }

    #[cfg(not(target_os = "linux"))]
    fn add_process(&self) {}
}

const fn result(succeeded: bool) -> &'static str {
    if succeeded { "success" } else { "failure" }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Pipeline;

    #[test]
    fn suppliers_past_the_limit_share_a_label() {
        let metrics = Arc::new(Metrics::new(1));
        let pipeline = Pipeline::new("a", crate::feed::Config::default());
        for supplier in ["a", "b", "a"] {
            let mut feed = metrics.feed(supplier);
            feed.read.records = 2;
            feed.read.refused[0] = 2;
            feed.publish(&pipeline, 0);
        }
        let text = metrics.text();
        let has = |line: &str| assert!(text.lines().any(|l| l == line), "{line} in {text}");
        has("rosterwatch_events_received_total{supplier=\"a\"} 4");
        has("rosterwatch_events_received_total{supplier=\"other\"} 2");
        has("rosterwatch_events_rejected_total{reason=\"too_large\",supplier=\"a\"} 4");
        has("rosterwatch_accounting_remainder{supplier=\"a\"} 0");
    }
}
