//! What persons of a supplier do all day: kinds of work that differ in what is usual about them.

use std::ops::Range;

use super::{ALL, DAYS, POPULATION, is_month_end};

/// A kind of supplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Clerks, light users and programs, with honest bursts.
    Clerks,
    /// Nurses in three shifts who read the patients of their ward.
    Ward,
    /// A call centre: many people a day, and every day the same.
    Calls,
    /// Work on cases, which are closed at a month's end.
    Cases,
    /// Three days of three times the work at a month's end.
    Payroll,
    /// Departments with a fortnight of four times the work.
    Campaigns,
    /// One day in seven with ten times the work.
    Duty,
}

/// How one person works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    /// People an hour.
    pub(super) mean: f64,
    /// Deviation of the logarithm over days.
    pub(super) day: f64,
    /// Shape of an hour's gamma.
    pub(super) shape: f64,
}

/// How the persons of a supplier work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crew {
    /// How many they are.
    pub(super) persons: usize,
    /// The median person, and the deviation of the logarithm over persons.
    pub(super) median: Person,
    pub(super) spread: f64,
}

impl Crew {
    /// Light users.
    pub(super) const LIGHT: Self = Self {
        persons: 60,
        median: Person {
            mean: 0.25,
            day: 0.4,
            shape: 0.6,
        },
        spread: 0.3,
    };
}

impl Kind {
    /// Whether there are light users and programs too.
    pub(super) fn is_mixed(self) -> bool {
        self == Self::Clerks
    }

    pub(super) fn crew(self) -> Crew {
        let crew = |persons, mean, spread, day, shape| Crew {
            persons,
            median: Person { mean, day, shape },
            spread,
        };
        match self {
            Self::Clerks => crew(280, 3.0, 0.8, 0.4, 1.5),
            Self::Ward => crew(60, 2.5, 0.3, 0.2, 2.0),
            Self::Calls => crew(60, 9.0, 0.15, 0.1, 5.0),
            Self::Cases => crew(60, 3.0, 0.5, 0.4, 1.0),
            Self::Payroll => crew(40, 4.0, 0.4, 0.3, 2.0),
            Self::Campaigns => crew(60, 2.0, 0.5, 0.3, 1.5),
            Self::Duty => crew(60, 2.0, 0.5, 0.4, 1.5),
        }
    }

    /// The role of a person.
    pub(super) fn role(self, person: usize) -> &'static str {
        match self {
            Self::Campaigns => ["clerk-1", "clerk-2", "clerk-3", "clerk-4"][person % 4],
            _ => "clerk",
        }
    }

    /// The hours of a `day` in which a person is there, from its midnight on.
    pub(super) fn hours(self, person: usize, day: i64) -> Range<i64> {
        match self {
            Self::Ward => {
                let person = i64::try_from(person).unwrap_or(0);
                // Two days off, moving by one a week; another shift each week.
                if (day + day / 7 + person).rem_euclid(7) >= 5 {
                    return 0..0;
                }
                let start = 6 + 8 * (day / 7 + person).rem_euclid(3);
                start..start + 8
            }
            Self::Calls if day % 7 == 5 && (person + whole(day / 7)).is_multiple_of(3) => 9..13,
            _ if day % 7 >= 5 => 0..0,
            _ => 8..16,
        }
    }

    /// How many times as much as usual is read on a `day`; `chance` is a draw from 0 to 1 for the
    /// person and the day.
    pub(super) fn times(self, person: usize, day: i64, chance: f64) -> f64 {
        match self {
            Self::Cases if is_last_working(day, 2) => 3.0,
            Self::Payroll if is_last_working(day, 3) => 3.0,
            Self::Campaigns => {
                // Four departments, each with a fortnight before the thefts and one among them.
                let department = i64::try_from(person % 4).unwrap_or(0);
                let starts = [7 * (1 + department), DAYS.0 + 14 * department];
                if starts.iter().any(|start| (0..14).contains(&(day - start))) {
                    4.0
                } else {
                    1.0
                }
            }
            Self::Duty if chance < 1.0 / 7.0 => 10.0,
            _ => 1.0,
        }
    }

    /// Whom a person may read on a `day`: the place of the first, and how many.
    pub(super) fn people(self, person: usize, day: i64) -> (u32, u32) {
        let person = u32::try_from(person).unwrap_or(0);
        let day = u32::try_from(day).unwrap_or(0);
        match self {
            // Four wards of 40 beds, four of which change a day.
            Self::Ward => (person % 4 * POPULATION / 4 + 4 * day, 40),
            // Sixty cases each, three of which change a day.
            Self::Cases => (person * POPULATION / 60 + 3 * day, 60),
            _ => ALL,
        }
    }
}

/// Whether a working day is among the last of its month.
fn is_last_working(day: i64, last: usize) -> bool {
    let Some(end) = (day..day + 7).find(|day| is_month_end(*day)) else {
        return false;
    };
    (day..=end).filter(|day| day % 7 < 5).count() <= last
}

fn whole(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
