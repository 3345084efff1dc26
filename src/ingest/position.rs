//! Which position of each source is safe to commit: the one below which every record is decided
//! and everything that deciding sent out is acknowledged.
//!
//! Pure: knows neither Kafka nor sinks. Sends are numbered by [`Ticket`]s; a position is safe once
//! all tickets issued before it was reached are back.

use std::collections::VecDeque;

/// The number of one send (an alert or a quarantine record), rising by one within a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The positions of one feed's sources.
#[derive(Debug, Default)]
pub struct Positions {
    sources: Vec<Source>,
    /// Tickets issued so far; the next ticket's number.
    issued: u64,
    /// Tickets below this number are all acknowledged.
    settled: u64,
    /// Whether each ticket from `settled` on is acknowledged.
    // Invariant: its length is `issued - settled`, and its front is `false`.
    outstanding: VecDeque<bool>,
}

#[derive(Debug)]
struct Source {
    /// Every record below is decided and its sends are acknowledged.
    safe: u64,
    /// Positions reached and the number of tickets issued by then; both rise.
    reached: VecDeque<(u64, u64)>,
}

impl Positions {
    /// Adds a source that begins at `position` and returns its number, counted from 0.
    pub fn add_source(&mut self, position: u64) -> usize {
        self.sources.push(Source {
            safe: position,
            reached: VecDeque::new(),
        });
        self.sources.len() - 1
    }

    /// Numbers one more send.
    pub fn issue(&mut self) -> Ticket {
        let ticket = Ticket(self.issued);
        self.issued += 1;
        self.outstanding.push_back(false);
        ticket
    }

    /// Takes note that the send of `ticket` is durable; a repeat changes nothing.
    pub fn acknowledge(&mut self, ticket: Ticket) {
        let Some(index) = ticket.0.checked_sub(self.settled) else {
            return;
        };
        if let Some(done) = usize::try_from(index)
            .ok()
            .and_then(|index| self.outstanding.get_mut(index))
        {
            *done = true;
        }
        while self.outstanding.front() == Some(&true) {
            self.outstanding.pop_front();
            self.settled += 1;
        }
    }

    /// Takes note that every record of `source` below `position` is decided.
    ///
    /// Everything that deciding them sends must have been issued before.
    ///
    /// # Panics
    /// Panics where `source` was never added: a bug.
    pub fn decide(&mut self, source: usize, position: u64) {
        let issued = self.issued;
        let reached = &mut self.sources[source].reached;
        match reached.back_mut() {
            Some(last) if last.1 == issued => last.0 = position,
            _ => reached.push_back((position, issued)),
        }
    }

    /// The safe position of `source`: where a reader that lost everything else may go on.
    ///
    /// # Panics
    /// Panics where `source` was never added: a bug.
    pub fn safe(&mut self, source: usize) -> u64 {
        let source = &mut self.sources[source];
        while let Some(&(position, issued)) = source.reached.front()
            && issued <= self.settled
        {
            source.safe = position;
            source.reached.pop_front();
        }
        source.safe
    }

    /// Sends that are not acknowledged, the settled ones behind the oldest of them included.
    pub fn pending(&self) -> usize {
        self.outstanding.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Issue,
        Acknowledge(usize),
        Decide(usize, u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            Just(Step::Issue),
            (0_usize..40).prop_map(Step::Acknowledge),
            (0_usize..3, 1_u64..5).prop_map(|(source, by)| Step::Decide(source, by)),
        ];
        prop::collection::vec(step, 0..120)
    }

    /// The trivial and slow version: remembers everything and looks through all of it.
    #[derive(Default)]
    struct SlowPositions {
        acknowledged: Vec<bool>,
        decided: Vec<(usize, u64, usize)>,
    }

    impl SlowPositions {
        fn safe(&self, source: usize) -> u64 {
            self.decided
                .iter()
                .filter(|(of, _, issued)| {
                    *of == source && self.acknowledged[..*issued].iter().all(|done| *done)
                })
                .map(|(_, position, _)| *position)
                .max()
                .unwrap_or(0)
        }
    }

    proptest! {
        #[test]
        fn the_safe_position_equals_that_of_the_slow_twin(steps in steps()) {
            let (mut fast, mut slow) = (Positions::default(), SlowPositions::default());
            let mut tickets = Vec::new();
            let mut at = [0; 3];
            for _ in 0..3 {
                fast.add_source(0);
            }
            for step in steps {
                match step {
                    Step::Issue => {
                        tickets.push(fast.issue());
                        slow.acknowledged.push(false);
                    }
                    Step::Acknowledge(index) if index < tickets.len() => {
                        fast.acknowledge(tickets[index]);
                        slow.acknowledged[index] = true;
                    }
                    Step::Acknowledge(_) => {}
                    Step::Decide(source, by) => {
                        at[source] += by;
                        fast.decide(source, at[source]);
                        slow.decided.push((source, at[source], tickets.len()));
                    }
                }
                for source in 0..3 {
                    prop_assert_eq!(fast.safe(source), slow.safe(source));
                }
            }
        }
    }

    #[test]
    fn an_alert_in_flight_holds_back_what_was_decided_after_it_only() {
        let mut positions = Positions::default();
        let source = positions.add_source(10);
        assert_eq!(positions.safe(source), 10);
        positions.decide(source, 20);
        let ticket = positions.issue();
        positions.decide(source, 30);
        assert_eq!(positions.safe(source), 20);
        positions.acknowledge(ticket);
        assert_eq!(positions.safe(source), 30);
        assert_eq!(positions.pending(), 0);
    }
}
