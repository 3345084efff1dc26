//! What the operator and the analyst tell the detector, through the configuration that they write.

use rosterwatch::{
    config::Config,
    event::{AccountKind, DAY_MS},
    feed::Pipeline,
    incident::{Alert, Kind},
};

use crate::detection::{FROM_MS, HOUR_MS, Weeks, opened, own};

/// What is decided under a configuration.
fn decided(config: &str, weeks: Weeks) -> Vec<Alert> {
    let config = Config::parse(config, "test.toml", []).unwrap_or_else(|all| panic!("{all}"));
    weeks.decide_with(&mut Pipeline::new("a", config.feed_of("a")))
}

fn day_of(alert: &Alert) -> i64 {
    (alert.raised_at.as_millis() - FROM_MS) / DAY_MS
}

/// So many people, other ones on every day.
fn strangers(day: i64, count: i64) -> impl Iterator<Item = String> {
    (0..count).map(move |n| format!("p-{day}-{n}"))
}

/// The last working days of June and July 2026, in days since the start.
const MONTH_ENDS: [i64; 2] = [29, 60];

const MONTH_END: &str = r#"
[[suppliers.a.jobs]]
account = "payroll-run"
every = "last working day"
at = "02:00"
within = "2h"
people_max = 900
"#;

/// Two months in which a program reads six hundred people at each month's end, and once more as
/// `also` says: a day, an hour, people.
fn months(also: Option<(i64, i64, i64)>) -> Weeks {
    let mut weeks = Weeks::default();
    weeks.clerks(63);
    for day in MONTH_ENDS {
        weeks.batch(
            "payroll-run",
            day,
            2 * HOUR_MS + 600_000,
            strangers(day, 600),
        );
    }
    if let Some((day, hour, people)) = also {
        weeks.batch(
            "payroll-run",
            day,
            hour * HOUR_MS,
            strangers(900 + day, people),
        );
    }
    weeks
}

#[test]
fn a_month_end_that_nobody_declared_alarms_and_says_what_to_do() {
    let alerts = decided("", months(None));
    assert_eq!(opened(&alerts)[0], ("payroll-run", Kind::BulkExport));
    assert_eq!(day_of(&alerts[0]), MONTH_ENDS[0]);
    assert_eq!(
        alerts[0].reasons[1],
        "if this is a job, declare it under suppliers.a.jobs or give a verdict"
    );
}

#[test]
fn a_declared_job_is_silent_from_its_first_run_on() {
    assert_eq!(opened(&decided(MONTH_END, months(None))), []);
}

#[test]
fn a_declared_job_at_another_hour_or_day_twice_or_larger_is_off_schedule() {
    let strays = [
        ("another hour", (60, 14, 600)),
        ("another day", (50, 2, 600)),
        ("twice", (60, 2, 600)),
        ("larger", (29, 3, 2_000)),
    ];
    for (what, also) in strays {
        let alerts = decided(MONTH_END, months(Some(also)));
        assert_eq!(
            opened(&alerts),
            [("payroll-run", Kind::OffSchedule)],
            "{what}"
        );
        assert_eq!(day_of(&alerts[0]), also.0, "{what}");
    }
}

#[test]
fn a_job_declared_to_view_explains_no_export() {
    let config = format!("{MONTH_END}action = \"api_read\"\n");
    assert_eq!(opened(&decided(&config, months(None)))[0].0, "payroll-run");
}

#[test]
fn the_first_export_of_who_is_never_to_export_is_an_incident() {
    let config = "[suppliers.a.accounts.\"new.clerk\"]\nnever_export = true\nkind = \"admin\"\n";
    let mut weeks = Weeks::default();
    weeks.clerks(14);
    weeks.view("new.clerk", 9, 10, (0..3).map(|n| own(3, n)));
    weeks.view("new.clerk", 9, 11, (3..4).map(|n| own(3, n)));
    weeks.reads.last_mut().unwrap().action = "print";
    let same = Weeks {
        reads: weeks.reads.clone(),
    };
    let silent = decided("", same);
    assert_eq!(opened(&silent), []);
    let alerts = decided(config, weeks);
    assert_eq!(opened(&alerts), [("new.clerk", Kind::BulkExport)]);
    let alert = &alerts[0];
    assert_eq!(
        alert.raised_at.as_millis(),
        FROM_MS + 9 * DAY_MS + 11 * HOUR_MS
    );
    assert_eq!(alert.account_kind, AccountKind::Admin);
    assert_eq!(
        alert.reasons,
        ["1 record exported in 5 minutes by an account that was declared never to export"]
    );
    assert_eq!((alert.exposure.records, alert.expected_upper), (1, 0));
}

/// The clerks' own weekdays, and on a Wednesday of the sixth week `clerk-3` alone, in the morning.
fn a_clerk_on_a_holiday() -> Weeks {
    let mut weeks = Weeks::default();
    weeks.clerks(42);
    weeks.reads.retain(|read| read.at / DAY_MS != 37);
    weeks.view("clerk-3", 37, 9, (0..50).map(|n| own(3, n)));
    weeks
}

#[test]
fn what_is_usual_on_a_working_day_may_be_too_much_on_a_holiday() {
    let holiday = "[suppliers.a]\nholidays = [\"2026-07-08\"]\n";
    assert_eq!(opened(&decided("", a_clerk_on_a_holiday())), []);
    let alerts = decided(holiday, a_clerk_on_a_holiday());
    assert_eq!(opened(&alerts), [("clerk-3", Kind::Enumeration)]);
}
