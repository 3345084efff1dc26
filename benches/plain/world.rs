//! A world of clerks, light users and programs, by a recipe that shares nothing with `simulate`.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Gamma, LogNormal, Poisson};
use rosterwatch::{
    event::{DAY_MS, HOUR_MS, Timestamp},
    simulate::{AttackLabel, BenignSpan, LEARNING_DAYS, Labels, SCHEMA, Step},
};

pub(super) use self::kind::Kind;
use self::kind::{Crew, Person};
use crate::judging::whole;

mod kind;

/// The one supplier.
const SUPPLIER: &str = "plain";
/// 2026-01-05, a Monday.
const FROM_DAY: i64 = 20_458;
/// Days before the first theft, and days with thefts.
const DAYS: (i64, i64) = (35, 60);
const POPULATION: u32 = 20_000;
/// Everybody, from the first on.
const ALL: (u32, u32) = (0, POPULATION);
/// Jobs of a night, a week and a month's end.
const NIGHTLY: usize = 32;
const WEEKLY: usize = 12;
const MONTHLY: usize = 16;
/// Share of the persons who join during the thefts.
const JOINING: f64 = 0.12;
/// Share of a person's working days without any work.
const ABSENT: f64 = 0.08;
/// An honest burst's people.
const BURST: std::ops::RangeInclusive<u32> = 25..=120;
/// A page of a job has so many people.
const PAGE: usize = 100;
/// Thefts of each family in one world.
const EACH: usize = 2;

/// How a theft is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// 3,000 people in one hour of a night.
    Smash,
    /// 300 people in three working hours.
    ThreeHours,
    /// 400 people on an account's first day.
    NewAccount,
    /// A nightly job that runs once more at two in the afternoon.
    Hijack,
    /// 40 people more on each of 25 working days, by a person.
    Forty,
    /// 12 more on each of 25 working days, by a light user.
    Twelve,
    /// 3 more on the first working day, and a twentieth more on each that follows.
    Ramp,
}

impl Family {
    pub(super) const ALL: [Self; 7] = [
        Self::Smash,
        Self::ThreeHours,
        Self::NewAccount,
        Self::Hijack,
        Self::Forty,
        Self::Twelve,
        Self::Ramp,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Smash => "3,000 in a night hour",
            Self::ThreeHours => "300 in three hours",
            Self::NewAccount => "400 by a new account",
            Self::Hijack => "a job's size at another hour",
            Self::Forty => "40 a day more, 25 days",
            Self::Twelve => "12 a day more by a light user",
            Self::Ramp => "3 a day more, growing",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Person(Person),
    /// People, and the hour.
    Nightly(u32, i64),
    /// The same, and the day of the week.
    Weekly(u32, i64, i64),
    /// People, and the hour of a month's last day.
    Monthly(u32, i64),
}

#[derive(Debug)]
struct Account {
    name: String,
    work: Work,
    /// The first day of the world on which it works.
    joins: i64,
    days: Vec<u64>,
}

#[derive(Debug)]
struct Theft {
    family: Family,
    account: usize,
    /// The first day of the world.
    from: i64,
    steps: Vec<Step>,
    taken: BTreeSet<u32>,
    events: u64,
}

/// One read.
#[derive(Debug)]
pub(super) struct Read {
    time: i64,
    account: usize,
    people: Vec<u32>,
    theft: Option<usize>,
}

/// A world that is lived day by day.
#[derive(Debug)]
pub(super) struct World {
    rng: ChaCha8Rng,
    seed: u64,
    kind: Kind,
    burst: f64,
    accounts: Vec<Account>,
    thefts: Vec<Theft>,
    benign: Vec<BenignSpan>,
    day: i64,
    account_days: [BTreeMap<String, u64>; 2],
}

impl World {
    /// A world of a kind, in which a person has an honest burst once in `burst_days` days.
    pub(super) fn new(seed: u64, kind: Kind, burst_days: Option<u32>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut accounts = Vec::new();
        let light = kind.is_mixed().then_some((Crew::LIGHT, false));
        for (crew, may_join) in [(kind.crew(), true)].into_iter().chain(light) {
            for _ in 0..crew.persons {
                let person = Person {
                    mean: crew.median.mean * draw(LogNormal::new(0.0, crew.spread), &mut rng),
                    ..crew.median
                };
                let joins = if may_join && rng.random_bool(JOINING) {
                    working_from(DAYS.0 + rng.random_range(0..DAYS.1 - 1))
                } else {
                    0
                };
                accounts.push((Work::Person(person), joins));
            }
        }
        let jobs = if kind.is_mixed() {
            NIGHTLY + WEEKLY + MONTHLY
        } else {
            0
        };
        for number in 0..jobs {
            let size = |typical: f64, rng: &mut ChaCha8Rng| {
                let size = typical * draw(LogNormal::new(0.0, 0.3), rng);
                u32::try_from(whole(size)).unwrap_or(POPULATION)
            };
            let hour = rng.random_range(0..5);
            let work = if number < NIGHTLY {
                Work::Nightly(size(300.0, &mut rng), hour)
            } else if number < NIGHTLY + WEEKLY {
                Work::Weekly(size(800.0, &mut rng), hour, rng.random_range(0..7))
            } else {
                Work::Monthly(size(5_000.0, &mut rng), hour)
            };
            accounts.push((work, 0));
        }
        let account = |(number, (work, joins)): (usize, (Work, i64))| Account {
            name: format!("account-{number:03}"),
            work,
            joins,
            days: Vec::new(),
        };
        let accounts: Vec<_> = accounts.into_iter().enumerate().map(account).collect();
        let mut world = Self {
            rng,
            seed,
            kind,
            burst: burst_days.map_or(0.0, |days| 1.0 / f64::from(days)),
            accounts,
            thefts: Vec::new(),
            benign: Vec::new(),
            day: 0,
            account_days: [BTreeMap::new(), BTreeMap::new()],
        };
        world.plan();
        world
    }

    /// Draws the thefts; no account has two.
    fn plan(&mut self) {
        let mut taken = BTreeSet::new();
        let is_possible = |family: &Family| {
            self.kind.is_mixed() || !matches!(family, Family::Hijack | Family::Twelve)
        };
        let crew = self.kind.crew();
        let light = crew.persons + Crew::LIGHT.persons;
        for family in Family::ALL.into_iter().filter(is_possible) {
            for number in 0..EACH {
                let is_new = family == Family::NewAccount;
                let from = match family {
                    Family::Forty | Family::Twelve => DAYS.0 + self.rng.random_range(0..20),
                    Family::Ramp => DAYS.0,
                    _ => DAYS.0 + self.rng.random_range(0..DAYS.1 - 3),
                };
                let from = working_from(from);
                let account = if is_new {
                    let name = format!("account-new-{number}");
                    self.accounts.push(Account {
                        name,
                        work: Work::Person(crew.median),
                        joins: from,
                        days: Vec::new(),
                    });
                    self.accounts.len() - 1
                } else {
                    let among = match family {
                        Family::Hijack => light..light + NIGHTLY,
                        Family::Twelve => crew.persons..light,
                        _ => 0..crew.persons,
                    };
                    loop {
                        let account = self.rng.random_range(among.clone());
                        if self.accounts[account].joins == 0 && taken.insert(account) {
                            break account;
                        }
                    }
                };
                self.thefts.push(Theft {
                    family,
                    account,
                    from,
                    steps: Vec::new(),
                    taken: BTreeSet::new(),
                    events: 0,
                });
            }
        }
    }

    /// The reads of the next day in the order of their times; nothing after the last.
    pub(super) fn next_day(&mut self) -> Option<Vec<Read>> {
        let day = self.day;
        if day >= DAYS.0 + DAYS.1 {
            return None;
        }
        self.day += 1;
        let mut reads = Vec::new();
        for account in 0..self.accounts.len() {
            self.work(account, day, &mut reads);
        }
        for theft in 0..self.thefts.len() {
            self.steal(theft, day, &mut reads);
        }
        reads.sort_by_key(|read| read.time);
        self.note(day, &reads);
        Some(reads)
    }

    fn work(&mut self, number: usize, day: i64, reads: &mut Vec<Read>) {
        let Account { work, joins, .. } = self.accounts[number];
        match work {
            _ if day < joins => {}
            Work::Person(person) => {
                let hours = self.kind.hours(number, day);
                // Whoever joins is there on the first day.
                if hours.is_empty() || day > joins && self.rng.random_bool(ABSENT) {
                    return;
                }
                let chance = self.rng.random();
                let times = self.kind.times(number, day, chance);
                let of_day = draw(LogNormal::new(0.0, person.day), &mut self.rng);
                let mean = person.mean * times * of_day;
                let people = self.kind.people(number, day);
                for hour in hours {
                    let gamma = Gamma::new(person.shape, mean / person.shape);
                    let gamma = draw(gamma, &mut self.rng);
                    let count = draw(Poisson::new(gamma.max(1e-9)), &mut self.rng);
                    let span = (day * 24 + hour, 1);
                    self.view((number, people), span, whole(count), None, reads);
                }
                if self.rng.random_bool(self.burst) {
                    let count = self.rng.random_range(BURST);
                    let hour = day * 24 + self.rng.random_range(8..16);
                    self.view((number, ALL), (hour, 1), count as usize, None, reads);
                    let at = |hour: i64| (FROM_DAY * 24 + hour) * HOUR_MS;
                    self.benign.push(BenignSpan {
                        supplier: SUPPLIER.to_owned(),
                        account: self.accounts[number].name.clone(),
                        what: "burst".to_owned(),
                        from: Timestamp::from_millis(at(hour)).to_string(),
                        to: Timestamp::from_millis(at(hour + 1)).to_string(),
                    });
                }
            }
            Work::Nightly(size, hour) => self.run(number, (day, hour), size, None, reads),
            Work::Weekly(size, hour, on) if day % 7 == on => {
                self.run(number, (day, hour), size, None, reads);
            }
            Work::Monthly(size, hour) if is_month_end(day) => {
                self.run(number, (day, hour), size, None, reads);
            }
            Work::Weekly(..) | Work::Monthly(..) => {}
        }
    }

    fn steal(&mut self, number: usize, day: i64, reads: &mut Vec<Read>) {
        let Theft {
            family,
            account,
            from,
            ..
        } = self.thefts[number];
        let is_first = day == from;
        let working = (from..day).filter(|day| day % 7 < 5).count();
        let works = day >= from && day % 7 < 5;
        let midnight = day * 24;
        let theft = Some(number);
        match family {
            Family::Smash if is_first => {
                self.view((account, ALL), (midnight + 2, 1), 3_000, theft, reads);
            }
            Family::ThreeHours if is_first => {
                self.view((account, ALL), (midnight + 10, 3), 300, theft, reads);
            }
            Family::NewAccount if is_first => {
                self.view((account, ALL), (midnight + 9, 7), 400, theft, reads);
            }
            Family::Hijack if is_first => {
                if let Work::Nightly(size, _) = self.accounts[account].work {
                    self.run(account, (day, 14), size, theft, reads);
                }
            }
            Family::Forty if works && working < 25 => {
                self.view((account, ALL), (midnight + 8, 8), 40, theft, reads);
            }
            Family::Twelve if works && working < 25 => {
                self.view((account, ALL), (midnight + 8, 8), 12, theft, reads);
            }
            Family::Ramp if works => {
                let count = 3.0 * 1.05_f64.powf(working as f64);
                self.view(
                    (account, ALL),
                    (midnight + 8, 8),
                    whole(count),
                    theft,
                    reads,
                );
            }
            _ => {}
        }
    }

    /// Views of `count` people, one by one, over some hours.
    fn view(
        &mut self,
        (account, (first, among)): (usize, (u32, u32)),
        (hour, hours): (i64, i64),
        count: usize,
        theft: Option<usize>,
        reads: &mut Vec<Read>,
    ) {
        for _ in 0..count {
            let time = hour * HOUR_MS + self.rng.random_range(0..hours * HOUR_MS);
            let place = first + self.rng.random_range(0..among);
            let people = vec![place % POPULATION];
            reads.push(Read {
                time,
                account,
                people,
                theft,
            });
        }
    }

    /// A job's pages, seconds apart.
    fn run(
        &mut self,
        account: usize,
        (day, hour): (i64, i64),
        size: u32,
        theft: Option<usize>,
        reads: &mut Vec<Read>,
    ) {
        let scatter = f64::from(size).sqrt();
        let size = draw(
            rand_distr::Normal::new(f64::from(size), scatter),
            &mut self.rng,
        );
        let first = self.rng.random_range(0..POPULATION);
        let start = day * DAY_MS + hour * HOUR_MS + self.rng.random_range(0..600_000);
        let people: Vec<u32> = (0..POPULATION)
            .take(whole(size))
            .map(|place| (first + place) % POPULATION)
            .collect();
        for (page, people) in (0..).zip(people.chunks(PAGE)) {
            reads.push(Read {
                time: start + page * 3_000,
                account,
                people: people.to_vec(),
                theft,
            });
        }
    }

    /// Notes what a day was, for the labels.
    fn note(&mut self, day: i64, reads: &[Read]) {
        let mut counts = vec![0_u64; self.accounts.len()];
        for read in reads {
            counts[read.account] += read.people.len() as u64;
            let Some(theft) = read.theft.map(|theft| &mut self.thefts[theft]) else {
                continue;
            };
            theft.taken.extend(&read.people);
            theft.events += read.people.len() as u64;
            theft.steps.push(Step {
                time: at(read.time).to_string(),
                subjects_total: theft.taken.len() as u64,
                records_total: theft.events,
            });
        }
        for (account, count) in self.accounts.iter_mut().zip(counts) {
            if count == 0 {
                continue;
            }
            account.days.push(count);
            let kind = kind_of(account.work).to_owned();
            *self.account_days[0].entry(kind.clone()).or_default() += 1;
            if day < LEARNING_DAYS {
                *self.account_days[1].entry(kind).or_default() += 1;
            }
        }
    }

    /// The read as an event of the contract.
    pub(super) fn json(&self, read: &Read, number: u64) -> String {
        let account = &self.accounts[read.account];
        let (role, action) = match account.work {
            Work::Person(..) => (self.kind.role(read.account), "view"),
            _ => ("job", "export"),
        };
        let people: Vec<_> = read
            .people
            .iter()
            .map(|person| format!("\"P{person}\""))
            .collect();
        format!(
            r#"{{"id":"{number}","time":"{}","supplier":"{SUPPLIER}","account":"{}","account_kind":"{}","role":"{role}","action":"{action}","dataset":"personnel","subjects":[{}]}}"#,
            at(read.time),
            account.name,
            kind_of(account.work),
            people.join(","),
        )
    }

    /// The truth about the days lived.
    pub(super) fn labels(&self) -> Labels {
        let [all, learning] = self
            .account_days
            .clone()
            .map(|kinds| BTreeMap::from([(SUPPLIER.to_owned(), kinds)]));
        let label = |(number, theft): (usize, &Theft)| {
            let account = &self.accounts[theft.account];
            let mut days = account.days.clone();
            days.sort_unstable();
            AttackLabel {
                id: format!("t-{number}"),
                supplier: SUPPLIER.to_owned(),
                accounts: vec![account.name.clone()],
                account_kind: kind_of(account.work).to_owned(),
                history_days: u32::try_from(theft.from - account.joins).unwrap_or(0),
                usual_day_records: days.get(days.len() / 2).copied().unwrap_or(0),
                family: theft.family.as_str().to_owned(),
                kinds: vec!["enumeration".to_owned()],
                steps: theft.steps.clone(),
            }
        };
        Labels {
            schema: SCHEMA.to_owned(),
            seed: self.seed,
            from: at(0).to_string(),
            to: at(self.day * DAY_MS).to_string(),
            account_days: all,
            account_days_learning: Some(learning),
            attacks: self.thefts.iter().enumerate().map(label).collect(),
            benign: self.benign.clone(),
        }
    }
}

fn kind_of(work: Work) -> &'static str {
    match work {
        Work::Person(..) => "person",
        _ => "service",
    }
}

/// The moment so many milliseconds into the world.
fn at(time: i64) -> Timestamp {
    Timestamp::from_millis(FROM_DAY * DAY_MS + time)
}

/// The first day from `day` on that is not a Saturday or a Sunday.
fn working_from(day: i64) -> i64 {
    (day..day + 3).find(|day| day % 7 < 5).unwrap_or(day)
}

/// Whether the world's `day` is the last of its month.
fn is_month_end(day: i64) -> bool {
    let date = |day: i64| at(day * DAY_MS).to_string();
    date(day).get(..7) != date(day + 1).get(..7)
}

/// A number from a distribution whose parameters are right.
fn draw<D: rand_distr::Distribution<f64>, E>(of: Result<D, E>, rng: &mut ChaCha8Rng) -> f64 {
    of.map_or(0.0, |distribution| distribution.sample(rng))
}
