//! Where in the log the events of a time lie, so that an incident can name its evidence.
//!
//! Coarse on purpose: for each five minutes, and for older days as a whole, the first and last
//! position of every source. It holds all of an incident's events, and others between them.

use std::collections::BTreeMap;

use crate::detect::pane::{PANES_PER_DAY, PANES_PER_HOUR};

/// Panes in a slot: five minutes.
const SLOT_PANES: u32 = PANES_PER_HOUR / 12;
/// Slots kept at most: two weeks. Only future-dated events can need more; the last of them go.
const SLOTS_MAX: usize = 4_032;
const SLOTS_PER_DAY: u32 = PANES_PER_DAY / SLOT_PANES;
/// Days kept as a whole: as long as a slow theft is remembered.
const DAYS_MAX: usize = 50;

type Ranges = Vec<(u32, u64, u64)>;

/// First and last positions by slot and source.
#[derive(Debug, Default)]
pub(super) struct Positions {
    slots: BTreeMap<u32, Ranges>,
    /// Days whose slots are forgotten, in part or all.
    days: BTreeMap<u32, Ranges>,
    /// The slot of the last event, kept at hand, and its ranges.
    hot: Option<(u32, Ranges)>,
}

impl Positions {
    /// Notes that an event of `pane` lies at `position` of `source`.
    pub(super) fn note(&mut self, pane: u32, source: u32, position: u64) {
        let slot = pane / SLOT_PANES;
        if self.hot.as_ref().is_none_or(|(hot, _)| *hot != slot) {
            let ranges = self.slots.remove(&slot).unwrap_or_default();
            if let Some((old, ranges)) = self.hot.replace((slot, ranges)) {
                self.slots.insert(old, ranges);
            }
            if self.slots.len() > SLOTS_MAX {
                self.slots.pop_last();
            }
        }
        if let Some((_, ranges)) = &mut self.hot {
            widen(ranges, (source, position, position));
        }
    }

    /// The ranges that hold every event of the panes from `from` to `to`, both included.
    pub(super) fn within(&self, from: u32, to: u32) -> impl Iterator<Item = (u32, u64, u64)> {
        let days = from / PANES_PER_DAY..=to / PANES_PER_DAY;
        let days = self.days.range(days).map(|(_, ranges)| ranges);
        let slots = from / SLOT_PANES..=to / SLOT_PANES;
        let hot = self.hot.iter().filter({
            let slots = slots.clone();
            move |(slot, _)| slots.contains(slot)
        });
        let held = self.slots.range(slots).map(|(_, ranges)| ranges);
        let hot = hot.map(|(_, ranges)| ranges);
        days.chain(held).chain(hot).flatten().copied()
    }

    /// Keeps of the slots before `pane` no more than their days.
    pub(super) fn forget(&mut self, pane: u32) {
        let slot = pane / SLOT_PANES;
        let kept = self.slots.split_off(&slot);
        let past = std::mem::replace(&mut self.slots, kept);
        let past = past
            .into_iter()
            .chain(self.hot.take_if(|(hot, _)| *hot < slot));
        for (slot, ranges) in past {
            let day = self.days.entry(slot / SLOTS_PER_DAY).or_default();
            for range in ranges {
                widen(day, range);
            }
        }
        while self.days.len() > DAYS_MAX {
            self.days.pop_first();
        }
    }
}

/// Takes another range of a source in.
fn widen(ranges: &mut Ranges, (source, from, to): (u32, u64, u64)) {
    match ranges.iter_mut().find(|(known, ..)| *known == source) {
        Some((_, first, last)) => {
            *first = (*first).min(from);
            *last = (*last).max(to);
        }
        None => ranges.push((source, from, to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_was_noted_in_any_order() {
        let mut positions = Positions::default();
        for (pane, source, position) in [(100, 0, 7), (500, 0, 90), (101, 1, 3), (102, 0, 2)] {
            positions.note(pane, source, position);
        }
        let mut early: Vec<_> = positions.within(100, 109).collect();
        early.sort_unstable();
        assert_eq!(early, [(0, 2, 7), (1, 3, 3)]);
        positions.forget(400);
        let mut all: Vec<_> = positions.within(0, 1_000).collect();
        all.sort_unstable();
        assert_eq!(all, [(0, 2, 7), (0, 90, 90), (1, 3, 3)]);
    }

    #[test]
    fn a_flood_of_dates_is_bounded() {
        let mut positions = Positions::default();
        for slot in 0..20_000 {
            positions.note(slot * SLOT_PANES, 0, 1);
        }
        assert!(positions.slots.len() <= SLOTS_MAX + 1);
    }
}
