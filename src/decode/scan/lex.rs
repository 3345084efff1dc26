//! Strings, numbers and words: the parts of JSON that hold no other part.

use super::{NotJson, Quoted, Scan, Scanner};
use crate::decode::text::{escape, plain_end};

impl Scanner<'_> {
    /// A string, from its opening quote.
    #[inline]
    pub(super) fn string(&mut self) -> Scan<Quoted> {
        let start = self.at + 1;
        let mut end = plain_end(self.bytes, start);
        let mut is_escaped = false;
        while self.bytes.get(end) == Some(&b'\\') {
            is_escaped = true;
            let (character, len) = escape(&self.bytes[end..]).map_err(|_| NotJson)?;
            self.has_nul |= character == '\0';
            end = plain_end(self.bytes, end + len);
        }
        if self.bytes.get(end) != Some(&b'"') {
            return Err(NotJson);
        }
        self.at = end + 1;
        Ok(Quoted {
            start,
            end,
            is_escaped,
        })
    }

    /// A string, a number or a word.
    pub(super) fn scalar(&mut self) -> Scan<()> {
        match self.bytes.get(self.at) {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(NotJson),
        }
    }

    pub(super) fn word(&mut self, word: &[u8]) -> Scan<()> {
        let is_it = self.bytes[self.at..].starts_with(word);
        self.at += word.len();
        if is_it { Ok(()) } else { Err(NotJson) }
    }

    /// A number; says whether it has neither fraction nor exponent.
    pub(super) fn number(&mut self) -> Scan<bool> {
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
            is_integer = false;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
            is_integer = false;
        }
        Ok(is_integer)
    }

    /// One digit or more.
    pub(super) fn digits(&mut self) -> Scan<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    /// Passes white space and shows the byte after it.
    #[inline]
    pub(super) fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }
}
