//! Which parts of detection are at work: all of them, but where one is taken out to measure what it
//! is worth.
//!
//! A part is taken out where it contributes to what is asked of a test, or to what a day teaches;
//! the path of an event asks nothing.

/// A part of detection that can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// How probable it is that an account works at that hour: without it all hours are alike.
    Season,
    /// What the accounts of a group have in common: without it an account has its own history
    /// alone, and before that what is assumed of anybody.
    Peers,
    /// The tests that add up many days.
    Drip,
    /// The tests of people whom the account did not know.
    Novel,
    /// The tests of people whom nobody had read for a fortnight.
    Idle,
    /// Jobs that are recognised: without it a program's batches are reading like any other.
    Jobs,
    /// The tests of people read in unusual circumstances.
    Circumstances,
    /// That consecutive ids are such a circumstance.
    Sequence,
    /// Many accounts that read in unusual circumstances on one day.
    Together,
    /// What keeps suspicious and wild days from teaching what is usual. The slow tests have a guard
    /// of their own, without which they are none, and keep it.
    Guard,
    /// The measured tails: without them the scores are believed, and each test is asked for its
    /// share of the budget.
    Tails,
    /// Tails of their own for excesses of a hundred people and of five hundred.
    Sizes,
    /// What raises the bar of the smallest size where that alarms too often.
    SmallAlarms,
    /// Tails of their own for accounts without a history.
    Newcomers,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 14] = [
        Self::Season,
        Self::Peers,
        Self::Drip,
        Self::Novel,
        Self::Idle,
        Self::Jobs,
        Self::Circumstances,
        Self::Sequence,
        Self::Together,
        Self::Guard,
        Self::Tails,
        Self::Sizes,
        Self::SmallAlarms,
        Self::Newcomers,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Season => "season",
            Self::Peers => "peers",
            Self::Drip => "drip",
            Self::Novel => "novel",
            Self::Idle => "idle",
            Self::Jobs => "jobs",
            Self::Circumstances => "circumstances",
            Self::Sequence => "sequence",
            Self::Together => "together",
            Self::Guard => "guard",
            Self::Tails => "tails",
            Self::Sizes => "sizes",
            Self::SmallAlarms => "small_alarms",
            Self::Newcomers => "newcomers",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of parts; every part by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts(u16);

impl Default for Parts {
    fn default() -> Self {
        Self(u16::MAX)
    }
}

impl Parts {
    /// The same without `part`.
    #[must_use]
    pub const fn without(self, part: Part) -> Self {
        Self(self.0 & !part.bit())
    }

    /// The same with `part`.
    #[must_use]
    pub const fn with(self, part: Part) -> Self {
        Self(self.0 | part.bit())
    }

    /// Whether `part` is at work.
    pub const fn has(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }
}
