//! Looking ahead: what the next events will touch is brought into the processor's caches.

use std::hash::BuildHasher as _;

use super::Detector;
use crate::{detect::account::Account, event::Glance};

/// Events looked ahead at once: what they touch fits the smaller caches.
///
/// What a `prefetch` gives is no answer: it is made of what was read, so that the compiler cannot leave
/// the reads out.
pub const AHEAD: usize = 32;

impl Detector {
    /// Reads what deciding the next events will, so that it lies in the caches then; changes nothing.
    ///
    /// An account's state lies all over memory, and an event would wait for one place after the
    /// other. In each loop here no look needs another, so the processor waits for all at once.
    pub fn prefetch<'a>(&self, ahead: impl Iterator<Item = Glance<'a>>) -> usize {
        let (subjects, first_subject) = self.names.subjects();
        let mut hashes = [(0, None); AHEAD];
        let mut count = 0;
        for (place, glance) in hashes.iter_mut().zip(ahead) {
            let subject = glance.subject.map(|subject| subjects.hash(subject));
            *place = (self.hasher.hash_one(glance.account), subject);
            count += 1;
        }
        let mut places = [(None, None); AHEAD];
        for (place, (account, subject)) in places.iter_mut().zip(&hashes[..count]) {
            // One of the same hash: most likely it.
            let account = self.ids.find(*account, |_| true);
            *place = (account, subject.and_then(|hash| subjects.place(hash)));
        }
        let mut looked = 0_usize;
        let mut accounts = [(None, 0); AHEAD];
        for (account, &(id, subject)) in accounts.iter_mut().zip(&places[..count]) {
            let held = id.and_then(|id| self.accounts[*id as usize].as_ref());
            looked ^= held.map_or(0, Account::prefetch);
            let subject = subject.map_or(0, |place| first_subject + subjects.id_at(place));
            *account = (held, subject);
        }
        for (account, subject) in &accounts[..count] {
            looked ^= self.idle.prefetch(*subject) as usize;
            let beyond = account.map_or(0, |account| account.prefetch_beyond(*subject));
            looked ^= beyond as usize;
        }
        looked
    }
}
