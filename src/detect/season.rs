//! When an account works: how probably it is active in each hour of a weekday and of a weekend day, and
//! how much it reads then.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    detect::{
        pane::{PANE_MS, pane_of, pane_start},
        zone::Zone,
    },
    event::{HOUR_MS, Timestamp},
};

/// Hours of a weekday, then of a weekend day or a holiday, by the supplier's clock.
pub const SLOTS: usize = 48;

/// Days after which what was seen counts half. Twice the counts' own, since a slot is seen once a
/// day at most.
const HALF_LIFE_DAYS: f64 = 28.0;
/// Days of the peers' rhythm that every account starts with (reference: shrinking a seasonal index
/// to its group with a weight of six observations).
const PEER_DAYS: f64 = 6.0;
/// Days of silence that are counted one by one; longer silence counts as this long.
const CATCH_UP_DAYS_MAX: i64 = 90;

/// Which days a supplier works on, all but Saturdays, Sundays and its declared holidays, and which
/// hour its clock shows.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// Nothing where no holiday is declared and its clock shows UTC. Shared, for every account and
    /// all that is expected of it holds one.
    rules: Option<Arc<Rules>>,
}

#[derive(Debug)]
struct Rules {
    /// Dates as days since 1970.
    holidays: BTreeSet<i64>,
    zone: Zone,
}

impl Calendar {
    /// A calendar with these holidays, in days since 1970.
    pub fn new(holidays: BTreeSet<i64>) -> Self {
        Self::of(holidays, Zone::default())
    }

    /// The same under a clock of another zone than UTC.
    #[must_use]
    pub fn under(self, zone: Zone) -> Self {
        let holidays = self.rules.map(|rules| rules.holidays.clone());
        Self::of(holidays.unwrap_or_default(), zone)
    }

    fn of(holidays: BTreeSet<i64>, zone: Zone) -> Self {
        let is_plain = holidays.is_empty() && zone == Zone::default();
        Self {
            rules: (!is_plain).then(|| Arc::new(Rules { holidays, zone })),
        }
    }

    fn zone(&self) -> Option<&Zone> {
        self.rules.as_ref().map(|rules| &rules.zone)
    }

    /// Whether nobody is expected at work on a date, as days since 1970.
    pub fn is_day_off(&self, date: i64) -> bool {
        is_weekend(date) || self.is_holiday(date)
    }

    /// The hour since 1970 that the clock shows when an hour of UTC begins.
    pub fn wall_hour(&self, hour: i64) -> i64 {
        self.zone().map_or(hour, |zone| {
            let start = hour * HOUR_MS;
            (start + zone.ahead_ms(Timestamp::from_millis(start))).div_euclid(HOUR_MS)
        })
    }

    /// The date, as days since 1970, that most of a UTC day has by the clock: that of its noon.
    pub fn date_of(&self, day: i64) -> i64 {
        self.wall_hour(day * 24 + 12).div_euclid(24)
    }

    /// The pane, counted as by a clock that is never changed, that the clock shows at a pane.
    pub fn wall_pane(&self, pane: u32) -> u32 {
        self.zone().map_or(pane, |zone| {
            let start = pane_start(pane);
            pane_of(start.plus_millis(zone.ahead_ms(start)))
        })
    }

    /// The first and the last pane at which the clock shows the panes of `wall`, both included. In
    /// an hour that the clock skips they are an hour before and after it too.
    pub fn panes(&self, wall: (u32, u32)) -> (u32, u32) {
        let Some(zone) = self.zone() else {
            return wall;
        };
        let moments = |pane: u32| zone.moments(i64::from(pane) * PANE_MS);
        let ([from, _], [_, to]) = (moments(wall.0), moments(wall.1));
        (pane_of(from), pane_of(to))
    }

    /// Whether a date, as days since 1970, was declared a holiday.
    pub fn is_holiday(&self, date: i64) -> bool {
        let rules = self.rules.as_ref();
        rules.is_some_and(|rules| rules.holidays.contains(&date))
    }

    /// The slot of the hour that holds `time`.
    pub fn slot_of(&self, time: Timestamp) -> usize {
        let hour = self.wall_hour(time.as_millis().div_euclid(HOUR_MS));
        let is_off = self.is_day_off(hour.div_euclid(24));
        usize::try_from(hour.rem_euclid(24)).unwrap_or(0) + if is_off { 24 } else { 0 }
    }

    /// The slot of an hour since 1970.
    pub fn slot_of_hour(&self, hour: u32) -> usize {
        self.slot_of(Timestamp::from_millis(i64::from(hour) * HOUR_MS))
    }
}

/// Whether a day since 1970-01-01, a Thursday, is a Saturday or a Sunday.
pub fn is_weekend(day: i64) -> bool {
    matches!((day + 4).rem_euclid(7), 0 | 6)
}

/// What was seen of one slot.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Days active in it.
    days: f32,
    /// The sum of the highest counts of people on them, and that of their squares.
    people: f32,
    squares: f32,
}

impl Seen {
    fn mean(self) -> f64 {
        f64::from(self.people) / f64::from(self.days).max(f64::MIN_POSITIVE)
    }
}

/// Which hours an account was active in, old days counting less.
#[derive(Clone, Debug, Default)]
pub struct Season {
    /// Slots in which it was active, a bit each.
    slots: u64,
    /// What was seen of each of those, rising.
    seen: Vec<Seen>,
    /// Weekdays and weekend days seen.
    pub days: [f32; 2],
    /// Which is which.
    pub calendar: Calendar,
    last_day: Option<i64>,
}

impl Season {
    /// An account that was never active, under a calendar.
    pub fn of(calendar: Calendar) -> Self {
        Self {
            calendar,
            ..Self::default()
        }
    }

    /// Takes a UTC day (since 1970) with its active slots and the people read in each into account, and
    /// the idle days before it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a factor below 1, and a count of people"
    )]
    pub fn learn(&mut self, day: i64, active: impl Iterator<Item = (usize, f64)>) {
        let first = self.last_day.map_or(day, |last| last + 1);
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE_DAYS) as f32;
        for passed in first.max(day - CATCH_UP_DAYS_MAX)..=day {
            let date = self.calendar.date_of(passed);
            let kind = usize::from(self.calendar.is_day_off(date));
            self.days[kind] = self.days[kind] * keep + 1.0;
            let of_kind = self.place(kind * 24)..self.place(kind * 24 + 24);
            for seen in &mut self.seen[of_kind] {
                seen.days *= keep;
                seen.people *= keep;
                seen.squares *= keep;
            }
        }
        for (slot, people) in active {
            let place = self.place(slot);
            if !self.has(slot) {
                self.slots |= 1 << slot;
                self.seen.reserve_exact(1);
                self.seen.insert(place, Seen::default());
            }
            self.seen[place].days += 1.0;
            self.seen[place].people += people as f32;
            self.seen[place].squares += (people * people) as f32;
        }
        self.last_day = Some(day);
    }

    /// Forgets how much was read in each hour.
    pub fn begin_anew(&mut self) {
        for seen in &mut self.seen {
            (seen.people, seen.squares) = (seen.days, seen.days);
        }
    }

    /// Lets a day pass that says nothing, where it follows on the last.
    pub fn skip(&mut self, day: i64) {
        self.last_day = self
            .last_day
            .map(|last| if last + 1 == day { day } else { last });
    }

    /// How probably the account is active in `slot`, shrunk to its peers' probability.
    pub fn probability(&self, slot: usize, peers: f64) -> f64 {
        let days = f64::from(self.days[slot / 24]);
        (f64::from(self.seen_in(slot).days) + PEER_DAYS * peers) / (days + PEER_DAYS)
    }

    /// How many times its usual the account reads in each slot in which it is active: once, as far as the
    /// slots' means differ by no more than their days make them (Bühlmann and Straub 1970, the
    /// credibility of unequally known means).
    pub fn paces(&self) -> [f64; SLOTS] {
        let sum = |of: &dyn Fn(&Seen) -> f64| self.seen.iter().map(of).sum::<f64>();
        let days = sum(&|seen| f64::from(seen.days));
        let usual = sum(&|seen| f64::from(seen.people)) / days;
        let squares = sum(&|seen| f64::from(seen.squares));
        let explained = sum(&|seen| f64::from(seen.people) * seen.mean());
        // One that is hardly remembered is none to be told apart.
        let slots = sum(&|seen| f64::from(seen.days).min(1.0));
        let freedom = days - slots;
        let spread = days - sum(&|seen| f64::from(seen.days).powi(2)) / days;
        if freedom <= 0.0 || spread <= 0.0 {
            return [1.0; SLOTS];
        }
        // Of one day about its slot's mean, and of the slots' means.
        let within = (squares - explained).max(0.0) / freedom;
        let apart = explained - usual * usual * days;
        let between = (apart - (slots - 1.0) * within) / spread;
        if between <= 0.0 {
            return [1.0; SLOTS];
        }
        std::array::from_fn(|slot| {
            let seen = self.seen_in(slot);
            if seen.days <= 0.0 {
                return 1.0;
            }
            let days = f64::from(seen.days);
            let known = days / (days + within / between);
            1.0 + known * (seen.mean() / usual - 1.0)
        })
    }

    /// Days active in each slot.
    pub fn active(&self) -> impl Iterator<Item = f32> {
        (0..SLOTS).map(|slot| self.seen_in(slot).days)
    }

    fn seen_in(&self, slot: usize) -> Seen {
        if self.has(slot) {
            self.seen[self.place(slot)]
        } else {
            Seen::default()
        }
    }

    const fn has(&self, slot: usize) -> bool {
        self.slots >> slot & 1 == 1
    }

    /// Where the days of a slot are, or would be.
    const fn place(&self, slot: usize) -> usize {
        (self.slots & ((1 << slot) - 1)).count_ones() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DAY_MS;

    #[test]
    fn slots_follow_the_calendar() {
        // 2026-11-21 was a Saturday.
        let saturday = Timestamp::from_millis(1_795_219_200_000);
        assert_eq!(saturday.to_string(), "2026-11-21T00:00:00.000Z");
        let slot_of = |time| Calendar::default().slot_of(time);
        assert_eq!(slot_of(saturday), 24);
        assert_eq!(slot_of(saturday.plus_millis(-1)), 23);
        let monday = saturday.plus_millis(2 * DAY_MS + 9 * HOUR_MS);
        assert_eq!(slot_of(monday), 9);
        let holiday = Calendar::new([monday.as_millis() / DAY_MS].into());
        assert_eq!(holiday.slot_of(monday), 33);
    }

    #[test]
    fn slots_are_those_of_the_clock_on_the_wall() {
        let saturday = Timestamp::from_millis(1_795_219_200_000);
        let slot = |ahead_ms, time: Timestamp| {
            let calendar = Calendar::default().under(Zone::new(ahead_ms, Vec::new()));
            calendar.slot_of(time)
        };
        let minutes = |minutes: i64| saturday.plus_millis(minutes * 60_000);
        assert_eq!(slot(9 * HOUR_MS, minutes(-540)), 24, "midnight in Tokyo");
        assert_eq!(
            slot(-5 * HOUR_MS, minutes(0)),
            19,
            "Friday evening in New York"
        );
        // In India the UTC hour of 18:00 begins at half past eleven at night.
        let india = 11 * HOUR_MS / 2;
        assert_eq!(
            [minutes(-360), minutes(-301)].map(|at| slot(india, at)),
            [23; 2]
        );
        assert_eq!(slot(india, minutes(-300)), 24);
    }

    #[test]
    fn a_utc_day_is_the_date_of_its_noon() {
        let date = |hours| {
            let zone = Zone::new(hours * HOUR_MS, Vec::new());
            Calendar::default().under(zone).date_of(20_000)
        };
        assert_eq!(
            [-11, 0, 11, 12, 13].map(date),
            [20_000, 20_000, 20_000, 20_001, 20_001]
        );
    }

    #[test]
    fn an_hour_worked_daily_is_likely_and_a_night_is_not() {
        let mut season = Season::default();
        let monday = 20_780;
        assert!(!is_weekend(monday));
        for day in (0..28).filter(|day| !is_weekend(monday + day)) {
            season.learn(monday + day, (8..17).map(|slot| (slot, 5.0)));
        }
        assert!(season.probability(10, 0.5) > 0.8);
        assert!(season.probability(3, 0.02) < 0.02);
    }

    #[test]
    fn an_hour_s_pace_is_its_own_once_it_is_known() {
        let mut season = Season::default();
        let is_once = |pace: f64| (pace - 1.0).abs() < 1e-9;
        assert!(season.paces().into_iter().all(is_once));
        for day in 0..42_i64 {
            let chance = (day * 7 % 11) as f64;
            let people = |hour| if (8..17).contains(&hour) { 200.0 } else { 20.0 };
            let people = |hour| people(hour) + chance;
            season.learn(20_780 + day, (0..24).map(|hour| (hour, people(hour))));
        }
        let paces = season.paces();
        assert!(paces[3] < 0.4 && paces[10] > 2.0, "{paces:?}");
    }

    #[test]
    fn one_day_of_an_hour_says_little_of_the_others() {
        let work = |season: &mut Season| {
            for day in 0..42_i64 {
                let slots = (8..17_u8).map(|hour| (usize::from(hour), 50.0));
                season.learn(20_780 + day, slots);
            }
        };
        let (mut plain, mut once) = (Season::default(), Season::default());
        work(&mut plain);
        once.learn(20_680, [(3, 40.0)].into_iter());
        work(&mut once);
        let (plain, once) = (plain.paces()[10], once.paces()[10]);
        assert!((plain - once).abs() < 0.01, "{plain} {once}");
    }

    #[test]
    fn what_was_a_job_s_leaves_no_pace() {
        let mut season = Season::default();
        for day in 0..42_i64 {
            let people = |hour| if hour == 2 { 900.0 } else { 20.0 };
            season.learn(20_780 + day, (0..12).map(|hour| (hour, people(hour))));
        }
        assert!(season.paces()[2] > 5.0);
        season.begin_anew();
        let is_once = |pace: f64| (pace - 1.0).abs() < 1e-9;
        assert!(season.paces().into_iter().all(is_once));
    }

    #[test]
    fn hours_that_differ_by_chance_are_of_one_pace() {
        let mut season = Season::default();
        for day in 0..42_i64 {
            let people = |hour: i64| (4 + (day * 17 + hour * 13) % 32) as f64;
            let slots = (9..16_u8).map(|hour| (usize::from(hour), people(hour.into())));
            season.learn(20_780 + day, slots);
        }
        let paces = season.paces();
        assert!(
            paces.iter().all(|pace| (0.9..1.1).contains(pace)),
            "{paces:?}"
        );
    }

    #[test]
    fn days_off_lower_what_is_expected() {
        let mut season = Season::default();
        for day in 0..10 {
            season.learn(20_780 + day * 7, (8..17).map(|slot| (slot, 5.0)));
        }
        assert!(season.probability(10, 0.2) < 0.4, "one day of five");
    }
}
