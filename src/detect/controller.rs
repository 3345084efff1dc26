//! The controller of the lowest tier: whether small alarms come as often as the budget says, and how
//! much less often they are to come.
//!
//! The measured tails ([`calibration`](super::calibration)) hold the budget where days are like the
//! days before. Where work changes, small alarms come more often than that, and nobody says which of
//! them were false. So the bar of the lowest tier, what stays below the severity high, follows how
//! often it alarmed: a gamma-Poisson rate that leans on the budget. The tiers above keep their bar:
//! what a theft of a hundred people must reach is moved by no alarm before it.

use crate::detect::fixed::{age, fixed, unit};

/// Fewer people than this are of the lowest tier.
pub const TOP_TIER: u32 = 100;
/// The rate leans on the budget as on so many alarms that came as they should.
const ALARMS_PRIOR: f64 = 1.0;
/// The bar is raised as if alarms came at most so many times as often as the budget says, and never
/// lowered: where fewer come, what the measured tails say is asked.
const TIMES: [f64; 2] = [1.0, 64.0];

/// What came of the lowest tier.
#[derive(Clone, Copy, Debug, Default)]
pub struct Controller {
    alarms: i128,
    days: i128,
}

impl Controller {
    /// Takes an account-day, and whether an alarm of the lowest tier began on it.
    pub fn add(&mut self, is_alarmed: bool) {
        self.days += fixed(1.0);
        self.alarms += if is_alarmed { fixed(1.0) } else { 0 };
    }

    /// Lets a day pass: what is older counts a little less.
    pub fn age(&mut self) {
        age([&mut self.alarms, &mut self.days].into_iter());
    }

    /// How many times as often as `budget` says (alarms an account-day) the lowest tier alarms.
    pub fn times(&self, budget: f64) -> f64 {
        let due = budget * unit(self.days);
        ((ALARMS_PRIOR + unit(self.alarms)) / (ALARMS_PRIOR + due)).clamp(TIMES[0], TIMES[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lived(days: u32, every: u32) -> Controller {
        let mut controller = Controller::default();
        for day in 0..days {
            controller.add(day % every == 0);
        }
        controller
    }

    #[test]
    fn the_bar_follows_how_often_it_alarmed() {
        let times = |every| lived(50_000, every).times(2e-4);
        let [many, right, few] = [500, 5_000, 50_000].map(times);
        assert!((8.0..10.0).contains(&many), "{many}");
        assert!(
            (right - 1.0).abs() < 0.1 && (few - 1.0).abs() < 1e-9,
            "{right} {few}"
        );
    }

    #[test]
    fn nothing_moves_it_before_anything_is_known() {
        let times = Controller::default().times(2e-4);
        assert!((times - 1.0).abs() < 1e-9, "{times}");
    }
}
