//! The pure core: one supplier's events in, findings out.
//!
//! Knows accounts, sliding windows over event time, and what is usual for each. Knows nothing of
//! bytes, topics, clocks, or of what becomes of a finding.

use std::{collections::BTreeSet, sync::Arc};

use crate::event::Timestamp;

mod bytes;
mod detector;
mod fixed;

pub mod account;
pub mod declared;
pub mod diary;
pub mod drip;
pub mod familiar;
pub mod groups;
pub mod habits;
pub mod headroom;
pub mod idle;
pub mod jobs;
pub mod ledger;
pub mod names;
pub mod odd;
pub mod pane;
pub mod parts;
pub mod refused;
pub mod settle;
pub mod size;
pub mod together;
pub mod unsettled;
pub mod version;
pub mod watermark;
pub mod window;
pub mod zone;

pub mod baseline;
pub mod calibration;
pub mod coverage;
pub mod critical;
pub mod exceedance;
mod panes;
pub mod peers;
mod running;
pub mod season;
pub mod sequence;
mod since;

pub use self::{
    account::Account,
    detector::{AHEAD, Detector},
    pane::Share,
    parts::{Part, Parts},
    window::{Counts, Signal, Window},
};

/// The checked settings of a detector.
#[derive(Clone, Debug)]
pub struct Config {
    /// Within this many milliseconds nothing depends on arrival.
    pub lateness_ms: i64,
    /// As far behind the watermark as events are counted, in milliseconds.
    pub horizon_ms: i64,
    /// The datasets that count; all where empty.
    pub datasets: BTreeSet<String>,
    /// Accounts remembered; newcomers past them share one bucket.
    pub accounts_max: usize,
    /// Different subjects remembered; those past them count as unnamed.
    pub subjects_max: usize,
    /// False alerts that may come on an account-day.
    pub false_alerts_per_account_day: f64,
    /// Pairs of a subject and an account's pane remembered; those past them count as unnamed.
    pub pairs_max: usize,
    /// What the operator has declared.
    pub declared: Arc<declared::Declared>,
    /// How many people's records the supplier holds, where known: [`coverage`] has stops then.
    pub population: Option<u64>,
    /// Which parts are at work; all of them, but to measure what each is worth.
    pub parts: Parts,
}

/// An account of one detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub(crate) u32);

/// What one event exposed.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Who read.
    pub account: AccountId,
    /// The pane that holds it.
    pub pane: u32,
    /// When.
    pub time: Timestamp,
    /// How much.
    pub share: Share,
    /// Whether every person named is known by number.
    pub exact: bool,
    /// Whether it exposes anybody who is not counted yet: not where it was refused, nor where reads that
    /// were counted before are looked at again.
    pub exposes: bool,
}

/// That windows ending at a pane reached their critical counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose.
    pub account: AccountId,
    /// The pane at which they end.
    pub pane: u32,
    /// The tests that crossed: a bit each, signals by windows.
    pub(crate) crossed: u32,
}

impl Finding {
    /// The shortest window that crossed.
    pub fn shortest(self) -> Window {
        let crossed = |window: &Window| {
            self.is_of_counts(*window)
                || self.crossed & 1 << version::odd_test(*window) != 0
                || *window == Window::Hour && self.is_of_refusals()
                || *window == Window::Today && self.is_of_coverage()
        };
        Window::ALL.into_iter().find(crossed).unwrap_or(Window::Day)
    }

    /// Whether the shortest window counts people in unusual circumstances alone.
    pub fn is_of_odd(self) -> bool {
        let window = self.shortest();
        !self.is_of_counts(window) && self.crossed & 1 << version::odd_test(window) != 0
    }

    /// Whether a signal crossed in `window`, in whatever circumstances.
    fn is_of_counts(self, window: Window) -> bool {
        let mut signals = Signal::TESTED.into_iter();
        signals.any(|signal| self.crossed & 1 << baseline::stat(signal, window) != 0)
    }

    /// Whether attempts that were refused are what it found, or part of it.
    pub const fn is_of_refusals(self) -> bool {
        self.crossed & REFUSED != 0
    }

    /// Whether the people of a month are what it found, or part of it.
    pub const fn is_of_coverage(self) -> bool {
        self.crossed & COVERED != 0
    }

    /// This finding with the tests of another at the same pane.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            crossed: self.crossed | other.crossed,
            ..self
        }
    }
}

/// Makes findings of one account at the same pane one, in the order of panes.
pub(crate) fn merge_findings(findings: &mut Vec<Finding>) {
    if findings.len() > 1 {
        findings.sort_unstable_by_key(|finding| finding.pane);
        findings.dedup_by(|later, kept| {
            let is_same = later.pane == kept.pane;
            if is_same {
                *kept = kept.with(*later);
            }
            is_same
        });
    }
}

/// The bit of refused attempts in a finding, behind those of the tests of what is read.
pub(crate) const REFUSED: u32 = 1 << version::TESTS;
/// That of the people of a month.
pub(crate) const COVERED: u32 = REFUSED << 1;

/// Why a window was too much: the strongest test.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The window.
    pub window: Window,
    /// The signal.
    pub signal: Signal,
    /// What it counted.
    pub observed: Counts,
    /// Events in it.
    pub actions: u64,
    /// Records in it that name nobody.
    pub unnamed: u64,
    /// What is usual in such a window while the account is active, by signal.
    pub expected: [f64; Signal::ALL.len()],
    /// The count from which the signal was too much.
    pub critical: u64,
    /// How surprising as much or more is: -ln p, or for a slow test the sum of log-likelihood ratios.
    pub score: f64,
    /// The most of the signal in such a window in the history.
    pub seen_max: u32,
    /// Active days in the history.
    pub days: u32,
    /// How far the baseline has come.
    pub maturity: Maturity,
    /// Accounts of the peer group with a history.
    pub peers: u32,
    /// What a newcomer to the group is expected to reach of the signal in such a window.
    pub peers_usual: f64,
    /// Every test of what is read that crossed.
    pub also: Vec<(Signal, Window)>,
    /// The largest run that a known job of the account explains; 0 without one.
    pub job_size: u32,
    /// Whether what is usual is so of that hour, in which the account reads more or less than in others.
    pub is_of_hour: bool,
    /// Whether the account is declared never to do this at all.
    pub is_forbidden: bool,
    /// Since when its reading is above the usual, and by how many people before that day: for a
    /// test of many days.
    pub lasting: Option<(Timestamp, f64)>,
    /// What was unusual about the people's reads beside their number, and how many were read so,
    /// where that made them too many.
    pub unusual: Option<(habits::Aspects, u64)>,
    /// How many attempts were refused in the window, where that is what was too much.
    pub refused: Option<u64>,
    /// The people of the month, where they were too many.
    pub coverage: Option<coverage::Coverage>,
    /// Different people that the account read in the 7 and in the 30 days that end with the finding's;
    /// nothing where a limit kept days from being remembered.
    pub lately: Option<[u32; 2]>,
    /// How many of the window's people have [consecutive](sequence) ids; counted by
    /// [`Detector::consecutive`] for who tells it, else 0.
    pub consecutive: u64,
}

impl Explanation {
    /// Whether nothing but the people of the month was too much.
    pub const fn is_of_coverage_alone(&self) -> bool {
        self.coverage.is_some()
            && self.also.is_empty()
            && self.unusual.is_none()
            && self.refused.is_none()
    }
}

/// Active days from which a baseline is mature.
const MATURE_DAYS: u32 = 14;

/// How far an account's baseline has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maturity {
    /// No full day of its own: judged by its peers.
    #[default]
    Cold,
    /// Some days of its own, fewer than fourteen active ones.
    Warming,
    /// Fourteen active days or more.
    Mature,
}

impl Maturity {
    /// Every phase, rising.
    pub const ALL: [Self; 3] = [Self::Cold, Self::Warming, Self::Mature];

    /// The phase of a baseline with so many active days.
    pub const fn of(days: u32) -> Self {
        match days {
            0 => Self::Cold,
            1..MATURE_DAYS => Self::Warming,
            _ => Self::Mature,
        }
    }

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warming => "warming",
            Self::Mature => "mature",
        }
    }
}
