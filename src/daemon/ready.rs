//! Whether the alerts topic takes what is sent, as far as can be told without writing to it.

use std::time::Duration;

use crate::{clock::Stopwatch, kafka::Catalog, sink::alerts::Outbox};

/// Something waits to be acknowledged and nothing was for so long: the topic takes nothing.
const STUCK: Duration = Duration::from_secs(10);

/// The acknowledgements, looked at again and again.
#[derive(Debug)]
pub(super) struct Deliveries {
    acknowledged: u64,
    since: Stopwatch,
}

impl Deliveries {
    /// Nothing waits yet.
    pub(super) fn new() -> Self {
        Self {
            acknowledged: 0,
            since: Stopwatch::start(),
        }
    }

    /// Whether sends go through, as of this look.
    pub(super) fn flow(&mut self, outbox: &Outbox) -> bool {
        let acknowledged = outbox.acknowledged();
        if outbox.in_flight() == 0 || acknowledged != self.acknowledged {
            self.acknowledged = acknowledged;
            self.since = Stopwatch::start();
        }
        self.since.elapsed() < STUCK
    }
}

/// Whether `topic` was there and every partition of it had a leader when topics were listed.
pub(super) fn is_led(catalog: &Catalog, topic: &str) -> bool {
    catalog.topics.contains_key(topic) && !catalog.leaderless.contains(topic)
}
