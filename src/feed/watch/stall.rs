//! Whether partitions deliver what they have.

use crate::event::Timestamp;

/// Where one partition stands, as whoever reads it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Records below are decided.
    pub next: u64,
    /// Records that are there and do not come: none of them is in our hands.
    pub withheld: u64,
    /// Whether it was left out of the order, having given nothing for too long.
    pub is_left_out: bool,
    /// Whether the broker that leads it is connected.
    pub is_reachable: bool,
}

impl Standing {
    /// Whether it gives what it has.
    pub const fn is_delivering(&self) -> bool {
        self.withheld == 0 && !self.is_left_out && self.is_reachable
    }
}

/// A partition that does not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stalled {
    /// The partition's number.
    pub(super) source: usize,
    /// Where it stands, and since when.
    pub(super) standing: Standing,
    pub(super) since: Timestamp,
}

/// The partitions of one feed.
#[derive(Debug)]
pub(super) struct Stalls {
    /// A partition may stand still for so long, in milliseconds.
    patience_ms: i64,
    /// Where each stood, and since when it withholds records.
    since: Vec<Option<(u64, Timestamp)>>,
}

impl Stalls {
    pub(super) const fn new(patience_ms: i64) -> Self {
        Self {
            patience_ms,
            since: Vec::new(),
        }
    }

    /// The partitions that do not deliver as of `now`.
    pub(super) fn judge(&mut self, now: Timestamp, standings: &[Standing]) -> Vec<Stalled> {
        self.since.resize(standings.len(), None);
        let judged = standings.iter().zip(&mut self.since).enumerate();
        let stalled = judged.filter_map(|(source, (&standing, since))| {
            if standing.is_delivering() {
                *since = None;
                return None;
            }
            let fresh = (standing.next, now);
            let kept = since.filter(|(next, _)| *next == standing.next);
            let (_, since) = *since.insert(kept.unwrap_or(fresh));
            let is_over = now.millis_since(since) >= self.patience_ms;
            (is_over || standing.is_left_out).then_some(Stalled {
                source,
                standing,
                since,
            })
        });
        stalled.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVING: Standing = Standing {
        next: 10,
        withheld: 0,
        is_left_out: false,
        is_reachable: true,
    };
    const STUCK: Standing = Standing {
        withheld: 5,
        ..MOVING
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    #[test]
    fn a_partition_that_withholds_records_for_too_long_is_stalled_until_it_moves() {
        let mut stalls = Stalls::new(60_000);
        let none: [usize; 0] = [];
        let sources = |stalled: Vec<Stalled>| -> Vec<usize> {
            stalled.iter().map(|stalled| stalled.source).collect()
        };
        assert_eq!(sources(stalls.judge(at(0), &[MOVING, STUCK])), none);
        assert_eq!(sources(stalls.judge(at(59), &[MOVING, STUCK])), none);
        let stalled = stalls.judge(at(60), &[MOVING, STUCK]);
        assert_eq!(stalled[0].since, at(0));
        assert_eq!(sources(stalled), [1]);
        let moved = Standing { next: 11, ..STUCK };
        assert_eq!(sources(stalls.judge(at(61), &[MOVING, moved])), none);
        assert_eq!(sources(stalls.judge(at(121), &[MOVING, moved])), [1]);
    }

    #[test]
    fn what_was_left_out_is_stalled_at_once() {
        let left_out = Standing {
            is_left_out: true,
            ..MOVING
        };
        assert_eq!(Stalls::new(60_000).judge(at(0), &[left_out]).len(), 1);
    }
}
