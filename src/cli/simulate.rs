//! `rosterwatch simulate`: a labelled world, to a directory or to Kafka.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{UNAVAILABLE, USAGE, fail};
use crate::clock::Stopwatch;
use crate::event::days_from_civil;
use crate::simulate::{Family, Kind, Labels, Plan, Producer, Stream};

/// Make a labelled synthetic world: suppliers' access logs with planted thefts.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Directory for `events.ndjson` and `labels.json`; made where it is missing. With --brokers
    /// only `labels.json` is written there.
    #[arg(long, value_name = "DIR", required_unless_present = "brokers")]
    out: Option<PathBuf>,
    /// Write the events to Kafka (`host:port,…`), to `access.<supplier>`, with random keys.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// The kind of world whose knobs hold where no other flag sets them: calm, ordinary or noisy,
    /// six weeks with 20 attacks of each family. Without it, a month of three suppliers.
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Plant these families of attacks only, by comma; all without it.
    #[arg(long, value_name = "FAMILY,…", value_delimiter = ',')]
    families: Vec<Family>,
    /// First UTC day.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    from: Option<i64>,
    /// The longest an event may be under way, in minutes.
    #[arg(long, value_name = "MINUTES")]
    late_max: Option<u32>,
    /// The same seed gives the same bytes.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Length in days.
    #[arg(long, value_name = "COUNT")]
    days: Option<u32>,
    /// Number of suppliers.
    #[arg(long, value_name = "COUNT")]
    suppliers: Option<u32>,
    /// Accounts of each supplier.
    #[arg(long, value_name = "COUNT")]
    accounts: Option<u32>,
    /// People whose records each supplier holds.
    #[arg(long, value_name = "COUNT")]
    population: Option<u32>,
    /// Attacks planted of each family.
    #[arg(long, value_name = "COUNT")]
    attacks_per_family: Option<u32>,
    /// First day, counted from 0, on which most attacks may start.
    #[arg(long, value_name = "COUNT")]
    attacks_after_day: Option<u32>,
    /// Share of events that arrive late.
    #[arg(long, value_name = "NUMBER")]
    late_fraction: Option<f64>,
    /// Share of events that arrive a second time.
    #[arg(long, value_name = "NUMBER")]
    duplicate_fraction: Option<f64>,
    /// Share of suppliers that upload their events in batches, hours later.
    #[arg(long, value_name = "NUMBER")]
    batch_fraction: Option<f64>,
    /// Mean outages of a supplier in 30 days: of its system, its log or the way to us.
    #[arg(long, value_name = "NUMBER")]
    outages: Option<f64>,
    /// Whether suppliers live in time zones of their own.
    #[arg(long, value_name = "true|false")]
    time_zones: Option<bool>,
    /// Mean holidays of a supplier in 30 days.
    #[arg(long, value_name = "NUMBER")]
    holidays: Option<f64>,
    /// Chance that a supplier's yearly peak falls into the world.
    #[arg(long, value_name = "NUMBER")]
    peak_chance: Option<f64>,
    /// How many times the usual day the last working days of a month are.
    #[arg(long, value_name = "NUMBER")]
    month_end_factor: Option<f64>,
    /// Relative spread of a supplier's days, common to all its accounts.
    #[arg(long, value_name = "NUMBER")]
    day_spread: Option<f64>,
    /// Relative spread of the growth of accounts' reading in 30 days.
    #[arg(long, value_name = "NUMBER")]
    drift: Option<f64>,
    /// Campaigns of a department, for each supplier.
    #[arg(long, value_name = "COUNT")]
    campaigns: Option<u32>,
    /// Chance of honest bulk work on a person's working day.
    #[arg(long, value_name = "NUMBER")]
    project_chance: Option<f64>,
    /// Share of people who go on leave for a week or two.
    #[arg(long, value_name = "NUMBER")]
    leave_fraction: Option<f64>,
    /// Share of people who join while the world runs.
    #[arg(long, value_name = "NUMBER")]
    joiner_fraction: Option<f64>,
    /// Share of people who leave for good while the world runs.
    #[arg(long, value_name = "NUMBER")]
    leaver_fraction: Option<f64>,
    /// Share of people who get other duties on the way.
    #[arg(long, value_name = "NUMBER")]
    mover_fraction: Option<f64>,
    /// Share of people who work fewer days a week.
    #[arg(long, value_name = "NUMBER")]
    part_time_fraction: Option<f64>,
    /// Share of people who always work at night.
    #[arg(long, value_name = "NUMBER")]
    night_fraction: Option<f64>,
    /// Share of people who meet new people all day.
    #[arg(long, value_name = "NUMBER")]
    walk_in_fraction: Option<f64>,
    /// Share of accounts that are programs.
    #[arg(long, value_name = "NUMBER")]
    job_fraction: Option<f64>,
    /// Chance that a run of a job is done a second time, mostly after it failed.
    #[arg(long, value_name = "NUMBER")]
    rerun_chance: Option<f64>,
    /// Share of jobs that move to another hour or another computer.
    #[arg(long, value_name = "NUMBER")]
    job_move_fraction: Option<f64>,
    /// Relative growth of jobs in 30 days, at most.
    #[arg(long, value_name = "NUMBER")]
    job_growth: Option<f64>,
    /// Scales everybody's daily events.
    #[arg(long, value_name = "NUMBER")]
    activity: Option<f64>,
    /// Share of people who do nothing on many days; the rest is negative binomial.
    #[arg(long, value_name = "NUMBER")]
    zero_inflated_share: Option<f64>,
    /// Share of people who have log-normal days; the rest is negative binomial.
    #[arg(long, value_name = "NUMBER")]
    log_normal_share: Option<f64>,
    /// Share of people who have days with a power-law tail; the rest is negative binomial.
    #[arg(long, value_name = "NUMBER")]
    pareto_share: Option<f64>,
}

impl Args {
    /// The plan of the kind, with what the flags set.
    fn plan(&self) -> Plan {
        let mut plan = self.kind.map_or_else(Plan::default, Kind::plan);
        let late_max_ms = self.late_max.map(|minutes| i64::from(minutes) * 60_000);
        plan.families.clone_from(&self.families);
        set(&mut plan.from_day, self.from);
        set(&mut plan.late_max_ms, late_max_ms);
        self.set_shape(&mut plan);
        self.set_people(&mut plan);
        plan
    }

    fn set_shape(&self, plan: &mut Plan) {
        set(&mut plan.seed, self.seed);
        set(&mut plan.days, self.days);
        set(&mut plan.suppliers, self.suppliers);
        set(&mut plan.accounts, self.accounts);
        set(&mut plan.population, self.population);
        set(&mut plan.attacks_per_family, self.attacks_per_family);
        set(&mut plan.attacks_after_day, self.attacks_after_day);
        set(&mut plan.late_fraction, self.late_fraction);
        set(&mut plan.duplicate_fraction, self.duplicate_fraction);
        set(&mut plan.batch_fraction, self.batch_fraction);
        set(&mut plan.outages, self.outages);
        set(&mut plan.time_zones, self.time_zones);
        set(&mut plan.holidays, self.holidays);
        set(&mut plan.peak_chance, self.peak_chance);
        set(&mut plan.month_end_factor, self.month_end_factor);
        set(&mut plan.day_spread, self.day_spread);
        set(&mut plan.job_fraction, self.job_fraction);
        set(&mut plan.rerun_chance, self.rerun_chance);
        set(&mut plan.job_move_fraction, self.job_move_fraction);
        set(&mut plan.job_growth, self.job_growth);
    }

    fn set_people(&self, plan: &mut Plan) {
        set(&mut plan.drift, self.drift);
        set(&mut plan.campaigns, self.campaigns);
        set(&mut plan.project_chance, self.project_chance);
        set(&mut plan.leave_fraction, self.leave_fraction);
        set(&mut plan.joiner_fraction, self.joiner_fraction);
        set(&mut plan.leaver_fraction, self.leaver_fraction);
        set(&mut plan.mover_fraction, self.mover_fraction);
        set(&mut plan.part_time_fraction, self.part_time_fraction);
        set(&mut plan.night_fraction, self.night_fraction);
        set(&mut plan.walk_in_fraction, self.walk_in_fraction);
        set(&mut plan.activity, self.activity);
        set(&mut plan.daily.zero_inflated, self.zero_inflated_share);
        set(&mut plan.daily.log_normal, self.log_normal_share);
        set(&mut plan.daily.pareto, self.pareto_share);
    }
}

fn set<T: Copy>(knob: &mut T, given: Option<T>) {
    *knob = given.unwrap_or(*knob);
}

/// Plays the world and writes it; says on standard error what it holds.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let watch = Stopwatch::start();
    let plan = args.plan();
    let seed = plan.seed;
    let stream = match Stream::new(plan) {
        Ok(stream) => stream,
        Err(error) => return Ok(fail(USAGE, &error.into())),
    };
    let written = match (&args.brokers, &args.out) {
        (Some(brokers), out) => match to_kafka(stream, brokers, seed) {
            Ok((events, labels)) => out
                .as_deref()
                .map_or(Ok(()), |out| write_labels(out, &labels))
                .map(|()| (events, labels)),
            Err(error) => return Ok(fail(UNAVAILABLE, &error.into())),
        },
        (None, Some(out)) => to_directory(stream, out),
        (None, None) => Err(anyhow::anyhow!("give --out or --brokers")),
    };
    match written {
        Ok((events, labels)) => {
            let seconds = watch.elapsed().as_secs_f64();
            let mut stderr = std::io::stderr().lock();
            writeln!(
                stderr,
                "{events} events, {} attacks, {} unusual but honest spans; {:.0} events/s",
                labels.attacks.len(),
                labels.benign.len(),
                events as f64 / seconds.max(1e-9),
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Ok(fail(USAGE, &error)),
    }
}

fn to_directory(mut stream: Stream, out: &Path) -> anyhow::Result<(u64, Labels)> {
    std::fs::create_dir_all(out)
        .with_context(|| format!("{}: cannot be made; choose another --out", out.display()))?;
    let path = out.join("events.ndjson");
    let cannot_write = || format!("{}: cannot be written", path.display());
    let file = File::create(&path).with_context(cannot_write)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    let mut events = 0;
    for line in &mut stream {
        writer
            .write_all(line.json.as_bytes())
            .with_context(cannot_write)?;
        writer.write_all(b"\n").with_context(cannot_write)?;
        events += 1;
    }
    writer.flush().with_context(cannot_write)?;
    let labels = stream.labels();
    write_labels(out, &labels)?;
    Ok((events, labels))
}

fn to_kafka(
    mut stream: Stream,
    brokers: &str,
    seed: u64,
) -> Result<(u64, Labels), crate::simulate::KafkaError> {
    let mut producer = Producer::new(brokers, seed)?;
    let mut events = 0;
    for line in &mut stream {
        producer.send(&line)?;
        events += 1;
    }
    producer.finish()?;
    Ok((events, stream.labels()))
}

fn write_labels(out: &Path, labels: &Labels) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)
        .with_context(|| format!("{}: cannot be made; choose another --out", out.display()))?;
    let path = out.join("labels.json");
    let mut text = serde_json::to_vec_pretty(labels).context("labels as JSON")?;
    text.push(b'\n');
    std::fs::write(&path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
fn parse_day(text: &str) -> Result<i64, String> {
    let date: jiff::civil::Date = text
        .parse()
        .map_err(|_error| "expected a date such as 2026-06-01".to_owned())?;
    Ok(days_from_civil(
        i64::from(date.year()),
        i64::from(date.month()),
        i64::from(date.day()),
    ))
}
