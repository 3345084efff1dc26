//! The published headroom, played through the pipeline that `run` and `replay` share: taking it is
//! silent, and one more alarms.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
    sync::OnceLock,
};

use rosterwatch::{
    decode::{DecodedBatch, Verdict},
    detect::{
        Account, Maturity,
        headroom::{PEOPLE_MAX, Probe, spread},
    },
    event::{DAY_MS, Timestamp},
    feed::{Config, Pipeline},
    incident::{Alert, AlertState},
    ingest::RecordBatch,
    simulate::{Plan, Stream},
};
use serde_json::{Value, json};

/// An event of the one supplier there is here.
#[derive(Clone, Debug)]
struct Event {
    time: Timestamp,
    account: String,
    json: String,
}

/// Ten weeks of a supplier with some twenty accounts, programs with jobs and joiners among them, and
/// nobody who steals.
fn world() -> &'static [Event] {
    static WORLD: OnceLock<Vec<Event>> = OnceLock::new();
    WORLD.get_or_init(|| {
        let plan = Plan {
            seed: 23,
            days: 70,
            suppliers: 1,
            accounts: 24,
            population: 3_000,
            attacks_per_family: 0,
            late_fraction: 0.0,
            duplicate_fraction: 0.0,
            outages: 0.0,
            job_fraction: 0.2,
            joiner_fraction: 0.25,
            ..Plan::default()
        };
        let lines = Stream::new(plan).unwrap().map(|line| {
            let event: Value = serde_json::from_str(&line.json).unwrap();
            Event {
                time: line.time,
                account: event["account"].as_str().unwrap().to_owned(),
                json: line.json,
            }
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|event| event.time);
        lines
    })
}

/// The world up to noon of one of its days, decoded once.
struct Start {
    events: &'static [Event],
    batch: DecodedBatch,
}

impl Start {
    fn at(day: i64) -> Self {
        let end = world()[0].time.plus_millis(day * DAY_MS + DAY_MS / 2);
        let events = &world()[..world().partition_point(|event| event.time < end)];
        Self {
            events,
            batch: decode(events),
        }
    }

    fn now(&self) -> Timestamp {
        self.events.last().unwrap().time
    }

    fn decided(&self) -> (Pipeline, Vec<Alert>) {
        let mut pipeline = Pipeline::new("a", Config::default());
        let alerts = decide(&mut pipeline, &self.batch);
        (pipeline, alerts)
    }

    /// Whether `account` is alarmed where `more` follows.
    fn alarms(&self, account: &str, more: &[Event]) -> bool {
        let (mut pipeline, _) = self.decided();
        alarms(&decide(&mut pipeline, &decode(more)), account)
    }
}

fn decode(events: &[Event]) -> DecodedBatch {
    let mut batch = RecordBatch::default();
    for (number, event) in (0..).zip(events) {
        batch.push(event.json.as_bytes(), number, -1);
    }
    DecodedBatch::decode(batch, None)
}

fn decide(pipeline: &mut Pipeline, batch: &DecodedBatch) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for index in 0..batch.len() {
        let (record, Verdict::Event(event)) = batch.get(index) else {
            panic!("an event was refused");
        };
        pipeline.observe(&event, 0, record, &mut alerts);
    }
    alerts
}

/// An event of `account` that reads as `what` says.
fn event(account: &str, time: Timestamp, id: u64, what: Value) -> Event {
    let mut event = json!({
        "id": format!("headroom-{id}"),
        "time": time.as_millis(),
        "supplier": "any",
        "account": account,
    });
    let Value::Object(what) = what else {
        panic!("an object says what is read");
    };
    event.as_object_mut().unwrap().extend(what);
    Event {
        time,
        account: account.to_owned(),
        json: event.to_string(),
    }
}

fn view(account: &str, time: Timestamp, person: u64) -> Event {
    let what = json!({"action": "view", "subject": format!("stranger-{}", 2 * person)});
    event(account, time, person, what)
}

fn export(account: &str, time: Timestamp, records: u64) -> Event {
    let what = json!({"action": "export", "records": records});
    event(account, time, 0, what)
}

/// Whether `account` is alarmed: an incident is opened, or an open one escalates.
fn alarms(alerts: &[Alert], account: &str) -> bool {
    let mut raised = alerts
        .iter()
        .filter(|alert| alert.state != AlertState::Closed);
    raised.any(|alert| alert.account.as_deref() == Some(account))
}

/// The accounts of a pipeline that has raised `alerts` and of which none has an open incident.
fn quiet<'a>(probe: &Probe<'a>, alerts: &[Alert]) -> Vec<&'a Account> {
    let mut open = BTreeSet::new();
    for alert in alerts {
        match alert.state {
            AlertState::Closed => open.remove(&alert.account),
            _ => open.insert(alert.account.clone()),
        };
    }
    let is_quiet = |account: &&Account| !open.contains(&account.name.as_deref().map(str::to_owned));
    probe.accounts().into_iter().filter(is_quiet).collect()
}

#[test]
fn the_published_headroom_is_silent_and_one_more_alarms() {
    let mut met = BTreeSet::new();
    for day in [0, 3, 20, 45] {
        let start = Start::at(day);
        let now = start.now();
        let (pipeline, alerts) = start.decided();
        let mut probe = pipeline.headroom().unwrap();
        for account in quiet(&probe, &alerts) {
            met.insert((account.kind.as_str(), account.maturity()));
            let name = account.name.as_deref().unwrap();
            let people = probe.people(account, PEOPLE_MAX);
            let records = probe.records(account, people.most);
            let what = format!("{name} on day {day}: {people:?} {records:?}");
            let exported = |records| [export(name, now, records)];
            assert!(!start.alarms(name, &exported(records.most)), "{what}");
            assert!(start.alarms(name, &exported(records.most + 1)), "{what}");
            let (mut pipeline, _) = start.decided();
            let views = (0..=people.most).map(|person| view(name, now, person));
            let views: Vec<_> = views.collect();
            let (last, silent) = views.split_last().unwrap();
            let mut is_alarmed = |events| alarms(&decide(&mut pipeline, &decode(events)), name);
            assert!(!is_alarmed(silent), "{what}");
            assert!(is_alarmed(std::slice::from_ref(last)), "{what}");
        }
    }
    let phases = Maturity::ALL.into_iter();
    let all = phases.flat_map(|phase| [("person", phase), ("service", phase)]);
    assert_eq!(met, all.collect());
}

/// Whether `account`, instead of its work, views `people` strangers on each day of the schedule
/// and is alarmed, while the others go on as in the world.
fn leaks_loudly(start: &Start, account: &str, schedule: &[Vec<Timestamp>], people: u64) -> bool {
    let times = schedule.iter().flat_map(|hours| spread(hours, people));
    let stolen = (0..)
        .zip(times)
        .map(|(person, time)| view(account, time, person));
    let mut all: Vec<Event> = stolen.collect();
    let end = all.last().map(|event| event.time);
    let after = world()[start.events.len()..].iter();
    let after = after.take_while(|event| Some(event.time) <= end);
    all.extend(after.filter(|event| event.account != account).cloned());
    all.sort_by_key(|event| event.time);
    start.alarms(account, &all)
}

/// The groups, which stand still in the probe, move here: they learn from all accounts, the one
/// that leaks among them. So the published number is right to within a third, not to the person.
#[test]
fn people_a_day_are_silent_for_weeks_while_the_others_go_on() {
    const DAYS: u32 = 35;
    let start = Start::at(30);
    let (pipeline, alerts) = start.decided();
    let mut probe = pipeline.headroom().unwrap();
    let (mut played, mut low, mut high) = (0, Vec::new(), Vec::new());
    for account in quiet(&probe, &alerts) {
        let name = account.name.as_deref().unwrap();
        let leak = probe.leak(account, DAYS);
        if leak.a_day.test.is_none() {
            continue;
        }
        played += 1;
        let schedule = probe.schedule(account, DAYS);
        let people = leak.a_day.most;
        if leaks_loudly(&start, name, &schedule, people * 3 / 4) {
            low.push((name, leak));
        }
        if !leaks_loudly(&start, name, &schedule, (people * 4).div_ceil(3) + 1) {
            high.push((name, leak));
        }
    }
    assert!(played >= 15, "{played} accounts");
    let missed = format!("{played} accounts; too loud {low:?}, too quiet {high:?}");
    assert!(
        10 * low.len() <= played && 10 * high.len() <= played,
        "{missed}"
    );
}

#[test]
fn the_search_finds_the_same_wherever_it_begins() {
    let (pipeline, _) = Start::at(30).decided();
    let mut probe = pipeline.headroom().unwrap();
    for account in probe.accounts().into_iter().step_by(3) {
        let name = account.name.as_deref().unwrap();
        let expected = probe.records(account, 50);
        for guess in [1, 400, 10_000] {
            let found = probe.records(account, guess);
            assert_eq!(found, expected, "{name} from {guess}");
        }
    }
}

/// What the command says of `events` with these arguments: exit code, output and errors.
fn told(events: &[Event], args: &[&str]) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<&str> = events.iter().map(|event| &*event.json).collect();
    fs::write(dir.path().join("log.ndjson"), lines.join("\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rosterwatch"));
    command.current_dir(dir.path()).arg("headroom").args(args);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_command_prints_what_the_library_finds() {
    let start = Start::at(20);
    let with = |threads| {
        let args = "log.ndjson --json --days 14 --threads";
        let args: Vec<&str> = args.split(' ').chain([threads]).collect();
        told(start.events, &args)
    };
    let (code, told, stderr) = with("1");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("decided"), "the replay's summary: {stderr}");
    assert_eq!(with("2").1, told, "on any number of threads");
    let rows = told.lines().map(|line| serde_json::from_str(line).unwrap());
    let rows: Vec<Value> = rows.collect();
    let (pipeline, _) = start.decided();
    let mut probe = pipeline.headroom().unwrap();
    let accounts = probe.accounts();
    assert_eq!(rows.len(), accounts.len());
    for account in accounts {
        let name = account.name.as_deref().unwrap();
        let row = rows.iter().find(|row| row["account"] == name).unwrap();
        let people = probe.people(account, PEOPLE_MAX).most;
        let records = probe.records(account, people).most;
        let leak = probe.leak(account, 14);
        assert_eq!(row["now"]["subjects"]["most"], people);
        assert_eq!(row["now"]["records"]["most"], records);
        assert_eq!(row["slow"]["subjects_a_day"]["most"], leak.a_day.most);
        assert_eq!(row["slow"]["subjects"], leak.total());
        assert_eq!(row["baseline"]["maturity"], account.maturity().as_str());
    }
    let totals = rows.iter().map(|row| row["slow"]["subjects"].as_u64());
    assert!(totals.is_sorted_by(|a, b| a >= b), "the widest first");
}

#[test]
fn the_command_narrows_to_what_is_asked_for() {
    let events = Start::at(3).events;
    let with = |args: &[&str]| told(events, &[&["log.ndjson", "--days", "0"], args].concat());
    let (code, table, _) = with(&["--top", "3"]);
    assert_eq!(code, Some(0));
    assert!(table.contains("more; --top N prints more"), "{table}");
    let account = events[0].account.as_str();
    let (_, one, _) = with(&["--account", account, "--json"]);
    assert_eq!(one.lines().count(), 1);
    assert!(!one.contains("slow"), "{one}");
    for (flag, complaint) in [
        ("--supplier", "--supplier \"nobody\": has no event"),
        ("--account", "--account \"nobody\": read no record"),
    ] {
        let (code, stdout, stderr) = with(&[flag, "nobody"]);
        assert_eq!((code, &*stdout), (Some(2), ""), "{flag}");
        assert!(stderr.contains(complaint), "{stderr}");
    }
    assert_eq!(told(events, &["missing.ndjson"]).0, Some(2));
}
