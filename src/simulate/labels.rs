//! The truth about a world as `labels.json` holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The schema that [`Labels`] carry.
pub const SCHEMA: &str = "rosterwatch.labels/1";

/// Days at the start of a world in which accounts have little history.
pub const LEARNING_DAYS: i64 = 14;

/// The truth about a world.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Labels {
    /// Always `rosterwatch.labels/1`.
    pub schema: String,
    /// The seed of the world.
    pub seed: u64,
    /// Start of the world, RFC 3339.
    pub from: String,
    /// End of the world, RFC 3339.
    pub to: String,
    /// Days on which an account had an event, by supplier and kind.
    pub account_days: BTreeMap<String, BTreeMap<String, u64>>,
    /// Of these, the days among the world's first [`LEARNING_DAYS`]; absent where not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_days_learning: Option<BTreeMap<String, BTreeMap<String, u64>>>,
    /// The thefts.
    pub attacks: Vec<AttackLabel>,
    /// Spans that are unusual and honest.
    pub benign: Vec<BenignSpan>,
}

/// A theft.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AttackLabel {
    /// Its name in this world.
    pub id: String,
    /// Whose system was read.
    pub supplier: String,
    /// Who read.
    pub accounts: Vec<String>,
    /// What the accounts are.
    pub account_kind: String,
    /// Whole UTC days from the first account's first event to the first step; 0 for a new account.
    pub history_days: u32,
    /// Median of the records that the first account read on its earlier days with an event.
    pub usual_day_records: u64,
    /// How the theft was done.
    pub family: String,
    /// Kinds of alert that would describe it.
    pub kinds: Vec<String>,
    /// What was out after each of its events that read something: the theft's own events alone,
    /// without refused attempts before it and without the accounts' ordinary reading.
    pub steps: Vec<Step>,
}

/// What an attack had taken after one of its events.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Step {
    /// Time of the event, RFC 3339.
    pub time: String,
    /// Different people named so far.
    pub subjects_total: u64,
    /// Records so far.
    pub records_total: u64,
}

/// A span that is unusual and honest.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct BenignSpan {
    /// Whose system was read.
    pub supplier: String,
    /// Who read; empty where the span is the whole supplier's.
    pub account: String,
    /// Why it is unusual: `campaign`, `job_moved`, `job_new_host`, `job_rerun`, `leave_return`,
    /// `month_end`, `new_duties`, `outage`, `project`.
    pub what: String,
    /// Start, RFC 3339.
    pub from: String,
    /// End, RFC 3339; the first moment after the span.
    pub to: String,
}
