//! The people an account knows: those it read on settled days of the last month or two.
//!
//! Most work returns to the same people; a theft does not. Knows nothing of counts and windows.

use roaring::RoaringBitmap;

/// Active days after which a new month is begun; the one before is still known. A month spans a
/// payroll's cycle, and active days are not used up by leave.
const MONTH_DAYS: u32 = 30;

/// A settled day whose people are not known yet to events older than `from`.
#[derive(Debug)]
struct Recent {
    from: u32,
    month: u32,
    /// Sorted.
    subjects: Box<[u32]>,
}

/// One account's acquaintances.
#[derive(Debug, Default)]
pub struct Familiar {
    /// The current month of active days, and the one before.
    months: [RoaringBitmap; 2],
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
        let mut months = self.months.iter();
        let mut recent = self.recent.iter().filter(|day| day.from <= pane);
        months.any(|month| month.contains(subject))
            || recent.any(|day| day.subjects.binary_search(&subject).is_ok())
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
        let mut subjects: Vec<u32> = subjects.collect();
        subjects.sort_unstable();
        subjects.dedup();
        self.recent.push(Recent {
            from,
            month: active_days / MONTH_DAYS,
            subjects: subjects.into(),
        });
        let (past, recent) = std::mem::take(&mut self.recent)
            .into_iter()
            .partition(|day| day.from <= passed);
        self.recent = recent;
        for Recent {
            month, subjects, ..
        } in past
        {
            if month > self.month {
                self.month = month;
                self.months.swap(0, 1);
                self.months[0].clear();
            }
            self.months[0].extend(subjects);
        }
    }

    /// Notes that a limit kept a day from being learned.
    pub fn give_up(&mut self) {
        *self = Self {
            incomplete: true,
            ..Self::default()
        };
    }

    /// People it holds, those of both months twice.
    pub fn len(&self) -> usize {
        let months = self.months.iter().map(RoaringBitmap::len).sum::<u64>();
        let recent: usize = self.recent.iter().map(|day| day.subjects.len()).sum();
        usize::try_from(months).unwrap_or(usize::MAX) + recent
    }

    /// Whether it holds nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
