//! One account: its panes, its history, and what is too much for it now.

use std::sync::Arc;

use crate::{
    detect::{
        Explanation, Finding, Maturity,
        baseline::{Baseline, stat},
        critical::Table,
        declared::{Declared, DeclaredAccount},
        diary::Diary,
        drip::{Drip, SLOW},
        familiar::Familiar,
        habits::{Aspects, Habits},
        jobs::Jobs,
        ledger::{Ledger, Scratch},
        names::Name,
        odd::Odd,
        pane::{PANES_PER_DAY, PANES_PER_HOUR, pane_start},
        refused::{Refused, score_asked},
        season::Season,
        unsettled::Unsettled,
        version::{COUNTED, History, Version, odd_test, signal_and_window},
        window::{Counts, Signal, Window},
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
}

/// The test of a finding that tells most.
struct Strongest {
    window: Window,
    signal: Signal,
    observed: Counts,
    score: f64,
    critical: u64,
    unusual: Option<(Aspects, u64)>,
    refused: Option<u64>,
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
    /// Whether it is declared never to export.
    forbids_exports: bool,
    /// The number of its peer group.
    pub group: u32,
    /// The newest event, by event time.
    pub last_event: Timestamp,
    critical: Critical,
    /// Its days that the watermark has not passed.
    pub unsettled: Unsettled,
    /// The people it knows.
    pub familiar: Familiar,
    /// Its panes.
    pub ledger: Ledger,
    /// What is and was expected of it, the oldest first.
    pub(super) versions: Vec<Version>,
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
}

impl Account {
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
            unsettled: Unsettled::default(),
            last_event: Timestamp::from_millis(i64::MIN),
            held: false,
            is_declared: false,
            forbids_exports: false,
            versions: Vec::new(),
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
        if self.forbids_exports || !self.jobs.is_empty() {
            let declared = peers.iter().map(|peer| peer.of_declared(self.history()));
            self.versions = declared.collect();
        }
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
        for window in Window::ALL {
            let bound = self.ledger.bound(window, pane);
            let may_cross = Signal::TESTED.into_iter().any(|signal| {
                let least = self.critical_min(peers, stat(signal, window));
                bound[signal as usize] >= u64::from(least)
            });
            if !may_cross {
                continue;
            }
            let ends = (pane, window.last(pane));
            self.ledger.sweep(window, ends, scratch, |end, counts| {
                let critical = self.version_at(peers, end.index).critical(end.index);
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

    /// Notes whether the settled `day` raised an alarm; says whether one of the lowest tier began.
    pub fn note_alarm(&mut self, day: u32) -> bool {
        if !self.unsettled.is_alarmed_on(day) {
            return false;
        }
        let goes_on = self.alarmed_day.is_some_and(|before| before + 1 >= day);
        self.alarmed_day = Some(day);
        !goes_on && self.unsettled.is_small_alarm(day)
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
        }
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
        let own = in_force(&self.versions, pane);
        own.or_else(|| in_force(peers, pane)).unwrap_or(&peers[0])
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
        (budget, table): (f64, &mut Table),
    ) -> Explanation {
        let end = finding.pane;
        let version = self.version_at(peers, end);
        let mut best: Option<Strongest> = None;
        for window in Window::ALL {
            let mut observed = Counts::default();
            self.ledger.sweep(window, (end, end), scratch, |_, counts| {
                observed = counts;
            });
            let crossed = |test: usize| finding.crossed & (1 << test) != 0;
            let counted = Signal::TESTED.into_iter().map(|signal| {
                let test = stat(signal, window);
                crossed(test).then(|| Strongest {
                    window,
                    signal,
                    observed,
                    score: version.score(test, end, observed[signal as usize]),
                    critical: u64::from(version.critical(end)[test]),
                    unusual: None,
                    refused: None,
                })
            });
            let odd = self.odd.as_ref().filter(|_| crossed(odd_test(window)));
            let odd = odd.and_then(|odd| odd.worth(window, end, version, table));
            let odd = odd.map(|worth| Strongest {
                window,
                signal: Signal::People,
                observed,
                score: worth.score,
                critical: worth.critical,
                unusual: Some((worth.aspects, worth.people)),
                refused: None,
            });
            for found in counted.chain([odd]).flatten() {
                if best.as_ref().is_none_or(|best| best.score < found.score) {
                    best = Some(found);
                }
            }
        }
        // What was read tells more than what was not.
        let best =
            best.or_else(|| self.strongest_refused(finding, (budget, version.days), scratch));
        let best = best.unwrap_or_else(|| unreachable!("a finding has crossed a test"));
        let mut explanation = self.explain_test(version, end, &best);
        explanation.peers_usual = 1.0
            + in_force(peers, end).unwrap_or(&peers[0]).models[stat(best.signal, best.window)].mean;
        let tests = (0..COUNTED).filter(|test| finding.crossed & (1 << test) != 0);
        explanation.also = tests.map(signal_and_window).collect();
        explanation
    }

    fn strongest_refused(
        &self,
        finding: Finding,
        (budget, days): (f64, u32),
        scratch: &mut Scratch,
    ) -> Option<Strongest> {
        let refused = self.refused.as_ref()?;
        let hour = refused.hour(finding.pane, score_asked(budget), days);
        let mut observed = Counts::default();
        let ends = (finding.pane, finding.pane);
        self.ledger.sweep(Window::Hour, ends, scratch, |_, counts| {
            observed = counts;
        });
        Some(Strongest {
            window: Window::Hour,
            signal: Signal::People,
            observed,
            score: hour.score,
            critical: hour.critical,
            unusual: None,
            refused: Some(hour.attempts),
        })
    }

    fn explain_test(&self, version: &Version, end: u32, found: &Strongest) -> Explanation {
        let Strongest { window, signal, .. } = *found;
        let panes = self.ledger.panes(window.first(end), end);
        let usual = |signal| 1.0 + version.models[stat(signal, window)].mean;
        let bar = SLOW.iter().position(|slow| *slow == signal);
        let bar = bar
            .filter(|_| window == Window::Today)
            .map(|place| version.bars[place]);
        let mut expected = Signal::ALL.map(usual);
        if let Some(model) = bar.and_then(|bar| bar.model()) {
            expected[signal as usize] = model.mean;
        }
        let lasting =
            bar.and_then(|bar| Some((pane_start(bar.onset()? * PANES_PER_DAY), bar.excess)));
        Explanation {
            window,
            signal,
            observed: found.observed,
            actions: panes.map(|pane| u64::from(pane.actions)).sum(),
            expected,
            critical: found.critical,
            score: found.score,
            seen_max: version.seen_max[stat(signal, window)],
            days: version.days,
            maturity: Maturity::of(version.days),
            peers: version.peers,
            peers_usual: 0.0,
            also: Vec::new(),
            job_size: version.job_size(),
            is_forbidden: version.forbids(stat(signal, window)) && found.unusual.is_none(),
            lasting,
            unusual: found.unusual,
            refused: found.refused,
        }
    }

    /// The first pane that a finding's shortest window may hold: for a test of many days, that of
    /// the day since which its reading is above the usual.
    pub fn first_pane(&self, finding: Finding) -> u32 {
        let window = finding.shortest();
        let version = self.versions.iter().rfind(|v| v.from <= finding.pane);
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
