//! The people an account knows: those it read on settled days of the last month or two.
//!
//! Most work returns to the same people; a theft does not. Knows nothing of counts and windows.

/// Active days after which a new month is begun; the one before is still known. A month spans a
/// payroll's cycle, and active days are not used up by leave.
const MONTH_DAYS: u32 = 30;

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

fn contains(people: &[u32], subject: u32) -> bool {
    let wanted = spread(subject);
    let place = (u64::from(wanted) * people.len() as u64) >> u32::BITS;
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    let Some((before, rest)) = people.split_at_checked(place) else {
        return false;
    };
    let is_after = rest.first().is_some_and(|entry| person(*entry) <= wanted);
    let near = if is_after {
        let mut near = rest.iter().take(STEPS_MAX).map(|entry| person(*entry));
        near.find(|person| *person >= wanted)
    } else {
        let mut near = before
            .iter()
            .rev()
            .take(STEPS_MAX)
            .map(|entry| person(*entry));
        near.find(|person| *person <= wanted)
    };
    match near {
        Some(found) => found == wanted,
        None => people
            .binary_search_by_key(&wanted, |entry| person(*entry))
            .is_ok(),
    }
}

/// A settled day whose people are not known yet to events older than `from`.
#[derive(Clone, Debug)]
struct Recent {
    from: u32,
    month: u32,
    people: People,
}

/// One account's acquaintances.
#[derive(Clone, Debug, Default)]
pub struct Familiar {
    /// Those of the current month of active days, marked so, and of the one before.
    people: People,
    month: u32,
    /// Days in force from a pane on that the watermark has not passed.
    recent: Vec<Recent>,
    /// Whether a limit kept a day from being learned: then nobody is called a stranger.
    incomplete: bool,
}

impl Familiar {
    /// Those of `subjects` whom the account did not know at `pane`.
    pub fn strangers(&self, subjects: &[u32], pane: u32) -> impl Iterator<Item = u32> {
        let all = if self.incomplete { &[] } else { subjects };
        all.iter()
            .copied()
            .filter(move |&subject| !self.knows(subject, pane))
    }

    fn knows(&self, subject: u32, pane: u32) -> bool {
        let mut recent = self.recent.iter().filter(|day| day.from <= pane);
        contains(&self.people, subject) || recent.any(|day| contains(&day.people, subject))
    }

    /// Takes the people of the `active_days`-th active day as known from the pane `from` on; events
    /// before the pane `passed` are awaited no more.
    pub fn learn(
        &mut self,
        subjects: impl Iterator<Item = u32>,
        active_days: u32,
        from: u32,
        passed: u32,
    ) {
        let mut people: Vec<u32> = subjects.map(spread).collect();
        people.sort_unstable();
        people.dedup();
        self.recent.push(Recent {
            from,
            month: active_days / MONTH_DAYS,
            people: people.into(),
        });
        let (past, recent) = std::mem::take(&mut self.recent)
            .into_iter()
            .partition(|day| day.from <= passed);
        self.recent = recent;
        self.recent.shrink_to_fit();
        for Recent { month, people, .. } in past {
            if month > self.month {
                self.month = month;
                let current = self.people.iter().filter(|entry| **entry & CURRENT != 0);
                self.people = current.map(|entry| person(*entry)).collect();
            }
            self.people = merged(&self.people, &people);
        }
    }

    /// Notes that a limit kept a day from being learned.
    pub fn give_up(&mut self) {
        *self = Self {
            incomplete: true,
            ..Self::default()
        };
    }

    /// People it holds, those of days not passed beside.
    pub fn len(&self) -> usize {
        let recent: usize = self.recent.iter().map(|day| day.people.len()).sum();
        self.people.len() + recent
    }

    /// Whether it holds nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The people of `known`, and those of `day` as of the current month.
fn merged(known: &[u32], day: &[u32]) -> People {
    let mut all = Vec::with_capacity(known.len() + day.len());
    let mut known = known.iter().copied().peekable();
    for entry in day {
        while let Some(before) = known.next_if(|other| person(*other) < *entry) {
            all.push(before);
        }
        known.next_if(|other| person(*other) == *entry);
        all.push(entry | CURRENT);
    }
    all.extend(known);
    all.into()
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
                familiar.learn(people.iter().copied(), day, day, day);
                let all = days.iter().flatten().chain(&strangers).copied();
                for subject in all.chain(0..20) {
                    let knows = months.iter().any(|month| month.contains(&subject));
                    prop_assert_eq!(familiar.knows(subject, day), knows);
                }
            }
            prop_assert_eq!(familiar.len(), months[0].union(&months[1]).count());
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
                prop_assert!(contains(&people, of(n)));
            }
        }
    }

    fn strangers(familiar: &Familiar, pane: u32) -> Vec<u32> {
        familiar.strangers(&[1, 2, 3], pane).collect()
    }

    #[test]
    fn a_day_is_known_from_its_pane_on_whatever_arrived_since() {
        let mut familiar = Familiar::default();
        familiar.learn([1, 1].into_iter(), 1, 100, 50);
        assert_eq!(strangers(&familiar, 99), [1, 2, 3]);
        assert_eq!(strangers(&familiar, 100), [2, 3]);
        familiar.learn([2].into_iter(), 2, 200, 150);
        assert_eq!(strangers(&familiar, 199), [2, 3]);
        assert_eq!(strangers(&familiar, 200), [3]);
        assert_eq!(familiar.len(), 2);
    }

    #[test]
    fn people_are_forgotten_after_two_months_without_them() {
        let mut familiar = Familiar::default();
        for day in 0..90 {
            let subject = if day == 0 { 1 } else { 2 };
            familiar.learn([subject].into_iter(), day, day, day);
            let knows_first = !strangers(&familiar, day).contains(&1);
            assert_eq!(knows_first, day < 60, "day {day}");
        }
        assert_eq!(strangers(&familiar, 90), [1, 3]);
    }

    #[test]
    fn nobody_is_a_stranger_to_who_could_not_learn() {
        let mut familiar = Familiar::default();
        familiar.give_up();
        assert!(strangers(&familiar, 1).is_empty());
        assert!(familiar.is_empty());
    }
}
