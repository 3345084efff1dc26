//! What one account read lately, in panes of event time, and the sliding windows over them.
//!
//! A window is made of whole panes and ends at a pane in which the account was active; nothing
//! hides on a boundary wider than a pane. Distinct people are counted exactly, over interned ids.
//! Knows nothing of baselines.

mod sweep;

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};

pub use self::sweep::Scratch;

use crate::{
    detect::{
        pane::{PANE_MS, PANES_PER_DAY, Pane, Share, pane_of, pane_start},
        panes::Panes,
        running::{AGAIN, Running, Touch, give_back, last_of, make_room, rank, tail},
        window::{CONSECUTIVE, Counts, NOVEL, Window},
    },
    event::Timestamp,
    intern::IdHash,
};

/// Where an event fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the newest pane; the running windows end there.
    Newest,
    /// In an older pane: every window that holds it has changed.
    Behind,
}

/// The last pane in which each person was read.
type LastSeen = HashMap<u32, u32, IdHash>;

/// Touches of a day that are searched one by one; of more than these an index is kept.
const SEARCHED_MAX: usize = 128;
/// The index is dropped when so few are left.
const INDEXED_MIN: usize = 64;

/// One account's panes.
///
/// Useful for the windows that end at the newest pane, which cost a few additions an event; a
/// window that ends earlier is counted anew by [`sweep`](Self::sweep).
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    panes: Panes,
    /// Invariant: sorted by pane; no (pane, subject) twice; without an index, those in the day that
    /// ends at the newest pane are marked but for the last of each subject.
    touches: VecDeque<Touch>,
    /// Invariant: where there is one, it holds exactly the subjects touched in the day that ends at
    /// the newest pane.
    last: Option<Box<LastSeen>>,
    /// Panes before this may be missing.
    kept_from: u32,
    running: [Running; Window::ALL.len()],
}

impl Ledger {
    /// Adds an event at `time` that names the different people `subjects`, those new to the account
    /// a second time with [`NOVEL`], and those whom nobody had read with
    /// [`IDLE`](crate::detect::window::IDLE); says where it fell, and how many touches it added.
    pub fn add(&mut self, time: Timestamp, share: Share, subjects: &[u32]) -> (Place, usize) {
        let pane = pane_of(time);
        let in_pane = time.millis_since(pane_start(pane)).clamp(0, PANE_MS - 1);
        let in_pane = u16::try_from(in_pane).unwrap_or(u16::MAX);
        let before = self.touches.len();
        let newest = self.newest();
        if newest.is_some_and(|newest| pane < newest) {
            self.add_behind(pane, in_pane, share, subjects);
            return (Place::Behind, self.touches.len() - before);
        }
        if newest != Some(pane) {
            self.panes.push(Pane::empty(pane, in_pane));
            self.slide(pane);
        }
        self.add_to(self.panes.len() - 1, in_pane, share);
        for running in &mut self.running {
            running.add(share);
        }
        self.touch_newest(subjects, pane);
        (Place::Newest, self.touches.len() - before)
    }

    /// Marks different people with [`CONSECUTIVE`] in a `pane` that it holds; gives how many touches that
    /// added.
    pub fn mark_consecutive(&mut self, pane: u32, subjects: impl Iterator<Item = u32>) -> usize {
        let before = self.touches.len();
        let marked: Vec<u32> = subjects.map(|subject| subject | CONSECUTIVE).collect();
        if self.newest() == Some(pane) {
            self.touch_newest(&marked, pane);
        } else {
            self.touch_all_behind(&marked, pane);
        }
        self.touches.len() - before
    }

    /// Forgets what no window can ask for any more: panes before `pane` that lie outside the day
    /// that ends at the newest. Gives back how many touches went.
    pub fn forget(&mut self, pane: u32) -> usize {
        let before = self.touches.len();
        let Some(newest) = self.newest() else {
            return 0;
        };
        if newest < pane {
            *self = Self {
                kept_from: pane,
                ..Self::default()
            };
            return before;
        }
        let keep = pane.min((newest + 1).saturating_sub(PANES_PER_DAY));
        self.kept_from = self.kept_from.max(keep);
        let panes = self.panes.place_of(keep);
        let touches = self.touches.partition_point(|touch| touch.pane() < keep);
        self.panes.forget(panes);
        self.touches.drain(..touches);
        give_back(&mut self.touches);
        for running in &mut self.running {
            running.pane_tail -= tail(panes);
            running.touch_tail -= tail(touches);
        }
        touches
    }

    /// Where it holds so many panes, forgets what no window of a day can hold that ends at `pane`, or at
    /// the newest one; gives how many touches went.
    pub fn keep_below(&mut self, panes_max: usize, pane: u32) -> Option<usize> {
        (self.panes.len() >= panes_max).then(|| self.forget_before_day_of(pane))
    }

    /// Forgets what no window of a day can hold that ends at `pane`, or at the newest one. Gives back
    /// how many touches went.
    pub fn forget_before_day_of(&mut self, pane: u32) -> usize {
        let newest = self.newest().unwrap_or(pane).max(pane);
        self.forget((newest + 1).saturating_sub(PANES_PER_DAY))
    }

    /// The counts of `window` where it ends at the newest pane.
    pub fn counts(&self, window: Window) -> Counts {
        self.running[window as usize].counts()
    }

    /// The newest pane's number.
    pub fn newest(&self) -> Option<u32> {
        self.panes.newest()
    }

    /// Panes before this may be missing.
    pub fn kept_from(&self) -> u32 {
        self.kept_from
    }

    /// How many panes it holds.
    pub fn panes_held(&self) -> usize {
        self.panes.len()
    }

    /// The panes from `from` to `to`, both included, rising.
    pub fn panes(&self, from: u32, to: u32) -> impl Iterator<Item = Pane> {
        let panes = self.panes.skip(self.panes.place_of(from));
        panes.take_while(move |pane| pane.index <= to)
    }

    /// The people touched in the panes from `from` to `to`, both included; may repeat.
    pub fn subjects(&self, from: u32, to: u32) -> impl Iterator<Item = u32> {
        let touched = self.touched(from, to);
        touched.filter(|subject| subject & CONSECUTIVE == 0)
    }

    /// The people touched on a day, since 1970; may repeat.
    pub fn subjects_of(&self, day: u32) -> impl Iterator<Item = u32> {
        let first = day * PANES_PER_DAY;
        self.subjects(first, first + PANES_PER_DAY - 1)
    }

    /// Those touched in the panes from `from` to `to`, both included, who were new to the account; may
    /// repeat.
    pub fn strangers(&self, from: u32, to: u32) -> impl Iterator<Item = u32> {
        let touched = self.touched(from, to);
        touched.filter(|subject| subject & CONSECUTIVE == NOVEL)
    }

    fn touched(&self, from: u32, to: u32) -> impl Iterator<Item = u32> {
        let start = self.touches.partition_point(|touch| touch.pane() < from);
        let touches = self.touches.range(start..);
        touches
            .take_while(move |touch| touch.pane() <= to)
            .map(|touch| touch.subject)
    }

    /// Prefetches what lies in this struct; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch(&self) -> usize {
        let windows = self.running.iter();
        let windows =
            windows.map(|running| running.pane_tail as usize ^ usize::from(running.records == 0));
        let held = self.panes.len() ^ self.touches.len() ^ usize::from(self.last.is_some());
        windows.fold(held, |all, window| all ^ window)
    }

    /// Prefetches what [`add`](Self::add) will read; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch_beyond(&self) -> u32 {
        let touch = |at: usize| self.touches.get(at).map_or(0, |touch| touch.subject);
        let pane = |at: usize| self.panes.index(at).unwrap_or(0);
        let [_, _, _, day] = &self.running;
        let (tail, end) = (
            day.touch_tail as usize,
            self.touches.len().saturating_sub(1),
        );
        let newest = self.panes.len().saturating_sub(1);
        touch(tail)
            ^ touch(usize::midpoint(tail, end))
            ^ touch(end)
            ^ pane(newest)
            ^ pane(day.pane_tail as usize)
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.panes.bytes()
            + self.touches.capacity() * size_of::<Touch>()
            + self.last.as_ref().map_or(0, |last| last.capacity() * 9)
    }

    /// Where the last touch of `subject` in the day that ends at the newest pane lies, if no index
    /// says its pane.
    fn search(&self, subject: u32) -> Option<usize> {
        let tail = self.running[Window::Day as usize].touch_tail as usize;
        let (front, back) = self.touches.as_slices();
        let wrap = front.len();
        let of_day = back.get(tail.saturating_sub(wrap)..).unwrap_or_default();
        if let Some(at) = last_of(of_day, subject) {
            return Some(wrap.max(tail) + at);
        }
        let of_day = front.get(tail..).unwrap_or_default();
        last_of(of_day, subject).map(|at| tail + at)
    }

    /// The last pane in which `subject` was touched in the day that ends at the newest pane.
    pub fn last_pane(&self, subject: u32) -> Option<u32> {
        match &self.last {
            Some(last) => last.get(&subject).copied(),
            None => self.search(subject).map(|at| self.touches[at].pane()),
        }
    }

    /// Makes `pane` the last in which `subject` was touched; gives the one before.
    fn replace_last(&mut self, subject: u32, pane: u32) -> Option<u32> {
        if let Some(last) = &mut self.last {
            return last.insert(subject, pane);
        }
        let at = self.search(subject)?;
        let touch = &mut self.touches[at];
        if touch.pane() != pane {
            touch.marked_pane |= AGAIN;
        }
        Some(touch.pane())
    }

    fn add_to(&mut self, at: usize, in_pane: u16, share: Share) {
        if let Some(mut pane) = self.panes.get(at) {
            pane.add(in_pane, share);
            self.panes.set(at, pane);
        }
    }

    /// Makes an index where touches have become too many to be searched.
    fn index(&mut self) {
        let tail = self.running[Window::Day as usize].touch_tail as usize;
        if self.touches.len() - tail > SEARCHED_MAX {
            self.make_index();
        }
    }

    /// Makes an index where there is none.
    fn make_index(&mut self) {
        let tail = self.running[Window::Day as usize].touch_tail as usize;
        if self.last.is_none() {
            let touches = self.touches.range(tail..);
            let last = touches.map(|touch| (touch.subject, touch.pane()));
            self.last = Some(Box::new(last.collect()));
        }
    }

    /// Drops the index where few touches are left, and marks them instead.
    fn drop_index(&mut self) {
        let tail = self.running[Window::Day as usize].touch_tail as usize;
        if self.touches.len() - tail <= INDEXED_MIN
            && let Some(last) = self.last.take()
        {
            for touch in self.touches.range_mut(tail..) {
                let is_last = last.get(&touch.subject) == Some(&touch.pane());
                touch.marked_pane = touch.pane() | if is_last { 0 } else { AGAIN };
            }
        }
    }

    /// Moves the running windows so that they end at `newest`.
    fn slide(&mut self, newest: u32) {
        for (window, running) in Window::ALL.into_iter().zip(&mut self.running) {
            let first = window.first(newest);
            if first <= running.first_held {
                continue;
            }
            while let Some(pane) = self.panes.get(running.pane_tail as usize) {
                running.first_held = pane.index;
                if pane.index >= first {
                    break;
                }
                running.remove(pane.share);
                running.pane_tail += 1;
            }
            while let Some(touch) = self.touches.get(running.touch_tail as usize) {
                if touch.pane() >= first {
                    break;
                }
                let is_last = match &self.last {
                    Some(last) => last.get(&touch.subject) == Some(&touch.pane()),
                    None => touch.is_last(),
                };
                if is_last {
                    running.named[rank(touch.subject)] -= 1;
                    if window == Window::Day
                        && let Some(last) = &mut self.last
                    {
                        last.remove(&touch.subject);
                    }
                }
                running.touch_tail += 1;
            }
        }
        self.drop_index();
    }

    fn touch_newest(&mut self, subjects: &[u32], pane: u32) {
        for &subject in subjects {
            let earlier = self.replace_last(subject, pane);
            if earlier == Some(pane) {
                continue;
            }
            make_room(&mut self.touches);
            self.touches.push_back(Touch {
                marked_pane: pane,
                subject,
            });
            for (window, running) in Window::ALL.into_iter().zip(&mut self.running) {
                if earlier.is_none_or(|earlier| earlier < window.first(pane)) {
                    running.named[rank(subject)] += 1;
                }
            }
            self.index();
        }
    }

    fn add_behind(&mut self, pane: u32, in_pane: u16, share: Share, subjects: &[u32]) {
        let newest = self.newest().unwrap_or(pane);
        let inside = |window: Window| pane >= window.first(newest);
        let at = self.panes.place_of(pane);
        let known = self.panes.index(at) == Some(pane);
        if !known {
            self.panes.insert(at, Pane::empty(pane, in_pane));
        }
        self.add_to(at, in_pane, share);
        for (window, running) in Window::ALL.into_iter().zip(&mut self.running) {
            if inside(window) {
                running.add(share);
                running.first_held = running.first_held.min(pane);
            } else if !known {
                running.pane_tail += 1;
            }
        }
        self.touch_all_behind(subjects, pane);
    }

    fn touch_all_behind(&mut self, subjects: &[u32], pane: u32) {
        let first = self.touches.partition_point(|touch| touch.pane() < pane);
        let end = self.touches.partition_point(|touch| touch.pane() <= pane);
        if subjects.len() > SEARCHED_MAX {
            // All at once: one by one they would be looked for, and make room, times the pane's.
            self.make_index();
            let held = self.touches.range(first..end).map(|touch| touch.subject);
            let held: HashSet<u32, IdHash> = held.collect();
            let new = subjects.iter().filter(|subject| !held.contains(*subject));
            let new: Vec<Touch> = new
                .map(|&subject| self.touch_behind(subject, pane))
                .collect();
            let later = self.touches.split_off(end);
            self.touches.extend(new);
            self.touches.extend(later);
            return;
        }
        let mut end = end;
        for &subject in subjects {
            let mut held = self.touches.range(first..end);
            if held.any(|touch| touch.subject == subject) {
                continue;
            }
            let touch = self.touch_behind(subject, pane);
            make_room(&mut self.touches);
            self.touches.insert(end, touch);
            end += 1;
            self.index();
        }
    }

    /// Counts a person in the windows that hold the older `pane`, in which the account had not read it;
    /// gives the touch.
    fn touch_behind(&mut self, subject: u32, pane: u32) -> Touch {
        let newest = self.newest().unwrap_or(pane);
        let inside = |window: Window| pane >= window.first(newest);
        let last = self.last_pane(subject);
        let is_last = last.is_none_or(|last| last < pane);
        if is_last && inside(Window::Day) {
            self.replace_last(subject, pane);
        }
        for (window, running) in Window::ALL.into_iter().zip(&mut self.running) {
            if !inside(window) {
                running.touch_tail += 1;
            } else if last.is_none_or(|last| last < window.first(newest)) {
                running.named[rank(subject)] += 1;
            }
        }
        Touch {
            marked_pane: pane | if is_last { 0 } else { AGAIN },
            subject,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::detect::window::{IDLE, Signal};

    #[derive(Clone, Debug)]
    struct Read {
        pane: u32,
        subjects: Vec<u32>,
        unnamed: u64,
    }

    fn reads() -> impl Strategy<Value = Vec<Read>> {
        // Panes cluster about the windows' borders.
        let pane = prop_oneof![0..30_u32, 110..135_u32, 2_870..2_900_u32, 5_700..5_800_u32];
        // Few people are searched for, many are looked up in an index.
        let people = prop_oneof![
            4 => prop::collection::vec(0..12_u32, 0..4),
            1 => prop::collection::vec(0..200_u32, 60..120),
            1 => prop::collection::vec(0..400_u32, 150..300),
        ];
        let read = (pane, people, 0..3_u64);
        let read = read.prop_map(|(pane, mut subjects, unnamed)| {
            subjects.sort_unstable();
            subjects.dedup();
            Read {
                pane: pane + 10_000,
                subjects,
                unnamed,
            }
        });
        prop::collection::vec(read, 1..60)
    }

    fn ledger_of(reads: &[Read]) -> Ledger {
        let mut ledger = Ledger::default();
        for read in reads {
            add(&mut ledger, read);
        }
        ledger
    }

    fn add(ledger: &mut Ledger, read: &Read) {
        let share = Share {
            records: read.unnamed + read.subjects.len() as u64,
            unnamed: read.unnamed,
            ..Share::default()
        };
        ledger.add(pane_start(read.pane), share, &touched(read));
        ledger.mark_consecutive(read.pane, in_runs(read));
    }

    /// What a read touches: a person is new in the first days, and every third one stays so.
    fn touched(read: &Read) -> Vec<u32> {
        let is_new = |subject: &u32| read.pane < 12_000 || subject.is_multiple_of(3);
        let new = read.subjects.iter().copied().filter(is_new);
        let new = new.map(|subject| subject | NOVEL);
        let idle = read
            .subjects
            .iter()
            .copied()
            .filter(|subject| subject % 4 == 1);
        let idle = idle.map(|subject| subject | IDLE);
        let all = read.subjects.iter().copied();
        all.chain(new).chain(idle).collect()
    }

    /// Those of them whose ids are said to stand in a run.
    fn in_runs(read: &Read) -> impl Iterator<Item = u32> {
        let all = read.subjects.iter().copied();
        all.filter(|subject| subject % 5 < 2)
    }

    /// The obvious, slow counts of people, of new ones, of idle ones and of those in runs in a window that
    /// ends at `end`.
    fn count_slowly(reads: &[Read], window: Window, end: u32) -> [u64; 4] {
        let inside = |read: &&Read| read.pane <= end && read.pane >= window.first(end);
        let all = reads.iter().filter(inside).flat_map(touched);
        let all: BTreeSet<u32> = all.collect();
        let marked = |mark| all.iter().filter(|subject| **subject & mark != 0).count() as u64;
        let (new, idle) = (marked(NOVEL), marked(IDLE));
        let unnamed: u64 = reads.iter().filter(inside).map(|read| read.unnamed).sum();
        let in_runs: BTreeSet<u32> = reads.iter().filter(inside).flat_map(in_runs).collect();
        [
            all.len() as u64 - new - idle + unnamed,
            new,
            idle,
            in_runs.len() as u64,
        ]
    }

    fn people(counts: Counts) -> [u64; 4] {
        let of = |signal| counts[signal as usize];
        [
            Signal::People,
            Signal::Novel,
            Signal::Idle,
            Signal::Consecutive,
        ]
        .map(of)
    }

    proptest! {
        #[test]
        fn windows_count_people_as_the_slow_twin_does(reads in reads()) {
            let ledger = ledger_of(&reads);
            let newest = ledger.newest().unwrap();
            for window in Window::ALL {
                prop_assert_eq!(
                    people(ledger.counts(window)),
                    count_slowly(&reads, window, newest)
                );
                let mut scratch = Scratch::default();
                ledger.sweep(window, (0, u32::MAX - 10_000), &mut scratch, |end, counts| {
                    assert_eq!(people(counts), count_slowly(&reads, window, end.index));
                    let bound = people(ledger.bound(window, end.index));
                    assert!(people(counts).iter().zip(bound).all(|(count, bound)| *count <= bound));
                });
            }
        }

        #[test]
        fn forgetting_changes_no_window_that_is_left(reads in reads(), more in reads()) {
            let mut ledger = ledger_of(&reads);
            ledger.forget(ledger.newest().unwrap().saturating_sub(2_000));
            let mut all = reads.clone();
            for read in more {
                let read = Read { pane: read.pane + 5_800, ..read };
                add(&mut ledger, &read);
                all.push(read);
            }
            for window in Window::ALL {
                let newest = ledger.newest().unwrap();
                let counts = people(ledger.counts(window));
                prop_assert_eq!(counts, count_slowly(&all, window, newest));
            }
        }
    }
}
