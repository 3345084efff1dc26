//! Gaps, stalls and skewed clocks, through the whole watch.

use super::*;

#[test]
fn numbers_that_never_come_are_one_incident_that_grows_and_ends() {
    let mut scene = Scene::new();
    let mut number = 0;
    for second in 0..200_000_i64 {
        number += match second {
            50_000 => 11,
            50_500 => 31,
            _ => 1,
        };
        scene.hear(MONDAY + second * 1_000, None, Some(number));
    }
    let told: Vec<_> = scene.alerts.iter().map(|alert| alert.state).collect();
    let [opened, escalated, closed] = [
        AlertState::Opened,
        AlertState::Escalated,
        AlertState::Closed,
    ];
    assert_eq!(told, [opened, escalated, closed]);
    let second = &scene.alerts[1];
    assert!(second.reasons[0].starts_with("40 of the supplier's own running numbers"));
    assert!(
        second.reasons[0].contains("numbers 50511 to 50540 last"),
        "{}",
        second.reasons[0]
    );
    assert_eq!(second.evidence[0].first, 50_001);
    let waited = scene.alerts[0]
        .raised_at
        .millis_since(scene.alerts[0].started_at);
    assert!((HOUR_MS..HOUR_MS + 61_000).contains(&waited), "{waited}");
}

#[test]
fn records_that_retention_took_are_a_gap() {
    let mut scene = Scene::new();
    let at = Timestamp::from_millis(MONDAY);
    scene.watch.lose(700, at, (2, 900), &mut scene.alerts);
    let alert = &scene.alerts[0];
    assert_eq!(
        (alert.kind, alert.state),
        (Kind::FeedGap, AlertState::Opened)
    );
    assert!(alert.reasons[0].starts_with("retention took 700 records"));
}

#[test]
fn a_future_date_is_skew_by_the_brokers_time_and_an_old_one_is_not() {
    let mut scene = Scene::new();
    for second in 0..10_000 {
        let now = MONDAY + second * 1_000;
        // One in a hundred is uploaded late, clocks are a minute off.
        let age = if second % 100 == 0 {
            5 * HOUR_MS
        } else {
            -MINUTE
        };
        scene.hear(now - age, Some(now), None);
    }
    assert_eq!(scene.alerts, []);
    let now = MONDAY + 10_000_000;
    let future = Timestamp::from_millis(now + 2 * HOUR_MS);
    scene.hear_at_head(future, Some(now), None);
    let alert = &scene.alerts[0];
    assert_eq!(alert.kind, Kind::ClockSkew);
    assert!(alert.reasons[0].starts_with("1 event is dated into the future, by up to 2 h;"));
}

#[test]
fn without_the_brokers_time_a_future_date_is_told_by_what_follows() {
    let mut scene = Scene::new();
    scene.hear(MONDAY, None, None);
    let future = Timestamp::from_millis(MONDAY + 30 * DAY_MS);
    scene.hear_at_head(future, None, None);
    for second in 1..200 {
        assert_eq!(scene.alerts.is_empty(), second < 121, "{second}");
        scene.hear(MONDAY + second * 1_000, None, None);
    }
    assert_eq!(scene.told(), [(Kind::ClockSkew, AlertState::Opened, 0)]);
    // A Monday morning is none: event time follows.
    let mut scene = Scene::new();
    scene.hear(MONDAY, None, None);
    let morning = MONDAY + 3 * DAY_MS;
    for _ in 0..2 {
        scene.hear_at_head(Timestamp::from_millis(morning), None, None);
    }
    for second in 1..200 {
        scene.hear(morning + second * 1_000, None, None);
    }
    assert_eq!(scene.told(), []);
}

#[test]
fn a_stalled_partition_is_told_with_what_it_withholds_and_is_over_when_it_delivers() {
    let mut scene = Scene::new();
    let mut look = |secs: i64, withheld: u64| {
        let standing = Standing {
            next: 40,
            withheld,
            is_left_out: false,
            is_reachable: true,
        };
        let outlook = Outlook {
            now: Timestamp::from_millis(MONDAY + secs * 1_000),
            is_caught_up: false,
            standings: &[standing],
        };
        scene.watch.look(outlook, &mut scene.alerts);
    };
    look(0, 12);
    look(299, 12);
    look(300, 12);
    look(301, 12);
    look(302, 0);
    let told = scene.told();
    let [opened, closed] = [AlertState::Opened, AlertState::Closed];
    assert_eq!(
        told,
        [
            (Kind::FeedStalled, opened, 0),
            (Kind::FeedStalled, closed, 0)
        ]
    );
    let alert = &scene.alerts[0];
    let words = "1 partition delivers nothing for 5 min, and 12 records are known to be there";
    assert!(alert.reasons[0].starts_with(words), "{}", alert.reasons[0]);
    assert_eq!((alert.evidence[0].first, alert.evidence[0].last), (40, 51));
}
