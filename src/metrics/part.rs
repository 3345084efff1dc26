//! Gauges that live as long as what they tell of: a feed that goes to another replica takes its
//! series along, and nobody reads a lag that stands still.

use prometheus::{GaugeVec, IntGauge, IntGaugeVec};

use super::signed;
use crate::event::Timestamp;

/// One feed's part of a series that several feeds may add up to; taken back when it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    gauge: IntGauge,
    shown: i64,
    /// The series itself, where it is this feed's alone.
    alone: Option<(IntGaugeVec, Vec<String>)>,
}

impl Part {
    /// A part of a series that others add to as well.
    pub(super) fn shared(gauges: &IntGaugeVec, labels: &[&str]) -> Self {
        Self {
            gauge: gauges.with_label_values(labels),
            shown: 0,
            alone: None,
        }
    }

    /// The whole of a series, which goes when this is dropped.
    pub(super) fn alone(gauges: &IntGaugeVec, labels: &[&str]) -> Self {
        let mut part = Self::shared(gauges, labels);
        part.alone = Some((gauges.clone(), owned(labels)));
        part
    }

    /// Makes the part `value`.
    pub(super) fn set(&mut self, value: usize) {
        let value = signed(value);
        self.gauge.add(value - self.shown);
        self.shown = value;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.gauge.sub(self.shown);
        if let Some((gauges, labels)) = &self.alone {
            drop(gauges.remove_label_values(labels));
        }
    }
}

/// A moment of one feed; there once it is known, and gone when this is dropped.
#[derive(Debug)]
pub(super) struct Moment {
    gauges: GaugeVec,
    labels: Vec<String>,
}

impl Moment {
    /// Not known yet.
    pub(super) fn unknown(gauges: &GaugeVec, labels: &[&str]) -> Self {
        Self {
            gauges: gauges.clone(),
            labels: owned(labels),
        }
    }

    /// Shows `moment`, where it is known.
    pub(super) fn set(&self, moment: Option<Timestamp>) {
        if let Some(moment) = moment {
            let secs = moment.as_millis() as f64 / 1_000.0;
            self.gauges.with_label_values(&self.labels).set(secs);
        }
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        // One that was never known is not there.
        drop(self.gauges.remove_label_values(&self.labels));
    }
}

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}
