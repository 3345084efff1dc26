//! Thefts through a job's account: its run at another hour, or a run that does not end.

use rand::RngExt as _;

use crate::simulate::attack::{Attack, Scene};
use crate::simulate::calendar::hours_ms;
use crate::simulate::job::Run;
use crate::simulate::wire::Access;
use crate::simulate::world::Work;

impl Attack {
    /// The job's run once more, as large as it ever is, four to fourteen hours later.
    pub(super) fn run_at_other_hour(&mut self, scene: &Scene<'_>) -> Vec<Access> {
        let index = self.accounts[0];
        let account = scene.account(index);
        let Work::Job(job) = &account.work else {
            return Vec::new();
        };
        let rng = &mut self.rng;
        let later = hours_ms(rng.random_range(4.0..14.0));
        let run = Run {
            index,
            session: account.sessions + 1,
            client: self
                .style
                .stranger
                .unwrap_or_else(|| job.client_on(scene.day, account.client)),
            start: job.start_on(scene.supplier(index), scene.day, rng) + later,
            size: job.size_on(scene.plan, scene.day, rng),
        };
        job.play(scene.plan, &run, rng)
    }

    /// The day's own run goes on after its last page by `size` records: only these are the theft.
    pub(super) fn run_on(&mut self, scene: &Scene<'_>, size: u32) -> Vec<Access> {
        let index = self.accounts[0];
        let Work::Job(job) = &scene.account(index).work else {
            return Vec::new();
        };
        let Some(first) = scene.own(index).next() else {
            return Vec::new();
        };
        let run = || {
            scene
                .own(index)
                .filter(|it| it.operation == first.operation)
        };
        let Some(last) = run().last() else {
            return Vec::new();
        };
        let done: u32 = run().filter_map(|it| it.records).sum();
        let (mut time, mut taken) = (last.time, 0);
        let mut reads = Vec::new();
        while taken < size {
            time += self.rng.random_range(800..6_000);
            let page = job.page().min(size - taken);
            let client = self.style.stranger.unwrap_or(last.client);
            reads.push(Access {
                session: last.session,
                operation: last.operation,
                ..job.access(scene.plan, index, client, time, done + taken, page)
            });
            taken += page;
        }
        reads
    }
}
