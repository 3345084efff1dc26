//! Decoder threads over files: batches come back decoded and in the order of each file.
//!
//! A job is a file's number. The thread that takes it locks the file, reads its next batch and
//! notes the batch's running number, unlocks, decodes, and hands the batch over; so every thread
//! helps whichever file is wanted, and the running numbers restore each file's order. A file has a
//! fixed number of jobs under way, which bounds memory.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::{
    decode::DecodedBatch,
    ingest::{
        RecordBatch,
        file::{BatchSize, Error, Lines},
    },
};

/// All files together may hold about this many bytes of records read ahead.
const AHEAD_BYTES: usize = 64 << 20;
/// Bounds of a batch in bytes: small enough to stay in a core's cache, large enough that handing
/// it over costs nothing beside decoding it.
const BATCH_BYTES: (usize, usize) = (16 << 10, 512 << 10);

/// How files are read and decoded. Changes speed and memory, never what comes out.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that read and decode; at least 1.
    pub threads: usize,
    /// Records in a batch; at least 1.
    pub batch_records: usize,
}

/// Reads and decodes files on threads of its own.
pub struct Decoder {
    jobs: Sender<usize>,
    done: Receiver<Done>,
    spare: Sender<DecodedBatch>,
    files: Vec<Waiting>,
}

/// What was decoded of a file before its turn, by running number.
#[derive(Default)]
struct Waiting {
    batches: BTreeMap<u64, Result<Option<DecodedBatch>, Error>>,
    next: u64,
    has_ended: bool,
}

/// A batch that was decoded, or the news that a file has ended or failed.
enum Done {
    Batch {
        file: usize,
        number: u64,
        result: Result<Option<DecodedBatch>, Error>,
    },
    /// A thread broke: without this its batch would be awaited for ever.
    Broken,
}

struct Reading {
    lines: Lines,
    next: u64,
    has_ended: bool,
}

struct Worker {
    files: Arc<Vec<Mutex<Reading>>>,
    size: BatchSize,
    jobs: Receiver<usize>,
    done: Sender<Done>,
    spare: Receiver<DecodedBatch>,
}

impl Decoder {
    /// Starts reading `files`.
    ///
    /// # Errors
    /// The system has no thread left to give.
    pub fn start(files: Vec<Lines>, settings: Settings) -> io::Result<Self> {
        let threads = settings.threads.max(1);
        // One batch in each thread's hands and two that wait keep every core busy on one file.
        let depth = threads + 2;
        let bytes = AHEAD_BYTES / (depth * files.len().max(1));
        let size = BatchSize {
            records: settings.batch_records.max(1),
            bytes: bytes.clamp(BATCH_BYTES.0, BATCH_BYTES.1),
        };
        let count = files.len();
        let reading = files.into_iter().map(|lines| {
            Mutex::new(Reading {
                lines,
                next: 0,
                has_ended: false,
            })
        });
        let files = Arc::new(reading.collect::<Vec<_>>());
        // The number of jobs bounds both.
        let (jobs, jobs_taken) = unbounded();
        let (done_sent, done) = unbounded();
        let (spare, spare_taken) = bounded(2 * threads);
        for _ in 0..threads {
            let worker = Worker {
                files: Arc::clone(&files),
                size,
                jobs: jobs_taken.clone(),
                done: done_sent.clone(),
                spare: spare_taken.clone(),
            };
            thread::Builder::new()
                .name("decode".to_owned())
                .spawn(move || worker.work())?;
        }
        let decoder = Self {
            jobs,
            done,
            spare,
            files: (0..count).map(|_| Waiting::default()).collect(),
        };
        for _ in 0..depth {
            (0..count).for_each(|file| decoder.ask(file));
        }
        Ok(decoder)
    }

    /// The next batch of `file`; nothing once it has ended. Waits for it.
    ///
    /// # Panics
    /// Panics where a decoder thread did.
    pub fn next(&mut self, file: usize) -> Result<Option<DecodedBatch>, Error> {
        loop {
            let waiting = &mut self.files[file];
            if waiting.has_ended {
                return Ok(None);
            }
            if let Some(result) = waiting.batches.remove(&waiting.next) {
                waiting.next += 1;
                waiting.has_ended = !matches!(result, Ok(Some(_)));
                if !waiting.has_ended {
                    self.ask(file);
                }
                return result;
            }
            let done = self.done.recv();
            self.take_in(done.unwrap_or(Done::Broken));
        }
    }

    /// Whether the next batch of `file`, or its end, is there without waiting.
    ///
    /// # Panics
    /// Panics where a decoder thread did.
    pub fn is_ready(&mut self, file: usize) -> bool {
        while let Ok(done) = self.done.try_recv() {
            self.take_in(done);
        }
        let waiting = &self.files[file];
        waiting.has_ended || waiting.batches.contains_key(&waiting.next)
    }

    /// Takes back a batch that is done with, so that its memory is used again.
    pub fn give_back(&self, batch: DecodedBatch) {
        // A full shelf means that there is memory enough.
        drop(self.spare.try_send(batch));
    }

    fn take_in(&mut self, done: Done) {
        match done {
            Done::Batch {
                file,
                number,
                result,
            } => self.files[file].batches.insert(number, result),
            Done::Broken => panic!("a decoder thread broke"),
        };
    }

    fn ask(&self, file: usize) {
        let sent = self.jobs.send(file);
        debug_assert!(sent.is_ok(), "decoder threads live as long as their jobs");
    }
}

impl Worker {
    fn work(self) {
        let alarm = Alarm(&self.done);
        while let Ok(file) = self.jobs.recv() {
            if let Some((number, result)) = self.read(file) {
                let result = result.map(|read| read.map(|batch| DecodedBatch::decode(batch, None)));
                let done = Done::Batch {
                    file,
                    number,
                    result,
                };
                if self.done.send(done).is_err() {
                    break;
                }
            }
        }
        drop(alarm);
    }

    /// The file's next batch with its running number; nothing where its end is known already.
    fn read(&self, file: usize) -> Option<(u64, Result<Option<RecordBatch>, Error>)> {
        let mut batch = match self.spare.try_recv() {
            Ok(spare) => spare.into_records(),
            Err(_) => RecordBatch::default(),
        };
        batch.bytes.clear();
        batch.records.clear();
        batch.source = u32::try_from(file).unwrap_or(u32::MAX);
        let reading = self.files[file].lock();
        let mut reading = reading.unwrap_or_else(PoisonError::into_inner);
        if reading.has_ended {
            return None;
        }
        let number = reading.next;
        reading.next += 1;
        let result = match reading.lines.read_batch(&mut batch, self.size) {
            Ok(true) => Ok(Some(batch)),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        reading.has_ended = !matches!(result, Ok(Some(_)));
        Some((number, result))
    }
}

/// Tells that its thread broke, should it break.
struct Alarm<'a>(&'a Sender<Done>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            drop(self.0.send(Done::Broken));
        }
    }
}
