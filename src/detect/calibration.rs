//! What a score is worth: the tail of each test's scores over account-days that raised no alarm, or a
//! small one, by [size](super::size),
//! and from it the score that the operator's budget of false alerts asks for.
//!
//! A test's raw score is -ln p under the model of its account. No model of people is right far out
//! in its tail, so the tail is measured: over a level u the scores of account-days follow the
//! generalised Pareto law (peaks over a threshold; Pickands 1975, Siffer et al., KDD 2017), with a
//! rate and a mean excess that the groups' own quiet days give, and a shape that is the same for all.
//! A perfect model has the mean excess 1 and the shape 0.
//!
//! Sums are integers, so that they are the same in any order of accounts.

use crate::detect::{
    coverage::Stops,
    fixed::{age, fixed, unit},
    habits::{Aspect, Aspects},
    odd::TIERS,
    parts::{Part, Parts},
    size::{BySize, SHARES, SIZES},
    version::{COUNTED, TESTS, USED, USED_OF_NEWCOMERS, is_among, is_slow},
};

/// The level over which tails are measured: -ln of one in two hundred.
pub const LEVEL: f64 = 5.3;
/// Highest score asked for; a model's p below e^-60 is nothing that a budget can ask.
const SCORE_MAX: f64 = 60.0;
/// Before anything is known, as many account-days pass the level as a perfect model's would, with an
/// excess of any size, as in these many account-days of experience. Tails are taken for longer than the
/// models' by so much, as in these many passings.
const RATE_PRIOR: f64 = 0.005;
const DAYS_PRIOR: f64 = 300.0;
const SCALE_PRIOR: f64 = 1.8;
const PASSINGS_PRIOR: f64 = 15.0;
/// That of people in unusual circumstances is taken for little longer, and keeps what it is taken for: what
/// lies far out there is a theft's as likely as not, and small alarms say where it is honest.
const SCALE_PRIOR_ODD: f64 = 1.2;
/// A test of many days passes its level at most once in an excursion of about so many days, so that
/// as many days say no more than one does of the others.
const EXCURSION_DAYS: f64 = 4.0;
/// The shape of every tail: heavier than exponential, as work comes in lumps. Too few days pass the
/// level to measure it group by group. With a lighter one, budgets far apart come closer together than
/// asked.
pub(super) const SHAPE: f64 = 0.2;
/// No tail is shorter than the model's; but that of newcomers, whose model is as wide as their group,
/// may be.
const SCALE_MIN: f64 = 1.0;
const SCALE_MIN_NEWCOMER: f64 = 0.3;
/// Thefts that raised no alarm are among the days that tails are measured on, and would make the bars of
/// a whole group: a slow thief passes the level on more days than all of his honest peers together. So
/// what lies [`FAR`] above it, and people in unusual circumstances however far above it, are gross errors
/// (Huber 1964) up to this share of account-days; what comes more often is work that comes in lumps, of
/// which is believed that it passes, and that its excess is no less than so much.
const THEFTS: f64 = 0.003;
/// Nats above the level that an honest day seldom reaches: a perfect model's passes it on one day in
/// eighty thousand. What lies below makes a long tail look shorter, a mean excess of 2 like one of 1.6,
/// which is left so: a tail made whole again by its shape found fewer thefts at as many false alerts.
const FAR: f64 = 6.0;
/// Newcomers' days are few: all of them together may raise so large a part of the false alarms of all
/// other days. In service it is far less, for their model is as wide as their group. They may raise so
/// many times as many as others whatever their share of the days is, and no more than one in so many
/// of their days may.
const NEWCOMERS_PART: f64 = 0.5;
const NEWCOMER_TIMES: f64 = 5.0;
const NEWCOMER_MAX: f64 = 0.2;
/// The share of account-days that are newcomers', before anything is known, as in so many days.
const ARRIVALS_PRIOR: f64 = 0.05;
const ARRIVALS_DAYS_PRIOR: f64 = 100.0;

/// The scores of one account-day by size: nothing where the test did not pass the level with a count
/// of that size.
pub type Scores = BySize<[Option<f64>; TESTS]>;

/// Share of account-days that reach each tier before anything is known: e to the minus of where it
/// begins.
const TIERS_PRIOR: [f64; TIERS.len()] = [0.05, 0.002_5, 0.000_12];
/// Share of account-days that have an aspect, before anything is known.
const ASPECT_PRIOR: f64 = 0.02;

/// Scores of which none passed the level.
pub const NO_SCORES: Scores = [[None; TESTS]; SIZES.len()];

/// What an account-day showed.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Its scores.
    pub scores: Scores,
    /// What was new in it.
    pub aspects: Aspects,
    /// The tiers of unusual circumstances that it reached.
    pub tiers: usize,
    /// Its scores, had it been the day of a newcomer to the group.
    pub as_newcomer: Scores,
    /// Whether it raised no alarm.
    pub is_quiet: bool,
    /// Whether what lies far out is believed: a verdict vouches for it, or it raised a small alarm, and
    /// the bar of those is to yield to what comes, whoever was right.
    pub is_believed: bool,
    /// Whether it was a newcomer's; nothing in a supplier's first days, when everybody is
    /// one, and of programs, whose first runs are not alike.
    pub is_arrival: Option<bool>,
}

impl Shown {
    /// A day of which nothing is said.
    pub const NOTHING: Self = Self {
        scores: NO_SCORES,
        aspects: 0,
        tiers: 0,
        as_newcomer: NO_SCORES,
        is_quiet: true,
        is_believed: false,
        is_arrival: None,
    };
}

/// What the account-days of a group, or of the whole supplier, have shown.
#[derive(Clone, Debug, Default)]
pub struct Experience {
    days: i128,
    passings: BySize<[i128; TESTS]>,
    excess: BySize<[i128; TESTS]>,
    /// Passings that may be thefts, which are not among the others.
    far: BySize<[i128; TESTS]>,
    /// Quiet account-days on which some test passed the level, and the tests that did.
    any: i128,
    together: i128,
    /// Account-days with each aspect.
    aspects: [i128; Aspect::ALL.len()],
    /// Account-days that reached each tier.
    tiers: [i128; TIERS.len()],
    /// Newcomers' days, and the days among which they are counted.
    arrivals: [i128; 2],
}

impl Experience {
    /// Takes a quiet account-day.
    pub fn add(&mut self, shown: &Shown) {
        self.days += fixed(1.0);
        for (aspect, days) in Aspect::ALL.into_iter().zip(&mut self.aspects) {
            *days += if aspect.is_in(shown.aspects) {
                fixed(1.0)
            } else {
                0
            };
        }
        for days in &mut self.tiers[..shown.tiers] {
            *days += fixed(1.0);
        }
        if let Some(is_arrival) = shown.is_arrival {
            self.arrivals[0] += if is_arrival { fixed(1.0) } else { 0 };
            self.arrivals[1] += fixed(1.0);
        }
        for (size, scores) in shown.scores.iter().enumerate() {
            for (test, score) in scores.iter().enumerate() {
                let Some(score) = score else { continue };
                let excess = (score - LEVEL).clamp(0.0, FAR);
                if shown.is_believed || test < COUNTED && excess < FAR {
                    self.passings[size][test] += fixed(1.0);
                    self.excess[size][test] += fixed(excess);
                } else {
                    self.far[size][test] += fixed(1.0);
                }
            }
        }
        if shown.is_quiet {
            // Whatever small alarms come, they say nothing of how tests pass together.
            let together = shown.scores[0].iter().flatten().count();
            self.any += if together > 0 { fixed(1.0) } else { 0 };
            self.together += fixed(together as f64);
        }
    }

    /// Lets a day pass: what is older counts a little less.
    pub fn age(&mut self) {
        let sums = self
            .passings
            .as_flattened_mut()
            .iter_mut()
            .chain(self.excess.as_flattened_mut())
            .chain(self.far.as_flattened_mut());
        let sums = sums.chain(&mut self.aspects).chain(&mut self.tiers);
        let sums = sums.chain(&mut self.arrivals);
        age(sums.chain([&mut self.days, &mut self.any, &mut self.together]));
    }

    /// The tails, leaning on `wider` as far as there are few days.
    pub fn tails(&self, wider: &Tails) -> Tails {
        self.tails_of(wider, SCALE_MIN)
    }

    /// The same where the scores are those of newcomers.
    pub fn tails_of_newcomers(&self, wider: &Tails) -> Tails {
        self.tails_of(wider, SCALE_MIN_NEWCOMER)
    }

    fn tails_of(&self, wider: &Tails, scale_min: f64) -> Tails {
        let mut tails = wider.clone();
        let days = unit(self.days);
        let honest = |seen: i128| (unit(seen) - THEFTS * days).max(0.0);
        for (size, tests) in tails.tests.iter_mut().enumerate() {
            for (test, tail) in tests.iter_mut().enumerate() {
                // How far people in unusual circumstances pass, nobody knows.
                let least = if test < COUNTED { FAR } else { tail.scale };
                let lumps = honest(self.far[size][test]);
                let passings = unit(self.passings[size][test]) + lumps;
                let excess = unit(self.excess[size][test]) + lumps * least;
                let prior = DAYS_PRIOR * if is_slow(test) { EXCURSION_DAYS } else { 1.0 };
                *tail = Tail {
                    rate: (passings + prior * tail.rate) / (days + prior),
                    scale: ((excess + PASSINGS_PRIOR * tail.scale) / (passings + PASSINGS_PRIOR))
                        .max(scale_min),
                };
            }
        }
        let lean = |seen: f64, wider: f64| (seen + DAYS_PRIOR * wider) / (days + DAYS_PRIOR);
        for (share, seen) in tails.aspects.iter_mut().zip(self.aspects) {
            *share = lean(unit(seen), *share);
        }
        for (share, seen) in tails.tiers.iter_mut().zip(self.tiers) {
            *share = lean(honest(seen), *share);
        }
        let [arrivals, days] = self.arrivals.map(unit);
        tails.arrivals =
            (arrivals + ARRIVALS_DAYS_PRIOR * tails.arrivals) / (days + ARRIVALS_DAYS_PRIOR);
        tails.union = (unit(self.any) + PASSINGS_PRIOR * tails.union)
            / (unit(self.together) + PASSINGS_PRIOR);
        tails
    }
}

/// How one test's scores decay over the level.
#[derive(Clone, Copy, Debug)]
struct Tail {
    /// Share of account-days that pass the level.
    rate: f64,
    /// Mean excess of those that do.
    scale: f64,
}

impl Tail {
    /// Before anything is known of the tests.
    const fn priors() -> [Self; TESTS] {
        let mut tails = [Self {
            rate: RATE_PRIOR,
            scale: SCALE_PRIOR,
        }; TESTS];
        let mut test = COUNTED;
        while test < TESTS {
            tails[test].scale = SCALE_PRIOR_ODD;
            test += 1;
        }
        tails
    }

    /// The excess over the level that so small a share of account-days reaches.
    fn above(self, share: f64) -> f64 {
        let unit = self.scale * (1.0 - SHAPE);
        unit / SHAPE * ((self.rate / share).powf(SHAPE) - 1.0)
    }

    /// The share of account-days that reach so much over the level.
    fn probability(self, excess: f64) -> f64 {
        let unit = self.scale * (1.0 - SHAPE);
        self.rate * (1.0 + SHAPE * excess / unit).powf(-1.0 / SHAPE)
    }
}

/// How scores decay, test by test.
#[derive(Clone, Debug)]
pub struct Tails {
    tests: BySize<[Tail; TESTS]>,
    /// Account-days with a passing for each passing: below 1, as tests pass together.
    union: f64,
    /// Share of account-days with each aspect.
    aspects: [f64; Aspect::ALL.len()],
    /// Share of account-days that reach each tier.
    tiers: [f64; TIERS.len()],
    /// Share of account-days that are newcomers'.
    arrivals: f64,
}

/// What the budget asks of the accounts of a group, and how rare circumstances are there.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The score that each test must reach, by size.
    pub scores: BySize<[f64; TESTS]>,
    /// Share of account-days with each aspect.
    pub aspects: [f64; Aspect::ALL.len()],
    /// -ln of the share of account-days that reach each tier.
    pub tiers: [f64; TIERS.len()],
    /// People of a month that are too many.
    pub stops: Stops,
    /// Whether the hour of the week counts.
    pub by_season: bool,
}

impl Tails {
    /// Before anything is known.
    pub const PRIOR: Self = Self {
        tests: [Tail::priors(); SIZES.len()],
        union: 1.0,
        aspects: [ASPECT_PRIOR; Aspect::ALL.len()],
        tiers: TIERS_PRIOR,
        arrivals: ARRIVALS_PRIOR,
    };

    /// Share of account-days on which `test` passes the level.
    pub fn rate(&self, test: usize) -> f64 {
        self.tests[0][test].rate
    }

    /// Share of account-days on which `test` reaches a `score` over the level.
    pub fn probability(&self, test: usize, score: f64) -> f64 {
        self.tests[0][test].probability((score - LEVEL).max(0.0))
    }

    /// What is asked so that all tests together cross on `budget` of the account-days.
    pub fn asked(&self, budget: f64) -> Asked {
        let each = budget / (self.union * USED as f64);
        let scores = std::array::from_fn(|size| {
            let share = SHARES[size] * each;
            let score = |tail: Tail| (LEVEL + tail.above(share)).clamp(LEVEL, SCORE_MAX);
            self.tests[size].map(score)
        });
        Asked {
            scores,
            aspects: self.aspects,
            tiers: self.tiers.map(|share| -share.min(1.0).ln()),
            stops: Stops::NONE,
            by_season: true,
        }
    }

    /// The same of `parts` alone: of a test that is not among them, what no count reaches.
    pub fn asked_of(&self, parts: Parts, budget: f64) -> Asked {
        let mut asked = self.asked(budget);
        if !parts.has(Part::Tails) {
            asked.scores = [[-(budget / USED as f64).ln(); TESTS]; SIZES.len()];
        }
        if !parts.has(Part::Sizes) {
            asked.scores[1..].fill([f64::INFINITY; TESTS]);
        }
        for scores in &mut asked.scores {
            for (test, score) in scores.iter_mut().enumerate() {
                if !is_among(test, parts) {
                    *score = f64::INFINITY;
                }
            }
        }
        asked.by_season = parts.has(Part::Season);
        asked
    }

    /// The same of newcomers, whose tails these are; `group` says the rest, and `tails` of the group
    /// how many of its days are theirs.
    pub fn asked_of_newcomers(
        &self,
        parts: Parts,
        budget: f64,
        (tails, group): (&Self, &Asked),
    ) -> Asked {
        if !parts.has(Part::Newcomers) {
            return *group;
        }
        let times = (NEWCOMERS_PART / tails.arrivals).max(NEWCOMER_TIMES);
        let budget = (times * budget).min(NEWCOMER_MAX.max(budget));
        // The fewer tests they can cross, the more of the budget each has.
        let tests = USED as f64 / USED_OF_NEWCOMERS as f64;
        Asked {
            scores: self.asked_of(parts, budget * tests).scores,
            ..*group
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quiet days whose first test passes the level on one of `every`, by quantiles of a tail of mean
    /// excess `scale`.
    fn lived(days: u32, every: u32, scale: f64) -> Experience {
        let mut experience = Experience::default();
        let passings = days / every;
        for day in 0..days {
            let mut scores = NO_SCORES;
            if day % every == 0 {
                let place = (f64::from(day / every) + 0.5) / f64::from(passings);
                let tail = Tail { rate: 1.0, scale };
                scores[0][0] = Some(LEVEL + tail.above(1.0 - place));
            }
            experience.add(&Shown {
                scores,
                ..Shown::NOTHING
            });
        }
        experience
    }

    #[test]
    fn a_longer_tail_asks_for_a_higher_score() {
        let critical = |scale| {
            lived(20_000, 100, scale)
                .tails(&Tails::PRIOR)
                .asked(2e-4)
                .scores[0][0]
        };
        let (right, long) = (critical(1.0), critical(3.0));
        assert!(long > right + 5.0, "{right} {long}");
    }

    #[test]
    fn the_score_asked_for_is_reached_as_rarely_as_the_budget_says() {
        // One day in a hundred passes. A long tail is not believed in full.
        for (scale, times) in [(1.0, 0.9..1.1), (2.0, 1.0..4.0)] {
            let tails = lived(100_000, 100, scale).tails(&Tails::PRIOR);
            let critical = tails.asked(1e-4).scores[0][0];
            let tail = Tail { rate: 0.01, scale };
            let truth = tail.probability(critical - LEVEL);
            let share = SHARES[0] * 1e-4 / USED as f64 / tails.union;
            assert!(times.contains(&(truth / share)), "{scale}: {truth} {share}");
        }
    }

    #[test]
    fn small_alarms_raise_the_bar_of_their_size_alone() {
        let mut experience = lived(20_000, 100, 1.5);
        let before = experience.tails(&Tails::PRIOR).asked(2e-4).scores;
        for _ in 0..100 {
            let mut alarm = Shown {
                is_quiet: false,
                is_believed: true,
                ..Shown::NOTHING
            };
            alarm.scores[0][0] = Some(LEVEL + 20.0);
            experience.add(&alarm);
        }
        let after = experience.tails(&Tails::PRIOR).asked(2e-4).scores;
        assert!(after[0][0] > before[0][0] + 5.0, "{before:?} {after:?}");
        for size in 1..SIZES.len() {
            assert!(after[size][0] <= before[size][0], "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_thief_makes_no_bar_and_lumps_that_come_often_do() {
        let asked = |far: u32| {
            let mut experience = lived(10_000, 100, 1.5);
            for _ in 0..far {
                let mut shown = Shown {
                    tiers: 2,
                    is_quiet: false,
                    ..Shown::NOTHING
                };
                for test in [0, COUNTED] {
                    shown.scores[0][test] = Some(LEVEL + 20.0);
                }
                experience.add(&shown);
            }
            let asked = experience.tails(&Tails::PRIOR).asked(2e-4);
            [
                asked.scores[0][0],
                asked.scores[0][COUNTED],
                -asked.tiers[1],
            ]
        };
        let (honest, thief, lumps) = (asked(0), asked(25), asked(300));
        for ((honest, thief), lumps) in honest.into_iter().zip(thief).zip(lumps) {
            assert!((thief - honest).abs() < 0.1, "{thief} {honest}");
            assert!(lumps > honest + 3.0, "{lumps} {honest}");
        }
    }

    #[test]
    fn who_knows_nothing_asks_for_much() {
        let young = Tails::PRIOR.asked(2e-4).scores[0][0];
        let calm = lived(20_000, 1_000, 1.0)
            .tails(&Tails::PRIOR)
            .asked(2e-4)
            .scores[0][0];
        assert!(young > calm + 3.0, "{young} {calm}");
    }
}
