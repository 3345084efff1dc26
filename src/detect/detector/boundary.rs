//! What happens when event time passes a boundary: an hour's end, and a day's.

use std::{collections::BTreeSet, hash::BuildHasher as _};

use super::{Detector, accounts::account_name};
use crate::{
    detect::{
        AccountId, Finding, Part, Seen,
        account::Account,
        merge_findings,
        pane::{PANE_MS, PANES_PER_DAY, PANES_PER_HOUR, Share, pane_of, pane_start},
        settle::{DayEnd, Teaching},
        together::Gathering,
        version::Version,
        window::Window,
    },
    event::{AccountKind, DAY_MS, Timestamp},
};

/// Day ends at the limit make room for this share of the accounts: one in sixteen.
const ROOM: usize = 16;

impl Detector {
    /// Takes in that no event before `watermark` is awaited: looks at the accounts together at each
    /// hour's end, and settles the days that are over. Gives the hours at which accounts together
    /// read too much.
    ///
    /// `teaching` says what an account's day teaches, since 1970, where it raised an alarm.
    pub fn advance(
        &mut self,
        watermark: Timestamp,
        teaching: &mut dyn FnMut(AccountId, u32) -> Teaching,
    ) -> Vec<Gathering> {
        let gatherings = self.gather(pane_of(watermark));
        self.settle_days(watermark, teaching);
        gatherings
    }

    fn gather(&mut self, passed: u32) -> Vec<Gathering> {
        let due = self.together.pass(passed);
        if !self.config.parts.has(Part::Together) {
            return Vec::new();
        }
        let gather = |(hour, ids): (u32, BTreeSet<u32>)| {
            let accounts = ids.iter().filter_map(|id| {
                let account = self.accounts[*id as usize].as_ref()?;
                let peers = self.groups.versions(account.group);
                Some((account, account.version_at(peers, hour * PANES_PER_HOUR)))
            });
            let accounts: Vec<_> = accounts.collect();
            let accounts = accounts
                .iter()
                .map(|(account, version)| (*account, &**version));
            self.together.judge(hour, &accounts.collect::<Vec<_>>())
        };
        due.into_iter().filter_map(gather).collect()
    }

    /// Settles the days that end at or before `watermark`: what they taught is in force from their
    /// end plus the lateness on.
    fn settle_days(
        &mut self,
        watermark: Timestamp,
        teaching: &mut dyn FnMut(AccountId, u32) -> Teaching,
    ) {
        let complete = u32::try_from(watermark.as_millis().div_euclid(DAY_MS)).unwrap_or(0);
        if self.settled.is_some_and(|settled| settled + 1 >= complete) || complete == 0 {
            return;
        }
        while let Some(day) = self.pending_days.first().copied() {
            if day >= complete {
                break;
            }
            self.pending_days.pop_first();
            self.settle(day, pane_of(watermark), teaching);
        }
        self.together.forget(complete);
        self.settled = Some(complete - 1);
        self.forget(watermark);
        self.make_room(watermark);
        self.phases = [0; 3];
        for account in self.accounts.iter().flatten() {
            self.phases[account.maturity() as usize] += 1;
        }
    }

    fn settle(
        &mut self,
        day: u32,
        passed: u32,
        teaching: &mut dyn FnMut(AccountId, u32) -> Teaching,
    ) {
        let end = pane_start((day + 1) * PANES_PER_DAY).plus_millis(self.config.lateness_ms);
        let mut day_end = DayEnd {
            day,
            from: pane_of(end.plus_millis(PANE_MS - 1)),
            passed,
            is_full: false,
            is_established: self.idle.tells_on(day),
            idle_share: 0.0,
            teaching: Teaching::Guarded,
            parts: self.config.parts,
        };
        let active = self.count_day(day_end);
        for &id in &active {
            let Some(account) = &mut self.accounts[id] else {
                continue;
            };
            let group = account.group;
            day_end.idle_share = self.groups.idle_share(group);
            day_end.is_full = self.known >= self.config.pairs_max;
            day_end.teaching = match u32::try_from(id) {
                Ok(id) if account.unsettled.is_alarmed_on(day) => teaching(AccountId(id), day),
                _ => Teaching::Guarded,
            };
            if account.note_alarm(day) && day_end.teaching != Teaching::Nothing {
                self.groups.note_small_alarm();
            }
            let known_before = account.people_held();
            let (peers, prior) = (self.groups.versions(group), self.groups.prior(group));
            let shown = account.settle(
                day_end,
                peers,
                prior,
                self.groups.common(group),
                &mut self.table,
            );
            self.known = self.known + account.people_held() - known_before;
            self.limits_reached[2] += u64::from(day_end.is_full);
            if let Some(shown) = shown {
                self.groups.experience(group, &shown);
            }
        }
        let from = day_end.from;
        let budget = self.config.false_alerts_per_account_day;
        self.together.settle(day, active.len(), from, budget);
        let over = (day + 1) * PANES_PER_DAY;
        // A window ends no earlier than the event it is tested for.
        let ends_from = over.saturating_sub(self.horizon_panes());
        let keep_from = over.saturating_sub(self.kept_panes());
        let accounts = self.accounts.iter().flatten();
        if self.config.parts.has(Part::Idle) && self.idle.is_usual_known_on(day) {
            self.groups.tell_of_idle();
        }
        self.groups
            .end_day(accounts, (day, from), keep_from, &mut self.table);
        for id in active {
            let Some(account) = &mut self.accounts[id] else {
                continue;
            };
            let (prior, asked) = self.groups.terms(account.group);
            account.note_stops(&asked.stops, (day, from));
            let version = Version::new(from, account.history(), prior, asked, &mut self.table);
            account.put_in_force(version, ends_from);
        }
        self.epoch += 1;
        // Of several days settled in a row the first: they rise.
        self.in_force_from.get_or_insert(from);
    }

    /// Tests anew what was read in panes that the days settled last are in force for. Where event time
    /// leaps, as after a night, the first accounts read on before it is sure of the leap, and are tested
    /// by what was known the evening before.
    pub fn test_again(&mut self) -> Vec<(Seen, Vec<Finding>)> {
        let Some(from) = self.in_force_from.take() else {
            return Vec::new();
        };
        self.names.forget_event();
        let mut again = Vec::new();
        for (id, account) in (0..).zip(&mut self.accounts) {
            let Some(account) = account else { continue };
            if account.ledger.newest().is_none_or(|newest| newest < from) {
                continue;
            }
            let peers = self.groups.versions(account.group);
            let mut findings = Vec::new();
            account.test_since(peers, from, &mut self.scratch, |pane, crossed| {
                findings.push(Finding {
                    account: AccountId(id),
                    pane,
                    crossed,
                });
            });
            merge_findings(&mut findings);
            let Some(last) = findings.last() else {
                continue;
            };
            let seen = Seen {
                account: AccountId(id),
                pane: last.pane,
                time: pane_start(last.pane + 1).plus_millis(-1),
                share: Share::default(),
                exact: true,
                exposes: false,
            };
            for finding in &findings {
                account.unsettled.note_alarm(finding.pane, finding.crossed);
            }
            again.push((seen, findings));
        }
        again
    }

    /// Counts what every account read on a day, gives them to their groups, and says which were active.
    fn count_day(&mut self, DayEnd { day, from, .. }: DayEnd) -> Vec<usize> {
        let mut active = Vec::new();
        for (id, slot) in self.accounts.iter_mut().enumerate() {
            let Some(account) = slot else { continue };
            if let Some(refused) = &mut account.refused {
                refused.settle(day, from, account.baseline.days);
            }
            let prior = self.groups.prior(account.group);
            if let Some(counts) = account.day_counts(day, prior, &mut self.scratch) {
                self.groups.add_day(account.group, counts);
                active.push(id);
                if account.kind != AccountKind::Service {
                    self.idle.learn(day, account.ledger.subjects_of(day));
                    // What a theft takes says nothing of what is usual.
                    if !account.unsettled.is_alarmed_on(day) {
                        let [(all, _), _, (idle, _)] = counts;
                        let people = [all, idle].map(u64::from);
                        self.groups.add_idle(account.group, people);
                    }
                }
            }
        }
        active
    }

    /// Forgets panes that no event within the horizon can ask for.
    fn forget(&mut self, watermark: Timestamp) {
        let keep_from = pane_of(watermark).saturating_sub(self.kept_panes());
        for account in self.accounts.iter_mut().flatten() {
            self.touches -= account.ledger.forget(keep_from);
            if let Some(refused) = &mut account.refused {
                refused.forget(keep_from);
            }
            if let Some(odd) = &mut account.odd {
                self.touches -= odd.forget(keep_from);
                account.odd.take_if(|odd| odd.is_empty());
            }
        }
    }

    /// Panes kept behind the watermark: the horizon, and the longest window before it.
    pub(super) fn kept_panes(&self) -> u32 {
        self.horizon_panes() + Window::Day.panes()
    }

    /// Panes behind the watermark that an event may be counted in.
    fn horizon_panes(&self) -> u32 {
        pane_of(Timestamp::from_millis(self.config.horizon_ms)) + 1
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
            let kept = account.held || account.is_declared || account.is_live(now);
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
                self.touches -= gone.odd.take().map_or(0, |mut odd| odd.forget(u32::MAX));
                self.known -= gone.people_held();
            }
            self.vacant.extend(u32::try_from(id).ok());
        }
    }
}
