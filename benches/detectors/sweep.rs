//! Thresholds of the other detectors: what each would raise at any of them, and the best one.

use rosterwatch::{
    event::{AccountKind, HOUR_MS, Timestamp},
    score,
};

use crate::{
    judging::{Pool, whole},
    rivals::{Account, RIVALS, Scores},
    world::{Read, World},
};

/// Steps of thresholds: fifty make a factor of e, so one is 2 %, and small counts have one each.
const LEVELS_PER_E: f64 = 50.0;
/// The lowest threshold.
const SCORE_MIN: f64 = 0.01;
/// An account stays silent until the hour of the clock this many hours after its alarm.
const SILENT_HOURS: i64 = 24;
/// The most false incidents per 1,000 account-days that a table may ask for.
pub(super) const RATE_MAX: f64 = 5.0;

/// A score that was higher than any before in its hour of the clock.
struct Crossing {
    account: u32,
    time: i64,
    level: i32,
}

/// The scores of one rival in one world that a threshold can tell apart, by account and time.
///
/// An hour's first event at or above any threshold is kept, so nothing is lost by leaving out the
/// rest: after an alarm an account is silent to the start of an hour.
pub(super) struct Crossings {
    kept: Vec<Crossing>,
    /// Nothing below this level was kept.
    floor: i32,
}

/// The level of a score; nothing where it is below every threshold.
fn level_of(score: f64) -> Option<i32> {
    // A little more, so that a score at a level's very beginning is not lost to rounding.
    let level = (score / SCORE_MIN).ln() * LEVELS_PER_E + 1e-9;
    (score > SCORE_MIN).then(|| i32::try_from(whole(level)).unwrap_or(i32::MAX))
}

/// The score at which a level begins.
pub(super) fn threshold(level: i32) -> f64 {
    SCORE_MIN * (f64::from(level) / LEVELS_PER_E).exp()
}

/// The level of the highest threshold that `score` reaches.
pub(super) fn level_at(score: f64) -> i32 {
    level_of(score).unwrap_or(i32::MIN)
}

/// Scores the reads of a world, which are in the order of accounts and times, by every rival.
/// `pooled_account_days` are those of all worlds that will share a threshold.
pub(super) fn score_all(
    reads: &[Read],
    subjects: &[u32],
    pooled_account_days: f64,
) -> Vec<Crossings> {
    let mut kept: Vec<Vec<Crossing>> = RIVALS.iter().map(|_| Vec::new()).collect();
    for account in reads.chunk_by(|read, next| read.account == next.account) {
        let Some(first) = account.first() else {
            continue;
        };
        let mut state = Account::new(u64::from(first.account), first.time);
        let mut highest = (i64::MIN, [i32::MIN; RIVALS.len()]);
        for read in account {
            let people = &subjects[read.subjects.start as usize..read.subjects.end as usize];
            let scores: Scores = state.observe(read.time, people, read.unnamed);
            let hour = read.time.div_euclid(HOUR_MS);
            if highest.0 != hour {
                highest = (hour, [i32::MIN; RIVALS.len()]);
            }
            for (rival, score) in scores.iter().enumerate() {
                if let Some(level) = level_of(*score)
                    && level > highest.1[rival]
                {
                    highest.1[rival] = level;
                    kept[rival].push(Crossing {
                        account: read.account,
                        time: read.time,
                        level,
                    });
                }
            }
        }
    }
    let finish = |kept| Crossings::finish(kept, pooled_account_days);
    kept.into_iter().map(finish).collect()
}

impl Crossings {
    /// Leaves out what no threshold in question reaches: where this world alone has more
    /// incidents than all worlds together may have false ones.
    fn finish(mut kept: Vec<Crossing>, pooled_account_days: f64) -> Self {
        let day_of =
            |crossing: &Crossing| (crossing.account, crossing.time.div_euclid(24 * HOUR_MS));
        let days = kept.chunk_by(|one, next| day_of(one) == day_of(next));
        let mut highest: Vec<i32> = days
            .filter_map(|day| day.iter().map(|crossing| crossing.level).max())
            .collect();
        highest.sort_unstable_by(|one, other| other.cmp(one));
        // An incident lies in two days at most; thefts have some days more.
        let days_kept = 2.0 * pooled_account_days * RATE_MAX / 1_000.0 + 500.0;
        let floor = highest.get(whole(days_kept)).copied().unwrap_or(i32::MIN);
        kept.retain(|crossing| crossing.level >= floor);
        kept.shrink_to_fit();
        Self { kept, floor }
    }

    /// What the rival raises where its threshold begins at `level`.
    ///
    /// While an account is silent its incident goes on: what is higher than before in its hour
    /// makes a revision, so that a theft after a false alarm can still be found.
    fn alerts(&self, world: &World, level: i32) -> Vec<score::Alert> {
        let mut alerts: Vec<score::Alert> = Vec::new();
        let mut open: Option<(u32, i64)> = None;
        for (number, crossing) in self.kept.iter().enumerate() {
            if crossing.level < level {
                continue;
            }
            let hour = crossing.time.div_euclid(HOUR_MS);
            let goes_on = open.is_some_and(|(account, opened)| {
                account == crossing.account && hour < opened + SILENT_HOURS
            });
            if !goes_on {
                open = Some((crossing.account, hour));
            }
            let time = Timestamp::from_millis(crossing.time);
            let incident = match alerts.last() {
                Some(last) if goes_on => last.incident.clone(),
                _ => number.to_string(),
            };
            let (supplier, account) = &world.accounts[crossing.account as usize];
            alerts.push(score::Alert {
                incident,
                revision: number as u64,
                supplier: supplier.clone(),
                account: Some(account.clone()),
                account_kind: AccountKind::Unknown,
                started_at: time,
                raised_at: time,
                last_seen_at: time,
                superseded: false,
            });
        }
        alerts
    }
}

/// The score of `rival` over `worlds` with its threshold at `level`.
pub(super) fn judge(worlds: &[World], rival: usize, level: i32) -> anyhow::Result<Pool> {
    let mut pool = Pool::default();
    for world in worlds {
        let alerts = world.rivals[rival].alerts(world, level);
        pool.add(&world.labels, &alerts)?;
    }
    Ok(pool)
}

/// False incidents per 1,000 account-days after the learning days, with the threshold at `level`.
fn false_rate(worlds: &[World], rival: usize, level: i32) -> anyhow::Result<f64> {
    let mut pool = Pool::default();
    for world in worlds {
        let alerts = world.rivals[rival].alerts(world, level);
        pool.add(&world.spans, &alerts)?;
    }
    Ok(pool.after.per_1000())
}

/// The level of the lowest threshold at which `rival` stays within `rate`, found by halving.
pub(super) fn best_level(worlds: &[World], rival: usize, rate: f64) -> anyhow::Result<i32> {
    let crossings = || worlds.iter().map(|world| &world.rivals[rival]);
    let mut low = crossings().map(|it| it.floor).max().unwrap_or(i32::MIN);
    let levels = crossings().flat_map(|it| &it.kept).map(|it| it.level);
    let (least, most) = levels.fold((i32::MAX, i32::MIN), |(least, most), level| {
        (least.min(level), most.max(level))
    });
    low = low.max(least);
    let mut high = most.saturating_add(1);
    if false_rate(worlds, rival, low)? <= rate {
        return Ok(low);
    }
    while high - low > 1 {
        let middle = i32::midpoint(low, high);
        if false_rate(worlds, rival, middle)? <= rate {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}
