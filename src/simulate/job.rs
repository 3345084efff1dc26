//! Recurring jobs of programs: nightly, weekly, monthly, steady; that fail, grow and move.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp, Normal};

use crate::event::{Action, DAY_MS, HOUR_MS, Outcome, Timestamp};
use crate::simulate::calendar::{
    MINUTE_MS, day_of_month, hours_ms, is_last_working_day, start_of, weekday,
};
use crate::simulate::client::Client;
use crate::simulate::distribution::{count, draw, log_uniform};
use crate::simulate::ledger::Ledger;
use crate::simulate::plan::Plan;
use crate::simulate::supplier::Supplier;
use crate::simulate::wire::{Access, operation};
use crate::simulate::world::{Account, Work};

/// What a job reads.
const FIELDS: &[&str] = &["name", "rank", "unit", "salary"];
/// Of reruns, the share that repeats a run which failed; the others repeat a whole one.
const FAILED_SHARE: f64 = 0.7;
/// Days for which a change is labelled.
const CHANGE_DAYS: i64 = 7;

/// A program's recurring work.
#[derive(Debug)]
pub(super) struct Job {
    rhythm: Rhythm,
    /// Milliseconds after midnight by the clock at which a run starts, give or take.
    at: i64,
    /// Records of a usual run on the first day.
    size: f64,
    /// Relative spread of the size.
    spread: f64,
    /// Relative growth of the size in 30 days.
    growth: f64,
    /// Most records in one event.
    page: u32,
    /// Whether the events name the people.
    named: bool,
    /// Where in the population the job's people begin.
    start: u32,
    change: Option<(i64, Change)>,
}

#[derive(Clone, Copy, Debug)]
enum Rhythm {
    Nightly,
    Weekly(u32),
    DayOfMonth(i64),
    LastWorkingDay,
    /// Small reads all day long.
    Steady,
}

/// What becomes of a job on one day, for good.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// It starts this many milliseconds later.
    Hour(i64),
    /// It runs on another computer.
    Host(Client),
}

/// Draws the job of a supplier's program by its number, so that each kind occurs.
pub(super) fn draw_job(plan: &Plan, number: u32, rng: &mut ChaCha8Rng) -> Job {
    let cap = f64::from(plan.population) * 0.3;
    let weekday = rng.random_range(0..5);
    let date = rng.random_range(1..=28);
    let (rhythm, size) = match number % 6 {
        0 | 4 => (Rhythm::Nightly, log_uniform(80.0, 1_500.0, rng)),
        1 => (Rhythm::Weekly(weekday), log_uniform(400.0, 2_000.0, rng)),
        2 => (Rhythm::LastWorkingDay, log_uniform(2_000.0, 8_000.0, rng)),
        3 => (Rhythm::Steady, log_uniform(60.0, 500.0, rng)),
        _ => (Rhythm::DayOfMonth(date), log_uniform(800.0, 6_000.0, rng)),
    };
    Job {
        rhythm,
        at: hours_ms(rng.random_range(0.5..6.0)),
        size: size.min(cap),
        spread: rng.random_range(0.0..0.2),
        growth: rng.random_range(-0.3..1.0) * plan.job_growth,
        page: [50, 100, 250, 1_000][rng.random_range(0..4_usize)],
        named: rng.random_bool(0.6),
        start: rng.random_range(0..plan.population),
        change: draw_change(plan, rng),
    }
}

fn draw_change(plan: &Plan, rng: &mut ChaCha8Rng) -> Option<(i64, Change)> {
    let changes = rng.random_bool(plan.job_move_fraction);
    let day = rng.random_range(plan.from_day..plan.end_day());
    let change = if rng.random_bool(0.6) {
        Change::Hour(hours_ms(rng.random_range(1.0..8.0)))
    } else {
        let host = rng.random_range(2..250);
        Change::Host(Client {
            ip: std::net::Ipv4Addr::new(10, 250, 1, host),
            agent: "records-sync/3.2",
        })
    };
    changes.then_some((day, change))
}

/// Adds the runs of `day` to `out`, and labels what is unusual about them.
pub(super) fn play_day(
    plan: &Plan,
    supplier: &Supplier,
    index: u32,
    account: &mut Account,
    day: i64,
    ledger: &mut Ledger,
    out: &mut Vec<Access>,
) {
    let Work::Job(job) = &account.work else {
        return;
    };
    let rng = &mut account.rng;
    if !job.is_due(day, rng) {
        return;
    }
    let size = job.size_on(plan, day, rng);
    let client = job.client_on(day, account.client);
    let mut run = |start, size, rng: &mut ChaCha8Rng| {
        account.sessions += 1;
        let run = Run {
            index,
            session: account.sessions,
            client,
            start,
            size,
        };
        job.play(plan, &run, rng)
    };
    if matches!(job.rhythm, Rhythm::Steady) {
        account.sessions += 1;
        let midnight = supplier.zone.utc(start_of(day));
        job.sync(
            plan,
            [index, account.sessions],
            client,
            midnight,
            size,
            rng,
            out,
        );
        return;
    }
    let start = job.start_on(supplier, day, rng);
    if !rng.random_bool(plan.rerun_chance) {
        out.extend(run(start, size, rng));
        return;
    }
    let mut first = run(start, size, rng);
    let again = if rng.random_bool(FAILED_SHARE) {
        // The failed run stopped somewhere; it is tried again soon.
        let kept = rng.random_range(1..=first.len());
        first.truncate(kept);
        if let Some(last) = first.last_mut() {
            last.outcome = Outcome::Failure;
        }
        start + rng.random_range(20 * MINUTE_MS..2 * HOUR_MS)
    } else {
        start + rng.random_range(3 * HOUR_MS..14 * HOUR_MS)
    };
    let second = run(again, size, rng);
    let end = second.last().map_or(again, |access| access.time);
    let span = [again, end + 1].map(Timestamp::from_millis);
    ledger.benign(account.supplier, Some(index), "job_rerun", span);
    out.extend(first);
    out.extend(second);
}

/// One run of a job.
pub(super) struct Run {
    /// The account's index.
    pub index: u32,
    pub session: u32,
    pub client: Client,
    /// Epoch milliseconds.
    pub start: i64,
    /// Records.
    pub size: u32,
}

impl Job {
    /// Whether it runs now and then rather than all the time.
    const fn is_scheduled(&self) -> bool {
        !matches!(self.rhythm, Rhythm::Steady)
    }

    /// Whether a history that began on `first` shows its rhythm by `day`: it ran twice.
    pub(super) fn is_known(&self, first: i64, day: i64) -> bool {
        self.is_scheduled()
            && (first..day)
                .filter(|day| self.is_scheduled_on(*day))
                .count()
                >= 2
    }

    fn is_due(&self, day: i64, rng: &mut ChaCha8Rng) -> bool {
        match self.rhythm {
            Rhythm::Steady => weekday(day) < 5 || rng.random_bool(0.7),
            _ => self.is_scheduled_on(day),
        }
    }

    fn is_scheduled_on(&self, day: i64) -> bool {
        match self.rhythm {
            Rhythm::Nightly | Rhythm::Steady => true,
            Rhythm::Weekly(on) => weekday(day) == on,
            Rhythm::DayOfMonth(date) => day_of_month(day) == date,
            Rhythm::LastWorkingDay => is_last_working_day(day),
        }
    }

    /// Draws the records of a run on `day`.
    pub(super) fn size_on(&self, plan: &Plan, day: i64, rng: &mut ChaCha8Rng) -> u32 {
        let months = (day - plan.from_day) as f64 / 30.0;
        let size = self.size * (1.0 + self.growth * months);
        count(draw(Normal::new(size, size * self.spread), rng)).max(1)
    }

    /// Draws when a run of `day` starts, in epoch milliseconds.
    pub(super) fn start_on(&self, supplier: &Supplier, day: i64, rng: &mut ChaCha8Rng) -> i64 {
        let moved = match self.change {
            Some((since, Change::Hour(later))) if day >= since => later,
            _ => 0,
        };
        let wall = start_of(day) + self.at + moved;
        supplier.zone.utc(wall) + rng.random_range(0..4 * MINUTE_MS)
    }

    /// The computer it runs on on `day`, where its first was `usual`.
    pub(super) fn client_on(&self, day: i64, usual: Client) -> Client {
        match self.change {
            Some((since, Change::Host(client))) if day >= since => client,
            _ => usual,
        }
    }

    /// Labels the days after a change.
    pub(super) fn label_spans(&self, supplier: usize, account: u32, ledger: &mut Ledger) {
        let Some((since, change)) = &self.change else {
            return;
        };
        let what = match change {
            Change::Hour(_) if self.is_scheduled() => "job_moved",
            Change::Hour(_) => return,
            Change::Host(_) => "job_new_host",
        };
        let span = [*since, since + CHANGE_DAYS].map(|day| Timestamp::from_millis(day * DAY_MS));
        ledger.benign(supplier, Some(account), what, span);
    }

    /// The pages of one run, all of one operation.
    pub(super) fn play(&self, plan: &Plan, run: &Run, rng: &mut ChaCha8Rng) -> Vec<Access> {
        let (mut time, mut done) = (run.start, 0);
        let mut pages = Vec::new();
        while done < run.size {
            let page = self.page.min(run.size - done);
            pages.push(Access {
                operation: Some(operation(run.index, run.session, 0)),
                session: run.session,
                ..self.access(plan, run.index, run.client, time, done, page)
            });
            done += page;
            time += rng.random_range(800..6_000);
        }
        pages
    }

    /// A day of small reads.
    #[expect(clippy::too_many_arguments, reason = "the day's place, size and draws")]
    fn sync(
        &self,
        plan: &Plan,
        [index, session]: [u32; 2],
        client: Client,
        midnight: i64,
        size: u32,
        rng: &mut ChaCha8Rng,
        out: &mut Vec<Access>,
    ) {
        let mean_gap = DAY_MS as f64 / f64::from(size) * 2.0;
        let (mut time, mut done) = (midnight, 0);
        loop {
            time += i64::from(count(mean_gap * draw(Exp::new(1.0), rng))).max(200);
            if time >= midnight + DAY_MS || done > 4 * size {
                return;
            }
            let records = rng.random_range(1..=3);
            let offset = rng.random_range(0..plan.population);
            out.push(Access {
                session,
                ..self.access(plan, index, client, time, offset, records)
            });
            done += records;
        }
    }

    /// One page: `records` people from the job's `offset`th on.
    pub(super) fn access(
        &self,
        plan: &Plan,
        index: u32,
        client: Client,
        time: i64,
        offset: u32,
        records: u32,
    ) -> Access {
        let steady = matches!(self.rhythm, Rhythm::Steady);
        let action = match self.rhythm {
            Rhythm::Nightly | Rhythm::Steady => Action::ApiRead,
            _ => Action::Export,
        };
        let subjects = if self.named || steady {
            0..records
        } else {
            0..0
        };
        Access {
            subjects: subjects
                .map(|place| (self.start + offset + place) % plan.population)
                .collect(),
            records: Some(records),
            fields: FIELDS,
            ..Access::new(time, index, action, client)
        }
    }

    /// Most records in one event.
    pub(super) const fn page(&self) -> u32 {
        self.page
    }
}
