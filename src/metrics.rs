//! Every metric: its name, type, labels and the help that an operator reads.
//!
//! Labels come from closed sets and from suppliers, of which so many get a label of their own and
//! the others share `other`. Never an account, a subject, an address or an incident.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::{
    decode::Reject,
    detect::Maturity,
    event::Action,
    feed::{Counts, Pipeline},
    incident::{Alert, AlertState},
};

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
        FeedMetrics {
            metrics: Arc::clone(self),
            label: label.to_owned(),
            published: Counts::default(),
            limits: Vec::new(),
            read: Read::default(),
        }
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

/// What a feed has read since it was last published.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// Records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Refused ones, by [`Reject`].
    pub refused: [u64; Reject::ALL.len()],
}

/// The metrics of one feed.
#[derive(Debug)]
pub struct FeedMetrics {
    metrics: Arc<Metrics>,
    label: String,
    published: Counts,
    limits: Vec<u64>,
    /// What was read since the last [`publish`](Self::publish).
    pub read: Read,
}

impl FeedMetrics {
    /// The metrics of the process.
    pub fn process(&self) -> &Metrics {
        &self.metrics
    }

    /// Adds what was read and decided since the last time, and shows where the pipeline stands.
    pub fn publish(&mut self, pipeline: &Pipeline, pending: usize) {
        let (metrics, by) = (&self.metrics, self.label.as_str());
        let read = std::mem::take(&mut self.read);
        let (now, before) = (pipeline.counts(), &self.published);
        metrics
            .received
            .with_label_values(&[by])
            .inc_by(read.records);
        metrics
            .received_bytes
            .with_label_values(&[by])
            .inc_by(read.bytes);
        let mut accounted = now.duplicate - before.duplicate;
        for (action, (now, before)) in Action::ALL
            .iter()
            .zip(now.decided.iter().zip(before.decided))
        {
            let labels = [by, action.as_str()];
            metrics
                .processed
                .with_label_values(&labels)
                .inc_by(now - before);
            accounted += now - before;
        }
        for (reject, refused) in Reject::ALL.iter().zip(read.refused) {
            let labels = [by, reject.as_str()];
            metrics.rejected.with_label_values(&labels).inc_by(refused);
            accounted += refused;
        }
        let remainder = i64::try_from(read.records).unwrap_or(i64::MAX)
            - i64::try_from(accounted).unwrap_or(i64::MAX);
        metrics.remainder.with_label_values(&[by]).add(remainder);
        let counters = [
            (&metrics.duplicate, now.duplicate - before.duplicate),
            (&metrics.conflicting, now.conflicting - before.conflicting),
        ];
        for (counter, more) in counters {
            counter.with_label_values(&[by]).inc_by(more);
        }
        let late = [
            ("decided", now.late_decided - before.late_decided),
            (
                "exposure_only",
                now.late_exposure_only - before.late_exposure_only,
            ),
        ];
        for (handling, more) in late {
            metrics.late.with_label_values(&[by, handling]).inc_by(more);
        }
        self.published = now.clone();
        self.show(pipeline, pending);
    }

    fn show(&mut self, pipeline: &Pipeline, pending: usize) {
        let (metrics, by) = (&self.metrics, self.label.as_str());
        let moments = [
            (&metrics.watermark, pipeline.watermark()),
            (&metrics.last_event, pipeline.head()),
        ];
        for (gauge, moment) in moments {
            if let Some(moment) = moment {
                gauge
                    .with_label_values(&[by])
                    .set(moment.as_millis() as f64 / 1_000.0);
            }
        }
        for (phase, accounts) in Maturity::ALL.iter().zip(pipeline.accounts()) {
            let labels = [by, phase.as_str()];
            metrics
                .accounts
                .with_label_values(&labels)
                .set(signed(accounts));
        }
        for (component, bytes) in pipeline.state_bytes() {
            metrics
                .state_bytes
                .with_label_values(&[by, component])
                .set(signed(bytes));
        }
        let limits = pipeline.limits_reached();
        self.limits.resize(limits.len(), 0);
        for ((limit, times), published) in limits.into_iter().zip(&mut self.limits) {
            metrics
                .limits
                .with_label_values(&[by, limit])
                .inc_by(times - *published);
            *published = times;
        }
        metrics
            .open
            .with_label_values(&[by])
            .set(signed(pipeline.incidents_open()));
        metrics
            .pending
            .with_label_values(&[by])
            .set(signed(pending));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
