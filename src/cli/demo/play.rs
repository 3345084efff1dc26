//! The course of a play: lines are sent at the pace of the world, and alerts told as they come.

use std::{
    net::TcpListener,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, bail};
use crossbeam_channel::{Sender, bounded};
use tokio::runtime::Runtime;

use super::{summary, teller::Teller};
use crate::{
    cli::run,
    clock::Stopwatch,
    daemon::{self, Outcome},
    event::{DAY_MS, Timestamp},
    kafka,
    metrics::Metrics,
    simulate::{Plan, Producer, Stream},
};

/// Events that may be under way: far fewer than a partition of the embedded broker keeps.
const UNDER_WAY_MAX: u64 = 20_000;
/// The part of the wall time in which accounts gather a history.
const HISTORY_SHARE: f64 = 1.0 / 3.0;
/// The daemon may take so long for what is under way at the end.
const LAST_EVENTS: Duration = Duration::from_secs(30);
/// How long to wait for an alert before looking at anything else.
const GLANCE: Duration = Duration::from_millis(5);
/// With no alert for so long after the last event was read, none is under way.
const QUIET: Duration = Duration::from_secs(1);

/// When what happens in the world is due on the wall.
struct Pace {
    watch: Stopwatch,
    length: Duration,
    from: Timestamp,
    days: f64,
    history_days: f64,
}

impl Pace {
    /// Plays the world of `plan` within `length`, from now on.
    fn new(plan: &Plan, length: Duration) -> Self {
        Self {
            watch: Stopwatch::start(),
            length,
            from: plan.from(),
            days: f64::from(plan.days),
            history_days: f64::from(plan.attacks_after_day),
        }
    }

    fn is_due(&self, moment: Timestamp) -> bool {
        self.watch.elapsed() >= self.due(moment)
    }

    /// Time from the start of the play until `moment`: history runs fast, then there is more to
    /// see.
    fn due(&self, moment: Timestamp) -> Duration {
        let days = moment.millis_since(self.from) as f64 / DAY_MS as f64;
        let history = (days / self.history_days).clamp(0.0, 1.0);
        let watched_days = self.days - self.history_days;
        let watched = ((days - self.history_days) / watched_days).max(0.0);
        let share = HISTORY_SHARE * history + (1.0 - HISTORY_SHARE) * watched;
        self.length.mul_f64(share)
    }
}

/// The daemon on a thread of its own.
pub(super) struct Daemon {
    thread: JoinHandle<Result<Outcome, kafka::Error>>,
    ask: Sender<()>,
    metrics: Arc<Metrics>,
    beside: Runtime,
}

impl Daemon {
    /// Starts the daemon, its metrics on `listener`.
    pub(super) fn start(settings: daemon::Settings, listener: TcpListener) -> anyhow::Result<Self> {
        let (ask, shutdown) = bounded(1);
        let beside = run::beside(&settings, listener, ask.clone())?;
        let metrics = Arc::clone(&settings.metrics);
        let thread = thread::Builder::new()
            .name("daemon".to_owned())
            .spawn(move || daemon::run(settings, &shutdown, false))
            .context("starting the daemon")?;
        Ok(Self {
            thread,
            ask,
            metrics,
            beside,
        })
    }

    /// How many of `sent` events it has not read.
    fn lacks(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.metrics.records_received())
    }

    fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Asks it to end where nobody has, and waits until it has.
    pub(super) fn end(self) -> Result<Outcome, kafka::Error> {
        // Full where a signal has asked before.
        let _asked = self.ask.try_send(());
        let ended = match self.thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        self.beside.shutdown_background();
        ended
    }
}

/// A world on its way through the daemon.
pub(super) struct Play {
    stream: Stream,
    teller: Teller,
    pace: Pace,
    /// Lines sent so far.
    sent: u64,
    /// The moment in the world that is reached.
    now: Timestamp,
    is_summed_up: bool,
}

impl Play {
    /// A play that begins now and takes so long.
    pub(super) fn new(plan: &Plan, length: Duration, stream: Stream, teller: Teller) -> Self {
        Self {
            stream,
            teller,
            pace: Pace::new(plan, length),
            sent: 0,
            now: plan.from(),
            is_summed_up: false,
        }
    }

    /// Plays the world to its end, or until the daemon ends.
    ///
    /// # Errors
    /// Events that do not arrive, alerts that cannot be read, and standard output that is gone.
    pub(super) fn run(
        &mut self,
        daemon: &Daemon,
        mut producer: Producer,
        keep: bool,
    ) -> anyhow::Result<()> {
        for line in self.stream.by_ref() {
            while !self.pace.is_due(line.arrival) || daemon.lacks(self.sent) >= UNDER_WAY_MAX {
                if daemon.is_over() {
                    return Ok(());
                }
                self.teller.listen(GLANCE)?;
            }
            producer.send(&line)?;
            self.sent += 1;
            self.now = line.arrival;
        }
        producer.finish()?;
        self.await_the_last(daemon)?;
        if keep && !daemon.is_over() {
            while self.teller.listen(QUIET)? {}
            self.sum_up()?;
            super::tell("\nThe play is over. Metrics stay until Ctrl-C.")?;
            while !daemon.is_over() {
                self.teller.listen(GLANCE)?;
            }
        }
        Ok(())
    }

    fn await_the_last(&mut self, daemon: &Daemon) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        while daemon.lacks(self.sent) > 0 && !daemon.is_over() {
            if watch.elapsed() > LAST_EVENTS {
                let lost = daemon.lacks(self.sent);
                bail!("{lost} of {} events did not reach the daemon", self.sent);
            }
            self.teller.listen(GLANCE)?;
        }
        Ok(())
    }

    /// Tells what is left, after the daemon has ended, and sums up where that was not done.
    ///
    /// # Errors
    /// Alerts that cannot be read, and standard output that is gone.
    pub(super) fn close(&mut self) -> anyhow::Result<()> {
        self.teller.finish()?;
        if self.is_summed_up {
            return Ok(());
        }
        self.sum_up()
    }

    /// Says what was planted so far and what was caught.
    fn sum_up(&mut self) -> anyhow::Result<()> {
        self.is_summed_up = true;
        let words = summary::of(&self.stream.labels(), &self.teller.alerts, self.now)?;
        Ok(super::tell(&words)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_takes_a_third_of_the_time_whatever_its_days() {
        for days in [6, 21, 90] {
            let plan = Plan {
                days,
                attacks_after_day: days * 2 / 3,
                ..Plan::default()
            };
            let pace = Pace::new(&plan, Duration::from_secs(30));
            let due = |day: u32| pace.due(plan.from().plus_millis(i64::from(day) * DAY_MS));
            assert_eq!(due(0), Duration::ZERO);
            assert_eq!(due(plan.attacks_after_day), Duration::from_secs(10));
            assert_eq!(due(days), Duration::from_secs(30));
        }
    }
}
