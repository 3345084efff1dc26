//! Reads the alerts topic as any consumer would, and tells each alert in words.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, ensure};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};
use serde::Deserialize;

use super::tell;
use crate::score::{Alert, parse_alert};

/// How long the broker may take to say where the topic ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// What of an alert is told.
#[derive(Deserialize)]
struct Told {
    state: String,
    severity: String,
    kind: String,
    supplier: String,
    account: Option<String>,
    raised_at: String,
    /// Nothing where the alert is about the feed itself.
    exposure: Option<Exposure>,
    reasons: Vec<String>,
    suppressed: Option<String>,
}

#[derive(Deserialize)]
struct Exposure {
    subjects: u64,
    subjects_unnamed_max: u64,
}

/// Follows the alerts topic from its beginning.
pub(super) struct Teller {
    consumer: BaseConsumer,
    topic: String,
    next: i64,
    /// What was told last of each incident: its severity and its people.
    told: HashMap<String, (String, u64)>,
    /// Every alert so far.
    pub(super) alerts: Vec<Alert>,
}

impl Teller {
    /// Follows `topic`, which has one partition.
    pub(super) fn new(brokers: &str, topic: &str) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "demo")
            .set("enable.auto.commit", "false")
            .create()
            .context("reading alerts")?;
        let mut partitions = TopicPartitionList::new();
        partitions
            .add_partition_offset(topic, 0, Offset::Beginning)
            .and_then(|()| consumer.assign(&partitions))
            .context("reading alerts")?;
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
            next: 0,
            told: HashMap::new(),
            alerts: Vec::new(),
        })
    }

    /// Waits up to `patience` for an alert and tells it; whether one came.
    pub(super) fn listen(&mut self, patience: Duration) -> anyhow::Result<bool> {
        let Some(record) = self.consumer.poll(patience) else {
            return Ok(false);
        };
        let record = record.context("reading alerts")?;
        self.next = record.offset() + 1;
        let line = std::str::from_utf8(record.payload().unwrap_or_default())?;
        let alert = parse_alert(line)?;
        let told: Told = serde_json::from_str(line)?;
        let news = (told.severity.clone(), told.people());
        let before = self.told.get(&alert.incident);
        if told.suppressed.is_some() {
            return Ok(true);
        }
        if let Some(words) = words(&told, before) {
            tell(&words)?;
            self.told.insert(alert.incident.clone(), news);
        }
        self.alerts.push(alert);
        Ok(true)
    }

    /// Tells what is left, after the daemon has ended.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let (_, end) = self
            .consumer
            .fetch_watermarks(&self.topic, 0, PATIENCE)
            .context("asking where the alerts end")?;
        let mut is_patient = true;
        while self.next < end && is_patient {
            is_patient = self.listen(PATIENCE)?;
        }
        ensure!(self.next >= end, "the last alerts cannot be read");
        Ok(())
    }
}

impl Told {
    fn people(&self) -> u64 {
        let exposure = self.exposure.as_ref();
        exposure.map_or(0, |it| it.subjects + it.subjects_unnamed_max)
    }
}

/// The words for an alert, after what was told of its incident `before`; nothing where the news is
/// not worth a line.
fn words(told: &Told, before: Option<&(String, u64)>) -> Option<String> {
    let head = format!(
        "{}  {:<8}  {}  {} at {}",
        minute(&told.raised_at),
        told.severity.to_uppercase(),
        told.kind,
        match (&told.account, &told.exposure) {
            (Some(account), _) => account,
            (None, Some(_)) => "many accounts",
            (None, None) => "the feed",
        },
        told.supplier,
    );
    let people = told.people();
    let words = match (told.state.as_str(), before) {
        ("closed", _) => return None,
        (_, None) => format!("{head}\n    {}", told.reasons.first()?),
        (_, Some((severity, least))) if *severity != told.severity || people >= 2 * least => {
            format!("{head}: {people} people by now")
        }
        (_, Some(_)) => return None,
    };
    Some(plain(&words))
}

/// `2026-06-15` of an RFC 3339 time.
pub(super) fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

/// `2026-06-15 09:20` of an RFC 3339 time.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// A supplier's text must not command the terminal.
fn plain(words: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    words.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &str, account: &str) -> Told {
        Told {
            state: state.to_owned(),
            severity: "high".to_owned(),
            kind: "enumeration".to_owned(),
            supplier: "acme".to_owned(),
            account: Some(account.to_owned()),
            raised_at: "2026-06-15T09:20:22.742Z".to_owned(),
            exposure: Some(Exposure {
                subjects: 120,
                subjects_unnamed_max: 3,
            }),
            reasons: vec!["32 people".to_owned()],
            suppressed: None,
        }
    }

    #[test]
    fn an_alert_is_told_by_what_is_new_in_it() {
        assert_eq!(
            words(&told("opened", "clerk-7"), None).unwrap(),
            "2026-06-15 09:20  HIGH      enumeration  clerk-7 at acme\n    32 people"
        );
        let words_after = |severity: &str, people| {
            let before = (severity.to_owned(), people);
            words(&told("escalated", "clerk-7"), Some(&before))
        };
        let risen = words_after("medium", 90).unwrap();
        assert!(risen.ends_with(": 123 people by now"), "{risen}");
        assert_eq!(words_after("high", 100), None);
        assert!(words_after("high", 60).is_some(), "doubled");
        assert_eq!(words(&told("closed", "clerk-7"), None), None);
    }

    #[test]
    fn an_alert_without_statistics_is_the_feeds_own() {
        let silent = Told {
            account: None,
            exposure: None,
            kind: "feed_silence".to_owned(),
            ..told("opened", "")
        };
        let words = words(&silent, None).unwrap();
        assert!(words.contains("feed_silence  the feed at acme"), "{words}");
    }

    #[test]
    fn an_accounts_name_cannot_command_the_terminal() {
        let words = words(&told("opened", "\u{1b}[2Jx"), None).unwrap();
        assert!(!words.contains('\u{1b}'), "{words:?}");
    }
}
