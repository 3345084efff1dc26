//! How long a supplier's events take to reach us, learned from when new ones arrive: nothing to
//! speak of where they come one by one, a night where they are uploaded once a day.

use crate::event::{DAY_MS, HOUR_MS, Timestamp};

/// Days of arrivals remembered.
const DAYS: usize = 14;
/// Days of arrivals that must have been seen.
const DAYS_KNOWN: usize = 3;
/// Assumed at least until then: uploads are daily or more frequent nearly everywhere.
const UNKNOWN_MS: i64 = DAY_MS;

/// The delays of one feed.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The longest delay, where the operator has said it.
    declared_ms: Option<i64>,
    /// The hour (since 1970) of the last arrival.
    hour: i64,
    /// Days (since 1970) of arrivals and their longest delays in milliseconds, oldest first.
    days: Vec<(i64, i64)>,
    arrived: Option<Timestamp>,
}

impl Delivery {
    pub(super) const fn new(declared_ms: Option<i64>) -> Self {
        Self {
            declared_ms,
            hour: i64::MIN,
            days: Vec::new(),
            arrived: None,
        }
    }

    /// Takes in that a new event of `time` arrived. The first of an hour of arrivals counts: what
    /// comes in a lump begins with its oldest.
    pub(super) fn observe(&mut self, time: Timestamp, arrived: Timestamp) {
        self.arrived = self.arrived.max(Some(arrived));
        let hour = arrived.as_millis().div_euclid(HOUR_MS);
        if hour <= self.hour {
            return;
        }
        self.hour = hour;
        let (day, delay) = (hour.div_euclid(24), arrived.millis_since(time).max(0));
        match self.days.last_mut() {
            Some((last, longest)) if *last == day => *longest = delay.max(*longest),
            _ => {
                if self.days.len() == DAYS {
                    self.days.remove(0);
                }
                self.days.push((day, delay));
            }
        }
    }

    /// When the last new event arrived, where that is known.
    pub(super) const fn arrived(&self) -> Option<Timestamp> {
        self.arrived
    }

    /// How long events are awaited, in milliseconds: as long as they took on all days but the
    /// worst, so that one outage of the way does not make us wait for weeks.
    pub(super) fn delay_ms(&self) -> i64 {
        if let Some(declared) = self.declared_ms {
            return declared;
        }
        let mut longest: Vec<i64> = self.days.iter().map(|(_, longest)| *longest).collect();
        longest.sort_unstable_by(|a, b| b.cmp(a));
        if longest.len() >= DAYS_KNOWN {
            longest[1]
        } else {
            longest.first().map_or(UNKNOWN_MS, |it| UNKNOWN_MS.max(*it))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR_MS)
    }

    #[test]
    fn uploads_are_awaited_as_long_as_they_take_and_one_outage_is_forgiven() {
        let mut delivery = Delivery::new(None);
        assert_eq!(delivery.delay_ms(), DAY_MS);
        for day in 0..5 {
            // Twice a day, all of twelve hours an hour later; on the third day once.
            for half in (0..2).filter(|half| (day, *half) != (2, 0)) {
                let begin = 24 * day + 12 * half;
                let from = if day == 2 { begin - 12 } else { begin };
                for hour in from..begin + 12 {
                    delivery.observe(at(hour), at(begin + 13));
                }
            }
        }
        assert_eq!(delivery.delay_ms(), 13 * HOUR_MS);
        assert_eq!(delivery.arrived(), Some(at(24 * 4 + 25)));
    }

    #[test]
    fn what_the_operator_says_holds() {
        let mut delivery = Delivery::new(Some(5_000));
        delivery.observe(at(0), at(9));
        assert_eq!(delivery.delay_ms(), 5_000);
    }
}
