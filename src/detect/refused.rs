//! Attempts that were refused: many in an hour are somebody trying doors.
//!
//! An account's worst hour of a day is negative binomial about what its days have shown, zeros
//! included; before that, about a refusal a day. What looks like a burst teaches as a busy day would.
//! Refused attempts expose nobody and teach nothing of what is read; but what the account reads while
//! they are too many is what somebody got behind a door.

use crate::{
    detect::{
        baseline::{Moments, stat},
        critical::Model,
        ledger::{Ledger, Place, Scratch},
        pane::{Pane, Share, pane_of},
        since::Since,
        unsettled::Unsettled,
        window::{Signal, Window},
    },
    event::{AccessEvent, Action, Outcome, Timestamp},
};

/// Fewer attempts are somebody who mistyped, or a page with pictures that one may not see; as many
/// as people below whom nobody is alarmed.
const ATTEMPTS_MIN: u64 = 20;
/// Share of the budget of false alerts that goes to refused attempts.
const BUDGET_SHARE: f64 = 0.1;
/// Days after which a day counts half.
const HALF_LIFE_DAYS: f64 = 30.0;
/// Before anything is known: the worst hour of a day, as in so many days of experience.
const MEAN_PRIOR: f64 = 1.0;
const DAYS_PRIOR: f64 = 5.0;
/// Scatter of such hours, and the days that it is shrunk by: refusals come in handfuls.
const SCATTER_PRIOR: f64 = 2.0;
const SCATTER_DAYS: f64 = 15.0;

/// Whether an event is a refused attempt.
pub fn is_refused(event: &AccessEvent<'_>) -> bool {
    event.outcome == Outcome::Denied
        || event.action == Action::Login && event.outcome == Outcome::Failure
}

/// What an account was refused lately; accounts that never were have none.
#[derive(Clone, Debug, Default)]
pub struct Refused {
    /// Its records are attempts.
    ledger: Ledger,
    unsettled: Unsettled,
    moments: Moments,
    /// What is expected.
    model: Since<Option<Model>>,
}

/// What the hour that ends at a pane is worth.
#[derive(Clone, Copy, Debug)]
pub struct Hour {
    /// Attempts refused.
    pub attempts: u64,
    /// -ln p.
    pub score: f64,
    /// The critical count.
    pub critical: u64,
}

/// The score that refused attempts must reach.
pub fn score_asked(budget: f64) -> f64 {
    -(budget * BUDGET_SHARE).ln()
}

impl Refused {
    /// Counts an attempt and tests every hour that holds it; `each` gets the pane at which an hour
    /// ends that was too much. `days_at` says how many days the account had lived at a pane: until a
    /// day with refusals is settled, it was refused nothing on any of them.
    pub fn observe(
        &mut self,
        time: Timestamp,
        settled: Option<u32>,
        (score, days_at): (f64, impl Fn(u32) -> u32),
        mut each: impl FnMut(u32),
    ) {
        let share = Share {
            records: 1,
            ..Share::default()
        };
        let pane = pane_of(time);
        let (place, _) = self.ledger.add(time, share, &[]);
        let model = self.model;
        let mut test = |end, attempts| {
            if is_too_many(attempts, score, model.at(end), || days_at(end)) {
                each(end);
            }
        };
        match place {
            Place::Newest => {
                self.unsettled.note_newest(&self.ledger, settled);
                let counts = self.ledger.counts(Window::Hour);
                test(pane, counts[Signal::Records as usize]);
            }
            Place::Behind => {
                self.unsettled.note_behind(pane, settled);
                let ends = (pane, Window::Hour.last(pane));
                let mut scratch = Scratch::default();
                self.ledger
                    .sweep(Window::Hour, ends, &mut scratch, |end, counts| {
                        test(end.index, counts[Signal::Records as usize]);
                    });
            }
        }
    }

    /// Learns a `day` that no event is awaited for, of an account that has lived so many `days`; what
    /// it taught is in force from the pane `from` on.
    pub fn settle(&mut self, day: u32, from: u32, days: u32) {
        let mut scratch = Scratch::default();
        self.unsettled.refresh(day, &self.ledger, &mut scratch);
        let whole = self.unsettled.take(day);
        let worst = whole.map_or(0, |whole| whole.max[stat(Signal::Records, Window::Hour)]);
        let usual = self.model.now.unwrap_or_else(|| quiet(days));
        if self.model.now.is_none() {
            self.moments = quiet_moments(days);
        }
        let worst = f64::from(worst).min(usual.mean + 3.0 * usual.deviation());
        self.moments.take(worst, 1.0, HALF_LIFE_DAYS);
        self.model.change(from, Some(model(&self.moments)));
    }

    /// What the hour that ends at `end` is worth, where a score is asked, of an account that had lived
    /// so many `days`.
    pub fn hour(&self, end: u32, score: f64, days: u32) -> Hour {
        let attempts = self.attempts(end);
        let model = self.model.at(end).unwrap_or_else(|| quiet(days));
        let reaches = |count: &u64| worth(model, *count) >= score;
        Hour {
            attempts,
            score: worth(model, attempts),
            critical: (ATTEMPTS_MIN..=attempts).find(reaches).unwrap_or(attempts),
        }
    }

    /// Whether the hour that ends at `end` was too much: what the account reads then belongs to it.
    pub fn is_over(&self, end: u32, score: f64, days: impl FnOnce() -> u32) -> bool {
        is_too_many(self.attempts(end), score, self.model.at(end), days)
    }

    /// Attempts in the hour that ends at `end`.
    fn attempts(&self, end: u32) -> u64 {
        let panes = self.ledger.panes(Window::Hour.first(end), end);
        panes.map(|pane| pane.share.records).sum()
    }

    /// The panes from `from` to `to`, both included, in which it was refused something.
    pub fn panes(&self, from: u32, to: u32) -> impl Iterator<Item = Pane> {
        self.ledger.panes(from, to)
    }

    /// Where it holds so many panes, forgets what no window of a day can hold that ends at `pane`, or at
    /// the newest one; gives what [`Ledger::keep_below`] does.
    pub fn keep_below(&mut self, panes_max: usize, pane: u32) -> Option<usize> {
        self.ledger.keep_below(panes_max, pane)
    }

    /// Forgets panes before `pane`.
    pub fn forget(&mut self, pane: u32) {
        self.ledger.forget(pane);
    }
}

/// Whether so many attempts in an hour reach the `score`, by what is expected, or where nothing is
/// by so many quiet `days`.
fn is_too_many(
    attempts: u64,
    score: f64,
    expected: Option<Model>,
    days: impl FnOnce() -> u32,
) -> bool {
    attempts >= ATTEMPTS_MIN && worth(expected.unwrap_or_else(|| quiet(days())), attempts) >= score
}

/// What so many days without a refusal teach.
fn quiet_moments(days: u32) -> Moments {
    Moments {
        weight: f64::from(days).min(HALF_LIFE_DAYS),
        ..Moments::default()
    }
}

fn quiet(days: u32) -> Model {
    model(&quiet_moments(days))
}

fn worth(model: Model, attempts: u64) -> f64 {
    -model.tail(attempts).max(1e-300).ln()
}

fn model(moments: &Moments) -> Model {
    let mean = (moments.sum + DAYS_PRIOR * MEAN_PRIOR) / (moments.weight + DAYS_PRIOR);
    let (own, freedom) = moments.overdispersion();
    let scatter = (own + SCATTER_DAYS * SCATTER_PRIOR) / (freedom + SCATTER_DAYS);
    Model {
        mean,
        size: 1.0 / scatter.max(0.05),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pane::{PANES_PER_DAY, pane_start};

    const ASKED: f64 = 10.8;
    const DAYS: u32 = 30;

    /// Attempts a minute apart on a day, and at which of them the hour was too much first.
    fn first_alarm(refused: &mut Refused, day: u32, attempts: u32) -> Option<u32> {
        let mut alarm = None;
        for attempt in 0..attempts {
            let time = pane_start(day * PANES_PER_DAY + 1_200 + attempt);
            refused.observe(time, None, (ASKED, |_| DAYS), |_| {
                alarm.get_or_insert(attempt + 1);
            });
        }
        alarm
    }

    #[test]
    fn many_refusals_of_an_account_that_has_none_alarm_within_a_score() {
        let mut refused = Refused::default();
        let alarm = first_alarm(&mut refused, 40, 60).unwrap();
        assert!((20..=25).contains(&alarm), "{alarm}");
        let hour = refused.hour(40 * PANES_PER_DAY + 1_200 + alarm - 1, ASKED, DAYS);
        assert_eq!(
            (hour.attempts, hour.critical),
            (u64::from(alarm), hour.attempts)
        );
    }

    #[test]
    fn a_handful_does_not() {
        assert_eq!(first_alarm(&mut Refused::default(), 40, 19), None);
    }

    #[test]
    fn who_is_refused_daily_is_not_alarmed_at_for_as_much() {
        let mut refused = Refused::default();
        for day in 0..30 {
            first_alarm(&mut refused, day, 30);
            refused.settle(day, (day + 1) * PANES_PER_DAY + 120, day);
        }
        assert_eq!(first_alarm(&mut refused, 30, 60), None);
        let more = (0..20).filter_map(|_| first_alarm(&mut refused, 31, 60));
        assert!(more.count() > 0, "twenty times as many are too many");
    }
}
