//! What the operator knows of a supplier: holidays, accounts and jobs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::read::{Reader, join};
use crate::{
    detect::{
        declared::{Declared, DeclaredAccount},
        jobs::{Job, Rhythm},
        pane::{PANE_MS, PANES_PER_HOUR},
        season::Calendar,
        zone::Zone,
    },
    event::{AccountKind, Action, DAY_MS, HOUR_MS, Timestamp, civil_from_days, days_from_civil},
};

/// A job takes an hour unless told otherwise, and what takes longer than half a day is no job.
const WITHIN_MS: i64 = HOUR_MS;
const WITHIN_MAX_MS: i64 = 12 * HOUR_MS;

/// The years that events may lie in, with one to spare.
const YEARS: [i64; 2] = [1999, 2101];

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// What the tables of `supplier` declare.
pub(super) fn declared(read: &mut Reader, supplier: &str) -> Declared {
    let path = join("suppliers", supplier);
    let calendar = Calendar::new(holidays(read, &join(&path, "holidays")));
    let calendar = calendar.under(zone(read, &join(&path, "timezone")));
    let mut accounts = accounts(read, &join(&path, "accounts"));
    let mut jobs: BTreeMap<String, Vec<Job>> = BTreeMap::new();
    for key in read.tables(&join(&path, "jobs")) {
        let account = required(read, &join(&key, "account"), "name whose job it is");
        let never_exports = accounts
            .get(&account)
            .is_some_and(|account| account.never_exports);
        if let Some(job) = job(read, &key, never_exports) {
            jobs.entry(account).or_default().push(job);
        }
    }
    for (account, jobs) in jobs {
        accounts.entry(account).or_default().jobs = Arc::from(jobs);
    }
    Declared::new(calendar, accounts)
}

fn holidays(read: &mut Reader, key: &str) -> BTreeSet<i64> {
    let mut days = BTreeSet::new();
    for text in read.texts(key) {
        match day_of(&text) {
            Some(day) => _ = days.insert(day),
            None => read.refuse(key, "holds something that is no date; write 2026-12-25"),
        }
    }
    days
}

/// The clock of a time zone that is named; UTC where none is.
fn zone(read: &mut Reader, key: &str) -> Zone {
    let Some(name) = read.option(key) else {
        return Zone::default();
    };
    // The program's own database: what is found must not hang on the machine's.
    if let Ok(zone) = TimeZoneDatabase::bundled().get(&name) {
        return clock_of(&zone);
    }
    read.refuse(
        key,
        "is no time zone; write an IANA name such as Europe/London",
    );
    Zone::default()
}

/// The clock of a zone, for all the times that an event may have.
fn clock_of(zone: &TimeZone) -> Zone {
    let [from, to] = YEARS.map(|year| days_from_civil(year, 1, 1) * DAY_MS);
    let Ok(start) = jiff::Timestamp::from_millisecond(from) else {
        return Zone::default();
    };
    let ahead_ms = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * 1_000;
    let changes = zone.following(start).map(|change| {
        let at = Timestamp::from_millis(change.timestamp().as_millisecond());
        (at, ahead_ms(change.offset()))
    });
    let changes = changes.take_while(|(at, _)| at.as_millis() < to);
    Zone::new(ahead_ms(zone.to_offset(start)), changes.collect())
}

fn accounts(read: &mut Reader, path: &str) -> BTreeMap<String, DeclaredAccount> {
    let mut accounts = BTreeMap::new();
    for name in read.tables(path) {
        let key = |leaf| join(&join(path, &name), leaf);
        let word = read.option(&key("kind"));
        let kind = word.as_deref().map(AccountKind::from_wire);
        if kind == Some(AccountKind::Unknown) {
            read.refuse(
                &key("kind"),
                "is no kind of account; write person, service or admin",
            );
        }
        let account = DeclaredAccount {
            kind,
            never_exports: read.switch(&key("never_export")),
            may_read_all: read.switch(&key("may_read_all")),
            jobs: Arc::default(),
        };
        accounts.insert(name, account);
    }
    accounts
}

/// A job; nothing where something of it is wrong.
fn job(read: &mut Reader, path: &str, never_exports: bool) -> Option<Job> {
    let key = |leaf| join(path, leaf);
    let exports = action(read, &key("action"), never_exports);
    let rhythm = rhythm(read, path);
    let at = required(read, &key("at"), "write when it begins: 02:00");
    let at = if at.is_empty() {
        None
    } else {
        let minutes = minutes_of(&at);
        if minutes.is_none() {
            read.refuse(&key("at"), "is no time of day; write 02:00");
        }
        minutes
    };
    let within_ms = if read.has(&key("within")) {
        read.millis(&key("within"))
    } else {
        WITHIN_MS
    };
    if within_ms > WITHIN_MAX_MS {
        read.refuse(
            &key("within"),
            "is above 12h; what takes longer is no job but a day's work",
        );
    }
    let people_max = key("people_max");
    if !read.has(&people_max) && !read.is_refused(&people_max) {
        read.refuse(
            &people_max,
            "is missing; write how many people its largest run reads",
        );
    }
    let size_max = u32::try_from(read.count(&people_max)).unwrap_or(u32::MAX);
    let panes = (within_ms.min(WITHIN_MAX_MS) + PANE_MS - 1) / PANE_MS;
    let panes = u32::try_from(panes).unwrap_or(1);
    let start = at? * PANES_PER_HOUR / 60;
    Some(Job::declared(rhythm?, (start, panes), size_max, exports))
}

/// Whether the action takes records out in one piece, where one is named.
fn action(read: &mut Reader, key: &str, never_exports: bool) -> Option<bool> {
    // Who is never to export has jobs that do not.
    let none = never_exports.then_some(false);
    let Some(word) = read.option(key) else {
        return none;
    };
    let action = Action::ALL
        .into_iter()
        .find(|action| action.as_str() == word);
    let Some(action) = action.filter(|action| action.is_read()) else {
        read.refuse(
            key,
            "is no action that reads; write view, search, list, export, download, print, share, \
             api_read or other",
        );
        return none;
    };
    if never_exports && action.is_export() {
        read.refuse(
            key,
            "exports, and the account is declared never to; remove one of them",
        );
    }
    Some(action.is_export())
}

fn rhythm(read: &mut Reader, path: &str) -> Option<Rhythm> {
    const WHEN: &str =
        "write day, weekday, monday to sunday, month (with day = 1 to 31) or last working day";
    let (every, day) = (join(path, "every"), join(path, "day"));
    let word = required(read, &every, WHEN);
    let has_day = read.has(&day);
    if has_day && word != "month" {
        read.refuse(&day, "goes with every = \"month\" alone; remove it");
    }
    let weekday = || WEEKDAYS.iter().position(|weekday| *weekday == word);
    match word.as_str() {
        "" => None,
        "day" => Some(Rhythm::Daily),
        "weekday" => Some(Rhythm::WorkingDay),
        "last working day" => Some(Rhythm::LastWorkingDay),
        "month" if has_day => Some(Rhythm::Date(u32::try_from(read.count(&day)).ok()?)),
        "month" => {
            if !read.is_refused(&day) {
                read.refuse(&day, "is missing; write the day of the month, 1 to 31");
            }
            None
        }
        _ => {
            let Some(weekday) = weekday() else {
                read.refuse(&every, &format!("is no rhythm; {WHEN}"));
                return None;
            };
            Some(Rhythm::Weekly(u32::try_from(weekday).ok()?))
        }
    }
}

/// A text that must be there; empty where it is not.
fn required(read: &mut Reader, key: &str, remedy: &str) -> String {
    let text = read.text(key);
    if text.is_empty() && !read.is_refused(key) {
        read.refuse(key, &format!("is missing; {remedy}"));
    }
    text
}

/// Days since 1970 of a date such as `2026-12-25`.
pub(super) fn day_of(text: &str) -> Option<i64> {
    let numbers = digits(text, '-', &[4, 2, 2])?;
    let &[year, month, day] = &numbers[..] else {
        return None;
    };
    let days = days_from_civil(year, month, day);
    (civil_from_days(days) == (year, month, day)).then_some(days)
}

/// Minutes since midnight of a time of day such as `02:00`.
pub(super) fn minutes_of(text: &str) -> Option<u32> {
    let numbers = digits(text, ':', &[2, 2])?;
    let &[hour, minute] = &numbers[..] else {
        return None;
    };
    let minutes = (hour < 24 && minute < 60).then_some(hour * 60 + minute)?;
    u32::try_from(minutes).ok()
}

/// The numbers of so many digits each that stand between separators.
fn digits(text: &str, separator: char, lengths: &[usize]) -> Option<Vec<i64>> {
    let parts: Vec<&str> = text.split(separator).collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_right = parts
        .iter()
        .map(|part| part.len())
        .eq(lengths.iter().copied());
    let all = is_right && parts.iter().all(is_number);
    all.then(|| parts.iter().filter_map(|part| part.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use jiff::tz::AmbiguousOffset;

    use super::*;

    /// Zones of every sort: half hours, half an hour's summer, a winter that is ahead, a day that
    /// was skipped, no changes at all.
    const ZONES: [&str; 8] = [
        "Europe/London",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia",
        "Asia/Tehran",
        "Asia/Tokyo",
    ];

    fn zone_of(name: &str) -> TimeZone {
        TimeZoneDatabase::bundled().get(name).unwrap()
    }

    fn jiff_at(millis: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn a_clock_shows_what_the_time_crate_says_over_a_century() {
        for name in ZONES {
            let zone = zone_of(name);
            let clock = clock_of(&zone);
            let [from, to] = [2000, 2100].map(|year| days_from_civil(year, 1, 1) * DAY_MS);
            for at in (from..to).step_by(5 * 3_600_000) {
                let ahead = i64::from(zone.to_offset(jiff_at(at)).seconds()) * 1_000;
                assert_eq!(
                    clock.ahead_ms(Timestamp::from_millis(at)),
                    ahead,
                    "{name} {at}"
                );
            }
        }
    }

    #[test]
    fn a_time_of_the_wall_is_the_moments_that_the_time_crate_knows() {
        for name in ZONES {
            let zone = zone_of(name);
            let clock = clock_of(&zone);
            for change in zone.following(jiff_at(946_684_800_000)).take(40) {
                for quarter in -200..200 {
                    let wall = change.timestamp().as_millisecond() + quarter * 900_000;
                    let shown = TimeZone::UTC.to_datetime(jiff_at(wall));
                    let offsets = match zone.to_ambiguous_timestamp(shown).offset() {
                        AmbiguousOffset::Unambiguous { offset } => [offset; 2],
                        AmbiguousOffset::Gap { before, after }
                        | AmbiguousOffset::Fold { before, after } => [before, after],
                    };
                    let moments = offsets.map(|it| wall - i64::from(it.seconds()) * 1_000);
                    let [one, other] = moments.map(Timestamp::from_millis);
                    assert_eq!(
                        clock.moments(wall),
                        [one.min(other), one.max(other)],
                        "{name} {shown}"
                    );
                }
            }
        }
    }
}
