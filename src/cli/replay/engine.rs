//! Files merged by event time and decided, one pipeline for each supplier found.
//!
//! Everything that is found depends on the files' contents and order alone: not on threads, not on
//! batches, not on the clock.

mod deciders;

use std::{collections::VecDeque, sync::Arc};

use self::deciders::{Decided, Deciders, Outcome};
use crate::{
    config::Config,
    decode::{DecodedBatch, Refusal, Reject, Verdict},
    event::Timestamp,
    feed::{
        Pipeline,
        decoder::{self, Decoder},
        merge::{AHEAD_RECORDS, Merge, SourceClock},
    },
    incident::{Alert, AlertState, VerdictCounts},
    ingest::file::{self, Lines},
};

/// How files are replayed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Threads and batches.
    pub decoder: decoder::Settings,
    /// Suppliers that get a pipeline; an event of another one is refused as `over_limit`.
    pub suppliers_max: usize,
    /// How each supplier's feed is decided.
    pub config: Config,
}

/// Hears what a replay finds, in the merged order of the events that raised it.
pub trait Listener {
    /// Why the listener wants no more.
    type Error: From<file::Error>;

    /// An alert was raised.
    fn alert(&mut self, alert: &Alert) -> Result<(), Self::Error>;

    /// The record at `line` of `file` was refused.
    fn refused(&mut self, file: usize, line: u64, refusal: Refusal) -> Result<(), Self::Error>;

    /// A batch of records is done with.
    fn advanced(&mut self);
}

/// What a replay has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records read: lines.
    pub read: u64,
    /// Events decided, late and conflicting ones included.
    pub decided: u64,
    /// Records refused, by reason in [`Reject::ALL`] order.
    pub refused: [u64; Reject::ALL.len()],
    /// Events that were known and changed nothing.
    pub duplicate: u64,
    /// Events whose id was known with other content; decided.
    pub conflicting: u64,
    /// Events later than the lateness; decided.
    pub late_decided: u64,
    /// Events later than the horizon; counted for exposure only.
    pub late_exposure_only: u64,
    /// Suppliers found.
    pub suppliers: usize,
    /// Accounts remembered at the end.
    pub accounts: usize,
    /// Incidents opened, or opened again.
    pub incidents_opened: u64,
    /// Incidents closed.
    pub incidents_closed: u64,
    /// Incidents open at the end.
    pub incidents_open: usize,
    /// Alerts raised.
    pub alerts: u64,
    /// Those of them that nobody is to be paged for.
    pub suppressed: u64,
    /// Incidents that a verdict was given on, and those of them that a day end has counted.
    pub verdicts: [u64; 2],
    /// What became of verdicts.
    pub verdict_counts: VerdictCounts,
    /// Limits that were met, and how often.
    pub limits: Vec<(&'static str, u64)>,
}

impl Totals {
    /// Records refused for any reason.
    pub fn refused_in_all(&self) -> u64 {
        self.refused.iter().sum()
    }

    fn refuse(&mut self, reject: Reject) {
        if let Some(place) = Reject::ALL.iter().position(|known| *known == reject) {
            self.refused[place] += 1;
        }
    }
}

/// What is there when all files are decided.
#[derive(Debug)]
pub struct Replayed {
    /// What was counted.
    pub totals: Totals,
    /// Each supplier's pipeline as its last event left it, in the order of their first events.
    pub pipelines: Vec<(String, Pipeline)>,
}

/// Reads all of `files` and decides them.
///
/// # Errors
/// A file that cannot be read to its end, or what `listener` answers.
///
/// # Panics
/// Panics where read = decided + refused + duplicate does not hold: a bug.
pub fn replay<L: Listener>(
    files: Vec<Lines>,
    settings: &Settings,
    listener: &mut L,
) -> Result<Replayed, Failure<L::Error>> {
    let sources = files.iter().map(|_| Source::default()).collect::<Vec<_>>();
    let mut replay = Replay {
        decoder: Decoder::start(files, settings.decoder).map_err(Failure::Threads)?,
        merge: Merge::new(sources.len()),
        sources,
        deciders: Deciders::new(settings.config.clone(), settings.suppliers_max),
        totals: Totals::default(),
    };
    while let Some(source) = replay.merge.current() {
        replay.work_on(source, listener)?;
    }
    replay.finish_all(listener)?;
    let replayed = replay.into_replayed();
    let totals = &replayed.totals;
    assert_eq!(
        totals.read,
        totals.decided + totals.refused_in_all() + totals.duplicate,
        "every record is decided, refused or a duplicate",
    );
    Ok(replayed)
}

/// Reads all of `files` one after the other and only says what is refused.
///
/// # Errors
/// A file that cannot be read to its end, or what `listener` answers.
pub fn check<L: Listener>(
    files: Vec<Lines>,
    settings: decoder::Settings,
    listener: &mut L,
) -> Result<Totals, Failure<L::Error>> {
    let count = files.len();
    let mut decoder = Decoder::start(files, settings).map_err(Failure::Threads)?;
    let mut totals = Totals::default();
    for file in 0..count {
        loop {
            let next = decoder.next(file);
            let next = next.map_err(|error| Failure::Stopped(error.into()))?;
            let Some(batch) = next else { break };
            for index in 0..batch.len() {
                totals.read += 1;
                if let (record, Verdict::Refused(refusal)) = batch.get(index) {
                    totals.refuse(refusal.reject);
                    let told = listener.refused(file, record.position, refusal);
                    told.map_err(Failure::Stopped)?;
                }
            }
            listener.advanced();
            decoder.give_back(batch);
        }
    }
    Ok(totals)
}

/// Why a replay ended before its files did.
#[derive(Debug)]
pub enum Failure<E> {
    /// The system has no thread left to give.
    Threads(std::io::Error),
    /// The listener, or a file that could not be read.
    Stopped(E),
}

/// One file on its way through the merge.
#[derive(Default)]
struct Source {
    /// Decoded and not yet done with. More than one only after a doubtful step was looked into.
    batches: VecDeque<Arc<DecodedBatch>>,
    /// The next record in the first batch.
    index: usize,
    clock: SourceClock,
    /// Whether the next record is an event that the clock has taken in.
    is_seen: bool,
}

struct Replay {
    decoder: Decoder,
    merge: Merge,
    sources: Vec<Source>,
    deciders: Deciders,
    totals: Totals,
}

impl Replay {
    /// Hands records of the current source on until another one is lower, its batch is used up, or
    /// its clock needs to know what follows.
    fn work_on<L: Listener>(
        &mut self,
        number: usize,
        listener: &mut L,
    ) -> Result<(), Failure<L::Error>> {
        if self.sources[number].batches.is_empty() {
            if let Some(batch) = self.next_batch(number, listener)? {
                self.sources[number].batches.push_back(batch);
            } else {
                self.merge.end();
            }
            return Ok(());
        }
        let source = &mut self.sources[number];
        let Some(batch) = source.batches.front() else {
            return Ok(());
        };
        while source.index < batch.len() {
            if let Some(time) = batch.time(source.index)
                && !source.is_seen
                && !self.merge.is_alone()
            {
                if !source.clock.admit(time) {
                    return self.look_into(number, time, listener);
                }
                source.is_seen = true;
                self.merge.ahead(source.clock.reached());
                if self.merge.current() != Some(number) {
                    return Ok(());
                }
            }
            let refusal = self.deciders.take(number, batch, source.index);
            if let Some(refusal) = refusal.map_err(Failure::Threads)? {
                self.totals.refuse(refusal.reject);
            }
            self.totals.read += 1;
            source.is_seen = false;
            source.index += 1;
        }
        source.index = 0;
        if let Some(batch) = source.batches.pop_front() {
            self.deciders.use_up(number, batch);
        }
        while let Some(decided) = self.deciders.next(self.deciders.is_full()) {
            self.finish(decided, listener)?;
        }
        Ok(())
    }

    /// The source's next batch. Before it is waited for, all that there is is decided and told: the
    /// wait may be long.
    fn next_batch<L: Listener>(
        &mut self,
        number: usize,
        listener: &mut L,
    ) -> Result<Option<Arc<DecodedBatch>>, Failure<L::Error>> {
        if !self.decoder.is_ready(number) {
            self.finish_all(listener)?;
        }
        match self.decoder.next(number) {
            Ok(batch) => Ok(batch.map(Arc::new)),
            Err(error) => {
                // What was found before is as true as ever.
                self.finish_all(listener)?;
                Err(Failure::Stopped(error.into()))
            }
        }
    }

    /// Waits until all that was handed on is decided, and tells it.
    fn finish_all<L: Listener>(&mut self, listener: &mut L) -> Result<(), Failure<L::Error>> {
        self.deciders.send();
        while let Some(decided) = self.deciders.next(true) {
            self.finish(decided, listener)?;
        }
        Ok(())
    }

    /// Tells what came of a stretch.
    fn finish<L: Listener>(
        &mut self,
        decided: Decided,
        listener: &mut L,
    ) -> Result<(), Failure<L::Error>> {
        for outcome in decided.outcomes {
            let told = match outcome {
                Outcome::Alert(alert) => {
                    self.totals.count(&alert);
                    listener.alert(&alert)
                }
                Outcome::Refused {
                    file,
                    line,
                    refusal,
                } => listener.refused(file, line, refusal),
            };
            told.map_err(Failure::Stopped)?;
        }
        for batch in decided.used_up {
            listener.advanced();
            self.decoder.give_back(batch);
        }
        Ok(())
    }

    /// Lets what follows decide whether the step of the next event, at `time`, is taken.
    fn look_into<L: Listener>(
        &mut self,
        number: usize,
        time: Timestamp,
        listener: &mut L,
    ) -> Result<(), Failure<L::Error>> {
        let source = &self.sources[number];
        let held = source.batches.iter().map(|batch| batch.len());
        let mut following = held.sum::<usize>() - source.index - 1;
        while following < AHEAD_RECORDS
            && let Some(batch) = self.next_batch(number, listener)?
        {
            following += batch.len();
            self.sources[number].batches.push_back(batch);
        }
        let source = &mut self.sources[number];
        let ahead = source
            .batches
            .iter()
            .enumerate()
            .flat_map(|(place, batch)| {
                let from = if place == 0 { source.index } else { 0 };
                (from..batch.len()).map(move |index| batch.get(index).1)
            });
        let mut events = ahead
            .take(1 + AHEAD_RECORDS)
            .filter_map(|verdict| match verdict {
                Verdict::Event(event) => Some((event.time, (event.supplier, event.account))),
                Verdict::Refused(_) => None,
            });
        if let Some((_, account)) = events.next() {
            source.clock.settle(time, account, events);
        }
        source.is_seen = true;
        self.merge.ahead(source.clock.reached());
        Ok(())
    }

    fn into_replayed(self) -> Replayed {
        let mut totals = self.totals;
        totals.verdicts[0] = self.deciders.verdicts() as u64;
        let mut limits = vec![("suppliers", self.deciders.refused())];
        let pipelines = self.deciders.into_pipelines();
        for (_, pipeline) in &pipelines {
            let counts = pipeline.counts();
            totals.decided += counts.decided.iter().sum::<u64>();
            totals.duplicate += counts.duplicate;
            totals.conflicting += counts.conflicting;
            totals.late_decided += counts.late_decided;
            totals.late_exposure_only += counts.late_exposure_only;
            totals.accounts += pipeline.accounts().iter().sum::<usize>();
            totals.incidents_open += pipeline.incidents_open();
            let verdicts = pipeline.verdict_counts();
            totals.verdict_counts.taught += verdicts.taught;
            totals.verdict_counts.rejected += verdicts.rejected;
            // An incident is one supplier's.
            totals.verdicts[1] += pipeline.judged().count() as u64;
            for (limit, times) in pipeline.limits_reached() {
                match limits.iter_mut().find(|(known, _)| *known == limit) {
                    Some((_, known)) => *known += times,
                    None => limits.push((limit, times)),
                }
            }
        }
        limits.retain(|(_, times)| *times > 0);
        totals.limits = limits;
        totals.suppliers = pipelines.len();
        Replayed { totals, pipelines }
    }
}

impl Totals {
    fn count(&mut self, alert: &Alert) {
        self.alerts += 1;
        self.suppressed += u64::from(alert.suppressed.is_some());
        match alert.state {
            AlertState::Opened => self.incidents_opened += 1,
            AlertState::Closed => self.incidents_closed += 1,
            AlertState::Escalated => {}
        }
    }
}
