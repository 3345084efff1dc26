//! The thefts of a world: labelled step by step, apart from one another, and harmless to others.

use std::collections::{BTreeMap, BTreeSet};

use rosterwatch::simulate::{Family, Line, Plan};
use serde_json::Value;

use super::{events, millis, play, small, small_world, subjects, text};

/// Events by supplier and account, in the order of the supplier's log.
fn by_account(lines: &[Line]) -> BTreeMap<(String, String), Vec<Value>> {
    let mut by_account: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for event in events(lines) {
        let key = (text(&event, "supplier"), text(&event, "account"));
        by_account.entry(key).or_default().push(event);
    }
    by_account
}

fn exposes(event: &Value) -> bool {
    let idle = ["login", "create", "update", "delete"].contains(&&*text(event, "action"));
    !idle && text(event, "outcome") == "success" && event["records"].as_u64() != Some(0)
}

#[test]
fn attack_steps_are_events_of_their_accounts_and_add_up() {
    let (lines, labels) = small_world();
    let by_account = by_account(lines);
    for attack in &labels.attacks {
        let own = attack.accounts.iter().flat_map(|account| {
            let key = (attack.supplier.clone(), account.clone());
            by_account[&key].iter().filter(|event| exposes(event))
        });
        let mut reads: BTreeMap<String, Vec<(u64, usize)>> = BTreeMap::new();
        for event in own {
            let size = (event["records"].as_u64().unwrap(), subjects(event).len());
            reads.entry(text(event, "time")).or_default().push(size);
        }
        let (mut people, mut records) = (0, 0);
        for step in &attack.steps {
            let (named, read) = (step.subjects_total - people, step.records_total - records);
            let same_time = &reads[&step.time];
            let is_read = |&(of, names): &(u64, usize)| of == read && names as u64 >= named;
            assert!(same_time.iter().any(is_read), "{}: {step:?}", attack.id);
            (people, records) = (step.subjects_total, step.records_total);
        }
        assert!(attack.steps.is_sorted_by_key(|step| millis(&step.time)));
        assert!(people == 0 || people <= records, "{}", attack.id);
    }
}

#[test]
fn a_theft_in_a_session_of_its_own_is_labelled_whole() {
    let (lines, labels) = small_world();
    let by_account = by_account(lines);
    let alone = [
        "one_shot_export",
        "scrape_fast",
        "scrape_hours",
        "scrape_working_day",
        "new_account",
        "dormant_account",
        "search_harvest",
        "sequential_ids",
        "split_export",
    ];
    let mut seen = 0;
    for attack in labels
        .attacks
        .iter()
        .filter(|it| alone.contains(&&*it.family))
    {
        seen += 1;
        let own = &by_account[&(attack.supplier.clone(), attack.accounts[0].clone())];
        let first = &attack.steps[0];
        let is_first = |event: &&Value| {
            text(event, "time") == first.time
                && event["records"].as_u64() == Some(first.records_total)
        };
        let session = own
            .iter()
            .find(is_first)
            .map(|event| text(event, "session"));
        let session = session.unwrap();
        let (mut people, mut records, mut steps) = (BTreeSet::new(), 0, Vec::new());
        let theft = own.iter().filter(|event| text(event, "session") == session);
        for event in theft.filter(|event| exposes(event)) {
            people.extend(subjects(event));
            records += event["records"].as_u64().unwrap();
            steps.push((text(event, "time"), people.len() as u64, records));
        }
        let labelled = attack.steps.iter();
        let labelled: Vec<_> = labelled
            .map(|step| (step.time.clone(), step.subjects_total, step.records_total))
            .collect();
        assert_eq!(labelled, steps, "{}", attack.id);
        assert!(records >= 40, "{}: {records} records", attack.id);
        let days = |text: &str| millis(text).div_euclid(86_400_000);
        let began = own.iter().map(|event| days(&text(event, "time"))).min();
        let history = days(&first.time) - began.unwrap();
        assert_eq!(i64::from(attack.history_days), history, "{}", attack.id);
        if attack.family == "new_account" {
            assert_eq!(attack.usual_day_records, 0, "{}", attack.id);
        }
    }
    assert!(seen >= 16, "{seen} thefts were looked at");
}

#[test]
fn every_family_is_planted_and_only_those_that_were_chosen() {
    let (_, labels) = small_world();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for attack in &labels.attacks {
        *counts.entry(&attack.family).or_default() += 1;
    }
    let all: BTreeMap<&str, u32> = Family::ALL.iter().map(|it| (it.as_str(), 2)).collect();
    assert_eq!(counts, all);
    let chosen = vec![Family::SlowDrip, Family::ManyAccountsTogether];
    let (_, labels) = play(Plan {
        families: chosen,
        ..small()
    });
    let families: BTreeSet<&str> = labels.attacks.iter().map(|it| &*it.family).collect();
    assert_eq!(
        families,
        BTreeSet::from(["many_accounts_together", "slow_drip"])
    );
    for attack in &labels.attacks {
        let several = attack.family == "many_accounts_together";
        assert_eq!(attack.accounts.len() >= 3, several, "{}", attack.id);
    }
}

#[test]
fn a_world_of_800_accounts_holds_20_attacks_of_each_family_on_accounts_of_their_own() {
    let plan = Plan {
        days: 35,
        suppliers: 2,
        accounts: 400,
        population: 4_000,
        attacks_per_family: 20,
        activity: 0.2,
        ..Plan::calm()
    };
    let (_, labels) = play(plan);
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut accounts = BTreeSet::new();
    for attack in &labels.attacks {
        *counts.entry(&attack.family).or_default() += 1;
        for account in &attack.accounts {
            assert!(accounts.insert(account), "{account} is in two attacks");
        }
    }
    let all: BTreeMap<&str, u32> = Family::ALL.iter().map(|it| (it.as_str(), 20)).collect();
    assert_eq!(counts, all);
}

#[test]
fn attacks_change_nothing_of_accounts_they_do_not_use() {
    let quiet = Plan {
        attacks_per_family: 0,
        ..small()
    };
    let (before, after) = (play(quiet), small_world());
    let attacked: BTreeSet<&String> = after.1.attacks.iter().flat_map(|it| &it.accounts).collect();
    let (before, after) = (by_account(&before.0), by_account(&after.0));
    let mut compared = 0;
    for (key, own) in before.iter().filter(|(key, _)| !attacked.contains(&key.1)) {
        let strip = |event: &Value| {
            let mut event = event.clone();
            event["id"].take();
            event["seq"].take();
            event
        };
        let same = own.iter().map(strip).eq(after[key].iter().map(strip));
        assert!(same, "{key:?}");
        compared += 1;
    }
    assert!(compared > 40, "{compared} accounts were compared");
}
