//! What people in unusual circumstances must reach; see [`odd`](crate::detect::odd).

use super::{ACTIVE, COUNTED, HOURLY, PEOPLE_MIN, TESTS, Version};
use crate::detect::{
    baseline::stat,
    calibration::Asked,
    critical::Table,
    habits::{Aspect, Aspects},
    odd::TIERS,
    size::{BySize, SIZES},
    window::{Signal, Window},
};

/// The place of the test of people in unusual circumstances.
pub const fn odd_test(window: Window) -> usize {
    COUNTED + window as usize
}

/// What is asked of such a test.
#[derive(Clone, Copy, Debug)]
pub(super) struct OddScores {
    /// By size and window.
    scores: BySize<[f32; Window::ALL.len()]>,
    /// What a day of each tier of circumstances is worth alone.
    tiers: [f32; TIERS.len()],
}

impl OddScores {
    #[expect(clippy::cast_possible_truncation, reason = "scores are small")]
    pub(super) fn of(asked: &Asked) -> Self {
        let of = |scores: &[f64; TESTS]| Window::ALL.map(|window| scores[odd_test(window)] as f32);
        Self {
            scores: asked.scores.each_ref().map(of),
            tiers: asked.tiers.map(|tier| tier as f32),
        }
    }
}

impl Version {
    /// The sum of the aspects' rarities.
    pub fn rarity(&self, aspects: Aspects) -> f32 {
        let all = Aspect::ALL.into_iter().zip(self.rarities);
        let of = all.filter(|(aspect, _)| aspect.is_in(aspects));
        of.map(|(_, rarity)| rarity).sum()
    }

    /// How surprising so many people are that were read in circumstances of a `tier`: -ln of the
    /// probability of such a day, and that the account is active in that hour, or on such a day, and
    /// reads as many at all.
    pub fn odd_score(&self, tier: usize, window: Window, pane: u32, count: u64) -> f64 {
        let people = self.score(stat(Signal::People, window), pane, count);
        people + f64::from(self.odd.tiers[tier])
    }

    /// The count that reaches the score asked of it.
    pub fn odd_critical(&self, tier: usize, window: Window, pane: u32, table: &mut Table) -> u64 {
        let hour = (self.active(window, pane), self.pace(window, pane));
        self.odd_count(tier, window, hour, table)
    }

    /// No count below this reaches it at any time.
    pub fn odd_critical_min(&self, tier: usize, window: Window, table: &mut Table) -> u64 {
        let active = ACTIVE.iter().copied().fold(1.0, f64::min);
        let pace = if HOURLY.contains(&window) {
            self.hours.pace_min()
        } else {
            1.0
        };
        self.odd_count(tier, window, (active, pace), table)
    }

    fn odd_count(
        &self,
        tier: usize,
        window: Window,
        (active, pace): (f64, f64),
        table: &mut Table,
    ) -> u64 {
        let model = self.models[stat(Signal::People, window)].times(pace);
        let rare = self.odd.tiers[tier];
        // X is 1 + Y.
        let mut bar = |score: f32| 1 + table.critical(model, f64::from(score - rare) + active.ln());
        let sizes = self.odd.scores.iter().zip(SIZES);
        let of = |(scores, size): (&[f32; Window::ALL.len()], u32)| {
            bar(scores[window as usize]).max(size.into())
        };
        let count = sizes.map(of).min().unwrap_or(u64::MAX);
        count.max(u64::from(PEOPLE_MIN))
    }
}
