//! What the judging benches share: our pipeline as `replay` runs it, pooled scores, tables.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context as _, bail};
use rosterwatch::{
    config::Config,
    decode::{DecodedBatch, Verdict},
    event::AccessEvent,
    feed::{self, Decision, Pipeline},
    incident, ingest,
    score::{self, Found, Rate, Score},
    simulate::Labels,
};

/// The key that the operator states his budget by.
const BUDGET: &str = "ROSTERWATCH__DETECT__FALSE_ALERTS_PER_1000_ACCOUNT_DAYS";

/// The configuration of the defaults, or with this budget.
///
/// # Errors
/// A release without the key refuses it as unknown; so a table never shows a budget that was not
/// in force.
pub(super) fn config(budget: Option<f64>) -> anyhow::Result<Config> {
    let environment = budget.map(|budget| (BUDGET.to_owned(), budget.to_string()));
    Config::load(None, environment).context("no configuration to judge")
}

/// Every feed of one log, decided as `replay` decides a single file of it.
pub(super) struct Feeds<'a> {
    feed_of: Box<dyn Fn(&str) -> feed::Config + 'a>,
    pipelines: BTreeMap<String, Pipeline>,
    alerts: Vec<incident::Alert>,
}

impl<'a> Feeds<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self::of(|supplier| config.feed_of(supplier))
    }

    /// Feeds of suppliers that are decided as `feed_of` says.
    pub(super) fn of(feed_of: impl Fn(&str) -> feed::Config + 'a) -> Self {
        Self {
            feed_of: Box::new(feed_of),
            pipelines: BTreeMap::new(),
            alerts: Vec::new(),
        }
    }

    pub(super) fn observe(&mut self, event: &AccessEvent<'_>, record: ingest::Record) -> Decision {
        if !self.pipelines.contains_key(event.supplier) {
            let feed = (self.feed_of)(event.supplier);
            let pipeline = Pipeline::new(event.supplier, feed);
            self.pipelines.insert(event.supplier.to_owned(), pipeline);
        }
        match self.pipelines.get_mut(event.supplier) {
            Some(pipeline) => pipeline.observe(event, 0, record, &mut self.alerts),
            None => Decision::Duplicate,
        }
    }

    /// Every alert raised, in order.
    pub(super) fn into_alerts(self) -> Vec<incident::Alert> {
        self.alerts
    }
}

/// The events of a batch in which nothing may be refused.
///
/// # Errors
/// A line that breaks the contract.
pub(super) fn events(
    batch: &DecodedBatch,
) -> impl Iterator<Item = anyhow::Result<(ingest::Record, AccessEvent<'_>)>> {
    (0..batch.len()).map(|index| match batch.get(index) {
        (record, Verdict::Event(event)) => Ok((record, event)),
        (record, Verdict::Refused(refusal)) => {
            let reason = refusal.reject.as_str();
            bail!("line {} was refused: {reason}", record.position)
        }
    })
}

/// What scoring reads of our alerts.
pub(super) fn scored(alerts: &[incident::Alert]) -> Vec<score::Alert> {
    let scored = |alert: &incident::Alert| score::Alert {
        incident: alert.incident.clone(),
        revision: alert.revision,
        supplier: alert.supplier.clone(),
        account: alert.account.clone(),
        kind: alert.kind.as_str().to_owned(),
        account_kind: alert.account_kind,
        started_at: alert.started_at,
        raised_at: alert.raised_at,
        last_seen_at: alert.last_seen_at,
        superseded: alert.superseded_by.is_some(),
    };
    alerts.iter().map(scored).collect()
}

/// How attacks were found, over several scorings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) attacks: u64,
    pub(super) found: u64,
    out: f64,
}

impl Sums {
    fn add(&mut self, found: &Found) {
        self.attacks += found.attacks;
        self.found += found.found;
        self.out += found.share_out.unwrap_or(0.0) * found.attacks as f64;
    }

    /// Recall and mean share out, as a cell of a table.
    pub(super) fn cell(&self) -> String {
        if self.attacks == 0 {
            return "–".to_owned();
        }
        format!("{:.2} / {:.2}", self.recall(), self.share_out())
    }

    /// Share of the attacks that was found; 1 where there are none.
    pub(super) fn recall(&self) -> f64 {
        if self.attacks == 0 {
            return 1.0;
        }
        self.found as f64 / self.attacks as f64
    }

    /// Mean share that was out at the first alarm, a miss counting 1.
    pub(super) fn share_out(&self) -> f64 {
        self.out / self.attacks.max(1) as f64
    }
}

/// False incidents against account-days, over several scorings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct False {
    pub(super) incidents: u64,
    pub(super) outside_benign: u64,
    pub(super) account_days: f64,
}

impl False {
    /// Adds those of a period on accounts of a kind, or on `all`.
    pub(super) fn add(&mut self, score: &Score, period: &str, kind: &str) {
        let rates = score.false_incidents.get(period);
        let Some(Rate {
            incidents,
            outside_benign,
            account_days,
            ..
        }) = rates.and_then(|kinds| kinds.get(kind))
        else {
            return;
        };
        self.incidents += incidents;
        self.outside_benign += outside_benign;
        self.account_days += account_days;
    }

    pub(super) fn per_1000(&self) -> f64 {
        1_000.0 * self.incidents as f64 / self.account_days.max(1.0)
    }
}

/// Scores of several worlds, as of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    pub(super) all: Sums,
    /// Attacks of [`LONG_STEPS`] steps or more.
    pub(super) long: Sums,
    pub(super) families: BTreeMap<String, Sums>,
    pub(super) before: False,
    pub(super) after: False,
}

/// Steps from which an attack can be caught before it is over.
pub(super) const LONG_STEPS: usize = 10;

impl Pool {
    /// Adds what `alerts` are worth against `labels`.
    pub(super) fn add(&mut self, labels: &Labels, alerts: &[score::Alert]) -> anyhow::Result<()> {
        let score = score::score(labels, alerts)?;
        self.add_score(&score);
        let mut long = labels.clone();
        long.attacks
            .retain(|attack| attack.steps.len() >= LONG_STEPS);
        self.long.add(&score::score(&long, alerts)?.all);
        Ok(())
    }

    fn add_score(&mut self, score: &Score) {
        self.all.add(&score.all);
        for (family, found) in &score.families {
            self.families.entry(family.clone()).or_default().add(found);
        }
        self.before.add(score, "learning", "all");
        self.after.add(score, "after", "all");
    }
}

/// The work of each of `count` numbers, done by some threads at a time; in the order of numbers.
pub(super) fn in_parallel<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let result = work(number);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A number without its fraction; 0 where it is negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the fraction is meant to go, and the cast saturates"
)]
pub(super) fn whole(number: f64) -> usize {
    number as usize
}

/// A Markdown table: a heading and rows of as many cells.
pub(super) fn table<'a>(
    heading: &[String],
    rows: impl IntoIterator<Item = &'a Vec<String>>,
) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(heading);
    text.push('|');
    text.push_str(&" --- |".repeat(heading.len()));
    text.push('\n');
    text.extend(rows.into_iter().map(|row| line(row)));
    text
}

/// The command line, as a person would repeat it.
pub(super) fn command(target: &str) -> String {
    let given = std::env::args().skip(1).filter(|word| word != "--bench");
    let words: Vec<_> = given.collect();
    let words = words.join(" ");
    format!("cargo bench --bench {target} -- {words}")
        .trim_end_matches(" -- ")
        .to_owned()
}
