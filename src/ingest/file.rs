//! Record batches from files and standard input: one line, one record.
//!
//! A file is read like a partition: its number is the source, a line's number the position.
//! Memory is bounded whatever the file holds; a line too long to be a record is cut, not kept.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::read::MultiGzDecoder;

use crate::ingest::RecordBatch;

/// The longest record that the event contract allows, in bytes. Of a longer line one byte more
/// than this is kept, which is enough to refuse it.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// What a reader holds of its file at first, and at most: a line at its longest with its end.
const BUFFER_BYTES: usize = 128 * 1024;
const BUFFER_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;

/// The path that means standard input.
pub const STDIN: &str = "-";

/// A file that cannot be used. The messages name it and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened.
    #[error("{}: cannot be opened; give a file that can be read, or - for standard input", path.display())]
    Open {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading stopped in the middle.
    #[error("{}: cannot be read after line {line}; check the file, and that its suffix is .gz or .zst only where it is compressed so", path.display())]
    Read {
        /// The file as it was named.
        path: PathBuf,
        /// Lines that were read before.
        line: u64,
        /// What the system or the decompressor said.
        source: io::Error,
    },
}

impl Error {
    /// Whether trying again can help: never, a file stays as it is.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Open { .. } | Self::Read { .. } => false,
        }
    }
}

/// Where a batch is closed: at whichever bound is met first.
#[derive(Clone, Copy, Debug)]
pub struct BatchSize {
    /// Records; at least 1.
    pub records: usize,
    /// Bytes. A batch passes this by less than one record.
    pub bytes: usize,
}

/// Reads one file line by line.
pub struct Lines {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    /// Whether lines are handed on as they come, because somebody may be writing them now.
    is_live: bool,
    buffer: Vec<u8>,
    /// The part of the buffer that was read and not yet handed on.
    start: usize,
    end: usize,
    /// Bytes after `start` in which no line feed was found.
    searched: usize,
    /// Lines handed on.
    line: u64,
    /// Whether the rest of a line that was cut is being skipped.
    is_skipping: bool,
    has_ended: bool,
    /// Why reading stopped, told once the lines before it are handed on.
    failure: Option<Error>,
}

impl Lines {
    /// Opens `path`, decompressing by its suffix; `-` is standard input. Bytes read of the file as
    /// it lies on the disk are added to `bytes_read`.
    pub fn open(path: &Path, bytes_read: &Arc<AtomicU64>) -> Result<Self, Error> {
        let is_live = path.as_os_str() == STDIN;
        let input: io::Result<Box<dyn Read + Send>> = if is_live {
            Ok(Box::new(io::stdin()))
        } else {
            File::open(path).and_then(|file| {
                let counted = Counted {
                    input: file,
                    bytes_read: Arc::clone(bytes_read),
                };
                decompressed(path, counted)
            })
        };
        match input {
            Ok(input) => Ok(Self::new(path, input, is_live)),
            Err(source) => Err(Error::Open {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn new(path: &Path, input: Box<dyn Read + Send>, is_live: bool) -> Self {
        Self {
            path: path.to_owned(),
            input,
            is_live,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            searched: 0,
            line: 0,
            is_skipping: false,
            has_ended: false,
            failure: None,
        }
    }

    /// Appends the next lines to `batch` until it is full; `false` where none were left.
    ///
    /// A carriage return before the line feed belongs to the line's end. What follows the last
    /// line feed is a line unless it is empty.
    pub fn read_batch(&mut self, batch: &mut RecordBatch, size: BatchSize) -> Result<bool, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        loop {
            self.take_lines(batch, size);
            let is_full = batch.records.len() >= size.records || batch.bytes.len() >= size.bytes;
            if is_full || (self.is_live && !batch.records.is_empty()) {
                return Ok(true);
            }
            if self.has_ended {
                self.take_rest(batch);
                return Ok(!batch.records.is_empty());
            }
            if let Err(source) = self.read_more() {
                let failure = Error::Read {
                    path: self.path.clone(),
                    line: self.line,
                    source,
                };
                if batch.records.is_empty() {
                    return Err(failure);
                }
                self.failure = Some(failure);
                return Ok(true);
            }
        }
    }

    /// Moves whole lines from the buffer to `batch` while both last.
    fn take_lines(&mut self, batch: &mut RecordBatch, size: BatchSize) {
        while batch.records.len() < size.records && batch.bytes.len() < size.bytes {
            let unsearched = &self.buffer[self.start + self.searched..self.end];
            let Some(found) = memchr::memchr(b'\n', unsearched) else {
                self.searched = self.end - self.start;
                self.cut_overlong(batch);
                return;
            };
            let line_feed = self.start + self.searched + found;
            if self.is_skipping {
                self.is_skipping = false;
            } else {
                self.line += 1;
                let line = &self.buffer[self.start..line_feed];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                batch.push(&line[..line.len().min(RECORD_BYTES_MAX + 1)], self.line, -1);
            }
            self.start = line_feed + 1;
            self.searched = 0;
        }
    }

    /// Hands on the head of a line whose end is not in sight though it is too long already, and
    /// skips the rest of it.
    fn cut_overlong(&mut self, batch: &mut RecordBatch) {
        // One byte may yet turn out to be the carriage return of its end.
        if self.end - self.start <= RECORD_BYTES_MAX + 1 && !self.is_skipping {
            return;
        }
        if !self.is_skipping {
            self.line += 1;
            let head = &self.buffer[self.start..=self.start + RECORD_BYTES_MAX];
            batch.push(head, self.line, -1);
            self.is_skipping = true;
        }
        (self.start, self.end, self.searched) = (0, 0, 0);
    }

    /// Hands on what follows the last line feed of the file.
    fn take_rest(&mut self, batch: &mut RecordBatch) {
        let rest = &self.buffer[self.start..self.end];
        if !rest.is_empty() && !self.is_skipping {
            self.line += 1;
            let line = rest.strip_suffix(b"\r").unwrap_or(rest);
            batch.push(&line[..line.len().min(RECORD_BYTES_MAX + 1)], self.line, -1);
        }
        (self.start, self.end, self.searched) = (0, 0, 0);
    }

    /// Reads once, behind what the buffer holds.
    fn read_more(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let doubled = (self.buffer.len() * 2).clamp(BUFFER_BYTES, BUFFER_BYTES_MAX);
            self.buffer.resize(doubled, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += read;
        self.has_ended = read == 0;
        Ok(())
    }
}

/// The plain bytes of `file`, by the suffix of `path`.
fn decompressed(path: &Path, file: Counted<File>) -> io::Result<Box<dyn Read + Send>> {
    Ok(match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("gz") => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(
            BUFFER_BYTES,
            file,
        ))),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(file)?),
        _ => Box::new(file),
    })
}

/// Counts the bytes that are read through it.
struct Counted<R> {
    input: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most `step` bytes at a time.
    struct Slow {
        bytes: io::Cursor<Vec<u8>>,
        step: usize,
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.step.min(buffer.len());
            self.bytes.read(&mut buffer[..step])
        }
    }

    /// Every record with its position, read `step` bytes and `size.records` records at a time.
    fn records(bytes: &[u8], step: usize, size: BatchSize) -> Vec<(u64, Vec<u8>)> {
        let bytes = io::Cursor::new(bytes.to_vec());
        let input = Box::new(Slow { bytes, step });
        let mut lines = Lines::new(Path::new("test"), input, false);
        let mut records = Vec::new();
        loop {
            let mut batch = RecordBatch::default();
            if !lines.read_batch(&mut batch, size).unwrap() {
                return records;
            }
            assert!(batch.records.len() <= size.records);
            for record in &batch.records {
                let start = record.start as usize;
                let payload = &batch.bytes[start..start + record.len as usize];
                records.push((record.position, payload.to_vec()));
            }
        }
    }

    const LARGE: BatchSize = BatchSize {
        records: 10_000,
        bytes: 1 << 20,
    };

    proptest! {
        #[test]
        fn lines_are_those_of_a_split_whatever_the_sizes(
            bytes in proptest::collection::vec(prop::sample::select(b"ab\r\n\n".to_vec()), 0..200),
            step in 1..50_usize,
            records_max in 1..9_usize,
        ) {
            let mut expected: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            let expected: Vec<_> = (1..)
                .zip(expected.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
                .map(|(number, line)| (number, line.to_vec()))
                .collect();
            let size = BatchSize { records: records_max, bytes: 64 };
            prop_assert_eq!(records(&bytes, step, size), expected);
        }
    }

    #[test]
    fn an_overlong_line_is_cut_and_the_next_one_is_whole() {
        for excess in [1, 2, 3, 3 * BUFFER_BYTES_MAX] {
            let mut bytes = vec![b'x'; RECORD_BYTES_MAX + excess];
            bytes.extend_from_slice(b"\nnext\n");
            let records = records(&bytes, 70_001, LARGE);
            assert_eq!(records.len(), 2);
            assert_eq!(records[0].1.len(), RECORD_BYTES_MAX + 1);
            assert_eq!(records[1], (2, b"next".to_vec()));
        }
    }

    #[test]
    fn the_longest_record_is_kept_whole_with_either_line_end() {
        for line_end in ["\n", "\r\n", ""] {
            let mut bytes = vec![b'x'; RECORD_BYTES_MAX];
            bytes.extend_from_slice(line_end.as_bytes());
            let records = records(&bytes, 4_096, LARGE);
            assert_eq!(records.len(), 1);
            assert_eq!(records[0].1.len(), RECORD_BYTES_MAX);
        }
    }
}
