//! The daemon's loop: carries the lease's changes out, keeps owned feeds running, commits their
//! positions, and ends in order.

mod topics;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::bounded;
use rdkafka::consumer::{BaseConsumer, CommitMode};

use crate::{
    clock::Stopwatch,
    daemon::{
        Outcome, Shutdown,
        engine::{self, Ending},
        feed::{Feed, Kit},
        ready::{Deliveries, is_led},
        retries::Retries,
    },
    kafka::{Catalog, Client, Error, Partition},
    state::lease::{Change, Commits, Lease, Pending, partition_of},
};

/// The lease is served this often.
const LEASE_POLL: Duration = Duration::from_millis(100);

/// Safe positions are committed this often.
const COMMIT: Duration = Duration::from_secs(1);

/// All positions are committed again this often: brokers expire those of topics that the group
/// does not subscribe to.
const COMMIT_ALL: Duration = Duration::from_hours(1);

/// At the end, the last commit and the leaving of the group may take so long.
const LEAVE: Duration = Duration::from_secs(5);

/// A member of the group with the feeds it owns.
pub(super) struct Daemon {
    kit: Kit,
    control: BaseConsumer<Client>,
    lease: Lease,
    catalog: Catalog,
    /// The state partitions that are ours.
    slots: BTreeSet<i32>,
    feeds: BTreeMap<String, Feed>,
    retries: Retries,
    /// Feeds that have reached their end as of start.
    finished: BTreeSet<String>,
    /// What is safe to commit.
    safe: BTreeMap<Partition, u64>,
    /// Suppliers whose engines stand still.
    wedged: Vec<String>,
    /// Commits that were counted already: those taken, those that failed.
    counted: (u64, u64),
    commits: Arc<Commits>,
    /// Whether the group has told us what is ours, if nothing.
    is_joined: bool,
    /// Whether topics could be listed the last time.
    is_listed: bool,
    deliveries: Deliveries,
    /// Topics that were there at the start; others were found while running.
    at_start: BTreeSet<String>,
    /// Named input topics that were said not to be there.
    missed: BTreeSet<String>,
    /// Input topics that were deleted while they were read, until they are read from their beginning.
    deleted: BTreeSet<String>,
}

impl Daemon {
    /// Owns nothing yet.
    pub(super) fn new(
        kit: Kit,
        control: BaseConsumer<Client>,
        (lease, commits): (Lease, Arc<Commits>),
        catalog: Catalog,
    ) -> Self {
        Self {
            at_start: catalog.topics.keys().cloned().collect(),
            kit,
            control,
            lease,
            catalog,
            slots: BTreeSet::new(),
            feeds: BTreeMap::new(),
            retries: Retries::default(),
            finished: BTreeSet::new(),
            safe: BTreeMap::new(),
            wedged: Vec::new(),
            counted: (0, 0),
            commits,
            is_joined: false,
            is_listed: true,
            deliveries: Deliveries::new(),
            missed: BTreeSet::new(),
            deleted: BTreeSet::new(),
        }
    }

    /// Serves the lease and its feeds until the end.
    ///
    /// # Errors
    /// Failures that no waiting helps.
    pub(super) fn run(mut self, shutdown: &Shutdown) -> Result<Outcome, Error> {
        self.miss();
        let (mut discovered, mut committed, mut all) =
            (Stopwatch::start(), Stopwatch::start(), Stopwatch::start());
        loop {
            if !matches!(
                shutdown.try_recv(),
                Err(crossbeam_channel::TryRecvError::Empty)
            ) {
                return self.shut_down();
            }
            let wedged = self.is_wedged();
            self.show(wedged);
            if wedged {
                // Not polled, the lease goes to somebody else.
                // An ending is seen at the next turn; here it only cuts the wait short.
                let _ended = shutdown.recv_timeout(LEASE_POLL);
            } else {
                match self.lease.poll(LEASE_POLL) {
                    Ok(changes) => {
                        for pending in changes {
                            self.change(&pending)?;
                        }
                    }
                    Err(error) => return Err(self.step_down(error)),
                }
            }
            if discovered.elapsed() >= self.kit.settings.discover_interval {
                discovered = Stopwatch::start();
                self.discover();
            }
            self.reap()?;
            self.start_feeds()?;
            if all.elapsed() >= COMMIT_ALL {
                all = Stopwatch::start();
                self.lease.forget_commits();
            }
            if committed.elapsed() >= COMMIT {
                committed = Stopwatch::start();
                self.commit(CommitMode::Async);
            }
            if self.kit.until_end && self.is_finished() {
                return self.shut_down();
            }
        }
    }

    /// Shows what is owned, how it goes, and what the client complained of.
    fn show(&mut self, wedged: bool) {
        let flows = self.deliveries.flow(&self.kit.outbox);
        let settings = &self.kit.settings;
        let is_writable = flows && self.is_listed && is_led(&self.catalog, &settings.topics.alerts);
        let feeds = &self.feeds;
        // Begun again and decided to its end as of then: only now has it not failed any more.
        let is_well = |supplier: &str| feeds.get(supplier).is_some_and(Feed::is_settled);
        self.retries.forget(is_well);
        self.deleted.retain(|topic| {
            let mut feeds = feeds.values();
            !feeds.any(|feed| feed.is_placed() && !feed.is_ending() && feed.reads(topic))
        });
        let is_running = |supplier: &str| feeds.contains_key(supplier);
        let is_placed = self.retries.all(is_running) && self.feeds.values().all(Feed::is_placed);
        let ready = self.is_joined && is_placed && is_writable && !wedged;
        settings.health.set_ready(ready);
        settings.metrics.owns(self.feeds.len(), ready);
        for ((code, fatal), times) in self.kit.client.reports.take() {
            settings.metrics.kafka_failed(&code, fatal, times);
        }
        let of = |commits: &AtomicU64| commits.load(Ordering::Relaxed);
        let (taken, failed) = (of(&self.commits.ok), of(&self.commits.failed));
        let (before, failed_before) = self.counted;
        settings
            .metrics
            .committed(taken - before, failed - failed_before);
        self.counted = (taken, failed);
    }

    /// Carries a change of the lease out.
    fn change(&mut self, pending: &Pending) -> Result<(), Error> {
        match &pending.change {
            Change::Assigned(slots) => {
                if !slots.is_empty() {
                    self.kit.settings.metrics.lease_changed("assigned");
                }
                tracing::info!(?slots, "lease assigned");
                self.is_joined = true;
                self.slots.extend(slots);
                self.lease.answer(pending);
            }
            Change::Revoked(slots) => {
                self.kit.settings.metrics.lease_changed("revoked");
                tracing::info!(?slots, "lease revoked");
                let ended = self.stop_feeds(slots);
                self.commit(CommitMode::Sync);
                self.lease.answer(pending);
                self.forget(slots);
                ended?;
            }
            Change::Lost(slots) => {
                self.kit.settings.metrics.lease_changed("lost");
                tracing::warn!(?slots, "lease lost; stepping down without a commit");
                self.is_joined = false;
                self.lease.answer(pending);
                self.forget_safe(slots);
                let ended = self.stop_feeds(slots);
                self.forget(slots);
                ended?;
            }
        }
        Ok(())
    }

    /// Stops all feeds without a commit: the lease is another's, or nobody's.
    fn step_down(&mut self, error: Error) -> Error {
        if matches!(error, Error::Fenced) {
            self.kit.settings.metrics.lease_changed("fenced");
        }
        self.kit.settings.health.set_ready(false);
        let slots: Vec<i32> = self.slots.iter().copied().collect();
        match self.stop_feeds(&slots) {
            Ok(0) => {}
            Ok(undelivered) => tracing::warn!(undelivered, "not acknowledged while stepping down"),
            Err(error) => tracing::warn!(%error, "feeds failed while stepping down"),
        }
        error
    }

    /// Feeds of `slots`.
    fn feeds_of(&self, slots: &[i32]) -> Vec<String> {
        let partitions = self.kit.settings.state_partitions;
        self.feeds
            .keys()
            .filter(|supplier| slots.contains(&partition_of(supplier, partitions)))
            .cloned()
            .collect()
    }

    /// Stops the feeds of `slots` together; how many sends stayed unacknowledged.
    fn stop_feeds(&mut self, slots: &[i32]) -> Result<usize, Error> {
        let suppliers = self.feeds_of(slots);
        for supplier in &suppliers {
            if let Some(feed) = self.feeds.get(supplier) {
                feed.stop();
            }
        }
        let mut undelivered = 0;
        let mut failure = None;
        for supplier in suppliers {
            let Some(feed) = self.feeds.remove(&supplier) else {
                continue;
            };
            let board = Arc::clone(&feed.board);
            match feed.ending() {
                Ok(Ending::Undelivered(count)) => undelivered += count,
                Ok(_) => {}
                Err(error) if error.is_transient() => {
                    tracing::warn!(supplier, %error, "feed failed while stopping");
                }
                Err(error) => failure = Some(error),
            }
            self.gather(&board);
        }
        failure.map_or(Ok(undelivered), Err)
    }

    /// Forgets that `slots` are ours and everything about their feeds.
    fn forget(&mut self, slots: &[i32]) {
        self.slots.retain(|slot| !slots.contains(slot));
        self.forget_safe(slots);
        let partitions = self.kit.settings.state_partitions;
        let is_ours = |supplier: &str| slots.contains(&partition_of(supplier, partitions));
        self.retries.forget(is_ours);
    }

    fn forget_safe(&mut self, slots: &[i32]) {
        let settings = &self.kit.settings;
        self.safe.retain(|(topic, _), _| {
            (settings.supplier_of)(topic).is_none_or(|supplier| {
                !slots.contains(&partition_of(&supplier, settings.state_partitions))
            })
        });
    }

    /// Takes in feeds that have ended by themselves.
    fn reap(&mut self) -> Result<(), Error> {
        let over: Vec<String> = self
            .feeds
            .iter()
            .filter(|(_, feed)| feed.is_over())
            .map(|(supplier, _)| supplier.clone())
            .collect();
        for supplier in over {
            let Some(feed) = self.feeds.remove(&supplier) else {
                continue;
            };
            let board = Arc::clone(&feed.board);
            let deleted = board.deleted.lock();
            let deleted = std::mem::take(&mut *deleted.unwrap_or_else(PoisonError::into_inner));
            self.deleted.extend(deleted);
            match feed.ending() {
                Ok(Ending::Finished) => {
                    tracing::info!(supplier, "feed read to its end");
                    self.gather(&board);
                    self.finished.insert(supplier);
                }
                Ok(Ending::Restart | Ending::Stopped | Ending::Undelivered(_)) => {
                    tracing::warn!(supplier, "feed is decided again from its stored positions");
                    self.retries.fail(&supplier);
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(supplier, %error, "feed failed; begun again");
                    self.retries.fail(&supplier);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether an engine makes no more turns.
    fn is_wedged(&mut self) -> bool {
        let wedged = self.kit.settings.health.wedged();
        if wedged != self.wedged {
            tracing::error!(suppliers = ?wedged, "engines that stand still; without any the lease is served");
            self.wedged = wedged;
        }
        !self.wedged.is_empty()
    }

    fn gather(&mut self, board: &engine::Board) {
        let safe = board.safe.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, position) in &*safe {
            self.safe.insert(partition.clone(), *position);
        }
    }

    /// Commits what is safe.
    fn commit(&mut self, mode: CommitMode) {
        let boards: Vec<_> = self
            .feeds
            .values()
            .map(|feed| Arc::clone(&feed.board))
            .collect();
        for board in boards {
            self.gather(&board);
        }
        if let Err(error) = self.lease.commit(&self.safe, mode) {
            tracing::warn!(%error, "input positions not committed; the next commit repeats them");
        }
    }

    /// Ends in order: feeds, their deliveries, positions, the lease.
    fn shut_down(mut self) -> Result<Outcome, Error> {
        tracing::info!("stopping");
        self.kit.settings.health.set_ready(false);
        let slots: Vec<i32> = self.slots.iter().copied().collect();
        let ended = self.stop_feeds(&slots);
        let (left, is_left) = bounded(1);
        // On a thread of its own: brokers that are gone must not hold the end up.
        thread::spawn(move || {
            self.commit(CommitMode::Sync);
            self.lease.leave();
            // Closed before the end is told: the demo's broker ends with us.
            drop((self.control, self.kit));
            // Nobody waits any more where the deadline has passed.
            let _sent = left.send(());
        });
        if is_left.recv_timeout(LEAVE).is_err() {
            tracing::warn!("the brokers do not answer; leaving the group to its session timeout");
        }
        let undelivered = ended?;
        if undelivered > 0 {
            tracing::error!(undelivered, "not acknowledged at the shutdown deadline");
            return Ok(Outcome::Undelivered(undelivered));
        }
        tracing::info!("stopped");
        Ok(Outcome::Done)
    }
}
