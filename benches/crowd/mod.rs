//! A crowd of accounts that read people's records day after day, made from numbers: what the
//! benches of detection feed on. No wire format, and nothing of it is timed.

use rosterwatch::event::{
    AccessEvent, AccountKind, Action, DAY_MS, HOUR_MS, Names, Outcome, Timestamp,
};

/// When the first day of work begins: a Monday, 2026-06-01, at 08:00.
const FIRST_MS: i64 = 1_780_272_000_000 + 8 * HOUR_MS;
/// A day's work.
const WORK_MS: i64 = 9 * HOUR_MS;

/// Names of accounts and of people.
pub(crate) struct Crowd {
    accounts: Vec<String>,
    people: Vec<String>,
}

impl Crowd {
    /// A crowd of so many accounts, and so many people to read.
    pub(crate) fn new(accounts: usize, people: usize) -> Self {
        Self {
            accounts: (0..accounts)
                .map(|number| format!("clerk-{number:07}"))
                .collect(),
            people: (0..people)
                .map(|number| format!("MP-{number:07}"))
                .collect(),
        }
    }

    /// How many accounts it has.
    pub(crate) fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// The names of the people it reads.
    pub(crate) fn people(&self) -> &[String] {
        &self.people
    }

    /// The event `number`: an account views one person's record.
    pub(crate) fn view(&self, number: u64, moment: Moment) -> AccessEvent<'_> {
        // Ids are known by a hash that is spread already.
        let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        AccessEvent {
            id: "",
            time: moment.time,
            supplier: "payroll-services",
            account: &self.accounts[moment.account],
            account_kind: AccountKind::Person,
            role: Some("clerk"),
            action: Action::View,
            dataset: "personnel",
            subjects: Names::One(&self.people[moment.person]),
            records: None,
            bytes: None,
            fields: Names::Strs(&["name", "rank", "salary"]),
            operation: None,
            outcome: Outcome::Success,
            source_ip: None,
            user_agent: None,
            session: None,
            seq: Some(number),
            id_hash: hash,
            content_hash: hash,
        }
    }
}

/// Who reads whom, and when; by number.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) time: Timestamp,
    pub(crate) account: usize,
    pub(crate) person: usize,
}

/// The time of the event `number` where a day's work is `per_day` events, evenly spread.
pub(crate) fn time_of(number: u64, per_day: u64) -> Timestamp {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (day, in_day) = (signed(number / per_day), signed(number % per_day));
    Timestamp::from_millis(FIRST_MS + day * DAY_MS + in_day * WORK_MS / signed(per_day))
}
