//! Which episode a finding belongs to, and episodes that become one.

use super::{Sighting, Tracker};
use crate::{
    detect::{Detector, Finding},
    incident::{
        Alert,
        episode::{Episode, Extended},
        report::{close, kind_of},
        span::near,
    },
};

impl Tracker {
    /// Counts the event in the episodes that it belongs to.
    pub(super) fn include(
        &self,
        episodes: &mut [Episode],
        sighting: &Sighting,
        findings: &[Finding],
        detector: &Detector,
    ) {
        let seen = &sighting.seen;
        for episode in episodes {
            let held = episode.holds(seen.pane);
            let mut counted = false;
            for &finding in findings {
                if near(&self.config, episode, finding.pane) {
                    counted |= self.extend(episode, finding, seen.pane, detector);
                }
            }
            let account = detector.account(episode.account);
            if episode.begins_with(seen.pane, account) {
                let from = episode.begin_anew(account);
                for (source, first, last) in self.positions.within(from, episode.last_pane) {
                    episode.note(source, first, last);
                }
                counted = true;
            }
            if held && !counted && seen.exposes {
                episode.add(seen, detector.event_subjects());
            }
            if episode.holds(seen.pane) {
                episode.exact &= seen.exact;
                episode.note(sighting.source, sighting.position, sighting.position);
            }
        }
    }

    /// Takes a finding into an episode, and the evidence of what it adds; says whether the exposure
    /// was counted anew.
    fn extend(
        &self,
        episode: &mut Episode,
        finding: Finding,
        pane: u32,
        detector: &Detector,
    ) -> bool {
        let extended = episode.extend(finding, pane, detector.account(finding.account));
        let (from, to) = match extended {
            Extended::Not => return false,
            Extended::Panes(from, to) => (from, to),
            Extended::CountedAnew => (episode.start_pane, episode.last_pane),
        };
        for (source, first, last) in self.positions.within(from, to) {
            episode.note(source, first, last);
        }
        extended == Extended::CountedAnew
    }

    /// Opens an episode for a finding that belongs to none, or opens a closed one again.
    pub(super) fn place(
        &mut self,
        episodes: &mut Vec<Episode>,
        finding: Finding,
        sighting: &Sighting,
        detector: &mut Detector,
    ) {
        let of = episodes
            .iter_mut()
            .find(|episode| near(&self.config, episode, finding.pane));
        if let Some(episode) = of {
            self.extend(episode, finding, sighting.seen.pane, detector);
            if episode.closed {
                episode.closed = false;
                self.open += 1;
            }
            return;
        }
        if self.remembered >= self.config.incidents_max {
            self.limit_reached += 1;
            return;
        }
        let kind = kind_of(&detector.explain(finding));
        let mut episode = Episode::new(finding, detector.account(finding.account), kind);
        episode.exact = detector.is_exact();
        for (source, first, last) in self.positions.within(episode.start_pane, episode.last_pane) {
            episode.note(source, first, last);
        }
        self.remembered += 1;
        self.open += 1;
        episodes.push(episode);
        episodes.sort_unstable_by_key(|episode| episode.first.pane);
    }

    /// Joins neighbours that a finding between them has brought together.
    pub(super) fn join(
        &mut self,
        episodes: &mut Vec<Episode>,
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        let mut at = 1;
        while at < episodes.len() {
            if !near(&self.config, &episodes[at - 1], episodes[at].first.pane) {
                at += 1;
                continue;
            }
            let mut later = episodes.remove(at);
            let into = &mut episodes[at - 1];
            self.remembered -= 1;
            if !later.closed {
                self.open -= 1;
            }
            if into.closed {
                into.closed = false;
                self.open += 1;
            }
            if later.id != into.id && later.revision > 0 {
                let mut alert = close(&self.config, &mut later, Some(&into.id), detector);
                self.muting.judge(&mut alert, &mut later, detector);
                alerts.push(alert);
            }
            for (&source, &(first, last)) in &later.evidence {
                into.note(source, first, last);
            }
            let (from, to) = into.join(later, detector.account(into.account));
            for (source, first, last) in self.positions.within(from, to.max(from)) {
                into.note(source, first, last);
            }
        }
    }
}
