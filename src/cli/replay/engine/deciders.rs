//! The threads that decide: each supplier's events on one of them, all suppliers at a time.
//!
//! The merged order is cut into stretches, about a batch each. A stretch goes to its suppliers'
//! threads, and comes out again once all of them are done with it, in the order of its events: so
//! what is heard hangs neither on the number of threads nor on which of them is first.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};

use crate::{
    config::Config,
    decode::{DecodedBatch, Refusal, Reject, Verdict},
    detect::AHEAD,
    feed::Pipeline,
    incident::Alert,
};

/// Suppliers past so many share threads: no machine has cores for more at a time.
const THREADS_MAX: usize = 16;
/// Stretches under way at a time: enough for one supplier's thread to work while another's waits for
/// its next event, few enough to hold in memory.
const UNDER_WAY_MAX: usize = 64;

/// Why an event of one supplier too many is refused.
const ONE_TOO_MANY: Refusal = Refusal {
    reject: Reject::OverLimit,
    field: Some("supplier"),
};

/// What came of one record.
pub(super) enum Outcome {
    /// It raised an alert.
    Alert(Box<Alert>),
    /// The record at `line` of `file` was refused.
    Refused {
        file: usize,
        line: u64,
        refusal: Refusal,
    },
}

/// What came of a stretch.
pub(super) struct Decided {
    /// In the merged order of the records.
    pub(super) outcomes: Vec<Outcome>,
    /// The batches that it used up.
    pub(super) used_up: Vec<DecodedBatch>,
}

/// What came of a record, with the record's number in its stretch.
type Numbered = (u32, Outcome);

/// Decides the merged order.
pub(super) struct Deciders {
    config: Config,
    suppliers_max: usize,
    suppliers: Vec<String>,
    places: HashMap<String, usize>,
    /// The supplier of the event before: most often that of the next one.
    last: usize,
    /// Events refused because their supplier was one too many.
    refused: u64,
    /// The stretch that grows.
    stretch: Stretch,
    under_way: VecDeque<UnderWay>,
    threads: Vec<Decider>,
}

/// A piece of the merged order.
#[derive(Default)]
struct Stretch {
    /// Records in it, refused ones included.
    records: u32,
    batches: Vec<Arc<DecodedBatch>>,
    /// By file, where its batch lies among them.
    places: Vec<Option<u32>>,
    /// By supplier.
    events: Vec<Vec<Due>>,
    refused: Vec<Numbered>,
    used_up: Vec<Arc<DecodedBatch>>,
}

/// An event to be decided.
#[derive(Clone, Copy)]
struct Due {
    /// Its number in the stretch.
    number: u32,
    /// Where its batch lies in the stretch, and it in the batch.
    batch: u32,
    index: u32,
}

/// A stretch that its suppliers' threads are at work on.
struct UnderWay {
    outcomes: Vec<Numbered>,
    used_up: Vec<Arc<DecodedBatch>>,
    /// Threads that have not answered, one for each of their tasks.
    awaited: Vec<usize>,
}

/// A thread, the tasks it takes, and what it answers to each.
struct Decider {
    tasks: Sender<Task>,
    answers: Receiver<Vec<Numbered>>,
    thread: JoinHandle<Vec<(usize, Pipeline)>>,
}

enum Task {
    /// Another supplier was found.
    Begin(usize, Box<Pipeline>),
    /// A supplier's events of a stretch.
    Decide {
        supplier: usize,
        batches: Arc<[Arc<DecodedBatch>]>,
        events: Vec<Due>,
    },
}

impl Deciders {
    /// Decides the events of at most `suppliers_max` suppliers.
    pub(super) fn new(config: Config, suppliers_max: usize) -> Self {
        Self {
            config,
            suppliers_max,
            suppliers: Vec::new(),
            places: HashMap::new(),
            last: 0,
            refused: 0,
            stretch: Stretch::default(),
            under_way: VecDeque::new(),
            threads: Vec::new(),
        }
    }

    /// Takes the record at `index` of the `file`'s current batch as the next one; says why where it is
    /// refused.
    ///
    /// # Errors
    /// The system has no thread left to give.
    pub(super) fn take(
        &mut self,
        file: usize,
        batch: &Arc<DecodedBatch>,
        index: usize,
    ) -> io::Result<Option<Refusal>> {
        let number = self.stretch.records;
        self.stretch.records += 1;
        let supplier = match batch.glance(index) {
            Ok(glance) => self.supplier(glance.supplier)?,
            Err(refusal) => Err(refusal),
        };
        match supplier {
            Ok(supplier) => {
                let batch = self.stretch.place(file, batch);
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                self.stretch.events[supplier].push(Due {
                    number,
                    batch,
                    index,
                });
                Ok(None)
            }
            Err(refusal) => {
                let line = batch.record(index).position;
                let outcome = Outcome::Refused {
                    file,
                    line,
                    refusal,
                };
                self.stretch.refused.push((number, outcome));
                Ok(Some(refusal))
            }
        }
    }

    /// Takes in that nothing of the `file`'s current batch is left, and sends the stretch out.
    pub(super) fn use_up(&mut self, file: usize, batch: Arc<DecodedBatch>) {
        if let Some(place) = self.stretch.places.get_mut(file) {
            *place = None;
        }
        self.stretch.used_up.push(batch);
        self.send();
    }

    /// Whether as many stretches are under way as may be.
    pub(super) fn is_full(&self) -> bool {
        self.under_way.len() >= UNDER_WAY_MAX
    }

    /// What came of the oldest stretch; nothing where none is under way, or unless `wait` where it is not
    /// decided yet.
    ///
    /// # Panics
    /// Panics where a deciding thread did.
    pub(super) fn next(&mut self, wait: bool) -> Option<Decided> {
        let oldest = self.under_way.front_mut()?;
        while let Some(thread) = oldest.awaited.last() {
            let answers = &self.threads[*thread].answers;
            let answer = if wait {
                answers.recv().map_err(TryRecvError::from)
            } else {
                answers.try_recv()
            };
            match answer {
                Ok(answer) => oldest.outcomes.extend(answer),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => panic!("a deciding thread broke"),
            }
            oldest.awaited.pop();
        }
        self.under_way.pop_front().map(UnderWay::into_decided)
    }

    /// Sends out what there is of the stretch that grows.
    pub(super) fn send(&mut self) {
        if self.stretch.records == 0 {
            return;
        }
        let stretch = std::mem::take(&mut self.stretch);
        let batches = Arc::<[_]>::from(stretch.batches);
        let mut awaited = Vec::new();
        for (supplier, events) in stretch.events.into_iter().enumerate() {
            if events.is_empty() {
                continue;
            }
            let thread = supplier % THREADS_MAX;
            self.threads[thread].give(Task::Decide {
                supplier,
                batches: Arc::clone(&batches),
                events,
            });
            awaited.push(thread);
        }
        self.stretch
            .events
            .resize_with(self.suppliers.len(), Vec::new);
        self.under_way.push_back(UnderWay {
            outcomes: stretch.refused,
            used_up: stretch.used_up,
            awaited,
        });
    }

    /// Incidents that the configuration has a verdict on.
    pub(super) fn verdicts(&self) -> usize {
        self.config.feed_of("").verdicts.len()
    }

    /// Events refused because their supplier was one too many.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Each supplier's pipeline as its last event left it, in the order of their first events.
    pub(super) fn into_pipelines(self) -> Vec<(String, Pipeline)> {
        let mut pipelines: Vec<(usize, Pipeline)> = Vec::new();
        for decider in self.threads {
            drop(decider.tasks);
            match decider.thread.join() {
                Ok(decided) => pipelines.extend(decided),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        pipelines.sort_by_key(|(supplier, _)| *supplier);
        let pipelines = pipelines.into_iter().map(|(_, pipeline)| pipeline);
        self.suppliers.into_iter().zip(pipelines).collect()
    }

    /// The supplier's number; a new one gets a pipeline.
    fn supplier(&mut self, name: &str) -> io::Result<Result<usize, Refusal>> {
        if self
            .suppliers
            .get(self.last)
            .is_some_and(|last| last == name)
        {
            return Ok(Ok(self.last));
        }
        if let Some(supplier) = self.places.get(name) {
            self.last = *supplier;
            return Ok(Ok(*supplier));
        }
        let supplier = self.suppliers.len();
        if supplier >= self.suppliers_max {
            self.refused += 1;
            return Ok(Err(ONE_TOO_MANY));
        }
        if supplier < THREADS_MAX {
            self.threads.push(Decider::start()?);
        }
        let pipeline = Pipeline::new(name, self.config.feed_of(name));
        let begin = Task::Begin(supplier, Box::new(pipeline));
        self.threads[supplier % THREADS_MAX].give(begin);
        self.suppliers.push(name.to_owned());
        self.places.insert(name.to_owned(), supplier);
        self.stretch.events.push(Vec::new());
        self.last = supplier;
        Ok(Ok(supplier))
    }
}

impl Stretch {
    /// Where the `file`'s current batch lies.
    fn place(&mut self, file: usize, batch: &Arc<DecodedBatch>) -> u32 {
        if file >= self.places.len() {
            self.places.resize(file + 1, None);
        }
        *self.places[file].get_or_insert_with(|| {
            self.batches.push(Arc::clone(batch));
            u32::try_from(self.batches.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

impl UnderWay {
    fn into_decided(mut self) -> Decided {
        // Stable: one record may raise several alerts.
        self.outcomes.sort_by_key(|(number, _)| *number);
        let outcomes = self.outcomes.into_iter().map(|(_, outcome)| outcome);
        Decided {
            outcomes: outcomes.collect(),
            // No thread holds them any more: this stretch was the last they were in.
            used_up: self
                .used_up
                .into_iter()
                .filter_map(Arc::into_inner)
                .collect(),
        }
    }
}

impl Decider {
    fn start() -> io::Result<Self> {
        let (tasks, taken) = unbounded();
        let (answered, answers) = unbounded();
        let thread = thread::Builder::new()
            .name("decide".to_owned())
            .spawn(move || work(&taken, &answered))?;
        Ok(Self {
            tasks,
            answers,
            thread,
        })
    }

    fn give(&self, task: Task) {
        // A thread that takes no more has broken, which its missing answers say.
        drop(self.tasks.send(task));
    }
}

/// Decides until there are no more tasks; gives the pipelines back, by their suppliers.
fn work(tasks: &Receiver<Task>, answers: &Sender<Vec<Numbered>>) -> Vec<(usize, Pipeline)> {
    let mut pipelines: Vec<(usize, Pipeline)> = Vec::new();
    for task in tasks {
        match task {
            Task::Begin(supplier, pipeline) => pipelines.push((supplier, *pipeline)),
            Task::Decide {
                supplier,
                batches,
                events,
            } => {
                let pipeline = pipelines.iter_mut().find(|(number, _)| *number == supplier);
                let outcomes = pipeline
                    .map(|(_, pipeline)| decide(pipeline, &batches, &events))
                    .unwrap_or_default();
                drop(batches);
                if answers.send(outcomes).is_err() {
                    break;
                }
            }
        }
    }
    pipelines
}

fn decide(pipeline: &mut Pipeline, batches: &[Arc<DecodedBatch>], events: &[Due]) -> Vec<Numbered> {
    let mut outcomes = Vec::new();
    let mut alerts = Vec::new();
    for events in events.chunks(AHEAD) {
        let batch_of = |due: &Due| &batches[due.batch as usize];
        let ahead = events.iter();
        pipeline.prefetch(ahead.filter_map(|due| batch_of(due).glance(due.index as usize).ok()));
        for due in events {
            let batch = batch_of(due);
            if let (record, Verdict::Event(event)) = batch.get(due.index as usize) {
                pipeline.observe(&event, batch.source(), record, &mut alerts);
                let raised = alerts.drain(..);
                let raised = raised.map(|alert| Outcome::Alert(Box::new(alert)));
                outcomes.extend(raised.map(|outcome| (due.number, outcome)));
            }
        }
    }
    outcomes
}
