//! Strings as small numbers, each stored once; bounded.
//!
//! Pure. Ids are dense and given in order of first sight, so they mean nothing outside the run.

use std::hash::{BuildHasher as _, Hasher, RandomState};

use hashbrown::HashTable;

/// Text kept at most, in bytes: ends are 32-bit.
const TEXT_MAX: usize = u32::MAX as usize;

/// A bounded set of strings, each with a number.
#[derive(Debug)]
pub struct Interner {
    table: HashTable<u32>,
    text: String,
    /// Where each string ends in `text`; it begins where the one before ends.
    ends: Vec<u32>,
    strings_max: usize,
    /// Keyed at random: suppliers choose the strings. Never iterated, so no output depends on it.
    hasher: RandomState,
}

impl Interner {
    /// An empty set that takes at most `strings_max` strings.
    pub fn new(strings_max: usize) -> Self {
        Self {
            table: HashTable::new(),
            text: String::new(),
            ends: Vec::new(),
            strings_max: strings_max.min(u32::MAX as usize),
            hasher: RandomState::new(),
        }
    }

    /// The number of `string`, given now where it is new; nothing where the set is full.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "text and strings are bounded below 2^32 just above"
    )]
    pub fn intern(&mut self, string: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(string);
        let (text, ends) = (&self.text, &self.ends);
        if let Some(&id) = self.table.find(hash, |&id| slice(text, ends, id) == string) {
            return Some(id);
        }
        if ends.len() >= self.strings_max || text.len() + string.len() > TEXT_MAX {
            return None;
        }
        let id = self.ends.len() as u32;
        self.text.push_str(string);
        self.ends.push(self.text.len() as u32);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.table
            .insert_unique(hash, id, |&id| hasher.hash_one(slice(text, ends, id)));
        Some(id)
    }

    /// The string that `id` stands for.
    ///
    /// # Panics
    /// Panics where `id` was not given by this set.
    pub fn resolve(&self, id: u32) -> &str {
        slice(&self.text, &self.ends, id)
    }

    /// How many strings it holds.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + 4 * self.ends.capacity() + 5 * self.table.capacity()
    }
}

fn slice<'a>(text: &'a str, ends: &[u32], id: u32) -> &'a str {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &text[start as usize..ends[id] as usize]
}

/// Hashes ids of ours: dense numbers that no supplier chooses, so one multiplication spreads them.
///
/// The factor is 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, §6.4).
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.write_u64(u64::from(id));
    }

    fn write_u64(&mut self, id: u64) {
        let spread = (self.0 ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }
}

/// Builds [`IdHasher`]s.
pub type IdHash = std::hash::BuildHasherDefault<IdHasher>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_keeps_its_number() {
        let mut interner = Interner::new(10);
        let ids: Vec<_> = ["a", "", "bc", "a", "bc"]
            .into_iter()
            .map(|string| interner.intern(string))
            .collect();
        assert_eq!(ids, [Some(0), Some(1), Some(2), Some(0), Some(2)]);
        assert_eq!(interner.resolve(2), "bc");
        assert_eq!(interner.resolve(1), "");
    }

    #[test]
    fn a_full_set_knows_the_old_and_refuses_the_new() {
        let mut interner = Interner::new(1);
        assert_eq!(interner.intern("old"), Some(0));
        assert_eq!(interner.intern("new"), None);
        assert_eq!(interner.intern("old"), Some(0));
    }
}
