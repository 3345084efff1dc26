//! A person's working days: how much, when, in which sittings, on whose records.

use std::ops::Range;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Gamma, LogNormal, Normal};

use crate::event::{DAY_MS, Timestamp};
use crate::simulate::calendar::{is_last_working_day, weekday};
use crate::simulate::client::Client;
use crate::simulate::distribution::{Daily, count, draw};
use crate::simulate::ledger::Ledger;
use crate::simulate::plan::Plan;
use crate::simulate::role::{Hours, Role};
use crate::simulate::sitting::Sitting;
use crate::simulate::supplier::Supplier;
use crate::simulate::wire::Access;
use crate::simulate::world::{Account, Work};

/// Chance to be at work on a day of one's own week.
const PRESENCE: f64 = 0.94;
/// Chance to do a little on a day off.
const DAY_OFF_WORK: f64 = 0.02;
/// What a day off brings where it brings something.
const DAY_OFF_FACTOR: f64 = 0.3;

/// How one person works.
#[derive(Debug)]
pub(super) struct Habits {
    pub role: &'static Role,
    /// Mean events on a working day.
    rate: f64,
    daily: Daily,
    /// Hours by which this person's day is earlier or later than the role's.
    pub phase: f64,
    /// Weekdays worked, Monday in the lowest bit.
    weekdays: u8,
    pub turns: Turns,
    /// Mean events of a sitting, and mean milliseconds between two of them.
    pub sitting: (f64, f64),
    /// People in this person's portfolio, and where in the population they begin.
    pub portfolio: (u32, u32),
    /// Chance that a read falls into the portfolio.
    pub locality: f64,
    /// Relative growth of the rate in 30 days.
    drift: f64,
    /// Day of other duties, with the factor on the rate and the new portfolio's start.
    duties: Option<(i64, f64, u32)>,
    /// Days away, since the epoch.
    pub leave: Range<i64>,
    /// Days of a campaign and how many times the usual reading they bring.
    pub campaign: (Range<i64>, f64),
    /// A second computer, and the chance that a sitting is at it.
    pub home: (Client, f64),
}

/// When in the day a person of a role with shifts works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turns {
    /// Three shifts in turn by the week, from this one.
    Rotating(i64),
    /// Always at night.
    Nights,
    /// At office hours.
    Days,
}

impl Habits {
    /// Draws how a person of `role` works, who usually sits at `client`.
    pub(super) fn draw(
        plan: &Plan,
        role: &'static Role,
        client: Client,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let portfolio = role.portfolio.min(plan.population - 1);
        let start = |rng: &mut ChaCha8Rng| rng.random_range(0..plan.population - portfolio);
        let walk_in = rng.random_bool(plan.walk_in_fraction);
        let spread = draw(Normal::new(0.0, 0.12), rng);
        let locality = if walk_in {
            0.03
        } else {
            role.locality + spread
        };
        let moves = rng.random_bool(plan.mover_fraction);
        let duties = (
            rng.random_range(plan.from_day..plan.end_day()),
            rng.random_range(0.6..1.8),
            start(rng),
        );
        Self {
            role,
            rate: role.events_a_day * plan.activity * draw(Gamma::new(3.0, 1.0 / 3.0), rng),
            daily: Daily::draw(&plan.daily, rng),
            phase: rng.random_range(-1.0..1.0),
            weekdays: draw_weekdays(plan, role, rng),
            turns: draw_turns(plan, role, rng),
            sitting: (
                draw(LogNormal::new(2.2, 0.5), rng),
                draw(LogNormal::new(10.8, 0.6), rng),
            ),
            portfolio: (portfolio, start(rng)),
            locality: locality.clamp(0.0, 0.97),
            drift: draw(Normal::new(0.0, plan.drift), rng),
            duties: moves.then_some(duties),
            leave: draw_leave(plan, rng),
            campaign: (0..0, 1.0),
            home: (
                client.at_home(rng),
                (rng.random_range(-1.0..0.6_f64)).max(0.0),
            ),
        }
    }

    /// How many times the usual day this one is: 0 away, more in campaigns and after leave.
    fn day_factor(&self, plan: &Plan, supplier: &Supplier, day: i64, rng: &mut ChaCha8Rng) -> f64 {
        let present = rng.random_bool(PRESENCE);
        let dutiful = rng.random_bool(DAY_OFF_WORK);
        if self.leave.contains(&day) {
            return 0.0;
        }
        let off = if dutiful { DAY_OFF_FACTOR } else { 0.0 };
        if self.weekdays >> weekday(day) & 1 == 0 {
            return off;
        }
        if !present {
            return 0.0;
        }
        let office = self.turns == Turns::Days;
        // Mondays are full and Fridays short in offices.
        let mut factor = match weekday(day) {
            0 if office => 1.15,
            4 if office => 0.8,
            _ => 1.0,
        };
        if office {
            factor *= supplier.opening(day);
        }
        if self.campaign.0.contains(&day) {
            factor *= self.campaign.1;
        }
        if !self.leave.is_empty() && (self.leave.end..self.leave.end + 2).contains(&day) {
            factor *= 1.6;
        }
        if is_month_end(day) {
            factor *= 1.0 + (plan.month_end_factor - 1.0) * self.role.month_end;
        }
        if let Some((since, times, _)) = self.duties
            && day >= since
        {
            factor *= times;
        }
        let months = (day - plan.from_day) as f64 / 30.0;
        factor * (self.drift * months).exp() * supplier.busyness(plan, day)
    }

    /// Start of the portfolio on `day`.
    pub(super) fn portfolio_start(&self, day: i64) -> u32 {
        match self.duties {
            Some((since, _, start)) if day >= since => start,
            _ => self.portfolio.1,
        }
    }

    /// Labels the unusual spans that are known beforehand.
    pub(super) fn label_spans(
        &self,
        plan: &Plan,
        supplier: usize,
        account: u32,
        ledger: &mut Ledger,
    ) {
        let mut label = |days: Range<i64>, what| {
            let days = days.start.max(plan.from_day)..days.end.min(plan.end_day());
            if !days.is_empty() {
                let span = [days.start, days.end];
                let span = span.map(|day| Timestamp::from_millis(day * DAY_MS));
                ledger.benign(supplier, Some(account), what, span);
            }
        };
        label(self.campaign.0.clone(), "campaign");
        if !self.leave.is_empty() {
            label(self.leave.end..self.leave.end + 2, "leave_return");
        }
        if let Some((since, _, _)) = self.duties {
            label(since..since + 7, "new_duties");
        }
        if self.role.month_end > 0.0 && plan.month_end_factor > 1.0 {
            let ends = plan.from_day..plan.end_day();
            for day in ends.filter(|day| is_month_end(*day)) {
                label(day..day + 1, "month_end");
            }
        }
    }
}

/// The last two working days of a month.
fn is_month_end(day: i64) -> bool {
    let next = if weekday(day) == 4 { day + 3 } else { day + 1 };
    is_last_working_day(day) || weekday(day) < 5 && is_last_working_day(next)
}

/// Adds what the account at `index` does of its own on `day` to `out`.
pub(super) fn play_day(
    plan: &Plan,
    supplier: &Supplier,
    index: u32,
    account: &mut Account,
    day: i64,
    ledger: &mut Ledger,
    out: &mut Vec<Access>,
) {
    let Work::Person(habits) = &account.work else {
        return;
    };
    let rng = &mut account.rng;
    if !account.employed.contains(&day) {
        return;
    }
    let factor = habits.day_factor(plan, supplier, day, rng);
    let bulk = rng.random_bool(plan.project_chance);
    if factor <= 0.0 {
        return;
    }
    // Half days end at noon.
    let mornings = if supplier.opening(day) < 1.0 {
        1.0
    } else {
        0.55
    };
    let (mean, gap) = habits.sitting;
    let mut sit = |size: u32, gap: f64, rng: &mut ChaCha8Rng| {
        account.sessions += 1;
        let sitting = Sitting {
            plan,
            zone: supplier.zone,
            index,
            number: account.sessions,
            client: account.client,
            habits,
            gap,
            mornings,
        };
        sitting.play(day, size, rng, out)
    };
    let mut left = habits.daily.sample(habits.rate * factor, rng);
    while left > 0 {
        let size = count(rng.random_range(0.1..1.9) * mean);
        let size = size.clamp(1, left);
        left -= size;
        sit(size, gap, rng);
    }
    if bulk {
        // An honest piece of bulk work: a check of a unit, a mailing, an audit.
        let size = habits.rate * rng.random_range(1.0..3.0);
        let span = sit(count(size).max(10), gap / 4.0, rng);
        ledger.benign(account.supplier, Some(index), "project", span);
    }
}

fn draw_leave(plan: &Plan, rng: &mut ChaCha8Rng) -> Range<i64> {
    let goes = rng.random_bool(plan.leave_fraction);
    let start = rng.random_range(plan.from_day..plan.end_day());
    let length = rng.random_range(5..15);
    if goes { start..start + length } else { 0..0 }
}

fn draw_turns(plan: &Plan, role: &Role, rng: &mut ChaCha8Rng) -> Turns {
    let nights = rng.random_bool(plan.night_fraction);
    let first = rng.random_range(0..3);
    match role.hours {
        _ if nights => Turns::Nights,
        Hours::Office => Turns::Days,
        Hours::Shifts => Turns::Rotating(first),
    }
}

fn draw_weekdays(plan: &Plan, role: &Role, rng: &mut ChaCha8Rng) -> u8 {
    let mut weekdays: u8 = match role.hours {
        Hours::Office => 0b001_1111,
        Hours::Shifts => 0b111_1111,
    };
    let off = if rng.random_bool(plan.part_time_fraction) {
        rng.random_range(1..4)
    } else {
        u32::from(role.hours == Hours::Shifts) * 2
    };
    for _ in 0..off {
        weekdays &= !(1 << rng.random_range(0..7_u32));
    }
    weekdays
}
