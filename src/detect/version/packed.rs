//! A version that is not in force any more but for late events: some half of its bytes.

use super::{COUNTED, Floor, Hours, OddScores, Version};
use crate::detect::{
    bytes::{Reader, Writer},
    coverage::Stops,
    critical::Model,
    drip::Bar,
    habits::Aspect,
    jobs::Job,
    season::Calendar,
};

/// A [`Version`] without its calendar, which is its account's.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The first pane it holds for.
    pub from: u32,
    stops: Stops,
    stops_told: u8,
    forbids_exports: bool,
    rarities: [f32; Aspect::ALL.len()],
    odd: OddScores,
    jobs: Box<[Job]>,
    /// The rest, in the order of [`Version`].
    bytes: Box<[u8]>,
}

impl Packed {
    /// Packs a version.
    pub fn new(version: &Version) -> Self {
        let mut bytes = Writer::default();
        for model in version.models {
            bytes.exact(model.mean);
            bytes.exact(model.size);
        }
        bytes.count(version.days);
        bytes.count(version.peers);
        for bar in &version.bars {
            bar.pack(&mut bytes);
        }
        for count in [
            &version.seen_max[..],
            &version.floors.map(|floor| floor.record),
            version.daily.as_flattened(),
            &version.slow,
        ]
        .concat()
        {
            bytes.count(count);
        }
        for floor in version.floors {
            bytes.byte(floor.least);
            bytes.byte(floor.quiet);
        }
        version.hours.pack(&mut bytes);
        for level in version.day_level {
            bytes.byte(level);
        }
        Self {
            from: version.from,
            stops: version.stops,
            stops_told: version.stops_told,
            forbids_exports: version.forbids_exports,
            rarities: version.rarities,
            odd: version.odd,
            jobs: version.jobs.clone(),
            bytes: bytes.finish(),
        }
    }

    /// The version as it was, but for what sums that stand at zero once said.
    pub fn unpack(&self, calendar: &Calendar) -> Version {
        let mut bytes = Reader::new(&self.bytes);
        let models = std::array::from_fn(|_| Model {
            mean: bytes.exact(),
            size: bytes.exact(),
        });
        let (days, peers) = (bytes.count(), bytes.count());
        let bars = std::array::from_fn(|_| Bar::unpack(&mut bytes));
        let seen_max = std::array::from_fn(|_| bytes.count());
        let records: [u32; COUNTED] = std::array::from_fn(|_| bytes.count());
        let daily = std::array::from_fn(|_| std::array::from_fn(|_| bytes.count()));
        let slow = std::array::from_fn(|_| bytes.count());
        let floors = records.map(|record| Floor {
            record,
            least: bytes.byte(),
            quiet: bytes.byte(),
        });
        let hours = Hours::unpack(&mut bytes);
        let day_level = std::array::from_fn(|_| bytes.byte());
        Version {
            from: self.from,
            models,
            seen_max,
            days,
            peers,
            bars,
            stops: self.stops,
            stops_told: self.stops_told,
            jobs: self.jobs.clone(),
            calendar: calendar.clone(),
            forbids_exports: self.forbids_exports,
            floors,
            rarities: self.rarities,
            odd: self.odd,
            hours,
            daily,
            slow,
            day_level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{
        baseline::{Baseline, Lesson, STATS},
        calibration::Tails,
        critical::Table,
        drip::{Drip, SLOW},
        habits::Habits,
        jobs::{Jobs, Rhythm},
        peers::Prior,
        season::Season,
        version::History,
    };

    /// The version of an account that has lived some days, the last of them busy.
    fn lived(days: u32) -> Version {
        let (mut baseline, mut season) = (Baseline::default(), Season::default());
        let (mut drip, prior) = (Drip::default(), Prior::WEAK);
        let mut table = Table::default();
        for day in 0..days {
            baseline.begin_day();
            for stat in 0..STATS {
                let lesson = Lesson {
                    x: 1 + day * 37 % 200,
                    expected: baseline.expect(stat, &prior),
                    is_alarmed: false,
                    is_program: false,
                    is_vouched: false,
                    pace: 1.0,
                };
                baseline.learn(stat, lesson);
            }
            season.learn(20_780 + i64::from(day), (8..17).map(|slot| (slot, 5.0)));
            let counts = [Some(if day + 3 < days { 20 } else { 70 }); SLOW.len()];
            drip.learn(
                day,
                counts,
                [1.0; SLOW.len()],
                &prior,
                (0, false),
                &mut table,
            );
        }
        let jobs = [Job::declared(Rhythm::Daily, (100, 20), 300, None)];
        let history = History {
            baseline: &baseline,
            season: &season,
            drip: &drip,
            jobs: &Jobs::new(jobs.into(), Calendar::default()),
            habits: &Habits::default(),
            forbids_exports: false,
            stops_told: 1,
        };
        let asked = Tails::PRIOR.asked(2e-4);
        Version::new(days * 2_880, history, &prior, &asked, &mut table)
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        for days in [0, 3, 12, 40] {
            let mut version = lived(days);
            let unpacked = Packed::new(&version).unpack(&Calendar::default());
            for (unpacked, bar) in unpacked.bars.iter().zip(&version.bars) {
                let said = |bar: &Bar| {
                    let scores = [0, 5, 60, 4_000].map(|count| bar.score(count).to_bits());
                    let model = bar.model().map(|it| [it.mean, it.size].map(f64::to_bits));
                    (bar.onset(), bar.excess().to_bits(), model, scores)
                };
                assert_eq!(said(unpacked), said(bar), "{days}");
            }
            version.bars = unpacked.bars;
            assert_eq!(format!("{unpacked:?}"), format!("{version:?}"), "{days}");
        }
        assert!(lived(40).bars.iter().all(|bar| bar.onset().is_some()));
    }
}
