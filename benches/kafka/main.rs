//! Draining a real Kafka broker: the daemon beside bare loops of the crates it is made of, on the
//! same topics in the same run; and how long an alert takes.
//!
//! Budget: at least 0.85 of the events a second of a one-thread loop that polls and decodes with
//! `serde_json` into a borrowed struct, at least 0.45 of one that only polls, and at most 1.6 µs
//! of CPU an event, everything included; from an event's append to its alert's acknowledgement at
//! most 250 ms (p99) at 20,000 events a second.
//!
//! `cargo bench --bench kafka -- drain` or `-- latency` runs one of the two.
//!
//! Needs what `tests/broker/fetch.sh` needs, or a broker that `ROSTERWATCH_TEST_KAFKA` names, and
//! a few GB where temporary files go. The broker works on the same cores as what is measured.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that prints what it measured, and cannot go on where something is missing"
)]

use std::env;

mod backlog;
mod bare;
#[expect(dead_code, reason = "the bench asks for no guarded listener")]
#[path = "../../tests/support/broker.rs"]
mod broker;
#[path = "../../tests/support/http.rs"]
#[expect(dead_code, reason = "only the body of an answer is wanted here")]
mod http;
mod latency;
mod program;
mod usage;

use crate::{backlog::Backlog, broker::Broker, usage::Run};

/// Each consumer drains the whole backlog so many times, in turns; medians are told.
const ROUNDS: usize = 3;
/// Suppliers, a topic of six partitions each.
const SUPPLIERS: [u32; 2] = [1, 3];

fn main() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let wanted = env::args().skip(1).find(|word| !word.starts_with('-'));
    let is_wanted = |part| wanted.as_deref().is_none_or(|wanted| wanted == part);
    if is_wanted("drain") {
        for suppliers in SUPPLIERS {
            drain(&broker, suppliers);
        }
    }
    if is_wanted("latency") {
        latency::measure(&broker);
    }
}

/// Drains a backlog of so many suppliers by each consumer in turns.
fn drain(broker: &Broker, suppliers: u32) {
    let backlog = Backlog::produce(broker, suppliers);
    println!(
        "{} events of {} bytes, {} of 6 partitions, lz4; medians of {ROUNDS} rounds",
        backlog.events,
        backlog.bytes / backlog.events,
        if suppliers == 1 {
            "a topic"
        } else {
            "three topics"
        },
    );
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|round| {
            [
                bare::poll(broker, &backlog),
                bare::decode(broker, &backlog),
                program::drain(broker, &backlog, round),
            ]
        })
        .collect();
    tell(&rounds);
}

fn tell(rounds: &[[Run; 3]]) {
    println!(
        "  {:<34} {:>12} {:>18} {:>10}",
        "", "events/s", "CPU ns an event", "peak MiB"
    );
    let names = [
        "bare loop, polls",
        "bare loop, polls and decodes",
        "rosterwatch run --until-end",
    ];
    for (row, name) in names.into_iter().enumerate() {
        let of = |figure: fn(&Run) -> f64| median(rounds.iter().map(|round| figure(&round[row])));
        let peak = match of(|run| run.peak_mib) {
            0.0 => "-".to_owned(),
            peak => format!("{peak:.0}"),
        };
        println!(
            "  {name:<34} {:>12.0} {:>18.0} {peak:>10}",
            of(Run::events_per_sec),
            of(Run::cpu_nanos)
        );
    }
    let ratio = |to: usize| {
        let of_round = |round: &[Run; 3]| round[2].events_per_sec() / round[to].events_per_sec();
        median(rounds.iter().map(of_round))
    };
    println!(
        "  {:.2} of the loop that decodes (budget 0.85), {:.2} of the loop that polls (budget 0.45)\n",
        ratio(1),
        ratio(0)
    );
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
