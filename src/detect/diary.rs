//! What one account read on days that may belong to a slow theft, kept after their panes are gone:
//! whom an incident of weeks has exposed is listed exactly.

use std::collections::VecDeque;

use crate::{
    detect::{
        ledger::Ledger,
        pane::{PANES_PER_DAY, Pane, Share},
    },
    event::Timestamp,
};

/// Days kept at most: longer thefts are dated by their first day and exposed from here on.
const DAYS_MAX: usize = 45;

/// One day of an account.
#[derive(Clone, Debug)]
pub struct Page {
    /// The day, since 1970.
    pub day: u32,
    /// Its first and last event.
    pub span: [Timestamp; 2],
    /// The sum of its events, fields as a union.
    pub share: Share,
    /// The people named, each once, sorted.
    pub subjects: Box<[u32]>,
}

/// The days of one account since its reading began to be above the usual.
#[derive(Clone, Debug, Default)]
pub struct Diary {
    pages: VecDeque<Page>,
}

impl Diary {
    /// Writes down a settled `day`. Where `is_full`, the limit of people remembered is met: then its
    /// people count as records without a name.
    pub fn write(&mut self, day: u32, ledger: &Ledger, is_full: bool) {
        let (from, to) = (day * PANES_PER_DAY, (day + 1) * PANES_PER_DAY - 1);
        let mut panes = ledger.panes(from, to);
        let Some(first) = panes.next() else { return };
        let mut page = Page {
            day,
            span: [first.first_at(), first.last_at()],
            share: first.share,
            subjects: Box::default(),
        };
        for pane in panes {
            page.span[1] = page.span[1].max(pane.last_at());
            page.share.add(pane.share);
        }
        let mut subjects: Vec<u32> = ledger.subjects(from, to).collect();
        subjects.sort_unstable();
        subjects.dedup();
        if is_full {
            page.share.unnamed += subjects.len() as u64;
        } else {
            page.subjects = subjects.into();
        }
        self.pages.retain(|old| old.day != day);
        let at = self.pages.partition_point(|old| old.day < day);
        self.pages.insert(at, page);
        if self.pages.len() > DAYS_MAX {
            self.pages.pop_front();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.pages = VecDeque::new();
    }

    /// The pages of the days that the panes from `from` to `to` are of, where `ledger` no longer holds
    /// all their panes.
    pub fn gone<'a>(
        &'a self,
        (from, to): (u32, u32),
        ledger: &'a Ledger,
    ) -> impl Iterator<Item = &'a Page> {
        let days = from / PANES_PER_DAY..=to / PANES_PER_DAY;
        let is_gone = |page: &&Page| page.day * PANES_PER_DAY < ledger.kept_from();
        self.pages
            .iter()
            .filter(move |page| days.contains(&page.day))
            .filter(is_gone)
    }

    /// The panes of `ledger` from `from` to `to` that are on none of those pages.
    pub fn held<'a>(
        &self,
        (from, to): (u32, u32),
        ledger: &'a Ledger,
    ) -> impl Iterator<Item = Pane> + 'a {
        ledger.panes(self.held_from((from, to), ledger), to)
    }

    /// The people touched in those panes; may repeat.
    pub fn held_subjects<'a>(
        &self,
        (from, to): (u32, u32),
        ledger: &'a Ledger,
    ) -> impl Iterator<Item = u32> + 'a {
        ledger.subjects(self.held_from((from, to), ledger), to)
    }

    /// People on its pages, those of several days several times.
    pub fn len(&self) -> usize {
        self.pages.iter().map(|page| page.subjects.len()).sum()
    }

    /// Whether nobody is on its pages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn held_from(&self, panes: (u32, u32), ledger: &Ledger) -> u32 {
        let last = self.gone(panes, ledger).last();
        last.map_or(panes.0, |page| panes.0.max((page.day + 1) * PANES_PER_DAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pane::pane_start;

    fn read(ledger: &mut Ledger, pane: u32, subjects: &[u32]) {
        let share = Share {
            records: subjects.len() as u64,
            ..Share::default()
        };
        ledger.add(pane_start(pane), share, subjects);
    }

    #[test]
    fn days_are_told_once_whether_their_panes_are_kept_or_gone() {
        let (mut ledger, mut diary) = (Ledger::default(), Diary::default());
        for day in 10..20 {
            read(&mut ledger, day * PANES_PER_DAY + 100, &[day, 7]);
            read(&mut ledger, day * PANES_PER_DAY + 2_000, &[day, 8]);
            diary.write(day, &ledger, false);
        }
        for kept in [
            0,
            15 * PANES_PER_DAY,
            15 * PANES_PER_DAY + 500,
            18 * PANES_PER_DAY,
        ] {
            let mut ledger = Ledger::default();
            for day in 10..20 {
                read(&mut ledger, day * PANES_PER_DAY + 100, &[day, 7]);
                read(&mut ledger, day * PANES_PER_DAY + 2_000, &[day, 8]);
            }
            ledger.forget(kept);
            let all = (12 * PANES_PER_DAY, 20 * PANES_PER_DAY);
            let gone = diary.gone(all, &ledger);
            let records: u64 = gone.map(|page| page.share.records).sum();
            let held: u64 = diary
                .held(all, &ledger)
                .map(|pane| pane.share.records)
                .sum();
            assert_eq!(records + held, 8 * 4, "kept from {kept}");
            let twelfth = diary.gone((all.0, all.0 + 1), &ledger);
            assert!(twelfth.count() <= 1, "no later day");
            let gone = diary.gone(all, &ledger);
            let mut people: Vec<u32> = gone.flat_map(|page| page.subjects.to_vec()).collect();
            people.extend(diary.held_subjects(all, &ledger));
            people.sort_unstable();
            people.dedup();
            assert_eq!(people, [7, 8, 12, 13, 14, 15, 16, 17, 18, 19]);
        }
    }

    #[test]
    fn at_the_limit_people_are_counted_without_their_names() {
        let (mut ledger, mut diary) = (Ledger::default(), Diary::default());
        read(&mut ledger, 10 * PANES_PER_DAY, &[1, 2, 3]);
        diary.write(10, &ledger, true);
        ledger.forget(12 * PANES_PER_DAY);
        let day = (10 * PANES_PER_DAY, 11 * PANES_PER_DAY - 1);
        let page = diary.gone(day, &ledger).next().unwrap();
        assert_eq!((page.share.unnamed, page.subjects.len()), (3, 0));
        assert!(diary.is_empty());
    }
}
