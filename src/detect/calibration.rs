//! What a score is worth: the tail of each test's scores over account-days that raised no alarm,
//! and from it the score that the operator's budget of false alerts asks for.
//!
//! A test's raw score is -ln p under the model of its account. No model of people is right far out
//! in its tail, so the tail is measured: over a level u the scores of account-days decay
//! exponentially (the generalised Pareto law with shape 0, as peaks over a threshold tend to where
//! p-values are nearly right; Pickands 1975, Siffer et al., KDD 2017), with a rate and a scale that
//! the groups' own quiet days give. A perfect model has the scale 1.
//!
//! Sums are integers, so that they are the same in any order of accounts.

use crate::detect::{
    fixed::{fixed, unit},
    version::{TESTS, signal_and_window},
    window::Window,
};

/// The level over which tails are measured: -ln of one in two hundred.
pub const LEVEL: f64 = 5.3;
/// Highest score asked for; a model's p below e^-60 is nothing that a budget can ask.
const SCORE_MAX: f64 = 60.0;
/// Before anything is known, one account-day in fifty passes the level, as in these many
/// account-days of experience; tails are taken for longer than the models' by so much, as in these
/// many passings.
const RATE_PRIOR: f64 = 0.02;
const DAYS_PRIOR: f64 = 300.0;
const SCALE_PRIOR: f64 = 1.8;
const PASSINGS_PRIOR: f64 = 15.0;
/// A test of many days passes its level at most once in an excursion of about so many days, so that
/// as many days say no more than one does of the others.
const EXCURSION_DAYS: f64 = 4.0;
/// No tail is shorter than the model's, nor is it believed to be longer than this.
const SCALE: [f64; 2] = [1.0, 3.0];
/// Days after which a day of experience counts half: three months, so that a quarter's peaks stay.
const HALF_LIFE_DAYS: f64 = 90.0;
/// Tails are measured on days that raised no alarm, which leaves the wildest honest ones out: that
/// much of the budget is asked for, so that about the whole comes.
const CENSORED: f64 = 0.5;

/// The scores of one account-day: nothing where the test did not pass the level.
pub type Scores = [Option<f64>; TESTS];

/// What the account-days of a group, or of the whole supplier, have shown.
#[derive(Clone, Debug, Default)]
pub struct Experience {
    days: i128,
    passings: [i128; TESTS],
    excess: [i128; TESTS],
    /// Account-days on which some test passed the level.
    any: i128,
}

impl Experience {
    /// Takes a quiet account-day.
    pub fn add(&mut self, scores: &Scores) {
        self.days += fixed(1.0);
        let mut any = false;
        for (test, score) in scores.iter().enumerate() {
            let Some(score) = score else { continue };
            any = true;
            self.passings[test] += fixed(1.0);
            self.excess[test] += fixed((score - LEVEL).clamp(0.0, SCORE_MAX));
        }
        self.any += if any { fixed(1.0) } else { 0 };
    }

    /// Lets a day pass: what is older counts a little less.
    pub fn age(&mut self) {
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE_DAYS);
        let sums = self.passings.iter_mut().chain(&mut self.excess);
        for sum in sums.chain([&mut self.days, &mut self.any]) {
            *sum = fixed(unit(*sum) * keep);
        }
    }

    /// The tails, leaning on `wider` as far as there are few days.
    pub fn tails(&self, wider: &Tails) -> Tails {
        let mut tails = wider.clone();
        let days = unit(self.days);
        for (test, tail) in tails.tests.iter_mut().enumerate() {
            let passings = unit(self.passings[test]);
            let prior = DAYS_PRIOR * if is_slow(test) { EXCURSION_DAYS } else { 1.0 };
            *tail = Tail {
                rate: (passings + prior * tail.rate) / (days + prior),
                scale: ((unit(self.excess[test]) + PASSINGS_PRIOR * tail.scale)
                    / (passings + PASSINGS_PRIOR))
                    .clamp(SCALE[0], SCALE[1]),
            };
        }
        let all: f64 = self.passings.iter().copied().map(unit).sum();
        tails.union = (unit(self.any) + PASSINGS_PRIOR * tails.union) / (all + PASSINGS_PRIOR);
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

/// How scores decay, test by test.
#[derive(Clone, Debug)]
pub struct Tails {
    tests: [Tail; TESTS],
    /// Account-days with a passing for each passing: below 1, as tests pass together.
    union: f64,
}

impl Tails {
    /// Before anything is known.
    pub const PRIOR: Self = Self {
        tests: [Tail {
            rate: RATE_PRIOR,
            scale: SCALE_PRIOR,
        }; TESTS],
        union: 1.0,
    };

    /// Share of account-days on which `test` passes the level.
    pub fn rate(&self, test: usize) -> f64 {
        self.tests[test].rate
    }

    /// Share of account-days on which `test` reaches a `score` over the level.
    pub fn probability(&self, test: usize, score: f64) -> f64 {
        let Tail { rate, scale } = self.tests[test];
        rate * (-(score - LEVEL).max(0.0) / scale).exp()
    }

    /// The raw score of each test that all tests together reach on `budget` of the account-days.
    pub fn critical(&self, budget: f64) -> [f64; TESTS] {
        let each = CENSORED * budget / (self.union * TESTS as f64);
        self.tests.map(|tail| {
            let above = tail.scale * (tail.rate / each).ln();
            (LEVEL + above).clamp(LEVEL, SCORE_MAX)
        })
    }
}

fn is_slow(test: usize) -> bool {
    signal_and_window(test).1 == Window::Today
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quiet days whose first test passes the level on one of `every`, by quantiles of an
    /// exponential of `scale`.
    fn lived(days: u32, every: u32, scale: f64) -> Experience {
        let mut experience = Experience::default();
        let passings = days / every;
        for day in 0..days {
            let mut scores = [None; TESTS];
            if day % every == 0 {
                let place = (f64::from(day / every) + 0.5) / f64::from(passings);
                scores[0] = Some(LEVEL - scale * (1.0 - place).ln());
            }
            experience.add(&scores);
        }
        experience
    }

    #[test]
    fn a_longer_tail_asks_for_a_higher_score() {
        let critical = |scale| {
            lived(20_000, 100, scale)
                .tails(&Tails::PRIOR)
                .critical(2e-4)[0]
        };
        let (right, long) = (critical(1.0), critical(3.0));
        assert!(long > right + 5.0, "{right} {long}");
    }

    #[test]
    fn the_score_asked_for_is_reached_as_rarely_as_the_budget_says() {
        // One day in a hundred passes, by a true scale of 2.
        let tails = lived(100_000, 100, 2.0).tails(&Tails::PRIOR);
        let critical = tails.critical(1e-4)[0];
        let truth = 0.01 * (-(critical - LEVEL) / 2.0).exp();
        let share = CENSORED * 1e-4 / TESTS as f64 / tails.union;
        assert!((truth / share - 1.0).abs() < 0.1, "{truth} {share}");
    }

    #[test]
    fn who_knows_nothing_asks_for_much() {
        let young = Tails::PRIOR.critical(2e-4)[0];
        let calm = lived(20_000, 1_000, 1.0)
            .tails(&Tails::PRIOR)
            .critical(2e-4)[0];
        assert!(young > calm + 3.0, "{young} {calm}");
    }
}
