//! One feed's engine: takes decoded batches, decides their events in order on one thread, and
//! sends alerts and quarantine records out.

mod deciding;
mod watching;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};

use crate::{
    clock::{self, Stopwatch},
    daemon::order::{Next, Order},
    decode::DecodedBatch,
    event::Timestamp,
    feed::{Pipeline, merge::SourceClock},
    incident::Alert,
    ingest::{
        kafka::{Reader, Work},
        position::Positions,
    },
    kafka::{self, Error, Partition},
    metrics::{FeedMetrics, Standing},
    serve::Pulse,
    sink::{
        alerts::{Destination, Ledger, Outbox, Receipt},
        json::Places,
    },
};

/// What the daemon asks of a running feed.
#[derive(Debug)]
pub(super) enum Command {
    /// Partitions were found; begin to read them.
    Add(Vec<Partition>),
    /// Finish what is begun, deliver, and end.
    Stop,
}

/// What a feed shows while it runs.
#[derive(Debug)]
pub(super) struct Board {
    /// Beats with every turn of the engine.
    pub(super) pulse: Arc<Pulse>,
    /// Whether every partition is read from a known position.
    pub(super) is_placed: AtomicBool,
    /// Whether all that was there at its start is decided.
    pub(super) is_settled: AtomicBool,
    /// The positions that are safe to commit.
    pub(super) safe: Mutex<BTreeMap<Partition, u64>>,
    /// Topics that were deleted while they were read.
    pub(super) deleted: Mutex<BTreeSet<String>>,
}

impl Board {
    /// Nothing to show yet.
    pub(super) fn new(pulse: Arc<Pulse>) -> Self {
        Self {
            pulse,
            is_placed: AtomicBool::new(false),
            is_settled: AtomicBool::new(false),
            safe: Mutex::default(),
            deleted: Mutex::default(),
        }
    }
}

/// How a feed came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was asked to stop, and everything it sent is acknowledged.
    Stopped,
    /// It was asked to stop, and so many sends are not acknowledged.
    Undelivered(usize),
    /// Every source has reached the end it had at start.
    Finished,
    /// It must be decided again from its stored positions.
    Restart,
}

/// Where a source stands when the feed starts.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) partition: Partition,
    /// The first position read.
    pub(super) from: u64,
    /// Its end as of now.
    pub(super) end: u64,
    /// Refused records below were quarantined before.
    pub(super) committed: u64,
    /// Where retention has cut what lay below `from`: how many records of it were never decided.
    pub(super) cut: Option<u64>,
}

/// How the engine behaves, from the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conduct {
    /// Within this nothing depends on order, in milliseconds.
    pub(super) lateness_ms: i64,
    /// What is wrong with a feed is over so long after the last of it, in milliseconds.
    pub(super) quiet_ms: i64,
    /// A source that gives nothing is waited for so long.
    pub(super) stall: Duration,
    /// Sends that may be unacknowledged before the engine waits.
    pub(super) in_flight_max: usize,
    /// After being asked to stop, acknowledgements are awaited so long.
    pub(super) deadline: Duration,
    /// Whether to end where the sources ended at start.
    pub(super) until_end: bool,
}

struct Lane {
    source: Source,
    /// Batches that wait, the first of them begun at `index`.
    batches: VecDeque<Waiting>,
    index: usize,
    /// The position after the last record decided.
    next: u64,
    /// How far the events decided have come, leaps left out.
    clock: SourceClock,
    /// The same with the next record.
    ahead: SourceClock,
}

struct Waiting {
    batch: DecodedBatch,
    next: u64,
}

/// Decides one feed.
pub(super) struct Engine {
    supplier: String,
    conduct: Conduct,
    reader: Reader,
    pipeline: Pipeline,
    order: Order,
    lanes: Vec<Lane>,
    places: Places,
    positions: Positions,
    outbox: Arc<Outbox>,
    ledger: Ledger,
    receipts: Receiver<Receipt>,
    receipts_in: Sender<Receipt>,
    board: Arc<Board>,
    metrics: FeedMetrics,
    alerts: Vec<Alert>,
    /// Incidents last seen before are not written: retention has cut their log.
    floor: Option<Timestamp>,
    /// Whether what the topic holds open was compared with what was decided again.
    is_settled: bool,
    waiting: Option<(usize, Stopwatch)>,
    /// Whether a source cannot be read on from where it stands.
    is_astray: bool,
    /// When the feed was last looked at.
    looked: Option<Stopwatch>,
    /// When everything that was there was last decided.
    caught_up: Option<Timestamp>,
}

/// Ending the reader's client may take the brokers' time: no turns are to be expected any more.
impl Drop for Engine {
    fn drop(&mut self) {
        self.board.pulse.rest();
    }
}

/// Events decided between two looks at everything else.
const TURN: usize = 8_192;

/// Longest wait for something to come.
const IDLE: Duration = Duration::from_millis(50);

impl Engine {
    pub(super) fn new(
        supplier: &str,
        conduct: Conduct,
        reader: Reader,
        pipeline: Pipeline,
        (outbox, ledger): (Arc<Outbox>, Ledger),
        board: Arc<Board>,
        metrics: FeedMetrics,
    ) -> Self {
        // One batch may refuse all its records after the last look at the bound.
        let (receipts_in, receipts) = bounded(conduct.in_flight_max + 2 * TURN);
        Self {
            supplier: supplier.to_owned(),
            order: Order::new(conduct.lateness_ms),
            conduct,
            reader,
            pipeline,
            lanes: Vec::new(),
            places: Places::Partitions(Vec::new()),
            positions: Positions::default(),
            outbox,
            ledger,
            receipts,
            receipts_in,
            board,
            metrics,
            alerts: Vec::new(),
            floor: None,
            is_settled: false,
            waiting: None,
            is_astray: false,
            looked: None,
            caught_up: None,
        }
    }

    /// Begins to read `sources`.
    ///
    /// # Errors
    /// The client's refusal.
    pub(super) fn add(&mut self, sources: Vec<Source>) -> Result<(), Error> {
        let list: Vec<_> = sources
            .iter()
            .map(|source| (source.partition.clone(), source.from))
            .collect();
        for source in sources {
            self.order.add();
            self.positions.add_source(source.from);
            if let Places::Partitions(places) = &mut self.places {
                places.push(source.partition.clone());
            }
            self.metrics.add(&source.partition);
            self.lanes.push(Lane {
                next: source.from,
                source,
                batches: VecDeque::new(),
                index: 0,
                clock: SourceClock::default(),
                ahead: SourceClock::default(),
            });
        }
        self.reader.add(&list)
    }

    /// The partitions read.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.lanes.iter().map(|lane| &lane.source.partition)
    }

    /// The reader's client, for watermarks.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Decides until a command or an ending; `Ok(Err(partitions))` asks for partitions to be added.
    ///
    /// # Errors
    /// A broker's refusal that no waiting helps.
    pub(super) fn run(
        &mut self,
        commands: &Receiver<Command>,
    ) -> Result<Result<Ending, Vec<Partition>>, Error> {
        self.board.is_placed.store(true, Ordering::Relaxed);
        loop {
            self.board.pulse.beat();
            self.reader.poll()?;
            match commands.try_recv() {
                Ok(Command::Add(partitions)) => return Ok(Err(partitions)),
                Ok(Command::Stop) => return self.stop().map(Ok),
                Err(_) => {}
            }
            if self.take_in()? {
                return Ok(Ok(Ending::Restart));
            }
            let now = clock::now();
            self.note_arrivals(now);
            self.order.turn(now);
            let next = self.order.next(now);
            self.watch(next);
            match next {
                Next::Decide { .. } if self.positions.pending() < self.conduct.in_flight_max => {
                    let (watch, sent) = (Stopwatch::start(), self.metrics.busy.sink);
                    let anew = self.decide_some(now)?;
                    let sending = self.metrics.busy.sink.saturating_sub(sent);
                    self.metrics.busy.engine += watch.elapsed().saturating_sub(sending);
                    if anew {
                        return Ok(Ok(Ending::Restart));
                    }
                }
                Next::Decide { .. } => self.await_receipt()?,
                Next::Wait { .. } | Next::Idle => self.idle(commands)?,
            }
            self.settle()?;
            self.look(now)?;
            self.show();
            if self.conduct.until_end && self.is_settled {
                return match self.stop()? {
                    Ending::Stopped => Ok(Ok(Ending::Finished)),
                    ending => Ok(Ok(ending)),
                };
            }
        }
    }

    /// Takes decoded batches and receipts in; whether the feed must begin anew.
    fn take_in(&mut self) -> Result<bool, Error> {
        while let Ok(receipt) = self.receipts.try_recv() {
            self.acknowledge(receipt)?;
        }
        while let Ok(work) = self.reader.work().try_recv() {
            self.accept(work);
        }
        Ok(self.is_astray)
    }

    fn accept(&mut self, work: Work) {
        match work {
            Work::Batch {
                source,
                batch,
                next,
            } => {
                self.order.arrived(source, batch.len());
                let lane = &mut self.lanes[source];
                lane.batches.push_back(Waiting { batch, next });
                // New records may tell whether the next one leaps.
                self.look_ahead(source);
            }
            Work::End { source } => {
                self.order.ended(source, clock::now());
                self.end_for_good(source);
            }
            Work::Astray { source, error } => {
                let (topic, partition) = &self.lanes[source].source.partition;
                tracing::error!(topic, partition, %error, "position lost; the feed is read again");
                if kafka::is_gone(&error) {
                    let deleted = self.board.deleted.lock();
                    let mut deleted = deleted.unwrap_or_else(PoisonError::into_inner);
                    deleted.insert(topic.clone());
                }
                self.is_astray = true;
            }
        }
    }

    /// Where the run is to end with the sources as they stood at start, one that has come so far
    /// is not waited for: all that still counts is there.
    fn end_for_good(&mut self, source: usize) {
        let lane = &self.lanes[source];
        if self.conduct.until_end && lane.batches.is_empty() && lane.next >= lane.source.end {
            self.order.ended(source, Timestamp::default());
        }
    }

    /// Waits for anything to happen, a moment at most.
    fn idle(&mut self, commands: &Receiver<Command>) -> Result<(), Error> {
        let work = self.reader.work().clone();
        let receipts = self.receipts.clone();
        select_biased! {
            recv(receipts) -> receipt => if let Ok(receipt) = receipt {
                self.acknowledge(receipt)?;
            },
            recv(work) -> taken => if let Ok(taken) = taken {
                self.accept(taken);
            },
            default(if commands.is_empty() { IDLE } else { Duration::ZERO }) => {}
        }
        Ok(())
    }

    fn await_receipt(&mut self) -> Result<(), Error> {
        match self.receipts.recv_timeout(IDLE) {
            Ok(receipt) => self.acknowledge(receipt),
            Err(_) => Ok(()),
        }
    }

    fn acknowledge(&mut self, receipt: Receipt) -> Result<(), Error> {
        match receipt.result {
            Ok(()) => {
                self.positions.acknowledge(receipt.ticket);
                if receipt.destination == Destination::Alerts {
                    let now = clock::now().as_millis();
                    let millis = (receipt.appended_ms >= 0).then_some(now - receipt.appended_ms);
                    let secs = millis.map(|millis| millis.max(0) as f64 / 1_000.0);
                    self.metrics.process().delivered(true, secs);
                }
                Ok(())
            }
            Err(error) => {
                if receipt.destination == Destination::Alerts {
                    self.metrics.process().delivered(false, None);
                }
                Err(Error::failed(
                    "writing to our topic of",
                    receipt.destination.as_str(),
                    error,
                ))
            }
        }
    }

    /// Shows the positions that are safe to commit, and how it goes.
    fn show(&mut self) {
        self.metrics.busy.decode += self.reader.take_busy();
        self.metrics.publish(&self.pipeline);
        if self.metrics.is_due() {
            let (ends, order) = (self.reader.ends(), &self.order);
            let stands = |(number, lane): (usize, &Lane)| Standing {
                next: lane.next,
                lag: lane.lag(ends, order.is_drained(number)),
                time: lane.clock.reached(),
            };
            let standings = self.lanes.iter().enumerate().map(stands);
            self.metrics
                .show(&self.pipeline, self.positions.pending(), standings);
        }
        let mut safe = self
            .board
            .safe
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (number, lane) in self.lanes.iter().enumerate() {
            // Deciding again from further back takes nothing back that was committed.
            let position = self.positions.safe(number).max(lane.source.committed);
            match safe.get_mut(&lane.source.partition) {
                Some(shown) => *shown = position,
                None => {
                    safe.insert(lane.source.partition.clone(), position);
                }
            }
        }
    }

    /// Decides no more, and waits for what was sent.
    ///
    /// # Errors
    /// A broker's refusal that no waiting helps.
    pub(super) fn stop(&mut self) -> Result<Ending, Error> {
        for number in 0..self.lanes.len() {
            self.positions.decide(number, self.lanes[number].next);
        }
        let watch = Stopwatch::start();
        while self.positions.pending() > 0 && watch.elapsed() < self.conduct.deadline {
            self.board.pulse.beat();
            self.await_receipt()?;
        }
        self.show();
        Ok(match self.positions.pending() {
            0 => Ending::Stopped,
            pending => Ending::Undelivered(pending),
        })
    }
}
