//! The engine's deciding: the next record in order, what it raises, and what goes out.

use std::sync::atomic::Ordering;

use super::{Engine, Lane, TURN};
use crate::{
    clock::Stopwatch,
    daemon::order::{Head, Next},
    decode::{DecodedBatch, Refusal, Verdict},
    detect::AHEAD,
    event::Timestamp,
    feed::merge::{AHEAD_RECORDS, SourceClock},
    incident::Alert,
    ingest::Record,
    kafka::{Ends, Error, Partition},
    sink::{
        alerts::{Destination, Outbox, Parcel},
        json, quarantine,
    },
};

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

    /// The clock with the next record, and whether more of what follows is needed to be sure of it;
    /// nothing where no record is there.
    fn clock_ahead(&self) -> Option<(SourceClock, bool)> {
        let next = self.batches.front()?;
        let mut clock = self.clock;
        let is_sure = next
            .batch
            .time(self.index)
            .is_none_or(|time| clock.admit(time));
        if is_sure {
            return Some((clock, false));
        }
        let records = self.batches.iter().enumerate();
        let mut records = records.flat_map(|(number, waiting)| {
            let from = if number == 0 { self.index } else { 0 };
            (from..waiting.batch.len()).map(|index| (&waiting.batch, index))
        });
        let event = |(batch, index): (&'_ DecodedBatch, usize)| {
            let account = batch.glance(index).ok()?.account.to_owned();
            Some((batch.time(index)?, account))
        };
        let (time, account) = records.next().and_then(event)?;
        let mut followed = 0;
        let following = records.take(AHEAD_RECORDS);
        let following = following.inspect(|_| followed += 1).filter_map(event);
        clock.settle(time, account, following);
        Some((clock, followed < AHEAD_RECORDS))
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
                let is_over = ahead > until || self.order.is_doubtful(source);
                if left == 0 || is_over || self.lanes[source].batches.is_empty() {
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
            self.pipeline.prefetch(ahead);
        }
        let (record, verdict) = waiting.batch.get(lane.index);
        lane.next = record.position + 1;
        self.metrics.read.records += 1;
        self.metrics.read.bytes += u64::from(record.len);
        let mut time = None;
        match verdict {
            Verdict::Event(event) => {
                time = Some(event.time);
                lane.clock = lane.ahead;
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

    /// Shows the clock of `source` with its next record to the order, and gives it.
    ///
    /// It is the clock that `replay` merges files by, so that both decide in one order.
    pub(super) fn look_ahead(&mut self, source: usize) -> Option<Timestamp> {
        let lane = &mut self.lanes[source];
        let (ahead, is_doubtful) = lane.clock_ahead()?;
        lane.ahead = ahead;
        // Many small batches, as they come where events trickle in: more will not come before these are
        // decided.
        let head = Head {
            clock: ahead.reached(),
            before: lane.clock.reached(),
            is_in_doubt: is_doubtful && !self.reader.is_full(source),
        };
        self.order.head(source, head);
        head.clock
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
        // One event may close thousands of incidents.
        while self.positions.pending() >= self.conduct.in_flight_max {
            self.board.pulse.beat();
            self.await_receipt()?;
        }
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
        self.board.is_settled.store(true, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::{
        daemon::engine::{Source, Waiting},
        ingest::RecordBatch,
    };

    const START: i64 = 1_780_272_000_000;
    const DAY: i64 = 86_400_000;

    /// A lane that has come to its start, with batches of events of one account each.
    fn lane(batches: &[&[i64]]) -> Lane {
        let waiting = batches.iter().map(|times| {
            let mut batch = RecordBatch::default();
            for (position, after) in (0..).zip(*times) {
                let time = START + after;
                let account = if *after > DAY { "wrong" } else { "right" };
                let event = format!(
                    r#"{{"id":"{position}","time":{time},"supplier":"a","account":"{account}","action":"view"}}"#
                );
                batch.push(event.as_bytes(), position, -1);
            }
            Waiting {
                batch: DecodedBatch::decode(batch, None),
                next: 0,
            }
        });
        let mut clock = SourceClock::default();
        clock.settle(Timestamp::from_millis(START), "right", []);
        Lane {
            source: Source {
                partition: ("access.a".to_owned(), 0),
                from: 0,
                end: 0,
                committed: 0,
                cut: None,
            },
            batches: waiting.collect(),
            index: 0,
            next: 0,
            clock,
            ahead: SourceClock::default(),
        }
    }

    fn reached(lane: &Lane) -> Option<(i64, bool)> {
        let (clock, is_doubtful) = lane.clock_ahead()?;
        let reached = clock.reached().map(|it| it.as_millis() - START);
        reached.map(|reached| (reached, is_doubtful))
    }

    #[test]
    fn a_burst_of_future_dates_moves_no_clock_however_the_records_are_batched() {
        let burst = [30 * DAY; 20];
        let honest = [1_000; 60];
        let all: Vec<i64> = burst.iter().chain(&honest).copied().collect();
        assert_eq!(reached(&lane(&[&all])), Some((0, false)));
        assert_eq!(reached(&lane(&[&burst, &honest])), Some((0, false)));
        // A morning is confirmed by those that follow; few of them leave it in doubt.
        assert_eq!(reached(&lane(&[&[DAY; 65]])), Some((DAY, false)));
        assert_eq!(reached(&lane(&[&[DAY; 9]])), Some((DAY, true)));
        let small_step = lane(&[&[1_000]]);
        assert_eq!(reached(&small_step), Some((1_000, false)));
        assert_eq!(
            reached(&Lane {
                batches: VecDeque::new(),
                ..small_step
            }),
            None
        );
    }
}
