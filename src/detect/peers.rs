//! What accounts of one group have in common: the expectation of an account before it has a
//! history, and the pull on it after.
//!
//! Sums over accounts are integers, so that they are the same in any order.

use crate::{
    detect::{
        baseline::{Baseline, STATS, scatter_weight},
        critical::Model,
        drip::Busyness,
        fixed::{fixed, unit},
        season::{SLOTS, Season},
        window::Window,
    },
    event::AccountKind,
};

/// What is expected of one statistic over the accounts of a group.
#[derive(Clone, Copy, Debug)]
pub struct PeerStat {
    /// Mean of the accounts' means.
    pub mean: f64,
    /// Shape of the gamma that the accounts' rates scatter by: the larger, the more alike they are.
    pub shape: f64,
    /// Scatter of an account about its own mean: (variance - mean) / mean².
    pub scatter: f64,
    /// Scatter of all of them about what the group's first days were like.
    pub unknown: f64,
}

impl PeerStat {
    /// The counts of an account that nothing is known of.
    pub fn model(&self) -> Model {
        Model {
            mean: self.mean,
            size: 1.0 / (self.scatter + 1.0 / self.shape + self.unknown),
        }
    }
}

/// What is expected of an account of the group.
#[derive(Clone, Debug)]
pub struct Prior {
    /// By [`stat`](crate::detect::baseline::stat).
    pub stats: [PeerStat; STATS],
    /// How probably an account is active in each slot.
    pub season: [f64; SLOTS],
    /// The scatter that an account's familiar and new people of a day have in common.
    pub busyness: f64,
    /// Accounts with a history behind it.
    pub accounts: u32,
}

const fn weak(mean: f64) -> PeerStat {
    PeerStat {
        mean,
        shape: 0.5,
        scatter: 1.0,
        unknown: 0.0,
    }
}

/// People whose ids stand in runs, where some do: mostly as few as make one, or a page of a list.
const RUN: PeerStat = PeerStat {
    mean: 5.0,
    shape: 2.0,
    scatter: 0.25,
    unknown: 0.0,
};

impl Prior {
    /// Before anything is known of a supplier: busy clerks, so that their first day is no alarm, and
    /// some of them ten times as busy. It is weak, and gone after the first days.
    pub const WEAK: Self = Self {
        stats: [
            weak(10.0),
            weak(25.0),
            weak(80.0),
            weak(100.0),
            weak(10.0),
            weak(25.0),
            weak(80.0),
            weak(100.0),
            weak(10.0),
            weak(25.0),
            weak(80.0),
            weak(100.0),
            weak(10.0),
            weak(25.0),
            weak(80.0),
            weak(100.0),
            RUN,
            RUN,
            RUN,
            RUN,
            weak(10.0),
            weak(25.0),
            weak(80.0),
            weak(100.0),
        ],
        season: [0.25; SLOTS],
        busyness: 0.0,
        accounts: 0,
    };

    /// The same for accounts that say what they are: a program's first runs are several times a
    /// clerk's day, or a hundred times.
    pub fn weak(kind: AccountKind) -> Self {
        let mut prior = Self::WEAK;
        if kind == AccountKind::Service {
            for stat in &mut prior.stats {
                stat.mean *= PROGRAM_TIMES;
            }
        }
        prior
    }
}

/// How many times as much as a person a program reads, before anything is known.
const PROGRAM_TIMES: f64 = 4.0;

/// Accounts' worth of the wider group that a group starts with.
const PARENT_ACCOUNTS: f64 = 3.0;
/// Accounts' worth of a group whose accounts have one day behind them, however many they are: a log may
/// begin at noon, or on a holiday. Two days are worth four times as much, and a week is worth 147.
const FIRST_DAY_ACCOUNTS: f64 = 3.0;
/// For the same reason every account of the group may be off by as much, by so much scatter of each window
/// after one day, an eighth of it after two and nothing to speak of after a week. A minute's work is
/// alike on busy days and on idle ones.
const FIRST_DAY_SCATTER: [f64; Window::ALL.len()] = [0.0, 1.0, 4.0, 4.0];
/// Bounds of the gamma's shape (reference: detection, moments over the peer group).
const SHAPE: [f64; 2] = [0.2, 20.0];

#[derive(Clone, Copy, Debug, Default)]
struct StatSums {
    accounts: i128,
    means: i128,
    mean_squares: i128,
    /// Variance of the accounts' means that their scatter in time explains.
    within: i128,
    scatter: i128,
    scatter_base: i128,
    freedom: i128,
}

/// Sums over the accounts of a group.
#[derive(Clone, Debug)]
pub struct PeerSums {
    stats: [StatSums; STATS],
    active: [i128; SLOTS],
    days: [i128; 2],
    /// What they show of their days' [`Busyness`], and the weight of that.
    busyness: [i128; 2],
    accounts: u32,
    /// Active days of all of them.
    account_days: u64,
}

impl Default for PeerSums {
    fn default() -> Self {
        Self {
            stats: [StatSums::default(); STATS],
            active: [0; SLOTS],
            days: [0; 2],
            busyness: [0; 2],
            accounts: 0,
            account_days: 0,
        }
    }
}

impl PeerSums {
    /// Adds an account that has a history.
    pub fn add(&mut self, baseline: &Baseline, season: &Season, busyness: &Busyness) {
        self.accounts += 1;
        self.account_days += u64::from(baseline.days);
        for (sums, moments) in self.stats.iter_mut().zip(baseline.moments()) {
            if moments.weight <= 0.0 {
                continue;
            }
            let mean = moments.mean();
            let scatter = moments.scatter();
            sums.accounts += 1;
            sums.means += fixed(mean);
            sums.mean_squares += fixed(mean * mean);
            let degrees = (moments.weight - 1.0).max(1.0);
            sums.within += fixed(scatter.max(moments.sum) / degrees / moments.weight.max(1.0));
            let (excess, freedom) = moments.overdispersion();
            // By the inverse of an estimate's variance, (1/m + φ)² for one degree of freedom, at φ = 1: one
            // account of many people a day is not to speak for all.
            let precision = (mean / (1.0 + mean)).powi(2);
            sums.scatter += fixed(excess * precision);
            sums.scatter_base += fixed(freedom * precision);
            sums.freedom += fixed(freedom);
        }
        for (sum, active) in self.active.iter_mut().zip(season.active()) {
            *sum += fixed(f64::from(active));
        }
        for (sum, days) in self.days.iter_mut().zip(season.days) {
            *sum += fixed(f64::from(days));
        }
        let (common, weight) = busyness.common();
        self.busyness[0] += fixed(common);
        self.busyness[1] += fixed(weight);
    }

    /// Adds the accounts of a group.
    pub fn join(&mut self, group: &Self) {
        self.accounts += group.accounts;
        self.account_days += group.account_days;
        for (sums, added) in self.stats.iter_mut().zip(&group.stats) {
            sums.accounts += added.accounts;
            sums.means += added.means;
            sums.mean_squares += added.mean_squares;
            sums.within += added.within;
            sums.scatter += added.scatter;
            sums.scatter_base += added.scatter_base;
            sums.freedom += added.freedom;
        }
        let own = self.active.iter_mut().chain(&mut self.days);
        let own = own.chain(&mut self.busyness);
        let others = group.active.iter().chain(&group.days);
        for (sum, added) in own.zip(others.chain(&group.busyness)) {
            *sum += added;
        }
    }

    /// What the sums say, leaning on the wider group `parent` as far as they are few.
    pub fn prior(&self, parent: &Prior) -> Prior {
        let mut prior = parent.clone();
        prior.accounts = self.accounts;
        let stats = prior.stats.iter_mut().zip(&self.stats).enumerate();
        let days = self.account_days as f64 / f64::from(self.accounts.max(1));
        for (number, (stat, sums)) in stats {
            *stat = blend(number, sums, days, *stat);
        }
        for slot in 0..SLOTS {
            let days = unit(self.days[slot / 24]) + PARENT_DAYS;
            let active = unit(self.active[slot]) + PARENT_DAYS * parent.season[slot];
            prior.season[slot] = active / days;
        }
        let [common, weight] = self.busyness.map(unit);
        prior.busyness = (common + BUSYNESS_DAYS * parent.busyness) / (weight + BUSYNESS_DAYS);
        prior
    }
}

/// Days of the wider group's rhythm that a group starts with.
const PARENT_DAYS: f64 = 6.0;
/// Account-days of what the wider group shows of how familiar and new people go together; nobody's do
/// before anything is known.
const BUSYNESS_DAYS: f64 = 20.0;

/// What the sums over accounts of so many `days` each say, leaning on the wider group.
fn blend(stat: usize, sums: &StatSums, days: f64, parent: PeerStat) -> PeerStat {
    let weight = scatter_weight(stat);
    let accounts = sums.accounts as f64;
    let worth = accounts.min(FIRST_DAY_ACCOUNTS * days * days);
    let total = worth + PARENT_ACCOUNTS;
    let own_mean = unit(sums.means) / accounts.max(1.0);
    let mean = (worth * own_mean + PARENT_ACCOUNTS * parent.mean) / total;
    let own = if sums.accounts > 1 {
        let spread = unit(sums.mean_squares) / accounts - own_mean * own_mean;
        let between = spread - unit(sums.within) / accounts;
        own_mean * own_mean / between.max(own_mean * own_mean / SHAPE[1]).max(1e-9)
    } else {
        parent.shape
    };
    let (base, freedom) = (unit(sums.scatter_base), unit(sums.freedom));
    let scatter = if base > 0.0 {
        (unit(sums.scatter) / base).clamp(0.0, 15.0)
    } else {
        parent.scatter
    };
    PeerStat {
        mean,
        shape: ((worth * own.clamp(SHAPE[0], SHAPE[1]) + PARENT_ACCOUNTS * parent.shape) / total)
            .clamp(SHAPE[0], SHAPE[1]),
        scatter: (freedom * scatter + weight * parent.scatter) / (freedom + weight),
        unknown: FIRST_DAY_SCATTER[stat % Window::ALL.len()] / days.max(1.0).powi(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{
        baseline::{Lesson, stat},
        window::{Signal, Window},
    };

    const HOUR: usize = stat(Signal::People, Window::Hour);

    fn group(means: &[u32]) -> Prior {
        group_of_days(means, 20)
    }

    fn group_of_days(means: &[u32], days: u32) -> Prior {
        let mut sums = PeerSums::default();
        for mean in means {
            let mut baseline = Baseline::default();
            for day in 0..days {
                baseline.begin_day();
                let expected = baseline.expect(HOUR, &Prior::WEAK);
                let lesson = Lesson {
                    x: mean + day % 3,
                    expected,
                    is_alarmed: false,
                    is_vouched: false,
                    is_program: false,
                    pace: 1.0,
                };
                baseline.learn(HOUR, lesson);
            }
            sums.add(&baseline, &Season::default(), &Busyness::default());
        }
        sums.prior(&Prior::WEAK)
    }

    #[test]
    fn many_alike_accounts_make_a_firm_expectation() {
        let prior = group(&[20; 40]);
        assert!(
            (prior.stats[HOUR].mean - 20.0).abs() < 2.0,
            "{:?}",
            prior.stats[HOUR]
        );
        assert!(prior.stats[HOUR].shape > 10.0, "{:?}", prior.stats[HOUR]);
    }

    #[test]
    fn one_day_of_many_accounts_is_one_day() {
        let [first, week] = [1, 7].map(|days| group_of_days(&[2; 100], days).stats[HOUR].mean);
        let assumed = Prior::WEAK.stats[HOUR].mean;
        assert!(
            first > assumed / 2.0 && week < assumed / 5.0,
            "{first} {week}"
        );
    }

    #[test]
    fn accounts_that_differ_widely_leave_it_open() {
        let means: Vec<u32> = (0..40).map(|n| if n % 10 == 0 { 300 } else { 5 }).collect();
        let prior = group(&means);
        assert!(prior.stats[HOUR].shape < 1.0, "{:?}", prior.stats[HOUR]);
    }

    #[test]
    fn a_lone_account_hardly_moves_the_wider_groups_expectation() {
        let prior = group(&[20]);
        let weak = Prior::WEAK.stats[HOUR];
        assert!((prior.stats[HOUR].shape - weak.shape).abs() < 1e-9);
        assert!((prior.stats[HOUR].mean - weak.mean).abs() < 0.3 * (weak.mean - 20.0).abs());
    }
}
