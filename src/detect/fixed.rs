//! Fixed-point numbers: sums over accounts are integers, so that they are the same in any order.

/// One in fixed point.
const UNIT: f64 = 65_536.0;

/// Below this a scaled number fits 64 bits: 2^62.
const SMALL: f64 = 4_611_686_018_427_387_904.0;

/// A number in fixed point. Those summed here stay far below 2^40, so that squares fit with the
/// fraction in 128 bits.
#[expect(clippy::cast_possible_truncation, reason = "bounded as said above")]
pub(super) fn fixed(value: f64) -> i128 {
    let scaled = (value * UNIT).round();
    // Most fit half as many bits, which is several times as fast.
    if scaled.abs() < SMALL {
        i128::from(scaled as i64)
    } else {
        scaled as i128
    }
}

/// The number that a fixed-point one stands for.
pub(super) fn unit(value: i128) -> f64 {
    value as f64 / UNIT
}

/// Days after which what was counted of account-days counts half: three months, so that a quarter's
/// peaks stay.
const HALF_LIFE_DAYS: f64 = 90.0;

/// Lets a day pass: what is older counts a little less.
pub(super) fn age<'a>(sums: impl Iterator<Item = &'a mut i128>) {
    let keep = 0.5_f64.powf(1.0 / HALF_LIFE_DAYS);
    for sum in sums {
        *sum = fixed(unit(*sum) * keep);
    }
}
