//! One world, played once: what we raised in it, and what the other detectors scored.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, ops::Range};

use rosterwatch::{
    decode::DecodedBatch,
    event::{AccessEvent, AccountKind},
    feed::Decision,
    incident,
    ingest::RecordBatch,
    simulate::{Labels, Plan, Stream},
};

use crate::{
    judging::{Feeds, events},
    sweep::{self, Crossings},
};

/// Lines decoded at a time.
const BATCH: usize = 4_000;

/// What is kept of a world.
pub(super) struct World {
    pub(super) kind: &'static str,
    pub(super) labels: Labels,
    /// The labels with the first and last step of each attack alone: enough to tell what is false.
    pub(super) spans: Labels,
    pub(super) accounts: Vec<Account>,
    pub(super) events: usize,
    /// What we raised, by feeds.
    pub(super) ours: Vec<Vec<incident::Alert>>,
    /// What the others scored: each of all accounts, and of those that are no programs.
    pub(super) rivals: Vec<[Crossings; 2]>,
}

/// Who read.
pub(super) struct Account {
    pub(super) supplier: String,
    pub(super) name: String,
    pub(super) is_program: bool,
}

/// A read, as the other detectors see it.
pub(super) struct Read {
    pub(super) account: u32,
    pub(super) time: i64,
    pub(super) subjects: Range<u32>,
    pub(super) unnamed: u32,
}

/// Reads in the order in which they came, with names as numbers.
#[derive(Default)]
struct Reading {
    accounts: Vec<Account>,
    places: HashMap<(String, String), u32>,
    people: HashMap<String, u32>,
    subjects: Vec<u32>,
    reads: Vec<Read>,
}

/// Plays `plan` through each of `feeds`, our pipeline, and through the rivals where
/// `worlds`, the number of worlds in their pool, is above 0.
pub(super) fn play(
    kind: &'static str,
    plan: Plan,
    mut feeds: Vec<Feeds<'_>>,
    worlds: usize,
) -> anyhow::Result<World> {
    let mut stream = Stream::new(plan)?;
    let mut reading = Reading::default();
    let mut lines = 0;
    loop {
        let mut batch = RecordBatch::default();
        for line in stream.by_ref().take(BATCH) {
            lines += 1;
            batch.push(line.json.as_bytes(), lines, -1);
        }
        if batch.records.is_empty() {
            break;
        }
        let batch = DecodedBatch::decode(batch, None);
        for event in events(&batch) {
            let (record, event) = event?;
            let mut is_new = true;
            for feeds in &mut feeds {
                is_new = feeds.observe(&event, record) == Decision::Decided;
            }
            if is_new && worlds > 0 {
                reading.add(&event);
            }
        }
    }
    let labels = stream.labels();
    let mut spans = labels.clone();
    for attack in &mut spans.attacks {
        if let [first, .., last] = &*attack.steps {
            attack.steps = vec![first.clone(), last.clone()];
        }
    }
    let days = labels
        .account_days
        .values()
        .flat_map(|kinds| kinds.values());
    let account_days = days.sum::<u64>() as f64;
    let Reading {
        accounts,
        mut reads,
        subjects,
        ..
    } = reading;
    // A stable sort: what happened at one time stays in the order in which it came.
    reads.sort_by_key(|read| (read.account, read.time));
    Ok(World {
        kind,
        rivals: sweep::score_all(&reads, &subjects, &accounts, account_days * worlds as f64),
        labels,
        spans,
        accounts,
        events: usize::try_from(lines)?,
        ours: feeds.into_iter().map(Feeds::into_alerts).collect(),
    })
}

impl Reading {
    fn add(&mut self, event: &AccessEvent<'_>) {
        if !event.action.is_read() || !event.outcome.exposes() {
            return;
        }
        let start = self.subjects.len();
        // Two suppliers' numbers may name different people; an account has one supplier.
        let mut people: Vec<u32> = event
            .subjects
            .iter()
            .map(|name| number(&mut self.people, name))
            .collect();
        people.sort_unstable();
        people.dedup();
        self.subjects.append(&mut people);
        let named = (self.subjects.len() - start) as u64;
        let records = event.records.unwrap_or(u64::from(named == 0));
        let key = (event.supplier.to_owned(), event.account.to_owned());
        let account = number(&mut self.places, &key);
        if account as usize == self.accounts.len() {
            let (supplier, name) = key;
            let is_program = event.account_kind == AccountKind::Service;
            self.accounts.push(Account {
                supplier,
                name,
                is_program,
            });
        }
        let place = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        self.reads.push(Read {
            account,
            time: event.time.as_millis(),
            subjects: place(start)..place(self.subjects.len()),
            unnamed: u32::try_from(records.saturating_sub(named)).unwrap_or(u32::MAX),
        });
    }
}

/// The number of a name: the next one where it is new.
fn number<K, Q>(numbers: &mut HashMap<K, u32>, name: &Q) -> u32
where
    K: Borrow<Q> + Eq + Hash,
    Q: ToOwned<Owned = K> + Eq + Hash + ?Sized,
{
    if let Some(number) = numbers.get(name) {
        return *number;
    }
    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    numbers.insert(name.to_owned(), next);
    next
}
