//! The real log of a company's incident management, with thefts of known truth put into copies.
//!
//! The log as it is says what is raised falsely; the copies say what is found. Every incident of
//! ours in the log as it is counts as false, though some are real mass operations: those that its
//! publishers' readers know are named apart.
//!
//! `make bench-servicenow`, or with arguments `cargo bench --bench servicenow -- --help`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
    path::PathBuf,
};

use clap::Parser;
use rosterwatch::{
    clock::Stopwatch,
    config::Config,
    decode::DecodedBatch,
    event::{DAY_MS, Timestamp},
    incident,
    ingest::RecordBatch,
    score,
    simulate::{BenignSpan, LEARNING_DAYS, Labels, SCHEMA},
};

use crate::{
    judging::{Feeds, Pool, events, scored},
    log::{FROM_DAY, Row, SUPPLIER, TO_DAY},
    thefts::{Account, Pace, Theft},
};

#[path = "../judging/mod.rs"]
mod judging;
mod log;
mod thefts;

/// Mass operations known beforehand: account, beginning and end. (A third account-day that readers
/// of the log know of, account 16 on 2016-06-03, lies after the span.)
const NATURAL: [(&str, &str, &str); 3] = [
    ("908", "2016-03-24T18:40:00Z", "2016-03-24T19:03:00Z"),
    ("908", "2016-05-23T11:00:00Z", "2016-05-23T12:00:00Z"),
    ("16", "2016-04-18T16:10:00Z", "2016-04-18T16:21:00Z"),
];

/// Rows decoded at a time.
const BATCH: usize = 4_000;

/// Judge our detector on a real log; Markdown tables go to standard output.
#[derive(Debug, Parser)]
#[command(name = "servicenow")]
struct Args {
    /// The archive of the log.
    #[arg(
        long,
        default_value = "../shared/datasets/servicenow-incidents/incident_event_log.zip"
    )]
    log: PathBuf,
    /// Seeds of the thefts: each gives `--copies` copies of the log.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "101,102,103,104,105,106,107,108"
    )]
    seeds: Vec<u64>,
    /// Copies for each seed, with eight thefts each.
    #[arg(long, default_value_t = 6)]
    copies: u64,
    /// Budgets to ask of ours beside its defaults.
    #[arg(long, value_delimiter = ',')]
    budgets: Vec<f64>,
    /// Copies decided at a time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The log, and the thefts for each copy of it.
struct Trial {
    rows: usize,
    accounts: Vec<Account>,
    batches: Vec<DecodedBatch>,
    copies: Vec<Vec<Theft>>,
    labels: Labels,
}

/// One copy of the log, decided.
struct Copy<'a> {
    /// The thefts but those of an account that the log as it is alarms for at that time: nobody
    /// could say what was found.
    thefts: Vec<&'a Theft>,
    left_out: usize,
    alerts: Vec<score::Alert>,
}

fn main() -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let args = Args::parse();
    let mut out = io::stdout().lock();
    if !args.log.exists() {
        let path = args.log.display();
        writeln!(
            out,
            "{path} is not there: nothing to judge; name it by --log"
        )?;
        return Ok(());
    }
    let trial = Trial::new(&args)?;
    writeln!(out, "{}", trial.head(&args))?;
    let asked = std::iter::once(None).chain(args.budgets.iter().copied().map(Some));
    for budget in asked {
        let config = judging::config(budget)?;
        let name = budget.map_or("defaults".to_owned(), |budget| format!("budget {budget}"));
        writeln!(out, "### Ours, {name}\n")?;
        writeln!(out, "{}", trial.judge(&args, &config)?)?;
    }
    writeln!(out, "Took {:.0} s.", watch.elapsed().as_secs_f64())?;
    Ok(())
}

impl Trial {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let rows = log::read(&args.log)?;
        let accounts = thefts::accounts(&rows);
        let incidents: BTreeSet<&str> = rows.iter().map(|row| &*row.incident).collect();
        let incidents: Vec<&str> = incidents.into_iter().collect();
        let numbers = |seed: &u64| {
            (0..args.copies)
                .map(move |copy| 1_000 * seed + copy)
                .collect()
        };
        let copies: Vec<u64> = args.seeds.iter().flat_map::<Vec<u64>, _>(numbers).collect();
        let draw = |seed: &u64| thefts::draw(*seed, &accounts, &incidents);
        Ok(Self {
            rows: rows.len(),
            copies: copies.iter().map(draw).collect(),
            batches: (1..)
                .step_by(BATCH)
                .zip(rows.chunks(BATCH))
                .map(|(first, rows)| decode(rows, first))
                .collect(),
            labels: labels(&rows),
            accounts,
        })
    }

    fn head(&self, args: &Args) -> String {
        let thefts: usize = self.copies.iter().map(Vec::len).sum();
        let seeds: Vec<_> = args.seeds.iter().map(u64::to_string).collect();
        let days: u64 = self
            .labels
            .account_days
            .values()
            .flat_map(BTreeMap::values)
            .sum();
        format!(
            "`{}`\n\n{} rows, {days} account-days, {} accounts with a history; {thefts} thefts in \
             {} copies, seeds {} ({} copies each). A cell is recall / mean share out at the first \
             alarm, a miss counting 1.\n",
            judging::command("servicenow"),
            self.rows,
            self.accounts.len(),
            self.copies.len(),
            seeds.join(", "),
            args.copies,
        )
    }

    /// Decides the log as it is and every copy under `config`, and tells what came of it.
    fn judge(&self, args: &Args, config: &Config) -> anyhow::Result<String> {
        let natural = self.decide(config, &[])?;
        let mut base = Pool::default();
        base.add(&self.labels, &scored(&natural))?;
        let judged = judging::in_parallel(self.copies.len(), args.threads, |number| {
            self.judge_copy(config, &self.copies[number], &scored(&natural))
        })?;
        let (mut by_pace, mut by_multiple) = (Pool::default(), Pool::default());
        let mut left_out = 0;
        for Copy {
            thefts,
            left_out: without,
            alerts,
        } in judged
        {
            left_out += without;
            for (pool, family) in [
                (&mut by_pace, pace_of as fn(&Theft) -> String),
                (&mut by_multiple, multiple_of),
            ] {
                let label = |theft: &&Theft| theft.label(String::new(), family(theft));
                let attacks = thefts.iter().map(label).collect();
                let labels = Labels {
                    attacks,
                    ..self.labels.clone()
                };
                pool.add(&labels, &alerts)?;
            }
        }
        let paces = pace_table(&by_pace);
        let multiples = multiple_table(&by_multiple);
        let rates = rate_table(&base);
        let list = incident_table(&natural);
        Ok(format!(
            "{paces}\n{multiples}\n{left_out} thefts were left out: the log as it is alarms for \
             the account then.\n\n{rates}\n### Every incident in the log as it is\n\n{list}"
        ))
    }

    /// Decides a copy with `thefts` in it.
    fn judge_copy<'a>(
        &self,
        config: &Config,
        thefts: &'a [Theft],
        natural: &[score::Alert],
    ) -> anyhow::Result<Copy<'a>> {
        let mut kept = Vec::new();
        for theft in thefts {
            let attacks = vec![theft.label(String::new(), String::new())];
            let labels = Labels {
                attacks,
                ..self.labels.clone()
            };
            if score::score(&labels, natural)?.all.found == 0 {
                kept.push(theft);
            }
        }
        Ok(Copy {
            left_out: thefts.len() - kept.len(),
            thefts: kept,
            alerts: scored(&self.decide(config, thefts)?),
        })
    }

    /// The alerts of the log with `thefts` in it.
    fn decide(&self, config: &Config, thefts: &[Theft]) -> anyhow::Result<Vec<incident::Alert>> {
        let mut rows: Vec<Row> = thefts.iter().flat_map(|theft| theft.rows.clone()).collect();
        rows.sort_by_key(|row| row.time);
        // Numbers far from the log's own.
        let stolen = decode(&rows, 1_000_000_000);
        let mut stolen = events(&stolen).peekable();
        let mut feeds = Feeds::new(config);
        for event in self.batches.iter().flat_map(events) {
            let (record, event) = event?;
            while let Some(theft) =
                stolen.next_if(|theft| matches!(theft, Ok((_, theft)) if theft.time < event.time))
            {
                let (record, theft) = theft?;
                feeds.observe(&theft, record);
            }
            feeds.observe(&event, record);
        }
        for theft in stolen {
            let (record, theft) = theft?;
            feeds.observe(&theft, record);
        }
        Ok(feeds.into_alerts())
    }
}

/// Rows as events, numbered from `first`.
fn decode(rows: &[Row], first: u64) -> DecodedBatch {
    let mut batch = RecordBatch::default();
    for (number, row) in (first..).zip(rows) {
        batch.push(row.to_json(&number.to_string()).as_bytes(), number, -1);
    }
    DecodedBatch::decode(batch, Some(SUPPLIER))
}

/// The truth about the log as it is: its account-days and its known mass operations.
fn labels(rows: &[Row]) -> Labels {
    let count = |until: i64| {
        let days = rows
            .iter()
            .map(|row| (&row.account, row.time.div_euclid(DAY_MS)));
        let days = days
            .filter(|(_, day)| *day < until)
            .collect::<BTreeSet<_>>();
        let kinds = BTreeMap::from([("person".to_owned(), days.len() as u64)]);
        BTreeMap::from([(SUPPLIER.to_owned(), kinds)])
    };
    let benign = NATURAL.map(|(account, from, to)| BenignSpan {
        supplier: SUPPLIER.to_owned(),
        account: account.to_owned(),
        what: "natural".to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
    });
    let day = |day: i64| Timestamp::from_millis(day * DAY_MS).to_string();
    Labels {
        schema: SCHEMA.to_owned(),
        seed: 0,
        from: day(FROM_DAY),
        to: day(TO_DAY),
        account_days: count(i64::MAX),
        account_days_learning: Some(count(FROM_DAY + LEARNING_DAYS)),
        attacks: Vec::new(),
        benign: benign.into(),
    }
}

fn who(is_busy: bool) -> &'static str {
    if is_busy { "busy" } else { "quiet" }
}

fn pace_of(theft: &Theft) -> String {
    format!("{} {}", theft.pace.as_str(), who(theft.is_busy))
}

fn multiple_of(theft: &Theft) -> String {
    let bound = [4.0, 8.0, 16.0]
        .into_iter()
        .find(|most| theft.multiple < *most);
    let bound = bound.map_or("16 or more".to_owned(), |most| format!("below {most}"));
    format!("{bound} {}", theft.pace.as_str())
}

fn pace_table(pool: &Pool) -> String {
    let heading = ["pace", "quiet accounts", "busy accounts"];
    let row = |pace: Pace| {
        let cell = |is_busy| {
            let sums = pool
                .families
                .get(&format!("{} {}", pace.as_str(), who(is_busy)));
            let sums = sums.copied().unwrap_or_default();
            format!("{} ({})", sums.cell(), sums.attacks)
        };
        vec![pace.as_str().to_owned(), cell(false), cell(true)]
    };
    let mut rows: Vec<_> = Pace::ALL.into_iter().map(row).collect();
    let all = format!("**{}** ({})", pool.all.cell(), pool.all.attacks);
    rows.push(vec!["all".to_owned(), all, String::new()]);
    judging::table(&heading.map(str::to_owned), &rows)
}

/// By how often the account's own hourly 99 % was taken.
fn multiple_table(pool: &Pool) -> String {
    let mut heading = vec!["times the hourly 99 %".to_owned()];
    heading.extend(Pace::ALL.map(|pace| pace.as_str().to_owned()));
    let bounds = ["below 4", "below 8", "below 16", "16 or more"];
    let row = |bound: &str| {
        let cell = |pace: Pace| {
            let sums = pool.families.get(&format!("{bound} {}", pace.as_str()));
            let sums = sums.copied().unwrap_or_default();
            format!("{} ({})", sums.cell(), sums.attacks)
        };
        std::iter::once(bound.to_owned())
            .chain(Pace::ALL.map(cell))
            .collect()
    };
    let rows: Vec<Vec<String>> = bounds.into_iter().map(row).collect();
    judging::table(&heading, &rows)
}

fn rate_table(base: &Pool) -> String {
    let heading = [
        "period",
        "incidents",
        "natural ones among them",
        "account-days",
        "per 1,000",
    ];
    let row = |(period, rate): (&str, judging::False)| {
        vec![
            period.to_owned(),
            rate.incidents.to_string(),
            (rate.incidents - rate.outside_benign).to_string(),
            format!("{:.0}", rate.account_days),
            format!("{:.2}", rate.per_1000()),
        ]
    };
    let periods = [("first 14 days", base.before), ("after", base.after)];
    let rows: Vec<_> = periods.into_iter().map(row).collect();
    judging::table(&heading.map(str::to_owned), &rows)
}

/// Every incident of `alerts`, for a person to judge.
fn incident_table(alerts: &[incident::Alert]) -> String {
    let mut incidents: BTreeMap<(Timestamp, &str), Vec<&incident::Alert>> = BTreeMap::new();
    let mut raised: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let of_accounts = alerts.iter().filter(|alert| !alert.kind.is_of_feed());
    for alert in of_accounts {
        let at = *raised.entry(&alert.incident).or_insert(alert.raised_at);
        incidents
            .entry((at, &alert.incident))
            .or_default()
            .push(alert);
    }
    let heading = [
        "raised (local)",
        "account",
        "kind",
        "people in the window",
        "window, min",
        "quiet up to",
        "people by the end",
        "natural",
    ];
    let row = |alerts: Vec<&incident::Alert>| {
        let (first, last) = (*alerts.first()?, *alerts.last()?);
        let account = first.account.as_deref().unwrap_or("–");
        let raised = first.raised_at.to_string();
        let is_natural = NATURAL
            .into_iter()
            .any(|(of, from, to)| of == account && (from..to).contains(&raised.as_str()));
        Some(vec![
            raised.get(..16)?.replace('T', " "),
            account.to_owned(),
            first.kind.as_str().to_owned(),
            first.observed_subjects.to_string(),
            (first.window_ms / 60_000).to_string(),
            first.expected_upper.to_string(),
            last.exposure.subjects.to_string(),
            if is_natural { "yes" } else { "" }.to_owned(),
        ])
    };
    let rows: Vec<_> = incidents.into_values().filter_map(row).collect();
    judging::table(&heading.map(str::to_owned), &rows)
}
