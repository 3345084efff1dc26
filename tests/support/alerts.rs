//! Alerts as whoever compares two runs reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// By incident: its account and, where its last revision closed it, its final exposure.
pub(crate) type Incidents = BTreeMap<String, (String, Option<String>)>;

/// Every alert of a replay's output.
pub(crate) fn read(alerts: &str) -> Vec<Value> {
    let alerts = alerts.lines().map(serde_json::from_str);
    alerts.map(Result::unwrap).collect()
}

/// Whether an alert is about the feed itself: those look at the wall clock.
pub(crate) fn is_of_feed(alert: &Value) -> bool {
    let kind = alert["kind"].as_str().unwrap();
    kind.starts_with("feed_") || kind == "clock_skew"
}

/// Account and, where the last revision closed it, the final exposure of each incident of accounts
/// that no other took the place of.
pub(crate) fn incidents(alerts: &[Value]) -> Incidents {
    let mut latest: BTreeMap<String, &Value> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| !is_of_feed(alert)) {
        let kept = latest.entry(alert["incident"].to_string()).or_insert(alert);
        if alert["revision"].as_u64() > kept["revision"].as_u64() {
            *kept = alert;
        }
    }
    let standing = latest
        .into_iter()
        .filter(|(_, alert)| alert.get("superseded_by").is_none());
    standing
        .map(|(incident, alert)| {
            let closed = (alert["state"] == "closed").then(|| alert["exposure"].to_string());
            (incident, (alert["account"].to_string(), closed))
        })
        .collect()
}

/// Whether no revision of an incident is there twice.
pub(crate) fn written_once(alerts: &[Value]) -> bool {
    let key = |alert: &Value| (alert["incident"].to_string(), alert["revision"].as_u64());
    let keys: BTreeSet<_> = alerts.iter().map(key).collect();
    keys.len() == alerts.len()
}
