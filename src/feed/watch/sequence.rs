//! The supplier's own running number: which numbers never came.
//!
//! A number that is passed over is awaited as long as the lateness; then it is missing. What else
//! may happen to a running number, and what it means here:
//!
//! - It begins anew: [`CONFIRM`] events in a row go on from another place, and none where the
//!   numbers stood. Below, that is a restart. Above, it is a gap where it passes over no more
//!   numbers than were ever counted, and a restart where it passes over more.
//! - It is none: counters of several sources mixed, random numbers, every second one. Of each
//!   [`WINDOW`] numbers at most a quarter may neither go on nor come back to what was passed over.
//!   Until four windows have been so, and after as many that were not as were before (sixteen at
//!   most), nothing is called missing.

use std::collections::BTreeMap;

use crate::event::Timestamp;

/// Events in a row that confirm another place: many times what a retry or a late shipper brings.
const CONFIRM: u32 = 32;
/// A step of at most so many numbers forward needs no confirmation.
const NEAR: u64 = 4_096;
/// So far apart may lie what confirms: events come a little out of order.
const SPREAD: u64 = 64;
/// Numbers after which it is asked whether they run.
const WINDOW: u32 = 256;
/// Of them at most so many may be out of place.
const MISFITS_MAX: i64 = 64;
/// Windows after which numbers are trusted.
const TRUST: u32 = 4;
/// As many windows are remembered.
const TRUST_MAX: u32 = 16;
/// Events after which event time has followed, where it does.
const CONFIRMED: u64 = 64;
/// Runs of numbers awaited at once.
const RUNS_MAX: usize = 65_536;

/// Where and when a number was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// How far event time had come, by the event itself too.
    pub(super) head: Timestamp,
    /// The partition's or file's number.
    pub(super) source: u32,
    /// Offset or line.
    pub(super) position: u64,
}

/// A run of numbers that never came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The event that passed over them.
    pub(super) after: Place,
}

/// The numbers of one feed.
#[derive(Debug)]
pub(super) struct Sequence {
    /// The number after the highest one; nothing before the first.
    next: Option<u64>,
    /// Numbers that have gone on since they began (anew).
    counted: u64,
    /// Events with a number so far.
    events: u64,
    /// What was passed over and is awaited, by first number.
    awaited: BTreeMap<u64, Run>,
    elsewhere: Option<Elsewhere>,
    /// Numbers of this window so far.
    window: u32,
    /// How many of them are out of place: steps over numbers, less what came back, and strays.
    misfits: i64,
    trust: u32,
    is_trusted: bool,
    limit_reached: u64,
}

/// Numbers that were passed over.
#[derive(Clone, Copy, Debug)]
struct Run {
    last: u64,
    after: Place,
    /// Events with a number up to there.
    events: u64,
}

/// A place where the numbers may have begun anew.
#[derive(Clone, Copy, Debug)]
struct Elsewhere {
    first: u64,
    next: u64,
    events: u32,
    place: Place,
}

impl Sequence {
    pub(super) const fn new() -> Self {
        Self {
            next: None,
            counted: 0,
            events: 0,
            awaited: BTreeMap::new(),
            elsewhere: None,
            window: 0,
            misfits: 0,
            trust: 0,
            is_trusted: false,
            limit_reached: 0,
        }
    }

    /// Takes the number of an event in that is no repeat; `is_late` tells that it came after the
    /// lateness. What a restart leaves behind goes to `missing`.
    pub(super) fn observe(
        &mut self,
        number: u64,
        is_late: bool,
        place: Place,
        missing: impl FnMut(Missing),
    ) {
        self.events += 1;
        let next = *self.next.get_or_insert(number);
        if number == next {
            self.next = Some(next.saturating_add(1));
            self.counted += 1;
            self.elsewhere = None;
        } else if number > next && number - next <= NEAR {
            self.pass_over(next, number - 1, place);
            self.next = Some(number.saturating_add(1));
            self.counted += 1;
            self.elsewhere = None;
        } else if number < next && self.come_back(number) {
            self.elsewhere = None;
        } else if is_late {
            // What is uploaded late says nothing about where the numbers stand now.
            return;
        } else {
            self.misfits += 1;
            self.stray(number, place, missing);
        }
        self.window += 1;
        if self.window == WINDOW {
            self.end_window();
        }
    }

    /// Gives what was passed over and has not come within the lateness to `missing`, now that event
    /// time has come to `head`.
    pub(super) fn advance(
        &mut self,
        head: Timestamp,
        lateness_ms: i64,
        mut missing: impl FnMut(Missing),
    ) {
        while let Some(mut run) = self.awaited.first_entry() {
            let Run {
                last,
                after,
                events,
            } = *run.get();
            if after.head > head && self.events - events >= CONFIRMED {
                // The event was dated into the future: nobody waits until then.
                run.get_mut().after.head = head;
            }
            if head.millis_since(after.head) <= lateness_ms {
                return;
            }
            let first = run.remove_entry().0;
            if self.is_trusted {
                missing(Missing { first, last, after });
            }
        }
    }

    /// How often more was awaited than can be.
    pub(super) const fn limit_reached(&self) -> u64 {
        self.limit_reached
    }

    fn pass_over(&mut self, first: u64, last: u64, place: Place) {
        self.misfits += 1;
        let events = self.events;
        let run = Run {
            last,
            after: place,
            events,
        };
        self.awaited.insert(first, run);
        if self.awaited.len() > RUNS_MAX {
            self.awaited.pop_first();
            self.limit_reached += 1;
        }
    }

    /// Takes a number out of what is awaited; whether it was.
    fn come_back(&mut self, number: u64) -> bool {
        let Some((&first, &run)) = self.awaited.range(..=number).next_back() else {
            return false;
        };
        let Run { last, after, .. } = run;
        if number > last {
            return false;
        }
        self.awaited.remove(&first);
        self.misfits -= 1;
        if first < number {
            self.pass_over(first, number - 1, after);
        }
        if number < last {
            self.pass_over(number + 1, last, after);
        }
        true
    }

    fn stray(&mut self, number: u64, place: Place, missing: impl FnMut(Missing)) {
        let near = |it: &Elsewhere| number.abs_diff(it.next) <= SPREAD;
        let mut elsewhere = self.elsewhere.filter(near).unwrap_or(Elsewhere {
            first: number,
            next: number,
            events: 0,
            place,
        });
        elsewhere.events += 1;
        elsewhere.first = elsewhere.first.min(number);
        elsewhere.next = elsewhere.next.max(number.saturating_add(1));
        self.elsewhere = Some(elsewhere);
        if elsewhere.events == CONFIRM {
            self.move_to(elsewhere, missing);
        }
    }

    /// Goes on where the numbers are now.
    fn move_to(&mut self, elsewhere: Elsewhere, mut missing: impl FnMut(Missing)) {
        self.elsewhere = None;
        // What confirmed it is not out of place.
        self.misfits -= i64::from(CONFIRM);
        let next = self.next.replace(elsewhere.next).unwrap_or(0);
        if elsewhere.first > next && elsewhere.first - next <= self.counted {
            self.pass_over(next, elsewhere.first - 1, elsewhere.place);
            return;
        }
        // The old numbers come no more: beginning anew must not hide what is missing of them.
        self.counted = u64::from(CONFIRM);
        for (first, Run { last, after, .. }) in std::mem::take(&mut self.awaited) {
            if self.is_trusted {
                missing(Missing { first, last, after });
            }
        }
    }

    fn end_window(&mut self) {
        if self.misfits <= MISFITS_MAX {
            self.trust = (self.trust + 1).min(TRUST_MAX);
        } else {
            self.trust = self.trust.saturating_sub(1);
        }
        if self.trust >= TRUST {
            self.is_trusted = true;
        } else if self.trust == 0 {
            self.is_trusted = false;
        }
        (self.window, self.misfits) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An event a second; numbers missing when all is over, in runs.
    fn missing(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
        const LATENESS: i64 = 600_000;
        let mut sequence = Sequence::new();
        let mut found = Vec::new();
        let mut head = Timestamp::default();
        for (position, number) in (0_u64..).zip(numbers) {
            head = head.plus_millis(1_000);
            let place = Place {
                head,
                source: 0,
                position,
            };
            sequence.observe(number, false, place, |it| found.push((it.first, it.last)));
            sequence.advance(head, LATENESS, |it| found.push((it.first, it.last)));
        }
        let end = head.plus_millis(LATENESS + 1);
        sequence.advance(end, LATENESS, |it| found.push((it.first, it.last)));
        found
    }

    #[test]
    fn one_of_a_hundred_thousand_is_missed() {
        let numbers = (1..100_000).filter(|number| *number != 77_777);
        assert_eq!(missing(numbers), [(77_777, 77_777)]);
    }

    #[test]
    fn a_restart_is_no_gap_of_millions() {
        let restarts = [
            (5_000_000..5_010_000).chain(1..3_000),
            (1..10_000).chain(1_795_425_245_000..1_795_425_255_000),
        ];
        for numbers in restarts {
            assert_eq!(missing(numbers), []);
        }
    }

    #[test]
    fn a_restart_hides_no_gap_before_it() {
        let before = (1..5_000).filter(|number| *number != 4_990);
        assert_eq!(missing(before.chain(1..3_000)), [(4_990, 4_990)]);
    }

    #[test]
    fn a_long_gap_is_one_as_far_as_was_ever_counted() {
        let numbers = (1..20_000).chain(35_000..40_000);
        assert_eq!(missing(numbers), [(20_000, 34_999)]);
    }

    #[test]
    fn numbers_that_do_not_run_never_alert() {
        let scattered = |seed: u64| move |n: u64| (n * seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = |n: u64| {
            if n.is_multiple_of(2) {
                900_000 + n / 2
            } else {
                n / 2
            }
        };
        let three = |n: u64| [n / 3, 5_000 + n / 3, 70_000 + n / 3][(n % 3) as usize];
        let one_of_ten = |n: u64| {
            if n.is_multiple_of(10) {
                n
            } else {
                1_000_000 + n
            }
        };
        assert_eq!(missing((0..20_000).map(scattered(3))), []);
        assert_eq!(missing((0..20_000).map(mixed)), []);
        assert_eq!(missing((0..20_000).map(three)), []);
        assert_eq!(missing((0..20_000).map(|n| 2 * n)), []);
        assert_eq!(missing((0..20_000).map(|_| 0)), []);
        let rare = missing((0..20_000).map(one_of_ten));
        assert!(rare.len() < 2, "{rare:?}");
    }

    #[test]
    fn a_third_that_is_left_out_from_one_day_on_is_told_before_it_is_taken_for_granted() {
        let numbers = (1..8_000).chain((8_000..20_000).filter(|number| number % 3 > 0));
        let missing = missing(numbers);
        assert!(missing.len() > 500, "{}", missing.len());
    }

    proptest! {
        /// Goal: order within the lateness changes nothing. Method: numbers moved by up to a few
        /// hundred places, some of them missing.
        #[test]
        fn order_within_the_lateness_is_no_gap(
            gone in prop::collection::btree_set(2_000_u64..8_000, 0..40),
            shifts in prop::collection::vec(0_u64..400, 10_000),
        ) {
            let mut places: Vec<(u64, u64)> =
                (1..10_000).zip(shifts).map(|(number, shift)| (number + shift, number)).collect();
            places.sort_unstable();
            let numbers = places.into_iter().map(|(_, number)| number);
            let numbers = numbers.filter(|number| !gone.contains(number));
            let found: Vec<u64> =
                missing(numbers).into_iter().flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(found, gone.into_iter().collect::<Vec<_>>());
        }
    }
}
