//! Thefts within a day: exports whole and in pieces, scrapes of every pace, alone and together.

use rand::RngExt as _;
use rand_distr::Exp;

use crate::event::Action;
use crate::simulate::attack::{Attack, Family, Scene};
use crate::simulate::calendar::{MINUTE_MS, hours_ms};
use crate::simulate::distribution::{count, draw, log_uniform};
use crate::simulate::wire::Access;

/// Most names an event carries: one export's page, well inside an event's allowed size.
const MAX_NAMED: u32 = 8_000;

impl Attack {
    /// `size` records in exports a few seconds to a minute apart.
    pub(super) fn export(&mut self, scene: &Scene<'_>, size: u32) -> Vec<Access> {
        let part = match self.family {
            Family::OneShotExport => size,
            Family::SplitExport => count(log_uniform(3.0, 40.0, &mut self.rng)),
            _ => size.div_ceil(self.rng.random_range(1..6)),
        };
        let limit = if self.style.named {
            MAX_NAMED
        } else {
            u32::MAX
        };
        let hour = self.start_hour(scene.day);
        let action = if self.rng.random_bool(0.8) {
            Action::Export
        } else {
            Action::Download
        };
        let index = self.accounts[0];
        let (mut time, mut left) = (scene.at(index, hour), size);
        let gap = log_uniform(3_000.0, 60_000.0, &mut self.rng);
        let mut reads = Vec::new();
        while left > 0 {
            let spread = self.rng.random_range(0.7..1.3);
            let wanted = if part >= size {
                size
            } else {
                count(f64::from(part) * spread).max(1)
            };
            let records = wanted.min(left).min(limit);
            reads.push(self.access(scene, index, time, action, records));
            left -= records;
            time += i64::from(count(gap * draw(Exp::new(1.0), &mut self.rng))).max(400);
        }
        reads
    }

    /// `size` people one by one, or a page at a time.
    pub(super) fn scrape(&mut self, scene: &Scene<'_>, size: u32) -> Vec<Access> {
        let (hour, hours) = (self.start_hour(scene.day), self.hours());
        let start = scene.at(self.accounts[0], hour);
        self.scrape_by(scene, self.accounts[0], start, size, hours)
    }

    /// Every account takes its share of `size`, all within the same hours.
    pub(super) fn scrape_together(&mut self, scene: &Scene<'_>, size: u32) -> Vec<Access> {
        let (hour, hours) = (self.rng.random_range(8.0..15.0), self.hours());
        let usual = |account: &u32| {
            let usual = scene.ledger.usual_day(*account, scene.day);
            (usual as f64).max(8.0)
        };
        let whole: f64 = self.accounts.iter().map(usual).sum();
        let mut reads = Vec::new();
        for account in self.accounts.clone() {
            let share = count(f64::from(size) * usual(&account) / whole).max(1);
            let later = self.rng.random_range(0.0..0.3) * hours;
            let start = scene.at(account, hour + later);
            let rest = hours - later;
            reads.extend(self.scrape_by(scene, account, start, share, rest));
        }
        reads
    }

    fn scrape_by(
        &mut self,
        scene: &Scene<'_>,
        account: u32,
        start: i64,
        size: u32,
        hours: f64,
    ) -> Vec<Access> {
        let (action, page) = match (self.family, self.rng.random_range(0..4_u32)) {
            (Family::SearchHarvest, _) => (Action::Search, self.rng.random_range(8..=50)),
            (Family::SequentialIds | Family::ManyAccountsTogether, _) => (Action::View, 1),
            (_, 0) => (Action::List, self.rng.random_range(5..=20)),
            _ => (Action::View, 1),
        };
        let gap = hours_ms(hours) as f64 / f64::from(size.div_ceil(page));
        let (mut time, mut left) = (start, size);
        let mut reads = Vec::new();
        while left > 0 {
            let records = page.min(left);
            reads.push(self.access(scene, account, time, action, records));
            left -= records;
            // Half steady, half at random: a script with pauses, or a hurried person.
            let pause = gap * (0.5 + 0.5 * draw(Exp::new(1.0), &mut self.rng));
            time += i64::from(count(pause)).clamp(50, 90 * MINUTE_MS);
        }
        reads
    }
}
