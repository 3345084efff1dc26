//! Worlds of another make than `simulate`'s: what was learned on those should hold here too.
//!
//! The recipe of the clerks is that of the trial behind the design: hours that are negative binomial,
//! users with little to do, jobs of a night, a week and a month's end, honest bursts, joiners, and seven
//! ways of stealing. The other kinds of work are those in which people read other data of persons all day.
//! docs/detection.md says what was tuned on it.
//!
//! `make bench-plain`, or with arguments `cargo bench --bench plain -- --help`.

use std::io::{self, Write as _};

use clap::{Parser, ValueEnum};
use rosterwatch::{
    clock::Stopwatch, decode::DecodedBatch, ingest::RecordBatch, score, simulate::Labels,
};

use crate::{
    judging::{False, Feeds, Pool, events, scored},
    world::{Family, Kind, World},
};

#[path = "../judging/mod.rs"]
mod judging;
mod world;

/// Judge our detector on plain worlds; Markdown tables go to standard output.
#[derive(Debug, Parser)]
#[command(name = "plain")]
struct Args {
    /// Seeds of the worlds, one world each.
    #[arg(long, value_delimiter = ',', default_value = "101,102,103,104")]
    seeds: Vec<u64>,
    /// Kinds of work; all where none is named.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Days of a clerk from one honest burst to the next; a column for each.
    #[arg(long, value_delimiter = ',', default_value = "250,2500")]
    burst_days: Vec<u32>,
    /// What to ask of ours where not its default.
    #[arg(long)]
    budget: Option<f64>,
    /// Worlds played at a time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let args = Args::parse();
    anyhow::ensure!(!args.burst_days.contains(&0), "--burst-days: above 0");
    let config = judging::config(args.budget)?;
    let mut out = io::stdout().lock();
    writeln!(out, "`{}`\n", judging::command("plain"))?;
    let judge = |kind, burst_days| {
        let worlds = judging::in_parallel(args.seeds.len(), args.threads, |number| {
            let world = World::new(args.seeds[number], kind, burst_days);
            play(world, Feeds::new(&config))
        })?;
        pooled(&worlds)
    };
    let kinds = match &args.kinds[..] {
        [] => Kind::value_variants(),
        named => named,
    };
    let mut columns = Vec::new();
    for kind in kinds {
        if *kind == Kind::Clerks {
            for days in &args.burst_days {
                columns.push((
                    format!("clerks, a burst in {days} days"),
                    judge(*kind, Some(*days))?,
                ));
            }
        } else {
            let name = kind.to_possible_value();
            let name = name.map_or_else(String::new, |name| name.get_name().to_owned());
            columns.push((name, judge(*kind, None)?));
        }
    }
    let (names, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let heading = [vec!["theft".to_owned()], names].concat();
    writeln!(out, "{}", judging::table(&heading, &rows(&columns)))?;
    writeln!(out, "Took {:.0} s.", watch.elapsed().as_secs_f64())?;
    Ok(())
}

/// What came of a world: its labels and our alerts.
type Played = (Labels, Vec<score::Alert>);

fn play(mut world: World, mut feeds: Feeds<'_>) -> anyhow::Result<Played> {
    let mut number = 0;
    while let Some(reads) = world.next_day() {
        let mut batch = RecordBatch::default();
        for read in &reads {
            number += 1;
            batch.push(world.json(read, number).as_bytes(), number, -1);
        }
        let batch = DecodedBatch::decode(batch, None);
        for event in events(&batch) {
            let (record, event) = event?;
            feeds.observe(&event, record);
        }
    }
    Ok((world.labels(), scored(&feeds.into_alerts())))
}

/// The scores of all worlds, and their false incidents after day 14 by kind.
struct Pooled {
    pool: Pool,
    false_of: [False; KINDS.len()],
}

/// Kinds of accounts, and what the table calls them.
const KINDS: [(&str, &str); 2] = [("person", "persons"), ("service", "programs")];

fn pooled(worlds: &[Played]) -> anyhow::Result<Pooled> {
    let mut pool = Pool::default();
    let mut false_of = [False::default(); KINDS.len()];
    for (labels, alerts) in worlds {
        pool.add(labels, alerts)?;
        let score = score::score(labels, alerts)?;
        for ((kind, _), rate) in KINDS.into_iter().zip(&mut false_of) {
            rate.add(&score, "after", kind);
        }
    }
    Ok(Pooled { pool, false_of })
}

fn rows(columns: &[Pooled]) -> Vec<Vec<String>> {
    let row = |what: &str, cell: &dyn Fn(&Pooled) -> String| {
        let cells = columns.iter().map(cell);
        std::iter::once(what.to_owned()).chain(cells).collect()
    };
    let family = |family: Family| {
        row(family.as_str(), &|pooled| {
            let sums = pooled.pool.families.get(family.as_str());
            let sums = sums.copied().unwrap_or_default();
            format!("{} ({})", sums.cell(), sums.attacks)
        })
    };
    let mut rows: Vec<Vec<String>> = Family::ALL.into_iter().map(family).collect();
    rows.push(row("all", &|pooled| {
        format!("**{}**", pooled.pool.all.cell())
    }));
    rows.push(row("false after day 14, all", &|pooled| {
        format!("{:.2}", pooled.pool.after.per_1000())
    }));
    for (place, (_, name)) in KINDS.into_iter().enumerate() {
        let name = format!("false after day 14, {name}");
        rows.push(row(&name, &|pooled| {
            format!("{:.2}", pooled.false_of[place].per_1000())
        }));
    }
    rows
}
