//! Recurring jobs of an account: when a batch of reading comes back, how large it is, and what it
//! therefore explains.
//!
//! A job is recognised by its rhythm: the same hour on most days, on the same weekday, or on the same
//! day of the month or its last one, at about the same size. What a job explains is
//! neither learned as ordinary reading nor scored; the same volume at another hour, a second time,
//! taken out where it was looked at, or grown past its band finds no excuse. Days and times are those of the supplier's clock; where
//! that is not known they are UTC's, and a change of the clock lies within the tolerance.
//!
//! A job may be declared instead: then it needs no history, and holds within its declared bounds.

use std::sync::Arc;

use crate::detect::{
    ledger::Ledger,
    pane::{PANES_PER_DAY, PANES_PER_HOUR},
    season::Calendar,
    window::{Signal, Window},
};

mod batch;
mod found;
mod rhythm;

pub use self::rhythm::Rhythm;
use self::{
    batch::{Batch, batch, is_one_batch, may_go_on, runs_of},
    found::Found,
};

/// A run may begin this much before or after its hour: an hour, and a quarter for clock changes
/// that meet a late start.
const TOLERANCE_PANES: u32 = PANES_PER_HOUR * 5 / 4;
/// Panes of a day.
const DAY: i32 = PANES_PER_DAY.cast_signed();

/// One batch of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its first and last pane.
    first: u32,
    last: u32,
    /// A date by the supplier's clock, mostly that on which it begins, and its first pane from that
    /// day's midnight: before it where it belongs to the day after.
    date: u32,
    start: i32,
    /// People, or records exported where they are more.
    size: u32,
    /// Whether it took all records out in one piece, or none of them; nothing where it did both.
    exports: Option<bool>,
    /// What was said of the day it was on.
    word: Word,
}

/// What was said of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nothing: no test crossed.
    Quiet,
    /// That it was unusual.
    Told,
    /// That it was as it should be.
    Vouched,
}

impl Run {
    fn new((first, last): (u32, u32), batch: &Batch, word: Word, calendar: &Calendar) -> Self {
        let wall = calendar.wall_pane(first);
        Self {
            first,
            last,
            date: wall / PANES_PER_DAY,
            start: (wall % PANES_PER_DAY).cast_signed(),
            size: batch.size,
            exports: batch.exports(),
            word,
        }
    }

    /// Its last pane by the clock, from its date's midnight.
    const fn end(&self) -> i32 {
        self.start + (self.last - self.first).cast_signed()
    }

    /// The same run, told from the midnight so many days later.
    const fn told_later(self, days: i32) -> Self {
        Self {
            date: self.date.saturating_add_signed(days),
            start: self.start - days * DAY,
            ..self
        }
    }

    /// The same run, told from the midnight that puts its start nearest to `start`.
    const fn told_about(self, start: i32) -> Self {
        self.told_later((self.start - start + DAY / 2).div_euclid(DAY))
    }

    /// Whether it goes on in `next`, the first of the UTC day after.
    fn goes_on_in(&self, next: &Self) -> bool {
        self.last / PANES_PER_DAY < next.first / PANES_PER_DAY
            && self.exports == next.exports
            && is_one_batch((self.first, self.last), (next.first, next.last))
    }

    /// The whole of a run that goes on in `next`.
    fn with(self, next: &Self) -> Self {
        Self {
            last: next.last,
            size: self.size.saturating_add(next.size),
            word: if next.word == Word::Quiet {
                self.word
            } else {
                next.word
            },
            ..self
        }
    }
}

/// A recognised job, or a declared one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    rhythm: Rhythm,
    /// Its first and last pane, from the midnight before it begins.
    start: u32,
    end: u32,
    /// It may lie so many panes outside of them.
    slack: u32,
    /// The largest run that it explains.
    size_max: u32,
    /// Whether it takes records out in one piece, where that is known.
    exports: Option<bool>,
    last_day: u32,
    /// The size that it may grow from, and the day since which that holds.
    anchor: (u32, u32),
    /// What it explained last.
    explained: Lately,
}

/// The runs of a date that a job explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lately {
    /// The date.
    date: u32,
    /// How much they were in all.
    size: u32,
    /// The last pane of any of them.
    last: u32,
}

impl Lately {
    /// It explained none yet.
    const NOTHING: Self = Self {
        date: 0,
        size: 0,
        last: 0,
    };
}

impl Job {
    /// A declared job: on the days of `rhythm`, in `length` panes from the pane `start` of the day,
    /// it reads up to `size_max` people, or records where those it exports are more.
    pub const fn declared(
        rhythm: Rhythm,
        (start, length): (u32, u32),
        size_max: u32,
        exports: Option<bool>,
    ) -> Self {
        Self {
            rhythm,
            start,
            end: (start + length).saturating_sub(1),
            slack: 0,
            size_max,
            exports,
            last_day: 0,
            anchor: (size_max, 0),
            explained: Lately::NOTHING,
        }
    }

    /// How many runs of it a window that ends at `pane` may hold.
    fn runs_in(&self, window: Window, pane: u32, calendar: &Calendar) -> u32 {
        let date = calendar.wall_pane(pane) / PANES_PER_DAY;
        let may_be_in = |date: &u32| {
            let (from, to) = self.span(*date, calendar);
            // Of a date that is over it is known when its run ended.
            let Lately {
                date: over, last, ..
            } = self.explained;
            let to = if over == *date && !may_go_on(last) {
                hour(last) + PANES_PER_HOUR - 1
            } else {
                to
            };
            self.rhythm.is_due(*date, calendar) && from <= pane && window.first(pane) <= to
        };
        // A day's window reaches to the date before, whose run may have begun the evening before that.
        let runs = (date.saturating_sub(2)..=date + 1).filter(may_be_in);
        u32::try_from(runs.count()).unwrap_or(0)
    }

    /// The panes in which a run of a date lies, rounded out to whole hours of UTC.
    fn span(&self, date: u32, calendar: &Calendar) -> (u32, u32) {
        let midnight = date * PANES_PER_DAY;
        let from = (midnight + self.start).saturating_sub(self.slack);
        let (from, to) = calendar.panes((from, midnight + self.end + self.slack));
        (hour(from), hour(to) + PANES_PER_HOUR - 1)
    }

    /// What lies on the UTC day `day` of the run that is due on the date `due`; nothing where it is
    /// not as declared.
    fn declared_run(
        &self,
        (due, day): (u32, u32),
        ledger: &Ledger,
        calendar: &Calendar,
    ) -> Option<Run> {
        let midnight = day * PANES_PER_DAY;
        let (from, to) = self.span(due, calendar);
        let (from, to) = (from.max(midnight), to.min(midnight + PANES_PER_DAY - 1));
        if from > to || !self.rhythm.is_due(due, calendar) {
            return None;
        }
        let batch = batch(ledger, from, to)?;
        let is_so = self.does(batch.exports()) && batch.size <= self.size_max;
        // What is declared teaches nothing.
        is_so.then(|| Run::new((batch.start, batch.end), &batch, Word::Quiet, calendar))
    }

    /// Whether it takes records out as a run does.
    fn does(&self, exports: Option<bool>) -> bool {
        self.exports.is_none() || self.exports == exports
    }

    /// The date on which a run like this is due, where it explains it: the run may begin before the
    /// date's midnight, or after the next.
    fn explains(&self, run: &Run, calendar: &Calendar) -> Option<u32> {
        if !self.does(run.exports) || run.size > self.size_max {
            return None;
        }
        let dates = [0, 1, -1].map(|days| run.date.saturating_add_signed(days));
        let mut dates = dates.into_iter();
        dates.find(|date| self.holds(run, *date, calendar))
    }

    /// Whether a run lies where that of a date is due.
    fn holds(&self, run: &Run, date: u32, calendar: &Calendar) -> bool {
        let (from, to) = self.span(date, calendar);
        self.rhythm.is_due(date, calendar) && from <= run.first && run.last <= to
    }

    /// By how many panes it begins at another time of day than `start`.
    const fn apart(&self, start: i32) -> u32 {
        let later = (start - self.start.cast_signed()).rem_euclid(DAY);
        let later = later.cast_unsigned();
        if later > PANES_PER_DAY / 2 {
            PANES_PER_DAY - later
        } else {
            later
        }
    }
}

/// The jobs of one account, and the runs that they are recognised by.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    /// Those that the operator has declared, and the days that its supplier works on.
    declared: Arc<[Job]>,
    calendar: Calendar,
    /// Nothing where there never was a run: people have none.
    found: Option<Box<Found>>,
}

/// What the jobs explain of a day.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    runs: Vec<Run>,
    /// Whether a job was recognised that was not known before, and jobs make most of what was run
    /// lately: what was learned as ordinary reading was theirs.
    pub was_learned: bool,
}

impl Explained {
    /// Takes a run of the day before, which may be explained by what was recognised since.
    fn take_late(&mut self, run: &Run, found: &mut Found, calendar: &Calendar) {
        let is_known = self.runs.iter().any(|known| known.first == run.first);
        if !is_known && found.explain(run, calendar) {
            self.runs.push(*run);
        }
    }

    /// How much of the highest count of a window that ends in the panes from `from` to `to`.
    pub fn within(&self, window: Window, from: u32, to: u32) -> u32 {
        let is_held = |run: &&Run| run.first <= to && run.last >= window.first(from);
        let held = self.runs.iter().filter(is_held);
        held.map(|run| run.size).fold(0, u32::saturating_add)
    }
}

impl Jobs {
    /// Jobs that are `declared`, and none recognised yet.
    pub fn new(declared: Arc<[Job]>, calendar: Calendar) -> Self {
        Self {
            declared,
            calendar,
            ..Self::default()
        }
    }

    /// Takes the batches of a settled `day`; `is_bulk_only` leaves out reading one by one, which is
    /// how people work, and `word` is what was said of the day.
    pub fn learn(
        &mut self,
        (day, word): (u32, Word),
        ledger: &Ledger,
        is_bulk_only: bool,
    ) -> Explained {
        let mut explained = self.explain_declared(day, ledger);
        if let Some(found) = &mut self.found {
            found
                .known
                .retain(|job| day.saturating_sub(job.last_day) <= job.rhythm.rule().2);
        }
        let runs = runs_of((day, word), ledger, is_bulk_only, &self.calendar);
        if let Some(found) = &mut self.found {
            let goes_on = |before: &Run| runs.first().is_some_and(|run| before.goes_on_in(run));
            // What ended at midnight was whole.
            if let Some(whole) = found.unfinished.take().filter(|before| !goes_on(before)) {
                explained.was_learned |= found.take(&whole, &self.calendar);
                explained.take_late(&whole, found, &self.calendar);
            }
        }
        for run in runs {
            // What is declared is held to that, however often it is larger.
            if self.is_in_declared_hours(&run) {
                continue;
            }
            let (found, calendar) = (self.found.get_or_insert_default(), &self.calendar);
            let (whole, begun) = found.push(run);
            if may_go_on(run.last) {
                found.renew(&whole, calendar);
                found.unfinished = Some(whole);
            } else {
                explained.was_learned |= found.take(&whole, calendar);
            }
            if let Some(begun) = begun {
                explained.take_late(&begun, found, calendar);
            }
            if found.explain(&run, calendar) {
                explained.runs.push(run);
                found.before.push(run);
            }
        }
        explained
    }

    /// What the declared jobs explain of a settled `day`: all that is asked of people, whose
    /// batches make no rhythm.
    pub fn explain_declared(&mut self, day: u32, ledger: &Ledger) -> Explained {
        let before = self.found.as_mut().map(|found| &mut found.before);
        let mut explained = Explained {
            // Windows of a day reach into the day before.
            runs: before.map(std::mem::take).unwrap_or_default(),
            was_learned: false,
        };
        explained
            .runs
            .retain(|run| run.first / PANES_PER_DAY + 1 == day);
        for job in self.declared.iter() {
            let on = |due| job.declared_run((due, day), ledger, &self.calendar);
            // A date begins before the UTC day or after it, and its runs may end on the next.
            for run in (day.saturating_sub(1)..=day + 1).filter_map(on) {
                self.found.get_or_insert_default().before.push(run);
                explained.runs.push(run);
            }
        }
        explained
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.known().next().is_none()
    }

    /// The declared and the recognised jobs.
    pub fn known(&self) -> impl Iterator<Item = Job> {
        let recognised = self.found.iter().flat_map(|found| &found.known);
        self.declared.iter().chain(recognised).copied()
    }

    fn is_in_declared_hours(&self, run: &Run) -> bool {
        let dates = [run.date, run.date.saturating_sub(1)];
        let holds = |job: &Job| dates.iter().any(|due| job.holds(run, *due, &self.calendar));
        self.declared.iter().any(holds)
    }
}

/// How much more of a signal the windows that end at `pane` may count because of `jobs`.
pub fn allowance(
    jobs: &[Job],
    (signal, window): (Signal, Window),
    pane: u32,
    calendar: &Calendar,
) -> u32 {
    let does = |job: &&Job| signal != Signal::Exported || job.exports != Some(false);
    let due = jobs.iter().filter(does).map(|job| {
        job.size_max
            .saturating_mul(job.runs_in(window, pane, calendar))
    });
    due.fold(0, u32::saturating_add)
}

/// The largest run that any of `jobs` explains.
pub fn largest(jobs: &[Job]) -> u32 {
    jobs.iter().map(|job| job.size_max).max().unwrap_or(0)
}

const fn hour(pane: u32) -> u32 {
    pane - pane % PANES_PER_HOUR
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{
        detect::pane::{Share, pane_start},
        event::days_from_civil,
    };

    /// Batches at panes of the day, of so many records, so many of them exported.
    fn ledger_of(day: u32, batches: &[(u32, u64, u64)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (pane, records, exported) in batches.iter().copied() {
            let share = Share {
                records,
                exported,
                unnamed: records,
                ..Share::default()
            };
            ledger.add(pane_start(day * PANES_PER_DAY + pane), share, &[]);
        }
        ledger
    }

    /// Learns days on which an account reads batches at panes of the day, of so many records.
    fn learned(days: impl Iterator<Item = (u32, Vec<(u32, u64)>)>) -> (Jobs, Vec<Explained>) {
        let mut jobs = Jobs::default();
        let explained = days.map(|(day, batches)| {
            let batches = batches
                .into_iter()
                .map(|(pane, records)| (pane, records, 0));
            let ledger = ledger_of(day, &batches.collect::<Vec<_>>());
            jobs.learn((day, Word::Quiet), &ledger, false)
        });
        let explained = explained.collect();
        (jobs, explained)
    }

    fn allowed(jobs: &Jobs, window: Window, pane: u32) -> u32 {
        let known: Vec<Job> = jobs.known().collect();
        allowance(&known, (Signal::People, window), pane, &Calendar::default())
    }

    fn june(date: i64) -> u32 {
        u32::try_from(days_from_civil(2026, 6, date)).unwrap()
    }

    #[test]
    fn a_nightly_job_is_known_on_its_fifth_night() {
        let nights = (1..=8).map(|date| (june(date), vec![(240, 300 + date.cast_unsigned() * 3)]));
        let (jobs, explained) = learned(nights);
        let news: Vec<bool> = explained.iter().map(|it| it.was_learned).collect();
        assert_eq!(
            news,
            [false, false, false, false, true, false, false, false]
        );
        let pane = |hour: u32| june(9) * PANES_PER_DAY + hour * PANES_PER_HOUR;
        let at = |window, hour| allowed(&jobs, window, pane(hour));
        assert!(
            (330..520).contains(&at(Window::Hour, 2)),
            "{}",
            at(Window::Hour, 2)
        );
        assert_eq!(
            at(Window::Hour, 14),
            0,
            "the same run at another hour has no excuse"
        );
        assert!(
            at(Window::Day, 14) > 300,
            "the day still holds the night's run"
        );
    }

    #[test]
    fn a_second_or_a_larger_run_is_not_explained() {
        let nights = (1..=8).map(|date| {
            let batches = match date {
                7 => vec![(240, 300), (1_700, 300)],
                8 => vec![(240, 900)],
                _ => vec![(240, 300)],
            };
            (june(date), batches)
        });
        let (_, explained) = learned(nights);
        let of_day = |index: usize, date: i64| {
            let runs = explained[index].runs.iter();
            runs.filter(|run| run.date == june(date)).count()
        };
        assert_eq!([of_day(5, 6), of_day(6, 7), of_day(7, 8)], [1, 1, 0]);
    }

    /// How large a nightly run a job explains that begins with 300 and grows by a tenth each night,
    /// after so many, where so much was said of its nights.
    fn grown(nights: u32, word: Word) -> u32 {
        let mut jobs = Jobs::default();
        let mut size = 300;
        for night in 0..nights {
            let batch = [(240, size, 0)];
            jobs.learn(
                (june(1) + night, word),
                &ledger_of(june(1) + night, &batch),
                false,
            );
            size += size / 10;
        }
        let known: Vec<Job> = jobs.known().collect();
        largest(&known)
    }

    #[test]
    fn a_job_grows_in_silence_by_a_fifth_a_week() {
        let [young, old] = [7, 28].map(|nights| grown(nights, Word::Quiet));
        assert!(young > 400 && old < young * 2, "{young} {old}");
        assert!(grown(28, Word::Vouched) > 3_000);
        let told = grown(28, Word::Told);
        assert!(told > 2 * old, "it was told of each night: {told}");
    }

    /// The batches of UTC days, of a job of 300 that begins within a quarter of an hour of midnight.
    fn about_midnight(nights: impl Iterator<Item = u32>) -> BTreeMap<u32, Vec<(u32, u64)>> {
        let mut days: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for (night, start) in nights.zip([2_870, 2_885, 2_899].into_iter().cycle()) {
            let pane = (june(1) + night) * PANES_PER_DAY + start;
            let batches = days.entry(pane / PANES_PER_DAY).or_default();
            batches.push((pane % PANES_PER_DAY, 300));
        }
        days
    }

    #[test]
    fn a_job_about_midnight_is_one() {
        let (jobs, explained) = learned(about_midnight(0..12).into_iter());
        let runs = explained.iter().flat_map(|it| &it.runs);
        let runs: BTreeSet<u32> = runs.map(|run| run.first).collect();
        assert_eq!(runs.len(), 8, "from the fifth on");
        assert_eq!(jobs.known().count(), 1);
        // Of one night of the week.
        let weeks = about_midnight((0..4).map(|week| 1 + 7 * week));
        let (jobs, _) = learned(weeks.into_iter());
        let due = |night| {
            allowed(
                &jobs,
                Window::Hour,
                (june(1) + night) * PANES_PER_DAY + 2_890,
            )
        };
        assert!(due(29) > 0 && due(28) == 0 && due(30) == 0);
    }

    #[test]
    fn a_run_through_midnight_is_one() {
        let days = (0..10).map(|night| {
            let begun = (night < 9).then_some([(2_800, 150), (2_850, 150)]);
            let ended = (night > 0).then_some((10, 100));
            let batches: Vec<_> = ended
                .into_iter()
                .chain(begun.into_iter().flatten())
                .collect();
            (june(1) + night, batches)
        });
        let (jobs, explained) = learned(days);
        assert_eq!(jobs.known().count(), 1);
        let job = jobs.known().next().unwrap();
        assert!((400..600).contains(&job.size_max), "{job:?}");
        for (date, explained) in (1..).zip(&explained).skip(5) {
            let midnight = june(date) * PANES_PER_DAY;
            let run = explained.within(Window::Hour, midnight, midnight + 20);
            assert_eq!(run, 400, "{date}");
        }
    }

    #[test]
    fn a_run_of_another_size_at_a_known_hour_makes_no_second_job() {
        for odd in [150, 290, 1_150] {
            let size = |night: i64| match night {
                20 | 26 => odd,
                _ => 540 + night * 37 % 120,
            };
            let nights = (1..=30).map(|night| {
                let size = u64::try_from(size(night)).unwrap();
                (june(night), vec![(240, size)])
            });
            let (jobs, _) = learned(nights);
            let known: Vec<Job> = jobs.known().collect();
            assert_eq!(known.len(), 1, "{odd} {known:?}");
            assert_eq!(known[0].rhythm, Rhythm::Daily, "{odd}");
        }
    }

    #[test]
    fn a_window_holds_the_run_of_the_evening_before_yesterday_and_no_run_that_was_over() {
        let runs_at = |(nights, start), date, panes: [u32; 2]| {
            let night = |night| (june(1) + night, vec![(start, 600)]);
            let (jobs, _) = learned((0..nights).map(night));
            let midnight = june(date) * PANES_PER_DAY;
            panes.map(|pane| allowed(&jobs, Window::Day, midnight + pane) / 600)
        };
        let evening = runs_at((7, 2_800), 10, [30, 700]);
        assert_eq!(evening, [2, 1], "that of the 8th may end on the 9th");
        let over = runs_at((8, 240), 9, [300, 400]);
        assert_eq!(over, [2, 1], "that of the 8th was over by three");
    }

    #[test]
    fn what_is_taken_out_is_not_what_was_looked_at() {
        let mut jobs = Jobs::default();
        let mut run = |night, exported| {
            let ledger = ledger_of(june(night), &[(240, 300, exported)]);
            let explained = jobs.learn((june(night), Word::Quiet), &ledger, false);
            explained.runs.iter().any(|run| run.date == june(night))
        };
        let looked_at = (1..=8).map(|night| run(night, 0)).collect::<Vec<_>>();
        assert_eq!(looked_at[4..], [true; 4]);
        assert!(!run(9, 300), "taken out at the same hour");
        assert!(run(10, 0));
    }

    /// What a nightly job of 300 explains on each of many nights from the 1st of June 2026 on, a Monday; some
    /// do without, and some have more batches.
    fn explained_on(
        nights: u32,
        without: impl Fn(u32) -> bool,
        more: impl Fn(u32) -> Option<(u32, u64)>,
    ) -> (Jobs, Vec<usize>) {
        let nights = (0..nights).map(|night| {
            let job = (!without(night)).then_some((240, 300));
            let batches: Vec<(u32, u64)> = job.into_iter().chain(more(night)).collect();
            (june(1) + night, batches)
        });
        let (jobs, explained) = learned(nights);
        let of_day = |(date, it): (u32, &Explained)| {
            let runs = it.runs.iter();
            runs.filter(|run| run.date == june(1) + date).count()
        };
        (jobs, (0..).zip(&explained).map(of_day).collect())
    }

    #[test]
    fn a_job_goes_on_after_a_holiday() {
        let (jobs, explained) = explained_on(26, |night| (15..23).contains(&night), |_| None);
        assert_eq!(explained[23..], [1; 3]);
        assert!(allowed(&jobs, Window::Hour, june(27) * PANES_PER_DAY + 240) > 0);
    }

    #[test]
    fn a_job_explains_one_run_a_night() {
        // An hour later again, from the eleventh night on.
        let second = |night| (night >= 10).then_some((360, 300));
        let (_, explained) = explained_on(13, |_| false, second);
        assert_eq!(explained[5..13], [1; 8]);
    }

    #[test]
    fn a_job_of_weekdays_is_not_due_on_a_weekend() {
        let weekend = |night: u32| night % 7 >= 5;
        let (jobs, _) = explained_on(19, weekend, |_| None);
        let due = |date| allowed(&jobs, Window::Hour, june(date) * PANES_PER_DAY + 240) > 0;
        assert_eq!([19, 20, 21, 22].map(due), [true, false, false, true]);
        let (jobs, _) = explained_on(19, |_| false, |_| None);
        assert!(allowed(&jobs, Window::Hour, june(20) * PANES_PER_DAY + 240) > 0);
    }

    #[test]
    fn a_rhythm_among_many_other_batches_is_no_reason_to_forget_them() {
        // Two batches a day at any hour and of any size, and a small one on Mondays.
        let days = (0..21_i64).map(|day| {
            let at = |n: i64| u32::try_from((day * 911 + n * 1_201) % 2_600).unwrap();
            let size = |n: i64| u64::try_from(200 + (day * 977 + n * 1_433) % 6_000).unwrap();
            let mut batches: Vec<_> = (0..2).map(|n| (at(n), size(n))).collect();
            batches.sort_unstable();
            batches.extend((day % 7 == 0).then_some((2_700, 400)));
            (june(1 + day), batches)
        });
        let (jobs, explained) = learned(days);
        assert!(!jobs.is_empty(), "it looks like a job");
        assert!(explained.iter().all(|it| !it.was_learned));
    }

    #[test]
    fn weekly_jobs_are_due_on_their_days_alone() {
        let weeks = (0..3).map(|week| (june(2 + 7 * week), vec![(600, 800)]));
        let (jobs, _) = learned(weeks);
        let due = |day| allowed(&jobs, Window::Hour, day * PANES_PER_DAY + 600) > 0;
        assert!(due(june(23)) && !due(june(24)));
    }

    #[test]
    fn the_end_of_a_month_is_its_last_day_or_its_last_working_day() {
        let run = |month, date, size| {
            let day = u32::try_from(days_from_civil(2026, month, date)).unwrap();
            (day, vec![(600, size)])
        };
        let due = |jobs: &Jobs, month, date| {
            let (day, _) = run(month, date, 0);
            let allowed = allowed(jobs, Window::Hour, day * PANES_PER_DAY + 600);
            assert!(allowed < 10_000, "no run has two excuses");
            allowed > 0
        };
        // By the last days of March and April, either may be meant; May ends on a Sunday.
        let (jobs, _) = learned([run(3, 31, 5_000), run(4, 30, 5_100)].into_iter());
        assert!(due(&jobs, 5, 29) && due(&jobs, 5, 31) && !due(&jobs, 5, 20));
        // The first of a month is not the end of the one before.
        let (jobs, _) = learned([run(11, 1, 900), run(12, 1, 900)].into_iter());
        let new_year = u32::try_from(days_from_civil(2027, 1, 2)).unwrap();
        assert!(allowed(&jobs, Window::Hour, new_year * PANES_PER_DAY + 600) > 0);
        // About the 25th, which was a Sunday in January.
        let runs = [run(1, 23, 800), run(2, 25, 800), run(3, 25, 800)];
        let (jobs, _) = learned(runs.into_iter());
        assert!(due(&jobs, 4, 24) && due(&jobs, 4, 25) && !due(&jobs, 4, 20));
    }
}
