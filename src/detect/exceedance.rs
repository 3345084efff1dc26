//! Whether a score means what it says: how often account-days passed fixed levels of the calibrated
//! tail, beside how often they should have.
//!
//! Days with an alarm are left out, as the tails leave them out; so a little less than expected is
//! right, and the less the farther out.

use crate::detect::{
    calibration::{Scores, Tails},
    parts::Parts,
    version::{TESTS, is_among, signal_and_window},
    window::Window,
};

/// Names and probabilities of the levels: what a test passes on so few account-days.
pub const LEVELS: [(&str, f64); 3] = [("1e-2", 1e-2), ("1e-3", 1e-3), ("1e-4", 1e-4)];

/// What was counted since the detector began; by window over all signals, and by level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exceedance {
    /// Account-days judged.
    pub days: u64,
    /// Tests that passed a level on a day without an alarm.
    pub observed: [[u64; LEVELS.len()]; Window::ALL.len()],
    /// Tests that should have.
    pub expected: [[f64; LEVELS.len()]; Window::ALL.len()],
    /// Alarms of the smallest size ([`size`](super::size)) that began.
    pub small: u64,
}

impl Exceedance {
    /// Takes an account-day with its scores, judged by the tails that were in force; tests that are not
    /// among `parts` were not made.
    pub fn add(&mut self, scores: &Scores, tails: &Tails, parts: Parts) {
        self.days += 1;
        for (test, score) in (0..TESTS)
            .zip(&scores[0])
            .filter(|(test, _)| is_among(*test, parts))
        {
            let window = signal_and_window(test).1 as usize;
            let p = score.map(|score| tails.probability(test, score));
            for (place, (_, level)) in LEVELS.into_iter().enumerate() {
                let passed = p.is_some_and(|p| p <= level);
                self.observed[window][place] += u64::from(passed);
                self.expected[window][place] += level.min(tails.rate(test));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::calibration::{Experience, LEVEL, NO_SCORES, SHAPE, Shown};

    /// The scores of quiet days, a share of which pass the level, by quantiles of
    /// a tail of mean excess `scale`.
    fn days(count: u32, every: u32, scale: f64) -> impl Iterator<Item = Scores> {
        let passings = f64::from(count / every);
        (0..count).map(move |day| {
            let mut scores = NO_SCORES;
            if day % every == 0 {
                let place = (f64::from(day / every) + 0.5) / passings;
                let unit = scale * (1.0 - SHAPE);
                scores[0][0] = Some(LEVEL + unit / SHAPE * ((1.0 - place).powf(-SHAPE) - 1.0));
            }
            scores
        })
    }

    /// What is seen on days of one mean excess, by tails that were measured on days of mean excess 1.
    fn seen(scale: f64) -> Exceedance {
        let mut experience = Experience::default();
        for scores in days(200_000, 50, 1.0) {
            experience.add(&Shown {
                scores,
                ..Shown::NOTHING
            });
        }
        let tails = experience.tails(&Tails::PRIOR);
        let mut seen = Exceedance::default();
        for scores in days(200_000, 50, scale) {
            seen.add(&scores, &tails, Parts::default());
        }
        seen
    }

    #[test]
    fn what_the_tails_were_measured_on_is_as_frequent_as_expected() {
        let seen = seen(1.0);
        assert_eq!(seen.days, 200_000);
        let window = signal_and_window(0).1 as usize;
        for (place, (name, level)) in LEVELS.into_iter().enumerate() {
            let expected = level * 200_000.0;
            let observed = seen.observed[window][place] as f64;
            assert!(
                (observed / expected - 1.0).abs() < 0.1,
                "{name}: {observed} {expected}"
            );
        }
    }

    #[test]
    fn a_longer_tail_than_measured_shows() {
        let seen = seen(2.0);
        let window = signal_and_window(0).1 as usize;
        assert!(seen.observed[window][2] as f64 > 5.0 * 1e-4 * 200_000.0);
    }
}
