//! How far event time has come in one feed, by its events alone.
//!
//! The head follows the highest event time. A step no longer than the lateness is taken at once; a
//! longer one waits until several accounts are beyond it, or where few are active many events: one
//! future-dated event must not make honest ones late. Accounts that were never seen before the jump
//! confirm none, for names cost nothing; and a jump that is longer than a long weekend needs many events
//! in a row too, for a host whose clock is wrong speaks for several accounts.

use crate::event::{DAY_MS, Timestamp};

/// Different accounts beyond a jump that confirm it: one clock that is wrong is an accident, three
/// that agree are the time. Where fewer are active, many events do.
pub const ACCOUNTS_CONFIRM: usize = 3;
/// Events beyond a jump, with none between them that still lies about the head, that confirm it where
/// fewer accounts are active, or with them where it is longer than [`PAUSE_MS`]. Where every second
/// event comes from a host with a wrong clock, as many in a row come once in 2^64. (Where few are
/// active, known ones that go on for a day confirm it too: a weekly job has no 64 events.)
const EVENTS_CONFIRM: usize = 64;
/// Nobody works for so long at ordinary times: a weekend with a holiday on either side.
const PAUSE_MS: i64 = 4 * DAY_MS;

/// An event's account, as far as a jump of event time asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    /// A hash of its name.
    pub account: u64,
    /// Whether the account was seen before the jump.
    pub is_known: bool,
}

/// The clock of one feed.
#[derive(Debug)]
pub struct Watermark {
    lateness_ms: i64,
    head: Option<Timestamp>,
    /// The last events beyond a jump that is not confirmed. At most [`EVENTS_CONFIRM`].
    beyond: Vec<(Timestamp, Witness)>,
}

impl Watermark {
    /// A clock that has seen nothing.
    pub const fn new(lateness_ms: i64) -> Self {
        Self {
            lateness_ms,
            head: None,
            beyond: Vec::new(),
        }
    }

    /// Takes an event's time into account, and where they are asked for its account, and whether
    /// [`ACCOUNTS_CONFIRM`] accounts were active lately before the head; says whether the head moved.
    pub fn observe(
        &mut self,
        time: Timestamp,
        witness: impl FnOnce() -> Witness,
        are_several_active: impl FnOnce() -> bool,
    ) -> bool {
        if let Some(head) = self.head {
            let ahead = time.millis_since(head);
            if ahead <= self.lateness_ms {
                if ahead >= -self.lateness_ms {
                    self.beyond.clear();
                }
                self.head = Some(head.max(time));
                return ahead > 0;
            }
        }
        if self.beyond.len() >= EVENTS_CONFIRM {
            self.beyond.remove(0);
        }
        self.beyond.push((time, witness()));
        let Some(confirmed) = self.confirmed(are_several_active) else {
            return false;
        };
        self.head = Some(confirmed);
        self.settle();
        true
    }

    /// The highest event time, jumps that are not confirmed left out.
    pub const fn head(&self) -> Option<Timestamp> {
        self.head
    }

    /// The moment before which no event is awaited any more.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.head.map(|head| head.plus_millis(-self.lateness_ms))
    }

    /// The time that enough of the events beyond the jump have reached.
    fn confirmed(&self, are_several_active: impl FnOnce() -> bool) -> Option<Timestamp> {
        let mut newest = self.beyond.clone();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let are_many = newest.len() >= EVENTS_CONFIRM;
        let mut accounts = [0; ACCOUNTS_CONFIRM];
        let mut different = 0;
        for &(time, witness) in &newest {
            let is_counted = witness.is_known || self.head.is_none();
            if !is_counted || accounts[..different].contains(&witness.account) {
                continue;
            }
            accounts[different] = witness.account;
            different += 1;
            if different == ACCOUNTS_CONFIRM {
                let is_pause = |head| time.millis_since(head) <= PAUSE_MS;
                return (are_many || self.head.is_none_or(is_pause)).then_some(time);
            }
        }
        let known = newest.iter().filter(|(_, witness)| witness.is_known);
        let mut known = known.map(|(time, _)| *time);
        let last = known.next();
        let first = known.next_back();
        let span = last
            .zip(first)
            .map(|(last, first)| last.millis_since(first));
        let lowest = if are_many {
            newest.last().map(|(time, _)| *time)
        } else {
            first.filter(|_| span >= Some(DAY_MS))
        };
        lowest.filter(|_| !are_several_active())
    }

    /// After a confirmed jump the rest is taken as if it came now, in order of time.
    fn settle(&mut self) {
        let mut rest = std::mem::take(&mut self.beyond);
        rest.sort_unstable();
        for (time, account) in rest {
            let Some(head) = self.head else { continue };
            if time.millis_since(head) <= self.lateness_ms {
                self.head = Some(head.max(time));
            } else {
                self.beyond.push((time, account));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR)
    }

    /// An event of an account below 10, which are known, where many are active.
    fn observe(clock: &mut Watermark, time: Timestamp, account: u64) -> bool {
        let witness = || Witness {
            account,
            is_known: account < 10,
        };
        clock.observe(time, witness, || true)
    }

    fn started() -> Watermark {
        let mut clock = Watermark::new(HOUR);
        for account in 11..=13 {
            observe(&mut clock, at(100), account);
        }
        assert_eq!(clock.head(), Some(at(100)), "at first everybody counts");
        clock
    }

    #[test]
    fn small_steps_are_taken_at_once_and_never_back() {
        let mut clock = started();
        assert!(observe(&mut clock, at(101), 1));
        assert!(!observe(&mut clock, at(99), 1));
        assert_eq!(clock.head(), Some(at(101)));
        assert_eq!(clock.watermark(), Some(at(100)));
    }

    #[test]
    fn one_future_dated_account_moves_nothing() {
        let mut clock = started();
        for step in 0..200 {
            observe(&mut clock, at(500), 9);
            observe(&mut clock, at(100).plus_millis(step), 1);
        }
        assert_eq!(clock.head(), Some(at(100).plus_millis(199)));
        for _ in 0..200 {
            observe(&mut clock, at(500), 9);
        }
        assert_eq!(clock.head(), Some(at(100).plus_millis(199)));
    }

    #[test]
    fn a_jump_counts_when_three_known_accounts_confirm_it() {
        let mut clock = started();
        for invented in 20..200 {
            assert!(!observe(&mut clock, at(120), invented));
        }
        assert!(!observe(&mut clock, at(900), 1));
        assert!(!observe(&mut clock, at(120), 2));
        assert!(observe(&mut clock, at(120), 3));
        assert_eq!(clock.head(), Some(at(120)), "the wild one is left out");
    }

    #[test]
    fn a_jump_longer_than_a_weekend_needs_many_events_in_a_row_too() {
        let mut clock = started();
        for event in 1..EVENTS_CONFIRM as u64 {
            assert!(!observe(&mut clock, at(900), event % 9), "event {event}");
        }
        assert!(!observe(&mut clock, at(100), 1), "the honest one");
        for event in 1..EVENTS_CONFIRM as u64 {
            assert!(!observe(&mut clock, at(900), event % 9), "event {event}");
        }
        assert!(observe(&mut clock, at(900), 5));
        assert_eq!(clock.head(), Some(at(900)));
    }

    /// An event of the only active account, or of one that was never seen.
    fn observe_alone(clock: &mut Watermark, time: Timestamp, is_known: bool) -> bool {
        let witness = || Witness {
            account: 1,
            is_known,
        };
        clock.observe(time, witness, || false)
    }

    #[test]
    fn where_few_are_active_many_events_move_the_head() {
        let mut clock = started();
        for event in 1..EVENTS_CONFIRM {
            assert!(
                !observe_alone(&mut clock, at(2_000), false),
                "event {event}"
            );
        }
        assert!(observe_alone(&mut clock, at(2_000), false));
        assert_eq!(clock.head(), Some(at(2_000)));
    }

    #[test]
    fn a_lone_weekly_job_moves_the_head_a_week_behind_itself() {
        let mut clock = started();
        for week in 1..=5 {
            observe_alone(&mut clock, at(100 + 168 * week), true);
        }
        assert_eq!(clock.head(), Some(at(100 + 168 * 4)));
    }
}
