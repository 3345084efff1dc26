//! What analysts say of incidents, and what that lets the detector learn.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{detect::settle::Teaching, event::Timestamp};

/// What an analyst found an incident to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Records were taken: the days teach nothing at all.
    TruePositive,
    /// Nothing was taken that should not have been: the days are usual, and the bars too low.
    FalsePositive,
    /// It was known to come, and may come again: the days teach as those of a false alarm do.
    Expected,
}

impl Verdict {
    /// What the account-days of such an incident teach.
    pub const fn teaching(self) -> Teaching {
        match self {
            Self::TruePositive => Teaching::Nothing,
            Self::FalsePositive | Self::Expected => Teaching::Full,
        }
    }
}

/// Verdicts by incident, the latest of each.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    by_incident: BTreeMap<String, (Timestamp, Verdict)>,
}

/// A line of a file that will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub reason: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    incident: String,
    verdict: String,
    at: String,
}

/// Bad lines that are named: a file that is something else altogether has one on every line.
const BAD_MAX: usize = 20;

impl Verdicts {
    /// Reads JSON lines of `incident`, `verdict` and `at`; of `max` incidents at most.
    ///
    /// # Errors
    /// The first bad lines.
    pub fn parse(text: &str, max: usize) -> Result<Self, Vec<BadLine>> {
        let mut verdicts = Self::default();
        let mut bad = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || bad.len() >= BAD_MAX {
                continue;
            }
            let taken = read(line).and_then(|(incident, at, verdict)| {
                let is_taken = verdicts.give(&incident, at, verdict, max);
                is_taken.then_some(()).ok_or(
                    "is one verdict too many; raise limits.verdicts, or leave out those of old incidents",
                )
            });
            if let Err(reason) = taken {
                bad.push(BadLine {
                    line: number + 1,
                    reason,
                });
            }
        }
        if bad.is_empty() {
            Ok(verdicts)
        } else {
            Err(bad)
        }
    }

    /// Takes a verdict, the later of two on one incident; says whether there was room.
    pub fn give(&mut self, incident: &str, at: Timestamp, verdict: Verdict, max: usize) -> bool {
        if let Some(known) = self.by_incident.get_mut(incident) {
            if at >= known.0 {
                *known = (at, verdict);
            }
            return true;
        }
        let has_room = self.by_incident.len() < max;
        if has_room {
            self.by_incident.insert(incident.to_owned(), (at, verdict));
        }
        has_room
    }

    /// What was said of an incident.
    pub fn of(&self, incident: &str) -> Option<Verdict> {
        self.by_incident.get(incident).map(|(_, verdict)| *verdict)
    }

    /// Incidents that something was said of.
    pub fn len(&self) -> usize {
        self.by_incident.len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.by_incident.is_empty()
    }
}

/// The incident, when, and the verdict of one line.
fn read(line: &str) -> Result<(String, Timestamp, Verdict), &'static str> {
    let given: Given = serde_json::from_str(line)
        .map_err(|_| "is no JSON object of the strings incident, verdict and at, and no more")?;
    let id = given.incident.strip_prefix("inc_").unwrap_or_default();
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("names no incident; write its id, inc_ and 26 characters");
    }
    let verdict = match given.verdict.as_str() {
        "true_positive" => Verdict::TruePositive,
        "false_positive" => Verdict::FalsePositive,
        "expected" => Verdict::Expected,
        _ => return Err("gives no verdict; write true_positive, false_positive or expected"),
    };
    let at = given.at.parse::<jiff::Timestamp>();
    let at = at.map_err(|_| "says no time; write at as 2026-11-23T09:14:05Z")?;
    let at = Timestamp::from_millis(at.as_millisecond());
    Ok((given.incident, at, verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(incident: &str, verdict: &str, at: &str) -> String {
        format!(r#"{{"incident":"{incident}","verdict":"{verdict}","at":"{at}"}}"#)
    }

    #[test]
    fn the_latest_verdict_counts() {
        let lines = [
            line("inc_a", "expected", "2026-06-03T00:00:00Z"),
            String::new(),
            line("inc_a", "true_positive", "2026-06-02T00:00:00Z"),
            line("inc_b", "false_positive", "2026-06-02T00:00:00+01:00"),
        ];
        let verdicts = Verdicts::parse(&lines.join("\n"), 2).unwrap();
        assert_eq!(verdicts.of("inc_a"), Some(Verdict::Expected));
        assert_eq!(verdicts.of("inc_b"), Some(Verdict::FalsePositive));
        assert_eq!((verdicts.of("inc_c"), verdicts.len()), (None, 2));
    }

    #[test]
    fn a_bad_line_is_named_by_number_and_reason() {
        let at = "2026-06-02T00:00:00Z";
        let lines = [
            (line("inc_a", "expected", at), ""),
            ("not json".to_owned(), "no JSON object"),
            (line("clerk-7", "expected", at), "names no incident"),
            (line("inc_a", "maybe", at), "true_positive"),
            (line("inc_a", "expected", "today"), "no time"),
            (
                line("inc_a", "expected", at).replace("at\":", "on\":"),
                "no JSON object",
            ),
            (line("inc_b", "expected", at), "limits.verdicts"),
        ];
        let text = lines.each_ref().map(|(line, _)| line.as_str()).join("\n");
        let bad = Verdicts::parse(&text, 1).unwrap_err();
        let numbers: Vec<_> = bad.iter().map(|bad| bad.line).collect();
        assert_eq!(numbers, [2, 3, 4, 5, 6, 7]);
        for (bad, (line, reason)) in bad.iter().zip(&lines[1..]) {
            assert!(bad.reason.contains(reason), "{line}: {}", bad.reason);
        }
    }
}
