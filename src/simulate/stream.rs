//! The world as its logs: lines in the order in which they arrive, a day in memory at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::event::Timestamp;
use crate::simulate::attack::{self, Attack, Scene};
use crate::simulate::calendar::start_of;
use crate::simulate::labels::Labels;
use crate::simulate::ledger::Ledger;
use crate::simulate::plan::{Error, Plan};
use crate::simulate::supplier::Failure;
use crate::simulate::wire::Access;
use crate::simulate::world::World;
use crate::simulate::{delivery, job, person};

/// One line of a supplier's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose log it is.
    pub supplier: Arc<str>,
    /// When the access happened.
    pub time: Timestamp,
    /// When the line arrives: never before its time, and rising from line to line.
    pub arrival: Timestamp,
    /// The event, without a line end.
    pub json: String,
}

/// Plays a [`Plan`]: yields its lines in the order in which they arrive.
#[derive(Debug)]
pub struct Stream {
    plan: Plan,
    world: World,
    attacks: Vec<Attack>,
    ledger: Ledger,
    /// Next day to play, since the epoch.
    day: i64,
    /// Accesses that were begun on a day before and fall on the next.
    carried: Vec<Access>,
    /// What has not arrived yet, by arrival and then the order of the logs.
    under_way: BinaryHeap<Reverse<Arriving>>,
    /// Last running number of each supplier.
    seqs: Vec<u64>,
    /// Lines drawn so far; settles the order of equal arrivals.
    drawn: u64,
}

#[derive(Debug)]
struct Arriving {
    at: i64,
    order: u64,
    access: Access,
}

impl PartialEq for Arriving {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Arriving {}

impl PartialOrd for Arriving {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Arriving {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl Stream {
    /// Draws the world of `plan`; its days are played as the lines are taken.
    pub fn new(plan: Plan) -> Result<Self, Error> {
        plan.check()?;
        let mut world = World::new(&plan);
        let attacks = attack::draw_attacks(&plan, &mut world);
        Ok(Self {
            ledger: Ledger::new(&plan, &world, attacks.len()),
            day: plan.from_day,
            carried: Vec::new(),
            under_way: BinaryHeap::new(),
            seqs: vec![0; world.suppliers.len()],
            drawn: 0,
            plan,
            world,
            attacks,
        })
    }

    /// The truth about the lines so far; of the whole world once the lines have ended.
    pub fn labels(&self) -> Labels {
        self.ledger.labels(&self.plan, &self.world, &self.attacks)
    }

    /// Names of the suppliers, in the order of the plan.
    pub fn suppliers(&self) -> impl Iterator<Item = &Arc<str>> {
        self.world.suppliers.iter().map(|supplier| &supplier.name)
    }

    /// Plays the next day: its accesses are logged, and under way from then on.
    ///
    /// Accounts and thefts are a day ahead, as the day after has begun somewhere in the world.
    fn play_day(&mut self) {
        let mut accesses = std::mem::take(&mut self.carried);
        if self.day == self.plan.from_day {
            self.play_accounts(self.day, &mut accesses);
        }
        self.play_accounts(self.day + 1, &mut accesses);
        let start = start_of(self.day);
        self.day += 1;
        let end = start_of(self.day);
        // A stable sort: accesses of equal times stay in the order of the accounts.
        accesses.sort_by_key(|access| access.time);
        let cut = accesses.partition_point(|access| access.time < end);
        self.carried = accesses.split_off(cut);
        for access in accesses {
            // East of Greenwich the first day began before the world.
            if access.time >= start {
                self.log(access);
            }
        }
    }

    /// Adds what accounts and thefts do on `day` by the suppliers' clocks.
    fn play_accounts(&mut self, day: i64, accesses: &mut Vec<Access>) {
        let first = accesses.len();
        let (plan, ledger) = (&self.plan, &mut self.ledger);
        for (index, account) in (0_u32..).zip(&mut self.world.accounts) {
            let supplier = &self.world.suppliers[account.supplier];
            person::play_day(plan, supplier, index, account, day, ledger, accesses);
            job::play_day(plan, supplier, index, account, day, ledger, accesses);
        }
        let mut thefts = Vec::new();
        for (number, attack) in (0_u32..).zip(&mut self.attacks) {
            let scene = Scene {
                plan: &self.plan,
                world: &self.world,
                ledger: &self.ledger,
                day,
                today: &accesses[first..],
            };
            for access in attack.play(number, &scene) {
                let account = &mut self.world.accounts[access.account as usize];
                account.sessions = account.sessions.max(access.session);
                thefts.push(access);
            }
        }
        accesses.append(&mut thefts);
    }

    /// The supplier writes the access to its log, unless its system or its log fails.
    fn log(&mut self, mut access: Access) {
        let account = &mut self.world.accounts[access.account as usize];
        let supplier = &self.world.suppliers[account.supplier];
        let failure = supplier.failing(access.time).map(|outage| outage.failure);
        if failure == Some(Failure::System) {
            return;
        }
        let seq = &mut self.seqs[account.supplier];
        *seq += 1;
        access.seq = *seq;
        if failure == Some(Failure::Log) {
            return;
        }
        self.ledger.count(&access);
        let number = (access.account, account.events);
        account.events += 1;
        let (arrival, again) = delivery::arrivals(&self.plan, supplier, access.time, number);
        if let Some(again) = again {
            self.send(again, access.clone());
        }
        self.send(arrival, access);
    }

    fn send(&mut self, at: i64, access: Access) {
        let order = self.drawn;
        self.drawn += 1;
        self.under_way.push(Reverse(Arriving { at, order, access }));
    }
}

impl Iterator for Stream {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        // What the next days bring cannot arrive before they begin.
        while self.day < self.plan.end_day()
            && self
                .under_way
                .peek()
                .is_none_or(|next| next.0.at >= start_of(self.day))
        {
            self.play_day();
        }
        let Reverse(Arriving { at, access, .. }) = self.under_way.pop()?;
        let account = &self.world.accounts[access.account as usize];
        let supplier = &self.world.suppliers[account.supplier].name;
        Some(Line {
            supplier: Arc::clone(supplier),
            time: Timestamp::from_millis(access.time),
            arrival: Timestamp::from_millis(at),
            json: access.to_json(supplier, account),
        })
    }
}
