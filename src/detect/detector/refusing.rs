//! Refused attempts, and what is read behind them.

use super::{Detector, PANES_MAX};
use crate::{
    detect::{
        Finding, REFUSED, Seen,
        account::Account,
        merge_findings,
        pane::{PANES_PER_DAY, Share, pane_of},
        refused,
        version::Version,
        window::Window,
    },
    event::AccessEvent,
};

impl Account {
    /// The finding that a read makes within an hour whose refused attempts reach the `score`.
    pub(super) fn behind_refusals(
        &self,
        peers: &[Version],
        seen: &Seen,
        score: f64,
    ) -> Option<Finding> {
        let refused = self.refused.as_ref()?;
        let days = || self.version_at(peers, seen.pane).days;
        refused.is_over(seen.pane, score, days).then_some(Finding {
            account: seen.account,
            pane: seen.pane,
            crossed: REFUSED,
        })
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
        let account = self.accounts[id.0 as usize].as_mut()?;
        let peers = self.groups.versions(account.group);
        let mut refused = account.refused.take().unwrap_or_default();
        let days_at = |pane| account.version_at(peers, pane).days;
        refused.observe(event.time, self.settled, (score, &days_at), |pane| {
            findings.push(Finding {
                account: id,
                pane,
                crossed: REFUSED,
            });
        });
        let (held, newest) = refused.panes_held();
        if held > PANES_MAX {
            refused.forget(newest.saturating_sub(PANES_PER_DAY));
        }
        // What it read since, if that came first.
        let pane = pane_of(event.time);
        for read in account.ledger.panes(pane, Window::Hour.last(pane)) {
            if refused.is_over(read.index, score, || days_at(read.index)) {
                findings.push(Finding {
                    account: id,
                    pane: read.index,
                    crossed: REFUSED,
                });
            }
        }
        merge_findings(findings);
        account.refused = Some(refused);
        let day = pane / PANES_PER_DAY;
        if self.settled.is_none_or(|settled| day > settled) {
            self.pending_days.insert(day);
        }
        (!findings.is_empty()).then(|| Seen {
            account: id,
            pane: pane_of(event.time),
            time: event.time,
            share: Share::default(),
            exact: true,
            is_refused: true,
        })
    }
}
