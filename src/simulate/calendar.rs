//! Days, weekdays, month ends, and the clocks on suppliers' walls.

use crate::event::{DAY_MS, HOUR_MS, civil_from_days, days_from_civil};

/// Milliseconds in a minute.
pub(super) const MINUTE_MS: i64 = 60_000;

/// Weekday of a day since 1970-01-01: Monday is 0. (The epoch was a Thursday.)
pub(super) fn weekday(day: i64) -> u32 {
    u32::try_from((day + 3).rem_euclid(7)).unwrap_or_default()
}

/// Whether `day` is the last weekday of its month.
pub(super) fn is_last_working_day(day: i64) -> bool {
    let (_, month, _) = civil_from_days(day);
    let later_workday_in_month =
        (day + 1..day + 4).any(|later| weekday(later) < 5 && civil_from_days(later).1 == month);
    weekday(day) < 5 && !later_workday_in_month
}

/// Day of the month, from 1.
pub(super) const fn day_of_month(day: i64) -> i64 {
    civil_from_days(day).2
}

/// Start of a day, in epoch milliseconds.
pub(super) const fn start_of(day: i64) -> i64 {
    day * DAY_MS
}

/// A count of hours as milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "hours of a day or two, far inside i64"
)]
pub(super) fn hours_ms(hours: f64) -> i64 {
    (hours * 3_600_000.0) as i64
}

/// When a zone's clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Never,
    /// Last Sundays of March and October, at 01:00 UTC.
    European,
    /// Second Sunday of March to the first of November, at 2 by the clock.
    American,
}

/// A supplier's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    /// Minutes east of Greenwich in winter.
    minutes: i64,
    change: Change,
}

/// Greenwich's, all the year round.
pub(super) const UTC: Zone = Zone {
    minutes: 0,
    change: Change::Never,
};

/// The zones that suppliers are in.
pub(super) const ZONES: [Zone; 6] = [
    Zone {
        minutes: 0,
        change: Change::European,
    },
    Zone {
        minutes: 60,
        change: Change::European,
    },
    Zone {
        minutes: 120,
        change: Change::European,
    },
    Zone {
        minutes: -300,
        change: Change::American,
    },
    Zone {
        minutes: 330,
        change: Change::Never,
    },
    Zone {
        minutes: 480,
        change: Change::Never,
    },
];

impl Zone {
    /// Epoch milliseconds of a moment by the clock on the wall.
    ///
    /// Of the hour that comes twice it is the first; the hour that is skipped counts as winter's.
    pub(super) fn utc(self, wall_ms: i64) -> i64 {
        let winter = wall_ms - self.minutes * MINUTE_MS;
        let summer = winter - HOUR_MS;
        if self.is_summer(summer) {
            summer
        } else {
            winter
        }
    }

    fn is_summer(self, time: i64) -> bool {
        let (year, _, _) = civil_from_days(time.div_euclid(DAY_MS));
        let (start, end) = match self.change {
            Change::Never => return false,
            Change::European => (
                start_of(last_sunday(year, 3)) + HOUR_MS,
                start_of(last_sunday(year, 10)) + HOUR_MS,
            ),
            Change::American => {
                let midnight = |day| start_of(day) - self.minutes * MINUTE_MS;
                (
                    midnight(last_sunday_by(days_from_civil(year, 3, 14))) + 2 * HOUR_MS,
                    midnight(last_sunday_by(days_from_civil(year, 11, 7))) + HOUR_MS,
                )
            }
        };
        (start..end).contains(&time)
    }
}

fn last_sunday(year: i64, month: i64) -> i64 {
    last_sunday_by(days_from_civil(year, month, 31))
}

/// The latest Sunday that is not after `day`.
fn last_sunday_by(day: i64) -> i64 {
    day - (i64::from(weekday(day)) + 1) % 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    #[test]
    fn month_ends_fall_on_weekdays() {
        assert!(is_last_working_day(days_from_civil(2026, 6, 30)));
        assert!(!is_last_working_day(days_from_civil(2026, 6, 29)));
        // 2026-05-31 is a Sunday: the Friday before is the last working day.
        assert!(is_last_working_day(days_from_civil(2026, 5, 29)));
        assert!(!is_last_working_day(days_from_civil(2026, 5, 31)));
    }

    #[test]
    fn clocks_change_on_the_dates_of_the_zone() {
        let nine = |zone: Zone, year, month, day| {
            let wall = start_of(days_from_civil(year, month, day)) + 9 * HOUR_MS;
            Timestamp::from_millis(zone.utc(wall)).to_string()[11..16].to_owned()
        };
        let [_, madrid, _, new_york, mumbai, _] = ZONES;
        // 2026: Europe changes on 29 March and 25 October, America on 8 March and 1 November.
        assert_eq!(nine(madrid, 2026, 3, 28), "08:00");
        assert_eq!(nine(madrid, 2026, 3, 29), "07:00");
        assert_eq!(nine(madrid, 2026, 10, 24), "07:00");
        assert_eq!(nine(madrid, 2026, 10, 25), "08:00");
        assert_eq!(nine(new_york, 2026, 3, 7), "14:00");
        assert_eq!(nine(new_york, 2026, 3, 8), "13:00");
        assert_eq!(nine(new_york, 2026, 10, 31), "13:00");
        assert_eq!(nine(new_york, 2026, 11, 1), "14:00");
        assert_eq!(nine(mumbai, 2026, 7, 1), "03:30");
        assert_eq!(nine(UTC, 2026, 7, 1), "09:00");
    }
}
