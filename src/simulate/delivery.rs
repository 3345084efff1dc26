//! How an event travels from a supplier's log to us: at once, late, twice, or in a lump.

use crate::simulate::calendar::MINUTE_MS;
use crate::simulate::distribution::{count, uniforms};
use crate::simulate::plan::Plan;
use crate::simulate::supplier::{Failure, Supplier, Upload};

/// Mean time from an access to the arrival of its event, in milliseconds.
const DELIVERY_MS: f64 = 2_500.0;
/// Deliveries that are not late take at most this long, in milliseconds.
const ON_TIME_MS: i64 = 10_000;

/// When an event of `time` arrives, and when once more, if it does. It is the account's `number`.
pub(super) fn arrivals(
    plan: &Plan,
    supplier: &Supplier,
    time: i64,
    number: (u32, u64),
) -> (i64, Option<i64>) {
    let [luck, way] = uniforms(plan.seed, number.0, 2 * number.1);
    let [repeat, again] = uniforms(plan.seed, number.0, 2 * number.1 + 1);
    let repeats = repeat < plan.duplicate_fraction;
    let held = supplier
        .failing(time)
        .filter(|outage| outage.failure == Failure::Transport);
    let lump = match (held, supplier.upload) {
        (Some(outage), Upload::Live) => Some(outage.span.end),
        (None, Upload::Live) => None,
        (held, Upload::Batches { period_ms, lag_ms }) => {
            let ready = held.map_or(time, |outage| outage.span.end);
            Some((ready.div_euclid(period_ms) + 1) * period_ms + lag_ms)
        }
    };
    if let Some(arrival) = lump {
        // In order: all of a lump arrive at one moment, as they were logged.
        return (arrival, repeats.then_some(arrival + MINUTE_MS));
    }
    let delay = if luck < plan.late_fraction {
        between(ON_TIME_MS, plan.late_max_ms, way)
    } else {
        i64::from(count(-DELIVERY_MS * (1.0 - way).ln())).min(ON_TIME_MS)
    };
    let second = between(delay, plan.late_max_ms, again);
    (time + delay, repeats.then_some(time + second))
}

fn between(low: i64, high: i64, share: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "within the span")]
    let within = ((high - low) as f64 * share) as i64;
    low + within
}
