//! One account's panes, as narrow as most of them are.

use std::collections::{BTreeMap, VecDeque};

use crate::detect::{
    pane::{Pane, Share},
    running::{give_back, make_room},
};

/// Panes in the order of their numbers.
///
/// Sums of records fill four bytes; a pane with more keeps its share beside the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Panes {
    /// Invariant: sorted by index, no index twice.
    narrow: VecDeque<Pane<Narrow>>,
    /// The shares of those that are marked [`Narrow::WIDE`], by index; nothing where none is.
    #[expect(clippy::box_collection, reason = "hardly an account has any")]
    wide: Option<Box<BTreeMap<u32, Share>>>,
}

/// A [`Share`] of few records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Narrow {
    records: u32,
    exported: u32,
    unnamed: u32,
    fields: u32,
}

impl Narrow {
    /// Stands for a share that is too wide.
    const WIDE: Self = Self {
        records: u32::MAX,
        exported: u32::MAX,
        unnamed: u32::MAX,
        fields: u32::MAX,
    };

    /// A share of few records; nothing for one of many.
    fn of(share: Share) -> Option<Self> {
        let narrow = Self {
            records: share.records.try_into().ok()?,
            exported: share.exported.try_into().ok()?,
            unnamed: share.unnamed.try_into().ok()?,
            fields: share.fields,
        };
        (narrow != Self::WIDE).then_some(narrow)
    }

    fn share(self) -> Share {
        Share {
            records: self.records.into(),
            exported: self.exported.into(),
            unnamed: self.unnamed.into(),
            fields: self.fields,
        }
    }
}

impl Panes {
    /// Adds a pane behind all others.
    pub(super) fn push(&mut self, pane: Pane) {
        self.insert(self.narrow.len(), pane);
    }

    /// Adds a pane at its place.
    pub(super) fn insert(&mut self, at: usize, pane: Pane) {
        make_room(&mut self.narrow);
        let narrow = self.narrowed(pane);
        self.narrow.insert(at, narrow);
    }

    /// Puts a pane in the place of what it was before.
    pub(super) fn set(&mut self, at: usize, pane: Pane) {
        self.narrow[at] = self.narrowed(pane);
    }

    /// Forgets the first `count`.
    pub(super) fn forget(&mut self, count: usize) {
        for gone in self.narrow.drain(..count) {
            if let Some(wide) = &mut self.wide {
                wide.remove(&gone.index);
            }
        }
        self.wide.take_if(|wide| wide.is_empty());
        give_back(&mut self.narrow);
    }

    /// The pane at a place.
    pub(super) fn get(&self, at: usize) -> Option<Pane> {
        self.narrow.get(at).map(|pane| self.widened(pane))
    }

    /// The panes from a place on.
    pub(super) fn skip(&self, at: usize) -> impl Iterator<Item = Pane> {
        self.narrow.range(at..).map(|pane| self.widened(pane))
    }

    /// The place of the first pane that is not before the pane `index`.
    pub(super) fn place_of(&self, index: u32) -> usize {
        self.narrow.partition_point(|pane| pane.index < index)
    }

    /// The number of the pane at a place.
    pub(super) fn index(&self, at: usize) -> Option<u32> {
        self.narrow.get(at).map(|pane| pane.index)
    }

    /// The last one's number.
    pub(super) fn newest(&self) -> Option<u32> {
        self.narrow.back().map(|pane| pane.index)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.narrow.len()
    }

    /// Bytes held, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.narrow.capacity() * size_of::<Pane<Narrow>>()
    }

    fn narrowed(&mut self, pane: Pane) -> Pane<Narrow> {
        let narrow = Narrow::of(pane.share);
        if narrow.is_none() {
            let wide = self.wide.get_or_insert_default();
            wide.insert(pane.index, pane.share);
        }
        pane.with(narrow.unwrap_or(Narrow::WIDE))
    }

    fn widened(&self, pane: &Pane<Narrow>) -> Pane {
        let wide = self.wide.as_ref().filter(|_| pane.share == Narrow::WIDE);
        let share = wide.and_then(|wide| wide.get(&pane.index).copied());
        pane.with(share.unwrap_or_else(|| pane.share.share()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Counts about the bound between narrow and wide ones.
    fn count() -> impl Strategy<Value = u64> {
        let bound = u64::from(u32::MAX);
        prop_oneof![0..3_u64, bound - 1..bound + 2, Just(u64::MAX)]
    }

    fn said(pane: Pane) -> (u32, u32, u64, u64, u64, u32) {
        let share = pane.share;
        let (records, exported, unnamed) = (share.records, share.exported, share.unnamed);
        (
            pane.index,
            pane.actions,
            records,
            exported,
            unnamed,
            share.fields,
        )
    }

    proptest! {
        #[test]
        fn what_was_put_is_got_however_wide(
            puts in prop::collection::vec(
                (0..30_u32, count(), count(), count(), prop_oneof![Just(u32::MAX), 0..4_u32]),
                1..60,
            ),
            forgotten in 0..30_u32,
        ) {
            let (mut panes, mut twin) = (Panes::default(), BTreeMap::new());
            for (index, records, exported, unnamed, fields) in puts {
                let share = Share { records, exported, unnamed, fields };
                let pane = Pane::empty(index, 0).with(share);
                let at = panes.place_of(index);
                if panes.index(at) == Some(index) {
                    panes.set(at, pane);
                } else {
                    panes.insert(at, pane);
                }
                twin.insert(index, said(pane));
            }
            panes.forget(panes.place_of(forgotten));
            twin.retain(|index, _| *index >= forgotten);
            let held: Vec<_> = panes.skip(0).map(said).collect();
            prop_assert_eq!(held, twin.into_values().collect::<Vec<_>>());
        }
    }
}
