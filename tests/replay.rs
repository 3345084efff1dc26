//! `replay` through the built program: the same alerts however a log is stored, split and worked
//! on, and every bad line, file and pipe told apart.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use rosterwatch::simulate::{Plan, Stream};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    alerts::{self, Incidents},
    memory::peak_kib,
};

/// A small world with attacks, whole and as three partitions, made once.
struct World {
    dir: TempDir,
    lines: u64,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let plan = Plan {
            seed: 11,
            days: 18,
            suppliers: 2,
            accounts: 40,
            population: 4_000,
            attacks_per_family: 1,
            attacks_after_day: 8,
            late_fraction: 0.02,
            duplicate_fraction: 0.02,
            ..Plan::default()
        };
        let (mut whole, mut parts) = (String::new(), [const { String::new() }; 3]);
        let mut lines = 0;
        for line in Stream::new(plan).unwrap() {
            for text in [&mut whole, &mut parts[(lines * 7 % 11 % 3) as usize]] {
                text.push_str(&line.json);
                text.push('\n');
            }
            lines += 1;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("whole.ndjson"), &whole).unwrap();
        for (number, part) in parts.iter().enumerate() {
            fs::write(dir.path().join(format!("part-{number}.ndjson")), part).unwrap();
        }
        World { dir, lines }
    })
}

fn rosterwatch(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rosterwatch"));
    command.current_dir(dir).args(args).stdin(Stdio::null());
    command
}

fn replay(dir: &Path, args: &[&str]) -> Output {
    rosterwatch(dir, &["replay"]).args(args).output().unwrap()
}

/// Standard output of a replay that must succeed.
fn alerts(dir: &Path, args: &[&str]) -> String {
    let output = replay(dir, args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A line of the summary.
fn summary<'a>(stderr: &'a str, first_word: &str) -> &'a str {
    let mut lines = stderr.lines();
    lines
        .find(|line| line.split(' ').next() == Some(first_word))
        .unwrap_or_else(|| panic!("no line `{first_word}` in {stderr}"))
}

/// The number that a line of the summary begins with.
fn count(stderr: &str, first_word: &str) -> u64 {
    let line = summary(stderr, first_word);
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

fn incidents(alerts: &str) -> Incidents {
    alerts::incidents(&alerts::read(alerts))
}

const PARTS: [&str; 3] = ["part-0.ndjson", "part-1.ndjson", "part-2.ndjson"];

#[test]
fn threads_and_batches_change_no_byte() {
    let dir = world().dir.path();
    let with = |args: &[&str]| alerts(dir, &[&PARTS, args].concat());
    let expected = with(&["--threads", "1", "--batch", "10000"]);
    assert!(!expected.is_empty(), "the world's attacks raise alerts");
    assert_eq!(with(&["--threads", "2", "--batch", "1"]), expected);
    assert_eq!(with(&["--threads", "2", "--batch", "10000"]), expected);
    assert_eq!(with(&["--threads", "1", "--batch", "7"]), expected);
}

/// An export of many records by an account that nobody knows, which alarms at once.
fn export(number: usize, supplier: usize) -> String {
    let time = 1_780_272_000_000 + 1_000 * number;
    format!(
        r#"{{"id":"{number}","time":{time},"supplier":"s-{supplier}","account":"clerk","action":"export","records":5000}}"#
    )
}

#[test]
fn more_suppliers_than_threads_are_told_of_in_the_order_of_the_log() {
    const SUPPLIERS: usize = 40;
    let order = (0..SUPPLIERS).map(|number| number * 7 % SUPPLIERS);
    let log: String = order
        .clone()
        .enumerate()
        .map(|(number, supplier)| export(number, supplier) + "\n")
        .collect();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log.ndjson"), log).unwrap();
    let expected: Vec<_> = order.map(|supplier| format!("s-{supplier}")).collect();
    for args in [["--batch", "1"], ["--batch", "16"], ["--batch", "1000"]] {
        let alerts = alerts::read(&alerts(dir.path(), &[&["log.ndjson"], &args[..]].concat()));
        let told: Vec<_> = alerts
            .iter()
            .map(|alert| alert["supplier"].clone())
            .collect();
        assert_eq!(told, expected);
    }
}

/// Four weeks of thirty clerks who read three people on each of them, and a reader's events.
fn clerks_and(reader: &[String]) -> String {
    const START: i64 = 1_780_272_000_000;
    let mut log = String::new();
    for number in 0..28 * 30 * 3 {
        let (day, clerk, read) = (number / 90, number % 30, number / 30 % 3);
        let time = START + day * 86_400_000 + (9 + read) * 3_600_000 + clerk;
        write!(
            log,
            r#"{{"id":"c-{number}","time":{time},"supplier":"s","account":"clerk-{clerk}","account_kind":"person","role":"clerk","action":"view","subject":"MP-{}"}}"#,
            number * 7 % 500
        )
        .unwrap();
        log.push('\n');
    }
    log + &reader.join("\n")
}

#[test]
fn a_login_that_does_not_say_the_role_moves_nobody_out_of_it() {
    const DAY: i64 = 1_780_272_000_000 + 28 * 86_400_000 + 10 * 3_600_000;
    let view = |number: i64| {
        format!(
            r#"{{"id":"n-{number}","time":{},"supplier":"s","account":"new","account_kind":"person","role":"clerk","action":"view","subject":"MP-{number}"}}"#,
            DAY + number * 1_000
        )
    };
    let login = format!(
        r#"{{"id":"login","time":{DAY},"supplier":"s","account":"new","action":"login","outcome":"failure"}}"#
    );
    let views: Vec<_> = (0..80).map(view).collect();
    let dir = tempfile::tempdir().unwrap();
    let told = |reader: &[String]| {
        fs::write(dir.path().join("log.ndjson"), clerks_and(reader)).unwrap();
        without_evidence(&alerts(dir.path(), &["log.ndjson"]))
    };
    let expected = told(&views);
    assert!(
        !expected.is_empty(),
        "a newcomer reads eighty people in a minute"
    );
    assert_eq!(told(&[&[login], &views[..]].concat()), expected);
}

#[test]
fn reads_dated_into_the_future_without_end_are_bounded_and_break_nothing() {
    let future = |number: i64| {
        format!(
            r#"{{"id":"f-{number}","time":{},"supplier":"s","account":"clerk-0","account_kind":"person","role":"clerk","action":"view","subject":"MP-{number}","source_ip":"203.0.113.7"}}"#,
            1_780_272_000_000 + 60 * 86_400_000 + number * 30_000
        )
    };
    let many: Vec<_> = (0..30).map(|number| format!("\"X-{number}\"")).collect();
    let last = future(11_600).replace(
        r#""subject":"MP-11600""#,
        &format!(r#""subjects":[{}]"#, many.join(",")),
    );
    let reads: Vec<_> = (0..11_600).map(future).chain([last]).collect();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log.ndjson"), clerks_and(&reads)).unwrap();
    let output = replay(dir.path(), &["log.ndjson"]);
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("panes"), "the limit is named: {told}");
    let alerts = alerts::read(&String::from_utf8(output.stdout).unwrap());
    assert!(
        alerts
            .iter()
            .all(|alert| alert["observed"]["subjects"] != 0)
    );
}

#[test]
fn an_alert_does_not_wait_for_the_next_line() {
    let mut replay = rosterwatch(Path::new("."), &["replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = replay.stdin.take().unwrap();
    let mut told = BufReader::new(replay.stdout.take().unwrap());
    for number in 0..3 {
        // The pipe stays open.
        writeln!(stdin, "{}", export(number, number)).unwrap();
        let mut alert = String::new();
        told.read_line(&mut alert).unwrap();
        let supplier = format!(r#""supplier":"s-{number}""#);
        assert!(alert.contains(&supplier), "{alert}");
    }
    drop(stdin);
    assert!(replay.wait().unwrap().success());
}

#[test]
fn what_is_wrong_with_a_feed_is_told_by_event_time_however_its_log_is_split() {
    const START: i64 = 1_780_272_000_000;
    let minutes = 6 * 7 * 24 * 60;
    let (silent, missing) = (minutes - 3_000..minutes - 2_800, minutes - 2_000);
    let mut seq = 0;
    let (mut whole, mut parts) = (String::new(), [const { String::new() }; 3]);
    for minute in (0..minutes).filter(|minute| !silent.contains(minute)) {
        seq += 1;
        if minute == missing {
            continue;
        }
        let time = START + minute * 60_000;
        let account = minute % 5;
        let line = format!(
            r#"{{"id":"{seq}","time":{time},"supplier":"s","account":"clerk-{account}","action":"view","subject":"MP-{account}","seq":{seq}}}"#
        );
        for text in [
            &mut whole,
            &mut parts[usize::try_from(minute * 7 % 11 % 3).unwrap()],
        ] {
            text.push_str(&line);
            text.push('\n');
        }
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("whole.ndjson"), whole).unwrap();
    for (name, part) in PARTS.iter().zip(parts) {
        fs::write(dir.path().join(name), part).unwrap();
    }
    let told = |files: &[&str]| -> Vec<(String, String, String)> {
        let alerts = alerts::read(&alerts(dir.path(), files));
        let text = |alert: &Value, key: &str| alert[key].as_str().unwrap().to_owned();
        let told = alerts.iter();
        told.map(|it| ["kind", "state", "incident"].map(|key| text(it, key)))
            .map(|[kind, state, incident]| (kind, state, incident))
            .collect()
    };
    let expected = told(&["whole.ndjson"]);
    let kinds: Vec<_> = expected
        .iter()
        .map(|(kind, state, _)| [kind.as_str(), state])
        .collect();
    let silence = [["feed_silence", "opened"], ["feed_silence", "closed"]];
    let gap = [["feed_gap", "opened"], ["feed_gap", "closed"]];
    assert_eq!(kinds, [silence, gap].concat());
    assert_eq!(told(&PARTS), expected);
}

#[test]
fn compressed_and_piped_logs_give_the_same_alerts() {
    let world = world();
    let whole = world.dir.path().join("whole.ndjson");
    let expected = alerts(world.dir.path(), &["whole.ndjson"]);
    assert!(!expected.is_empty(), "the world's attacks raise alerts");
    let dir = tempfile::tempdir().unwrap();
    let bytes = fs::read(&whole).unwrap();
    let (first, second) = bytes.split_at(bytes.len() / 2);

    // Two members and two frames, as `cat a.gz b.gz` leaves them.
    let mut gz = File::create(dir.path().join("log.gz")).unwrap();
    let mut zst = File::create(dir.path().join("log.zst")).unwrap();
    for half in [first, second] {
        let mut member = flate2::write::GzEncoder::new(&mut gz, flate2::Compression::fast());
        member.write_all(half).unwrap();
        member.finish().unwrap();
        zst.write_all(&zstd::encode_all(half, 1).unwrap()).unwrap();
    }
    for name in ["log.gz", "log.zst"] {
        let found = alerts(dir.path(), &[name, "--alerts", "out"]);
        assert!(found.is_empty(), "alerts go to the file that was named");
        let found = fs::read_to_string(dir.path().join("out")).unwrap();
        assert_eq!(found.replace(name, "whole.ndjson"), expected);
    }
    let mut piped = rosterwatch(dir.path(), &["replay", "-"]);
    let piped = piped.stdin(File::open(&whole).unwrap()).output().unwrap();
    let found = String::from_utf8(piped.stdout).unwrap();
    let found = found.replace("\"file\":\"-\"", "\"file\":\"whole.ndjson\"");
    assert_eq!(found, expected);
}

#[test]
fn partitions_give_the_incidents_of_the_whole() {
    let world = world();
    let whole = replay(world.dir.path(), &["whole.ndjson"]);
    let parts = replay(world.dir.path(), &PARTS);
    for output in [&whole, &parts] {
        assert_eq!(count(&stderr(output), "read"), world.lines);
        let accounted = ["decided", "refused", "duplicate"];
        let accounted = accounted.map(|word| count(&stderr(output), word));
        assert_eq!(accounted.iter().sum::<u64>(), world.lines);
        assert!(accounted[2] > 0, "the world repeats events");
    }
    let [whole, parts] = [whole, parts].map(|output| String::from_utf8(output.stdout).unwrap());
    assert_eq!(incidents(&parts), incidents(&whole));
}

/// The world's lines as they arrive.
fn whole() -> String {
    fs::read_to_string(world().dir.path().join("whole.ndjson")).unwrap()
}

/// The alerts of a log that holds `lines`.
fn alerts_of<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let dir = tempfile::tempdir().unwrap();
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    fs::write(dir.path().join("log"), text).unwrap();
    alerts(dir.path(), &["log"])
}

fn without_evidence(alerts: &str) -> Vec<Value> {
    let mut alerts = alerts::read(alerts);
    for alert in &mut alerts {
        alert.as_object_mut().unwrap().remove("evidence").unwrap();
    }
    alerts
}

#[test]
fn every_event_twice_changes_nothing_but_evidence() {
    let whole = whole();
    let once = without_evidence(&alerts_of(whole.lines()));
    assert!(!once.is_empty(), "the world's attacks raise alerts");
    let at_once = whole.lines().flat_map(|line| [line, line]);
    assert_eq!(without_evidence(&alerts_of(at_once)), once);
    // The second copy comes some hours after the first.
    let after = whole.lines().zip(whole.lines().skip(500));
    let first = whole.lines().take(500);
    let rest = after.clone().flat_map(|(before, line)| [line, before]);
    let last = whole.lines().skip(after.count());
    let later = first.chain(rest).chain(last);
    assert_eq!(without_evidence(&alerts_of(later)), once);
}

/// A number below `bound`, the same for the same place.
fn scattered(place: u64, seed: u64, bound: i64) -> i64 {
    let mixed = (place + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed;
    let mixed = mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 33;
    i64::try_from(mixed).unwrap() % bound
}

#[test]
fn arrival_within_the_lateness_changes_no_incident() {
    let whole = whole();
    let time = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let time: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
        time.as_millisecond()
    };
    let lines: Vec<(i64, &str)> = whole.lines().map(|line| (time(line), line)).collect();
    let expected = incidents(&alerts_of(whole.lines()));
    let closed = expected.values().filter(|(_, closed)| closed.is_some());
    assert!(closed.count() > 3, "exposures are compared");
    for seed in [3, 4] {
        let arrival = |place: usize| {
            // Just below the lateness of an hour.
            lines[place].0 + scattered(place as u64, seed, 3_599_000)
        };
        let mut order: Vec<usize> = (0..lines.len()).collect();
        order.sort_by_key(|place| arrival(*place));
        let shuffled = order.iter().map(|place| lines[*place].1);
        assert_eq!(incidents(&alerts_of(shuffled)), expected, "seed {seed}");
    }
}

#[test]
fn every_line_is_decided_refused_or_a_duplicate() {
    let whole = whole();
    let different: BTreeSet<&str> = whole.lines().collect();
    let garbage = ["{", "[]", "{}", "", "null", "garbage"];
    let mixed = whole.lines().zip(garbage.iter().cycle());
    let mixed = mixed.flat_map(|(line, garbage)| [line, garbage, line]);
    let dir = tempfile::tempdir().unwrap();
    let text: String = mixed.flat_map(|line| [line, "\n"]).collect();
    fs::write(dir.path().join("log"), text).unwrap();
    let said = stderr(&replay(dir.path(), &["log"]));
    let (lines, different) = (world().lines, different.len() as u64);
    assert_eq!(count(&said, "read"), 3 * lines);
    assert_eq!(count(&said, "refused"), lines);
    assert_eq!(count(&said, "decided"), different);
    assert_eq!(count(&said, "duplicate"), 2 * lines - different);
}

/// Goal: what garbage costs does not grow with it. Method: the peak of resident memory after more
/// bytes than any buffer holds, and after five times as many.
#[test]
fn garbage_without_end_keeps_memory_flat() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = rosterwatch(dir.path(), &["replay", "-"]);
    let child = child.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("{}\n", "{\"id\":[".repeat(1_000));
    // Also a line that never ends, and text that is nearly an event.
    let endless = "x".repeat(1 << 20);
    let nearly = format!("{}\n", GOOD.replace("view\"", "view\",\"records\":-1"));
    let block = format!("{}{endless}\n{}", line.repeat(100), nearly.repeat(1_000));
    let mut feed = |blocks: usize| {
        for _ in 0..blocks {
            stdin.write_all(block.as_bytes()).unwrap();
        }
    };
    feed(20);
    let before = peak_kib(child.id());
    feed(80);
    let after = peak_kib(child.id());
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(after < before + 16 * 1024, "{before} KiB, then {after} KiB");
}

const GOOD: &str =
    r#"{"id":"1","time":1795425245123,"supplier":"s","account":"a","action":"view"}"#;

#[test]
fn check_names_each_bad_line_without_quoting_it() {
    let dir = tempfile::tempdir().unwrap();
    let overlong = format!("{GOOD}{}", " ".repeat(300 * 1024));
    let no_account = GOOD.replace(r#""account":"a","#, "");
    let bad_time = GOOD.replace("1795425245123", r#""hunter2""#);
    let lines = [
        GOOD,
        "",
        "[\"hunter2\"]",
        &overlong,
        &no_account,
        &bad_time,
        "hunter2",
    ];
    fs::write(dir.path().join("bad"), lines.join("\r\n")).unwrap();
    fs::write(dir.path().join("good"), format!("{GOOD}\r\n{GOOD}\n")).unwrap();

    let output = replay(dir.path(), &["--check", "good", "bad"]);
    assert_eq!(output.status.code(), Some(1));
    let found = String::from_utf8(output.stdout.clone()).unwrap();
    let places = found
        .lines()
        .map(|line| line.split(" \u{2014} ").next().unwrap());
    let expected = [
        "bad:2: not_json",
        "bad:3: not_object",
        "bad:4: too_large",
        "bad:5: field `account`: missing_field",
        "bad:6: field `time`: bad_time",
        "bad:7: not_json",
    ];
    assert_eq!(places.collect::<Vec<_>>(), expected);
    assert_eq!(
        (
            count(&stderr(&output), "read"),
            count(&stderr(&output), "refused")
        ),
        (9, 6)
    );
    assert!(!(found + &stderr(&output)).contains("hunter2"));

    let output = replay(dir.path(), &["--check", "--show", "2", "bad"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    assert_eq!(count(&stderr(&output), "refused"), 6);
    let output = replay(dir.path(), &["--check", "good"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn garbage_is_counted_and_changes_no_alert() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let garbage = dir.path().join("garbage");
    // Every byte there is, in lines of 1 to 251 bytes.
    let bytes = (0..600_000_u32).map(|index| match index % 251 * (index % 13) {
        0 => b'\n',
        value => u8::try_from(value % 256).unwrap(),
    });
    let bytes: Vec<u8> = bytes.collect();
    fs::write(&garbage, &bytes).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
    let expected = alerts(world.dir.path(), &["whole.ndjson"]);

    let output = replay(
        world.dir.path(),
        &["whole.ndjson", garbage.to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), expected);
    let stderr = stderr(&output);
    let refused = count(&stderr, "refused");
    assert!(refused.abs_diff(lines) <= 1, "{refused} of {lines} lines");
    let named = stderr
        .lines()
        .filter(|line| line.contains("garbage:"))
        .count();
    assert_eq!(named, 20);
}

#[test]
fn unusable_files_exit_2_and_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("good"), GOOD).unwrap();
    fs::write(dir.path().join("plain.gz"), GOOD).unwrap();
    fs::write(dir.path().join("plain.zst"), GOOD).unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    for unusable in ["missing", "plain.gz", "plain.zst", "folder"] {
        let output = replay(dir.path(), &["good", unusable]);
        assert_eq!(output.status.code(), Some(2), "{unusable}");
        let said = stderr(&output);
        assert!(said.contains(&format!("{unusable}: cannot be")), "{said}");
    }
    let output = replay(dir.path(), &["good", "--alerts", "no/such/folder"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no/such/folder: cannot be written"));
    let output = replay(dir.path(), &["good", "--alerts", "./good"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(dir.path().join("good")).unwrap(), GOOD);
    assert_eq!(replay(dir.path(), &[]).status.code(), Some(2));
}

#[test]
fn alerts_fail_only_where_asked_and_a_closed_pipe_is_no_failure() {
    let dir = world().dir.path();
    let output = replay(dir, &["whole.ndjson", "--fail-on-alert"]);
    assert_eq!(output.status.code(), Some(1));
    let quiet = tempfile::tempdir().unwrap();
    fs::write(quiet.path().join("good"), GOOD).unwrap();
    let output = replay(quiet.path(), &["good", "--fail-on-alert"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));

    let mut child = rosterwatch(dir, &["replay", "whole.ndjson"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn suppliers_over_the_limit_are_refused_loudly() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("log");
    let events = (0..9).map(|n| GOOD.replace(r#""s""#, &format!(r#""s{}""#, n % 3)));
    fs::write(&path, events.collect::<Vec<_>>().join("\n")).unwrap();
    let output = replay(dir.path(), &["log", "--suppliers-max", "2"]);
    assert_eq!(output.status.code(), Some(0));
    let said = stderr(&output);
    assert!(summary(&said, "suppliers").starts_with("suppliers 2,"));
    assert!(
        said.contains("log:3: field `supplier`: over_limit"),
        "{said}"
    );
    assert_eq!(summary(&said, "refused"), "refused 3 (over_limit 3)");
    assert!(said.contains("LIMIT REACHED: suppliers, 3 times"), "{said}");
}

/// One event of the world, as far as it is counted here.
struct Read {
    line: u64,
    time: i64,
    account: String,
    people: Vec<String>,
    /// Records of nobody who is named.
    unnamed: u64,
    records: u64,
    exported: u64,
}

/// The world's reads, each once, in the order in which they arrive.
fn reads() -> Vec<Read> {
    let mut ids = BTreeSet::new();
    let whole = whole();
    let lines = (1_u64..).zip(whole.lines());
    let parsed = lines.map(|(line, text)| (line, serde_json::from_str::<Value>(text).unwrap()));
    let first = parsed.filter(|(_, event)| ids.insert(event["id"].to_string()));
    let read = first.filter(|(_, event)| {
        let action = event["action"].as_str().unwrap();
        let is_refused = ["failure", "denied"].contains(&event["outcome"].as_str().unwrap_or(""));
        !["create", "update", "delete", "login"].contains(&action) && !is_refused
    });
    read.map(|(line, event)| {
        let many = event["subjects"].as_array().into_iter().flatten();
        let people: Vec<String> = many
            .chain(event.get("subject"))
            .map(Value::to_string)
            .collect();
        let records = event["records"]
            .as_u64()
            .unwrap_or(1)
            .max(people.len() as u64);
        let is_export =
            ["export", "download", "print", "share"].contains(&event["action"].as_str().unwrap());
        Read {
            line,
            time: millis(&event["time"]),
            account: event["account"].to_string(),
            unnamed: records - people.len() as u64,
            people,
            records,
            exported: if is_export { records } else { 0 },
        }
    })
    .collect()
}

fn millis(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_millisecond()
}

fn different<'a>(reads: impl Iterator<Item = &'a Read>) -> u64 {
    let people: BTreeSet<&String> = reads.flat_map(|read| &read.people).collect();
    people.len() as u64
}

#[test]
fn a_closed_incident_exposes_what_the_log_says() {
    let reads = reads();
    let mut checked = 0;
    for alert in alerts::read(&alerts(world().dir.path(), &["whole.ndjson"])) {
        if alert["state"] != "closed" || alert.get("superseded_by").is_some() {
            continue;
        }
        let account = alert["account"].to_string();
        let span = millis(&alert["started_at"])..=millis(&alert["last_seen_at"]);
        let of = reads.iter();
        let of = of.filter(|read| read.account == account && span.contains(&read.time));
        let records: u64 = of.clone().map(|read| read.records).sum();
        let exposure = &alert["exposure"];
        assert_eq!(exposure["records"], records, "{alert}");
        assert_eq!(exposure["subjects"], different(of), "{alert}");
        checked += 1;
    }
    assert!(checked > 3, "{checked} incidents closed");
}

/// Whether a reason names the count from which it was too much.
fn says_critical(reason: &str, critical: u64) -> bool {
    let says = [
        format!("; {critical} is too much"),
        format!("; {critical} read so is too much"),
        format!(", and {critical} is too much"),
        format!(", and {critical} read so is too much"),
    ];
    says.iter().any(|words| reason.contains(words))
}

#[test]
fn the_numbers_of_a_reason_are_those_of_the_alert_and_of_the_log() {
    let reads = reads();
    let mut told: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in alerts::read(&alerts(world().dir.path(), &["whole.ndjson"])) {
        let reason = alert["reasons"][0].as_str().unwrap().to_owned();
        let of_alert = |key: &str| alert["baseline"][key].to_string();
        let upper = alert["expected"]["upper"].as_u64().unwrap();
        let critical = upper + 1;
        assert!(says_critical(&reason, critical), "{alert}");
        if let Some((before, _)) = reason.split_once(" of them ") {
            let so: u64 = before.rsplit(' ').next().unwrap().parse().unwrap();
            let all = alert["observed"]["subjects"].as_u64().unwrap();
            assert!((critical..=all).contains(&so), "{alert}");
        }
        let known = match alert["baseline"]["days"].as_u64().unwrap() {
            0 => format!("its {} peers", of_alert("peers")),
            _ => format!(" {} active day", of_alert("days")),
        };
        assert!(reason.contains(&known), "{alert}");
        if alert["state"] != "opened" {
            continue;
        }
        let (window, name) = [
            ("PT5M", 300_000),
            ("PT1H", 3_600_000),
            ("P1D", 86_400_000),
            ("PT24H", 86_400_000),
        ]
        .into_iter()
        .find(|(word, _)| alert["window"] == *word)
        .map(|(word, ms)| (ms, word))
        .unwrap();
        // Windows are made of half minutes and end with the last that the incident holds.
        let end = (millis(&alert["last_seen_at"]) / 30_000 + 1) * 30_000;
        let last = alert["evidence"].as_array().unwrap().iter();
        let last = last
            .map(|at| at["last_line"].as_u64().unwrap())
            .max()
            .unwrap();
        let account = alert["account"].to_string();
        let within = reads.iter().filter(|read| {
            read.account == account && (end - window..end).contains(&read.time) && read.line <= last
        });
        let observed = &alert["observed"];
        let records: u64 = within.clone().map(|read| read.records).sum();
        assert_eq!(observed["records"], records, "{name}: {alert}");
        // Whoever may be behind an unnamed record is counted as one of the people.
        let unnamed: u64 = within.clone().map(|read| read.unnamed).sum();
        let people = different(within.clone()) + unnamed;
        let (number, words) = reason.split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        let of_some = ["had not read before", "for a fortnight"];
        if of_some.iter().any(|some| words.contains(some)) {
            assert!(number <= people, "{name}: {alert}");
            assert_eq!(observed["subjects"], number, "{name}: {alert}");
            *told.entry("some people").or_default() += 1;
            continue;
        }
        let exported: u64 = within.map(|read| read.exported).sum();
        let (what, counted) = if words.contains("records exported") {
            ("exported", exported)
        } else {
            ("people", people)
        };
        assert_eq!(observed["subjects"], counted, "{name}: {alert}");
        let beside = u64::from(words.contains(" in all, ")) * unnamed;
        assert_eq!(number, counted - beside, "{alert}");
        *told.entry(what).or_default() += 1;
    }
    assert!(told.len() >= 2, "several kinds of reason: {told:?}");
}
