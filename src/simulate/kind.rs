//! Three kinds of worlds, each a plan of six weeks with more than 800 accounts.

use crate::event::days_from_civil;
use crate::simulate::distribution::DailyShares;
use crate::simulate::plan::Plan;

/// How unruly a world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Regular staff and punctual jobs.
    Calm,
    /// What most suppliers are like.
    Ordinary,
    /// Wild days, turnover, failing jobs, outages and batches.
    Noisy,
}

impl Kind {
    /// Every kind, in the order of unrest.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Ordinary, Self::Noisy];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Ordinary => "ordinary",
            Self::Noisy => "noisy",
        }
    }

    /// Its plan.
    pub fn plan(self) -> Plan {
        match self {
            Self::Calm => Plan::calm(),
            Self::Ordinary => Plan::ordinary(),
            Self::Noisy => Plan::noisy(),
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        kind.ok_or_else(|| "expected calm, ordinary or noisy".to_owned())
    }
}

impl Plan {
    /// Regular staff, punctual jobs and short ways: the early summer of three suppliers.
    pub fn calm() -> Self {
        Self {
            days: 42,
            suppliers: 3,
            accounts: 300,
            attacks_per_family: 20,
            late_fraction: 0.005,
            duplicate_fraction: 0.001,
            holidays: 0.5,
            peak_chance: 0.0,
            month_end_factor: 1.2,
            day_spread: 0.03,
            drift: 0.03,
            campaigns: 0,
            project_chance: 0.0,
            leave_fraction: 0.15,
            joiner_fraction: 0.03,
            leaver_fraction: 0.02,
            mover_fraction: 0.0,
            part_time_fraction: 0.1,
            night_fraction: 0.01,
            walk_in_fraction: 0.05,
            daily: DailyShares {
                zero_inflated: 0.03,
                log_normal: 0.05,
                pareto: 0.0,
            },
            job_fraction: 0.08,
            rerun_chance: 0.001,
            job_move_fraction: 0.0,
            job_growth: 0.05,
            ..Self::default()
        }
    }

    /// An autumn with the clock change in it, a batch uploader, a campaign and some turnover.
    pub fn ordinary() -> Self {
        Self {
            from_day: days_from_civil(2026, 10, 5),
            suppliers: 4,
            accounts: 230,
            batch_fraction: 0.25,
            outages: 0.5,
            holidays: 0.7,
            peak_chance: 0.2,
            month_end_factor: 1.6,
            day_spread: 0.08,
            drift: 0.08,
            campaigns: 1,
            project_chance: 0.000_2,
            late_fraction: 0.01,
            duplicate_fraction: 0.002,
            leave_fraction: 0.2,
            joiner_fraction: 0.06,
            leaver_fraction: 0.04,
            mover_fraction: 0.02,
            part_time_fraction: 0.15,
            night_fraction: 0.02,
            walk_in_fraction: 0.1,
            daily: DailyShares {
                zero_inflated: 0.1,
                log_normal: 0.12,
                pareto: 0.02,
            },
            rerun_chance: 0.004,
            job_move_fraction: 0.03,
            job_growth: 0.12,
            ..Self::calm()
        }
    }

    /// A spring in which little goes as planned.
    pub fn noisy() -> Self {
        Self {
            from_day: days_from_civil(2026, 3, 2),
            suppliers: 5,
            accounts: 200,
            late_fraction: 0.03,
            duplicate_fraction: 0.01,
            batch_fraction: 0.4,
            outages: 1.5,
            holidays: 1.2,
            peak_chance: 0.5,
            month_end_factor: 2.2,
            day_spread: 0.18,
            drift: 0.2,
            campaigns: 2,
            project_chance: 0.001,
            leave_fraction: 0.25,
            joiner_fraction: 0.12,
            leaver_fraction: 0.1,
            mover_fraction: 0.06,
            part_time_fraction: 0.25,
            night_fraction: 0.04,
            walk_in_fraction: 0.2,
            daily: DailyShares {
                zero_inflated: 0.2,
                log_normal: 0.25,
                pareto: 0.1,
            },
            rerun_chance: 0.012,
            job_move_fraction: 0.1,
            job_growth: 0.3,
            ..Self::ordinary()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_a_sound_plan_of_six_weeks_and_800_accounts() {
        for kind in Kind::ALL {
            let plan = kind.plan();
            assert_eq!(plan.check(), Ok(()), "{kind:?}");
            assert_eq!(plan.days, 42);
            assert!(plan.suppliers * plan.accounts >= 800, "{kind:?}");
            assert!(plan.attacks_per_family >= 20, "{kind:?}");
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
