//! Which events were seen before: ids within the horizon, bounded.
//!
//! Pure. Ids and contents are known by their hashes (see [`AccessEvent`](crate::event::AccessEvent)).
//! An hour is forgotten by a mark, at no cost an id; its ids leave the table when that is full, all
//! in one sweep.

use std::{collections::BTreeMap, hash::BuildHasher as _};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::event::{HOUR_MS, Timestamp};

/// What an event's id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It is new.
    New,
    /// It was seen with the same content.
    Duplicate,
    /// It was seen with other content.
    Conflict,
}

/// An id that was seen with a content. Packed, for there are millions.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
struct Known {
    id: u64,
    content: u64,
    /// The drawer of its hour.
    drawer: u32,
}

/// Room for so many ids is made at least.
const ROOM_MIN: usize = 1_024;
/// Contents of one id that are remembered, the first ones. They lie in one place of the table, which a
/// supplier that gives every event one id must not make a long one.
const CONTENTS_MAX: usize = 4;

/// The ids of one feed's recent events.
#[derive(Debug)]
pub struct Repeats {
    ids_max: usize,
    /// Ids of forgotten hours as well, until their place is needed.
    known: HashTable<Known>,
    /// Keyed at random: suppliers choose the ids.
    hasher: RandomState,
    drawers: Drawers,
    limit_reached: u64,
}

impl Repeats {
    /// Remembers at most `ids_max` ids.
    pub fn new(ids_max: usize) -> Self {
        Self {
            ids_max: ids_max.max(1),
            known: HashTable::new(),
            hasher: RandomState::default(),
            drawers: Drawers::default(),
            limit_reached: 0,
        }
    }

    /// Looks an event up and remembers it: each content of an id for itself, so that a repeat changes
    /// nothing whatever came in between.
    pub fn observe(&mut self, id: u64, content: u64, time: Timestamp) -> Repeat {
        if self.known.len() == self.known.capacity() || self.drawers.are_sparse() {
            self.make_room();
        }
        let hash = self.hasher.hash_one(id);
        let (mut contents, mut is_any_forgotten) = (0, false);
        for known in self.known.iter_hash(hash).filter(|known| known.id == id) {
            if !self.drawers.is_kept(known.drawer) {
                is_any_forgotten = true;
            } else if known.content == content {
                return Repeat::Duplicate;
            } else {
                contents += 1;
            }
        }
        if contents >= CONTENTS_MAX {
            return Repeat::Conflict;
        }
        let drawers = &self.drawers;
        let is_forgotten = |known: &Known| known.id == id && !drawers.is_kept(known.drawer);
        let forgotten = is_any_forgotten
            .then(|| self.known.find_mut(hash, is_forgotten))
            .flatten();
        let drawer = self.drawers.put(hour_of(time));
        let new = Known {
            id,
            content,
            drawer,
        };
        if let Some(forgotten) = forgotten {
            *forgotten = new;
        } else {
            let hasher = &self.hasher;
            self.known
                .insert_unique(hash, new, |known| hasher.hash_one(known.id));
        }
        if self.drawers.ids > self.ids_max {
            self.limit_reached += 1;
            self.drawers.forget_first();
        }
        if contents > 0 {
            Repeat::Conflict
        } else {
            Repeat::New
        }
    }

    /// Forgets the ids of hours that ended before `time`.
    pub fn forget(&mut self, time: Timestamp) {
        let hour = hour_of(time);
        while self.drawers.first_hour().is_some_and(|first| first < hour) {
            self.drawers.forget_first();
        }
    }

    /// Whether an id may be known: looks where [`observe`](Self::observe) will.
    pub fn may_know(&self, id: u64) -> bool {
        let known = self
            .known
            .find(self.hasher.hash_one(id), |known| known.id == id);
        known.is_some()
    }

    /// How often the limit shortened the memory.
    pub fn limit_reached(&self) -> u64 {
        self.limit_reached
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.known.capacity() * (size_of::<Known>() + 1)
    }

    /// Lets go of forgotten ids. There is half as much room again as is needed, so that an id is
    /// moved three times at most.
    fn make_room(&mut self) {
        let ids = self.drawers.ids;
        let room = HashTable::with_capacity((ids + ids / 2).max(ROOM_MIN));
        let moved = self.drawers.renumber();
        for mut known in std::mem::replace(&mut self.known, room) {
            let Some(drawer) = moved[known.drawer as usize] else {
                continue;
            };
            known.drawer = drawer;
            let hasher = &self.hasher;
            self.known
                .insert_unique(hasher.hash_one(known.id), known, |known| {
                    hasher.hash_one(known.id)
                });
        }
    }
}

/// The hours of event time that ids belong to. An hour that is begun anew after it was forgotten
/// gets another drawer.
#[derive(Debug, Default)]
struct Drawers {
    of_hour: BTreeMap<i32, u32>,
    /// The ids on each; nothing where it is forgotten.
    held: Vec<Option<usize>>,
    /// The hour of the id before, most often that of the next one, and its drawer.
    last: Option<(i32, u32)>,
    /// The ids on all of them.
    ids: usize,
}

impl Drawers {
    /// Counts an id of `hour`; gives the drawer.
    fn put(&mut self, hour: i32) -> u32 {
        let drawer = match self.last {
            Some((last, drawer)) if last == hour => drawer,
            _ => *self.of_hour.entry(hour).or_insert_with(|| {
                self.held.push(Some(0));
                u32::try_from(self.held.len() - 1).unwrap_or(u32::MAX)
            }),
        };
        self.last = Some((hour, drawer));
        if let Some(Some(ids)) = self.held.get_mut(drawer as usize) {
            *ids += 1;
            self.ids += 1;
        }
        drawer
    }

    fn forget_first(&mut self) {
        if let Some((_, drawer)) = self.of_hour.pop_first() {
            self.ids -= self.held[drawer as usize].take().unwrap_or(0);
            self.last = None;
        }
    }

    /// Gives the drawers that are kept new numbers from 0 on; gives those by the old ones.
    fn renumber(&mut self) -> Vec<Option<u32>> {
        let mut moved = vec![None; self.held.len()];
        let held = std::mem::take(&mut self.held);
        for (number, drawer) in (0..).zip(self.of_hour.values_mut()) {
            moved[*drawer as usize] = Some(number);
            self.held.push(held[*drawer as usize]);
            *drawer = number;
        }
        self.last = None;
        moved
    }

    /// Whether most of them are forgotten.
    fn are_sparse(&self) -> bool {
        self.held.len() > 2 * self.of_hour.len() + ROOM_MIN
    }

    fn first_hour(&self) -> Option<i32> {
        self.of_hour.first_key_value().map(|(hour, _)| *hour)
    }

    fn is_kept(&self, drawer: u32) -> bool {
        self.held[drawer as usize].is_some()
    }
}

fn hour_of(time: Timestamp) -> i32 {
    i32::try_from(time.as_millis().div_euclid(HOUR_MS)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR_MS)
    }

    #[test]
    fn the_same_id_is_a_duplicate_or_a_conflict_by_its_content() {
        let mut repeats = Repeats::new(10);
        assert_eq!(repeats.observe(1, 7, at(5)), Repeat::New);
        assert_eq!(repeats.observe(1, 7, at(5)), Repeat::Duplicate);
        assert_eq!(repeats.observe(1, 8, at(6)), Repeat::Conflict);
        assert_eq!(repeats.observe(1, 8, at(6)), Repeat::Duplicate);
        assert_eq!(
            repeats.observe(1, 7, at(5)),
            Repeat::Duplicate,
            "as before the other came"
        );
    }

    #[test]
    fn one_id_for_every_event_is_a_conflict_at_each_and_takes_no_room() {
        let mut repeats = Repeats::new(1_000);
        assert_eq!(repeats.observe(1, 0, at(5)), Repeat::New);
        for content in 1..100_000 {
            assert_eq!(repeats.observe(1, content, at(5)), Repeat::Conflict);
        }
        assert!(repeats.known.len() <= CONTENTS_MAX);
        assert_eq!(repeats.observe(2, 0, at(5)), Repeat::New);
    }

    #[test]
    fn an_id_is_known_for_the_horizon() {
        let mut repeats = Repeats::new(10);
        repeats.observe(1, 7, at(5));
        repeats.observe(2, 7, at(6));
        repeats.forget(at(6));
        assert_eq!(repeats.observe(1, 7, at(5)), Repeat::New);
        assert_eq!(repeats.observe(2, 7, at(6)), Repeat::Duplicate);
    }

    #[test]
    fn at_the_limit_the_oldest_hour_goes_and_is_counted() {
        let mut repeats = Repeats::new(3);
        for (id, hour) in [(1, 5), (2, 5), (3, 6), (4, 7)] {
            repeats.observe(id, 0, at(hour));
        }
        assert_eq!(repeats.limit_reached(), 1);
        assert_eq!(repeats.observe(4, 0, at(7)), Repeat::Duplicate);
        assert_eq!(repeats.observe(1, 0, at(5)), Repeat::New);
    }

    proptest! {
        #[test]
        fn ids_are_known_as_the_slow_twin_knows_them(
            ids_max in 1..60_usize,
            events in prop::collection::vec((0..80_u64, 0..7_u64, 0..6_i64), 1..6_000),
        ) {
            let mut repeats = Repeats::new(ids_max);
            let mut known: BTreeMap<(u64, u64), i64> = BTreeMap::new();
            let mut begun = BTreeSet::new();
            let mut limit_reached = 0;
            for (number, (id, content, hour)) in (0..).zip(events) {
                let hour = number / 200 + hour;
                if number % 200 == 0 {
                    let first = number / 200;
                    repeats.forget(at(first));
                    known.retain(|_, hour| *hour >= first);
                    begun.retain(|hour| *hour >= first);
                }
                let contents = known.range((id, 0)..=(id, u64::MAX)).count();
                let expected = match contents {
                    0 => Repeat::New,
                    _ if known.contains_key(&(id, content)) => Repeat::Duplicate,
                    _ => Repeat::Conflict,
                };
                if expected != Repeat::Duplicate && contents < CONTENTS_MAX {
                    known.insert((id, content), hour);
                    begun.insert(hour);
                }
                if known.len() > ids_max {
                    limit_reached += 1;
                    let first = begun.pop_first();
                    known.retain(|_, hour| Some(*hour) != first);
                }
                prop_assert_eq!(repeats.observe(id, content, at(hour)), expected);
                prop_assert_eq!(repeats.drawers.ids, known.len());
            }
            prop_assert_eq!(repeats.limit_reached(), limit_reached);
        }
    }

    #[test]
    fn forgotten_ids_make_room() {
        let mut repeats = Repeats::new(1_000_000);
        for id in 0..1_000_000 {
            let hour = i64::try_from(id / 1_000).unwrap();
            repeats.observe(id, 0, at(hour));
            repeats.forget(at(hour - 2));
        }
        assert!(repeats.known.capacity() < 8_000);
    }

    #[test]
    fn hours_begun_again_and_again_are_bounded() {
        let mut repeats = Repeats::new(1);
        repeats.observe(1, 0, at(9));
        for _ in 0..10 * ROOM_MIN {
            repeats.observe(2, 0, at(5));
        }
        assert!(repeats.drawers.held.len() < 2 * ROOM_MIN);
        assert_eq!(repeats.observe(1, 0, at(9)), Repeat::Duplicate);
    }

    #[test]
    fn a_conflict_keeps_the_id_when_its_first_hour_is_forgotten() {
        let mut repeats = Repeats::new(10);
        repeats.observe(1, 7, at(5));
        repeats.observe(1, 8, at(9));
        repeats.forget(at(6));
        assert_eq!(repeats.observe(1, 8, at(9)), Repeat::Duplicate);
    }
}
