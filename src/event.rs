//! The vocabulary that every stage shares: what happened, when, and to whom.
//!
//! An [`AccessEvent`] is a view of the bytes it was decoded from. Nothing here knows a wire
//! format, a topic or a rule.

use std::fmt;

/// A moment in event time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment moved by `millis`, which may be negative; saturates.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment; negative where it is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Formats as RFC 3339 in UTC with milliseconds, `2026-11-23T09:14:05.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, in_day) = (self.0.div_euclid(DAY_MS), self.0.rem_euclid(DAY_MS));
        let (year, month, day) = civil_from_days(days);
        let (secs, millis) = (in_day / 1_000, in_day % 1_000);
        let (hour, minute, second) = (secs / 3_600, secs / 60 % 60, secs % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds in a day without leap seconds, as in RFC 3339 arithmetic.
pub const DAY_MS: i64 = 86_400_000;

/// The civil date (year, month, day) of a count of days since 1970-01-01, proleptic Gregorian.
///
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Days since 1970-01-01 of a civil date; the inverse of [`civil_from_days`].
pub const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_index + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// What the account is, as the supplier declares it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// A human being.
    Person,
    /// A program.
    Service,
    /// A human being with rights over the system.
    Admin,
    /// Not said, or a word that is not known.
    #[default]
    Unknown,
}

impl AccountKind {
    /// Every kind, in wire order.
    pub const ALL: [Self; 4] = [Self::Person, Self::Service, Self::Admin, Self::Unknown];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
        }
    }

    /// The kind a wire word names; an unknown word is [`AccountKind::Unknown`].
    pub fn from_wire(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or_default()
    }
}

/// What the account did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Looked at a record.
    View,
    /// Searched, and was shown results.
    Search,
    /// Listed records.
    List,
    /// Exported records to a file.
    Export,
    /// Downloaded a file of records.
    Download,
    /// Printed records.
    Print,
    /// Shared records with somebody.
    Share,
    /// Read through a programming interface.
    ApiRead,
    /// Created a record; exposes nobody.
    Create,
    /// Changed a record; exposes nobody.
    Update,
    /// Deleted a record; exposes nobody.
    Delete,
    /// Signed in; exposes nobody.
    Login,
    /// Anything else; a read.
    #[default]
    Other,
}

impl Action {
    /// Every action, in wire order.
    pub const ALL: [Self; 13] = [
        Self::View,
        Self::Search,
        Self::List,
        Self::Export,
        Self::Download,
        Self::Print,
        Self::Share,
        Self::ApiRead,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Login,
        Self::Other,
    ];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Search => "search",
            Self::List => "list",
            Self::Export => "export",
            Self::Download => "download",
            Self::Print => "print",
            Self::Share => "share",
            Self::ApiRead => "api_read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Login => "login",
            Self::Other => "other",
        }
    }

    /// The action a wire word names; an unknown word is [`Action::Other`].
    pub fn from_wire(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == word)
            .unwrap_or_default()
    }

    /// Whether it shows records to the account.
    pub const fn is_read(self) -> bool {
        !matches!(
            self,
            Self::Create | Self::Update | Self::Delete | Self::Login
        )
    }

    /// Whether it takes records out of the supplier's system in one piece.
    pub const fn is_export(self) -> bool {
        matches!(
            self,
            Self::Export | Self::Download | Self::Print | Self::Share
        )
    }
}

/// Whether the supplier let the access happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It happened.
    Success,
    /// It failed for a reason of the system's; exposes nobody.
    Failure,
    /// It was refused; exposes nobody.
    Denied,
    /// Not said, or a word that is not known; treated as success.
    #[default]
    Unknown,
}

impl Outcome {
    /// Every outcome, in wire order.
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Denied, Self::Unknown];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome a wire word names; an unknown word is [`Outcome::Unknown`].
    pub fn from_wire(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
            .unwrap_or_default()
    }

    /// Whether records were shown.
    pub const fn exposes(self) -> bool {
        matches!(self, Self::Success | Self::Unknown)
    }
}

/// A list of strings of one event: its subjects or its field names.
#[derive(Clone, Copy, Debug)]
pub enum Names<'a> {
    /// One name.
    One(&'a str),
    /// Names that lie as spans in two shared texts.
    Spans {
        /// Where each name lies.
        spans: &'a [Span],
        /// What the spans point into.
        text: Text<'a>,
    },
    /// Names given one by one.
    Strs(&'a [&'a str]),
}

impl<'a> Names<'a> {
    /// No names at all.
    pub const EMPTY: Self = Self::Strs(&[]);

    /// How many names the event gave, repeats included.
    pub const fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Spans { spans, .. } => spans.len(),
            Self::Strs(names) => names.len(),
        }
    }

    /// Whether the event gave none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name at `index`, or nothing past the end.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        match self {
            Self::One(name) => (index == 0).then_some(*name),
            Self::Spans { spans, text } => spans.get(index).map(|span| text.slice(*span)),
            Self::Strs(names) => names.get(index).copied(),
        }
    }

    /// The names in the order given.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

/// Where a string lies in a [`Text`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte; the highest bit says that it lies in the unescaped text.
    start: u32,
    /// Length in bytes.
    len: u32,
}

impl Span {
    const UNESCAPED: u32 = 1 << 31;

    /// A span of the record text itself. `start` must be below 2 GiB.
    pub const fn raw(start: u32, len: u32) -> Self {
        debug_assert!(start < Self::UNESCAPED, "a batch is far below 2 GiB");
        Self { start, len }
    }

    /// How long the string is, in bytes.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether it marks an empty string.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A span of the text that holds strings whose escapes were resolved.
    pub const fn unescaped(start: u32, len: u32) -> Self {
        debug_assert!(start < Self::UNESCAPED, "a batch is far below 2 GiB");
        Self {
            start: start | Self::UNESCAPED,
            len,
        }
    }
}

/// The two texts that a batch's spans point into.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The records as they came.
    pub raw: &'a str,
    /// Strings of them that held escapes, resolved.
    pub unescaped: &'a str,
}

impl<'a> Text<'a> {
    /// The string that `span` marks.
    ///
    /// # Panics
    /// Panics where the span was made for another text: a bug in the decoder.
    #[inline]
    pub fn slice(self, span: Span) -> &'a str {
        let text = if span.start & Span::UNESCAPED == 0 {
            self.raw
        } else {
            self.unescaped
        };
        let start = (span.start & !Span::UNESCAPED) as usize;
        &text[start..start + span.len as usize]
    }
}

/// One access, checked against the event contract: a view of the bytes it came in.
#[derive(Clone, Copy, Debug)]
pub struct AccessEvent<'a> {
    /// The supplier's own identity of the event.
    pub id: &'a str,
    /// When the access happened.
    pub time: Timestamp,
    /// Whose system was read.
    pub supplier: &'a str,
    /// The account that read.
    pub account: &'a str,
    /// What the account is.
    pub account_kind: AccountKind,
    /// The account's job, a peer group inside the supplier.
    pub role: Option<&'a str>,
    /// What it did.
    pub action: Action,
    /// Which dataset it touched.
    pub dataset: &'a str,
    /// The personnel records touched, as named by the supplier; may repeat.
    pub subjects: Names<'a>,
    /// How many records were returned, where the supplier said so.
    pub records: Option<u64>,
    /// Bytes returned, where the supplier said so.
    pub bytes: Option<u64>,
    /// The attributes shown; may repeat.
    pub fields: Names<'a>,
    /// The logical export this event is a part of.
    pub operation: Option<&'a str>,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// The client's address, as text.
    pub source_ip: Option<&'a str>,
    /// The client's name for itself.
    pub user_agent: Option<&'a str>,
    /// The supplier's session.
    pub session: Option<&'a str>,
    /// The supplier's running number.
    pub seq: Option<u64>,
    /// Keyed 64-bit hash of `id`.
    pub id_hash: u64,
    /// Keyed 64-bit hash of all decoded content, `id` included: equal for equal content.
    pub content_hash: u64,
}

/// What deciding an event will look up.
#[derive(Clone, Copy, Debug)]
pub struct Glance<'a> {
    /// Whose system was read.
    pub supplier: &'a str,
    /// The account that read.
    pub account: &'a str,
    /// The first of the personnel records touched.
    pub subject: Option<&'a str>,
    /// Keyed 64-bit hash of the id.
    pub id_hash: u64,
}

impl<'a> From<&AccessEvent<'a>> for Glance<'a> {
    fn from(event: &AccessEvent<'a>) -> Self {
        Self {
            supplier: event.supplier,
            account: event.account,
            subject: event.subjects.get(0),
            id_hash: event.id_hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates_round_trip_over_the_whole_contract_span() {
        for days in days_from_civil(2000, 1, 1)..days_from_civil(2100, 12, 31) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn a_timestamp_prints_as_rfc_3339_with_milliseconds() {
        let at = Timestamp::from_millis(1_795_425_245_123);
        assert_eq!(at.to_string(), "2026-11-23T09:14:05.123Z");
    }

    #[test]
    fn every_wire_word_reads_back_as_itself() {
        for action in Action::ALL {
            assert_eq!(Action::from_wire(action.as_str()), action);
        }
        assert_eq!(Action::from_wire("teleport"), Action::Other);
        assert_eq!(Outcome::from_wire("maybe"), Outcome::Unknown);
        assert_eq!(AccountKind::from_wire("robot"), AccountKind::Unknown);
    }
}
