//! Findings become incidents: opened, escalated and closed, with one identity, an exact exposure
//! and a sentence that explains them.
//!
//! Pure: time is the events' own, and nothing here knows where alerts go.

use crate::{
    detect::Window,
    event::{AccountKind, Timestamp},
};

mod blindness;
mod episode;
mod identity;
mod positions;
mod reason;
mod report;
mod span;
pub mod suppress;
mod tracker;
pub mod verdict;
mod wide;

pub use self::{
    blindness::{Blindness, Trouble},
    tracker::{Config, Judged, Sighting, Tracker, VerdictCounts},
    verdict::{Verdict, Verdicts},
};

/// What kind of incident it is; where several fit, the first in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One or few actions returned many records.
    BulkExport,
    /// Many different subjects in a short time.
    Enumeration,
    /// A small excess that lasts for days.
    SlowDrip,
    /// A known job at the wrong time or of the wrong size.
    OffSchedule,
    /// An account that had slept for weeks reads.
    DormantAccount,
    /// An account on its first day reads.
    NewAccount,
    /// Many accounts of the supplier, each a little above itself.
    SupplierWide,
    /// Many attempts that were refused.
    DeniedBurst,
    /// Nothing comes of a supplier where it always does.
    FeedSilence,
    /// Events are missing: numbers of the supplier's own count, or records that retention took.
    FeedGap,
    /// Records are there and are not delivered.
    FeedStalled,
    /// Events are dated into the future.
    ClockSkew,
}

impl Kind {
    /// Every kind, in order of precedence.
    pub const ALL: [Self; 12] = [
        Self::BulkExport,
        Self::Enumeration,
        Self::SlowDrip,
        Self::OffSchedule,
        Self::DormantAccount,
        Self::NewAccount,
        Self::SupplierWide,
        Self::DeniedBurst,
        Self::FeedSilence,
        Self::FeedGap,
        Self::FeedStalled,
        Self::ClockSkew,
    ];
    /// Those about the feed itself: without an account, and without statistics.
    pub const OF_FEED: [Self; 4] = [
        Self::FeedSilence,
        Self::FeedGap,
        Self::FeedStalled,
        Self::ClockSkew,
    ];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BulkExport => "bulk_export",
            Self::Enumeration => "enumeration",
            Self::SlowDrip => "slow_drip",
            Self::OffSchedule => "off_schedule",
            Self::DormantAccount => "dormant_account",
            Self::NewAccount => "new_account",
            Self::SupplierWide => "supplier_wide",
            Self::DeniedBurst => "denied_burst",
            Self::FeedSilence => "feed_silence",
            Self::FeedGap => "feed_gap",
            Self::FeedStalled => "feed_stalled",
            Self::ClockSkew => "clock_skew",
        }
    }

    /// Whether it is about the feed itself.
    pub fn is_of_feed(self) -> bool {
        Self::OF_FEED.contains(&self)
    }
}

/// What an alert says about its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// The incident is new, or open again after it was closed.
    Opened,
    /// More people than double, or a higher severity, than at the last alert.
    Escalated,
    /// Quiet since, or superseded by another incident.
    Closed,
}

impl AlertState {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Escalated => "escalated",
            Self::Closed => "closed",
        }
    }
}

/// How grave an incident is, by the people exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Fewer than medium.
    Low,
    /// 25 people or more, unless configured.
    Medium,
    /// 100 people or more, unless configured.
    High,
    /// 500 people or more, unless configured, or a tenth of the supplier's population.
    Critical,
}

impl Severity {
    /// Every severity, rising.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Incidents by [`Kind`] and [`Severity`].
pub type OpenBy = [[usize; Severity::ALL.len()]; Kind::ALL.len()];

/// Events that crossed, by the shortest [`Window`] that did and the [`Severity`] of their incident.
pub type Detections = [[u64; Severity::ALL.len()]; Window::ALL.len()];

/// Where events of an incident lie in one partition or file: positions from first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// The partition's or file's number in its feed, as in
    /// [`RecordBatch::source`](crate::ingest::RecordBatch::source).
    pub source: u32,
    /// First offset or line.
    pub first: u64,
    /// Last offset or line.
    pub last: u64,
}

/// The people and records that an incident has exposed so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposure {
    /// Records returned.
    pub records: u64,
    /// Different people named.
    pub subjects: u64,
    /// Records returned without a name, so that many more people at most.
    pub subjects_unnamed_max: u64,
    /// Whether `subjects` is exact.
    pub subjects_exact: bool,
    /// The attributes shown, sorted.
    pub fields: Vec<String>,
    /// The first event counted.
    pub first_at: Timestamp,
    /// The last event counted.
    pub last_at: Timestamp,
}

/// A revision of an incident: what an analyst is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// `inc_` and 26 characters; comes from what happened alone.
    pub incident: String,
    /// Rises with the incident; with it the key of the alert.
    pub revision: u64,
    /// What the alert says about the incident.
    pub state: AlertState,
    /// What kind of incident.
    pub kind: Kind,
    /// How grave.
    pub severity: Severity,
    /// Whose system was read.
    pub supplier: String,
    /// Who read; nobody by name where accounts past the limit share a bucket.
    pub account: Option<String>,
    /// What the account is.
    pub account_kind: AccountKind,
    /// First counted event of the window that crossed.
    pub started_at: Timestamp,
    /// Event time at which the evidence sufficed.
    pub raised_at: Timestamp,
    /// Last event while any window was at or over its critical count.
    pub last_seen_at: Timestamp,
    /// Length of the window that tells most, in milliseconds.
    pub window_ms: i64,
    /// Records in that window.
    pub observed_records: u64,
    /// People in that window: named and unnamed.
    pub observed_subjects: u64,
    /// Records expected in such a window.
    pub expected_records: f64,
    /// People expected in such a window.
    pub expected_subjects: f64,
    /// The critical count less one, of the signal that crossed.
    pub expected_upper: u64,
    /// -log10 p, at most 300.
    pub score: f64,
    /// Probability of as much or more from this account, by its baseline.
    pub p_value: f64,
    /// What the whole incident has exposed.
    pub exposure: Exposure,
    /// Where its events lie, by source.
    pub evidence: Vec<Evidence>,
    /// One plain sentence or more.
    pub reasons: Vec<String>,
    /// MITRE ATT&CK techniques.
    pub attack: Vec<&'static str>,
    /// Whether events later than the lateness bound took part.
    pub late: bool,
    /// Days of history behind the baseline.
    pub baseline_days: u32,
    /// How far the baseline has come.
    pub baseline_maturity: Maturity,
    /// Accounts in the peer group.
    pub baseline_peers: u32,
    /// The incident that took this one's place.
    pub superseded_by: Option<String>,
    /// Why nobody is to be paged for this revision, where somebody has said so.
    pub suppressed: Option<String>,
    /// When the broker appended the event that raised it, epoch milliseconds; -1 where unknown.
    pub appended_ms: i64,
}

pub use crate::detect::{Explanation, Maturity};
