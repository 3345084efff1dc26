//! Thefts: which accounts, when, how fast and how much. Drawn without a look at any detector.
//!
//! A theft is a list of quotas, one for each of its days. Every day's quota becomes reads; the
//! reads name people who were not taken before.

mod burst;
mod family;
mod hijack;
mod size;
mod slow;
mod target;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::event::{Action, Outcome};
use crate::simulate::calendar::{MINUTE_MS, hours_ms, start_of, weekday};
use crate::simulate::client::Client;
use crate::simulate::distribution::{log_uniform, stream_rng};
use crate::simulate::ledger::Ledger;
use crate::simulate::plan::Plan;
use crate::simulate::supplier::Supplier;
use crate::simulate::wire::{Access, operation};
use crate::simulate::world::{Account, World};

pub use family::Family;
use target::Picker;

/// What a thief likes best.
const PRIZE: &[&str] = &["name", "rank", "address", "salary"];
/// What no role and no job reads.
const UNTOUCHED: [&[&str]; 3] = [
    &["name", "medical_category", "next_of_kin"],
    &["name", "clearance", "posting_history"],
    &["name", "home_address", "children"],
];

/// One theft: as planned, and how far it has come.
#[derive(Debug)]
pub(super) struct Attack {
    family: Family,
    /// Indices into the world's accounts, all of one supplier.
    accounts: Vec<u32>,
    /// First day on which it may begin, since the epoch.
    day: i64,
    style: Style,
    state: State,
    rng: ChaCha8Rng,
}

/// How this theft is done within its family.
#[derive(Debug)]
struct Style {
    /// Somebody else's computer, where it is one.
    stranger: Option<Client>,
    /// Whether records leave as exports.
    exports: bool,
    /// Whether the events name the people; exports may not.
    named: bool,
    /// What the thief is shown; nothing where it is what the account always sees.
    fields: Option<&'static [&'static str]>,
    /// Whether access is refused a few times before.
    refused: bool,
}

#[derive(Debug)]
enum State {
    Waiting,
    Going {
        /// People to take on each of the days.
        quotas: Vec<u32>,
        next: usize,
        /// Who is taken, in this order.
        people: Vec<u32>,
        taken: usize,
    },
    Done,
}

/// What a theft sees of the world on one day.
pub(super) struct Scene<'a> {
    pub plan: &'a Plan,
    pub world: &'a World,
    pub ledger: &'a Ledger,
    /// Since the epoch.
    pub day: i64,
    /// What all accounts do of their own on that day.
    pub today: &'a [Access],
}

impl<'a> Scene<'a> {
    fn account(&self, index: u32) -> &'a Account {
        &self.world.accounts[index as usize]
    }

    fn supplier(&self, index: u32) -> &'a Supplier {
        &self.world.suppliers[self.account(index).supplier]
    }

    /// What the account does of its own on this day.
    fn own(&self, index: u32) -> impl Iterator<Item = &'a Access> {
        self.today.iter().filter(move |it| it.account == index)
    }

    /// Epoch milliseconds of an hour of this day by the account's clock.
    fn at(&self, index: u32, hour: f64) -> i64 {
        self.supplier(index)
            .zone
            .utc(start_of(self.day) + hours_ms(hour))
    }
}

/// Plans every theft of `plan`; adds accounts made for them to `world`, and lets some go dormant.
pub(super) fn draw_attacks(plan: &Plan, world: &mut World) -> Vec<Attack> {
    let mut picker = Picker::new(plan, world);
    let mut attacks: Vec<Attack> = Vec::new();
    for family in plan.families() {
        for _ in 0..plan.attacks_per_family {
            if let Some((day, accounts)) = picker.pick(*family) {
                let stream = 500_000_000 + attacks.len() as u64;
                let rng = stream_rng(plan.seed, stream);
                attacks.push(Attack::draw(*family, day, accounts, rng));
            }
        }
    }
    attacks
}

impl Attack {
    fn draw(family: Family, day: i64, accounts: Vec<u32>, mut rng: ChaCha8Rng) -> Self {
        let exports = rng.random_bool(family.exports());
        let likes_prize = rng.random_bool(0.5);
        let untouched = UNTOUCHED[rng.random_range(0..UNTOUCHED.len())];
        let stranger = Client::stranger(&mut rng);
        let style = Style {
            stranger: rng.random_bool(family.strangers()).then_some(stranger),
            exports,
            named: !exports || rng.random_bool(0.5),
            fields: match family {
                Family::NewAttributes => Some(untouched),
                Family::SlowDrip | Family::PoisoningRamp => None,
                Family::NewAccount => Some(PRIZE),
                _ => likes_prize.then_some(PRIZE),
            },
            refused: rng.random_bool(family.refusals()),
        };
        Self {
            family,
            accounts,
            day,
            style,
            state: State::Waiting,
            rng,
        }
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    pub(super) fn accounts(&self) -> &[u32] {
        &self.accounts
    }

    /// Kinds of alert that would describe it.
    pub(super) const fn kinds(&self) -> &'static [&'static str] {
        self.family.kinds(self.style.exports)
    }

    /// What it does on the scene's day, as attack `number`; nothing before, after and between.
    pub(super) fn play(&mut self, number: u32, scene: &Scene<'_>) -> Vec<Access> {
        let waits = || self.family.needs_own_day() && scene.own(self.accounts[0]).next().is_none();
        if scene.day < self.day || matches!(self.state, State::Done) || waits() {
            return Vec::new();
        }
        let begins = matches!(self.state, State::Waiting);
        if begins {
            self.begin(scene);
        }
        let Some(quota) = self.next_quota() else {
            return Vec::new();
        };
        let mut reads = self.reads(scene, quota);
        reads.sort_by_key(|access| access.time);
        for access in &mut reads {
            access.attack = Some(number);
        }
        if begins && self.style.refused {
            let refusals = self.refusals(reads.first());
            reads.splice(0..0, refusals);
        }
        reads
    }

    fn begin(&mut self, scene: &Scene<'_>) {
        let quotas = size::quotas(self.family, scene, &self.accounts, &mut self.rng);
        let whole = quotas.iter().sum();
        let people = if self.family == Family::SequentialIds {
            let first = self.rng.random_range(0..scene.plan.population);
            (0..whole)
                .map(|place| (first + place) % scene.plan.population)
                .collect()
        } else {
            distinct(whole, scene.plan.population, &mut self.rng)
        };
        self.state = State::Going {
            quotas,
            next: 0,
            people,
            taken: 0,
        };
    }

    fn next_quota(&mut self) -> Option<u32> {
        let State::Going { quotas, next, .. } = &mut self.state else {
            return None;
        };
        let quota = quotas.get(*next).copied();
        *next += 1;
        if quota.is_none() {
            self.state = State::Done;
        }
        quota
    }

    /// The day's reads of `quota` people, in no order.
    fn reads(&mut self, scene: &Scene<'_>, quota: u32) -> Vec<Access> {
        let mut reads = match self.family {
            Family::HijackedJobOtherHour => return self.run_at_other_hour(scene),
            Family::HijackedJobLarger => return self.run_on(scene, quota),
            Family::ManyAccountsTogether => self.scrape_together(scene, quota),
            Family::SlowDrip | Family::PoisoningRamp => self.blend(scene, quota),
            Family::WideCoverage => self.sweep(scene, quota),
            _ if self.style.exports => self.export(scene, quota),
            _ => self.scrape(scene, quota),
        };
        self.name_people(&mut reads);
        if self.family == Family::SequentialIds {
            let missing = self.rng.random_range(0.02..0.12);
            for access in &mut reads {
                if self.rng.random_bool(missing) {
                    access.outcome = Outcome::Failure;
                    access.records = None;
                }
            }
        }
        reads
    }

    fn name_people(&mut self, reads: &mut [Access]) {
        let State::Going { people, taken, .. } = &mut self.state else {
            return;
        };
        if !self.style.named {
            return;
        }
        reads.sort_by_key(|access| access.time);
        for access in reads {
            let end = (*taken + access.records.unwrap_or(1) as usize).min(people.len());
            access.subjects.extend(&people[*taken..end]);
            *taken = end;
        }
    }

    /// A few attempts that were refused, in the half hour before the theft's `first` read.
    ///
    /// They are no steps of it: nothing was out yet.
    fn refusals(&mut self, first: Option<&Access>) -> Vec<Access> {
        let Some(first) = first else {
            return Vec::new();
        };
        let attempts = self.rng.random_range(3..=20_i64);
        let pause = self.rng.random_range(1_000..25 * MINUTE_MS / attempts);
        (1..=attempts)
            .rev()
            .map(|back| Access {
                outcome: Outcome::Denied,
                records: None,
                operation: None,
                attack: None,
                subjects: first.subjects.first().copied().into_iter().collect(),
                time: first.time - back * pause - 1,
                ..first.clone()
            })
            .collect()
    }

    /// A read of the theft by one of its accounts, in a session of its own.
    fn access(
        &self,
        scene: &Scene<'_>,
        index: u32,
        time: i64,
        action: Action,
        records: u32,
    ) -> Access {
        let account = scene.account(index);
        let session = account.sessions + 1;
        let client = self.style.stranger.unwrap_or(account.client);
        let export = matches!(action, Action::Export | Action::Download);
        Access {
            records: Some(records),
            session,
            operation: export.then(|| operation(index, session, 0)),
            fields: self.style.fields.unwrap_or_else(|| account.fields()),
            ..Access::new(time, index, action, client)
        }
    }

    /// Most thefts begin at work, some at night.
    fn start_hour(&mut self, day: i64) -> f64 {
        match self.family {
            Family::ScrapeWorkingDay | Family::SpreadDays => self.rng.random_range(7.5..9.5),
            _ if weekday(day) < 5 && self.rng.random_bool(0.65) => self.rng.random_range(8.0..16.5),
            _ => self.rng.random_range(0.0..23.0),
        }
    }

    /// Hours that a theft of this family takes on one day.
    fn hours(&mut self) -> f64 {
        let rng = &mut self.rng;
        match self.family {
            Family::ScrapeFast => log_uniform(0.05, 0.5, rng),
            Family::ScrapeWorkingDay => rng.random_range(7.0..9.5),
            Family::SpreadDays => rng.random_range(3.0..9.0),
            Family::ScrapeHours | Family::ManyAccountsTogether => rng.random_range(1.0..6.0),
            _ => log_uniform(0.1, 6.0, rng),
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
