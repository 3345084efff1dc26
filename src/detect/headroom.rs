//! Headroom: the most that an account could take without an alarm; the tests inverted.
//!
//! Nothing here knows how a test works. A copy of the account takes more and more through the
//! detector's own [`observe`](Detector::observe) until a finding comes, so that the answer is as
//! true of tests to come. Its peers stand still meanwhile: they are its world, and one account
//! hardly moves them.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use crate::{
    detect::{Account, Detector, Finding, Signal, Window, season::SLOTS, settle::Teaching},
    event::{AccessEvent, Action, DAY_MS, HOUR_MS, Names, Outcome, Timestamp},
};

/// People at once that are not looked for beyond: so many stand for as many and more.
pub const PEOPLE_MAX: u64 = 1_000_000;
/// The same for people a day.
pub const PEOPLE_A_DAY_MAX: u64 = 5_000;
/// A sample does not look for more people of one account, and not for more of all: some 50 ms.
const SAMPLE_PEOPLE_MAX: u64 = 10_000;
const SAMPLE_VIEWS_MAX: u64 = 200_000;
/// The tests count no more than this.
const RECORDS_MAX: u64 = u32::MAX as u64;
/// Hours at least so probable as this share of an account's likeliest one are its usual hours.
const USUAL_HOUR: f64 = 0.5;

/// The most that stays silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// So much is silent, and one more alarms.
    pub most: u64,
    /// The test that one more crosses; nothing where the search ended before any did.
    pub test: Option<(Signal, Window)>,
}

/// The most people a day, day after day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leak {
    /// New people on each of the account's usual days.
    pub a_day: Reach,
    /// Its usual days in the time asked for.
    pub days: u32,
}

impl Leak {
    /// New people in all.
    pub fn total(&self) -> u64 {
        self.a_day.most * u64::from(self.days)
    }
}

/// Finds out what the accounts of a detector could take from a moment on.
#[derive(Debug)]
pub struct Probe<'a> {
    detector: &'a Detector,
    now: Timestamp,
    play: Play,
}

impl<'a> Probe<'a> {
    /// What could be taken of `detector` from `now` on, which is the highest event time.
    pub fn new(detector: &'a Detector, now: Timestamp) -> Self {
        Self {
            detector,
            now,
            play: Play::new(detector),
        }
    }

    /// The accounts that have a name, in the order of their names.
    pub fn accounts(&self) -> Vec<&'a Account> {
        let mut accounts: Vec<_> = self.detector.named().collect();
        accounts.sort_unstable_by_key(|account| account.name.as_deref());
        accounts
    }

    /// Accounts of the peer group of `account` that have a history.
    pub fn peers(&self, account: &Account) -> u32 {
        self.detector.prior_of(account).accounts
    }

    /// How many different people whom the account never read it could view now, one by one; looked
    /// for up to `limit`.
    pub fn people(&mut self, account: &Account, limit: u64) -> Reach {
        self.play.cast(self.detector, account);
        for most in 0..limit {
            if let Some(finding) = self.play.view(account, self.now, most) {
                let test = Some(self.play.test(finding));
                return Reach { most, test };
            }
        }
        Reach {
            most: limit,
            test: None,
        }
    }

    /// How many records it could export now in one piece; `guess` is where the search begins.
    pub fn records(&mut self, account: &Account, guess: u64) -> Reach {
        let (now, from, play) = (self.now, self.detector, &mut self.play);
        search(guess, RECORDS_MAX, |records| {
            play.cast(from, account);
            let finding = play.export(account, now, records)?;
            Some(play.test(finding))
        })
    }

    /// How many people whom it never read it could view on each of its usual days, spread evenly
    /// over its usual hours and instead of its work, on the `days` days after today.
    pub fn leak(&mut self, account: &Account, days: u32) -> Leak {
        let hours = self.schedule(account, days);
        let (from, play) = (self.detector, &mut self.play);
        let a_day = highest(PEOPLE_A_DAY_MAX, |people| {
            play.cast(from, account);
            let finding = play.leak(account, &hours, people)?;
            Some(play.test(finding))
        });
        Leak {
            a_day,
            days: u32::try_from(hours.len()).unwrap_or(u32::MAX),
        }
    }

    /// The people and the records that each of some accounts could take now: of `accounts_max` at
    /// most, picked by their names alone, so that it is the same in every run. Past
    /// a bound of views in all no more are asked.
    pub fn sample(&mut self, accounts_max: usize) -> [Vec<u64>; 2] {
        let named = self.detector.named();
        let mut accounts: Vec<_> = named.map(|account| (place_of(account), account)).collect();
        if accounts.len() > accounts_max {
            accounts.select_nth_unstable_by_key(accounts_max, |(place, _)| *place);
            accounts.truncate(accounts_max);
        }
        accounts.sort_unstable_by_key(|(place, _)| *place);
        let (mut people, mut records, mut views) = (Vec::new(), Vec::new(), 0);
        for (_, account) in accounts {
            let reach = self.people(account, SAMPLE_PEOPLE_MAX);
            people.push(reach.most);
            records.push(self.records(account, reach.most).most);
            views += reach.most;
            if views > SAMPLE_VIEWS_MAX {
                break;
            }
        }
        [people, records]
    }

    /// The beginnings of the account's usual hours on each of its usual days among the `days` after
    /// today.
    pub fn schedule(&self, account: &Account, days: u32) -> Vec<Vec<Timestamp>> {
        let peers = &self.detector.prior_of(account).season;
        let active: [f64; SLOTS] =
            std::array::from_fn(|slot| account.season.probability(slot, peers[slot]));
        let likeliest = active.iter().copied().fold(0.0, f64::max);
        let calendar = &account.season.calendar;
        let today = self.now.as_millis().div_euclid(DAY_MS);
        let hours = (1..=i64::from(days)).map(|day| {
            let hour =
                |hour| Timestamp::from_millis((today + day) * DAY_MS).plus_millis(hour * HOUR_MS);
            let is_usual =
                |hour: &Timestamp| active[calendar.slot_of(*hour)] >= USUAL_HOUR * likeliest;
            (0..24).map(hour).filter(is_usual).collect::<Vec<_>>()
        });
        hours.filter(|hours| !hours.is_empty()).collect()
    }
}

/// One account alone on the stage.
#[derive(Debug)]
struct Play {
    stage: Detector,
    lateness_ms: i64,
    /// A dataset that counts.
    dataset: String,
    findings: Vec<Finding>,
}

impl Play {
    fn new(detector: &Detector) -> Self {
        let config = detector.config();
        let dataset = config.datasets.first().cloned().unwrap_or_default();
        Self {
            stage: detector.rehearsal(),
            lateness_ms: config.lateness_ms,
            dataset,
            findings: Vec::new(),
        }
    }

    fn cast(&mut self, from: &Detector, account: &Account) {
        self.stage.cast(from, account);
    }

    /// Views the person of that number, whom nobody knows and whose id stands beside no other's: who takes
    /// people id by id is found sooner.
    fn view(&mut self, account: &Account, time: Timestamp, person: u64) -> Option<Finding> {
        let person = (2 * person).to_string();
        let event = AccessEvent {
            action: Action::View,
            subjects: Names::One(&person),
            ..event(account, &self.dataset, time)
        };
        observe(&mut self.stage, &mut self.findings, &event)
    }

    /// Exports so many records of nobody by name.
    fn export(&mut self, account: &Account, time: Timestamp, records: u64) -> Option<Finding> {
        let event = AccessEvent {
            action: Action::Export,
            records: Some(records),
            ..event(account, &self.dataset, time)
        };
        observe(&mut self.stage, &mut self.findings, &event)
    }

    /// Views `people` on each of the days with these hours; gives the first finding.
    fn leak(&mut self, account: &Account, days: &[Vec<Timestamp>], people: u64) -> Option<Finding> {
        let mut next = 0;
        for hours in days {
            for time in spread(hours, people) {
                let watermark = time.plus_millis(-self.lateness_ms);
                self.stage.advance(watermark, &mut |_, _| Teaching::Guarded);
                let finding = self.view(account, time, next);
                next += 1;
                if finding.is_some() {
                    return finding;
                }
            }
        }
        None
    }

    fn test(&mut self, finding: Finding) -> (Signal, Window) {
        let strongest = self.stage.explain(finding);
        (strongest.signal, strongest.window)
    }
}

/// The place of an account among all that a sample is picked from.
fn place_of(account: &Account) -> u64 {
    let mut hash = SipHasher13::new();
    hash.write(account.name.as_deref().unwrap_or_default().as_bytes());
    hash.finish()
}

/// When each of so many is read who are spread evenly over `hours`.
pub fn spread(hours: &[Timestamp], people: u64) -> impl Iterator<Item = Timestamp> {
    let all = hours.len() as u64 * HOUR_MS.cast_unsigned();
    (0..people).filter_map(move |number| {
        let at = (all * (2 * number + 1) / (2 * people)).cast_signed();
        let hour = hours.get(usize::try_from(at / HOUR_MS).ok()?)?;
        Some(hour.plus_millis(at % HOUR_MS))
    })
}

fn event<'a>(account: &'a Account, dataset: &'a str, time: Timestamp) -> AccessEvent<'a> {
    AccessEvent {
        id: "",
        time,
        supplier: "",
        account: account.name.as_deref().unwrap_or_default(),
        account_kind: account.kind,
        role: None,
        action: Action::Other,
        dataset,
        subjects: Names::EMPTY,
        records: None,
        bytes: None,
        fields: Names::EMPTY,
        operation: None,
        outcome: Outcome::Success,
        source_ip: None,
        user_agent: None,
        session: None,
        seq: None,
        id_hash: 0,
        content_hash: 0,
    }
}

fn observe(
    stage: &mut Detector,
    findings: &mut Vec<Finding>,
    event: &AccessEvent<'_>,
) -> Option<Finding> {
    findings.clear();
    stage.observe(event, findings);
    findings.first().copied()
}

/// The most up to `limit` that `alarm` says nothing to, where one more alarms and what is more
/// still: steps from `guess` on, each twice the one before, then halves. Nothing at all is silent.
fn search(guess: u64, limit: u64, mut alarm: impl FnMut(u64) -> Option<(Signal, Window)>) -> Reach {
    let (mut silent, mut step) = (0, 1);
    let mut next = guess.clamp(1, limit);
    // Down to what is silent, or else up to what is not.
    let mut loud = None;
    while let Some(test) = (next > 0).then(|| alarm(next)).flatten() {
        loud = Some((next, test));
        next = next.saturating_sub(step);
        step *= 2;
    }
    silent = silent.max(next);
    while loud.is_none() && silent < limit {
        next = (silent + step).min(limit);
        match alarm(next) {
            Some(test) => loud = Some((next, test)),
            None => silent = next,
        }
        step *= 2;
    }
    between(silent, loud, alarm)
}

/// The most up to `limit` that `alarm` says nothing to, where less may alarm and more be silent
/// again: a job's whole size is explained, half of it at another hour is not. Looks from above, by
/// fifths, as what alarms is told on the first day and costs little.
fn highest(limit: u64, mut alarm: impl FnMut(u64) -> Option<(Signal, Window)>) -> Reach {
    let (mut next, mut loud) = (limit, None);
    while next > 0 {
        match alarm(next) {
            Some(test) => loud = Some((next, test)),
            None => break,
        }
        next = next * 4 / 5;
    }
    between(next, loud, alarm)
}

/// The most that is silent between what is and what is not.
fn between(
    mut silent: u64,
    loud: Option<(u64, (Signal, Window))>,
    mut alarm: impl FnMut(u64) -> Option<(Signal, Window)>,
) -> Reach {
    let Some((mut least, mut test)) = loud else {
        return Reach {
            most: silent,
            test: None,
        };
    };
    while silent + 1 < least {
        let middle = silent + (least - silent) / 2;
        match alarm(middle) {
            Some(crossed) => (least, test) = (middle, crossed),
            None => silent = middle,
        }
    }
    Reach {
        most: silent,
        test: Some(test),
    }
}

/// The quantiles that a supplier's headroom is told by: names and shares.
pub const QUANTILES: [(&str, f64); 4] = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99), ("1", 1.0)];

/// Those quantiles of `values`: each the smallest value that this share does not exceed.
pub fn quantiles(values: &mut [u64]) -> Option<[u64; QUANTILES.len()]> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    Some(QUANTILES.map(|(_, share)| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in the slice"
        )]
        let place = (share * values.len() as f64).ceil() as usize;
        values[place.saturating_sub(1).min(last)]
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_search_ends_below_the_first_that_alarms(
            first in 1..5_000_u64,
            guess in 0..5_000_u64,
        ) {
            let test = (Signal::People, Window::Hour);
            let alarm = |count| (count >= first).then_some(test);
            let expected = if first > 4_000 {
                Reach { most: 4_000, test: None }
            } else {
                Reach { most: first - 1, test: Some(test) }
            };
            prop_assert_eq!(search(guess, 4_000, alarm), expected);
            prop_assert_eq!(highest(4_000, alarm), expected);
        }

        #[test]
        fn people_are_spread_in_order_over_their_hours(people in 1..500_u64) {
            let hours = [9, 10, 14].map(|hour| Timestamp::from_millis(hour * HOUR_MS));
            let times: Vec<_> = spread(&hours, people).collect();
            prop_assert_eq!(times.len() as u64, people);
            prop_assert!(times.is_sorted());
            for hour in hours {
                let within = times.iter().filter(|time| {
                    (0..HOUR_MS).contains(&time.millis_since(hour))
                });
                prop_assert!((within.count() as u64).abs_diff(people / 3) <= 1);
            }
        }
    }

    #[test]
    fn what_is_silent_above_what_alarms_is_the_most() {
        let test = (Signal::People, Window::Hour);
        let job = |count| (!(count < 3 || (150..=300).contains(&count))).then_some(test);
        assert_eq!(highest(5_000, job).most, 300);
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        let mut values: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(quantiles(&mut values), Some([100, 180, 198, 200]));
        assert_eq!(quantiles(&mut [7]), Some([7; 4]));
        assert_eq!(quantiles(&mut []), None);
    }
}
