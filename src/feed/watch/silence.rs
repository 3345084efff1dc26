//! Whether a feed is silent: no event where its supplier's own rhythm has some.
//!
//! Minutes with events are taken in order once the watermark has passed them, so that arrival order
//! within the lateness changes nothing. A silence that has ended is judged by event time, when the
//! next event has come; one that lasts, by a `now` that the caller hands in.

use super::{
    delivery::Delivery,
    rhythm::{Grain, MINUTE_MS, Rhythm},
};
use crate::{detect::season::Calendar, event::Timestamp};

/// A time without events that is too long to be chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Silent {
    /// The last minute with events before it.
    pub(super) since: Timestamp,
    /// The first minute with events after it, or until when it was judged.
    pub(super) until: Timestamp,
    /// Minutes with events that are usual in that time.
    pub(super) usual: f64,
    /// From so many on it is implausible.
    pub(super) limit: f64,
}

/// The minutes of a feed.
#[derive(Debug)]
pub(super) struct Silence {
    /// By hour, and by day.
    rhythms: [Rhythm; 2],
    /// Minutes (since 1970) from this one on are not passed to the rhythms yet.
    open: i64,
    /// Which of them have events: a ring of bits.
    bits: [u64; WORDS],
    /// Where the minute of the event before begins, in milliseconds: most often that of the next one.
    begin: i64,
    /// The last minute with events that was passed.
    passed: Option<Timestamp>,
    /// The last minute with events.
    newest: Option<Timestamp>,
}

/// Words of the ring: the lateness is at most a day.
const WORDS: usize = 23;
/// Minutes of the ring.
const RING: i64 = WORDS.cast_signed() as i64 * 64;

impl Silence {
    pub(super) fn new(calendar: &Calendar) -> Self {
        Self {
            rhythms: [Grain::Hour, Grain::Day].map(|grain| Rhythm::new(grain, calendar.clone())),
            open: i64::MIN,
            bits: [0; WORDS],
            begin: i64::MIN,
            passed: None,
            newest: None,
        }
    }

    /// Takes an event in, after `head` was moved by it.
    pub(super) fn observe(&mut self, time: Timestamp, head: Timestamp) {
        if (0..MINUTE_MS).contains(&time.as_millis().wrapping_sub(self.begin)) {
            return;
        }
        let minute = time.as_millis().div_euclid(MINUTE_MS);
        if self.open == i64::MIN {
            self.open = minute;
        }
        // Beyond the head are leaps that nobody has confirmed; behind, late events.
        if time > head || minute < self.open || minute - self.open >= RING {
            return;
        }
        self.begin = minute * MINUTE_MS;
        let (word, bit) = bit_of(minute);
        self.bits[word] |= bit;
        let at = Timestamp::from_millis(self.begin);
        self.newest = self.newest.max(Some(at));
    }

    /// Passes the minutes before `mark`; the silences that ended in them go to `found`.
    pub(super) fn advance(&mut self, mark: Timestamp, mut found: impl FnMut(Silent)) {
        let until = mark.as_millis().div_euclid(MINUTE_MS);
        if until <= self.open || self.open == i64::MIN {
            return;
        }
        for minute in self.open..until.min(self.open + RING) {
            let (word, bit) = bit_of(minute);
            if self.bits[word] & bit != 0 {
                self.bits[word] &= !bit;
                if let Some(silent) = self.pass(Timestamp::from_millis(minute * MINUTE_MS)) {
                    found(silent);
                }
            }
        }
        self.open = until;
    }

    /// What has lasted until `now`, with the supplier's events awaited as long as they usually
    /// take; `arrived` is when the last one came.
    pub(super) fn judge(
        &self,
        now: Timestamp,
        arrived: Option<Timestamp>,
        delivery: &Delivery,
    ) -> Option<Silent> {
        let since = self.newest?;
        // Whatever comes now is a sign of life, however old it is.
        let from = arrived.map_or(since, |arrived| arrived.max(since));
        let until = now.plus_millis(-delivery.delay_ms());
        let implausible = |rhythm: &Rhythm| {
            let (usual, limit) = (rhythm.between(from, until), rhythm.limit()?);
            (usual >= limit).then_some(Silent {
                since,
                until: now,
                usual,
                limit,
            })
        };
        self.rhythms.iter().find_map(implausible)
    }

    fn pass(&mut self, minute: Timestamp) -> Option<Silent> {
        let before = self.passed.replace(minute);
        let mut silent = None;
        for rhythm in &mut self.rhythms {
            let limit = rhythm.limit();
            let usual = rhythm.pass(before, minute);
            if let (None, Some(since), Some(usual), Some(limit)) = (silent, before, usual, limit) {
                silent = Some(Silent {
                    since,
                    until: minute,
                    usual,
                    limit,
                });
            }
        }
        silent
    }
}

fn bit_of(minute: i64) -> (usize, u64) {
    let place = usize::try_from(minute.rem_euclid(RING)).unwrap_or(0);
    (place / 64, 1 << (place % 64))
}
