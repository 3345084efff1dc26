//! Batches of reading: what may be a run of a job.

use super::{Run, Word};
use crate::detect::{
    ledger::Ledger,
    pane::{PANES_PER_DAY, PANES_PER_HOUR, Share},
    season::Calendar,
};

/// A batch of reading ends where nothing follows for half an hour.
const GAP_PANES: u32 = PANES_PER_HOUR / 2;
/// A batch of fewer people or records is no job: it alarms nobody.
const SIZE_MIN: u32 = 20;
/// A batch returns at least so many records in each half minute that it is at work.
const DENSITY_MIN: u64 = 2;
/// A batch that lasts longer is no batch but a day's work.
const LENGTH_MAX_PANES: u32 = 4 * PANES_PER_HOUR;
/// Who reads in more batches a day, or mostly outside large ones, works all day long, in no hour of
/// its own.
const BATCHES_MAX: usize = 6;

/// Whether nothing ends between two runs of panes, which are one batch then.
pub(super) const fn is_one_batch(one: (u32, u32), next: (u32, u32)) -> bool {
    next.0 - one.1 <= GAP_PANES && next.1 - one.0 <= LENGTH_MAX_PANES
}

/// Whether a batch that ends at a pane may go on after midnight.
pub(super) const fn may_go_on(last: u32) -> bool {
    PANES_PER_DAY - last % PANES_PER_DAY <= GAP_PANES
}

/// The batches of a UTC day.
pub(super) fn runs_of(
    (day, word): (u32, Word),
    ledger: &Ledger,
    is_bulk_only: bool,
    calendar: &Calendar,
) -> Vec<Run> {
    let midnight = day * PANES_PER_DAY;
    let mut runs: Vec<(u32, u32, u64, u64)> = Vec::new();
    for pane in ledger.panes(midnight, midnight + PANES_PER_DAY - 1) {
        let (volume, actions) = (
            pane.share.records.max(pane.share.exported),
            pane.actions.into(),
        );
        match runs.last_mut() {
            Some((_, end, records, all)) if pane.index - *end <= GAP_PANES => {
                *end = pane.index;
                *records += volume;
                *all += actions;
            }
            _ => runs.push((pane.index, pane.index, volume, actions)),
        }
    }
    let all: u64 = runs.iter().map(|run| run.2).sum();
    if runs.len() > BATCHES_MAX {
        return Vec::new();
    }
    let active = |start, end| ledger.panes(start, end).count() as u64;
    let large = runs.into_iter().filter(|&(start, end, records, actions)| {
        records >= u64::from(SIZE_MIN)
            && end - start <= LENGTH_MAX_PANES
            && records >= DENSITY_MIN * active(start, end)
            && (!is_bulk_only || records >= 5 * actions)
    });
    let large: Vec<_> = large.collect();
    let batched: u64 = large.iter().map(|run| run.2).sum();
    if 2 * batched < all {
        return Vec::new();
    }
    let runs = large.into_iter().filter_map(|(start, end, ..)| {
        let batch = batch(ledger, start, end)?;
        Some(Run::new((start, end), &batch, word, calendar))
    });
    runs.filter(|run| run.size >= SIZE_MIN).collect()
}

/// What was read in a run of panes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// The first and the last pane in which something was.
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) size: u32,
    records: u64,
    exported: u64,
}

impl Batch {
    /// Whether all records were taken out in one piece, or none; nothing where some were.
    pub(super) const fn exports(&self) -> Option<bool> {
        match self.exported {
            0 => Some(false),
            exported if exported >= self.records => Some(true),
            _ => None,
        }
    }
}

/// What was read in the panes from `from` to `to`; nothing where nothing was.
pub(super) fn batch(ledger: &Ledger, from: u32, to: u32) -> Option<Batch> {
    let mut all = Share::default();
    let mut ends: Option<(u32, u32)> = None;
    for pane in ledger.panes(from, to) {
        all.add(pane.share);
        ends = Some((ends.map_or(pane.index, |(start, _)| start), pane.index));
    }
    let (start, end) = ends?;
    let mut people: Vec<u32> = ledger.subjects(from, to).collect();
    people.sort_unstable();
    people.dedup();
    let people = people.len() as u64 + all.unnamed;
    let records = all.records.max(all.exported);
    let size = people.max(all.exported).min(records);
    Some(Batch {
        start,
        end,
        size: u32::try_from(size).unwrap_or(u32::MAX),
        records,
        exported: all.exported,
    })
}
