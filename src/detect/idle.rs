//! People whose records lie idle: whom no person had read for longer than a fortnight, but once did.
//! Work returns to the people whom somebody is working on; a theft takes whoever is there.
//!
//! Known on a day are the reads up to the day before yesterday: those are settled by then, in
//! whatever order events came.
//!
//! How many of the people that are read are idle hangs on the work: the older the log, the more of
//! them were read before, and where a month's cases are closed on one day, that day has many. So what
//! is usual of an account is known as its part of what is usual of its [group](Lately), and moves with
//! that.

use std::collections::VecDeque;

/// Days without a read after which a person lies idle: longer than a fortnight.
const IDLE_DAYS: u32 = 15;
/// Days from the first one on which a supplier's people can be idle, until it is known how many of
/// them usually are.
const KNOWN_DAYS: u32 = 10;
/// Settled days with reading over which a group's share of idle people is taken: a working week.
const SHARE_DAYS: usize = 5;
/// People that this share leans on, and the share of idle ones among them where nothing is known.
const SHARE_PEOPLE: f64 = 100.0;
/// Accounts' worth of reading that a group's share leans on its supplier's with, so that who is alone
/// in a group does not make what is usual of it.
const SHARE_ACCOUNTS: f64 = 10.0;
const SHARE_UNKNOWN: f64 = 0.05;
/// Days before the last one that are told apart.
const BEFORE: u32 = 15;
/// That there was a day before those.
const EARLIER: u16 = 1 << BEFORE;

/// When one person was read.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    /// The last settled day, since 1970; 0 before the first.
    last: u16,
    /// The days before it, a bit each, the nearest lowest, and [`EARLIER`].
    before: u16,
}

/// When each of a supplier's people was last read.
///
/// Programs do not count: a nightly run touches everybody.
#[derive(Clone, Debug, Default)]
pub struct Idle {
    /// By the people's numbers.
    reads: Vec<Read>,
    /// The first settled day.
    first: Option<u32>,
}

/// People that a supplier's accounts, or those of a group, read on the last settled days, and the idle
/// ones among them.
#[derive(Clone, Debug, Default)]
pub struct Lately {
    days: VecDeque<[u64; 2]>,
    /// The day that is being settled.
    today: [u64; 2],
}

impl Lately {
    /// Takes how many people an account read on the day that is being settled, and how many of them
    /// were idle.
    pub fn add(&mut self, counts: [u64; 2]) {
        for (sum, count) in self.today.iter_mut().zip(counts) {
            *sum += count;
        }
    }

    /// The share of idle ones up to that day.
    pub fn share(&self) -> f64 {
        self.leaning(SHARE_PEOPLE, SHARE_UNKNOWN)
    }

    /// The same for a group of so many accounts, leaning on its supplier's share.
    pub fn share_in(&self, wider: f64, accounts: u32) -> f64 {
        let [all, _] = self.sums();
        let people = SHARE_ACCOUNTS * all / f64::from(accounts.max(1));
        self.leaning(people.max(SHARE_PEOPLE), wider)
    }

    fn leaning(&self, people: f64, share: f64) -> f64 {
        let [all, idle] = self.sums();
        (idle + people * share) / (all + people)
    }

    fn sums(&self) -> [f64; 2] {
        let days = || self.days.iter().chain([&self.today]);
        std::array::from_fn(|at| days().map(|day| day[at]).sum::<u64>() as f64)
    }

    /// Ends the day.
    pub fn end_day(&mut self) {
        let today = std::mem::take(&mut self.today);
        if today[0] == 0 {
            return;
        }
        if self.days.len() >= SHARE_DAYS - 1 {
            self.days.pop_front();
        }
        self.days.push_back(today);
    }
}

impl Idle {
    /// The same time, of which it is not known whom it read: nobody is idle.
    pub(super) fn without_people(&self) -> Self {
        Self {
            reads: Vec::new(),
            first: self.first,
        }
    }

    /// Takes the people that were read on a settled `day` (since 1970).
    pub fn learn(&mut self, day: u32, subjects: impl Iterator<Item = u32>) {
        let first = self.first.get_or_insert(day);
        *first = day.min(*first);
        let day = u16::try_from(day).unwrap_or(u16::MAX);
        for subject in subjects {
            let at = subject as usize;
            if at >= self.reads.len() {
                self.reads.resize(at + 1, Read::default());
            }
            self.reads[at].learn(day);
        }
    }

    /// Those of `subjects` whom nobody had read for longer than a fortnight on `day`.
    pub fn idle(&self, subjects: &[u32], day: u32) -> impl Iterator<Item = u32> {
        let all = subjects.iter().copied();
        all.filter(move |subject| self.is_idle(*subject, day))
    }

    /// Prefetches what [`idle`](Self::idle) will read; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch(&self, subject: u32) -> u32 {
        self.read_of(subject).last.into()
    }

    /// Whether people could be idle on `day`: the supplier was known for a fortnight by then.
    pub fn tells_on(&self, day: u32) -> bool {
        self.first.is_some_and(|first| first + IDLE_DAYS <= day)
    }

    /// Whether it is known by `day` how many people usually are.
    pub fn is_usual_known_on(&self, day: u32) -> bool {
        let usual = |first| first + IDLE_DAYS + KNOWN_DAYS <= day;
        self.first.is_some_and(usual)
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.reads.capacity() * size_of::<Read>()
    }

    fn read_of(&self, subject: u32) -> Read {
        let read = self.reads.get(subject as usize);
        read.copied().unwrap_or_default()
    }

    fn is_idle(&self, subject: u32, day: u32) -> bool {
        let read = self.read_of(subject);
        let last = u32::from(read.last);
        if last == 0 {
            return false;
        }
        if last + 2 <= day {
            return last + IDLE_DAYS <= day;
        }
        // Bit n is the day last - 1 - n; yesterday and today are not known of.
        let unknown = (last + 1).saturating_sub(day);
        let before = u32::from(read.before) >> unknown.min(BEFORE + 1);
        let nearest = unknown + before.trailing_zeros();
        before != 0 && last - 1 + IDLE_DAYS <= day + nearest
    }
}

impl Read {
    fn learn(&mut self, day: u16) {
        if self.last == 0 {
            self.last = day;
        } else if day > self.last {
            let later = u32::from(day - self.last);
            let days = u64::from(self.before & !EARLIER) << 1 | 1;
            // Past so many days all of them are earlier ones.
            let days = days << (later - 1).min(2 * BEFORE);
            let kept = days & u64::from(EARLIER - 1);
            let is_earlier = kept != days || self.before & EARLIER != 0;
            self.before = u16::try_from(kept).unwrap_or(0) | if is_earlier { EARLIER } else { 0 };
            self.last = day;
        } else if day < self.last {
            self.before |= 1 << u32::from(self.last - day - 1).min(BEFORE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_is_alone_in_a_group_does_not_make_what_is_usual_of_it() {
        let (mut alone, mut many) = (Lately::default(), Lately::default());
        for _ in 0..SHARE_DAYS {
            alone.end_day();
            alone.add([40, 12]);
            many.end_day();
            many.add([4_000, 1_200]);
        }
        let (alone, many) = (alone.share_in(0.05, 1), many.share_in(0.05, 100));
        assert!(alone < 0.08 && many > 0.25, "{alone} {many}");
    }

    proptest! {
        #[test]
        fn people_are_idle_as_the_slow_twin_says(
            gaps in prop::collection::vec((1..25_u32, 0..4_u32), 1..40),
        ) {
            let (mut idle, mut reads) = (Idle::default(), BTreeSet::new());
            let mut settled = 20_000;
            for (gap, late) in gaps {
                settled += gap;
                // Days settle in order, but for one that late events began.
                let day = settled - u32::from(late == 0);
                idle.learn(day, [3].into_iter());
                reads.insert(day);
                for day in settled..settled + 20 {
                    let known = || reads.iter().filter(|read| **read + 2 <= day);
                    let slow = known().next().is_some()
                        && known().all(|read| read + IDLE_DAYS <= day);
                    prop_assert_eq!(idle.is_idle(3, day), slow, "{:?} {}", reads, day);
                }
            }
        }
    }

    #[test]
    fn who_was_never_read_is_not_idle() {
        let mut idle = Idle::default();
        idle.learn(20_000, [0, 2].into_iter());
        let on = |day| idle.idle(&[0, 1, 2, 9], day).collect::<Vec<_>>();
        assert!(on(20_014).is_empty());
        assert_eq!(on(20_015), [0, 2]);
        assert!(!idle.tells_on(20_014) && idle.tells_on(20_015));
        assert!(!idle.is_usual_known_on(20_024) && idle.is_usual_known_on(20_025));
    }
}
