//! The engine's deciding: the next record in order, what it raises, and what goes out.

use super::{Engine, Lane, TURN};
use crate::{
    clock::Stopwatch,
    daemon::order::Next,
    decode::{Refusal, Verdict},
    detect::AHEAD,
    event::Timestamp,
    incident::Alert,
    ingest::Record,
    kafka::{Ends, Error, Partition},
    sink::{
        alerts::{Destination, Outbox, Parcel},
        json, quarantine,
    },
};

/// Records looked at to tell a leap.
const LOOK: usize = 8;

impl Lane {
    /// Records that are there and not decided. A drained lane has none, though the end may lie
    /// further on: markers of transactions are positions without a record.
    pub(super) fn lag(&self, ends: &Ends, is_drained: bool) -> u64 {
        if is_drained {
            return 0;
        }
        let end = ends.of(&self.source.partition).map_or(0, |it| it.end);
        end.max(self.source.end).saturating_sub(self.next)
    }

    /// The times of the next few records, refused ones without.
    fn times(&self) -> impl Iterator<Item = Option<Timestamp>> + use<'_> {
        let records = self
            .batches
            .iter()
            .enumerate()
            .flat_map(|(number, waiting)| {
                let from = if number == 0 { self.index } else { 0 };
                (from..waiting.batch.len()).map(|index| waiting.batch.time(index))
            });
        records.take(LOOK)
    }
}

impl Engine {
    /// Decides a bounded number of events; whether the feed must begin anew.
    pub(super) fn decide_some(&mut self, now: Timestamp) -> Result<bool, Error> {
        let mut left = TURN;
        while left > 0 {
            let Next::Decide { source, until } = self.order.next(now) else {
                break;
            };
            loop {
                let time = self.decide_one(source)?;
                left = left.saturating_sub(1);
                if self.order.is_left_out(source) && time.is_some_and(|time| self.is_late(time)) {
                    return Ok(true);
                }
                let ahead = self.look_ahead(source);
                if left == 0 || ahead > until || self.lanes[source].batches.is_empty() {
                    break;
                }
            }
        }
        Ok(false)
    }

    fn is_late(&self, time: Timestamp) -> bool {
        self.pipeline
            .watermark()
            .is_some_and(|watermark| time < watermark)
    }

    /// Decides the next record of `source` and gives its time, where it is an event.
    fn decide_one(&mut self, source: usize) -> Result<Option<Timestamp>, Error> {
        let lane = &mut self.lanes[source];
        let Some(waiting) = lane.batches.front() else {
            return Ok(None);
        };
        if lane.index.is_multiple_of(AHEAD) {
            let until = (lane.index + AHEAD).min(waiting.batch.len());
            let ahead = (lane.index..until).filter_map(|index| waiting.batch.glance(index).ok());
            self.pipeline.warm(ahead);
        }
        let (record, verdict) = waiting.batch.get(lane.index);
        lane.next = record.position + 1;
        self.metrics.read.records += 1;
        self.metrics.read.bytes += u64::from(record.len);
        let mut time = None;
        match verdict {
            Verdict::Event(event) => {
                time = Some(event.time);
                if !lane.is_leap {
                    lane.before = time;
                }
                let number = u32::try_from(source).unwrap_or(u32::MAX);
                self.pipeline
                    .observe(&event, number, record, &mut self.alerts);
                if let Some(lost) = lane.source.cut.take() {
                    let since = event.time.plus_millis(-self.conduct.lateness_ms);
                    self.floor = self.floor.max(Some(since));
                    if lost > 0 {
                        let next = (number, record.position);
                        self.pipeline.lose(lost, event.time, next, &mut self.alerts);
                    }
                }
            }
            Verdict::Refused(refusal) => {
                self.metrics.read.refused[refusal.reject as usize] += 1;
                if record.position >= lane.source.committed {
                    let payload = waiting.batch.payload(record);
                    let parcel = Parcel {
                        ticket: self.positions.issue(),
                        destination: Destination::Quarantine,
                        appended_ms: -1,
                        receipts: self.receipts_in.clone(),
                    };
                    let watch = Stopwatch::start();
                    self.board.pulse.rest();
                    quarantine(
                        &self.outbox,
                        parcel,
                        &lane.source.partition,
                        record,
                        refusal,
                        payload,
                    )?;
                    self.board.pulse.beat();
                    self.metrics.busy.sink += watch.elapsed();
                }
            }
        }
        self.order.decided(source);
        lane.index += 1;
        if !self.alerts.is_empty() {
            self.send_alerts()?;
        }
        self.close_batch(source);
        Ok(time)
    }

    /// Shows the time of the next record of `source` to the order, and gives it.
    ///
    /// A record that leaps more than the lateness ahead is passed at once, as if of the time
    /// before, where one of the next few lies before the leap: a future date must not hold its
    /// whole partition back. The rule looks at this partition's events alone.
    pub(super) fn look_ahead(&mut self, source: usize) -> Option<Timestamp> {
        let lane = &mut self.lanes[source];
        let mut times = lane.times();
        let mut ahead = times.next()?;
        let mut is_leap = false;
        if let (Some(time), Some(before)) = (ahead, lane.before) {
            let bound = before.plus_millis(self.conduct.lateness_ms);
            if time > bound && times.by_ref().flatten().any(|later| later <= bound) {
                is_leap = true;
                ahead = Some(before);
            }
        }
        drop(times);
        lane.is_leap = is_leap;
        self.order.head(source, ahead);
        ahead
    }

    /// Gives a batch back once all its records are decided.
    fn close_batch(&mut self, source: usize) {
        let lane = &mut self.lanes[source];
        if lane
            .batches
            .front()
            .is_none_or(|waiting| lane.index < waiting.batch.len())
        {
            return;
        }
        if let Some(waiting) = lane.batches.pop_front() {
            lane.index = 0;
            lane.next = waiting.next;
            self.positions.decide(source, lane.next);
            self.reader.finish(source, waiting.batch);
            self.end_for_good(source);
        }
    }

    fn send_alerts(&mut self) -> Result<(), Error> {
        for mut alert in std::mem::take(&mut self.alerts) {
            // What happened to the feed is told however old it is.
            let is_cut = !alert.kind.is_of_feed()
                && self.floor.is_some_and(|floor| alert.last_seen_at < floor);
            if !self.ledger.admit(&mut alert) || is_cut {
                continue;
            }
            self.tell(&alert)?;
        }
        Ok(())
    }

    /// Counts an alert and sends it.
    pub(super) fn tell(&mut self, alert: &Alert) -> Result<(), Error> {
        self.metrics.process().alerted(alert);
        let watch = Stopwatch::start();
        let json = json::to_json(alert, &self.places);
        self.send_alert(&alert.incident, &json, alert.appended_ms)?;
        self.metrics.busy.sink += watch.elapsed();
        Ok(())
    }

    pub(super) fn send_alert(
        &mut self,
        incident: &str,
        json: &str,
        appended_ms: i64,
    ) -> Result<(), Error> {
        let parcel = Parcel {
            ticket: self.positions.issue(),
            destination: Destination::Alerts,
            appended_ms,
            receipts: self.receipts_in.clone(),
        };
        // A full producer waits for the brokers.
        self.board.pulse.rest();
        self.outbox.send(parcel, None, incident, json)?;
        self.board.pulse.beat();
        Ok(())
    }

    /// Once everything that was there at start is decided again: closes what the topic holds open
    /// and deciding again did not produce.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        let is_reached = |(number, lane): (usize, &Lane)| {
            lane.next >= lane.source.end || self.order.is_drained(number)
        };
        if self.is_settled || !self.lanes.iter().enumerate().all(is_reached) {
            return Ok(());
        }
        self.is_settled = true;
        let since = self.floor.map(|floor| floor.to_string());
        for (incident, json) in self.ledger.close_unproduced(since.as_deref()) {
            tracing::warn!(
                supplier = self.supplier,
                "an open incident was not decided again; closed"
            );
            self.send_alert(&incident, &json, -1)?;
        }
        tracing::info!(
            supplier = self.supplier,
            "feed decided to its end as of start"
        );
        Ok(())
    }
}

fn quarantine(
    outbox: &Outbox,
    parcel: Parcel,
    (topic, partition): &Partition,
    record: Record,
    refusal: Refusal,
    payload: &[u8],
) -> Result<(), Error> {
    let json = quarantine::to_json(topic, *partition, record.position, refusal.reject, payload);
    outbox.send(parcel, None, topic, &json)
}
