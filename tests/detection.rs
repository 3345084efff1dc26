//! What is alarmed over weeks, through the pipeline that `run` and `replay` share.

use std::collections::BTreeSet;

use rosterwatch::{
    decode::{DecodedBatch, Verdict},
    event::DAY_MS,
    feed::{Config, Pipeline},
    incident::{Alert, AlertState, Kind},
    ingest::RecordBatch,
};

/// 2026-06-01, a Monday.
pub(crate) const FROM_MS: i64 = 1_780_272_000_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// One read, in milliseconds since the start.
#[derive(Clone)]
pub(crate) struct Read {
    pub(crate) at: i64,
    pub(crate) account: String,
    pub(crate) kind: &'static str,
    pub(crate) action: &'static str,
    pub(crate) subjects: Vec<String>,
    pub(crate) address: &'static str,
    fields: &'static str,
    outcome: &'static str,
}

const OFFICE: &str = "10.0.0.7";
const USUAL: &str = r#"["name","rank"]"#;

/// Weeks of reads, in any order.
#[derive(Default)]
pub(crate) struct Weeks {
    pub(crate) reads: Vec<Read>,
}

impl Weeks {
    /// `people` viewed one by one on `day`, a minute apart from `hour` on.
    pub(crate) fn view(
        &mut self,
        account: &str,
        day: i64,
        hour: i64,
        people: impl Iterator<Item = String>,
    ) {
        for (place, subject) in (0..).zip(people) {
            self.reads.push(Read {
                at: day * DAY_MS + hour * HOUR_MS + place * 60_000,
                account: account.to_owned(),
                kind: "person",
                action: "view",
                subjects: vec![subject],
                address: OFFICE,
                fields: USUAL,
                outcome: "success",
            });
        }
    }

    /// A program's batch: `people` exported by fifties, seconds apart.
    pub(crate) fn batch(
        &mut self,
        account: &str,
        day: i64,
        at_ms: i64,
        people: impl Iterator<Item = String>,
    ) {
        let people: Vec<String> = people.collect();
        for (place, page) in (0..).zip(people.chunks(50)) {
            self.reads.push(Read {
                at: day * DAY_MS + at_ms + place * 4_000,
                account: account.to_owned(),
                kind: "service",
                action: "export",
                subjects: page.to_vec(),
                address: OFFICE,
                fields: USUAL,
                outcome: "success",
            });
        }
    }

    /// Ordinary clerks, each with a hundred people of its own, some twenty of them a working day.
    pub(crate) fn clerks(&mut self, days: i64) {
        for clerk in 0..12_i64 {
            for day in (0..days).filter(|day| day % 7 < 5) {
                let read = 16 + (clerk * 5 + day * 7) % 9;
                let people = (0..read).map(|n| own(clerk, (n * 11 + day * 3) % 100));
                self.view(&format!("clerk-{clerk}"), day, 9, people);
            }
        }
    }

    /// `clerk-3` tries thirty people in half an hour from eight in the evening of day 37 on, and is
    /// refused all of them.
    fn locked(&mut self) {
        let first = self.reads.len();
        self.view("clerk-3", 37, 20, (0..30).map(|n| format!("locked-{n}")));
        for read in &mut self.reads[first..] {
            read.outcome = "denied";
        }
    }

    fn decide(self) -> Vec<Alert> {
        self.decide_with(&mut Pipeline::new("a", Config::default()))
    }

    /// Decides the reads in the order of their times.
    pub(crate) fn decide_with(self, pipeline: &mut Pipeline) -> Vec<Alert> {
        self.decide_as(pipeline, "")
    }

    /// The same, their ids beginning with `ids`.
    pub(crate) fn decide_as(self, pipeline: &mut Pipeline, ids: &str) -> Vec<Alert> {
        Self::decide_lines(&self.lines(ids), pipeline)
    }

    /// Decides events in the order given.
    pub(crate) fn decide_lines(lines: &[String], pipeline: &mut Pipeline) -> Vec<Alert> {
        let mut batch = RecordBatch::default();
        for (number, event) in (0..).zip(lines) {
            batch.push(event.as_bytes(), number, -1);
        }
        let batch = DecodedBatch::decode(batch, Some("a"));
        let mut alerts = Vec::new();
        for index in 0..batch.len() {
            let (record, Verdict::Event(event)) = batch.get(index) else {
                panic!("an event was refused");
            };
            pipeline.observe(&event, 0, record, &mut alerts);
        }
        alerts
    }

    /// The reads as events in the order of their times.
    pub(crate) fn lines(self, ids: &str) -> Vec<String> {
        self.lines_by(ids, |read| (read.at, 0))
    }

    /// The reads as events in another order.
    pub(crate) fn lines_by(mut self, ids: &str, key: impl Fn(&Read) -> (i64, i64)) -> Vec<String> {
        self.reads.sort_by_key(key);
        let reads = self.reads.iter().enumerate();
        let lines = reads.map(|(number, read)| {
            format!(
                r#"{{"id":"{ids}{number}","time":{},"supplier":"a","account":"{}","account_kind":"{}","action":"{}","subjects":{:?},"source_ip":"{}","fields":{},"outcome":"{}"}}"#,
                FROM_MS + read.at,
                read.account,
                read.kind,
                read.action,
                read.subjects,
                read.address,
                read.fields,
                read.outcome
            )
        });
        lines.collect()
    }
}

pub(crate) fn own(clerk: i64, person: i64) -> String {
    format!("p-{clerk}-{person}")
}

pub(crate) fn opened(alerts: &[Alert]) -> Vec<(&str, Kind)> {
    let opened = alerts
        .iter()
        .filter(|alert| alert.state == AlertState::Opened && !alert.kind.is_of_feed());
    opened
        .map(|alert| (alert.account.as_deref().unwrap_or_default(), alert.kind))
        .collect()
}

#[test]
fn ordinary_weeks_are_silent() {
    let mut weeks = Weeks::default();
    weeks.clerks(42);
    assert_eq!(opened(&weeks.decide()), []);
}

#[test]
fn a_log_that_begins_on_idle_days_is_no_page_for_everybody_after_them() {
    let mut weeks = Weeks::default();
    for clerk in 0..60_i64 {
        for day in 0..5 {
            let read = if day < 2 {
                1 + clerk % 3
            } else {
                15 + (clerk * 7 + day * 5) % 40
            };
            for (hour, some) in (9..17).zip((0..read).collect::<Vec<_>>().chunks(8)) {
                let people = some.iter().map(|n| own(clerk, (n * 11 + day * 3) % 100));
                weeks.view(&format!("clerk-{clerk}"), day, hour, people);
            }
        }
    }
    weeks.view("clerk-7", 3, 20, (0..400).map(|n| format!("taken-{n}")));
    let alerts = weeks.decide();
    let alarmed: BTreeSet<_> = alerts
        .iter()
        .map(|alert| alert.account.as_deref())
        .collect();
    assert!(alarmed.contains(&Some("clerk-7")), "{alarmed:?}");
    assert!(alarmed.len() <= 3, "{alarmed:?}");
}

#[test]
fn a_slow_theft_is_dated_by_its_first_day_and_exposes_everybody_since() {
    let mut weeks = Weeks::default();
    weeks.clerks(42);
    let theft: Vec<i64> = (28..42).filter(|day| day % 7 < 5).collect();
    let stolen = |day: i64| (0..20).map(move |n| format!("stolen-{day}-{n}"));
    for &day in &theft {
        // Two an hour and a half: never many at once.
        for (place, person) in (0..).zip(stolen(day)) {
            let one = std::iter::once(person);
            weeks.view("clerk-3", day, 0, one);
            let read = weeks.reads.last_mut().unwrap();
            read.at += 10 * HOUR_MS + place * 25 * 60_000;
        }
    }
    let began_at = FROM_MS + 28 * DAY_MS + 9 * HOUR_MS;
    let all: Vec<(i64, Vec<String>)> = weeks
        .reads
        .iter()
        .filter(|read| read.account == "clerk-3")
        .map(|read| (FROM_MS + read.at, read.subjects.clone()))
        .collect();
    let alerts = weeks.decide();
    assert_eq!(opened(&alerts), [("clerk-3", Kind::SlowDrip)]);
    for alert in &alerts {
        assert_eq!(
            alert.started_at.as_millis(),
            began_at,
            "{:?}",
            alert.reasons
        );
        let within = |at: i64| (began_at..=alert.last_seen_at.as_millis()).contains(&at);
        let people: BTreeSet<&String> = all
            .iter()
            .filter(|(at, _)| within(*at))
            .flat_map(|(_, people)| people)
            .collect();
        assert_eq!(alert.exposure.subjects, people.len() as u64);
        assert!(alert.exposure.subjects_exact);
    }
    let raised = alerts[0].raised_at.as_millis();
    // So small a supplier has shown little of its tails: more is asked for.
    assert!(raised < began_at + 14 * DAY_MS, "before it ends");
    assert!(
        alerts[0].reasons[0].contains("since 2026-06-29"),
        "{:?}",
        alerts[0].reasons
    );
}

#[test]
fn a_known_job_is_silent_at_its_hour_and_alarms_at_another() {
    let mut weeks = Weeks::default();
    weeks.clerks(35);
    let people = |day: i64| (0..280 + day % 5 * 6).map(|n| format!("p-{}-{}", n % 12, n / 12));
    for day in 0..35 {
        let jitter = day * 37 % 200 * 1_000;
        weeks.batch("nightly", day, 2 * HOUR_MS + jitter, people(day));
    }
    weeks.batch("nightly", 30, 14 * HOUR_MS, people(30));
    let alerts = weeks.decide();
    let late: Vec<&Alert> = alerts
        .iter()
        .filter(|alert| alert.raised_at.as_millis() > FROM_MS + 14 * DAY_MS)
        .filter(|alert| alert.state == AlertState::Opened)
        .collect();
    let [alert] = late[..] else {
        panic!("one alert after two weeks: {:?}", opened(&alerts));
    };
    assert_eq!(alert.kind, Kind::OffSchedule);
    let at = alert.raised_at.as_millis() - FROM_MS - 30 * DAY_MS;
    assert!(
        (14 * HOUR_MS..14 * HOUR_MS + 8_000).contains(&at),
        "within two pages"
    );
}

/// An hour of `clerk-3` on a Wednesday of the sixth week, after an ordinary day: so many of its own
/// people, from an address and with attributes.
struct Hour {
    what: &'static str,
    people: i64,
    address: &'static str,
    fields: &'static str,
    alarms: bool,
}

const ELSEWHERE: &str = "203.0.113.9";
const SALARY: &str = r#"["name","salary"]"#;

const HOURS: [Hour; 5] = [
    Hour {
        what: "a busy hour at its desk",
        people: 66,
        address: OFFICE,
        fields: USUAL,
        alarms: false,
    },
    Hour {
        what: "as busy an hour from elsewhere",
        people: 66,
        address: ELSEWHERE,
        fields: USUAL,
        alarms: true,
    },
    Hour {
        what: "as busy an hour with attributes it never read",
        people: 66,
        address: OFFICE,
        fields: SALARY,
        alarms: true,
    },
    Hour {
        what: "an ordinary hour from elsewhere",
        people: 15,
        address: ELSEWHERE,
        fields: USUAL,
        alarms: false,
    },
    Hour {
        what: "an ordinary hour from elsewhere with attributes it never read",
        people: 15,
        address: ELSEWHERE,
        fields: SALARY,
        alarms: false,
    },
];

impl Weeks {
    /// Busier clerks, whose hours differ: from a handful to three dozen people each.
    fn busy_clerks(&mut self, days: i64) {
        for clerk in 0..12_i64 {
            for day in (0..days).filter(|day| day % 7 < 5) {
                for hour in 9..16 {
                    let read = 4 + (clerk * 31 + day * 17 + hour * 13) % 32;
                    let people = (0..read).map(|n| own(clerk, (n * 11 + day * 3 + hour) % 100));
                    self.view(&format!("clerk-{clerk}"), day, hour, people);
                }
            }
        }
    }

    fn hour(&mut self, people: i64, address: &'static str, fields: &'static str) {
        let first = self.reads.len();
        self.view("clerk-3", 37, 16, (0..people).map(|n| own(3, n)));
        for (place, read) in (0..).zip(&mut self.reads[first..]) {
            read.at -= place * 30_000;
            read.address = address;
            read.fields = fields;
        }
    }
}

#[test]
fn fewer_people_are_too_many_in_unusual_circumstances() {
    for hour in HOURS {
        let mut weeks = Weeks::default();
        weeks.busy_clerks(42);
        weeks.hour(hour.people, hour.address, hour.fields);
        let alerts = weeks.decide();
        let expected: &[_] = if hour.alarms {
            &[("clerk-3", Kind::Enumeration)]
        } else {
            &[]
        };
        assert_eq!(opened(&alerts), expected, "{}", hour.what);
        for alert in &alerts {
            let says = match hour.address {
                ELSEWHERE => "an address new to it",
                _ => "attributes new to it",
            };
            assert!(alert.reasons[0].contains(says), "{:?}", alert.reasons);
        }
    }
}

#[test]
fn who_often_reads_from_somewhere_else_is_not_unusual() {
    let homes = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"];
    let mut weeks = Weeks::default();
    weeks.busy_clerks(42);
    for read in &mut weeks.reads {
        let day = read.at / DAY_MS;
        // A provider gives every home another address each week.
        if day % 7 == 2 {
            read.address = homes[usize::try_from(day / 7 % 4).unwrap()];
        }
    }
    weeks.hour(66, ELSEWHERE, USUAL);
    assert_eq!(opened(&weeks.decide()), []);
}

#[test]
fn a_sleeper_that_wakes_and_reads_is_told_as_one() {
    let mut weeks = Weeks::default();
    weeks.busy_clerks(42);
    let asleep = 14 * DAY_MS..38 * DAY_MS;
    weeks
        .reads
        .retain(|read| read.account != "clerk-3" || !asleep.contains(&read.at));
    weeks.hour(66, ELSEWHERE, USUAL);
    let alerts = weeks.decide();
    assert_eq!(opened(&alerts), [("clerk-3", Kind::DormantAccount)]);
    let reason = &alerts[0].reasons[0];
    assert!(reason.contains("after weeks without a read"), "{reason}");
}

/// The first six of twelve clerks on a Wednesday of the sixth week, all from one address that none
/// of them has used: their own day, and so many people more of each.
fn six_from_elsewhere(more: i64) -> Vec<Alert> {
    let mut weeks = Weeks::default();
    weeks.busy_clerks(42);
    for read in &mut weeks.reads {
        let is_one_of_six = ["0", "1", "2", "3", "4", "5"].contains(&&read.account[6..]);
        if read.at / DAY_MS == 37 && is_one_of_six {
            read.address = ELSEWHERE;
        }
    }
    for clerk in 0..6 {
        for hour in 10..16 {
            let first = weeks.reads.len();
            let people = (0..more).map(|n| format!("stolen-{clerk}-{hour}-{n}"));
            weeks.view(&format!("clerk-{clerk}"), 37, hour, people);
            for read in &mut weeks.reads[first..] {
                read.at += 30 * 60_000;
                read.address = ELSEWHERE;
            }
        }
    }
    weeks.decide()
}

#[test]
fn accounts_that_each_read_a_little_more_are_told_as_one_incident() {
    let alerts = six_from_elsewhere(8);
    let wide: Vec<&Alert> = alerts
        .iter()
        .filter(|alert| alert.kind == Kind::SupplierWide)
        .collect();
    assert!(!wide.is_empty(), "{:?}", opened(&alerts));
    let last = wide[wide.len() - 1];
    assert_eq!(
        (last.account.as_deref(), last.state),
        (None, AlertState::Closed)
    );
    assert!(
        last.reasons[0].starts_with("6 accounts read"),
        "{:?}",
        last.reasons
    );
    assert!(wide.iter().all(|alert| alert.incident == last.incident));
    let named = "whom the six read from there that day, each person once";
    let own: BTreeSet<String> = (0..6_i64)
        .flat_map(|clerk| (9..16).map(move |hour| (clerk, hour)))
        .flat_map(|(clerk, hour)| {
            let read = 4 + (clerk * 31 + 37 * 17 + hour * 13) % 32;
            (0..read).map(move |n| own(clerk, (n * 11 + 37 * 3 + hour) % 100))
        })
        .collect();
    assert_eq!(
        last.exposure.subjects,
        own.len() as u64 + 6 * 6 * 8,
        "{named}"
    );
}

#[test]
fn a_new_address_for_many_without_more_reading_is_silent() {
    assert_eq!(opened(&six_from_elsewhere(0)), []);
}

/// The days on which incidents opened where each of the clerks `of` has one odd hour, on a working
/// day of its own, and one of them takes many more weeks later; and the last incident.
fn odd_hours(of: std::ops::Range<usize>) -> (Vec<i64>, Alert) {
    let mut weeks = Weeks::default();
    weeks.clerks(84);
    let days = (28..).filter(|day| day % 7 < 5).take(12);
    for (clerk, day) in days.enumerate().filter(|(clerk, _)| of.contains(clerk)) {
        let people = (0..40).map(|n| format!("odd-{clerk}-{}", n * 7));
        weeks.view(&format!("clerk-{clerk}"), day, 14, people);
    }
    let people = (0..150).map(|n| format!("theft-{n}"));
    weeks.view("clerk-11", 72, 13, people);
    let alerts = weeks.decide();
    let opened = alerts.into_iter();
    let opened = opened.filter(|alert| alert.state == AlertState::Opened);
    let opened: Vec<Alert> = opened.collect();
    let day = |alert: &Alert| (alert.raised_at.as_millis() - FROM_MS) / DAY_MS;
    let days = opened.iter().map(day).collect();
    (days, opened.into_iter().next_back().unwrap())
}

#[test]
fn small_alarms_that_come_too_often_become_fewer_and_large_ones_stay() {
    let (days, theft) = odd_hours(0..12);
    assert_eq!(days, [28, 72], "the first odd hour, and the theft");
    assert!(theft.observed_subjects <= 100, "{:?}", theft.reasons);
    // Alone, the last of them is as much too much as the first was.
    assert_eq!(odd_hours(11..12).0, [43, 72]);
}

#[test]
fn many_refused_attempts_are_an_incident_that_exposes_nobody() {
    let mut weeks = Weeks::default();
    weeks.busy_clerks(42);
    weeks.locked();
    let alerts = weeks.decide();
    assert_eq!(opened(&alerts), [("clerk-3", Kind::DeniedBurst)]);
    let [opened, .., closed] = &alerts[..] else {
        panic!("opened and closed: {alerts:?}");
    };
    let began_at = FROM_MS + 37 * DAY_MS + 20 * HOUR_MS;
    assert_eq!(opened.started_at.as_millis(), began_at);
    assert!((19..25).contains(&((opened.raised_at.as_millis() - began_at) / 60_000)));
    assert!(
        opened.reasons[0].contains("attempts refused in 1 hour"),
        "{:?}",
        opened.reasons
    );
    assert_eq!((closed.exposure.subjects, closed.exposure.records), (0, 0));
    assert_eq!(closed.last_seen_at.as_millis(), began_at + 29 * 60_000);
}

#[test]
fn what_is_read_behind_refusals_is_exposed_whatever_came_first() {
    for is_late in [false, true] {
        let mut weeks = Weeks::default();
        weeks.busy_clerks(42);
        weeks.locked();
        // Half an hour behind them, few enough to alarm nobody by themselves; and others at night.
        weeks.view("clerk-3", 37, 20, (0..9).map(|n| format!("opened-{n}")));
        weeks.view("clerk-3", 37, 23, (0..9).map(|n| format!("later-{n}")));
        let opened_at = weeks.reads.len() - 18..weeks.reads.len() - 9;
        for read in &mut weeks.reads[opened_at] {
            read.at += HOUR_MS / 2;
        }
        let lines = weeks.lines_by("", |read| {
            let comes = if is_late && read.outcome == "denied" {
                read.at + 50 * 60_000
            } else {
                read.at
            };
            (comes, 0)
        });
        let alerts = Weeks::decide_lines(&lines, &mut Pipeline::new("a", Config::default()));
        assert_eq!(opened(&alerts), [("clerk-3", Kind::DeniedBurst)]);
        let closed = alerts.last().unwrap();
        assert_eq!(closed.exposure.subjects, 9, "late: {is_late}");
        let until = FROM_MS + 37 * DAY_MS + 20 * HOUR_MS + 38 * 60_000;
        assert_eq!(closed.last_seen_at.as_millis(), until);
    }
}

#[test]
fn refusals_that_lead_to_a_theft_are_one_incident_with_it() {
    let mut weeks = Weeks::default();
    weeks.busy_clerks(42);
    weeks.locked();
    weeks.view("clerk-3", 37, 21, (0..200).map(|n| format!("stolen-{n}")));
    let alerts = weeks.decide();
    assert_eq!(opened(&alerts).len(), 1);
    let closed = alerts.last().unwrap();
    assert_eq!(closed.kind, Kind::Enumeration);
    assert_eq!(
        (alerts[0].kind, alerts[0].exposure.subjects),
        (Kind::DeniedBurst, 0)
    );
    assert!(closed.exposure.subjects >= 200);
}

#[test]
fn what_was_read_as_usual_before_a_new_address_is_no_part_of_the_theft() {
    let mut weeks = Weeks::default();
    weeks.busy_clerks(42);
    weeks.hour(66, ELSEWHERE, USUAL);
    weeks.view("clerk-3", 37, 15, std::iter::once("before".to_owned()));
    weeks.reads.last_mut().unwrap().at += 59 * 60_000;
    let closed = weeks.decide().pop().unwrap();
    assert_eq!(closed.state, AlertState::Closed);
    assert_eq!(
        closed.started_at.as_millis(),
        FROM_MS + 37 * DAY_MS + 16 * HOUR_MS
    );
    assert_eq!(closed.exposure.subjects, 66);
}

#[test]
fn an_ordinary_read_that_comes_late_belongs_to_the_incident_as_if_it_had_not() {
    let decide = |arrives_after_ms: i64| {
        let mut weeks = Weeks::default();
        weeks.busy_clerks(42);
        weeks.hour(120, OFFICE, USUAL);
        weeks.view("clerk-3", 37, 15, std::iter::once("before".to_owned()));
        weeks.reads.last_mut().unwrap().at += 59 * 60_000;
        let lines = weeks.lines_by("", |read| {
            let is_late = read.subjects[0] == "before";
            (read.at + if is_late { arrives_after_ms } else { 0 }, 0)
        });
        let mut pipeline = Pipeline::new("a", Config::default());
        let alerts = Weeks::decide_lines(&lines, &mut pipeline);
        let closed = alerts.last().unwrap();
        assert_eq!(closed.state, AlertState::Closed);
        (closed.incident.clone(), closed.exposure.clone())
    };
    let in_order = decide(0);
    assert_eq!(
        in_order.1.first_at.as_millis(),
        FROM_MS + 37 * DAY_MS + 15 * HOUR_MS + 59 * 60_000
    );
    assert_eq!(decide(58 * 60_000), in_order);
}

/// Weeks of clerks whose work is on the three hundred people of the week, all of them together; on a
/// day of the sixth week `clerk-3` reads `people` instead, as many as ever.
fn a_day_of(people: impl Fn(i64) -> String) -> Vec<Alert> {
    let mut weeks = Weeks::default();
    for clerk in 0..12_i64 {
        for day in (0..42).filter(|day| day % 7 < 5) {
            for hour in 9..16 {
                let read = 4 + (clerk * 31 + day * 17 + hour * 13) % 32;
                let week = |n| format!("week-{}-{}", day / 7, (n * 7 + clerk + hour) % 300);
                let all: Vec<_> = match (clerk, day) {
                    (3, 37) => (0..read).map(|n| people(hour * 40 + n)).collect(),
                    _ => (0..read).map(week).collect(),
                };
                weeks.view(&format!("clerk-{clerk}"), day, hour, all.into_iter());
            }
        }
    }
    weeks.decide()
}

#[test]
fn an_alarm_says_where_people_were_read_by_consecutive_ids() {
    let told = |step: i64| {
        let mut weeks = Weeks::default();
        weeks.clerks(38);
        // From the last to the first: the order does not matter.
        let people = (0..80).rev().map(|n| format!("taken-{}", n * step));
        weeks.view("clerk-3", 37, 20, people);
        let alerts = weeks.decide();
        let last = alerts
            .iter()
            .rfind(|alert| !alert.kind.is_of_feed())
            .unwrap();
        let told = last.reasons.last().unwrap();
        told.contains("consecutive").then(|| told.clone())
    };
    let sequence = "60 of the 60 people read in 1 hour have consecutive ids";
    assert_eq!(told(1).as_deref(), Some(sequence));
    assert_eq!(told(2), None);
}

#[test]
fn a_usual_number_of_people_whom_nobody_had_read_for_a_fortnight_is_too_many() {
    let alerts = a_day_of(|n| format!("week-{}-{}", n % 3, n * 7 % 300));
    assert_eq!(opened(&alerts), [("clerk-3", Kind::Enumeration)]);
    let reason = &alerts[0].reasons[0];
    assert!(
        reason.contains("nobody had read for a fortnight"),
        "{reason}"
    );
    let alerts = a_day_of(|n| format!("week-5-{}", n * 7 % 300));
    assert_eq!(opened(&alerts), [], "the same number of this week's people");
}

/// Ten clerks who read anybody of a register: of five thousand, more and more were read before, and not
/// lately.
fn strangers_all_day(days: i64, register: u64) -> Weeks {
    let mut weeks = Weeks::default();
    let mut draw = 20_260_601_u64;
    for day in (0..days).filter(|day| day % 7 < 5) {
        for clerk in 0..10 {
            let people = (0..20 + (clerk * 5 + day * 7) % 9).map(|_| {
                draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("p-{}", (draw >> 33) % register)
            });
            let people: Vec<_> = people.collect();
            weeks.view(&format!("clerk-{clerk}"), day, 9, people.into_iter());
        }
    }
    weeks
}

#[test]
fn that_more_people_were_once_read_as_a_log_grows_is_no_excess() {
    let alerts = strangers_all_day(84, 5_000).decide();
    assert_eq!(opened(&alerts), [], "{:?}", alerts.first());
    let mut weeks = strangers_all_day(84, 5_000);
    // Of nine in ten of these somebody has read before.
    let taken = (0..300).map(|n| format!("p-{}", n * 16));
    weeks.view("clerk-3", 81, 11, taken);
    let alerts = weeks.decide();
    assert!(matches!(opened(&alerts)[..], [("clerk-3", _)]));
}

/// Twelve weeks of clerks who read anybody of fifty thousand; in the last one of them reads `taken` more, a minute apart.
fn taken_by_a_clerk(taken: impl Iterator<Item = i64>) -> Vec<Alert> {
    let mut weeks = strangers_all_day(84, 50_000);
    weeks.view("clerk-3", 81, 14, taken.map(|n| format!("p-{n}")));
    weeks.decide()
}

#[test]
fn who_counts_up_is_told_of_as_few_as_others_read_in_an_hour() {
    let counted = taken_by_a_clerk(3_000..3_030);
    assert_eq!(opened(&counted), [("clerk-3", Kind::Enumeration)]);
    let reason = &counted[0].reasons[0];
    assert!(reason.contains("ids follow on one another"), "{reason}");
    let about = taken_by_a_clerk((0..30).map(|n| 3_000 + n * 7 % 30));
    assert_eq!(opened(&about), opened(&counted), "in another order");
    let spread = taken_by_a_clerk((0..30).map(|n| 3_000 + n * 7));
    assert_eq!(opened(&spread), []);
}

/// Each Monday every clerk works through a page of forty new people, who were numbered in one go.
#[test]
fn who_is_given_pages_of_new_people_each_week_does_not_count_up() {
    let mut weeks = Weeks::default();
    weeks.clerks(84);
    for (clerk, week) in (0..12).flat_map(|clerk| (0..12).map(move |week| (clerk, week))) {
        let first = week * 1_000 + clerk * 50;
        let page = (first..first + 40).map(|n| format!("new-{n}"));
        weeks.view(&format!("clerk-{clerk}"), week * 7, 14, page);
    }
    weeks.reads.sort_by_key(|read| read.at);
    assert_eq!(opened(&weeks.decide()), []);
}

/// Six weeks of a program that looks people up for others, two hundred an hour by day and twenty by night;
/// in an `hour` of the sixth week it looks up two more a minute.
fn gateway(hour: i64) -> Vec<Alert> {
    let mut weeks = Weeks::default();
    for clock in 0..42 * 24 {
        let (day, hour) = (clock / 24, clock % 24);
        let people = if (8..18).contains(&hour) { 200 } else { 20 } + clock * 7 % 13;
        let first = weeks.reads.len();
        let looked_up = (0..people).map(|n| own(hour, (n * 37 + clock * 101) % 5_000));
        weeks.view("gateway", day, hour, looked_up);
        for (place, read) in (0..).zip(&mut weeks.reads[first..]) {
            read.at = day * DAY_MS + hour * HOUR_MS + place * (HOUR_MS / people);
        }
    }
    let first = weeks.reads.len();
    weeks.view("gateway", 37, hour, (0..120).map(|n| format!("more-{n}")));
    for (place, read) in (0..).zip(&mut weeks.reads[first..]) {
        read.at = 37 * DAY_MS + hour * HOUR_MS + 1_000 + place * 29_000;
    }
    for read in &mut weeks.reads {
        read.kind = "service";
    }
    weeks.reads.sort_by_key(|read| read.at);
    weeks.decide()
}

#[test]
fn what_a_program_reads_by_day_is_too_much_by_night() {
    assert_eq!(opened(&gateway(12)), []);
    assert_eq!(opened(&gateway(3)), [("gateway", Kind::Enumeration)]);
}

/// Staff that comes to a call centre in its sixth week reads little in its first days, and all of it
/// half as much again within two months.
#[test]
fn new_staff_that_comes_to_read_as_much_as_the_others_is_no_slow_theft() {
    let mut weeks = Weeks::default();
    for day in (0..100).filter(|day| day % 7 < 5) {
        for agent in 0..40 {
            let since = day - 35;
            let (begins, pace) = if agent < 30 {
                (0, 10)
            } else {
                (35, (4 + since).min(10))
            };
            if day < begins {
                continue;
            }
            let grown = 100 + (day - 40).clamp(0, 50);
            let read = 60 * pace * grown / 1_000 + (agent * 5 + day * 7) % 9;
            let people =
                (0..read).map(|n| format!("p-{}", (agent * 71 + day * 131 + n * 17) % 20_011));
            weeks.view(&format!("agent-{agent}"), day, 9, people);
        }
    }
    weeks.reads.sort_by_key(|read| read.at);
    assert_eq!(opened(&weeks.decide()), []);
}

/// Whoever comes first on a morning is judged by what the day before taught, which is known once others have
/// come: an alarm of that is raised then.
#[test]
fn what_is_found_again_is_raised_when_it_is_known() {
    let mut weeks = Weeks::default();
    for day in 0..4 {
        for clerk in 0..40_i64 {
            let people = (0..3).map(|n| own(clerk, n));
            weeks.view(&format!("clerk-{clerk}"), day, 9, people);
        }
    }
    // Too much by what three days taught, not yet by two.
    weeks.view("clerk-7", 3, 8, (0..24).map(|n| format!("stolen-{n}")));
    let alerts = weeks.decide();
    assert_eq!(opened(&alerts), [("clerk-7", Kind::Enumeration)]);
    let came_back = FROM_MS + 3 * DAY_MS + 9 * HOUR_MS;
    assert_eq!(alerts[0].raised_at.as_millis(), came_back);
    let first = alerts[0].exposure.first_at.as_millis();
    assert_eq!(first, FROM_MS + 3 * DAY_MS + 8 * HOUR_MS);
}
