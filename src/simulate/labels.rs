//! What is true of a world: account-days, attacks step by step, and what is unusual but honest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{DAY_MS, Timestamp};
use crate::simulate::attack::Attack;
use crate::simulate::plan::Plan;
use crate::simulate::wire::Access;
use crate::simulate::world::{Account, Work, World};

/// The schema that [`Labels`] carry.
pub const SCHEMA: &str = "rosterwatch.labels/1";

/// The truth about a world, as `labels.json` holds it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Labels {
    /// Always `rosterwatch.labels/1`.
    pub schema: String,
    /// The seed of the world.
    pub seed: u64,
    /// Start of the world, RFC 3339.
    pub from: String,
    /// End of the world, RFC 3339.
    pub to: String,
    /// Days on which an account had an event, by supplier and kind.
    pub account_days: BTreeMap<String, BTreeMap<String, u64>>,
    /// The thefts.
    pub attacks: Vec<AttackLabel>,
    /// Spans that are unusual and honest.
    pub benign: Vec<BenignSpan>,
}

/// A theft.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AttackLabel {
    /// Its name in this world.
    pub id: String,
    /// Whose system was read.
    pub supplier: String,
    /// Who read.
    pub accounts: Vec<String>,
    /// What the accounts are.
    pub account_kind: String,
    /// Whole UTC days from the account's first event to the first step; 0 for a new account.
    pub history_days: u32,
    /// Median of the records that the account read on its earlier days with an event.
    pub usual_day_records: u64,
    /// How the theft was done.
    pub family: String,
    /// Kinds of alert that would describe it.
    pub kinds: Vec<String>,
    /// What was out after each of its events.
    pub steps: Vec<Step>,
}

/// What an attack had taken after one of its events.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Step {
    /// Time of the event, RFC 3339.
    pub time: String,
    /// Different people named so far.
    pub subjects_total: u64,
    /// Records so far.
    pub records_total: u64,
}

/// A span that is unusual and honest.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct BenignSpan {
    /// Whose system was read.
    pub supplier: String,
    /// Who read.
    pub account: String,
    /// Why it is unusual: `campaign`, `leave_return`, `job_rerun`.
    pub what: String,
    /// Start, RFC 3339.
    pub from: String,
    /// End, RFC 3339; the first moment after the span.
    pub to: String,
}

/// Keeps the truth while a world is played.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: Vec<History>,
    attacks: Vec<Progress>,
    benign: Vec<(usize, u32, &'static str, [Timestamp; 2])>,
}

/// Days and records of one account.
#[derive(Clone, Debug, Default)]
struct History {
    first_day: i64,
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
        for (index, account) in (0_u32..).zip(&world.accounts) {
            ledger.add_known_spans(plan, index, account);
        }
        ledger
    }

    fn add_known_spans(&mut self, plan: &Plan, index: u32, account: &Account) {
        let Work::Person(habits) = &account.work else {
            return;
        };
        let day = |day: i64| plan.from().plus_millis(day * DAY_MS);
        let campaign = &habits.campaign.0;
        if !campaign.is_empty() {
            let span = [day(campaign.start), day(campaign.end)];
            self.benign(account.supplier, index, "campaign", span);
        }
        let back = habits.leave.end;
        if !habits.leave.is_empty() && back < i64::from(plan.days) {
            let span = [day(back), day(back + 2)];
            self.benign(account.supplier, index, "leave_return", span);
        }
    }

    /// Marks a span of an account as unusual and honest.
    pub(super) fn benign(
        &mut self,
        supplier: usize,
        account: u32,
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
        if history.days.is_empty() {
            history.first_day = day;
        }
        match history.days.last_mut() {
            Some((last, records)) if *last == day => *records += access.exposed_records(),
            _ => history.days.push((day, access.exposed_records())),
        }
    }

    fn step(&mut self, attack: usize, day: i64, access: &Access) {
        let usual = self.usual_day(access.account, day);
        let history = &self.accounts[access.account as usize];
        let progress = &mut self.attacks[attack];
        if progress.steps.is_empty() {
            progress.usual_day_records = usual;
            if !history.days.is_empty() {
                progress.history_days = u32::try_from(day - history.first_day).unwrap_or(0);
            }
        }
        if access.exposed_records() > 0 {
            progress.records += access.exposed_records();
            progress.people.extend(&access.subjects);
        }
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
        let name = |supplier: usize| world.suppliers[supplier].to_string();
        let mut account_days: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (account, history) in world.accounts.iter().zip(&self.accounts) {
            if !history.days.is_empty() {
                let kinds = account_days.entry(name(account.supplier)).or_default();
                *kinds.entry(account.kind.as_str().to_owned()).or_default() +=
                    history.days.len() as u64;
            }
        }
        let benign = self
            .benign
            .iter()
            .map(|(supplier, account, what, span)| BenignSpan {
                supplier: name(*supplier),
                account: world.accounts[*account as usize].name.clone(),
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
            account_days,
            attacks: played
                .enumerate()
                .map(|(index, (progress, attack))| {
                    let account = &world.accounts[attack.account as usize];
                    let supplier = Arc::clone(&world.suppliers[account.supplier]);
                    progress.label(format!("a-{:03}", index + 1), &supplier, account, attack)
                })
                .collect(),
            benign: benign.collect(),
        }
    }
}

impl Progress {
    fn label(&self, id: String, supplier: &str, account: &Account, attack: &Attack) -> AttackLabel {
        let kinds = attack.kinds().iter().map(|kind| (*kind).to_owned());
        let step = |(time, subjects_total, records_total): &(i64, u64, u64)| Step {
            time: Timestamp::from_millis(*time).to_string(),
            subjects_total: *subjects_total,
            records_total: *records_total,
        };
        AttackLabel {
            id,
            supplier: supplier.to_owned(),
            accounts: vec![account.name.clone()],
            account_kind: account.kind.as_str().to_owned(),
            history_days: self.history_days,
            usual_day_records: self.usual_day_records,
            family: attack.family.as_str().to_owned(),
            kinds: kinds.collect(),
            steps: self.steps.iter().map(step).collect(),
        }
    }
}
