//! The days on which a job comes back.

use crate::{
    detect::season::{Calendar, is_weekend},
    event::civil_from_days,
};

/// When a job comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// Every day.
    Daily,
    /// Every day from Monday to Friday, holiday or not, as a timetable says it; is learned alone.
    Weekday,
    /// Every day that the supplier works on; is declared alone.
    WorkingDay,
    /// Every so-manieth day of the week, Monday being 0.
    Weekly(u32),
    /// About this day of the month, or in a shorter month its last, as it is learned: a day before or
    /// after it too, and before or after the days off that it lies in. About the 31st is also on the
    /// last day that the supplier works on.
    DayOfMonth(u32),
    /// On this very day of the month, or in a shorter month on its last; is declared alone.
    Date(u32),
    /// On the last day of the month that the supplier works on; is declared alone.
    LastWorkingDay,
}

/// The date that every month ends at or before.
pub(super) const MONTH_END: u32 = 31;

impl Rhythm {
    /// Whether a run may be of either: the same, or dates of a month that are moved to one day.
    pub(super) fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::DayOfMonth(one), Self::DayOfMonth(other)) => one.abs_diff(other) <= 2,
            (Self::Daily, Self::Weekday) | (Self::Weekday, Self::Daily) => true,
            _ => self == other,
        }
    }

    /// Days within which runs are counted, how many make a rhythm, and days without one end it.
    pub(super) const fn rule(self) -> (u32, usize, u32) {
        match self {
            Self::Daily | Self::Weekday | Self::WorkingDay => (10, 5, 10),
            Self::Weekly(_) => (40, 3, 22),
            Self::DayOfMonth(_) | Self::Date(_) | Self::LastWorkingDay => (70, 2, 70),
        }
    }

    /// Whether a run is due on a day since 1970.
    pub(super) fn is_due(self, day: u32, calendar: &Calendar) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekday => !is_weekend(day.into()),
            Self::WorkingDay => !calendar.is_day_off(day.into()),
            Self::Weekly(weekday) => weekday_of(day) == weekday,
            Self::DayOfMonth(wanted) => {
                let mut about = day.saturating_sub(1)..=day + 1;
                about.any(|day| is_date(day, wanted))
                    || is_moved(day, wanted, calendar)
                    || wanted == MONTH_END && is_last_working_day(day, calendar)
            }
            Self::Date(wanted) => is_date(day, wanted),
            Self::LastWorkingDay => is_last_working_day(day, calendar),
        }
    }
}

/// Monday is 0; the epoch was a Thursday.
pub(super) const fn weekday_of(day: u32) -> u32 {
    (day + 3) % 7
}

/// Whether a day has this date, or is the last of a month without it.
fn is_date(day: u32, wanted: u32) -> bool {
    let date = day_of_month(day);
    date == wanted || date < wanted && day_of_month(day + 1) == 1
}

/// More days off in a row are no reason to move a run.
const DAYS_OFF_MAX: usize = 5;

/// Whether nothing but days off lies between a day and that date, which is one of them.
fn is_moved(day: u32, wanted: u32, calendar: &Calendar) -> bool {
    let is_off = |day: &u32| calendar.is_day_off(i64::from(*day));
    let mut later = (day + 1..).take(DAYS_OFF_MAX).take_while(is_off);
    let mut earlier = (0..day).rev().take(DAYS_OFF_MAX).take_while(is_off);
    later.any(|day| is_date(day, wanted)) || earlier.any(|day| is_date(day, wanted))
}

pub(super) fn day_of_month(day: u32) -> u32 {
    let (_, _, date) = civil_from_days(i64::from(day));
    u32::try_from(date).unwrap_or(0)
}

fn is_last_working_day(day: u32, calendar: &Calendar) -> bool {
    let month = |day: u32| civil_from_days(i64::from(day)).1;
    let mut later = (day + 1..).take_while(|later| month(*later) == month(day));
    let is_off = |day: u32| calendar.is_day_off(day.into());
    !is_off(day) && later.all(is_off)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::days_from_civil;

    #[test]
    fn a_monthly_run_moves_over_days_off_and_to_the_end_of_a_shorter_month() {
        let due = |wanted, month, date| {
            let day = days_from_civil(2026, month, date);
            let rhythm = Rhythm::DayOfMonth(wanted);
            rhythm.is_due(u32::try_from(day).unwrap(), &Calendar::default())
        };
        // 2026-01-25 is a Sunday, 2026-05-31 too.
        let january = [22, 23, 24, 25, 26, 27].map(|date| due(25, 1, date));
        assert_eq!(january, [false, true, true, true, true, false]);
        let may = [28, 29, 30, 31].map(|date| due(31, 5, date));
        assert_eq!(may, [false, true, true, true]);
        assert!(due(31, 6, 1), "the first of June follows a Sunday");
        // Nobody works in the last week.
        let holidays = (25..=31).map(|date| days_from_civil(2025, 12, date));
        let christmas = Calendar::new(holidays.collect());
        let eve = u32::try_from(days_from_civil(2025, 12, 24)).unwrap();
        assert!(Rhythm::DayOfMonth(31).is_due(eve, &christmas));
        let february = [26, 27, 28].map(|date| due(31, 2, date));
        assert_eq!(february, [false, true, true]);
    }

    #[test]
    fn declared_rhythms_follow_the_calendar_and_its_holidays() {
        let day = |month, date| u32::try_from(days_from_civil(2026, month, date)).unwrap();
        let christmas = Calendar::new(
            [12, 25, 28, 29, 30, 31]
                .map(|date| {
                    let month = if date == 12 { 11 } else { 12 };
                    days_from_civil(2026, month, date)
                })
                .into(),
        );
        let due = |rhythm: Rhythm, days: &[u32]| {
            let due = days.iter().map(|day| rhythm.is_due(*day, &christmas));
            due.collect::<Vec<_>>()
        };
        // 2026-12-24 is a Thursday; the five working days after it are holidays.
        let days = [day(12, 23), day(12, 24), day(12, 25), day(12, 31)];
        assert_eq!(due(Rhythm::WorkingDay, &days), [true, true, false, false]);
        assert_eq!(
            due(Rhythm::LastWorkingDay, &days),
            [false, true, false, false]
        );
        let ends = [day(11, 29), day(11, 30), day(12, 30), day(12, 31)];
        assert_eq!(due(Rhythm::Date(31), &ends), [false, true, false, true]);
        assert_eq!(due(Rhythm::Date(30), &ends), [false, true, true, false]);
    }
}
