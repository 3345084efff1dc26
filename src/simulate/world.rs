//! The suppliers and their accounts, as drawn at the start of a world.

use std::ops::Range;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::event::AccountKind;
use crate::simulate::client::Client;
use crate::simulate::distribution::{count, stream_rng};
use crate::simulate::job::{self, Job};
use crate::simulate::person::Habits;
use crate::simulate::plan::Plan;
use crate::simulate::role::{ROLES, SERVICE_ROLE};
use crate::simulate::supplier::Supplier;

/// An account of a supplier.
#[derive(Debug)]
pub(super) struct Account {
    pub supplier: usize,
    pub name: String,
    pub kind: AccountKind,
    pub role: &'static str,
    /// The computer it usually comes from.
    pub client: Client,
    /// Days since the epoch from its first to the day after its last.
    pub employed: Range<i64>,
    /// What it does from day to day.
    pub work: Work,
    /// Draws of this account alone, so that one account never changes another's days.
    pub rng: ChaCha8Rng,
    /// Sessions so far.
    pub sessions: u32,
    /// Events logged so far.
    pub events: u64,
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

impl Account {
    /// What it is usually shown.
    pub(super) const fn fields(&self) -> &'static [&'static str] {
        match &self.work {
            Work::Person(habits) => habits.role.fields,
            Work::Job(_) | Work::Idle => &["name", "rank"],
        }
    }
}

/// Everything drawn before the first day.
#[derive(Debug)]
pub(super) struct World {
    pub suppliers: Vec<Supplier>,
    pub accounts: Vec<Account>,
}

impl World {
    /// Draws the suppliers and accounts of `plan`.
    pub(super) fn new(plan: &Plan) -> Self {
        let suppliers = (0..plan.suppliers as usize).map(|number| Supplier::draw(plan, number));
        let mut world = Self {
            suppliers: suppliers.collect(),
            accounts: Vec::new(),
        };
        let jobs = count(f64::from(plan.accounts) * plan.job_fraction).max(3);
        let jobs = jobs.min(plan.accounts / 3);
        for supplier in 0..world.suppliers.len() {
            world.add_people(plan, supplier, plan.accounts - jobs);
            for number in 0..jobs {
                world.add_job(plan, supplier, number);
            }
        }
        world
    }

    /// Adds a person's account that does nothing of its own, and returns its index.
    pub(super) fn add_idle(&mut self, plan: &Plan, supplier: usize) -> usize {
        let role = ROLES[0].name;
        self.add(plan, supplier, AccountKind::Person, role, |_, _| Work::Idle)
    }

    /// Adds a program, and returns its index; each kind of job occurs as `number` rises.
    pub(super) fn add_job(&mut self, plan: &Plan, supplier: usize, number: u32) -> usize {
        let kind = AccountKind::Service;
        self.add(plan, supplier, kind, SERVICE_ROLE, |_, rng| {
            Work::Job(job::draw_job(plan, number, rng))
        })
    }

    fn add_people(&mut self, plan: &Plan, supplier: usize, people: u32) {
        let mut role_ends = 0.0;
        let mut added = 0;
        for (index, role) in ROLES.iter().enumerate() {
            role_ends += role.share;
            let last_role = index + 1 == ROLES.len();
            while added < people && (last_role || f64::from(added) < role_ends * f64::from(people))
            {
                added += 1;
                let account = self.add(plan, supplier, role.kind, role.name, |client, rng| {
                    Work::Person(Habits::draw(plan, role, client, rng))
                });
                self.hire(plan, account);
                self.enlist(account, index);
            }
        }
    }

    /// Draws when a person comes and goes.
    fn hire(&mut self, plan: &Plan, account: usize) {
        let account = &mut self.accounts[account];
        let day = |rng: &mut ChaCha8Rng| rng.random_range(plan.from_day..plan.end_day());
        if account.rng.random_bool(plan.joiner_fraction) {
            account.employed.start = day(&mut account.rng);
        } else if account.rng.random_bool(plan.leaver_fraction) {
            account.employed.end = day(&mut account.rng).max(plan.from_day + 2);
        }
    }

    /// Has four in ten people of the role take part in its campaigns.
    fn enlist(&mut self, account: usize, role: usize) {
        let account = &mut self.accounts[account];
        let Work::Person(habits) = &mut account.work else {
            return;
        };
        for campaign in &self.suppliers[account.supplier].campaigns {
            if campaign.role == role && account.rng.random_bool(0.4) {
                habits.campaign = (campaign.days.clone(), campaign.factor);
            }
        }
    }

    fn add(
        &mut self,
        plan: &Plan,
        supplier: usize,
        kind: AccountKind,
        role: &'static str,
        work: impl FnOnce(Client, &mut ChaCha8Rng) -> Work,
    ) -> usize {
        let index = self.accounts.len();
        let mut rng = stream_rng(plan.seed, 1_000 + index as u64);
        let client = Client::inside(supplier, index, kind, &mut rng);
        let prefix = &self.suppliers[supplier].name[..3];
        self.accounts.push(Account {
            supplier,
            name: format!("{prefix}-{role}-{index:04}"),
            kind,
            role,
            client,
            employed: i64::MIN..i64::MAX,
            work: work(client, &mut rng),
            rng,
            sessions: 0,
            events: 0,
        });
        index
    }
}
