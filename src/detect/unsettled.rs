//! The days of one account that the watermark has not passed: the highest count that each window
//! reached in them, kept as events come and counted anew where one fell behind.

use crate::detect::{
    baseline::{Maxima, STATS, stat},
    ledger::{Ledger, Scratch},
    pane::{PANES_PER_DAY, PANES_PER_HOUR},
    window::{Signal, Window},
};

/// Blocks kept at most: hours of the days that the watermark has not passed, and of future-dated
/// events beside.
const BLOCKS_MAX: usize = 256;

/// The highest counts of the windows that ended in one hour.
#[derive(Clone, Copy, Debug, Default)]
pub struct HourBlock {
    /// The hour, since 1970.
    pub hour: u32,
    /// By [`stat`].
    pub max: Maxima,
}

/// What is known of one day.
#[derive(Clone, Copy, Debug)]
struct DayBlock {
    day: u32,
    max: Maxima,
    /// The tests that crossed in it, a bit each.
    alarms: u16,
    /// Whether an event fell behind, so that the maxima must be counted anew.
    stale: bool,
}

/// A day that is complete.
#[derive(Clone, Debug)]
pub struct Day {
    /// The highest counts of the windows that ended in it.
    pub max: Maxima,
    /// The same by hour, rising.
    pub hours: Vec<HourBlock>,
    /// The tests that crossed in it, a bit each.
    pub alarms: u16,
}

/// One account's unsettled days.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    /// The hour of the newest event, the last of all; 0 where it is among `hours`.
    ///
    /// It is raised at every event, and lies here so that this touches no other place in memory.
    current: HourBlock,
    hours: Vec<HourBlock>,
    days: Vec<DayBlock>,
}

impl Unsettled {
    /// Takes the windows that end at the newest pane into the maxima of its hour and day, unless
    /// the day is `settled`. Says whether a day was begun.
    pub fn note_newest(&mut self, ledger: &Ledger, settled: Option<u32>) -> bool {
        let Some(pane) = ledger.newest() else {
            return false;
        };
        let day = pane / PANES_PER_DAY;
        if settled.is_some_and(|settled| day <= settled) {
            return false;
        }
        let hour = pane / PANES_PER_HOUR;
        let mut begun = false;
        if self.current.hour != hour {
            self.keep_current();
            if self.hours.last().is_none_or(|block| block.hour != hour) {
                if self.hours.len() >= BLOCKS_MAX {
                    return false;
                }
                self.hours.push(HourBlock {
                    hour,
                    max: [0; STATS],
                });
            }
            begun = self.days.iter().all(|block| block.day != day);
            self.day_mut(day);
            self.current = self.hours.pop().unwrap_or_default();
        }
        raise(&mut self.current.max, ledger);
        begun
    }

    /// Notes that an event fell into an older `pane`. Says whether it began a day.
    pub fn note_behind(&mut self, pane: u32, settled: Option<u32>) -> bool {
        let day = pane / PANES_PER_DAY;
        for block in &mut self.days {
            // A day's windows reach into the day after.
            block.stale |= block.day == day || block.day == day + 1;
        }
        let open = settled.is_none_or(|settled| day > settled);
        if !open || self.days.iter().any(|block| block.day == day) || self.days.len() >= BLOCKS_MAX
        {
            return false;
        }
        self.day_mut(day).stale = true;
        true
    }

    /// Notes that tests crossed at `pane`, a bit each.
    pub fn note_alarm(&mut self, pane: u32, crossed: u16) {
        let day = pane / PANES_PER_DAY;
        for block in &mut self.days {
            if block.day == day {
                block.alarms |= crossed;
            }
        }
    }

    /// The maxima of `day` as they stand now, counted anew where an event fell behind; nothing
    /// where the account was not active in it.
    pub fn refresh(&mut self, day: u32, ledger: &Ledger, scratch: &mut Scratch) -> Option<&Maxima> {
        let at = self.days.iter().position(|block| block.day == day)?;
        self.keep_current();
        if self.days[at].stale {
            let (max, hours) = count_day(ledger, day, scratch);
            self.hours.retain(|block| block.hour / 24 != day);
            self.hours.extend(hours);
            self.days[at].max = max;
            self.days[at].stale = false;
        } else {
            let whole = &mut self.days[at].max;
            for block in self.hours.iter().filter(|block| block.hour / 24 == day) {
                for (max, hour) in whole.iter_mut().zip(block.max) {
                    *max = hour.max(*max);
                }
            }
        }
        Some(&self.days[at].max)
    }

    /// Takes `day` out, which was refreshed.
    pub fn take(&mut self, day: u32) -> Option<Day> {
        let at = self.days.iter().position(|block| block.day == day)?;
        let block = self.days.swap_remove(at);
        debug_assert!(!block.stale, "a day is refreshed before it is taken");
        let of_day = |block: &HourBlock| block.hour / 24 == day;
        let mut hours: Vec<_> = self.hours.iter().copied().filter(of_day).collect();
        self.hours.retain(|block| !of_day(block));
        hours.sort_unstable_by_key(|block| block.hour);
        Some(Day {
            max: block.max,
            hours,
            alarms: block.alarms,
        })
    }

    /// Puts the current hour where the others are.
    fn keep_current(&mut self) {
        if self.current.hour != 0 {
            self.hours.push(std::mem::take(&mut self.current));
        }
    }

    fn day_mut(&mut self, day: u32) -> &mut DayBlock {
        let at = self.days.iter().position(|block| block.day == day);
        let at = at.unwrap_or_else(|| {
            self.days.push(DayBlock {
                day,
                max: [0; STATS],
                alarms: 0,
                stale: false,
            });
            self.days.len() - 1
        });
        &mut self.days[at]
    }
}

/// The maxima of a day and of its hours, counted from the panes.
fn count_day(ledger: &Ledger, day: u32, scratch: &mut Scratch) -> (Maxima, Vec<HourBlock>) {
    let (from, to) = (day * PANES_PER_DAY, (day + 1) * PANES_PER_DAY - 1);
    let mut whole = [0; STATS];
    let mut hours: Vec<HourBlock> = Vec::new();
    for window in Window::ALL {
        ledger.sweep(window, (from, to), scratch, |end, counts| {
            let hour = end.index / PANES_PER_HOUR;
            let at = hours.iter().position(|block| block.hour == hour);
            let at = at.unwrap_or_else(|| {
                hours.push(HourBlock {
                    hour,
                    max: [0; STATS],
                });
                hours.len() - 1
            });
            for signal in Signal::ALL {
                let stat = stat(signal, window);
                let count = saturate(counts[signal as usize]);
                whole[stat] = whole[stat].max(count);
                hours[at].max[stat] = hours[at].max[stat].max(count);
            }
        });
    }
    (whole, hours)
}

fn raise(max: &mut Maxima, ledger: &Ledger) {
    for window in Window::ALL {
        let counts = ledger.counts(window);
        for signal in Signal::ALL {
            let stat = stat(signal, window);
            max[stat] = max[stat].max(saturate(counts[signal as usize]));
        }
    }
}

fn saturate(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
