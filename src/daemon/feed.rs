//! One owned feed on a thread of its own: finds its start positions, checks them, and runs its engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use rdkafka::consumer::BaseConsumer;

use crate::{
    clock::Stopwatch,
    daemon::{
        Settings,
        engine::{Board, Command, Conduct, Ending, Engine, Source},
    },
    feed::Pipeline,
    ingest::{kafka::Reader, position::Positions},
    kafka::{self, Client, Error, Partition, watermarks},
    sink::alerts::{Destination, Ledger, Outbox, Parcel},
    state::{
        lease::partition_of,
        topic::{self, Begin, Check, Starts},
    },
};

/// What every feed is given.
#[derive(Clone)]
pub(super) struct Kit {
    pub(super) settings: Arc<Settings>,
    pub(super) client: Client,
    pub(super) outbox: Arc<Outbox>,
    pub(super) alerts_partitions: usize,
    pub(super) until_end: bool,
}

/// A feed that is owned.
pub(super) struct Feed {
    pub(super) partitions: Vec<Partition>,
    pub(super) board: Arc<Board>,
    commands: Sender<Command>,
    thread: JoinHandle<Result<Ending, Error>>,
    is_stopping: Arc<AtomicBool>,
}

/// Commands that wait: one discovery and one stop.
const COMMANDS: usize = 8;

impl Feed {
    /// Starts the feed of `supplier`; `committed` are the group's positions.
    pub(super) fn start(
        kit: &Kit,
        supplier: &str,
        partitions: Vec<Partition>,
        committed: BTreeMap<Partition, u64>,
        (is_found_running, deleted): (bool, BTreeSet<String>),
    ) -> Self {
        let (commands, orders) = bounded(COMMANDS);
        let pulse = kit.settings.health.watch(supplier);
        let board = Arc::new(Board::new(pulse));
        let is_stopping = Arc::new(AtomicBool::new(false));
        let task = Task {
            kit: kit.clone(),
            supplier: supplier.to_owned(),
            partitions: partitions.clone(),
            committed,
            deleted,
            begin: if is_found_running && kit.settings.begin == Begin::Latest {
                Begin::Earliest
            } else {
                kit.settings.begin
            },
            board: Arc::clone(&board),
            is_stopping: Arc::clone(&is_stopping),
        };
        Self {
            partitions,
            board,
            commands,
            thread: thread::spawn(move || task.run(&orders)),
            is_stopping,
        }
    }

    /// Gives the feed partitions that were found.
    pub(super) fn add(&mut self, partitions: Vec<Partition>) {
        if self
            .commands
            .try_send(Command::Add(partitions.clone()))
            .is_ok()
        {
            self.partitions.extend(partitions);
        }
    }

    /// Asks the feed to finish what is begun and to end.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // A full channel: it will see the flag.
        drop(self.commands.try_send(Command::Stop));
    }

    /// Whether it was asked to end.
    pub(super) fn is_ending(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Whether it has a partition of `topic`.
    pub(super) fn reads(&self, topic: &str) -> bool {
        self.partitions.iter().any(|(name, _)| name == topic)
    }

    /// Whether every partition is read from a known position.
    pub(super) fn is_placed(&self) -> bool {
        self.board.is_placed.load(Ordering::Relaxed)
    }

    /// Whether all that was there at its start is decided.
    pub(super) fn is_settled(&self) -> bool {
        self.board.is_settled.load(Ordering::Relaxed)
    }

    /// Whether the feed has ended.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// How it ended; waits until it has.
    ///
    /// # Panics
    /// Passes a panic of the feed's thread on: a broken invariant ends the process.
    pub(super) fn ending(self) -> Result<Ending, Error> {
        match self.thread.join() {
            Ok(ending) => ending,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

struct Task {
    kit: Kit,
    supplier: String,
    partitions: Vec<Partition>,
    committed: BTreeMap<Partition, u64>,
    /// Topics that were deleted while they were read: what is stored of them is of no use.
    deleted: BTreeSet<String>,
    begin: Begin,
    board: Arc<Board>,
    is_stopping: Arc<AtomicBool>,
}

impl Task {
    fn run(mut self, commands: &Receiver<Command>) -> Result<Ending, Error> {
        let (mut engine, mut starts) = self.prepare()?;
        loop {
            if self.is_stopping.load(Ordering::Acquire) {
                return engine.stop();
            }
            match engine.run(commands)? {
                Ok(ending) => return Ok(ending),
                Err(found) => {
                    // The brokers are asked; the engine's next turn ends it.
                    self.board.pulse.rest();
                    self.board.is_placed.store(false, Ordering::Relaxed);
                    let known: Vec<Partition> = engine.partitions().cloned().collect();
                    let fresh: Vec<Partition> = found
                        .into_iter()
                        .filter(|partition| !known.contains(partition))
                        .collect();
                    let sources = self.place(
                        engine.reader().client(),
                        &mut starts,
                        &fresh,
                        Begin::Earliest,
                    )?;
                    tracing::info!(
                        supplier = self.supplier,
                        count = fresh.len(),
                        "partitions found"
                    );
                    engine.add(sources)?;
                }
            }
        }
    }

    /// Everything before the first record: what the alerts topic holds, and where to begin.
    fn prepare(&mut self) -> Result<(Engine, Starts), Error> {
        let settings = &self.kit.settings;
        let alerts: Vec<Partition> = (0..self.kit.alerts_partitions)
            .filter_map(|partition| i32::try_from(partition).ok())
            .map(|partition| (settings.topics.alerts.clone(), partition))
            .collect();
        let client = self.kit.client.clone();
        let ledger = Ledger::read(&settings.kafka, client.clone(), &alerts, &self.supplier)?;
        let slot = partition_of(&self.supplier, settings.state_partitions);
        let state = (settings.topics.state.clone(), slot);
        let stored = topic::load(&settings.kafka, client.clone(), state, &self.supplier)?;
        let reader = Reader::open(
            &settings.kafka,
            client,
            &self.supplier,
            settings.reading.clone(),
            self.partitions.len(),
        )?;
        // A partition of a known feed that has no start yet was found later: from its beginning.
        let begin = if stored.is_some() {
            Begin::Earliest
        } else {
            self.begin
        };
        let mut starts = stored.unwrap_or_default();
        starts
            .0
            .retain(|(topic, _), _| !self.deleted.contains(topic));
        self.committed
            .retain(|(topic, _), _| !self.deleted.contains(topic));
        let partitions = self.partitions.clone();
        let sources = self.place(reader.client(), &mut starts, &partitions, begin)?;
        for topic in &self.deleted {
            tracing::error!(
                topic,
                "the topic was deleted and made anew; it is read from its beginning"
            );
        }
        let config = (self.kit.settings.feed_of)(&self.supplier);
        let limits = config.limits;
        let conduct = Conduct {
            lateness_ms: config.lateness_ms,
            quiet_ms: config.quiet_ms,
            stall: self.kit.settings.stall,
            in_flight_max: self.kit.settings.in_flight_max,
            deadline: self.kit.settings.shutdown_deadline,
            until_end: self.kit.until_end,
        };
        let mut engine = Engine::new(
            &self.supplier,
            conduct,
            reader,
            Pipeline::new(&self.supplier, config),
            (Arc::clone(&self.kit.outbox), ledger),
            Arc::clone(&self.board),
            self.kit.settings.metrics.feed(&self.supplier, limits),
        );
        tracing::info!(
            supplier = self.supplier,
            partitions = sources.len(),
            "feed begins"
        );
        engine.add(sources)?;
        Ok((engine, starts))
    }

    /// Where `partitions` are read from: their stored starts where they still mean the same
    /// records, else new ones, which are stored before anything is read.
    fn place(
        &self,
        client: &BaseConsumer<Client>,
        starts: &mut Starts,
        partitions: &[Partition],
        begin: Begin,
    ) -> Result<Vec<Source>, Error> {
        let unknown: Vec<Partition> = partitions
            .iter()
            .filter(|partition| !starts.0.contains_key(*partition))
            .cloned()
            .collect();
        let mut changed = !unknown.is_empty();
        if changed {
            // A client does not see partitions that are younger than what it knows of their topic.
            kafka::list(client)?;
        }
        starts.0.extend(topic::resolve(client, &unknown, begin)?.0);
        let mut sources = Vec::new();
        for partition in partitions {
            let bounds = watermarks(client, partition)?;
            let start = starts.0.get(partition).copied().unwrap_or(bounds.0);
            let mut committed = self.committed.get(partition).copied();
            let check = topic::check(start, committed, bounds);
            tell(partition, check);
            let from = match check {
                Check::Whole => start,
                Check::Cut { from, .. } => from,
                Check::Remade { from } => {
                    committed = None;
                    changed = true;
                    starts.0.insert(partition.clone(), from);
                    from
                }
            };
            sources.push(Source {
                partition: partition.clone(),
                from,
                end: bounds.1,
                committed: committed.unwrap_or(0),
                cut: match check {
                    Check::Cut { lost, .. } => Some(lost),
                    Check::Whole | Check::Remade { .. } => None,
                },
            });
        }
        if changed {
            self.store(starts)?;
        }
        Ok(sources)
    }

    /// Writes the starts and waits until they are durable.
    fn store(&self, starts: &Starts) -> Result<(), Error> {
        let (receipts, back) = bounded(1);
        let parcel = Parcel {
            ticket: Positions::default().issue(),
            destination: Destination::State,
            appended_ms: -1,
            receipts,
        };
        let slot = partition_of(&self.supplier, self.kit.settings.state_partitions);
        let json = starts.to_json(&self.supplier);
        self.kit
            .outbox
            .send(parcel, Some(slot), &self.supplier, &json)?;
        let state = &self.kit.settings.topics.state;
        let watch = Stopwatch::start();
        while watch.elapsed() < STORE {
            if let Ok(receipt) = back.recv_timeout(Duration::from_millis(200)) {
                return receipt
                    .result
                    .map_err(|error| Error::failed("writing start positions to", state, error));
            }
        }
        Err(Error::Stalled {
            doing: "writing start positions",
            topic: state.clone(),
            partition: slot,
            secs: STORE.as_secs(),
        })
    }
}

/// Start positions must be durable within this.
const STORE: Duration = Duration::from_mins(1);

fn tell((topic, partition): &Partition, check: Check) {
    match check {
        Check::Whole => {}
        Check::Cut { from, lost: 0 } => tracing::info!(
            topic,
            partition,
            from,
            "retention has cut what was decided before; deciding again begins later"
        ),
        Check::Cut { from, lost } => tracing::error!(
            topic,
            partition,
            from,
            lost,
            "gap: retention took records before they were read; lengthen the topic's retention"
        ),
        Check::Remade { from } => tracing::error!(
            topic,
            partition,
            from,
            "the topic was made anew; its first position counts"
        ),
    }
}
