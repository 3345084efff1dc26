//! Alerts against labels: what was found, how much was out by then, and what was false.
//!
//! Pure: it takes the labels and alert lines as values, and knows no file and no detector.

mod filter;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::event::{AccountKind, DAY_MS, Timestamp};
use crate::score::read::parse_time;
use crate::simulate::{AttackLabel, Labels};

pub use crate::simulate::LEARNING_DAYS;
pub use filter::Filter;
pub use read::{Alert, Error, parse_alert, parse_labels};

/// Attacks of at least this many steps can be stopped on the way: their share out is a figure of
/// its own.
pub const LONG_STEPS: usize = 10;
/// The row of all kinds of accounts together.
const ALL_KINDS: &str = "all";
/// The row of incidents that are a whole supplier's.
const WHOLE_SUPPLIER: &str = "supplier";

/// The result of a scoring.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// All attacks together.
    pub all: Found,
    /// Attacks by family.
    pub families: BTreeMap<String, Found>,
    /// False incidents by period, `learning` (the first [`LEARNING_DAYS`] days of the world) and
    /// `after`, and by kind of account; `supplier` are those of no one account, `all` is the sum.
    pub false_incidents: BTreeMap<&'static str, BTreeMap<String, Rate>>,
    /// Of these, incidents inside a `benign` span, by what the span is.
    pub benign_incidents: BTreeMap<String, u64>,
    /// Incidents about feeds, by kind: neither found nor false.
    pub feed_incidents: BTreeMap<String, u64>,
    /// Whether the account-days of the periods are counted; estimated from the whole otherwise.
    pub account_days_exact: bool,
    /// Incidents that were scored.
    pub incidents: u64,
    /// Incidents left out because another took their place.
    pub superseded: u64,
    /// Attacks that were not to be counted.
    pub attacks_left_out: u64,
}

/// How attacks were found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Found {
    /// Attacks in the labels.
    pub attacks: u64,
    /// Attacks with an incident.
    pub found: u64,
    /// Share of the attacks that was found; nothing where there are none.
    pub recall: Option<f64>,
    /// Mean share of an attack that was out at its first alert; a miss counts 1.
    pub share_out: Option<f64>,
    /// The same over the found ones alone.
    pub share_out_found: Option<f64>,
    /// Attacks of [`LONG_STEPS`] steps or more.
    pub long_attacks: u64,
    /// Mean share out over these alone; a miss counts 1.
    pub long_share_out: Option<f64>,
    /// Mean seconds from an attack's first event to its first alert, over the found ones.
    pub seconds_to_detect: Option<f64>,
}

/// False incidents against the days on which they could have come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    /// False incidents.
    pub incidents: u64,
    /// Of these, incidents outside every `benign` span.
    pub outside_benign: u64,
    /// Days on which an account of this kind had an event.
    pub account_days: f64,
    /// False incidents per 1,000 account-days; nothing without account-days.
    pub per_1000: Option<f64>,
}

/// An incident: its alerts by revision.
#[derive(Default)]
struct Incident<'a> {
    alerts: BTreeMap<u64, &'a Alert>,
}

impl<'a> Incident<'a> {
    fn first(&self) -> Option<&'a Alert> {
        self.alerts.values().next().copied()
    }

    fn is_superseded(&self) -> bool {
        self.alerts.values().any(|alert| alert.superseded)
    }
}

/// An attack with its times as numbers.
struct Attack<'a> {
    label: &'a AttackLabel,
    times: Vec<Timestamp>,
}

/// Scores `alerts`, in any order, against `labels`.
pub fn score(labels: &Labels, alerts: &[Alert]) -> Result<Score, Error> {
    score_of(labels, alerts, &Filter::default())
}

/// The same of the attacks alone that `filter` takes. What finds another one is no more false for it.
pub fn score_of(labels: &Labels, alerts: &[Alert], filter: &Filter) -> Result<Score, Error> {
    let incidents = gather(alerts);
    let attacks = labels
        .attacks
        .iter()
        .map(timed)
        .collect::<Result<Vec<_>, _>>()?;
    let (feed, kept): (Vec<_>, Vec<_>) = standing(&incidents)
        .into_iter()
        .partition(|it| it.first().is_some_and(Alert::is_about_feed));
    let superseded = (incidents.len() - kept.len() - feed.len()) as u64;
    let mut tally: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut all = Tally::default();
    let counted: Vec<_> = attacks.iter().filter(|it| filter.takes(it.label)).collect();
    for attack in &counted {
        let first = attack.found_first(&kept);
        all.add(attack, first);
        tally
            .entry(&attack.label.family)
            .or_default()
            .add(attack, first);
    }
    let mut score = Score {
        all: all.finish(),
        families: tally
            .into_iter()
            .map(|(family, tally)| (family.to_owned(), tally.finish()))
            .collect(),
        false_incidents: account_days(labels)?,
        benign_incidents: BTreeMap::new(),
        feed_incidents: BTreeMap::new(),
        account_days_exact: labels.account_days_learning.is_some(),
        incidents: kept.len() as u64,
        superseded,
        attacks_left_out: (attacks.len() - counted.len()) as u64,
    };
    for alert in feed.iter().filter_map(|it| it.first()) {
        *score.feed_incidents.entry(alert.kind.clone()).or_default() += 1;
    }
    let kinds = account_kinds(labels, alerts);
    for incident in kept {
        if !attacks
            .iter()
            .any(|attack| attack.found_at(incident).is_some())
        {
            score.add_false(labels, incident, &kinds)?;
        }
    }
    score.finish_rates();
    Ok(score)
}

/// What became of one attack.
#[derive(Clone, Debug)]
pub struct Fate<'a> {
    /// The attack.
    pub label: &'a AttackLabel,
    /// Its first event.
    pub began_at: Timestamp,
    /// Its last event.
    pub ended_at: Timestamp,
    /// Its first alert; nothing where it was missed.
    pub raised_at: Option<Timestamp>,
    /// Share of it that was out at its first alert; 1 where it was missed.
    pub share_out: f64,
}

/// What became of each attack of `labels`, in their order.
///
/// # Errors
/// Labels with a time that is none.
pub fn fates<'a>(labels: &'a Labels, alerts: &[Alert]) -> Result<Vec<Fate<'a>>, Error> {
    let incidents = gather(alerts);
    let kept = standing(&incidents);
    let mut fates = Vec::new();
    for label in &labels.attacks {
        let attack = timed(label)?;
        let [Some(began_at), Some(ended_at)] = [attack.times.first(), attack.times.last()] else {
            continue;
        };
        let raised_at = attack.found_first(&kept);
        fates.push(Fate {
            label,
            began_at: *began_at,
            ended_at: *ended_at,
            raised_at,
            share_out: raised_at.map_or(1.0, |moment| attack.share_out(moment)),
        });
    }
    Ok(fates)
}

/// The incidents of `alerts` by identity; the first of equal revisions counts.
fn gather(alerts: &[Alert]) -> BTreeMap<&str, Incident<'_>> {
    let mut incidents: BTreeMap<&str, Incident<'_>> = BTreeMap::new();
    for alert in alerts {
        let incident = incidents.entry(&alert.incident).or_default();
        incident.alerts.entry(alert.revision).or_insert(alert);
    }
    incidents
}

/// Those that no other took the place of.
fn standing<'a>(incidents: &'a BTreeMap<&str, Incident<'a>>) -> Vec<&'a Incident<'a>> {
    let incidents = incidents.values();
    incidents.filter(|it| !it.is_superseded()).collect()
}

fn timed(label: &AttackLabel) -> Result<Attack<'_>, Error> {
    let times = label
        .steps
        .iter()
        .map(|step| parse_time(&step.time, "attacks.steps.time"))
        .collect::<Result<_, _>>()?;
    Ok(Attack { label, times })
}

impl Attack<'_> {
    /// When the first alert of any of `incidents` that finds this attack was raised.
    fn found_first(&self, incidents: &[&Incident<'_>]) -> Option<Timestamp> {
        let found = incidents.iter().filter_map(|it| self.found_at(it));
        found.min()
    }

    /// When the first alert of `incident` that finds this attack was raised.
    ///
    /// An alert raised before the attack began was about something else, though its episode
    /// goes on; the next revision may find it.
    fn found_at(&self, incident: &Incident<'_>) -> Option<Timestamp> {
        let (start, end) = (*self.times.first()?, *self.times.last()?);
        let finds = |alert: &Alert| {
            let names = match &alert.account {
                Some(account) => self.label.accounts.contains(account),
                // An incident of the whole supplier is about accounts that act together.
                None => self.label.accounts.len() > 1,
            };
            names
                && alert.supplier == self.label.supplier
                && alert.raised_at >= start
                && alert.started_at <= end
                && alert.last_seen_at >= start
        };
        let alerts = incident.alerts.values();
        alerts
            .filter(|alert| finds(alert))
            .map(|alert| alert.raised_at)
            .min()
    }

    /// Share of the whole that was out at `moment`: people, or records where nobody was named.
    fn share_out(&self, moment: Timestamp) -> f64 {
        let steps = &self.label.steps;
        let Some(last) = steps.last() else { return 0.0 };
        let taken = self
            .times
            .iter()
            .take_while(|time| **time <= moment)
            .count();
        let Some(at) = taken.checked_sub(1).and_then(|index| steps.get(index)) else {
            return 0.0;
        };
        let (out, whole) = match last.subjects_total {
            0 => (at.records_total, last.records_total),
            people => (at.subjects_total, people),
        };
        out as f64 / whole.max(1) as f64
    }
}

#[derive(Default)]
struct Tally {
    attacks: u64,
    found: u64,
    share: f64,
    seconds: f64,
    long_attacks: u64,
    long_share: f64,
}

impl Tally {
    fn add(&mut self, attack: &Attack<'_>, first_alert: Option<Timestamp>) {
        self.attacks += 1;
        let share = first_alert.map(|raised| attack.share_out(raised));
        if attack.times.len() >= LONG_STEPS {
            self.long_attacks += 1;
            self.long_share += share.unwrap_or(1.0);
        }
        if let (Some(raised), Some(start)) = (first_alert, attack.times.first()) {
            self.found += 1;
            self.share += share.unwrap_or_default();
            self.seconds += raised.millis_since(*start).max(0) as f64 / 1_000.0;
        }
    }

    fn finish(self) -> Found {
        let missed = (self.attacks - self.found) as f64;
        Found {
            attacks: self.attacks,
            found: self.found,
            recall: mean(self.found as f64, self.attacks),
            share_out: mean(self.share + missed, self.attacks),
            share_out_found: mean(self.share, self.found),
            long_attacks: self.long_attacks,
            long_share_out: mean(self.long_share, self.long_attacks),
            seconds_to_detect: mean(self.seconds, self.found),
        }
    }
}

fn mean(sum: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

/// Rates without incidents yet, for both periods and every kind.
fn account_days(labels: &Labels) -> Result<BTreeMap<&'static str, BTreeMap<String, Rate>>, Error> {
    let from = parse_time(&labels.from, "from")?;
    let days = (parse_time(&labels.to, "to")?.millis_since(from) as f64 / DAY_MS as f64).max(1.0);
    let share = (LEARNING_DAYS as f64 / days).min(1.0);
    let total = |by_supplier: &BTreeMap<String, BTreeMap<String, u64>>, kind: &str| {
        let kinds = by_supplier.values();
        kinds.filter_map(|kinds| kinds.get(kind)).sum::<u64>() as f64
    };
    let (mut learning, mut after) = (BTreeMap::new(), BTreeMap::new());
    let mut sums = [0.0; 2];
    let rate = |account_days| Rate {
        account_days,
        ..Rate::default()
    };
    for kind in AccountKind::ALL.map(AccountKind::as_str) {
        let whole = total(&labels.account_days, kind);
        let first = match &labels.account_days_learning {
            Some(counted) => total(counted, kind),
            None => whole * share,
        };
        sums = [sums[0] + first, sums[1] + whole - first];
        learning.insert(kind.to_owned(), rate(first));
        after.insert(kind.to_owned(), rate(whole - first));
    }
    for row in [WHOLE_SUPPLIER, ALL_KINDS] {
        learning.insert(row.to_owned(), rate(sums[0]));
        after.insert(row.to_owned(), rate(sums[1]));
    }
    Ok(BTreeMap::from([("learning", learning), ("after", after)]))
}

/// Accounts that the labels know by kind; an alert's own word for the rest.
fn account_kinds<'a>(
    labels: &'a Labels,
    alerts: &'a [Alert],
) -> BTreeMap<(&'a str, &'a str), &'a str> {
    let mut kinds = BTreeMap::new();
    for alert in alerts {
        if let Some(account) = &alert.account {
            kinds.insert((&*alert.supplier, &**account), alert.account_kind.as_str());
        }
    }
    for attack in &labels.attacks {
        for account in &attack.accounts {
            kinds.insert((&*attack.supplier, &**account), &*attack.account_kind);
        }
    }
    kinds
}

impl Score {
    fn add_false(
        &mut self,
        labels: &Labels,
        incident: &Incident<'_>,
        kinds: &BTreeMap<(&str, &str), &str>,
    ) -> Result<(), Error> {
        let Some(alert) = incident.first() else {
            return Ok(());
        };
        let account = alert.account.as_deref().unwrap_or_default();
        let kind = match kinds.get(&(&*alert.supplier, account)) {
            Some(kind) => kind,
            None => WHOLE_SUPPLIER,
        };
        let age = alert
            .raised_at
            .millis_since(parse_time(&labels.from, "from")?);
        let period = if age < LEARNING_DAYS * DAY_MS {
            "learning"
        } else {
            "after"
        };
        let mut spans = BTreeSet::new();
        for span in &labels.benign {
            let inside = span.supplier == alert.supplier
                && (span.account.is_empty() || span.account == account)
                && parse_time(&span.from, "benign.from")? <= alert.raised_at
                && alert.raised_at < parse_time(&span.to, "benign.to")?;
            if inside {
                spans.insert(&*span.what);
            }
        }
        if let Some(what) = spans.first() {
            *self.benign_incidents.entry((*what).to_owned()).or_default() += 1;
        }
        if let Some(rates) = self.false_incidents.get_mut(period) {
            for row in [kind, ALL_KINDS] {
                let rate = rates.entry(row.to_owned()).or_default();
                rate.incidents += 1;
                rate.outside_benign += u64::from(spans.is_empty());
            }
        }
        Ok(())
    }

    /// False incidents of all kinds of accounts in a `period`: `learning` or `after`.
    pub fn false_in(&self, period: &str) -> u64 {
        let kinds = self.false_incidents.get(period);
        kinds
            .and_then(|kinds| kinds.get(ALL_KINDS))
            .map_or(0, |rate| rate.incidents)
    }

    fn finish_rates(&mut self) {
        for rate in self
            .false_incidents
            .values_mut()
            .flat_map(BTreeMap::values_mut)
        {
            rate.per_1000 = (rate.account_days > 0.0)
                .then(|| 1_000.0 * rate.incidents as f64 / rate.account_days);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        let text = r#"{"schema":"rosterwatch.labels/1","seed":1,
            "from":"2026-06-01T00:00:00Z","to":"2026-06-29T00:00:00Z",
            "account_days":{"acme":{"person":2000,"service":100}},
            "attacks":[
              {"id":"a-1","supplier":"acme","accounts":["thief"],"account_kind":"person",
               "history_days":20,"usual_day_records":9,"family":"scrape_fast","kinds":["enumeration"],
               "steps":[
                {"time":"2026-06-20T10:00:00.000Z","subjects_total":10,"records_total":10},
                {"time":"2026-06-20T10:01:00.000Z","subjects_total":20,"records_total":20},
                {"time":"2026-06-20T10:02:00.000Z","subjects_total":40,"records_total":40}]},
              {"id":"a-2","supplier":"acme","accounts":["other"],"account_kind":"person",
               "history_days":20,"usual_day_records":9,"family":"one_shot_export","kinds":["bulk_export"],
               "steps":[{"time":"2026-06-21T10:00:00.000Z","subjects_total":0,"records_total":500}]}],
            "benign":[{"supplier":"acme","account":"busy","what":"campaign",
               "from":"2026-06-16T00:00:00.000Z","to":"2026-06-17T00:00:00.000Z"}]}"#;
        parse_labels(text).unwrap()
    }

    fn alert(incident: &str, revision: u64, account: &str, span: [&str; 2]) -> Alert {
        let line = format!(
            r#"{{"schema":"rosterwatch.alert/1","incident":"{incident}","revision":{revision},
            "supplier":"acme","account":"{account}","account_kind":"person",
            "started_at":"{}","raised_at":"{}","last_seen_at":"{}"}}"#,
            span[0], span[1], span[1]
        );
        parse_alert(&line).unwrap()
    }

    #[test]
    fn the_first_alert_of_an_attack_sets_what_was_out_and_when() {
        let early = alert(
            "i1",
            22,
            "thief",
            ["2026-06-20T09:59:00Z", "2026-06-20T10:01:00Z"],
        );
        let late = alert(
            "i1",
            27,
            "thief",
            ["2026-06-20T09:59:00Z", "2026-06-20T10:02:00Z"],
        );
        let score = score(&labels(), &[late, early]).unwrap();
        let scrapes = &score.families["scrape_fast"];
        assert_eq!(scrapes.recall, Some(1.0));
        assert_eq!(scrapes.share_out, Some(0.5));
        assert_eq!(scrapes.seconds_to_detect, Some(60.0));
        assert_eq!(score.all.recall, Some(0.5));
        assert_eq!(score.all.share_out, Some(0.75), "a miss counts 1");
        assert_eq!(score.all.share_out_found, Some(0.5));
        assert_eq!(score.false_incidents["after"]["person"].incidents, 0);
    }

    #[test]
    fn an_attack_that_is_not_counted_still_excuses_what_finds_it() {
        let span = ["2026-06-20T09:59:00Z", "2026-06-20T10:01:00Z"];
        let filter = Filter {
            families: ["one_shot_export".to_owned()].into(),
            ..Filter::default()
        };
        let alerts = [alert("i1", 22, "thief", span)];
        let score = score_of(&labels(), &alerts, &filter).unwrap();
        assert_eq!((score.all.attacks, score.all.found), (1, 0));
        assert_eq!(score.attacks_left_out, 1);
        assert!(!score.families.contains_key("scrape_fast"));
        assert_eq!(score.false_incidents["after"]["all"].incidents, 0);
    }

    #[test]
    fn an_export_that_names_nobody_is_measured_in_records() {
        let alerts = [alert(
            "i2",
            1,
            "other",
            ["2026-06-21T10:00:00Z", "2026-06-21T10:00:00Z"],
        )];
        let score = score(&labels(), &alerts).unwrap();
        assert_eq!(score.families["one_shot_export"].share_out, Some(1.0));
        assert_eq!(score.families["one_shot_export"].found, 1);
    }

    #[test]
    fn each_attack_has_a_fate_and_a_miss_is_out_whole() {
        let half = ["2026-06-20T09:59:00Z", "2026-06-20T10:01:00Z"];
        let labels = labels();
        let fates = fates(&labels, &[alert("i1", 22, "thief", half)]).unwrap();
        let told: Vec<_> = fates
            .iter()
            .map(|fate| {
                let raised = fate.raised_at.map(|raised| raised.to_string());
                (&*fate.label.id, raised, fate.share_out)
            })
            .collect();
        let raised = Some("2026-06-20T10:01:00.000Z".to_owned());
        assert_eq!(told, [("a-1", raised, 0.5), ("a-2", None, 1.0)]);
        assert_eq!(fates[0].ended_at.millis_since(fates[0].began_at), 120_000);
    }

    #[test]
    fn an_alert_raised_before_the_attack_does_not_find_it() {
        let before = alert(
            "i3",
            1,
            "thief",
            ["2026-06-20T09:00:00Z", "2026-06-20T09:30:00Z"],
        );
        let score = score(&labels(), &[before]).unwrap();
        assert_eq!(score.all.found, 0);
        assert_eq!(score.false_incidents["after"]["person"].incidents, 1);
    }

    #[test]
    fn a_second_incident_of_one_attack_is_neither_found_twice_nor_false() {
        let span = ["2026-06-20T10:00:00Z", "2026-06-20T10:01:00Z"];
        let twice = [alert("i4", 1, "thief", span), alert("i5", 1, "thief", span)];
        let score = score(&labels(), &twice).unwrap();
        assert_eq!((score.all.found, score.incidents), (1, 2));
        assert_eq!(score.false_incidents["after"]["person"].incidents, 0);
    }

    #[test]
    fn false_incidents_are_counted_once_by_period_and_kind() {
        let quiet = ["2026-06-03T10:00:00Z", "2026-06-03T10:00:00Z"];
        let busy = ["2026-06-16T10:00:00Z", "2026-06-16T10:00:00Z"];
        let mut gone = alert("i9", 1000, "someone", quiet);
        gone.superseded = true;
        let alerts = [
            alert("i6", 1, "someone", quiet),
            alert("i6", 2, "someone", quiet),
            alert("i7", 1, "busy", busy),
            alert(
                "i8",
                1,
                "busy",
                ["2026-06-17T10:00:00Z", "2026-06-17T10:00:00Z"],
            ),
            alert("i9", 1, "someone", quiet),
            gone,
        ];
        let score = score(&labels(), &alerts).unwrap();
        let after = &score.false_incidents["after"]["person"];
        assert_eq!(score.false_incidents["learning"]["person"].incidents, 1);
        assert_eq!((after.incidents, after.outside_benign), (2, 1));
        assert_eq!((after.account_days, after.per_1000), (1000.0, Some(2.0)));
        assert_eq!(score.benign_incidents["campaign"], 1);
        assert_eq!((score.incidents, score.superseded), (3, 1));
    }

    #[test]
    fn an_incident_of_a_whole_supplier_finds_accounts_that_act_together_and_no_other() {
        let mut labels = labels();
        let mut wide = alert(
            "i10",
            1,
            "nobody",
            ["2026-06-20T10:00:00Z", "2026-06-20T10:01:00Z"],
        );
        wide.account = None;
        let alone = score(&labels, &[wide.clone()]).unwrap();
        assert_eq!(alone.all.found, 0);
        assert_eq!(alone.false_incidents["after"]["supplier"].incidents, 1);
        assert_eq!(alone.false_incidents["after"]["all"].incidents, 1);
        labels.attacks[0].accounts.push("accomplice".to_owned());
        let together = score(&labels, &[wide]).unwrap();
        assert_eq!(together.families["scrape_fast"].found, 1);
        assert_eq!(together.false_incidents["after"]["all"].incidents, 0);
    }

    #[test]
    fn what_is_wrong_with_a_feed_is_neither_found_nor_false() {
        let mut silence = alert(
            "i11",
            1,
            "nobody",
            ["2026-06-20T10:00:00Z", "2026-06-20T10:01:00Z"],
        );
        silence.account = None;
        silence.kind = "feed_silence".to_owned();
        let score = score(&labels(), &[silence]).unwrap();
        assert_eq!(score.feed_incidents["feed_silence"], 1);
        assert_eq!((score.incidents, score.superseded), (0, 0));
        assert_eq!(score.false_incidents["after"]["all"].incidents, 0);
    }

    #[test]
    fn the_share_out_of_long_attacks_leaves_the_short_ones_out() {
        let mut labels = labels();
        let step = labels.attacks[0].steps[2].clone();
        labels.attacks[0].steps.extend(vec![step; LONG_STEPS]);
        let missed = score(&labels, &[]).unwrap();
        assert_eq!((missed.all.long_attacks, missed.all.attacks), (1, 2));
        assert_eq!(missed.all.long_share_out, Some(1.0), "a miss counts 1");
        let span = ["2026-06-20T10:00:00Z", "2026-06-20T10:01:00Z"];
        let found = score(&labels, &[alert("i12", 1, "thief", span)]).unwrap();
        assert_eq!(found.all.long_share_out, Some(0.5));
        assert_eq!(found.families["one_shot_export"].long_share_out, None);
    }

    #[test]
    fn account_days_of_the_periods_are_taken_from_the_labels_where_they_say() {
        let mut labels = labels();
        let learning = BTreeMap::from([("person".to_owned(), 300)]);
        labels.account_days_learning = Some(BTreeMap::from([("acme".to_owned(), learning)]));
        let score = score(&labels, &[]).unwrap();
        let days = |period: &str, kind: &str| score.false_incidents[period][kind].account_days;
        assert_eq!(
            (days("learning", "person"), days("after", "person")),
            (300.0, 1700.0)
        );
        assert_eq!(
            (days("learning", "all"), days("after", "all")),
            (300.0, 1800.0)
        );
        assert!(score.account_days_exact);
    }

    #[test]
    fn a_span_of_the_whole_supplier_holds_all_its_accounts() {
        let mut labels = labels();
        labels.benign[0].account.clear();
        let span = ["2026-06-16T10:00:00Z", "2026-06-16T10:00:00Z"];
        let score = score(&labels, &[alert("i13", 1, "anyone", span)]).unwrap();
        assert_eq!(score.benign_incidents["campaign"], 1);
    }

    #[test]
    fn what_is_not_an_alert_is_refused_without_quoting_it() {
        let error = parse_alert(r#"{"schema":"secret/1"}"#).unwrap_err();
        assert!(matches!(error, Error::Json { line: 1, .. }));
        assert!(!error.to_string().contains("secret"));
        assert!(parse_labels("{}").is_err());
    }
}
