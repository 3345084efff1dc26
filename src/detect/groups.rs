//! The peer groups of one supplier, and what is expected of a newcomer to each.

use std::collections::HashMap;

use crate::{
    detect::{
        Config,
        account::{Account, forget_versions},
        baseline::Baseline,
        calibration::{Asked, Experience, NO_SCORES, Shown, Tails},
        coverage::Stops,
        critical::Table,
        drip::{Drip, SLOW},
        exceedance::Exceedance,
        habits::Habits,
        idle::Lately,
        jobs::Jobs,
        parts::{Part, Parts},
        peers::{PeerSums, Prior},
        season::{Calendar, Season},
        version::{History, Version},
    },
    event::AccountKind,
};

/// Groups told apart. Roles past them share the group of their kind.
const GROUPS_MAX: usize = 1_024;

/// A peer group: the accounts of one role, or of one kind where no role is said.
#[derive(Clone, Debug)]
struct Group {
    kind: AccountKind,
    /// What is expected of newcomers; never empty.
    versions: Vec<Version>,
    /// What its accounts have in common.
    prior: Prior,
    /// What its account-days have shown.
    experience: Experience,
    /// What they would have shown had each been a newcomer's.
    newcomers: Experience,
    /// How scores decay.
    tails: Tails,
    /// What its budget asks.
    asked: Asked,
    /// What its accounts read on the day that is being settled, against what was usual, by signal.
    common: [Common; SLOW.len()],
    /// Whom its accounts read lately, programs left out.
    lately: Lately,
}

/// Sums over the accounts of a group on one day, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
struct Common {
    read: i128,
    usual: i128,
}

/// Accounts' worth of usual reading that a group's common day leans on.
const COMMON_ACCOUNTS: f64 = 10.0;
/// No account counts for more than so many times its usual.
const COMMON_TIMES: f64 = 4.0;

impl Common {
    /// With what an account read and what was usual of it. One account's wild day, or theft, is not the
    /// group's.
    fn and(self, read: f64, usual: f64) -> Self {
        Self {
            read: self.read + thousandths(read.min(COMMON_TIMES * usual)),
            usual: self.usual + thousandths(usual),
        }
    }

    fn factor(self, accounts: u32) -> f64 {
        let (read, usual) = (self.read as f64, self.usual as f64);
        if usual <= 0.0 {
            return 1.0;
        }
        let lean = COMMON_ACCOUNTS * usual / f64::from(accounts.max(1));
        f64::max(1.0, (read + lean) / (usual + lean))
    }
}

/// Every group met so far, by number.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    all: Vec<Group>,
    /// What is expected of an account of each kind in a role that is new: a group begins so, whether
    /// its first account comes before a day's end or after it.
    kinds: Vec<Group>,
    ids: HashMap<(AccountKind, Option<Box<str>>), u32>,
    /// What the account-days of each kind of account have shown.
    experience: [Experience; AccountKind::ALL.len()],
    /// What they would have shown had each been a newcomer's.
    newcomers: [Experience; AccountKind::ALL.len()],
    /// Whom all accounts read lately, programs left out.
    lately: Lately,
    /// What all account-days have shown of what the tails say.
    exceedance: Exceedance,
    /// False alerts that may come on an account-day.
    budget: f64,
    /// The days that the supplier works on.
    calendar: Calendar,
    /// How many people's records it holds, where known.
    population: Option<u64>,
    /// What is at work; tests of idle people are not from the first day on.
    parts: Parts,
    /// Whether days teach nothing any more.
    is_frozen: bool,
    limit_reached: u64,
}

impl Groups {
    /// No groups yet; all tests together may cross on `budget` of the account-days.
    pub fn new(config: &Config) -> Self {
        let mut groups = Self {
            budget: config.false_alerts_per_account_day,
            calendar: config.declared.calendar.clone(),
            population: config.population,
            parts: config.parts.without(Part::Idle),
            ..Self::default()
        };
        let mut table = Table::default();
        let mut asked = Tails::PRIOR.asked_of(groups.parts, groups.budget);
        asked.stops = groups.first_stops();
        let group = |kind| {
            let prior = Prior::weak(kind);
            Group {
                kind,
                versions: vec![newcomer((0, &groups.calendar), &prior, &asked, &mut table)],
                prior,
                experience: Experience::default(),
                newcomers: Experience::default(),
                tails: Tails::PRIOR,
                asked,
                common: [Common::default(); SLOW.len()],
                lately: Lately::default(),
            }
        };
        groups.kinds = AccountKind::ALL.into_iter().map(group).collect();
        groups
    }

    /// The same groups as they stand, whatever days may teach from here on.
    #[must_use]
    pub fn frozen(&self) -> Self {
        Self {
            is_frozen: true,
            ..self.clone()
        }
    }

    /// The number of the group of such accounts, made where it is new.
    pub fn find_or_make(&mut self, kind: AccountKind, role: Option<&str>) -> u32 {
        let key = (kind, role.map(Into::into));
        if let Some(&group) = self.ids.get(&key) {
            return group;
        }
        if role.is_some() && self.all.len() >= GROUPS_MAX {
            self.limit_reached += 1;
            return self.find_or_make(kind, None);
        }
        let group = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(self.kinds[kind as usize].clone());
        self.ids.insert(key, group);
        group
    }

    /// How often an account's role was one too many.
    pub const fn limit_reached(&self) -> u64 {
        self.limit_reached
    }

    /// What was and is expected of a newcomer to `group`, the oldest first; never empty.
    ///
    /// # Panics
    /// Panics where there is no such group.
    pub fn versions(&self, group: u32) -> &[Version] {
        &self.all[group as usize].versions
    }

    /// What the accounts of `group` have in common.
    pub fn prior(&self, group: u32) -> &Prior {
        &self.all[group as usize].prior
    }

    /// The same, and what the budget asks of them.
    pub fn terms(&self, group: u32) -> (&Prior, &Asked) {
        let group = &self.all[group as usize];
        (&group.prior, &group.asked)
    }

    /// Takes what an account of `group` read on the day that is being settled, by signal: the count
    /// and what was usual.
    pub fn add_day(&mut self, group: u32, counts: [(u32, Option<f64>); SLOW.len()]) {
        if self.is_frozen || !self.parts.has(Part::Peers) {
            return;
        }
        for (common, (count, usual)) in self.all[group as usize].common.iter_mut().zip(counts) {
            if let Some(usual) = usual {
                *common = common.and(count.into(), usual);
            }
        }
    }

    /// Takes how many people an account of `group` read on that day, and how many of them were idle.
    pub fn add_idle(&mut self, group: u32, counts: [u64; 2]) {
        if !self.is_frozen {
            self.lately.add(counts);
            self.all[group as usize].lately.add(counts);
        }
    }

    /// The share of the people read lately in `group` that was idle.
    pub fn idle_share(&self, group: u32) -> f64 {
        let group = &self.all[group as usize];
        let accounts = group.prior.accounts;
        group.lately.share_in(self.lately.share(), accounts)
    }

    /// How many times their usual the accounts of `group` read on that day, by signal.
    pub fn common(&self, group: u32) -> [f64; SLOW.len()] {
        let group = &self.all[group as usize];
        group
            .common
            .map(|common| common.factor(group.prior.accounts))
    }

    /// Takes what an account-day of `group` showed.
    pub fn experience(&mut self, group: u32, shown: &Shown) {
        if self.is_frozen {
            return;
        }
        let group = &mut self.all[group as usize];
        let quiet = if shown.is_quiet {
            &shown.scores
        } else {
            &NO_SCORES
        };
        self.exceedance.add(quiet, &group.tails, self.parts);
        self.experience[group.kind as usize].add(shown);
        group.experience.add(shown);
        let newcomer = Shown {
            scores: shown.as_newcomer,
            is_quiet: shown.is_quiet,
            is_believed: shown.is_believed,
            ..Shown::NOTHING
        };
        group.newcomers.add(&newcomer);
        self.newcomers[group.kind as usize].add(&newcomer);
    }

    /// Lets the tests of idle people tell from the next day end on: it is known how many usually are.
    pub fn tell_of_idle(&mut self) {
        self.parts = self.parts.with(Part::Idle);
    }

    /// Notes that an alarm of the smallest size began.
    pub fn note_small_alarm(&mut self) {
        self.exceedance.small += u64::from(!self.is_frozen);
    }

    /// How often scores passed fixed levels, and how often they should have.
    pub fn exceedance(&self) -> &Exceedance {
        &self.exceedance
    }

    /// Ends a day: works out what is expected of each group (its own accounts, leaning on those of
    /// its kind) and which scores its budget asks for, and puts that in force for newcomers from
    /// the pane `from` on. Forgets what no pane from `keep_from` on needs.
    pub fn end_day<'a>(
        &mut self,
        accounts: impl Iterator<Item = &'a Account> + Clone,
        (day, from): (u32, u32),
        keep_from: u32,
        table: &mut Table,
    ) {
        if self.is_frozen {
            return;
        }
        let stops = self.stops(accounts.clone(), (day, from));
        let (priors, of_kinds) = self.priors(accounts);
        let wide = self.experience.each_mut().map(|experience| {
            experience.age();
            experience.tails(&Tails::PRIOR)
        });
        let wide_newcomers = self.newcomers.each_mut().map(|experience| {
            experience.age();
            experience.tails_of_newcomers(&Tails::PRIOR)
        });
        self.lately.end_day();
        let none = self.first_stops();
        let kinds = self.kinds.iter_mut().zip(of_kinds).map(|it| (it, none));
        let groups = self.all.iter_mut().zip(priors).zip(stops);
        for ((group, prior), stops) in groups.chain(kinds) {
            group.prior = prior;
            group.experience.age();
            let kind = group.kind as usize;
            group.newcomers.age();
            let newcomers = group.newcomers.tails_of_newcomers(&wide_newcomers[kind]);
            group.tails = group.experience.tails(&wide[kind]);
            group.asked = group.tails.asked_of(self.parts, self.budget);
            group.asked.stops = stops;
            group.common = [Common::default(); SLOW.len()];
            group.lately.end_day();
            let asked =
                newcomers.asked_of_newcomers(self.parts, self.budget, (&group.tails, &group.asked));
            let version = newcomer((from, &self.calendar), &group.prior, &asked, table);
            group.versions.push(version);
            forget_versions(&mut group.versions, keep_from);
        }
    }

    /// The stops of a group that nobody has lived in.
    fn first_stops(&self) -> Stops {
        let stops = |people| Stops::of(people, Vec::new());
        self.population.map_or(Stops::NONE, stops)
    }

    /// How many people of a month are too many, by group.
    fn stops<'a>(&self, accounts: impl Iterator<Item = &'a Account>, on: (u32, u32)) -> Vec<Stops> {
        let Some(population) = self.population else {
            return vec![Stops::NONE; self.all.len()];
        };
        let mut months = vec![Vec::new(); self.all.len()];
        for account in accounts.filter(|account| account.baseline.days > 0) {
            let people = account.familiar.month(on);
            months[account.group as usize].extend(people.filter(|people| *people > 0));
        }
        let months = months.into_iter();
        months.map(|months| Stops::of(population, months)).collect()
    }

    /// What the accounts of each group have in common, and those of each kind.
    fn priors<'a>(&self, accounts: impl Iterator<Item = &'a Account>) -> (Vec<Prior>, Vec<Prior>) {
        if !self.parts.has(Part::Peers) {
            let weak = |group: &Group| Prior::weak(group.kind);
            return (
                self.all.iter().map(weak).collect(),
                self.kinds.iter().map(weak).collect(),
            );
        }
        let mut groups = vec![PeerSums::default(); self.all.len()];
        for account in accounts.filter(|account| account.baseline.days > 0) {
            let sums = &mut groups[account.group as usize];
            sums.add(&account.baseline, &account.season, &account.drip.busyness);
        }
        let mut kinds: [PeerSums; 4] = std::array::from_fn(|_| PeerSums::default());
        for (sums, group) in groups.iter().zip(&self.all) {
            kinds[group.kind as usize].join(sums);
        }
        let mut everybody = PeerSums::default();
        for sums in &kinds {
            everybody.join(sums);
        }
        // Who does not say what it is may be anybody.
        let wider = |kind| match kind {
            AccountKind::Unknown => everybody.prior(&Prior::weak(kind)),
            kind => Prior::weak(kind),
        };
        let kinds: Vec<Prior> = AccountKind::ALL
            .into_iter()
            .zip(&kinds)
            .map(|(kind, sums)| sums.prior(&wider(kind)))
            .collect();
        let of = |(sums, group): (&PeerSums, &Group)| sums.prior(&kinds[group.kind as usize]);
        let groups = groups.iter().zip(&self.all).map(of).collect();
        (groups, kinds)
    }
}

/// What is expected of an account of a group before it has a history.
fn newcomer(
    (from, calendar): (u32, &Calendar),
    prior: &Prior,
    asked: &Asked,
    table: &mut Table,
) -> Version {
    let history = History {
        baseline: &Baseline::default(),
        season: &Season::of(calendar.clone()),
        drip: &Drip::default(),
        jobs: &Jobs::default(),
        habits: &Habits::default(),
        forbids_exports: false,
        stops_told: 0,
    };
    Version::new(from, history, prior, asked, table)
}

#[expect(clippy::cast_possible_truncation, reason = "a count of people")]
fn thousandths(usual: f64) -> i128 {
    (usual * 1_000.0).round() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The factor of a day on which some `accounts`, of 20 people a day, read so many times as much.
    fn factor(times: &[f64]) -> f64 {
        let day = times.iter().fold(Common::default(), |sums, times| {
            sums.and(times * 20.0, 20.0)
        });
        day.factor(u32::try_from(times.len()).unwrap())
    }

    #[test]
    fn a_campaign_of_a_whole_role_is_its_common_day_and_one_account_s_theft_is_not() {
        let campaign = factor(&[4.0; 40]);
        assert!((3.0..=4.0).contains(&campaign), "{campaign}");
        let mut theft = [1.0; 40];
        theft[7] = 1_000.0;
        assert!(factor(&theft) < 1.1 && factor(&[1.0; 40]) < 1.1);
        assert!(
            factor(&[1_000.0; 40]) <= COMMON_TIMES,
            "nor is anything believed beyond that"
        );
    }
}
