//! One supplier's events, from record batches to alerts; shared by `run` and `replay`.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    detect::{Account, Parts, declared::Declared},
    incident::{Verdicts, suppress::Suppression},
};

pub mod decoder;
pub mod merge;
mod pipeline;
pub mod repeats;
pub mod watch;

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
    /// False alerts that may come on an account-day, where tests mean what they say.
    pub false_alerts_per_account_day: f64,
    /// The datasets that count; all where empty.
    pub datasets: BTreeSet<String>,
    /// How many people's records the supplier holds, where known.
    pub population: Option<u64>,
    /// A partition may withhold records for so long, in milliseconds.
    pub stall_ms: i64,
    /// Events come at most so long after they happened, in milliseconds, where that is declared.
    pub delivery_ms: Option<i64>,
    /// Bounds of the feed's state.
    pub limits: Limits,
    /// People exposed from which an incident is medium, high and critical.
    pub severity_people: [u64; 3],
    /// What the operator has declared.
    pub declared: Arc<Declared>,
    /// What analysts have said of incidents.
    pub verdicts: Arc<Verdicts>,
    /// Incidents that nobody is to be paged for, of any supplier.
    pub suppressions: Arc<[Suppression]>,
    /// Which parts of detection are at work; no key takes one out.
    pub parts: Parts,
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
    /// Incidents with a verdict.
    pub verdicts_max: usize,
}

impl Limits {
    /// Bytes of state that these bounds allow, estimated with names of middling length; by
    /// component, as [`Pipeline::state_bytes`] gives what is held.
    pub fn bytes(&self) -> [(&'static str, usize); 4] {
        // One more: the bucket that newcomers share.
        let accounts = Account::BYTES.saturating_mul(self.accounts_max + 1);
        let pairs = self.pairs_max.saturating_mul(24);
        [
            ("accounts", accounts.saturating_add(pairs)),
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
            false_alerts_per_account_day: 0.000_2,
            datasets: BTreeSet::new(),
            population: None,
            stall_ms: 300_000,
            delivery_ms: None,
            limits: Limits {
                accounts_max: 1_000_000,
                subjects_max: 4_000_000,
                pairs_max: 50_000_000,
                known_ids_max: 4_000_000,
                incidents_max: 10_000,
                verdicts_max: 100_000,
            },
            severity_people: [25, 100, 500],
            declared: Arc::default(),
            verdicts: Arc::default(),
            suppressions: Arc::default(),
            parts: Parts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::{DecodedBatch, Verdict},
        ingest::RecordBatch,
    };

    #[test]
    fn state_at_its_limits_is_about_as_large_as_they_say() {
        let limits = Limits {
            accounts_max: 100,
            subjects_max: 2_000,
            pairs_max: 4_000,
            known_ids_max: 2_000,
            incidents_max: 10,
            verdicts_max: 10,
        };
        let config = Config {
            limits,
            ..Config::default()
        };
        let mut pipeline = Pipeline::new("a", config);
        let mut batch = RecordBatch::default();
        for number in 0..8_000_u64 {
            let event = format!(
                r#"{{"id":"{number}","time":{},"supplier":"a","account":"clerk-{}","action":"view",
                "subject":"MP-20{}"}}"#,
                1_790_000_000_000 + number * 2_000,
                number % 150,
                number * 7 % 6_000,
            );
            batch.push(event.as_bytes(), number, -1);
        }
        let batch = DecodedBatch::decode(batch, Some("a"));
        for index in 0..batch.len() {
            let (record, Verdict::Event(event)) = batch.get(index) else {
                panic!("an event was refused");
            };
            pipeline.observe(&event, 0, record, &mut Vec::new());
        }
        let held = pipeline.state_bytes();
        for ((component, held), (of, limit)) in held.into_iter().zip(limits.bytes()) {
            assert_eq!(component, of);
            assert!(held <= limit, "{component}: {held} of {limit}");
            let is_filled = component == "incidents" || held >= limit / 5;
            assert!(is_filled, "{component}: {held} of {limit}");
        }
    }
}
