//! Recurring jobs of an account: when a batch of reading comes back, how large it is, and what it
//! therefore explains.
//!
//! A job is recognised by its rhythm: the same hour on most days, on the same weekday, on the same
//! day of the month, or on the last working day, at about the same size. What a job explains is
//! neither learned as ordinary reading nor scored; the same volume at another hour, a second time,
//! or grown past its band finds no excuse. Times are UTC; a clock change lies within the tolerance.

use std::collections::VecDeque;

use crate::{
    detect::{
        ledger::Ledger,
        pane::{PANES_PER_DAY, PANES_PER_HOUR},
        window::Window,
    },
    event::civil_from_days,
};

/// A batch of reading ends where nothing follows for half an hour.
const GAP_PANES: u32 = PANES_PER_HOUR / 2;
/// A batch of fewer people or records is no job: it alarms nobody.
const SIZE_MIN: u32 = 20;
/// A batch returns at least so many records in each half minute that it is at work.
const DENSITY_MIN: u64 = 2;
/// A batch that lasts longer is no batch but a day's work.
const LENGTH_MAX_PANES: u32 = 4 * PANES_PER_HOUR;
/// Who reads in more batches a day, or mostly outside large ones, works all day long, in no hour of
/// its own.
const BATCHES_MAX: usize = 6;
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
    day: u32,
    /// First and last pane of the day.
    start: u32,
    end: u32,
    /// People, or records exported where they are more.
    size: u32,
}

/// When a job comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rhythm {
    Daily,
    Weekly(u32),
    DayOfMonth(u32),
    LastWorkingDay,
}

impl Rhythm {
    /// Days within which runs are counted, how many make a rhythm, and days without one end it.
    const fn rule(self) -> (u32, usize, u32) {
        match self {
            Self::Daily => (10, 5, 10),
            Self::Weekly(_) => (40, 3, 22),
            Self::DayOfMonth(_) | Self::LastWorkingDay => (70, 2, 70),
        }
    }

    fn is_due(self, day: u32) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekly(weekday) => weekday_of(day) == weekday,
            Self::DayOfMonth(wanted) => day_of_month(day).abs_diff(wanted) <= 1,
            Self::LastWorkingDay => is_last_working_day(day),
        }
    }
}

/// A recognised job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    rhythm: Rhythm,
    start: u32,
    end: u32,
    /// The largest run that it explains.
    size_max: u32,
    last_day: u32,
}

impl Job {
    /// How many runs of it a window that ends at `pane` may hold.
    fn runs_in(&self, window: Window, pane: u32) -> u32 {
        let day = pane / PANES_PER_DAY;
        let may_be_in = |day: &u32| {
            let (from, to) = self.span(*day);
            self.rhythm.is_due(*day) && from <= pane && window.first(pane) <= to
        };
        let runs = (day.saturating_sub(1)..=day + 1).filter(may_be_in);
        u32::try_from(runs.count()).unwrap_or(0)
    }

    /// The panes in which a run of `day` lies.
    fn span(&self, day: u32) -> (u32, u32) {
        let midnight = day * PANES_PER_DAY;
        let from = (midnight + self.start).saturating_sub(TOLERANCE_PANES);
        (
            hour(from),
            hour(midnight + self.end + TOLERANCE_PANES) + PANES_PER_HOUR - 1,
        )
    }

    fn explains(&self, run: &Run) -> bool {
        let (from, to) = self.span(run.day);
        let midnight = run.day * PANES_PER_DAY;
        self.rhythm.is_due(run.day)
            && run.size <= self.size_max
            && from <= midnight + run.start
            && midnight + run.end <= to
    }
}

/// The jobs of one account, and the runs that they are recognised by.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    runs: VecDeque<Run>,
    known: Vec<Job>,
    /// Runs of the last active day that were explained.
    before: Vec<Run>,
}

/// What the jobs explain of a day.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    runs: Vec<Run>,
    /// Whether a job was recognised that was not known before.
    pub is_new: bool,
}

impl Explained {
    /// How much of the highest count of a window that ends in the panes from `from` to `to`.
    pub fn within(&self, window: Window, from: u32, to: u32) -> u32 {
        let held = self.runs.iter().filter(|run| {
            let midnight = run.day * PANES_PER_DAY;
            midnight + run.start <= to && midnight + run.end >= window.first(from)
        });
        held.map(|run| run.size).fold(0, u32::saturating_add)
    }
}

impl Jobs {
    /// Takes the batches of a settled `day`; `is_bulk_only` leaves out reading one by one, which is
    /// how people work.
    pub fn learn(&mut self, day: u32, ledger: &Ledger, is_bulk_only: bool) -> Explained {
        self.known
            .retain(|job| day.saturating_sub(job.last_day) <= job.rhythm.rule().2);
        let runs = runs_of(day, ledger, is_bulk_only);
        let mut explained = Explained {
            // Windows of a day reach into the day before.
            runs: std::mem::take(&mut self.before),
            is_new: false,
        };
        explained.runs.retain(|run| run.day + 1 == day);
        for run in runs {
            self.runs.push_back(run);
            if self.runs.len() > RUNS_MAX {
                self.runs.pop_front();
            }
            let known = self.known.iter().any(|job| job.explains(&run));
            let recognised = self.recognise(&run);
            explained.is_new |= recognised && !known;
            if self.known.iter().any(|job| job.explains(&run)) {
                explained.runs.push(run);
                self.before.push(run);
            }
        }
        explained
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The recognised jobs.
    pub fn recognised(&self) -> &[Job] {
        &self.known
    }

    /// Makes or renews the job that `run` is the latest of; says whether there is one.
    fn recognise(&mut self, run: &Run) -> bool {
        let alike: Vec<Run> = self
            .runs
            .iter()
            .copied()
            .filter(|old| is_alike(old, run))
            .collect();
        let rhythms = [
            Rhythm::Daily,
            Rhythm::Weekly(weekday_of(run.day)),
            Rhythm::LastWorkingDay,
            Rhythm::DayOfMonth(day_of_month(run.day)),
        ];
        for rhythm in rhythms {
            let (span, least, _) = rhythm.rule();
            let of_rhythm = alike.iter().filter(|old| {
                run.day - old.day < span && rhythm.is_due(old.day) && rhythm.is_due(run.day)
            });
            let of_rhythm: Vec<Run> = of_rhythm.copied().collect();
            let mut days: Vec<u32> = of_rhythm.iter().map(|run| run.day).collect();
            days.dedup();
            // Neighbouring days are one date of a month.
            let is_monthly = matches!(rhythm, Rhythm::DayOfMonth(_) | Rhythm::LastWorkingDay);
            let apart = days
                .windows(2)
                .filter(|pair| !is_monthly || pair[1] - pair[0] > 20);
            if apart.count() + 1 < least {
                continue;
            }
            let job = job_of(rhythm, run, &of_rhythm);
            let same = self.known.iter().position(|old| {
                old.rhythm == rhythm && old.start.abs_diff(job.start) <= TOLERANCE_PANES
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

/// How much more the windows that end at `pane` may count because of `jobs`.
pub fn allowance(jobs: &[Job], window: Window, pane: u32) -> u32 {
    let due = jobs
        .iter()
        .map(|job| job.size_max.saturating_mul(job.runs_in(window, pane)));
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
        end: runs.iter().map(|run| run.end).max().unwrap_or(latest.end),
        size_max: size.ceil() as u32,
        last_day: latest.day,
    }
}

/// The batches of a day.
fn runs_of(day: u32, ledger: &Ledger, is_bulk_only: bool) -> Vec<Run> {
    let midnight = day * PANES_PER_DAY;
    let mut runs: Vec<(u32, u32, u64, u64)> = Vec::new();
    for pane in ledger.panes(midnight, midnight + PANES_PER_DAY - 1) {
        let (volume, actions) = (
            pane.share.records.max(pane.share.exported),
            pane.actions.into(),
        );
        match runs.last_mut() {
            Some((_, end, records, all)) if pane.index - *end <= GAP_PANES => {
                *end = pane.index;
                *records += volume;
                *all += actions;
            }
            _ => runs.push((pane.index, pane.index, volume, actions)),
        }
    }
    let all: u64 = runs.iter().map(|run| run.2).sum();
    if runs.len() > BATCHES_MAX {
        return Vec::new();
    }
    let active = |start, end| ledger.panes(start, end).count() as u64;
    let large = runs.into_iter().filter(|&(start, end, records, actions)| {
        records >= u64::from(SIZE_MIN)
            && end - start <= LENGTH_MAX_PANES
            && records >= DENSITY_MIN * active(start, end)
            && (!is_bulk_only || records >= 5 * actions)
    });
    let large: Vec<_> = large.collect();
    let batched: u64 = large.iter().map(|run| run.2).sum();
    if 2 * batched < all {
        return Vec::new();
    }
    let runs = large.into_iter().map(|(start, end, records, _)| {
        let mut people: Vec<u32> = ledger.subjects(start, end).collect();
        people.sort_unstable();
        people.dedup();
        let unnamed: u64 = ledger
            .panes(start, end)
            .map(|pane| pane.share.unnamed)
            .sum();
        let exported: u64 = ledger
            .panes(start, end)
            .map(|pane| pane.share.exported)
            .sum();
        let size = (people.len() as u64 + unnamed).max(exported).min(records);
        Run {
            day,
            start: start - midnight,
            end: end - midnight,
            size: u32::try_from(size).unwrap_or(u32::MAX),
        }
    });
    runs.filter(|run| run.size >= SIZE_MIN).collect()
}

const fn hour(pane: u32) -> u32 {
    pane - pane % PANES_PER_HOUR
}

/// Monday is 0; the epoch was a Thursday.
const fn weekday_of(day: u32) -> u32 {
    (day + 3) % 7
}

fn day_of_month(day: u32) -> u32 {
    let (_, _, date) = civil_from_days(i64::from(day));
    u32::try_from(date).unwrap_or(0)
}

fn is_last_working_day(day: u32) -> bool {
    let month = |day: u32| civil_from_days(i64::from(day)).1;
    let later = (day + 1..day + 4).any(|later| weekday_of(later) < 5 && month(later) == month(day));
    weekday_of(day) < 5 && !later
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

    fn june(date: i64) -> u32 {
        u32::try_from(days_from_civil(2026, 6, date)).unwrap()
    }

    #[test]
    fn a_nightly_job_is_known_on_its_fifth_night() {
        let nights = (1..=8).map(|date| (june(date), vec![(240, 300 + date.cast_unsigned() * 3)]));
        let (jobs, explained) = learned(nights);
        let news: Vec<bool> = explained.iter().map(|it| it.is_new).collect();
        assert_eq!(
            news,
            [false, false, false, false, true, false, false, false]
        );
        let pane = |hour: u32| june(9) * PANES_PER_DAY + hour * PANES_PER_HOUR;
        let at = |window, hour| allowance(jobs.recognised(), window, pane(hour));
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
            runs.filter(|run| run.day == june(date)).count()
        };
        assert_eq!([of_day(5, 6), of_day(6, 7), of_day(7, 8)], [1, 1, 0]);
    }

    #[test]
    fn weekly_and_monthly_jobs_are_due_on_their_days_alone() {
        let weeks = (0..3).map(|week| (june(2 + 7 * week), vec![(600, 800)]));
        let (jobs, _) = learned(weeks);
        let due = |day| allowance(jobs.recognised(), Window::Hour, day * PANES_PER_DAY + 600) > 0;
        assert!(due(june(23)) && !due(june(24)));
        // The last working days of May, June and July 2026.
        let ends = [(2026, 5, 29), (2026, 6, 30)].map(|(year, month, date)| {
            let day = days_from_civil(year, month, date);
            (u32::try_from(day).unwrap(), vec![(600, 5_000)])
        });
        let (jobs, _) = learned(ends.into_iter());
        let due = |day| allowance(jobs.recognised(), Window::Hour, day * PANES_PER_DAY + 600) > 0;
        let july = |date| u32::try_from(days_from_civil(2026, 7, date)).unwrap();
        assert!(due(july(31)) && !due(july(20)));
    }
}
