//! The other detectors, as they are written elsewhere, but per event: each gives every event of an
//! account a score, and alarms where the score reaches its threshold.
//!
//! All of them see people as we do: different ones named, and one more for each record returned
//! without a name. They are favoured: they get the events in the order of their times, without
//! repeats, and the best threshold for the very worlds they are judged on.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rosterwatch::event::{DAY_MS, HOUR_MS};

use crate::windows::{History, Running, Sliding};

/// What one rival is.
pub(super) struct Rival {
    pub(super) name: &'static str,
    pub(super) rule: &'static str,
}

const fn rival(name: &'static str, rule: &'static str) -> Rival {
    Rival { name, rule }
}

/// The rivals, in the order of [`Scores`].
pub(super) const RIVALS: [Rival; 9] = [
    rival("random", "a score drawn at random for each event"),
    rival("3 min", "different people in the last 3 minutes"),
    rival("hour", "different people in the last hour"),
    rival("day", "different people in the last 24 hours"),
    rival(
        "z hour",
        "people so far in this clock hour: deviations above the mean of the account's hours with \
         any of the last 30 days, today left out",
    ),
    rival(
        "z day",
        "people so far this day: deviations above the mean of the account's days with any of the \
         last 30, today left out",
    ),
    rival(
        "x max hour",
        "people so far in this clock hour, as a multiple of the account's largest hour of the \
         last 30 days, today left out",
    ),
    rival(
        "x max day",
        "people so far this day, as a multiple of the account's largest day of the last 30, \
         today left out",
    ),
    rival(
        "ewma",
        "people so far in this clock hour: deviations above an exponentially weighted mean of \
         the same hour of the week (weight 0.3 a week, hours without any count as 0)",
    ),
];

/// The place of the detector whose threshold is given too.
pub(super) const THREE_MINUTES: usize = 1;

/// Its threshold as given.
pub(super) const FIXED: f64 = 25.0;

/// A score for each of [`RIVALS`]; nothing to say is 0.
pub(super) type Scores = [f64; RIVALS.len()];

/// Days with an event that an account's own history must have to say something.
const DAYS_MIN: usize = 5;
/// Weeks that an hour of the week must have.
const WEEKS_MIN: u32 = 2;
/// Weight of the newest week.
const WEIGHT: f64 = 0.3;

/// One account as the rivals see it.
pub(super) struct Account {
    sliding: [Sliding; 3],
    hour: Running,
    day: Running,
    at_hour: i64,
    hours: History,
    days: History,
    /// By hour of the week.
    week: [Cell; 7 * 24],
    random: ChaCha8Rng,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    weeks: u32,
    mean: f64,
    variance: f64,
}

impl Account {
    /// An account before its first event, at `time`.
    pub(super) fn new(seed: u64, time: i64) -> Self {
        Self {
            sliding: [180_000, HOUR_MS, DAY_MS].map(Sliding::new),
            hour: Running::default(),
            day: Running::default(),
            at_hour: time.div_euclid(HOUR_MS),
            hours: History::default(),
            days: History::default(),
            week: [Cell::default(); 7 * 24],
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Scores an event; `time` never runs backwards.
    pub(super) fn observe(&mut self, time: i64, people: &[u32], unnamed: u32) -> Scores {
        self.advance(time.div_euclid(HOUR_MS));
        let [minutes, hour, day] = &mut self.sliding;
        let sliding = [minutes, hour, day].map(|it| it.add(time, people, unnamed) as f64);
        let hour = self.hour.add(people, unnamed) as f64;
        let day = self.day.add(people, unnamed) as f64;
        let is_known = self.days.spans >= DAYS_MIN;
        let own = |score: f64| if is_known { score } else { 0.0 };
        let cell = self.week[cell_of(self.at_hour)];
        // Few weeks are often alike by chance: no hour is steadier than a Poisson count.
        let season = deviations(hour, cell.mean, cell.variance.max(cell.mean).sqrt());
        [
            1.0 / self.random.random_range(f64::EPSILON..1.0),
            sliding[0],
            sliding[1],
            sliding[2],
            own(deviations(hour, self.hours.mean, self.hours.deviation)),
            own(deviations(day, self.days.mean, self.days.deviation)),
            own(hour / self.hours.most.max(1.0)),
            own(day / self.days.most.max(1.0)),
            if cell.weeks >= WEEKS_MIN { season } else { 0.0 },
        ]
    }

    /// Ends the hours, and with them the days, before `hour`.
    fn advance(&mut self, hour: i64) {
        if hour == self.at_hour {
            return;
        }
        let day = self.at_hour.div_euclid(24);
        let mut people = self.hour.end();
        if people > 0 {
            self.hours.push(day, people);
        }
        for ended in self.at_hour..hour {
            self.week[cell_of(ended)].learn(people as f64);
            people = 0;
        }
        self.at_hour = hour;
        let today = hour.div_euclid(24);
        if today != day {
            let people = self.day.end();
            if people > 0 {
                self.days.push(day, people);
            }
            self.hours.settle(today);
            self.days.settle(today);
        }
    }
}

impl Cell {
    fn learn(&mut self, people: f64) {
        if self.weeks == 0 {
            self.mean = people;
        } else {
            let step = people - self.mean;
            self.mean += WEIGHT * step;
            self.variance = (1.0 - WEIGHT) * (self.variance + WEIGHT * step * step);
        }
        self.weeks += 1;
    }
}

/// Deviations above the mean; a deviation below one person is taken as one, or the first person
/// above a constant would be infinitely many.
fn deviations(count: f64, mean: f64, deviation: f64) -> f64 {
    (count - mean) / deviation.max(1.0)
}

fn cell_of(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(7 * 24)).unwrap_or(0)
}
