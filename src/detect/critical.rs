//! The negative binomial: how surprising a count is, and the smallest count that is too surprising.
//!
//! A count Y with mean m and size r has variance m + m²/r. Sources: Hilbe, Negative Binomial
//! Regression (2011) §8; the tail as a regularised incomplete beta function, NIST DLMF 8.17.5.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use statrs::function::{beta::checked_beta_reg, gamma::checked_gamma_ur};

/// The parameters of a negative-binomial count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Its mean.
    pub mean: f64,
    /// Its size: the smaller, the more the counts scatter.
    pub size: f64,
}

impl Model {
    /// That of counts whose rates are so many times as high: what makes them scatter stays as it is.
    #[must_use]
    pub fn times(self, times: f64) -> Self {
        Self {
            mean: self.mean * times,
            ..self
        }
    }

    /// The standard deviation.
    pub fn deviation(self) -> f64 {
        (self.mean + self.mean * self.mean / self.size).sqrt()
    }

    /// The probability of `count` or more.
    pub fn tail(self, count: u64) -> f64 {
        if count == 0 {
            return 1.0;
        }
        let (mean, size) = (self.mean.max(MEAN_MIN), self.size.max(SIZE_MIN));
        let count = count as f64;
        // Past that, the continued fraction of the beta function converges too slowly, and the
        // count is a gamma variable but for a relative error below 1/mean.
        let tail = if mean > GAMMA_FROM || count > COUNT_SMOOTH_MAX {
            let shape = 1.0 / (1.0 / size + 1.0 / mean);
            checked_gamma_ur(shape, shape * count / mean).ok()
        } else {
            checked_beta_reg(count, size, mean / (mean + size)).ok()
        };
        tail.filter(|tail| tail.is_finite())
            .unwrap_or(0.0)
            .clamp(0.0, 1.0)
    }
}

const MEAN_MIN: f64 = 1e-3;
const MEAN_MAX: f64 = 1e9;
const SIZE_MIN: f64 = 0.02;
const SIZE_MAX: f64 = 1e4;
const GAMMA_FROM: f64 = 2_000.0;
const COUNT_SMOOTH_MAX: f64 = 20.0 * GAMMA_FROM;

/// Steps of the table: 5 % in the mean, 10 % in the size, rounded to the quieter side.
const MEAN_STEP: f64 = 0.05;
const SIZE_STEP: f64 = 0.1;

/// Step of the table in the score.
const SCORE_STEP: f64 = 0.1;
/// Critical counts kept; past them all are computed anew.
const KNOWN_MAX: usize = 500_000;

/// Critical counts, computed once for each quantised model and score.
#[derive(Debug, Default)]
pub struct Table {
    /// By the steps of mean and size.
    curves: HashMap<(i32, i32), Curve, RandomState>,
    /// Counts on all of them.
    known: usize,
}

/// The critical counts of one quantised model by the steps of the score, rising.
#[derive(Debug, Default)]
struct Curve(Vec<(i32, u64)>);

impl Table {
    /// The smallest count whose -ln p under `model` is at least `score`; one that nothing reaches
    /// where the score is infinite.
    pub fn critical(&mut self, model: Model, score: f64) -> u64 {
        let [critical] = self.criticals(model, [score]);
        critical
    }

    /// The same for several scores.
    pub fn criticals<const N: usize>(&mut self, model: Model, scores: [f64; N]) -> [u64; N] {
        if self.known >= KNOWN_MAX {
            *self = Self::default();
        }
        let mean = quantise(model.mean.clamp(MEAN_MIN, MEAN_MAX), MEAN_STEP, f64::ceil);
        let size = quantise(model.size.clamp(SIZE_MIN, SIZE_MAX), SIZE_STEP, f64::floor);
        let curve = self.curves.entry((mean, size)).or_default();
        scores.map(|score| {
            if score.is_infinite() {
                return COUNT_MAX;
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "scores stay below a thousand"
            )]
            let steps = (score.max(0.0) / SCORE_STEP).ceil() as i32;
            let place = match curve.0.binary_search_by_key(&steps, |(steps, _)| *steps) {
                Ok(place) => return curve.0[place].1,
                Err(place) => place,
            };
            let model = Model {
                mean: (f64::from(mean) * MEAN_STEP).exp(),
                size: (f64::from(size) * SIZE_STEP).exp(),
            };
            let p = (-f64::from(steps) * SCORE_STEP).exp();
            let critical = match curve.around(place, model) {
                Some(bounds) => smallest_within(model, p, bounds),
                None => smallest(model, p),
            };
            curve.0.insert(place, (steps, critical));
            self.known += 1;
            critical
        })
    }
}

impl Curve {
    /// What the counts beside `place` say of one between them: a count that does not reach it, and
    /// one that does. Only where tails fall without a step.
    fn around(&self, place: usize, model: Model) -> Option<(u64, u64)> {
        let (_, below) = self.0.get(place.checked_sub(1)?)?;
        let (_, above) = self.0.get(place)?;
        let is_smooth = model.mean <= GAMMA_FROM && *above as f64 <= COUNT_SMOOTH_MAX;
        is_smooth.then_some((below - 1, *above))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by the clamps")]
fn quantise(value: f64, step: f64, round: fn(f64) -> f64) -> i32 {
    round(value.ln() / step) as i32
}

/// The smallest count from 1 on whose tail under `model` is at most `p`.
///
/// The logarithm of a tail is nearly straight where it is small, so that the line through two of its
/// points (regula falsi, the Illinois way) meets the place in a few steps; a tail costs a
/// microsecond.
fn smallest(model: Model, p: f64) -> u64 {
    let wanted = p.ln();
    // The excess of ln tail over what is wanted: positive at `low`, not so at `high`.
    let (mut low, mut above) = (0, -wanted);
    let (mut high, mut below) = (COUNT_MAX, f64::NEG_INFINITY);
    let mut guess = model.mean + model.deviation() * (-2.0 * wanted).sqrt();
    let mut kept = 0_i32;
    while low + 1 < high {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped between counts"
        )]
        let count = (guess.ceil() as u64).clamp(low + 1, high - 1);
        let tail = model.tail(count);
        let excess = tail.max(f64::MIN_POSITIVE).ln() - wanted;
        if tail <= p {
            (high, below) = (count, excess);
            kept = kept.max(0) + 1;
        } else {
            (low, above) = (count, excess);
            kept = kept.min(0) - 1;
        }
        // An end that stays where it is pulls the line half as hard.
        match kept {
            2.. => above /= 2.0,
            ..=-2 => below /= 2.0,
            _ => {}
        }
        let (from, to) = (low as f64, high as f64);
        guess = if kept.abs() > STEPS_MAX {
            f64::midpoint(from, to)
        } else if below.is_finite() {
            from + (to - from) * above / (above - below)
        } else {
            2.0 * from
        };
    }
    high
}

/// The same between a count that does not reach it and one that does: they are seldom far apart.
fn smallest_within(model: Model, p: f64, (mut low, mut high): (u64, u64)) -> u64 {
    while low + 1 < high {
        let count = u64::midpoint(low, high);
        if model.tail(count) <= p {
            high = count;
        } else {
            low = count;
        }
    }
    high
}

/// Steps on one side after which the middle is taken: no curve makes the search a long one.
const STEPS_MAX: i32 = 4;

/// No count is critical above this: nobody is surprised by a trillion.
const COUNT_MAX: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tail by adding up the probabilities of the counts below.
    fn tail_slowly(model: Model, count: u64) -> f64 {
        let p = model.size / (model.mean + model.size);
        let mut probability = p.powf(model.size);
        let mut below = 0.0;
        for y in 0..count {
            below += probability;
            probability *= (1.0 - p) * (y as f64 + model.size) / (y as f64 + 1.0);
        }
        1.0 - below
    }

    #[test]
    fn the_tail_equals_the_sum_of_what_is_not_below() {
        for (mean, size) in [
            (0.5, 0.3),
            (4.0, 1.0),
            (40.0, 5.0),
            (300.0, 50.0),
            (1_500.0, 0.7),
        ] {
            let model = Model { mean, size };
            for count in [1, 2, 5, 20, 100, 1_000] {
                let (fast, slow) = (model.tail(count), tail_slowly(model, count));
                assert!(
                    (fast - slow).abs() < 1e-9,
                    "{model:?} {count}: {fast} {slow}"
                );
            }
        }
    }

    #[test]
    fn large_means_go_over_to_the_gamma_tail_without_a_step() {
        for size in [0.5, 5.0, 100.0] {
            let below = Model {
                mean: 1_999.0,
                size,
            };
            let above = Model {
                mean: 2_001.0,
                size,
            };
            for times in [1, 2, 3] {
                let (a, b) = (below.tail(2_000 * times), above.tail(2_000 * times));
                assert!(
                    (a / b - 1.0).abs() < 0.05 || a < 1e-9,
                    "{size} {times}: {a} {b}"
                );
            }
        }
    }

    #[test]
    fn a_critical_count_is_the_first_that_is_rare_enough() {
        let mut table = Table::default();
        for (mean, size) in [(0.01, 0.1), (3.0, 0.8), (60.0, 4.0), (5_000.0, 30.0)] {
            let model = Model { mean, size };
            let critical = table.critical(model, 13.8);
            assert!(model.tail(critical) <= 1e-6, "{model:?} {critical}");
            assert!(model.tail(critical * 8 / 10) > 1e-7, "{model:?} {critical}");
        }
    }

    proptest! {
        #[test]
        fn the_search_ends_at_a_count_that_is_rare_enough_and_follows_on_one_that_is_not(
            mean in -6.9..12.0_f64,
            size in -3.9..9.2_f64,
            score in 0.001..60.0_f64,
        ) {
            let model = Model { mean: mean.exp(), size: size.exp() };
            let p = (-score).exp();
            let found = smallest(model, p);
            prop_assert!(model.tail(found) <= p && model.tail(found - 1) > p, "{}", found);
        }

        #[test]
        fn what_a_table_knows_already_changes_nothing(
            mean in -6.9..12.0_f64,
            size in -3.9..9.2_f64,
            scores in prop::collection::vec(0.0..60.0_f64, 1..20),
        ) {
            let model = Model { mean: mean.exp(), size: size.exp() };
            let mut table = Table::default();
            for score in scores {
                let alone = Table::default().critical(model, score);
                prop_assert_eq!(table.critical(model, score), alone);
            }
        }
    }

    #[test]
    fn an_impossible_count_has_probability_zero_and_no_nan() {
        let model = Model {
            mean: 1.0,
            size: 1e4,
        };
        assert!(model.tail(u64::MAX).abs() < 1e-300);
    }
}
