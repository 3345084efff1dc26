//! What a ledger is made of: who was touched when, and the sums of one sliding window.

use std::collections::VecDeque;

use crate::detect::{pane::Share, window::Counts};

/// Room is made for so many panes or touches at once, or for a quarter of those held: what every
/// account holds too much adds up.
const ROOM_MIN: usize = 8;

/// The bit of a touch's pane that says that its subject was touched again later. Panes stay far
/// below it: it stands for the year 4011.
pub(super) const AGAIN: u32 = 1 << 31;

/// That a person was read in a pane; with a mark, [`NOVEL`](super::window::NOVEL),
/// [`IDLE`](super::window::IDLE) or [`CONSECUTIVE`](super::window::CONSECUTIVE), that the person was so
/// then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    /// With [`AGAIN`] where a later one names the same subject.
    pub(super) marked_pane: u32,
    pub(super) subject: u32,
}

impl Touch {
    pub(super) const fn pane(self) -> u32 {
        self.marked_pane & !AGAIN
    }

    pub(super) const fn is_last(self) -> bool {
        self.marked_pane & AGAIN == 0
    }
}

/// The sums of the window that ends at the newest pane. Narrow, for every account has four.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    /// The window may be moved up to this without anything leaving it.
    pub(super) first_held: u32,
    /// Index of the first pane inside the window.
    pub(super) pane_tail: u32,
    /// Index of the first touch inside the window.
    pub(super) touch_tail: u32,
    /// Different people by [`rank`]: all, those of them who were idle, those who were new, and those whose
    /// ids stand in a run.
    pub(super) named: [u32; 4],
    pub(super) unnamed: u64,
    pub(super) exported: u64,
    pub(super) records: u64,
}

/// An index as a tail keeps it: an account holds far fewer panes and touches than 2^32.
pub(super) fn tail(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The place of a touch's count.
pub(super) const fn rank(subject: u32) -> usize {
    (subject >> 30) as usize
}

impl Running {
    pub(super) fn add(&mut self, share: Share) {
        self.unnamed += share.unnamed;
        self.exported += share.exported;
        self.records += share.records;
    }

    pub(super) fn remove(&mut self, share: Share) {
        self.unnamed -= share.unnamed;
        self.exported -= share.exported;
        self.records -= share.records;
    }

    pub(super) fn counts(&self) -> Counts {
        let [people, idle, novel, consecutive] = self.named.map(u64::from);
        let people = people + self.unnamed;
        [
            people,
            self.exported,
            novel,
            idle,
            consecutive,
            self.records,
        ]
    }
}

/// The last touch of `subject`. Compares several at once: no branch within a chunk.
pub(super) fn last_of(touches: &[Touch], subject: u32) -> Option<usize> {
    let mut end = touches.len();
    for chunk in touches.rchunks(SEARCHED_AT_ONCE) {
        end -= chunk.len();
        let is_it = |touch: &Touch| u32::from(touch.subject == subject);
        if chunk.iter().map(is_it).sum::<u32>() > 0 {
            let at = chunk.iter().rposition(|touch| touch.subject == subject);
            return at.map(|at| end + at);
        }
    }
    None
}

/// Touches compared at once: those of a cache line.
const SEARCHED_AT_ONCE: usize = 8;

/// Makes room for one more.
pub(super) fn make_room<T>(held: &mut VecDeque<T>) {
    if held.len() == held.capacity() {
        held.reserve_exact(ROOM_MIN.max(held.len() / 4));
    }
}

/// Gives room back that was made for a day out of the ordinary; a usual day's is needed again.
pub(super) fn give_back<T>(held: &mut VecDeque<T>) {
    if held.capacity() > 2 * held.len() + ROOM_MIN {
        held.shrink_to(held.len() + held.len() / 2);
    }
}
