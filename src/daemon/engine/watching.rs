//! The engine's looking at its own feed: whether it is caught up, silent, or stalled.

use std::time::Duration;

use super::{Engine, Lane};
use crate::{
    clock::Stopwatch,
    daemon::order::Next,
    event::Timestamp,
    feed::watch::{Outlook, Standing},
    kafka::{End, Error},
};

/// The feed is looked at this often: well within the minutes in which blindness is to be told.
const LOOK: Duration = Duration::from_secs(1);

/// Records that are decided so long after everything was, in milliseconds, came just now.
const FRESH_MS: i64 = 10_000;

impl Lane {
    /// Where it stands, with `end` as its client sees it.
    fn standing(&self, end: Option<End>, is_left_out: bool) -> Standing {
        // What has been fetched waits for us, not we for it.
        let withheld = end
            .filter(|_| self.batches.is_empty())
            .and_then(|it| Some(it.end.saturating_sub(it.fetch?.max(self.next))));
        Standing {
            next: self.next,
            withheld: withheld.unwrap_or(0),
            is_left_out,
            // Before the first statistics nobody knows.
            is_reachable: end.is_none_or(|it| it.is_reachable),
        }
    }
}

impl Engine {
    /// Leaves a source out of the merge that was waited for too long.
    pub(super) fn watch(&mut self, next: Next) {
        let Next::Wait { source } = next else {
            self.waiting = None;
            return;
        };
        match self.waiting {
            Some((awaited, since)) if awaited == source => {
                if since.elapsed() >= self.conduct.stall {
                    let (topic, partition) = &self.lanes[source].source.partition;
                    tracing::error!(
                        topic,
                        partition,
                        secs = self.conduct.stall.as_secs(),
                        "partition gives nothing and is not at its end; going on without it"
                    );
                    self.order.leave_out(source);
                }
            }
            _ => self.waiting = Some((source, Stopwatch::start())),
        }
    }

    /// Tells the pipeline whether what it is given next came just now.
    pub(super) fn note_arrivals(&mut self, now: Timestamp) {
        let is_drained = (0..self.lanes.len()).all(|source| self.order.is_drained(source));
        if is_drained {
            self.caught_up = Some(now);
        }
        let is_fresh = |since: Timestamp| now.millis_since(since) <= FRESH_MS;
        let arrived = self.caught_up.filter(|since| is_fresh(*since));
        self.pipeline.arriving(arrived.map(|_| now));
    }

    /// Looks at the feed now and then, and tells what is wrong with it or is over.
    ///
    /// Where the run ends with what there was at its start, nobody waits for anything.
    pub(super) fn look(&mut self, now: Timestamp) -> Result<(), Error> {
        let is_due = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK);
        if self.conduct.until_end || !self.is_settled || !is_due {
            return Ok(());
        }
        self.looked = Some(Stopwatch::start());
        let ends: Vec<_> = (self.lanes.iter())
            .map(|lane| self.reader.ends().of(&lane.source.partition))
            .collect();
        let standings: Vec<_> = (self.lanes.iter().zip(&ends).enumerate())
            .map(|(source, (lane, end))| lane.standing(*end, self.order.is_left_out(source)))
            .collect();
        let is_reachable = ends.iter().all(|end| end.is_some_and(|it| it.is_reachable));
        let is_delivering = standings.iter().all(Standing::is_delivering);
        let outlook = Outlook {
            now,
            is_caught_up: self.caught_up == Some(now) && is_reachable && is_delivering,
            standings: &standings,
        };
        let mut alerts = Vec::new();
        self.pipeline.look(outlook, &mut alerts);
        for mut alert in alerts {
            if self.ledger.admit_now(&mut alert) {
                self.tell(&alert)?;
            }
        }
        self.end_former(outlook)
    }

    /// Closes what the topic held open of the feed at start and is over.
    fn end_former(&mut self, outlook: Outlook<'_>) -> Result<(), Error> {
        let is_delivering = outlook.standings.iter().all(Standing::is_delivering);
        let mark = self.pipeline.watermark();
        let quiet_since = mark.map(|mark| mark.plus_millis(-self.conduct.quiet_ms).to_string());
        let pipeline = &self.pipeline;
        let is_over = |kind: &str, incident: &str, last_seen: &str| match kind {
            "feed_silence" => outlook.is_caught_up && !pipeline.has_open(incident),
            "feed_stalled" => is_delivering && !pipeline.has_open(incident),
            _ => quiet_since
                .as_deref()
                .is_some_and(|since| last_seen < since),
        };
        for (incident, json) in self.ledger.end_of_feed(&outlook.now.to_string(), is_over) {
            self.send_alert(&incident, &json, -1)?;
        }
        Ok(())
    }
}
