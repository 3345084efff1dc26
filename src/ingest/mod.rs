//! Record batches with positions, from Kafka or from files.
//!
//! A batch owns its bytes; what lies in them is the decoder's business.

pub mod file;
pub mod kafka;
pub mod position;

/// One record's place in its batch and in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// First byte in the batch.
    pub start: u32,
    /// Length in bytes, without a line end.
    pub len: u32,
    /// Offset in the partition, or line number (from 1) in the file.
    pub position: u64,
    /// When the broker appended it, in epoch milliseconds; -1 where that is not known.
    pub appended_ms: i64,
}

/// Consecutive records of one partition or file.
#[derive(Debug, Default)]
pub struct RecordBatch {
    /// The partition's number in its feed's list of partitions, or the file's in the list of files.
    pub source: u32,
    /// The records' bytes. Records neither overlap nor run backwards; a line feed or more lies
    /// between two of them, so that no character spans a border.
    pub bytes: Vec<u8>,
    /// Where each record lies, in order of position.
    pub records: Vec<Record>,
}

impl RecordBatch {
    /// Appends a record's bytes and a line feed after them.
    ///
    /// # Panics
    /// Panics where the batch would pass 2 GiB: callers close a batch at a few MiB.
    #[expect(clippy::expect_used, reason = "batches are closed at a few MiB")]
    pub fn push(&mut self, payload: &[u8], position: u64, appended_ms: i64) {
        let start = u32::try_from(self.bytes.len()).expect("a batch is below 2 GiB");
        let len = u32::try_from(payload.len()).expect("a record is below 2 GiB");
        self.bytes.extend_from_slice(payload);
        self.bytes.push(b'\n');
        self.records.push(Record {
            start,
            len,
            position,
            appended_ms,
        });
    }
}
