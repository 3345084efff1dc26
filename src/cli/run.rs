//! `rosterwatch run`: the daemon, from its settings to its exit code.

use std::process::ExitCode;

use anyhow::Context;
use crossbeam_channel::bounded;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    daemon::{self, Outcome, Settings},
    kafka,
};

/// Alerts were not acknowledged at the shutdown deadline, or something of ours broke.
const INTERNAL: u8 = 70;
/// The brokers did not answer at the start.
const UNAVAILABLE: u8 = 69;
/// The configuration is wrong, credentials and own topics included.
const CONFIGURATION: u8 = 78;

/// Runs the daemon until SIGTERM or SIGINT, or with `until_end` until everything is read.
///
/// # Errors
/// Signals that cannot be listened for.
pub fn serve(settings: Settings, until_end: bool) -> anyhow::Result<ExitCode> {
    let (ask, shutdown) = bounded(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime that listens for signals")?;
    runtime.spawn(async move {
        match (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) {
            (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            },
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "signals cannot be listened for; stopping");
            }
        }
        drop(ask);
    });
    let ended = daemon::run(settings, &shutdown, until_end);
    runtime.shutdown_background();
    Ok(match ended {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Undelivered(_)) => ExitCode::from(INTERNAL),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(exit_code(&error))
        }
    })
}

/// The exit code that tells a supervisor whose fault it is.
fn exit_code(error: &kafka::Error) -> u8 {
    match error {
        kafka::Error::Unreachable { .. } => UNAVAILABLE,
        kafka::Error::Refused { .. }
        | kafka::Error::MissingTopics { .. }
        | kafka::Error::PartitionCount { .. }
        | kafka::Error::Settings(_) => CONFIGURATION,
        kafka::Error::Stalled { .. } | kafka::Error::Failed { .. } => INTERNAL,
    }
}
