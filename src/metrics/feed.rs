//! The metrics of one feed, published after each batch.

use std::{sync::Arc, time::Duration};

use prometheus::{Counter, IntCounter, IntGauge};

use super::{
    Metrics, OTHER, WORKERS,
    part::{Moment, Part},
    rule,
};
use crate::{
    clock::Stopwatch,
    decode::Reject,
    detect::{
        Maturity, Window,
        exceedance::{Exceedance, LEVELS},
        headroom::{QUANTILES, quantiles},
    },
    event::{Action, Timestamp},
    feed::{Counts, Limits, Pipeline},
    incident::{Detections, Kind, Severity},
    kafka::Partition,
};

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

/// How long the workers of a feed were busy since that was last published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Busy {
    /// Polling and decoding, over all threads.
    pub decode: Duration,
    /// Deciding.
    pub engine: Duration,
    /// Writing alerts and quarantine records, and handing them over.
    pub sink: Duration,
}

/// Where one partition stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Records below are decided.
    pub next: u64,
    /// Records that are there and not decided.
    pub lag: u64,
    /// The time of the last event decided.
    pub time: Option<Timestamp>,
}

/// The metrics of one feed. Its counters stay when it is dropped; its gauges go.
#[derive(Debug)]
pub struct FeedMetrics {
    metrics: Arc<Metrics>,
    label: String,
    counters: Counters,
    gauges: Gauges,
    places: Vec<Place>,
    published: Counts,
    detections: Detections,
    exceedance: Exceedance,
    limits: Vec<u64>,
    shown: Option<Stopwatch>,
    headroom_shown: Option<Stopwatch>,
    /// What was read since the last [`publish`](Self::publish).
    pub read: Read,
    /// How long who was busy since the last [`publish`](Self::publish).
    pub busy: Busy,
}

/// Handles of the feed's own series: at 0 from its start on, and found without a lock.
#[derive(Debug)]
struct Counters {
    received: IntCounter,
    received_bytes: IntCounter,
    processed: [IntCounter; Action::ALL.len()],
    rejected: [IntCounter; Reject::ALL.len()],
    duplicate: IntCounter,
    conflicting: IntCounter,
    late_decided: IntCounter,
    late_exposure_only: IntCounter,
    remainder: IntGauge,
    judged: IntCounter,
    small_alarms: IntCounter,
    /// Observed and expected, by window and level.
    exceeded: Vec<(IntCounter, Counter)>,
    /// In the order of [`Busy`].
    busy: [Counter; WORKERS.len()],
}

impl Counters {
    fn of(metrics: &Metrics, by: &str) -> Self {
        metrics.behind.add(by, std::iter::empty(), 0);
        let levels = Window::ALL
            .into_iter()
            .flat_map(|window| LEVELS.map(|(level, _)| [by, rule(window), level]));
        Self {
            received: metrics.received.with_label_values(&[by]),
            received_bytes: metrics.received_bytes.with_label_values(&[by]),
            processed: Action::ALL
                .map(|action| metrics.processed.with_label_values(&[by, action.as_str()])),
            rejected: Reject::ALL
                .map(|reject| metrics.rejected.with_label_values(&[by, reject.as_str()])),
            duplicate: metrics.duplicate.with_label_values(&[by]),
            conflicting: metrics.conflicting.with_label_values(&[by]),
            late_decided: metrics.late.with_label_values(&[by, "decided"]),
            late_exposure_only: metrics.late.with_label_values(&[by, "exposure_only"]),
            remainder: metrics.remainder.with_label_values(&[by]),
            judged: metrics.judged.with_label_values(&[by]),
            small_alarms: metrics.small_alarms.with_label_values(&[by]),
            exceeded: levels
                .map(|labels| {
                    (
                        metrics.exceeded.with_label_values(&labels),
                        metrics.exceeded_expected.with_label_values(&labels),
                    )
                })
                .collect(),
            busy: WORKERS.map(|worker| metrics.busy.with_label_values(&[worker])),
        }
    }
}

#[derive(Debug)]
struct Gauges {
    /// Nothing where feeds share a label: their times have no sum.
    times: Option<[Moment; 2]>,
    accounts: Vec<Part>,
    state_bytes: Vec<Part>,
    _state_limits: Vec<Part>,
    open: Vec<Part>,
    pending: Part,
    /// Of people and of records, by quantile; nothing before it is known.
    headroom: [Vec<Part>; 2],
}

/// The gauges of one partition.
#[derive(Debug)]
struct Place {
    lag: Part,
    /// Nothing where feeds share a label.
    stands: Option<(Part, Moment)>,
}

/// Gauges are shown this often at most.
const SHOW: Duration = Duration::from_millis(250);
/// Headroom, which costs some milliseconds, is shown this often at most.
const SHOW_HEADROOM: Duration = Duration::from_mins(1);

impl Gauges {
    fn of(metrics: &Metrics, by: &str, limits: Limits) -> Self {
        let is_named = by != OTHER;
        let part = |gauges: &_, of: &str| {
            if is_named {
                Part::alone(gauges, &[by, of])
            } else {
                Part::shared(gauges, &[by, of])
            }
        };
        let components = limits.bytes();
        let limit = |(component, bytes): (&str, usize)| {
            let mut part = part(&metrics.state_limit, component);
            part.set(bytes);
            part
        };
        let graded = Kind::ALL.iter().flat_map(|kind| {
            Severity::ALL
                .map(|severity| Part::shared(&metrics.open, &[kind.as_str(), severity.as_str()]))
        });
        Self {
            times: is_named.then(|| {
                [&metrics.watermark, &metrics.last_event]
                    .map(|gauges| Moment::unknown(gauges, &[by]))
            }),
            accounts: Maturity::ALL
                .map(|phase| part(&metrics.accounts, phase.as_str()))
                .into(),
            state_bytes: components
                .map(|(component, _)| part(&metrics.state_bytes, component))
                .into(),
            _state_limits: components.map(limit).into(),
            open: graded.collect(),
            pending: Part::shared(&metrics.pending, &["kafka"]),
            headroom: Default::default(),
        }
    }

    /// Shows what a sample of the accounts could take now.
    fn show_headroom(&mut self, pipeline: &Pipeline, metrics: &Metrics, by: &str) {
        let Some(mut probe) = pipeline.headroom() else {
            return;
        };
        let families = [&metrics.headroom_people, &metrics.headroom_records];
        let sample = probe.sample(metrics.bounds.headroom_accounts);
        for ((parts, gauges), mut values) in self.headroom.iter_mut().zip(families).zip(sample) {
            let Some(values) = quantiles(&mut values) else {
                continue;
            };
            if parts.is_empty() {
                *parts = QUANTILES
                    .map(|(quantile, _)| Part::alone(gauges, &[by, quantile]))
                    .into();
            }
            for (part, value) in parts.iter_mut().zip(values) {
                part.set(count(value));
            }
        }
    }

    fn show(&mut self, pipeline: &Pipeline, pending: usize) {
        if let Some([watermark, last_event]) = &self.times {
            watermark.set(pipeline.watermark());
            last_event.set(pipeline.head());
        }
        for (part, accounts) in self.accounts.iter_mut().zip(pipeline.accounts()) {
            part.set(accounts);
        }
        for (part, (_, bytes)) in self.state_bytes.iter_mut().zip(pipeline.state_bytes()) {
            part.set(bytes);
        }
        let open = pipeline.open_by();
        for (part, open) in self.open.iter_mut().zip(open.into_iter().flatten()) {
            part.set(open);
        }
        self.pending.set(pending);
    }
}

impl FeedMetrics {
    /// The metrics of the feed of that label, from nothing.
    pub(super) fn new(metrics: Arc<Metrics>, label: &str, limits: Limits) -> Self {
        Self {
            counters: Counters::of(&metrics, label),
            gauges: Gauges::of(&metrics, label, limits),
            metrics,
            label: label.to_owned(),
            places: Vec::new(),
            published: Counts::default(),
            detections: Detections::default(),
            exceedance: Exceedance::default(),
            limits: Vec::new(),
            shown: None,
            headroom_shown: None,
            read: Read::default(),
            busy: Busy::default(),
        }
    }

    /// The metrics of the process.
    pub fn process(&self) -> &Metrics {
        &self.metrics
    }

    /// Adds a partition; they are numbered as they come.
    pub fn add(&mut self, (topic, partition): &Partition) {
        let metrics = &self.metrics;
        let partition = partition.to_string();
        let place = if self.label == OTHER {
            Place {
                lag: Part::shared(&metrics.lag, &[OTHER, OTHER]),
                stands: None,
            }
        } else {
            let labels = [topic.as_str(), partition.as_str()];
            Place {
                lag: Part::alone(&metrics.lag, &labels),
                stands: Some((
                    Part::alone(&metrics.position, &labels),
                    Moment::unknown(&metrics.position_time, &labels),
                )),
            }
        };
        self.places.push(place);
    }

    /// Adds what was read and decided since the last time.
    pub fn publish(&mut self, pipeline: &Pipeline) {
        let counters = &self.counters;
        let read = std::mem::take(&mut self.read);
        let (now, before) = (pipeline.counts(), &self.published);
        counters.received.inc_by(read.records);
        counters.received_bytes.inc_by(read.bytes);
        let mut accounted = now.duplicate - before.duplicate;
        let decided = now.decided.iter().zip(before.decided);
        for (counter, (now, before)) in counters.processed.iter().zip(decided) {
            counter.inc_by(now - before);
            accounted += now - before;
        }
        for (counter, refused) in counters.rejected.iter().zip(read.refused) {
            counter.inc_by(refused);
            accounted += refused;
        }
        counters
            .remainder
            .add(read.records.cast_signed() - accounted.cast_signed());
        counters.duplicate.inc_by(now.duplicate - before.duplicate);
        counters
            .conflicting
            .inc_by(now.conflicting - before.conflicting);
        counters
            .late_decided
            .inc_by(now.late_decided - before.late_decided);
        counters
            .late_exposure_only
            .inc_by(now.late_exposure_only - before.late_exposure_only);
        if read.records > 0 {
            let behind = now.behind.iter().zip(before.behind);
            self.metrics.behind.add(
                &self.label,
                behind.map(|(now, before)| now - before),
                now.behind_ms - before.behind_ms,
            );
            self.published = now.clone();
        }
        let busy = std::mem::take(&mut self.busy);
        let busy = [busy.decode, busy.engine, busy.sink];
        for (counter, busy) in counters.busy.iter().zip(busy) {
            counter.inc_by(busy.as_secs_f64());
        }
        self.publish_detections(pipeline);
        self.publish_exceedance(pipeline);
        self.publish_limits(pipeline);
    }

    fn publish_detections(&mut self, pipeline: &Pipeline) {
        let now = pipeline.detections();
        if *now == self.detections {
            return;
        }
        let grades = Window::ALL
            .iter()
            .flat_map(|window| Severity::ALL.map(|severity| (*window, severity)));
        for (window, severity) in grades {
            let of = |detections: &Detections| detections[window as usize][severity as usize];
            self.metrics
                .detections
                .with_label_values(&[rule(window), severity.as_str()])
                .inc_by(of(now) - of(&self.detections));
        }
        self.detections = *now;
    }

    fn publish_exceedance(&mut self, pipeline: &Pipeline) {
        let (now, before) = (pipeline.exceedance(), &self.exceedance);
        if now.days == before.days {
            return;
        }
        self.counters.judged.inc_by(now.days - before.days);
        let small = now.small - before.small;
        self.counters.small_alarms.inc_by(small);
        let flat = |it: &Exceedance| {
            let observed = it.observed.into_iter().flatten();
            observed.zip(it.expected.into_iter().flatten())
        };
        let both = flat(now).zip(flat(before));
        for ((observed, expected), (now, before)) in self.counters.exceeded.iter().zip(both) {
            observed.inc_by(now.0 - before.0);
            expected.inc_by(now.1 - before.1);
        }
        self.exceedance = now.clone();
    }

    fn publish_limits(&mut self, pipeline: &Pipeline) {
        let limits = pipeline.limits_reached();
        self.limits.resize(limits.len(), 0);
        for ((limit, times), published) in limits.into_iter().zip(&mut self.limits) {
            if times > *published {
                let counter = self.metrics.limits.with_label_values(&[limit]);
                counter.inc_by(times - *published);
                *published = times;
            }
        }
    }

    fn show_headroom(&mut self, pipeline: &Pipeline) {
        let is_recent = |shown: Stopwatch| shown.elapsed() < SHOW_HEADROOM;
        // Quantiles of feeds that share a label have no sum.
        let is_off = self.label == OTHER || self.metrics.bounds.headroom_accounts == 0;
        if is_off || self.headroom_shown.is_some_and(is_recent) {
            return;
        }
        self.headroom_shown = pipeline.head().map(|_| Stopwatch::start());
        self.gauges
            .show_headroom(pipeline, &self.metrics, &self.label);
    }

    /// Whether it is time to [`show`](Self::show) where the feed stands.
    pub fn is_due(&self) -> bool {
        self.shown.is_none_or(|shown| shown.elapsed() >= SHOW)
    }

    /// Shows where the pipeline stands, with so many sends unacknowledged, and its partitions.
    pub fn show(
        &mut self,
        pipeline: &Pipeline,
        pending: usize,
        standings: impl Iterator<Item = Standing>,
    ) {
        self.shown = Some(Stopwatch::start());
        self.gauges.show(pipeline, pending);
        self.show_headroom(pipeline);
        for (place, standing) in self.places.iter_mut().zip(standings) {
            place.lag.set(count(standing.lag));
            if let Some((offset, time)) = &mut place.stands {
                offset.set(count(standing.next));
                time.set(standing.time);
            }
        }
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
