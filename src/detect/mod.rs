//! Pure core.

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

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warming => "warming",
            Self::Mature => "mature",
        }
    }
}
