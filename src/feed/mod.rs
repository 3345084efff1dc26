//! One supplier's events, from record batches to alerts; shared by `run` and `replay`.

use std::collections::BTreeSet;

use crate::detect::{Account, version::Version};

pub mod decoder;
pub mod merge;
mod pipeline;
pub mod repeats;

pub use self::pipeline::{BEHIND_MS, Counts, Decision, LIMITS, Pipeline};

/// How one supplier's feed is decided: the checked settings of its pipeline.
#[derive(Clone, Debug)]
pub struct Config {
    /// Within this many milliseconds nothing depends on arrival. At most a day.
    pub lateness_ms: i64,
    /// As far behind the watermark as events are decided, in milliseconds.
    pub horizon_ms: i64,
    /// An incident closes this long after its last event, in milliseconds.
    pub quiet_ms: i64,
    /// The datasets that count; all where empty.
    pub datasets: BTreeSet<String>,
    /// How many people's records the supplier holds, where known.
    pub population: Option<u64>,
    /// Bounds of the feed's state.
    pub limits: Limits,
    /// People exposed from which an incident is medium, high and critical.
    pub severity_people: [u64; 3],
}

/// Bounds of one feed's state.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Accounts remembered.
    pub accounts_max: usize,
    /// Different subjects remembered.
    pub subjects_max: usize,
    /// Pairs of a subject and an account's thirty seconds remembered: those of the last two days.
    pub pairs_max: usize,
    /// Event ids remembered.
    pub known_ids_max: usize,
    /// Incidents remembered: open ones, and closed ones within the horizon.
    pub incidents_max: usize,
}

impl Limits {
    /// Bytes of state that these bounds allow, estimated with names of middling length; by
    /// component, as [`Pipeline::state_bytes`] gives what is held.
    pub fn bytes(&self) -> [(&'static str, usize); 4] {
        let account = size_of::<Account>() + 2 * size_of::<Version>() + 200;
        [
            (
                "accounts",
                self.accounts_max
                    .saturating_mul(account)
                    .saturating_add(self.pairs_max.saturating_mul(24)),
            ),
            ("subjects", self.subjects_max.saturating_mul(48)),
            ("known_ids", self.known_ids_max.saturating_mul(64)),
            ("incidents", self.incidents_max.saturating_mul(4_096)),
        ]
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lateness_ms: 3_600_000,
            horizon_ms: 24 * 3_600_000,
            quiet_ms: 24 * 3_600_000,
            datasets: BTreeSet::new(),
            population: None,
            limits: Limits {
                accounts_max: 1_000_000,
                subjects_max: 4_000_000,
                pairs_max: 50_000_000,
                known_ids_max: 4_000_000,
                incidents_max: 10_000,
            },
            severity_people: [25, 100, 500],
        }
    }
}
