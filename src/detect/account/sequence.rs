//! Whose ids stand in a run with those of others that the account read.

use super::Account;
use crate::{
    detect::{
        habits::Aspect,
        names::Names,
        pane::PANES_PER_HOUR,
        parts::{Part, Parts},
        window::NOVEL,
    },
    event::AccountKind,
};

impl Account {
    /// Marks those new to the account whom the last event, in `pane`, named and whose ids stand in a run with
    /// those of others new to it and read within an hour, and the others, who do so by it alone. Gives how
    /// many touches that added. The people of a ward have consecutive ids too, but are well known there.
    pub fn mark_runs(
        &mut self,
        names: &Names,
        pane: u32,
        (parts, settled): (Parts, Option<u32>),
    ) -> usize {
        // A program pages through whole registers.
        if self.kind == AccountKind::Service || !parts.has(Part::Sequence) {
            return 0;
        }
        let near = |person: u32| {
            let read = self.ledger.last_pane(person | NOVEL)?;
            (read.abs_diff(pane) < PANES_PER_HOUR).then_some(read)
        };
        let mut marked: Vec<(u32, u32)> = Vec::new();
        for &person in names.event_subjects() {
            if near(person).is_some()
                && let Some(others) = names.run_with(person, near)
            {
                marked.push((person, pane));
                marked.extend(others);
            }
        }
        if marked.is_empty() {
            return 0;
        }
        self.habits.note_also(Aspect::Sequence, pane);
        let mut added = 0;
        for (person, read) in marked {
            added += self.ledger.mark_consecutive(read, person);
            if read < pane {
                self.unsettled.note_behind(read, settled);
            }
        }
        added
    }
}
