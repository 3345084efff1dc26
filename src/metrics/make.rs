//! Makes metrics by name, help and labels, and registers them.

use prometheus::{
    CounterVec, GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry,
    core::Collector,
};

use super::behind::Behind;

/// Makes metrics and registers them.
#[derive(Default)]
pub(super) struct Maker(pub(super) Registry);

impl Maker {
    #[expect(
        clippy::expect_used,
        reason = "names and labels are constants, tested in tests/serve.rs"
    )]
    fn add<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let metric = made.expect("a name and labels that Prometheus takes");
        let registered = self.0.register(Box::new(metric.clone()));
        registered.expect("no name twice");
        metric
    }

    /// A counter.
    pub(super) fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(options(name, help), labels))
    }

    /// A counter of seconds, or of what is no whole number.
    pub(super) fn fractions(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        self.add(CounterVec::new(options(name, help), labels))
    }

    /// A gauge.
    pub(super) fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(options(name, help), labels))
    }

    /// A gauge that holds a moment.
    pub(super) fn time(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.add(GaugeVec::new(options(name, help), labels))
    }

    /// A histogram of single observations.
    pub(super) fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        let options = HistogramOpts::from(options(name, help)).buckets(bounds.to_vec());
        self.add(Histogram::with_opts(options))
    }

    /// The histogram that feeds count in themselves.
    pub(super) fn behind(&self, name: &str, help: &str) -> Behind {
        self.add(Behind::new(options(name, help)))
    }

    /// The process's own figures; without `/proc` they are missing, and nothing else.
    #[cfg(target_os = "linux")]
    pub(super) fn process(&self) {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        drop(self.0.register(Box::new(process)));
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn process(&self) {}
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(format!("rosterwatch_{name}"), help)
}
