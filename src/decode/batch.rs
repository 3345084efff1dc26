//! A batch of records after decoding: a verdict for each, events as compact views.

use crate::{
    decode::{
        Reject,
        entry::{Entry, Source},
        scan::{Scratch, scan},
        values::Strings,
    },
    event::{AccessEvent, Glance, Timestamp},
    ingest::{Record, RecordBatch, file::RECORD_BYTES_MAX},
};

/// What became of one record.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives in registers and on the stack, and is an event almost always"
)]
pub enum Verdict<'a> {
    /// It is an event.
    Event(AccessEvent<'a>),
    /// It was refused.
    Refused(Refusal),
}

/// Why a record was refused, and in which of the contract's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reject: Reject,
    /// The contract's name of the field at fault, where it is one.
    pub field: Option<&'static str>,
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self {
            reject,
            field: None,
        }
    }
}

/// A decoded batch: owns the records' bytes and lends events out.
#[derive(Debug, Default)]
pub struct DecodedBatch {
    source: u32,
    records: Vec<Record>,
    verdicts: Vec<Result<Entry, Refusal>>,
    /// The records' text; those that are no text are blank in it.
    text: String,
    /// The bytes as they came, where some of them are no text.
    original: Option<Vec<u8>>,
    strings: Strings,
}

impl DecodedBatch {
    /// Decodes every record of `batch`; with `supplier`, an event of another one is refused.
    pub fn decode(batch: RecordBatch, supplier: Option<&str>) -> Self {
        let RecordBatch {
            source,
            bytes,
            records,
        } = batch;
        let (text, original) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let bytes = error.into_bytes();
                (blank(&bytes, &records), Some(bytes))
            }
        };
        let mut strings = Strings::default();
        let mut scratch = Scratch::default();
        let mut written = Vec::new();
        let verdict = |record: &Record| {
            let range = record.start as usize..(record.start + record.len) as usize;
            if record.len as usize > RECORD_BYTES_MAX {
                return Err(Reject::TooLarge.into());
            }
            let is_text = original
                .as_ref()
                .is_none_or(|bytes| std::str::from_utf8(&bytes[range.clone()]).is_ok());
            if !is_text {
                return Err(Reject::NotUtf8.into());
            }
            let values = scan(&text[range], record.start, &mut strings, &mut scratch)?;
            let source = Source::new(&text, &strings);
            Entry::new(&values, source, supplier, &mut written)
        };
        let verdicts = records.iter().map(verdict).collect();
        Self {
            source,
            records,
            verdicts,
            text,
            original,
            strings,
        }
    }

    /// The partition or file it came from.
    pub fn source(&self) -> u32 {
        self.source
    }

    /// How many records it holds, refused ones included.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The record at `index` and what became of it.
    ///
    /// # Panics
    /// Panics where `index` is not below [`len`](Self::len).
    pub fn get(&self, index: usize) -> (Record, Verdict<'_>) {
        let verdict = match &self.verdicts[index] {
            Ok(entry) => Verdict::Event(entry.event(Source::new(&self.text, &self.strings))),
            Err(refusal) => Verdict::Refused(*refusal),
        };
        (self.records[index], verdict)
    }

    /// The record at `index`.
    ///
    /// # Panics
    /// Panics where `index` is not below [`len`](Self::len).
    pub fn record(&self, index: usize) -> Record {
        self.records[index]
    }

    /// What deciding the event at `index` will look up.
    ///
    /// # Errors
    /// It was refused.
    ///
    /// # Panics
    /// Panics where `index` is not below [`len`](Self::len).
    pub fn glance(&self, index: usize) -> Result<Glance<'_>, Refusal> {
        let source = Source::new(&self.text, &self.strings);
        let entry = self.verdicts[index].as_ref();
        entry
            .map(|entry| entry.glance(source))
            .map_err(|refusal| *refusal)
    }

    /// The time of the event at `index`, without lending it; nothing where it was refused.
    ///
    /// # Panics
    /// Panics where `index` is not below [`len`](Self::len).
    pub fn time(&self, index: usize) -> Option<Timestamp> {
        self.verdicts[index].as_ref().ok().map(Entry::time)
    }

    /// The bytes of a record, for the digest of a refused one.
    pub fn payload(&self, record: Record) -> &[u8] {
        let bytes = self.original.as_deref().unwrap_or(self.text.as_bytes());
        &bytes[record.start as usize..(record.start + record.len) as usize]
    }

    /// Gives the byte buffers back for reuse.
    pub fn into_records(self) -> RecordBatch {
        RecordBatch {
            source: self.source,
            bytes: self.original.unwrap_or(self.text.into_bytes()),
            records: self.records,
        }
    }
}

/// The text of a batch in which records that are no UTF-8 are blank, and whatever lies between
/// records as well.
fn blank(bytes: &[u8], records: &[Record]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for record in records {
        let (start, end) = (record.start as usize, (record.start + record.len) as usize);
        text.extend(std::iter::repeat_n(' ', start - text.len()));
        match std::str::from_utf8(&bytes[start..end]) {
            Ok(record) => text.push_str(record),
            Err(_) => text.extend(std::iter::repeat_n(' ', end - start)),
        }
    }
    text
}
