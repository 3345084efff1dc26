//! What the operator and the analyst tell the detector, through the configuration that they write.

use std::{collections::BTreeSet, path::Path, process::Command};

use rosterwatch::{
    config::Config,
    event::{AccountKind, DAY_MS},
    feed::Pipeline,
    incident::{Alert, AlertState, Judged, Kind, Severity, Verdict},
};

use crate::detection::{FROM_MS, HOUR_MS, Weeks, opened, own};

/// What is decided under a configuration.
pub(crate) fn decided(config: &str, weeks: Weeks) -> Vec<Alert> {
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
people_max = 6_000
"#;

/// Two months in which a program reads four thousand people at each month's end, and once more as
/// `also` says: a day, an hour, people.
fn months(also: Option<(i64, i64, i64)>) -> Weeks {
    let mut weeks = Weeks::default();
    weeks.clerks(63);
    for day in MONTH_ENDS {
        weeks.batch(
            "payroll-run",
            day,
            2 * HOUR_MS + 600_000,
            strangers(day, 4_000),
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
        alerts[0].reasons.last().unwrap(),
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
        ("another hour", (60, 14, 4_000)),
        ("another day", (50, 2, 4_000)),
        ("twice", (60, 2, 4_000)),
        ("larger", (29, 3, 16_000)),
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
fn what_a_job_explains_ends_with_its_hours_in_any_order_of_arrival() {
    let job = MONTH_END.replace("last working day", "day");
    let config = Config::parse(&job, "test.toml", []).unwrap();
    let mut weeks = Weeks::default();
    weeks.clerks(21);
    for day in 0..21 {
        let at = 2 * HOUR_MS + 1_800_000;
        weeks.batch("payroll-run", day, at, strangers(day, 600));
    }
    // The declared hours end at four; a read just after, and half an hour later a theft.
    let read = 20 * DAY_MS + 4 * HOUR_MS + 60_000;
    weeks.batch("payroll-run", 20, read - 20 * DAY_MS, strangers(50, 1));
    let theft = 4 * HOUR_MS + 1_800_000;
    weeks.batch("payroll-run", 20, theft, strangers(60, 500));
    let arrivals = [0, HOUR_MS * 3 / 4].map(|delay| {
        let reads = weeks.reads.clone();
        let late = |at: i64| if at == read { at + delay } else { at };
        let lines = Weeks { reads }.lines_by("", |read| (late(read.at), 0));
        Weeks::decide_lines(&lines, &mut Pipeline::new("a", config.feed_of("a")))
    });
    for alerts in &arrivals {
        assert_eq!(opened(alerts), [("payroll-run", Kind::OffSchedule)]);
    }
    assert_eq!(arrivals[0][0].incident, arrivals[1][0].incident);
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
        alert.reasons[0],
        "1 record exported in 5 minutes by an account that was declared never to export"
    );
    assert_eq!((alert.exposure.records, alert.expected_upper), (1, 0));
}

/// The clerks' own weekdays, and on a Wednesday of the sixth week `clerk-3` alone, in the morning.
fn a_clerk_on_a_holiday() -> Weeks {
    let mut weeks = Weeks::default();
    weeks.clerks(42);
    weeks.reads.retain(|read| read.at / DAY_MS != 37);
    weeks.view("clerk-3", 37, 9, (0..54).map(|n| own(3, n)));
    weeks
}

#[test]
fn what_is_usual_on_a_working_day_may_be_too_much_on_a_holiday() {
    let holiday = "[suppliers.a]\nholidays = [\"2026-07-08\"]\n";
    assert_eq!(opened(&decided("", a_clerk_on_a_holiday())), []);
    let alerts = decided(holiday, a_clerk_on_a_holiday());
    assert_eq!(opened(&alerts), [("clerk-3", Kind::Enumeration)]);
    let is_silence = |alert: &Alert| alert.kind == Kind::FeedSilence;
    assert!(!alerts.iter().any(is_silence), "nothing is awaited on it");
    assert!(decided("", a_clerk_on_a_holiday()).iter().any(is_silence));
}

/// Five weeks in which `clerk-3` reads so many strangers at once on the fourth Wednesday, and again
/// a week later; `clerk-5` steals on the day before that.
fn twice(people: i64) -> Weeks {
    let mut weeks = Weeks::default();
    weeks.clerks(42);
    for day in [30, 37] {
        weeks.view("clerk-3", day, 14, strangers(day, people));
    }
    weeks.view("clerk-5", 36, 14, strangers(36, 300));
    weeks
}

/// The accounts alarmed at and their days, after a verdict on the first incident.
fn told_of(verdict: Option<&str>) -> (Vec<(String, i64)>, Vec<Alert>) {
    let first = decided("", twice(90)).swap_remove(0);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("verdicts.ndjson");
    let line = verdict.map(|verdict| {
        format!(
            "{{\"incident\":\"{}\",\"verdict\":\"{verdict}\",\"at\":\"2026-09-01T00:00:00Z\"}}\n",
            first.incident
        )
    });
    std::fs::write(&file, line.unwrap_or_default()).unwrap();
    let config = format!("[detect]\nverdicts = {:?}\n", file.display().to_string());
    let alerts = decided(&config, twice(90));
    let opened = alerts
        .iter()
        .filter(|alert| alert.state == AlertState::Opened);
    let opened = opened.map(|alert| (alert.account.clone().unwrap(), day_of(alert)));
    (opened.collect(), alerts)
}

fn bar_of(alerts: &[Alert], account: &str) -> u64 {
    let mut of = alerts
        .iter()
        .filter(|alert| alert.account.as_deref() == Some(account));
    of.next().unwrap().expected_upper
}

#[test]
fn what_was_vouched_for_is_silent_the_next_time_and_raises_everybodys_bars() {
    let (unsaid, before) = told_of(None);
    let of = |account: &str, day| (account.to_owned(), day);
    let all = [of("clerk-3", 30), of("clerk-5", 36), of("clerk-3", 37)];
    assert_eq!(unsaid, all);
    for verdict in ["false_positive", "expected"] {
        let (told, after) = told_of(Some(verdict));
        assert_eq!(told, [of("clerk-3", 30), of("clerk-5", 36)], "{verdict}");
        let bars = [&before, &after].map(|alerts| bar_of(alerts, "clerk-5"));
        assert!(bars[1] > bars[0], "{verdict}: {bars:?}");
    }
}

#[test]
fn a_theft_teaches_nothing_at_all() {
    let (told, alerts) = told_of(Some("true_positive"));
    assert_eq!(told.len(), 3, "{told:?}");
    // The day's window still holds the theft on the next morning: the incident has two days.
    let mut without = twice(90);
    without
        .reads
        .retain(|read| read.account != "clerk-3" || ![30, 31].contains(&(read.at / DAY_MS)));
    let second = |alerts: &[Alert]| {
        let mut of_day = alerts.iter().filter(|alert| day_of(alert) == 37);
        let first = of_day.next().unwrap();
        (first.baseline_days, first.expected_subjects)
    };
    let (unsaid, rejected, never) = (
        second(&told_of(None).1),
        second(&alerts),
        second(&decided("", without)),
    );
    assert_eq!((rejected.0, unsaid.0), (never.0, never.0 + 2));
    // Hours of the day before lie in the day's window of the day after.
    assert!(
        (rejected.1 / never.1 - 1.0).abs() < 0.01,
        "{rejected:?} {never:?}"
    );
}

#[test]
fn a_verdict_by_call_counts_while_its_day_is_not_settled() {
    let all = twice(90);
    let split = 31 * DAY_MS;
    let part = |is_wanted: &dyn Fn(i64) -> bool| Weeks {
        reads: all
            .reads
            .iter()
            .filter(|read| is_wanted(read.at))
            .cloned()
            .collect(),
    };
    let mut pipeline = Pipeline::new("a", rosterwatch::feed::Config::default());
    let first = part(&|at| at < split)
        .decide_with(&mut pipeline)
        .swap_remove(0);
    let judged = pipeline.judge(&first.incident, first.raised_at, Verdict::Expected);
    assert_eq!(judged, Judged::Taken);
    let rest = part(&|at| at >= split).decide_as(&mut pipeline, "b");
    assert_eq!(opened(&rest), [("clerk-5", Kind::Enumeration)]);
    let theft_at = first.raised_at;
    let mut late = |alert: &Alert| pipeline.judge(&alert.incident, theft_at, Verdict::TruePositive);
    let theft = rest
        .iter()
        .find(|alert| alert.account.as_deref() == Some("clerk-5"));
    assert_eq!(late(theft.unwrap()), Judged::TooLate);
    assert_eq!(late(&first), Judged::TooLate, "its verdict has counted");
    let counts = pipeline.verdict_counts();
    assert_eq!((counts.taught, counts.rejected, counts.too_late), (1, 0, 2));
    assert_eq!(pipeline.judged().collect::<Vec<_>>(), [first.incident]);
}

/// A file of suppressions with the text given, beside the configuration that names it.
fn muted_by(dir: &Path, text: &str) -> String {
    let file = dir.join("suppressions");
    std::fs::write(&file, text).unwrap();
    format!(
        "[detect]\nsuppressions = {:?}\n",
        file.display().to_string()
    )
}

/// What is decided of so many strangers' records read by `clerk-3`, with a suppression.
fn muted(people: i64, suppression: &str) -> Vec<Alert> {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("[[suppression]]\nreason = \"stocktaking\"\n{suppression}\n");
    decided(&muted_by(dir.path(), &text), once(people))
}

/// Weeks in which `clerk-3` reads so many strangers at once, one Wednesday.
fn once(people: i64) -> Weeks {
    let mut weeks = Weeks::default();
    weeks.clerks(42);
    weeks.view("clerk-3", 30, 14, strangers(30, people));
    weeks
}

const STOCKTAKING: &str = "supplier = \"a\"\naccount = \"clerk-3\"\nuntil = 2026-12-31";

#[test]
fn a_suppression_mutes_the_page_and_nothing_else() {
    let told = decided("", once(90));
    let muted = muted(90, STOCKTAKING);
    assert!(told.iter().all(|alert| alert.suppressed.is_none()));
    let reason = Some("stocktaking".to_owned());
    assert!(muted.iter().all(|alert| alert.suppressed == reason));
    let unmuted = muted.into_iter().map(|alert| Alert {
        suppressed: None,
        ..alert
    });
    assert_eq!(unmuted.collect::<Vec<_>>(), told);
}

#[test]
fn an_incident_that_outgrows_its_suppression_is_told_from_the_next_revision_on() {
    let alerts = muted(400, &format!("{STOCKTAKING}\npeople_max = 100"));
    let muted = |alert: &&Alert| alert.suppressed.is_some();
    let (small, large): (Vec<&Alert>, Vec<&Alert>) = alerts.iter().partition(muted);
    assert!(!small.is_empty() && !large.is_empty());
    assert!(small.iter().all(|alert| alert.exposure.subjects <= 100));
    assert!(large.iter().all(|alert| alert.exposure.subjects > 100));
}

#[test]
fn a_suppression_holds_in_its_scope_alone() {
    let scopes = [
        ("", true),
        ("hours = \"08:00-18:00\"", true),
        ("hours = \"15:00-18:00\"", false),
        ("hours = \"22:00-06:00\"", false),
        ("action = \"view\"", true),
        ("action = \"export\"", false),
        ("source_ip = \"10.0.0.7\"", true),
        ("source_ip = \"10.0.0.8\"", false),
    ];
    for (scope, is_muted) in scopes {
        let alerts = muted(90, &format!("{STOCKTAKING}\n{scope}"));
        assert_eq!(alerts[0].suppressed.is_some(), is_muted, "{scope}");
    }
    for (from, to) in [
        ("\"a\"", "\"b\""),
        ("clerk-3", "clerk-4"),
        ("12-31", "06-30"),
    ] {
        let alerts = muted(90, &STOCKTAKING.replace(from, to));
        assert_eq!(alerts[0].suppressed, None, "{to}");
    }
    let last_day = STOCKTAKING.replace("12-31", "07-01");
    assert!(muted(90, &last_day)[0].suppressed.is_some());
}

#[test]
fn one_read_from_elsewhere_is_out_of_a_scope_of_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"{"supplier":"a","source_ip":"10.0.0.7","until":"2026-12-31","reason":"r"}"#;
    let config = muted_by(dir.path(), text);
    let mut weeks = once(90);
    assert!(decided(&config, once(90))[0].suppressed.is_some());
    // Before the alarm, in the hour that it looks at.
    let early = weeks.reads.iter_mut().rfind(|read| {
        read.account == "clerk-3" && read.at == 30 * DAY_MS + 14 * HOUR_MS + 5 * 60_000
    });
    early.unwrap().address = "203.0.113.9";
    let alerts = decided(&config, weeks);
    assert!(alerts.iter().all(|alert| alert.suppressed.is_none()));
}

#[test]
fn replay_takes_verdicts_and_does_not_fail_on_what_is_suppressed() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    write("log.ndjson", &once(90).lines("").join("\n"));
    let json = STOCKTAKING
        .replace('\n', ",")
        .replace(" = ", ":")
        .replace("2026-12-31", "\"2026-12-31\"");
    let json = ["supplier", "account", "until"]
        .iter()
        .fold(json, |json, key| {
            json.replacen(&format!("{key}:"), &format!("\"{key}\":"), 1)
        });
    let config = muted_by(
        dir.path(),
        &format!("{{{json},\"reason\":\"stocktaking\"}}\n"),
    );
    write("muted.toml", &config);
    let replay = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rosterwatch"))
            .args(["replay", "--fail-on-alert", &path("log.ndjson")])
            .args(args)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, alerts, _) = replay(&[]);
    assert_eq!(code, Some(1));
    let first: serde_json::Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    assert_eq!(first["suppressed"], serde_json::Value::Null);
    let (code, muted, summary) = replay(&["--config", &path("muted.toml")]);
    assert_eq!(code, Some(0), "{summary}");
    assert_eq!(muted.lines().count(), alerts.lines().count());
    assert!(muted.contains(r#""suppressed":"stocktaking""#), "{muted}");
    assert!(summary.contains("suppressed "), "{summary}");
    let verdict = r#"{"incident":"INC","verdict":"expected","at":"2026-09-01T00:00:00Z"}"#;
    write(
        "verdicts",
        &verdict.replace("INC", first["incident"].as_str().unwrap()),
    );
    let (_, _, summary) = replay(&["--verdicts", &path("verdicts")]);
    assert!(summary.contains("verdicts 1: 1 counted"), "{summary}");
    write("verdicts", "maybe\n");
    let (code, _, told) = replay(&["--verdicts", &path("verdicts")]);
    assert_eq!(code, Some(2));
    assert!(told.contains("verdicts:1: is no JSON object"), "{told}");
}

#[test]
fn what_is_told_changes_nothing_with_the_order_of_arrival() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let world = || {
        let mut weeks = months(Some((50, 2, 4_000)));
        weeks.reads.append(&mut twice(90).reads);
        // Somebody always reads: after a silent night the first events count people as new who were
        // met the day before, until enough of them say that it is morning.
        for half_hour in 0..63 * 48 {
            weeks.view("kiosk", 0, 0, std::iter::once(own(0, half_hour % 9)));
            weeks.reads.last_mut().unwrap().at = half_hour * HOUR_MS / 2;
        }
        weeks
    };
    let verdicts = decided(MONTH_END, world()).into_iter().map(|alert| {
        let verdict = if day_of(&alert) % 2 == 0 {
            "expected"
        } else {
            "true_positive"
        };
        let incident = alert.incident;
        format!(r#"{{"incident":"{incident}","verdict":"{verdict}","at":"2026-09-01T00:00:00Z"}}"#)
    });
    std::fs::write(path("verdicts"), verdicts.collect::<Vec<_>>().join("\n")).unwrap();
    let muted = muted_by(
        dir.path(),
        &format!("[[suppression]]\nreason = \"r\"\naction = \"view\"\n{STOCKTAKING}\n"),
    );
    let verdicts = path("verdicts");
    let config = format!("{muted}verdicts = {verdicts:?}\n{MONTH_END}");
    let config = Config::parse(&config, "test.toml", []).unwrap_or_else(|all| panic!("{all}"));
    let incidents = |bucket_ms: i64| {
        // Each bucket of time arrives backwards.
        let lines = world().lines_by("", |read| (read.at / bucket_ms, -(read.at % bucket_ms)));
        let mut pipeline = Pipeline::new("a", config.feed_of("a"));
        let alerts = Weeks::decide_lines(&lines, &mut pipeline);
        let closed = alerts
            .into_iter()
            .filter(|alert| alert.state == AlertState::Closed);
        let closed = closed.map(|alert| (alert.incident, alert.exposure, alert.suppressed));
        let mut closed: Vec<_> = closed.collect();
        closed.sort_by(|a, b| a.0.cmp(&b.0));
        (closed, pipeline.verdict_counts())
    };
    let (in_order, counts) = incidents(1);
    assert!(
        in_order.len() > 2 && counts.taught > 0 && counts.rejected > 0,
        "{counts:?}"
    );
    assert!(in_order.iter().any(|(.., suppressed)| suppressed.is_some()));
    for minutes in [7, 30] {
        assert_eq!(
            incidents(minutes * 60_000),
            (in_order.clone(), counts),
            "{minutes}"
        );
    }
}

/// A clerk that meets as many new people on each working day as it always has, at a supplier that
/// holds 4,000; the alerts of its feed.
fn wide_reading(told: &str) -> (Vec<Alert>, Vec<(i64, Vec<String>)>) {
    let mut weeks = Weeks::default();
    weeks.clerks(56);
    for day in (0..56).filter(|day| day % 7 < 5) {
        let people = (0..22).map(|n| format!("wide-{day}-{n}"));
        weeks.view("clerk-wide", day, 10, people);
    }
    let reads = weeks.reads.iter();
    let reads = reads.filter(|read| read.account == "clerk-wide");
    let reads = reads.map(|read| (FROM_MS + read.at, read.subjects.clone()));
    let reads = reads.collect();
    let text = format!("[suppliers.a]\npopulation = 4000\n{told}");
    (decided(&text, weeks), reads)
}

#[test]
fn who_reads_a_tenth_of_all_within_a_month_is_told_of_once_however_slowly() {
    let (alerts, reads) = wide_reading("");
    assert_eq!(opened(&alerts), [("clerk-wide", Kind::SlowDrip)]);
    let alert = &alerts[0];
    assert_eq!(alert.severity, Severity::Critical);
    assert_eq!(alert.window_ms, 30 * DAY_MS);
    let raised = alert.raised_at.as_millis();
    let day = |at: i64| at.div_euclid(DAY_MS);
    let people = |days: i64| {
        let within = reads
            .iter()
            .filter(|(at, _)| *at <= raised && day(*at) > day(raised) - days);
        let people: BTreeSet<&String> = within.flat_map(|(_, people)| people).collect();
        people.len()
    };
    assert_eq!(alert.observed_subjects, people(30) as u64);
    assert_eq!(people(30), 400, "the very event that reached it");
    assert_eq!(alert.expected_upper, 399);
    assert_eq!(
        alert.reasons[0],
        "400 different people's records in 30 days, 10 % of all; its peers read 100 in the usual \
         case; 400 is too much for any account"
    );
    let lately = format!(
        "{} different people in the last 7 days, 400 in the last 30",
        people(7)
    );
    assert!(alert.reasons.contains(&lately), "{:?}", alert.reasons);
}

#[test]
fn a_stop_that_is_passed_about_again_is_told_of_once() {
    // The 30 days that end on a Monday hold one working day fewer, and 399 people.
    let mut weeks = Weeks::default();
    weeks.clerks(84);
    for day in (0..84).filter(|day| day % 7 < 5) {
        let people = (0..19).map(|n| format!("wide-{day}-{n}"));
        weeks.view("clerk-wide", day, 10, people);
    }
    let alerts = decided("[suppliers.a]\npopulation = 4000\n", weeks);
    assert_eq!(opened(&alerts), [("clerk-wide", Kind::SlowDrip)]);
}

#[test]
fn who_may_read_all_is_not_stopped() {
    let (alerts, _) = wide_reading("accounts.clerk-wide.may_read_all = true\n");
    assert_eq!(opened(&alerts), []);
}
