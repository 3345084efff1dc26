//! Recurring jobs of programs: a nightly delta, a weekly file, the month's end, a steady sync.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp, Normal};

use crate::event::{Action, DAY_MS, HOUR_MS, Outcome, Timestamp};
use crate::simulate::calendar::{MINUTE_MS, hours_ms, is_last_working_day, start_of, weekday};
use crate::simulate::labels::Ledger;
use crate::simulate::plan::Plan;
use crate::simulate::wire::Access;
use crate::simulate::world::{Account, Work, count, draw, log_uniform};

/// What a job reads.
const FIELDS: &[&str] = &["name", "rank", "unit", "salary"];

/// A program's recurring work.
#[derive(Debug)]
pub(super) struct Job {
    rhythm: Rhythm,
    /// Milliseconds after midnight at which a run starts, give or take.
    at: i64,
    /// Records of a usual run.
    size: f64,
    /// Relative spread of the size.
    spread: f64,
    /// Most records in one event.
    page: u32,
    /// Whether the events name the people.
    named: bool,
    /// Where in the population the job's people begin.
    start: u32,
}

#[derive(Clone, Copy, Debug)]
enum Rhythm {
    Nightly,
    Weekly(u32),
    MonthEnd,
    /// Small reads all day long.
    Steady,
}

/// Draws the job of a supplier's program by its number, so that each kind occurs.
pub(super) fn draw_job(plan: &Plan, number: u32, rng: &mut ChaCha8Rng) -> Job {
    let cap = f64::from(plan.population) * 0.3;
    let (rhythm, size) = match number % 4 {
        0 => (Rhythm::Nightly, log_uniform(80.0, 600.0, rng)),
        1 => {
            let weekday = rng.random_range(0..5);
            (Rhythm::Weekly(weekday), log_uniform(400.0, 2_000.0, rng))
        }
        2 => (Rhythm::MonthEnd, log_uniform(2_000.0, 8_000.0, rng)),
        _ => (Rhythm::Steady, log_uniform(60.0, 500.0, rng)),
    };
    Job {
        rhythm,
        at: hours_ms(rng.random_range(0.5..5.0)),
        size: size.min(cap),
        spread: rng.random_range(0.03..0.2),
        page: [50, 100, 250, 1_000][rng.random_range(0..4_usize)],
        named: rng.random_bool(0.6),
        start: rng.random_range(0..plan.population),
    }
}

/// Adds the runs of `day` to `out`, and labels what is unusual about them.
pub(super) fn play_day(
    plan: &Plan,
    index: u32,
    account: &mut Account,
    day: i64,
    ledger: &mut Ledger,
    out: &mut Vec<Access>,
) {
    let Account {
        work,
        rng,
        sessions,
        supplier,
        ..
    } = account;
    let Work::Job(job) = work else { return };
    let due = match job.rhythm {
        Rhythm::Nightly => true,
        Rhythm::Steady => weekday(day) < 5 || rng.random_bool(0.7),
        Rhythm::Weekly(on) => weekday(day) == on,
        Rhythm::MonthEnd => is_last_working_day(day),
    };
    if !due {
        return;
    }
    let size = count(draw(Normal::new(job.size, job.size * job.spread), rng)).max(1);
    *sessions += 1;
    if matches!(job.rhythm, Rhythm::Steady) {
        job.sync(plan, index, *sessions, day, size, rng, out);
        return;
    }
    let start = start_of(day) + job.at + rng.random_range(0..4 * MINUTE_MS);
    job.run(plan, index, *sessions, start, size, rng, out);
    if rng.random_bool(plan.rerun_chance) {
        let again = start + rng.random_range(3 * HOUR_MS..14 * HOUR_MS);
        *sessions += 1;
        let end = job.run(plan, index, *sessions, again, size, rng, out);
        let span = [again, end + 1].map(Timestamp::from_millis);
        ledger.benign(*supplier, index, "job_rerun", span);
    }
}

impl Job {
    /// One run: pages of one operation. Returns the time of its last event.
    #[expect(clippy::too_many_arguments, reason = "the run's place, size and draws")]
    fn run(
        &self,
        plan: &Plan,
        index: u32,
        session: u32,
        start: i64,
        size: u32,
        rng: &mut ChaCha8Rng,
        out: &mut Vec<Access>,
    ) -> i64 {
        let (mut time, mut done) = (start, 0);
        loop {
            let page = self.page.min(size - done);
            let mut access = self.access(plan, index, session, time, done, page);
            access.operation = Some(index.wrapping_mul(10_000) + session);
            if !matches!(self.rhythm, Rhythm::Nightly) {
                access.action = Action::Export;
            }
            out.push(access);
            done += page;
            if done >= size {
                return time;
            }
            time += rng.random_range(800..6_000);
        }
    }

    /// A day of small reads.
    #[expect(clippy::too_many_arguments, reason = "the day's place, size and draws")]
    fn sync(
        &self,
        plan: &Plan,
        index: u32,
        session: u32,
        day: i64,
        size: u32,
        rng: &mut ChaCha8Rng,
        out: &mut Vec<Access>,
    ) {
        let mean_gap = DAY_MS as f64 / f64::from(size) * 2.0;
        let mut time = start_of(day);
        let mut done = 0;
        loop {
            time += i64::from(count(mean_gap * draw(Exp::new(1.0), rng))).max(200);
            if time >= start_of(day + 1) {
                return;
            }
            let records = rng.random_range(1..=3);
            let offset = rng.random_range(0..plan.population);
            out.push(self.access(plan, index, session, time, offset, records));
            done += records;
            if done > 4 * size {
                return;
            }
        }
    }

    fn access(
        &self,
        plan: &Plan,
        index: u32,
        session: u32,
        time: i64,
        offset: u32,
        records: u32,
    ) -> Access {
        let named = self.named || matches!(self.rhythm, Rhythm::Steady);
        let subjects = if named { 0..records } else { 0..0 };
        Access {
            time,
            account: index,
            action: Action::ApiRead,
            subjects: subjects
                .map(|place| (self.start + offset + place) % plan.population)
                .collect(),
            records: Some(records),
            operation: None,
            outcome: Outcome::Success,
            session,
            fields: FIELDS,
            attack: None,
            seq: 0,
        }
    }
}
