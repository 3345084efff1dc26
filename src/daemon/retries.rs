//! Feeds that have failed, and when they begin again.

use std::{collections::BTreeMap, time::Duration};

use crate::clock::Stopwatch;

/// A failed feed begins again after this long, doubled at each failure in a row up to a minute.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// Failures in a row by supplier, and since when the feed waits.
#[derive(Debug, Default)]
pub(super) struct Retries(BTreeMap<String, (u32, Stopwatch)>);

impl Retries {
    /// Takes in that a feed has failed.
    pub(super) fn fail(&mut self, supplier: &str) {
        let failures = self.0.get(supplier).map_or(0, |(failures, _)| *failures) + 1;
        self.0
            .insert(supplier.to_owned(), (failures, Stopwatch::start()));
    }

    /// Whether a feed has waited long enough, where it has failed at all.
    pub(super) fn is_due(&self, supplier: &str) -> bool {
        let failed = self.0.get(supplier);
        failed.is_none_or(|(failures, since)| since.elapsed() >= pause(*failures))
    }

    /// Forgets the failures of some suppliers, and gives those.
    pub(super) fn forget(&mut self, of: impl Fn(&str) -> bool) -> Vec<String> {
        let forgotten = self.0.extract_if(.., |supplier, _| of(supplier));
        forgotten.map(|(supplier, _)| supplier).collect()
    }

    /// Whether something holds of all that have failed.
    pub(super) fn all(&self, holds: impl Fn(&str) -> bool) -> bool {
        self.0.keys().all(|supplier| holds(supplier))
    }
}

/// How long a feed waits after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    PAUSE.saturating_mul(doubled).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_a_minute() {
        let pauses = [1, 2, 3, 6, 7, 100].map(|failures| pause(failures).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn a_feed_waits_once_it_has_failed_and_until_it_is_forgotten() {
        let mut retries = Retries::default();
        assert!(retries.is_due("acme"));
        retries.fail("acme");
        assert!(!retries.is_due("acme") && retries.is_due("other"));
        assert!(retries.all(|supplier| supplier == "acme"));
        retries.forget(|supplier| supplier == "acme");
        assert!(retries.is_due("acme") && retries.all(|_| false));
    }
}
