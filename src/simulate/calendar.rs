//! Days, weekdays and the last working day of a month.

use crate::event::{DAY_MS, civil_from_days};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::days_from_civil;

    #[test]
    fn month_ends_fall_on_weekdays() {
        assert!(is_last_working_day(days_from_civil(2026, 6, 30)));
        assert!(!is_last_working_day(days_from_civil(2026, 6, 29)));
        // 2026-05-31 is a Sunday: the Friday before is the last working day.
        assert!(is_last_working_day(days_from_civil(2026, 5, 29)));
        assert!(!is_last_working_day(days_from_civil(2026, 5, 31)));
    }
}
