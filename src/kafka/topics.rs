//! Topics: what there is in the cluster, and creating our own.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    metadata::MetadataTopic,
    types::RDKafkaErrorCode,
};

use crate::{
    clock::Stopwatch,
    kafka::{Client, Error, Settings, reading::REQUEST},
};

/// The cluster's topics with their numbers of partitions, and how many brokers it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Partitions by topic; topics that cannot be described are left out.
    pub topics: BTreeMap<String, usize>,
    /// Topics of which a partition has no leader now: nobody reads or writes it.
    pub leaderless: BTreeSet<String>,
    /// Brokers that are up.
    pub brokers: usize,
}

/// A topic that the daemon needs for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTopic {
    /// Its name.
    pub name: String,
    /// With how many partitions it is created.
    pub partitions: usize,
    /// Its settings.
    pub settings: Vec<(&'static str, &'static str)>,
}

impl OwnTopic {
    /// The operator's command that creates it.
    fn command(&self, settings: &Settings, replication: usize) -> String {
        let mut command = format!(
            "kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions {} --replication-factor {replication}",
            settings.brokers.join(","),
            self.name,
            self.partitions
        );
        for (key, value) in self.all_settings(replication) {
            command.extend([" --config ", key, "=", value]);
        }
        command
    }

    fn all_settings(&self, replication: usize) -> Vec<(&'static str, &'static str)> {
        let mut all = self.settings.clone();
        if replication >= 3 {
            all.push(("min.insync.replicas", "2"));
        }
        all
    }
}

/// Asks for every topic of the cluster.
///
/// # Errors
/// The broker's.
pub fn list(client: &BaseConsumer<Client>) -> Result<Catalog, Error> {
    let metadata = client
        .fetch_metadata(None, REQUEST)
        .map_err(|error| Error::failed("listing the topics of", "the cluster", error))?;
    let known = metadata
        .topics()
        .iter()
        .filter(|topic| topic.error().is_none() && !topic.partitions().is_empty());
    let topics = known
        .clone()
        .map(|topic| (topic.name().to_owned(), topic.partitions().len()));
    let is_led = |topic: &MetadataTopic| topic.partitions().iter().all(|of| of.leader() >= 0);
    let leaderless = known.clone().filter(|topic| !is_led(topic));
    Ok(Catalog {
        topics: topics.collect(),
        leaderless: leaderless.map(|topic| topic.name().to_owned()).collect(),
        brokers: metadata.brokers().len(),
    })
}

/// Makes sure that every topic of `own` is there, creating the missing ones where `create`.
///
/// # Errors
/// Missing topics where they must not be created; the broker's refusal.
pub fn ensure(
    client: &BaseConsumer<Client>,
    settings: &Settings,
    own: &[OwnTopic],
    create: bool,
) -> Result<Catalog, Error> {
    let catalog = list(client)?;
    let replication = if catalog.brokers >= 3 { 3 } else { 1 };
    let missing: Vec<&OwnTopic> = own
        .iter()
        .filter(|topic| !catalog.topics.contains_key(&topic.name))
        .collect();
    if missing.is_empty() {
        return Ok(catalog);
    }
    if !create {
        let commands = missing
            .iter()
            .map(|topic| topic.command(settings, replication))
            .collect();
        return Err(Error::MissingTopics { commands });
    }
    if replication < 3 {
        tracing::warn!(
            brokers = catalog.brokers,
            "our own topics get a single replica: a lost broker loses acknowledged alerts"
        );
    }
    create_all(settings, &missing, replication)?;
    await_all(client, own)
}

fn create_all(settings: &Settings, missing: &[&OwnTopic], replication: usize) -> Result<(), Error> {
    let admin: AdminClient<DefaultClientContext> =
        settings.client().create().map_err(Error::settings)?;
    let replicas = i32::try_from(replication).unwrap_or(1);
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|own| {
            let partitions = i32::try_from(own.partitions).unwrap_or(i32::MAX);
            own.all_settings(replication).into_iter().fold(
                NewTopic::new(&own.name, partitions, TopicReplication::Fixed(replicas)),
                |topic, (key, value)| topic.set(key, value),
            )
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    #[expect(clippy::expect_used, reason = "what could fail is not enabled in it")]
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without a driver");
    let results = runtime.block_on(admin.create_topics(&topics, &options));
    let results = results.map_err(|error| Error::failed("creating", "our own topics", error))?;
    for result in results {
        match result {
            Ok(topic) => tracing::info!(topic, replication, "topic created"),
            // Another replica was quicker.
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                let error = rdkafka::error::KafkaError::AdminOp(code);
                return Err(Error::failed("creating", &topic, error));
            }
        }
    }
    Ok(())
}

/// Waits until the brokers name every topic of `own`: metadata trail creation a little.
fn await_all(client: &BaseConsumer<Client>, own: &[OwnTopic]) -> Result<Catalog, Error> {
    let started = Stopwatch::start();
    loop {
        let catalog = list(client)?;
        let absent = own
            .iter()
            .find(|topic| !catalog.topics.contains_key(&topic.name));
        match absent {
            None => return Ok(catalog),
            Some(topic) if started.elapsed() > REQUEST => {
                return Err(Error::Stalled {
                    doing: "creating our own topics",
                    topic: topic.name.clone(),
                    partition: 0,
                    secs: REQUEST.as_secs(),
                });
            }
            // The poll waits on the client's queue: new metadata may arrive meanwhile.
            Some(_) => drop(client.poll(Duration::from_millis(50))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_topic_is_named_with_the_command_that_creates_it() {
        let own = OwnTopic {
            name: "rosterwatch.state".to_owned(),
            partitions: 12,
            settings: vec![("cleanup.policy", "compact")],
        };
        let settings = Settings {
            brokers: vec!["a:1".to_owned(), "b:2".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            own.command(&settings, 3),
            "kafka-topics.sh --bootstrap-server a:1,b:2 --create --topic rosterwatch.state \
             --partitions 12 --replication-factor 3 --config cleanup.policy=compact \
             --config min.insync.replicas=2"
        );
    }
}
