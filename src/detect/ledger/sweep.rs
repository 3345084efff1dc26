//! Windows that end before the newest pane, counted anew.

use super::{LastSeen, Ledger};
use crate::detect::{
    pane::Pane,
    running::{Running, rank, tail},
    window::{Counts, Window},
};

/// Space that [`Ledger::sweep`] works in, kept from one use to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    last: LastSeen,
}

impl Ledger {
    /// No window of `window`'s length that holds `pane` counts more than this.
    pub fn bound(&self, window: Window, pane: u32) -> Counts {
        let (from, to) = (window.first(pane), window.last(pane));
        let start = self.touches.partition_point(|touch| touch.pane() < from);
        let mut bound = Running::default();
        for touch in self.touches.range(start..) {
            if touch.pane() > to {
                break;
            }
            bound.named[rank(touch.subject)] += 1;
        }
        for pane in self.panes(from, to) {
            bound.add(pane.share);
        }
        bound.counts()
    }

    /// Counts `window` anew for every pane from `from` to `to`, both included, that it may end at.
    pub fn sweep(
        &self,
        window: Window,
        (from, to): (u32, u32),
        scratch: &mut Scratch,
        mut each: impl FnMut(&Pane, Counts),
    ) {
        let first = window.first(from);
        let last_seen = &mut scratch.last;
        last_seen.clear();
        let mut sums = Running {
            pane_tail: tail(self.panes.place_of(first)),
            touch_tail: tail(self.touches.partition_point(|touch| touch.pane() < first)),
            ..Running::default()
        };
        let mut next_touch = sums.touch_tail as usize;
        for end in self.panes.skip(sums.pane_tail as usize) {
            if end.index > to {
                break;
            }
            sums.add(end.share);
            while let Some(touch) = self.touches.get(next_touch) {
                if touch.pane() > end.index {
                    break;
                }
                if last_seen.insert(touch.subject, touch.pane()).is_none() {
                    sums.named[rank(touch.subject)] += 1;
                }
                next_touch += 1;
            }
            while let Some(old) = self.panes.get(sums.pane_tail as usize) {
                if old.index >= window.first(end.index) {
                    break;
                }
                sums.remove(old.share);
                sums.pane_tail += 1;
            }
            while let Some(old) = self.touches.get(sums.touch_tail as usize) {
                if old.pane() >= window.first(end.index) {
                    break;
                }
                if last_seen.get(&old.subject) == Some(&old.pane()) {
                    last_seen.remove(&old.subject);
                    sums.named[rank(old.subject)] -= 1;
                }
                sums.touch_tail += 1;
            }
            if end.index >= from {
                each(&end, sums.counts());
            }
        }
    }

    /// The counts of `window` where it ends at the pane `end`; nothing where that is not held.
    pub fn counts_at(&self, window: Window, end: u32, scratch: &mut Scratch) -> Counts {
        let mut counts = Counts::default();
        self.sweep(window, (end, end), scratch, |_, at| counts = at);
        counts
    }
}
