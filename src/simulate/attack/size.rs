//! How many people a theft takes on each of its days.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::simulate::attack::{Family, Scene};
use crate::simulate::distribution::{count, log_uniform};

/// A slow theft takes at least this many people a day.
const DRIP_MIN: f64 = 10.0;

/// Draws the quotas of a theft that begins on the scene's day.
pub(super) fn quotas(
    family: Family,
    scene: &Scene<'_>,
    accounts: &[u32],
    rng: &mut ChaCha8Rng,
) -> Vec<u32> {
    let usual_of = |account: u32| scene.ledger.usual_day(account, scene.day) as f64;
    let usual = usual_of(accounts[0]);
    let population = f64::from(scene.plan.population);
    let most = population / 3.0;
    match family {
        Family::SlowDrip => {
            let share = usual * rng.random_range(0.15..0.6);
            let extra = log_uniform(DRIP_MIN, 60.0, rng).max(share);
            let days = rng.random_range(10..=25);
            jittered(extra, days, DRIP_MIN, most, rng)
        }
        Family::PoisoningRamp => ramp(usual, most, rng),
        Family::WideCoverage => {
            let days = rng.random_range(10..=25);
            let whole = population * rng.random_range(0.015..0.06);
            jittered(whole / f64::from(days), days, DRIP_MIN, most, rng)
        }
        Family::SpreadDays => {
            let days = rng.random_range(2..=6);
            let whole = (usual * log_uniform(2.0, 8.0, rng)).max(log_uniform(60.0, 1_500.0, rng));
            let whole = whole.min(most);
            jittered(whole / f64::from(days), days, 1.0, most, rng)
        }
        Family::ManyAccountsTogether => {
            let times = rng.random_range(0.3..1.2);
            let each = accounts
                .iter()
                .map(|account| (usual_of(*account) * times).max(8.0));
            vec![count(each.sum::<f64>().min(most))]
        }
        Family::NewAttributes => {
            let drawn = log_uniform(30.0, 400.0, rng);
            vec![count(
                drawn.max(usual * rng.random_range(0.5..1.5)).min(most),
            )]
        }
        Family::HijackedJobLarger => {
            let excess = usual.max(50.0) * log_uniform(0.7, 6.0, rng);
            vec![count(excess.min(most))]
        }
        _ => {
            let least = (usual * log_uniform(3.0, 12.0, rng)).max(50.0);
            let drawn = log_uniform(50.0, 5_000.0, rng);
            vec![count(drawn.max(least).min(most))]
        }
    }
}

/// About `mean` a day, at least `least`, and at most `most` in all.
fn jittered(mean: f64, days: u32, least: f64, most: f64, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mean = mean.min(most / f64::from(days));
    (0..days)
        .map(|_| count((mean * rng.random_range(0.7..1.3)).max(least)))
        .collect()
}

/// A few a day at first, then more from day to day.
fn ramp(usual: f64, most: f64, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let growth = log_uniform(1.05, 1.2, rng);
    let days = rng.random_range(14..=26);
    let ceiling = (usual * 4.0).max(150.0).min(most / f64::from(days));
    let mut extra = (usual * rng.random_range(0.05..0.15)).max(3.0);
    (0..days)
        .map(|_| {
            let today = count(extra).max(1);
            extra = (extra * growth).min(ceiling);
            today
        })
        .collect()
}
