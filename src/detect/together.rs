//! Many accounts of one supplier, each a little above itself.
//!
//! A thief with several accounts is too little of each to be alarmed at, but comes to all of them in
//! circumstances that are new to them. So two things are asked of a day: that unusually many accounts
//! read in unusual circumstances ([`Odd`](super::odd::Odd)), and that those accounts read more than
//! they do on their usual days. The first is a negative-binomial tail, the second a product of
//! likelihood ratios; each has to bring half of what the budget asks. A supplier that gives everybody
//! a new program on one day has the first without the second.
//!
//! Looked at when the watermark passes the end of an hour, over the UTC day so far, so that arrival
//! changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;

use crate::{
    detect::{
        account::Account,
        baseline::{Moments, stat},
        critical::Model,
        drip,
        habits::{Aspect, Aspects},
        pane::{PANES_PER_DAY, PANES_PER_HOUR, Share},
        season::Calendar,
        since::Since,
        version::Version,
        window::{Signal, Window},
    },
    event::Timestamp,
    intern::IdHash,
};

/// Fewer accounts are not many.
const ACCOUNTS_MIN: usize = 4;
/// Accounts that are named, of those of a day.
const NAMED_MAX: usize = 10;
/// Share of the budget of false alerts that goes to accounts together.
const BUDGET_SHARE: f64 = 0.1;
/// What is asked lies between a day in 50 and one in 160,000.
const SCORE: [f64; 2] = [4.0, 12.0];
/// One account speaks for or against at most so much, in nats: a burst of one is an incident of its
/// own.
const STEP: [f64; 2] = [-2.0, 2.0];
/// What a little is: four tenths more than the account's usual day, or two and a half times it,
/// equally likely.
const RAISED: [f64; 2] = [1.4, 2.5];
/// Days that are not settled; events within the lateness make three at most.
const DAYS_MAX: usize = 16;
/// Days after which a day counts half.
const HALF_LIFE_DAYS: f64 = 28.0;
/// Before anything is known, so many accounts a day, as in this many days of experience.
const ACCOUNTS_PRIOR: f64 = 2.0;
const DAYS_PRIOR: f64 = 3.0;
/// Scatter of such counts beyond Poisson's, and the days that it is shrunk by.
const SCATTER_PRIOR: f64 = 0.5;
const SCATTER_DAYS: f64 = 10.0;

/// What is asked of a day, by kind of day.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// Accounts in unusual circumstances.
    accounts: [Model; 2],
    /// The score that they and their reading must reach together.
    score: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            accounts: [model(&Moments::default()); 2],
            score: SCORE[1],
        }
    }
}

/// The accounts of one supplier that read in unusual circumstances.
#[derive(Debug, Default)]
pub struct Together {
    /// By day that is not settled.
    days: BTreeMap<u32, BTreeSet<u32>>,
    /// Such accounts a day, on weekdays and on weekend days.
    history: [Moments; 2],
    /// Accounts that were active, the same.
    active: [Moments; 2],
    rule: Since<Rule>,
    /// Which days are weekdays.
    calendar: Calendar,
    history_days: u32,
    /// The next hour (since 1970) whose end the watermark has not passed.
    next_hour: u32,
}

/// What an account of a gathering did on the day so far.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// People it read, and records without a name.
    pub people: u64,
    /// Those of them whom it had not read before.
    pub new: u64,
    /// As `usual`, of new people.
    pub new_usual: Option<Model>,
    /// Records it read.
    pub records: u64,
    /// Records it reads on a usual day.
    pub records_usual: f64,
    /// People it reads on a usual day; nothing where it has no history.
    pub usual: Option<Model>,
}

/// Accounts of one day that are too many and read too much.
#[derive(Clone, Debug)]
pub struct Gathering {
    /// The day since 1970.
    pub day: u32,
    /// The last pane looked at.
    pub end: u32,
    /// How many accounts.
    pub accounts: usize,
    /// How many on a usual day of the kind.
    pub accounts_usual: f64,
    /// People they read on the day, each account's own counted once, and records without a name.
    pub people: u64,
    /// The same on a usual day of each.
    pub people_usual: f64,
    /// Records they read on the day.
    pub records: u64,
    /// The same on a usual day of each.
    pub records_usual: f64,
    /// Days of the supplier's history.
    pub history_days: u32,
    /// The smallest such sum that would have been too much, had each read less in proportion.
    pub critical: u64,
    /// -ln of the probability of so many accounts, and the log-likelihood ratio of their reading.
    pub score: f64,
    /// Whom they read in unusual circumstances.
    pub subjects: HashSet<u32, IdHash>,
    /// How much.
    pub share: Share,
    /// The first and the last such read.
    pub span: [Timestamp; 2],
    /// How many of the accounts read in each of the [circumstances](Aspect::ALL).
    pub aspects: [usize; Aspect::ALL.len()],
    /// The accounts, the first ten by name.
    pub names: Vec<String>,
}

impl Together {
    /// Nothing seen yet.
    pub fn new(calendar: Calendar) -> Self {
        Self {
            calendar,
            ..Self::default()
        }
    }

    /// Notes that an account read in unusual circumstances on a day that is not settled.
    pub fn note(&mut self, day: u32, account: u32) {
        self.days.entry(day).or_default().insert(account);
        // Only future-dated events make so many; the latest go.
        if self.days.len() > DAYS_MAX {
            self.days.pop_last();
        }
    }

    /// The hours that end at or before the pane `passed` and were not looked at, each with the
    /// accounts of its day so far; only those of days that had any.
    pub fn pass(&mut self, passed: u32) -> Vec<(u32, BTreeSet<u32>)> {
        let end = passed / PANES_PER_HOUR;
        if end <= self.next_hour {
            return Vec::new();
        }
        let begun = self.days.range(..=end / 24);
        let hours = begun.flat_map(|(day, accounts)| {
            let hours = (day * 24).max(self.next_hour)..(day * 24 + 24).min(end);
            hours.map(move |hour| (hour, accounts))
        });
        let many = hours.filter(|(_, accounts)| accounts.len() >= ACCOUNTS_MIN);
        let due = many
            .map(|(hour, accounts)| (hour, accounts.clone()))
            .collect();
        self.next_hour = self.next_hour.max(end);
        due
    }

    /// Judges the accounts of an hour's day so far; nothing where they are no more, or read no more,
    /// than usual.
    pub fn judge(&self, hour: u32, accounts: &[(&Account, &Version)]) -> Option<Gathering> {
        let span = (midnight_of(hour), end_of(hour) - 1);
        let is_odd = |account: &Account| {
            let odd = account.odd.as_ref();
            odd.is_some_and(|odd| odd.reads(span).0.next().is_some())
        };
        let odd: Vec<_> = accounts.iter().filter(|(it, _)| is_odd(it)).collect();
        // Who is alarmed at has an incident of its own: there must be many beside, but it is one of them.
        let unalarmed = odd
            .iter()
            .filter(|(account, _)| !account.unsettled.is_alarmed_by(span.1));
        if unalarmed.count() < ACCOUNTS_MIN {
            return None;
        }
        let parts: Vec<Part> = odd
            .iter()
            .map(|(account, version)| Part::of(account, version, span))
            .collect();
        let rule = self.rule.at(span.1);
        let day = span.0 / PANES_PER_DAY;
        let usual = rule.accounts[self.kind_of(day)];
        let half = rule.score / 2.0;
        let many = -usual.tail(parts.len() as u64).max(1e-300).ln();
        let needed = rule.score - many.min(half);
        let read = excess(&parts, 1.0);
        if read < needed {
            return None;
        }
        let people: u64 = parts.iter().map(|part| part.people).sum();
        let mut gathering = Gathering {
            day,
            end: span.1,
            accounts: parts.len(),
            accounts_usual: usual.mean,
            people,
            people_usual: parts.iter().filter_map(|part| Some(part.usual?.mean)).sum(),
            records: parts.iter().map(|part| part.records).sum(),
            records_usual: parts.iter().map(|part| part.records_usual).sum(),
            history_days: self.history_days,
            critical: least(&parts, people, needed),
            score: many.min(half) + read,
            subjects: HashSet::default(),
            share: Share::default(),
            span: [
                Timestamp::from_millis(i64::MAX),
                Timestamp::from_millis(i64::MIN),
            ],
            aspects: Default::default(),
            names: Vec::new(),
        };
        for (account, _) in odd {
            gathering.take(account, span);
        }
        gathering.names.sort_unstable();
        gathering.names.truncate(NAMED_MAX);
        Some(gathering)
    }

    /// Learns a settled `day` on which `active` accounts read; what it taught is in force from the
    /// pane `from` on. `budget` is the share of account-days that may raise a false alert.
    pub fn settle(&mut self, day: u32, active: usize, from: u32, budget: f64) {
        let odd = self.days.remove(&day).map_or(0, |accounts| accounts.len());
        let kind = self.kind_of(day);
        let usual = self.rule.now.accounts[kind];
        // What looks like a theft teaches no more than a busy day would.
        let odd = (odd as f64).min(usual.mean + 2.0 * usual.deviation());
        self.history[kind].take(odd, 1.0, HALF_LIFE_DAYS);
        self.active[kind].take(active as f64, 1.0, HALF_LIFE_DAYS);
        self.history_days += 1;
        let accounts = self.active.iter().map(Moments::mean).fold(1.0, f64::max);
        let rule = Rule {
            accounts: [0, 1].map(|kind| model(&self.history[kind])),
            score: -(budget * accounts * BUDGET_SHARE).ln(),
        };
        let score = rule.score.clamp(SCORE[0], SCORE[1]);
        self.rule.change(from, Rule { score, ..rule });
    }

    /// The kind of a UTC day.
    fn kind_of(&self, day: u32) -> usize {
        let date = self.calendar.date_of(day.into());
        usize::from(self.calendar.is_day_off(date))
    }

    /// Forgets days that are over without having been settled: nobody was active in them.
    pub fn forget(&mut self, day: u32) {
        self.days = self.days.split_off(&day);
    }
}

impl Part {
    /// What an account did in the panes of `span`, both included.
    fn of(account: &Account, version: &Version, span: (u32, u32)) -> Self {
        let people: HashSet<u32, IdHash> = account.ledger.subjects(span.0, span.1).collect();
        let new: HashSet<u32, IdHash> = account.ledger.strangers(span.0, span.1).collect();
        let mut share = Share::default();
        for pane in account.ledger.panes(span.0, span.1) {
            share.add(pane.share);
        }
        Self {
            people: people.len() as u64 + share.unnamed,
            records: share.records,
            records_usual: 1.0 + version.models[stat(Signal::Records, Window::Today)].mean,
            usual: version.bars[0].model(),
            new: new.len() as u64,
            new_usual: version.bars[1].model(),
        }
    }
}

impl Gathering {
    fn take(&mut self, account: &Account, span: (u32, u32)) {
        let Some(odd) = &account.odd else { return };
        let (panes, subjects) = odd.reads(span);
        let mut aspects = 0;
        for pane in panes {
            aspects |= pane.share.fields;
            let whole = account.ledger.panes(pane.index, pane.index).next();
            self.share.add(Share {
                fields: whole.map_or(0, |whole| whole.share.fields),
                ..pane.share
            });
            self.span[0] = self.span[0].min(pane.first_at());
            self.span[1] = self.span[1].max(pane.last_at());
        }
        self.subjects.extend(subjects);
        let aspects = Aspects::try_from(aspects).unwrap_or(Aspects::MAX);
        for (aspect, accounts) in Aspect::ALL.into_iter().zip(&mut self.aspects) {
            *accounts += usize::from(aspect.is_in(aspects));
        }
        let name = account.name.as_deref();
        self.names.extend(name.map(str::to_owned));
    }
}

/// How much the accounts' reading speaks for a theft, had each read a `share` of what it did: by
/// the people, or by those of them whom the accounts had not read, whichever says more.
fn excess(parts: &[Part], share: f64) -> f64 {
    let lane = |part: fn(&Part) -> Option<(Model, u64)>| -> f64 {
        let steps = parts.iter().filter_map(|it| {
            let (usual, people) = part(it)?;
            Some(step(usual, people as f64 * share))
        });
        steps.sum()
    };
    let people = lane(|part| Some((part.usual?, part.people)));
    let new = lane(|part| Some((part.new_usual?, part.new)));
    people.max(new)
}

/// The log-likelihood ratio of an account's day between a little more than usual and the usual.
fn step(model: Model, count: f64) -> f64 {
    let ratios = RAISED.map(|times| drip::ratio(model, model.mean * times, count));
    let mixture = ratios.iter().sum::<f64>() / RAISED.len() as f64;
    mixture.ln().clamp(STEP[0], STEP[1])
}

/// The smallest sum of people at which their reading speaks as much as is `needed`.
fn least(parts: &[Part], people: u64, needed: f64) -> u64 {
    let (mut low, mut high) = (0, people);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if excess(parts, middle as f64 / people as f64) >= needed {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// The first pane after the hour.
const fn end_of(hour: u32) -> u32 {
    (hour + 1) * PANES_PER_HOUR
}

const fn midnight_of(hour: u32) -> u32 {
    hour / 24 * PANES_PER_DAY
}

/// The accounts of a day, leaning on what is expected before anything is known.
fn model(moments: &Moments) -> Model {
    let mean = (moments.sum + DAYS_PRIOR * ACCOUNTS_PRIOR) / (moments.weight + DAYS_PRIOR);
    let (own, freedom) = moments.overdispersion();
    let scatter = (own + SCATTER_DAYS * SCATTER_PRIOR) / (freedom + SCATTER_DAYS);
    Model {
        mean,
        size: 1.0 / scatter.max(0.02),
    }
}
