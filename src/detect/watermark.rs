//! How far event time has come in one feed, by its events alone.
//!
//! The head follows the highest event time. A step no longer than the lateness is taken at once; a
//! longer one waits until several accounts, or where few are active many events, are beyond it:
//! one future-dated event must not make honest ones late.

use crate::event::Timestamp;

/// Different accounts beyond a jump that confirm it: one clock that is wrong is an accident, three
/// that agree are the time.
const ACCOUNTS_CONFIRM: usize = 3;
/// Events beyond a jump that confirm it where fewer accounts are active, with none between them
/// that still lies about the head.
const EVENTS_CONFIRM: usize = 64;

/// The clock of one feed.
#[derive(Debug)]
pub struct Watermark {
    lateness_ms: i64,
    head: Option<Timestamp>,
    /// Events beyond a jump that is not confirmed: time and hash of the account. At most
    /// [`EVENTS_CONFIRM`].
    beyond: Vec<(Timestamp, u64)>,
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

    /// Takes an event's time and, where it is asked for, a hash of its account into account; says
    /// whether the head moved.
    pub fn observe(&mut self, time: Timestamp, account_hash: impl FnOnce() -> u64) -> bool {
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
        self.beyond.push((time, account_hash()));
        let Some(confirmed) = self.confirmed() else {
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
    fn confirmed(&self) -> Option<Timestamp> {
        let mut newest = self.beyond.clone();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let mut accounts = [0; ACCOUNTS_CONFIRM];
        let mut different = 0;
        for &(time, account) in &newest {
            if accounts[..different].contains(&account) {
                continue;
            }
            accounts[different] = account;
            different += 1;
            if different == ACCOUNTS_CONFIRM {
                return Some(time);
            }
        }
        (newest.len() >= EVENTS_CONFIRM)
            .then(|| newest.last().map(|(time, _)| *time))
            .flatten()
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

    fn started() -> Watermark {
        let mut clock = Watermark::new(HOUR);
        for account in 1..=3 {
            clock.observe(at(100), || account);
        }
        assert_eq!(clock.head(), Some(at(100)));
        clock
    }

    #[test]
    fn small_steps_are_taken_at_once_and_never_back() {
        let mut clock = started();
        assert!(clock.observe(at(101), || 1));
        assert!(!clock.observe(at(99), || 1));
        assert_eq!(clock.head(), Some(at(101)));
        assert_eq!(clock.watermark(), Some(at(100)));
    }

    #[test]
    fn one_future_dated_account_moves_nothing() {
        let mut clock = started();
        for step in 0..200 {
            clock.observe(at(500), || 9);
            clock.observe(at(100).plus_millis(step), || 1);
        }
        assert_eq!(clock.head(), Some(at(100).plus_millis(199)));
    }

    #[test]
    fn a_jump_counts_when_three_accounts_confirm_it() {
        let mut clock = started();
        assert!(!clock.observe(at(900), || 1));
        assert!(!clock.observe(at(120), || 2));
        assert!(clock.observe(at(120), || 3));
        assert_eq!(clock.head(), Some(at(120)), "the wild one is left out");
    }

    #[test]
    fn a_lone_account_moves_the_head_after_many_events() {
        let mut clock = started();
        for event in 1..EVENTS_CONFIRM {
            assert!(!clock.observe(at(200), || 1), "event {event}");
        }
        assert!(clock.observe(at(200), || 1));
        assert_eq!(clock.head(), Some(at(200)));
    }
}
