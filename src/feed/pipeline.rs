//! Repeats, detector and incident tracker of one feed, composed; free of IO.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use crate::{
    detect::{
        self, AHEAD, Detector, Finding,
        exceedance::Exceedance,
        headroom::Probe,
        watermark::{Watermark, Witness},
    },
    event::{AccessEvent, Action, Glance, HOUR_MS, Timestamp},
    feed::{
        Config,
        repeats::{Repeat, Repeats},
        watch::{self, Outlook, Watch},
    },
    incident::{
        self, Alert, Detections, Judged, OpenBy, Sighting, Tracker, Verdict, VerdictCounts,
    },
    ingest::Record,
};

/// What a pipeline has counted since it began; the caller publishes differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events decided, late and conflicting ones included, by action in [`Action::ALL`] order.
    pub decided: [u64; Action::ALL.len()],
    /// Events whose id and content were known.
    pub duplicate: u64,
    /// Events whose id was known with other content.
    pub conflicting: u64,
    /// Events later than the lateness that were decided.
    pub late_decided: u64,
    /// Events later than the horizon: exposure only.
    pub late_exposure_only: u64,
    /// Events decided by how far they lay behind the head when they came: the first of
    /// [`BEHIND_MS`] that they do not pass, and last those past all.
    pub behind: [u64; BEHIND_MS.len() + 1],
    /// The sum of how far they lay behind, in milliseconds.
    pub behind_ms: u64,
}

/// Bounds by which events are told apart that come behind the head, in milliseconds: from what
/// partitions do to each other to what a nightly upload does.
pub const BEHIND_MS: [u64; 13] = [
    1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000,
    28_800_000, 43_200_000, 86_400_000,
];

impl Counts {
    fn note_behind(&mut self, millis: i64) {
        let millis = u64::try_from(millis).unwrap_or(0);
        self.behind[BEHIND_MS.partition_point(|bound| *bound < millis)] += 1;
        self.behind_ms += millis;
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It was decided.
    Decided,
    /// It was known and changed nothing.
    Duplicate,
}

/// Decides one supplier's events, one after the other.
#[derive(Debug)]
pub struct Pipeline {
    horizon_ms: i64,
    repeats: Repeats,
    watermark: Watermark,
    detector: Detector,
    tracker: Tracker,
    findings: Vec<Finding>,
    counts: Counts,
    watch: Watch,
    /// When what is decided now came, where it came just now.
    arrived: Option<Timestamp>,
    /// The hour (since 1970) of the watermark when old ids were last forgotten.
    swept_hour: i64,
}

impl Pipeline {
    /// An empty pipeline for `supplier`.
    pub fn new(supplier: &str, config: Config) -> Self {
        let limits = config.limits;
        let watch = watch::Config {
            lateness_ms: config.lateness_ms,
            quiet_ms: config.quiet_ms,
            stall_ms: config.stall_ms,
            delivery_ms: config.delivery_ms,
            severity_people: config.severity_people,
            calendar: config.declared.calendar.clone(),
        };
        Self {
            horizon_ms: config.horizon_ms,
            repeats: Repeats::new(limits.known_ids_max),
            watermark: Watermark::new(config.lateness_ms),
            detector: Detector::new(detect::Config {
                population: config.population,
                lateness_ms: config.lateness_ms,
                horizon_ms: config.horizon_ms,
                datasets: config.datasets,
                accounts_max: limits.accounts_max,
                subjects_max: limits.subjects_max,
                pairs_max: limits.pairs_max,
                declared: config.declared,
                parts: config.parts,
                false_alerts_per_account_day: config.false_alerts_per_account_day,
            }),
            tracker: Tracker::new(incident::Config {
                supplier: supplier.to_owned(),
                quiet_ms: config.quiet_ms,
                horizon_ms: config.horizon_ms,
                population: config.population,
                severity_people: config.severity_people,
                incidents_max: limits.incidents_max,
                verdicts: config.verdicts,
                verdicts_max: limits.verdicts_max,
                suppressions: config.suppressions,
            }),
            findings: Vec::new(),
            counts: Counts::default(),
            watch: Watch::new(supplier, watch),
            arrived: None,
            swept_hour: i64::MIN,
        }
    }

    /// Decides `event`, which lies at `record` of `source`, and appends the alerts it raises.
    pub fn observe(
        &mut self,
        event: &AccessEvent<'_>,
        source: u32,
        record: Record,
        alerts: &mut Vec<Alert>,
    ) -> Decision {
        let too_old = self
            .watermark()
            .is_some_and(|mark| event.time < mark.plus_millis(-self.horizon_ms));
        if !too_old {
            match self
                .repeats
                .observe(event.id_hash, event.content_hash, event.time)
            {
                Repeat::New => {}
                Repeat::Duplicate => {
                    self.counts.duplicate += 1;
                    return Decision::Duplicate;
                }
                Repeat::Conflict => self.counts.conflicting += 1,
            }
        }
        self.counts.decided[event.action as usize] += 1;
        let behind = self.head().map_or(0, |head| head.millis_since(event.time));
        self.counts.note_behind(behind);
        let (detector, head) = (&self.detector, self.watermark.head());
        let witness = || Witness {
            account: hash_of(event.account),
            is_known: head.is_some_and(|head| detector.knew(event.account, head)),
        };
        let are_several_active = || head.is_some_and(|head| detector.are_several_active(head));
        if self
            .watermark
            .observe(event.time, witness, are_several_active)
        {
            self.advance(alerts);
        }
        let late = self.watermark().is_some_and(|mark| event.time < mark);
        if let Some(head) = self.watermark.head()
            && !too_old
        {
            self.watch
                .observe(event, (source, record), head, self.arrived, alerts);
        }
        let sighting = |seen| Sighting {
            seen,
            known_at: event.time,
            source,
            position: record.position,
            appended_ms: record.appended_ms,
            late,
        };
        if too_old {
            self.counts.late_exposure_only += 1;
            if let Some(seen) = self.detector.glance(event) {
                self.tracker
                    .expose(&sighting(seen), &mut self.detector, alerts);
            }
            return Decision::Decided;
        }
        self.counts.late_decided += u64::from(late);
        self.findings.clear();
        let is_refused = detect::refused::is_refused(event);
        if is_refused {
            self.tracker
                .note_refused(event.time, source, record.position);
        }
        if let Some(seen) = self.detector.observe(event, &mut self.findings) {
            if !is_refused {
                self.tracker.note(event, &seen);
            }
            self.tracker
                .observe(&sighting(seen), &self.findings, &mut self.detector, alerts);
        }
        Decision::Decided
    }

    /// Looks at what deciding these events will touch, so that [`observe`](Self::observe) finds it
    /// in the processor's caches: at most [`AHEAD`](crate::detect::AHEAD) of them, those that come
    /// next. Changes nothing, and does nothing for a feed that fits the caches as it is.
    pub fn prefetch<'a>(&self, ahead: impl Iterator<Item = Glance<'a>> + Clone) {
        if self.accounts().iter().sum::<usize>() < PREFETCHED_ACCOUNTS_MIN {
            return;
        }
        let ids = ahead.clone().take(AHEAD);
        let known = ids.filter(|glance| self.repeats.may_know(glance.id_hash));
        std::hint::black_box((known.count(), self.detector.prefetch(ahead)));
    }

    /// Says when the events that are decided next came: nothing where they have waited.
    pub const fn arriving(&mut self, at: Option<Timestamp>) {
        self.arrived = at;
    }

    /// Takes in that retention took `records` of `source` before they were read; the next one is
    /// of `time` and at `position`.
    pub fn lose(
        &mut self,
        records: u64,
        time: Timestamp,
        next: (u32, u64),
        alerts: &mut Vec<Alert>,
    ) {
        self.watch.lose(records, time, next, alerts);
    }

    /// Looks at the feed as it is now, beside what its events say.
    pub fn look(&mut self, outlook: Outlook<'_>, alerts: &mut Vec<Alert>) {
        self.watch.look(outlook, alerts);
    }

    fn advance(&mut self, alerts: &mut Vec<Alert>) {
        let Some((head, mark)) = self.head().zip(self.watermark()) else {
            return;
        };
        let tracker = &mut self.tracker;
        let mut teaching = |account, day| tracker.teaching(account, day);
        for gathering in self.detector.advance(mark, &mut teaching) {
            self.tracker.gather(gathering, &self.detector, alerts);
        }
        for (seen, findings) in self.detector.test_again() {
            self.tracker
                .observe_again(seen, (head, mark), &findings, &mut self.detector, alerts);
        }
        self.watch.advance(head, alerts);
        self.tracker.advance(mark, &mut self.detector, alerts);
        let hour = mark.as_millis().div_euclid(HOUR_MS);
        if hour != self.swept_hour {
            self.swept_hour = hour;
            self.repeats.forget(mark.plus_millis(-self.horizon_ms));
            self.tracker.forget(mark);
        }
    }

    /// Takes an analyst's verdict on an incident, given at a moment. What it teaches is in force from
    /// the end of the incident's day on.
    pub fn judge(&mut self, incident: &str, at: Timestamp, verdict: Verdict) -> Judged {
        self.tracker.judge(incident, at, verdict, &self.detector)
    }

    /// What became of verdicts since the pipeline began.
    pub fn verdict_counts(&self) -> VerdictCounts {
        self.tracker.verdict_counts()
    }

    /// The incidents whose verdict a day end has counted.
    pub fn judged(&self) -> impl Iterator<Item = &str> {
        self.tracker.judged()
    }

    /// What its accounts could take from here without an alarm; nothing before the first event.
    pub fn headroom(&self) -> Option<Probe<'_>> {
        Some(Probe::new(&self.detector, self.head()?))
    }

    /// What was counted since the pipeline began.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The moment before which no event is awaited any more; nothing before the first event.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.watermark.watermark()
    }

    /// The highest event time seen, implausible jumps left out.
    pub fn head(&self) -> Option<Timestamp> {
        self.watermark.head()
    }

    /// Incidents open now, those of the feed itself included.
    pub fn incidents_open(&self) -> usize {
        self.tracker.open() + self.watch.open()
    }

    /// Incidents open now, by kind and severity.
    pub fn open_by(&self) -> OpenBy {
        let mut open = self.tracker.open_by();
        self.watch.add_open(&mut open);
        open
    }

    /// Whether the incident of the feed itself of that id is open.
    pub fn has_open(&self, incident: &str) -> bool {
        self.watch.has_open(incident)
    }

    /// Events that crossed a window of an open incident, since the pipeline began.
    pub fn detections(&self) -> &Detections {
        self.tracker.detections()
    }

    /// How often scores passed fixed levels, and how often they should have, since the pipeline
    /// began.
    pub fn exceedance(&self) -> &Exceedance {
        self.detector.exceedance()
    }

    /// Accounts remembered, by phase in [`Maturity::ALL`](crate::detect::Maturity::ALL) order.
    pub fn accounts(&self) -> [usize; 3] {
        self.detector.accounts()
    }

    /// Bytes of state held, estimated, by component.
    pub fn state_bytes(&self) -> [(&'static str, usize); 4] {
        let [accounts, subjects] = self.detector.bytes();
        [
            ("accounts", accounts),
            ("subjects", subjects),
            ("known_ids", self.repeats.bytes()),
            ("incidents", self.tracker.bytes()),
        ]
    }

    /// How often each of [`LIMITS`] was met.
    pub fn limits_reached(&self) -> [(&'static str, u64); LIMITS.len()] {
        let [accounts, subjects, pairs, panes, fields, roles] = self.detector.limits_reached();
        let known_ids = self.repeats.limit_reached();
        let incidents = self.tracker.limit_reached();
        let numbers = self.watch.limit_reached();
        let of_feed = [known_ids, incidents, numbers];
        let of_accounts = [accounts, subjects, pairs, panes, fields, roles];
        let mut times = of_accounts.into_iter().chain(of_feed);
        LIMITS.map(|limit| (limit, times.next().unwrap_or(0)))
    }
}

/// With fewer accounts than these their state, some kilobytes each, stays in the caches.
const PREFETCHED_ACCOUNTS_MIN: usize = 4_096;

/// The limits that a pipeline may meet.
pub const LIMITS: [&str; 9] = [
    "accounts",
    "subjects",
    "pairs",
    "panes",
    "fields",
    "roles",
    "known_ids",
    "incidents",
    "numbers",
];

/// A hash of an account's name, the same in every run: the watermark tells accounts apart by it.
fn hash_of(account: &str) -> u64 {
    let mut hash = SipHasher13::new();
    hash.write(account.as_bytes());
    hash.finish()
}
