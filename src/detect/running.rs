//! What a ledger is made of: who was touched when, and the sums of one sliding window.

use crate::detect::{pane::Share, window::Counts};

/// The bit of a touch's pane that says that its subject was touched again later. Panes stay far
/// below it: it stands for the year 4011.
pub(super) const AGAIN: u32 = 1 << 31;

/// That a person was read in a pane; with [`NOVEL`](super::window::NOVEL), that the person was new to the account then.
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

/// The sums of the window that ends at the newest pane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    /// The window may be moved up to this without anything leaving it.
    pub(super) first_held: u32,
    /// Index of the first pane inside the window.
    pub(super) pane_tail: usize,
    /// Index of the first touch inside the window.
    pub(super) touch_tail: usize,
    /// Different people, and those of them who were new.
    pub(super) named: [u64; 2],
    pub(super) unnamed: u64,
    pub(super) exported: u64,
    pub(super) records: u64,
}

/// The place of a touch's count.
pub(super) const fn rank(subject: u32) -> usize {
    (subject >> 31) as usize
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
        let [people, novel] = self.named;
        [people + self.unnamed, self.exported, novel, self.records]
    }
}
