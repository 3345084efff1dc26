//! What ours missed and what it raised falsely in a world, one by one.

use std::collections::BTreeMap;

use rosterwatch::{
    incident,
    score::{self, score},
    simulate::Labels,
};

use crate::{
    judging::{scored, table},
    world::World,
};

/// The misses and false incidents of ours, at its defaults, in `world`.
pub(super) fn list(world: &World) -> anyhow::Result<String> {
    let alerts = &world.ours[0];
    let misses = misses(world, &scored(alerts))?;
    let falses = falses(&world.spans, alerts)?;
    let (seed, kind) = (world.labels.seed, world.kind);
    Ok(format!(
        "### Seed {seed} ({kind}): attacks missed\n\n{misses}\n### Seed {seed} ({kind}): false \
         incidents\n\n{falses}"
    ))
}

fn misses(world: &World, alerts: &[score::Alert]) -> anyhow::Result<String> {
    let heading = [
        "attack",
        "family",
        "account",
        "kind",
        "history",
        "usual day",
        "first step",
        "last step",
        "steps",
        "people",
        "records",
    ];
    let mut rows = Vec::new();
    for attack in &world.labels.attacks {
        let alone = Labels {
            attacks: vec![attack.clone()],
            ..world.spans.clone()
        };
        if score(&alone, alerts)?.all.found > 0 {
            continue;
        }
        if let (Some(first), Some(last)) = (attack.steps.first(), attack.steps.last()) {
            rows.push(vec![
                attack.id.clone(),
                attack.family.clone(),
                format!("{}/{}", attack.supplier, attack.accounts.join(" ")),
                attack.account_kind.clone(),
                attack.history_days.to_string(),
                attack.usual_day_records.to_string(),
                first.time.clone(),
                last.time.clone(),
                attack.steps.len().to_string(),
                last.subjects_total.to_string(),
                last.records_total.to_string(),
            ]);
        }
    }
    Ok(table(&heading.map(str::to_owned), &rows))
}

fn falses(labels: &Labels, alerts: &[incident::Alert]) -> anyhow::Result<String> {
    let heading = [
        "raised",
        "account",
        "kind",
        "benign span",
        "history",
        "people in the window",
        "window, min",
        "quiet up to",
        "people by the end",
    ];
    let mut incidents: BTreeMap<&str, Vec<incident::Alert>> = BTreeMap::new();
    for alert in alerts {
        let incident = incidents.entry(&alert.incident).or_default();
        incident.push(alert.clone());
    }
    let mut rows = Vec::new();
    for incident in incidents.values() {
        let score = score(labels, &scored(incident))?;
        let is_false = score.all.found == 0 && score.incidents > 0;
        let Some((first, last)) = incident.first().zip(incident.last()).filter(|_| is_false) else {
            continue;
        };
        let spans: Vec<_> = score.benign_incidents.into_keys().collect();
        rows.push(vec![
            first.raised_at.to_string(),
            format!(
                "{}/{}",
                first.supplier,
                first.account.as_deref().unwrap_or("–")
            ),
            first.kind.as_str().to_owned(),
            spans.join(" "),
            first.baseline_days.to_string(),
            first.observed_subjects.to_string(),
            (first.window_ms / 60_000).to_string(),
            first.expected_upper.to_string(),
            last.exposure.subjects.to_string(),
        ]);
    }
    rows.sort();
    Ok(table(&heading.map(str::to_owned), &rows))
}
