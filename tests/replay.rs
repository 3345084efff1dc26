//! `replay` through the built program: the same alerts however a log is stored, split and worked
//! on, and every bad line, file and pipe told apart.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use rosterwatch::simulate::{Plan, Stream};
use serde_json::Value;
use tempfile::TempDir;

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

fn incidents(alerts: &str) -> BTreeSet<(String, String)> {
    let alerts = alerts
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    alerts
        .map(|alert: Value| (alert["incident"].to_string(), alert["account"].to_string()))
        .collect()
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
