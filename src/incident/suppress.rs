//! Scoped muting of the page: the incident, its counters, its exposure and its record go on.
//!
//! A suppression is judged by what an alert says, at every revision anew: so one that grows past
//! its size, or out of its hours, is told after all. What alerts do not say (which actions, from
//! where) is counted beside, read by read; an incident of which not every read is known to lie in
//! the scope is not muted.

use std::collections::BTreeMap;

use crate::{
    detect::{
        Account, AccountId, Detector,
        pane::{PANES_PER_DAY, Pane},
    },
    event::{AccessEvent, Action, DAY_MS, Timestamp},
    incident::{Alert, episode::Episode},
};

/// What is muted, until when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Whose incidents.
    pub supplier: String,
    /// Of which account; of any where none is named.
    pub account: Option<String>,
    /// By which action alone.
    pub action: Option<Action>,
    /// From which address alone.
    pub source_ip: Option<String>,
    /// Between which minutes of the UTC day, the second excluded; past midnight where it is lower.
    pub hours: Option<(u32, u32)>,
    /// Up to how many people.
    pub people_max: Option<u64>,
    /// The first moment from which it mutes nothing.
    pub until: Timestamp,
    /// Why: what an alert carries.
    pub reason: String,
}

impl Suppression {
    /// Whether it asks of single reads what alerts do not say.
    const fn is_narrow(&self) -> bool {
        self.action.is_some() || self.source_ip.is_some()
    }

    /// Whether all that an alert says lies in the scope.
    fn holds(&self, alert: &Alert) -> bool {
        let exposure = &alert.exposure;
        let people = exposure.subjects + exposure.subjects_unnamed_max;
        let is_account = |account: &String| alert.account.as_ref() == Some(account);
        self.supplier == alert.supplier
            && alert.account.is_some()
            && alert.raised_at < self.until
            && self.account.as_ref().is_none_or(is_account)
            && self.people_max.is_none_or(|max| people <= max)
            && self
                .hours
                .is_none_or(|hours| is_within(hours, alert.started_at, alert.last_seen_at))
    }

    /// Whether a read lies in the scope, as far as alerts do not say.
    fn holds_read(&self, event: &AccessEvent<'_>) -> bool {
        let is_account = |account: &String| account == event.account;
        let is_address = |address: &String| event.source_ip == Some(address);
        self.account.as_ref().is_none_or(is_account)
            && self.action.is_none_or(|action| action == event.action)
            && self.source_ip.as_ref().is_none_or(is_address)
    }
}

/// Whether a span lies in one night's, or day's, hours.
fn is_within((from, to): (u32, u32), first: Timestamp, last: Timestamp) -> bool {
    let from_ms = i64::from(from) * 60_000;
    let length_ms = (i64::from(to) * 60_000 - from_ms).rem_euclid(DAY_MS);
    let into_ms = (first.as_millis() - from_ms).rem_euclid(DAY_MS);
    into_ms + last.millis_since(first) < length_ms
}

/// Panes in which reads in a scope are counted: some tens of megabytes. A suppression that names no
/// account holds many.
const HELD_MAX: usize = 1_000_000;

/// The suppressions of one supplier, and what is known of reads in their scope.
#[derive(Debug, Default)]
pub(super) struct Muting {
    all: Vec<Suppression>,
    /// Reads in the scope of a narrow one, by its number, account and pane; [`HELD_MAX`] at most.
    held: BTreeMap<(usize, AccountId, u32), u32>,
}

impl Muting {
    /// Those of `supplier`.
    pub(super) fn new(all: &[Suppression], supplier: &str) -> Self {
        let of_supplier = |one: &&Suppression| one.supplier == supplier;
        Self {
            all: all.iter().filter(of_supplier).cloned().collect(),
            held: BTreeMap::new(),
        }
    }

    /// Counts a read that was counted for an account in a pane. One past the limit was not seen in its
    /// scope, and mutes nothing.
    pub(super) fn note(&mut self, event: &AccessEvent<'_>, account: AccountId, pane: u32) {
        for (number, one) in self.all.iter().enumerate() {
            if one.is_narrow() && one.holds_read(event) {
                let key = (number, account, pane);
                if self.held.len() < HELD_MAX || self.held.contains_key(&key) {
                    *self.held.entry(key).or_default() += 1;
                }
            }
        }
    }

    /// Forgets reads before a pane.
    pub(super) fn forget(&mut self, before: u32) {
        self.held.retain(|(.., pane), _| *pane >= before);
    }

    /// Mutes an alert of an episode where all of it lies in a scope. One that was told once is not
    /// muted again.
    pub(super) fn judge(&self, alert: &mut Alert, episode: &mut Episode, detector: &Detector) {
        let account = detector.account(episode.account);
        let mut all = self.all.iter().enumerate();
        let holds = |(number, one): &(usize, &Suppression)| {
            one.holds(alert) && (!one.is_narrow() || self.holds_all(*number, episode, account))
        };
        let muted = all.find(holds).filter(|_| !episode.is_paged);
        alert.suppressed = muted.map(|(_, one)| one.reason.clone());
        episode.is_paged = alert.suppressed.is_none();
        episode.is_muted = !episode.is_paged;
    }

    /// Whether every read of an episode was seen to lie in the scope of a narrow suppression. Those
    /// that came too late to be counted were not; those whose panes are gone were judged before.
    fn holds_all(&self, number: usize, episode: &Episode, account: &Account) -> bool {
        let (first, last) = (episode.start_pane, episode.last_pane);
        let is_known = episode.is_muted || last - first <= PANES_PER_DAY;
        // An attempt that was refused is no read, and was not looked at.
        let refused = account.refused.as_ref();
        if refused.is_some_and(|refused| refused.panes(first, last).next().is_some()) {
            return false;
        }
        let mut panes = account.ledger.panes(first, last);
        let is_held = |pane: Pane| {
            let held = self.held.get(&(number, episode.account, pane.index));
            held == Some(&pane.actions)
        };
        is_known && !episode.late && panes.all(is_held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_pass_midnight_and_hold_a_whole_span() {
        let at = |minutes: i64| Timestamp::from_millis(20 * DAY_MS + minutes * 60_000);
        let within = |hours, first, last| is_within(hours, at(first), at(last));
        assert!(within((60, 300), 60, 299));
        assert!(!within((60, 300), 60, 300), "the end is excluded");
        assert!(!within((60, 300), 59, 200));
        assert!(
            within((1_380, 120), 1_400, 1_440 + 100),
            "from 23:00 to 02:00"
        );
        assert!(within((1_380, 120), 10, 100));
        assert!(!within((60, 300), 60, 1_440 + 100), "not two nights");
    }
}
