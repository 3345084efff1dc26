//! What an account usually reads: weighted moments of its daily and hourly maxima, and the
//! negative-binomial expectation that they and its peers give.
//!
//! The sample of a window is the highest count that the sliding window reached in an active hour
//! (or, for the day's window, in an active day): the very thing that the test looks at, so there is
//! nothing to correct for testing at every event. Given that the account is active, the maximum X
//! is 1 + Y with Y negative binomial.

use crate::detect::{
    critical::Model,
    peers::Prior,
    size::HIGH,
    window::{Signal, Window},
};

/// Statistics: a signal in a window.
pub const STATS: usize = Signal::ALL.len() * Window::ALL.len();

/// The place of a statistic in an array of [`STATS`].
pub const fn stat(signal: Signal, window: Window) -> usize {
    signal as usize * Window::ALL.len() + window as usize
}

/// Active days after which what was learned counts half (reference: detection, half-life 14 d).
const HALF_LIFE_DAYS: f64 = 14.0;
/// Observations with which an account's scatter is shrunk to its peers': hours of a few days, and as
/// many days.
const SCATTER_HOURS: f64 = 25.0;
const SCATTER_DAYS: f64 = 4.0;
/// Scatter beyond this is not believed: 1/φ is then a size of 1/15.
const SCATTER_MAX: f64 = 15.0;
/// A teaching weight falls from 1 at the first probability to [`WEIGHT_MIN`] at the second.
const SUSPECT_P: [f64; 2] = [1e-3, 1e-5];
/// What looks like an attack teaches this much.
const WEIGHT_MIN: f64 = 0.01;
/// An account with fewer than [`YOUNG_DAYS`] active days learns at least this much: there is no
/// saying yet what is usual.
const WEIGHT_YOUNG: f64 = 0.3;
const YOUNG_DAYS: u32 = 5;
/// A count beyond the mean by more standard deviations than this teaches as if it were there.
const WINSOR_DEVIATIONS: f64 = 4.0;
/// An alarm is told of once: the same again is no news for a month or two, as long as it is below
/// this count. With the quarter more that is no surprise either, what is of the size high is
/// always told of.
const TOLD_MAX: u32 = HIGH * 4 / 5 - 1;
/// How much the expectation of a mature account may grow in a week.
pub(super) const GROWTH_PER_WEEK: f64 = 1.2;
pub(super) const WEEK_DAYS: u32 = 7;
/// Observations of a working week: what begins with a mature account, as idle people do, is held to nothing
/// before.
const ANCHORED_MIN: f64 = 5.0;

/// Weighted moments of Y.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    /// Sum of weights.
    pub weight: f64,
    /// Weighted sum.
    pub sum: f64,
    /// Weighted sum of squares.
    pub squares: f64,
}

impl Moments {
    /// Takes a count with a weight, after which what is older counts the less: half once such weights
    /// add up to `half_life`. Where little is taught, little is forgotten.
    pub fn take(&mut self, count: f64, weight: f64, half_life: f64) {
        let keep = 0.5_f64.powf(weight / half_life);
        self.weight = self.weight * keep + weight;
        self.sum = self.sum * keep + weight * count;
        self.squares = self.squares * keep + weight * count * count;
    }

    /// The mean; 0 where nothing was seen.
    pub fn mean(&self) -> f64 {
        if self.weight > 0.0 {
            self.sum / self.weight
        } else {
            0.0
        }
    }

    /// The weighted sum of squared distances from the mean.
    pub fn scatter(&self) -> f64 {
        (self.squares - self.mean() * self.sum).max(0.0)
    }

    /// What they say of days on which so many times as much is expected, and which scatter as much
    /// beyond a Poisson variable's. As many were counted: a day with little to count says little of one
    /// with much, so the weight falls as the expectation rises.
    #[must_use]
    pub fn scaled(&self, times: f64) -> Self {
        let (overdispersion, freedom) = self.overdispersion();
        let (weight, mean) = (self.weight / times, self.mean() * times);
        let beyond = if freedom > 0.0 {
            overdispersion / freedom
        } else {
            0.0
        };
        let variance = mean + beyond * mean * mean;
        Self {
            weight,
            sum: self.sum,
            squares: mean * self.sum + (weight - 1.0).max(0.0) * variance.max(0.0),
        }
    }

    /// What the counts scatter beyond a Poisson variable's, in units of the mean squared, and the
    /// degrees of freedom: the quotient estimates φ in a variance of m + φm². With n observations
    /// the sum of squared distances is (n - 1)(m + φm²) on average.
    pub fn overdispersion(&self) -> (f64, f64) {
        let (mean, freedom) = (self.mean(), self.weight - 1.0);
        if freedom <= 0.0 || mean <= 0.0 {
            return (0.0, 0.0);
        }
        ((self.scatter() - freedom * mean) / (mean * mean), freedom)
    }
}

/// One account's history.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// By [`Signal`]; nothing where the account never had one: most export nothing.
    signals: [Option<Box<[Usual; Window::ALL.len()]>>; Signal::ALL.len()],
    /// The highest X of each that was told of in an hour with less than the usual to read, in the
    /// current and the past month of active days.
    told_in_quiet: [[u8; 2]; Signal::ALL.len()],
    /// Active days behind it.
    pub days: u32,
}

/// What is usual of one statistic.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    moments: Moments,
    /// The highest X that is no news (taught with half its weight or more, or in the first days; or
    /// was told of), in the current and the past month of active days.
    learned_max: [u32; 2],
    /// The highest X ever.
    seen_max: u32,
    /// The mean at the beginning of the current week of active days; infinite where it began lately.
    anchor: f32,
}

/// What one block teaches.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// The highest count.
    pub x: u32,
    /// What was expected.
    pub expected: Model,
    /// How many times its usual was expected in it.
    pub pace: f64,
    /// Whether a test crossed on the day.
    pub is_alarmed: bool,
    /// Whether the account is a program.
    pub is_program: bool,
    /// Whether somebody has said that the day was as it should be: no guard holds then.
    pub is_vouched: bool,
}

/// The maxima of one block: an active hour, or an active day.
pub type Maxima = [u32; STATS];

impl Baseline {
    /// Begins an active day: what is older counts a little less.
    pub fn begin_day(&mut self) {
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE_DAYS);
        let begins_week = self.days.is_multiple_of(WEEK_DAYS);
        let is_bounded = self.days > 2 * WEEK_DAYS;
        let begins_month = self.days.is_multiple_of(30);
        for usual in self
            .signals
            .iter_mut()
            .flatten()
            .flat_map(|it| it.iter_mut())
        {
            let moments = &mut usual.moments;
            moments.weight *= keep;
            moments.sum *= keep;
            moments.squares *= keep;
            let is_new = usual.anchor.is_infinite() && moments.weight < ANCHORED_MIN;
            if begins_week && !is_new {
                #[expect(clippy::cast_possible_truncation, reason = "a mean of counts")]
                let (mean, growth) = (moments.mean() as f32, GROWTH_PER_WEEK as f32);
                usual.anchor = if is_bounded {
                    mean.min(usual.anchor * growth + 1.0)
                } else {
                    mean
                };
            }
            if begins_month {
                usual.learned_max = [0, usual.learned_max[0]];
            }
        }
        if begins_month {
            for [current, past] in &mut self.told_in_quiet {
                *past = std::mem::take(current);
            }
        }
        self.days += 1;
    }

    /// Takes it that a signal counts so many times as much as it did.
    pub fn scale(&mut self, signal: Signal, times: f64) {
        for usual in self.signals[signal as usize]
            .iter_mut()
            .flat_map(|it| it.iter_mut())
        {
            usual.moments = usual.moments.scaled(times);
            #[expect(clippy::cast_possible_truncation, reason = "a mean of counts")]
            let times = times as f32;
            usual.anchor *= times;
        }
    }

    /// Forgets what was usual, because a job was recognised that had been learned as ordinary
    /// reading; a few quiet days stand in its place.
    pub fn begin_anew(&mut self) {
        const QUIET_DAYS: f64 = 5.0;
        for stat in 0..STATS {
            let usual = self.usual_mut(stat);
            *usual = Usual {
                moments: Moments {
                    weight: QUIET_DAYS,
                    ..Moments::default()
                },
                learned_max: [1, 0],
                anchor: 0.0,
                ..*usual
            };
        }
    }

    /// Whether it is too young to tell an attack from what is usual.
    pub const fn is_young(&self) -> bool {
        self.days <= YOUNG_DAYS
    }

    /// Whether it knows whom the account works with, so that strangers can be told.
    pub const fn is_acquainted(&self) -> bool {
        self.days >= 2 * YOUNG_DAYS
    }

    /// Takes the maximum of a block into account, as far as the expectation and the guard allow. The
    /// first runs of a program say more of it than its peers do: there they are taken as they are.
    pub fn learn(&mut self, stat: usize, lesson: Lesson) {
        let Lesson {
            x,
            expected,
            pace,
            is_alarmed,
            is_program,
            is_vouched,
        } = lesson;
        let is_of_strangers = Signal::ALL[stat / Window::ALL.len()].is_of_strangers();
        // In the first days everybody is a stranger.
        if x == 0 || is_of_strangers && self.is_young() {
            return;
        }
        let is_young = self.is_young() || is_of_strangers && !self.is_acquainted();
        // Of a program whose first run is known, a run that was told of is no pattern yet.
        let is_guarded = is_alarmed && is_program && self.days > 1;
        let usual = self.usual_mut(stat);
        usual.seen_max = usual.seen_max.max(x);
        let y = f64::from(x - 1);
        let mut weight = if is_vouched {
            1.0
        } else if is_alarmed {
            WEIGHT_MIN
        } else {
            teaching_weight(y, expected)
        };
        if is_young && !is_guarded {
            weight = weight.max(WEIGHT_YOUNG);
        }
        let no_news = if is_alarmed {
            x.min(TOLD_MAX)
        } else if weight >= 0.5 || is_young {
            x
        } else {
            0
        };
        let max = &mut usual.learned_max[0];
        *max = (*max).max(no_news);
        let most = if is_vouched || is_young && is_program && !is_guarded {
            f64::INFINITY
        } else {
            believed(expected)
        };
        let y = y.min(most);
        let moments = &mut usual.moments;
        // Of an hour with little to count less is learned, as of a part of an hour.
        moments.weight += weight * pace;
        moments.sum += weight * y;
        moments.squares += weight * y * y / pace;
        if is_vouched {
            #[expect(clippy::cast_possible_truncation, reason = "a mean of counts")]
            let mean = moments.mean() as f32;
            usual.anchor = usual.anchor.max(mean);
        }
        if is_alarmed && pace < 1.0 {
            let told = &mut self.told_in_quiet[stat / Window::ALL.len()][0];
            *told = (*told).max(u8::try_from(no_news).unwrap_or(u8::MAX));
        }
    }

    /// The expectation of Y: a gamma-Poisson mixture whose rate is the account's own as far as it is
    /// known, and its peers' as far as it is not (Bühlmann's credibility; Efron and Morris 1975).
    pub fn expect(&self, stat: usize, prior: &Prior) -> Model {
        let Usual {
            moments, anchor, ..
        } = self.usual(stat);
        let peer = &prior.stats[stat];
        let (own, freedom) = moments.overdispersion();
        let weight = scatter_weight(stat);
        let scatter = ((own + weight * peer.scatter) / (freedom + weight)).clamp(0.0, SCATTER_MAX);
        // The peers count for as many observations as make their spread: the variance of one
        // observation about its account's mean over the variance of the means.
        let peers = peer.shape * (scatter + 1.0 / peer.mean.max(1e-3));
        let mut mean = (moments.sum + peers * peer.mean) / (moments.weight + peers).max(1e-9);
        if self.days > 2 * WEEK_DAYS {
            mean = mean.min(f64::from(anchor) * GROWTH_PER_WEEK + 1.0);
        }
        // The rate itself is uncertain: by the peers' spread at first, less with every observation.
        let known = peer.shape + moments.weight / (scatter + 1.0 / mean.max(1e-3));
        Model {
            mean,
            size: 1.0 / (scatter + 1.0 / known.max(1e-3) + peer.unknown),
        }
    }

    /// The highest X of the last month or two that is no news: it was usual, or was told of.
    pub fn learned_max(&self, stat: usize) -> u32 {
        let [current, past] = self.usual(stat).learned_max;
        current.max(past)
    }

    /// The same of what was told of in hours with less than the usual to read.
    pub fn told_in_quiet(&self, stat: usize) -> u32 {
        let [current, past] = self.told_in_quiet[stat / Window::ALL.len()];
        current.max(past).into()
    }

    /// The highest X ever, attacks included.
    pub fn seen_max(&self, stat: usize) -> u32 {
        self.usual(stat).seen_max
    }

    /// Moments by [`stat`].
    pub fn moments(&self) -> impl Iterator<Item = Moments> {
        (0..STATS).map(|stat| self.usual(stat).moments)
    }

    fn usual(&self, stat: usize) -> Usual {
        let (signal, window) = (stat / Window::ALL.len(), stat % Window::ALL.len());
        let of_signal = self.signals[signal].as_ref();
        of_signal.map_or_else(Usual::default, |windows| windows[window])
    }

    fn usual_mut(&mut self, stat: usize) -> &mut Usual {
        let (signal, window) = (stat / Window::ALL.len(), stat % Window::ALL.len());
        let of_signal = self.signals[signal].get_or_insert_with(|| {
            let mut usual = Box::<[Usual; Window::ALL.len()]>::default();
            if signal == Signal::Idle as usize {
                // It may begin with a mature account, whose week before says nothing of it.
                for usual in &mut *usual {
                    usual.anchor = f32::INFINITY;
                }
            }
            usual
        });
        &mut of_signal[window]
    }
}

/// The highest count that teaches as it is, where another is expected.
pub fn believed(expected: Model) -> f64 {
    expected.mean + WINSOR_DEVIATIONS * expected.deviation()
}

/// Observations of a statistic with which its scatter is shrunk: there is one an hour of the short
/// windows, and one a day of the long ones.
pub fn scatter_weight(stat: usize) -> f64 {
    match Window::ALL[stat % Window::ALL.len()] {
        Window::FiveMinutes | Window::Hour => SCATTER_HOURS,
        Window::Today | Window::Day => SCATTER_DAYS,
    }
}

/// How much a count teaches: all where it is ordinary, almost nothing where it looks like an attack.
fn teaching_weight(y: f64, expected: Model) -> f64 {
    if y <= expected.mean + 2.0 * expected.deviation() {
        return 1.0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "y was a count"
    )]
    let p = expected.tail(y as u64).max(1e-300);
    let [ordinary, attack] = SUSPECT_P.map(f64::ln);
    let share = ((p.ln() - attack) / (ordinary - attack)).clamp(0.0, 1.0);
    WEIGHT_MIN.powf(1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: usize = stat(Signal::People, Window::Hour);

    fn quiet(x: u32, expected: Model) -> Lesson {
        Lesson {
            x,
            expected,
            is_alarmed: false,
            is_program: false,
            is_vouched: false,
            pace: 1.0,
        }
    }

    #[test]
    fn what_was_told_is_no_news_below_high() {
        let mut baseline = learned(20, |_| 5);
        let expected = baseline.expect(HOUR, &Prior::WEAK);
        let mut tell = |x| {
            let lesson = Lesson {
                is_alarmed: true,
                ..quiet(x, expected)
            };
            baseline.learn(HOUR, lesson);
            baseline.learned_max(HOUR)
        };
        assert_eq!([tell(40), tell(300)], [40, TOLD_MAX]);
        assert!(baseline.expect(HOUR, &Prior::WEAK).mean < expected.mean + 1.0);
    }

    fn learned(days: u32, x: impl Fn(u32) -> u32) -> Baseline {
        let mut baseline = Baseline::default();
        for day in 0..days {
            baseline.begin_day();
            for hour in 0..8 {
                let expected = baseline.expect(HOUR, &Prior::WEAK);
                baseline.learn(HOUR, quiet(x(day * 8 + hour), expected));
            }
        }
        baseline
    }

    #[test]
    fn a_steady_account_is_expected_to_do_what_it_did() {
        let baseline = learned(20, |block| 9 + block % 5);
        let model = baseline.expect(HOUR, &Prior::WEAK);
        assert!((model.mean - 10.0).abs() < 0.5, "{model:?}");
        assert!(model.size > 3.0, "{model:?}");
    }

    #[test]
    fn an_account_without_history_is_expected_to_be_one_of_its_peers() {
        let model = Baseline::default().expect(HOUR, &Prior::WEAK);
        let peer = Prior::WEAK.stats[HOUR];
        assert!((model.mean - peer.mean).abs() < 1e-9);
        assert!(
            model.size < peer.shape,
            "peers' spread and scatter both widen it"
        );
    }

    #[test]
    fn one_theft_teaches_almost_nothing() {
        let before = learned(20, |block| 9 + block % 5);
        let mut after = before.clone();
        let expected = after.expect(HOUR, &Prior::WEAK);
        let theft = Lesson {
            is_alarmed: true,
            ..quiet(4_000, expected)
        };
        after.learn(HOUR, theft);
        let (before, after) = (
            before.expect(HOUR, &Prior::WEAK),
            after.expect(HOUR, &Prior::WEAK),
        );
        assert!(after.mean < before.mean * 1.01, "{before:?} {after:?}");
    }

    #[test]
    fn a_program_s_first_run_is_taken_as_it_is_and_a_theft_among_the_first_is_not() {
        let told = |first: u32| {
            let mut baseline = Baseline::default();
            for x in [first, 1_000, 1_000, 45_000] {
                baseline.begin_day();
                let lesson = Lesson {
                    is_program: true,
                    is_alarmed: x != 1_000,
                    ..quiet(x, baseline.expect(HOUR, &Prior::WEAK))
                };
                baseline.learn(HOUR, lesson);
            }
            baseline.moments().nth(HOUR).map_or(0.0, |it| it.mean())
        };
        assert!((900.0..1_500.0).contains(&told(1_000)), "{}", told(1_000));
        assert!(told(6_000) > 1_500.0, "{}", told(6_000));
    }

    #[test]
    fn what_is_scaled_there_and_back_is_as_it_was() {
        let mut moments = Moments::default();
        for count in [2.0, 9.0, 0.0, 4.0, 14.0, 1.0] {
            moments.take(count, 1.0, 45.0);
        }
        let scaled = moments.scaled(3.0);
        assert!((scaled.mean() - 3.0 * moments.mean()).abs() < 1e-9);
        let back = scaled.scaled(1.0 / 3.0);
        let (before, after) = (moments.overdispersion(), back.overdispersion());
        let is_close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(is_close(before.1, after.1), "{before:?} {after:?}");
        assert!(is_close(before.0, after.0), "{before:?} {after:?}");
    }

    #[test]
    fn days_too_few_to_scatter_are_not_said_to_be_alike() {
        let mut moments = Moments::default();
        moments.take(20.0, 0.8, 45.0);
        let (overdispersion, freedom) = moments.scaled(0.2).overdispersion();
        assert!(freedom > 2.0 && overdispersion > -1e-9, "{overdispersion}");
    }

    #[test]
    fn what_was_told_of_a_quiet_hour_is_no_news_in_one() {
        let mut baseline = learned(20, |block| 90 + block % 5);
        let lesson = Lesson {
            is_alarmed: true,
            pace: 0.2,
            ..quiet(50, baseline.expect(HOUR, &Prior::WEAK))
        };
        assert_eq!(baseline.told_in_quiet(HOUR), 0);
        baseline.learn(HOUR, lesson);
        assert_eq!(baseline.told_in_quiet(HOUR), 50);
        let far = Lesson { x: 4_000, ..lesson };
        baseline.learn(HOUR, far);
        assert_eq!(baseline.told_in_quiet(HOUR), TOLD_MAX);
    }

    #[test]
    fn a_ramp_is_followed_by_a_fifth_a_week_at_most() {
        let ramp = |block| 10 + block / 8 * 10;
        let before = learned(21, ramp).expect(HOUR, &Prior::WEAK);
        let after = learned(28, ramp).expect(HOUR, &Prior::WEAK);
        assert!(
            after.mean < before.mean * 1.25 + 2.0,
            "{before:?} {after:?}"
        );
    }
}
