//! How busy a day was, as the familiar people in it tell: a busy day has more of them and more new ones, a
//! theft has more new ones alone.
//!
//! A day's busyness scatters as a gamma variable about one, and the familiar people of the day are Poisson
//! about their usual number times that. What they tell of it is the gamma that Bayes' rule makes of the two,
//! and new people about the usual number times *that* are negative binomial again, with less scatter.

use super::{FAST_DAYS, SCATTER_MIN, SCATTER_WEIGHT, SLOW_DAYS};
use crate::detect::{baseline::Moments, critical::Model};

/// Active days before a day is compared with those before it: at first everybody is new.
const DAYS_MIN: u32 = 4;
/// One day shows at most so much: the product of two deviations, each in units of its mean.
const SHOWN_MAX: f64 = 3.0;
/// Active days after which the usual familiar people count half: few, for their number rises from day to
/// day while an account gets to know whom it works with. A day teaches up to so many times the usual.
const FAMILIAR_DAYS: f64 = 4.0;
const USUAL_MAX: f64 = 2.0;
/// No day is taken for busier than so many usual ones, or a thief's own reading of familiar people would
/// excuse the rest.
const BUSY_MAX: f64 = 3.0;

/// What an account's days show of that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Busyness {
    familiar: Moments,
    new: Moments,
    /// Products of the deviations of both, in units of their means.
    products: Moments,
    days: u32,
}

impl Busyness {
    /// Takes a day's familiar and new people.
    pub(super) fn learn(&mut self, familiar: f64, new: f64) {
        let (usual_familiar, usual_new) = (self.familiar.mean(), self.new.mean());
        if self.days >= DAYS_MIN && usual_familiar > 0.0 && usual_new > 0.0 {
            let product = (familiar - usual_familiar) * (new - usual_new);
            let unit = (usual_familiar * usual_new).max(1.0);
            let shown = (product / unit).clamp(-SHOWN_MAX, SHOWN_MAX);
            self.products.take(shown, 1.0, SLOW_DAYS);
        }
        // A busy week is not to make the next one look idle.
        let most = if self.days >= DAYS_MIN {
            USUAL_MAX * usual_familiar.max(1.0)
        } else {
            f64::INFINITY
        };
        self.familiar.take(familiar.min(most), 1.0, FAMILIAR_DAYS);
        self.new.take(new, 1.0, FAST_DAYS);
        self.days += 1;
    }

    /// Sum and weight of what its days show of the scatter that familiar and new people have in common.
    pub fn common(&self) -> (f64, f64) {
        (self.products.sum, self.products.weight)
    }

    /// The new people of a day with so many `familiar` ones, where the peers' scatter in common is `peers`,
    /// and all that is expected of the day is `times` the usual.
    pub(super) fn given(&self, usual: Model, familiar: f64, times: f64, peers: f64) -> Model {
        let scatter = 1.0 / usual.size;
        let (sum, weight) = self.common();
        let common = (sum + SCATTER_WEIGHT * peers) / (weight + SCATTER_WEIGHT);
        let common = common.clamp(0.0, scatter);
        let expected = self.familiar.mean() * times;
        let busy = (1.0 + common * familiar) / (1.0 + common * expected);
        let left = scatter - common + common / (1.0 + common * familiar);
        Model {
            mean: usual.mean * busy.min(BUSY_MAX),
            size: 1.0 / left.max(SCATTER_MIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Model = Model {
        mean: 20.0,
        size: 2.0,
    };

    /// Days of 30 familiar people and 20 new ones, so many times as busy.
    fn lived(days: impl IntoIterator<Item = (f64, f64)>) -> Busyness {
        let mut busyness = Busyness::default();
        for (familiar, new) in days {
            busyness.learn(30.0 * familiar, 20.0 * new);
        }
        busyness
    }

    #[test]
    fn a_busy_day_has_more_new_people_where_they_go_together() {
        let days = (0..40).map(|day| [0.3, 1.0, 1.7, 1.0, 0.4, 1.6][day % 6]);
        let together = lived(days.clone().map(|times| (times, times)));
        let apart = lived(days.map(|times| (times, 2.0 - times)));
        let at = |busyness: &Busyness, familiar| busyness.given(USUAL, familiar, 1.0, 0.0);
        let [quiet, usual, busy] = [10.0, 30.0, 60.0].map(|familiar| at(&together, familiar));
        assert!(quiet.mean < 0.7 * USUAL.mean && busy.mean > 1.5 * USUAL.mean);
        assert!((usual.mean / USUAL.mean - 1.0).abs() < 0.15, "{usual:?}");
        assert!(usual.size > 1.5 * USUAL.size, "{usual:?}");
        assert!(at(&together, 900.0).mean <= BUSY_MAX * USUAL.mean);
        let alone = at(&apart, 60.0);
        assert!((alone.mean - USUAL.mean).abs() < 1e-9 && (alone.size - USUAL.size).abs() < 1e-9);
    }

    #[test]
    fn without_familiar_people_nothing_is_known_of_a_day() {
        let mut busyness = Busyness::default();
        for day in 0..40 {
            busyness.learn(0.0, f64::from(10 + day % 20));
        }
        let given = busyness.given(USUAL, 0.0, 1.0, 0.4);
        assert!((given.mean - USUAL.mean).abs() < 1e-9 && (given.size - USUAL.size).abs() < 1e-6);
    }
}
