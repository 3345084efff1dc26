//! What a lasting theft would look like, and the cumulative sum of each such hypothesis.

use crate::detect::{
    bytes::{Reader, Writer},
    critical::{Model, Table},
};

/// Thefts worth finding: a lasting excess of seven tenths, and one of three times the usual, equally
/// likely; each of this many people a day at least.
const RAISED: [f64; 2] = [1.7, 4.0];
const RAISED_PEOPLE: f64 = 5.0;
/// A theft that takes as many each day leaves few small days: counts that one honest day reaches with
/// these probabilities, [`REACHED`] of its days reach. Where honest days scatter by as much as
/// themselves, that tells far more than how large the days are.
const LEVELS: [f64; 4] = [0.5, 0.25, 0.1, 0.03];
const REACHED: f64 = 0.9;
/// One day speaks for a theft at most so much, in nats, and against it at most so much: one wild day
/// is the burst tests' business, and a day off is no acquittal.
pub(super) const STEP: [f64; 2] = [-2.5, 5.0];
/// A sum is kept below this, so that it falls soon after a theft has ended.
const SUM_MAX: f64 = 40.0;

/// Hypotheses: the raised mean, and each level.
const HYPOTHESES: usize = 1 + LEVELS.len();

/// What a day is expected to count, and the counts that it seldom reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// The honest day.
    pub(super) model: Model,
    levels: [u32; LEVELS.len()],
}

impl Expected {
    /// Works the levels out.
    pub(super) fn new(model: Model, table: &mut Table) -> Self {
        let level = |p: f64| table.critical(model, -p.ln());
        let levels = LEVELS.map(level);
        Self {
            model,
            levels: levels.map(|level| u32::try_from(level).unwrap_or(u32::MAX)),
        }
    }

    pub(super) fn pack(&self, bytes: &mut Writer) {
        bytes.exact(self.model.mean);
        bytes.exact(self.model.size);
        for level in self.levels {
            bytes.count(level);
        }
    }

    pub(super) fn unpack(bytes: &mut Reader<'_>) -> Self {
        let model = Model {
            mean: bytes.exact(),
            size: bytes.exact(),
        };
        Self {
            model,
            levels: std::array::from_fn(|_| bytes.count()),
        }
    }

    /// What a day's count says for each hypothesis: log-likelihood ratios, none falling with it.
    fn steps(&self, count: f64) -> [f64; HYPOTHESES] {
        let level = |(p, level): (f64, u32)| {
            if count >= f64::from(level) {
                (REACHED / p).ln()
            } else {
                ((1.0 - REACHED) / (1.0 - p)).ln()
            }
        };
        let mut levels = LEVELS.into_iter().zip(self.levels).map(level);
        std::array::from_fn(|place| match place {
            0 => raised(self.model, count),
            _ => levels.next().unwrap_or(0.0),
        })
        .map(|step: f64| step.clamp(STEP[0], STEP[1]))
    }
}

/// What is left of a sum that steps have taken back to zero.
const RESIDUE: f32 = 1e-5;

/// One hypothesis' sum; the first day after it was last zero, and since then people above expectation
/// and expected ones.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    value: f32,
    onset: u32,
    excess: f32,
    usual: f32,
}

/// The sums of all hypotheses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    all: [Sum; HYPOTHESES],
}

impl Sums {
    /// The highest.
    pub(super) fn highest(&self) -> f64 {
        let all = self.all.iter().map(|sum| sum.value);
        f64::from(all.fold(0.0, f32::max))
    }

    /// Whether each is zero.
    pub(super) fn is_zero(&self) -> bool {
        self.all.iter().all(|sum| sum.value <= 0.0)
    }

    /// Writes down those above zero: the others' onset and excess mean nothing.
    pub(super) fn pack(&self, bytes: &mut Writer) {
        for sum in &self.all {
            let is_above = sum.value > 0.0;
            bytes.byte(is_above.into());
            if is_above {
                bytes.count(sum.value.to_bits());
                bytes.count(sum.onset);
                bytes.count(sum.excess.to_bits());
                bytes.count(sum.usual.to_bits());
            }
        }
    }

    /// Reads what [`pack`](Self::pack) wrote.
    pub(super) fn unpack(bytes: &mut Reader<'_>) -> Self {
        let mut sums = Self::default();
        for sum in &mut sums.all {
            if bytes.byte() != 0 {
                *sum = Sum {
                    value: f32::from_bits(bytes.count()),
                    onset: bytes.count(),
                    excess: f32::from_bits(bytes.count()),
                    usual: f32::from_bits(bytes.count()),
                };
            }
        }
        sums
    }

    /// The day since which the highest is above zero.
    pub(super) fn onset(&self) -> Option<u32> {
        self.leading().map(|sum| sum.onset)
    }

    /// People above expectation since then.
    pub(super) fn excess(&self) -> f64 {
        self.leading().map_or(0.0, |sum| f64::from(sum.excess))
    }

    /// People expected since then.
    pub(super) fn usual(&self) -> f64 {
        self.leading().map_or(0.0, |sum| f64::from(sum.usual))
    }

    /// The highest, where it is above zero.
    fn leading(&self) -> Option<&Sum> {
        let highest = self.all.iter();
        let highest = highest.max_by(|a, b| a.value.total_cmp(&b.value))?;
        (highest.value > 0.0).then_some(highest)
    }

    /// The sums after a `day` with such a count.
    #[must_use]
    pub(super) fn after(mut self, day: u32, count: f64, expected: &Expected) -> Self {
        for (sum, step) in self.all.iter_mut().zip(expected.steps(count)) {
            if sum.value <= 0.0 {
                (sum.onset, sum.excess, sum.usual) = (day, 0.0, 0.0);
            }
            #[expect(clippy::cast_possible_truncation, reason = "a few nats, and a count")]
            let (value, usual, excess) = (
                (f64::from(sum.value) + step).clamp(0.0, SUM_MAX) as f32,
                expected.model.mean as f32,
                (count - expected.model.mean) as f32,
            );
            sum.value = if value < RESIDUE { 0.0 } else { value };
            sum.excess = (sum.excess + excess).max(0.0);
            sum.usual += usual;
        }
        self
    }
}

/// The likelihood ratio of a count under the same scatter about a `raised` mean.
pub(in crate::detect) fn ratio(Model { mean, size }: Model, raised: f64, count: f64) -> f64 {
    let shrink = ((size + raised) / (size + mean)).ln();
    (((raised / mean).ln() - shrink) * count - size * shrink).exp()
}

/// The log-likelihood ratio of a day's count under raised means: rising with it.
fn raised(model: Model, count: f64) -> f64 {
    let ratio = |times: f64| {
        let raised = (model.mean * times).max(model.mean + RAISED_PEOPLE);
        ratio(model, raised, count)
    };
    let mixture = RAISED.map(ratio).iter().sum::<f64>() / RAISED.len() as f64;
    mixture.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_model(mean: f64, size: f64) -> Expected {
        Expected::new(Model { mean, size }, &mut Table::default())
    }

    #[test]
    fn a_floor_under_days_that_scatter_widely_tells_of_a_theft() {
        let expected = of_model(15.0, 0.5);
        let sum = |counts: &[u32]| {
            let days = (0..).zip(counts);
            let sums = days.fold(Sums::default(), |sums, (day, count)| {
                sums.after(day, f64::from(*count), &expected)
            });
            (sums.highest(), sums.onset())
        };
        // As many people in all, as honest days bring them and as a theft does.
        let (honest, _) = sum(&[160, 3, 0, 21, 110, 1, 9, 78, 2, 36]);
        let (theft, onset) = sum(&[2, 40, 38, 42, 45, 39, 41, 47, 50, 76]);
        assert!(honest < 5.5 && theft > 10.0, "{honest} {theft}");
        assert_eq!(onset, Some(1));
    }

    #[test]
    fn no_step_falls_with_the_count() {
        let expected = of_model(7.0, 0.8);
        for count in 0..300 {
            let [less, more] = [count, count + 1].map(|count| expected.steps(f64::from(count)));
            let mut both = less.into_iter().zip(more);
            assert!(both.all(|(less, more)| less <= more), "{count}");
        }
    }
}
