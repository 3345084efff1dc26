//! The world as its logs: lines in the order in which they arrive, a day in memory at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::Exp;

use crate::event::Timestamp;
use crate::simulate::attack::{self, Attack};
use crate::simulate::calendar::start_of;
use crate::simulate::labels::{Labels, Ledger};
use crate::simulate::plan::{Error, Plan};
use crate::simulate::wire::Access;
use crate::simulate::world::{World, count, draw, stream_rng};
use crate::simulate::{account, jobs};

/// Mean time from an access to the arrival of its event, in milliseconds.
const DELIVERY_MS: f64 = 2_500.0;
/// Deliveries that are not late take at most this long, in milliseconds.
const ON_TIME_MS: i64 = 10_000;

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
    rng: ChaCha8Rng,
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
            rng: stream_rng(plan.seed, 2),
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
    pub fn suppliers(&self) -> &[Arc<str>] {
        &self.world.suppliers
    }

    fn last_day(&self) -> i64 {
        self.plan.from_day + i64::from(self.plan.days)
    }

    /// Plays the next day: its accesses are logged, and under way from then on.
    fn play_day(&mut self) {
        let day = self.day;
        let mut accesses = std::mem::take(&mut self.carried);
        for (index, account) in (0_u32..).zip(&mut self.world.accounts) {
            account::play_day(&self.plan, index, account, day, &mut accesses);
            let ledger = &mut self.ledger;
            jobs::play_day(&self.plan, index, account, day, ledger, &mut accesses);
        }
        for (number, attack) in (0_u32..).zip(&mut self.attacks) {
            if attack.day == day {
                let account = &mut self.world.accounts[attack.account as usize];
                account.sessions += 1;
                let session = account.sessions;
                attack.play(number, &self.plan, &self.ledger, session, &mut accesses);
            }
        }
        self.day += 1;
        let end = start_of(self.day);
        // A stable sort: accesses of equal times stay in the order of the accounts.
        accesses.sort_by_key(|access| access.time);
        let cut = accesses.partition_point(|access| access.time < end);
        self.carried = accesses.split_off(cut);
        for access in accesses {
            self.log(access);
        }
    }

    /// The supplier writes the access to its log; once more now and then.
    fn log(&mut self, mut access: Access) {
        let supplier = self.world.accounts[access.account as usize].supplier;
        self.seqs[supplier] += 1;
        access.seq = self.seqs[supplier];
        self.ledger.count(&access);
        let late = self.rng.random_bool(self.plan.late_fraction);
        let delay = if late {
            self.rng.random_range(ON_TIME_MS..=self.plan.late_max_ms)
        } else {
            let drawn = count(DELIVERY_MS * draw(Exp::new(1.0), &mut self.rng));
            i64::from(drawn).min(ON_TIME_MS)
        };
        if self.rng.random_bool(self.plan.duplicate_fraction) {
            let again = self.rng.random_range(delay..=self.plan.late_max_ms);
            self.send(access.time + again, access.clone());
        }
        self.send(access.time + delay, access);
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
        while self.day < self.last_day()
            && self
                .under_way
                .peek()
                .is_none_or(|next| next.0.at >= start_of(self.day))
        {
            self.play_day();
        }
        let Reverse(Arriving { at, access, .. }) = self.under_way.pop()?;
        let account = &self.world.accounts[access.account as usize];
        let supplier = &self.world.suppliers[account.supplier];
        Some(Line {
            supplier: Arc::clone(supplier),
            time: Timestamp::from_millis(access.time),
            arrival: Timestamp::from_millis(at),
            json: access.to_json(supplier, account),
        })
    }
}
