//! Thefts of weeks: reads among the account's own, and sweeps that never hurry.

use rand::RngExt as _;

use crate::event::Action;
use crate::simulate::attack::{Attack, Scene};
use crate::simulate::wire::Access;

impl Attack {
    /// `size` people more than the account's own work of the day, each seconds or minutes after
    /// an event of it, in the same session.
    pub(super) fn blend(&mut self, scene: &Scene<'_>, size: u32) -> Vec<Access> {
        let index = self.accounts[0];
        let own: Vec<&Access> = scene.own(index).collect();
        let mut reads = Vec::new();
        for _ in 0..size {
            let near = own[self.rng.random_range(0..own.len())];
            let time = near.time + self.rng.random_range(2_000..240_000);
            let access = self.access(scene, index, time, Action::View, 1);
            reads.push(Access {
                session: near.session,
                client: self.style.stranger.unwrap_or(near.client),
                ..access
            });
        }
        reads
    }

    /// `size` people over most of the day, evenly: never many in an hour.
    pub(super) fn sweep(&mut self, scene: &Scene<'_>, size: u32) -> Vec<Access> {
        let index = self.accounts[0];
        let hours = self.rng.random_range(9.0..22.0);
        let start = self.rng.random_range(0.0..23.5 - hours);
        (0..size)
            .map(|place| {
                let within = f64::from(place) + self.rng.random_range(0.0..1.0);
                let hour = start + hours * within / f64::from(size);
                self.access(scene, index, scene.at(index, hour), Action::View, 1)
            })
            .collect()
    }
}
