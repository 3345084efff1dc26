//! What the probes answer, from what the engines and the daemon's loop last said. Asks nobody.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::clock::Stopwatch;

/// An engine that stands still this long is wedged; a readiness that was said longer ago is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// In place of a beat: the engine waits for somebody else, and may.
const AT_REST: u64 = u64::MAX;

/// An engine's sign of life.
#[derive(Debug)]
pub struct Pulse {
    supplier: String,
    since: Stopwatch,
    /// Milliseconds from `since` to the last beat, or [`AT_REST`].
    beat_ms: AtomicU64,
}

impl Pulse {
    /// Takes note that the engine makes a turn.
    pub fn beat(&self) {
        self.beat_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Takes note that the engine waits for the brokers until the next beat.
    pub fn rest(&self) {
        self.beat_ms.store(AT_REST, Ordering::Relaxed);
    }

    fn is_still(&self, patience: Duration) -> bool {
        let beat_ms = self.beat_ms.load(Ordering::Relaxed);
        // At rest it lies in the future.
        let still = self.now_ms().checked_sub(beat_ms);
        still.is_some_and(|still| Duration::from_millis(still) >= patience)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(AT_REST - 1)
    }
}

/// What the probes answer.
#[derive(Debug)]
pub struct Health {
    patience: Duration,
    pulses: Mutex<Vec<Weak<Pulse>>>,
    /// Since when the daemon's loop has said nothing, where its last word was that it is ready.
    ready: Mutex<Option<Stopwatch>>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

impl Health {
    /// Live and not ready; whoever gives no sign for `patience` is given up.
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            pulses: Mutex::default(),
            ready: Mutex::default(),
        }
    }

    /// A pulse to be watched as long as it is held, at rest until its first beat.
    pub fn watch(&self, supplier: &str) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            supplier: supplier.to_owned(),
            since: Stopwatch::start(),
            beat_ms: AtomicU64::new(AT_REST),
        });
        let mut pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.retain(|pulse| pulse.strong_count() > 0);
        pulses.push(Arc::downgrade(&pulse));
        pulse
    }

    /// The suppliers whose engines neither progress nor rest.
    pub fn wedged(&self) -> Vec<String> {
        let pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        let held = pulses.iter().filter_map(Weak::upgrade);
        let still = held.filter(|pulse| pulse.is_still(self.patience));
        still.map(|pulse| pulse.supplier.clone()).collect()
    }

    /// Whether every engine progresses or rests.
    pub fn is_live(&self) -> bool {
        self.wedged().is_empty()
    }

    /// Says whether the lease is joined, the positions of the owned feeds are known and the alerts
    /// topic takes what is sent. To be said again and again.
    pub fn set_ready(&self, ready: bool) {
        let mut said = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        *said = ready.then(Stopwatch::start);
    }

    /// Whether the daemon's loop has said so lately.
    pub fn is_ready(&self) -> bool {
        let said = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        said.is_some_and(|said| said.elapsed() < self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_stands_still_is_wedged_and_one_at_rest_is_not() {
        let health = Health::new(Duration::ZERO);
        let pulse = health.watch("a");
        assert!(health.is_live(), "before its first turn");
        pulse.beat();
        assert_eq!(health.wedged(), ["a"]);
        pulse.rest();
        assert!(health.is_live(), "while it waits for the brokers");
        pulse.beat();
        drop(pulse);
        assert!(health.is_live(), "once it is gone");
    }

    #[test]
    fn readiness_is_said_again_or_ends() {
        let health = Health::default();
        assert!(!health.is_ready());
        health.set_ready(true);
        assert!(health.is_ready());
        health.set_ready(false);
        assert!(!health.is_ready());
        let forgotten = Health::new(Duration::ZERO);
        forgotten.set_ready(true);
        assert!(!forgotten.is_ready());
    }
}
