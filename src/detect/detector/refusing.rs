//! Refused attempts, and what is read behind them.

use super::Detector;
use crate::{
    detect::{
        AccountId, Finding, REFUSED, Seen,
        account::Account,
        merge_findings,
        pane::{PANES_PER_DAY, Share, pane_of},
        refused,
        version::Version,
        window::Window,
    },
    event::AccessEvent,
};

/// That an hour of refused attempts that ends at `pane` was too much.
const fn of_refusals(account: AccountId, pane: u32) -> Finding {
    Finding {
        account,
        pane,
        crossed: REFUSED,
    }
}

impl Account {
    /// The finding that a read makes within an hour whose refused attempts are too many.
    pub(super) fn behind_refusals(
        &self,
        peers: &[Version],
        seen: &Seen,
        budget: f64,
    ) -> Option<Finding> {
        let refused = self.refused.as_ref()?;
        let days = || self.version_at(peers, seen.pane).days;
        let is_over = refused.is_over(seen.pane, refused::score_asked(budget), days);
        is_over.then_some(of_refusals(seen.account, seen.pane))
    }
}

impl Detector {
    /// Counts a refused attempt. What comes back exposes nobody, and only where it was one too many.
    pub(super) fn observe_refused(
        &mut self,
        event: &AccessEvent<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Seen> {
        let id = self.find_or_make(event);
        self.names.forget_event();
        let score = refused::score_asked(self.config.false_alerts_per_account_day);
        let panes_max = self.panes_max();
        let account = self.accounts[id.0 as usize].as_mut()?;
        let peers = self.groups.versions(account.group);
        account.note_event(event.time);
        let mut refused = account.refused.take().unwrap_or_default();
        let is_cut = refused.keep_below(panes_max, pane_of(event.time)).is_some();
        self.limits_reached[3] += u64::from(is_cut);
        let days_at = |pane| account.version_at(peers, pane).days;
        refused.observe(event.time, self.settled, (score, &days_at), |pane| {
            findings.push(of_refusals(id, pane));
        });
        // What it read since, if that came first.
        let pane = pane_of(event.time);
        let since = account.ledger.panes(pane, Window::Hour.last(pane));
        let since = since.map(|read| read.index);
        let behind: Vec<_> = since
            .filter(|read| refused.is_over(*read, score, || days_at(*read)))
            .collect();
        for read in behind {
            account.unsettled.note_alarm(read, REFUSED);
            findings.push(of_refusals(id, read));
        }
        merge_findings(findings);
        account.refused = Some(refused);
        let day = pane / PANES_PER_DAY;
        if self.settled.is_none_or(|settled| day > settled) {
            self.pending_days.insert(day);
        }
        (!findings.is_empty()).then(|| Seen {
            account: id,
            pane,
            time: event.time,
            share: Share::default(),
            exact: true,
            exposes: false,
        })
    }
}
