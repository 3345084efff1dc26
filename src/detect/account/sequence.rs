//! Whose ids stand in a run with those of others that the account read.

use super::Account;
use crate::{
    detect::{
        names::Names,
        pane::PANES_PER_HOUR,
        parts::{Part, Parts},
        window::{CONSECUTIVE, NOVEL},
    },
    event::AccountKind,
};

impl Account {
    /// Marks those new to the account whose ids stand in a run with those of others new to it and read
    /// within an hour, as far as an event does so that has `touched` people in `pane`: from the pane on in
    /// which that was to be seen, in whatever order events came. Gives how many touches that added, and the
    /// last of those panes. The people of a ward have consecutive ids too, but are well known there.
    pub fn mark_runs(
        &mut self,
        names: &Names,
        (touched, pane): (&[u32], u32),
        (parts, settled): (Parts, Option<u32>),
    ) -> (usize, Option<u32>) {
        // A program pages through whole registers.
        if self.kind == AccountKind::Service || !parts.has(Part::Sequence) {
            return (0, None);
        }
        let mut in_runs: Vec<(u32, u32)> = Vec::new();
        let strangers = touched.iter().filter(|mark| *mark & CONSECUTIVE == NOVEL);
        for person in strangers.map(|mark| mark & !NOVEL) {
            let run = names.run_with(person, |other| self.read_near(other, pane));
            let Some(others) = run else { continue };
            in_runs.push((person, pane));
            in_runs.extend(others);
        }
        in_runs.sort_unstable();
        in_runs.dedup();
        let seen = in_runs.into_iter().filter_map(|(person, read)| {
            let at = self.seen_in_run(names, (person, read), pane)?;
            Some((at, person))
        });
        let mut seen: Vec<(u32, u32)> = seen.collect();
        seen.sort_unstable();
        let mut added = 0;
        for marked in seen.chunk_by(|(one, _), (other, _)| one == other) {
            let at = marked[0].0;
            let people = marked.iter().map(|(_, person)| *person);
            added += self.ledger.mark_consecutive(at, people);
            if self.ledger.newest().is_some_and(|newest| at < newest) {
                self.unsettled.note_behind(at, settled);
            }
        }
        (added, seen.last().map(|(at, _)| *at))
    }

    /// The pane in which a stranger was read, where that was within an hour of `pane`.
    fn read_near(&self, person: u32, pane: u32) -> Option<u32> {
        let read = self.ledger.last_pane(person | NOVEL)?;
        (read.abs_diff(pane) < PANES_PER_HOUR).then_some(read)
    }

    /// The first pane in which it was to be seen that a person, `read` when it was, stands in a run, now that
    /// an event in `pane` makes one; nothing where that is known.
    fn seen_in_run(&self, names: &Names, (person, read): (u32, u32), pane: u32) -> Option<u32> {
        let known = self.ledger.last_pane(person | CONSECUTIVE);
        let known = known.filter(|known| known.abs_diff(read) < PANES_PER_HOUR);
        if self.ledger.newest() == Some(pane) {
            return known.is_none().then_some(pane);
        }
        let others = names.run_with(person, |other| self.read_near(other, read))?;
        let mut panes: Vec<u32> = others.into_iter().map(|(_, at)| at.max(read)).collect();
        panes.sort_unstable();
        let is_seen = |at: &u32| {
            let by_then = |other| self.read_near(other, read).filter(|read| read <= at);
            names.run_with(person, by_then).is_some()
        };
        let first = panes.into_iter().find(is_seen)?;
        known.is_none_or(|known| first < known).then_some(first)
    }
}
