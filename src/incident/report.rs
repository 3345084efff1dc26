//! What an alert says of an episode: its kind, its severity, its numbers.

use std::f64::consts::LN_10;

use crate::{
    detect::{
        Detector, Explanation, Signal, Window, coverage, habits::Aspect, pane::PANES_PER_DAY,
    },
    event::{AccountKind, DAY_MS},
    incident::{
        Alert, AlertState, Exposure, Kind, Severity, episode::Episode, reason, tracker::Config,
    },
};

/// People that an action must return on average for a window to count as a bulk export.
const BULK_PEOPLE_PER_ACTION: u64 = 5;
/// An account with a known job is off its schedule, rather than taking records in bulk, up to so
/// many times the job.
const JOB_TIMES: u64 = 3;
/// Scores end here: the smallest probability that a double tells from 0 is about 1e-308.
pub(super) const SCORE_MAX: f64 = 300.0;
/// Collection from databases of the supplier's (MITRE ATT&CK T1213.006).
pub(super) const ATTACK: &[&str] = &["T1213.006"];

/// The kind that the strongest window shows. A sleeper is told as one where its count alone would
/// not have been too much.
pub(super) fn kind_of(found: &Explanation) -> Kind {
    let [people, exported, ..] = found.observed;
    if found.refused.is_some() {
        return Kind::DeniedBurst;
    }
    if let Some((aspects, _)) = found.unusual
        && Aspect::Sleeper.is_in(aspects)
    {
        return Kind::DormantAccount;
    }
    // Over a day, and by peers that are known: a short time is the contract's enumeration.
    if found.days == 0 && found.peers > 0 && found.window.panes() >= PANES_PER_DAY {
        return Kind::NewAccount;
    }
    if found.is_forbidden {
        Kind::BulkExport
    } else if found.window == Window::Today {
        Kind::SlowDrip
    } else if people.max(exported) <= JOB_TIMES * u64::from(found.job_size) {
        Kind::OffSchedule
    } else if found.signal == Signal::Exported
        || people.max(exported) >= BULK_PEOPLE_PER_ACTION * found.actions.max(1)
    {
        Kind::BulkExport
    } else {
        Kind::Enumeration
    }
}

/// People exposed, never more than the supplier knows.
pub(super) fn people(config: &Config, episode: &Episode) -> u64 {
    let people = episode.exposed.people();
    config.population.map_or(people, |all| people.min(all))
}

/// The revision of an incident that was closed so often and stands so (contract §2).
pub(super) fn revision(closings: u64, people: u64, severity: Severity) -> u64 {
    1_000 * closings + 4 * u64::from(people.max(1).ilog2()) + severity as u64 + 1
}

/// How grave so many people are.
pub(super) fn severity(config: &Config, people: u64) -> Severity {
    let tenth = config
        .population
        .is_some_and(|all| people >= all.div_ceil(10));
    if tenth {
        return Severity::Critical;
    }
    graded(config.severity_people, people)
}

/// How grave so many people are by the bounds of medium, high and critical.
pub(super) fn graded([medium, high, critical]: [u64; 3], people: u64) -> Severity {
    if people >= critical {
        Severity::Critical
    } else if people >= high {
        Severity::High
    } else if people >= medium {
        Severity::Medium
    } else {
        Severity::Low
    }
}

/// The alert that an episode stands at; nothing before its first explanation.
pub(super) fn alert(
    config: &Config,
    episode: &Episode,
    state: AlertState,
    detector: &Detector,
    appended_ms: i64,
) -> Option<Alert> {
    let found = episode.told.as_ref()?;
    let account = detector.account(episode.account);
    let [.., observed_records] = found.observed;
    let [.., expected_records] = found.expected;
    // What the critical count is about.
    let people = match found.signal {
        Signal::Records => Signal::People,
        signal => signal,
    } as usize;
    let month = found.coverage.filter(|_| found.is_of_coverage_alone());
    Some(Alert {
        incident: episode.id.clone(),
        revision: episode.revision,
        state,
        kind: episode.kind,
        severity: episode.severity,
        supplier: config.supplier.clone(),
        account: account.name.as_deref().map(str::to_owned),
        account_kind: account.kind,
        started_at: episode.started_at,
        raised_at: episode.raised_at,
        last_seen_at: episode.last_seen_at,
        window_ms: month.map_or(found.window.millis(), |_| {
            i64::from(coverage::DAYS) * DAY_MS
        }),
        observed_records: month.map_or(observed_records, |it| it.people.max(observed_records)),
        observed_subjects: month.map_or(found.observed[people], |it| it.people),
        expected_records: month.map_or(expected_records, |it| it.usual as f64),
        expected_subjects: month.map_or(found.expected[people], |it| it.usual as f64),
        expected_upper: month.map_or(found.critical, |it| it.critical) - 1,
        score: (found.score / LN_10).clamp(0.0, SCORE_MAX),
        p_value: (-found.score.min(SCORE_MAX * LN_10)).exp(),
        exposure: Exposure {
            records: episode.exposed.records,
            subjects: episode.exposed.subjects.len() as u64,
            subjects_unnamed_max: episode.exposed.unnamed,
            subjects_exact: episode.exact,
            fields: detector.field_names(episode.exposed.fields),
            first_at: episode.started_at,
            last_at: episode.last_seen_at,
        },
        evidence: episode.evidence(),
        reasons: reasons(config, episode, found, account.kind),
        attack: ATTACK.to_vec(),
        late: episode.late,
        baseline_days: found.days,
        baseline_maturity: found.maturity,
        baseline_peers: found.peers,
        superseded_by: None,
        suppressed: None,
        appended_ms,
    })
}

/// The sentence, and where a program's run may be a job that nobody told of, the remedy.
fn reasons(
    config: &Config,
    episode: &Episode,
    found: &Explanation,
    kind: AccountKind,
) -> Vec<String> {
    let may_be_job = matches!(kind, AccountKind::Service | AccountKind::Unknown)
        && episode.kind == Kind::BulkExport
        && found.job_size == 0
        && !found.is_forbidden;
    let remedy = may_be_job.then(|| reason::job_remedy(&config.supplier));
    let told = reason::sentences(found).into_iter();
    told.chain(remedy).collect()
}

/// Closes an episode and says so.
pub(super) fn close(
    config: &Config,
    episode: &mut Episode,
    superseded_by: Option<&str>,
    detector: &Detector,
) -> Alert {
    episode.closings += 1;
    episode.revision = 1_000 * episode.closings;
    episode.closed = true;
    episode.untold = true;
    if superseded_by.is_none() {
        episode.raised_at = episode.last_seen_at.plus_millis(config.quiet_ms);
    }
    let mut alert = alert(config, episode, AlertState::Closed, detector, -1)
        .unwrap_or_else(|| unreachable!("an episode is told of before it closes"));
    alert.superseded_by = superseded_by.map(str::to_owned);
    alert
}
