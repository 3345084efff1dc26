//! A supplier's clock on the wall: how far it is ahead of UTC, and the moments at which that changes.
//!
//! Days and hours stay UTC's, so that nothing is counted twice or left out when clocks are changed;
//! here is only which hour of which date a UTC hour is. Where the moments come from is not known here.

use crate::event::{DAY_MS, Timestamp};

/// The clock of a time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Milliseconds ahead of UTC before the first change.
    ahead_ms: i64,
    /// When it changes, rising, and how far it is ahead from then on.
    changes: Vec<(Timestamp, i64)>,
}

impl Zone {
    /// A clock that is `ahead_ms` milliseconds ahead of UTC, and from each of the `changes` on, which
    /// rise, as far as that says.
    pub const fn new(ahead_ms: i64, changes: Vec<(Timestamp, i64)>) -> Self {
        Self { ahead_ms, changes }
    }

    /// How far it is ahead at a moment, in milliseconds.
    pub fn ahead_ms(&self, time: Timestamp) -> i64 {
        let past = self.changes.partition_point(|(from, _)| *from <= time);
        let last = past.checked_sub(1).map(|last| self.changes[last].1);
        last.unwrap_or(self.ahead_ms)
    }

    /// The first and the last moment at which it shows `wall`, a time since 1970 in milliseconds.
    ///
    /// They differ in the hour that comes twice, and in the hour that never comes, where one is what
    /// the clock before the change would have meant and one what the clock after it would have.
    pub fn moments(&self, wall: i64) -> [Timestamp; 2] {
        let moment = |ahead: i64| Timestamp::from_millis(wall - ahead);
        // No zone is a day from UTC, and none changes its clock twice in two days.
        let around = [-DAY_MS, DAY_MS].map(|by| self.ahead_ms(moment(0).plus_millis(by)));
        let shows = around.map(|ahead| self.ahead_ms(moment(ahead)) == ahead);
        let [before, after] = around.map(moment);
        match shows {
            [true, false] => [before; 2],
            [false, true] => [after; 2],
            _ => [before.min(after), before.max(after)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{HOUR_MS, days_from_civil};

    const HALF: i64 = HOUR_MS / 2;

    fn at(month: i64, date: i64, hour: i64) -> Timestamp {
        let day = days_from_civil(2026, month, date);
        Timestamp::from_millis(day * DAY_MS + hour * HOUR_MS)
    }

    /// An hour ahead, two in the summer of 2026, changed at 01:00 UTC.
    fn berlin() -> Zone {
        let changes = vec![(at(3, 29, 1), 2 * HOUR_MS), (at(10, 25, 1), HOUR_MS)];
        Zone::new(HOUR_MS, changes)
    }

    #[test]
    fn the_clock_follows_its_changes() {
        let ahead = |time: Timestamp| berlin().ahead_ms(time) / HOUR_MS;
        assert_eq!(ahead(at(3, 29, 1).plus_millis(-1)), 1);
        assert_eq!(ahead(at(3, 29, 1)), 2);
        assert_eq!([ahead(at(10, 25, 0)), ahead(at(10, 25, 1))], [2, 1]);
    }

    #[test]
    fn a_time_of_the_wall_is_one_moment_but_where_the_clock_is_changed() {
        let moments = |month, date, minutes: i64| {
            let wall = at(month, date, 0).plus_millis(minutes * 60_000);
            berlin().moments(wall.as_millis())
        };
        for (month, hour) in [(1, 1), (7, 0)] {
            assert_eq!(
                moments(month, 8, 150),
                [at(month, 8, hour).plus_millis(HALF); 2]
            );
        }
        // Just before and after both changes.
        assert_eq!(moments(3, 29, 90), [at(3, 29, 0).plus_millis(HALF); 2]);
        assert_eq!(moments(3, 29, 210), [at(3, 29, 1).plus_millis(HALF); 2]);
        assert_eq!(moments(10, 25, 90), [at(10, 24, 23).plus_millis(HALF); 2]);
        assert_eq!(moments(10, 25, 210), [at(10, 25, 2).plus_millis(HALF); 2]);
        // 02:30 is skipped in March and comes twice in October.
        let both = |date, month| [0, 1].map(|hour| at(month, date, hour).plus_millis(HALF));
        assert_eq!(moments(3, 29, 150), both(29, 3));
        assert_eq!(moments(10, 25, 150), both(25, 10));
    }
}
