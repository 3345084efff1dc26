//! Counts of people of one account: over a span that slides, and over an hour or a day of the
//! calendar.

use std::collections::{HashMap, HashSet, VecDeque};

/// People in the last `length_ms`: different ones named, and records without a name.
pub(super) struct Sliding {
    length_ms: i64,
    seen: VecDeque<(i64, Seen)>,
    last: HashMap<u32, i64>,
    unnamed: u64,
}

enum Seen {
    Person(u32),
    Unnamed(u32),
}

impl Sliding {
    pub(super) fn new(length_ms: i64) -> Self {
        Self {
            length_ms,
            seen: VecDeque::new(),
            last: HashMap::new(),
            unnamed: 0,
        }
    }

    pub(super) fn add(&mut self, time: i64, people: &[u32], unnamed: u32) -> u64 {
        while let Some((at, seen)) = self.seen.front()
            && *at <= time - self.length_ms
        {
            match seen {
                // Seen again since: the later sighting counts him.
                Seen::Person(person) if self.last.get(person) == Some(at) => {
                    self.last.remove(person);
                }
                Seen::Person(_) => {}
                Seen::Unnamed(records) => self.unnamed -= u64::from(*records),
            }
            self.seen.pop_front();
        }
        for person in people {
            if self.last.insert(*person, time) != Some(time) {
                self.seen.push_back((time, Seen::Person(*person)));
            }
        }
        if unnamed > 0 {
            self.unnamed += u64::from(unnamed);
            self.seen.push_back((time, Seen::Unnamed(unnamed)));
        }
        self.last.len() as u64 + self.unnamed
    }
}

/// People in the running hour or day.
#[derive(Default)]
pub(super) struct Running {
    people: HashSet<u32>,
    unnamed: u64,
}

impl Running {
    pub(super) fn add(&mut self, people: &[u32], unnamed: u32) -> u64 {
        self.people.extend(people);
        self.unnamed += u64::from(unnamed);
        self.count()
    }

    pub(super) fn count(&self) -> u64 {
        self.people.len() as u64 + self.unnamed
    }

    /// Ends the span, and gives what it came to.
    pub(super) fn end(&mut self) -> u64 {
        let count = self.count();
        self.people.clear();
        self.unnamed = 0;
        count
    }
}

/// Counts of the last thirty days, those without any left out.
#[derive(Default)]
pub(super) struct History {
    counts: VecDeque<(i64, f64)>,
    pub(super) spans: usize,
    pub(super) mean: f64,
    pub(super) deviation: f64,
    pub(super) most: f64,
}

/// How far back a history goes, in days.
const DAYS: i64 = 30;

impl History {
    pub(super) fn push(&mut self, day: i64, count: u64) {
        self.counts.push_back((day, count as f64));
    }

    /// Takes stock at the start of `day`, before any of its counts.
    pub(super) fn settle(&mut self, day: i64) {
        while self.counts.front().is_some_and(|(of, _)| *of < day - DAYS) {
            self.counts.pop_front();
        }
        let counts = || self.counts.iter().map(|(_, count)| *count);
        self.spans = self.counts.len();
        let spans = self.spans.max(1) as f64;
        self.mean = counts().sum::<f64>() / spans;
        let squares: f64 = counts().map(|count| (count - self.mean).powi(2)).sum();
        self.deviation = (squares / (spans - 1.0).max(1.0)).sqrt();
        self.most = counts().fold(0.0, f64::max);
    }
}
