//! The suppliers and their accounts, as drawn at the start of a world.

use std::ops::Range;
use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Gamma, LogNormal};

use crate::event::AccountKind;
use crate::simulate::jobs::{self, Job};
use crate::simulate::plan::Plan;
use crate::simulate::role::{Hours, ROLES, Role, SERVICE_ROLE};

/// Names of the first suppliers; later ones are numbered.
const SUPPLIERS: [&str; 6] = [
    "idcards-ltd",
    "payroll-services",
    "medical-records",
    "housing-desk",
    "training-portal",
    "travel-office",
];

/// Programs among a supplier's accounts: one in this many.
const ACCOUNTS_A_SERVICE: u32 = 40;

/// An account of a supplier.
#[derive(Debug)]
pub(super) struct Account {
    pub supplier: usize,
    pub name: String,
    pub kind: AccountKind,
    pub role: &'static str,
    pub source_ip: String,
    pub user_agent: &'static str,
    /// First day it works, counted from the world's first.
    pub joins: i64,
    /// What it does from day to day.
    pub work: Work,
    /// Draws of this account alone, so that one account never changes another's days.
    pub rng: ChaCha8Rng,
    /// Sessions so far.
    pub sessions: u32,
}

/// What an account does from day to day.
#[derive(Debug)]
pub(super) enum Work {
    /// A person's ordinary reading.
    Person(Habits),
    /// A program's recurring job.
    Job(Job),
    /// Nothing of its own: an account made for a theft.
    Idle,
}

/// How one person works.
#[derive(Debug)]
pub(super) struct Habits {
    pub role: &'static Role,
    /// Mean events on a working day.
    pub rate: f64,
    /// Negative-binomial dispersion of the daily count: lower is wilder.
    pub dispersion: f64,
    /// Hours by which this person's day is earlier or later than the role's.
    pub phase: f64,
    /// Weekdays worked, Monday in the lowest bit.
    pub weekdays: u8,
    /// First of the three shifts, for roles that work in shifts.
    pub shift: i64,
    /// First subject of the portfolio.
    pub portfolio_start: u32,
    /// Days away, counted from the world's first.
    pub leave: Range<i64>,
    /// Days of a campaign and how many times the usual reading they bring.
    pub campaign: (Range<i64>, f64),
}

/// Everything drawn before the first day.
#[derive(Debug)]
pub(super) struct World {
    pub suppliers: Vec<Arc<str>>,
    pub accounts: Vec<Account>,
}

impl World {
    /// Draws the suppliers and accounts of `plan`.
    pub(super) fn new(plan: &Plan) -> Self {
        let suppliers: Vec<Arc<str>> = (0..plan.suppliers as usize).map(supplier_name).collect();
        let mut world = Self {
            suppliers,
            accounts: Vec::new(),
        };
        for supplier in 0..world.suppliers.len() {
            world.add_people(plan, supplier);
            world.add_services(plan, supplier);
        }
        world
    }

    /// Adds an account that does nothing of its own, and returns its index.
    pub(super) fn add_idle(&mut self, plan: &Plan, supplier: usize, kind: AccountKind) -> usize {
        let role = match kind {
            AccountKind::Service => SERVICE_ROLE,
            _ => ROLES[0].name,
        };
        self.add(plan, supplier, kind, role, i64::MAX, |_| Work::Idle)
    }

    fn add_people(&mut self, plan: &Plan, supplier: usize) {
        let people = plan.accounts - services(plan);
        let campaigns = draw_campaigns(plan, supplier);
        let mut role_ends = 0.0;
        let mut added = 0;
        for (index, role) in ROLES.iter().enumerate() {
            role_ends += role.share;
            let last_role = index + 1 == ROLES.len();
            while added < people && (last_role || f64::from(added) < role_ends * f64::from(people))
            {
                added += 1;
                self.add(plan, supplier, role.kind, role.name, 0, |rng| {
                    let mut habits = draw_habits(plan, role, rng);
                    for campaign in &campaigns {
                        if campaign.role == index && rng.random_bool(0.4) {
                            habits.campaign = (campaign.days.clone(), campaign.factor);
                        }
                    }
                    Work::Person(habits)
                });
            }
        }
    }

    fn add_services(&mut self, plan: &Plan, supplier: usize) {
        for number in 0..services(plan) {
            let kind = AccountKind::Service;
            self.add(plan, supplier, kind, SERVICE_ROLE, 0, |rng| {
                Work::Job(jobs::draw_job(plan, number, rng))
            });
        }
    }

    fn add(
        &mut self,
        plan: &Plan,
        supplier: usize,
        kind: AccountKind,
        role: &'static str,
        joins: i64,
        work: impl FnOnce(&mut ChaCha8Rng) -> Work,
    ) -> usize {
        let index = self.accounts.len();
        let mut rng = stream_rng(plan.seed, 1_000 + index as u64);
        let prefix = &self.suppliers[supplier][..3];
        let work = work(&mut rng);
        let joiner = matches!(work, Work::Person(_)) && rng.random_bool(plan.joiner_fraction);
        let joins = if joiner {
            rng.random_range(0..i64::from(plan.days))
        } else {
            joins
        };
        self.accounts.push(Account {
            supplier,
            name: format!("{prefix}-{role}-{index:04}"),
            kind,
            role,
            source_ip: format!("10.{supplier}.{}.{}", index / 250, 1 + index % 250),
            user_agent: user_agent(kind, &mut rng),
            joins,
            work,
            rng,
            sessions: 0,
        });
        index
    }
}

/// A generator for one purpose, independent of all others of the same seed.
pub(super) fn stream_rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Draws from `low` to `high`, each order of magnitude alike.
pub(super) fn log_uniform(low: f64, high: f64, rng: &mut ChaCha8Rng) -> f64 {
    rng.random_range(low.ln()..=high.max(low).ln()).exp()
}

/// A positive count from a draw.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded draws, far inside u32; the cast saturates"
)]
pub(super) fn count(value: f64) -> u32 {
    value.round().max(0.0) as u32
}

struct Campaign {
    role: usize,
    days: Range<i64>,
    factor: f64,
}

fn draw_campaigns(plan: &Plan, supplier: usize) -> Vec<Campaign> {
    let mut rng = stream_rng(plan.seed, 100 + supplier as u64);
    let days = i64::from(plan.days);
    (0..plan.campaigns)
        .map(|_| {
            let start = rng.random_range(days / 3..days.max(1));
            Campaign {
                role: rng.random_range(0..4),
                days: start..(start + rng.random_range(2..5)).min(days),
                factor: rng.random_range(2.0..3.5),
            }
        })
        .collect()
}

fn draw_habits(plan: &Plan, role: &'static Role, rng: &mut ChaCha8Rng) -> Habits {
    let days = i64::from(plan.days);
    let leave = if rng.random_bool(plan.leave_fraction) {
        let start = rng.random_range(0..days);
        start..start + rng.random_range(5..15)
    } else {
        0..0
    };
    let portfolio = role.portfolio.min(plan.population - 1);
    Habits {
        role,
        rate: role.events_a_day * plan.activity * draw(Gamma::new(3.0, 1.0 / 3.0), rng),
        dispersion: draw(LogNormal::new(1.4, 0.4), rng),
        phase: rng.random_range(-1.0..1.0),
        weekdays: draw_weekdays(plan, role, rng),
        shift: rng.random_range(0..3),
        portfolio_start: rng.random_range(0..plan.population - portfolio),
        leave,
        campaign: (0..0, 1.0),
    }
}

fn draw_weekdays(plan: &Plan, role: &Role, rng: &mut ChaCha8Rng) -> u8 {
    let mut weekdays: u8 = match role.hours {
        Hours::Office => 0b001_1111,
        Hours::Shifts => 0b111_1111,
    };
    let off = if rng.random_bool(plan.part_time_fraction) {
        rng.random_range(1..4)
    } else {
        u32::from(role.hours == Hours::Shifts) * 2
    };
    for _ in 0..off {
        weekdays &= !(1 << rng.random_range(0..7_u32));
    }
    weekdays
}

/// Draws from a distribution whose parameters are constants of this crate or checked by the plan.
pub(super) fn draw<D, E>(distribution: Result<D, E>, rng: &mut ChaCha8Rng) -> f64
where
    D: rand_distr::Distribution<f64>,
{
    distribution.map_or(1.0, |it| it.sample(rng))
}

/// A count that varies more than Poisson does: negative binomial by mean and dispersion.
pub(super) fn negative_binomial(mean: f64, dispersion: f64, rng: &mut ChaCha8Rng) -> u32 {
    let rate = draw(Gamma::new(dispersion, mean / dispersion), rng);
    let drawn = rand_distr::Poisson::new(rate.max(1e-9)).map_or(0.0, |it| it.sample(rng));
    count(drawn)
}

const fn services(plan: &Plan) -> u32 {
    let share = plan.accounts / ACCOUNTS_A_SERVICE;
    if share < 3 { 3 } else { share }
}

fn supplier_name(index: usize) -> Arc<str> {
    match SUPPLIERS.get(index) {
        Some(name) => Arc::from(*name),
        None => format!("supplier-{index:02}").into(),
    }
}

fn user_agent(kind: AccountKind, rng: &mut ChaCha8Rng) -> &'static str {
    const PEOPLE: [&str; 3] = [
        "Records/8.2 (Windows)",
        "Records/8.1 (Windows)",
        "Firefox/140",
    ];
    match kind {
        AccountKind::Service => "records-sync/3.1",
        _ => PEOPLE[rng.random_range(0..PEOPLE.len())],
    }
}
