//! What each part of ours is worth: ours without it, at the same rate of false incidents.
//!
//! A part that is taken out changes how often ours is wrong, so each is given its own best setting:
//! it is played at a ladder of budgets, and what it finds is read where its false incidents come at
//! the rate asked for, in a straight line between two rungs. Ours with every part is read alike.

use std::collections::BTreeMap;

use rosterwatch::{
    config::Config,
    detect::{Part, Parts},
    simulate::Plan,
};

use crate::{
    judging::{self, Feeds, LONG_STEPS, Pool, Sums, scored},
    world,
};

/// Budgets at which ours is played, in false incidents per 1,000 account-days.
const LADDER: [f64; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
/// The same without measured tails: a score that is believed is reached far more often.
const BELIEVED: [f64; 6] = [1e-4, 1e-3, 1e-2, 0.05, 0.3, 2.0];
/// Families named in a row: those that change most, and by a hundredth at least.
const FAMILIES: usize = 4;
const CHANGE_MIN: f64 = 0.01;

/// Ours without a part, or with every part, by rungs of its ladder.
pub(super) struct Ablation {
    without: Option<Part>,
    ladder: [f64; LADDER.len()],
    rungs: Vec<Pool>,
}

/// What is found at a rate of false incidents.
struct Reading {
    budget: f64,
    false_rate: f64,
    all: Found,
    long: Found,
    families: BTreeMap<String, Found>,
}

#[derive(Clone, Copy)]
struct Found {
    recall: f64,
    share_out: f64,
}

/// Plays `plans` with every part, and without each of `parts`.
pub(super) fn play(
    plans: &[(&'static str, Plan)],
    config: &Config,
    parts: &[Part],
    threads: usize,
) -> anyhow::Result<Vec<Ablation>> {
    let settings: Vec<_> = std::iter::once(None)
        .chain(parts.iter().copied().map(Some))
        .map(|without| (without, ladder_of(without)))
        .collect();
    let played = judging::in_parallel(settings.len() * plans.len(), threads, |number| {
        let (without, ladder) = settings[number / plans.len()];
        let (kind, plan) = plans[number % plans.len()].clone();
        let feeds = ladder.map(|budget| feeds(config, without, budget));
        world::play(kind, plan, feeds.into(), 0)
    })?;
    let of = |((without, ladder), worlds): ((Option<Part>, _), &[world::World])| {
        let mut rungs = vec![Pool::default(); LADDER.len()];
        for world in worlds {
            for (pool, alerts) in rungs.iter_mut().zip(&world.ours) {
                pool.add(&world.labels, &scored(alerts))?;
            }
        }
        Ok(Ablation {
            without,
            ladder,
            rungs,
        })
    };
    let worlds = played.chunks(plans.len().max(1));
    settings.into_iter().zip(worlds).map(of).collect()
}

const fn ladder_of(without: Option<Part>) -> [f64; LADDER.len()] {
    match without {
        Some(Part::Tails) => BELIEVED,
        _ => LADDER,
    }
}

fn feeds(config: &Config, without: Option<Part>, budget: f64) -> Feeds<'_> {
    let parts = without.map_or(Parts::default(), |part| Parts::default().without(part));
    Feeds::of(move |supplier| {
        let mut feed = config.feed_of(supplier);
        feed.parts = parts;
        feed.false_alerts_per_account_day = budget / 1_000.0;
        feed
    })
}

/// What each part is worth at `rate` false incidents per 1,000 account-days after day 14.
pub(super) fn table(ablations: &[Ablation], rate: f64) -> String {
    let Some(whole) = ablations.first().map(|whole| whole.read_at(rate)) else {
        return String::new();
    };
    let long = format!("of {LONG_STEPS} steps or more");
    let heading = [
        "without",
        "all",
        &long,
        "false after day 14",
        "budget",
        "families that change most",
    ];
    let row = |ablation: &Ablation| {
        let read = ablation.read_at(rate);
        let name = ablation.without.map_or("nothing", Part::as_str);
        vec![
            name.to_owned(),
            read.all.cell(),
            read.long.cell(),
            format!("{:.2}", read.false_rate),
            short(read.budget),
            changes(&whole, &read),
        ]
    };
    let rows: Vec<_> = ablations.iter().map(row).collect();
    let table = judging::table(&heading.map(str::to_owned), &rows);
    format!(
        "### Ours without a part, at {rate} false incidents per 1,000 account-days after day \
         14\n\n{table}"
    )
}

impl Ablation {
    /// What it finds where its false incidents come at `rate`: between the highest budget that keeps
    /// to it and the next, or at an end of the ladder.
    fn read_at(&self, rate: f64) -> Reading {
        let rates: Vec<f64> = self.rungs.iter().map(|it| it.after.per_1000()).collect();
        let within = rates.iter().rposition(|came| *came <= rate);
        let (low, high) = match within {
            None => (0, 0),
            Some(low) => (low, (low + 1).min(rates.len() - 1)),
        };
        let share = if high > low {
            (rate - rates[low]) / (rates[high] - rates[low])
        } else {
            0.0
        };
        let between = |a: f64, b: f64| a + (b - a) * share;
        let found = |of: &dyn Fn(&Pool) -> Sums| {
            let [a, b] = [low, high].map(|rung| of(&self.rungs[rung]));
            Found {
                recall: between(a.recall(), b.recall()),
                share_out: between(a.share_out(), b.share_out()),
            }
        };
        let families = self.rungs[low].families.keys();
        let of_family = |family: &String| {
            let sums = |pool: &Pool| pool.families.get(family).copied().unwrap_or_default();
            (family.clone(), found(&sums))
        };
        Reading {
            budget: between(self.ladder[low].ln(), self.ladder[high].ln()).exp(),
            false_rate: between(rates[low], rates[high]),
            all: found(&|pool| pool.all),
            long: found(&|pool| pool.long),
            families: families.map(of_family).collect(),
        }
    }
}

impl Found {
    fn cell(self) -> String {
        format!("{:.3} / {:.3}", self.recall, self.share_out)
    }
}

/// The families whose recall changes most without the part.
fn changes(whole: &Reading, read: &Reading) -> String {
    let change = |(family, found): (&String, &Found)| {
        let whole = whole.families.get(family)?;
        let change = found.recall - whole.recall;
        (change.abs() >= CHANGE_MIN).then(|| (family.clone(), change))
    };
    let mut changes: Vec<_> = read.families.iter().filter_map(change).collect();
    changes.sort_by(|(_, one), (_, other)| other.abs().total_cmp(&one.abs()));
    changes.truncate(FAMILIES);
    let words = changes
        .iter()
        .map(|(family, change)| format!("`{family}` {change:+.2}"));
    words.collect::<Vec<_>>().join(", ")
}

/// A budget with two digits that count.
fn short(budget: f64) -> String {
    if budget < 0.001 {
        format!("{budget:.1e}")
    } else {
        format!("{budget:.3}")
    }
}
