//! How much of the supplier an account has read within a month.

use super::{Account, LookUp};
use crate::detect::{
    COVERED,
    coverage::Stops,
    ledger::Scratch,
    pane::PANES_PER_DAY,
    version::Version,
    window::{Signal, Window},
};

impl Account {
    pub(super) fn test_coverage_behind(
        &self,
        peers: &[Version],
        pane: u32,
        scratch: &mut Scratch,
        each: &mut impl FnMut(u32, u32),
    ) {
        let stops = self.versions_from_on(peers, pane);
        let stop = stops.map(|version| version.stops.next(0)).min();
        let new = self.ledger.bound(Window::Today, pane)[Signal::Novel as usize];
        let most = new.saturating_add(self.familiar.len() as u64);
        if stop.is_none_or(|stop| stop == u32::MAX || u64::from(stop) > most) {
            return;
        }
        // Within a day it changes where a version does.
        let mut known: Option<(u32, u32)> = None;
        let mut versions = LookUp::new(|pane| self.version_until(peers, pane));
        let ends = (pane, Window::Today.last(pane));
        self.ledger
            .sweep(Window::Today, ends, scratch, |end, counts| {
                let version = versions.at(end.index);
                let to_stop = match known {
                    Some((from, to_stop)) if from == version.from => to_stop,
                    _ => self.to_stop(version, end.index),
                };
                known = Some((version.from, to_stop));
                if counts[Signal::Novel as usize] >= u64::from(to_stop) {
                    each(end.index, COVERED);
                }
            });
    }

    /// People of the day of `pane`, new to the account, that take its month to a stop. Those it knows
    /// from before the month count from the next day on.
    pub(super) fn to_stop(&self, version: &Version, pane: u32) -> u32 {
        let (stop, read) = self.stop_at(version, pane);
        if stop == u32::MAX {
            stop
        } else {
            stop.saturating_sub(read)
        }
    }

    /// The next stop for the day of `pane`, and how many people were read in the month before.
    pub(super) fn stop_at(&self, version: &Version, pane: u32) -> (u32, u32) {
        if version.stops.are_idle(version.stops_told) {
            return (u32::MAX, 0);
        }
        let read = self.familiar.month((pane / PANES_PER_DAY, pane));
        let next = |read| (version.stops.after(version.stops_told, read), read);
        read.map_or((u32::MAX, 0), next)
    }

    /// Different people that it read in the days that end with that of `pane`, up to it.
    pub(super) fn read_in(&self, days: u32, pane: u32) -> Option<u32> {
        // Days that are not settled lie in the last three.
        let first = (pane / PANES_PER_DAY + 1).saturating_sub(days.min(3)) * PANES_PER_DAY;
        let lately = self.ledger.subjects(first, pane);
        self.familiar
            .read_in(days, (pane / PANES_PER_DAY, pane), lately)
    }

    /// Takes in whether a stop was passed on the settled day of `on`, and which ones
    /// last; the pane from which on the day is in force stands beside it.
    pub fn note_stops(&mut self, stops: &Stops, on: (u32, u32)) {
        if stops.are_idle(self.stops_told) {
            return;
        }
        let Some(read) = self.familiar.month(on) else {
            return;
        };
        self.stops_told = if self.is_stopped {
            stops.passed(read).max(self.stops_told)
        } else {
            stops.lasting(read).min(self.stops_told)
        };
    }
}
