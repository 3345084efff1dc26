//! Finds accounts for thefts: each is in one theft at most, and at work when it begins.

use std::collections::BTreeSet;
use std::ops::Range;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::event::DAY_MS;
use crate::simulate::attack::Family;
use crate::simulate::attack::family::{TOGETHER_MAX, Target};
use crate::simulate::calendar::start_of;
use crate::simulate::distribution::stream_rng;
use crate::simulate::plan::Plan;
use crate::simulate::world::{Account, Work, World};

/// Fewest accounts that act together.
const TOGETHER_MIN: u32 = 5;
/// Days of history that a person's account has, where the world is long enough.
const HISTORY_DAYS: i64 = 6;
/// Days for which a person must stay after the theft began.
const STAY_DAYS: i64 = 4;
/// Least days of silence of a dormant account, and most.
const SILENCE: Range<i64> = 14..31;
/// Draws before a day with an outage is accepted, and a supplier too small.
const TRIES: u32 = 30;

/// Hands out accounts and days.
pub(super) struct Picker<'a> {
    plan: &'a Plan,
    world: &'a mut World,
    taken: BTreeSet<u32>,
    rng: ChaCha8Rng,
}

impl<'a> Picker<'a> {
    pub(super) fn new(plan: &'a Plan, world: &'a mut World) -> Self {
        Self {
            plan,
            world,
            taken: BTreeSet::new(),
            rng: stream_rng(plan.seed, 1),
        }
    }

    /// A day for a theft of `family`, and its accounts; nothing where none is free.
    pub(super) fn pick(&mut self, family: Family) -> Option<(i64, Vec<u32>)> {
        let mut picked = None;
        for _ in 0..TRIES {
            let day = self.draw_day(family);
            let supplier = self.rng.random_range(0..self.world.suppliers.len());
            if self.has_outage(supplier, day) {
                continue;
            }
            let accounts = match family.target() {
                Target::New => vec![index(self.world.add_idle(self.plan, supplier))],
                Target::Job => vec![self.job(supplier, day)],
                Target::Person | Target::Dormant => self.people(supplier, day, 1),
                Target::Several => {
                    let wanted = self.rng.random_range(TOGETHER_MIN..=TOGETHER_MAX);
                    self.people(supplier, day, wanted)
                }
            };
            let enough = if family.target() == Target::Several {
                3
            } else {
                1
            };
            if accounts.len() >= enough {
                picked = Some((day, accounts));
                break;
            }
        }
        let (day, accounts) = picked?;
        self.taken.extend(&accounts);
        if family.target() == Target::Dormant {
            self.send_away(accounts[0], day);
        }
        Some((day, accounts))
    }

    /// Mostly after the accounts have a history; one in ten at any time after the first days.
    fn draw_day(&mut self, family: Family) -> i64 {
        let days = i64::from(self.plan.days);
        let first = i64::from(self.plan.attacks_after_day).min(days / 2);
        let early = self.rng.random_bool(0.1);
        let (start, end) = match family {
            Family::PoisoningRamp => (days / 5, days / 2),
            Family::SlowDrip | Family::WideCoverage => (first, days * 2 / 3),
            Family::DormantAccount => (first.max(days * 3 / 5), days),
            Family::HijackedJobLarger => (first, days - 7),
            _ if early => (days / 4, days),
            _ => (first, days - 1),
        };
        let start = start.min(days - 1);
        self.plan.from_day + self.rng.random_range(start..end.max(start + 1))
    }

    fn has_outage(&self, supplier: usize, day: i64) -> bool {
        let around = start_of(day) - DAY_MS..start_of(day) + 2 * DAY_MS;
        let outages = &self.world.suppliers[supplier].outages;
        outages
            .iter()
            .any(|it| it.span.start < around.end && around.start < it.span.end)
    }

    /// Up to `wanted` free accounts of people who are at the supplier around `day`.
    fn people(&mut self, supplier: usize, day: i64, wanted: u32) -> Vec<u32> {
        let history = HISTORY_DAYS.min(day - self.plan.from_day);
        let is_there = |account: &Account| {
            let Work::Person(habits) = &account.work else {
                return false;
            };
            let stay = day..day + STAY_DAYS;
            let away = habits.leave.start < stay.end && stay.start < habits.leave.end;
            let employed = &account.employed;
            let starts_early = employed.start <= (day - history).max(self.plan.from_day);
            account.supplier == supplier && starts_early && employed.end >= stay.end && !away
        };
        let accounts = (0_u32..).zip(&self.world.accounts);
        let mut free: Vec<u32> = accounts
            .filter(|(index, account)| !self.taken.contains(index) && is_there(account))
            .map(|(index, _)| index)
            .collect();
        let mut chosen = Vec::new();
        while !free.is_empty() && chosen.len() < wanted as usize {
            chosen.push(free.swap_remove(self.rng.random_range(0..free.len())));
        }
        chosen
    }

    /// A free job whose rhythm is known by `day`; a new nightly one where none is free.
    fn job(&mut self, supplier: usize, day: i64) -> u32 {
        let first = self.plan.from_day;
        let accounts = (0_u32..).zip(&self.world.accounts);
        let free: Vec<u32> = accounts
            .filter(|(index, account)| match &account.work {
                Work::Job(job) => {
                    let fits = account.supplier == supplier && job.is_known(first, day);
                    fits && !self.taken.contains(index)
                }
                _ => false,
            })
            .map(|(index, _)| index)
            .collect();
        if free.is_empty() {
            return index(self.world.add_job(self.plan, supplier, 0));
        }
        free[self.rng.random_range(0..free.len())]
    }

    /// The account falls silent weeks before `day`, but not before it has some history.
    fn send_away(&mut self, account: u32, day: i64) {
        let silence = self.rng.random_range(SILENCE);
        let employed = &mut self.world.accounts[account as usize].employed;
        employed.end = (day - silence).max(self.plan.from_day + 3).min(day);
    }
}

fn index(account: usize) -> u32 {
    u32::try_from(account).unwrap_or(u32::MAX)
}
