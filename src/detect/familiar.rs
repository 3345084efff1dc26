//! The people an account knows: those it read on settled days of the last month or two; and how many
//! it read in a week or a month.
//!
//! Most work returns to the same people; a theft does not. Each person's last day is kept, so that the
//! different people of a week and of a month, in panes of a day, are counted exactly.

use std::cmp::Reverse;

use crate::detect::coverage;

/// Active days after which a new month is begun; the one before is still known. A month spans a
/// payroll's cycle, and active days are not used up by leave.
const MONTH_DAYS: u32 = 30;

/// Ages end here: whoever is older was not read in any window.
const AGE_MAX: u8 = u8::MAX;

/// People in the order of their [`spread`] numbers, which says nearly where one of them lies: a
/// look-up touches one place in memory, and a person takes four bytes.
type People = Box<[u32]>;

/// In an entry, that the person was read in the current month.
const CURRENT: u32 = 1;
/// Entries looked at about the place where one should be, before halving.
const STEPS_MAX: usize = 32;

/// Spreads people evenly over the numbers that leave [`CURRENT`] free, no two to one.
///
/// The factor is 2^32 divided by the golden ratio (Knuth, The Art of Computer Programming 3, §6.4).
const fn spread(subject: u32) -> u32 {
    subject.wrapping_mul(0x9E37_79B1) << 1
}

const fn person(entry: u32) -> u32 {
    entry & !CURRENT
}

/// Where a spread number should be among so many.
fn place_of(spread: u32, len: usize) -> usize {
    let place = (u64::from(spread) * len as u64) >> u32::BITS;
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// Where `subject` lies among `people`.
fn find(people: &[u32], subject: u32) -> Option<usize> {
    find_spread(people, spread(subject))
}

fn find_spread(people: &[u32], wanted: u32) -> Option<usize> {
    let place = place_of(wanted, people.len());
    let (before, rest) = people.split_at_checked(place)?;
    let is_after = rest.first().is_some_and(|entry| person(*entry) <= wanted);
    let near = if is_after {
        let mut near = (place..).zip(rest.iter().take(STEPS_MAX));
        near.find(|(_, entry)| person(**entry) >= wanted)
    } else {
        let mut near = (0..place).rev().zip(before.iter().rev().take(STEPS_MAX));
        near.find(|(_, entry)| person(**entry) <= wanted)
    };
    match near {
        Some((at, entry)) => (person(*entry) == wanted).then_some(at),
        None => people
            .binary_search_by_key(&wanted, |entry| person(*entry))
            .ok(),
    }
}

/// A settled day whose people are not known yet to events older than `from`.
#[derive(Clone, Debug)]
struct Recent {
    from: u32,
    day: u32,
    month: u32,
    people: People,
}

/// A person, by the spread number, read on a day that taught nothing, which is in force from a pane
/// on.
#[derive(Clone, Copy, Debug)]
struct Apart {
    person: u32,
    day: u32,
    from: u32,
}

/// A settled day.
#[derive(Clone, Copy, Debug)]
pub struct MetOn {
    /// The day, since 1970.
    pub day: u32,
    /// How many active days of the account there were.
    pub active_days: u32,
    /// The pane from which on its people are known.
    pub from: u32,
    /// Events before this pane are awaited no more.
    pub passed: u32,
}

/// One account's acquaintances.
#[derive(Clone, Debug, Default)]
pub struct Familiar {
    /// Those of the current month of active days, marked so, and of the one before.
    people: People,
    /// How many days before `as_of` each of them was last read.
    ages: Box<[u8]>,
    /// The last day among those.
    as_of: u32,
    month: u32,
    /// People read on days of the last month that taught nothing.
    apart: Vec<Apart>,
    /// Days in force from a pane on that the watermark has not passed.
    recent: Vec<Recent>,
    /// The last day (since 1970) that a limit kept from being learned: nobody is called a stranger
    /// from then on, for what was usual of strangers cannot be learned anew, and a month is not known
    /// until it holds the day no more.
    lost_on: Option<u32>,
}

impl Familiar {
    /// Those of `subjects` whom the account did not know at `pane`.
    pub fn strangers(&self, subjects: &[u32], pane: u32) -> impl Iterator<Item = u32> {
        let all = match self.lost_on {
            Some(_) => &[],
            None => subjects,
        };
        all.iter()
            .copied()
            .filter(move |&subject| !self.knows(subject, pane))
    }

    /// Prefetches what lies in this struct; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) const fn prefetch(&self) -> usize {
        self.people.len() ^ self.recent.len()
    }

    /// Prefetches what [`strangers`](Self::strangers) will read; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch_beyond(&self, subject: u32) -> u32 {
        let place = place_of(spread(subject), self.people.len());
        self.people.get(place).copied().unwrap_or(0)
    }

    fn knows(&self, subject: u32, pane: u32) -> bool {
        let mut recent = self.recent.iter().filter(|day| day.from <= pane);
        find(&self.people, subject).is_some()
            || recent.any(|day| find(&day.people, subject).is_some())
    }

    /// Takes the people of a day as known.
    pub fn learn(&mut self, subjects: impl Iterator<Item = u32>, met: MetOn) {
        let mut people: Vec<u32> = subjects.map(spread).collect();
        people.sort_unstable();
        people.dedup();
        self.recent.push(Recent {
            from: met.from,
            day: met.day,
            month: met.active_days / MONTH_DAYS,
            people: people.into(),
        });
        let (past, recent) = std::mem::take(&mut self.recent)
            .into_iter()
            .partition(|day| day.from <= met.passed);
        self.recent = recent;
        self.recent.shrink_to_fit();
        for day in past {
            self.merge(&day);
        }
        self.forget_apart(met.day);
    }

    /// Takes the people of a day that teaches nothing: they were read, but nobody gets to know them.
    pub fn pass(&mut self, subjects: impl Iterator<Item = u32>, met: MetOn) {
        self.apart.extend(subjects.map(|subject| Apart {
            person: spread(subject),
            day: met.day,
            from: met.from,
        }));
        self.apart
            .sort_unstable_by_key(|it| (it.person, Reverse(it.day)));
        // An older day is needed as long as an event before the newer one's pane may come.
        self.apart
            .dedup_by(|old, new| old.person == new.person && new.from <= met.passed);
        self.forget_apart(met.day);
    }

    /// How many different people it read on settled days of the month that ends with a day, as it is
    /// known at a pane.
    pub fn month(&self, on: (u32, u32)) -> Option<u32> {
        self.read_in(coverage::DAYS, on, std::iter::empty())
    }

    /// How many different people it read in the `days` that end with `day`, as it is known at `pane`:
    /// on days that are settled, and those of `others`, people read since; nothing where a limit kept
    /// a day from being learned.
    pub fn read_in(
        &self,
        days: u32,
        (day, pane): (u32, u32),
        others: impl Iterator<Item = u32>,
    ) -> Option<u32> {
        if self.lost_on.is_some_and(|lost| day < lost + coverage::DAYS) {
            return None;
        }
        let first = (day + 1).saturating_sub(days);
        let is_in = |age: u8| age < AGE_MAX && self.as_of.saturating_sub(age.into()) >= first;
        let counted = self.ages.iter().filter(|age| is_in(**age)).count();
        let counts = |from: u32, on: u32| from <= pane && (first..=day).contains(&on);
        let recent = self.recent.iter().filter(|it| counts(it.from, it.day));
        let apart = self.apart.iter().filter(|it| counts(it.from, it.day));
        let mut beside: Vec<u32> = recent
            .flat_map(|it| it.people.iter().copied())
            .chain(apart.map(|it| it.person))
            .chain(others.map(spread))
            .collect();
        beside.sort_unstable();
        beside.dedup();
        beside.retain(|person| {
            find_spread(&self.people, *person).is_none_or(|at| !is_in(self.ages[at]))
        });
        u32::try_from(counted + beside.len()).ok()
    }

    /// Notes that a limit kept a `day` from being learned.
    pub fn give_up(&mut self, day: u32) {
        *self = Self {
            lost_on: Some(day),
            ..Self::default()
        };
    }

    /// People it holds, those of days not passed beside.
    pub fn len(&self) -> usize {
        let recent: usize = self.recent.iter().map(|day| day.people.len()).sum();
        self.people.len() + self.apart.len() + recent
    }

    /// Whether it holds nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a passed day in: its people belong to the current month.
    fn merge(&mut self, day: &Recent) {
        let is_new_month = day.month > self.month;
        self.month = self.month.max(day.month);
        let older = day.day.saturating_sub(self.as_of);
        self.as_of = self.as_of.max(day.day);
        let older_by = |age: u8| u8::try_from(older + u32::from(age)).unwrap_or(AGE_MAX);
        let fresh = u8::try_from(self.as_of - day.day).unwrap_or(AGE_MAX);
        let (people, ages) = (
            std::mem::take(&mut self.people),
            std::mem::take(&mut self.ages),
        );
        let known = people.iter().zip(ages.iter().map(|age| older_by(*age)));
        let mut known = known
            .filter(|(entry, _)| !is_new_month || **entry & CURRENT != 0)
            .map(|(entry, age)| (if is_new_month { person(*entry) } else { *entry }, age))
            .peekable();
        let most = people.len() + day.people.len();
        let (mut people, mut ages) = (Vec::with_capacity(most), Vec::with_capacity(most));
        for entry in &*day.people {
            while let Some((before, age)) = known.next_if(|(other, _)| person(*other) < *entry) {
                people.push(before);
                ages.push(age);
            }
            let same = known.next_if(|(other, _)| person(*other) == *entry);
            people.push(entry | CURRENT);
            ages.push(same.map_or(fresh, |(_, age)| age.min(fresh)));
        }
        for (entry, age) in known {
            people.push(entry);
            ages.push(age);
        }
        (self.people, self.ages) = (people.into(), ages.into());
    }

    fn forget_apart(&mut self, day: u32) {
        self.apart.retain(|it| it.day + MONTH_DAYS > day);
        self.apart.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn people_are_known_as_the_slow_twin_knows_them(
            days in prop::collection::vec(
                prop::collection::vec(prop_oneof![0..300_u32, 0..1_u32 << 31], 0..80),
                1..40,
            ),
            strangers in prop::collection::vec(0..1_u32 << 31, 20),
        ) {
            let mut familiar = Familiar::default();
            let mut months: [BTreeSet<u32>; 2] = Default::default();
            for (day, people) in (0..).map(|day| day * 7).zip(&days) {
                if day / MONTH_DAYS > (day.max(7) - 7) / MONTH_DAYS {
                    months.swap(0, 1);
                    months[0].clear();
                }
                months[0].extend(people);
                familiar.learn(people.iter().copied(), met(day, day, day));
                let all = days.iter().flatten().chain(&strangers).copied();
                for subject in all.chain(0..20) {
                    let knows = months.iter().any(|month| month.contains(&subject));
                    prop_assert_eq!(familiar.knows(subject, day), knows);
                }
            }
            prop_assert_eq!(familiar.len(), months[0].union(&months[1]).count());
        }

        #[test]
        fn the_people_of_a_week_and_of_a_month_are_counted_as_the_slow_twin_does(
            days in prop::collection::vec(
                (1..40_u32, any::<bool>(), prop::collection::vec(0..60_u32, 0..20)),
                1..30,
            ),
            others in prop::collection::vec(0..80_u32, 0..5),
        ) {
            let mut familiar = Familiar::default();
            let mut reads: Vec<(u32, u32)> = Vec::new();
            let mut day = 100;
            for (active, (gap, teaches, people)) in (0..).zip(&days) {
                // Days long apart, and close together.
                day += if gap % 3 == 0 { *gap } else { 1 };
                reads.extend(people.iter().map(|person| (day, *person)));
                let passed = if gap % 2 == 0 { day } else { day - 1 };
                let met = MetOn { day, active_days: active, from: day, passed };
                if *teaches {
                    familiar.learn(people.iter().copied(), met);
                } else {
                    familiar.pass(people.iter().copied(), met);
                }
                // To who asks from before it is in force, the day has not been.
                let before = reads.iter().filter(|(on, _)| *on < day && on + 30 > day);
                let before: BTreeSet<u32> = before.map(|(_, person)| *person).collect();
                if passed < day {
                    let counted = familiar.read_in(30, (day, day - 1), std::iter::empty());
                    prop_assert_eq!(counted, Some(u32::try_from(before.len()).unwrap()));
                }
                for (length, until) in [(7, day), (30, day), (7, day + 5), (30, day + 29)] {
                    let inside = reads.iter().filter(|(on, _)| on + length > until);
                    let mut slow: BTreeSet<u32> = inside.map(|(_, person)| *person).collect();
                    slow.extend(&others);
                    let counted = familiar.read_in(length, (until, until), others.iter().copied());
                    prop_assert_eq!(counted, Some(u32::try_from(slow.len()).unwrap()));
                }
            }
        }

        #[test]
        fn people_with_like_numbers_are_found(
            step in 1..1_u32 << 20,
            count in 1..3_000_u32,
        ) {
            let of = |n: u32| n.wrapping_mul(step);
            let mut people: Vec<u32> = (0..count).map(|n| spread(of(n))).collect();
            people.sort_unstable();
            people.dedup();
            for n in (0..count).step_by(97) {
                prop_assert!(find(&people, of(n)).is_some());
            }
        }
    }

    /// An active day, one a day.
    fn met(day: u32, from: u32, passed: u32) -> MetOn {
        MetOn {
            day,
            active_days: day,
            from,
            passed,
        }
    }

    fn strangers(familiar: &Familiar, pane: u32) -> Vec<u32> {
        familiar.strangers(&[1, 2, 3], pane).collect()
    }

    #[test]
    fn a_day_is_known_from_its_pane_on_whatever_arrived_since() {
        let mut familiar = Familiar::default();
        familiar.learn([1, 1].into_iter(), met(1, 100, 50));
        assert_eq!(strangers(&familiar, 99), [1, 2, 3]);
        assert_eq!(strangers(&familiar, 100), [2, 3]);
        familiar.learn([2].into_iter(), met(2, 200, 150));
        assert_eq!(strangers(&familiar, 199), [2, 3]);
        assert_eq!(strangers(&familiar, 200), [3]);
        assert_eq!(familiar.len(), 2);
    }

    #[test]
    fn people_are_forgotten_after_two_months_without_them() {
        let mut familiar = Familiar::default();
        for day in 0..90 {
            let subject = if day == 0 { 1 } else { 2 };
            familiar.learn([subject].into_iter(), met(day, day, day));
            let knows_first = !strangers(&familiar, day).contains(&1);
            assert_eq!(knows_first, day < 60, "day {day}");
        }
        assert_eq!(strangers(&familiar, 90), [1, 3]);
    }

    #[test]
    fn who_could_not_learn_has_no_strangers_and_a_month_once_the_day_has_left_it() {
        let mut familiar = Familiar::default();
        familiar.give_up(1);
        assert!(familiar.is_empty());
        for day in 2..40 {
            familiar.learn([2].into_iter(), met(day, day, day));
            let known = (day > coverage::DAYS).then_some(1);
            assert_eq!(familiar.month((day, day)), known, "day {day}");
            assert!(strangers(&familiar, day).is_empty(), "day {day}");
        }
    }
}
