//! `rosterwatch simulate`: a labelled world, to a directory or to Kafka.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{UNAVAILABLE, USAGE, fail};
use crate::clock::Stopwatch;
use crate::event::days_from_civil;
use crate::simulate::{Labels, Plan, Producer, Stream};

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
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = Plan::default().seed)]
    seed: u64,
    /// First UTC day.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day, default_value = "2026-06-01")]
    from: i64,
    /// Length in days.
    #[arg(long, default_value_t = Plan::default().days)]
    days: u32,
    /// Number of suppliers.
    #[arg(long, default_value_t = Plan::default().suppliers)]
    suppliers: u32,
    /// Accounts of each supplier.
    #[arg(long, default_value_t = Plan::default().accounts)]
    accounts: u32,
    /// People whose records each supplier holds.
    #[arg(long, default_value_t = Plan::default().population)]
    population: u32,
    /// Attacks planted of each family.
    #[arg(long, default_value_t = Plan::default().attacks_per_family)]
    attacks_per_family: u32,
    /// First day, counted from 0, on which most attacks may start.
    #[arg(long, default_value_t = Plan::default().attacks_after_day)]
    attacks_after_day: u32,
    /// Share of events that arrive late.
    #[arg(long, default_value_t = Plan::default().late_fraction)]
    late_fraction: f64,
    /// The longest an event may be under way, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 40)]
    late_max: u32,
    /// Share of events that arrive a second time.
    #[arg(long, default_value_t = Plan::default().duplicate_fraction)]
    duplicate_fraction: f64,
    /// Campaigns of a department, for each supplier.
    #[arg(long, default_value_t = Plan::default().campaigns)]
    campaigns: u32,
    /// Share of people who go on leave for a week or two.
    #[arg(long, default_value_t = Plan::default().leave_fraction)]
    leave_fraction: f64,
    /// Share of people who join while the world runs.
    #[arg(long, default_value_t = Plan::default().joiner_fraction)]
    joiner_fraction: f64,
    /// Share of people who work fewer days a week.
    #[arg(long, default_value_t = Plan::default().part_time_fraction)]
    part_time_fraction: f64,
    /// Chance that a run of a job is done a second time hours later.
    #[arg(long, default_value_t = Plan::default().rerun_chance)]
    rerun_chance: f64,
    /// Scales everybody's daily events.
    #[arg(long, default_value_t = Plan::default().activity)]
    activity: f64,
}

impl Args {
    fn plan(&self) -> Plan {
        Plan {
            seed: self.seed,
            from_day: self.from,
            days: self.days,
            suppliers: self.suppliers,
            accounts: self.accounts,
            population: self.population,
            attacks_per_family: self.attacks_per_family,
            attacks_after_day: self.attacks_after_day,
            late_fraction: self.late_fraction,
            late_max_ms: i64::from(self.late_max) * 60_000,
            duplicate_fraction: self.duplicate_fraction,
            campaigns: self.campaigns,
            leave_fraction: self.leave_fraction,
            joiner_fraction: self.joiner_fraction,
            part_time_fraction: self.part_time_fraction,
            rerun_chance: self.rerun_chance,
            activity: self.activity,
        }
    }
}

/// Plays the world and writes it; says on standard error what it holds.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let watch = Stopwatch::start();
    let stream = match Stream::new(args.plan()) {
        Ok(stream) => stream,
        Err(error) => return Ok(fail(USAGE, &error.into())),
    };
    let written = match (&args.brokers, &args.out) {
        (Some(brokers), out) => match to_kafka(stream, brokers, args.seed) {
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
