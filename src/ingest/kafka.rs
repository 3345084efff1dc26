//! One feed's partitions on a client of their own: polled, batched and decoded on several threads.
//!
//! Memory is bounded by credits: each partition may have so many decoded batches waiting, and a
//! partition without credit is not drained, which stops librdkafka's fetching of it. Nothing is
//! ever paused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use rdkafka::{
    Message, Offset, Timestamp, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, base_consumer::PartitionQueue},
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::{
    clock::Stopwatch,
    decode::DecodedBatch,
    ingest::RecordBatch,
    kafka::{Client, Ends, Error, Partition, Settings, code, is_gone},
};

/// Bounds and threads of one feed's reading.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The consumer group, for looking its positions up; it is never joined here.
    pub group: String,
    /// Threads that poll and decode.
    pub decode_threads: usize,
    /// Bytes of records held at once: half in librdkafka's queues, half in batches.
    pub bytes_max: usize,
    /// A batch is closed at so many bytes.
    pub batch_bytes_max: usize,
    /// A batch is closed at so many records.
    pub batch_records_max: usize,
}

/// What the decoding threads tell the engine.
#[derive(Debug)]
pub enum Work {
    /// Records of a source, decoded.
    Batch {
        /// The source.
        source: usize,
        /// The records.
        batch: DecodedBatch,
        /// The position after its last record.
        next: u64,
    },
    /// A source is at its end: nothing newer is there at this moment.
    End {
        /// The source.
        source: usize,
    },
    /// A source cannot be read on from where it stands; its position must be checked anew.
    Astray {
        /// The source.
        source: usize,
        /// librdkafka's error.
        error: KafkaError,
    },
}

/// How one source's batches flow, shared by its decoding thread and the engine.
#[derive(Debug)]
struct Flow {
    /// Batches that may still be decoded ahead of the engine.
    credits: AtomicUsize,
}

/// Reads the partitions of one feed.
pub struct Reader {
    client: Arc<BaseConsumer<Client>>,
    decoders: Vec<Decoder>,
    flows: Vec<Arc<Flow>>,
    work: Receiver<Work>,
    work_in: Sender<Work>,
    spare: Receiver<RecordBatch>,
    returns: Sender<RecordBatch>,
    stop: Arc<AtomicBool>,
    /// Nanoseconds that the decoding threads were at work.
    busy_nanos: Arc<AtomicU64>,
    ends: Arc<Ends>,
    supplier: String,
    reading: Reading,
    credits: usize,
}

struct Decoder {
    thread: JoinHandle<()>,
    sources: Sender<Served>,
}

/// Sources that a decoding thread can be given at once.
const HANDOVER: usize = 1_024;

/// Messages between the decoding threads and the engine: batches are bounded by credits already.
const WORK: usize = 256;

/// Spare buffers kept for reuse.
const SPARE: usize = 64;

/// Longest wait of a decoding thread for something to come; it is woken before by records and credits.
const IDLE: Duration = Duration::from_millis(20);

impl Reader {
    /// Creates the client and the threads; nothing is read before [`add`](Self::add).
    /// `partitions` is how many are expected, for dividing the bytes.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn open(
        settings: &Settings,
        context: Client,
        supplier: &str,
        reading: Reading,
        partitions: usize,
    ) -> Result<Self, Error> {
        let share = reading.bytes_max / 2 / partitions.max(1);
        let ends = Arc::new(Ends::default());
        let fetch_bytes = (share / 2).clamp(64 << 10, 1 << 20);
        let client: BaseConsumer<Client> = settings
            .client()
            .set("group.id", &reading.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_uncommitted")
            .set("fetch.message.max.bytes", fetch_bytes.to_string())
            .set(
                "fetch.max.bytes",
                (fetch_bytes * partitions.clamp(1, 32))
                    .max(1 << 20)
                    .to_string(),
            )
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.min.messages", "1000000")
            .set(
                "queued.max.messages.kbytes",
                (share / 1_024).clamp(64, 1 << 20).to_string(),
            )
            // Tells the ends of partitions without asking the brokers.
            .set("statistics.interval.ms", "1000")
            .create_with_context(Client {
                ends: Arc::clone(&ends),
                ..context
            })
            .map_err(Error::settings)?;
        let (work_in, work) = bounded(WORK);
        let (returns, pool) = bounded(SPARE);
        let credits = (share / reading.batch_bytes_max).clamp(2, 16);
        Ok(Self {
            client: Arc::new(client),
            decoders: Vec::new(),
            flows: Vec::new(),
            work,
            work_in,
            spare: pool,
            returns,
            stop: Arc::default(),
            busy_nanos: Arc::default(),
            ends,
            supplier: supplier.to_owned(),
            reading,
            credits,
        })
    }

    /// Begins to read `partitions` at the positions given; their source numbers follow on those
    /// added before.
    ///
    /// # Errors
    /// The client's refusal.
    pub fn add(&mut self, partitions: &[(Partition, u64)]) -> Result<(), Error> {
        while self.decoders.len() < self.reading.decode_threads.max(1) {
            self.decoders.push(self.decoder());
        }
        let mut list = TopicPartitionList::new();
        for ((topic, partition), position) in partitions {
            let offset = Offset::Offset(i64::try_from(*position).unwrap_or(i64::MAX));
            list.add_partition_offset(topic, *partition, offset)
                .map_err(|error| Error::failed("reading", topic, error))?;
            // Before the assignment: a queue split later would miss what is fetched meanwhile.
            let queue = self.client.split_partition_queue(topic, *partition);
            let queue = queue.ok_or_else(|| {
                let error = KafkaError::ClientCreation("no queue for a partition".to_owned());
                Error::failed("reading", topic, error)
            })?;
            let source = self.flows.len();
            let flow = Arc::new(Flow {
                credits: AtomicUsize::new(self.credits),
            });
            self.flows.push(Arc::clone(&flow));
            let decoder = &self.decoders[source % self.decoders.len()];
            let served = Served::new(source, queue, flow, *position, decoder.thread.thread());
            // The thread ends only after this reader.
            drop(decoder.sources.send(served));
        }
        self.client
            .incremental_assign(&list)
            .map_err(|error| Error::failed("reading", &self.supplier, error))
    }

    /// What the decoding threads have for the engine.
    pub fn work(&self) -> &Receiver<Work> {
        &self.work
    }

    /// Serves the client's events; nothing of a partition comes this way.
    ///
    /// # Errors
    /// An error after which the client reads no more.
    pub fn poll(&self) -> Result<(), Error> {
        while let Some(event) = self.client.poll(Duration::ZERO) {
            match event {
                Ok(message) => tracing::error!(
                    partition = message.partition(),
                    "a record came outside its partition's queue"
                ),
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                    return Err(Error::failed("reading", &self.supplier, error));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Gives back what a decided batch of `source` held.
    ///
    /// # Panics
    /// Panics where `source` was never added: a bug.
    pub fn finish(&self, source: usize, batch: DecodedBatch) {
        let mut records = batch.into_records();
        records.bytes.clear();
        records.records.clear();
        // Full: enough of them are spare.
        drop(self.returns.try_send(records));
        if self.flows[source].credits.fetch_add(1, Ordering::AcqRel) == 0 {
            self.decoders[source % self.decoders.len()]
                .thread
                .thread()
                .unpark();
        }
    }

    /// Whether as much of `source` is read ahead as may be.
    ///
    /// # Panics
    /// Panics where `source` was never added: a bug.
    pub fn is_full(&self, source: usize) -> bool {
        self.flows[source].credits.load(Ordering::Acquire) == 0
    }

    /// The client, for watermarks and times.
    pub fn client(&self) -> &BaseConsumer<Client> {
        &self.client
    }

    /// Where partitions end, as far as fetches have told.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Takes the time that the decoding threads were at work since the last call.
    pub fn take_busy(&self) -> Duration {
        Duration::from_nanos(self.busy_nanos.swap(0, Ordering::Relaxed))
    }

    fn decoder(&self) -> Decoder {
        let (sources, handover) = bounded(HANDOVER);
        let desk = Desk {
            supplier: self.supplier.clone(),
            reading: self.reading.clone(),
            work: self.work_in.clone(),
            spare: self.spare.clone(),
            stop: Arc::clone(&self.stop),
            busy_nanos: Arc::clone(&self.busy_nanos),
        };
        Decoder {
            thread: thread::spawn(move || desk.serve(&handover)),
            sources,
        }
    }
}

/// Ends the threads and the client.
impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for decoder in self.decoders.drain(..) {
            decoder.thread.thread().unpark();
            // A thread that waits to hand work over finds the channel drained.
            while !decoder.thread.is_finished() {
                drop(self.work.recv_timeout(Duration::from_millis(5)));
            }
            drop(decoder.thread.join());
        }
    }
}

/// A source in the hands of its decoding thread.
struct Served {
    source: usize,
    queue: PartitionQueue<Client>,
    flow: Arc<Flow>,
    /// The next position; what lies below was handed over already.
    next: u64,
    /// Whether the last thing told of it was its end.
    at_end: bool,
    astray: bool,
}

/// What draining a queue came to.
enum Drained {
    Full,
    Empty,
    End,
    Astray(KafkaError),
}

impl Served {
    fn new(
        source: usize,
        mut queue: PartitionQueue<Client>,
        flow: Arc<Flow>,
        next: u64,
        thread: &Thread,
    ) -> Self {
        let thread = thread.clone();
        queue.set_nonempty_callback(move || thread.unpark());
        Self {
            source,
            queue,
            flow,
            next,
            at_end: false,
            astray: false,
        }
    }

    /// Moves what the queue holds into `batch`, to its bounds at most.
    fn drain(&mut self, batch: &mut RecordBatch, reading: &Reading) -> Drained {
        while batch.records.len() < reading.batch_records_max
            && batch.bytes.len() < reading.batch_bytes_max
        {
            match self.queue.poll(Duration::ZERO) {
                None => return Drained::Empty,
                Some(Ok(message)) => {
                    let Ok(position) = u64::try_from(message.offset()) else {
                        continue;
                    };
                    if position < self.next {
                        continue;
                    }
                    self.next = position + 1;
                    let appended_ms = match message.timestamp() {
                        Timestamp::LogAppendTime(millis) => millis,
                        Timestamp::CreateTime(_) | Timestamp::NotAvailable => -1,
                    };
                    batch.push(message.payload().unwrap_or_default(), position, appended_ms);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Drained::End,
                Some(Err(error)) if is_astray(&error) => return Drained::Astray(error),
                // librdkafka tries again; the code is counted where errors are reported.
                Some(Err(_)) => {}
            }
        }
        Drained::Full
    }
}

/// Whether reading on needs another position.
fn is_astray(error: &KafkaError) -> bool {
    let is_elsewhere = matches!(
        code(error),
        Some(
            RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::TopicAuthorizationFailed
        )
    );
    is_elsewhere || is_gone(error)
}

/// A decoding thread's tools.
struct Desk {
    supplier: String,
    reading: Reading,
    work: Sender<Work>,
    spare: Receiver<RecordBatch>,
    stop: Arc<AtomicBool>,
    busy_nanos: Arc<AtomicU64>,
}

impl Desk {
    /// Serves the sources handed over until the reader ends.
    fn serve(&self, handover: &Receiver<Served>) {
        let mut sources: Vec<Served> = Vec::new();
        while !self.stop.load(Ordering::Acquire) {
            sources.extend(handover.try_iter());
            let mut moved = false;
            for served in &mut sources {
                let is_open = !served.astray && served.flow.credits.load(Ordering::Acquire) > 0;
                if is_open {
                    let Some(some) = self.turn(served) else {
                        return;
                    };
                    moved |= some;
                }
            }
            if !moved {
                thread::park_timeout(IDLE);
            }
        }
    }

    /// Drains one source once and hands over what came: whether anything did, or nothing where
    /// the engine is gone.
    fn turn(&self, served: &mut Served) -> Option<bool> {
        let watch = Stopwatch::start();
        let mut batch = self.spare.try_recv().unwrap_or_default();
        batch.source = u32::try_from(served.source).unwrap_or(u32::MAX);
        let drained = served.drain(&mut batch, &self.reading);
        let some = !batch.records.is_empty();
        if some {
            served.at_end = false;
            served.flow.credits.fetch_sub(1, Ordering::AcqRel);
            let batch = DecodedBatch::decode(batch, Some(&self.supplier));
            // Handing over may wait for the engine: that is not work.
            let nanos = u64::try_from(watch.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.busy_nanos.fetch_add(nanos, Ordering::Relaxed);
            let work = Work::Batch {
                source: served.source,
                batch,
                next: served.next,
            };
            self.work.send(work).ok()?;
        }
        match drained {
            Drained::End if !served.at_end => {
                served.at_end = true;
                let source = served.source;
                self.work.send(Work::End { source }).ok()?;
            }
            Drained::Astray(error) => {
                served.astray = true;
                let source = served.source;
                self.work.send(Work::Astray { source, error }).ok()?;
            }
            Drained::Full | Drained::Empty | Drained::End => {}
        }
        Some(some)
    }
}
