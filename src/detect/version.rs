//! The critical counts of an account (or of a newcomer to a group) from one day end to the next.

use crate::detect::{
    baseline::{Baseline, STATS, stat},
    critical::{Model, Table},
    pane::pane_start,
    peers::Prior,
    season::{SLOTS, Season, slot_of},
    window::{Signal, Window},
};

/// Tests: each tested signal in each window. The places of [`stat`] below this are the tests'.
pub const TESTS: usize = Signal::TESTED.len() * Window::ALL.len();

/// How rare the maximum of an hour must be, its season included. People new to the account are the
/// sharpest sign of a theft and get most of the false alarms that can be afforded: a clerk has some
/// eight active hours a day and two such tests, so 2e-5 is three in 10,000 account-days where the
/// model holds.
const HOUR_P: f64 = 1e-6;
const HOUR_NOVEL_P: f64 = 2e-5;
/// How rare the maximum of a day must be: it is the sum of many unlike things (a campaign, a
/// colleague's leave), so its tail is heavier than the model's.
const DAY_P: f64 = 1e-7;
/// The probabilities of being active that critical counts are made for; in between, the next higher.
/// The last bounds how much an unusual hour may lower the count: a hundredfold in p.
const ACTIVE: [f64; 5] = [1.0, 0.3, 0.1, 0.03, 0.01];
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
                let least = match signal {
                    Signal::Novel if !baseline.is_acquainted() => continue,
                    Signal::People | Signal::Novel => PEOPLE_MIN,
                    Signal::Exported | Signal::Records => EXPORTED_MIN,
                };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count times a small factor"
                )]
                let least = least.max(record.floor() as u64 + 1);
                let mut critical = |p| {
                    // X is 1 + Y.
                    let count = 1 + table.critical(models[stat], p);
                    u32::try_from(count.max(least)).unwrap_or(u32::MAX)
                };
                let p = rarity(signal, window);
                if window == Window::Day {
                    version.daily[stat] = critical(p);
                } else {
                    version.hourly[stat] = ACTIVE.map(|active| critical(p / active));
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

const fn rarity(signal: Signal, window: Window) -> f64 {
    match (signal, window) {
        (_, Window::Day) => DAY_P,
        (Signal::Novel, _) => HOUR_NOVEL_P,
        _ => HOUR_P,
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
        let mut acquainted = Baseline::default();
        acquainted.days = 20;
        let version = Version::new(
            0,
            &acquainted,
            &Season::default(),
            &Prior::WEAK,
            &mut Table::default(),
        );
        for signal in Signal::TESTED {
            for window in Window::ALL {
                let test = stat(signal, window);
                let critical = version.critical(10 * 120)[test];
                let p = version.p_value(test, 10 * 120, u64::from(critical));
                assert!(p <= rarity(signal, window), "{test} {critical} {p}");
            }
        }
    }

    #[test]
    fn nobody_is_a_stranger_to_a_newcomer() {
        let version = Version::new(
            0,
            &Baseline::default(),
            &Season::default(),
            &Prior::WEAK,
            &mut Table::default(),
        );
        let novel = stat(Signal::Novel, Window::Hour);
        assert_eq!(version.critical(0)[novel], u32::MAX);
    }
}
