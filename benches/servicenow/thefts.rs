//! Thefts of known truth, put into copies of the log.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rosterwatch::{
    event::{DAY_MS, HOUR_MS, Timestamp},
    simulate::{AttackLabel, Step},
};

use crate::{
    judging::whole,
    log::{FROM_DAY, Row, SUPPLIER, TO_DAY},
};

/// Days of history that an account has before it is stolen from.
const HISTORY_DAYS: i64 = 14;
/// Of these, the least days with a row.
const ACTIVE_DAYS: usize = 5;
/// Median incidents of a day with any from which an account is busy.
const BUSY_DAY: usize = 5;
/// The fewest people taken.
const PEOPLE_MIN: f64 = 20.0;
/// How often the account's own hourly 99 % is taken.
const MULTIPLES: (f64, f64) = (3.0, 25.0);
/// A working day, in hours.
const WORK: (i64, i64) = (9, 17);
/// Between two thefts of one copy.
const APART_MS: i64 = DAY_MS;

/// How fast a theft is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Minute,
    Hour,
    WorkingDay,
    FiveDays,
}

impl Pace {
    pub(super) const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::WorkingDay, Self::FiveDays];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "a minute",
            Self::Hour => "an hour",
            Self::WorkingDay => "a working day",
            Self::FiveDays => "five days",
        }
    }

    /// How long it reads, nights left out.
    const fn reading_ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => HOUR_MS,
            Self::WorkingDay => (WORK.1 - WORK.0) * HOUR_MS,
            Self::FiveDays => 5 * (WORK.1 - WORK.0) * HOUR_MS,
        }
    }
}

/// What an account that may be stolen from does.
#[derive(Debug)]
pub(super) struct Account {
    name: String,
    is_busy: bool,
    /// 99 % of its hours with any row have at most as many different incidents.
    hourly: usize,
    usual_day: usize,
    /// Days with a row.
    days: Vec<i64>,
    /// When in the day its rows fall.
    hours: Vec<i64>,
}

/// A theft.
#[derive(Clone, Debug)]
pub(super) struct Theft {
    pub(super) pace: Pace,
    pub(super) is_busy: bool,
    pub(super) multiple: f64,
    account: String,
    history_days: u32,
    usual_day: usize,
    /// In the order of times.
    pub(super) rows: Vec<Row>,
}

/// Accounts that work often enough to have a history.
pub(super) fn accounts(rows: &[Row]) -> Vec<Account> {
    let mut by_account: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_account.entry(&row.account).or_default().push(row);
    }
    let account = |(name, rows): (&str, Vec<&Row>)| {
        let days = counts(&rows, DAY_MS);
        Account {
            name: name.to_owned(),
            is_busy: quantile(&days, 0.5) >= BUSY_DAY,
            hourly: quantile(&counts(&rows, HOUR_MS), 0.99),
            usual_day: quantile(&days, 0.5),
            days: days.keys().copied().collect(),
            hours: rows.iter().map(|row| row.time.rem_euclid(DAY_MS)).collect(),
        }
    };
    let accounts = by_account.into_iter().map(account);
    accounts
        .filter(|account| account.days.len() >= 2 * ACTIVE_DAYS)
        .collect()
}

/// Different incidents by span of `length_ms`.
fn counts(rows: &[&Row], length_ms: i64) -> BTreeMap<i64, usize> {
    let mut spans: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        let span = spans.entry(row.time.div_euclid(length_ms)).or_default();
        span.insert(&row.incident);
    }
    let count = |(span, incidents): (i64, BTreeSet<_>)| (span, incidents.len());
    spans.into_iter().map(count).collect()
}

fn quantile(counts: &BTreeMap<i64, usize>, share: f64) -> usize {
    let mut counts: Vec<usize> = counts.values().copied().collect();
    counts.sort_unstable();
    let place = whole((share * counts.len() as f64).ceil());
    counts.get(place.max(1) - 1).copied().unwrap_or(0)
}

/// The thefts of one copy: each pace once from a quiet and once from a busy account, no two from
/// one account, and none within a day of another.
pub(super) fn draw(seed: u64, accounts: &[Account], incidents: &[&str]) -> Vec<Theft> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut thefts: Vec<Theft> = Vec::new();
    for pace in Pace::ALL.into_iter().rev() {
        for is_busy in [false, true] {
            // Most draws fit: a few are enough.
            for _ in 0..10_000 {
                let account = &accounts[rng.random_range(0..accounts.len())];
                let Some(start) = draw_start(pace, account, &mut rng) else {
                    continue;
                };
                let end = start
                    + if pace == Pace::FiveDays {
                        5 * DAY_MS
                    } else {
                        pace.reading_ms()
                    };
                let is_free = account.is_busy == is_busy
                    && thefts
                        .iter()
                        .all(|other| other.is_clear_of(account, start, end));
                if is_free {
                    thefts.push(draw_theft(pace, account, start, incidents, &mut rng));
                    break;
                }
            }
        }
    }
    thefts
}

/// When it begins: on a working day, and as early or late as the account itself works; nothing
/// where the account has too little history by then.
fn draw_start(pace: Pace, account: &Account, rng: &mut ChaCha8Rng) -> Option<i64> {
    let day = rng.random_range(FROM_DAY + HISTORY_DAYS..TO_DAY - 1);
    // The first of January 1970 was a Thursday; 0 is Monday.
    let weekday = (day + 3).rem_euclid(7);
    let (is_workday, in_day) = match pace {
        Pace::FiveDays => (weekday == 0, WORK.0 * HOUR_MS),
        Pace::WorkingDay => (weekday < 5, WORK.0 * HOUR_MS),
        Pace::Minute | Pace::Hour => {
            let hour = account.hours[rng.random_range(0..account.hours.len())];
            (weekday < 5, hour)
        }
    };
    let before = account.days.partition_point(|active| *active < day);
    let is_known = before >= ACTIVE_DAYS && account.days[0] <= day - HISTORY_DAYS;
    let is_inside = pace != Pace::FiveDays || day + 5 <= TO_DAY;
    (is_workday && is_known && is_inside).then_some(day * DAY_MS + in_day)
}

fn draw_theft(
    pace: Pace,
    account: &Account,
    start: i64,
    incidents: &[&str],
    rng: &mut ChaCha8Rng,
) -> Theft {
    let (least, most) = MULTIPLES;
    let multiple = rng.random_range(least.ln()..most.ln()).exp();
    let people = whole((multiple * account.hourly as f64).max(PEOPLE_MIN));
    let people = people.min(incidents.len());
    let mut times: Vec<i64> = (0..people)
        .map(|_| start + in_hours(pace, rng.random_range(0..pace.reading_ms())))
        .collect();
    times.sort_unstable();
    let taken = rand::seq::index::sample(rng, incidents.len(), people);
    let row = |(time, incident): (i64, usize)| Row {
        time,
        account: account.name.clone(),
        incident: incidents[incident].to_owned(),
    };
    Theft {
        pace,
        is_busy: account.is_busy,
        multiple: people as f64 / account.hourly.max(1) as f64,
        account: account.name.clone(),
        history_days: u32::try_from(start / DAY_MS - account.days[0]).unwrap_or(0),
        usual_day: account.usual_day,
        rows: times.into_iter().zip(taken).map(row).collect(),
    }
}

/// So long after the start are `read_ms` of reading done: five days have nights.
const fn in_hours(pace: Pace, read_ms: i64) -> i64 {
    let day_ms = (WORK.1 - WORK.0) * HOUR_MS;
    match pace {
        Pace::FiveDays => read_ms / day_ms * DAY_MS + read_ms % day_ms,
        Pace::Minute | Pace::Hour | Pace::WorkingDay => read_ms,
    }
}

impl Theft {
    fn is_clear_of(&self, account: &Account, start: i64, end: i64) -> bool {
        let (Some(first), Some(last)) = (self.rows.first(), self.rows.last()) else {
            return true;
        };
        let is_apart = end + APART_MS < first.time || last.time + APART_MS < start;
        account.name != self.account && is_apart
    }

    /// The label of the theft, under any family.
    pub(super) fn label(&self, id: String, family: String) -> AttackLabel {
        let step = |(number, row): (u64, &Row)| Step {
            time: Timestamp::from_millis(row.time).to_string(),
            subjects_total: number,
            records_total: number,
        };
        AttackLabel {
            id,
            supplier: SUPPLIER.to_owned(),
            accounts: vec![self.account.clone()],
            account_kind: "person".to_owned(),
            history_days: self.history_days,
            usual_day_records: self.usual_day as u64,
            family,
            kinds: vec!["enumeration".to_owned()],
            steps: (1..).zip(&self.rows).map(step).collect(),
        }
    }
}
