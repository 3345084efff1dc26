//! What a feed's accounts weigh: how much the process grows while it decides.
//!
//! Budget: a million accounts that hold 50 million pairs of an account and a person in 2 GiB, and
//! 100,000 clerks of 24 people a day over 30 days in 0.5 GiB: everything of the feed, known ids
//! included. Each crowd is measured in a process of its own, by the resident size that Linux shows.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a bench that prints what it measured; a crowd's numbers are far below 2^32"
)]

mod crowd;

use std::{env, fs, process::Command};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rosterwatch::{
    clock::Stopwatch,
    event::AccessEvent,
    feed::{Config, Pipeline},
    incident::Alert,
    ingest::Record,
};

use crate::crowd::{Crowd, Moment, time_of};

/// Accounts that read people at random, the worst for sets of people.
#[derive(Clone, Copy)]
struct Office {
    name: &'static str,
    accounts: usize,
    people: usize,
    /// Events of one account's day, each of one person.
    daily: u64,
    days: u64,
    budget_gib: f64,
}

const OFFICES: [Office; 2] = [
    Office {
        name: "million",
        accounts: 1_000_000,
        people: 1_000_000,
        daily: 10,
        days: 5,
        budget_gib: 2.0,
    },
    Office {
        name: "clerks",
        accounts: 100_000,
        people: 1_000_000,
        daily: 24,
        days: 30,
        budget_gib: 0.5,
    },
];

fn main() {
    let wanted = env::args().nth(1);
    match OFFICES
        .iter()
        .find(|office| wanted.as_deref() == Some(office.name))
    {
        Some(office) => weigh(*office),
        None => {
            for office in &OFFICES {
                let program = env::current_exe().expect("this program");
                let status = Command::new(program).arg(office.name).status();
                assert!(status.expect("this program runs").success());
            }
        }
    }
}

fn weigh(office: Office) {
    let crowd = Crowd::new(office.accounts, office.people);
    let mut config = Config::default();
    // What is measured must not be cut by a limit.
    config.limits.pairs_max = 400_000_000;
    let before = Size::now();
    let watch = Stopwatch::start();
    let mut pipeline = Pipeline::new("payroll-services", config);
    let mut alerts = Vec::new();
    let mut draws = ChaCha8Rng::seed_from_u64(20_260_601);
    let per_day = crowd.accounts() as u64 * office.daily;
    let mut alerted = 0;
    for number in 0..per_day * office.days {
        // A stride that is prime to the accounts gives each its turn once in a round.
        let turn = number.wrapping_mul(7_919) % office.accounts as u64;
        let event = crowd.view(
            number,
            Moment {
                time: time_of(number, per_day),
                account: turn as usize,
                person: draws.random_range(0..crowd.people().len()),
            },
        );
        observe(&mut pipeline, &event, &mut alerts);
        alerted += alerts.len();
        alerts.clear();
    }
    // The first event of the day after settles the last day.
    let moment = Moment {
        time: time_of(per_day * office.days, per_day),
        account: 0,
        person: 0,
    };
    observe(&mut pipeline, &crowd.view(u64::MAX, moment), &mut alerts);
    let after = Size::now();
    let events = per_day * office.days;
    println!(
        "{}: {} accounts of {} people a day over {} days, {:.0} million pairs; {:.0} s, {alerted} alerts",
        office.name,
        office.accounts,
        office.daily,
        office.days,
        events as f64 / 1e6,
        watch.elapsed().as_secs_f64(),
    );
    let grown = after.resident_kib - before.resident_kib;
    let peak = after.peak_kib - before.resident_kib;
    println!(
        "    {:.2} GiB at the end, {:.2} GiB at the most (budget {} GiB); {:.0} bytes an account, {:.1} a pair",
        grown / GIB_KIB,
        peak / GIB_KIB,
        office.budget_gib,
        grown * 1_024.0 / office.accounts as f64,
        grown * 1_024.0 / events as f64,
    );
    let told: Vec<_> = pipeline
        .state_bytes()
        .iter()
        .map(|(component, bytes)| {
            let gib = *bytes as f64 / (GIB_KIB * 1_024.0);
            format!("{component} {gib:.2}")
        })
        .collect();
    println!("    state_bytes says, in GiB: {}", told.join(", "));
    println!("    limits reached: {:?}", pipeline.limits_reached());
}

const GIB_KIB: f64 = 1_048_576.0;

fn observe(pipeline: &mut Pipeline, event: &AccessEvent<'_>, alerts: &mut Vec<Alert>) {
    let record = Record {
        start: 0,
        len: 0,
        position: event.seq.unwrap_or(0),
        appended_ms: -1,
    };
    pipeline.observe(event, 0, record, alerts);
}

/// This process's memory, as the kernel counts it.
struct Size {
    resident_kib: f64,
    peak_kib: f64,
}

impl Size {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("Linux");
        let kib = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            number
                .and_then(|number| number.parse().ok())
                .expect("a size in KiB")
        };
        Self {
            resident_kib: kib("VmRSS:"),
            peak_kib: kib("VmHWM:"),
        }
    }
}
