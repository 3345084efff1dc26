//! The alerts topic: the producer that writes it (and our other topics), and what it already holds.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::Sender;
use rdkafka::{
    ClientContext, Message,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer},
};
use serde::Deserialize;

use crate::{
    incident::{Alert, AlertState, Kind},
    ingest::position::Ticket,
    kafka::{Client, Error, Partition, Settings, read_to_end},
};

/// Which of our topics a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The alerts.
    Alerts,
    /// Refused records.
    Quarantine,
    /// Start positions.
    State,
}

impl Destination {
    /// The word in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Quarantine => "quarantine",
            Self::State => "state",
        }
    }
}

/// The fate of one record that was sent.
#[derive(Debug)]
pub struct Receipt {
    /// The send's number.
    pub ticket: Ticket,
    /// Where it went.
    pub destination: Destination,
    /// When the broker appended the event behind it, epoch milliseconds; -1 where unknown.
    pub appended_ms: i64,
    /// Whether every in-sync replica has it.
    pub result: Result<(), KafkaError>,
}

/// What travels with a record until its acknowledgement.
#[derive(Debug)]
pub struct Parcel {
    /// The send's number.
    pub ticket: Ticket,
    /// Where it goes.
    pub destination: Destination,
    /// As in [`Receipt::appended_ms`].
    pub appended_ms: i64,
    /// Where its receipt goes.
    pub receipts: Sender<Receipt>,
}

/// Names of our own topics.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Alerts.
    pub alerts: String,
    /// Start positions.
    pub state: String,
    /// Refused records.
    pub quarantine: String,
}

impl Topics {
    fn of(&self, destination: Destination) -> &str {
        match destination {
            Destination::Alerts => &self.alerts,
            Destination::Quarantine => &self.quarantine,
            Destination::State => &self.state,
        }
    }
}

/// The one producer of the process: idempotent, acknowledged by all in-sync replicas.
pub struct Outbox {
    producer: ThreadedProducer<Courier>,
    acknowledged: Arc<AtomicU64>,
    topics: Topics,
}

struct Courier {
    client: Client,
    acknowledged: Arc<AtomicU64>,
}

impl ClientContext for Courier {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ProducerContext for Courier {
    type DeliveryOpaque = Box<Parcel>;

    fn delivery(&self, result: &DeliveryResult<'_>, parcel: Box<Parcel>) {
        let result = match result {
            Ok(_) => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err((error, _)) => {
                self.client.reports.note(error, false);
                Err(error.clone())
            }
        };
        let Parcel {
            ticket,
            destination,
            appended_ms,
            receipts,
        } = *parcel;
        let receipt = Receipt {
            ticket,
            destination,
            appended_ms,
            result,
        };
        // A feed that has gone away does not need it: what was not acknowledged is decided again.
        drop(receipts.send(receipt));
    }
}

/// Most records that wait in the producer, over all feeds.
const QUEUE_RECORDS: &str = "100000";

/// Most kibibytes that wait in the producer, over all feeds.
const QUEUE_KIB: &str = "65536";

impl Outbox {
    /// Creates the producer; connects in the background.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn open(settings: &Settings, client: Client, topics: Topics) -> Result<Self, Error> {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let courier = Courier {
            client,
            acknowledged: Arc::clone(&acknowledged),
        };
        let producer = settings
            .client()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            // Tried until it is there: giving up is the shutdown deadline's business.
            .set("message.timeout.ms", "0")
            .set("queue.buffering.max.messages", QUEUE_RECORDS)
            .set("queue.buffering.max.kbytes", QUEUE_KIB)
            .create_with_context(courier)
            .map_err(Error::settings)?;
        Ok(Self {
            producer,
            acknowledged,
            topics,
        })
    }

    /// Hands one record to the producer, waiting while its queue is full.
    ///
    /// # Errors
    /// A record or a state of the producer that no waiting helps.
    pub fn send(
        &self,
        parcel: Parcel,
        partition: Option<i32>,
        key: &str,
        payload: &str,
    ) -> Result<(), Error> {
        let topic = self.topics.of(parcel.destination);
        let mut record = BaseRecord::with_opaque_to(topic, Box::new(parcel))
            .key(key)
            .payload(payload);
        record.partition = partition;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, back))
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) =>
                {
                    record = back;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => return Err(Error::failed("writing to", topic, error)),
            }
        }
    }

    /// Records acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Records handed over and not yet acknowledged.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }
}

/// What the alerts topic holds of one feed's incidents.
#[derive(Debug, Default)]
pub struct Ledger {
    incidents: HashMap<String, Entry>,
    /// The last incident of each account that this run decided.
    produced: HashMap<String, String>,
}

#[derive(Debug)]
struct Entry {
    revision: u64,
    /// The last alert's JSON while the topic holds the incident open and this run has not decided it.
    open: Option<String>,
    /// Whether it is about the feed itself: looking at the wall, it need not be decided again.
    is_of_feed: bool,
    /// Added to the revisions of an incident that this run does not know was closed before.
    lift: u64,
}

#[derive(Deserialize)]
struct Heading<'a> {
    #[serde(borrow)]
    incident: std::borrow::Cow<'a, str>,
    revision: u64,
    #[serde(borrow)]
    state: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    supplier: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    kind: std::borrow::Cow<'a, str>,
}

impl Ledger {
    /// Reads the alerts topic whole, keeping what concerns `supplier`.
    ///
    /// # Errors
    /// The broker's.
    pub fn read(
        settings: &Settings,
        client: Client,
        partitions: &[Partition],
        supplier: &str,
    ) -> Result<Self, Error> {
        let mut ledger = Self::default();
        read_to_end(settings, client, partitions, |message| {
            if let Some(text) = message.payload().and_then(|p| std::str::from_utf8(p).ok()) {
                ledger.learn(text, supplier);
            }
        })?;
        Ok(ledger)
    }

    /// Takes note of an alert that the topic holds.
    fn learn(&mut self, json: &str, supplier: &str) {
        let Ok(heading) = serde_json::from_str::<Heading<'_>>(json) else {
            return;
        };
        if heading.supplier != supplier {
            return;
        }
        let known = self.incidents.get(&*heading.incident);
        if known.is_some_and(|entry| entry.revision >= heading.revision) {
            return;
        }
        let entry = Entry {
            revision: heading.revision,
            open: (heading.state != "closed").then(|| json.to_owned()),
            is_of_feed: Kind::OF_FEED
                .iter()
                .any(|kind| kind.as_str() == heading.kind),
            lift: 0,
        };
        self.incidents.insert(heading.incident.into_owned(), entry);
    }

    /// Whether the topic lacks `alert`; remembers that it was decided. Its revision is raised where
    /// [`admit_now`](Self::admit_now) has opened the incident again.
    pub fn admit(&mut self, alert: &mut Alert) -> bool {
        if let Some(account) = &alert.account {
            self.produced
                .insert(account.clone(), alert.incident.clone());
        }
        if let Some(entry) = self.incidents.get_mut(&alert.incident) {
            entry.open = None;
            alert.revision += entry.lift;
            let is_new = alert.revision > entry.revision;
            entry.revision = entry.revision.max(alert.revision);
            return is_new;
        }
        let entry = Entry {
            revision: alert.revision,
            open: None,
            is_of_feed: alert.kind.is_of_feed(),
            lift: 0,
        };
        self.incidents.insert(alert.incident.clone(), entry);
        true
    }

    /// As [`admit`](Self::admit), for what is seen now rather than decided again: an incident that
    /// the topic holds open goes on, and one that it holds closed is opened again, under revisions
    /// above those that it has.
    pub fn admit_now(&mut self, alert: &mut Alert) -> bool {
        if let Some(entry) = self.incidents.get_mut(&alert.incident) {
            let is_known = alert.revision + entry.lift <= entry.revision;
            if is_known && alert.state == AlertState::Opened && entry.open.is_none() {
                let closings = entry.revision.div_ceil(1_000);
                entry.lift = 1_000 * closings.saturating_sub(alert.revision / 1_000);
            }
        }
        self.admit(alert)
    }

    /// The closing alerts of the feed's own incidents that the topic holds open from a run before,
    /// that this one has not told, and of which `is_over` (asked by kind, incident and the time last
    /// seen) says that they are; as (incident, JSON), closed at `now`.
    pub fn end_of_feed(
        &mut self,
        now: &str,
        is_over: impl Fn(&str, &str, &str) -> bool,
    ) -> BTreeMap<String, String> {
        let mut closings = BTreeMap::new();
        let entries = self.incidents.iter_mut();
        for (incident, entry) in entries.filter(|(_, entry)| entry.is_of_feed) {
            let Some(json) = &entry.open else { continue };
            let Ok(mut alert) = serde_json::from_str::<serde_json::Value>(json) else {
                continue;
            };
            let text = |key: &str| alert[key].as_str().unwrap_or_default();
            if is_over(text("kind"), incident, text("last_seen_at")) {
                alert["raised_at"] = now.into();
                closings.insert(incident.clone(), entry.close(alert));
            }
        }
        closings
    }

    /// The closing alerts of incidents that the topic holds open and deciding again did not
    /// produce, as (incident, JSON): the last alert again, closed, with the incident of the same
    /// account that took its place in `superseded_by`, empty where there is none.
    ///
    /// Those last seen before `since` (RFC 3339 in UTC) are left as they are: their log is gone.
    pub fn close_unproduced(&mut self, since: Option<&str>) -> BTreeMap<String, String> {
        let mut closings = BTreeMap::new();
        let entries = self.incidents.iter_mut();
        for (incident, entry) in entries.filter(|(_, entry)| !entry.is_of_feed) {
            let Some(json) = entry.open.take() else {
                continue;
            };
            let Ok(mut alert) = serde_json::from_str::<serde_json::Value>(&json) else {
                continue;
            };
            let last_seen = alert["last_seen_at"].as_str().unwrap_or_default();
            if since.is_some_and(|since| last_seen < since) {
                continue;
            }
            let successor = alert["account"]
                .as_str()
                .and_then(|account| self.produced.get(account))
                .cloned()
                .unwrap_or_default();
            alert["superseded_by"] = successor.into();
            closings.insert(incident.clone(), entry.close(alert));
        }
        closings
    }
}

impl Entry {
    /// The JSON that closes the incident whose last alert is `alert`.
    fn close(&mut self, mut alert: serde_json::Value) -> String {
        self.open = None;
        // Revisions of one opening lie within a thousand; closing ends them (contract §2).
        self.revision = 1_000 * (self.revision / 1_000 + 1);
        alert["state"] = "closed".into();
        alert["revision"] = self.revision.into();
        alert.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: &str = r#"{"incident":"inc_a","revision":22,"state":"opened","supplier":"s","account":"x","last_seen_at":"2026-01-02T00:00:00.000Z"}"#;

    #[test]
    fn an_open_incident_that_was_not_decided_again_is_closed_once() {
        let mut ledger = Ledger::default();
        ledger.learn(OPENED, "s");
        ledger.learn(&OPENED.replace("inc_a", "inc_other"), "another");
        let closings = ledger.close_unproduced(Some("2026-01-01T00:00:00.000Z"));
        assert_eq!(closings.len(), 1);
        let closing: serde_json::Value = serde_json::from_str(&closings["inc_a"]).unwrap();
        assert_eq!(closing["revision"], 1_000);
        assert_eq!(closing["state"], "closed");
        assert_eq!(closing["superseded_by"], "");
        assert!(ledger.close_unproduced(None).is_empty());
    }

    /// A silence that the topic holds in some state, told anew by this run.
    fn silence(state: AlertState) -> Alert {
        let config = crate::feed::watch::Config {
            lateness_ms: 0,
            quiet_ms: 0,
            stall_ms: 0,
            delivery_ms: None,
            severity_people: [25, 100, 500],
            calendar: crate::detect::season::Calendar::default(),
        };
        let mut alerts = Vec::new();
        let mut watch = crate::feed::watch::Watch::new("s", config);
        watch.lose(1, crate::event::Timestamp::default(), (0, 0), &mut alerts);
        Alert {
            incident: "inc_a".to_owned(),
            state,
            kind: Kind::FeedSilence,
            revision: if state == AlertState::Closed {
                1_000
            } else {
                5
            },
            ..alerts.remove(0)
        }
    }

    fn silent(state: &str, revision: u64) -> String {
        let opened = OPENED
            .replace("opened", state)
            .replace("22", &revision.to_string());
        opened.replace(
            "\"account\":\"x\"",
            "\"account\":null,\"kind\":\"feed_silence\"",
        )
    }

    #[test]
    fn a_silence_that_the_topic_holds_open_goes_on_under_its_name() {
        let mut ledger = Ledger::default();
        ledger.learn(&silent("opened", 5), "s");
        assert!(
            ledger.close_unproduced(None).is_empty(),
            "it looks at the wall"
        );
        assert!(!ledger.admit_now(&mut silence(AlertState::Opened)));
        let mut closed = silence(AlertState::Closed);
        assert!(ledger.admit(&mut closed));
        assert_eq!(closed.revision, 1_000);
    }

    #[test]
    fn a_silence_after_a_closed_one_of_the_day_is_told_under_further_revisions() {
        let mut ledger = Ledger::default();
        ledger.learn(&silent("closed", 2_000), "s");
        let told = [AlertState::Opened, AlertState::Closed].map(|state| {
            let mut alert = silence(state);
            assert!(ledger.admit_now(&mut alert));
            alert.revision
        });
        assert_eq!(told, [2_005, 3_000]);
    }

    #[test]
    fn a_silence_of_a_run_before_is_closed_once_it_is_over() {
        let mut ledger = Ledger::default();
        ledger.learn(&silent("escalated", 9), "s");
        let now = "2026-01-03T00:00:00.000Z";
        assert!(ledger.end_of_feed(now, |_, _, _| false).is_empty());
        let is_it = |kind: &str, incident: &str, last_seen: &str| {
            kind == "feed_silence" && incident == "inc_a" && last_seen < now
        };
        let closings = ledger.end_of_feed(now, is_it);
        let closing: serde_json::Value = serde_json::from_str(&closings["inc_a"]).unwrap();
        assert_eq!(closing["revision"], 1_000);
        assert_eq!(closing["raised_at"], now);
        assert_eq!(closing.get("superseded_by"), None);
        assert!(ledger.end_of_feed(now, is_it).is_empty());
    }

    #[test]
    fn an_incident_whose_log_is_gone_is_left_as_it_is() {
        let mut ledger = Ledger::default();
        ledger.learn(OPENED, "s");
        let closings = ledger.close_unproduced(Some("2026-01-03T00:00:00.000Z"));
        assert!(closings.is_empty());
    }
}
