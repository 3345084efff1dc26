//! A supplier's year: its clock, holidays, peaks, campaigns, outages, and how its log travels.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{LogNormal, Poisson};

use crate::event::{HOUR_MS, civil_from_days};
use crate::simulate::calendar::{MINUTE_MS, UTC, ZONES, Zone, start_of, weekday};
use crate::simulate::distribution::{count, draw, log_uniform, stream_rng};
use crate::simulate::plan::Plan;

/// Names of the first suppliers; later ones are numbered.
const NAMES: [&str; 6] = [
    "idcards-ltd",
    "payroll-services",
    "medical-records",
    "housing-desk",
    "training-portal",
    "travel-office",
];

/// What is the same for all accounts of a supplier.
#[derive(Debug)]
pub(super) struct Supplier {
    pub name: Arc<str>,
    pub zone: Zone,
    /// How its log travels.
    pub upload: Upload,
    pub outages: Vec<Outage>,
    pub campaigns: Vec<Campaign>,
    /// Share of a usual day's work, for holidays and half days.
    holidays: BTreeMap<i64, f64>,
    /// Days of the yearly peak and how many times the usual reading they bring.
    peak: (Range<i64>, f64),
    number: usize,
}

/// How a supplier's events reach us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// One by one, seconds later.
    Live,
    /// All of a period in one lump, in order, some time after its end.
    Batches { period_ms: i64, lag_ms: i64 },
}

/// A time in which a supplier's system or its log fails.
#[derive(Clone, Debug)]
pub(super) struct Outage {
    /// Epoch milliseconds.
    pub span: Range<i64>,
    pub failure: Failure,
}

/// What fails in an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody can work.
    System,
    /// People work, and nothing is logged: their running numbers are missing.
    Log,
    /// The log arrives when it is over, in order.
    Transport,
}

/// Extra work of one role.
#[derive(Debug)]
pub(super) struct Campaign {
    /// Index of the role.
    pub role: usize,
    /// Days since the epoch.
    pub days: Range<i64>,
    /// How many times the usual reading.
    pub factor: f64,
}

impl Supplier {
    /// Draws supplier `number` of the plan.
    pub(super) fn draw(plan: &Plan, number: usize) -> Self {
        let mut rng = stream_rng(plan.seed, 100 + number as u64);
        let zone = ZONES[rng.random_range(0..ZONES.len())];
        let upload = draw_upload(plan, &mut rng);
        Self {
            name: name(number),
            zone: if plan.time_zones { zone } else { UTC },
            upload,
            campaigns: draw_campaigns(plan, &mut rng),
            holidays: draw_holidays(plan, &mut rng),
            outages: draw_outages(plan, &mut rng),
            peak: draw_peak(plan, &mut rng),
            number,
        }
    }

    /// Share of a usual day's work that `day` brings to offices: 0 on holidays, nearly.
    pub(super) fn opening(&self, day: i64) -> f64 {
        self.holidays.get(&day).copied().unwrap_or(1.0)
    }

    /// How many times the usual reading `day` brings to everybody.
    pub(super) fn busyness(&self, plan: &Plan, day: i64) -> f64 {
        let offset = u64::try_from(day - plan.from_day + 1).unwrap_or(0);
        let stream = 700_000_000 + self.number as u64 * 1_000 + offset;
        let mut rng = stream_rng(plan.seed, stream);
        let shock = draw(LogNormal::new(0.0, plan.day_spread), &mut rng);
        let peak = if self.peak.0.contains(&day) {
            self.peak.1
        } else {
            1.0
        };
        shock * peak
    }

    /// What of this supplier fails at `time`.
    pub(super) fn failing(&self, time: i64) -> Option<&Outage> {
        self.outages.iter().find(|it| it.span.contains(&time))
    }
}

fn name(number: usize) -> Arc<str> {
    match NAMES.get(number) {
        Some(name) => Arc::from(*name),
        None => format!("supplier-{number:02}").into(),
    }
}

fn draw_upload(plan: &Plan, rng: &mut ChaCha8Rng) -> Upload {
    let batches = rng.random_bool(plan.batch_fraction);
    let period_ms = [1, 3, 6, 12][rng.random_range(0..4_usize)] * HOUR_MS;
    let lag_ms = rng.random_range(2 * MINUTE_MS..90 * MINUTE_MS);
    if batches {
        Upload::Batches { period_ms, lag_ms }
    } else {
        Upload::Live
    }
}

fn draw_campaigns(plan: &Plan, rng: &mut ChaCha8Rng) -> Vec<Campaign> {
    let days = i64::from(plan.days);
    (0..plan.campaigns)
        .map(|_| {
            let start = plan.from_day + rng.random_range(days / 3..days.max(1));
            Campaign {
                role: rng.random_range(0..4),
                days: start..(start + rng.random_range(2..5)).min(plan.end_day()),
                factor: rng.random_range(1.5..3.5),
            }
        })
        .collect()
}

/// Holidays at random, and those of the year's end; half days before every second one.
fn draw_holidays(plan: &Plan, rng: &mut ChaCha8Rng) -> BTreeMap<i64, f64> {
    let chance = (plan.holidays / 22.0).min(1.0);
    let mut holidays = BTreeMap::new();
    for day in plan.from_day..plan.end_day() {
        let (_, month, date) = civil_from_days(day);
        let drawn = rng.random_bool(chance);
        let half_before = rng.random_bool(0.5);
        let fixed = plan.holidays > 0.0 && matches!((month, date), (12, 25 | 26) | (1, 1));
        if fixed || drawn && weekday(day) < 5 {
            holidays.insert(day, 0.04);
            if half_before {
                holidays.entry(day - 1).or_insert(0.5);
            }
        }
    }
    holidays
}

fn draw_outages(plan: &Plan, rng: &mut ChaCha8Rng) -> Vec<Outage> {
    let mean = plan.outages * f64::from(plan.days) / 30.0;
    let outages = count(draw(Poisson::new(mean.max(1e-9)), rng));
    let world = start_of(plan.from_day)..start_of(plan.end_day());
    (0..outages)
        .map(|_| {
            let start = rng.random_range(world.clone());
            let length = i64::from(count(log_uniform(10.0, 8.0 * 60.0, rng))) * MINUTE_MS;
            let failure = [Failure::System, Failure::Log, Failure::Transport];
            Outage {
                span: start..start + length,
                failure: failure[rng.random_range(0..3_usize)],
            }
        })
        .collect()
}

fn draw_peak(plan: &Plan, rng: &mut ChaCha8Rng) -> (Range<i64>, f64) {
    let has_peak = rng.random_bool(plan.peak_chance);
    let start = rng.random_range(plan.from_day..plan.end_day());
    let factor = rng.random_range(1.2..1.8);
    if has_peak {
        (start..start + 14, factor)
    } else {
        (start..start, 1.0)
    }
}
