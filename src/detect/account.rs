//! One account: its panes, its history, and what is too much for it now.

mod covering;
mod explaining;
mod sequence;
mod versions;

use std::sync::Arc;

pub use self::versions::{Held, LookUp, Versions};

use crate::{
    detect::{
        COVERED, Finding, Maturity,
        baseline::{Baseline, stat},
        coverage::ALL_TOLD,
        declared::{Declared, DeclaredAccount},
        diary::Diary,
        drip::{Drip, SLOW},
        familiar::Familiar,
        habits::Habits,
        jobs::Jobs,
        ledger::{Ledger, Scratch},
        names::Name,
        odd::Odd,
        pane::{PANES_PER_DAY, PANES_PER_HOUR, pane_of},
        refused::Refused,
        season::Season,
        unsettled::Unsettled,
        version::{COUNTED, History, Version},
        window::{Signal, Window},
    },
    event::{AccountKind, Timestamp},
};

/// Days of the last month in which an account with a history must have been active for it to be
/// kept at the limit.
const LIVE_DAYS: i64 = 90;
/// The critical counts of a run of panes.
#[derive(Clone, Copy, Debug, Default)]
struct Critical {
    from: u32,
    until: u32,
    epoch: u32,
    counts: [u32; COUNTED],
    /// People of a day, new to the account, that take the month to a stop.
    to_stop: u32,
}

/// One account's state.
///
/// In the order given: what every event looks at comes first and lies together, so that an account
/// costs few cache misses.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Account {
    /// Its name; nothing for the bucket that newcomers past the limit share.
    pub name: Option<Name>,
    /// What it is, as its first event said.
    pub kind: AccountKind,
    /// Whether an incident of it is remembered.
    pub held: bool,
    /// Whether the operator has declared something of it, which keeps it from being forgotten.
    pub is_declared: bool,
    /// Whether no event of it has said its role yet, in the first of its days: a later one may.
    pub is_vague: bool,
    /// Whether it is declared never to export.
    forbids_exports: bool,
    /// Stops of its coverage that were told of and last; all where it is declared to read everybody.
    stops_told: u8,
    /// Whether a stop was passed on the last day that was settled.
    is_stopped: bool,
    /// The number of its peer group.
    pub group: u32,
    /// The newest event, by event time.
    pub last_event: Timestamp,
    /// The pane of its first event.
    pub first_pane: u32,
    critical: Critical,
    /// Its days that the watermark has not passed.
    pub unsettled: Unsettled,
    /// The people it knows.
    pub familiar: Familiar,
    /// Its panes.
    pub ledger: Ledger,
    /// What is and was expected of it.
    pub(super) versions: Versions,
    /// Its history.
    pub baseline: Baseline,
    /// Its hours.
    pub season: Season,
    /// Its slow tests.
    pub drip: Drip,
    /// The days that may belong to a slow theft.
    pub diary: Diary,
    /// Its recurring jobs.
    pub jobs: Jobs,
    /// In what circumstances it reads.
    pub habits: Habits,
    /// What it read lately in unusual ones.
    pub odd: Option<Box<Odd>>,
    /// What it was refused lately.
    pub refused: Option<Box<Refused>>,
    /// The last settled day (since 1970) that raised an alarm.
    alarmed_day: Option<u32>,
    /// Whether the last day that was settled raised one, and had fewer than a hundred people in all.
    pub(super) is_small_alarm: bool,
}

impl Account {
    /// What one weighs beside the people it holds, about: with its newest version, and what it holds in
    /// other boxes (older versions, its maxima, hours and habits) as `benches/memory.rs` measured it on
    /// accounts of ten people a day, the allocator's part included.
    pub const BYTES: usize = size_of::<Self>() + size_of::<Version>() + 4_100;

    /// An account without a history.
    pub fn new(name: Option<&str>, kind: AccountKind, group: u32) -> Self {
        Self {
            name: name.map(Name::new),
            kind,
            group,
            ledger: Ledger::default(),
            baseline: Baseline::default(),
            season: Season::default(),
            familiar: Familiar::default(),
            drip: Drip::default(),
            diary: Diary::default(),
            jobs: Jobs::default(),
            habits: Habits::default(),
            odd: None,
            refused: None,
            alarmed_day: None,
            is_small_alarm: false,
            unsettled: Unsettled::default(),
            last_event: Timestamp::from_millis(i64::MIN),
            first_pane: u32::MAX,
            held: false,
            is_declared: false,
            is_vague: false,
            forbids_exports: false,
            stops_told: 0,
            is_stopped: false,
            versions: Versions::default(),
            critical: Critical::default(),
        }
    }

    /// Takes in what is declared of its supplier, and of itself. Until it has a history of its own,
    /// what is declared stands beside what its `peers` were and are expected to do.
    pub fn declare(
        &mut self,
        supplier: &Declared,
        own: Option<&DeclaredAccount>,
        peers: &[Version],
    ) {
        self.season = Season::of(supplier.calendar.clone());
        let jobs = own.map(|own| Arc::clone(&own.jobs)).unwrap_or_default();
        self.jobs = Jobs::new(jobs, supplier.calendar.clone());
        self.is_declared = own.is_some();
        self.forbids_exports = own.is_some_and(|own| own.never_exports);
        let reads_all = own.is_some_and(|own| own.may_read_all);
        self.stops_told = if reads_all { ALL_TOLD } else { 0 };
        if self.forbids_exports || reads_all || !self.jobs.is_empty() {
            self.versions = Versions::default();
            for peer in peers {
                let version = peer.of_declared(self.history());
                self.versions.put(version, 0);
            }
        }
    }

    /// Notes when it had an event.
    pub fn note_event(&mut self, time: Timestamp) {
        self.last_event = self.last_event.max(time);
        self.first_pane = self.first_pane.min(pane_of(time));
    }

    /// Takes in that it is of another kind and group than its first events said.
    pub fn regroup(&mut self, kind: AccountKind, group: u32) {
        (self.kind, self.group) = (kind, group);
        self.critical = Critical::default();
    }

    /// Tests the windows that end at the newest pane; gives the tests that crossed, a bit each.
    pub fn test_newest(&mut self, peers: &[Version], epoch: u32) -> u32 {
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
                crossed |= u32::from(over) << test;
            }
        }
        let new = self.ledger.counts(Window::Today)[Signal::Novel as usize];
        if new >= u64::from(self.critical.to_stop) {
            crossed |= COVERED;
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
        mut each: impl FnMut(u32, u32),
    ) {
        self.test_coverage_behind(peers, pane, scratch, &mut each);
        let mut least = [u32::MAX; COUNTED];
        for version in self.versions_from_on(peers, pane) {
            for (test, least) in least.iter_mut().enumerate() {
                *least = version.critical_min(test).min(*least);
            }
        }
        for window in Window::ALL {
            let bound = self.ledger.bound(window, pane);
            let may_cross = Signal::TESTED
                .into_iter()
                .any(|signal| bound[signal as usize] >= u64::from(least[stat(signal, window)]));
            if !may_cross {
                continue;
            }
            let ends = (pane, window.last(pane));
            let mut versions = LookUp::new(|pane| self.version_until(peers, pane));
            self.ledger.sweep(window, ends, scratch, |end, counts| {
                let critical = versions.at(end.index).critical(end.index);
                let mut crossed = 0;
                for signal in Signal::TESTED {
                    let test = stat(signal, window);
                    let over = counts[signal as usize] >= u64::from(critical[test]);
                    crossed |= u32::from(over) << test;
                }
                if crossed != 0 {
                    each(end.index, crossed);
                }
            });
        }
    }

    /// The same for every pane from `pane` on.
    pub fn test_since(
        &self,
        peers: &[Version],
        pane: u32,
        scratch: &mut Scratch,
        mut each: impl FnMut(u32, u32),
    ) {
        for read in self.ledger.panes(pane, u32::MAX) {
            self.test_behind(peers, read.index, scratch, &mut each);
        }
    }

    /// Notes whether the settled `day` raised an alarm; says whether a small one began.
    pub fn note_alarm(&mut self, day: u32) -> bool {
        self.is_stopped = self.unsettled.has_crossed(day, COVERED);
        if !self.unsettled.is_alarmed_on(day) {
            return false;
        }
        let goes_on = self.alarmed_day.is_some_and(|before| before + 1 >= day);
        self.alarmed_day = Some(day);
        self.is_small_alarm = self.unsettled.is_small_alarm(day);
        !goes_on && self.is_small_alarm
    }

    /// Prefetches what every event reads in this struct; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch(&self) -> usize {
        let is_named = self.name.as_ref().is_some_and(|name| !name.is(""));
        let is_tested = self.critical.epoch > self.critical.counts[COUNTED - 1];
        let head = usize::from(is_named) ^ usize::from(is_tested) ^ self.versions.prefetch();
        let people = self.familiar.prefetch() ^ self.habits.prefetch();
        head ^ people ^ self.unsettled.prefetch() ^ self.ledger.prefetch()
    }

    /// Prefetches what an event of `subject` will read beyond it.
    pub(super) fn prefetch_beyond(&self, subject: u32) -> u32 {
        let version = self.versions.latest().map_or(0, Version::prefetch);
        let people = self.familiar.prefetch_beyond(subject);
        version ^ people ^ self.ledger.prefetch_beyond() ^ self.unsettled.prefetch_beyond()
    }

    /// What its history says.
    pub const fn history(&self) -> History<'_> {
        History {
            baseline: &self.baseline,
            season: &self.season,
            drip: &self.drip,
            jobs: &self.jobs,
            habits: &self.habits,
            forbids_exports: self.forbids_exports,
            stops_told: self.stops_told,
        }
    }

    /// Puts a new version in force, and forgets those that no pane from `keep_from` on needs.
    pub fn put_in_force(&mut self, version: Version, keep_from: u32) {
        self.versions.put(version, keep_from);
    }

    /// The version in force for windows that end at `pane`: its own, or before the first its peers'.
    ///
    /// # Panics
    /// Panics where `peers` is empty: a group always has a version.
    pub fn version_at<'a>(&'a self, peers: &'a [Version], pane: u32) -> Held<'a> {
        let own = self.versions.at(pane, &self.season.calendar);
        own.unwrap_or_else(|| Held::Kept(in_force(peers, pane).unwrap_or(&peers[0])))
    }

    /// The first pane that a finding's shortest window may hold: for a test of many days, that of
    /// the day since which its reading is above the usual.
    pub fn first_pane(&self, finding: Finding) -> u32 {
        let window = finding.shortest();
        let version = self.versions.at(finding.pane, &self.season.calendar);
        let onset = version
            .filter(|_| window == Window::Today)
            .and_then(|version| {
                let places = (0..SLOW.len())
                    .filter(|place| finding.crossed >> stat(SLOW[*place], Window::Today) & 1 == 1);
                places.filter_map(|place| version.bars[place].onset()).min()
            });
        onset.map_or(window.first(finding.pane), |day| day * PANES_PER_DAY)
    }

    /// People it remembers beyond its panes: known ones, and those of days in the diary.
    pub fn people_held(&self) -> usize {
        self.familiar.len() + self.diary.len()
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

    /// The version in force for windows that end at `pane`, and the first pane at which it is not.
    pub(super) fn version_until<'a>(&'a self, peers: &'a [Version], pane: u32) -> (Held<'a>, u32) {
        let later = self.changes(peers).filter(|change| *change > pane);
        let until = later.min().unwrap_or(u32::MAX);
        (self.version_at(peers, pane), until)
    }

    /// The versions in force for windows that end at `pane` or later.
    fn versions_from_on<'a>(
        &'a self,
        peers: &'a [Version],
        pane: u32,
    ) -> impl Iterator<Item = Held<'a>> {
        let begun = self.versions.changes().next();
        let is_own = begun.is_some_and(|begun| begun <= pane);
        let peers = if is_own { &[] } else { peers };
        let own = self.versions.since(pane, &self.season.calendar);
        own.chain(peers.iter().map(Held::Kept))
    }

    /// Panes at which another version is in force, its own or its peers'; in no order.
    fn changes(&self, peers: &[Version]) -> impl Iterator<Item = u32> {
        let peers = peers.iter().map(|version| version.from);
        self.versions.changes().chain(peers)
    }

    fn critical_run(&self, peers: &[Version], pane: u32, epoch: u32) -> Critical {
        let hour = pane / PANES_PER_HOUR * PANES_PER_HOUR;
        let version = self.version_at(peers, pane);
        // What a job explains ends where a window shorter than a day has left the hours of its run.
        let left = [Window::FiveMinutes, Window::Hour].map(|window| hour + window.panes() - 1);
        let left = left.into_iter().filter(|_| version.job_size() > 0);
        let (mut from, mut until) = (hour, hour + PANES_PER_HOUR);
        for change in self.changes(peers).chain(left) {
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
            counts: version.critical(pane),
            to_stop: self.to_stop(&version, pane),
        }
    }
}

fn in_force(versions: &[Version], pane: u32) -> Option<&Version> {
    versions.iter().rfind(|version| version.from <= pane)
}

/// Drops the versions whose successor is in force for every pane from `keep_from` on.
pub fn forget_versions(versions: &mut Vec<Version>, keep_from: u32) {
    let newer = versions.iter().skip(1);
    let past = newer
        .take_while(|version| version.from <= keep_from)
        .count();
    versions.drain(..past);
}
