//! Which attacks of the labels are counted.

use std::collections::BTreeSet;

use crate::simulate::{AttackLabel, Labels};

/// What an attack must be to be counted; by default nothing in particular.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one of these families; of any where empty.
    pub families: BTreeSet<String>,
    /// Taking at least so many people, or records where it named nobody.
    pub people_min: u64,
    /// Taking at least so many times the records that its account read on a usual day before; any
    /// number where the account had no day before.
    pub times_usual_min: f64,
    /// By an account with at least so many days before it.
    pub history_days_min: u32,
}

impl Filter {
    /// Whether `attack` is counted.
    pub fn takes(&self, attack: &AttackLabel) -> bool {
        let last = attack.steps.last();
        let records = last.map_or(0, |last| last.records_total);
        let people = match last.map_or(0, |last| last.subjects_total) {
            0 => records,
            people => people,
        };
        (self.families.is_empty() || self.families.contains(&attack.family))
            && people >= self.people_min
            && records as f64 >= self.times_usual_min * attack.usual_day_records as f64
            && attack.history_days >= self.history_days_min
    }

    /// Families asked for that no attack of `labels` is of.
    pub fn strangers(&self, labels: &Labels) -> Vec<&str> {
        let known: BTreeSet<&str> = labels.attacks.iter().map(|it| it.family.as_str()).collect();
        let asked = self.families.iter().map(String::as_str);
        asked.filter(|family| !known.contains(family)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Step;

    /// A scrape of 40 people in 120 records by an account of 20 days and 12 records a day.
    fn scrape() -> AttackLabel {
        AttackLabel {
            id: "a-1".to_owned(),
            supplier: "acme".to_owned(),
            accounts: vec!["thief".to_owned()],
            account_kind: "person".to_owned(),
            history_days: 20,
            usual_day_records: 12,
            family: "scrape_fast".to_owned(),
            kinds: Vec::new(),
            steps: vec![Step {
                time: "2026-06-20T10:00:00.000Z".to_owned(),
                subjects_total: 40,
                records_total: 120,
            }],
        }
    }

    #[test]
    fn each_bound_takes_what_meets_it_and_leaves_what_does_not() {
        let of = |families: &[&str], people_min, times_usual_min, history_days_min| {
            let filter = Filter {
                families: families.iter().map(|it| (*it).to_owned()).collect(),
                people_min,
                times_usual_min,
                history_days_min,
            };
            filter.takes(&scrape())
        };
        assert!(of(&[], 0, 0.0, 0));
        assert!(of(&["slow_drip", "scrape_fast"], 40, 10.0, 20));
        assert!(!of(&["slow_drip"], 0, 0.0, 0));
        assert!(!of(&[], 41, 0.0, 0));
        assert!(!of(&[], 0, 10.1, 0));
        assert!(!of(&[], 0, 0.0, 21));
    }

    #[test]
    fn who_names_nobody_is_counted_in_records_and_a_new_account_has_no_usual_day() {
        let mut scrape = scrape();
        scrape.steps[0].subjects_total = 0;
        scrape.usual_day_records = 0;
        let filter = Filter {
            people_min: 120,
            times_usual_min: 1_000.0,
            ..Filter::default()
        };
        assert!(filter.takes(&scrape));
    }
}
