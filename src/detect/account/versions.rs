//! The versions of one account: the one in force as it is, those before it packed.

use std::ops::{Deref, Range};

use crate::detect::{
    season::Calendar,
    version::{Packed, Version},
};

/// What is and was expected of an account. None where it has nothing of its own yet.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    latest: Option<Box<Version>>,
    /// Those before it, the oldest first; late events alone ask for them.
    past: Vec<Packed>,
}

/// A version that was asked for.
#[derive(Debug)]
pub enum Held<'a> {
    /// As it is kept.
    Kept(&'a Version),
    /// Unpacked for who asked.
    Unpacked(Box<Version>),
}

impl Deref for Held<'_> {
    type Target = Version;

    fn deref(&self) -> &Version {
        match self {
            Self::Kept(version) => version,
            Self::Unpacked(version) => version,
        }
    }
}

/// Looks versions up, and holds the one that was asked for last: most panes beside have it too, and
/// older ones lie packed.
#[derive(Debug)]
pub struct LookUp<'a, F> {
    version_until: F,
    held: Option<(Range<u32>, Held<'a>)>,
}

impl<'a, F: Fn(u32) -> (Held<'a>, u32)> LookUp<'a, F> {
    /// `version_until` gives the version in force at a pane, and the first pane at which it is not.
    pub fn new(version_until: F) -> Self {
        Self {
            version_until,
            held: None,
        }
    }

    /// The version in force at a pane.
    pub fn at(&mut self, pane: u32) -> &Version {
        let held = match self.held.take() {
            Some(held) if held.0.contains(&pane) => held,
            _ => {
                let (version, until) = (self.version_until)(pane);
                (pane..until, version)
            }
        };
        &self.held.insert(held).1
    }
}

impl Versions {
    /// Puts a version in force, and forgets those that no pane from `keep_from` on needs.
    pub fn put(&mut self, version: Version, keep_from: u32) {
        if let Some(before) = self.latest.replace(Box::new(version)) {
            let newer = self.past.iter().skip(1).map(|version| version.from);
            let newer = newer.chain([before.from]);
            let forgotten = newer.take_while(|from| *from <= keep_from).count();
            self.past.drain(..forgotten.min(self.past.len()));
            self.past.reserve_exact(1);
            self.past.push(Packed::new(&before));
        }
    }

    /// The one that was put in force last.
    pub fn latest(&self) -> Option<&Version> {
        self.latest.as_deref()
    }

    /// The one in force at `pane`, under the account's calendar.
    pub fn at(&self, pane: u32, calendar: &Calendar) -> Option<Held<'_>> {
        let latest = self.latest.as_deref()?;
        if latest.from <= pane {
            return Some(Held::Kept(latest));
        }
        let past = self.past.iter().rfind(|version| version.from <= pane)?;
        Some(Held::Unpacked(Box::new(past.unpack(calendar))))
    }

    /// Those in force at `pane` or later.
    pub fn since(&self, pane: u32, calendar: &Calendar) -> impl Iterator<Item = Held<'_>> {
        let past = self.past.iter().zip(self.changes().skip(1));
        let past = past.filter(move |(_, until)| *until > pane);
        let past = past.map(|(version, _)| Held::Unpacked(Box::new(version.unpack(calendar))));
        past.chain(self.latest().map(Held::Kept))
    }

    /// Prefetches what lies in this struct; see [`AHEAD`](crate::detect::AHEAD).
    pub(in crate::detect) fn prefetch(&self) -> usize {
        usize::from(self.latest.is_some()) ^ self.past.len()
    }

    /// The panes from which on each is in force, rising.
    pub fn changes(&self) -> impl Iterator<Item = u32> {
        let past = self.past.iter().map(|version| version.from);
        past.chain(self.latest().map(|version| version.from))
    }
}
