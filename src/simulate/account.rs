//! A person's working day: sessions of events, minutes apart, on people of their own portfolio and
//! others.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp, Normal};

use crate::event::{Action, HOUR_MS, Outcome};
use crate::simulate::calendar::{hours_ms, start_of, weekday};
use crate::simulate::plan::Plan;
use crate::simulate::role::{Hours, Role};
use crate::simulate::wire::Access;
use crate::simulate::world::{Account, Habits, Work, count, draw, log_uniform, negative_binomial};

/// Chance to be at work on a day of one's own week.
const PRESENCE: f64 = 0.94;
/// Chance to do a little on a day off.
const DAY_OFF_WORK: f64 = 0.02;
/// Mean events in a session.
const SESSION_EVENTS: u32 = 11;
/// Mean gap between two events of a session, in milliseconds.
const SESSION_GAP_MS: f64 = 55_000.0;

/// Adds what the account at `index` does of its own on `day` (since the epoch) to `out`.
pub(super) fn play_day(
    plan: &Plan,
    index: u32,
    account: &mut Account,
    day: i64,
    out: &mut Vec<Access>,
) {
    let Account {
        work,
        rng,
        sessions,
        joins,
        ..
    } = account;
    let Work::Person(habits) = work else { return };
    let world_day = day - plan.from_day;
    let factor = day_factor(habits, world_day, day, *joins, rng);
    if factor <= 0.0 {
        return;
    }
    let mut left = negative_binomial(habits.rate * factor, habits.dispersion, rng);
    while left > 0 {
        let size = rng.random_range(1..=2 * SESSION_EVENTS).min(left);
        left -= size;
        *sessions += 1;
        let session = Session {
            plan,
            index,
            number: *sessions,
            habits,
        };
        session.play(day, size, rng, out);
    }
}

/// How many times the usual day this one is: 0 away, more in campaigns and after leave.
fn day_factor(habits: &Habits, world_day: i64, day: i64, joins: i64, rng: &mut ChaCha8Rng) -> f64 {
    if world_day < joins || habits.leave.contains(&world_day) {
        return 0.0;
    }
    let on_duty = habits.weekdays >> weekday(day) & 1 == 1;
    if !on_duty {
        return if rng.random_bool(DAY_OFF_WORK) {
            0.3
        } else {
            0.0
        };
    }
    if !rng.random_bool(PRESENCE) {
        return 0.0;
    }
    // Mondays are full and Fridays short in offices.
    let mut factor = match (habits.role.hours, weekday(day)) {
        (Hours::Office, 0) => 1.15,
        (Hours::Office, 4) => 0.8,
        _ => 1.0,
    };
    if habits.campaign.0.contains(&world_day) {
        factor *= habits.campaign.1;
    }
    if !habits.leave.is_empty() && (habits.leave.end..habits.leave.end + 2).contains(&world_day) {
        factor *= 1.6;
    }
    factor
}

/// One sitting of a person.
struct Session<'a> {
    plan: &'a Plan,
    index: u32,
    number: u32,
    habits: &'a Habits,
}

impl Session<'_> {
    fn play(&self, day: i64, size: u32, rng: &mut ChaCha8Rng, out: &mut Vec<Access>) {
        let mut time = start_of(day) + self.start_in_day(day, rng);
        out.push(self.access(time, Action::Login));
        let mut previous = None;
        for _ in 0..size {
            let gap = SESSION_GAP_MS * draw(Exp::new(1.0), rng);
            time += i64::from(count(gap)).max(900);
            let mut access = self.access(time, pick_action(self.habits.role, rng));
            self.fill(&mut access, &mut previous, rng);
            out.push(access);
        }
    }

    /// Milliseconds from midnight to the start of the session.
    fn start_in_day(&self, day: i64, rng: &mut ChaCha8Rng) -> i64 {
        let phase = self.habits.phase;
        let hour = match self.habits.role.hours {
            Hours::Office if rng.random_bool(0.55) => draw(Normal::new(9.6 + phase, 1.1), rng),
            Hours::Office => draw(Normal::new(14.2 + phase, 1.3), rng),
            Hours::Shifts => {
                let turn = (self.habits.shift + (day + 3).div_euclid(7)).rem_euclid(3);
                6.0 + 8.0 * turn as f64 + rng.random_range(0.0..7.5)
            }
        };
        hours_ms(hour).clamp(0, 30 * HOUR_MS)
    }

    fn access(&self, time: i64, action: Action) -> Access {
        Access {
            time,
            account: self.index,
            action,
            subjects: Vec::new(),
            records: None,
            operation: None,
            outcome: Outcome::Success,
            session: self.number,
            fields: &[],
            attack: None,
            seq: 0,
        }
    }

    /// Says whose records the access touched and how it went.
    fn fill(&self, access: &mut Access, previous: &mut Option<u32>, rng: &mut ChaCha8Rng) {
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
            access
                .subjects
                .extend((size == 1).then(|| self.subject(rng)));
            return;
        }
        access.records = Some(size);
        if named {
            for _ in 0..size {
                let again = previous.filter(|_| size == 1 && rng.random_bool(0.25));
                let subject = again.unwrap_or_else(|| self.subject(rng));
                if !access.subjects.contains(&subject) {
                    access.subjects.push(subject);
                }
                *previous = Some(subject);
            }
        }
        if !access.action.is_read() {
            access.records = None;
        }
    }

    /// One of the portfolio, its head more often than its tail, or anybody.
    fn subject(&self, rng: &mut ChaCha8Rng) -> u32 {
        let role = self.habits.role;
        let portfolio = role.portfolio.min(self.plan.population - 1);
        if rng.random_bool(role.locality) {
            let place: f64 = rng.random();
            let within = count(place * place * f64::from(portfolio - 1));
            self.habits.portfolio_start + within
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
