//! What keeps us from seeing: whether a feed is silent, has gaps, is stalled, or tells wrong times.
//!
//! Pure: fed with what events say, and asked with a `now` that the caller hands in. Each file knows
//! one kind of blindness and nothing of incidents; here they become troubles, and sentences.

mod delivery;
mod rhythm;
mod sequence;
mod silence;
mod skew;
mod stall;
mod words;

use std::collections::BTreeMap;

pub use self::stall::Standing;
use self::{
    delivery::Delivery,
    rhythm::MINUTE_MS,
    sequence::{Missing, Place, Sequence},
    silence::{Silence, Silent},
    skew::{Ahead, Skew},
    stall::{Stalled, Stalls},
};
use crate::{
    detect::season::Calendar,
    event::{AccessEvent, HOUR_MS, Timestamp},
    incident::{Alert, Blindness, Evidence, Kind, OpenBy, Trouble},
    ingest::Record,
};

/// The checked settings of a watch.
#[derive(Clone, Debug)]
pub struct Config {
    /// Within this nothing depends on arrival, in milliseconds.
    pub lateness_ms: i64,
    /// Gaps and skew are over so long after the last of it, in milliseconds.
    pub quiet_ms: i64,
    /// A partition may withhold records for so long, in milliseconds.
    pub stall_ms: i64,
    /// Events come at most so long after they happened, in milliseconds, where that is declared.
    pub delivery_ms: Option<i64>,
    /// Events not seen from which an incident is medium, high and critical.
    pub severity_people: [u64; 3],
    /// The days on which nothing is awaited.
    pub calendar: Calendar,
}

/// How the feed's reader sees it at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Outlook<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Whether everything that is there is decided, and the brokers are there to say so.
    pub is_caught_up: bool,
    /// The partitions.
    pub standings: &'a [Standing],
}

/// Watches one feed.
#[derive(Debug)]
pub struct Watch {
    config: Config,
    silence: Silence,
    delivery: Delivery,
    sequence: Sequence,
    skew: Skew,
    stalls: Stalls,
    gap: Tally,
    ahead: Tally,
    quiet: Quiet,
    incidents: Blindness,
    /// Found by the event at hand.
    found: Vec<Found>,
    /// Nothing is looked at before event time has come to this.
    next: Timestamp,
}

/// What an incident that grows has come to.
#[derive(Debug, Default)]
struct Tally {
    since: Timestamp,
    last: Timestamp,
    events: u64,
    /// Numbers of the supplier's that never came, the last run of them.
    numbers: u64,
    run: (u64, u64),
    /// Records that retention took.
    lost: u64,
    by_ms: i64,
    places: BTreeMap<u32, (u64, u64)>,
}

#[derive(Debug)]
enum Found {
    Missing(Missing),
    Ahead(Ahead),
}

impl Watch {
    /// A watch over the feed of `supplier`, of which nothing is known.
    pub fn new(supplier: &str, config: Config) -> Self {
        Self {
            silence: Silence::new(&config.calendar),
            delivery: Delivery::new(config.delivery_ms),
            sequence: Sequence::new(),
            skew: Skew::new(config.lateness_ms),
            stalls: Stalls::new(config.stall_ms),
            gap: Tally::default(),
            ahead: Tally::default(),
            quiet: Quiet::default(),
            incidents: Blindness::new(supplier, config.severity_people),
            found: Vec::new(),
            next: Timestamp::from_millis(i64::MIN),
            config,
        }
    }

    /// Takes an event in that is no repeat, after `head` was moved by it. `arrived` is when it came
    /// where it came just now.
    pub fn observe(
        &mut self,
        event: &AccessEvent<'_>,
        (source, record): (u32, Record),
        head: Timestamp,
        arrived: Option<Timestamp>,
        alerts: &mut Vec<Alert>,
    ) {
        let place = Place {
            head,
            source,
            position: record.position,
        };
        self.silence.observe(event.time, head);
        let appended =
            (record.appended_ms >= 0).then(|| Timestamp::from_millis(record.appended_ms));
        if let Some(arrived) = appended.or(arrived) {
            self.delivery.observe(event.time, arrived);
        }
        let ahead = self.skew.observe(event.time, appended, place);
        self.found.extend(ahead.map(Found::Ahead));
        if let Some(number) = event.seq {
            let is_late = head.millis_since(event.time) > self.config.lateness_ms;
            let found = &mut self.found;
            let missing = |missing| found.push(Found::Missing(missing));
            let place = Place {
                head: head.max(event.time),
                ..place
            };
            self.sequence.observe(number, is_late, place, missing);
        }
        if !self.found.is_empty() {
            self.tell_found(head, alerts);
        }
    }

    /// Event time has come to `head`. Looks once in a minute of it.
    pub fn advance(&mut self, head: Timestamp, alerts: &mut Vec<Alert>) {
        if head >= self.next {
            let minute = head.as_millis().div_euclid(MINUTE_MS);
            self.next = Timestamp::from_millis((minute + 1) * MINUTE_MS);
            self.look_back(head, alerts);
        }
    }

    /// Takes in that retention took `records` of `source` before they were read; the next one is
    /// of `time` and at `position`.
    pub fn lose(
        &mut self,
        records: u64,
        time: Timestamp,
        (source, position): (u32, u64),
        alerts: &mut Vec<Alert>,
    ) {
        let tally = open(&mut self.gap, &self.incidents, Kind::FeedGap);
        tally.note(time, records, (source, position));
        tally.lost += records;
        self.tell(Kind::FeedGap, time, alerts);
    }

    /// Looks at the feed as it is now: what lasts, and what is over.
    pub fn look(&mut self, outlook: Outlook<'_>, alerts: &mut Vec<Alert>) {
        let Outlook {
            now,
            is_caught_up,
            standings,
        } = outlook;
        match stalled(&self.stalls.judge(now, standings), now) {
            Some(trouble) => self.incidents.tell(trouble, alerts),
            None => self.incidents.end(Kind::FeedStalled, now, alerts),
        }
        // Behind, nothing is known about what has not been read.
        if !is_caught_up {
            return;
        }
        let arrived = self.delivery.arrived();
        match self.silence.judge(now, arrived, &self.delivery) {
            Some(silent) => {
                let trouble = self.quiet.take(silent, &self.incidents);
                self.incidents.tell(trouble, alerts);
            }
            None => end_silence(&mut self.incidents, now, alerts),
        }
    }

    /// Whether the incident of that id is open.
    pub fn has_open(&self, incident: &str) -> bool {
        self.incidents.open_ids().any(|open| open == incident)
    }

    /// Incidents open now.
    pub fn open(&self) -> usize {
        self.incidents.open_ids().count()
    }

    /// Adds the open incidents to `counts`.
    pub fn add_open(&self, counts: &mut OpenBy) {
        self.incidents.add_open(counts);
    }

    /// How often more numbers were awaited than can be.
    pub const fn limit_reached(&self) -> u64 {
        self.sequence.limit_reached()
    }

    fn look_back(&mut self, head: Timestamp, alerts: &mut Vec<Alert>) {
        let mark = head.plus_millis(-self.config.lateness_ms);
        let (incidents, quiet) = (&mut self.incidents, &mut self.quiet);
        self.silence.advance(mark, |silent| {
            // What was told while it lasted is not told again.
            let told = incidents.last(Kind::FeedSilence);
            if told.is_none_or(|told| silent.since >= told.last) {
                end_silence(incidents, silent.since, alerts);
                incidents.tell(quiet.take(silent, incidents), alerts);
            }
        });
        end_silence(&mut self.incidents, mark, alerts);
        let found = &mut self.found;
        let lateness_ms = self.config.lateness_ms;
        self.sequence.advance(head, lateness_ms, |missing| {
            found.push(Found::Missing(missing));
        });
        self.skew
            .advance(head, |ahead| found.push(Found::Ahead(ahead)));
        if !self.found.is_empty() {
            self.tell_found(head, alerts);
        }
        for kind in [Kind::FeedGap, Kind::ClockSkew] {
            let over = |open: &Trouble| open.last.plus_millis(self.config.quiet_ms);
            if let Some(over) = self.incidents.open(kind).map(over)
                && over < mark
            {
                self.incidents.end(kind, over, alerts);
            }
        }
    }

    fn tell_found(&mut self, at: Timestamp, alerts: &mut Vec<Alert>) {
        for found in std::mem::take(&mut self.found) {
            let kind = match found {
                Found::Missing(missing) => {
                    let Place {
                        head,
                        source,
                        position,
                    } = missing.after;
                    let numbers = missing.last - missing.first + 1;
                    let tally = open(&mut self.gap, &self.incidents, Kind::FeedGap);
                    tally.note(head, numbers, (source, position));
                    tally.numbers += numbers;
                    tally.run = (missing.first, missing.last);
                    Kind::FeedGap
                }
                Found::Ahead(ahead) => {
                    let place = (ahead.place.source, ahead.place.position);
                    let tally = open(&mut self.ahead, &self.incidents, Kind::ClockSkew);
                    tally.note(ahead.at, 1, place);
                    tally.by_ms = tally.by_ms.max(ahead.by_ms);
                    Kind::ClockSkew
                }
            };
            self.tell(kind, at, alerts);
        }
    }

    fn tell(&mut self, kind: Kind, raised_at: Timestamp, alerts: &mut Vec<Alert>) {
        let (tally, reason) = match kind {
            Kind::FeedGap => (&self.gap, words::gap(&self.gap, self.config.lateness_ms)),
            _ => (&self.ahead, words::skew(&self.ahead)),
        };
        let evidence = tally
            .places
            .iter()
            .map(|(&source, &(first, last))| Evidence {
                source,
                first,
                last,
            });
        let trouble = Trouble {
            kind,
            since: tally.since,
            last: tally.last,
            // What was ahead of the others is told by its own place in time.
            raised_at: raised_at.max(tally.last),
            events: tally.events,
            reason,
            evidence: evidence.collect(),
        };
        self.incidents.tell(trouble, alerts);
    }
}

impl Tally {
    fn note(&mut self, at: Timestamp, events: u64, (source, position): (u32, u64)) {
        if self.events == 0 {
            (self.since, self.last) = (at, at);
        }
        self.last = self.last.max(at);
        self.events = self.events.saturating_add(events);
        let (first, last) = self.places.entry(source).or_insert((position, position));
        (*first, *last) = ((*first).min(position), (*last).max(position));
    }
}

/// The tally of the open incident of `kind`, or an empty one for the next.
fn open<'t>(tally: &'t mut Tally, incidents: &Blindness, kind: Kind) -> &'t mut Tally {
    if incidents.open(kind).is_none() {
        *tally = Tally::default();
    }
    tally
}

/// The silences of one incident: on a day when hardly anybody works, one follows on the other.
#[derive(Debug, Default)]
struct Quiet {
    /// Usual minutes of those before the last.
    before: f64,
    last: Option<Silent>,
}

impl Quiet {
    /// What a silence, new or grown, makes of the incident.
    fn take(&mut self, silent: Silent, incidents: &Blindness) -> Trouble {
        if incidents.open(Kind::FeedSilence).is_none() {
            *self = Self::default();
        }
        if let Some(last) = self.last.filter(|last| last.since != silent.since) {
            self.before += last.usual;
        }
        self.last = Some(silent);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "minutes of some weeks at most"
        )]
        let events = (self.before + silent.usual) as u64;
        Trouble {
            kind: Kind::FeedSilence,
            since: silent.since,
            last: silent.until,
            raised_at: silent.until,
            events,
            reason: words::silence(&silent),
            evidence: Vec::new(),
        }
    }
}

/// A silence is over when there was none for so long, in milliseconds.
const SPEAKING_MS: i64 = HOUR_MS;

/// Closes the silence that was over long enough before `at`.
fn end_silence(incidents: &mut Blindness, at: Timestamp, alerts: &mut Vec<Alert>) {
    let over = incidents.open(Kind::FeedSilence);
    let over = over.map(|open| open.last.plus_millis(SPEAKING_MS));
    if let Some(over) = over.filter(|over| *over <= at) {
        incidents.end(Kind::FeedSilence, over, alerts);
    }
}

/// What partitions that do not deliver come to.
fn stalled(stalled: &[Stalled], now: Timestamp) -> Option<Trouble> {
    let since = stalled.iter().map(|it| it.since).min()?;
    let withheld = stalled.iter().map(|it| it.standing.withheld);
    let evidence = stalled.iter().map(|it| Evidence {
        source: u32::try_from(it.source).unwrap_or(u32::MAX),
        first: it.standing.next,
        last: it.standing.next + it.standing.withheld.saturating_sub(1),
    });
    Some(Trouble {
        kind: Kind::FeedStalled,
        since,
        last: now,
        raised_at: now,
        events: withheld.sum(),
        reason: words::stall(stalled, now),
        evidence: evidence.collect(),
    })
}

#[cfg(test)]
mod tests;
