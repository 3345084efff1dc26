//! Events dated into the future: against the time at which the broker appended them, or where that
//! is not known, against where the feed's event time stands a while later.
//!
//! A clock that is behind cannot be told from events that take their time, and is not judged.

use super::sequence::Place;
use crate::event::Timestamp;

/// So far may a clock be ahead of the broker's, in milliseconds: what clocks without a time service
/// come to in weeks.
const TOLERANCE_MS: i64 = 5 * 60_000;
/// Events that must follow without event time coming near: as many as would move it.
const FOLLOWING: u64 = 64;
/// Events that wait to be judged; further ones meanwhile are not.
const WAITING_MAX: usize = 64;

/// An event dated into the future.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// By how much at least, in milliseconds.
    pub(super) by_ms: i64,
    /// When it was so.
    pub(super) at: Timestamp,
    pub(super) place: Place,
}

/// Judges the times of one feed's events.
#[derive(Debug)]
pub(super) struct Skew {
    lateness_ms: i64,
    events: u64,
    /// Event times that lie beyond the head: their place, and how many events came before.
    waiting: Vec<(Timestamp, Place, u64)>,
}

impl Skew {
    pub(super) const fn new(lateness_ms: i64) -> Self {
        Self {
            lateness_ms,
            events: 0,
            waiting: Vec::new(),
        }
    }

    /// Takes an event of `time` in, after the head was moved by it.
    pub(super) fn observe(
        &mut self,
        time: Timestamp,
        appended: Option<Timestamp>,
        place: Place,
    ) -> Option<Ahead> {
        self.events += 1;
        if let Some(appended) = appended {
            let by_ms = time.millis_since(appended);
            let at = appended;
            return (by_ms > TOLERANCE_MS).then_some(Ahead { by_ms, at, place });
        }
        let is_beyond = time.millis_since(place.head) > self.lateness_ms;
        if is_beyond && self.waiting.len() < WAITING_MAX {
            self.waiting.push((time, place, self.events));
        }
        None
    }

    /// Judges what has waited long enough, now that event time has come to `head`.
    pub(super) fn advance(&mut self, head: Timestamp, mut found: impl FnMut(Ahead)) {
        let (lateness_ms, events) = (self.lateness_ms, self.events);
        self.waiting.retain(|&(time, place, before)| {
            let by_ms = time.millis_since(head);
            let is_ahead = by_ms > lateness_ms;
            let is_ripe = events - before >= FOLLOWING;
            if is_ahead && is_ripe {
                let at = place.head;
                found(Ahead { by_ms, at, place });
            }
            is_ahead && !is_ripe
        });
    }
}
