//! A cluster in this process, and the configuration that points the daemon at it.

use std::{fmt::Write as _, sync::Arc};

use anyhow::Context as _;
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};

use crate::config::Config;

/// Partitions of each supplier's topic.
const PARTITIONS: i32 = 6;
/// Partitions of the state topic: one is enough for two suppliers and one replica.
const STATE_PARTITIONS: i32 = 2;

/// Librdkafka's mock cluster: one broker on a free loopback port, gone with this value. It keeps
/// 5 MiB a partition and creates no topics on request.
pub(super) struct Stage {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Stage {
    /// Starts the broker, with every topic that the daemon and the suppliers need.
    pub(super) fn set(suppliers: &[Arc<str>]) -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1).context("starting the embedded broker")?;
        let inputs = suppliers.iter().map(|name| format!("access.{name}"));
        let mut topics: Vec<(String, i32)> = inputs.map(|topic| (topic, PARTITIONS)).collect();
        for (topic, partitions) in [
            ("alerts", 1),
            ("quarantine", 1),
            ("state", STATE_PARTITIONS),
        ] {
            topics.push((format!("rosterwatch.{topic}"), partitions));
        }
        for (topic, partitions) in topics {
            let made = cluster.create_topic(&topic, partitions, 1);
            made.with_context(|| format!("creating {topic} on the embedded broker"))?;
        }
        Ok(Self { cluster })
    }

    /// `host:port` of the broker.
    pub(super) fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// The defaults but for what the broker needs, and metrics on `listen` where it is given.
    pub(super) fn config(&self, listen: Option<&str>) -> anyhow::Result<Config> {
        let mut text = format!(
            "[kafka]\nbrokers = [{:?}]\nstart = \"earliest\"\ncreate_topics = false\n\
             [topics]\nstate_partitions = {STATE_PARTITIONS}\n",
            self.brokers()
        );
        if let Some(listen) = listen {
            writeln!(text, "[metrics]\nlisten = {listen:?}")?;
        }
        Config::parse(&text, "demo", []).map_err(|problems| anyhow::anyhow!("{problems}"))
    }
}
