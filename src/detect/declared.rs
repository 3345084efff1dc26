//! What the operator knows and has declared of one supplier: the days it works on, what accounts
//! are, what they must never do, and the jobs they run.
//!
//! Declared knowledge needs no history: it holds from an account's first event on.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    detect::{jobs::Job, season::Calendar},
    event::AccountKind,
};

/// What is declared of one account.
#[derive(Clone, Debug, Default)]
pub struct DeclaredAccount {
    /// What it is, whatever its events say.
    pub kind: Option<AccountKind>,
    /// Whether each export by it is an incident.
    pub never_exports: bool,
    /// Whether it may read any share of the supplier's people.
    pub may_read_all: bool,
    /// Its jobs.
    pub jobs: Arc<[Job]>,
}

/// What is declared of one supplier.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The days it works on.
    pub calendar: Calendar,
    accounts: BTreeMap<String, DeclaredAccount>,
}

impl Declared {
    /// What is declared of accounts, by name, under a calendar.
    pub const fn new(calendar: Calendar, accounts: BTreeMap<String, DeclaredAccount>) -> Self {
        Self { calendar, accounts }
    }

    /// What is declared of an account; nothing for most.
    pub fn account(&self, name: &str) -> Option<&DeclaredAccount> {
        self.accounts.get(name)
    }
}
