//! Which source's event comes next: event-time order over partitions or files.
//!
//! Pure: knows sources by number and the times of their events, and nothing of batches, so that
//! the order cannot depend on where batches begin.
//!
//! A source's events come in the order of its log. Between sources, the next event is the one
//! ahead of the source whose [`SourceClock`] is lowest *once that event is taken in*. Looking at
//! the event ahead and not at the last one decided matters after a pause: the first event of a
//! morning must not be decided before another source's last of the evening.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use crate::event::{HOUR_MS, Timestamp};

/// A step forward of at most this many milliseconds is taken without asking what follows: the
/// default lateness, within which order does not matter.
pub const STEP_MS: i64 = HOUR_MS;

/// How many records after a doubtful event decide whether its step is taken: many times what a
/// program writes with one wrong clock reading, and few enough to hold in memory for each source.
pub const AHEAD_RECORDS: usize = 64;

/// How far a source has come: the running maximum of its event times, implausible leaps left out.
///
/// A leap is a step of more than [`STEP_MS`] that those after it do not confirm. A night or a
/// weekend is confirmed, because what follows lies beyond it too; an event dated into the future
/// is not, because what follows returns. The rule uses the events of this source alone, hence
/// every reader of the same log follows the same clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourceClock {
    reached: Option<Timestamp>,
}

impl SourceClock {
    /// Takes in the source's next event where that needs no confirmation. Where it answers
    /// `false`, call [`settle`](Self::settle) with what follows.
    pub fn admit(&mut self, time: Timestamp) -> bool {
        match self.reached {
            Some(reached) if time.millis_since(reached) <= STEP_MS => {
                self.reached = Some(reached.max(time));
                true
            }
            _ => false,
        }
    }

    /// Takes in an event that needs confirmation: its time, its account, and the same of the
    /// events among the [`AHEAD_RECORDS`] records that follow it.
    ///
    /// The step is taken where nothing that follows lies more than [`STEP_MS`] below it, or where
    /// more accounts stay up there than return: a burst of one account convinces nobody.
    pub fn settle<A: Ord>(
        &mut self,
        time: Timestamp,
        account: A,
        following: impl IntoIterator<Item = (Timestamp, A)>,
    ) {
        let mut stay = BTreeSet::from([account]);
        let mut returned = BTreeSet::new();
        for (later, account) in following {
            if time.millis_since(later) > STEP_MS {
                returned.insert(account);
            } else {
                stay.insert(account);
            }
        }
        if returned.is_empty() || stay.len() > returned.len() {
            self.reached = Some(time);
        }
    }

    /// The highest time taken in; nothing before the first.
    pub const fn reached(&self) -> Option<Timestamp> {
        self.reached
    }
}

/// Chooses the source whose event is next: the lowest clock, ties by number.
///
/// The caller works on [`current`](Self::current) alone: it looks at that source's next event,
/// takes it into the source's clock and tells [`ahead`](Self::ahead) what the clock says. Where
/// the source is still the current one, that event is decided, and the next one looked at.
/// Costs one comparison an event while one source stays lowest.
#[derive(Debug)]
pub struct Merge {
    current: Option<Rank>,
    others: BinaryHeap<Reverse<Rank>>,
}

/// A source's place in the order: its clock, then its number.
type Rank = (Option<Timestamp>, usize);

impl Merge {
    /// Merges the sources 0 to `sources`, none of which has shown an event yet.
    pub fn new(sources: usize) -> Self {
        let mut others: BinaryHeap<_> =
            (0..sources).map(|number| Reverse((None, number))).collect();
        let current = others.pop().map(|Reverse(rank)| rank);
        Self { current, others }
    }

    /// Takes in that the current source's clock stands at `clock` with the event ahead.
    pub fn ahead(&mut self, clock: Option<Timestamp>) {
        let Some((_, number)) = self.current else {
            return;
        };
        let mut rank = (clock, number);
        if let Some(mut lowest) = self.others.peek_mut()
            && lowest.0 < rank
        {
            std::mem::swap(&mut lowest.0, &mut rank);
        }
        self.current = Some(rank);
    }

    /// Takes in that the current source has no more events.
    pub fn end(&mut self) {
        self.current = self.others.pop().map(|Reverse(rank)| rank);
    }

    /// Whether all sources but one have ended: what is left of it comes in its own order, whatever
    /// its clock says.
    pub fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// The source to look at; nothing once all have ended.
    pub const fn current(&self) -> Option<usize> {
        match self.current {
            Some((_, number)) => Some(number),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A source's events: hour and account.
    type Log = Vec<(i64, u8)>;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR_MS)
    }

    /// The clock before and with each event of `log`, by the rule as it is written.
    fn clocks(log: &Log) -> Vec<Option<Timestamp>> {
        let mut clock = SourceClock::default();
        log.iter()
            .enumerate()
            .map(|(index, &(hour, account))| {
                if !clock.admit(at(hour)) {
                    let following = log[index + 1..].iter().take(AHEAD_RECORDS);
                    let following = following.map(|&(hour, account)| (at(hour), account));
                    clock.settle(at(hour), account, following);
                }
                clock.reached()
            })
            .collect()
    }

    /// The order of events as (source, index), by [`Merge`].
    fn merged(logs: &[Log]) -> Vec<(usize, usize)> {
        let clocks: Vec<_> = logs.iter().map(clocks).collect();
        let mut next = vec![0; logs.len()];
        let mut is_seen = vec![false; logs.len()];
        let mut merge = Merge::new(logs.len());
        let mut order = Vec::new();
        while let Some(source) = merge.current() {
            if is_seen[source] {
                order.push((source, next[source]));
                next[source] += 1;
                is_seen[source] = false;
            } else if let Some(clock) = clocks[source].get(next[source]) {
                is_seen[source] = true;
                merge.ahead(*clock);
            } else {
                merge.end();
            }
        }
        order
    }

    /// The same by looking at every source for every event.
    fn merged_slowly(logs: &[Log]) -> Vec<(usize, usize)> {
        let clocks: Vec<_> = logs.iter().map(clocks).collect();
        let mut next = vec![0; logs.len()];
        let mut order = Vec::new();
        let heads = |next: &[usize]| {
            let ahead = next.iter().enumerate();
            let ahead = ahead.filter_map(|(source, &index)| {
                clocks[source].get(index).map(|clock| (*clock, source))
            });
            ahead.min()
        };
        while let Some((_, source)) = heads(&next) {
            order.push((source, next[source]));
            next[source] += 1;
        }
        order
    }

    fn logs(hours: i64) -> impl Strategy<Value = Vec<Log>> {
        let event = prop_oneof![
            9 => (0..hours, 0..6_u8),
            1 => (hours..hours * 50, 0..2_u8),
        ];
        let log = (proptest::collection::vec(event, 0..120), any::<bool>());
        let log = log.prop_map(|(mut log, is_sorted)| {
            if is_sorted {
                log.sort_unstable();
            }
            log
        });
        proptest::collection::vec(log, 0..5)
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_a_search_over_all_sources(logs in logs(200)) {
            prop_assert_eq!(merged(&logs), merged_slowly(&logs));
        }

        #[test]
        fn logs_in_order_come_out_in_order(mut logs in logs(2_000)) {
            for log in &mut logs {
                log.sort_unstable();
            }
            let order = merged(&logs);
            let hours = order.iter().map(|&(source, index)| logs[source][index].0);
            prop_assert!(hours.is_sorted());
        }
    }

    #[test]
    fn a_lone_future_event_moves_nothing() {
        let log = vec![(1, 1), (900_000, 1), (1, 2), (2, 1)];
        assert_eq!(
            clocks(&log),
            [Some(at(1)), Some(at(1)), Some(at(1)), Some(at(2))]
        );
    }

    #[test]
    fn a_future_first_event_holds_nothing_back() {
        let log = vec![(900_000, 1), (5, 2), (6, 2)];
        assert_eq!(clocks(&log), [None, Some(at(5)), Some(at(6))]);
        let order = merged(&[vec![(4, 1), (7, 1)], log]);
        assert_eq!(order, [(1, 0), (0, 0), (1, 1), (1, 2), (0, 1)]);
    }

    #[test]
    fn a_burst_of_one_account_is_no_step_while_another_returns() {
        let mut log = vec![(1, 1)];
        log.extend([(900_000, 7); 60]);
        log.extend([(2, 1), (3, 2)]);
        let reached = clocks(&log);
        assert_eq!(reached[60], Some(at(1)));
        assert_eq!(reached[62], Some(at(3)));
    }

    #[test]
    fn a_weekend_is_a_step_though_one_event_is_late() {
        let mut log = vec![(17, 1), (80, 2), (17, 1)];
        log.extend([(80, 3), (81, 4)]);
        let reached = clocks(&log);
        assert_eq!(reached[1..3], [Some(at(80)), Some(at(80))]);
    }
}
