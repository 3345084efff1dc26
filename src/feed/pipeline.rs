//! Repeats, detector and incident tracker of one feed, composed; free of IO.

use crate::{
    event::{AccessEvent, Action, Timestamp},
    feed::Config,
    incident::Alert,
    ingest::Record,
};

/// What a pipeline has counted since it began; the caller publishes differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events decided, late and conflicting ones included, by action in [`Action::ALL`] order.
    pub decided: [u64; Action::ALL.len()],
    /// Events whose id and content were known.
    pub duplicate: u64,
    /// Events whose id was known with other content.
    pub conflicting: u64,
    /// Events later than the lateness that were decided.
    pub late_decided: u64,
    /// Events later than the horizon: exposure only.
    pub late_exposure_only: u64,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It was decided.
    Decided,
    /// It was known and changed nothing.
    Duplicate,
}

/// Decides one supplier's events, one after the other.
#[derive(Debug)]
pub struct Pipeline {
    counts: Counts,
}

impl Pipeline {
    /// An empty pipeline for `supplier`.
    pub fn new(_supplier: &str, _config: Config) -> Self {
        Self {
            counts: Counts::default(),
        }
    }

    /// Decides `event`, which lies at `record` of `source`, and appends the alerts it raises.
    pub fn observe(
        &mut self,
        event: &AccessEvent<'_>,
        source: u32,
        record: Record,
        alerts: &mut Vec<Alert>,
    ) -> Decision {
        let _ = (event, source, record, alerts);
        Decision::Decided
    }

    /// What was counted since the pipeline began.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The moment before which no event is awaited any more; nothing before the first event.
    pub fn watermark(&self) -> Option<Timestamp> {
        None
    }

    /// The highest event time seen, implausible jumps left out.
    pub fn head(&self) -> Option<Timestamp> {
        None
    }

    /// Incidents open now.
    pub fn incidents_open(&self) -> usize {
        0
    }
    /// Accounts remembered, by phase in [`Maturity::ALL`](crate::detect::Maturity::ALL) order.
    pub fn accounts(&self) -> [usize; 3] {
        [0; 3]
    }
    /// Bytes of state held, estimated, by component.
    pub fn state_bytes(&self) -> [(&'static str, usize); 4] {
        [
            ("accounts", 0),
            ("subjects", 0),
            ("known_ids", 0),
            ("incidents", 0),
        ]
    }
    /// How often each limit was met.
    pub fn limits_reached(&self) -> [(&'static str, u64); 4] {
        [
            ("accounts", 0),
            ("subjects", 0),
            ("known_ids", 0),
            ("incidents", 0),
        ]
    }
}
