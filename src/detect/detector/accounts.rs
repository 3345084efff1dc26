//! Which account an event is of: the one known by that name, a new one, or past the limit the one that
//! newcomers share.

use std::{hash::BuildHasher as _, sync::Arc};

use super::Detector;
use crate::{
    detect::{AccountId, Seen, account::Account, pane::pane_of, watermark::ACCOUNTS_CONFIRM},
    event::{AccessEvent, AccountKind, DAY_MS, Timestamp},
};

impl Detector {
    /// Whether an account had an event at `head` or before it.
    pub fn knew(&self, account: &str, head: Timestamp) -> bool {
        let id = self.find(account);
        let account = id.and_then(|id| self.accounts[id as usize].as_ref());
        account.is_some_and(|account| account.first_pane <= pane_of(head))
    }

    /// Whether as many accounts as confirm a jump of event time were active within the two weeks before
    /// `head`: whoever is away for longer is not waited for.
    pub fn are_several_active(&self, head: Timestamp) -> bool {
        let since = head.plus_millis(-14 * DAY_MS);
        let accounts = self.accounts.iter().flatten();
        let active = accounts
            .filter(|account| account.first_pane <= pane_of(head) && account.last_event >= since);
        active.take(ACCOUNTS_CONFIRM).count() == ACCOUNTS_CONFIRM
    }

    /// Reads who and what an event exposes; finds its account or makes it.
    pub(super) fn read(&mut self, event: &AccessEvent<'_>) -> Option<Seen> {
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
            exposes: true,
        })
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let accounts = &self.accounts;
        let same = |&id: &u32| {
            let held = accounts[id as usize].as_ref();
            held.and_then(|account| account.name.as_ref())
                .is_some_and(|held| held.is(name))
        };
        self.ids.find(self.hasher.hash_one(name), same).copied()
    }

    pub(super) fn find_or_make(&mut self, event: &AccessEvent<'_>) -> AccountId {
        if let Some(id) = self.find(event.account) {
            self.fill_in(id, event);
            return AccountId(id);
        }
        let declared = Arc::clone(&self.config.declared);
        let own = declared.account(event.account);
        let is_full = self.accounts.len() - self.vacant.len() >= self.config.accounts_max;
        // What is declared would be lost in the bucket; there are as many such as the config says.
        if is_full && own.is_none() {
            self.limits_reached[0] += 1;
            return self.shared_bucket();
        }
        let kind = own.and_then(|own| own.kind).unwrap_or(event.account_kind);
        let group = self.groups.find_or_make(kind, event.role);
        let mut account = Account::new(Some(event.account), kind, group);
        account.declare(&declared, own, self.groups.versions(group));
        account.is_vague = event.role.is_none();
        let id = self.place(account);
        let hash = self.hasher.hash_one(event.account);
        let (accounts, hasher) = (&self.accounts, &self.hasher);
        self.ids.insert_unique(hash, id, |&id| {
            hasher.hash_one(account_name(accounts, id).unwrap_or_default())
        });
        AccountId(id)
    }

    /// Takes the kind and the role from an event of the account's first day, where those before it did
    /// not say them: a login says less than a read.
    fn fill_in(&mut self, id: u32, event: &AccessEvent<'_>) {
        let Some(account) = &mut self.accounts[id as usize] else {
            return;
        };
        let says_more = event.role.is_some() || event.account_kind != account.kind;
        if !account.is_vague || !says_more {
            return;
        }
        let declared = Arc::clone(&self.config.declared);
        let own = declared.account(event.account);
        let kind = match (own.and_then(|own| own.kind), event.account_kind) {
            (None, AccountKind::Unknown) => account.kind,
            (Some(kind), _) | (None, kind) => kind,
        };
        account.is_vague = event.role.is_none();
        if kind != account.kind || event.role.is_some() {
            let group = self.groups.find_or_make(kind, event.role);
            account.regroup(kind, group);
            account.declare(&declared, own, self.groups.versions(group));
        }
    }

    fn shared_bucket(&mut self) -> AccountId {
        if let Some(id) = self.bucket {
            return AccountId(id);
        }
        let group = self.groups.find_or_make(AccountKind::Unknown, None);
        let mut account = Account::new(None, AccountKind::Unknown, group);
        account.declare(&self.config.declared, None, self.groups.versions(group));
        let id = self.place(account);
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
}

/// The name of an account; nothing for the one that newcomers share.
pub(super) fn account_name(accounts: &[Option<Account>], id: u32) -> Option<&str> {
    accounts[id as usize].as_ref()?.name.as_deref()
}
