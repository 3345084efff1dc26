//! `rosterwatch score`: alerts against the labels of a simulated world, as a table.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cli::{USAGE, fail};
use crate::score::{self, Alert, Filter, Found, Score};

/// Score alerts against the labels of a simulated world.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// `labels.json` as `simulate` wrote it.
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Alerts, one JSON object a line, as `replay` writes them; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    alerts: PathBuf,
    /// Count attacks of these families alone, between commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    family: Vec<String>,
    /// Count attacks that take so many people or more (records, where they name nobody).
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_people: u64,
    /// Count attacks that take so many times the records of the account's usual day, or more.
    #[arg(long, value_name = "TIMES", default_value_t = 0.0)]
    min_times_usual: f64,
    /// Count attacks by accounts with so many days before them, or more.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    min_history_days: u32,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn filter(&self) -> Filter {
        Filter {
            families: self.family.iter().cloned().collect(),
            people_min: self.min_people,
            times_usual_min: self.min_times_usual,
            history_days_min: self.min_history_days,
        }
    }
}

/// Reads both files and prints the score on standard output.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let score = match read_and_score(args) {
        Ok(score) => score,
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &score)?;
        writeln!(out)?;
    } else {
        write_table(&mut out, &score)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_and_score(args: &Args) -> anyhow::Result<Score> {
    let path = args.labels.display();
    let text = std::fs::read_to_string(&args.labels)
        .with_context(|| format!("{path}: cannot be read; give the labels.json of simulate"))?;
    let labels = score::parse_labels(&text)
        .with_context(|| format!("{path}: give the labels.json of simulate"))?;
    let filter = args.filter();
    if let [stranger, ..] = &*filter.strangers(&labels) {
        let known: BTreeSet<&str> = labels.attacks.iter().map(|it| &*it.family).collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        bail!("--family {stranger}: no attack of {path} is of that family; name some of {known}");
    }
    let alerts = read_alerts(&args.alerts)?;
    score::score_of(&labels, &alerts, &filter)
        .with_context(|| format!("{path}: make it again with simulate"))
}

fn read_alerts(path: &Path) -> anyhow::Result<Vec<Alert>> {
    let shown = path.display();
    let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(path)
            .with_context(|| format!("{shown}: cannot be read; give the alerts of replay or -"))?;
        Box::new(BufReader::new(file))
    };
    let mut alerts = Vec::new();
    for (number, line) in (1..).zip(reader.lines()) {
        let number: u64 = number;
        let line = line.with_context(|| format!("{shown}, line {number}: cannot be read"))?;
        if !line.trim().is_empty() {
            alerts.push(score::parse_alert(&line).with_context(|| {
                format!("{shown}, line {number}: give the alerts as replay --alerts writes them")
            })?);
        }
    }
    Ok(alerts)
}

/// Writes the tables that people read.
fn write_table(out: &mut impl Write, score: &Score) -> std::io::Result<()> {
    writeln!(
        out,
        "{:<26}{:>8}{:>7}{:>8}{:>11}{:>11}{:>15}{:>11}",
        "family",
        "attacks",
        "found",
        "recall",
        "share out",
        "of found",
        "of 10+ steps",
        "to detect"
    )?;
    for (family, found) in &score.families {
        write_found(out, family, found)?;
    }
    write_found(out, "all", &score.all)?;
    if score.attacks_left_out > 0 {
        writeln!(out, "{} attacks not counted", score.attacks_left_out)?;
    }
    writeln!(
        out,
        "\n{:<26}{:<10}{:>7}{:>14}{:>14}{:>11}",
        "false incidents", "kind", "count", "not benign", "account-days", "per 1,000"
    )?;
    for (period, title) in [("learning", "first 14 days"), ("after", "after 14 days")] {
        let rates = score.false_incidents.get(period).into_iter().flatten();
        for (kind, rate) in rates
            .filter(|(kind, it)| it.incidents > 0 || it.account_days > 0.0 && *kind != "supplier")
        {
            writeln!(
                out,
                "{title:<26}{kind:<10}{:>7}{:>14}{:>14.0}{:>11}",
                rate.incidents,
                rate.outside_benign,
                rate.account_days,
                or_dash(rate.per_1000, 2),
            )?;
        }
    }
    for (what, count) in &score.benign_incidents {
        writeln!(out, "{:<22} {what:<13}{count:>7}", "inside a benign span")?;
    }
    for (kind, count) in &score.feed_incidents {
        writeln!(out, "{:<22} {kind:<13}{count:>7}", "about the feed")?;
    }
    if !score.account_days_exact {
        writeln!(
            out,
            "account-days of the two periods are estimated from their sum"
        )?;
    }
    let (incidents, superseded) = (score.incidents, score.superseded);
    writeln!(
        out,
        "\n{incidents} incidents scored, {superseded} superseded left out"
    )
}

fn write_found(out: &mut impl Write, name: &str, found: &Found) -> std::io::Result<()> {
    writeln!(
        out,
        "{name:<26}{:>8}{:>7}{:>8}{:>11}{:>11}{:>15}{:>11}",
        found.attacks,
        found.found,
        or_dash(found.recall, 3),
        or_dash(found.share_out, 3),
        or_dash(found.share_out_found, 3),
        or_dash(found.long_share_out, 3),
        duration(found.seconds_to_detect),
    )
}

fn or_dash(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn duration(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds) if seconds < 120.0 => format!("{seconds:.0} s"),
        Some(seconds) if seconds < 7_200.0 => format!("{:.0} min", seconds / 60.0),
        Some(seconds) => format!("{:.1} h", seconds / 3_600.0),
    }
}
