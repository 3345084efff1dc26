//! The smallest length of event time that counts are kept for.

use crate::event::Timestamp;

/// Length of a pane. Thirty seconds split the shortest window in ten, so that a burst at its border
/// is off by a tenth of it at most.
pub const PANE_MS: i64 = 30_000;
/// Panes in an hour.
pub const PANES_PER_HOUR: u32 = 120;
/// Panes in a day.
pub const PANES_PER_DAY: u32 = 2_880;

/// The pane that holds `time`, counted from 1970; times before that count as 0.
pub fn pane_of(time: Timestamp) -> u32 {
    u32::try_from(time.as_millis().div_euclid(PANE_MS).max(0)).unwrap_or(u32::MAX)
}

/// The first moment of a pane.
pub fn pane_start(pane: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(pane) * PANE_MS)
}

/// The pane at the noon of a UTC day (since 1970), whose date is the day's
/// ([`Calendar::date_of`](crate::detect::season::Calendar::date_of)).
pub const fn noon_of(day: u32) -> u32 {
    day * PANES_PER_DAY + PANES_PER_DAY / 2
}

/// What one event adds to its pane, beside the people it names. Packed, for panes are many.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, packed(4))]
pub struct Share {
    /// Records returned.
    pub records: u64,
    /// Records taken out in one piece.
    pub exported: u64,
    /// Records returned without a name.
    pub unnamed: u64,
    /// Attributes shown, a bit each.
    pub fields: u32,
}

impl Share {
    /// Adds what another event, or other events, exposed.
    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.exported += other.exported;
        self.unnamed += other.unnamed;
        self.fields |= other.fields;
    }
}

/// What an account did in one pane; its share may be kept in another form.
#[derive(Clone, Copy, Debug)]
pub struct Pane<S = Share> {
    /// Its number since 1970.
    pub index: u32,
    /// The first event's milliseconds into the pane.
    first_ms: u16,
    /// The last event's milliseconds into the pane.
    last_ms: u16,
    /// Events.
    pub actions: u32,
    /// The sum of its events, fields as a union.
    pub share: S,
}

impl Pane {
    /// A pane in which nothing happened yet, to be added to at `in_pane_ms` into it.
    pub(super) fn empty(index: u32, in_pane_ms: u16) -> Self {
        Self {
            index,
            first_ms: in_pane_ms,
            last_ms: in_pane_ms,
            actions: 0,
            share: Share::default(),
        }
    }

    /// Adds an event's share.
    pub(super) fn add(&mut self, in_pane_ms: u16, share: Share) {
        self.first_ms = self.first_ms.min(in_pane_ms);
        self.last_ms = self.last_ms.max(in_pane_ms);
        self.actions = self.actions.saturating_add(1);
        self.share.add(share);
    }
}

impl<S> Pane<S> {
    /// When its first event happened.
    pub fn first_at(&self) -> Timestamp {
        pane_start(self.index).plus_millis(i64::from(self.first_ms))
    }

    /// When its last event happened.
    pub fn last_at(&self) -> Timestamp {
        pane_start(self.index).plus_millis(i64::from(self.last_ms))
    }

    /// The same with its share in another form.
    pub(super) fn with<T>(&self, share: T) -> Pane<T> {
        Pane {
            index: self.index,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
            actions: self.actions,
            share,
        }
    }
}
