//! The critical counts of an account (or of a newcomer to a group) from one day end to the next.

mod bar;
mod hours;
mod odd;
mod packed;

pub use self::{bar::PEOPLE_MIN, odd::odd_test, packed::Packed};
use self::{
    bar::{Floor, TooMuch},
    hours::{ACTIVE, HOURLY, Hours, level_of},
    odd::OddScores,
};

use crate::detect::{
    baseline::{Baseline, STATS, stat},
    calibration::Asked,
    coverage::Stops,
    critical::{Model, Table},
    drip::{Bar, Drip, SLOW},
    habits::{Aspect, Habits},
    jobs::{Job, Jobs, allowance, largest},
    odd::WINDOWS as ODD_WINDOWS,
    pane::pane_start,
    parts::{Part, Parts},
    peers::Prior,
    season::{Calendar, SLOTS, Season},
    window::{Signal, Window},
};

/// Tests of what is counted: each tested signal in each window. The places of [`stat`] below this
/// are theirs.
pub const COUNTED: usize = Signal::TESTED.len() * Window::ALL.len();
/// Tests in all: behind the others, people in unusual circumstances in each window.
pub const TESTS: usize = COUNTED + Window::ALL.len();
/// Tests that there is such a window for.
pub const USED: usize = COUNTED - 5 + ODD_WINDOWS.len();
/// Of these, the ones that a newcomer can cross: of people, of records exported, and of idle people, in
/// the windows up to a day.
pub const USED_OF_NEWCOMERS: usize = 8;

/// The test that an account declared never to export crosses with its first one.
const FORBIDDEN: usize = stat(Signal::Exported, Window::FiveMinutes);

/// What is expected, and too much, for the panes from `from` on.
#[derive(Clone, Debug)]
pub struct Version {
    /// The first pane it holds for.
    pub from: u32,
    /// The expectation of each statistic, less one.
    pub models: [Model; STATS],
    /// The highest of each statistic in the history.
    pub seen_max: [u32; STATS],
    /// Active days in the history.
    pub days: u32,
    /// Accounts of the peer group that have a history.
    pub peers: u32,
    /// Where the tests of many days stand, by the places of [`SLOW`].
    pub bars: [Bar; SLOW.len()],
    /// People of a month that are too many, and how many of these stops were told of.
    pub stops: Stops,
    pub(super) stops_told: u8,
    /// Its known jobs: what they bring is expected on top.
    jobs: Box<[Job]>,
    /// The days that are worked on.
    calendar: Calendar,
    /// Whether the account is declared never to export.
    forbids_exports: bool,
    /// Below these counts no test crosses, whatever the model says.
    floors: [Floor; COUNTED],
    /// How rare each aspect of unusual circumstances is.
    rarities: [f32; Aspect::ALL.len()],
    /// What people in such circumstances must reach.
    odd: OddScores,
    hours: Hours,
    /// On a working day, and on a day off.
    daily: [[u32; 2]; Signal::TESTED.len()],
    slow: [u32; SLOW.len()],
    /// The place in [`ACTIVE`] of each kind of day.
    day_level: [u8; 2],
}

/// What an account's history says.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// What it usually reads.
    pub baseline: &'a Baseline,
    /// When.
    pub season: &'a Season,
    /// Its slow tests.
    pub drip: &'a Drip,
    /// Its recurring jobs.
    pub jobs: &'a Jobs,
    /// In what circumstances it reads.
    pub habits: &'a Habits,
    /// Whether it is declared never to export.
    pub forbids_exports: bool,
    /// Stops of its coverage that were told of and last.
    pub stops_told: u8,
}

impl Version {
    /// Works the history out against the peers' and what the budget asks.
    pub fn new(
        from: u32,
        history: History<'_>,
        prior: &Prior,
        asked: &Asked,
        table: &mut Table,
    ) -> Self {
        let History {
            baseline, season, ..
        } = history;
        let models = std::array::from_fn(|stat| baseline.expect(stat, prior));
        let paces = season.paces();
        let week: [(f64, f64); SLOTS] = std::array::from_fn(|slot| {
            if asked.by_season {
                let active = season.probability(slot, prior.season[slot]);
                (active, paces[slot])
            } else {
                (1.0, 1.0)
            }
        });
        let day_level = std::array::from_fn(|kind| {
            // As if hours were independent, which makes a day the likelier, and its bar the higher.
            let hours = &week[24 * kind..24 * (kind + 1)];
            let idle: f64 = hours.iter().map(|(active, _)| 1.0 - active).product();
            level_of(1.0 - idle)
        });
        let rarities = history.habits.rarities(asked);
        let floors = std::array::from_fn(|test| Floor::of(baseline, test));
        let active = ACTIVE.map(f64::ln);
        let of_day = day_level.map(|level| active[usize::from(level)]);
        let mut hours = Hours::new(&week);
        let mut daily = [[u32::MAX; 2]; Signal::TESTED.len()];
        for signal in Signal::TESTED {
            let too_much = |window| {
                let test = stat(signal, window);
                let rarity = f64::from(rarity_of(signal, &rarities));
                TooMuch {
                    model: models[test],
                    floor: floors[test],
                    scores: asked.scores.map(|scores| scores[test] - rarity),
                }
            };
            daily[signal as usize] = too_much(Window::Day).counts(1.0, of_day, table);
            for window in HOURLY {
                hours.make(signal, window, |pace| {
                    too_much(window).counts(pace, active, table)
                });
            }
        }
        let bars = history.drip.bars(prior, table);
        let mut version = Self {
            from,
            models,
            seen_max: std::array::from_fn(|stat| baseline.seen_max(stat)),
            days: baseline.days,
            peers: prior.accounts,
            bars,
            stops: asked.stops,
            stops_told: history.stops_told,
            jobs: history.jobs.known().collect(),
            calendar: season.calendar.clone(),
            forbids_exports: history.forbids_exports,
            floors,
            rarities,
            odd: OddScores::of(asked),
            hours,
            daily,
            slow: std::array::from_fn(|place| {
                let test = stat(SLOW[place], Window::Today);
                bars[place].critical(asked.scores.map(|scores| scores[test]))
            }),
            day_level,
        };
        version.forbid();
        version
    }

    /// The same with what is declared of an account that has nothing else of its own yet.
    #[must_use]
    pub fn of_declared(&self, history: History<'_>) -> Self {
        let mut version = Self {
            jobs: history.jobs.known().collect(),
            forbids_exports: history.forbids_exports,
            stops_told: history.stops_told,
            ..self.clone()
        };
        version.forbid();
        version
    }

    /// One export is too much where none is ever to be.
    fn forbid(&mut self) {
        if self.forbids_exports {
            let (signal, window) = signal_and_window(FORBIDDEN);
            self.hours.make(signal, window, |_| [1; ACTIVE.len()]);
        }
    }

    /// Whether a test crosses by what is declared alone.
    pub const fn forbids(&self, test: usize) -> bool {
        self.forbids_exports && test == FORBIDDEN
    }

    /// The critical count of each test for windows that end at `pane`.
    pub fn critical(&self, pane: u32) -> [u32; COUNTED] {
        let slot = self.slot_at(pane);
        std::array::from_fn(|test| {
            let (signal, window) = signal_and_window(test);
            if self.forbids(test) {
                return 1;
            }
            let own = match window {
                Window::FiveMinutes | Window::Hour => self.hours.critical(slot, signal, window),
                Window::Day => self.daily[signal as usize][slot / 24],
                Window::Today => slow_place(signal).map_or(u32::MAX, |place| self.slow[place]),
            };
            own.saturating_add(allowance(
                &self.jobs,
                (signal, window),
                pane,
                &self.calendar,
            ))
        })
    }

    /// Prefetches what [`critical`](Self::critical) will read; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch(&self) -> u32 {
        self.from ^ self.hours.prefetch() ^ self.daily[0][0] ^ u32::from(self.hours.level(0))
    }

    /// The largest run that a known job explains; 0 without one.
    pub fn job_size(&self) -> u32 {
        largest(&self.jobs)
    }

    /// The lowest critical count of a test in any hour.
    pub fn critical_min(&self, test: usize) -> u32 {
        let (signal, window) = signal_and_window(test);
        match window {
            Window::FiveMinutes | Window::Hour => self.hours.critical_min(signal, window),
            Window::Day => self.daily[signal as usize].into_iter().min().unwrap_or(0),
            Window::Today => slow_place(signal).map_or(u32::MAX, |place| self.slow[place]),
        }
    }

    /// How surprising `count` is in a window that ends at `pane`: -ln of the probability that the
    /// account is active in that hour, or on such a day, and reaches it.
    pub fn score(&self, test: usize, pane: u32, count: u64) -> f64 {
        if self.forbids(test) {
            return f64::INFINITY;
        }
        let (signal, window) = signal_and_window(test);
        let tail = || {
            -self
                .model(test, pane)
                .tail(count.saturating_sub(1))
                .max(1e-300)
                .ln()
        };
        match window {
            Window::Today => slow_place(signal).map_or(0.0, |place| self.bars[place].score(count)),
            Window::Day | Window::FiveMinutes | Window::Hour => {
                let rarity = f64::from(rarity_of(signal, &self.rarities));
                tail() - self.active(window, pane).ln() + rarity
            }
        }
    }

    /// What is expected of a statistic, less one, in a window that ends at `pane`.
    pub fn model(&self, stat: usize, pane: u32) -> Model {
        let (_, window) = signal_and_window(stat);
        self.models[stat].times(self.pace(window, pane))
    }

    /// How many times its usual the account reads in the hour of a window that ends at `pane`.
    pub fn pace(&self, window: Window, pane: u32) -> f64 {
        if HOURLY.contains(&window) {
            self.hours.pace(self.slot_at(pane))
        } else {
            1.0
        }
    }

    /// The same for a count that could have crossed; nothing for others.
    pub fn score_of_large(&self, test: usize, pane: u32, count: u32) -> Option<f64> {
        let (_, window) = signal_and_window(test);
        let floor = self.floors[test].at(self.pace(window, pane));
        let could = count >= floor && !self.forbids(test);
        could.then(|| self.score(test, pane, u64::from(count)))
    }

    /// How probably the account is active in the hour of a window that ends at `pane`, or on its day.
    fn active(&self, window: Window, pane: u32) -> f64 {
        let level = match window {
            Window::FiveMinutes | Window::Hour => self.hours.level(self.slot_at(pane)),
            Window::Day => self.day_level[self.slot_at(pane) / 24],
            Window::Today => 0,
        };
        ACTIVE[usize::from(level)]
    }

    /// The slot that holds `pane`: an hour, of a day off from the 24th on.
    fn slot_at(&self, pane: u32) -> usize {
        self.calendar.slot_of(pane_start(pane))
    }
}

/// How rare days are that have such people at all, where most have none: -ln p.
fn rarity_of(signal: Signal, rarities: &[f32; Aspect::ALL.len()]) -> f32 {
    match signal {
        Signal::Consecutive => rarities[Aspect::Sequence as usize],
        _ => 0.0,
    }
}

/// Whether there is such a test: of many days there are those of [`SLOW`] alone, idle people are too few
/// to tell anything in five minutes, and ids are consecutive within an hour.
fn is_used(test: usize) -> bool {
    let (signal, window) = signal_and_window(test);
    match window {
        Window::Today => test < COUNTED && slow_place(signal).is_some(),
        Window::FiveMinutes => {
            test >= COUNTED || signal != Signal::Idle && signal != Signal::Consecutive
        }
        Window::Hour => true,
        Window::Day => test >= COUNTED || signal != Signal::Consecutive,
    }
}

/// Whether every part of detection that a test stands and falls with is among `parts`.
pub fn is_among(test: usize, parts: Parts) -> bool {
    let (signal, window) = signal_and_window(test);
    let needed = if test >= COUNTED {
        [Some(Part::Circumstances), None]
    } else {
        let slow = (window == Window::Today).then_some(Part::Drip);
        let of_people = match signal {
            Signal::Novel => Some(Part::Novel),
            Signal::Idle => Some(Part::Idle),
            Signal::Consecutive => Some(Part::Sequence),
            _ => None,
        };
        [of_people, slow]
    };
    is_used(test) && needed.into_iter().flatten().all(|part| parts.has(part))
}

/// Whether a test adds up many days.
pub fn is_slow(test: usize) -> bool {
    test < COUNTED && signal_and_window(test).1 == Window::Today
}

/// The signal and the window of a test of what is counted.
pub fn signal_and_window(test: usize) -> (Signal, Window) {
    let windows = Window::ALL.len();
    (Signal::ALL[test / windows], Window::ALL[test % windows])
}

fn slow_place(signal: Signal) -> Option<usize> {
    SLOW.iter().position(|slow| *slow == signal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::calibration::Tails;

    fn version(baseline: &Baseline, prior: &Prior) -> Version {
        version_of(baseline, prior, Parts::default())
    }

    fn version_of(baseline: &Baseline, prior: &Prior, parts: Parts) -> Version {
        let (season, drip, jobs) = (Season::default(), Drip::default(), Jobs::default());
        let history = History {
            baseline,
            season: &season,
            drip: &drip,
            jobs: &jobs,
            habits: &Habits::default(),
            forbids_exports: false,
            stops_told: 0,
        };
        let asked = Tails::PRIOR.asked_of(parts, 2e-4);
        Version::new(0, history, prior, &asked, &mut Table::default())
    }

    fn asked() -> Asked {
        Tails::PRIOR.asked(2e-4)
    }

    #[test]
    fn an_unusual_hour_lowers_the_critical_count() {
        let mut prior = Prior::WEAK;
        prior.season[3] = 0.001;
        prior.season[10] = 0.95;
        let version = version(&Baseline::default(), &prior);
        // 1970-01-01 was a Thursday.
        let (night, day) = (version.critical(3 * 120), version.critical(10 * 120));
        assert!(night[0] < day[0], "{night:?} {day:?}");
        let whole_day = stat(Signal::People, Window::Day);
        assert_eq!(
            night[whole_day], day[whole_day],
            "a day has every hour in it"
        );
        assert_eq!(version.critical_min(0), night[0]);
    }

    #[test]
    fn a_day_off_that_nobody_works_on_lowers_the_count_of_a_day() {
        let mut prior = Prior::WEAK;
        prior.season[24..].fill(0.001);
        let version = version(&Baseline::default(), &prior);
        let day = stat(Signal::People, Window::Day);
        // 1970-01-02 was a Friday.
        let noon = |date: u32| (24 * date + 12) * 120;
        let [friday, saturday] = [1, 2].map(|date| version.critical(noon(date))[day]);
        assert!(saturday < friday, "{saturday} {friday}");
        assert_eq!(version.critical_min(day), saturday);
        let least = asked().scores[0][day];
        let score = version.score(day, noon(2), u64::from(saturday));
        assert!(score >= least, "{score} {least}");
    }

    #[test]
    fn the_critical_count_reaches_the_score_asked_for() {
        let mut acquainted = Baseline::default();
        acquainted.days = 20;
        let version = version(&acquainted, &Prior::WEAK);
        for signal in Signal::TESTED {
            for window in [Window::FiveMinutes, Window::Hour, Window::Day] {
                let test = stat(signal, window);
                let critical = version.critical(10 * 120)[test];
                let score = version.score(test, 10 * 120, u64::from(critical));
                assert!(
                    score >= asked().scores[0][test],
                    "{test} {critical} {score}"
                );
            }
        }
    }

    #[test]
    fn a_part_that_is_taken_out_crosses_at_no_count() {
        let mut acquainted = Baseline::default();
        acquainted.days = 20;
        let novel = stat(Signal::Novel, Window::Hour);
        let parts = Parts::default();
        let without = |part| version_of(&acquainted, &Prior::WEAK, parts.without(part));
        let critical = |version: &Version| version.critical(0)[novel];
        let odd_critical =
            |version: &Version| version.odd_critical(0, Window::Hour, 0, &mut Table::default());
        let whole = version(&acquainted, &Prior::WEAK);
        assert!(critical(&whole) < 1_000 && odd_critical(&whole) < 1_000);
        assert_eq!(critical(&without(Part::Novel)), u32::MAX);
        assert!(odd_critical(&without(Part::Circumstances)) > u64::from(u32::MAX));
    }

    #[test]
    fn the_slow_test_of_new_people_goes_with_either_of_its_parts() {
        let test = stat(Signal::Novel, Window::Today);
        let among = |part| is_among(test, Parts::default().without(part));
        assert!(!among(Part::Novel) && !among(Part::Drip) && among(Part::Circumstances));
    }

    #[test]
    fn without_a_season_the_night_is_as_good_as_the_day() {
        let mut prior = Prior::WEAK;
        prior.season[3] = 0.001;
        prior.season[10] = 0.95;
        let parts = Parts::default().without(Part::Season);
        let version = version_of(&Baseline::default(), &prior, parts);
        assert_eq!(version.critical(3 * 120), version.critical(10 * 120));
    }

    #[test]
    fn the_budget_is_shared_by_the_tests_that_there_are() {
        let used = || (0..TESTS).filter(|test| is_used(*test));
        assert_eq!(used().count(), USED);
        let is_of_newcomers = |test: &usize| {
            let (signal, window) = signal_and_window(*test);
            *test < COUNTED && !signal.is_of_strangers() && window != Window::Today
        };
        assert_eq!(used().filter(is_of_newcomers).count(), USED_OF_NEWCOMERS);
    }

    #[test]
    fn nobody_is_a_stranger_to_a_newcomer() {
        let version = version(&Baseline::default(), &Prior::WEAK);
        let novel = stat(Signal::Novel, Window::Hour);
        assert_eq!(version.critical(0)[novel], u32::MAX);
    }
}
