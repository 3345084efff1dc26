//! Opens, escalates, joins and closes the incidents of one feed.

use hashbrown::HashMap;

use crate::{
    detect::{
        AccountId, Detector, Finding, Seen,
        pane::{PANES_PER_DAY, pane_of},
        together::Gathering,
    },
    event::Timestamp,
    incident::{
        Alert, AlertState, Detections, Kind, OpenBy,
        episode::{Episode, Extended},
        identity::incident_id,
        positions::Positions,
        report::{alert, close, kind_of, people, revision, severity},
        span::{deadline, near},
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
}

/// What the tracker is told of an event beside the findings.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// Who and what it exposed.
    pub seen: Seen,
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
}

impl Tracker {
    /// A tracker without incidents.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            episodes: HashMap::default(),
            positions: Positions::default(),
            wide: Wide::default(),
            remembered: 0,
            open: 0,
            detections: Detections::default(),
            next_deadline: FAR,
            limit_reached: 0,
        }
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
        let Some(mut episodes) = self.episodes.remove(&seen.account.0) else {
            if !findings.is_empty() {
                self.track(Vec::new(), sighting, findings, detector, alerts);
            }
            return;
        };
        if findings.is_empty() && !episodes.iter().any(|episode| episode.holds(seen.pane)) {
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
                    closed.push(close(&self.config, episode, None, detector));
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
        self.positions
            .forget(pane_of(watermark).saturating_sub(kept));
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
            let mut new = findings
                .iter()
                .copied()
                .filter(|finding| episode.holds(finding.pane));
            let new = new.next_back();
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

    /// Counts the event in the episodes that it belongs to.
    fn include(
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
            if held && !counted {
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
    fn place(
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
    fn join(
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
                alerts.push(close(&self.config, &mut later, Some(&into.id), detector));
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
            alerts.push(close(&self.config, episode, Some(&id), detector));
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
        if let Some(finding) = finding {
            self.detections[finding.shortest() as usize][episode.severity as usize] += 1;
        }
        let revision = revision(episode.closings, people, episode.severity);
        if revision <= episode.revision {
            return;
        }
        if let Some(finding) = finding {
            let found = detector.explain(finding);
            episode.kind = kind_of(&found);
            episode.told = Some(found);
        }
        let state = if episode.untold {
            AlertState::Opened
        } else {
            AlertState::Escalated
        };
        episode.revision = revision;
        episode.untold = false;
        episode.raised_at = sighting.seen.time;
        alerts.extend(alert(
            &self.config,
            episode,
            state,
            detector,
            sighting.appended_ms,
        ));
    }
}

const FAR: Timestamp = Timestamp::from_millis(i64::MAX);
