//! The incident of many accounts of one supplier together: no account's own, and one at a time.

use std::{collections::BTreeMap, f64::consts::LN_10};

use hashbrown::HashSet;

use crate::{
    detect::{
        Detector, Maturity, Window,
        pane::{Share, pane_of, pane_start},
        together::Gathering,
    },
    event::{AccountKind, Timestamp},
    incident::{
        Alert, AlertState, Evidence, Exposure, Kind, Severity,
        identity::incident_id,
        reason,
        report::{ATTACK, SCORE_MAX, revision, severity},
        tracker::Config,
    },
    intern::IdHash,
};

#[derive(Debug)]
struct Episode {
    id: String,
    /// The last look at the accounts.
    told: Gathering,
    started_at: Timestamp,
    last_seen_at: Timestamp,
    raised_at: Timestamp,
    /// Whom the earlier days exposed.
    before: (HashSet<u32, IdHash>, Share),
    is_exact: bool,
    evidence: BTreeMap<u32, (u64, u64)>,
    severity: Severity,
    revision: u64,
    closings: u64,
    is_open: bool,
}

/// The incidents of many accounts together: the last one, open or closed.
#[derive(Debug, Default)]
pub(super) struct Wide {
    last: Option<Episode>,
}

impl Wide {
    /// Takes in that accounts together read too much up to an hour's end, their reads lying at
    /// `evidence`; tells what is news.
    pub(super) fn take(
        &mut self,
        config: &Config,
        gathering: Gathering,
        evidence: impl Iterator<Item = (u32, u64, u64)>,
        detector: &Detector,
    ) -> Vec<Alert> {
        let mut told = Vec::new();
        let raised_at = pane_start(gathering.end + 1);
        let quiet = |episode: &Episode| gathering.span[0].millis_since(episode.last_seen_at);
        let goes_on = |episode: &Episode| episode.is_open && quiet(episode) <= config.quiet_ms;
        let state = match &mut self.last {
            Some(episode) if goes_on(episode) => {
                episode.go_on(gathering);
                AlertState::Escalated
            }
            last => {
                // The watermark may pass its end and the next one's beginning in one step.
                let open = last.as_mut().filter(|episode| episode.is_open);
                told.extend(open.map(|episode| episode.close(config, detector)));
                let before = last.take();
                *last = Some(Episode::new(config, gathering, before));
                AlertState::Opened
            }
        };
        let Some(episode) = &mut self.last else {
            return told;
        };
        episode.is_exact &= detector.is_exact();
        for (source, first, last) in evidence {
            let range = episode.evidence.entry(source).or_insert((first, last));
            *range = (range.0.min(first), range.1.max(last));
        }
        let people = episode.people(config);
        episode.severity = episode.severity.max(severity(config, people));
        let revision = revision(episode.closings, people, episode.severity);
        if revision > episode.revision {
            (episode.revision, episode.raised_at) = (revision, raised_at);
            told.push(episode.alert(config, state, detector));
        }
        told
    }

    /// Closes the open incident once it has been quiet long enough.
    pub(super) fn close(
        &mut self,
        config: &Config,
        watermark: Timestamp,
        detector: &Detector,
    ) -> Option<Alert> {
        let episode = self.last.as_mut().filter(|episode| episode.is_open)?;
        // Accounts together are looked at up to the day's end, and told by whole panes.
        let last_pane = pane_start(pane_of(episode.last_seen_at) + 1);
        let over = last_pane.plus_millis(config.quiet_ms);
        (over < watermark).then(|| episode.close(config, detector))
    }

    /// Whether one is open.
    pub(super) fn is_open(&self) -> bool {
        self.last.as_ref().is_some_and(|episode| episode.is_open)
    }

    /// How grave the last one is.
    pub(super) fn severity(&self) -> Severity {
        let last = self.last.as_ref();
        last.map_or(Severity::Low, |episode| episode.severity)
    }
}

impl Episode {
    fn new(config: &Config, gathering: Gathering, last: Option<Self>) -> Self {
        let kind = Kind::SupplierWide.as_str();
        let id = incident_id(&config.supplier, kind, gathering.day);
        let closings = last
            .filter(|last| last.id == id)
            .map_or(0, |last| last.closings);
        let [started_at, last_seen_at] = gathering.span;
        Self {
            id,
            told: gathering,
            started_at,
            last_seen_at,
            raised_at: last_seen_at,
            before: Default::default(),
            is_exact: true,
            evidence: BTreeMap::new(),
            severity: Severity::Low,
            revision: 0,
            closings,
            is_open: true,
        }
    }

    fn close(&mut self, config: &Config, detector: &Detector) -> Alert {
        self.is_open = false;
        self.closings += 1;
        self.revision = 1_000 * self.closings;
        self.raised_at = self.last_seen_at.plus_millis(config.quiet_ms);
        self.alert(config, AlertState::Closed, detector)
    }

    fn go_on(&mut self, gathering: Gathering) {
        self.started_at = self.started_at.min(gathering.span[0]);
        self.last_seen_at = self.last_seen_at.max(gathering.span[1]);
        let earlier = std::mem::replace(&mut self.told, gathering);
        // A day is looked at hour by hour, each time whole.
        if earlier.day != self.told.day {
            self.before.0.extend(earlier.subjects);
            self.before.1.add(earlier.share);
        }
    }

    fn subjects(&self) -> u64 {
        let before = self.before.0.iter();
        let more = before.filter(|subject| !self.told.subjects.contains(*subject));
        self.told.subjects.len() as u64 + more.count() as u64
    }

    fn people(&self, config: &Config) -> u64 {
        let unnamed = self.before.1.unnamed + self.told.share.unnamed;
        let people = self.subjects() + unnamed;
        config.population.map_or(people, |all| people.min(all))
    }

    fn alert(&self, config: &Config, state: AlertState, detector: &Detector) -> Alert {
        let told = &self.told;
        let mut share = self.before.1;
        share.add(told.share);
        let evidence = self.evidence.iter();
        Alert {
            incident: self.id.clone(),
            revision: self.revision,
            state,
            kind: Kind::SupplierWide,
            severity: self.severity,
            supplier: config.supplier.clone(),
            account: None,
            account_kind: AccountKind::Unknown,
            started_at: self.started_at,
            raised_at: self.raised_at,
            last_seen_at: self.last_seen_at,
            window_ms: Window::Today.millis(),
            observed_records: told.records,
            observed_subjects: told.people,
            expected_records: told.records_usual,
            expected_subjects: told.people_usual,
            expected_upper: told.critical - 1,
            score: (told.score / LN_10).clamp(0.0, SCORE_MAX),
            p_value: (-told.score).exp(),
            exposure: Exposure {
                records: share.records,
                subjects: self.subjects(),
                subjects_unnamed_max: share.unnamed,
                subjects_exact: self.is_exact,
                fields: detector.field_names(share.fields),
                first_at: self.started_at,
                last_at: self.last_seen_at,
            },
            evidence: evidence
                .map(|(&source, &(first, last))| Evidence {
                    source,
                    first,
                    last,
                })
                .collect(),
            reasons: reason::of_many(told),
            attack: ATTACK.to_vec(),
            late: false,
            baseline_days: told.history_days,
            baseline_maturity: Maturity::of(told.history_days),
            baseline_peers: 0,
            superseded_by: None,
            suppressed: None,
            appended_ms: -1,
        }
    }
}
