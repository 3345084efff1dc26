//! The sentences that say what is wrong with a feed and what to do: numbers and times alone.

use super::{Silent, Stalled, Tally};
use crate::event::Timestamp;

pub(super) fn silence(silent: &Silent) -> String {
    format!(
        "no event between {since} and {until}; in that time {usual:.0} minutes with events are usual \
         at the least, and {limit:.0} are missing about once a year by chance; ask the supplier and \
         look at its log shipper (a day off on which nobody and nothing works looks the same)",
        since = silent.since,
        until = silent.until,
        usual = silent.usual.floor(),
        limit = silent.limit.ceil(),
    )
}

pub(super) fn gap(tally: &Tally, lateness_ms: i64) -> String {
    let (first, last) = tally.run;
    let run = if first == last {
        format!("number {first}")
    } else {
        format!("numbers {first} to {last}")
    };
    let numbers = (tally.numbers > 0).then(|| {
        format!(
            "{count} of the supplier's own running numbers did not come within the lateness of \
             {lateness}, {run} last; ask the supplier for those events, or raise its lateness if \
             they come later",
            count = tally.numbers,
            lateness = span(lateness_ms),
        )
    });
    let taken = (tally.lost > 0).then(|| {
        format!(
            "retention took {lost} records of the topic before they were read; lengthen it, and ask \
             the supplier for those events",
            lost = tally.lost,
        )
    });
    let words: Vec<String> = numbers.into_iter().chain(taken).collect();
    words.join("; ")
}

pub(super) fn skew(tally: &Tally) -> String {
    format!(
        "{count} {events} dated into the future, by up to {by}; the supplier should set its clocks \
         by a time service and write times with their zone",
        count = tally.events,
        events = if tally.events == 1 {
            "event is"
        } else {
            "events are"
        },
        by = span(tally.by_ms),
    )
}

pub(super) fn stall(stalled: &[Stalled], now: Timestamp) -> String {
    let longest = stalled.iter().map(|it| now.millis_since(it.since)).max();
    let withheld: u64 = stalled.iter().map(|it| it.standing.withheld).sum();
    format!(
        "{partitions} {deliver} nothing for {time}, and {withheld} records are known to be there; look \
         at the brokers, at rights on the topic, and at the records next to the positions given",
        partitions = stalled.len(),
        deliver = if stalled.len() == 1 {
            "partition delivers"
        } else {
            "partitions deliver"
        },
        time = span(longest.unwrap_or(0)),
    )
}

/// A span of time as people say it.
fn span(millis: i64) -> String {
    let minutes = millis / 60_000;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("{} s", millis / 1_000),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units_at_most() {
        let told = [5_000, 60_000, 3_600_000, 5_400_000, 86_400_000, 97_200_000].map(span);
        assert_eq!(
            told,
            ["5 s", "1 min", "1 h", "1 h 30 min", "1 d", "1 d 3 h"]
        );
    }
}
