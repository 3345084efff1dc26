//! Recurring jobs of an account: when a batch of reading comes back, how large it is, and what it
//! therefore explains.
//!
//! A job is recognised by its rhythm: the same hour on most days, on the same weekday, or on the same
//! day of the month or its last one, at about the same size. What a job explains is
//! neither learned as ordinary reading nor scored; the same volume at another hour, a second time,
//! or grown past its band finds no excuse. Days and times are those of the supplier's clock; where
//! that is not known they are UTC's, and a change of the clock lies within the tolerance.
//!
//! A job may be declared instead: then it needs no history, and holds within its declared bounds.

use std::{collections::VecDeque, sync::Arc};

use crate::detect::{
    ledger::Ledger,
    pane::{PANES_PER_DAY, PANES_PER_HOUR},
    season::Calendar,
    window::{Signal, Window},
};

mod batch;
mod rhythm;

use self::batch::{batch, runs_of};
pub use self::rhythm::Rhythm;
use self::rhythm::{MONTH_END, day_of_month, weekday_of};

/// A run may begin this much before or after its hour: an hour, and a quarter for clock changes
/// that meet a late start.
const TOLERANCE_PANES: u32 = PANES_PER_HOUR * 5 / 4;
/// Runs of a job are alike in size up to this factor.
const SIZE_RATIO: f64 = 2.0;
/// Runs remembered.
const RUNS_MAX: usize = 48;
/// Jobs of one account.
const JOBS_MAX: usize = 6;
/// A run may exceed the mean by this many deviations, and in any case by a tenth and a little.
const BAND_DEVIATIONS: f64 = 4.0;
const BAND_SHARE: f64 = 0.1;

/// One batch of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its first and last pane.
    first: u32,
    last: u32,
    /// The date on which it begins by the supplier's clock, and the pane of that day.
    date: u32,
    start: u32,
    /// People, or records exported where they are more.
    size: u32,
}

impl Run {
    fn new((first, last): (u32, u32), size: u32, calendar: &Calendar) -> Self {
        let wall = calendar.wall_pane(first);
        Self {
            first,
            last,
            date: wall / PANES_PER_DAY,
            start: wall % PANES_PER_DAY,
            size,
        }
    }

    /// Its last pane by the clock, from the midnight before it begins.
    const fn end(&self) -> u32 {
        self.start + self.last - self.first
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
    /// Whether it takes records out in one piece, where that is declared.
    exports: Option<bool>,
    last_day: u32,
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
        }
    }

    /// How many runs of it a window that ends at `pane` may hold.
    fn runs_in(&self, window: Window, pane: u32, calendar: &Calendar) -> u32 {
        let date = calendar.wall_pane(pane) / PANES_PER_DAY;
        let may_be_in = |date: &u32| {
            let (from, to) = self.span(*date, calendar);
            self.rhythm.is_due(*date, calendar) && from <= pane && window.first(pane) <= to
        };
        let runs = (date.saturating_sub(1)..=date + 1).filter(may_be_in);
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
        let does_as_declared = match self.exports {
            Some(true) => batch.exported >= batch.records,
            Some(false) => batch.exported == 0,
            None => true,
        };
        let is_so = does_as_declared && batch.size <= self.size_max;
        is_so.then(|| Run::new((batch.start, batch.end), batch.size, calendar))
    }

    fn explains(&self, run: &Run, calendar: &Calendar) -> bool {
        let (from, to) = self.span(run.date, calendar);
        self.rhythm.is_due(run.date, calendar)
            && run.size <= self.size_max
            && from <= run.first
            && run.last <= to
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

/// Runs, and the jobs that they make.
#[derive(Clone, Debug, Default)]
struct Found {
    runs: VecDeque<Run>,
    known: Vec<Job>,
    /// Runs of the last active day that were explained.
    before: Vec<Run>,
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
    /// how people work.
    pub fn learn(&mut self, day: u32, ledger: &Ledger, is_bulk_only: bool) -> Explained {
        let mut explained = self.explain_declared(day, ledger);
        if let Some(found) = &mut self.found {
            found
                .known
                .retain(|job| day.saturating_sub(job.last_day) <= job.rhythm.rule().2);
        }
        for run in runs_of(day, ledger, is_bulk_only, &self.calendar) {
            // What is declared is held to that, however often it is larger.
            if self.is_in_declared_hours(&run) {
                continue;
            }
            let (found, calendar) = (self.found.get_or_insert_default(), &self.calendar);
            found.runs.push_back(run);
            if found.runs.len() > RUNS_MAX {
                found.runs.pop_front();
            }
            let explains = |job: &Job| job.explains(&run, calendar);
            let known = found.known.iter().any(explains);
            let recognised = found.recognise(&run, calendar);
            explained.was_learned |= recognised && !known && found.explains_most(calendar);
            if found.known.iter().any(explains) {
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
        let holds = |job: &Job, due: u32| {
            let (from, to) = job.span(due, &self.calendar);
            let is_within = from <= run.first && run.last <= to;
            is_within && job.rhythm.is_due(due, &self.calendar)
        };
        let mut declared = self.declared.iter();
        declared.any(|job| holds(job, run.date) || holds(job, run.date.saturating_sub(1)))
    }
}

impl Found {
    /// Whether the known jobs explain half of what was run or more. A rhythm that the batches of an
    /// event-driven program show by chance does not.
    fn explains_most(&self, calendar: &Calendar) -> bool {
        let size = |run: &Run| u64::from(run.size);
        let explained = self.runs.iter().filter(|run| {
            let mut known = self.known.iter();
            known.any(|job| job.explains(run, calendar))
        });
        2 * explained.map(size).sum::<u64>() >= self.runs.iter().map(size).sum()
    }

    /// Makes or renews the job that `run` is the latest of; says whether there is one.
    fn recognise(&mut self, run: &Run, calendar: &Calendar) -> bool {
        let alike: Vec<Run> = self
            .runs
            .iter()
            .copied()
            .filter(|old| is_alike(old, run))
            .collect();
        // Where several dates fit, the known one stays; the end of a month has many.
        let known = self.known.iter().filter(|job| {
            let is_monthly = matches!(job.rhythm, Rhythm::DayOfMonth(_));
            is_monthly && job.start.abs_diff(run.start) <= TOLERANCE_PANES
        });
        let known: Vec<Rhythm> = known.map(|job| job.rhythm).collect();
        let often = [Rhythm::Daily, Rhythm::Weekly(weekday_of(run.date))];
        let date = day_of_month(run.date);
        // A run of the first may belong to the month's end before, but mostly does not.
        let dates = if date > MONTH_END / 2 {
            [MONTH_END, date]
        } else {
            [date, MONTH_END]
        };
        let dates = dates.map(Rhythm::DayOfMonth);
        for rhythm in often.into_iter().chain(known).chain(dates) {
            let (span, least, _) = rhythm.rule();
            let of_rhythm = alike.iter().filter(|old| {
                let is_due = |date| rhythm.is_due(date, calendar);
                run.date.abs_diff(old.date) < span && is_due(old.date) && is_due(run.date)
            });
            let of_rhythm: Vec<Run> = of_rhythm.copied().collect();
            let mut days: Vec<u32> = of_rhythm.iter().map(|run| run.date).collect();
            days.dedup();
            // Neighbouring days are one date of a month.
            let is_monthly = matches!(rhythm, Rhythm::DayOfMonth(_));
            let apart = days
                .windows(2)
                .filter(|pair| !is_monthly || pair[1] - pair[0] > 20);
            if apart.count() + 1 < least {
                continue;
            }
            let job = job_of(rhythm, run, &of_rhythm);
            let same = self.known.iter().position(|old| {
                old.rhythm.overlaps(rhythm) && old.start.abs_diff(job.start) <= TOLERANCE_PANES
            });
            match same {
                Some(at) => self.known[at] = job,
                None if self.known.len() < JOBS_MAX => self.known.push(job),
                None => return false,
            }
            return true;
        }
        false
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

fn is_alike(a: &Run, b: &Run) -> bool {
    let ratio = f64::from(a.size) / f64::from(b.size.max(1));
    a.start.abs_diff(b.start) <= TOLERANCE_PANES && (1.0 / SIZE_RATIO..=SIZE_RATIO).contains(&ratio)
}

fn job_of(rhythm: Rhythm, latest: &Run, runs: &[Run]) -> Job {
    let count = runs.len() as f64;
    let mean = runs.iter().map(|run| f64::from(run.size)).sum::<f64>() / count;
    let squares = runs.iter().map(|run| (f64::from(run.size) - mean).powi(2));
    // Few runs say little of how sizes vary: a tenth is assumed for three of them.
    let variance = (squares.sum::<f64>() + 3.0 * (BAND_SHARE * mean).powi(2)) / (count + 2.0);
    let most = runs
        .iter()
        .map(|run| f64::from(run.size))
        .fold(0.0, f64::max);
    let band = mean + BAND_DEVIATIONS * variance.sqrt() + 2.0 * mean.sqrt();
    let size = band.max(most * (1.0 + BAND_SHARE));
    let mut starts: Vec<u32> = runs.iter().map(|run| run.start).collect();
    starts.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few times a count; the cast saturates"
    )]
    Job {
        rhythm,
        start: starts[starts.len() / 2],
        end: runs.iter().map(Run::end).max().unwrap_or(latest.end()),
        slack: TOLERANCE_PANES,
        size_max: size.ceil() as u32,
        exports: None,
        last_day: latest.date,
    }
}

const fn hour(pane: u32) -> u32 {
    pane - pane % PANES_PER_HOUR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::pane::{Share, pane_start},
        event::days_from_civil,
    };

    /// Learns days on which an account reads batches at panes of the day, of so many records.
    fn learned(days: impl Iterator<Item = (u32, Vec<(u32, u64)>)>) -> (Jobs, Vec<Explained>) {
        let mut jobs = Jobs::default();
        let explained = days.map(|(day, batches)| {
            let mut ledger = Ledger::default();
            for (pane, records) in batches {
                let share = Share {
                    records,
                    unnamed: records,
                    ..Share::default()
                };
                ledger.add(pane_start(day * PANES_PER_DAY + pane), share, &[]);
            }
            jobs.learn(day, &ledger, false)
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
