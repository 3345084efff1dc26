//! The metrics of one feed, published after each batch.

use std::sync::Arc;

use super::{Metrics, signed};
use crate::{
    decode::Reject,
    detect::Maturity,
    event::Action,
    feed::{Counts, Pipeline},
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
    /// The metrics of the feed of that label, from nothing.
    pub(super) fn new(metrics: Arc<Metrics>, label: &str) -> Self {
        Self {
            metrics,
            label: label.to_owned(),
            published: Counts::default(),
            limits: Vec::new(),
            read: Read::default(),
        }
    }

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
