//! How much of the supplier an account has read within a month.

use super::Account;
use crate::detect::{
    COVERED,
    coverage::{self, Stops},
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
        let stops = self.versions.iter().chain(peers).map(|it| it.stop);
        if stops.min() == Some(u32::MAX) {
            return;
        }
        let ends = (pane, Window::Today.last(pane));
        self.ledger
            .sweep(Window::Today, ends, scratch, |end, counts| {
                let to_stop = self.to_stop(self.version_at(peers, end.index), end.index);
                if counts[Signal::Novel as usize] >= u64::from(to_stop) {
                    each(end.index, COVERED);
                }
            });
    }

    /// People of the day of `pane`, new to the account, that take its month to a stop. Those it knows
    /// from before the month count from the next day on.
    pub(super) fn to_stop(&self, version: &Version, pane: u32) -> u32 {
        if version.stop == u32::MAX {
            return u32::MAX;
        }
        let day = pane / PANES_PER_DAY;
        let read = self
            .familiar
            .read_in(coverage::DAYS, (day, pane), std::iter::empty());
        read.map_or(u32::MAX, |read| version.stop.saturating_sub(read))
    }

    /// Different people that it read in the days that end with that of `pane`, up to it.
    pub(super) fn read_in(&self, days: u32, pane: u32) -> Option<u32> {
        // Days that are not settled lie in the last three.
        let first = (pane / PANES_PER_DAY + 1).saturating_sub(days.min(3)) * PANES_PER_DAY;
        let lately = self.ledger.subjects(first, pane);
        self.familiar
            .read_in(days, (pane / PANES_PER_DAY, pane), lately)
    }

    /// Takes in whether a stop was passed on the settled `day`, and which ones last.
    pub fn note_stops(&mut self, stops: &Stops, (day, from): (u32, u32)) {
        if stops.next(0) == u32::MAX || self.stops_told == u8::MAX {
            return;
        }
        let read = self
            .familiar
            .read_in(coverage::DAYS, (day, from), std::iter::empty());
        let Some(read) = read else { return };
        let passed = stops.passed(read);
        self.stops_told = if self.is_stopped {
            passed.max(self.stops_told)
        } else {
            passed.min(self.stops_told)
        };
    }
}
