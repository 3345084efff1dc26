//! One episode of one account: when it was, and whom it exposed.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use crate::{
    detect::{
        Account, AccountId, Finding, Seen,
        diary::Page,
        pane::{pane_of, pane_start},
    },
    event::Timestamp,
    incident::{Evidence, Explanation, Kind, Severity},
    intern::IdHash,
};

/// The people, records and attributes of a run of panes.
#[derive(Debug, Default)]
pub(super) struct Exposed {
    pub subjects: HashSet<u32, IdHash>,
    pub records: u64,
    pub unnamed: u64,
    pub fields: u32,
}

impl Exposed {
    /// Adds what the account read in the panes from `from` to `to`, both included.
    fn absorb(&mut self, account: &Account, from: u32, to: u32) {
        let (diary, ledger) = (&account.diary, &account.ledger);
        let gone = diary.gone((from, to), ledger);
        let held = diary.held((from, to), ledger);
        for share in gone
            .map(|page| page.share)
            .chain(held.map(|pane| pane.share))
        {
            self.records += share.records;
            self.unnamed += share.unnamed;
            self.fields |= share.fields;
        }
        let gone = diary.gone((from, to), ledger);
        self.subjects
            .extend(gone.flat_map(|page| page.subjects.iter()));
        self.subjects
            .extend(diary.held_subjects((from, to), ledger));
    }

    /// People exposed: those named, and the records without a name at their most.
    pub(super) fn people(&self) -> u64 {
        self.subjects.len() as u64 + self.unnamed
    }
}

/// What a finding did to an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extended {
    /// Nothing: it held the pane.
    Not,
    /// It reaches over these panes now, the first and the last.
    Panes(u32, u32),
    /// Its start moved; its exposure was counted from the panes.
    CountedAnew,
}

/// One episode: from the first window that crossed to the last.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
pub(super) struct Episode {
    pub id: String,
    pub account: AccountId,
    /// The earliest pane at which a window crossed, and the tests that crossed there.
    pub first: Finding,
    /// The latest pane at which a window crossed, and whether refused attempts did there.
    pub last_pane: u32,
    last_is_of_refusals: bool,
    /// The pane of the first counted event.
    pub start_pane: u32,
    pub started_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub exposed: Exposed,
    pub exact: bool,
    pub evidence: BTreeMap<u32, (u64, u64)>,
    pub kind: Kind,
    /// The kind that named it, where its account has no name.
    pub kind_at_first: Kind,
    pub severity: Severity,
    /// What the last alert was explained with.
    pub told: Option<Explanation>,
    /// When the last alert was raised.
    pub raised_at: Timestamp,
    /// Earlier closings.
    pub closings: u64,
    /// The highest revision given out.
    pub revision: u64,
    pub closed: bool,
    /// Whether nothing was told since it opened (again).
    pub untold: bool,
    pub late: bool,
    /// Whether an alert of it was told, and whether the last one was muted.
    pub is_paged: bool,
    pub is_muted: bool,
}

impl Episode {
    /// The episode that `finding` begins.
    pub(super) fn new(finding: Finding, account: &Account, kind: Kind) -> Self {
        let mut episode = Self {
            id: String::new(),
            account: finding.account,
            first: finding,
            last_pane: finding.pane,
            last_is_of_refusals: finding.is_of_refusals(),
            start_pane: finding.pane,
            started_at: pane_start(finding.pane),
            last_seen_at: pane_start(finding.pane),
            exposed: Exposed::default(),
            exact: true,
            evidence: BTreeMap::new(),
            kind,
            kind_at_first: kind,
            severity: Severity::Low,
            told: None,
            raised_at: pane_start(finding.pane),
            closings: 0,
            revision: 0,
            closed: false,
            untold: true,
            late: false,
            is_paged: false,
            is_muted: false,
        };
        episode.count_anew(account);
        episode
    }

    /// Takes another finding into the episode; `pane` is that of the event that raised it.
    pub(super) fn extend(&mut self, finding: Finding, pane: u32, account: &Account) -> Extended {
        if finding.pane < self.first.pane {
            self.first = finding;
            self.count_anew(account);
            return Extended::CountedAnew;
        }
        if finding.pane == self.first.pane {
            let before = self.first;
            self.first = self.first.with(finding);
            let earlier = pane < self.start_pane && pane >= account.first_pane(self.first);
            let is_other = self.first.shortest() != before.shortest()
                || self.first.is_of_refusals() != before.is_of_refusals();
            if is_other || earlier {
                self.last_is_of_refusals |=
                    self.last_pane == finding.pane && finding.is_of_refusals();
                self.count_anew(account);
                return Extended::CountedAnew;
            }
        }
        if finding.pane == self.last_pane && finding.is_of_refusals() {
            self.last_is_of_refusals = true;
            self.see_last(account);
        }
        if finding.pane > self.last_pane {
            let from = self.last_pane + 1;
            self.last_is_of_refusals = finding.is_of_refusals();
            self.reach(finding.pane, account);
            return Extended::Panes(from, finding.pane);
        }
        Extended::Not
    }

    /// Takes an event of the account into the exposure, which `extend` has not counted: it lies in
    /// a pane that the episode held before.
    pub(super) fn add(&mut self, seen: &Seen, subjects: &[u32]) {
        self.exposed.records += seen.share.records;
        self.exposed.unnamed += seen.share.unnamed;
        self.exposed.fields |= seen.share.fields;
        self.exposed.subjects.extend(subjects.iter().copied());
        self.exact &= seen.exact;
        self.started_at = self.started_at.min(seen.time);
        if seen.pane == self.last_pane {
            self.last_seen_at = self.last_seen_at.max(seen.time);
        }
    }

    /// Takes the people of an event too old to be counted.
    pub(super) fn expose(&mut self, seen: &Seen, subjects: &[u32]) {
        self.exposed.fields |= seen.share.fields;
        self.exposed.subjects.extend(subjects.iter().copied());
        self.exact &= seen.exact;
    }

    /// Takes a later episode of the account in. Gives back the panes that were added.
    pub(super) fn join(&mut self, later: Self, account: &Account) -> (u32, u32) {
        let from = self.last_pane + 1;
        if later.last_pane >= from {
            self.last_is_of_refusals = later.last_is_of_refusals;
            self.reach(later.last_pane, account);
        }
        self.exposed.fields |= later.exposed.fields;
        self.exposed.subjects.extend(later.exposed.subjects);
        self.exact &= later.exact;
        self.late |= later.late;
        self.is_paged |= later.is_paged;
        self.severity = self.severity.max(later.severity);
        (from, later.last_pane)
    }

    /// Whether a pane lies in it.
    pub(super) const fn holds(&self, pane: u32) -> bool {
        self.start_pane <= pane && pane <= self.last_pane
    }

    /// Whether an event in `pane` that fell behind is its first: it lies in the window that crossed
    /// first, before what was there, and may have crossed nothing itself, where that window counts
    /// but some of the reads.
    pub(super) fn begins_with(&self, pane: u32, account: &Account) -> bool {
        pane < self.start_pane && pane >= account.first_pane(self.first)
    }

    /// Counts it anew, from such an event on; gives the pane it begins in.
    pub(super) fn begin_anew(&mut self, account: &Account) -> u32 {
        self.count_anew(account);
        self.start_pane
    }

    /// Notes positions that hold events of it.
    pub(super) fn note(&mut self, source: u32, first: u64, last: u64) {
        let range = self.evidence.entry(source).or_insert((first, last));
        *range = (range.0.min(first), range.1.max(last));
    }

    /// Its evidence, by source.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let ranges = self.evidence.iter();
        ranges
            .map(|(&source, &(first, last))| Evidence {
                source,
                first,
                last,
            })
            .collect()
    }

    /// Goes on to the later pane `last`. Where panes are gone, their days are counted whole, with what was
    /// counted of them before: then more may be counted than the incident read.
    fn reach(&mut self, last: u32, account: &Account) {
        let added = (self.last_pane + 1, last);
        self.last_pane = last;
        let (diary, ledger) = (&account.diary, &account.ledger);
        let end = pane_start(last + 1);
        let is_whole = |page: &Page| page.span[0] >= self.started_at && page.span[1] < end;
        let is_gone = diary.gone(added, ledger).next().is_some();
        if is_gone {
            let mut days = diary.gone((self.start_pane, last), ledger);
            self.exact &= days.all(is_whole);
            let before = std::mem::take(&mut self.exposed);
            self.exposed.absorb(account, self.start_pane, last);
            self.exposed.subjects.extend(before.subjects);
            self.exposed.fields |= before.fields;
        } else {
            self.exposed.absorb(account, added.0, added.1);
        }
        self.see_last(account);
    }

    /// The start and the exposure, after the earliest window changed.
    fn count_anew(&mut self, account: &Account) {
        let from = account.first_pane(self.first);
        let (diary, ledger) = (&account.diary, &account.ledger);
        let odd = account.odd.as_ref().filter(|_| self.first.is_of_odd());
        let odd = odd.and_then(|odd| odd.reads((from, self.first.pane)).0.next());
        // Reads in usual circumstances before those are not what was counted.
        let window = (odd.map_or(from, |pane| pane.index), self.first.pane);
        let gone = diary.gone(window, ledger).next().map(|page| page.span[0]);
        let held = diary.held(window, ledger).next();
        let refused = account
            .refused
            .as_ref()
            .filter(|_| self.first.is_of_refusals());
        let refused = refused.and_then(|it| it.panes(from, self.first.pane).next());
        let refused = refused.map(|pane| pane.first_at());
        let counted = [gone.or(held.map(|pane| pane.first_at())), refused];
        if let Some(started_at) = counted.into_iter().flatten().min() {
            self.start_pane = pane_of(started_at);
            self.started_at = started_at;
        }
        self.exposed = Exposed::default();
        self.exposed
            .absorb(account, self.start_pane, self.last_pane);
        self.see_last(account);
    }

    fn see_last(&mut self, account: &Account) {
        let refused = account.refused.as_ref();
        let refused = refused.filter(|_| self.last_is_of_refusals);
        let refused = refused.and_then(|it| it.panes(self.last_pane, self.last_pane).next());
        let read = account.ledger.panes(self.last_pane, self.last_pane).next();
        if let Some(last) = read
            .into_iter()
            .chain(refused)
            .map(|pane| pane.last_at())
            .max()
        {
            self.last_seen_at = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::pane::{PANES_PER_DAY, Share},
        event::AccountKind,
    };

    #[test]
    fn days_whose_panes_are_gone_are_counted_once() {
        let mut account = Account::new(Some("job"), AccountKind::Service, 0);
        let at = |day: u32, pane: u32| day * PANES_PER_DAY + pane;
        for (pane, person) in [
            (at(100, 240), 1),
            (at(100, 250), 2),
            (at(101, 240), 3),
            (at(101, 250), 4),
        ] {
            let share = Share {
                records: 10,
                ..Share::default()
            };
            account.ledger.add(pane_start(pane), share, &[person]);
        }
        let finding = |pane| Finding {
            account: AccountId(0),
            pane,
            crossed: 1,
        };
        let mut episode = Episode::new(finding(at(100, 240)), &account, Kind::Enumeration);
        episode.extend(finding(at(100, 250)), at(100, 250), &account);
        for day in [100, 101] {
            account.diary.write(day, &account.ledger, false);
        }
        account.ledger.forget(at(101, 100));
        for pane in [at(101, 240), at(101, 250)] {
            episode.extend(finding(pane), pane, &account);
        }
        assert_eq!((episode.exposed.records, episode.exposed.people()), (40, 4));
    }
}
