//! What is counted over which lengths of time.

use crate::{
    detect::pane::{PANES_PER_DAY, PANES_PER_HOUR},
    event::HOUR_MS,
};

/// A length of time over which an account is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
    /// The UTC day so far.
    Today,
    /// Twenty-four hours.
    Day,
}

impl Window {
    /// Every window, rising.
    pub const ALL: [Self; 4] = [Self::FiveMinutes, Self::Hour, Self::Today, Self::Day];

    /// Its greatest length in panes.
    pub const fn panes(self) -> u32 {
        match self {
            Self::FiveMinutes => 10,
            Self::Hour => PANES_PER_HOUR,
            Self::Today | Self::Day => PANES_PER_DAY,
        }
    }

    /// The first pane of the window that ends at the pane `end`.
    pub const fn first(self, end: u32) -> u32 {
        match self {
            Self::Today => end - end % PANES_PER_DAY,
            _ => (end + 1).saturating_sub(self.panes()),
        }
    }

    /// The last pane at which a window that holds `pane` ends.
    pub const fn last(self, pane: u32) -> u32 {
        match self {
            Self::Today => pane - pane % PANES_PER_DAY + PANES_PER_DAY - 1,
            _ => pane + self.panes() - 1,
        }
    }

    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Self::FiveMinutes => HOUR_MS / 12,
            Self::Hour => HOUR_MS,
            Self::Today | Self::Day => 24 * HOUR_MS,
        }
    }

    /// The words of a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5 minutes",
            Self::Hour => "1 hour",
            Self::Today => "a day",
            Self::Day => "24 hours",
        }
    }
}

/// What is counted in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Different people named, and records returned without a name, each taken for a person.
    People,
    /// Records exported, downloaded, printed or shared, repeats included.
    Exported,
    /// Different people named whom the account did not know ([`Familiar`](super::familiar::Familiar)).
    Novel,
    /// Different people named whom nobody had read for a fortnight ([`Idle`](super::idle::Idle)); a
    /// program's batches take everybody, so of programs they are not counted.
    Idle,
    /// Different people named whom the account did not know and whose ids stand in a run with those of
    /// others such, read within an hour ([`sequence`](super::sequence)); a program pages through whole registers, so of programs they are
    /// not counted.
    Consecutive,
    /// Records returned, repeats included; not tested, reported beside the others.
    Records,
}

impl Signal {
    /// Every signal, the tested ones first.
    pub const ALL: [Self; 6] = [
        Self::People,
        Self::Exported,
        Self::Novel,
        Self::Idle,
        Self::Consecutive,
        Self::Records,
    ];
    /// The signals that have a critical count.
    pub const TESTED: [Self; 5] = [
        Self::People,
        Self::Exported,
        Self::Novel,
        Self::Idle,
        Self::Consecutive,
    ];

    /// Whether it counts people whom the account did not know: in its first days it knows nobody.
    pub const fn is_of_strangers(self) -> bool {
        matches!(self, Self::Novel | Self::Consecutive)
    }
}

/// The counts of one window, by [`Signal`].
pub type Counts = [u64; Signal::ALL.len()];

/// The bit that marks a touch of a person the account did not know, beside the touch itself.
pub const NOVEL: u32 = 1 << 31;

/// The same for a person whom nobody had read for a fortnight.
pub const IDLE: u32 = 1 << 30;

/// Both bits: the mark of a person whose id stands in a run.
pub const CONSECUTIVE: u32 = NOVEL | IDLE;
