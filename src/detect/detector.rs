//! The detector of one feed: every account's windows, tested at every event.

mod rehearsal;

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, RandomState},
};

use hashbrown::HashTable;

use crate::{
    detect::{
        AccountId, Config, Explanation, Finding, Seen,
        account::Account,
        critical::Table,
        exceedance::Exceedance,
        groups::Groups,
        ledger::{Place, Scratch},
        names::Names,
        pane::{PANE_MS, PANES_PER_DAY, pane_of, pane_start},
        settle::DayEnd,
        version::{TESTS, Version},
        window::{NOVEL, Window},
    },
    event::{AccessEvent, AccountKind, DAY_MS, Timestamp},
};

/// Panes an account may hold: those of four days. Only future-dated events can need more.
const PANES_MAX: usize = 11_520;
/// Day ends at the limit make room for this share of the accounts: one in sixteen.
const ROOM: usize = 16;

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
    names: Names,
    table: Table,
    scratch: Scratch,
    /// What the last event touched.
    touched: Vec<u32>,
    /// Days (since 1970) that some account was active in and that are not settled.
    pending_days: BTreeSet<u32>,
    settled: Option<u32>,
    /// Rises whenever critical counts change.
    epoch: u32,
    touches: usize,
    /// Pairs of an account and a person it knows.
    known: usize,
    phases: [usize; 3],
    limits_reached: [u64; 3],
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new(config: Config) -> Self {
        let names = Names::new(config.subjects_max);
        let groups = Groups::new(config.false_alerts_per_account_day);
        Self {
            config,
            ids: HashTable::new(),
            hasher: RandomState::new(),
            accounts: Vec::new(),
            vacant: Vec::new(),
            bucket: None,
            groups,
            names,
            table: Table::default(),
            scratch: Scratch::default(),
            touched: Vec::new(),
            pending_days: BTreeSet::new(),
            settled: None,
            epoch: 1,
            touches: 0,
            known: 0,
            phases: [0; 3],
            limits_reached: [0; 3],
        }
    }

    /// Counts an event and tests every window that holds it. Nothing comes back for an event that
    /// exposes nobody.
    pub fn observe(
        &mut self,
        event: &AccessEvent<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Seen> {
        let seen = self.read(event)?;
        let account = self.accounts[seen.account.0 as usize].as_mut()?;
        account.last_event = account.last_event.max(event.time);
        let subjects = self.names.event_subjects();
        self.touched.clear();
        self.touched.extend_from_slice(subjects);
        let new = account.familiar.strangers(subjects, seen.pane);
        self.touched.extend(new.map(|subject| subject | NOVEL));
        let (place, touches) = account.ledger.add(event.time, seen.share, &self.touched);
        self.touches += touches;
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
                account.test_behind(peers, seen.pane, &mut self.scratch, |pane, crossed| {
                    findings.push(Finding {
                        account: seen.account,
                        pane,
                        crossed,
                    });
                });
                for finding in &findings[first..] {
                    account.unsettled.note_alarm(finding.pane, finding.crossed);
                }
                begun
            }
        };
        if begun {
            self.pending_days.insert(seen.pane / PANES_PER_DAY);
        }
        if account.ledger.panes_held() > PANES_MAX {
            let newest = account.ledger.newest().unwrap_or(0);
            self.touches -= account.ledger.forget(newest.saturating_sub(PANES_PER_DAY));
        }
        Some(seen)
    }

    /// What an event too old to be counted would have exposed, where its account is known.
    pub fn glance(&mut self, event: &AccessEvent<'_>) -> Option<Seen> {
        self.find(event.account)?;
        self.read(event)
    }

    /// Settles the days that end at or before `watermark`: what they taught is in force from their
    /// end plus the lateness on.
    pub fn advance(&mut self, watermark: Timestamp) {
        let complete = u32::try_from(watermark.as_millis().div_euclid(DAY_MS)).unwrap_or(0);
        if self.settled.is_some_and(|settled| settled + 1 >= complete) || complete == 0 {
            return;
        }
        while let Some(day) = self.pending_days.first().copied() {
            if day >= complete {
                break;
            }
            self.pending_days.pop_first();
            self.settle(day, pane_of(watermark));
        }
        self.settled = Some(complete - 1);
        self.forget(watermark);
        self.make_room(watermark);
        self.phases = [0; 3];
        for account in self.accounts.iter().flatten() {
            self.phases[account.maturity() as usize] += 1;
        }
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
        let account = self.account(finding.account);
        let peers = self.groups.versions(account.group);
        let explanation = account.explain(peers, finding, &mut scratch);
        self.scratch = scratch;
        explanation
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
        let each = size_of::<Account>() + 2 * size_of::<Version>() + 200;
        let accounts = self.accounts.len() * each + self.touches * 24 + self.known * 4;
        [accounts, self.names.bytes()]
    }

    /// Whether every person so far is known by number.
    pub fn is_exact(&self) -> bool {
        self.limits_reached[1..] == [0, 0]
    }

    /// How often scores passed fixed levels, and how often they should have.
    pub fn exceedance(&self) -> &Exceedance {
        self.groups.exceedance()
    }

    /// How often the limits on accounts, on subjects and on pairs of them were met.
    pub fn limits_reached(&self) -> [u64; 3] {
        self.limits_reached
    }

    /// Reads who and what an event exposes; finds its account or makes it.
    fn read(&mut self, event: &AccessEvent<'_>) -> Option<Seen> {
        let counts = event.action.is_read()
            && event.outcome.exposes()
            && (self.config.datasets.is_empty() || self.config.datasets.contains(event.dataset));
        if !counts {
            return None;
        }
        let account = self.find_or_make(event);
        let is_full = self.touches >= self.config.pairs_max && !event.subjects.is_empty();
        self.limits_reached[2] += u64::from(is_full);
        let (share, exact) = self.names.read(event, is_full);
        self.limits_reached[1] += u64::from(!exact && !is_full);
        Some(Seen {
            account,
            pane: pane_of(event.time),
            time: event.time,
            share,
            exact,
        })
    }

    fn find(&self, name: &str) -> Option<u32> {
        let accounts = &self.accounts;
        let same = |&id: &u32| {
            let held = accounts[id as usize].as_ref();
            held.and_then(|account| account.name.as_ref())
                .is_some_and(|held| held.is(name))
        };
        self.ids.find(self.hasher.hash_one(name), same).copied()
    }

    fn find_or_make(&mut self, event: &AccessEvent<'_>) -> AccountId {
        if let Some(id) = self.find(event.account) {
            return AccountId(id);
        }
        if self.accounts.len() - self.vacant.len() >= self.config.accounts_max {
            self.limits_reached[0] += 1;
            return self.shared_bucket();
        }
        let group = self
            .groups
            .find_or_make(event.account_kind, event.role, &mut self.table);
        let account = Account::new(Some(event.account), event.account_kind, group);
        let id = self.place(account);
        let hash = self.hasher.hash_one(event.account);
        let (accounts, hasher) = (&self.accounts, &self.hasher);
        self.ids.insert_unique(hash, id, |&id| {
            hasher.hash_one(account_name(accounts, id).unwrap_or_default())
        });
        AccountId(id)
    }

    fn shared_bucket(&mut self) -> AccountId {
        if let Some(id) = self.bucket {
            return AccountId(id);
        }
        let group = self
            .groups
            .find_or_make(AccountKind::Unknown, None, &mut self.table);
        let id = self.place(Account::new(None, AccountKind::Unknown, group));
        self.bucket = Some(id);
        AccountId(id)
    }

    fn place(&mut self, account: Account) -> u32 {
        if let Some(id) = self.vacant.pop() {
            self.accounts[id as usize] = Some(account);
            return id;
        }
        self.accounts.push(Some(account));
        u32::try_from(self.accounts.len() - 1).unwrap_or(u32::MAX)
    }

    fn settle(&mut self, day: u32, passed: u32) {
        let end = pane_start((day + 1) * PANES_PER_DAY).plus_millis(self.config.lateness_ms);
        let mut day_end = DayEnd {
            day,
            from: pane_of(end.plus_millis(PANE_MS - 1)),
            passed,
            is_full: false,
        };
        let mut active = Vec::new();
        for (id, slot) in self.accounts.iter_mut().enumerate() {
            let Some(account) = slot else { continue };
            let prior = self.groups.prior(account.group);
            if let Some(counts) = account.day_counts(day, prior, &mut self.scratch) {
                self.groups.add_day(account.group, counts);
                active.push(id);
            }
        }
        for &id in &active {
            let Some(account) = &mut self.accounts[id] else {
                continue;
            };
            let group = account.group;
            day_end.is_full = self.known >= self.config.pairs_max;
            let known_before = account.people_held();
            let (peers, prior) = (self.groups.versions(group), self.groups.prior(group));
            let scores = account.settle(day_end, peers, prior, self.groups.common(group));
            self.known = self.known + account.people_held() - known_before;
            self.limits_reached[2] += u64::from(day_end.is_full);
            if let Some(scores) = scores {
                self.groups.experience(group, &scores);
            }
        }
        let from = day_end.from;
        let keep_from = ((day + 1) * PANES_PER_DAY).saturating_sub(self.kept_panes());
        let accounts = self.accounts.iter().flatten();
        self.groups
            .end_day(accounts, from, keep_from, &mut self.table);
        for id in active {
            let Some(account) = &mut self.accounts[id] else {
                continue;
            };
            let (prior, scores) = (
                self.groups.prior(account.group),
                self.groups.critical(account.group),
            );
            let version = Version::new(from, account.history(), prior, scores, &mut self.table);
            account.put_in_force(version, keep_from);
        }
        self.epoch += 1;
    }

    /// Forgets panes that no event within the horizon can ask for.
    fn forget(&mut self, watermark: Timestamp) {
        let keep_from = pane_of(watermark).saturating_sub(self.kept_panes());
        for account in self.accounts.iter_mut().flatten() {
            self.touches -= account.ledger.forget(keep_from);
        }
    }

    /// Panes kept behind the watermark: the horizon, and the longest window before it.
    fn kept_panes(&self) -> u32 {
        pane_of(Timestamp::from_millis(self.config.horizon_ms)) + Window::Day.panes() + 1
    }

    /// At the limit, lets go of accounts without a live baseline or an incident, the longest idle
    /// first, so that newcomers are told apart again.
    fn make_room(&mut self, now: Timestamp) {
        let held = self.accounts.len() - self.vacant.len();
        if held < self.config.accounts_max {
            return;
        }
        let idle = |(id, slot): (usize, &Option<Account>)| {
            let account = slot.as_ref()?;
            let name = account.name.as_deref()?;
            let kept = account.held || account.is_live(now);
            (!kept).then(|| (account.last_event, name.to_owned(), id))
        };
        let mut idle: Vec<_> = self.accounts.iter().enumerate().filter_map(idle).collect();
        idle.sort_unstable();
        idle.truncate((self.config.accounts_max / ROOM).max(1));
        for (_, name, id) in idle {
            let hash = self.hasher.hash_one(name.as_str());
            let accounts = &self.accounts;
            let same = |&id: &u32| account_name(accounts, id) == Some(name.as_str());
            if let Ok(entry) = self.ids.find_entry(hash, same) {
                entry.remove();
            }
            if let Some(mut gone) = self.accounts[id].take() {
                self.touches -= gone.ledger.forget(u32::MAX);
                self.known -= gone.people_held();
            }
            self.vacant.extend(u32::try_from(id).ok());
        }
    }
}

const _: () = assert!(TESTS <= 16, "a finding's tests are bits of two bytes");

fn account_name(accounts: &[Option<Account>], id: u32) -> Option<&str> {
    accounts[id as usize].as_ref()?.name.as_deref()
}
