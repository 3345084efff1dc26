//! What a world is made of: every knob, with its default and its bounds.

use crate::event::{Timestamp, days_from_civil};
use crate::simulate::attack::Family;
use crate::simulate::distribution::DailyShares;

/// Most people's records a supplier can hold: subjects are named by six digits.
const MAX_POPULATION: u32 = 900_000;

/// The knobs of a world. Two equal plans give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Seeds every draw.
    pub seed: u64,
    /// First UTC day, as days since 1970-01-01.
    pub from_day: i64,
    /// Length in days.
    pub days: u32,
    /// Number of suppliers.
    pub suppliers: u32,
    /// Accounts of each supplier, people and programs together.
    pub accounts: u32,
    /// People whose records each supplier holds.
    pub population: u32,
    /// Attacks planted of each family, spread over the suppliers.
    pub attacks_per_family: u32,
    /// Families of attacks; none is every one.
    pub families: Vec<Family>,
    /// First day of the world, counted from 0, on which most attacks may start.
    pub attacks_after_day: u32,
    /// Share of events that arrive late.
    pub late_fraction: f64,
    /// The longest an event may be under way, in milliseconds, from a supplier that does not
    /// upload in batches and has no outage.
    pub late_max_ms: i64,
    /// Share of events that arrive a second time.
    pub duplicate_fraction: f64,
    /// Share of suppliers that upload their events in batches, hours later.
    pub batch_fraction: f64,
    /// Mean outages of a supplier in 30 days.
    pub outages: f64,
    /// Whether suppliers live in time zones of their own, most with a clock change; UTC without.
    pub time_zones: bool,
    /// Mean holidays of a supplier in 30 days; every second one has a half day before it.
    pub holidays: f64,
    /// Chance that a supplier has its yearly peak, two weeks of it, while the world runs.
    pub peak_chance: f64,
    /// How many times the usual day the last working days of a month are, where they are busy.
    pub month_end_factor: f64,
    /// Relative spread of a supplier's days, common to all its accounts.
    pub day_spread: f64,
    /// Relative spread, over accounts, of the growth or decline of their reading in 30 days.
    pub drift: f64,
    /// Campaigns of a department, for each supplier.
    pub campaigns: u32,
    /// Chance that a person does an honest piece of bulk work on a working day.
    pub project_chance: f64,
    /// Share of people who go on leave for a week or two.
    pub leave_fraction: f64,
    /// Share of people who join while the world runs.
    pub joiner_fraction: f64,
    /// Share of people who leave for good while the world runs.
    pub leaver_fraction: f64,
    /// Share of people who get other duties, and other people to read about, on the way.
    pub mover_fraction: f64,
    /// Share of people who work fewer than five days a week.
    pub part_time_fraction: f64,
    /// Share of people who always work at night.
    pub night_fraction: f64,
    /// Share of people who meet new people all day, whatever their role.
    pub walk_in_fraction: f64,
    /// What the days of accounts are shaped like.
    pub daily: DailyShares,
    /// Share of accounts that are programs.
    pub job_fraction: f64,
    /// Chance that a run of a job is done a second time, mostly after it failed.
    pub rerun_chance: f64,
    /// Share of jobs that move to another hour while the world runs.
    pub job_move_fraction: f64,
    /// Relative growth of jobs in 30 days, at most.
    pub job_growth: f64,
    /// Scales everybody's daily events.
    pub activity: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            from_day: days_from_civil(2026, 6, 1),
            days: 31,
            suppliers: 3,
            accounts: 450,
            population: 40_000,
            attacks_per_family: 6,
            families: Vec::new(),
            attacks_after_day: 14,
            late_fraction: 0.01,
            late_max_ms: 40 * 60_000,
            duplicate_fraction: 0.002,
            batch_fraction: 0.0,
            outages: 0.0,
            time_zones: true,
            holidays: 0.5,
            peak_chance: 0.1,
            month_end_factor: 1.5,
            day_spread: 0.05,
            drift: 0.05,
            campaigns: 1,
            project_chance: 0.000_2,
            leave_fraction: 0.2,
            joiner_fraction: 0.06,
            leaver_fraction: 0.04,
            mover_fraction: 0.02,
            part_time_fraction: 0.15,
            night_fraction: 0.02,
            walk_in_fraction: 0.1,
            daily: DailyShares {
                zero_inflated: 0.08,
                log_normal: 0.1,
                pareto: 0.02,
            },
            job_fraction: 0.03,
            rerun_chance: 0.005,
            job_move_fraction: 0.03,
            job_growth: 0.1,
            activity: 1.0,
        }
    }
}

/// Why a plan cannot be played.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A knob lies outside what it can be.
    #[error("{knob} must lie between {low} and {high}")]
    OutOfRange {
        /// The knob's name.
        knob: &'static str,
        /// Its least value.
        low: i64,
        /// Its greatest value.
        high: i64,
    },
}

impl Error {
    /// Whether trying again can help: never, the plan must change.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::OutOfRange { .. } => false,
        }
    }
}

impl Plan {
    /// Start of the world.
    pub const fn from(&self) -> Timestamp {
        Timestamp::from_millis(self.from_day * crate::event::DAY_MS)
    }

    /// End of the world: the first moment after its last day.
    pub fn to(&self) -> Timestamp {
        self.from()
            .plus_millis(i64::from(self.days) * crate::event::DAY_MS)
    }

    /// First day after the world, since the epoch.
    pub(super) fn end_day(&self) -> i64 {
        self.from_day + i64::from(self.days)
    }

    /// The families of attacks that are planted.
    pub(super) fn families(&self) -> &[Family] {
        match self.families.as_slice() {
            [] => &Family::ALL,
            chosen => chosen,
        }
    }

    /// Says which knob, if any, is out of bounds.
    pub fn check(&self) -> Result<(), Error> {
        let first = days_from_civil(2000, 1, 2);
        let last = days_from_civil(2098, 1, 1);
        within("days", i64::from(self.days), 1, 730)?;
        within("from", self.from_day, first, last)?;
        within("suppliers", i64::from(self.suppliers), 1, 100)?;
        within("accounts", i64::from(self.accounts), 10, 1_000_000)?;
        let most = i64::from(MAX_POPULATION);
        within("population", i64::from(self.population), 1_000, most)?;
        within(
            "attacks-per-family",
            i64::from(self.attacks_per_family),
            0,
            self.room(),
        )?;
        within("late-max", self.late_max_ms, 10_000, 30 * 86_400_000)?;
        for (knob, value) in self.shares() {
            if !(0.0..=1.0).contains(&value) {
                return Err(out_of_range(knob, 0, 1));
            }
        }
        for (knob, value, high) in [
            ("outages", self.outages, 30),
            ("holidays", self.holidays, 30),
            ("month-end-factor", self.month_end_factor, 100),
            ("campaigns", f64::from(self.campaigns), 1_000),
            ("activity", self.activity, 100),
        ] {
            if !(0.0..=f64::from(high)).contains(&value) {
                return Err(out_of_range(knob, 0, i64::from(high)));
            }
        }
        if self.activity < 0.01 {
            return Err(out_of_range("activity", 1, 100));
        }
        Ok(())
    }

    /// Most attacks of each family for which there are people: a third of them stays honest.
    fn room(&self) -> i64 {
        let people =
            f64::from(self.suppliers) * f64::from(self.accounts) * (1.0 - self.job_fraction);
        let needed: u32 = self
            .families()
            .iter()
            .map(|family| family.people_max())
            .sum();
        #[expect(clippy::cast_possible_truncation, reason = "at most a hundred million")]
        let room = (people * 0.67 / f64::from(needed.max(1))) as i64;
        room.max(1)
    }

    fn shares(&self) -> [(&'static str, f64); 20] {
        let daily = self.daily.zero_inflated + self.daily.log_normal + self.daily.pareto;
        [
            ("late-fraction", self.late_fraction),
            ("duplicate-fraction", self.duplicate_fraction),
            ("batch-fraction", self.batch_fraction),
            ("peak-chance", self.peak_chance),
            ("day-spread", self.day_spread),
            ("drift", self.drift),
            ("project-chance", self.project_chance),
            ("leave-fraction", self.leave_fraction),
            ("joiner-fraction", self.joiner_fraction),
            ("leaver-fraction", self.leaver_fraction),
            ("mover-fraction", self.mover_fraction),
            ("part-time-fraction", self.part_time_fraction),
            ("night-fraction", self.night_fraction),
            ("walk-in-fraction", self.walk_in_fraction),
            ("job-fraction", self.job_fraction),
            ("rerun-chance", self.rerun_chance),
            ("job-move-fraction", self.job_move_fraction),
            ("job-growth", self.job_growth),
            (
                "zero-inflated-, log-normal- and pareto-share together",
                daily,
            ),
            (
                "zero-inflated-, log-normal- and pareto-share",
                self.daily
                    .zero_inflated
                    .min(self.daily.log_normal)
                    .min(self.daily.pareto),
            ),
        ]
    }
}

fn within(knob: &'static str, value: i64, low: i64, high: i64) -> Result<(), Error> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(out_of_range(knob, low, high))
    }
}

const fn out_of_range(knob: &'static str, low: i64, high: i64) -> Error {
    Error::OutOfRange { knob, low, high }
}
