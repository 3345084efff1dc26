//! The negative binomial: how surprising a count is, and the smallest count that is too surprising.
//!
//! A count Y with mean m and size r has variance m + m²/r. Sources: Hilbe, Negative Binomial
//! Regression (2011) §8; the tail as a regularised incomplete beta function, NIST DLMF 8.17.5.

use std::collections::HashMap;

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
        let tail = if mean > GAMMA_FROM || count > 20.0 * GAMMA_FROM {
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

/// Steps of the table: 5 % in the mean, 10 % in the size, rounded to the quieter side.
const MEAN_STEP: f64 = 0.05;
const SIZE_STEP: f64 = 0.1;

/// Step of the table in the score.
const SCORE_STEP: f64 = 0.1;
/// Critical counts kept; past them all are computed anew.
const KNOWN_MAX: usize = 500_000;

/// Critical counts, computed once for each quantised model.
#[derive(Debug, Default)]
pub struct Table {
    /// By the steps of mean, size and score.
    known: HashMap<(i32, i32, i32), u64>,
}

impl Table {
    /// The smallest count whose -ln p under `model` is at least `score`.
    pub fn critical(&mut self, model: Model, score: f64) -> u64 {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        let mean = quantise(model.mean.clamp(MEAN_MIN, MEAN_MAX), MEAN_STEP, f64::ceil);
        let size = quantise(model.size.clamp(SIZE_MIN, SIZE_MAX), SIZE_STEP, f64::floor);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "scores stay below a thousand"
        )]
        let steps = (score.max(0.0) / SCORE_STEP).ceil() as i32;
        *self.known.entry((mean, size, steps)).or_insert_with(|| {
            let p = (-f64::from(steps) * SCORE_STEP).exp();
            let model = Model {
                mean: (f64::from(mean) * MEAN_STEP).exp(),
                size: (f64::from(size) * SIZE_STEP).exp(),
            };
            smallest(|count| model.tail(count) <= p)
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by the clamps")]
fn quantise(value: f64, step: f64, round: fn(f64) -> f64) -> i32 {
    round(value.ln() / step) as i32
}

/// The smallest count from 1 on for which `holds`, which is false up to some count and true after.
fn smallest(holds: impl Fn(u64) -> bool) -> u64 {
    let mut high = 1;
    while !holds(high) && high < COUNT_MAX {
        high *= 2;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// No count is critical above this: nobody is surprised by a trillion.
const COUNT_MAX: u64 = 1 << 40;

#[cfg(test)]
mod tests {
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

    #[test]
    fn an_impossible_count_has_probability_zero_and_no_nan() {
        let model = Model {
            mean: 1.0,
            size: 1e4,
        };
        assert!(model.tail(u64::MAX).abs() < 1e-300);
    }
}
