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
    /// Within this many milliseconds of event time order does not matter.
    lateness_ms: i64,
}

#[derive(Debug, Default)]
struct Source {
    /// Records that wait to be decided.
    pending: usize,
    /// Since when nothing newer is there, by the wall clock.
    ended: Option<Timestamp>,
    /// Not waited for: it gave nothing for too long.
    left_out: bool,
    /// The time of the next record to decide, or of the last one where nothing waits; nothing
    /// before its first event.
    clock: Option<Timestamp>,
    /// What the clock was before the next record.
    before: Option<Timestamp>,
    /// Whether that record leaps and what follows it, which is to say whether the step is taken, is not
    /// all there: then the clock may yet turn out to be what it was.
    is_in_doubt: bool,
}

/// What the clock of a source says with its next record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    pub(super) clock: Option<Timestamp>,
    /// What it said before.
    pub(super) before: Option<Timestamp>,
    /// Whether what follows the record, and may say otherwise, is not all there.
    pub(super) is_in_doubt: bool,
}

/// While the feed is behind, a source at its end is still waited for so long: a supplier that
/// uploads a batch fills its partitions one after the other.
const GRACE_MS: i64 = 1_000;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Decide events of `source` while its clock does not pass `until`.
    Decide {
        source: usize,
        until: Option<Timestamp>,
    },
    /// Nothing can be decided before `source` gives something or its time is up.
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
            lateness_ms,
        }
    }

    /// Adds a source; the feed is behind until it has caught up.
    pub(super) fn add(&mut self) {
        self.sources.push(Source::default());
        self.live = false;
    }

    /// Takes in that `records` more of `source` wait.
    pub(super) fn arrived(&mut self, source: usize, records: usize) {
        let source = &mut self.sources[source];
        source.pending += records;
        source.ended = None;
    }

    /// Takes in that `source` has nothing newer than what waits.
    pub(super) fn ended(&mut self, source: usize, now: Timestamp) {
        let source = &mut self.sources[source];
        source.ended = Some(now);
        source.left_out = false;
    }

    /// Takes in that one record of `source` was decided.
    pub(super) fn decided(&mut self, source: usize) {
        self.sources[source].pending -= 1;
    }

    /// Takes in what the clock of `source` says with its next record: in doubt, and while the feed is
    /// behind, the record waits for those that follow it.
    ///
    /// Looking at the next record and not at the last one decided matters after a pause: the
    /// first event of a morning must not be decided before another partition's last of the
    /// evening.
    pub(super) fn head(&mut self, source: usize, head: Head) {
        let source = &mut self.sources[source];
        source.clock = head.clock;
        source.before = head.before;
        source.is_in_doubt = head.is_in_doubt;
    }

    /// Whether the next record of `source` waits for those that follow it.
    pub(super) fn is_doubtful(&self, source: usize) -> bool {
        let source = &self.sources[source];
        !self.live && source.is_in_doubt && source.ended.is_none() && !source.left_out
    }

    /// The lowest that the clock of `source` may be.
    fn clock_of(&self, source: usize) -> Option<Timestamp> {
        let it = &self.sources[source];
        if self.is_doubtful(source) {
            it.before
        } else {
            it.clock
        }
    }

    /// Waits for `source` no more until it reaches its end again.
    pub(super) fn leave_out(&mut self, source: usize) {
        self.sources[source].left_out = true;
    }

    /// Whether `source` is left out.
    pub(super) fn is_left_out(&self, source: usize) -> bool {
        self.sources[source].left_out
    }

    /// Whether `source` is at its end and nothing of it waits.
    pub(super) fn is_drained(&self, source: usize) -> bool {
        let source = &self.sources[source];
        source.ended.is_some() && source.pending == 0
    }

    /// Moves between merging and live where it is time.
    ///
    /// Live begins once every source is at its end, or once all that waits is of the last quarter
    /// of the lateness; it ends where something that waits is older than the lateness, or lies
    /// more than half of it behind another source. `now` decides how long is waited, never what
    /// is found.
    pub(super) fn turn(&mut self, now: Timestamp) {
        let waiting = self.sources.iter().filter(|source| source.pending > 0);
        let lowest = waiting.map(|source| source.clock).min();
        // A last event dated into the future tells nothing about how far the others are.
        let believable = now.plus_millis(self.lateness_ms);
        let clocks = self.sources.iter().filter_map(|source| source.clock);
        let highest = clocks.filter(|clock| *clock <= believable).max();
        let Some(lowest) = lowest else {
            self.live = self.sources.iter().all(|source| !is_awaited(source, now));
            return;
        };
        let (Some(lowest), highest) = (lowest, highest.max(lowest)) else {
            // Refused records alone: their order means nothing.
            return;
        };
        let spread = highest.map_or(0, |highest| highest.millis_since(lowest));
        // Far in the future is as odd as long ago.
        let age = now.millis_since(lowest).abs();
        if self.live && (spread > self.lateness_ms / 2 || age > self.lateness_ms) {
            self.live = false;
            for source in &mut self.sources {
                source.ended = source.ended.map(|_| now);
            }
        } else if spread <= self.lateness_ms / 4 && age <= self.lateness_ms / 4 {
            self.live = true;
        }
    }

    /// What to do next.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let mut lowest: Option<(Option<Timestamp>, usize)> = None;
        let mut second: Option<Option<Timestamp>> = None;
        for (number, source) in self.sources.iter().enumerate() {
            if source.pending == 0 && (self.live || !is_awaited(source, now)) {
                continue;
            }
            let clock = self.clock_of(number);
            match lowest {
                Some((least, _)) if clock >= least => {
                    second = Some(second.map_or(clock, |second| second.min(clock)));
                }
                _ => {
                    second = lowest.map(|(clock, _)| clock);
                    lowest = Some((clock, number));
                }
            }
        }
        match lowest {
            None => Next::Idle,
            Some((_, source)) if self.sources[source].pending == 0 || self.is_doubtful(source) => {
                Next::Wait { source }
            }
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
}

/// Whether something may still come of `source` before what other sources hold is decided.
fn is_awaited(source: &Source, now: Timestamp) -> bool {
    let is_at_end = source
        .ended
        .is_some_and(|since| now.millis_since(since) >= GRACE_MS);
    !is_at_end && !source.left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what a source shows is an option")]
    fn at(hours: i64) -> Option<Timestamp> {
        Some(Timestamp::from_millis(hours * 3_600_000))
    }

    fn sure(clock: Option<Timestamp>) -> Head {
        Head {
            clock,
            ..Head::default()
        }
    }

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

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
        order.head(0, sure(at(5)));
        order.arrived(1, 1);
        order.head(1, sure(at(3)));
        let lower = Next::Decide {
            source: 1,
            until: at(5),
        };
        assert_eq!(order.next(NOW), lower);
        order.decided(1);
        assert_eq!(order.next(NOW), Next::Wait { source: 1 });
        order.arrived(1, 1);
        order.head(1, sure(at(9)));
        let other = Next::Decide {
            source: 0,
            until: at(9),
        };
        assert_eq!(order.next(NOW), other);
    }

    #[test]
    fn a_source_at_its_end_is_not_waited_for_beyond_the_grace() {
        let mut order = two();
        order.arrived(0, 1);
        order.head(0, sure(at(1)));
        assert_eq!(order.next(NOW), Next::Wait { source: 1 });
        order.ended(1, NOW);
        assert_eq!(order.next(NOW), Next::Wait { source: 1 });
        let later = NOW.plus_millis(GRACE_MS);
        assert!(matches!(order.next(later), Next::Decide { source: 0, .. }));
        order.decided(0);
        assert_eq!(order.next(later), Next::Wait { source: 0 });
    }

    #[test]
    fn caught_up_only_old_events_are_waited_with() {
        let mut order = two();
        order.ended(0, NOW);
        order.ended(1, NOW);
        let mut now = NOW.plus_millis(GRACE_MS);
        order.turn(now);
        assert!(order.live);
        order.arrived(0, 1);
        order.head(0, sure(Some(now)));
        order.turn(now);
        assert!(matches!(order.next(now), Next::Decide { source: 0, .. }));
        order.decided(0);
        order.arrived(1, 1);
        order.head(1, sure(Some(now.plus_millis(-7_200_000))));
        order.turn(now);
        assert!(!order.live);
        now = now.plus_millis(GRACE_MS);
        assert!(matches!(order.next(now), Next::Decide { source: 1, .. }));
    }

    #[test]
    fn a_record_that_may_leap_waits_for_those_behind_it_while_the_feed_is_behind() {
        let leap = Head {
            clock: at(700),
            before: at(5),
            is_in_doubt: true,
        };
        let mut order = two();
        order.arrived(0, 1);
        order.head(0, leap);
        order.arrived(1, 1);
        order.head(1, sure(at(6)));
        assert_eq!(order.next(NOW), Next::Wait { source: 0 });
        order.arrived(0, 64);
        order.head(0, sure(at(5)));
        assert!(matches!(order.next(NOW), Next::Decide { source: 0, .. }));
        order.head(0, leap);
        order.ended(0, NOW);
        assert!(matches!(order.next(NOW), Next::Decide { source: 1, .. }));
    }
}
