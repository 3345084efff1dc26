//! How large an alarm is: the budget of false alerts is split over sizes, and each has tails of its
//! own.
//!
//! Honest days that stand out by a hundred people are rarer than such as stand out by twenty, so the
//! larger an excess, the less surprising it has to be for the same rate of false alerts: significance
//! first, then records at risk (reference: detection, ranking by excess records). The smallest size
//! is the one that a budget moves: there the tails know the days too that raised an alarm and had
//! fewer than a hundred people in all, and where those come too often its bar rises, whoever was
//! right. (The slow tests, which tell a level once, know theirs by that level.) The larger sizes keep
//! their bars: what a theft of a hundred people must reach is moved by no alarm before it.

/// People above expectation from which a count is of each size: as the severities low and medium,
/// high, and critical.
pub const SIZES: [u32; 3] = [0, HIGH, 500];
/// Fewer people than this are of the smallest size.
pub const HIGH: u32 = 100;

/// Something for each of [`SIZES`].
pub type BySize<T> = [T; SIZES.len()];

/// What each size gets of the budget. The sum is about a half: tails know few of the days that raised
/// an alarm, which leaves the wildest honest ones out, and so much brings about the whole.
pub(super) const SHARES: BySize<f64> = [0.33, 0.1, 0.1];

/// How many sizes so much above expectation is of: one at least.
pub fn sizes_of(excess: f64) -> usize {
    let reached = SIZES[1..].iter().filter(|size| excess >= f64::from(**size));
    1 + reached.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_of_every_size_that_it_reaches() {
        let sizes = [-5.0, 0.0, 99.9, 100.0, 499.0, 500.0].map(sizes_of);
        assert_eq!(sizes, [1, 1, 1, 2, 2, 3]);
    }
}
