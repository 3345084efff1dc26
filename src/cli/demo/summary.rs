//! The closing words: what was planted, what was caught, and what else was told.

use std::fmt::{self, Write as _};

use crate::{
    event::Timestamp,
    score::{self, Alert, Fate, LEARNING_DAYS, Score},
    simulate::Labels,
};

/// Says what became of each theft that was over by `now`.
///
/// # Errors
/// Labels with a time that is none.
pub(super) fn of(
    labels: &Labels,
    alerts: &[Alert],
    now: Timestamp,
) -> Result<String, score::Error> {
    let fates = score::fates(labels, alerts)?;
    let over: Vec<&Fate<'_>> = fates.iter().filter(|fate| fate.ended_at <= now).collect();
    let score = score::score(labels, alerts)?;
    let mut words = String::new();
    // Writing to a string cannot fail.
    let _written = write(&mut words, &over, &score);
    Ok(words)
}

fn write(out: &mut String, fates: &[&Fate<'_>], score: &Score) -> fmt::Result {
    let caught = fates.iter().filter(|fate| fate.raised_at.is_some());
    let [learning, after] = ["learning", "after"].map(|period| score.false_in(period));
    let incidents = match learning + after {
        1 => "1 other incident".to_owned(),
        count => format!("{count} other incidents"),
    };
    if !fates.is_empty() {
        writeln!(out, "\nPlanted:")?;
    }
    for fate in fates {
        writeln!(out, "  {}", line(fate))?;
    }
    write!(
        out,
        "\nCaught {} of {} thefts. {incidents}, {learning} of them in the first \
         {LEARNING_DAYS} days, when little is known yet.",
        caught.count(),
        fates.len(),
    )
}

fn line(fate: &Fate<'_>) -> String {
    let label = fate.label;
    let taken = label.steps.last();
    let taken = match taken.map_or((0, 0), |last| (last.subjects_total, last.records_total)) {
        (0, records) => format!("{records} records"),
        (people, _) => format!("{people} people"),
    };
    let end = match fate.raised_at {
        None => "MISSED".to_owned(),
        Some(raised) => format!(
            "caught after {}, {:.0} % of it out",
            span(raised.millis_since(fate.began_at)),
            100.0 * fate.share_out
        ),
    };
    format!(
        "{:<20}{:<22}{:<18}{taken:>14}   {end}",
        label.family.replace('_', " "),
        label.accounts.first().map_or("", String::as_str),
        label.supplier,
    )
}

fn span(millis: i64) -> String {
    match millis / 1_000 {
        seconds @ ..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{parse_alert, parse_labels};

    #[test]
    fn thefts_that_are_over_are_caught_or_missed() {
        let labels = r#"{"schema":"rosterwatch.labels/1","seed":1,
            "from":"2026-06-01T00:00:00Z","to":"2026-06-29T00:00:00Z","account_days":{},"benign":[],
            "attacks":[
              {"id":"a-1","supplier":"acme","accounts":["thief"],"account_kind":"person",
               "history_days":20,"usual_day_records":9,"family":"scrape_fast","kinds":[],"steps":[
                {"time":"2026-06-20T10:00:00Z","subjects_total":10,"records_total":10},
                {"time":"2026-06-20T10:05:00Z","subjects_total":40,"records_total":40}]},
              {"id":"a-2","supplier":"acme","accounts":["other"],"account_kind":"person",
               "history_days":20,"usual_day_records":9,"family":"one_shot_export","kinds":[],"steps":[
                {"time":"2026-06-21T10:00:00Z","subjects_total":0,"records_total":500}]},
              {"id":"a-3","supplier":"acme","accounts":["later"],"account_kind":"person",
               "history_days":20,"usual_day_records":9,"family":"one_shot_export","kinds":[],"steps":[
                {"time":"2026-06-28T10:00:00Z","subjects_total":9,"records_total":9}]}]}"#;
        let alert = r#"{"schema":"rosterwatch.alert/1","incident":"i","revision":1,"supplier":"acme",
            "account":"thief","account_kind":"person","raised_at":"2026-06-20T10:02:30Z"}"#;
        let stray = r#"{"schema":"rosterwatch.alert/1","incident":"j","revision":1,"supplier":"acme",
            "account":"other","account_kind":"person","raised_at":"2026-06-03T10:00:00Z"}"#;
        let alerts = [alert, stray].map(|alert| parse_alert(alert).unwrap());
        let labels = parse_labels(labels).unwrap();
        let now = labels.attacks[1].steps[0].time.parse::<jiff::Timestamp>();
        let now = Timestamp::from_millis(now.unwrap().as_millisecond());
        let words = of(&labels, &alerts, now).unwrap();
        let expected = "
Planted:
  scrape fast         thief                 acme                   40 people   caught after 2 min, 25 % of it out
  one shot export     other                 acme                 500 records   MISSED

Caught 1 of 2 thefts. 1 other incident, 1 of them in the first 14 days, when little is known yet.";
        assert_eq!(words, expected);
    }
}
