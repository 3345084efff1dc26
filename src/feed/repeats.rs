//! Which events were seen before: ids within the horizon, bounded.
//!
//! Pure. Ids and contents are known by their hashes (see [`AccessEvent`](crate::event::AccessEvent)).

use std::collections::BTreeMap;

use hashbrown::{HashMap, hash_map::Entry};

use crate::{
    event::{HOUR_MS, Timestamp},
    intern::IdHash,
};

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

#[derive(Clone, Copy, Debug)]
struct Known {
    content: u64,
    hour: i32,
}

/// The ids of one feed's recent events.
#[derive(Debug)]
pub struct Repeats {
    ids_max: usize,
    known: HashMap<u64, Known, IdHash>,
    /// Ids by the hour of event time that they belong to.
    hours: BTreeMap<i32, Vec<u64>>,
    limit_reached: u64,
}

impl Repeats {
    /// Remembers at most `ids_max` ids.
    pub fn new(ids_max: usize) -> Self {
        Self {
            ids_max: ids_max.max(1),
            known: HashMap::default(),
            hours: BTreeMap::new(),
            limit_reached: 0,
        }
    }

    /// Looks an event up and remembers it. An id that comes back with other content is known by
    /// both hours and by the newer content.
    pub fn observe(&mut self, id: u64, content: u64, time: Timestamp) -> Repeat {
        let hour = hour_of(time);
        match self.known.entry(id) {
            Entry::Occupied(mut known) => {
                if known.get().content == content {
                    return Repeat::Duplicate;
                }
                let moved = known.get().hour != hour;
                known.insert(Known { content, hour });
                if moved {
                    self.hours.entry(hour).or_default().push(id);
                }
                Repeat::Conflict
            }
            Entry::Vacant(new) => {
                new.insert(Known { content, hour });
                self.hours.entry(hour).or_default().push(id);
                if self.known.len() > self.ids_max {
                    self.limit_reached += 1;
                    self.forget_first();
                }
                Repeat::New
            }
        }
    }

    /// Forgets the ids of hours that ended before `time`.
    pub fn forget(&mut self, time: Timestamp) {
        let hour = hour_of(time);
        while self
            .hours
            .first_key_value()
            .is_some_and(|(first, _)| *first < hour)
        {
            self.forget_first();
        }
    }

    /// How often the limit shortened the memory.
    pub fn limit_reached(&self) -> u64 {
        self.limit_reached
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.known.capacity() * 25 + self.known.len() * 8
    }

    fn forget_first(&mut self) {
        let Some((hour, ids)) = self.hours.pop_first() else {
            return;
        };
        for id in ids {
            // An id that came again with another time belongs to that hour now.
            if let Entry::Occupied(known) = self.known.entry(id)
                && known.get().hour == hour
            {
                known.remove();
            }
        }
    }
}

fn hour_of(time: Timestamp) -> i32 {
    i32::try_from(time.as_millis().div_euclid(HOUR_MS)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_conflict_keeps_the_id_when_its_first_hour_is_forgotten() {
        let mut repeats = Repeats::new(10);
        repeats.observe(1, 7, at(5));
        repeats.observe(1, 8, at(9));
        repeats.forget(at(6));
        assert_eq!(repeats.observe(1, 8, at(9)), Repeat::Duplicate);
    }
}
