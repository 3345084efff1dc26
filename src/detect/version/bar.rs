//! From which count on a test crosses: a surprise, and more than the account has reached lately.

use super::signal_and_window;
use crate::detect::{
    baseline::Baseline,
    critical::{Model, Table},
    size::{BySize, SIZES},
    window::{Signal, Window},
};

/// Fewer people than this alarm nobody: below the medium severity of 25, and what a clerk with a
/// handful of people a day may read on an odd one.
pub const PEOPLE_MIN: u8 = 20;
/// Fewer records exported than this alarm nobody; they repeat people that are counted as such.
const EXPORTED_MIN: u8 = 50;
/// A count that the account reached last month is no surprise, nor is a quarter more of it: the
/// guard for tails heavier than the negative binomial's.
const RECORD_FACTOR: f64 = 1.25;

/// The count of a test that does not cross.
const NEVER: u32 = u32::MAX;

/// The counts below which a test does not cross.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor {
    /// In any hour.
    pub(super) least: u8,
    /// More than was told of lately in hours with less than the usual to read, in each of them.
    pub(super) quiet: u8,
    /// More than was reached lately, in an hour of the usual pace; [`NEVER`] where the test does not
    /// cross at all.
    pub(super) record: u32,
}

impl Floor {
    /// Those of a test, as its account's records are.
    pub(super) fn of(baseline: &Baseline, test: usize) -> Self {
        let (signal, window) = signal_and_window(test);
        let more = |count: u32| whole(f64::from(count) * RECORD_FACTOR).saturating_add(1);
        let is_untold = match signal {
            Signal::Novel => !baseline.is_acquainted(),
            Signal::Consecutive => baseline.is_young(),
            _ => false,
        };
        Self {
            least: match signal {
                Signal::People | Signal::Novel | Signal::Idle | Signal::Consecutive => PEOPLE_MIN,
                Signal::Exported | Signal::Records => EXPORTED_MIN,
            },
            quiet: u8::try_from(more(baseline.told_in_quiet(test))).unwrap_or(u8::MAX),
            record: match window {
                Window::Today => NEVER,
                _ if is_untold => NEVER,
                _ => more(baseline.learned_max(test)),
            },
        }
    }

    /// Where the account reads `pace` times its usual: what was reached in its busy hours is a surprise
    /// in a quiet one.
    pub(super) fn at(self, pace: f64) -> u32 {
        if self.record == NEVER {
            return NEVER;
        }
        let lately = if pace < 1.0 {
            whole(f64::from(self.record) * pace).max(self.quiet.into())
        } else {
            self.record
        };
        lately.max(self.least.into())
    }
}

/// From which count on a test crosses.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooMuch {
    /// What is expected.
    pub(super) model: Model,
    /// Below it there is none.
    pub(super) floor: Floor,
    /// What is asked of a count's surprise.
    pub(super) scores: BySize<f64>,
}

impl TooMuch {
    /// The counts that reach one of the scores, each lowered by the logarithm of a probability, where the
    /// account reads `pace` times its usual.
    pub(super) fn counts<const N: usize>(
        self,
        pace: f64,
        lowered: [f64; N],
        table: &mut Table,
    ) -> [u32; N] {
        let floor = self.floor.at(pace);
        if floor == NEVER {
            return [NEVER; N];
        }
        let model = self.model.times(pace);
        // X is 1 + Y.
        let mut bars = |score: f64| {
            let counts = table.criticals(model, lowered.map(|lowered| score + lowered));
            counts.map(|count| 1 + count)
        };
        let mut counts = [u64::MAX; N];
        for (score, size) in self.scores.into_iter().zip(SIZES) {
            let least = match size {
                0 => 0,
                size => 1 + u64::from(whole((model.mean + f64::from(size)).ceil())),
            };
            if counts.iter().all(|count| *count <= least) {
                break;
            }
            for (count, bar) in counts.iter_mut().zip(bars(score)) {
                *count = (*count).min(bar.max(least));
            }
        }
        let counts = counts.map(|count| u32::try_from(count).unwrap_or(NEVER));
        counts.map(|count| count.max(floor))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count times a small factor; the cast saturates"
)]
fn whole(count: f64) -> u32 {
    count.floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_hours_excuse_no_quiet_one_but_what_was_told_there_does() {
        let floor = Floor {
            least: PEOPLE_MIN,
            quiet: 63,
            record: 251,
        };
        assert_eq!([1.0, 0.5, 0.1].map(|pace| floor.at(pace)), [251, 125, 63]);
        let untold = Floor { quiet: 1, ..floor };
        assert_eq!(untold.at(0.05), u32::from(PEOPLE_MIN));
        let never = Floor {
            record: NEVER,
            ..floor
        };
        assert_eq!(never.at(0.1), NEVER);
    }
}
