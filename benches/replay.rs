//! A replay of a million simulated events, from a file to alerts.
//!
//! Budget: at least 1,000,000 events a second on two cores, whole or in partitions.
#![expect(
    clippy::expect_used,
    reason = "a bench without its files has nothing to measure"
)]

use std::{
    fs::File,
    hint::black_box,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rosterwatch::{
    cli::replay::engine::{self, Listener, Settings, Totals},
    config::Config,
    decode::Refusal,
    feed::decoder,
    incident::Alert,
    ingest::file::{Error, Lines},
    simulate::{Plan, Stream},
};

const EVENTS: usize = 1_000_000;

/// Hears everything and keeps nothing.
struct Silent;

impl Listener for Silent {
    type Error = Error;

    fn alert(&mut self, alert: &Alert) -> Result<(), Error> {
        black_box(alert);
        Ok(())
    }

    fn refused(&mut self, _file: usize, _line: u64, refusal: Refusal) -> Result<(), Error> {
        black_box(refusal);
        Ok(())
    }

    fn advanced(&mut self) {}
}

/// Writes a million events of one world to `partitions` files.
fn write(dir: &Path, partitions: usize) -> Vec<PathBuf> {
    let plan = Plan {
        seed: 20_260_601,
        ..Plan::default()
    };
    let paths: Vec<_> = (0..partitions)
        .map(|number| dir.join(format!("{partitions}-{number}.ndjson")))
        .collect();
    let mut files: Vec<_> = paths
        .iter()
        .map(|path| BufWriter::new(File::create(path).expect("a temporary file")))
        .collect();
    let lines = Stream::new(plan).expect("a sound plan").take(EVENTS);
    let mut count = 0;
    for line in lines {
        writeln!(files[count * 7 % 11 % partitions], "{}", line.json).expect("room on the disk");
        count += 1;
    }
    assert_eq!(count, EVENTS, "the world is large enough");
    paths
}

fn replay(paths: &[PathBuf], threads: usize) -> Totals {
    let bytes_read = Arc::new(AtomicU64::new(0));
    let files = paths.iter().map(|path| Lines::open(path, &bytes_read));
    let files = files.collect::<Result<_, _>>().expect("files just written");
    let settings = Settings {
        decoder: decoder::Settings {
            threads,
            batch_records: 1_000,
        },
        suppliers_max: 10,
        config: Config::load(None, []).expect("the defaults have no problem"),
    };
    engine::replay(files, &settings, &mut Silent)
        .expect("a whole file")
        .totals
}

fn million(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.sample_size(10);
    for partitions in [1, 6] {
        let paths = write(dir.path(), partitions);
        for threads in [1, 2] {
            group.bench_function(
                format!("partitions_{partitions}/threads_{threads}"),
                |bencher| bencher.iter(|| replay(&paths, threads)),
            );
        }
    }
    group.finish();
}

criterion_group!(benches, million);
criterion_main!(benches);
