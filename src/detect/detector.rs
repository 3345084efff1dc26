//! The detector of one feed: every account's windows, tested at every event.

mod accounts;
mod boundary;
mod prefetch;
mod refusing;
mod rehearsal;

pub use self::prefetch::AHEAD;

use std::collections::BTreeSet;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::{
    detect::{
        AccountId, Config, Explanation, Finding, Seen,
        account::Account,
        critical::Table,
        exceedance::Exceedance,
        groups::Groups,
        habits::{Aspect, Aspects},
        idle::Idle,
        ledger::{Place, Scratch},
        merge_findings,
        names::Names,
        odd::{OddRead, TIERS},
        pane::PANES_PER_DAY,
        refused,
        sequence::consecutive,
        together::Together,
        version::TESTS,
        window::{IDLE, NOVEL, Window},
    },
    event::{AccessEvent, AccountKind},
};

/// Watches every account of one supplier and reports the one that reads records in bulk.
///
/// Time is the events' own; nothing here reads a clock.
#[derive(Debug)]
pub struct Detector {
    config: Config,
    ids: HashTable<u32>,
    hasher: RandomState,
    accounts: Vec<Option<Account>>,
    vacant: Vec<u32>,
    /// Where newcomers past the limit are counted together.
    bucket: Option<u32>,
    groups: Groups,
    together: Together,
    names: Names,
    idle: Idle,
    table: Table,
    scratch: Scratch,
    /// What the last event touched.
    touched: Vec<u32>,
    /// Days (since 1970) that some account was active in and that are not settled.
    pending_days: BTreeSet<u32>,
    settled: Option<u32>,
    /// The first pane that what was settled last is in force for.
    in_force_from: Option<u32>,
    /// Rises whenever critical counts change.
    epoch: u32,
    touches: usize,
    /// Pairs of an account and a person it knows.
    known: usize,
    phases: [usize; 3],
    /// Of accounts, subjects, pairs of them, and panes.
    limits_reached: [u64; 4],
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new(config: Config) -> Self {
        let names = Names::new(config.subjects_max);
        let calendar = &config.declared.calendar;
        let groups = Groups::new(&config);
        let together = Together::new(calendar.clone());
        Self {
            config,
            ids: HashTable::new(),
            hasher: RandomState::default(),
            accounts: Vec::new(),
            vacant: Vec::new(),
            bucket: None,
            groups,
            together,
            names,
            idle: Idle::default(),
            table: Table::default(),
            scratch: Scratch::default(),
            touched: Vec::new(),
            pending_days: BTreeSet::new(),
            settled: None,
            in_force_from: None,
            epoch: 1,
            touches: 0,
            known: 0,
            phases: [0; 3],
            limits_reached: [0; 4],
        }
    }

    /// Counts an event and tests every window that holds it. Nothing comes back for an event that
    /// exposes nobody.
    pub fn observe(
        &mut self,
        event: &AccessEvent<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Seen> {
        if refused::is_refused(event) {
            return self.observe_refused(event, findings);
        }
        let seen = self.read(event)?;
        let (place, last_mark) = self.count(event, &seen)?;
        let account = self.accounts[seen.account.0 as usize].as_mut()?;
        let peers = self.groups.versions(account.group);
        let begun = match place {
            Place::Newest => {
                let crossed = account.test_newest(peers, self.epoch);
                let begun = account.unsettled.note_newest(&account.ledger, self.settled);
                if crossed != 0 {
                    account.unsettled.note_alarm(seen.pane, crossed);
                    findings.push(Finding {
                        account: seen.account,
                        pane: seen.pane,
                        crossed,
                    });
                }
                begun
            }
            Place::Behind => {
                let begun = account.unsettled.note_behind(seen.pane, self.settled);
                let first = findings.len();
                let marked = last_mark.filter(|pane| *pane != seen.pane);
                for pane in [seen.pane].into_iter().chain(marked) {
                    account.test_behind(peers, pane, &mut self.scratch, |pane, crossed| {
                        findings.push(Finding {
                            account: seen.account,
                            pane,
                            crossed,
                        });
                    });
                }
                for finding in &findings[first..] {
                    account.unsettled.note_alarm(finding.pane, finding.crossed);
                }
                begun
            }
        };
        if begun {
            self.pending_days.insert(seen.pane / PANES_PER_DAY);
        }
        let budget = self.config.false_alerts_per_account_day;
        if let Some(finding) = account.behind_refusals(peers, &seen, budget) {
            account.unsettled.note_alarm(finding.pane, finding.crossed);
            findings.push(finding);
        }
        let habits = &mut account.habits;
        let aspects = habits.observe(event, seen.share.fields, seen.pane);
        if let Some(pane) = last_mark {
            habits.note_also(Aspect::Sequence, pane);
        }
        if aspects != 0 {
            self.observe_odd(&seen, aspects, findings);
        }
        merge_findings(findings);
        Some(seen)
    }

    /// Counts what an event was `seen` to read; says where it fell, and the last pane in which it made people
    /// consecutive.
    fn count(&mut self, event: &AccessEvent<'_>, seen: &Seen) -> Option<(Place, Option<u32>)> {
        let panes_max = self.panes_max();
        let account = self.accounts[seen.account.0 as usize].as_mut()?;
        if let Some(gone) = account.ledger.keep_below(panes_max, seen.pane) {
            self.touches -= gone;
            self.limits_reached[3] += 1;
        }
        account.note_event(event.time);
        let subjects = self.names.event_subjects();
        self.touched.clear();
        self.touched.extend_from_slice(subjects);
        let new = account.familiar.strangers(subjects, seen.pane);
        self.touched.extend(new.map(|subject| subject | NOVEL));
        // A program's run takes everybody.
        if account.kind != AccountKind::Service {
            let idle = self.idle.idle(subjects, seen.pane / PANES_PER_DAY);
            self.touched.extend(idle.map(|subject| subject | IDLE));
        }
        let (place, touches) = account.ledger.add(event.time, seen.share, &self.touched);
        let in_force = (self.config.parts, self.settled);
        let read = (&self.touched[..], seen.pane);
        let (marked, last_mark) = account.mark_runs(&self.names, read, in_force);
        self.touches += touches + marked;
        Some((place, last_mark))
    }

    /// Panes that an account may hold: those of the horizon and of the longest window before it, and
    /// two days for what is not settled yet. Only future-dated events need more.
    fn panes_max(&self) -> usize {
        (self.kept_panes() + 2 * PANES_PER_DAY) as usize
    }

    /// Tests what was read in unusual circumstances.
    fn observe_odd(&mut self, seen: &Seen, aspects: Aspects, findings: &mut Vec<Finding>) {
        let panes_max = self.panes_max();
        let Some(account) = &mut self.accounts[seen.account.0 as usize] else {
            return;
        };
        let peers = self.groups.versions(account.group);
        let rarity = account.version_at(peers, seen.pane).rarity(aspects);
        if rarity < TIERS[0] {
            return;
        }
        let read = OddRead {
            rarity,
            aspects,
            time: seen.time,
            share: seen.share,
        };
        let mut odd = account.odd.take().unwrap_or_default();
        if let Some(gone) = odd.keep_below(panes_max, seen.pane) {
            self.touches -= gone;
            self.limits_reached[3] += 1;
        }
        let first = findings.len();
        self.touches += odd.observe(
            read,
            self.names.event_subjects(),
            self.settled,
            (|pane| account.version_until(peers, pane), &mut self.table),
            |pane, crossed| {
                findings.push(Finding {
                    account: seen.account,
                    pane,
                    crossed,
                });
            },
        );
        account.odd = Some(odd);
        if self
            .settled
            .is_none_or(|settled| seen.pane / PANES_PER_DAY > settled)
        {
            self.together
                .note(seen.pane / PANES_PER_DAY, seen.account.0);
        }
        for finding in &findings[first..] {
            account.unsettled.note_alarm(finding.pane, finding.crossed);
        }
    }

    /// What an event too old to be counted would have exposed, where its account is known.
    pub fn glance(&mut self, event: &AccessEvent<'_>) -> Option<Seen> {
        self.find(event.account)?;
        self.read(event)
    }

    /// Keeps the account while an incident of it is remembered, or lets it go.
    pub fn hold(&mut self, account: AccountId, held: bool) {
        if let Some(account) = &mut self.accounts[account.0 as usize] {
            account.held = held;
        }
    }

    /// What is known of the strongest test of a finding.
    pub fn explain(&mut self, finding: Finding) -> Explanation {
        let mut scratch = std::mem::take(&mut self.scratch);
        let budget = self.config.false_alerts_per_account_day;
        let mut table = std::mem::take(&mut self.table);
        let account = self.account(finding.account);
        let peers = self.groups.versions(account.group);
        let explanation = account.explain(
            peers,
            finding,
            &mut scratch,
            (budget, self.config.population),
            &mut table,
        );
        (self.scratch, self.table) = (scratch, table);
        explanation
    }

    /// How many people of a finding's `window` have [consecutive](crate::detect::sequence) ids.
    pub fn consecutive(&self, finding: Finding, window: Window) -> u64 {
        let ledger = &self.account(finding.account).ledger;
        let mut people: Vec<u32> = ledger
            .subjects(window.first(finding.pane), finding.pane)
            .collect();
        people.sort_unstable();
        people.dedup();
        consecutive(people.into_iter().filter_map(|id| self.names.subject(id)))
    }

    /// The account that `id` stands for.
    ///
    /// # Panics
    /// Panics where the account was let go: an incident holds its account.
    #[expect(clippy::expect_used, reason = "an incident holds its account")]
    pub fn account(&self, id: AccountId) -> &Account {
        let account = self.accounts[id.0 as usize].as_ref();
        account.expect("an account with an incident is held")
    }

    /// The people that the last event named, each once.
    pub fn event_subjects(&self) -> &[u32] {
        self.names.event_subjects()
    }

    /// The names of the attributes in a set of bits, sorted.
    pub fn field_names(&self, fields: u32) -> Vec<String> {
        self.names.field_names(fields)
    }

    /// Accounts remembered, by phase of their baselines, rising.
    pub fn accounts(&self) -> [usize; 3] {
        let all = self.accounts.len() - self.vacant.len();
        let [_, warming, mature] = self.phases;
        [all.saturating_sub(warming + mature), warming, mature]
    }

    /// Bytes of accounts and of subjects, estimated.
    pub fn bytes(&self) -> [usize; 2] {
        let accounts = self.accounts.len() * Account::BYTES + self.touches * 24 + self.known * 5;
        [accounts, self.names.bytes() + self.idle.bytes()]
    }

    /// The last day (since 1970) that is settled.
    pub fn settled(&self) -> Option<u32> {
        self.settled
    }

    /// Whether every person so far is known by number.
    pub fn is_exact(&self) -> bool {
        self.limits_reached[1..3] == [0, 0]
    }

    /// How often scores passed fixed levels, and how often they should have.
    pub fn exceedance(&self) -> &Exceedance {
        self.groups.exceedance()
    }

    /// How often the limits on accounts, on subjects, on pairs of them, on an account's panes, on
    /// attributes and on roles were met.
    pub fn limits_reached(&self) -> [u64; 6] {
        let [accounts, subjects, pairs, panes] = self.limits_reached;
        let (fields, roles) = (self.names.fields_past_limit(), self.groups.limit_reached());
        [accounts, subjects, pairs, panes, fields, roles]
    }
}

const _: () = assert!(
    TESTS < 31,
    "a finding's tests are bits, with one for refusals and one for the month"
);
