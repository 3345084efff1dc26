//! The end of an account's day: what the day was worth as scores, and what it teaches.
//!
//! Runs once for each active day of an account, when no event of the day is awaited any more.

use crate::{
    detect::{
        account::Account,
        baseline::{Lesson, stat},
        calibration::{LEVEL, NO_SCORES, Scores, Shown},
        critical::Table,
        drip::{Drip, SLOW},
        familiar::MetOn,
        jobs::{Explained, Word},
        ledger::Scratch,
        pane::{PANES_PER_DAY, PANES_PER_HOUR, noon_of},
        parts::{Part, Parts},
        peers::Prior,
        size::sizes_of,
        unsettled::Day,
        version::{COUNTED, TESTS, Version},
        window::{Signal, Window},
    },
    event::AccountKind,
};

/// An hour teaches how much is read in it up to so many deviations above the mean, as a day does a slow
/// test: what is grown day by day is not to become usual sooner.
const PACE_DEVIATIONS: f64 = 2.0;

/// What an account-day that raised an alarm teaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Teaching {
    /// As little as what looks like an attack does.
    #[default]
    Guarded,
    /// All that it would have taught in silence, with the guard lifted: it was vouched for.
    Full,
    /// Nothing at all: it was an attack.
    Nothing,
}

/// The end of a day (since 1970) that no event is awaited for.
#[derive(Clone, Copy, Debug)]
pub struct DayEnd {
    /// The day.
    pub day: u32,
    /// The first pane that what it taught is in force for.
    pub from: u32,
    /// Events before that pane are awaited no more.
    pub passed: u32,
    /// Whether the limit of people known is met.
    pub is_full: bool,
    /// Whether the supplier was known for a fortnight by then: people could be idle, and accounts new.
    pub is_established: bool,
    /// The share of the people read lately in its group that was idle.
    pub idle_share: f64,
    /// What it teaches where it raised an alarm.
    pub teaching: Teaching,
    /// Which parts of detection it teaches, and how.
    pub parts: Parts,
}

impl Account {
    /// Counts that the slow tests look at and what they expected, on a `day` that no event is
    /// awaited for; nothing where the account was not active in it.
    pub fn day_counts(
        &mut self,
        day: u32,
        prior: &Prior,
        scratch: &mut Scratch,
    ) -> Option<[(u32, Option<f64>); SLOW.len()]> {
        let max = self.unsettled.refresh(day, &self.ledger, scratch)?;
        Some(std::array::from_fn(|place| {
            let count = max[stat(SLOW[place], Window::Today)];
            (count, self.drip.expected(place, prior))
        }))
    }

    /// Learns from a day whose counts were taken, and forgets its maxima; gives the scores it
    /// reached where it raised no alarm. `common` is how many times their usual its peers read.
    pub fn settle(
        &mut self,
        day_end: DayEnd,
        peers: &[Version],
        prior: &Prior,
        common: [f64; SLOW.len()],
        table: &mut Table,
    ) -> Option<Shown> {
        let day = day_end.day;
        let mut whole = self.unsettled.take(day)?;
        self.is_vague = false;
        // A program's first run says nothing of the next one's.
        let tells_arrivals = day_end.is_established && self.kind != AccountKind::Service;
        if tells_arrivals && self.baseline.days == 0 {
            self.drip = Drip::of_arrival();
        }
        self.follow_idle_share(day_end.idle_share);
        let teaching = match whole.alarms {
            0 => Teaching::Guarded,
            _ => day_end.teaching,
        };
        if teaching == Teaching::Nothing {
            self.reject(day_end, &whole, peers);
            return None;
        }
        if teaching == Teaching::Full {
            whole.alarms = 0;
            whole.is_vouched = true;
        }
        let explained = self.explain_jobs(day_end, &whole);
        let mut scores = NO_SCORES;
        self.learn_slowly(
            day_end,
            &whole,
            &explained,
            common,
            prior,
            (&mut scores, table),
        );
        if !day_end.parts.has(Part::Guard) {
            whole.alarms = 0;
            whole.is_vouched = true;
        }
        let rhythm = self.rhythm(&whole, &explained, peers);
        let mut as_newcomer = NO_SCORES;
        self.learn_windows(
            day,
            &whole,
            &explained,
            peers,
            (&mut scores, &mut as_newcomer),
        );
        self.meet(day_end, whole.alarms == 0 || self.baseline.is_young());
        self.season.learn(i64::from(day), rhythm.into_iter());
        let is_quiet = whole.alarms == 0;
        let tiers = self.settle_odd(day, peers, &mut scores);
        let aspects = self.habits.learn(day, day_end.from, !is_quiet);
        // Many people read in unusual circumstances may be a theft that raised no alarm; it says
        // nothing of how rare such days are.
        let is_suspect = !whole.is_vouched && scores[0][COUNTED..].iter().any(Option::is_some);
        let shown = Shown {
            scores,
            aspects: if is_suspect { 0 } else { aspects },
            tiers: if is_suspect { 0 } else { tiers },
            as_newcomer,
            is_quiet,
            is_believed: whole.is_vouched,
            is_arrival: tells_arrivals.then_some(self.baseline.days == 1),
        };
        if is_quiet {
            return Some(shown);
        }
        let mut shown_small = Shown {
            is_quiet: false,
            is_believed: true,
            ..Shown::NOTHING
        };
        if self.is_small_alarm && day_end.parts.has(Part::SmallAlarms) {
            shown_small.scores[0] = shown.scores[0];
        }
        Some(shown_small)
    }

    /// Moves what is usual of idle people as its group's share of them has moved.
    fn follow_idle_share(&mut self, share: f64) {
        if let Some(times) = self.drip.follow_idle_share(share) {
            self.baseline.scale(Signal::Idle, times);
        }
    }

    /// Lets a day pass that teaches nothing. What it read may still be part of an incident.
    fn reject(&mut self, day_end: DayEnd, whole: &Day, peers: &[Version]) {
        self.season.skip(day_end.day.into());
        self.habits.skip(day_end.day);
        self.drip.reject(whole.alarms);
        self.meet(day_end, false);
        let mut untold = NO_SCORES;
        self.settle_odd(day_end.day, peers, &mut untold);
        self.write_down(day_end);
    }

    /// Scores what was read in unusual circumstances; gives how many tiers the day reached.
    fn settle_odd(&mut self, day: u32, peers: &[Version], scores: &mut Scores) -> usize {
        let (Some(odd), Some(latest)) = (&mut self.odd, self.versions.latest().or(peers.last()))
        else {
            return 0;
        };
        odd.settle(day, latest, scores)
    }

    /// Takes the day's batches of a program. People have no jobs but declared ones: what comes back
    /// at their desks' hours is the day's work.
    fn explain_jobs(&mut self, day_end: DayEnd, whole: &Day) -> Explained {
        let day = day_end.day;
        let is_bulk_only = match self.kind {
            _ if !day_end.parts.has(Part::Jobs) => {
                return self.jobs.explain_declared(day, &self.ledger);
            }
            AccountKind::Person | AccountKind::Admin => {
                return self.jobs.explain_declared(day, &self.ledger);
            }
            AccountKind::Service => false,
            AccountKind::Unknown => true,
        };
        let word = match whole.alarms {
            _ if whole.is_vouched => Word::Vouched,
            0 => Word::Quiet,
            _ => Word::Told,
        };
        let explained = self.jobs.learn((day, word), &self.ledger, is_bulk_only);
        if explained.was_learned {
            self.baseline.begin_anew();
            self.drip.begin_anew();
            self.season.begin_anew();
        }
        explained
    }

    /// The slots of the day's hours, and the people read in each without what jobs explain of them, as far
    /// as they are not wild.
    fn rhythm(&self, whole: &Day, explained: &Explained, peers: &[Version]) -> Vec<(usize, f64)> {
        let people = stat(Signal::People, Window::Hour);
        let latest = self.versions.latest().or(peers.last());
        let hours = whole.hours.iter().map(|block| {
            let first = block.hour * PANES_PER_HOUR;
            let job = explained.within(Window::Hour, first, first + PANES_PER_HOUR - 1);
            let count = block.max(Signal::People, Window::Hour);
            let count = f64::from(count.saturating_sub(job).max(1));
            let most = latest.map(|latest| {
                let expected = latest.model(people, first);
                1.0 + match whole.alarms {
                    _ if whole.is_vouched => f64::INFINITY,
                    0 => expected.mean + PACE_DEVIATIONS * expected.deviation(),
                    // What was told is no reason to expect more then.
                    _ => expected.mean,
                }
            });
            let slot = self.season.calendar.slot_of_hour(block.hour);
            (slot, most.map_or(count, |most| count.min(most)))
        });
        hours.collect()
    }

    /// Scores and learns the day's windows, without what jobs explain of them.
    fn learn_windows(
        &mut self,
        day: u32,
        whole: &Day,
        explained: &Explained,
        peers: &[Version],
        (scores, as_newcomer): (&mut Scores, &mut Scores),
    ) {
        let Some(latest) = self.versions.latest().or(peers.last()) else {
            return;
        };
        self.baseline.begin_day();
        let midnight = day * PANES_PER_DAY;
        let of_day = (midnight, midnight + PANES_PER_DAY - 1, None);
        let of_hours = whole.hours.iter().map(|block| {
            let first = block.hour * PANES_PER_HOUR;
            (first, first + PANES_PER_HOUR - 1, Some(block))
        });
        for (first, last, hour) in of_hours.chain([of_day]) {
            for window in Window::ALL {
                if hour.is_none() == matches!(window, Window::FiveMinutes | Window::Hour) {
                    continue;
                }
                let job = explained.within(window, first, last);
                let at = if hour.is_some() { first } else { noon_of(day) };
                for signal in Signal::ALL {
                    let stat = stat(signal, window);
                    let all = hour.map_or(whole.max[stat], |block| block.max(signal, window));
                    let x = match job {
                        0 => all,
                        // Beside its job the account did nothing: that is what is usual then.
                        job => all.saturating_sub(job).max(1),
                    };
                    if stat < COUNTED {
                        let reach = |scores: &mut Scores, version: &Version, x| {
                            let sizes = sizes_of(f64::from(x) - 1.0 - version.model(stat, at).mean);
                            reach(scores, stat, sizes, version.score_of_large(stat, at, x));
                        };
                        if let Some(peer) = peers.last() {
                            reach(as_newcomer, peer, all);
                        }
                        reach(scores, latest, x);
                    }
                    let lesson = Lesson {
                        x,
                        expected: latest.model(stat, at),
                        pace: latest.pace(window, at),
                        is_alarmed: whole.alarms != 0,
                        is_program: self.kind == AccountKind::Service,
                        is_vouched: whole.is_vouched,
                    };
                    self.baseline.learn(stat, lesson);
                }
            }
        }
    }

    /// Scores and learns the day's counts for the slow tests, and writes the day down where it may
    /// belong to a slow theft.
    fn learn_slowly(
        &mut self,
        day_end: DayEnd,
        whole: &Day,
        explained: &Explained,
        common: [f64; SLOW.len()],
        prior: &Prior,
        (scores, table): (&mut Scores, &mut Table),
    ) {
        let day = day_end.day;
        let midnight = day * PANES_PER_DAY;
        let job = explained.within(Window::Today, midnight, midnight + PANES_PER_DAY - 1);
        let counts = SLOW.map(|signal| {
            let is_told = signal != Signal::Idle || day_end.is_established;
            is_told.then(|| whole.max[stat(signal, Window::Today)].saturating_sub(job))
        });
        let seen = (whole.alarms, whole.is_vouched);
        let peaks = self.drip.learn(day, counts, common, prior, seen, table);
        for (signal, peak) in SLOW.into_iter().zip(peaks) {
            for (size, peak) in peak.iter().enumerate() {
                reach(&mut scores[size..], stat(signal, Window::Today), 1, *peak);
            }
        }
        self.write_down(day_end);
    }

    fn write_down(&mut self, day_end: DayEnd) {
        if self.held || self.drip.is_above() {
            self.diary.write(day_end.day, &self.ledger, day_end.is_full);
        } else {
            self.diary.clear();
        }
    }

    /// Gets to know the people of a day, or keeps them `apart`: an alarm's people are no acquaintances.
    fn meet(&mut self, day_end: DayEnd, teaches: bool) {
        if day_end.is_full {
            self.familiar.give_up(day_end.day);
            return;
        }
        let people = self.ledger.subjects_of(day_end.day);
        let met = MetOn {
            day: day_end.day,
            active_days: self.baseline.days,
            from: day_end.from,
            passed: day_end.passed,
        };
        if teaches {
            self.familiar.learn(people, met);
        } else {
            self.familiar.pass(people, met);
        }
    }
}

/// Takes a score of a test into the day's highest, where it passes the level.
pub(super) fn reach(
    scores: &mut [[Option<f64>; TESTS]],
    test: usize,
    sizes: usize,
    score: Option<f64>,
) {
    let score = score.filter(|score| *score > LEVEL);
    for scores in &mut scores[..sizes] {
        scores[test] = match (scores[test], score) {
            (Some(a), Some(b)) => Some(f64::max(a, b)),
            (a, b) => a.or(b),
        };
    }
}
