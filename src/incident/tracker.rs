//! Opens, escalates, joins and closes the incidents of one feed.

mod judging;
mod placing;

pub use self::judging::{Judged, VerdictCounts};
use std::{collections::BTreeSet, sync::Arc};

use hashbrown::HashMap;

use crate::{
    detect::{
        AccountId, Detector, Finding, Seen,
        pane::{PANES_PER_DAY, pane_of},
        together::Gathering,
    },
    event::{AccessEvent, Timestamp},
    incident::{
        Alert, AlertState, Detections, Kind, OpenBy, Severity, Verdicts,
        episode::Episode,
        identity::incident_id,
        positions::Positions,
        report::{alert, close, kind_of, people, revision, severity},
        span::deadline,
        suppress::{Muting, Suppression},
        wide::Wide,
    },
    intern::IdHash,
};

/// The checked settings of a tracker.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose incidents.
    pub supplier: String,
    /// An incident closes this long after its last event, in milliseconds.
    pub quiet_ms: i64,
    /// A closed incident is remembered this much longer, in milliseconds.
    pub horizon_ms: i64,
    /// How many people's records the supplier holds, where known.
    pub population: Option<u64>,
    /// People exposed from which an incident is medium, high and critical.
    pub severity_people: [u64; 3],
    /// Incidents remembered.
    pub incidents_max: usize,
    /// What was said of incidents, and of how many it may be.
    pub verdicts: Arc<Verdicts>,
    /// Incidents that something may be said of.
    pub verdicts_max: usize,
    /// What is muted, of any supplier.
    pub suppressions: Arc<[Suppression]>,
}

/// What the tracker is told of an event beside the findings.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// Who and what it exposed.
    pub seen: Seen,
    /// The event time at which that was known: its own, or where it is looked at again, the highest by
    /// then.
    pub known_at: Timestamp,
    /// The number of its partition or file.
    pub source: u32,
    /// Its offset or line.
    pub position: u64,
    /// When the broker appended it, epoch milliseconds; -1 where unknown.
    pub appended_ms: i64,
    /// Whether it came later than the lateness.
    pub late: bool,
}

/// The incidents of one feed.
#[derive(Debug)]
pub struct Tracker {
    config: Config,
    /// Episodes by account, in order of time; open, or closed within the horizon.
    episodes: HashMap<u32, Vec<Episode>, IdHash>,
    positions: Positions,
    /// Those of many accounts together.
    wide: Wide,
    remembered: usize,
    open: usize,
    detections: Detections,
    /// No episode closes or is forgotten while the watermark is not past this.
    next_deadline: Timestamp,
    limit_reached: u64,
    muting: Muting,
    verdict_counts: VerdictCounts,
    /// Incidents whose verdict counted.
    judged: BTreeSet<String>,
}

impl Tracker {
    /// A tracker without incidents.
    pub fn new(config: Config) -> Self {
        Self {
            muting: Muting::new(&config.suppressions, &config.supplier),
            config,
            episodes: HashMap::default(),
            positions: Positions::default(),
            wide: Wide::default(),
            remembered: 0,
            open: 0,
            detections: Detections::default(),
            next_deadline: FAR,
            limit_reached: 0,
            verdict_counts: VerdictCounts::default(),
            judged: BTreeSet::new(),
        }
    }

    /// Notes what alerts do not say of a counted event, which `observe` takes next.
    pub fn note(&mut self, event: &AccessEvent<'_>, seen: &Seen) {
        self.muting.note(event, seen.account, seen.pane);
    }

    /// Notes where an attempt lies that was refused: it may be part of many.
    pub fn note_refused(&mut self, time: Timestamp, source: u32, position: u64) {
        self.positions.note(pane_of(time), source, position);
    }

    /// Takes a counted event and the findings it raised; appends what is to be told.
    pub fn observe(
        &mut self,
        sighting: &Sighting,
        findings: &[Finding],
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        let seen = sighting.seen;
        self.positions
            .note(seen.pane, sighting.source, sighting.position);
        self.take(sighting, findings, detector, alerts);
    }

    /// Takes in what was found in reads that were observed before, up to the last of them that is
    /// `seen`, when event time had come to `head` and the watermark to `mark`.
    pub fn observe_again(
        &mut self,
        seen: Seen,
        (head, mark): (Timestamp, Timestamp),
        findings: &[Finding],
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        let known = self.positions.within(seen.pane, seen.pane);
        let (source, position) = known
            .into_iter()
            .next()
            .map_or((0, 0), |(source, first, _)| (source, first));
        let sighting = Sighting {
            seen,
            known_at: seen.time.max(head),
            source,
            position,
            appended_ms: -1,
            late: seen.time < mark,
        };
        self.take(&sighting, findings, detector, alerts);
    }

    fn take(
        &mut self,
        sighting: &Sighting,
        findings: &[Finding],
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        let seen = sighting.seen;
        let Some(mut episodes) = self.episodes.remove(&seen.account.0) else {
            if !findings.is_empty() {
                self.track(Vec::new(), sighting, findings, detector, alerts);
            }
            return;
        };
        let concerns = |episode: &Episode| {
            let account = detector.account(seen.account);
            episode.holds(seen.pane) || episode.begins_with(seen.pane, account)
        };
        if findings.is_empty() && !episodes.iter().any(concerns) {
            self.episodes.insert(seen.account.0, episodes);
            return;
        }
        episodes.sort_unstable_by_key(|episode| episode.first.pane);
        self.track(episodes, sighting, findings, detector, alerts);
    }

    /// Takes an event too old to be counted: whom it exposed belongs to the incident that holds its
    /// time.
    pub fn expose(
        &mut self,
        sighting: &Sighting,
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        let seen = sighting.seen;
        let Some(mut episodes) = self.episodes.remove(&seen.account.0) else {
            return;
        };
        for episode in &mut episodes {
            if episode.holds(seen.pane) {
                episode.expose(&seen, detector.event_subjects());
                episode.note(sighting.source, sighting.position, sighting.position);
                episode.late = true;
                if !episode.closed {
                    self.tell(episode, None, sighting, detector, alerts);
                }
            }
        }
        self.episodes.insert(seen.account.0, episodes);
    }

    /// Takes in that many accounts together read too much.
    pub fn gather(&mut self, gathering: Gathering, detector: &Detector, alerts: &mut Vec<Alert>) {
        let evidence = self
            .positions
            .within(pane_of(gathering.span[0]), pane_of(gathering.span[1]));
        let alert = self.wide.take(&self.config, gathering, evidence, detector);
        alerts.extend(alert);
    }

    /// Closes what has been quiet long enough, and forgets what closed a horizon ago.
    pub fn advance(
        &mut self,
        watermark: Timestamp,
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        alerts.extend(self.wide.close(&self.config, watermark, detector));
        if watermark <= self.next_deadline {
            return;
        }
        let (mut closed, mut gone) = (Vec::new(), Vec::new());
        self.next_deadline = FAR;
        for (&account, episodes) in &mut self.episodes {
            episodes.retain_mut(|episode| {
                if !episode.closed && deadline(&self.config, episode) < watermark {
                    let mut alert = close(&self.config, episode, None, detector);
                    self.muting.judge(&mut alert, episode, detector);
                    closed.push(alert);
                    self.open -= 1;
                }
                let kept = !episode.closed || deadline(&self.config, episode) >= watermark;
                if kept {
                    let next = deadline(&self.config, episode);
                    self.next_deadline = self.next_deadline.min(next);
                } else {
                    self.remembered -= 1;
                }
                kept
            });
            if episodes.is_empty() {
                gone.push(account);
            }
        }
        for account in gone {
            self.episodes.remove(&account);
            detector.hold(AccountId(account), false);
        }
        closed.sort_unstable_by(|a, b| (a.raised_at, &a.incident).cmp(&(b.raised_at, &b.incident)));
        alerts.append(&mut closed);
    }

    /// Forgets log positions that no incident can ask for.
    pub fn forget(&mut self, watermark: Timestamp) {
        let kept = 2 * PANES_PER_DAY + pane_of(Timestamp::from_millis(self.config.horizon_ms));
        let before = pane_of(watermark).saturating_sub(kept);
        self.positions.forget(before);
        self.muting.forget(before);
    }

    /// Incidents open now.
    pub fn open(&self) -> usize {
        self.open + usize::from(self.wide.is_open())
    }

    /// Incidents open now, by kind and severity.
    pub fn open_by(&self) -> OpenBy {
        let mut open = OpenBy::default();
        let episodes = self.episodes.values().flatten();
        for episode in episodes.filter(|episode| !episode.closed) {
            open[episode.kind as usize][episode.severity as usize] += 1;
        }
        if self.wide.is_open() {
            open[Kind::SupplierWide as usize][self.wide.severity() as usize] += 1;
        }
        open
    }

    /// Events so far that took an open incident's window to its critical count.
    pub fn detections(&self) -> &Detections {
        &self.detections
    }

    /// How often an incident found no room.
    pub fn limit_reached(&self) -> u64 {
        self.limit_reached
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        let episodes = self.episodes.values().flatten();
        let subjects: usize = episodes
            .map(|episode| episode.exposed.subjects.capacity())
            .sum();
        self.remembered * size_of::<Episode>() + subjects * 5
    }

    fn track(
        &mut self,
        mut episodes: Vec<Episode>,
        sighting: &Sighting,
        findings: &[Finding],
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        let account = sighting.seen.account;
        self.include(&mut episodes, sighting, findings, detector);
        for &finding in findings {
            self.place(&mut episodes, finding, sighting, detector);
        }
        self.join(&mut episodes, detector, alerts);
        for episode in &mut episodes {
            let new = findings
                .iter()
                .copied()
                .filter(|finding| episode.holds(finding.pane));
            let new = new.max_by_key(|finding| (finding.is_of_coverage(), finding.pane));
            if new.is_none() && !episode.holds(sighting.seen.pane) {
                continue;
            }
            episode.late |= sighting.late;
            self.rename(episode, detector, alerts);
            if !episode.closed {
                self.tell(episode, new, sighting, detector, alerts);
            }
            let deadline = deadline(&self.config, episode);
            self.next_deadline = self.next_deadline.min(deadline);
        }
        if !episodes.is_empty() {
            detector.hold(account, true);
            self.episodes.insert(account.0, episodes);
        }
    }

    /// Names an episode by the day it began in. Where that moved, the old name is closed.
    fn rename(&self, episode: &mut Episode, detector: &Detector, alerts: &mut Vec<Alert>) {
        let who = detector.account(episode.account).name.as_deref();
        let who = who.unwrap_or(episode.kind_at_first.as_str());
        let day = episode.first.pane / PANES_PER_DAY;
        let id = incident_id(&self.config.supplier, who, day);
        if episode.id == id {
            return;
        }
        if episode.revision > 0 {
            let mut alert = close(&self.config, episode, Some(&id), detector);
            self.muting.judge(&mut alert, episode, detector);
            alerts.push(alert);
            episode.closed = false;
        }
        episode.id = id;
        episode.closings = 0;
        episode.revision = 0;
        episode.untold = true;
    }

    /// Appends an alert where more is to be said than before.
    fn tell(
        &mut self,
        episode: &mut Episode,
        finding: Option<Finding>,
        sighting: &Sighting,
        detector: &mut Detector,
        alerts: &mut Vec<Alert>,
    ) {
        let people = people(&self.config, episode);
        episode.severity = episode.severity.max(severity(&self.config, people));
        if finding.is_some_and(Finding::is_of_coverage) {
            // A tenth of the population is critical (contract §2), however few of them lately.
            episode.severity = Severity::Critical;
        }
        if let Some(finding) = finding {
            self.detections[finding.shortest() as usize][episode.severity as usize] += 1;
        }
        let revision = revision(episode.closings, people, episode.severity);
        if revision <= episode.revision {
            return;
        }
        if let Some(finding) = finding {
            let mut found = detector.explain(finding);
            found.consecutive = detector.consecutive(finding, found.window);
            // Where several kinds fit, the first in their order.
            episode.kind = episode.kind.min(kind_of(&found));
            episode.told = Some(found);
        }
        let state = if episode.untold {
            AlertState::Opened
        } else {
            AlertState::Escalated
        };
        episode.revision = revision;
        episode.untold = false;
        episode.raised_at = sighting.known_at;
        let appended_ms = sighting.appended_ms;
        let told = alert(&self.config, episode, state, detector, appended_ms);
        alerts.extend(told.map(|mut alert| {
            self.muting.judge(&mut alert, episode, detector);
            alert
        }));
    }
}

const FAR: Timestamp = Timestamp::from_millis(i64::MAX);
