//! One account: its panes, its history, and what is too much for it now.

use crate::{
    detect::{
        Explanation, Finding, Maturity,
        baseline::{Baseline, Maxima, STATS, stat},
        familiar::Familiar,
        ledger::{Ledger, Scratch},
        pane::{PANES_PER_DAY, PANES_PER_HOUR},
        season::Season,
        version::{TESTS, Version},
        window::{Counts, Signal, Window},
    },
    event::{AccountKind, Timestamp},
};

/// Days of the last month in which an account with a history must have been active for it to be
/// kept at the limit.
const LIVE_DAYS: i64 = 90;
/// Unsettled blocks kept at most: hours of the days that the watermark has not passed, and of
/// future-dated events beside.
const BLOCKS_MAX: usize = 256;

/// The highest counts of the windows that ended in one hour.
#[derive(Clone, Copy, Debug)]
struct HourBlock {
    hour: u32,
    max: Maxima,
}

/// What is known of a day that is not settled.
#[derive(Clone, Copy, Debug)]
struct DayBlock {
    day: u32,
    max: Maxima,
    /// Whether a test crossed in it.
    alarmed: bool,
    /// Whether an event fell behind, so that the maxima must be counted anew.
    stale: bool,
}

/// The critical counts of a run of panes.
#[derive(Clone, Copy, Debug, Default)]
struct Critical {
    from: u32,
    until: u32,
    epoch: u32,
    counts: [u32; TESTS],
}

/// The end of a day (since 1970) that no event is awaited for.
#[derive(Clone, Copy, Debug)]
pub struct DayEnd {
    /// The day.
    pub day: u32,
    /// The first pane that what it taught is in force for.
    pub from: u32,
    /// Events before that pane are awaited no more.
    pub passed: u32,
    /// Whether the limit of people known is met.
    pub is_full: bool,
}

/// One account's state.
#[derive(Debug)]
pub struct Account {
    /// Its name; nothing for the bucket that newcomers past the limit share.
    pub name: Option<Box<str>>,
    /// What it is, as its first event said.
    pub kind: AccountKind,
    /// The number of its peer group.
    pub group: u32,
    /// Its panes.
    pub ledger: Ledger,
    /// Its history.
    pub baseline: Baseline,
    /// Its hours.
    pub season: Season,
    /// The people it knows.
    pub familiar: Familiar,
    /// The newest event, by event time.
    pub last_event: Timestamp,
    /// Whether an incident of it is remembered.
    pub held: bool,
    versions: Vec<Version>,
    hours: Vec<HourBlock>,
    days: Vec<DayBlock>,
    critical: Critical,
}

impl Account {
    /// An account without a history.
    pub fn new(name: Option<&str>, kind: AccountKind, group: u32) -> Self {
        Self {
            name: name.map(Into::into),
            kind,
            group,
            ledger: Ledger::default(),
            baseline: Baseline::default(),
            season: Season::default(),
            familiar: Familiar::default(),
            last_event: Timestamp::from_millis(i64::MIN),
            held: false,
            versions: Vec::new(),
            hours: Vec::new(),
            days: Vec::new(),
            critical: Critical::default(),
        }
    }

    /// Tests the windows that end at the newest pane; gives the tests that crossed, a bit each.
    pub fn test_newest(&mut self, peers: &[Version], epoch: u32) -> u16 {
        let Some(pane) = self.ledger.newest() else {
            return 0;
        };
        if self.critical.epoch != epoch || pane < self.critical.from || pane >= self.critical.until
        {
            self.critical = self.critical_run(peers, pane, epoch);
        }
        let mut crossed = 0;
        for window in Window::ALL {
            let counts = self.ledger.counts(window);
            for signal in Signal::TESTED {
                let test = stat(signal, window);
                let over = counts[signal as usize] >= u64::from(self.critical.counts[test]);
                crossed |= u16::from(over) << test;
            }
        }
        crossed
    }

    /// Tests every window that holds the older `pane` anew; `each` gets the pane at which a window
    /// ends and the tests that crossed there.
    pub fn test_behind(
        &self,
        peers: &[Version],
        pane: u32,
        scratch: &mut Scratch,
        mut each: impl FnMut(u32, u16),
    ) {
        for window in Window::ALL {
            let bound = self.ledger.bound(window, pane);
            let may_cross = Signal::TESTED.into_iter().any(|signal| {
                let least = self.critical_min(peers, stat(signal, window));
                bound[signal as usize] >= u64::from(least)
            });
            if !may_cross {
                continue;
            }
            let ends = (pane, pane + window.panes() - 1);
            self.ledger.sweep(window, ends, scratch, |end, counts| {
                let critical = self.version_at(peers, end.index).critical(end.index);
                let mut crossed = 0;
                for signal in Signal::TESTED {
                    let test = stat(signal, window);
                    let over = counts[signal as usize] >= u64::from(critical[test]);
                    crossed |= u16::from(over) << test;
                }
                if crossed != 0 {
                    each(end.index, crossed);
                }
            });
        }
    }

    /// Takes the windows that end at the newest pane into the maxima of its hour and day, unless
    /// the day is settled. Says whether a day was begun.
    pub fn note_newest(&mut self, settled: Option<u32>) -> bool {
        let Some(pane) = self.ledger.newest() else {
            return false;
        };
        let day = pane / PANES_PER_DAY;
        if settled.is_some_and(|settled| day <= settled) {
            return false;
        }
        let counts = Window::ALL.map(|window| self.ledger.counts(window));
        let hour = pane / PANES_PER_HOUR;
        if self.hours.last().is_none_or(|block| block.hour != hour) {
            if self.hours.len() >= BLOCKS_MAX {
                return false;
            }
            self.hours.push(HourBlock {
                hour,
                max: [0; STATS],
            });
        }
        if let Some(block) = self.hours.last_mut() {
            raise(&mut block.max, counts);
        }
        let begun = self.days.iter().all(|block| block.day != day);
        raise(&mut self.day_mut(day).max, counts);
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

    /// Notes that a test crossed at `pane`.
    pub fn note_alarm(&mut self, pane: u32) {
        let day = pane / PANES_PER_DAY;
        for block in &mut self.days {
            block.alarmed |= block.day == day;
        }
    }

    /// Learns from `day` (since 1970) and forgets its blocks; says whether it was active in it.
    pub fn settle(&mut self, day_end: DayEnd, peers: &[Version], scratch: &mut Scratch) -> bool {
        let DayEnd { day, .. } = day_end;
        let Some(at) = self.days.iter().position(|block| block.day == day) else {
            return false;
        };
        let mut whole = self.days.swap_remove(at);
        let mut hours: Vec<HourBlock> = Vec::new();
        let of_day = |block: &HourBlock| block.hour / 24 == day;
        if whole.stale {
            (whole.max, hours) = self.count_day(day, scratch);
        } else {
            hours.extend(self.hours.iter().filter(|block| of_day(block)));
        }
        self.hours.retain(|block| !of_day(block));
        hours.sort_unstable_by_key(|block| block.hour);
        let Some(latest) = self.versions.last().or(peers.last()) else {
            return false;
        };
        let expected = latest.models;
        self.baseline.begin_day();
        for signal in Signal::ALL {
            for window in [Window::FiveMinutes, Window::Hour] {
                let stat = stat(signal, window);
                for block in &hours {
                    let x = block.max[stat];
                    self.baseline.learn(stat, x, expected[stat], whole.alarmed);
                }
            }
            let stat = stat(signal, Window::Day);
            let x = whole.max[stat];
            self.baseline.learn(stat, x, expected[stat], whole.alarmed);
        }
        if !whole.alarmed || self.baseline.is_young() {
            self.meet(day_end);
        }
        let weekend = matches!((i64::from(day) + 4).rem_euclid(7), 0 | 6);
        let slots = hours.iter().map(|block| (block.hour % 24) as usize);
        let slots = slots.map(|hour| hour + if weekend { 24 } else { 0 });
        self.season.learn(i64::from(day), slots);
        true
    }

    /// Puts a new version in force, and forgets those that no pane from `keep_from` on needs.
    pub fn put_in_force(&mut self, version: Version, keep_from: u32) {
        self.versions.push(version);
        forget_versions(&mut self.versions, keep_from);
    }

    /// The version in force for windows that end at `pane`: its own, or before the first its peers'.
    ///
    /// # Panics
    /// Panics where `peers` is empty: a group always has a version.
    pub fn version_at<'a>(&'a self, peers: &'a [Version], pane: u32) -> &'a Version {
        let in_force = |versions: &'a [Version]| versions.iter().rfind(|v| v.from <= pane);
        let own = in_force(&self.versions);
        own.or_else(|| in_force(peers)).unwrap_or(&peers[0])
    }

    /// What is known of the strongest of a finding's tests: the one with the smallest probability.
    ///
    /// # Panics
    /// Panics where the finding crossed nothing: no such finding is made.
    pub fn explain(
        &self,
        peers: &[Version],
        finding: Finding,
        scratch: &mut Scratch,
    ) -> Explanation {
        let end = finding.pane;
        let version = self.version_at(peers, end);
        let mut best: Option<Explanation> = None;
        for window in Window::ALL {
            let mut observed = Counts::default();
            self.ledger.sweep(window, (end, end), scratch, |_, counts| {
                observed = counts;
            });
            for signal in Signal::TESTED {
                let test = stat(signal, window);
                if finding.crossed & (1 << test) == 0 {
                    continue;
                }
                let p_value = version.p_value(test, end, observed[signal as usize]);
                if best.as_ref().is_some_and(|best| best.p_value <= p_value) {
                    continue;
                }
                let start = (end + 1).saturating_sub(window.panes());
                let panes = self.ledger.panes(start, end);
                let usual = |signal| 1.0 + version.models[stat(signal, window)].mean;
                best = Some(Explanation {
                    window,
                    signal,
                    observed,
                    actions: panes.map(|pane| u64::from(pane.actions)).sum(),
                    expected: Signal::ALL.map(usual),
                    critical: u64::from(version.critical(end)[test]),
                    p_value,
                    seen_max: version.seen_max[test],
                    days: version.days,
                    maturity: Maturity::of(version.days),
                    peers: version.peers,
                });
            }
        }
        best.unwrap_or_else(|| unreachable!("a finding has crossed a test"))
    }

    /// How far its baseline has come.
    pub fn maturity(&self) -> Maturity {
        Maturity::of(self.baseline.days)
    }

    /// Whether it has a history of more than a day and used it lately: such an account is never
    /// forgotten to make room.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let idle = now.millis_since(self.last_event);
        self.baseline.days > 1 && idle <= LIVE_DAYS * crate::event::DAY_MS
    }

    /// Gets to know the people of a day.
    fn meet(&mut self, day_end: DayEnd) {
        if day_end.is_full {
            self.familiar.give_up();
            return;
        }
        let first = day_end.day * PANES_PER_DAY;
        let people = self.ledger.subjects(first, first + PANES_PER_DAY - 1);
        let days = self.baseline.days;
        self.familiar
            .learn(people, days, day_end.from, day_end.passed);
    }

    fn critical_min(&self, peers: &[Version], test: usize) -> u32 {
        let versions = self.versions.iter().chain(peers);
        let least = versions.map(|version| version.critical_min(test)).min();
        least.unwrap_or(0)
    }

    fn critical_run(&self, peers: &[Version], pane: u32, epoch: u32) -> Critical {
        let hour = pane / PANES_PER_HOUR * PANES_PER_HOUR;
        let changes = self
            .versions
            .iter()
            .chain(peers)
            .map(|version| version.from);
        let (mut from, mut until) = (hour, hour + PANES_PER_HOUR);
        for change in changes {
            if change <= pane {
                from = from.max(change);
            } else {
                until = until.min(change);
            }
        }
        Critical {
            from,
            until,
            epoch,
            counts: self.version_at(peers, pane).critical(pane),
        }
    }

    fn day_mut(&mut self, day: u32) -> &mut DayBlock {
        let at = self.days.iter().position(|block| block.day == day);
        let at = at.unwrap_or_else(|| {
            self.days.push(DayBlock {
                day,
                max: [0; STATS],
                alarmed: false,
                stale: false,
            });
            self.days.len() - 1
        });
        &mut self.days[at]
    }

    /// The maxima of a day and of its hours, counted from the panes.
    fn count_day(&self, day: u32, scratch: &mut Scratch) -> (Maxima, Vec<HourBlock>) {
        let (from, to) = (day * PANES_PER_DAY, (day + 1) * PANES_PER_DAY - 1);
        let mut whole = [0; STATS];
        let mut hours: Vec<HourBlock> = Vec::new();
        for window in Window::ALL {
            self.ledger
                .sweep(window, (from, to), scratch, |end, counts| {
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
}

/// Drops the versions whose successor is in force for every pane from `keep_from` on.
pub fn forget_versions(versions: &mut Vec<Version>, keep_from: u32) {
    let newer = versions.iter().skip(1);
    let past = newer
        .take_while(|version| version.from <= keep_from)
        .count();
    versions.drain(..past);
}

fn raise(max: &mut Maxima, counts: [Counts; 3]) {
    for signal in Signal::ALL {
        for window in Window::ALL {
            let stat = stat(signal, window);
            max[stat] = max[stat].max(saturate(counts[window as usize][signal as usize]));
        }
    }
}

fn saturate(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
