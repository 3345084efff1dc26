//! Records to events, in batches of a thousand.
//!
//! Budget: at most 0.6 µs for an event of ordinary size (`decode/event`, about 380 bytes), on
//! one core. The other shapes are there to show what costs grow with.
#![expect(
    clippy::expect_used,
    reason = "a bench without its events has nothing to measure"
)]

use std::{fmt::Write as _, hint::black_box};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rosterwatch::{
    decode::{DecodedBatch, Verdict},
    ingest::RecordBatch,
    simulate::{Plan, Stream},
};

const RECORDS: usize = 1_000;

fn batch<'a>(payloads: impl IntoIterator<Item = &'a str>) -> RecordBatch {
    let mut batch = RecordBatch::default();
    for (position, payload) in (0..).zip(payloads) {
        batch.push(payload.as_bytes(), position, -1);
    }
    batch
}

/// The same records again, in memory of their own.
fn copy(batch: &RecordBatch) -> RecordBatch {
    RecordBatch {
        source: batch.source,
        bytes: batch.bytes.clone(),
        records: batch.records.clone(),
    }
}

/// Simulated events as suppliers send them, those of more than a few people left out.
fn ordinary() -> Vec<String> {
    let plan = Plan {
        seed: 20_260_601,
        ..Plan::default()
    };
    let lines = Stream::new(plan).expect("a sound plan");
    let lines = lines.map(|line| line.json).filter(|json| json.len() < 600);
    lines.take(RECORDS).collect()
}

/// One export that names `subjects` people.
fn export(subjects: usize) -> String {
    let mut json = r#"{"id":"a-1","time":1795425245123,"supplier":"acme","account":"clerk-07","action":"export","subjects":["MP-000000""#.to_owned();
    for subject in 1..subjects {
        write!(json, ",\"MP-{subject:06}\"").expect("a string takes all");
    }
    json + "]}"
}

fn decode(criterion: &mut Criterion) {
    let ordinary = ordinary();
    let escaped: Vec<_> = ordinary
        .iter()
        .map(|json| json.replace("MP-", "\\u004dP-"))
        .collect();
    let cut: Vec<_> = ordinary
        .iter()
        .map(|json| &json[..json.len() - 1])
        .collect();
    let exports = vec![export(1_000); 20];
    let shapes = [
        ("event", batch(ordinary.iter().map(String::as_str))),
        ("event_escaped", batch(escaped.iter().map(String::as_str))),
        ("refused_cut", batch(cut)),
        (
            "export_1000_subjects",
            batch(exports.iter().map(String::as_str)),
        ),
    ];
    let mut group = criterion.benchmark_group("decode");
    for (name, batch) in &shapes {
        group.throughput(Throughput::Elements(batch.records.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter_batched(
                || copy(batch),
                |batch| DecodedBatch::decode(batch, None),
                BatchSize::LargeInput,
            );
        });
    }
    let batch = copy(&shapes[0].1);
    let decoded = DecodedBatch::decode(batch, None);
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("lend", |bencher| {
        bencher.iter(|| {
            for index in 0..decoded.len() {
                if let (_, Verdict::Event(event)) = decoded.get(index) {
                    black_box(event);
                }
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
