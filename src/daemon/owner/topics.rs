//! Which topics there are, and which feeds are begun and ended for that.

use std::{collections::BTreeMap, time::Duration};

use super::Daemon;
use crate::{
    daemon::{feed::Feed, own_topics},
    kafka::{self, Error, Partition},
    state::lease::partition_of,
};

impl Daemon {
    /// Looks for new topics and partitions.
    pub(super) fn discover(&mut self) {
        let settings = &self.kit.settings;
        // One of ours that was deleted is made again, or named. Not the state: feeds would begin anew.
        let mut own = own_topics(settings);
        own.retain(|topic| topic.name != settings.topics.state);
        let listed = kafka::ensure(&self.control, &settings.kafka, &own, settings.create_topics);
        self.is_listed = listed.is_ok();
        match listed {
            Ok(catalog) => {
                self.catalog = catalog;
                self.miss();
            }
            Err(error) => tracing::warn!(%error, "topics could not be listed; tried again later"),
        }
        while self.control_event() {}
    }

    /// Ends feeds one of whose topics was deleted. Says which topics that the configuration names, and which
    /// suppliers whose feeds have failed, are not there; each once until it is.
    pub(super) fn miss(&mut self) {
        let there = self.suppliers();
        for feed in self.feeds.values() {
            let of_feed = feed.partitions.iter().map(|(topic, _)| topic);
            for topic in of_feed.filter(|topic| !self.catalog.topics.contains_key(*topic)) {
                // Made anew, its positions would be other records'.
                self.deleted.insert(topic.clone());
                feed.stop();
            }
        }
        for supplier in self
            .retries
            .forget(|supplier| !there.contains_key(supplier))
        {
            tracing::error!(
                supplier,
                "all topics of the supplier are gone; nobody watches it until one is there again"
            );
        }
        let topics = &self.catalog.topics;
        self.missed.retain(|topic| !topics.contains_key(topic));
        for topic in &self.kit.settings.named_topics {
            if !topics.contains_key(topic) && self.missed.insert(topic.clone()) {
                tracing::warn!(
                    topic,
                    "an input topic that the configuration names is not there; create it or mend the name"
                );
            }
        }
    }

    fn control_event(&self) -> bool {
        self.control.poll(Duration::ZERO).is_some()
    }

    /// Every supplier of an input topic with the partitions of its topics.
    fn suppliers(&self) -> BTreeMap<String, Vec<Partition>> {
        let mut suppliers: BTreeMap<String, Vec<Partition>> = BTreeMap::new();
        for (topic, count) in &self.catalog.topics {
            if let Some(supplier) = (self.kit.settings.supplier_of)(topic) {
                let partitions = (0..*count).filter_map(|number| i32::try_from(number).ok());
                suppliers
                    .entry(supplier)
                    .or_default()
                    .extend(partitions.map(|number| (topic.clone(), number)));
            }
        }
        suppliers
    }

    /// Starts owned feeds that do not run, and gives running ones what was found.
    pub(super) fn start_feeds(&mut self) -> Result<(), Error> {
        for (supplier, partitions) in self.suppliers() {
            let slot = partition_of(&supplier, self.kit.settings.state_partitions);
            if !self.slots.contains(&slot) || self.finished.contains(&supplier) {
                continue;
            }
            if let Some(feed) = self.feeds.get_mut(&supplier) {
                let fresh: Vec<Partition> = partitions
                    .into_iter()
                    .filter(|partition| !feed.partitions.contains(partition))
                    .collect();
                if !fresh.is_empty() && !self.kit.until_end {
                    feed.add(fresh);
                }
                continue;
            }
            if !self.retries.is_due(&supplier) {
                continue;
            }
            let committed = match self.lease.committed(&partitions, Duration::from_secs(10)) {
                Ok(committed) => committed,
                Err(error) if error.is_transient() => {
                    tracing::warn!(supplier, %error, "feed not begun; tried again");
                    self.retries.fail(&supplier);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let found_running = partitions
                .iter()
                .all(|(topic, _)| !self.at_start.contains(topic));
            let deleted = self.deleted.iter();
            let deleted = deleted.filter(|topic| partitions.iter().any(|(name, _)| name == *topic));
            let known = (found_running, deleted.cloned().collect());
            let feed = Feed::start(&self.kit, &supplier, partitions, committed, known);
            self.feeds.insert(supplier, feed);
        }
        Ok(())
    }

    /// Whether every input topic of ours is read to its end.
    pub(super) fn is_finished(&self) -> bool {
        let partitions = self.kit.settings.state_partitions;
        !self.slots.is_empty()
            && self
                .suppliers()
                .keys()
                .filter(|supplier| self.slots.contains(&partition_of(supplier, partitions)))
                .all(|supplier| self.finished.contains(supplier))
    }
}
