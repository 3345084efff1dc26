//! People read in unusual circumstances: few of them are too many where the same count would be
//! ordinary in the account's own.
//!
//! How unusual an event's circumstances are is the sum of its aspects' rarities, as if they were
//! independent. They are not, so the sum only sorts events into tiers; how rare an account-day of
//! each tier is, is measured over the group. The probability of such a day times that of so many
//! people on any day is what a count in a tier is worth, and what is still wrong with that the tail
//! of the scores shows, as for every test.

use crate::{
    detect::{
        account::{Held, LookUp},
        baseline::stat,
        calibration::Scores,
        critical::Table,
        habits::Aspects,
        ledger::{Ledger, Place, Scratch},
        pane::{PANES_PER_HOUR, Pane, Share, noon_of, pane_of},
        settle::reach,
        size::sizes_of,
        unsettled::Unsettled,
        version::{PEOPLE_MIN, Version, odd_test},
        window::{Counts, Signal, Window},
    },
    event::Timestamp,
};

/// Sums of rarities from which an event belongs to each tier: about one day in twenty, in four
/// hundred, in eight thousand.
pub const TIERS: [f32; 3] = [3.0, 6.0, 9.0];

/// The windows of which people in unusual circumstances are counted.
pub const WINDOWS: [Window; 3] = [Window::FiveMinutes, Window::Hour, Window::Day];

/// The reads of one tier and of those above it.
#[derive(Clone, Debug, Default)]
struct Tier {
    /// Its panes' attributes are [`Aspects`].
    ledger: Ledger,
    unsettled: Unsettled,
}

/// What an account reads in unusual circumstances; accounts that do not have none.
#[derive(Clone, Debug, Default)]
pub struct Odd {
    tiers: [Tier; TIERS.len()],
}

/// A read in unusual circumstances.
#[derive(Clone, Copy, Debug)]
pub struct OddRead {
    /// The sum of its aspects' rarities: at least the first of [`TIERS`].
    pub rarity: f32,
    /// What is unusual about it.
    pub aspects: Aspects,
    /// When.
    pub time: Timestamp,
    /// How much.
    pub share: Share,
}

/// What people in unusual circumstances are worth in one window: the tier that tells most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// Different people, and records without a name.
    pub people: u64,
    /// What was unusual.
    pub aspects: Aspects,
    /// -ln p.
    pub score: f64,
    /// The critical count.
    pub critical: u64,
}

impl Odd {
    /// Counts a read that names `subjects`, and tests every window that holds it by the version in
    /// force where the window ends, which `version_until` gives with the first pane at which it is
    /// not; `each` gets the window's last pane and the tests that crossed. Days up to `settled` are
    /// not noted any more. Gives how many touches the read added.
    pub fn observe<'a>(
        &mut self,
        read: OddRead,
        subjects: &[u32],
        settled: Option<u32>,
        (version_until, table): (impl Fn(u32) -> (Held<'a>, u32), &mut Table),
        mut each: impl FnMut(u32, u32),
    ) -> usize {
        let pane = pane_of(read.time);
        let share = Share {
            fields: u32::from(read.aspects),
            ..read.share
        };
        let mut versions = LookUp::new(version_until);
        let mut added = 0;
        for (number, tier) in self.tiers.iter_mut().enumerate() {
            if read.rarity < TIERS[number] {
                break;
            }
            let (place, touches) = tier.ledger.add(read.time, share, subjects);
            added += touches;
            let least = WINDOWS.map(|window| match place {
                Place::Newest => 0,
                // One day's end lies between them at most.
                Place::Behind => [pane, window.last(pane)]
                    .map(|end| versions.at(end).odd_critical_min(number, window, table))
                    .into_iter()
                    .min()
                    .unwrap_or(0),
            });
            let mut test = |window, end, counts: Counts| {
                let people = counts[Signal::People as usize];
                if people >= u64::from(PEOPLE_MIN)
                    && people >= versions.at(end).odd_critical(number, window, end, table)
                {
                    each(end, 1 << odd_test(window));
                }
            };
            if place == Place::Newest {
                tier.unsettled.note_newest(&tier.ledger, settled);
                for window in WINDOWS {
                    test(window, pane, tier.ledger.counts(window));
                }
                continue;
            }
            tier.unsettled.note_behind(pane, settled);
            for (window, least) in WINDOWS.into_iter().zip(least) {
                let most = tier.ledger.bound(window, pane)[Signal::People as usize];
                let ends = (pane, window.last(pane));
                if most < least {
                    continue;
                }
                let mut scratch = Scratch::default();
                tier.ledger
                    .sweep(window, ends, &mut scratch, |end, counts| {
                        test(window, end.index, counts);
                    });
            }
        }
        added
    }

    /// Takes a `day` out that no event is awaited for; gives how many tiers it reached, and takes
    /// its highest scores into `scores`.
    pub fn settle(&mut self, day: u32, latest: &Version, scores: &mut Scores) -> usize {
        let mut reached = 0;
        for (number, tier) in self.tiers.iter_mut().enumerate() {
            let mut scratch = Scratch::default();
            let is_active = tier.unsettled.refresh(day, &tier.ledger, &mut scratch);
            let Some(whole) = is_active
                .is_some()
                .then(|| tier.unsettled.take(day))
                .flatten()
            else {
                continue;
            };
            reached = number + 1;
            let mut take = |window, pane, people: u32| {
                if people >= u32::from(PEOPLE_MIN) {
                    let score = latest.odd_score(number, window, pane, u64::from(people));
                    reach(
                        scores,
                        odd_test(window),
                        sizes_of(f64::from(people)),
                        Some(score),
                    );
                }
            };
            for window in WINDOWS {
                if window == Window::Day {
                    let people = whole.max[stat(Signal::People, window)];
                    take(window, noon_of(day), people);
                    continue;
                }
                for block in &whole.hours {
                    let people = block.max(Signal::People, window);
                    take(window, block.hour * PANES_PER_HOUR, people);
                }
            }
        }
        reached
    }

    /// What the window that ends at `end` is worth, by the tier that tells most; nothing where
    /// nobody was read so.
    pub fn worth(
        &self,
        window: Window,
        end: u32,
        version: &Version,
        table: &mut Table,
    ) -> Option<Worth> {
        let mut best: Option<Worth> = None;
        for (number, tier) in self.tiers.iter().enumerate() {
            let counts = tier.ledger.counts_at(window, end, &mut Scratch::default());
            let people = counts[Signal::People as usize];
            let score = version.odd_score(number, window, end, people);
            if people == 0 || best.is_some_and(|best| best.score >= score) {
                continue;
            }
            let panes = tier.ledger.panes(window.first(end), end);
            let aspects = panes.fold(0, |all, pane| all | pane.share.fields);
            best = Some(Worth {
                people,
                aspects: Aspects::try_from(aspects).unwrap_or(Aspects::MAX),
                score,
                critical: version.odd_critical(number, window, end, table),
            });
        }
        best
    }

    /// What was read in unusual circumstances in the panes of `span`, both included: the panes, and
    /// the people, who may repeat.
    pub fn reads(
        &self,
        span: (u32, u32),
    ) -> (impl Iterator<Item = Pane>, impl Iterator<Item = u32>) {
        let ledger = &self.tiers[0].ledger;
        (
            ledger.panes(span.0, span.1),
            ledger.subjects(span.0, span.1),
        )
    }

    /// Forgets panes before `pane` as [`Ledger::forget`] does; gives how many touches went.
    pub fn forget(&mut self, pane: u32) -> usize {
        let tiers = self.tiers.iter_mut();
        tiers.map(|tier| tier.ledger.forget(pane)).sum()
    }

    /// Where it holds so many panes, forgets what no window of a day can hold that ends at `pane`, or at
    /// the newest one; gives how many touches went. The lowest tier holds the most.
    pub fn keep_below(&mut self, panes_max: usize, pane: u32) -> Option<usize> {
        let is_full = self.tiers[0].ledger.panes_held() >= panes_max;
        let tiers = self.tiers.iter_mut();
        let gone = tiers.map(|tier| tier.ledger.forget_before_day_of(pane));
        is_full.then(|| gone.sum())
    }

    /// Whether it holds no pane.
    pub fn is_empty(&self) -> bool {
        let mut tiers = self.tiers.iter();
        tiers.all(|tier| tier.ledger.newest().is_none())
    }
}
