//! The days of one account that the watermark has not passed: the highest count that each window
//! reached in them, kept as events come and counted anew where one fell behind.

use crate::detect::{
    baseline::{Maxima, STATS, stat},
    ledger::{Ledger, Scratch},
    pane::{PANES_PER_DAY, PANES_PER_HOUR},
    size::HIGH,
    version::TESTS,
    window::{Signal, Window},
};

/// Blocks kept at most: hours of the days that the watermark has not passed, and of future-dated
/// events beside.
const BLOCKS_MAX: usize = 256;

/// Room is made for so many blocks at once: every account has some, and few of them fill twice as
/// many as they need.
const HOURS_ROOM: usize = 4;

/// The windows that are looked at by hour: those of an hour at most, the first of [`Window::ALL`].
const HOURLY: usize = Window::Hour as usize + 1;

/// The highest counts of the windows of an hour at most that ended in one hour.
#[derive(Clone, Copy, Debug)]
pub struct HourBlock {
    /// The hour, since 1970.
    pub hour: u32,
    max: [[u32; HOURLY]; Signal::ALL.len()],
}

impl HourBlock {
    fn new(hour: u32, max: &Maxima) -> Self {
        let of = |signal| std::array::from_fn(|window| max[stat(signal, Window::ALL[window])]);
        Self {
            hour,
            max: Signal::ALL.map(of),
        }
    }

    /// The highest count of `window`; 0 for a window of more than an hour.
    pub fn max(&self, signal: Signal, window: Window) -> u32 {
        let of_signal = &self.max[signal as usize];
        of_signal.get(window as usize).copied().unwrap_or(0)
    }
}

/// The hour of the newest event: the highest counts of every window that ended in it.
#[derive(Clone, Copy, Debug)]
struct Current {
    hour: u32,
    /// By [`stat`].
    max: Maxima,
}

/// What is known of one day.
#[derive(Clone, Copy, Debug)]
struct DayBlock {
    day: u32,
    max: Maxima,
    /// The tests that crossed in it, a bit each.
    alarms: u32,
    /// The first pane at which one did.
    alarmed_at: u32,
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
    pub alarms: u32,
    /// Whether somebody has said that it was as it should be.
    pub is_vouched: bool,
}

/// One account's unsettled days.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    /// The hour of the newest event, the last of all, where it is not among `hours`.
    ///
    /// It is raised at every event, and lies here so that this touches no other place in memory.
    current: Option<Current>,
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
        if let Some(current) = &mut self.current
            && current.hour == hour
        {
            raise(&mut current.max, ledger);
            return false;
        }
        self.keep_current();
        let mut current = Current {
            hour,
            max: [0; STATS],
        };
        if let Some(block) = self.hours.pop_if(|block| block.hour == hour) {
            for signal in Signal::ALL {
                for window in Window::ALL {
                    current.max[stat(signal, window)] = block.max(signal, window);
                }
            }
        } else if self.hours.len() >= BLOCKS_MAX {
            return false;
        }
        raise(&mut current.max, ledger);
        self.current = Some(current);
        let begun = self.days.iter().all(|block| block.day != day);
        self.day_mut(day);
        begun
    }

    /// Prefetches what lies in this struct; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch(&self) -> usize {
        let current = self.current.as_ref();
        let is_begun = current.is_some_and(|current| current.max[0] > current.max[STATS - 1]);
        usize::from(is_begun) ^ self.hours.len() ^ self.days.len()
    }

    /// Prefetches the blocks that end last.
    pub(super) fn prefetch_beyond(&self) -> u32 {
        let hour = self.hours.last().map_or(0, |block| block.hour);
        hour ^ self.days.last().map_or(0, |block| block.day)
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
    pub fn note_alarm(&mut self, pane: u32, crossed: u32) {
        let day = pane / PANES_PER_DAY;
        for block in &mut self.days {
            if block.day == day {
                block.alarms |= crossed;
                block.alarmed_at = block.alarmed_at.min(pane);
            }
        }
    }

    /// Whether a test crossed at `pane` or before it on the pane's day.
    pub fn is_alarmed_by(&self, pane: u32) -> bool {
        let day = pane / PANES_PER_DAY;
        let mut days = self.days.iter();
        days.any(|block| block.day == day && block.alarmed_at <= pane)
    }

    /// Whether something that was read was too much on `day`, but fewer than a hundred people (or records
    /// exported) were read in all.
    pub fn is_small_alarm(&self, day: u32) -> bool {
        let of_reads = (1 << TESTS) - 1;
        let mut days = self.days.iter();
        days.any(|block| {
            let counts = Signal::ALL.map(|signal| block.max[stat(signal, Window::Day)]);
            let most = counts[Signal::People as usize].max(counts[Signal::Exported as usize]);
            block.day == day && block.alarms & of_reads != 0 && most < HIGH
        })
    }

    /// Whether any of these tests, a bit each, crossed on `day`.
    pub fn has_crossed(&self, day: u32, tests: u32) -> bool {
        let mut days = self.days.iter();
        days.any(|block| block.day == day && block.alarms & tests != 0)
    }

    /// Whether a test crossed on `day`.
    pub fn is_alarmed_on(&self, day: u32) -> bool {
        self.has_crossed(day, u32::MAX)
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
            is_vouched: false,
        })
    }

    /// Puts the current hour where the others are, and takes it into its day's maxima.
    fn keep_current(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        if self.hours.len() == self.hours.capacity() {
            self.hours.reserve_exact(HOURS_ROOM);
        }
        self.hours.push(HourBlock::new(current.hour, &current.max));
        let whole = &mut self.day_mut(current.hour / 24).max;
        for (max, reached) in whole.iter_mut().zip(current.max) {
            *max = reached.max(*max);
        }
    }

    fn day_mut(&mut self, day: u32) -> &mut DayBlock {
        let at = self.days.iter().position(|block| block.day == day);
        let at = at.unwrap_or_else(|| {
            // One or two, in every account.
            self.days.reserve_exact(1);
            self.days.push(DayBlock {
                day,
                max: [0; STATS],
                alarms: 0,
                alarmed_at: u32::MAX,
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
    let mut hours: Vec<Current> = Vec::new();
    for window in Window::ALL {
        ledger.sweep(window, (from, to), scratch, |end, counts| {
            let hour = end.index / PANES_PER_HOUR;
            let at = hours.iter().position(|block| block.hour == hour);
            let at = at.unwrap_or_else(|| {
                hours.push(Current {
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
    let hours = hours
        .iter()
        .map(|block| HourBlock::new(block.hour, &block.max));
    (whole, hours.collect())
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
