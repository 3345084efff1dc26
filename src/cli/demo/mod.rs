//! `rosterwatch demo`: the whole product in one process, with nothing installed.

mod play;
mod stage;
mod summary;
mod teller;

use std::{
    io::{self, Write as _},
    net::TcpListener,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;

use self::{
    play::{Daemon, Play},
    stage::Stage,
    teller::Teller,
};
use crate::{
    cli::{USAGE, fail, is_closed_pipe, run},
    config::Config,
    event::DAY_MS,
    serve,
    simulate::{Family, Plan, Producer, Stream},
};

/// Play suppliers with planted thefts, and watch them being caught.
///
/// Everything runs in this process: an embedded broker, simulated suppliers, the daemon on its
/// defaults, and its metrics. Alerts are told as they come; a summary says what was planted and
/// what was caught. Nothing is written to disk.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Another seed is another world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days of the world; most thefts fall in its last third.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(6..=90))]
    days: u32,
    /// Accounts of each of the two suppliers.
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(20..=2_000))]
    accounts: u32,
    /// How long the play takes, in seconds; longer on a machine that does not keep up.
    #[arg(long, default_value_t = 26, value_parser = clap::value_parser!(u32).range(5..=3_600))]
    seconds: u32,
    /// Where `/metrics`, `/livez` and `/readyz` are served [default: that of `run` or, where it is
    /// taken, a free port].
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Stay until Ctrl-C when the play is over, to look at the metrics.
    #[arg(long)]
    keep: bool,
}

impl Args {
    fn plan(&self) -> Plan {
        Plan {
            seed: self.seed,
            days: self.days,
            suppliers: 2,
            accounts: self.accounts,
            population: 20_000,
            attacks_per_family: 1,
            attacks_after_day: self.days * 2 / 3,
            // Thefts that can be seen in a week; those of many weeks have no room here.
            families: vec![
                Family::OneShotExport,
                Family::SplitExport,
                Family::ScrapeFast,
                Family::ScrapeHours,
                Family::SearchHarvest,
                Family::NewAccount,
            ],
            campaigns: 0,
            ..Plan::default()
        }
    }
}

/// Plays the world through the daemon and sums it up.
///
/// # Errors
/// An embedded broker that does not start or loses what it was given.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let plan = args.plan();
    let stream = Stream::new(plan.clone())?;
    let suppliers: Vec<_> = stream.suppliers().cloned().collect();
    let stage = Stage::set(&suppliers)?;
    let taken = stage
        .config(args.metrics.as_deref())
        .and_then(|config| Ok((listen(args, &config)?, config)));
    let (listener, config) = match taken {
        Ok(taken) => taken,
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    let introduction = introduction(&plan, &stream, &listener)?;
    let producer = Producer::new(&stage.brokers(), args.seed)?;
    let settings = config.daemon();
    let teller = Teller::new(&stage.brokers(), &settings.topics.alerts)?;
    let daemon = Daemon::start(settings, listener)?;
    let length = Duration::from_secs(args.seconds.into());
    let mut performance = Play::new(&plan, length, stream, teller);
    let played = tell(&introduction).map_err(anyhow::Error::from);
    let played = played.and_then(|()| performance.run(&daemon, producer, args.keep));
    let ended = daemon.end();
    let told = match &ended {
        Ok(_) => played.and_then(|()| performance.close()),
        Err(_) => played,
    };
    match told {
        Err(error) if !is_closed_pipe(&error) => Err(error),
        _ => Ok(run::exit_of(ended)),
    }
}

/// Takes the address of the metrics.
fn listen(args: &Args, config: &Config) -> anyhow::Result<TcpListener> {
    let wanted = config.metrics_listen;
    match (serve::bind(wanted), &args.metrics) {
        (Ok(listener), _) => Ok(listener),
        (Err(_), None) => serve::bind((wanted.ip(), 0).into()).context("finding a free port"),
        (Err(error), Some(_)) => {
            let what = format!("--metrics {wanted}: cannot be listened on; choose another");
            Err(anyhow::Error::new(error).context(what))
        }
    }
}

fn introduction(plan: &Plan, stream: &Stream, listener: &TcpListener) -> anyhow::Result<String> {
    let address = listener.local_addr().context("asking for the address")?;
    let history_ms = i64::from(plan.attacks_after_day) * DAY_MS;
    let suppliers: Vec<&str> = stream.suppliers().map(|name| &**name).collect();
    let first_theft = plan.from().plus_millis(history_ms).to_string();
    Ok(format!(
        "Playing {days} days of {suppliers}: {accounts} accounts each, who read {population} \
         people's records.\n\
         Thefts are planted among honest work, most of them from {theft} on.\n\
         Metrics: http://{address}/metrics (also /livez and /readyz). Ctrl-C ends it.\n",
        days = plan.days,
        suppliers = suppliers.join(" and "),
        accounts = plan.accounts,
        population = plan.population,
        theft = teller::day(&first_theft),
    ))
}

/// Says something on standard output.
fn tell(words: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{words}")
}
