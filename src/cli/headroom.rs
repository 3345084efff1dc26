//! `rosterwatch headroom`: what each account could take without an alarm where a log ends.

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
    thread,
};

use anyhow::anyhow;
use serde::Serialize;

use crate::{
    cli::{USAGE, fail, replay},
    detect::{
        Account, Signal, Window,
        headroom::{Leak, PEOPLE_MAX, Probe, Reach, quantiles},
    },
    feed::Pipeline,
};

/// Days of slow theft that are played unless told otherwise.
const DAYS: u32 = 60;
const DAYS_MAX: i64 = 366;
/// Accounts told of each supplier unless told otherwise.
const TOP: usize = 20;

/// Say what each account could take without an alarm: the blind spots.
///
/// Files are replayed to their end. From there on a copy of each account takes new people now, one
/// by one; records now, in one export; and new people on each of its usual days, spread over its
/// usual hours and instead of its work; more and more, until an alarm comes. What is printed stays
/// silent, and one more alarms.
///
/// The widest come first. Accounts are named: mind where you send this.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: replay::Input,
    /// Only accounts of this supplier.
    #[arg(long, value_name = "NAME")]
    supplier: Option<String>,
    /// Only accounts of this name.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Days of slow theft that are played; 0 leaves it out, which is far quicker.
    #[arg(
        long,
        value_name = "N",
        default_value_t = DAYS,
        value_parser = clap::value_parser!(u32).range(..=DAYS_MAX)
    )]
    days: u32,
    /// Print at most this many accounts of each supplier [default: 20, with --json all].
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Print one JSON object a line and account instead of the table.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rosterwatch headroom access.ndjson.gz
  rosterwatch headroom access.ndjson.gz --days 0 --top 5
  rosterwatch headroom access.ndjson.gz --supplier payroll-services --account pay-clerk-53
  rosterwatch headroom part-*.ndjson --json > headroom.ndjson";

/// Replays the files and prints the headroom of their accounts on standard output.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut pipelines = match replay::to_the_end(&args.input)? {
        Ok(replayed) => replayed.pipelines,
        Err(code) => return Ok(code),
    };
    pipelines.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    pipelines.retain(|(supplier, _)| args.supplier.as_ref().is_none_or(|only| only == supplier));
    if let (Some(supplier), true) = (&args.supplier, pipelines.is_empty()) {
        let what = anyhow!("--supplier {supplier:?}: has no event in the files; check the name");
        return Ok(fail(USAGE, &what));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut found = false;
    for (supplier, pipeline) in &pipelines {
        let mut rows = rows(args, pipeline);
        rows.sort_by(|a, b| b.width().cmp(&a.width()).then_with(|| a.name.cmp(b.name)));
        found |= !rows.is_empty();
        if args.json {
            for row in &rows[..rows.len().min(args.top.unwrap_or(usize::MAX))] {
                serde_json::to_writer(&mut out, &row.wire(supplier, args.days))?;
                writeln!(out)?;
            }
        } else if !rows.is_empty() {
            write_table(&mut out, supplier, &rows, args)?;
        }
        out.flush()?;
    }
    if let (Some(account), false) = (&args.account, found) {
        let what = anyhow!("--account {account:?}: read no record in the files; check the name");
        return Ok(fail(USAGE, &what));
    }
    Ok(ExitCode::SUCCESS)
}

/// One account.
struct Row<'a> {
    name: &'a str,
    account: &'a Account,
    peers: u32,
    records: Reach,
    people: Reach,
    leak: Option<Leak>,
}

impl Row<'_> {
    /// What the widest is found by.
    fn width(&self) -> (u64, u64, u64) {
        let total = self.leak.as_ref().map_or(0, Leak::total);
        (total, self.people.most, self.records.most)
    }
}

/// The headroom of the accounts asked for, worked out on as many threads as there may be.
fn rows<'a>(args: &Args, pipeline: &'a Pipeline) -> Vec<Row<'a>> {
    let Some(probe) = pipeline.headroom() else {
        return Vec::new();
    };
    let wanted = |account: &&Account| {
        let only = args.account.as_deref();
        only.is_none_or(|only| account.name.as_deref() == Some(only))
    };
    let accounts: Vec<&Account> = probe.accounts().into_iter().filter(wanted).collect();
    let threads = args.input.threads().min(accounts.len()).max(1);
    let work = |number: usize| {
        let Some(mut probe) = pipeline.headroom() else {
            return Vec::new();
        };
        let share = accounts.iter().skip(number).step_by(threads);
        share
            .map(|account| row(&mut probe, account, args.days))
            .collect()
    };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..threads)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        let mut rows = work(0);
        for other in others {
            match other.join() {
                Ok(more) => rows.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        rows
    })
}

fn row<'a>(probe: &mut Probe<'a>, account: &'a Account, days: u32) -> Row<'a> {
    let people = probe.people(account, PEOPLE_MAX);
    Row {
        name: account.name.as_deref().unwrap_or_default(),
        account,
        peers: probe.peers(account),
        records: probe.records(account, people.most),
        people,
        leak: (days > 0).then(|| probe.leak(account, days)),
    }
}

fn write_table(
    out: &mut impl Write,
    supplier: &str,
    rows: &[Row<'_>],
    args: &Args,
) -> io::Result<()> {
    let days = args.days;
    let top = args.top.unwrap_or(TOP).min(rows.len());
    let longest = rows[..top]
        .iter()
        .map(|row| shown(row.name).chars().count());
    let wide = longest.max().unwrap_or(0).max("account".len());
    writeln!(out, "{supplier}: {} accounts, the widest first", rows.len())?;
    writeln!(
        out,
        "{:<wide$}  {:<7} {:>9} {:>9} {:>9} {:>9}  {:<26} history",
        "account",
        "kind",
        "records",
        "people",
        "people",
        if days > 0 { "people in" } else { "" },
        "one more crosses"
    )?;
    writeln!(
        out,
        "{:<wide$}  {:<7} {:>9} {:>9} {:>9} {:>9}",
        "",
        "",
        "now",
        "now",
        "a day",
        if days > 0 {
            format!("{days} days")
        } else {
            String::new()
        },
    )?;
    for row in &rows[..top] {
        let leak = row.leak.as_ref();
        let tight = leak.map_or(row.people.test, |leak| leak.a_day.test);
        writeln!(
            out,
            "{:<wide$}  {:<7} {:>9} {:>9} {:>9} {:>9}  {:<26} {}",
            shown(row.name),
            row.account.kind.as_str(),
            shown_most(row.records, 1),
            shown_most(row.people, 1),
            leak.map_or_else(|| "-".to_owned(), |leak| shown_most(leak.a_day, 1)),
            leak.map_or_else(|| "-".to_owned(), |leak| shown_most(leak.a_day, leak.days)),
            tight.map_or_else(|| "nothing in reach".to_owned(), test),
            history(row.account.baseline.days),
        )?;
    }
    if rows.len() > top {
        writeln!(out, "{} more; --top N prints more", rows.len() - top)?;
    }
    write_quantiles(out, "records now", rows.iter().map(|row| row.records.most))?;
    write_quantiles(out, "people now", rows.iter().map(|row| row.people.most))?;
    if days > 0 {
        let what = format!("people in {days} days");
        let totals = rows.iter().filter_map(|row| row.leak.as_ref());
        write_quantiles(out, &what, totals.map(Leak::total))?;
    }
    writeln!(out)
}

fn write_quantiles(
    out: &mut impl Write,
    what: &str,
    values: impl Iterator<Item = u64>,
) -> io::Result<()> {
    let mut values: Vec<u64> = values.collect();
    let Some([half, most, almost_all, all]) = quantiles(&mut values) else {
        return Ok(());
    };
    writeln!(
        out,
        "{what}: half of the accounts at most {half}, nine in ten {most}, 99 in 100 {almost_all}, \
         all {all}"
    )
}

/// A name as a terminal may see it.
fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}

/// So many times the most, and whether there is more.
fn shown_most(reach: Reach, times: u32) -> String {
    let more = if reach.test.is_none() { "+" } else { "" };
    format!("{}{more}", reach.most * u64::from(times))
}

fn test((signal, window): (Signal, Window)) -> String {
    let what = match signal {
        Signal::People => "people",
        Signal::Novel => "new people",
        Signal::Idle => "idle people",
        Signal::Consecutive => "people with consecutive ids",
        Signal::Exported => "records exported",
        Signal::Records => "records",
    };
    match window {
        Window::Today => format!("{what}, day after day"),
        _ => format!("{what} in {}", window.words()),
    }
}

fn history(days: u32) -> String {
    match days {
        0 => "none".to_owned(),
        1 => "1 active day".to_owned(),
        days => format!("{days} active days"),
    }
}

/// One account as JSON.
#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    supplier: &'a str,
    account: &'a str,
    account_kind: &'static str,
    now: WireNow,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<WireSlow>,
    baseline: WireBaseline,
}

#[derive(Serialize)]
struct WireNow {
    records: WireReach,
    subjects: WireReach,
}

#[derive(Serialize)]
struct WireReach {
    most: u64,
    /// The test that one more crosses; null where the search ended before any did.
    test: Option<String>,
}

#[derive(Serialize)]
struct WireSlow {
    days: u32,
    active_days: u32,
    subjects_a_day: WireReach,
    subjects: u64,
}

#[derive(Serialize)]
struct WireBaseline {
    days: u32,
    maturity: &'static str,
    peers: u32,
}

impl From<Reach> for WireReach {
    fn from(reach: Reach) -> Self {
        Self {
            most: reach.most,
            test: reach.test.map(test),
        }
    }
}

impl<'a> Row<'a> {
    fn wire(&self, supplier: &'a str, days: u32) -> Wire<'a> {
        Wire {
            schema: "rosterwatch.headroom/1",
            supplier,
            account: self.name,
            account_kind: self.account.kind.as_str(),
            now: WireNow {
                records: self.records.into(),
                subjects: self.people.into(),
            },
            slow: self.leak.as_ref().map(|leak| WireSlow {
                days,
                active_days: leak.days,
                subjects_a_day: leak.a_day.into(),
                subjects: leak.total(),
            }),
            baseline: WireBaseline {
                days: self.account.baseline.days,
                maturity: self.account.maturity().as_str(),
                peers: self.peers,
            },
        }
    }
}
