//! A stage for one account: what a copy of it does there, the detector never hears of.

use std::hash::BuildHasher as _;

use super::Detector;
use crate::detect::{Account, Config, peers::Prior};

impl Detector {
    /// A detector without accounts, in whose groups nothing moves: where [`cast`](Self::cast) lets one
    /// account play alone.
    pub(in crate::detect) fn rehearsal(&self) -> Self {
        let mut config = self.config.clone();
        // The limit that lets accounts go is the others' business.
        config.accounts_max = usize::MAX;
        Self {
            groups: self.groups.frozen(),
            names: self.names.after(self.config.subjects_max),
            ..Self::new(config)
        }
    }

    /// Makes a copy of `account` the only one, as it stands in `from`, whose rehearsal this is.
    pub(in crate::detect) fn cast(&mut self, from: &Self, account: &Account) {
        self.accounts.clear();
        self.accounts.push(Some(account.clone()));
        self.ids.clear();
        let hash = self
            .hasher
            .hash_one(account.name.as_deref().unwrap_or_default());
        self.ids.insert_unique(hash, 0, |_| hash);
        self.idle = from.idle.without_people();
        self.pending_days.clone_from(&from.pending_days);
        (self.settled, self.epoch) = (from.settled, from.epoch);
        (self.touches, self.known) = (from.touches, from.known);
    }

    /// The settings.
    pub(in crate::detect) fn config(&self) -> &Config {
        &self.config
    }

    /// The accounts that have a name, in no order.
    pub(in crate::detect) fn named(&self) -> impl Iterator<Item = &Account> {
        let accounts = self.accounts.iter().flatten();
        accounts.filter(|account| account.name.is_some())
    }

    /// What the peers of `account` have in common.
    pub(in crate::detect) fn prior_of(&self, account: &Account) -> &Prior {
        self.groups.prior(account.group)
    }
}
