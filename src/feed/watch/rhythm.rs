//! When a supplier's log usually has events, and how long a time without any is implausible.
//!
//! Time is measured in *usual minutes*: minutes that have an event in all but the worst of the last
//! weeks at that hour of the week. A night or a weekend that is always quiet adds none, so its
//! length does not matter. Minutes rather than events: a batch of ten thousand tells no more about
//! whether the feed lives than one event does.

use std::collections::VecDeque;

use crate::detect::season::Calendar;
use crate::event::{DAY_MS, HOUR_MS, Timestamp};

/// Weeks that are remembered of each hour of the week. Once they have all been seen, the worst one is
/// left out: an outage or a day off says nothing about what is usual.
const WEEKS: usize = 8;
/// The same in milliseconds.
const MEMORY_MS: i64 = WEEKS.cast_signed() as i64 * 7 * DAY_MS;
/// Weeks that must have been seen of each hour.
const WEEKS_KNOWN: usize = 2;
/// Days whose longest time without events is remembered.
const DAYS: usize = 56;
/// Such days that must have been seen.
const DAYS_KNOWN: usize = 7;
/// A silence is implausible where history shows one so long in as many days: once a year.
const DAYS_BETWEEN_FALSE: f64 = 365.0;

/// How finely a rhythm looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// By hour of the week. An hour counts for as little as its neighbours do, because clocks are
    /// changed and people come later, and passes minute by minute.
    Hour,
    /// By day of the week, for suppliers that have only some events a day. A day counts once it
    /// has passed whole.
    Day,
}

/// Usual minutes by hour or day of the week, and the longest times without events.
#[derive(Debug)]
pub(super) struct Rhythm {
    grain: Grain,
    /// Nothing is awaited on a declared holiday, and the hours of the week are its clock's.
    calendar: Calendar,
    slots: Vec<Slot>,
    /// Usual minutes of each slot in force.
    usual: Vec<f64>,
    /// The slot (since 1970) that is being counted, and its minutes so far; whether it began before
    /// the log did.
    counting: Option<(i64, u16, bool)>,
    /// The day (since 1970) being counted, whether it had usual minutes when it began, and the
    /// longest time without events that ended in it, in usual minutes.
    day: (i64, bool, f64),
    /// The same of days before.
    longest: VecDeque<f64>,
    /// Usual minutes from which a silence is implausible.
    limit: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    minutes: [u16; WEEKS],
    /// Weeks seen, at most as many as are remembered.
    seen: usize,
    next: usize,
}

impl Slot {
    fn learn(&mut self, minutes: u16) {
        self.minutes[self.next] = minutes;
        self.next = (self.next + 1) % WEEKS;
        self.seen = (self.seen + 1).min(WEEKS);
    }

    /// What all weeks but the worst reached; nothing while few were seen.
    fn usual(&self) -> Option<u16> {
        let mut weeks = self.minutes;
        let weeks = &mut weeks[..self.seen];
        weeks.sort_unstable();
        let forgiven = usize::from(self.seen == WEEKS);
        (self.seen >= WEEKS_KNOWN).then(|| weeks[forgiven])
    }
}

impl Rhythm {
    pub(super) fn new(grain: Grain, calendar: Calendar) -> Self {
        let slots = match grain {
            Grain::Hour => 168,
            Grain::Day => 7,
        };
        Self {
            grain,
            calendar,
            slots: vec![Slot::default(); slots],
            usual: vec![0.0; slots],
            counting: None,
            day: (i64::MIN, false, 0.0),
            longest: VecDeque::new(),
            limit: None,
        }
    }

    const fn slot_ms(&self) -> i64 {
        match self.grain {
            Grain::Hour => HOUR_MS,
            Grain::Day => DAY_MS,
        }
    }

    /// Takes in a minute with events, the first after `before`; minutes come in order. Gives back
    /// the usual minutes that passed between them where that is implausible.
    pub(super) fn pass(&mut self, before: Option<Timestamp>, minute: Timestamp) -> Option<f64> {
        let silence = before.map(|before| self.between(before, minute));
        let implausible = silence.filter(|silence| self.limit.is_some_and(|it| *silence >= it));
        self.count(minute);
        let day = minute.as_millis().div_euclid(DAY_MS);
        if day != self.day.0 {
            self.end_day();
            self.day = (day, self.has_usual(day), 0.0);
        }
        // What alarms teaches no more than what nearly does.
        let silence = silence
            .unwrap_or(0.0)
            .min(self.limit.unwrap_or(f64::INFINITY));
        self.day.2 = self.day.2.max(silence);
        implausible
    }

    /// Usual minutes from the end of the minute `from` to `to`.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> f64 {
        let slot_ms = self.slot_ms();
        let mut at = from.as_millis() + MINUTE_MS;
        // A silence of weeks is implausible long before its end.
        let to = to.as_millis().min(at + MEMORY_MS);
        let mut minutes = 0.0;
        while at < to {
            let slot = at.div_euclid(slot_ms);
            let end = (slot + 1) * slot_ms;
            let share = (end.min(to) - at) as f64 / slot_ms as f64;
            let is_holiday = self.calendar.is_holiday(self.date_of(slot));
            if !is_holiday && (self.grain == Grain::Hour || share >= 1.0) {
                minutes += share * self.usual_around(slot);
            }
            at = end;
        }
        minutes
    }

    /// Usual minutes from which a silence is implausible; nothing until the rhythm is known.
    pub(super) const fn limit(&self) -> Option<f64> {
        self.limit
    }

    fn usual_around(&self, slot: i64) -> f64 {
        let of = |slot: i64| self.usual[self.place(slot)];
        match self.grain {
            Grain::Hour => of(slot - 1).min(of(slot)).min(of(slot + 1)),
            Grain::Day => of(slot),
        }
    }

    /// Counts a minute in its slot, and learns the slots that are over by it.
    fn count(&mut self, minute: Timestamp) {
        let slot = minute.as_millis().div_euclid(self.slot_ms());
        match &mut self.counting {
            Some((counting, minutes, _)) if *counting == slot => *minutes += 1,
            counting => {
                let over = counting.replace((slot, 1, counting.is_none()));
                let Some((over, minutes, is_cut)) = over else {
                    return;
                };
                if !is_cut {
                    self.learn(over, minutes);
                }
                // After as many weeks as are remembered nothing new is learned from silence.
                let weeks = (WEEKS * self.slots.len()).cast_signed() as i64;
                for empty in (over + 1).max(slot - weeks)..slot {
                    self.learn(empty, 0);
                }
            }
        }
    }

    fn learn(&mut self, slot: i64, minutes: u16) {
        let place = self.place(slot);
        self.slots[place].learn(minutes);
        self.usual[place] = self.slots[place].usual().map_or(0.0, f64::from);
    }

    /// The date of a slot by the supplier's clock.
    fn date_of(&self, slot: i64) -> i64 {
        match self.grain {
            Grain::Hour => self.calendar.wall_hour(slot).div_euclid(24),
            Grain::Day => self.calendar.date_of(slot),
        }
    }

    /// The place of a slot in the week: hours are those of the supplier's clock.
    fn place(&self, slot: i64) -> usize {
        let shown = match self.grain {
            Grain::Hour => self.calendar.wall_hour(slot),
            Grain::Day => slot,
        };
        let slots = self.slots.len().cast_signed() as i64;
        usize::try_from(shown.rem_euclid(slots)).unwrap_or(0)
    }

    fn has_usual(&self, day: i64) -> bool {
        let slots = match self.grain {
            Grain::Hour => 24 * day..24 * (day + 1),
            Grain::Day => day..day + 1,
        };
        slots.map(|slot| self.usual_around(slot)).sum::<f64>() >= 1.0
    }

    /// Takes the day's longest time without events into account.
    fn end_day(&mut self) {
        let (_, has_usual, longest) = self.day;
        if !has_usual {
            return;
        }
        self.longest.truncate(DAYS - 1);
        self.longest.push_front(longest);
        if self.longest.len() >= DAYS_KNOWN {
            self.limit = Some(limit(self.longest.iter().copied()));
        }
    }
}

/// The length that days' longest silences pass once in [`DAYS_BETWEEN_FALSE`] days.
///
/// Above their median they are taken to fall off exponentially, never faster than minutes of a
/// Poisson process would. Of `count` excesses that sum up to `sum`, the next one passes `x` with
/// the probability `(1 + x / sum)^-count`: the fewer days have been seen, the longer the tail
/// (the predictive distribution of an exponential of unknown mean).
fn limit(longest: impl Iterator<Item = f64>) -> f64 {
    let mut longest: Vec<f64> = longest.collect();
    longest.sort_unstable_by(f64::total_cmp);
    let days = longest.len() as f64;
    let median = longest[longest.len() / 2];
    let excesses = longest.iter().map(|it| it - median).filter(|it| *it > 0.0);
    let (count, sum) = excesses.fold((0.0_f64, 0.0), |(count, sum), it| (count + 1.0, sum + it));
    // Without any excess the mean is Poisson's, as sure as the days make it.
    let (count, share) = if count == 0.0 {
        (days, 1.0)
    } else {
        (count, count / days)
    };
    let sum = f64::max(sum, count);
    median + sum * ((DAYS_BETWEEN_FALSE * share).powf(1.0 / count) - 1.0)
}

/// Milliseconds of a minute.
pub(super) const MINUTE_MS: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::zone::Zone;

    #[test]
    fn the_limit_is_what_the_longest_silences_pass_once_a_year() {
        // A median of 2, and three of nine above it by 3 in the mean: nine times the root.
        let longest = [0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 3.0, 5.0, 7.0];
        let expected = 2.0 + 9.0 * ((365.0_f64 / 3.0).cbrt() - 1.0);
        assert!((limit(longest.into_iter()) - expected).abs() < 1e-9);
    }

    #[test]
    fn the_more_days_were_seen_the_closer_the_limit_is_to_the_tail_itself() {
        let of = |days: usize| limit([1.0, 4.0].into_iter().cycle().take(days));
        let [few, more, many] = [of(8), of(24), of(56)];
        let itself = 365.0_f64.ln();
        assert!(
            few > more && more > many && many > itself,
            "{few} {more} {many}"
        );
    }

    #[test]
    fn the_usual_hours_are_those_of_the_wall() {
        // An hour ahead until the ninth week; at work from 09:00 to 18:00 by the wall.
        let change = Timestamp::from_millis(56 * DAY_MS);
        let zone = Zone::new(HOUR_MS, vec![(change, 0)]);
        let usual = |calendar: Calendar| {
            let mut rhythm = Rhythm::new(Grain::Hour, calendar);
            for minute in (0..56 * 24 * 60).filter(|it| (8..17).contains(&(it / 60 % 24))) {
                rhythm.count(Timestamp::from_millis(minute * MINUTE_MS));
            }
            rhythm.between(
                change.plus_millis(16 * HOUR_MS),
                change.plus_millis(17 * HOUR_MS),
            )
        };
        assert!(usual(Calendar::default().under(zone)) > 50.0);
        assert!(
            usual(Calendar::default()) < 1.0,
            "17:00 of the summer is idle"
        );
    }

    #[test]
    fn the_worst_week_is_forgiven_once_all_are_seen() {
        let mut slot = Slot::default();
        assert_eq!(slot.usual(), None);
        for (minutes, usual) in [(50, None), (0, Some(0)), (40, Some(0)), (45, Some(0))] {
            slot.learn(minutes);
            assert_eq!(slot.usual(), usual);
        }
        (0..4).for_each(|_| slot.learn(48));
        assert_eq!(slot.usual(), Some(40));
    }
}
