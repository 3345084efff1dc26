//! Suppliers whose clock does not show UTC: what hangs on the hour follows the wall.

use rosterwatch::{
    event::DAY_MS,
    incident::{Alert, Kind},
};

use crate::{
    declared::decided,
    detection::{FROM_MS, HOUR_MS, Weeks, opened},
};

const MINUTE_MS: i64 = 60_000;
/// 2026-10-25, the Sunday on which Europe puts its clocks back, in days since the start.
const CHANGE: i64 = 146;

/// A nightly run of six hundred people at a time of Berlin's wall clock, on so many nights before and
/// after the change of the clock, and as `also` says: nights after it, a time of the wall.
fn nights(before: i64, after: i64, also: Option<(i64, i64)>) -> Weeks {
    let mut weeks = Weeks::default();
    let mut run = |night: i64, wall_ms: i64| {
        // The clock is put back at 03:00, after the run of the night.
        let ahead = if night > 0 { HOUR_MS } else { 2 * HOUR_MS };
        let people = (0..600).map(|n| format!("p-{}", n + night.rem_euclid(3)));
        weeks.batch("sync", CHANGE + night, wall_ms - ahead, people);
    };
    let half_past_two = 150 * MINUTE_MS;
    for night in -before..=after {
        match also {
            Some((moved, wall_ms)) if moved == night => run(night, wall_ms),
            _ => run(night, half_past_two),
        }
    }
    weeks
}

const DECLARED: &str = r#"
[[suppliers.a.jobs]]
account = "sync"
every = "day"
within = "30m"
people_max = 700
"#;

#[test]
fn a_declared_job_follows_the_wall_where_the_zone_is_known_and_is_off_schedule_where_not() {
    let berlin = format!("suppliers.a.timezone = \"Europe/Berlin\"\n{DECLARED}at = \"02:30\"\n");
    assert_eq!(opened(&decided(&berlin, nights(20, 20, None))), []);
    // The same in UTC is right until the clock is changed.
    let utc = format!("{DECLARED}at = \"00:30\"\n");
    let alerts = decided(&utc, nights(20, 20, None));
    assert_eq!(opened(&alerts)[0], ("sync", Kind::OffSchedule));
    let night = (alerts[0].raised_at.as_millis() - FROM_MS) / DAY_MS - CHANGE;
    assert_eq!(night, 1, "the first night after the change");
}

#[test]
fn a_declared_job_in_the_hour_that_is_skipped_may_run_on_either_side_of_it() {
    let config = format!("suppliers.a.timezone = \"Europe/Berlin\"\n{DECLARED}at = \"02:30\"\n");
    // On 2027-03-28 the wall shows 03:30 at 01:30 UTC, the hour of the nights before.
    let run = |minutes: i64| {
        let mut weeks = Weeks::default();
        for night in 280..=300 {
            let at = if night == 300 { minutes } else { 90 };
            let people = (0..600).map(|n| format!("p-{}", n + night % 3));
            weeks.batch("sync", night, at * MINUTE_MS, people);
        }
        decided(&config, weeks)
    };
    assert_eq!([30, 90].map(|minutes| opened(&run(minutes)).len()), [0, 0]);
    assert_eq!(opened(&run(150)), [("sync", Kind::OffSchedule)]);
}

#[test]
fn a_recognised_job_that_is_late_after_the_change_is_late_by_the_wall() {
    let berlin = "[suppliers.a]\ntimezone = \"Europe/Berlin\"\n";
    let late = || nights(30, 3, Some((2, 185 * MINUTE_MS)));
    assert_eq!(opened_after(&decided(berlin, late()), 0), []);
    assert_eq!(
        opened_after(&decided("", late()), 0),
        [(2, Kind::OffSchedule)]
    );
    // By the wall it is held to its hour as ever.
    let noon = nights(30, 3, Some((2, 12 * HOUR_MS)));
    assert_eq!(
        opened_after(&decided(berlin, noon), 0),
        [(2, Kind::OffSchedule)]
    );
}

/// Incidents opened on nights after the change, by night.
fn opened_after(alerts: &[Alert], night: i64) -> Vec<(i64, Kind)> {
    let night_of = |alert: &Alert| (alert.started_at.as_millis() - FROM_MS) / DAY_MS - CHANGE;
    let of_account = alerts.iter().filter(|alert| alert.account.is_some());
    let opened =
        of_account.filter(|alert| alert.state == rosterwatch::incident::AlertState::Opened);
    let nights = opened.map(|alert| (night_of(alert), alert.kind));
    nights.filter(|(at, _)| *at > night).collect()
}

#[test]
fn the_last_working_day_is_that_of_the_supplier() {
    let job = r#"
[[suppliers.a.jobs]]
account = "payroll-run"
every = "last working day"
at = "02:00"
people_max = 4_000
"#;
    let months = || {
        let mut weeks = Weeks::default();
        weeks.clerks(63);
        // 02:00 in Tokyo on 30 June and 31 July: still the day before in UTC.
        for day in [29, 60] {
            let people = (0..3_000).map(|n| format!("p-{day}-{n}"));
            weeks.batch("payroll-run", day, -7 * HOUR_MS + 600_000, people);
        }
        weeks
    };
    let tokyo = format!("suppliers.a.timezone = \"Asia/Tokyo\"\n{job}");
    assert_eq!(opened(&decided(&tokyo, months())), []);
    let unsaid = decided(job, months());
    assert_eq!(opened(&unsaid)[0], ("payroll-run", Kind::OffSchedule));
}

#[test]
fn a_zone_that_shows_utc_changes_nothing() {
    let utc = format!("suppliers.a.timezone = \"Etc/UTC\"\n{DECLARED}at = \"00:30\"\n");
    let without = format!("{DECLARED}at = \"00:30\"\n");
    let [one, other] = [utc, without].map(|config| decided(&config, nights(20, 5, None)));
    assert!(!one.is_empty());
    assert_eq!(one, other);
}
