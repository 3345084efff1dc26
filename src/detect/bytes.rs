//! Numbers as bytes, small ones as few: how what is seldom looked at is kept.

/// Writes numbers one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// A count; the small ones, and the highest of all, take a byte.
    pub(super) fn count(&mut self, count: u32) {
        // Seven bits a byte, the lowest first; the eighth says that more follow.
        let mut rest = count.wrapping_add(1);
        while rest >= 0x80 {
            self.0.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.0.push(rest.to_le_bytes()[0]);
    }

    /// A number, exactly.
    pub(super) fn exact(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A byte.
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// All that was written.
    pub(super) fn finish(&self) -> Box<[u8]> {
        self.0.as_slice().into()
    }
}

/// Reads what a [`Writer`] wrote, in the same order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Begins at the first number.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next count.
    pub(super) fn count(&mut self) -> u32 {
        let (mut all, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            all |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return all.wrapping_sub(1);
            }
            shift += 7;
        }
    }

    /// The next number.
    pub(super) fn exact(&mut self) -> f64 {
        f64::from_le_bytes(self.take())
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }

    /// # Panics
    /// Panics where more is read than was written.
    #[expect(clippy::expect_used, reason = "what is read was written by a twin")]
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (first, rest) = self.0.split_first_chunk().expect("as many as were written");
        self.0 = rest;
        *first
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(counts in prop::collection::vec(any::<u32>(), 0..20)) {
            let mut writer = Writer::default();
            for count in &counts {
                writer.count(*count);
                writer.exact(f64::from(*count).sqrt());
            }
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes);
            for count in &counts {
                prop_assert_eq!(reader.count(), *count);
                let number = f64::from(*count).sqrt();
                prop_assert_eq!(reader.exact().to_bits(), number.to_bits());
            }
        }
    }

    #[test]
    fn small_counts_and_the_highest_take_a_byte() {
        let length = |count| {
            let mut writer = Writer::default();
            writer.count(count);
            writer.finish().len()
        };
        assert_eq!([0, 126, u32::MAX].map(length), [1; 3]);
        assert_eq!([127, 16_382].map(length), [2; 2]);
        assert_eq!(length(u32::MAX - 1), 5);
    }
}
