//! The peer groups of one supplier, and what is expected of a newcomer to each.

use std::collections::HashMap;

use crate::{
    detect::{
        account::{Account, forget_versions},
        baseline::Baseline,
        critical::Table,
        peers::{PeerSums, Prior},
        season::Season,
        version::Version,
    },
    event::AccountKind,
};

/// Groups told apart. Roles past them share the group of their kind.
const GROUPS_MAX: usize = 1_024;

/// A peer group: the accounts of one role, or of one kind where no role is said.
#[derive(Debug)]
struct Group {
    kind: AccountKind,
    /// What is expected of newcomers; never empty.
    versions: Vec<Version>,
}

/// Every group met so far, by number.
#[derive(Debug, Default)]
pub struct Groups {
    groups: Vec<Group>,
    ids: HashMap<(AccountKind, Option<Box<str>>), u32>,
}

impl Groups {
    /// The number of the group of such accounts, made where it is new.
    pub fn find_or_make(
        &mut self,
        kind: AccountKind,
        role: Option<&str>,
        table: &mut Table,
    ) -> u32 {
        let key = (kind, role.map(Into::into));
        if let Some(&group) = self.ids.get(&key) {
            return group;
        }
        if role.is_some() && self.groups.len() >= GROUPS_MAX {
            return self.find_or_make(kind, None, table);
        }
        let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(Group {
            kind,
            versions: vec![newcomer(0, &Prior::WEAK, table)],
        });
        self.ids.insert(key, group);
        group
    }

    /// What was and is expected of a newcomer to `group`, the oldest first; never empty.
    ///
    /// # Panics
    /// Panics where there is no such group.
    pub fn versions(&self, group: u32) -> &[Version] {
        &self.groups[group as usize].versions
    }

    /// What is expected of each group: its own accounts, leaning on those of its kind.
    pub fn priors<'a>(&self, accounts: impl Iterator<Item = &'a Account>) -> Vec<Prior> {
        let mut groups = vec![PeerSums::default(); self.groups.len()];
        let mut kinds: [PeerSums; 4] = std::array::from_fn(|_| PeerSums::default());
        for account in accounts.filter(|account| account.baseline.days > 0) {
            let group = account.group as usize;
            let kind = self.groups[group].kind as usize;
            groups[group].add(&account.baseline, &account.season);
            kinds[kind].add(&account.baseline, &account.season);
        }
        let kinds = kinds.map(|sums| sums.prior(&Prior::WEAK));
        let of = |(sums, group): (&PeerSums, &Group)| sums.prior(&kinds[group.kind as usize]);
        groups.iter().zip(&self.groups).map(of).collect()
    }

    /// Puts what `priors` expect of newcomers in force from the pane `from` on, and forgets what no
    /// pane from `keep_from` on needs.
    pub fn put_in_force(&mut self, from: u32, priors: &[Prior], keep_from: u32, table: &mut Table) {
        for (group, prior) in self.groups.iter_mut().zip(priors) {
            group.versions.push(newcomer(from, prior, table));
            forget_versions(&mut group.versions, keep_from);
        }
    }
}

/// What is expected of an account of a group before it has a history.
fn newcomer(from: u32, prior: &Prior, table: &mut Table) -> Version {
    Version::new(from, &Baseline::default(), &Season::default(), prior, table)
}
