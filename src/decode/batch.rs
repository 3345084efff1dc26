//! A batch of records after decoding: a verdict for each, events as compact views.

use crate::{
    decode::Reject,
    event::AccessEvent,
    ingest::{Record, RecordBatch},
};

/// What became of one record.
#[derive(Clone, Copy, Debug)]
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

/// A decoded batch: owns the records' bytes and lends events out.
#[derive(Debug, Default)]
pub struct DecodedBatch {}

impl DecodedBatch {
    /// Decodes every record of `batch`; with `supplier`, an event of another one is refused.
    pub fn decode(_batch: RecordBatch, _supplier: Option<&str>) -> Self {
        Self {}
    }
    /// The partition or file it came from.
    pub fn source(&self) -> u32 {
        0
    }
    /// How many records it holds, refused ones included.
    pub fn len(&self) -> usize {
        0
    }
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The record at `index` and what became of it.
    ///
    /// # Panics
    /// Panics where `index` is not below [`len`](Self::len).
    pub fn get(&self, _index: usize) -> (Record, Verdict<'_>) {
        unreachable!()
    }
    /// The bytes of a record, for the digest of a refused one.
    pub fn payload(&self, _record: Record) -> &[u8] {
        &[]
    }
    /// Gives the byte buffers back for reuse.
    pub fn into_records(self) -> RecordBatch {
        RecordBatch::default()
    }
}
