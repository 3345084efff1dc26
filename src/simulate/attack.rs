//! Thefts: which account, when, how fast and how much. Drawn without a look at any detector.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::Exp;

use crate::event::{AccountKind, Action, Outcome};
use crate::simulate::calendar::{MINUTE_MS, hours_ms, start_of, weekday};
use crate::simulate::labels::Ledger;
use crate::simulate::plan::Plan;
use crate::simulate::wire::Access;
use crate::simulate::world::{World, count, draw, log_uniform, stream_rng};

/// What a thief is shown.
const FIELDS: &[&str] = &["name", "rank", "address", "salary"];
/// Most names an event carries: one export's page, well inside an event's allowed size.
const MAX_NAMED: u32 = 8_000;

/// How a theft is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    OneShotExport,
    ScrapeFast,
    ScrapeHours,
    ScrapeWorkingDay,
    NewAccount,
    SplitExport,
}

impl Family {
    const ALL: [Self; 6] = [
        Self::OneShotExport,
        Self::ScrapeFast,
        Self::ScrapeHours,
        Self::ScrapeWorkingDay,
        Self::NewAccount,
        Self::SplitExport,
    ];

    /// The word in the labels.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::OneShotExport => "one_shot_export",
            Self::ScrapeFast => "scrape_fast",
            Self::ScrapeHours => "scrape_hours",
            Self::ScrapeWorkingDay => "scrape_working_day",
            Self::NewAccount => "new_account",
            Self::SplitExport => "split_export",
        }
    }
}

/// One theft, as planned.
#[derive(Debug)]
pub(super) struct Attack {
    pub family: Family,
    /// Index into the world's accounts.
    pub account: u32,
    /// Day since the epoch.
    pub day: i64,
    /// Whether the events name the people; exports may not.
    named: bool,
    /// Whether records leave as exports rather than one by one.
    exports: bool,
    rng: ChaCha8Rng,
}

/// Plans every theft of `plan`, and adds the accounts made for them to `world`.
pub(super) fn draw_attacks(plan: &Plan, world: &mut World) -> Vec<Attack> {
    let mut rng = stream_rng(plan.seed, 1);
    let mut attacks: Vec<Attack> = Vec::new();
    for family in Family::ALL {
        for _ in 0..plan.attacks_per_family {
            let day = plan.from_day + draw_day(plan, &mut rng);
            let account = match family {
                Family::NewAccount => {
                    let supplier = rng.random_range(0..world.suppliers.len());
                    world.add_idle(plan, supplier, AccountKind::Person)
                }
                _ => draw_account(world, day - plan.from_day, &attacks, &mut rng),
            };
            let exports = match family {
                Family::OneShotExport | Family::SplitExport => true,
                Family::NewAccount => rng.random_bool(0.5),
                _ => false,
            };
            attacks.push(Attack {
                family,
                account: u32::try_from(account).unwrap_or(u32::MAX),
                day,
                named: !exports || rng.random_bool(0.5),
                exports,
                rng: stream_rng(plan.seed, 500_000_000 + attacks.len() as u64),
            });
        }
    }
    attacks
}

/// Mostly after the accounts have a history; one in ten at any time.
fn draw_day(plan: &Plan, rng: &mut ChaCha8Rng) -> i64 {
    let days = i64::from(plan.days);
    let first = i64::from(plan.attacks_after_day).min(days / 2);
    let early = rng.random_bool(0.1);
    rng.random_range(if early { days / 4 } else { first }..days)
}

/// An account that works by then and is not another theft's.
fn draw_account(world: &World, day: i64, taken: &[Attack], rng: &mut ChaCha8Rng) -> usize {
    let mut account = 0;
    // Nearly all accounts are free and at work: a few draws are enough.
    for _ in 0..1_000 {
        account = rng.random_range(0..world.accounts.len());
        let free = taken
            .iter()
            .all(|attack| attack.account as usize != account);
        if free && world.accounts[account].joins < day {
            break;
        }
    }
    account
}

impl Attack {
    /// Kinds of alert that would describe it.
    pub(super) const fn kinds(&self) -> &'static [&'static str] {
        match (self.family, self.exports) {
            (Family::NewAccount, true) => &["new_account", "bulk_export"],
            (Family::NewAccount, false) => &["new_account", "enumeration"],
            (_, true) => &["bulk_export"],
            (_, false) => &["enumeration"],
        }
    }

    /// Adds its events to `out`.
    pub(super) fn play(
        &mut self,
        number: u32,
        plan: &Plan,
        ledger: &Ledger,
        session: u32,
        out: &mut Vec<Access>,
    ) {
        let usual = ledger.usual_day(self.account, self.day) as f64;
        let least = (usual * log_uniform(3.0, 12.0, &mut self.rng)).max(50.0);
        let most = f64::from(plan.population) / 3.0;
        let drawn = log_uniform(50.0, 5_000.0, &mut self.rng);
        let size = count(drawn.max(least).min(most));
        let start = self.start();
        let first = out.len();
        match self.family {
            Family::OneShotExport => self.export(start, size, size, out),
            Family::SplitExport => {
                let part = count(log_uniform(3.0, 40.0, &mut self.rng));
                self.export(start, size, part, out);
            }
            Family::NewAccount if self.exports => {
                let part = size.div_ceil(self.rng.random_range(1..6));
                self.export(start, size, part, out);
            }
            Family::NewAccount => {
                let hours = log_uniform(0.1, 6.0, &mut self.rng);
                self.scrape(start, size, hours, out);
            }
            Family::ScrapeFast => {
                let hours = log_uniform(0.05, 0.5, &mut self.rng);
                self.scrape(start, size, hours, out);
            }
            Family::ScrapeHours => {
                let hours = self.rng.random_range(1.0..6.0);
                self.scrape(start, size, hours, out);
            }
            Family::ScrapeWorkingDay => {
                let hours = self.rng.random_range(7.0..9.5);
                self.scrape(start, size, hours, out);
            }
        }
        let operation = number + 900_000;
        let people = distinct(size, plan.population, &mut self.rng);
        let mut taken = 0;
        for access in &mut out[first..] {
            access.attack = Some(number);
            access.session = session;
            access.operation = self.exports.then_some(operation);
            let records = access.records.unwrap_or(1) as usize;
            if self.named {
                let end = (taken + records).min(people.len());
                access.subjects.extend(&people[taken..end]);
                taken = end;
            }
        }
    }

    /// Most thefts happen at work, some at night.
    fn start(&mut self) -> i64 {
        let hour = match self.family {
            Family::ScrapeWorkingDay => self.rng.random_range(7.5..9.5),
            _ if weekday(self.day) < 5 && self.rng.random_bool(0.65) => {
                self.rng.random_range(8.0..16.5)
            }
            _ => self.rng.random_range(0.0..23.0),
        };
        start_of(self.day) + hours_ms(hour)
    }

    /// `size` records in exports of about `part`, a few seconds to a minute apart.
    fn export(&mut self, start: i64, size: u32, part: u32, out: &mut Vec<Access>) {
        let limit = if self.named { MAX_NAMED } else { u32::MAX };
        let (mut time, mut left) = (start, size);
        let gap = log_uniform(3_000.0, 60_000.0, &mut self.rng);
        while left > 0 {
            let spread = self.rng.random_range(0.7..1.3);
            let wanted = if part >= size {
                size
            } else {
                count(f64::from(part) * spread).max(1)
            };
            let records = wanted.min(left).min(limit);
            out.push(self.access(time, Action::Export, records));
            left -= records;
            time += i64::from(count(gap * draw(Exp::new(1.0), &mut self.rng))).max(400);
        }
    }

    /// `size` people one by one, or a page at a time, over about `hours`.
    fn scrape(&mut self, start: i64, size: u32, hours: f64, out: &mut Vec<Access>) {
        let page = match self.rng.random_range(0..4_u32) {
            0 => self.rng.random_range(5..=20),
            _ => 1,
        };
        let action = if page > 1 { Action::List } else { Action::View };
        let gap = hours_ms(hours) as f64 / f64::from(size.div_ceil(page));
        let (mut time, mut left) = (start, size);
        while left > 0 {
            let records = page.min(left);
            out.push(self.access(time, action, records));
            left -= records;
            // Half steady, half at random: a script with pauses, or a hurried person.
            let pause = gap * (0.5 + 0.5 * draw(Exp::new(1.0), &mut self.rng));
            time += i64::from(count(pause)).clamp(50, 30 * MINUTE_MS);
        }
    }

    const fn access(&self, time: i64, action: Action, records: u32) -> Access {
        Access {
            time,
            account: self.account,
            action,
            subjects: Vec::new(),
            records: Some(records),
            operation: None,
            outcome: Outcome::Success,
            session: 0,
            fields: FIELDS,
            attack: None,
            seq: 0,
        }
    }
}

/// `size` different people of the population, in no order.
fn distinct(size: u32, population: u32, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let amount = size.min(population) as usize;
    rand::seq::index::sample(rng, population as usize, amount)
        .into_iter()
        .map(|index| u32::try_from(index).unwrap_or_default())
        .collect()
}
