//! One sitting of a person: events seconds or minutes apart, on people of the own portfolio and
//! others.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp, Normal};

use crate::event::{Action, HOUR_MS, Outcome, Timestamp};
use crate::simulate::calendar::{Zone, hours_ms, start_of};
use crate::simulate::client::Client;
use crate::simulate::distribution::{count, draw, log_uniform};
use crate::simulate::person::{Habits, Turns};
use crate::simulate::plan::Plan;
use crate::simulate::role::Role;
use crate::simulate::wire::{Access, operation};

/// A sitting that is about to be played.
pub(super) struct Sitting<'a> {
    pub plan: &'a Plan,
    pub zone: Zone,
    /// The account's index.
    pub index: u32,
    /// Number of the session.
    pub number: u32,
    pub client: Client,
    pub habits: &'a Habits,
    /// Mean milliseconds between two events.
    pub gap: f64,
    /// Chance that a sitting is in the morning, for those who work by day.
    pub mornings: f64,
}

impl Sitting<'_> {
    /// Adds a login and `size` events on `day`, and returns their span.
    pub(super) fn play(
        &self,
        day: i64,
        size: u32,
        rng: &mut ChaCha8Rng,
        out: &mut Vec<Access>,
    ) -> [Timestamp; 2] {
        let start = self.zone.utc(start_of(day) + self.start_in_day(day, rng));
        let client = if rng.random_bool(self.habits.home.1) {
            self.habits.home.0
        } else {
            self.client
        };
        let mut time = start;
        out.push(self.access(time, Action::Login, client));
        let mut previous = None;
        for number in 0..size {
            let gap = self.gap * draw(Exp::new(1.0), rng);
            time += i64::from(count(gap)).max(900);
            let mut access = self.access(time, pick_action(self.habits.role, rng), client);
            self.fill(&mut access, day, &mut previous, rng);
            if access.action == Action::Export {
                access.operation = Some(operation(self.index, self.number, number));
            }
            out.push(access);
        }
        [start, time + 1].map(Timestamp::from_millis)
    }

    /// Milliseconds from midnight to the start of the sitting.
    fn start_in_day(&self, day: i64, rng: &mut ChaCha8Rng) -> i64 {
        let phase = self.habits.phase;
        let shift =
            |turn: i64, rng: &mut ChaCha8Rng| 6.0 + 8.0 * turn as f64 + rng.random_range(0.0..7.5);
        let hour = match self.habits.turns {
            Turns::Days if rng.random_bool(self.mornings) => {
                draw(Normal::new(9.6 + phase, 1.1), rng)
            }
            Turns::Days => draw(Normal::new(14.2 + phase, 1.3), rng),
            Turns::Rotating(first) => shift((first + (day + 3).div_euclid(7)).rem_euclid(3), rng),
            Turns::Nights => shift(2, rng),
        };
        hours_ms(hour).clamp(0, 30 * HOUR_MS)
    }

    fn access(&self, time: i64, action: Action, client: Client) -> Access {
        Access {
            session: self.number,
            ..Access::new(time, self.index, action, client)
        }
    }

    /// Says whose records the access touched and how it went.
    fn fill(
        &self,
        access: &mut Access,
        day: i64,
        previous: &mut Option<u32>,
        rng: &mut ChaCha8Rng,
    ) {
        let role = self.habits.role;
        access.outcome = match rng.random_range(0..1_000_u32) {
            0..4 => Outcome::Denied,
            4..9 => Outcome::Failure,
            _ => Outcome::Success,
        };
        let (size, named) = match access.action {
            Action::Search => (count(log_uniform(0.6, 15.0, rng)), true),
            Action::List => (rng.random_range(5..=25), rng.random_bool(0.7)),
            Action::Export | Action::Download => {
                let size = count(log_uniform(5.0, f64::from(role.export_max), rng));
                (size, rng.random_bool(0.5))
            }
            _ => (1, true),
        };
        if access.action.is_read() {
            access.fields = role.fields;
        }
        if !access.outcome.exposes() {
            let one = (size == 1).then(|| self.subject(day, rng));
            access.subjects.extend(one);
            return;
        }
        access.records = access.action.is_read().then_some(size);
        if named {
            for _ in 0..size {
                let again = previous.filter(|_| size == 1 && rng.random_bool(0.25));
                let subject = again.unwrap_or_else(|| self.subject(day, rng));
                if !access.subjects.contains(&subject) {
                    access.subjects.push(subject);
                }
                *previous = Some(subject);
            }
        }
    }

    /// One of the portfolio, its head more often than its tail, or anybody.
    fn subject(&self, day: i64, rng: &mut ChaCha8Rng) -> u32 {
        if rng.random_bool(self.habits.locality) {
            let place: f64 = rng.random();
            let within = count(place * place * f64::from(self.habits.portfolio.0 - 1));
            self.habits.portfolio_start(day) + within
        } else {
            rng.random_range(0..self.plan.population)
        }
    }
}

fn pick_action(role: &Role, rng: &mut ChaCha8Rng) -> Action {
    let mut rest: f64 = rng.random();
    for (action, weight) in role.mix {
        if rest < *weight {
            return *action;
        }
        rest -= weight;
    }
    Action::View
}
