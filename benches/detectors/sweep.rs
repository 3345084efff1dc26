//! Thresholds of the other detectors: what each would raise at any of them, and the best one.

use rosterwatch::{
    event::{AccountKind, HOUR_MS, Timestamp},
    score,
};

use crate::{
    judging::{Pool, whole},
    rivals::{Account, FIXED, RIVALS, Scores, THREE_MINUTES},
    world::{self, Read, World},
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
#[derive(Clone, Copy)]
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
fn threshold(level: i32) -> f64 {
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
    accounts: &[world::Account],
    pooled_account_days: f64,
) -> Vec<[Crossings; 2]> {
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
    // An incident lies in two days at most; thefts have some days more.
    let days_kept = whole(2.0 * pooled_account_days * RATE_MAX / 1_000.0) + 500;
    let finish = |(rival, kept): (usize, Vec<Crossing>)| {
        let highest = if rival == THREE_MINUTES {
            level_at(FIXED)
        } else {
            i32::MAX
        };
        let is_person = |it: &&Crossing| !accounts[it.account as usize].is_program;
        let people = kept.iter().filter(is_person).copied().collect();
        [kept, people].map(|kept| Crossings::finish(kept, days_kept, highest))
    };
    kept.into_iter().enumerate().map(finish).collect()
}

impl Crossings {
    /// Leaves out what no threshold in question reaches: `days_kept` account-days are more than
    /// may have false incidents in all worlds together. A threshold of `highest` stays in question.
    fn finish(mut kept: Vec<Crossing>, days_kept: usize, highest: i32) -> Self {
        let day_of = |it: &Crossing| (it.account, it.time.div_euclid(24 * HOUR_MS));
        let days = kept.chunk_by(|one, next| day_of(one) == day_of(next));
        let mut levels: Vec<i32> = days
            .filter_map(|day| day.iter().map(|crossing| crossing.level).max())
            .collect();
        levels.sort_unstable_by(|one, other| other.cmp(one));
        let floor = levels.get(days_kept).copied().unwrap_or(i32::MIN);
        let floor = floor.min(highest);
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
            let account = &world.accounts[crossing.account as usize];
            alerts.push(score::Alert {
                incident,
                revision: number as u64,
                supplier: account.supplier.clone(),
                account: Some(account.name.clone()),
                kind: String::new(),
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

/// A rival under one setting: its place in [`RIVALS`], and whether it leaves programs out.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub(super) rival: usize,
    pub(super) is_people_only: bool,
}

/// What a rival comes to under one setting and threshold.
pub(super) struct Judged {
    pub(super) threshold: f64,
    pub(super) is_people_only: bool,
    pub(super) pool: Pool,
}

/// The best that `rival` can do within `rate`: the lowest threshold that keeps to it, over all
/// accounts or with programs left out, whichever finds more.
pub(super) fn best(worlds: &[World], rival: usize, rate: f64) -> anyhow::Result<Judged> {
    let judge = |is_people_only| -> anyhow::Result<Judged> {
        let setting = Setting {
            rival,
            is_people_only,
        };
        let level = setting.best_level(worlds, rate)?;
        setting.judge(worlds, level)
    };
    let (all, people) = (judge(false)?, judge(true)?);
    Ok(if people.pool.all.found > all.pool.all.found {
        people
    } else {
        all
    })
}

impl Setting {
    fn crossings(self, world: &World) -> &Crossings {
        &world.rivals[self.rival][usize::from(self.is_people_only)]
    }

    /// Scores it over `worlds` with its threshold at `level`.
    pub(super) fn judge(self, worlds: &[World], level: i32) -> anyhow::Result<Judged> {
        let mut pool = Pool::default();
        for world in worlds {
            pool.add(&world.labels, &self.crossings(world).alerts(world, level))?;
        }
        Ok(Judged {
            threshold: threshold(level),
            is_people_only: self.is_people_only,
            pool,
        })
    }

    /// False incidents per 1,000 account-days after the learning days.
    fn false_rate(self, worlds: &[World], level: i32) -> anyhow::Result<f64> {
        let mut pool = Pool::default();
        for world in worlds {
            pool.add(&world.spans, &self.crossings(world).alerts(world, level))?;
        }
        Ok(pool.after.per_1000())
    }

    /// The level of the lowest threshold that keeps to `rate`, found by halving.
    fn best_level(self, worlds: &[World], rate: f64) -> anyhow::Result<i32> {
        let crossings = || worlds.iter().map(|world| self.crossings(world));
        let levels = crossings().flat_map(|it| &it.kept).map(|it| it.level);
        let (least, most) = levels.fold((i32::MAX, 0), |(least, most), level| {
            (least.min(level), most.max(level))
        });
        let floor = crossings().map(|it| it.floor).max().unwrap_or(i32::MIN);
        let (mut low, mut high) = (floor.max(least), most + 1);
        if low >= high || self.false_rate(worlds, low)? <= rate {
            return Ok(low);
        }
        while high - low > 1 {
            let middle = i32::midpoint(low, high);
            if self.false_rate(worlds, middle)? <= rate {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }
}
