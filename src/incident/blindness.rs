//! Incidents of the feed itself: what kept us from seeing. One a kind, opened, escalated and closed
//! like those of accounts, with the same form of id and revision.
//!
//! Where an account's incident counts people, these count events that were not seen (or are dated
//! wrongly), on the same scale of severity: an event shows one person's record at least.

use crate::{
    detect::Maturity,
    event::{AccountKind, DAY_MS, Timestamp},
    incident::{
        Alert, AlertState, Evidence, Exposure, Kind, OpenBy, Severity,
        identity::incident_id,
        report::{graded, revision},
    },
};

/// What is wrong with the feed, as far as is known now.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// One of [`Kind::OF_FEED`].
    pub kind: Kind,
    /// The earliest evidence, as long as the incident is new.
    pub since: Timestamp,
    /// The latest evidence.
    pub last: Timestamp,
    /// When it sufficed.
    pub raised_at: Timestamp,
    /// Events not seen, or dated wrongly, in this incident.
    pub events: u64,
    /// What it is, in plain words, and what to do.
    pub reason: String,
    /// Where it lies, by source.
    pub evidence: Vec<Evidence>,
}

/// An incident of the feed.
#[derive(Clone, Debug)]
struct Incident {
    id: String,
    told: Trouble,
    severity: Severity,
    revision: u64,
    closings: u64,
    is_open: bool,
}

/// The feed's own incidents: at most one of each kind is open.
#[derive(Debug)]
pub struct Blindness {
    supplier: String,
    severity_people: [u64; 3],
    /// The last incident of each kind, in [`Kind::OF_FEED`] order.
    last: [Option<Incident>; Kind::OF_FEED.len()],
}

impl Blindness {
    /// No incidents yet; `severity_people` are the bounds of medium, high and critical.
    pub fn new(supplier: &str, severity_people: [u64; 3]) -> Self {
        Self {
            supplier: supplier.to_owned(),
            severity_people,
            last: [const { None }; Kind::OF_FEED.len()],
        }
    }

    /// Opens an incident, or takes more into the open one of that kind; tells what is news: twice
    /// the events, or a higher severity.
    pub fn tell(&mut self, trouble: Trouble, alerts: &mut Vec<Alert>) {
        let day = trouble.since.as_millis().div_euclid(DAY_MS);
        let day = u32::try_from(day).unwrap_or(0);
        let severity = graded(self.severity_people, trouble.events);
        let events = trouble.events;
        let last = &mut self.last[place(trouble.kind)];
        if let Some(incident) = last.as_mut().filter(|incident| incident.is_open) {
            incident.severity = incident.severity.max(severity);
            let since = incident.told.since;
            incident.told = Trouble { since, ..trouble };
            let revision = revision(incident.closings, events, incident.severity);
            if revision > incident.revision {
                incident.revision = revision;
                alerts.push(alert(&self.supplier, incident, AlertState::Escalated));
            }
            return;
        }
        let id = incident_id(&self.supplier, trouble.kind.as_str(), day);
        let before = last.take().filter(|incident| incident.id == id);
        let closings = before.map_or(0, |incident| incident.closings);
        let incident = last.insert(Incident {
            id,
            told: trouble,
            severity,
            revision: revision(closings, events, severity),
            closings,
            is_open: true,
        });
        alerts.push(alert(&self.supplier, incident, AlertState::Opened));
    }

    /// Closes the open incident of `kind`, if there is one: the feed is well again in that, `at`
    /// that time.
    pub fn end(&mut self, kind: Kind, at: Timestamp, alerts: &mut Vec<Alert>) {
        let last = &mut self.last[place(kind)];
        if let Some(incident) = last.as_mut().filter(|incident| incident.is_open) {
            incident.is_open = false;
            incident.closings += 1;
            incident.revision = 1_000 * incident.closings;
            incident.told.raised_at = at;
            alerts.push(alert(&self.supplier, incident, AlertState::Closed));
        }
    }

    /// What is wrong now in the way of `kind`.
    pub fn open(&self, kind: Kind) -> Option<&Trouble> {
        let last = self.last[place(kind)].as_ref();
        last.filter(|incident| incident.is_open)
            .map(|incident| &incident.told)
    }

    /// What was wrong last in the way of `kind`, over or not.
    pub fn last(&self, kind: Kind) -> Option<&Trouble> {
        let last = self.last[place(kind)].as_ref();
        last.map(|incident| &incident.told)
    }

    /// The ids of open incidents.
    pub fn open_ids(&self) -> impl Iterator<Item = &str> {
        let open = self.last.iter().flatten().filter(|it| it.is_open);
        open.map(|incident| incident.id.as_str())
    }

    /// Adds the open incidents to `counts`.
    pub fn add_open(&self, counts: &mut OpenBy) {
        for incident in self.last.iter().flatten().filter(|it| it.is_open) {
            counts[incident.told.kind as usize][incident.severity as usize] += 1;
        }
    }
}

fn place(kind: Kind) -> usize {
    let place = Kind::OF_FEED.iter().position(|known| *known == kind);
    place.unwrap_or_else(|| unreachable!("only kinds of the feed are told here"))
}

/// Every number of an account's alert is nothing here, and is written as null.
fn alert(supplier: &str, incident: &Incident, state: AlertState) -> Alert {
    let told = &incident.told;
    Alert {
        incident: incident.id.clone(),
        revision: incident.revision,
        state,
        kind: told.kind,
        severity: incident.severity,
        supplier: supplier.to_owned(),
        account: None,
        account_kind: AccountKind::Unknown,
        started_at: told.since,
        raised_at: told.raised_at,
        last_seen_at: told.last,
        window_ms: 0,
        observed_records: 0,
        observed_subjects: 0,
        expected_records: 0.0,
        expected_subjects: 0.0,
        expected_upper: 0,
        score: 0.0,
        p_value: 1.0,
        exposure: Exposure::default(),
        evidence: told.evidence.clone(),
        reasons: vec![told.reason.clone()],
        attack: Vec::new(),
        late: false,
        baseline_days: 0,
        baseline_maturity: Maturity::Cold,
        baseline_peers: 0,
        superseded_by: None,
        suppressed: None,
        appended_ms: -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(hour: i64, events: u64) -> Trouble {
        let at = Timestamp::from_millis(hour * 3_600_000);
        Trouble {
            kind: Kind::FeedGap,
            since: at,
            last: at,
            raised_at: at,
            events,
            reason: format!("{events} events are missing"),
            evidence: Vec::new(),
        }
    }

    fn told(alerts: &[Alert]) -> Vec<(AlertState, u64, Severity)> {
        let told = alerts.iter();
        told.map(|alert| (alert.state, alert.revision, alert.severity))
            .collect()
    }

    #[test]
    fn one_incident_is_told_again_when_it_doubles_and_closed_once() {
        let mut blindness = Blindness::new("s", [25, 100, 500]);
        let mut alerts = Vec::new();
        for events in [1, 1, 30, 31, 600] {
            blindness.tell(trouble(50, events), &mut alerts);
        }
        let at = Timestamp::default();
        blindness.end(Kind::FeedGap, at, &mut alerts);
        blindness.end(Kind::FeedGap, at, &mut alerts);
        let expected = [
            (AlertState::Opened, 1, Severity::Low),
            (AlertState::Escalated, 18, Severity::Medium),
            (AlertState::Escalated, 40, Severity::Critical),
            (AlertState::Closed, 1_000, Severity::Critical),
        ];
        assert_eq!(told(&alerts), expected);
        assert!(
            alerts
                .iter()
                .all(|alert| alert.incident == alerts[0].incident)
        );
    }

    #[test]
    fn another_one_of_the_day_opens_the_same_incident_again() {
        let mut blindness = Blindness::new("s", [25, 100, 500]);
        let mut alerts = Vec::new();
        for hour in [50, 51, 90] {
            blindness.tell(trouble(hour, 1), &mut alerts);
            blindness.end(Kind::FeedGap, Timestamp::default(), &mut alerts);
        }
        let revisions: Vec<_> = alerts.iter().map(|alert| alert.revision).collect();
        assert_eq!(revisions, [1, 1_000, 1_001, 2_000, 1, 1_000]);
        assert_eq!(alerts[0].incident, alerts[2].incident);
        assert_ne!(alerts[0].incident, alerts[4].incident, "another day");
    }
}
