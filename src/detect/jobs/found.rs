//! The runs of an account, and the jobs that their rhythm shows.

use std::collections::VecDeque;

use super::{
    DAY, Job, Lately, Run, TOLERANCE_PANES, Word,
    rhythm::{MONTH_END, Rhythm, day_of_month, weekday_of},
};
use crate::detect::{
    baseline::{GROWTH_PER_WEEK, WEEK_DAYS},
    season::{Calendar, is_weekend},
};

/// Runs of a job are alike in size up to this factor.
const SIZE_RATIO: f64 = 2.0;
/// Runs remembered.
const RUNS_MAX: usize = 48;
/// Jobs of one account.
const JOBS_MAX: usize = 6;
/// A run may exceed the mean by this many deviations, and in any case by a tenth and a little.
const BAND_DEVIATIONS: f64 = 4.0;
const BAND_SHARE: f64 = 0.1;

/// Runs, and the jobs that they make.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    runs: VecDeque<Run>,
    pub(super) known: Vec<Job>,
    /// Runs of the last active day that were explained.
    pub(super) before: Vec<Run>,
    /// The last run, where it may go on after midnight.
    pub(super) unfinished: Option<Run>,
}

impl Found {
    /// Takes a run in; gives the whole of it and what lay before midnight, where it has gone on over it.
    pub(super) fn push(&mut self, run: Run) -> (Run, Option<Run>) {
        let begun = self.runs.pop_back_if(|before| before.goes_on_in(&run));
        let whole = begun.map_or(run, |before| before.with(&run));
        self.runs.push_back(whole);
        if self.runs.len() > RUNS_MAX {
            self.runs.pop_front();
        }
        (whole, begun)
    }

    /// Whether the known jobs explain half of what was run or more. A rhythm that the batches of an
    /// event-driven program show by chance does not.
    pub(super) fn explains_most(&self, calendar: &Calendar) -> bool {
        let size = |run: &Run| u64::from(run.size);
        let explained = self.runs.iter().filter(|run| {
            let mut known = self.known.iter();
            known.any(|job| job.explains(run, calendar).is_some())
        });
        2 * explained.map(size).sum::<u64>() >= self.runs.iter().map(size).sum()
    }

    /// Recognises the job of a run that is whole; says whether that is news, and jobs make most of what was
    /// run lately.
    pub(super) fn take(&mut self, run: &Run, calendar: &Calendar) -> bool {
        let known = self.renew(run, calendar);
        let recognised = self.recognise(run, calendar);
        recognised && !known && self.explains_most(calendar)
    }

    /// Takes it that the known jobs that explain a run go on; says whether there are such.
    pub(super) fn renew(&mut self, run: &Run, calendar: &Calendar) -> bool {
        let mut is_known = false;
        for job in &mut self.known {
            if let Some(due) = job.explains(run, calendar) {
                job.last_day = due;
                is_known = true;
            }
        }
        is_known
    }

    /// Whether a known job explains a run. Of one date it explains what one run may be, however many there
    /// are; where several could, the one whose hour is nearest does.
    pub(super) fn explain(&mut self, run: &Run, calendar: &Calendar) -> bool {
        let of_run = self.known.iter_mut().filter_map(|job| {
            let date = job.explains(run, calendar)?;
            let Lately {
                date: over, size, ..
            } = job.explained;
            let before = if over == date { size } else { 0 };
            let explained = Lately {
                date,
                size: before.saturating_add(run.size),
                last: run.last,
            };
            (explained.size <= job.size_max).then_some((job, explained))
        });
        let Some((job, explained)) = of_run.min_by_key(|(job, _)| job.apart(run.start)) else {
            return false;
        };
        job.explained = explained;
        true
    }

    /// The `latest` run and all at its time of day, of any size, told from the midnights that the middle
    /// start of those as large is after: runs about midnight are of one date.
    fn about(&self, latest: &Run) -> (Run, Vec<Run>) {
        let told = self.runs.iter().map(|old| old.told_about(latest.start));
        let about: Vec<Run> = told.filter(|old| is_about(old, latest)).collect();
        let days = middle(about.iter().filter(|old| is_as_large(old, latest))).div_euclid(DAY);
        let about = about.into_iter().map(|run| run.told_later(days));
        (latest.told_later(days), about.collect())
    }

    /// Whether a known job that comes more often than one whose runs are counted within `span` days
    /// explains a run: then it is that job's, and makes no second one.
    fn is_of_another(&self, run: &Run, span: u32, calendar: &Calendar) -> bool {
        self.known.iter().any(|job| {
            job.rhythm.rule().0 < span
                && job.apart(run.start) <= TOLERANCE_PANES
                && job.explains(run, calendar).is_some()
        })
    }

    /// Makes or renews the job that `run` is the latest of; says whether there is one.
    pub(super) fn recognise(&mut self, run: &Run, calendar: &Calendar) -> bool {
        let (run, about) = &self.about(run);
        // Where several dates fit, the known one stays; the end of a month has many.
        let known = self.known.iter().filter(|job| {
            let is_monthly = matches!(job.rhythm, Rhythm::DayOfMonth(_));
            is_monthly && job.apart(run.start) <= TOLERANCE_PANES
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
            let lately = about.iter();
            let lately = lately.filter(|old| run.date.abs_diff(old.date) < span);
            let of_rhythm = lately.clone().filter(|old| {
                let is_due = |date| rhythm.is_due(date, calendar);
                is_as_large(old, run) && is_due(old.date) && is_due(run.date)
            });
            let of_rhythm: Vec<Run> = of_rhythm.copied().collect();
            if days_of(rhythm, of_rhythm.iter()) < least || self.is_of_another(run, span, calendar)
            {
                continue;
            }
            let rhythm = if rhythm == Rhythm::Daily && leave_weekends_out(lately) {
                Rhythm::Weekday
            } else {
                rhythm
            };
            let mut job = job_of(rhythm, run, &of_rhythm);
            let same = self.known.iter().position(|old| {
                old.rhythm.overlaps(rhythm)
                    && job.apart(old.start.cast_signed()) <= TOLERANCE_PANES
                    && old.does(run.exports)
            });
            match same {
                Some(at) => {
                    job.grow_from(&self.known[at], run, &of_rhythm);
                    job.explained = self.known[at].explained;
                    self.known[at] = job;
                }
                None if self.known.len() < JOBS_MAX => self.known.push(job),
                None => return false,
            }
            return true;
        }
        false
    }
}

impl Job {
    /// Holds the job's size to what it may have grown to since it was `old`: in silence by a fifth a
    /// week. Past that it takes a word, or as many runs that were told of as make a new job.
    fn grow_from(&mut self, old: &Self, latest: &Run, runs: &[Run]) {
        let (size, since) = old.anchor;
        let most = whole(f64::from(size) * GROWTH_PER_WEEK);
        let told = runs
            .iter()
            .filter(|run| run.size > most && run.word == Word::Told);
        let is_known =
            latest.word == Word::Vouched || days_of(self.rhythm, told) >= self.rhythm.rule().1;
        if is_known {
            return;
        }
        self.size_max = self.size_max.min(most);
        if self.last_day.saturating_sub(since) < WEEK_DAYS {
            self.anchor = old.anchor;
        } else {
            self.anchor.0 = self.size_max;
        }
    }
}

/// Whether runs, which are in order, went on over a weekend and none was on one.
fn leave_weekends_out<'a>(runs: impl Iterator<Item = &'a Run>) -> bool {
    let is_off = |day: u32| is_weekend(day.into());
    let dates: Vec<u32> = runs.map(|run| run.date).collect();
    let mut pairs = dates.windows(2);
    let over = pairs.any(|pair| (pair[0]..pair[1]).any(is_off));
    over && !dates.into_iter().any(is_off)
}

/// On how many of its days a rhythm shows in `runs`, which are in order.
fn days_of<'a>(rhythm: Rhythm, runs: impl Iterator<Item = &'a Run>) -> usize {
    let mut days: Vec<u32> = runs.map(|run| run.date).collect();
    days.dedup();
    // Neighbouring days are one date of a month.
    let is_monthly = matches!(rhythm, Rhythm::DayOfMonth(_));
    let apart = days
        .windows(2)
        .filter(|pair| !is_monthly || pair[1] - pair[0] > 20);
    days.len().min(1) + apart.count()
}

/// The middle one of the runs' starts; 0 without any.
fn middle<'a>(runs: impl Iterator<Item = &'a Run>) -> i32 {
    let mut starts: Vec<i32> = runs.map(|run| run.start).collect();
    starts.sort_unstable();
    starts.get(starts.len() / 2).copied().unwrap_or(0)
}

fn is_about(a: &Run, b: &Run) -> bool {
    a.exports == b.exports && a.start.abs_diff(b.start) <= TOLERANCE_PANES
}

fn is_as_large(a: &Run, b: &Run) -> bool {
    let ratio = f64::from(a.size) / f64::from(b.size.max(1));
    (1.0 / SIZE_RATIO..=SIZE_RATIO).contains(&ratio)
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
    let size_max = whole(band.max(most * (1.0 + BAND_SHARE)));
    let end = runs.iter().map(Run::end).max().unwrap_or(latest.end());
    Job {
        rhythm,
        start: middle(runs.iter()).clamp(0, DAY - 1).cast_unsigned(),
        end: end.max(0).cast_unsigned(),
        slack: TOLERANCE_PANES,
        size_max,
        exports: latest.exports,
        last_day: latest.date,
        anchor: (size_max, latest.date),
        explained: Lately::NOTHING,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few times a count; the cast saturates"
)]
const fn whole(size: f64) -> u32 {
    size.ceil() as u32
}
