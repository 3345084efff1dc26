//! Verdicts on incidents: what they let the days of their accounts teach.

use std::sync::Arc;

use super::Tracker;
use crate::{
    detect::{AccountId, Detector, pane::PANES_PER_DAY, settle::Teaching},
    event::Timestamp,
    incident::{Verdict, episode::Episode},
};

/// What became of verdicts since a tracker began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    /// Account-days that taught in full, because they were vouched for.
    pub taught: u64,
    /// Account-days that taught nothing, because they were a theft's.
    pub rejected: u64,
    /// Verdicts that came when the days of their incident had been learned.
    pub too_late: u64,
}

/// What became of one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It counts at the end of each day of its incident that is not settled, or once there is such
    /// an incident. One that was forgotten, a horizon after its close, is not told from one to come.
    Taken,
    /// The days of its incident so far have been learned as it stood: deciding the log again, as
    /// `replay` does and `run` at its start, counts it.
    TooLate,
    /// There are as many verdicts as may be.
    Full,
}

impl Tracker {
    /// Takes one verdict, given at a moment.
    pub fn judge(
        &mut self,
        incident: &str,
        at: Timestamp,
        verdict: Verdict,
        detector: &Detector,
    ) -> Judged {
        let max = self.config.verdicts_max;
        if !Arc::make_mut(&mut self.config.verdicts).give(incident, at, verdict, max) {
            return Judged::Full;
        }
        let mut episodes = self.episodes.values().flatten();
        let is_settled = |episode: &Episode| {
            let last = episode.last_pane / PANES_PER_DAY;
            detector.settled().is_some_and(|settled| last <= settled)
        };
        let known = episodes.find(|episode| episode.id == incident);
        if !known.map_or_else(|| self.judged.contains(incident), is_settled) {
            return Judged::Taken;
        }
        self.verdict_counts.too_late += 1;
        Judged::TooLate
    }

    /// What a day (since 1970) of an account teaches on which it raised an alarm.
    pub fn teaching(&mut self, account: AccountId, day: u32) -> Teaching {
        // The incident that a crossing of the day belongs to, whatever came since.
        let of_day = |episode: &&Episode| {
            let days = episode.first.pane / PANES_PER_DAY..=episode.last_pane / PANES_PER_DAY;
            days.contains(&day)
        };
        let episodes = self.episodes.get(&account.0).into_iter().flatten();
        let found = episodes.filter(of_day).find_map(|episode| {
            let verdict = self.config.verdicts.of(&episode.id)?;
            Some((episode.id.as_str(), verdict))
        });
        let Some((incident, verdict)) = found else {
            return Teaching::Guarded;
        };
        if !self.judged.contains(incident) {
            self.judged.insert(incident.to_owned());
        }
        match verdict.teaching() {
            Teaching::Nothing => self.verdict_counts.rejected += 1,
            _ => self.verdict_counts.taught += 1,
        }
        verdict.teaching()
    }

    /// What became of verdicts.
    pub fn verdict_counts(&self) -> VerdictCounts {
        self.verdict_counts
    }

    /// The incidents whose verdict a day end has counted.
    pub fn judged(&self) -> impl Iterator<Item = &str> {
        self.judged.iter().map(String::as_str)
    }
}
