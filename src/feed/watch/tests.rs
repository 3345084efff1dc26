//! Suppliers' weeks as data: when they have events, what happens to the feed, and which silences are
//! told.

use super::*;
use crate::{
    event::{AccountKind, Action, DAY_MS, Names, Outcome},
    incident::AlertState,
};

mod trouble;

const MINUTE: i64 = 60_000;
const WEEK: i64 = 7 * DAY_MS;
/// A Monday, 2026-06-01.
const MONDAY: i64 = 1_780_272_000_000;

/// A feed, and what was told of it.
struct Scene {
    watch: Watch,
    head: Timestamp,
    position: u64,
    alerts: Vec<Alert>,
}

impl Scene {
    fn new() -> Self {
        let config = Config {
            lateness_ms: HOUR_MS,
            quiet_ms: DAY_MS,
            stall_ms: 5 * MINUTE,
            delivery_ms: None,
            severity_people: [25, 100, 500],
            calendar: Calendar::default(),
        };
        Self {
            watch: Watch::new("s", config),
            head: Timestamp::default(),
            position: 0,
            alerts: Vec::new(),
        }
    }

    /// An event of `time`, appended by the broker at `appended`; its head follows.
    fn hear(&mut self, time: i64, appended: Option<i64>, seq: Option<u64>) {
        let time = Timestamp::from_millis(time);
        self.head = self.head.max(time);
        self.hear_at_head(time, appended, seq);
    }

    fn hear_at_head(&mut self, time: Timestamp, appended: Option<i64>, seq: Option<u64>) {
        self.position += 1;
        let record = Record {
            start: 0,
            len: 0,
            position: self.position,
            appended_ms: appended.unwrap_or(-1),
        };
        self.watch.advance(self.head, &mut self.alerts);
        let event = event(time, seq);
        self.watch
            .observe(&event, (0, record), self.head, None, &mut self.alerts);
    }

    fn look(&mut self, now: i64, is_caught_up: bool) {
        let outlook = Outlook {
            now: Timestamp::from_millis(now),
            is_caught_up,
            standings: &[],
        };
        self.watch.look(outlook, &mut self.alerts);
    }

    /// Opened and closed alerts: kind, state, and hours since the first Monday.
    fn told(&self) -> Vec<(Kind, AlertState, i64)> {
        let told = self.alerts.iter();
        let told = told.filter(|alert| alert.state != AlertState::Escalated);
        told.map(|alert| {
            let hours = (alert.raised_at.as_millis() - MONDAY).div_euclid(HOUR_MS);
            (alert.kind, alert.state, hours)
        })
        .collect()
    }
}

fn event(time: Timestamp, seq: Option<u64>) -> AccessEvent<'static> {
    AccessEvent {
        id: "",
        time,
        supplier: "s",
        account: "clerk",
        account_kind: AccountKind::Person,
        role: None,
        action: Action::View,
        dataset: "personnel",
        subjects: Names::Strs(&[]),
        records: None,
        bytes: None,
        fields: Names::Strs(&[]),
        operation: None,
        outcome: Outcome::Success,
        source_ip: None,
        user_agent: None,
        session: None,
        seq,
        id_hash: 0,
        content_hash: 0,
    }
}

/// How likely a minute has an event, by the hour of the week (from Monday).
type Hours = fn(i64) -> f64;

fn clerks(hour: i64) -> f64 {
    let is_work = hour < 120 && (8..17).contains(&(hour % 24));
    if is_work { 0.5 } else { 0.0 }
}

fn clerks_and_a_nightly_job(hour: i64) -> f64 {
    if hour % 24 == 2 { 1.0 } else { clerks(hour) }
}

fn round_the_clock(_: i64) -> f64 {
    0.9
}

fn some_a_day(hour: i64) -> f64 {
    clerks(hour) / 30.0
}

/// A number in 0..1 that hangs on its place alone.
fn luck(seed: i64, minute: i64) -> f64 {
    let mixed = (seed * 1_000_003 + minute).cast_unsigned();
    let mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Minutes with events of `weeks` weeks, in milliseconds since the first Monday.
fn minutes(hours: Hours, seed: i64, weeks: i64) -> impl Iterator<Item = i64> {
    let all = 0..weeks * 7 * 1_440;
    all.filter(move |minute| luck(seed, *minute) < hours(minute / 60 % 168))
        .map(|minute| minute * MINUTE)
}

/// What happens in the sixth week: hours (from its Monday) without events, or the shift of the
/// clock.
struct Event {
    name: &'static str,
    hours: Hours,
    silent: std::ops::Range<i64>,
    shift_hours: i64,
    /// The silences told, by the hour in which each ended.
    told: &'static [i64],
}

#[test]
fn silences_that_have_ended_are_told_by_event_time() {
    let none = 0..0;
    let events = [
        Event {
            name: "clerks as usual",
            hours: clerks,
            silent: none.clone(),
            shift_hours: 0,
            told: &[],
        },
        Event {
            name: "clerks, an outage at noon of Wednesday",
            hours: clerks,
            silent: 60..62,
            shift_hours: 0,
            told: &[62],
        },
        Event {
            name: "clerks, the first bank holiday ever: looks like an outage of the night",
            hours: clerks,
            silent: 0..24,
            shift_hours: 0,
            told: &[24 + 8],
        },
        Event {
            name: "clerks, the clock is changed",
            hours: clerks,
            silent: none.clone(),
            shift_hours: 1,
            told: &[],
        },
        Event {
            name: "a job that fails once is no silence",
            hours: clerks_and_a_nightly_job,
            silent: 48..51,
            shift_hours: 0,
            told: &[],
        },
        Event {
            name: "round the clock, half an hour of Sunday night",
            hours: round_the_clock,
            silent: 150..151,
            shift_hours: 0,
            told: &[151],
        },
        Event {
            name: "some events a day, none in a week",
            hours: some_a_day,
            silent: 0..168,
            shift_hours: 0,
            told: &[176],
        },
    ];
    for event in events {
        let mut scene = Scene::new();
        for minute in minutes(event.hours, 7, 8) {
            let of_sixth = minute.div_euclid(HOUR_MS) - 5 * 168;
            if event.silent.contains(&of_sixth) {
                continue;
            }
            let shift = if of_sixth >= 0 { event.shift_hours } else { 0 };
            scene.hear(MONDAY + minute + shift * HOUR_MS, None, None);
        }
        let opened: Vec<_> = (scene.told().iter())
            .filter(|(_, state, _)| *state == AlertState::Opened)
            .map(|&(kind, _, hour)| (kind, hour - 5 * 168))
            .collect();
        let expected = event.told.iter().map(|hour| (Kind::FeedSilence, *hour));
        assert_eq!(opened, expected.collect::<Vec<_>>(), "{}", event.name);
    }
}

/// Goal: one false silence a year at most is what is promised. Method: suppliers of three rhythms
/// over half a year each, of which the first five weeks are learning.
#[test]
fn false_silences_are_as_rare_as_said() {
    let mut false_ones = 0;
    let rhythms: [Hours; 3] = [clerks, round_the_clock, some_a_day];
    let suppliers = 8;
    for (number, hours) in (0_i64..).zip(rhythms) {
        for supplier in 0..suppliers {
            let mut scene = Scene::new();
            for minute in minutes(hours, 100 * number + supplier, 26) {
                scene.hear(MONDAY + minute, None, None);
            }
            let told = scene.told();
            let opened = told.iter().filter(|it| it.1 == AlertState::Opened);
            false_ones += opened.count();
        }
    }
    // 24 suppliers, 21 weeks each: ten years.
    assert!(false_ones <= 10, "{false_ones}");
}

#[test]
fn a_silence_that_lasts_is_told_within_minutes_and_is_over_an_hour_after_it_ended() {
    let mut scene = Scene::new();
    let stop = 5 * WEEK + 2 * DAY_MS + 11 * HOUR_MS;
    for minute in minutes(clerks, 3, 6).take_while(|minute| *minute < stop) {
        scene.hear(MONDAY + minute, Some(MONDAY + minute + 2_000), None);
    }
    for now in (stop..stop + 90 * MINUTE).step_by(1_000) {
        scene.look(MONDAY + now, false);
    }
    assert_eq!(scene.alerts, [], "behind, nothing is silent");
    let told = (stop..stop + 90 * MINUTE).step_by(1_000).find(|now| {
        scene.look(MONDAY + now, true);
        !scene.alerts.is_empty()
    });
    let told = told.unwrap();
    assert!(told - stop < 45 * MINUTE, "{} min", (told - stop) / MINUTE);
    assert_eq!(scene.alerts[0].account, None);
    assert!(scene.alerts[0].started_at <= Timestamp::from_millis(MONDAY + stop));
    let again = stop + 100 * MINUTE;
    for minute in (again..again + 3 * HOUR_MS).step_by(60_000) {
        scene.hear(MONDAY + minute, Some(MONDAY + minute + 2_000), None);
        scene.look(MONDAY + minute + 3_000, true);
    }
    let last = scene.alerts.last().unwrap();
    assert_eq!(last.state, AlertState::Closed);
    assert_eq!(last.incident, scene.alerts[0].incident);
    let opened = scene.told().len();
    assert_eq!(
        opened, 2,
        "told once by the wall, and not again by event time"
    );
}

#[test]
fn a_weekend_is_no_silence_and_neither_is_a_night_before_its_upload() {
    for is_batch in [false, true] {
        let mut scene = Scene::new();
        // A day's events come together at 02:10 of the next.
        let arrival = |minute: i64| {
            if is_batch {
                (minute.div_euclid(DAY_MS) + 1) * DAY_MS + 130 * MINUTE
            } else {
                minute + 2_000
            }
        };
        let mut events = minutes(clerks, 5, 7).peekable();
        let looked = 5 * WEEK..7 * WEEK;
        for now in (0..looked.end).step_by(10 * 60_000) {
            while let Some(minute) = events.next_if(|minute| arrival(*minute) <= now) {
                scene.hear(MONDAY + minute, Some(MONDAY + arrival(minute)), None);
            }
            if looked.contains(&now) {
                scene.look(MONDAY + now, true);
            }
        }
        assert_eq!(scene.told(), [], "batches: {is_batch}");
        // The upload of the next Monday does not come.
        let told = (looked.end..looked.end + 3 * DAY_MS)
            .step_by(10 * 60_000)
            .find(|now| {
                scene.look(MONDAY + now, true);
                !scene.alerts.is_empty()
            });
        let hours = (told.unwrap() - looked.end) / HOUR_MS;
        // Work begins at eight, and an hour counts for as little as its neighbours; an upload is
        // due at 02:10 of the day after.
        let due = if is_batch { 27..28 } else { 9..10 };
        assert!(due.contains(&hours), "batches {is_batch}: after {hours} h");
    }
}
