//! Draws: independent generators from one seed, and the shapes of an account's days.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Gamma, LogNormal, Pareto, Poisson};

/// A generator for one purpose, independent of all others of the same seed.
pub(super) fn stream_rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Draws from a distribution whose parameters are constants of this crate or checked by the plan.
pub(super) fn draw<D, E>(distribution: Result<D, E>, rng: &mut ChaCha8Rng) -> f64
where
    D: rand_distr::Distribution<f64>,
{
    distribution.map_or(1.0, |it| it.sample(rng))
}

/// Draws from `low` to `high`, each order of magnitude alike.
pub(super) fn log_uniform(low: f64, high: f64, rng: &mut ChaCha8Rng) -> f64 {
    rng.random_range(low.ln()..=high.max(low).ln()).exp()
}

/// A count from a draw: rounded, never negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded draws, far inside u32; the cast saturates"
)]
pub(super) fn count(value: f64) -> u32 {
    value.round().max(0.0) as u32
}

/// Two numbers in [0, 1) that depend on their arguments alone.
///
/// They settle how one event of one account is delivered, so that an event more of one account
/// delays no event of another.
pub(super) fn uniforms(seed: u64, account: u32, event: u64) -> [f64; 2] {
    let first = scramble(scramble(seed ^ (u64::from(account) << 32)) ^ event);
    [first, scramble(first)].map(|bits| (bits >> 11) as f64 / (1_u64 << 53) as f64)
}

/// The finalizer of `SplitMix64` (Steele, Lea and Flood, 2014).
const fn scramble(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// How the number of an account's events varies from one working day to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Daily {
    /// Gamma-mixed Poisson; the lower the dispersion, the wilder.
    NegativeBinomial { dispersion: f64 },
    /// Nothing on a share of the days, and more on the others.
    ZeroInflated { zero: f64, dispersion: f64 },
    /// Ordinary days and long ones.
    LogNormal { sigma: f64 },
    /// Mostly small days and now and then a very large one.
    Pareto { shape: f64 },
}

/// What share of accounts has days of which shape; the rest is negative binomial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyShares {
    /// Share of accounts that do nothing on many days.
    pub zero_inflated: f64,
    /// Share of accounts whose days are log-normal.
    pub log_normal: f64,
    /// Share of accounts whose days have a power-law tail.
    pub pareto: f64,
}

/// A day is at most this many times the usual one: there are only so many hours in it.
const MOST_TIMES_USUAL: f64 = 12.0;

impl Daily {
    /// Draws an account's shape.
    pub(super) fn draw(shares: &DailyShares, rng: &mut ChaCha8Rng) -> Self {
        let place: f64 = rng.random();
        let dispersion = draw(LogNormal::new(1.4, 0.4), rng);
        let spread: f64 = rng.random();
        let tails = shares.zero_inflated + shares.log_normal;
        if place < shares.zero_inflated {
            Self::ZeroInflated {
                zero: 0.2 + 0.5 * spread,
                dispersion,
            }
        } else if place < tails {
            Self::LogNormal {
                sigma: 0.3 + 0.5 * spread,
            }
        } else if place < tails + shares.pareto {
            Self::Pareto {
                shape: 1.8 + 1.7 * spread,
            }
        } else {
            Self::NegativeBinomial { dispersion }
        }
    }

    /// Draws a day whose mean is `mean`, but for what the cap takes from the tail.
    pub(super) fn sample(self, mean: f64, rng: &mut ChaCha8Rng) -> u32 {
        let drawn = match self {
            Self::NegativeBinomial { dispersion } => negative_binomial(mean, dispersion, rng),
            Self::ZeroInflated { zero, dispersion } => {
                let idle = rng.random_bool(zero);
                let busy = negative_binomial(mean / (1.0 - zero), dispersion, rng);
                if idle { 0.0 } else { busy }
            }
            Self::LogNormal { sigma } => {
                draw(LogNormal::new(mean.ln() - sigma * sigma / 2.0, sigma), rng)
            }
            Self::Pareto { shape } => draw(Pareto::new(mean * (shape - 1.0) / shape, shape), rng),
        };
        count(drawn.min(mean * MOST_TIMES_USUAL))
    }
}

fn negative_binomial(mean: f64, dispersion: f64, rng: &mut ChaCha8Rng) -> f64 {
    let rate = draw(Gamma::new(dispersion, mean / dispersion), rng);
    draw(Poisson::new(rate.max(1e-9)), rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_keeps_the_mean_and_zero_inflation_makes_idle_days() {
        let shapes = [
            Daily::NegativeBinomial { dispersion: 3.0 },
            Daily::ZeroInflated {
                zero: 0.5,
                dispersion: 3.0,
            },
            Daily::LogNormal { sigma: 0.5 },
            Daily::Pareto { shape: 2.5 },
        ];
        let mut rng = stream_rng(1, 1);
        for shape in shapes {
            let days: Vec<u32> = (0..20_000).map(|_| shape.sample(40.0, &mut rng)).collect();
            let mean = f64::from(days.iter().sum::<u32>()) / 20_000.0;
            assert!((37.0..43.0).contains(&mean), "{shape:?}: {mean}");
            let idle = days.iter().filter(|day| **day == 0).count() as f64 / 20_000.0;
            let inflated = matches!(shape, Daily::ZeroInflated { .. });
            assert_eq!((0.45..0.55).contains(&idle), inflated, "{shape:?}: {idle}");
        }
    }

    #[test]
    fn uniforms_are_spread_and_repeat() {
        let mean = (0..10_000).map(|n| uniforms(3, 4, n)[1]).sum::<f64>() / 10_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
        assert_eq!(
            uniforms(3, 4, 5).map(f64::to_bits),
            uniforms(3, 4, 5).map(f64::to_bits)
        );
    }
}
