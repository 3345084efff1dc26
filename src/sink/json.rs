//! The alert as one JSON object (`rosterwatch.alert/1`): the wire twin of [`Alert`].

use serde::Serialize;

use crate::incident::{Alert, Evidence};

/// Where the sources of a feed's evidence lie, by source number.
#[derive(Clone, Debug)]
pub enum Places {
    /// File names.
    Files(Vec<String>),
    /// Topics and partitions.
    Partitions(Vec<(String, i32)>),
}

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    incident: &'a str,
    revision: u64,
    state: &'static str,
    kind: &'static str,
    severity: &'static str,
    supplier: &'a str,
    account: Option<&'a str>,
    account_kind: &'static str,
    started_at: String,
    raised_at: String,
    last_seen_at: String,
    window: Option<String>,
    observed: Option<Observed>,
    expected: Option<Expected>,
    score: Option<f64>,
    p_value: Option<f64>,
    exposure: Option<WireExposure<'a>>,
    evidence: Vec<WireEvidence<'a>>,
    reasons: &'a [String],
    attack: &'a [&'static str],
    late: bool,
    baseline: Option<Baseline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<&'a str>,
}

#[derive(Serialize)]
struct Observed {
    records: u64,
    subjects: u64,
}

#[derive(Serialize)]
struct Expected {
    records: f64,
    subjects: f64,
    upper: u64,
}

#[derive(Serialize)]
struct WireExposure<'a> {
    records: u64,
    subjects: u64,
    subjects_unnamed_max: u64,
    subjects_exact: bool,
    fields: &'a [String],
    first_at: String,
    last_at: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireEvidence<'a> {
    File {
        file: &'a str,
        first_line: u64,
        last_line: u64,
    },
    Partition {
        topic: &'a str,
        partition: i32,
        first_offset: u64,
        last_offset: u64,
    },
}

#[derive(Serialize)]
struct Baseline {
    days: u32,
    maturity: &'static str,
    peers: u32,
}

/// Writes `alert` as one line of JSON without a line end.
///
/// # Panics
/// Panics where evidence names a source that `places` does not hold: a bug.
#[expect(
    clippy::expect_used,
    reason = "plain structs of strings and numbers always serialize"
)]
pub fn to_json(alert: &Alert, places: &Places) -> String {
    serde_json::to_string(&wire(alert, places)).expect("an alert serializes")
}

fn wire<'a>(alert: &'a Alert, places: &'a Places) -> Wire<'a> {
    let exposure = &alert.exposure;
    // An alert about the feed itself has no statistics.
    let has_statistics = !alert.kind.is_of_feed();
    Wire {
        schema: "rosterwatch.alert/1",
        incident: &alert.incident,
        revision: alert.revision,
        state: alert.state.as_str(),
        kind: alert.kind.as_str(),
        severity: alert.severity.as_str(),
        supplier: &alert.supplier,
        account: alert.account.as_deref(),
        account_kind: alert.account_kind.as_str(),
        started_at: alert.started_at.to_string(),
        raised_at: alert.raised_at.to_string(),
        last_seen_at: alert.last_seen_at.to_string(),
        window: has_statistics.then(|| iso_duration(alert.window_ms)),
        observed: has_statistics.then_some(Observed {
            records: alert.observed_records,
            subjects: alert.observed_subjects,
        }),
        expected: has_statistics.then(|| Expected {
            records: rounded(alert.expected_records),
            subjects: rounded(alert.expected_subjects),
            upper: alert.expected_upper,
        }),
        score: has_statistics.then(|| rounded(alert.score)),
        p_value: has_statistics.then(|| two_digits(alert.p_value)),
        exposure: has_statistics.then(|| WireExposure {
            records: exposure.records,
            subjects: exposure.subjects,
            subjects_unnamed_max: exposure.subjects_unnamed_max,
            subjects_exact: exposure.subjects_exact,
            fields: &exposure.fields,
            first_at: exposure.first_at.to_string(),
            last_at: exposure.last_at.to_string(),
        }),
        evidence: alert
            .evidence
            .iter()
            .map(|evidence| wire_evidence(evidence, places))
            .collect(),
        reasons: &alert.reasons,
        attack: &alert.attack,
        late: alert.late,
        baseline: has_statistics.then(|| Baseline {
            days: alert.baseline_days,
            maturity: alert.baseline_maturity.as_str(),
            peers: alert.baseline_peers,
        }),
        superseded_by: alert.superseded_by.as_deref(),
        suppressed: alert.suppressed.as_deref(),
    }
}

fn wire_evidence<'a>(evidence: &Evidence, places: &'a Places) -> WireEvidence<'a> {
    let (first, last) = (evidence.first, evidence.last);
    match places {
        Places::Files(files) => WireEvidence::File {
            file: &files[evidence.source as usize],
            first_line: first,
            last_line: last,
        },
        Places::Partitions(partitions) => {
            let (topic, partition) = &partitions[evidence.source as usize];
            WireEvidence::Partition {
                topic,
                partition: *partition,
                first_offset: first,
                last_offset: last,
            }
        }
    }
}

/// An ISO 8601 duration in the largest whole unit: `PT5M`, `PT1H`, `P1D`.
fn iso_duration(millis: i64) -> String {
    let minutes = millis / 60_000;
    match (minutes / 1_440, minutes / 60, minutes) {
        (days @ 1.., _, _) if minutes % 1_440 == 0 => format!("P{days}D"),
        (_, hours @ 1.., _) if minutes % 60 == 0 => format!("PT{hours}H"),
        _ => format!("PT{minutes}M"),
    }
}

/// One decimal: what a reader can use.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Two significant digits, as p-values are read.
fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_largest_whole_unit() {
        assert_eq!(iso_duration(300_000), "PT5M");
        assert_eq!(iso_duration(3_600_000), "PT1H");
        assert_eq!(iso_duration(86_400_000), "P1D");
    }
}
