//! The hours of an account's week, by how probably it reads in them and how much it reads then: the
//! critical counts of the windows that know the hour.

use crate::detect::{
    bytes::{Reader, Writer},
    season::SLOTS,
    window::{Signal, Window},
};

/// The probabilities of being active that critical counts are made for; in between, the next higher.
/// The last bounds how much an unusual hour or day may lower the count: a hundredfold in p.
pub(super) const ACTIVE: [f64; 5] = [1.0, 0.3, 0.1, 0.03, 0.01];

/// Windows whose critical counts know the hour: the first of [`Window::ALL`].
pub(super) const HOURLY: [Window; 2] = [Window::FiveMinutes, Window::Hour];

/// Step of the logarithm of an hour's pace: a third more.
const PACE_STEP: f64 = 0.3;
/// Hours beyond so many steps, which is some fortyfold, are not told apart.
const STEPS_MAX: f64 = 12.0;

/// Bits of a slot that say the place in [`ACTIVE`]; the others say that of its pace.
const ACTIVE_BITS: u32 = 3;

/// Critical counts by tested signal, by window of [`HOURLY`], and by place in [`ACTIVE`].
type Counts = [[[u32; ACTIVE.len()]; HOURLY.len()]; Signal::TESTED.len()];

/// Hours of one pace.
#[derive(Clone, Copy, Debug)]
struct Paced {
    /// How many times its usual the account reads then, in steps.
    steps: i8,
    counts: Counts,
}

/// What is expected in each slot of the week.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    slots: [u8; SLOTS],
    /// Never empty.
    paced: Box<[Paced]>,
}

impl Hours {
    /// Sorts the slots by the probability that the account is active in each, and by its pace: how many
    /// times its usual it reads then. No count is critical until they are [made](Self::make).
    pub(super) fn new(week: &[(f64, f64); SLOTS]) -> Self {
        let mut paced: Vec<Paced> = Vec::new();
        let slots = week.map(|(active, pace)| {
            let steps = steps_of(pace);
            let known = paced.iter().position(|paced| paced.steps == steps);
            let place = known.unwrap_or_else(|| {
                paced.push(Paced {
                    steps,
                    counts: [[[u32::MAX; ACTIVE.len()]; HOURLY.len()]; Signal::TESTED.len()],
                });
                paced.len() - 1
            });
            // Of paces there are 25 at most.
            level_of(active) | u8::try_from(place << ACTIVE_BITS).unwrap_or(0)
        });
        Self {
            slots,
            paced: paced.into(),
        }
    }

    /// Makes the critical counts of a signal in a window of [`HOURLY`]: `of` gives them where the account
    /// reads so many times its usual.
    pub(super) fn make(
        &mut self,
        signal: Signal,
        window: Window,
        mut of: impl FnMut(f64) -> [u32; ACTIVE.len()],
    ) {
        for paced in &mut self.paced {
            paced.counts[signal as usize][window as usize] = of(times(paced.steps));
        }
    }

    /// The critical count of a signal in a window of [`HOURLY`] that ends in a slot.
    pub(super) fn critical(&self, slot: usize, signal: Signal, window: Window) -> u32 {
        let counts = &self.paced_at(slot).counts[signal as usize][window as usize];
        counts[usize::from(self.level(slot))]
    }

    /// The lowest in any hour.
    pub(super) fn critical_min(&self, signal: Signal, window: Window) -> u32 {
        let counts = |paced: &Paced| paced.counts[signal as usize][window as usize];
        let all = self.paced.iter().flat_map(counts);
        all.min().unwrap_or(0)
    }

    /// How many times its usual the account reads in a slot.
    pub(super) fn pace(&self, slot: usize) -> f64 {
        times(self.paced_at(slot).steps)
    }

    /// The least of them.
    pub(super) fn pace_min(&self) -> f64 {
        let steps = self.paced.iter().map(|paced| paced.steps);
        times(steps.min().unwrap_or(0))
    }

    /// The place in [`ACTIVE`] of a slot.
    pub(super) fn level(&self, slot: usize) -> u8 {
        self.slots[slot] & ((1 << ACTIVE_BITS) - 1)
    }

    /// Prefetches what lies beyond this struct; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch(&self) -> u32 {
        let first = self.paced.first();
        let ends = first.map(|paced| [paced.counts[0][0][0], paced.counts[3][1][0]]);
        ends.map_or(0, |[first, last]| first ^ last)
    }

    /// Writes it down.
    pub(super) fn pack(&self, bytes: &mut Writer) {
        for slot in self.slots {
            bytes.byte(slot);
        }
        bytes.byte(u8::try_from(self.paced.len()).unwrap_or(u8::MAX));
        for paced in &self.paced {
            bytes.byte(paced.steps.cast_unsigned());
            for count in paced.counts.as_flattened().as_flattened() {
                bytes.count(*count);
            }
        }
    }

    /// Reads what [`pack`](Self::pack) wrote.
    pub(super) fn unpack(bytes: &mut Reader<'_>) -> Self {
        let slots = std::array::from_fn(|_| bytes.byte());
        let paced = (0..bytes.byte()).map(|_| {
            let steps = bytes.byte().cast_signed();
            let mut counts: Counts = Counts::default();
            for count in counts.as_flattened_mut().as_flattened_mut() {
                *count = bytes.count();
            }
            Paced { steps, counts }
        });
        Self {
            slots,
            paced: paced.collect(),
        }
    }

    fn paced_at(&self, slot: usize) -> &Paced {
        &self.paced[usize::from(self.slots[slot] >> ACTIVE_BITS)]
    }
}

/// The last level whose probability is not below `probability`.
pub(super) fn level_of(probability: f64) -> u8 {
    let above = ACTIVE.iter().filter(|level| **level >= probability).count();
    u8::try_from(above.saturating_sub(1)).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to a few steps")]
fn steps_of(pace: f64) -> i8 {
    (pace.ln() / PACE_STEP).round().clamp(-STEPS_MAX, STEPS_MAX) as i8
}

fn times(steps: i8) -> f64 {
    (f64::from(steps) * PACE_STEP).exp()
}
