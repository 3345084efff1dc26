//! One pass over a record: checks that it is one JSON document (RFC 8259) within the contract's
//! bounds, and notes where the values of the contract's fields lie.
//!
//! Iterative, so that no nesting reaches the program's stack. What the values mean is not known
//! here.

mod lex;

use super::{
    fields::Field,
    reject::Reject,
    text::unescape,
    values::{List, Strings, Value, Values},
};
use crate::event::{Span, Text};

/// How deep objects and arrays may nest; the record's own object is the first level.
const DEPTH_MAX: usize = 16;
/// How many keys an object may have.
const KEYS_MAX: usize = 64;

/// Memory that a scan needs while it runs; kept from record to record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The keys so far of every open object, outermost first; of the record's own object only
    /// those that are no field.
    keys: Vec<Key>,
    /// The keys that held escapes, resolved.
    unescaped: String,
    /// The containers open inside a value of the record's own object.
    open: Vec<Container>,
}

/// A key, to be compared with its neighbours.
#[derive(Clone, Copy, Debug)]
struct Key {
    /// Its first eight bytes: enough to tell most keys apart.
    head: u64,
    /// Where it lies.
    span: Span,
}

/// An open array or object.
#[derive(Clone, Copy, Debug)]
struct Container {
    /// Where the keys of an object begin; nothing for an array.
    keys_from: Option<u32>,
}

/// The record is not JSON.
#[derive(Debug)]
struct NotJson;

type Scan<T> = Result<T, NotJson>;

/// The inside of a string, by place in the record.
#[derive(Clone, Copy)]
struct Quoted {
    start: usize,
    end: usize,
    is_escaped: bool,
}

/// Scans the record that is `record` and begins at `base` in its batch.
pub(super) fn scan(
    record: &str,
    base: u32,
    strings: &mut Strings,
    scratch: &mut Scratch,
) -> Result<Values, Reject> {
    scratch.keys.clear();
    scratch.unescaped.clear();
    scratch.open.clear();
    let mut scanner = Scanner {
        record,
        bytes: record.as_bytes(),
        base,
        at: 0,
        strings,
        scratch,
        is_complex: false,
        has_duplicate: false,
        has_nul: false,
    };
    let mut values = Values::default();
    let is_object = scanner
        .document(&mut values)
        .map_err(|NotJson| Reject::NotJson)?;
    match scanner {
        _ if !is_object => Err(Reject::NotObject),
        Scanner {
            is_complex: true, ..
        } => Err(Reject::TooComplex),
        Scanner {
            has_duplicate: true,
            ..
        } => Err(Reject::DuplicateKey),
        Scanner { has_nul: true, .. } => Err(Reject::Nul),
        _ => Ok(values),
    }
}

struct Scanner<'a> {
    record: &'a str,
    bytes: &'a [u8],
    base: u32,
    /// The next byte to read.
    at: usize,
    strings: &'a mut Strings,
    scratch: &'a mut Scratch,
    // Seen so far. The scan goes on, as a later byte may show that the record is no JSON at all.
    is_complex: bool,
    has_duplicate: bool,
    has_nul: bool,
}

impl Scanner<'_> {
    /// The whole record; says whether it is an object.
    fn document(&mut self, values: &mut Values) -> Scan<bool> {
        let is_object = self.skip_space() == Some(b'{');
        if is_object {
            self.members(values)?;
        } else {
            self.value(0)?;
        }
        match self.skip_space() {
            None => Ok(is_object),
            Some(_) => Err(NotJson),
        }
    }

    /// The record's own object.
    fn members(&mut self, values: &mut Values) -> Scan<()> {
        self.at += 1;
        if self.skip_space() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut seen = 0_u32;
        let mut count = 0;
        loop {
            let quoted = self.key()?;
            count += 1;
            self.is_complex |= count > KEYS_MAX;
            if let Some(field) = self.field(quoted) {
                let bit = 1 << field as u32;
                self.has_duplicate |= seen & bit != 0;
                seen |= bit;
                values[field as usize] = self.field_value(field)?;
            } else {
                self.note_key(quoted, 0);
                self.value(1)?;
            }
            match self.skip_space() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(NotJson),
            }
            self.skip_space();
        }
        self.at += 1;
        Ok(())
    }

    /// The field that a key of the record's own object names.
    fn field(&mut self, quoted: Quoted) -> Option<Field> {
        if !quoted.is_escaped {
            return Field::from_key(&self.bytes[quoted.start..quoted.end]);
        }
        let mark = self.scratch.unescaped.len();
        unescape(
            &self.record[quoted.start..quoted.end],
            &mut self.scratch.unescaped,
        );
        let field = Field::from_key(&self.scratch.unescaped.as_bytes()[mark..]);
        self.scratch.unescaped.truncate(mark);
        field
    }

    /// The value of a field of the contract.
    fn field_value(&mut self, field: Field) -> Scan<Value> {
        match self.bytes.get(self.at) {
            Some(b'"') => {
                let quoted = self.string()?;
                Ok(Value::Text(self.keep(quoted)))
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                let is_integer = self.number()?;
                let span = Span::raw(self.base + narrow(start), narrow(self.at - start));
                Ok(if is_integer {
                    Value::Integer(span)
                } else {
                    Value::Other
                })
            }
            Some(b'[') if field.is_list() => Ok(Value::List(self.list()?)),
            Some(b'n') => {
                self.word(b"null")?;
                Ok(Value::Absent)
            }
            _ => {
                self.value(1)?;
                Ok(Value::Other)
            }
        }
    }

    /// An array whose strings are kept.
    fn list(&mut self) -> Scan<List> {
        let first = self.strings.names.len();
        let mut is_mixed = false;
        self.at += 1;
        if self.skip_space() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                if self.skip_space() == Some(b'"') {
                    let quoted = self.string()?;
                    let span = self.keep(quoted);
                    self.strings.names.push(span);
                } else {
                    is_mixed = true;
                    self.value(2)?;
                }
                let next = self.skip_space();
                self.at += 1;
                match next {
                    Some(b',') => {}
                    Some(b']') => break,
                    _ => return Err(NotJson),
                }
            }
        }
        Ok(List {
            first: narrow(first),
            len: narrow(self.strings.names.len() - first),
            is_mixed,
        })
    }

    /// Any value, inside `depth` containers; only checked.
    fn value(&mut self, depth: usize) -> Scan<()> {
        debug_assert!(self.scratch.open.is_empty(), "values are scanned in turn");
        loop {
            match self.skip_space() {
                Some(b'{') => {
                    self.open(depth, Some(narrow(self.scratch.keys.len())));
                    if self.skip_space() != Some(b'}') {
                        self.nested_key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.open(depth, None);
                    if self.skip_space() != Some(b']') {
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            if self.close()? {
                return Ok(());
            }
        }
    }

    /// Enters a container.
    fn open(&mut self, depth: usize, keys_from: Option<u32>) {
        self.at += 1;
        self.scratch.open.push(Container { keys_from });
        self.is_complex |= depth + self.scratch.open.len() > DEPTH_MAX;
    }

    /// Leaves the containers that end here; says whether all have, else another value follows.
    fn close(&mut self) -> Scan<bool> {
        while let Some(container) = self.scratch.open.last() {
            let keys_from = container.keys_from;
            match (self.skip_space(), keys_from) {
                (Some(b','), None) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(b','), Some(_)) => {
                    self.at += 1;
                    self.skip_space();
                    self.nested_key()?;
                    return Ok(false);
                }
                (Some(b']'), None) => {}
                (Some(b'}'), Some(from)) => self.scratch.keys.truncate(from as usize),
                _ => return Err(NotJson),
            }
            self.at += 1;
            self.scratch.open.pop();
        }
        Ok(true)
    }

    /// A key of an object inside the record's own, up to its value.
    fn nested_key(&mut self) -> Scan<()> {
        let quoted = self.key()?;
        let container = self.scratch.open.last();
        let from = container.and_then(|container| container.keys_from);
        self.note_key(quoted, from.unwrap_or_default() as usize);
        Ok(())
    }

    /// A key and its colon, up to the value.
    #[inline]
    fn key(&mut self) -> Scan<Quoted> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(NotJson);
        }
        let quoted = self.string()?;
        if self.skip_space() != Some(b':') {
            return Err(NotJson);
        }
        self.at += 1;
        self.skip_space();
        Ok(quoted)
    }

    /// Compares a key with those of its object, which begin at `from`, and adds it to them.
    fn note_key(&mut self, quoted: Quoted, from: usize) {
        if self.scratch.keys.len() - from >= KEYS_MAX {
            self.is_complex = true;
        }
        // Too complex comes before whatever the keys could still show.
        if self.is_complex {
            return;
        }
        let Scratch {
            keys, unescaped, ..
        } = &mut *self.scratch;
        let span = if quoted.is_escaped {
            let start = unescaped.len();
            unescape(&self.record[quoted.start..quoted.end], unescaped);
            Span::unescaped(narrow(start), narrow(unescaped.len() - start))
        } else {
            Span::raw(narrow(quoted.start), narrow(quoted.end - quoted.start))
        };
        let text = Text {
            raw: self.record,
            unescaped,
        };
        let name = text.slice(span);
        let head = head(name.as_bytes());
        self.has_duplicate |= keys[from..]
            .iter()
            .any(|other| other.head == head && text.slice(other.span) == name);
        keys.push(Key { head, span });
    }

    /// Where a string lies in the batch's texts; resolves its escapes.
    #[inline]
    fn keep(&mut self, quoted: Quoted) -> Span {
        if !quoted.is_escaped {
            let start = self.base + narrow(quoted.start);
            return Span::raw(start, narrow(quoted.end - quoted.start));
        }
        let unescaped = &mut self.strings.unescaped;
        let start = unescaped.len();
        unescape(&self.record[quoted.start..quoted.end], unescaped);
        Span::unescaped(narrow(start), narrow(unescaped.len() - start))
    }
}

/// The first eight bytes, or all of them and zeros.
fn head(bytes: &[u8]) -> u64 {
    if let Some(chunk) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*chunk);
    }
    bytes
        .iter()
        .fold(0, |head, byte| head << 8 | u64::from(*byte))
}

/// A place or length inside a batch, which is below 2 GiB.
#[expect(clippy::cast_possible_truncation, reason = "a batch is below 2 GiB")]
pub(super) const fn narrow(len: usize) -> u32 {
    len as u32
}
