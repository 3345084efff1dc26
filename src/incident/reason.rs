//! The sentence that explains an incident: its numbers are those of the alert.

use crate::detect::{
    Explanation, Signal,
    coverage::{self, Coverage},
    habits::{Aspect, Aspects},
    sequence,
    together::Gathering,
};

/// Says what came and what is usual; then, where there is more to say, what else was too much, and
/// what the account's peers read.
pub(super) fn sentences(found: &Explanation) -> Vec<String> {
    let mut all = Vec::new();
    if !found.is_of_coverage_alone() {
        all.push(sentence(found));
    }
    all.extend(found.coverage.as_ref().map(of_the_month));
    if found.also.len() > 1 {
        let tests = found.also.iter().map(|(signal, window)| {
            let what = match signal {
                Signal::People => "people",
                Signal::Novel => "people that it had not read before",
                Signal::Idle => "people that nobody had read for a fortnight",
                Signal::Consecutive => {
                    "people that it had not read before whose ids follow on one another"
                }
                Signal::Exported | Signal::Records => "records exported",
            };
            format!("{what} in {}", window.words())
        });
        let tests: Vec<String> = tests.collect();
        all.push(format!("too much at once: {}", tests.join("; ")));
    }
    if found.days > 0 && found.peers > 0 && found.refused.is_none() {
        all.push(format!(
            "its {peers} reach {usual} in the usual case",
            peers = peers(found.peers),
            usual = number(found.peers_usual),
        ));
    }
    if let Some([week, month]) = found.lately
        && month > 0
    {
        all.push(format!(
            "{week} different people in the last 7 days, {month} in the last 30"
        ));
    }
    let people = found.observed[Signal::People as usize];
    if sequence::is_told(found.consecutive, people) {
        all.push(format!(
            "{consecutive} of the {people} people read in {window} have consecutive ids",
            consecutive = found.consecutive,
            window = found.window.words(),
        ));
    }
    all
}

/// Says how much of the supplier was read in a month.
fn of_the_month(found: &Coverage) -> String {
    let share = 100.0 * found.people as f64 / found.population.max(1) as f64;
    let peers = match found.usual {
        0 => String::new(),
        usual => format!("its peers read {usual} in the usual case; "),
    };
    format!(
        "{people} different people's records in {days} days, {share:.0} % of all; {peers}{critical} is \
         too much for any account",
        people = found.people,
        days = coverage::DAYS,
        critical = found.critical,
    )
}

/// Says what came, and what is usual.
fn sentence(found: &Explanation) -> String {
    let count = found.observed[found.signal as usize];
    let what = came(found.signal, count, found.unnamed);
    if let Some(attempts) = found.refused {
        return format!(
            "{attempts} attempts refused in {window}; {critical} is too much for this account",
            window = found.window.words(),
            critical = found.critical,
        );
    }
    let usual = number(found.expected[found.signal as usize]);
    if found.is_forbidden {
        return format!(
            "{what} in {window} by an account that was declared never to export",
            window = found.window.words(),
        );
    }
    let window = match found.unusual {
        Some((aspects, people)) => format!(
            "{}, {people} of them {}",
            found.window.words(),
            unusual(aspects)
        ),
        None => found.window.words().to_owned(),
    };
    let critical = match found.unusual {
        Some(_) => format!("{} read so", found.critical),
        None => found.critical.to_string(),
    };
    if let Some((since, excess)) = found.lasting {
        return format!(
            "{what} in a day; this account's usual day has {usual}, and since {day} its days had \
             {excess:.0} more than that in all, people of several days counted on each; {critical} \
             today is too much",
            day = &since.to_string()[..10],
        );
    }
    if found.days == 0 && found.peers == 0 {
        return format!(
            "{what} in {window}; nothing is known yet of this account nor of others like it, and \
             {critical} is too much for anybody unknown"
        );
    }
    if found.days == 0 {
        return format!(
            "{what} in {window}; this account has no history yet, its {peers} reach {usual} in \
             the usual case, and {critical} is too much for a newcomer",
            peers = peers(found.peers),
        );
    }
    let usual = of_history(found, &usual);
    if found.unusual.is_some() {
        return format!(
            "{what} in {window}; {critical} is too much; in its own circumstances, {usual}"
        );
    }
    format!("{what} in {window}; {usual}; {critical} is too much")
}

/// Says what an account with a history usually reads.
fn of_history(found: &Explanation, usual: &str) -> String {
    let days = match found.days {
        1 => "1 active day".to_owned(),
        days => format!("{days} active days"),
    };
    let beside = match found.job_size {
        0 => String::new(),
        size => format!("beside its jobs of up to {size}, "),
    };
    // What is usual leans on its peers, as far as it is not known of itself.
    if f64::from(found.seen_max) < found.expected[found.signal as usize] {
        return format!(
            "{beside}by {days} of history and its peers this account is expected to reach \
             {usual} in the usual case"
        );
    }
    let [at_hour, at_any] = if found.is_of_hour {
        [" at that hour", " at any"]
    } else {
        [""; 2]
    };
    format!(
        "{beside}in {days} of history this account reached {usual} in the usual \
         case{at_hour} and {most} at most{at_any}",
        most = found.seen_max,
    )
}

fn peers(count: u32) -> String {
    match count {
        1 => "1 peer".to_owned(),
        count => format!("{count} peers"),
    }
}

/// What to do about a program's bulk reading that no known job explains, should it be one.
pub(super) fn job_remedy(supplier: &str) -> String {
    format!("if this is a job, declare it under suppliers.{supplier}.jobs or give a verdict")
}

/// Says what came of many accounts together, and what is usual of them; then which they are.
pub(super) fn of_many(found: &Gathering) -> Vec<String> {
    let Gathering {
        accounts,
        people,
        critical,
        names,
        ..
    } = found;
    let circumstances = Aspect::ALL.into_iter().zip(found.aspects);
    let circumstances = circumstances.filter(|(_, accounts)| *accounts > 0);
    let circumstances: Vec<String> = circumstances
        .map(|(aspect, accounts)| format!("{accounts} {}", words(aspect)))
        .collect();
    let sentence = format!(
        "{accounts} accounts read in circumstances new to them ({circumstances}), where {few} do on a \
         usual day; they read {people} people's records in all that day, and on their usual days \
         {usual} in all; {critical} is too much of so many accounts",
        circumstances = circumstances.join(", "),
        few = number(found.accounts_usual),
        usual = number(found.people_usual),
    );
    let more = match accounts - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    vec![sentence, format!("accounts: {}{more}", names.join(", "))]
}

fn people_read(count: u64) -> String {
    if count == 1 {
        "1 person's record".to_owned()
    } else {
        format!("{count} different people's records")
    }
}

fn nameless(count: u64) -> String {
    if count == 1 {
        "1 record that names nobody".to_owned()
    } else {
        format!("{count} records that name nobody")
    }
}

/// What of a signal came. Records that name nobody may be as many people's, or one's.
fn came(signal: Signal, count: u64, unnamed: u64) -> String {
    match signal {
        Signal::People if unnamed == 0 => people_read(count),
        Signal::People if unnamed < count => format!(
            "{named} and {others}, {count} in all,",
            named = people_read(count - unnamed),
            others = nameless(unnamed),
        ),
        Signal::People => nameless(count),
        Signal::Novel => format!("{count} people's records that it had not read before"),
        Signal::Idle => format!("{count} people's records that nobody had read for a fortnight"),
        Signal::Consecutive => {
            format!(
                "{count} people's records that it had not read before and whose ids follow on one another"
            )
        }
        Signal::Exported | Signal::Records if count == 1 => "1 record exported".to_owned(),
        Signal::Exported | Signal::Records => format!("{count} records exported"),
    }
}

/// In what circumstances they were read.
fn unusual(aspects: Aspects) -> String {
    let found = Aspect::ALL
        .into_iter()
        .filter(|aspect| aspect.is_in(aspects));
    found.map(words).collect::<Vec<_>>().join(" and ")
}

const fn words(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Sleeper => "after weeks without a read",
        Aspect::Address => "from an address new to it",
        Aspect::Agent => "with a program new to it",
        Aspect::Fields => "with attributes new to it",
        Aspect::Sequence => "id by id",
    }
}

/// A mean as people read it: one decimal below ten, none above.
fn number(mean: f64) -> String {
    if mean < 10.0 {
        format!("{mean:.1}")
    } else {
        format!("{mean:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Maturity, Window};

    fn found() -> Explanation {
        Explanation {
            window: Window::Hour,
            signal: Signal::People,
            observed: [32, 0, 5, 1, 0, 40],
            actions: 32,
            unnamed: 0,
            expected: [4.12, 1.0, 1.5, 1.0, 1.0, 6.0],
            critical: 28,
            score: 16.1,
            seen_max: 19,
            days: 17,
            maturity: Maturity::Mature,
            peers: 80,
            peers_usual: 5.2,
            also: vec![(Signal::People, Window::Hour)],
            job_size: 0,
            is_of_hour: false,
            is_forbidden: false,
            lasting: None,
            unusual: None,
            refused: None,
            coverage: None,
            lately: None,
            consecutive: 0,
        }
    }

    #[test]
    fn the_sentence_says_beside_what_and_at_which_hour() {
        let found = Explanation {
            job_size: 1_540,
            is_of_hour: true,
            ..found()
        };
        assert_eq!(
            sentence(&found),
            "32 different people's records in 1 hour; beside its jobs of up to 1540, in 17 active days \
             of history this account reached 4.1 in the usual case at that hour and 19 at most at any; \
             28 is too much"
        );
    }

    #[test]
    fn the_sentence_says_what_came_and_what_is_usual() {
        assert_eq!(
            sentence(&found()),
            "32 different people's records in 1 hour; in 17 active days of history this account \
             reached 4.1 in the usual case and 19 at most; 28 is too much"
        );
    }

    #[test]
    fn what_is_usual_is_not_said_to_be_more_than_the_most() {
        let quiet = Explanation {
            seen_max: 0,
            unnamed: 32,
            ..found()
        };
        assert_eq!(
            sentence(&quiet),
            "32 records that name nobody in 1 hour; by 17 active days of history and its peers this \
             account is expected to reach 4.1 in the usual case; 28 is too much"
        );
    }

    #[test]
    fn people_and_records_that_name_nobody_are_told_apart() {
        let some = Explanation {
            unnamed: 20,
            ..found()
        };
        let told = sentence(&some);
        let start =
            "12 different people's records and 20 records that name nobody, 32 in all, in 1 hour; ";
        assert!(told.starts_with(start), "{told}");
    }

    #[test]
    fn consecutive_ids_are_told_where_half_of_the_people_have_them() {
        let told = |consecutive| {
            let found = Explanation {
                consecutive,
                ..found()
            };
            sentences(&found).pop().unwrap()
        };
        let sentence = "30 of the 32 people read in 1 hour have consecutive ids";
        assert_eq!(told(30), sentence);
        assert!(!told(15).contains("consecutive"), "{}", told(15));
    }

    #[test]
    fn a_newcomer_is_told_by_its_peers() {
        let newcomer = Explanation { days: 0, ..found() };
        let sentence = sentence(&newcomer);
        assert!(
            sentence.contains("no history yet, its 80 peers"),
            "{sentence}"
        );
    }
}
