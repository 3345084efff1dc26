//! Strings as small numbers, each stored once; bounded.
//!
//! Pure. Ids are dense and given in order of first sight, so they mean nothing outside the run.

use std::hash::{BuildHasher as _, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Text kept at most, in bytes: places in it are 32-bit.
const TEXT_MAX: usize = u32::MAX as usize;
/// Bytes of the number before each string.
const ID_BYTES: usize = size_of::<u32>();
/// Follows each string: no text holds this byte.
const END: u8 = 0xFF;

/// A bounded set of strings, each with a number.
///
/// Looking a string up touches two places in memory: the table, and the string with its number.
#[derive(Debug)]
pub struct Interner {
    /// Where each string's entry begins in `text`.
    table: HashTable<u32>,
    /// An entry for each string: its number, its bytes, [`END`].
    text: Vec<u8>,
    /// Where each entry begins in `text`, by number.
    starts: Vec<u32>,
    strings_max: usize,
    /// Keyed at random: suppliers choose the strings. Never iterated, so no output depends on it.
    hasher: RandomState,
}

impl Interner {
    /// An empty set that takes at most `strings_max` strings.
    pub fn new(strings_max: usize) -> Self {
        Self {
            table: HashTable::new(),
            text: Vec::new(),
            starts: Vec::new(),
            strings_max: strings_max.min(u32::MAX as usize),
            hasher: RandomState::default(),
        }
    }

    /// The number of `string`, given now where it is new; nothing where the set is full.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "text and strings are bounded below 2^32 just above"
    )]
    pub fn intern(&mut self, string: &str) -> Option<u32> {
        let string = string.as_bytes();
        let hash = self.hasher.hash_one(string);
        let text = &self.text;
        if let Some(&start) = self.table.find(hash, |&start| holds(text, start, string)) {
            return Some(id_at(text, start));
        }
        let grown = self.text.len() + ID_BYTES + string.len() + 1;
        if self.starts.len() >= self.strings_max || grown > TEXT_MAX {
            return None;
        }
        let (id, start) = (self.starts.len() as u32, self.text.len() as u32);
        self.text.extend_from_slice(&id.to_le_bytes());
        self.text.extend_from_slice(string);
        self.text.push(END);
        self.starts.push(start);
        let (text, starts, hasher) = (&self.text, &self.starts, &self.hasher);
        self.table.insert_unique(hash, start, |&start| {
            hasher.hash_one(string_of(text, starts, id_at(text, start)))
        });
        Some(id)
    }

    /// The number of `string`, where it has one.
    pub fn find(&self, string: &str) -> Option<u32> {
        let string = string.as_bytes();
        let hash = self.hasher.hash_one(string);
        let start = self
            .table
            .find(hash, |&start| holds(&self.text, start, string))?;
        Some(id_at(&self.text, *start))
    }

    /// The string that `id` stands for.
    ///
    /// # Panics
    /// Panics where `id` was not given by this set.
    #[expect(clippy::expect_used, reason = "only whole strings are taken in")]
    pub fn resolve(&self, id: u32) -> &str {
        let bytes = string_of(&self.text, &self.starts, id);
        std::str::from_utf8(bytes).expect("what came in was text")
    }

    /// The hash that `string` is looked up by.
    pub fn hash(&self, string: &str) -> u64 {
        self.hasher.hash_one(string.as_bytes())
    }

    /// Where a string of that hash may be kept: looks where [`intern`](Self::intern) will.
    pub fn place(&self, hash: u64) -> Option<u32> {
        self.table.find(hash, |_| true).copied()
    }

    /// The number of the string kept at a [`place`](Self::place).
    pub fn id_at(&self, place: u32) -> u32 {
        id_at(&self.text, place)
    }

    /// How many strings it holds.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + 4 * self.starts.capacity() + 5 * self.table.capacity()
    }
}

/// Whether the entry at `start` is that of `string`.
fn holds(text: &[u8], start: u32, string: &[u8]) -> bool {
    let rest = &text[start as usize + ID_BYTES..];
    rest.get(string.len()) == Some(&END) && rest[..string.len()] == *string
}

fn id_at(text: &[u8], start: u32) -> u32 {
    let mut id = [0; ID_BYTES];
    id.copy_from_slice(&text[start as usize..start as usize + ID_BYTES]);
    u32::from_le_bytes(id)
}

fn string_of<'a>(text: &'a [u8], starts: &[u32], id: u32) -> &'a [u8] {
    let id = id as usize;
    let end = starts.get(id + 1).map_or(text.len(), |end| *end as usize);
    &text[starts[id] as usize + ID_BYTES..end - 1]
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
        assert_eq!(
            interner.intern("b"),
            Some(3),
            "no string is taken for its head"
        );
    }

    #[test]
    fn a_full_set_knows_the_old_and_refuses_the_new() {
        let mut interner = Interner::new(1);
        assert_eq!(interner.intern("old"), Some(0));
        assert_eq!(interner.intern("new"), None);
        assert_eq!(interner.intern("old"), Some(0));
    }
}
