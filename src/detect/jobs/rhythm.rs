//! The days on which a job comes back.

use crate::{detect::season::Calendar, event::civil_from_days};

/// When a job comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// Every day.
    Daily,
    /// Every day that the supplier works on; is declared alone.
    WorkingDay,
    /// Every so-manieth day of the week, Monday being 0.
    Weekly(u32),
    /// About this day of the month, as it is learned: a day before or after it too.
    DayOfMonth(u32),
    /// On this very day of the month, or in a shorter month on its last; is declared alone.
    Date(u32),
    /// On the last day of the month that the supplier works on.
    LastWorkingDay,
}

impl Rhythm {
    /// Days within which runs are counted, how many make a rhythm, and days without one end it.
    pub(super) const fn rule(self) -> (u32, usize, u32) {
        match self {
            Self::Daily | Self::WorkingDay => (10, 5, 10),
            Self::Weekly(_) => (40, 3, 22),
            Self::DayOfMonth(_) | Self::Date(_) | Self::LastWorkingDay => (70, 2, 70),
        }
    }

    /// Whether a run is due on a day since 1970.
    pub(super) fn is_due(self, day: u32, calendar: &Calendar) -> bool {
        match self {
            Self::Daily => true,
            Self::WorkingDay => !calendar.is_day_off(day.into()),
            Self::Weekly(weekday) => weekday_of(day) == weekday,
            Self::DayOfMonth(wanted) => day_of_month(day).abs_diff(wanted) <= 1,
            Self::Date(wanted) => {
                let date = day_of_month(day);
                date == wanted || date < wanted && day_of_month(day + 1) == 1
            }
            Self::LastWorkingDay => is_last_working_day(day, calendar),
        }
    }
}

/// Monday is 0; the epoch was a Thursday.
pub(super) const fn weekday_of(day: u32) -> u32 {
    (day + 3) % 7
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
