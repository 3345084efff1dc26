//! Keeps the truth while a world is played: account-days, attacks step by step, unusual spans.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{DAY_MS, Timestamp};
use crate::simulate::attack::Attack;
use crate::simulate::labels::{AttackLabel, BenignSpan, LEARNING_DAYS, Labels, SCHEMA, Step};
use crate::simulate::plan::Plan;
use crate::simulate::wire::Access;
use crate::simulate::world::{Work, World};

/// An outage is over for people this long after it, in milliseconds: they catch up.
const CATCH_UP_MS: i64 = DAY_MS;

/// The truth so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: Vec<History>,
    attacks: Vec<Progress>,
    /// Supplier, account (or the whole supplier), why and when.
    benign: Vec<(usize, Option<u32>, &'static str, [Timestamp; 2])>,
}

/// Days and records of one account.
#[derive(Clone, Debug, Default)]
struct History {
    /// Each day with an event, and its records.
    days: Vec<(i64, u64)>,
}

#[derive(Debug, Default)]
struct Progress {
    history_days: u32,
    usual_day_records: u64,
    people: BTreeSet<u32>,
    records: u64,
    steps: Vec<(i64, u64, u64)>,
}

impl Ledger {
    /// An empty ledger for `world`, with the spans that are known beforehand.
    pub(super) fn new(plan: &Plan, world: &World, attacks: usize) -> Self {
        let mut ledger = Self {
            accounts: vec![History::default(); world.accounts.len()],
            attacks: (0..attacks).map(|_| Progress::default()).collect(),
            benign: Vec::new(),
        };
        for (number, supplier) in world.suppliers.iter().enumerate() {
            for outage in &supplier.outages {
                let span = [outage.span.start, outage.span.end + CATCH_UP_MS];
                ledger.benign(number, None, "outage", span.map(Timestamp::from_millis));
            }
        }
        for (index, account) in (0_u32..).zip(&world.accounts) {
            match &account.work {
                Work::Person(habits) => {
                    habits.label_spans(plan, account.supplier, index, &mut ledger);
                }
                Work::Job(job) => job.label_spans(account.supplier, index, &mut ledger),
                Work::Idle => {}
            }
        }
        ledger
    }

    /// Marks a span of an account, or of the whole supplier, as unusual and honest.
    pub(super) fn benign(
        &mut self,
        supplier: usize,
        account: Option<u32>,
        what: &'static str,
        span: [Timestamp; 2],
    ) {
        self.benign.push((supplier, account, what, span));
    }

    /// Counts an access; those of one account come in the order of their times.
    pub(super) fn count(&mut self, access: &Access) {
        let day = access.time.div_euclid(DAY_MS);
        if let Some(attack) = access.attack {
            self.step(attack as usize, day, access);
        }
        let history = &mut self.accounts[access.account as usize];
        match history.days.last_mut() {
            Some((last, records)) if *last == day => *records += access.exposed_records(),
            _ => history.days.push((day, access.exposed_records())),
        }
    }

    fn step(&mut self, attack: usize, day: i64, access: &Access) {
        if access.exposed_records() == 0 {
            return;
        }
        let usual = self.usual_day(access.account, day);
        let first_day = self.accounts[access.account as usize].days.first();
        let age = first_day.map_or(0, |(first, _)| day - first);
        let progress = &mut self.attacks[attack];
        if progress.steps.is_empty() {
            progress.usual_day_records = usual;
            progress.history_days = u32::try_from(age).unwrap_or(0);
        }
        progress.records += access.exposed_records();
        progress.people.extend(&access.subjects);
        let people = progress.people.len() as u64;
        progress.steps.push((access.time, people, progress.records));
    }

    /// Median records of the account's days with an event before `day`; 0 where there are none.
    pub(super) fn usual_day(&self, account: u32, day: i64) -> u64 {
        let days = &self.accounts[account as usize].days;
        let mut records: Vec<u64> = days
            .iter()
            .filter(|(of, _)| *of < day)
            .map(|(_, records)| *records)
            .collect();
        records.sort_unstable();
        records.get(records.len() / 2).copied().unwrap_or(0)
    }

    /// The labels of what was counted so far.
    pub(super) fn labels(&self, plan: &Plan, world: &World, attacks: &[Attack]) -> Labels {
        let name = |supplier: usize| world.suppliers[supplier].name.to_string();
        let benign = self
            .benign
            .iter()
            .map(|(supplier, account, what, span)| BenignSpan {
                supplier: name(*supplier),
                account: account.map_or_else(String::new, |account| {
                    world.accounts[account as usize].name.clone()
                }),
                what: (*what).to_owned(),
                from: span[0].to_string(),
                to: span[1].to_string(),
            });
        let played = self
            .attacks
            .iter()
            .zip(attacks)
            .filter(|(it, _)| !it.steps.is_empty());
        Labels {
            schema: SCHEMA.to_owned(),
            seed: plan.seed,
            from: plan.from().to_string(),
            to: plan.to().to_string(),
            account_days: self.account_days(world, i64::MAX),
            account_days_learning: Some(self.account_days(world, plan.from_day + LEARNING_DAYS)),
            attacks: played
                .enumerate()
                .map(|(index, (progress, attack))| progress.label(index + 1, world, attack))
                .collect(),
            benign: benign.collect(),
        }
    }

    /// Days before `end` on which an account had an event, by supplier and kind.
    fn account_days(&self, world: &World, end: i64) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut totals: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (account, history) in world.accounts.iter().zip(&self.accounts) {
            let days = history.days.partition_point(|(day, _)| *day < end);
            if days > 0 {
                let supplier = world.suppliers[account.supplier].name.to_string();
                let kind = account.kind.as_str().to_owned();
                *totals.entry(supplier).or_default().entry(kind).or_default() += days as u64;
            }
        }
        totals
    }
}

impl Progress {
    fn label(&self, number: usize, world: &World, attack: &Attack) -> AttackLabel {
        let accounts = attack.accounts().iter();
        let accounts: Vec<_> = accounts
            .map(|account| &world.accounts[*account as usize])
            .collect();
        let step = |(time, subjects_total, records_total): &(i64, u64, u64)| Step {
            time: Timestamp::from_millis(*time).to_string(),
            subjects_total: *subjects_total,
            records_total: *records_total,
        };
        AttackLabel {
            id: format!("a-{number:03}"),
            supplier: world.suppliers[accounts[0].supplier].name.to_string(),
            accounts: accounts.iter().map(|it| it.name.clone()).collect(),
            account_kind: accounts[0].kind.as_str().to_owned(),
            history_days: self.history_days,
            usual_day_records: self.usual_day_records,
            family: attack.family().as_str().to_owned(),
            kinds: attack.kinds().iter().map(|it| (*it).to_owned()).collect(),
            steps: self.steps.iter().map(step).collect(),
        }
    }
}
