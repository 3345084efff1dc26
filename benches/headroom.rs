//! What an account could take unseen: the cost of each question.
//!
//! Budget: the sample that metrics show every minute costs at most 100 ms at 100,000 accounts, as
//! it holds up the feed's events; a mature clerk's 60 days of slow theft at most 50 ms, so that a
//! supplier of a thousand is told in a minute on one core.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nothing to say"
)]

mod crowd;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rosterwatch::{
    detect::headroom::PEOPLE_MAX,
    feed::{Config, Pipeline},
    ingest::Record,
};

use crate::crowd::{Crowd, Moment, time_of};

const SEED: u64 = 20_260_601;
/// Events of one account's day.
const DAILY: u64 = 24;
/// People that an account returns to.
const CLIENTS: usize = 60;

/// A feed after so many days of ordinary work.
fn lived(crowd: &Crowd, days: u64) -> Pipeline {
    let mut pipeline = Pipeline::new("payroll-services", Config::default());
    let mut draws = ChaCha8Rng::seed_from_u64(SEED);
    let (accounts, people) = (crowd.accounts(), crowd.people().len());
    let per_day = accounts as u64 * DAILY;
    for number in 0..days * per_day {
        let account = draws.random_range(0..accounts);
        let person = if draws.random_ratio(1, 20) {
            draws.random_range(0..people)
        } else {
            (account * CLIENTS + draws.random_range(0..CLIENTS)) % people
        };
        let moment = Moment {
            time: time_of(number, per_day),
            account,
            person,
        };
        let record = Record {
            start: 0,
            len: 0,
            position: number,
            appended_ms: -1,
        };
        pipeline.observe(&crowd.view(number, moment), 0, record, &mut Vec::new());
    }
    pipeline
}

fn questions(criterion: &mut Criterion) {
    let crowd = Crowd::new(200, 20_000);
    let pipeline = lived(&crowd, 40);
    let mut probe = pipeline.headroom().expect("events were decided");
    let accounts = probe.accounts();
    let mut turn = accounts.iter().cycle();
    let mut next = || *turn.next().expect("accounts in a circle");
    let mut group = criterion.benchmark_group("headroom/mature_clerk");
    group.bench_function("people", |bencher| {
        bencher.iter(|| probe.people(next(), PEOPLE_MAX));
    });
    group.bench_function("records", |bencher| {
        bencher.iter(|| probe.records(next(), 50));
    });
    group.sample_size(20);
    group.bench_function("leak_60_days", |bencher| {
        bencher.iter(|| probe.leak(next(), 60));
    });
    group.finish();
}

fn samples(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("headroom/sample_of_1000");
    group.sample_size(20);
    for accounts in [10_000, 100_000] {
        let crowd = Crowd::new(accounts, 200_000);
        let pipeline = lived(&crowd, 3);
        group.bench_function(BenchmarkId::from_parameter(accounts), |bencher| {
            bencher.iter(|| pipeline.headroom().map(|mut probe| probe.sample(1_000)));
        });
    }
    group.finish();
}

criterion_group!(benches, questions, samples);
criterion_main!(benches);
