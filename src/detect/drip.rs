//! Slow theft: a sequential test on what an account reads day by day.
//!
//! Cumulative sums of log-likelihood ratios between the usual day and one of a lasting theft (Page
//! 1954; for counts Höhle and Paul 2008), a sum for each look that such a theft may have.
//! They compare with a slow mean, which a theft of weeks hardly moves, and the last zero of the
//! highest dates the onset. Between two day ends the sums are fixed, so that a day's count is too much
//! from one number on.

use crate::detect::{
    baseline::{Moments, stat},
    bytes::{Reader, Writer},
    critical::{Model, Table},
    peers::Prior,
    size::{BySize, SIZES, sizes_of},
    window::{Signal, Window},
};

mod busy;
mod sums;

pub use self::busy::Busyness;
pub(super) use self::sums::ratio;
use self::sums::{Expected, STEP, Sums};

/// What is watched for slow theft: people, people whom the account had not read, and people whom
/// nobody had.
pub const SLOW: [Signal; 3] = [Signal::People, Signal::Novel, Signal::Idle];

/// Active days before the test begins.
const DAYS_MIN: u32 = 8;
/// Active days after which what was learned counts half: slowly, so that a theft of weeks is not
/// taken for usual, and faster, so that what has become less is noticed. The lower mean counts.
const SLOW_DAYS: f64 = 45.0;
const FAST_DAYS: f64 = 10.0;
/// People above expectation since the onset below which nobody is alarmed, as in the burst tests.
const EXCESS_MIN: f64 = 20.0;
/// The same as a share of what was expected since then: who works as evenly as the clock leaves no small
/// days either, and a quarter more of that is no surprise here either.
const EXCESS_SHARE: f64 = 0.25;
/// A day teaches up to so many deviations above the mean.
const WINSOR_DEVIATIONS: f64 = 2.0;
/// Days with which an account's scatter is shrunk to its peers'.
const SCATTER_WEIGHT: f64 = 4.0;
/// No scatter below this is believed.
const SCATTER_MIN: f64 = 0.02;
/// Days since the onset are held back, for they may be a theft's: they teach once the sum is zero
/// again. Past so many of them, they teach this much.
const PENDING_MAX: usize = 30;
const SUSPECT_WEIGHT: f64 = 0.05;
/// People that an account is taken to have read as its group's share of idle ones says, before
/// anything is known of how much it differs.
const LEANING_PEOPLE: f64 = 3.0;
/// Active days in which who came to a supplier that was known before is expected to come to read as much
/// as its peers: new staff begins with little.
const ARRIVAL_DAYS: u32 = 30;
/// A level is told of once: from an alarm on, the days since the onset are what later ones are
/// compared with, if they are more than this. A page a week about a change that lasts is read by
/// nobody.
const LEVEL_DAYS: f64 = 1.0;

/// What is expected of a signal beside what the account's own days say.
#[derive(Clone, Copy, Debug)]
struct Leaning {
    /// The peers' scatter.
    scatter: f64,
    /// The least count that is expected of a day.
    least: f64,
    /// The idle people of a day, as the account's people and its group's share of idle ones say.
    idle: Option<f64>,
}

/// One signal's sums.
#[derive(Clone, Debug, Default)]
struct Lane {
    slow: Moments,
    fast: Moments,
    sums: Sums,
    /// The highest sum since the onset that would have been worth an alarm, by size.
    peak: BySize<f64>,
    /// Whether a day since the onset raised an alarm.
    is_alarmed: bool,
    /// The counts of the days since all sums were zero, which have not taught yet: winsorised.
    pending: Vec<f64>,
    /// The same days as they came.
    since: Moments,
    /// Active days on which it was counted.
    days: u32,
}

/// The slow tests of one account.
#[derive(Clone, Debug, Default)]
pub struct Drip {
    lanes: [Lane; SLOW.len()],
    /// Its group's share of idle people that what is known of them is a part of; 0 at first.
    idle_share: f64,
    /// Whether it came to a supplier that was known before.
    is_arrival: bool,
    /// What its familiar people tell of a day.
    pub(super) busyness: Busyness,
}

/// Where a slow test stands until the next day end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bar {
    /// What a day is expected to count; nothing before the test has begun.
    expected: Option<Expected>,
    sums: Sums,
}

impl Bar {
    /// The expected count of a day; nothing before the test has begun.
    pub fn model(&self) -> Option<Model> {
        self.expected.map(|expected| expected.model)
    }

    /// The day since which the highest sum is above zero.
    pub fn onset(&self) -> Option<u32> {
        self.sums.onset()
    }

    /// People above expectation since then.
    pub fn excess(&self) -> f64 {
        self.sums.excess()
    }

    /// The smallest count of a day that takes the sum to one of `scores` and the excess to its size, and
    /// to what is worth an alarm.
    pub fn critical(&self, scores: BySize<f64>) -> u32 {
        let sizes = scores.into_iter().zip(SIZES);
        let of = |(score, size)| self.critical_of(score, EXCESS_MIN.max(f64::from(size)));
        sizes.map(of).min().unwrap_or(u32::MAX)
    }

    fn critical_of(&self, score: f64, excess: f64) -> u32 {
        let Some(model) = self.model() else {
            return u32::MAX;
        };
        if score - self.sums.highest() > STEP[1] {
            return u32::MAX;
        }
        let excess = excess.max(EXCESS_SHARE * (self.sums.usual() + model.mean));
        // A day below expectation is no part of a theft, whatever came before.
        let least = model.mean.max(model.mean + excess - self.excess());
        let reaches = |count: u32| f64::from(count) > least && self.score(count.into()) >= score;
        let (mut low, mut high) = (0, 1);
        while !reaches(high) && high < COUNT_MAX {
            (low, high) = (high, high * 2);
        }
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if reaches(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }

    /// Writes it down.
    pub(super) fn pack(&self, bytes: &mut Writer) {
        bytes.byte(self.expected.is_some().into());
        if let Some(expected) = &self.expected {
            expected.pack(bytes);
        }
        self.sums.pack(bytes);
    }

    /// Reads what [`pack`](Self::pack) wrote.
    pub(super) fn unpack(bytes: &mut Reader<'_>) -> Self {
        let has_begun = bytes.byte() != 0;
        Self {
            expected: has_begun.then(|| Expected::unpack(bytes)),
            sums: Sums::unpack(bytes),
        }
    }

    /// The highest sum once a day has reached `count`.
    pub fn score(&self, count: u64) -> f64 {
        let after = |expected| self.sums.after(0, count as f64, &expected).highest();
        self.expected.map_or(0.0, after)
    }
}

impl Drip {
    /// Takes a settled `day` (since 1970) with its counts of [`SLOW`], where there are such, into
    /// account, `common` being how many times their usual its peers read that day. One that raised an alarm of a slow test, or
    /// that `is_vouched` for, ends the excursion that it belongs to, whose days are usual then. Gives
    /// the highest sum of each excursion from zero that ended, where it raised no alarm.
    pub fn learn(
        &mut self,
        day: u32,
        counts: [Option<u32>; SLOW.len()],
        common: [f64; SLOW.len()],
        prior: &Prior,
        (alarms, is_vouched): (u32, bool),
        table: &mut Table,
    ) -> [BySize<Option<f64>>; SLOW.len()] {
        let is_told = SLOW
            .into_iter()
            .any(|signal| alarms >> stat(signal, Window::Today) & 1 == 1);
        let is_over = is_told || is_vouched;
        let leanings = SLOW.map(|signal| self.leaning(signal, prior));
        let [people, new, _] = counts.map(|count| f64::from(count.unwrap_or(0)));
        let familiar = people - new;
        let peaks = std::array::from_fn(|index| {
            let lane = &mut self.lanes[index];
            let Some(count) = counts[index].map(f64::from) else {
                return BySize::default();
            };
            let begun = lane.has_begun();
            let is_over = is_over || lane.has_settled();
            lane.days += 1;
            let model = lane.model(SLOW[index], leanings[index]);
            let model = model.times(common[index]);
            let model = match SLOW[index] {
                Signal::People => model,
                _ => self
                    .busyness
                    .given(model, familiar, common[0], prior.busyness),
            };
            let ended = begun.then(|| {
                let expected = Expected::new(model, table);
                lane.step((day, count), &expected, alarms != 0, is_over)
            });
            // At first the peers say what is wild.
            let usual = if begun {
                model
            } else {
                prior.stats[stat(SLOW[index], Window::Today)].model()
            };
            lane.teach(count, (!is_vouched).then_some(usual), is_over);
            ended.unwrap_or_default()
        });
        if alarms == 0 || is_vouched {
            self.busyness.learn(familiar, new);
        }
        peaks
    }

    /// Those of an account that came to a supplier which was known before.
    pub fn of_arrival() -> Self {
        Self {
            is_arrival: true,
            ..Self::default()
        }
    }

    /// Forgets what was usual, because it was a job's.
    pub fn begin_anew(&mut self) {
        self.lanes = Default::default();
        self.busyness = Busyness::default();
    }

    /// Moves what is usual of idle people with its group's `share` of them; gives how many times as many
    /// there are now, where that is known.
    pub fn follow_idle_share(&mut self, share: f64) -> Option<f64> {
        let before = std::mem::replace(&mut self.idle_share, share);
        let times = (before > 0.0).then(|| share / before)?;
        let of_signal = SLOW.into_iter().zip(&mut self.lanes);
        for (_, lane) in of_signal.filter(|(slow, _)| *slow == Signal::Idle) {
            for moments in [&mut lane.slow, &mut lane.fast, &mut lane.since] {
                *moments = moments.scaled(times);
            }
            for count in &mut lane.pending {
                *count *= times;
            }
        }
        Some(times)
    }

    /// What a signal's expectation leans on.
    fn leaning(&self, signal: Signal, prior: &Prior) -> Leaning {
        let [people, ..] = &self.lanes;
        let peer = prior.stats[stat(signal, Window::Today)];
        let is_young = self.is_arrival && people.days < ARRIVAL_DAYS;
        let idle = people.slow.mean() * self.idle_share;
        Leaning {
            scatter: peer.scatter,
            least: if is_young { 1.0 + peer.mean } else { 0.0 },
            idle: (signal == Signal::Idle && idle > 0.0).then_some(idle),
        }
    }

    /// Lets a day pass that was a theft. Where a slow test told of it, the days since the onset were
    /// the theft's too: they teach nothing either, and what goes on must add up again.
    pub fn reject(&mut self, alarms: u32) {
        for (lane, signal) in self.lanes.iter_mut().zip(SLOW) {
            if alarms >> stat(signal, Window::Today) & 1 == 1 {
                lane.sums = Sums::default();
                lane.pending.clear();
            }
        }
    }

    /// What `signal` of [`SLOW`] by its place is expected to count on an active day.
    pub fn expected(&self, place: usize, prior: &Prior) -> Option<f64> {
        let lane = &self.lanes[place];
        let signal = SLOW[place];
        let model = || lane.model(signal, self.leaning(signal, prior));
        lane.has_begun().then(|| model().mean)
    }

    /// Whether the reading of the last days is above the usual.
    pub fn is_above(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.sums.is_zero())
    }

    /// Where each test stands.
    pub fn bars(&self, prior: &Prior, table: &mut Table) -> [Bar; SLOW.len()] {
        std::array::from_fn(|index| {
            let lane = &self.lanes[index];
            let begun = lane.has_begun();
            let leaning = self.leaning(SLOW[index], prior);
            let model = begun.then(|| lane.model(SLOW[index], leaning));
            Bar {
                expected: model.map(|model| Expected::new(model, table)),
                sums: lane.sums,
            }
        })
    }
}

impl Lane {
    const fn has_begun(&self) -> bool {
        self.days >= DAYS_MIN
    }

    /// Adds a day; gives the peak of an excursion that ended without an alarm.
    fn step(
        &mut self,
        (day, count): (u32, f64),
        expected: &Expected,
        is_alarmed: bool,
        is_over: bool,
    ) -> BySize<Option<f64>> {
        if self.sums.is_zero() {
            self.peak = [0.0; SIZES.len()];
            self.is_alarmed = false;
            self.since = Moments::default();
        }
        self.sums = self.sums.after(day, count, expected);
        self.is_alarmed |= is_alarmed;
        if self.sums.excess() >= self.excess_min() {
            for peak in &mut self.peak[..sizes_of(self.sums.excess())] {
                *peak = peak.max(self.sums.highest());
            }
        }
        if is_over {
            // Told, or vouched for: what goes on from here must add up again.
            self.sums = Sums::default();
        }
        let has_ended = self.sums.is_zero() && self.peak[0] > 0.0 && !self.is_alarmed;
        self.peak
            .map(|peak| (has_ended && peak > 0.0).then_some(peak))
    }

    /// The excess since the onset that is worth an alarm.
    fn excess_min(&self) -> f64 {
        EXCESS_MIN.max(EXCESS_SHARE * self.sums.usual())
    }

    /// Whether an excursion has lasted too long for what it is worth: it is the new level then, untold.
    fn has_settled(&self) -> bool {
        self.pending.len() >= PENDING_MAX && self.sums.excess() < self.excess_min()
    }

    /// Learns a day's count, up to where it is wild against what was `usual`, or holds it back; where
    /// the excursion `is_over`, its days are the new level.
    fn teach(&mut self, count: f64, usual: Option<Model>, is_over: bool) {
        let most = usual.map(|usual| usual.mean + WINSOR_DEVIATIONS * usual.deviation());
        self.pending
            .push(most.map_or(count, |most| count.min(most)));
        self.since.take(count, 1.0, SLOW_DAYS);
        if is_over && self.since.weight > LEVEL_DAYS {
            self.pending.clear();
            (self.slow, self.fast) = (self.since, self.since);
        } else if self.sums.is_zero() {
            for count in std::mem::take(&mut self.pending) {
                self.take(count, 1.0);
            }
        } else if self.pending.len() > PENDING_MAX {
            let oldest = self.pending.remove(0);
            self.take(oldest, SUSPECT_WEIGHT);
        }
    }

    fn take(&mut self, count: f64, weight: f64) {
        for (moments, days) in [(&mut self.slow, SLOW_DAYS), (&mut self.fast, FAST_DAYS)] {
            moments.take(count, weight, days);
        }
    }

    /// The expected count of an active day, and its scatter.
    fn model(&self, signal: Signal, leaning: Leaning) -> Model {
        let (own, freedom) = self.slow.overdispersion();
        let scatter = (own + SCATTER_WEIGHT * leaning.scatter) / (freedom + SCATTER_WEIGHT);
        let scatter = scatter.clamp(SCATTER_MIN, 15.0);
        // Half a person a day is usual even where none was seen.
        let (mean, weight) = match (signal, leaning.idle) {
            // Fewer and fewer people are new, the longer an account is known.
            (Signal::Novel, _) => (self.slow.mean().min(self.fast.mean()), self.slow.weight),
            (_, Some(count)) => {
                let weight = self.slow.weight + LEANING_PEOPLE / count;
                ((self.slow.sum + LEANING_PEOPLE) / weight, weight)
            }
            _ => (self.slow.mean(), self.slow.weight),
        };
        let mean = mean.max(0.5).max(leaning.least);
        // The mean itself is uncertain: a deviation more is not called an excess.
        let unknown = (scatter + 1.0 / mean) / weight.max(1.0);
        Model {
            mean: mean * (1.0 + unknown.sqrt()),
            size: 1.0 / (scatter + unknown),
        }
    }
}

/// No day's count is critical above this.
const COUNT_MAX: u32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    /// Peers whose days are alike.
    fn regular() -> Prior {
        let mut prior = Prior::WEAK;
        for stat in &mut prior.stats {
            stat.scatter = 0.05;
        }
        prior
    }

    fn lived(days: u32, count: impl Fn(u32) -> u32) -> (Drip, Vec<f64>) {
        let mut drip = Drip::default();
        let scores = (0..days).map(|day| {
            drip.learn(
                day,
                [Some(count(day)), Some(0), None],
                [1.0; SLOW.len()],
                &regular(),
                (0, false),
                &mut Table::default(),
            );
            drip.bars(&regular(), &mut Table::default())[0]
                .sums
                .highest()
        });
        let scores = scores.collect();
        (drip, scores)
    }

    #[test]
    fn usual_days_keep_the_sum_low() {
        let (_, scores) = lived(200, |day| 20 + day * 7 % 11);
        let most = scores.iter().copied().fold(0.0, f64::max);
        assert!(most < 3.0, "{most}");
    }

    #[test]
    fn a_lasting_excess_is_found_and_dated() {
        let excess = |day| if day >= 30 { 25 } else { 0 };
        let (drip, scores) = lived(40, |day| 20 + day * 7 % 11 + excess(day));
        assert!(scores[39] > 10.0, "{scores:?}");
        let bar = drip.bars(&regular(), &mut Table::default())[0];
        assert_eq!(bar.onset(), Some(30));
        assert!((bar.excess() / 250.0 - 1.0).abs() < 0.3, "{bar:?}");
    }

    #[test]
    fn the_critical_count_is_the_first_that_takes_the_sum_to_the_score() {
        let excess = |day| if day >= 30 { 25 } else { 0 };
        let (drip, _) = lived(36, |day| 20 + day * 7 % 11 + excess(day));
        let bar = drip.bars(&regular(), &mut Table::default())[0];
        let score = bar.sums.highest() + 1.0;
        let critical = bar.critical([score; SIZES.len()]);
        assert!(bar.score(u64::from(critical)) >= score, "{bar:?}");
        assert!(bar.score(u64::from(critical) - 1) < score, "{bar:?}");
    }

    #[test]
    fn a_level_that_lasts_is_told_once() {
        let mut drip = Drip::default();
        let today = 1 << stat(Signal::People, Window::Today);
        let mut told = Vec::new();
        for day in 0..200_u32 {
            let count = 20 + day * 7 % 11 + if day >= 30 { 40 } else { 0 };
            let crosses = count
                >= drip.bars(&regular(), &mut Table::default())[0].critical([10.0; SIZES.len()]);
            told.extend(crosses.then_some(day));
            let alarms = if crosses { today } else { 0 };
            drip.learn(
                day,
                [Some(count), Some(0), None],
                [1.0; SLOW.len()],
                &regular(),
                (alarms, false),
                &mut Table::default(),
            );
        }
        assert_eq!(told.len(), 1, "{told:?}");
        assert!((31..35).contains(&told[0]), "{told:?}");
    }

    #[test]
    fn a_little_more_for_long_hides_no_theft() {
        let count = |day: u32| 100 + day * 7 % 11 + if day >= 30 { 20 } else { 0 };
        let days = |grown: u32| {
            let theft = |day| if day >= 150 { 60 } else { 0 };
            let (_, scores) = lived(170, |day| count(day + 150 - grown) + theft(day));
            let found = scores[150..].iter().position(|score| *score > 10.0);
            found.expect("it is found")
        };
        // Whether the account has read a fifth more for four months, or always has.
        assert!(days(0) <= days(150) + 2, "{} {}", days(0), days(150));
    }

    #[test]
    fn new_people_of_days_that_are_not_busy_tell_of_a_theft() {
        /// The highest sum of new people, of days that differ fivefold, of whose familiar people a part does.
        fn highest(days: u32, part: u32, more: impl Fn(u32) -> u32) -> f64 {
            let mut drip = Drip::default();
            let sums = (0..days).map(|day| {
                let busy = [5, 12, 20, 25, 8, 16, 22][day as usize * 5 % 7];
                let familiar = 2 * (part * busy + (10 - part) * 15) / 10;
                let new = busy + more(day);
                drip.learn(
                    day,
                    [Some(familiar + new), Some(new), None],
                    [1.0; SLOW.len()],
                    &regular(),
                    (0, false),
                    &mut Table::default(),
                );
                drip.bars(&regular(), &mut Table::default())[1]
                    .sums
                    .highest()
            });
            sums.skip(30).fold(0.0, f64::max)
        }
        let theft = |day| if day >= 40 { 12 } else { 0 };
        let [alone, together] = [0, 10].map(|part| highest(55, part, theft));
        assert!(together > alone + 5.0, "{alone} {together}");
        let honest = highest(55, 10, |_| 0);
        assert!(honest < 4.0, "{honest}");
    }

    #[test]
    fn one_wild_day_is_no_slow_theft() {
        let (_, scores) = lived(40, |day| if day == 30 { 900 } else { 20 + day % 5 });
        let most = scores.iter().copied().fold(0.0, f64::max);
        assert!(most <= STEP[1], "{most}");
    }
}
