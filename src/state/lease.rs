//! Who owns a feed: the consumer group of the state topic.
//!
//! To be assigned partition p of the state topic is to own the feeds whose name hashes to p.
//! Input positions are committed through the same member.

use std::{
    collections::BTreeMap,
    hash::Hasher,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    topic_partition_list::TopicPartitionListElem,
    types::RDKafkaRespErr,
};
use siphasher::sip::SipHasher13;

use crate::kafka::{Client, Error, Partition, Settings};

/// The state partition of a feed: SipHash-1-3 with zero keys over the supplier's name, modulo the
/// number of partitions.
///
/// Part of the format of the state topic: never change it.
///
/// # Panics
/// Panics where `partitions` is 0.
pub fn partition_of(supplier: &str, partitions: usize) -> i32 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(supplier.as_bytes());
    i32::try_from(hasher.finish() % partitions as u64).unwrap_or(0)
}

/// What happened to the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// State partitions are ours from now on.
    Assigned(Vec<i32>),
    /// State partitions go to somebody else as soon as the change is answered.
    Revoked(Vec<i32>),
    /// State partitions may belong to somebody else already.
    Lost(Vec<i32>),
}

/// How often commits went well and not, since the start.
#[derive(Debug, Default)]
pub struct Commits {
    /// Commits that the brokers took.
    pub ok: AtomicU64,
    /// Commits that failed; the next one repeats what they held.
    pub failed: AtomicU64,
}

/// Our membership in the group.
pub struct Lease {
    consumer: Arc<BaseConsumer<Member>>,
    jobs: Sender<Job>,
    committer: JoinHandle<()>,
    commits: Arc<Commits>,
    group: String,
    /// What the group holds by our own commits.
    committed: BTreeMap<Partition, u64>,
    /// Failed commits that were already answered by committing all again.
    failures_seen: u64,
}

/// The rebalance events of librdkafka, taken in while it polls and acted upon after.
struct Member {
    client: Client,
    changes: Mutex<Vec<(Change, TopicPartitionList)>>,
    /// Set before the consumer closes: from then on partitions are given back at once.
    closing: AtomicBool,
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ConsumerContext for Member {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let partitions = list
            .elements()
            .iter()
            .map(TopicPartitionListElem::partition)
            .collect();
        let change = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assigned(partitions),
            _ if consumer.assignment_lost() => Change::Lost(partitions),
            _ => Change::Revoked(partitions),
        };
        if self.closing.load(Ordering::Acquire) {
            answer(consumer, &change, list);
            return;
        }
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push((change, list.clone()));
    }
}

/// Positions for the thread that commits.
struct Job {
    list: TopicPartitionList,
    /// Where the result goes, where somebody waits for it.
    done: Option<Sender<KafkaResult<()>>>,
}

/// Commits one list after the other and waits for each: librdkafka tells nobody what became of a
/// commit that is not waited for, and the loop that serves the lease must not wait.
fn commit_all(consumer: &BaseConsumer<Member>, jobs: &Receiver<Job>, commits: &Commits) {
    for Job { list, done } in jobs {
        let result = consumer.commit(&list, CommitMode::Sync);
        let count = if result.is_ok() {
            &commits.ok
        } else {
            &commits.failed
        };
        count.fetch_add(1, Ordering::Relaxed);
        match (done, result) {
            // Whoever waited may have given up.
            (Some(done), result) => drop(done.send(result)),
            (None, Ok(())) => {}
            (None, Err(error)) => {
                tracing::warn!(%error, "input positions not committed; the next commit repeats them");
            }
        }
    }
}

/// Tells librdkafka that a change is carried out.
fn answer(consumer: &BaseConsumer<Member>, change: &Change, list: &TopicPartitionList) {
    let cooperative = matches!(
        consumer.rebalance_protocol(),
        RebalanceProtocol::Cooperative
    );
    let result = match (change, cooperative) {
        (Change::Assigned(_), true) => consumer.incremental_assign(list),
        (Change::Assigned(_), false) => consumer.assign(list),
        (_, true) => consumer.incremental_unassign(list),
        (_, false) => consumer.unassign(),
    };
    if let Err(error) = result {
        tracing::warn!(%error, "the lease's rebalance could not be answered");
    }
}

/// How the group is joined.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The group.
    pub group: String,
    /// Static membership under this name; dynamic without.
    pub instance: Option<String>,
    /// Without a heartbeat for this long the group takes the lease away.
    pub session: Duration,
    /// The state topic.
    pub state_topic: String,
}

impl Lease {
    /// Joins the group; partitions come with later [`poll`](Self::poll)s.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn join(
        settings: &Settings,
        membership: &Membership,
        client: Client,
    ) -> Result<(Self, Arc<Commits>), Error> {
        let commits = Arc::new(Commits::default());
        let member = Member {
            client,
            changes: Mutex::default(),
            closing: AtomicBool::new(false),
        };
        let mut config = settings.client();
        config
            .set("group.id", &membership.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "latest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set(
                "session.timeout.ms",
                membership.session.as_millis().to_string(),
            )
            // A member whose engine is wedged stops polling and must lose the lease.
            .set(
                "max.poll.interval.ms",
                (membership.session.as_millis() * 6).to_string(),
            )
            .set(
                "heartbeat.interval.ms",
                (membership.session.as_millis() / 4).to_string(),
            )
            // The lease reads nothing of use; let it hold next to nothing.
            .set("queued.max.messages.kbytes", "64")
            .set("fetch.message.max.bytes", "65536");
        if let Some(instance) = &membership.instance {
            config.set("group.instance.id", instance);
        }
        let consumer: BaseConsumer<Member> = config
            .create_with_context(member)
            .map_err(Error::settings)?;
        consumer
            .subscribe(&[&membership.state_topic])
            .map_err(|error| Error::failed("subscribing to", &membership.state_topic, error))?;
        let consumer = Arc::new(consumer);
        let (jobs, orders) = bounded(1);
        let of = (Arc::clone(&consumer), Arc::clone(&commits));
        let lease = Self {
            consumer,
            jobs,
            committer: thread::spawn(move || commit_all(&of.0, &orders, &of.1)),
            commits: Arc::clone(&commits),
            group: membership.group.clone(),
            committed: BTreeMap::new(),
            failures_seen: 0,
        };
        Ok((lease, commits))
    }

    /// Keeps the membership alive and gives what changed, waiting for `patience` at most.
    ///
    /// What is assigned is accepted; what is revoked waits for [`answer`](Self::answer).
    ///
    /// # Errors
    /// What keeps us out of the group for good: another member of our name, settings that the group
    /// does not take, missing rights.
    pub fn poll(&mut self, patience: Duration) -> Result<Vec<Pending>, Error> {
        // Records of the state topic itself are of no interest here.
        if let Some(Err(error)) = self.consumer.poll(patience) {
            tracing::debug!(%error, "lease");
            if let Some(error) = Error::of_membership(&error) {
                return Err(error);
            }
        }
        let context = self.consumer.context();
        let mut changes = context
            .changes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let changes = changes.drain(..);
        Ok(changes
            .map(|(change, list)| Pending { change, list })
            .collect())
    }

    /// Carries a change out towards the group. For a revoked partition: only once its feeds stand still.
    pub fn answer(&mut self, pending: &Pending) {
        answer(&self.consumer, &pending.change, &pending.list);
    }

    /// Commits those of `positions` that the group does not have from us yet, waiting for the brokers
    /// or not.
    ///
    /// # Errors
    /// The broker's, where `mode` waits for it.
    pub fn commit(
        &mut self,
        positions: &BTreeMap<Partition, u64>,
        mode: CommitMode,
    ) -> Result<(), Error> {
        let failures = self.commits.failed.load(Ordering::Relaxed);
        if failures > self.failures_seen {
            self.failures_seen = failures;
            self.forget_commits();
        }
        let mut list = TopicPartitionList::new();
        for (partition, position) in positions {
            if self.committed.get(partition) == Some(position) {
                continue;
            }
            let offset = Offset::Offset(i64::try_from(*position).unwrap_or(i64::MAX));
            list.add_partition_offset(&partition.0, partition.1, offset)
                .map_err(|error| Error::failed("committing to", &self.group, error))?;
        }
        if list.count() == 0 {
            return Ok(());
        }
        if matches!(mode, CommitMode::Sync) {
            self.commit_and_wait(list)?;
        } else if self.jobs.try_send(Job { list, done: None }).is_err() {
            // The commit before is under way still: the next one holds these positions too.
            return Ok(());
        }
        self.committed.extend(positions.clone());
        Ok(())
    }

    fn commit_and_wait(&self, list: TopicPartitionList) -> Result<(), Error> {
        let (done, result) = bounded(1);
        let job = Job {
            list,
            done: Some(done),
        };
        // The thread ends only after this lease.
        drop(self.jobs.send(job));
        let result = result.recv().unwrap_or(Ok(()));
        result.map_err(|error| Error::failed("committing to", &self.group, error))
    }

    /// Forgets what was committed, so that the next commit repeats all of it: brokers expire
    /// commits for topics that the group does not subscribe to.
    pub fn forget_commits(&mut self) {
        self.committed.clear();
    }

    /// What the group holds for `partitions`.
    ///
    /// # Errors
    /// The broker's.
    pub fn committed(
        &self,
        partitions: &[Partition],
        patience: Duration,
    ) -> Result<BTreeMap<Partition, u64>, Error> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let list = self
            .consumer
            .committed_offsets(list, patience)
            .map_err(|error| Error::failed("asking for the positions of", &self.group, error))?;
        let found = list.elements().into_iter().filter_map(|element| {
            let position = u64::try_from(element.offset().to_raw()?).ok()?;
            Some(((element.topic().to_owned(), element.partition()), position))
        });
        Ok(found.collect())
    }

    /// Leaves the group, so that others take over at once.
    pub fn leave(self) {
        self.consumer
            .context()
            .closing
            .store(true, Ordering::Release);
        drop(self.jobs);
        drop(self.committer.join());
        drop(self.consumer);
    }
}

/// A change that the group awaits an answer to.
pub struct Pending {
    /// What changed.
    pub change: Change,
    list: TopicPartitionList,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_that_places_feeds_never_changes() {
        let places: Vec<i32> = ["idcards-ltd", "payroll-services", "a"]
            .into_iter()
            .map(|supplier| partition_of(supplier, 12))
            .collect();
        assert_eq!(places, [8, 5, 7]);
    }
}
