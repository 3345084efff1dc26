//! Events to decisions: repeats, watermark, detection and incidents of one feed, as a caller has
//! them, at 10,000 and at 100,000 accounts.
//!
//! Budget: at most 0.3 µs for an event of a steady account (`detect/steady_account`) at 10,000
//! accounts on one core, and at most 0.6 µs at a million, of which a tenth is measured here. A new
//! account and an export of a thousand people are there to show what costs grow with.

mod crowd;

use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rosterwatch::{
    detect::AHEAD,
    event::{AccessEvent, Action, Glance, Names},
    feed::{Config, Pipeline},
    incident::Alert,
    ingest::Record,
};

use crate::crowd::{Crowd, Moment, time_of};

const SEED: u64 = 20_260_601;
const ACCOUNTS: [usize; 2] = [10_000, 100_000];
/// Events of one account's day.
const DAILY: u64 = 24;
/// As many as the daemon decides in one batch.
const BATCH: usize = 2_048;
/// People that an account returns to.
const CLIENTS: usize = 60;
/// Days of work before anything is timed.
const HISTORY_DAYS: u64 = 4;
/// People of one export.
const EXPORTED: usize = 1_000;

/// A crowd at its ordinary work: each event is of another account, nineteen in twenty of a person
/// that the account knows.
struct Work<'a> {
    crowd: &'a Crowd,
    draws: ChaCha8Rng,
    per_day: u64,
    done: u64,
}

impl<'a> Work<'a> {
    fn new(crowd: &'a Crowd, daily: u64) -> Self {
        Self {
            crowd,
            draws: ChaCha8Rng::seed_from_u64(SEED),
            per_day: crowd.accounts() as u64 * daily,
            done: 0,
        }
    }

    fn moment(&mut self, account: usize) -> Moment {
        let people = self.crowd.people().len();
        let person = if self.draws.random_ratio(1, 20) {
            self.draws.random_range(0..people)
        } else {
            (account * CLIENTS + self.draws.random_range(0..CLIENTS)) % people
        };
        Moment {
            time: time_of(self.done, self.per_day),
            account,
            person,
        }
    }

    /// The next event, by any account among the first `accounts`.
    fn next(&mut self, accounts: usize) -> AccessEvent<'a> {
        let account = self.draws.random_range(0..accounts);
        let moment = self.moment(account);
        self.done += 1;
        self.crowd.view(self.done, moment)
    }
}

fn observe(pipeline: &mut Pipeline, events: &[AccessEvent<'_>], alerts: &mut Vec<Alert>) {
    let mut position = 0;
    for events in events.chunks(AHEAD) {
        pipeline.prefetch(events.iter().map(Glance::from));
        for event in events {
            let record = Record {
                start: 0,
                len: 0,
                position,
                appended_ms: -1,
            };
            pipeline.observe(event, 0, record, alerts);
            position += 1;
        }
    }
}

fn pipeline() -> Pipeline {
    Pipeline::new("payroll-services", Config::default())
}

fn steady(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("detect/steady_account");
    group.throughput(Throughput::Elements(BATCH as u64));
    for accounts in ACCOUNTS {
        let crowd = Crowd::new(accounts, 200_000);
        let mut work = Work::new(&crowd, DAILY);
        let (mut pipeline, mut alerts) = (pipeline(), Vec::new());
        while work.done < HISTORY_DAYS * work.per_day {
            let events: Vec<_> = (0..BATCH).map(|_| work.next(accounts)).collect();
            observe(&mut pipeline, &events, &mut alerts);
        }
        alerts.clear();
        let before = work.done;
        group.bench_function(BenchmarkId::from_parameter(accounts), |bencher| {
            bencher.iter_batched(
                || (0..BATCH).map(|_| work.next(accounts)).collect::<Vec<_>>(),
                |events| {
                    observe(&mut pipeline, &events, &mut alerts);
                    events
                },
                BatchSize::PerIteration,
            );
        });
        let steady = (alerts.len() as u64) < 1 + (work.done - before) / 1_000;
        assert!(steady, "a steady account's work is no alarm");
    }
    group.finish();
}

/// A feed in which each of `accounts` was active once.
fn seen_once(work: &mut Work<'_>, accounts: usize) -> Pipeline {
    let mut pipeline = pipeline();
    for account in 0..accounts {
        let moment = work.moment(account);
        work.done += 1;
        let event = work.crowd.view(work.done, moment);
        observe(&mut pipeline, &[event], &mut Vec::new());
    }
    pipeline
}

fn newcomers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("detect/new_account");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.measurement_time(Duration::from_millis(300));
    for accounts in ACCOUNTS {
        let crowd = Crowd::new(accounts + BATCH, 200_000);
        group.bench_function(BenchmarkId::from_parameter(accounts), |bencher| {
            bencher.iter_batched(
                || {
                    let mut work = Work::new(&crowd, 1);
                    let pipeline = seen_once(&mut work, accounts);
                    let newcomer = |account| {
                        let moment = work.moment(account);
                        work.done += 1;
                        crowd.view(work.done, moment)
                    };
                    let events = (accounts..accounts + BATCH).map(newcomer);
                    (pipeline, events.collect::<Vec<_>>())
                },
                |(mut pipeline, events)| {
                    observe(&mut pipeline, &events, &mut Vec::new());
                    (pipeline, events)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn exports(criterion: &mut Criterion) {
    const EXPORTS: usize = 100;
    let mut group = criterion.benchmark_group("detect/bulk_export");
    group.throughput(Throughput::Elements(EXPORTS as u64));
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.measurement_time(Duration::from_millis(300));
    for accounts in ACCOUNTS {
        let crowd = Crowd::new(accounts, 200_000);
        let people: Vec<_> = (0..EXPORTS)
            .map(|export| {
                let names = crowd.people().iter().skip(export * 1_999).take(EXPORTED);
                names.map(String::as_str).collect::<Vec<_>>()
            })
            .collect();
        group.bench_function(BenchmarkId::from_parameter(accounts), |bencher| {
            bencher.iter_batched(
                || {
                    let mut work = Work::new(&crowd, 2);
                    let pipeline = seen_once(&mut work, accounts);
                    let export = |people| {
                        let account = work.draws.random_range(0..accounts);
                        let moment = work.moment(account);
                        work.done += 1;
                        AccessEvent {
                            action: Action::Export,
                            subjects: Names::Strs(people),
                            ..crowd.view(work.done, moment)
                        }
                    };
                    let events = people.iter().map(Vec::as_slice).map(export);
                    (pipeline, events.collect::<Vec<_>>())
                },
                |(mut pipeline, events)| {
                    let mut alerts = Vec::new();
                    observe(&mut pipeline, &events, &mut alerts);
                    assert!(alerts.len() >= EXPORTS / 2, "an export of many alarms");
                    (pipeline, events, alerts)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, steady, newcomers, exports);
criterion_main!(benches);
