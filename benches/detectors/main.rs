//! A bench of detectors: ours against those that are written elsewhere, on the same worlds.
//!
//! Ours runs as `replay` runs it, its defaults frozen. The others are given, for each rate of
//! false incidents, the lowest threshold that keeps to it on these very worlds: an oracle that
//! nobody has in service. All are scored by `score`. With `--ablations` ours is played without each
//! of its parts as well.
//!
//! `make bench-detectors`, or with arguments `cargo bench --bench detectors -- --help`.

use std::io::{self, Write as _};

use clap::Parser;
use rosterwatch::{clock::Stopwatch, detect::Part, event::DAY_MS, simulate::Plan};

use crate::{
    judging::{Feeds, LONG_STEPS, Pool, Sums, scored},
    rivals::{FIXED, RIVALS, THREE_MINUTES},
    sweep::{RATE_MAX, Setting},
    world::World,
};

mod ablation;
#[path = "../judging/mod.rs"]
mod judging;
mod list;
mod rivals;
mod sweep;
mod windows;
mod world;

/// A kind of worlds.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    plan: fn() -> Plan,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "calm",
        plan: Plan::calm,
    },
    Kind {
        name: "ordinary",
        plan: Plan::ordinary,
    },
    Kind {
        name: "noisy",
        plan: Plan::noisy,
    },
];

/// Judge our detector and others on simulated worlds; Markdown tables go to standard output.
#[derive(Debug, Parser)]
#[command(name = "detectors")]
struct Args {
    /// Seeds of the worlds, one world each.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "101,102,103,104,105,106,107,108,109,110"
    )]
    seeds: Vec<u64>,
    /// Kinds of worlds; the seeds take them in turn [default: every kind].
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Days of each world, where not those of its kind.
    #[arg(long)]
    days: Option<u32>,
    /// False incidents per 1,000 account-days that the others may have; a table for each.
    #[arg(long, value_delimiter = ',', default_value = "0.2,0.5,2")]
    rates: Vec<f64>,
    /// Budgets to ask of ours too: what came of each, and its column in the table of that rate.
    #[arg(long, value_delimiter = ',')]
    budgets: Vec<f64>,
    /// Play ours without each part of it too, every part at its own best setting.
    #[arg(long)]
    ablations: bool,
    /// The same for these parts alone.
    #[arg(long, value_delimiter = ',')]
    ablate: Vec<String>,
    /// Leave the other detectors out.
    #[arg(long)]
    ours_only: bool,
    /// List what ours missed and what it raised falsely, world by world.
    #[arg(long)]
    list: bool,
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
    let plans = args.plans()?;
    let parts = args.parts()?;
    let mut configs = vec![judging::config(None)?];
    for budget in &args.budgets {
        configs.push(judging::config(Some(*budget))?);
    }
    let pooled = if args.ours_only { 0 } else { plans.len() };
    let worlds = judging::in_parallel(plans.len(), args.threads, |number| {
        let (kind, plan) = plans[number].clone();
        let feeds = configs.iter().map(Feeds::new).collect();
        world::play(kind, plan, feeds, pooled)
    })?;
    let mut ours = Vec::new();
    for index in 0..configs.len() {
        let mut pool = Pool::default();
        for world in &worlds {
            pool.add(&world.labels, &scored(&world.ours[index]))?;
        }
        ours.push(pool);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", head(&args, &worlds))?;
    writeln!(out, "{}", by_world(&worlds)?)?;
    writeln!(out, "{}", by_budget(&args, &ours))?;
    if !args.ours_only {
        let fixed = Setting {
            rival: THREE_MINUTES,
            is_people_only: false,
        };
        let fixed = fixed.judge(&worlds, sweep::level_at(FIXED))?.pool;
        for rate in &args.rates {
            writeln!(out, "{}", by_family(&args, &worlds, &ours, &fixed, *rate)?)?;
        }
        writeln!(out, "{}", legend())?;
    }
    if !parts.is_empty() {
        let ablations = ablation::play(&plans, &configs[0], &parts, args.threads)?;
        for rate in &args.rates {
            writeln!(out, "{}", ablation::table(&ablations, *rate))?;
        }
    }
    for world in worlds.iter().filter(|_| args.list) {
        writeln!(out, "{}", list::list(world)?)?;
    }
    writeln!(out, "Took {:.0} s.", watch.elapsed().as_secs_f64())?;
    Ok(())
}

impl Args {
    fn plans(&self) -> anyhow::Result<Vec<(&'static str, Plan)>> {
        let is_wanted = |name: &str| self.kinds.iter().any(|it| it == name);
        let mut kinds = KINDS.to_vec();
        kinds.retain(|kind| self.kinds.is_empty() || is_wanted(kind.name));
        let is_known = self.kinds.is_empty() || kinds.len() == self.kinds.len();
        let names = KINDS.map(|kind| kind.name).join(", ");
        anyhow::ensure!(is_known, "--kinds: name some of {names}, each once");
        let is_kept = |rate: &f64| (0.0..=RATE_MAX).contains(rate);
        let are_kept = self.rates.iter().all(is_kept);
        anyhow::ensure!(are_kept, "--rates: must lie between 0 and {RATE_MAX}");
        let plan = |(seed, kind): (&u64, &Kind)| {
            let plan = (kind.plan)();
            let days = self.days.unwrap_or(plan.days);
            let seed = *seed;
            (kind.name, Plan { seed, days, ..plan })
        };
        Ok(self
            .seeds
            .iter()
            .zip(kinds.iter().cycle())
            .map(plan)
            .collect())
    }

    /// The parts to take out.
    fn parts(&self) -> anyhow::Result<Vec<Part>> {
        let mut parts = Part::ALL.to_vec();
        let is_named = |part: &Part| self.ablate.iter().any(|it| it == part.as_str());
        parts.retain(|part| self.ablations || is_named(part));
        let are_known = self.ablations || parts.len() == self.ablate.len();
        let names = Part::ALL.map(Part::as_str).join(", ");
        anyhow::ensure!(are_known, "--ablate: name some of {names}, each once");
        Ok(parts)
    }
}

fn head(args: &Args, worlds: &[World]) -> String {
    let events: usize = worlds.iter().map(|world| world.events).sum();
    let attacks: usize = worlds.iter().map(|world| world.labels.attacks.len()).sum();
    let seeds: Vec<_> = args.seeds.iter().map(u64::to_string).collect();
    format!(
        "`{}`\n\n{} worlds, seeds {}: {events} events, {attacks} attacks. A cell is recall / mean \
         share out at the first alarm, a miss counting 1.\n",
        judging::command("detectors"),
        worlds.len(),
        seeds.join(", "),
    )
}

/// How ours, at its defaults, does in each world.
fn by_world(worlds: &[World]) -> anyhow::Result<String> {
    let heading = [
        "seed",
        "kind",
        "accounts",
        "days",
        "events",
        "account-days",
        "attacks",
        "all",
        "ten steps or more",
        "false before day 14",
        "false after",
    ];
    let mut rows = Vec::new();
    for world in worlds {
        let mut pool = Pool::default();
        pool.add(&world.labels, &scored(&world.ours[0]))?;
        let Pool { before, after, .. } = &pool;
        let from: jiff::Timestamp = world.labels.from.parse()?;
        let to: jiff::Timestamp = world.labels.to.parse()?;
        let length_ms = to.as_millisecond() - from.as_millisecond();
        rows.push(vec![
            world.labels.seed.to_string(),
            world.kind.to_owned(),
            world.accounts.len().to_string(),
            (length_ms / DAY_MS).to_string(),
            world.events.to_string(),
            format!("{:.0}", before.account_days + after.account_days),
            pool.all.attacks.to_string(),
            pool.all.cell(),
            pool.long.cell(),
            format!("{:.2}", before.per_1000()),
            format!("{:.2}", after.per_1000()),
        ]);
    }
    let table = judging::table(&heading.map(str::to_owned), &rows);
    Ok(format!(
        "### Ours at its defaults, world by world\n\n{table}"
    ))
}

/// What came of each budget, pooled.
fn by_budget(args: &Args, ours: &[Pool]) -> String {
    let asked = args.budgets.iter().map(f64::to_string);
    let asked = std::iter::once("default".to_owned()).chain(asked);
    let row = |(asked, pool): (String, &Pool)| {
        vec![
            asked,
            format!("{:.3}", pool.after.per_1000()),
            pool.after.incidents.to_string(),
            pool.after.outside_benign.to_string(),
            format!("{:.3}", pool.before.per_1000()),
            pool.all.cell(),
            pool.long.cell(),
        ]
    };
    let rows: Vec<_> = asked.zip(ours).map(row).collect();
    let heading = [
        "asked per 1,000",
        "came after day 14",
        "incidents",
        "outside benign spans",
        "came before",
        "all",
        "ten steps or more",
    ];
    let table = judging::table(&heading.map(str::to_owned), &rows);
    format!("### The budget: false incidents per 1,000 account-days, pooled\n\n{table}")
}

/// Every detector in one table, the others with their best threshold at `rate`.
fn by_family(
    args: &Args,
    worlds: &[World],
    ours: &[Pool],
    fixed: &Pool,
    rate: f64,
) -> anyhow::Result<String> {
    let mut columns: Vec<(String, String, Pool)> = Vec::new();
    columns.push(("ours, defaults".to_owned(), "–".to_owned(), ours[0].clone()));
    let is_same = |budget: &f64| budget.total_cmp(&rate).is_eq();
    let same = args.budgets.iter().position(is_same);
    if let Some(index) = same {
        let pool = ours[index + 1].clone();
        columns.push((format!("ours, budget {rate}"), "–".to_owned(), pool));
    }
    for (index, rival) in RIVALS.iter().enumerate() {
        let best = sweep::best(worlds, index, rate)?;
        let who = if best.is_people_only { ", people" } else { "" };
        let threshold = format!("{:.1}{who}", best.threshold);
        columns.push((rival.name.to_owned(), threshold, best.pool));
    }
    columns.push((
        "25 in 3 min, as is".to_owned(),
        "25".to_owned(),
        fixed.clone(),
    ));
    let mut heading = vec!["family (attacks)".to_owned()];
    heading.extend(columns.iter().map(|(name, ..)| name.clone()));
    let mut rows = Vec::new();
    for (family, sums) in &ours[0].families {
        let none = Sums::default();
        let cell = |pool: &Pool| pool.families.get(family).unwrap_or(&none).cell();
        let name = format!("`{family}` ({})", sums.attacks);
        rows.push(row(name, &columns, |_, pool| cell(pool)));
    }
    let long = format!("of {LONG_STEPS} steps or more ({})", ours[0].long.attacks);
    let all = format!("all ({})", ours[0].all.attacks);
    let bold = |text: String| format!("**{text}**");
    rows.push(row(all, &columns, |_, pool| bold(pool.all.cell())));
    rows.push(row(long, &columns, |_, pool| bold(pool.long.cell())));
    let after = |_: &str, pool: &Pool| format!("{:.2}", pool.after.per_1000());
    rows.push(row("false after day 14".to_owned(), &columns, after));
    let before = |_: &str, pool: &Pool| format!("{:.2}", pool.before.per_1000());
    rows.push(row("false before".to_owned(), &columns, before));
    let threshold = |threshold: &str, _: &Pool| threshold.to_owned();
    rows.push(row("threshold".to_owned(), &columns, threshold));
    let table = judging::table(&heading, &rows);
    Ok(format!(
        "### At most {rate} false incidents per 1,000 account-days after day 14\n\n{table}"
    ))
}

fn row(
    name: String,
    columns: &[(String, String, Pool)],
    cell: impl Fn(&str, &Pool) -> String,
) -> Vec<String> {
    let cells = columns
        .iter()
        .map(|(_, threshold, pool)| cell(threshold, pool));
    std::iter::once(name).chain(cells).collect()
}

/// What each column of a rival is.
fn legend() -> String {
    let rules = RIVALS
        .iter()
        .map(|it| format!("- {}: {}\n", it.name, it.rule));
    let rules: String = rules.collect();
    format!(
        "### The other detectors\n\n{rules}\nA threshold with *people* leaves accounts that are \
         programs out, which found more.\n"
    )
}
