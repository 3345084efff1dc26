//! The critical counts of an account (or of a newcomer to a group) from one day end to the next.

use crate::detect::{
    baseline::{Baseline, STATS, stat},
    critical::{Model, Table},
    peers::Prior,
    season::{SLOTS, Season, slot_of},
    window::{Signal, Window, pane_start},
};

/// Tests: each tested signal in each window. The places of [`stat`] below this are the tests'.
pub const TESTS: usize = Signal::TESTED.len() * Window::ALL.len();

/// How rare the maximum of an hour must be, its season included, and that of a day. A clerk has some
/// eight active hours a day in four tests, so 1e-5 is three false alarms in 10,000 account-days
/// where the model holds. A day's maximum is the sum of many more unlike things (a campaign, a
/// colleague's leave): its tail is the heavier, so it must be rarer.
const HOUR_P: f64 = 1e-5;
const DAY_P: f64 = 1e-6;
/// The probabilities of being active that critical counts are made for; in between, the next higher.
/// The last bounds how much an unusual hour may lower the count: a hundredfold in p.
const ACTIVE: [f64; 5] = [1.0, 0.3, 0.1, 0.03, 0.01];
/// The name of [`DAY_P`] in the table of critical counts.
const DAY_LEVEL: u8 = 255;
/// Fewer people than this alarm nobody: below the medium severity of 25, and what a clerk with a
/// handful of people a day may read on an odd one.
const PEOPLE_MIN: u64 = 20;
/// Fewer records exported than this alarm nobody; they repeat people that are counted as such.
const EXPORTED_MIN: u64 = 50;
/// A count that the account reached last month is no surprise, nor is a quarter more of it: the
/// guard for tails heavier than the negative binomial's.
const RECORD_FACTOR: f64 = 1.25;

/// What is expected, and too much, for the panes from `from` on.
#[derive(Clone, Debug)]
pub struct Version {
    /// The first pane it holds for.
    pub from: u32,
    /// The expectation of each statistic, less one.
    pub models: [Model; STATS],
    /// The highest of each statistic in the history.
    pub seen_max: [u32; STATS],
    /// Active days in the history.
    pub days: u32,
    /// Accounts of the peer group that have a history.
    pub peers: u32,
    hourly: [[u32; ACTIVE.len()]; TESTS],
    daily: [u32; TESTS],
    level: [u8; SLOTS],
}

impl Version {
    /// Works the history out against the peers'.
    pub fn new(
        from: u32,
        baseline: &Baseline,
        season: &Season,
        prior: &Prior,
        table: &mut Table,
    ) -> Self {
        let models = std::array::from_fn(|stat| baseline.expect(stat, prior));
        let mut version = Self {
            from,
            models,
            seen_max: std::array::from_fn(|stat| baseline.seen_max(stat)),
            days: baseline.days,
            peers: prior.accounts,
            hourly: [[u32::MAX; ACTIVE.len()]; TESTS],
            daily: [u32::MAX; TESTS],
            level: std::array::from_fn(|slot| {
                level_of(season.probability(slot, prior.season[slot]))
            }),
        };
        for signal in Signal::TESTED {
            for window in Window::ALL {
                let stat = stat(signal, window);
                let record = f64::from(baseline.learned_max(stat)) * RECORD_FACTOR;
                let least = if signal == Signal::People {
                    PEOPLE_MIN
                } else {
                    EXPORTED_MIN
                };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count times a small factor"
                )]
                let least = least.max(record.floor() as u64 + 1);
                let critical = |table: &mut Table, level, p| {
                    // X is 1 + Y.
                    let count = 1 + table.critical(models[stat], level, p);
                    u32::try_from(count.max(least)).unwrap_or(u32::MAX)
                };
                if window == Window::Day {
                    version.daily[stat] = critical(table, DAY_LEVEL, DAY_P);
                    continue;
                }
                for (level, active) in (0_u8..).zip(ACTIVE) {
                    version.hourly[stat][usize::from(level)] =
                        critical(table, level, HOUR_P / active);
                }
            }
        }
        version
    }

    /// The critical count of each test for windows that end at `pane`.
    pub fn critical(&self, pane: u32) -> [u32; TESTS] {
        let level = usize::from(self.level[slot_of(pane_start(pane))]);
        std::array::from_fn(|test| {
            if test % Window::ALL.len() == Window::Day as usize {
                self.daily[test]
            } else {
                self.hourly[test][level]
            }
        })
    }

    /// The lowest critical count of a test in any hour.
    pub fn critical_min(&self, test: usize) -> u32 {
        if test % Window::ALL.len() == Window::Day as usize {
            self.daily[test]
        } else {
            self.hourly[test].iter().copied().min().unwrap_or(0)
        }
    }

    /// The probability that the account is active in the hour of `pane` and reaches `count` in it.
    pub fn p_value(&self, test: usize, pane: u32, count: u64) -> f64 {
        let tail = self.models[test].tail(count.saturating_sub(1));
        if test % Window::ALL.len() == Window::Day as usize {
            return tail;
        }
        tail * ACTIVE[usize::from(self.level[slot_of(pane_start(pane))])]
    }
}

/// The last level whose probability is not below `probability`.
fn level_of(probability: f64) -> u8 {
    let above = ACTIVE.iter().filter(|level| **level >= probability).count();
    u8::try_from(above.saturating_sub(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusual_hour_lowers_the_critical_count() {
        let mut prior = Prior::WEAK;
        prior.season[3] = 0.001;
        prior.season[10] = 0.95;
        let version = Version::new(
            0,
            &Baseline::default(),
            &Season::default(),
            &prior,
            &mut Table::default(),
        );
        // 1970-01-01 was a Thursday.
        let (night, day) = (version.critical(3 * 120), version.critical(10 * 120));
        assert!(night[0] < day[0], "{night:?} {day:?}");
        assert_eq!(night[2], day[2], "a day has every hour in it");
        assert_eq!(version.critical_min(0), night[0]);
    }

    #[test]
    fn the_p_value_at_the_critical_count_is_rare_enough() {
        let version = Version::new(
            0,
            &Baseline::default(),
            &Season::default(),
            &Prior::WEAK,
            &mut Table::default(),
        );
        for test in 0..TESTS {
            let critical = version.critical(10 * 120)[test];
            let p = version.p_value(test, 10 * 120, u64::from(critical));
            assert!(p <= HOUR_P, "{test} {critical} {p}");
        }
    }
}
