//! What a world is made of: every knob, with its default and its bounds.

use crate::event::{Timestamp, days_from_civil};

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
    /// First day of the world, counted from 0, on which most attacks may start.
    pub attacks_after_day: u32,
    /// Share of events that arrive late.
    pub late_fraction: f64,
    /// The longest an event may be under way, in milliseconds.
    pub late_max_ms: i64,
    /// Share of events that arrive a second time.
    pub duplicate_fraction: f64,
    /// Campaigns of a department, for each supplier.
    pub campaigns: u32,
    /// Share of people who go on leave for a week or two.
    pub leave_fraction: f64,
    /// Share of people who join while the world runs.
    pub joiner_fraction: f64,
    /// Share of people who work fewer than five days a week.
    pub part_time_fraction: f64,
    /// Chance that a run of a job is done a second time hours later.
    pub rerun_chance: f64,
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
            attacks_after_day: 14,
            late_fraction: 0.01,
            late_max_ms: 40 * 60_000,
            duplicate_fraction: 0.002,
            campaigns: 1,
            leave_fraction: 0.2,
            joiner_fraction: 0.06,
            part_time_fraction: 0.15,
            rerun_chance: 0.01,
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
        let room = i64::from(self.suppliers) * i64::from(self.accounts) / 20;
        let attacks = i64::from(self.attacks_per_family);
        within("attacks-per-family", attacks, 0, room.max(1))?;
        within("late-max", self.late_max_ms, 10_000, 30 * 86_400_000)?;
        for (knob, value) in [
            ("late-fraction", self.late_fraction),
            ("duplicate-fraction", self.duplicate_fraction),
            ("leave-fraction", self.leave_fraction),
            ("joiner-fraction", self.joiner_fraction),
            ("part-time-fraction", self.part_time_fraction),
            ("rerun-chance", self.rerun_chance),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(out_of_range(knob, 0, 1));
            }
        }
        if !(0.01..=100.0).contains(&self.activity) {
            return Err(out_of_range("activity", 0, 100));
        }
        Ok(())
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
