//! Which source's event is decided next: by event time while the feed is behind, as they come
//! once it has caught up.
//!
//! Pure: knows sources by number, their clocks, and whether something of them waits.

use crate::event::Timestamp;

/// The sources of one feed, and whether it is behind.
#[derive(Debug)]
pub(super) struct Order {
    sources: Vec<Source>,
    live: bool,
    /// Live sources further apart than this are merged again, in milliseconds.
    spread_max_ms: i64,
}

#[derive(Debug, Default)]
struct Source {
    /// Records that wait to be decided.
    pending: usize,
    /// Nothing newer is there.
    at_end: bool,
    /// Was at its end at least once since merging began.
    was_at_end: bool,
    /// Not waited for: it gave nothing for too long.
    left_out: bool,
    /// The running maximum of its event times, that of the next record to decide included; nothing
    /// before its first event.
    clock: Option<Timestamp>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Decide events of `source` while its clock does not pass `until`.
    Decide {
        source: usize,
        until: Option<Timestamp>,
    },
    /// Nothing can be decided before `source` gives something or reaches its end.
    Wait { source: usize },
    /// Nothing waits.
    Idle,
}

impl Order {
    /// No sources yet, and behind. `lateness_ms` is within what order does not matter.
    pub(super) fn new(lateness_ms: i64) -> Self {
        Self {
            sources: Vec::new(),
            live: false,
            spread_max_ms: lateness_ms / 2,
        }
    }

    /// Adds a source; the feed is behind until it has caught up.
    pub(super) fn add(&mut self) {
        self.sources.push(Source::default());
        self.fall_behind();
    }

    /// Takes in that `records` more of `source` wait.
    pub(super) fn arrived(&mut self, source: usize, records: usize) {
        let source = &mut self.sources[source];
        source.pending += records;
        source.at_end = false;
    }

    /// Takes in that `source` has nothing newer than what waits.
    pub(super) fn ended(&mut self, source: usize) {
        let source = &mut self.sources[source];
        source.at_end = true;
        source.was_at_end = true;
        source.left_out = false;
    }

    /// Takes in that one record of `source` was decided.
    pub(super) fn decided(&mut self, source: usize) {
        self.sources[source].pending -= 1;
    }

    /// Takes in the time of the next record of `source`; refused ones have none. Gives its clock.
    ///
    /// Looking at the next record and not at the last one decided matters after a pause: the
    /// first event of a morning must not be decided before another partition's last of the
    /// evening.
    pub(super) fn head(&mut self, source: usize, time: Option<Timestamp>) -> Option<Timestamp> {
        let source = &mut self.sources[source];
        source.clock = source.clock.max(time);
        source.clock
    }

    /// Waits for `source` no more until it reaches its end again.
    pub(super) fn leave_out(&mut self, source: usize) {
        self.sources[source].left_out = true;
    }

    /// Whether `source` is left out.
    pub(super) fn is_left_out(&self, source: usize) -> bool {
        self.sources[source].left_out
    }

    /// Whether the feed has caught up.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Whether `source` is at its end and nothing of it waits.
    pub(super) fn is_drained(&self, source: usize) -> bool {
        let source = &self.sources[source];
        source.at_end && source.pending == 0
    }

    /// Moves between merging and live where it is time; whether it did.
    pub(super) fn turn(&mut self) -> bool {
        let live = if self.live {
            self.spread_ms() <= self.spread_max_ms
        } else {
            let idle = self
                .sources
                .iter()
                .all(|source| source.at_end && source.pending == 0);
            let was = self.sources.iter().all(|source| source.was_at_end);
            idle || (was && self.spread_ms() <= self.spread_max_ms / 2)
        };
        let turned = live != self.live;
        if turned && !live {
            self.fall_behind();
        }
        self.live = live;
        turned
    }

    /// What to do next.
    pub(super) fn next(&self) -> Next {
        let mut lowest: Option<(Option<Timestamp>, usize)> = None;
        let mut second: Option<Option<Timestamp>> = None;
        for (number, source) in self.sources.iter().enumerate() {
            let is_awaited = !self.live && !source.at_end && !source.left_out;
            if source.pending == 0 && !is_awaited {
                continue;
            }
            match lowest {
                Some((clock, _)) if source.clock >= clock => {
                    second = Some(second.map_or(source.clock, |second| second.min(source.clock)));
                }
                _ => {
                    second = lowest.map(|(clock, _)| clock);
                    lowest = Some((source.clock, number));
                }
            }
        }
        match lowest {
            None => Next::Idle,
            Some((_, source)) if self.sources[source].pending == 0 => Next::Wait { source },
            // A second source without a clock yet is to be given its turn after each event.
            Some((_, source)) => Next::Decide {
                source,
                until: match second {
                    None => Some(Timestamp::from_millis(i64::MAX)),
                    Some(clock) => clock,
                },
            },
        }
    }

    fn fall_behind(&mut self) {
        self.live = false;
        for source in &mut self.sources {
            source.was_at_end = source.at_end;
        }
    }

    /// How far the sources that still give something lie apart, in milliseconds.
    fn spread_ms(&self) -> i64 {
        let open = self.sources.iter().filter(|source| source.pending > 0);
        let lowest = open.filter_map(|source| source.clock).min();
        let highest = self.sources.iter().filter_map(|source| source.clock).max();
        match (lowest, highest) {
            (Some(lowest), Some(highest)) => highest.millis_since(lowest),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Option<Timestamp> {
        Some(Timestamp::from_millis(hours * 3_600_000))
    }

    fn two() -> Order {
        let mut order = Order::new(3_600_000);
        order.add();
        order.add();
        order
    }

    #[test]
    fn behind_it_waits_for_the_source_that_lies_lowest() {
        let mut order = two();
        order.arrived(0, 1);
        order.head(0, at(5));
        order.arrived(1, 1);
        order.head(1, at(3));
        let lower = Next::Decide {
            source: 1,
            until: at(5),
        };
        assert_eq!(order.next(), lower);
        order.decided(1);
        assert_eq!(order.next(), Next::Wait { source: 1 });
        order.arrived(1, 1);
        order.head(1, at(9));
        let other = Next::Decide {
            source: 0,
            until: at(9),
        };
        assert_eq!(order.next(), other);
    }

    #[test]
    fn a_source_at_its_end_is_never_waited_for() {
        let mut order = two();
        order.arrived(0, 1);
        order.head(0, at(1));
        assert_eq!(order.next(), Next::Wait { source: 1 });
        order.ended(1);
        assert!(matches!(order.next(), Next::Decide { source: 0, .. }));
        order.decided(0);
        assert_eq!(order.next(), Next::Wait { source: 0 });
        order.ended(0);
        assert_eq!(order.next(), Next::Idle);
    }

    #[test]
    fn caught_up_nothing_is_waited_for_until_sources_drift_apart() {
        let mut order = two();
        order.ended(0);
        order.ended(1);
        assert!(order.turn() && order.is_live());
        order.arrived(0, 1);
        order.head(0, at(9));
        assert!(matches!(order.next(), Next::Decide { source: 0, .. }));
        order.decided(0);
        order.arrived(1, 2);
        order.head(1, at(2));
        assert!(order.turn() && !order.is_live());
    }
}
